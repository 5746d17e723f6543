//! PUBLISH from a client, up to its acknowledgement.

use std::borrow::Cow;
use std::sync::Arc;

use martlet_proto::PeerMisbehaved;
use martlet_proto::delivery::Arrival;
use martlet_wire::{Ack, PacketId, PacketType, Properties, Property, Publish, QoS, ReasonCode, TopicName};

use crate::clients::SessionId;
use crate::control::is_control;
use crate::deadlines::Due;
use crate::message::{Message, Publication};
use crate::mount;
use crate::notice::{Cause, Notice};
use crate::own::is_of_this_run;
use crate::receive::acknowledges;
use crate::records::Record;
use crate::refuse::explain;
use crate::{Client, ConnectionId, Engine};

/// How often, in seconds, some of the retained messages are looked at for expired ones.
const RETAINED_SWEEP_SECONDS: u32 = 10;
/// How many retained messages are looked at a time.
const RETAINED_SWEEP_STEPS: usize = 10_000;

/// Where a published message comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) connection: ConnectionId,
    pub(crate) session: SessionId,
    /// The Packet Identifier to be acknowledged; QoS 0 has none.
    pub(crate) id: Option<PacketId>,
}

impl Engine {
    /// PUBLISH came.
    pub(crate) fn publish(&mut self, id: ConnectionId, publish: &Publish<'_>) -> Result<(), PeerMisbehaved> {
        self.status.count_publish(publish.payload.len());
        let Some(connection) = self.connections.get_mut(id) else { return Ok(()) };
        let Some(session_id) = connection.session else { return Ok(()) };
        let qos = publish.delivery.qos();
        let listener = connection.peer.listener;
        if qos > self.config.maximum_qos(listener) {
            return Err(PeerMisbehaved::QosNotSupported); // [MQTT-3.2.2-11]
        }
        if publish.retain && !self.config.features.retain_available {
            return Err(PeerMisbehaved::RetainNotSupported); // [MQTT-3.2.2-14]
        }
        let mut alias = None;
        let (mut names_expiry, mut expiry_interval) = (false, None);
        for property in publish.properties {
            match property {
                Property::TopicAlias(number) => alias = Some(number),
                Property::MessageExpiryInterval(seconds) => {
                    names_expiry = true;
                    expiry_interval = self.config.expiry_interval(seconds);
                }
                Property::SubscriptionIdentifier(_) => {
                    return Err(PeerMisbehaved::SubscriptionIdentifierInPublish); // [MQTT-3.3.4-6]
                }
                _ => {}
            }
        }
        let maximum = self.config.topic_alias_maximum(listener);
        let topic = connection.protocol.incoming_aliases.resolve(publish.topic, alias, maximum)?;
        // A Topic Name from the alias table is copied, which sets the connection free for what follows.
        let copied: Box<str> = if publish.topic.is_none() { topic.as_str().into() } else { Box::default() };
        let Some(topic) = publish.topic.or_else(|| TopicName::parse(&copied).ok()) else { return Ok(()) };
        let whole = mount::whole(self.config.mount_point(listener), topic);
        self.config.check_levels(&whole)?;
        if !self.is_new(id, publish, &whole)? {
            return Ok(());
        }
        let Some(session) = self.clients.get(session_id) else { return Ok(()) };
        let (name, user) = (Arc::clone(&session.client_identifier), session.user_name.clone());
        let publisher =
            Client { client_identifier: &name, user_name: user.as_deref(), listener: session.listener };
        let origin = Origin { connection: id, session: session_id, id: publish.delivery.packet_id() };
        // What has no prefix was checked when it came in.
        let is_checked = matches!(whole, Cow::Borrowed(_));
        let Ok(topic) = (if is_checked { Ok(topic) } else { TopicName::parse(&whole) }) else {
            self.turn_down_overlong(origin, publish, &name, &whole);
            return Ok(());
        };
        let kept = kept_properties(&publish.properties, alias.is_some() || names_expiry);
        let publication = Publication {
            topic,
            properties: kept.as_deref().map_or(publish.properties, crate::message::section),
            payload: publish.payload,
            qos,
            retain: publish.retain,
            expires_at: expiry_interval.map(|seconds| self.now.plus_seconds(seconds)),
            publisher,
            shared: None,
            record: None,
        };
        self.trace_publish(id, false, publish.delivery, publish.retain, &publication);
        self.accept(origin, publication);
        Ok(())
    }

