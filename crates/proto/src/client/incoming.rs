//! From the server to the application.

use martlet_wire::{
    Ack, ConnAck, Packet, PacketId, PacketType, Properties, Property, Publish, QoS, ReasonCode,
};

use super::event::{Event, Incoming};
use super::{Client, section_of};
use crate::delivery::Arrival;
use crate::error::PeerMisbehaved;

impl<T> Client<T> {
    pub(super) fn take_bytes(&mut self, bytes: &[u8]) {
        let mut received = core::mem::take(&mut self.received);
        received.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(connection) = &self.connection {
            match connection.first_packet(&received[at..]) {
                Ok(Some(len)) => {
                    if let Err(misbehaved) = self.take_packet(&received[at..at + len]) {
                        return self.fail(misbehaved);
                    }
                    at += len;
                }
                Ok(None) => break,
                Err(misbehaved) => return self.fail(misbehaved),
            }
        }
        if self.connection.is_some() {
            received.drain(..at);
            self.received = received;
        }
    }

    /// Says that a message was taken over: PUBACK or PUBREC goes out, in the order of the messages [MQTT-4.6.0-2]
    /// [MQTT-4.6.0-3]. A message of an earlier connection is ignored: it comes again.
    pub fn acknowledge(&mut self, id: PacketId) {
        if let Some(entry) = self.unacknowledged.iter_mut().find(|(other, ..)| *other == id) {
            entry.2 = true;
        }
        while let Some(&(id, qos, true)) = self.unacknowledged.front() {
            self.unacknowledged.pop_front();
            if qos == QoS::ExactlyOnce {
                self.session.inbound.taken_over(id);
                self.send(&Packet::PubRec(Ack::success(id)));
            } else {
                if let Some(connection) = &mut self.connection {
                    connection.receive_quota.give_back();
                }
                self.send(&Packet::PubAck(Ack::success(id)));
            }
        }
    }

    fn take_packet(&mut self, bytes: &[u8]) -> Result<(), PeerMisbehaved> {
        let Some(connection) = &self.connection else { return Ok(()) };
        match connection.decode(bytes)? {
            Packet::ConnAck(connack) => self.connack(&connack),
            Packet::Publish(publish) => self.message(&publish)?,
            Packet::PubAck(ack) => self.acknowledged(PacketType::PubAck, ack),
            Packet::PubRec(ack) => self.acknowledged(PacketType::PubRec, ack),
            Packet::PubComp(ack) => self.acknowledged(PacketType::PubComp, ack),
            Packet::PubRel(ack) => self.released(ack.id),
            Packet::SubAck(suback) => self.answered(suback.id, suback.codes.iter().collect()),
            Packet::UnsubAck(unsuback) => self.answered(unsuback.id, unsuback.codes.iter().collect()),
            Packet::PingResp => self.pinged_at = None,
            Packet::Auth(auth) => {
                let properties = section_of(auth.properties);
                self.events.push_back(Event::Auth { reason: auth.reason, properties });
            }
            Packet::Disconnect(disconnect) => {
                let properties = section_of(disconnect.properties);
                self.events.push_back(Event::Disconnected { reason: disconnect.reason, properties });
                self.closed();
            }
            other => return Err(PeerMisbehaved::UnexpectedPacket(other.packet_type())),
        }
        Ok(())
    }

    fn connack(&mut self, connack: &ConnAck<'_>) {
        let Some(connection) = &mut self.connection else { return };
        connection.connack(
            connack,
            self.settings.inflight_messages_max,
            self.settings.topic_alias_maximum_outgoing,
        );
        self.events.push_back(Event::ConnAck {
            reason: connack.reason,
            session_present: connack.session_present,
            properties: section_of(connack.properties),
        });
        if connack.reason != ReasonCode::Success {
            self.closed();
            return;
        }
        if connack.session_present {
            self.session.outbound.restart(); // [MQTT-4.4.0-1]
        } else {
            self.begin_anew();
        }
        self.pump();
    }

    fn message(&mut self, publish: &Publish<'_>) -> Result<(), PeerMisbehaved> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let alias = publish.properties.topic_alias();
        let maximum = connection.topic_alias_maximum;
        let topic = connection.incoming_aliases.resolve(publish.topic, alias, maximum)?.as_str().into();
        let qos = publish.delivery.qos();
        let id = publish.delivery.packet_id();
        if let Some(id) = id {
            if qos == QoS::ExactlyOnce {
                match self.session.inbound.publish(id) {
                    // Handed over before: the application saw it [MQTT-4.3.3-10].
                    Arrival::Repeated => {
                        self.send(&Packet::PubRec(Ack::success(id)));
                        return Ok(());
                    }
                    Arrival::Pending if self.unacknowledged.iter().any(|(other, ..)| *other == id) => {
                        return Ok(());
                    }
                    // Also what an earlier connection handed over, and the application did not acknowledge.
                    Arrival::New | Arrival::Pending => {}
                }
            }
            if !connection.receive_quota.take() {
                return Err(PeerMisbehaved::ReceiveMaximumExceeded {
                    limit: connection.receive_quota.maximum(),
                });
            }
            self.unacknowledged.push_back((id, qos, false));
        }
        let mut properties = alloc::vec::Vec::new();
        for property in publish.properties {
            if !matches!(property, Property::TopicAlias(_)) {
                property.encode(&mut properties);
            }
        }
        self.events.push_back(Event::Message(Incoming {
            topic,
            payload: publish.payload.into(),
            qos,
            retain: publish.retain,
            dup: publish.delivery.dup(),
            id,
            properties: properties.into(),
        }));
        if let Some(id) = id
            && self.settings.acknowledges_itself
        {
            self.acknowledge(id);
        }
        Ok(())
    }

    fn released(&mut self, id: PacketId) {
        let is_known = self.session.inbound.release(id);
        if is_known && let Some(connection) = &mut self.connection {
            connection.receive_quota.give_back();
        }
        let reason = if is_known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
        self.send(&Packet::PubComp(Ack { id, reason, properties: Properties::EMPTY }));
    }

    fn answered(&mut self, id: PacketId, codes: alloc::vec::Vec<ReasonCode>) {
        if let Some(token) = self.requests.remove(&id) {
            self.events.push_back(Event::Answered { token, codes });
        }
    }
}
