//! From the application to the server.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;

use martlet_wire::{
    Ack, Auth, Delivery, Packet, PacketId, PacketType, Properties, Property, PropertyOwner, Publish, QoS,
    ReasonCode, Subscribe, SubscribeRequests, TopicFilters, TopicName, Unsubscribe,
};

use super::event::{Event, Failure, Outgoing, PublishError};
use super::{Client, section_of};
use crate::alias::OutgoingTopic;
use crate::connection::ClientConnection;
use crate::delivery::{Acknowledgement, Resend};

/// A message on its way to the server, kept until that is finished.
pub(super) type Sending = Arc<Kept>;

/// What it takes to send a message again.
#[derive(Debug)]
pub(super) struct Kept {
    topic: Box<str>,
    payload: Box<[u8]>,
    properties: Box<[u8]>,
    qos: QoS,
    retain: bool,
}

impl Kept {
    fn packet(&self, delivery: Delivery) -> Option<Publish<'_>> {
        let owner = PropertyOwner::Packet(PacketType::Publish);
        Some(Publish {
            topic: Some(TopicName::parse(&self.topic).ok()?),
            delivery,
            retain: self.retain,
            properties: Properties::from_section(owner, &self.properties).unwrap_or(Properties::EMPTY),
            payload: &self.payload,
        })
    }
}

impl<T> Client<T> {
    /// Publishes a message: at once where connection and quota allow, else as soon as they do.
    ///
    /// An [`Event::Published`] or [`Event::Unpublished`] with the token tells the end. How many may wait is for the owner
    /// to bound: see [`Client::unfinished_publishes`].
    pub fn publish(&mut self, message: &Outgoing<'_>, token: T) {
        let kept = Arc::new(Kept {
            topic: message.topic.as_str().into(),
            payload: message.payload.into(),
            properties: section_of(message.properties),
            qos: message.qos,
            retain: message.retain,
        });
        self.waiting.push_back((kept, token));
        self.pump();
    }

    /// Subscribes. [`Event::Answered`] tells the codes.
    ///
    /// # Errors
    /// The token comes back with the reason.
    pub fn subscribe(
        &mut self,
        requests: SubscribeRequests<'_>,
        properties: Properties<'_>,
        token: T,
    ) -> Result<PacketId, (Failure, T)> {
        self.request(|id| Packet::Subscribe(Subscribe { id, properties, requests }), token)
    }

    /// Unsubscribes. [`Event::Answered`] tells the codes.
    ///
    /// # Errors
    /// The token comes back with the reason.
    pub fn unsubscribe(
        &mut self,
        filters: TopicFilters<'_>,
        properties: Properties<'_>,
        token: T,
    ) -> Result<PacketId, (Failure, T)> {
        self.request(|id| Packet::Unsubscribe(Unsubscribe { id, properties, filters }), token)
    }

    /// Sends AUTH.
    pub fn authenticate(&mut self, reason: ReasonCode, properties: Properties<'_>) {
        self.send(&Packet::Auth(Auth { reason, properties }));
    }