    /// Whether a PUBLISH is none that came before under its identifier. A repeat is answered here.
    fn is_new(
        &mut self,
        id: ConnectionId,
        publish: &Publish<'_>,
        topic: &str,
    ) -> Result<bool, PeerMisbehaved> {
        let Some(packet_id) = publish.delivery.packet_id() else { return Ok(true) };
        let theirs = self.config.features.mosquitto_behaviour;
        let Some(connection) = self.connections.get_mut(id) else { return Ok(false) };
        let session = connection.session.and_then(|session| self.clients.get_mut(session));
        let Some(session) = session else { return Ok(false) };
        if publish.delivery.qos() == QoS::ExactlyOnce {
            // Another message under the identifier of one that has not taken effect takes its place, as in Mosquitto.
            let is_other = |it: &Arc<Message>| *it.topic != *topic || *it.payload != *publish.payload;
            match session.state.inbound.publish(packet_id) {
                Arrival::New => {}
                Arrival::Repeated if session.unreleased.get(packet_id).is_some_and(is_other) => {
                    connection.repeated.remove(&packet_id);
                    return Ok(true);
                }
                Arrival::Repeated if theirs && !connection.repeated.insert(packet_id) => {
                    return Err(PeerMisbehaved::PublishRepeated);
                }
                Arrival::Repeated => {
                    self.hold(id); // it may be that the message is not durable yet
                    self.send_ack(id, PacketType::PubRec, Ack::success(packet_id)); // [MQTT-4.3.3-10]
                    return Ok(false);
                }
                Arrival::Pending => return Ok(false),
            }
        }
        if !connection.protocol.receive_quota.take() {
            let limit = connection.protocol.receive_quota.maximum();
            return Err(PeerMisbehaved::ReceiveMaximumExceeded { limit }); // [MQTT-3.3.4-7]
        }
        Ok(true)
    }

    /// A message that follows the standard: is it welcome?
    fn accept(&mut self, origin: Origin, mut publication: Publication<'_>) {
        if is_control(publication.topic) {
            self.control(origin, &publication);
            return;
        }
        if origin.id.is_some() && self.has_to_wait(origin, &publication) {
            self.put_off(origin, publication.qos);
            return;
        }
        let refusal = self.payload_objection(publication.payload);
        let refusal = refusal.or_else(|| self.refusal_of_publish(&publication));
        let refusal = refusal.or_else(|| {
            let size = publication.topic.as_str().len() + publication.payload.len();
            let is_kept = publication.retain && !publication.payload.is_empty();
            let has_room =
                !self.memory_is_short && self.commons.has_room_for(publication.topic.as_str(), size);
            (is_kept && !has_room).then_some(ReasonCode::QuotaExceeded)
        });
        if let Some(reason) = refusal {
            self.turn_down(origin, &publication, reason);
            return;
        }
        if publication.qos == QoS::ExactlyOnce && self.config.features.exactly_once_at_release {
            self.take_over(origin, publication);
            return;
        }
        let mark = self.journal.mark();
        self.begin_exactly_once(origin.session, publication.qos);
        let is_wanted = self.take_effect(&mut publication);
        if let Some(id) = origin.id
            && publication.qos == QoS::ExactlyOnce
        {
            self.record(origin.session, |session| Record::TakenOver { session, id });
        }
        self.hold_if_written(origin.connection, mark); // [MQTT-4.3.2-4] [MQTT-4.3.3-8]
        if origin.id.is_some() {
            // PUBREC may tell it too, but Mosquitto tells it in PUBACK alone.
            let tells_more = !is_wanted && publication.qos == QoS::AtLeastOnce;
            let reason = if tells_more { ReasonCode::NoMatchingSubscribers } else { ReasonCode::Success };
            self.acknowledge(origin, publication.qos, reason);
        }
    }

    /// What speaks against this message on this topic by this client.
    pub(crate) fn refusal_of_publish(&mut self, publication: &Publication<'_>) -> Option<ReasonCode> {
        self.topic_objection(publication.topic).or_else(|| {
            let may = self.access.publish(publication.publisher, publication.topic);
            (!may).then_some(ReasonCode::NotAuthorized)
        })
    }

    /// With its mount point in front a Topic Name is too long to be one.
    fn turn_down_overlong(&mut self, origin: Origin, publish: &Publish<'_>, name: &str, topic: &str) {
        let (qos, reason) = (publish.delivery.qos(), ReasonCode::TopicNameInvalid);
        self.notice(Notice::PublishRefused {
            client_identifier: name.to_owned(),
            topic: topic.to_owned(),
            qos,
            retain: publish.retain,
            packet_id: origin.id,
            payload_bytes: publish.payload.len(),
            reason,
        });
        self.acknowledge(origin, qos, reason);
    }

