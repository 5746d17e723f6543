//! PUBLISH from a client, up to its acknowledgement.

use std::sync::Arc;

use martlet_proto::PeerMisbehaved;
use martlet_proto::connection::Phase;
use martlet_proto::delivery::Arrival;
use martlet_wire::{Ack, PacketId, PacketType, Properties, Property, Publish, QoS, ReasonCode, TopicName};

use crate::clients::SessionId;
use crate::deadlines::Due;
use crate::entry::{Entry, Origin};
use crate::message::{Message, Publication};
use crate::notice::Notice;
use crate::receive::acknowledges;
use crate::refuse::explain;
use crate::{ConnectionId, Engine};

/// How often, in seconds, some of the retained messages are looked at for expired ones.
const RETAINED_SWEEP_SECONDS: u32 = 10;
/// How many retained messages are looked at a time.
const RETAINED_SWEEP_STEPS: usize = 10_000;

impl Engine {
    /// PUBLISH came.
    pub(crate) fn publish(&mut self, id: ConnectionId, publish: &Publish<'_>) -> Result<(), PeerMisbehaved> {
        self.status.publish_received += 1;
        let Some(connection) = self.connections.get_mut(id) else { return Ok(()) };
        let Some(session_id) = connection.session else { return Ok(()) };
        let Some(session) = self.clients.get_mut(session_id) else { return Ok(()) };
        let qos = publish.delivery.qos();
        let features = &self.config.features;
        if qos > features.maximum_qos {
            return Err(PeerMisbehaved::QosNotSupported); // [MQTT-3.2.2-11]
        }
        if publish.retain && !features.retain_available {
            return Err(PeerMisbehaved::RetainNotSupported); // [MQTT-3.2.2-14]
        }
        let mut alias = None;
        let mut expiry_interval = None;
        for property in publish.properties {
            match property {
                Property::TopicAlias(number) => alias = Some(number),
                Property::MessageExpiryInterval(seconds) => expiry_interval = Some(seconds),
                Property::SubscriptionIdentifier(_) => {
                    return Err(PeerMisbehaved::SubscriptionIdentifierInPublish); // [MQTT-3.3.4-6]
                }
                _ => {}
            }
        }
        let maximum = self.config.limits.topic_alias_maximum;
        let topic = connection.protocol.incoming_aliases.resolve(publish.topic, alias, maximum)?;
        // A Topic Name from the alias table is copied, which sets the connection free for what follows.
        let copied: Box<str> = if publish.topic.is_none() { topic.as_str().into() } else { Box::default() };
        let Some(topic) = publish.topic.or_else(|| TopicName::parse(&copied).ok()) else { return Ok(()) };
        let packet_id = publish.delivery.packet_id();
        if let Some(packet_id) = packet_id {
            if qos == QoS::ExactlyOnce {
                match session.state.inbound.publish(packet_id) {
                    Arrival::New => {}
                    Arrival::Repeated => {
                        self.send_ack(id, PacketType::PubRec, Ack::success(packet_id)); // [MQTT-4.3.3-10]
                        return Ok(());
                    }
                    Arrival::Pending => return Ok(()),
                }
            }
            if !connection.protocol.receive_quota.take() {
                let limit = connection.protocol.receive_quota.maximum();
                return Err(PeerMisbehaved::ReceiveMaximumExceeded { limit }); // [MQTT-3.3.4-7]
            }
        }
        let publisher = Arc::clone(&session.client_identifier);
        let kept = kept_properties(&publish.properties, alias.is_some() || expiry_interval.is_some());
        let publication = Publication {
            topic,
            properties: kept.as_deref().map_or(publish.properties, crate::message::section),
            payload: publish.payload,
            qos,
            retain: publish.retain,
            expires_at: expiry_interval.map(|seconds| self.now.plus_seconds(seconds)),
            publisher: &publisher,
            shared: None,
        };
        self.accept(Origin { connection: id, session: session_id, id: packet_id }, publication);
        Ok(())
    }

    /// A message that follows the standard: is it welcome?
    fn accept(&mut self, origin: Origin, mut publication: Publication<'_>) {
        let refusal = self.topic_objection(publication.publisher, publication.topic).or_else(|| {
            let size = publication.topic.as_str().len() + publication.payload.len();
            let is_kept = publication.retain && !publication.payload.is_empty();
            (is_kept && !self.commons.has_room_for(publication.topic.as_str(), size))
                .then_some(ReasonCode::QuotaExceeded)
        });
        if let Some(reason) = refusal {
            self.notice(Notice::PublishRefused {
                client_identifier: publication.publisher.to_owned(),
                topic: publication.topic.as_str().to_owned(),
                reason,
            });
            self.acknowledge(origin, publication.qos, reason);
            return;
        }
        let is_durable = origin.id.is_some();
        if is_durable || self.log.has_waiting(publication.publisher) {
            let message = publication.share();
            self.commit(publication.publisher, Entry::Publish { origin: Some(origin), message }, is_durable);
        } else {
            if publication.retain {
                let message = publication.share();
                self.retain(&message);
            }
            self.route(&mut publication);
        }
    }