    fn request<'a>(
        &mut self,
        packet: impl FnOnce(PacketId) -> Packet<'a>,
        token: T,
    ) -> Result<PacketId, (Failure, T)> {
        let Some(connection) = self.connection.as_ref().filter(|connection| connection.is_open) else {
            return Err((Failure::NotConnected, token));
        };
        let requests = &self.requests;
        let Some(id) = self.session.outbound.next_id(|id| requests.contains_key(&id)) else {
            return Err((Failure::NoPacketIdentifier, token));
        };
        let packet = packet(id);
        let fits = packet.encoded_len(connection.version).is_ok_and(|len| connection.fits(len));
        if !fits || packet.encode(connection.version, &mut self.out).is_err() {
            return Err((Failure::Unsendable, token));
        }
        self.last_request += 1;
        self.requests.insert(id, (self.last_request, token));
        Ok(id)
    }

    /// The server kept nothing of the Session: what was begun and not finished is published anew [MQTT-3.2.2-5].
    pub(super) fn begin_anew(&mut self) {
        let mut again = VecDeque::new();
        let mut outbound = core::mem::take(&mut self.session).outbound;
        outbound.restart();
        self.earlier.clear();
        while let Some(resend) = outbound.next_resend() {
            match resend {
                Resend::Publish(id, _, kept) => {
                    again.extend(self.publishes.remove(&id).map(|token| (kept, token)));
                }
                Resend::PubRel(id) => self.published(id, ReasonCode::Success, Properties::EMPTY),
            }
        }
        for (id, token) in core::mem::take(&mut self.publishes) {
            self.events.push_back(published(token, Some(id)));
        }
        again.append(&mut self.waiting);
        self.waiting = again;
    }

    /// Sends what can be sent.
    pub(super) fn pump(&mut self) {
        while self.resend_one() || self.send_one() {}
    }

    fn resend_one(&mut self) -> bool {
        let Some(connection) = self.connection.as_mut().filter(|connection| connection.is_open) else {
            return false;
        };
        let outbound = &mut self.session.outbound;
        let has_quota = outbound.in_flight() < usize::from(connection.inflight_messages_max);
        if !outbound.has_resends() || outbound.resends_publish() && !has_quota {
            return false;
        }
        match outbound.next_resend() {
            Some(Resend::Publish(id, qos, kept)) => {
                if let Some(packet) = kept.packet(Delivery::new(qos, true, id)) {
                    self.send(&Packet::Publish(packet));
                }
            }
            Some(Resend::PubRel(id)) => self.send(&Packet::PubRel(Ack::success(id))),
            None => {}
        }
        true
    }

    fn send_one(&mut self) -> bool {
        let Some(connection) = self.connection.as_mut().filter(|connection| connection.is_open) else {
            return false;
        };
        if self.session.outbound.has_resends() {
            return false;
        }
        let Some((kept, _)) = self.waiting.front() else { return false };
        let has_quota = self.session.outbound.in_flight() < usize::from(connection.inflight_messages_max);
        if kept.qos > QoS::AtMostOnce && (!has_quota || self.session.outbound.is_exhausted()) {
            return false; // later QoS 0 messages wait too: order of the application
        }
        let Some((kept, token)) = self.waiting.pop_front() else { return false };
        if let Err(error) = check(connection, &kept) {
            self.events.push_back(Event::Unpublished { token, error });
            return true;
        }
        let requests = &self.requests;
        let id = if kept.qos == QoS::AtMostOnce {
            None
        } else {
            let pushed = self
                .session
                .outbound
                .push_beside(kept.qos, Arc::clone(&kept), |id| requests.contains_key(&id));
            let Ok(id) = pushed else {
                self.waiting.push_front((kept, token));
                return false;
            };
            Some(id)
        };
        let delivery = Delivery::new(kept.qos, false, id.unwrap_or(PacketId::MIN));
        write(connection, &kept, delivery, &mut self.out);
        match id {
            Some(id) => {
                self.publishes.insert(id, token);
            }
            None => self.events.push_back(published(token, None)),
        }
        true
    }

    /// PUBACK, PUBREC or PUBCOMP came.
    pub(super) fn acknowledged(&mut self, packet_type: PacketType, ack: Ack<'_>) {
        let outbound = &mut self.session.outbound;
        let outcome = match packet_type {
            PacketType::PubAck => outbound.puback(ack.id),
            PacketType::PubRec => outbound.pubrec(ack.id, ack.reason.is_error()),
            _ => outbound.pubcomp(ack.id),
        };
        match outcome {
            Acknowledgement::Finished(_) => {
                // The answer to a PUBREL that is repeated after a reconnect: the message was finished before.
                let is_known = ack.reason != ReasonCode::PacketIdentifierNotFound;
                let reason = if is_known { ack.reason } else { ReasonCode::Success };
                self.published(ack.id, reason, ack.properties);
                self.pump();
            }
            Acknowledgement::Received(_) => {
                outbound.release(ack.id, true);
                self.send(&Packet::PubRel(Ack::success(ack.id)));
            }
            Acknowledgement::Unknown if packet_type == PacketType::PubRec => {
                let reason = ReasonCode::PacketIdentifierNotFound;
                self.send(&Packet::PubRel(Ack { id: ack.id, reason, properties: Properties::EMPTY }));
            }
            Acknowledgement::Unknown => {}
        }
    }

    fn published(&mut self, id: PacketId, reason: ReasonCode, properties: Properties<'_>) {
        if let Some(token) = self.publishes.remove(&id) {
            let properties = section_of(properties);
            self.events.push_back(Event::Published { token, id: Some(id), reason, properties });
        }
    }
}