    /// A message is not welcome: its publisher is told, where there is a way.
    pub(crate) fn turn_down(&mut self, origin: Origin, publication: &Publication<'_>, reason: ReasonCode) {
        self.notice_refused(origin.id, publication, reason);
        self.acknowledge(origin, publication.qos, reason);
    }

    pub(crate) fn notice_refused(
        &mut self,
        id: Option<PacketId>,
        publication: &Publication<'_>,
        reason: ReasonCode,
    ) {
        self.notice(Notice::PublishRefused {
            client_identifier: publication.publisher.client_identifier.to_owned(),
            topic: publication.topic.as_str().to_owned(),
            qos: publication.qos,
            retain: publication.retain,
            packet_id: id,
            payload_bytes: publication.payload.len(),
            reason,
        });
    }

    /// What speaks against the payload of a PUBLISH.
    fn payload_objection(&self, payload: &[u8]) -> Option<ReasonCode> {
        let theirs = self.config.features.mosquitto_behaviour;
        let reason = if theirs { ReasonCode::PacketTooLarge } else { ReasonCode::QuotaExceeded };
        (payload.len() > self.config.limits.payload_bytes_max).then_some(reason)
    }

    /// A QoS 2 message is taken over, and takes effect when its PUBREL comes.
    fn take_over(&mut self, origin: Origin, mut publication: Publication<'_>) {
        let message = publication.share();
        let limits = &self.config.limits;
        let (Some(id), Some(session)) = (origin.id, self.clients.get_mut(origin.session)) else { return };
        if !session.unreleased.has_room(message.size(), limits.queued_messages_max, limits.queued_bytes_max) {
            self.put_off(origin, publication.qos);
            return;
        }
        session.unreleased.insert(id, message);
        let mark = self.journal.mark();
        if session.record.is_some() {
            let message = self.record_message(&mut publication);
            self.record(origin.session, |session| Record::Stored { session, id, message });
        }
        self.hold_if_written(origin.connection, mark);
        self.acknowledge(origin, publication.qos, ReasonCode::Success);
    }

    /// A crash lets a QoS 2 message come again that the log does not have: its way to other shards waits for that.
    pub(crate) fn begin_exactly_once(&mut self, session: SessionId, qos: QoS) {
        let survives = self.clients.get(session).is_some_and(|session| session.record.is_some());
        if qos == QoS::ExactlyOnce && survives {
            self.journal.begin_batch(self.now);
        }
    }

    /// Whether a message has to come again, since there is no memory for it or the log cannot be written to now, or was not for
    /// one before it.
    fn has_to_wait(&mut self, origin: Origin, publication: &Publication<'_>) -> bool {
        let puts_off = self.connections.get(origin.connection).is_some_and(|it| it.puts_off);
        let clears = publication.retain && publication.payload.is_empty();
        puts_off
            || (self.memory_is_short && !clears)
            || (self.journal.is_stalled() && self.needs_log(origin.session, publication))
            || self.has_no_room_behind(publication.publisher.client_identifier)
    }

    /// Whether a message may not be acknowledged before the log has it.
    fn needs_log(&mut self, session: SessionId, publication: &Publication<'_>) -> bool {
        let survives =
            |session: &SessionId| self.clients.get(*session).is_some_and(|session| session.record.is_some());
        publication.retain
            || self.is_certificate(publication.topic)
            || (publication.qos == QoS::ExactlyOnce && survives(&session))
            || self.is_wanted_for_good(publication.topic.as_str())
    }

    /// The log cannot be written to, or there is no memory: a client of 5.0 is told to try again, an earlier one gets no acknowledgement. It is closed
    /// once there may be room [MQTT311-4.8.0-2], and repeats the message and all that came behind it.
    pub(crate) fn put_off(&mut self, origin: Origin, qos: QoS) {
        let is_v5 =
            self.connections.get(origin.connection).is_some_and(|it| it.protocol.version.has_properties());
        if is_v5 {
            self.acknowledge(origin, qos, ReasonCode::QuotaExceeded);
        } else if let (Some(id), Some(session)) = (origin.id, self.clients.get_mut(origin.session)) {
            session.state.inbound.refused(id);
            if let Some(connection) = self.connections.get_mut(origin.connection) {
                connection.protocol.receive_quota.give_back();
                if !core::mem::replace(&mut connection.puts_off, true) {
                    self.put_off.push((origin.connection, self.journal.pending()));
                }
            }
        }
        self.status.put_off += 1;
    }