    /// A message takes effect: it is retained, routed, and acknowledged.
    pub(crate) fn apply_publish(&mut self, origin: Option<Origin>, message: &Arc<Message>) {
        if message.retain {
            self.retain(message);
        }
        let Some(mut publication) = message.publication() else { return };
        let is_wanted = self.route(&mut publication);
        if let Some(origin) = origin {
            let reason = if is_wanted { ReasonCode::Success } else { ReasonCode::NoMatchingSubscribers };
            self.acknowledge(origin, message.qos, reason);
        }
    }

    /// Keeps a message for later subscribers [MQTT-3.3.1-5].
    fn retain(&mut self, message: &Arc<Message>) {
        self.commons.retain(message);
        if message.expires_at.is_some() && !self.sweeps_retained {
            self.sweeps_retained = true;
            self.deadlines.set(self.now.plus_seconds(RETAINED_SWEEP_SECONDS), Due::RetainedSweep);
        }
    }

    /// Throws some of the expired retained messages out, and comes back while there are any that expire [s3.3.1.3].
    pub(crate) fn sweep_retained(&mut self) {
        self.sweeps_retained =
            self.commons.sweep_retained(&mut self.retained_sweep, self.now, RETAINED_SWEEP_STEPS);
        if self.sweeps_retained {
            self.deadlines.set(self.now.plus_seconds(RETAINED_SWEEP_SECONDS), Due::RetainedSweep);
        }
    }

    /// Sends PUBACK or PUBREC [MQTT-3.3.4-1].
    fn acknowledge(&mut self, origin: Origin, qos: QoS, reason: ReasonCode) {
        let Some(id) = origin.id else { return };
        let Some(session) = self.clients.get_mut(origin.session) else { return };
        // A client before 5.0 cannot be told of a refusal: its message counts as taken over [MQTT311-3.3.5-2].
        let is_v5 = |id| self.connections.get(id).is_some_and(|c| c.protocol.version.has_properties());
        let is_refused = reason.is_error() && is_v5(origin.connection);
        if qos == QoS::ExactlyOnce {
            if is_refused {
                session.state.inbound.refused(id);
            } else {
                session.state.inbound.taken_over(id);
            }
        }
        // A client that reconnected meanwhile repeats a QoS 1 message and gets the PUBACK of the repeat; the repeat of a
        // QoS 2 message is known to be one, so this PUBREC answers it.
        let connection_id = match session.connection {
            Some(current) if qos == QoS::ExactlyOnce || current == origin.connection => current,
            _ => return,
        };
        let Some(connection) = self.connections.get_mut(connection_id) else { return };
        if connection.protocol.phase != Phase::Open {
            return; // the client repeats the PUBLISH, and is answered then
        }
        if qos == QoS::AtLeastOnce || is_refused {
            connection.protocol.receive_quota.give_back();
        }
        let text = explain(reason).map(Property::ReasonString);
        let mut ack = Ack { id, reason, properties: Properties::list(text.as_slice()) };
        let is_told = self.connections.get(connection_id).is_some_and(|connection| {
            let len = ack.encoded_len(connection.protocol.version);
            self.may_explain(connection) && len.is_ok_and(|len| connection.protocol.fits(len))
        });
        if !is_told {
            ack.properties = Properties::EMPTY; // [MQTT-3.4.2-2] [MQTT-3.5.2-2]
        }
        self.send_ack(connection_id, acknowledges(qos), ack);
    }

    /// PUBREL came: the identifier is free again once that is durable.
    pub(crate) fn pubrel(&mut self, id: ConnectionId, ack: Ack<'_>) {
        let Some(session_id) = self.connections.get(id).and_then(|connection| connection.session) else {
            return;
        };
        let Some(session) = self.clients.get(session_id) else { return };
        let (name, is_durable) = (Arc::clone(&session.client_identifier), session.is_durable());
        self.commit(&name, Entry::Release { connection: id, session: session_id, id: ack.id }, is_durable);
    }

    /// PUBCOMP goes out [MQTT-4.3.3-11].
    pub(crate) fn apply_release(&mut self, id: ConnectionId, session: SessionId, packet_id: PacketId) {
        let is_known =
            self.clients.get_mut(session).is_some_and(|session| session.state.inbound.release(packet_id));
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.session != Some(session) {
            return;
        }
        if is_known {
            connection.protocol.receive_quota.give_back();
        }
        let reason = if is_known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
        self.send_ack(id, PacketType::PubComp, Ack { id: packet_id, reason, properties: Properties::EMPTY });
    }
}

/// The properties that go with the message to its receivers, where that is not all of them: Topic Alias belongs to the
/// connection, and Message Expiry Interval is counted down.
fn kept_properties(properties: &Properties<'_>, has_others: bool) -> Option<Vec<u8>> {
    if !has_others {
        return None;
    }
    let mut section = Vec::new();
    for property in properties {
        if !matches!(property, Property::TopicAlias(_) | Property::MessageExpiryInterval(_)) {
            property.encode(&mut section);
        }
    }
    Some(section)
}