/// A publish ended well, and there is nothing to tell of it.
fn published<T>(token: T, id: Option<PacketId>) -> Event<T> {
    Event::Published { token, id, reason: ReasonCode::Success, properties: Box::default() }
}

fn check(connection: &ClientConnection, kept: &Kept) -> Result<(), PublishError> {
    if kept.qos > connection.maximum_qos {
        return Err(PublishError::QosNotSupported);
    }
    if kept.retain && !connection.retain_available {
        return Err(PublishError::RetainNotSupported);
    }
    let packet = kept.packet(Delivery::new(kept.qos, false, PacketId::MIN)).ok_or(PublishError::TooLarge)?;
    let len = packet.encoded_len(connection.version).map_err(|_| PublishError::TooLarge)?;
    if connection.fits(len) { Ok(()) } else { Err(PublishError::TooLarge) }
}

/// Writes a PUBLISH that was checked, with an alias where that is of use.
fn write(connection: &mut ClientConnection, kept: &Kept, delivery: Delivery, out: &mut alloc::vec::Vec<u8>) {
    let Some(mut packet) = kept.packet(delivery) else { return };
    if let Some(number) = packet.properties.topic_alias() {
        return write_with_own_alias(connection, packet, number, out);
    }
    // A packet that may have to be sent again on another connection carries no alias: aliases end with the connection.
    let plan = match delivery {
        Delivery::AtMostOnce => connection.outgoing_aliases.plan(&kept.topic),
        _ => OutgoingTopic::Plain,
    };
    let mut alias = None;
    match plan {
        OutgoingTopic::Plain => {}
        OutgoingTopic::Alias(number) => {
            alias = Some(Property::TopicAlias(number));
            packet.topic = None;
        }
        OutgoingTopic::Introduce(number) => alias = Some(Property::TopicAlias(number)),
    }
    packet.properties = packet.properties.with(alias.as_slice());
    let fits = packet.encoded_len(connection.version).is_ok_and(|len| connection.fits(len));
    if !fits {
        // The three bytes of a new alias are too many.
        if let Some(plain) = kept.packet(delivery) {
            let _ = plain.encode(connection.version, out);
        }
        return;
    }
    if let OutgoingTopic::Introduce(number) = plan {
        connection.outgoing_aliases.introduced(&kept.topic, number);
    }
    let _ = packet.encode(connection.version, out);
}

/// Writes a PUBLISH with the alias that the application chose: the name is left out while the alias stands for it.
fn write_with_own_alias(
    connection: &mut ClientConnection,
    mut packet: Publish<'_>,
    alias: u16,
    out: &mut alloc::vec::Vec<u8>,
) {
    let Some(topic) = packet.topic else { return };
    if connection.outgoing_aliases.stands_for(alias, topic.as_str()) {
        packet.topic = None;
    } else {
        connection.outgoing_aliases.moved(topic.as_str(), alias);
    }
    let _ = packet.encode(connection.version, out);
}