    /// The log cannot be written to, so that a crash would let the message of this PUBREL take effect again: it gets no answer.
    /// The client is closed once there may be room, and repeats it.
    fn put_off_release(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id)
            && !core::mem::replace(&mut connection.puts_off_releases, true)
        {
            self.put_off.push((id, self.journal.pending()));
        }
        self.status.put_off += 1;
    }

    /// Closes the clients that wait for an acknowledgement in vain, unless their messages could not be taken now either, or
    /// they have yet to get those of messages before.
    pub(crate) fn close_put_off(&mut self) {
        if self.memory_is_short || self.journal.is_stalled() || self.put_off.is_empty() {
            return;
        }
        let (over, waiting): (Vec<_>, Vec<_>) = core::mem::take(&mut self.put_off)
            .into_iter()
            .partition(|(_, batch)| batch.is_none_or(|batch| self.journal.is_durable(batch)));
        self.put_off = waiting;
        for (id, _) in over {
            let farewell = self.disconnect_packet(id, ReasonCode::ServerBusy, None);
            self.end_connection(id, Cause::Broker(ReasonCode::ServerBusy), farewell);
        }
    }

    /// A message takes effect: it is retained and routed. Tells whether anyone wants it.
    pub(crate) fn take_effect(&mut self, publication: &mut Publication<'_>) -> bool {
        let mut upgraded;
        let publication = if self.config.features.upgrade_outgoing_qos && !self.journal.is_stalled() {
            // The highest QoS, so that the subscription alone decides.
            upgraded = Publication { qos: QoS::ExactlyOnce, shared: None, ..publication.clone() };
            &mut upgraded
        } else {
            publication
        };
        if publication.retain {
            self.retain(publication);
        }
        let is_wanted = self.route(publication);
        if self.is_certificate(publication.topic) {
            self.keep_certificate(publication);
        }
        is_wanted
    }

    /// Keeps a message for later subscribers [MQTT-3.3.1-5]; an empty payload deletes the one that is there
    /// [MQTT-3.3.1-6] [MQTT-3.3.1-7].
    fn retain(&mut self, publication: &mut Publication<'_>) {
        let is_passing = is_of_this_run(publication.topic.as_str());
        let is_left_out = is_passing || (self.journal.is_stalled() && publication.qos == QoS::AtMostOnce);
        if is_left_out && !is_passing {
            self.journal.leave_out();
        }
        if publication.payload.is_empty() {
            let topic = publication.topic.as_str();
            let stamp = self.commons.clear_retained(self.now, self.shard.0, topic);
            if !is_left_out {
                self.journal.write(self.now, &Record::Cleared { stamp, topic });
            }
            return;
        }
        let stamp = self.commons.retain(self.now, self.shard.0, &publication.share());
        if self.journal.is_on() && !is_left_out {
            let message = self.record_message(publication);
            self.journal.write(self.now, &Record::Retained { stamp, message });
        }
        if publication.expires_at.is_some() && !self.sweeps_retained {
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
    pub(crate) fn acknowledge(&mut self, origin: Origin, qos: QoS, reason: ReasonCode) {
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
        let connection_id = origin.connection;
        let Some(connection) = self.connections.get_mut(connection_id) else { return };
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

    /// PUBREL came: the identifier is free again, and PUBCOMP goes out [MQTT-4.3.3-11].
    pub(crate) fn pubrel(&mut self, id: ConnectionId, ack: Ack<'_>) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Some(session_id) = connection.session else { return };
        let Some(session) = self.clients.get_mut(session_id) else { return };
        let may_come_again = self.journal.is_stalled() && session.record.is_some();
        if (connection.puts_off_releases || may_come_again) && session.unreleased.get(ack.id).is_some() {
            self.put_off_release(id);
            return;
        }
        let is_known = session.state.inbound.release(ack.id);
        connection.repeated.remove(&ack.id);
        let stored = session.unreleased.take(ack.id);
        if is_known {
            connection.protocol.receive_quota.give_back();
        }
        let mark = self.journal.mark();
        if let Some(mut publication) = stored.as_ref().and_then(Message::publication) {
            self.begin_exactly_once(session_id, publication.qos);
            self.take_effect(&mut publication);
        }
        if is_known {
            self.record(session_id, |session| Record::Released { session, id: ack.id });
        }
        if self.clients.get(session_id).is_some_and(|session| session.record.is_some()) {
            self.hold(id);
        }
        self.hold_if_written(id, mark);
        let is_success = is_known || self.config.features.mosquitto_behaviour;
        let reason = if is_success { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
        self.send_ack(id, PacketType::PubComp, Ack { id: ack.id, reason, properties: Properties::EMPTY });
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
