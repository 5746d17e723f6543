//! From the server to the application.

use martlet_wire::{
    Ack, ConnAck, Delivery, Packet, PacketId, PacketType, Properties, Property, Publish, QoS, ReasonCode,
};

use super::event::{Event, Incoming, Receipt};
use super::stored::SessionChange;
use super::{Client, section_of};
use crate::delivery::{Arrival, Inbound};
use crate::error::PeerMisbehaved;

/// A message that was handed over, and is not acknowledged towards the server.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) receipt: Receipt,
    pub(super) id: PacketId,
    qos: QoS,
    is_acknowledged: bool,
    /// Whether the application let go of it without acknowledging it.
    pub(super) is_abandoned: bool,
}

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
    /// [MQTT-4.6.0-3].
    ///
    /// A message of an earlier connection is answered when the server sends it again; it is not handed over twice.
    pub fn acknowledge(&mut self, receipt: Receipt) {
        let is_first = self.unacknowledged.front().is_some_and(|held| held.receipt == receipt);
        let Some(held) = self.held(receipt).filter(|held| !held.is_acknowledged) else { return };
        held.is_acknowledged = true;
        let (id, qos) = (held.id, held.qos);
        if is_first {
            self.send_acknowledgements();
        } else if qos == QoS::ExactlyOnce {
            self.changed(SessionChange::IncomingAcknowledged { id });
        }
    }

    /// Says that the application let go of a message without taking it over: it is not acknowledged, and is handed over
    /// again when a later connection brings it again.
    pub fn abandon(&mut self, receipt: Receipt) {
        if let Some(held) = self.held(receipt) {
            held.is_abandoned = true;
            self.earlier.retain(|_, held| !held.is_abandoned);
        }
    }

    fn held(&mut self, receipt: Receipt) -> Option<&mut Held> {
        let mut all = self.unacknowledged.iter_mut().chain(self.earlier.values_mut());
        all.find(|held| held.receipt == receipt)
    }

    fn send_acknowledgements(&mut self) {
        while let Some(held) = self.unacknowledged.pop_front_if(|held| held.is_acknowledged) {
            let id = held.id;
            if held.qos == QoS::ExactlyOnce {
                self.session.inbound.taken_over(id);
                self.changed(SessionChange::IncomingReceived { id });
                self.send(&Packet::PubRec(Ack::success(id)));
            } else {
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
        let mut receipt = None;
        if let Some(id) = publish.delivery.packet_id() {
            receipt = self.hold(id, publish.delivery);
            if receipt.is_none() {
                return Ok(()); // the application has it
            }
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
            qos: publish.delivery.qos(),
            retain: publish.retain,
            dup: publish.delivery.dup(),
            id: publish.delivery.packet_id(),
            receipt,
            properties: properties.into(),
            topic_alias: alias,
        }));
        if let Some(receipt) = receipt
            && self.settings.acknowledges_itself
        {
            self.acknowledge(receipt);
        }
        Ok(())
    }

    /// Takes a QoS 1 or 2 message up; tells its receipt, or `None` if the application has it and it is not to be handed
    /// over again.
    ///
    /// Whether the server keeps to Receive Maximum is not looked at. The standard has the client end a connection on which
    /// it does not (3.3.4), but widespread servers overrun a slow client, and do so again on the next connection.
    fn hold(&mut self, id: PacketId, delivery: Delivery) -> Option<Receipt> {
        let qos = delivery.qos();
        if qos == QoS::ExactlyOnce {
            match self.session.inbound.publish(id) {
                // Handed over before: the application saw it [MQTT-4.3.3-10].
                Arrival::Repeated => {
                    self.send(&Packet::PubRec(Ack::success(id)));
                    return None;
                }
                Arrival::Pending if self.unacknowledged.iter().any(|held| held.id == id) => return None,
                Arrival::New | Arrival::Pending => {}
            }
        }
        if let Some(held) = self.earlier.remove(&id) {
            // A repeat of what an earlier connection brought, and the application still has or has acknowledged since.
            if held.qos == qos && delivery.dup() {
                self.unacknowledged.push_back(held);
                self.send_acknowledgements();
                return None;
            }
            if held.qos == QoS::ExactlyOnce && held.is_acknowledged {
                self.changed(SessionChange::IncomingReleased { id }); // the server gave it up
            }
        }
        self.last_receipt = self.last_receipt.next();
        let receipt = self.last_receipt;
        self.unacknowledged.push_back(Held { receipt, id, qos, is_acknowledged: false, is_abandoned: false });
        Some(receipt)
    }

    fn released(&mut self, id: PacketId) {
        let is_known = self.session.inbound.release(id);
        if is_known {
            self.changed(SessionChange::IncomingReleased { id });
        }
        let reason = if is_known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
        self.send(&Packet::PubComp(Ack { id, reason, properties: Properties::EMPTY }));
    }

    /// Takes up that an earlier process acknowledged a message of QoS 2.
    pub(super) fn restore_received(&mut self, id: PacketId, is_received: bool) {
        if is_received {
            return self.session.inbound.restore(id);
        }
        self.last_receipt = self.last_receipt.next();
        let (receipt, qos) = (self.last_receipt, QoS::ExactlyOnce);
        self.earlier.insert(id, Held { receipt, id, qos, is_acknowledged: true, is_abandoned: false });
    }

    /// The Session of the server is another one than before.
    pub(super) fn forget_incoming(&mut self) {
        if !self.session.inbound.is_empty() || !self.earlier.is_empty() {
            self.changed(SessionChange::IncomingLost);
        }
        self.session.inbound = Inbound::default();
        self.earlier.clear();
    }

    fn answered(&mut self, id: PacketId, codes: alloc::vec::Vec<ReasonCode>) {
        if let Some((_, token)) = self.requests.remove(&id) {
            self.events.push_back(Event::Answered { token, codes });
        }
    }
}
