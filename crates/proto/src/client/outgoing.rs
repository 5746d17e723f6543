//! From the application to the server.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;

use martlet_wire::{
    Ack, Auth, Delivery, Packet, PacketId, PacketType, Properties, Property, Publish, QoS, ReasonCode,
    Subscribe, SubscribeRequests, TopicFilters, Unsubscribe,
};

use super::event::{Event, Failure, Outgoing, PublishError};
use super::kept::KeptMessage;
use super::stored::SessionChange;
use super::{Client, section_of};
use crate::alias::OutgoingTopic;
use crate::connection::ClientConnection;
use crate::delivery::{Acknowledgement, Resend};

/// A message that waits to be sent.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    message: Arc<KeptMessage>,
    name: Name<T>,
}

/// How a message that waits is known.
#[derive(Debug)]
enum Name<T> {
    /// By its Packet Identifier, under which the token is.
    Id(PacketId),
    /// It has none: it needs none, or there was none.
    None(T),
}

impl<T> Waiting<T> {
    pub(super) const fn is_named(&self) -> bool {
        matches!(self.name, Name::Id(_))
    }

    /// Whether it needs a Packet Identifier.
    fn is_unnamed(&self) -> bool {
        !self.is_named() && self.message.qos() > QoS::AtMostOnce
    }
}

impl<T> Client<T> {
    /// Publishes a message: at once where connection and quota allow, else as soon as they do.
    ///
    /// An [`Event::Published`] or [`Event::Unpublished`] with the token tells the end. How many may wait is for the owner
    /// to bound: see [`Client::unfinished_publishes`].
    pub fn publish(&mut self, message: &Outgoing<'_>, token: T) {
        let message = Arc::new(KeptMessage::from(message));
        let mut waiting = Waiting { message, name: Name::None(token) };
        if waiting.is_unnamed() {
            // Those before come first, so that the identifiers, and what is kept, are in the order of the messages.
            if self.unnamed == 0 {
                waiting = self.named(waiting);
            }
            self.unnamed += usize::from(waiting.is_unnamed());
        }
        self.waiting.push_back(waiting);
        self.pump();
    }

    /// Gives up messages that the owner could not keep. [`Event::Unpublished`] tells them.
    ///
    /// To be called without a connection: on one of which bytes were held back nothing else may be sent either.
    pub fn not_kept(&mut self, ids: &BTreeSet<PacketId>) {
        self.waiting.retain(|waiting| !matches!(&waiting.name, Name::Id(id) if ids.contains(id)));
        for id in ids {
            self.session.outbound.abandon(*id);
            if let Some(token) = self.publishes.remove(id) {
                self.events.push_back(Event::Unpublished { token, error: PublishError::NotKept });
            }
        }
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
        let (requests, publishes) = (&self.requests, &self.publishes);
        let is_taken = |id| requests.contains_key(&id) || publishes.contains_key(&id);
        let Some(id) = self.session.outbound.reserve(is_taken) else {
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
        self.forget_incoming();
        let mut outbound = core::mem::take(&mut self.session.outbound);
        outbound.restart();
        let mut again = VecDeque::new();
        while let Some(resend) = outbound.next_resend() {
            match resend {
                Resend::Publish(id, _, message) => again.push_back(Waiting { message, name: Name::Id(id) }),
                Resend::PubRel(id) => self.published(id, ReasonCode::Success, Properties::EMPTY),
            }
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
            Some(Resend::Publish(id, qos, message)) => {
                if let Some(packet) = message.packet(Delivery::new(qos, true, id)) {
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
        let Some(first) = self.waiting.front() else { return false };
        let has_quota = self.session.outbound.in_flight() < usize::from(connection.inflight_messages_max);
        if first.message.qos() > QoS::AtMostOnce && !has_quota {
            return false; // later QoS 0 messages wait too: order of the application
        }
        if first.is_unnamed() && !self.name_first() {
            return false;
        }
        let Some(Waiting { message, name }) = self.waiting.pop_front() else { return false };
        let Some(connection) = &mut self.connection else { return false };
        if let Err(error) = check(connection, &message) {
            self.unpublished(name, error);
            return true;
        }
        match name {
            Name::Id(id) => {
                write(connection, &message, Delivery::new(message.qos(), false, id), &mut self.out);
                self.session.outbound.push_as(id, message.qos(), message);
            }
            Name::None(token) => {
                write(connection, &message, Delivery::AtMostOnce, &mut self.out);
                self.events.push_back(published(token, None));
            }
        }
        true
    }

    /// Gives the first message that waits a Packet Identifier, if one is free.
    fn name_first(&mut self) -> bool {
        let Some(first) = self.waiting.pop_front() else { return false };
        let first = self.named(first);
        let is_named = first.is_named();
        self.unnamed -= usize::from(is_named);
        self.waiting.push_front(first);
        is_named
    }

    /// Gives a message a Packet Identifier, if one is free.
    fn named(&mut self, waiting: Waiting<T>) -> Waiting<T> {
        let Waiting { message, name: Name::None(token) } = waiting else { return waiting };
        let (requests, publishes) = (&self.requests, &self.publishes);
        let has_free = requests.len() + publishes.len() < usize::from(u16::MAX);
        let is_taken = |id| requests.contains_key(&id) || publishes.contains_key(&id);
        let Some(id) = has_free.then(|| self.session.outbound.reserve(is_taken)).flatten() else {
            return Waiting { message, name: Name::None(token) };
        };
        self.publishes.insert(id, token);
        self.changed(SessionChange::OutgoingTaken { id, message: Arc::clone(&message) });
        Waiting { message, name: Name::Id(id) }
    }

    /// A message cannot be sent.
    fn unpublished(&mut self, name: Name<T>, error: PublishError) {
        let token = match name {
            Name::None(token) => Some(token),
            Name::Id(id) => {
                self.changed(SessionChange::OutgoingFinished { id });
                self.publishes.remove(&id)
            }
        };
        self.events.extend(token.map(|token| Event::Unpublished { token, error }));
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
            Acknowledgement::Received(message) => {
                outbound.release(ack.id, true);
                if message.is_some() {
                    self.changed(SessionChange::OutgoingReceived { id: ack.id });
                }
                self.send(&Packet::PubRel(Ack::success(ack.id)));
            }
            Acknowledgement::Unknown if packet_type == PacketType::PubRec => {
                let reason = ReasonCode::PacketIdentifierNotFound;
                self.send(&Packet::PubRel(Ack { id: ack.id, reason, properties: Properties::EMPTY }));
            }
            Acknowledgement::Unknown => {}
        }
    }

    /// A message with a Packet Identifier came to its end.
    fn published(&mut self, id: PacketId, reason: ReasonCode, properties: Properties<'_>) {
        self.changed(SessionChange::OutgoingFinished { id });
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

fn check(connection: &ClientConnection, message: &KeptMessage) -> Result<(), PublishError> {
    if message.qos() > connection.maximum_qos {
        return Err(PublishError::QosNotSupported);
    }
    if message.retain() && !connection.retain_available {
        return Err(PublishError::RetainNotSupported);
    }
    let packet =
        message.packet(Delivery::new(message.qos(), false, PacketId::MIN)).ok_or(PublishError::TooLarge)?;
    let len = packet.encoded_len(connection.version).map_err(|_| PublishError::TooLarge)?;
    if connection.fits(len) { Ok(()) } else { Err(PublishError::TooLarge) }
}

/// Writes a PUBLISH that was checked, with an alias where that is of use.
fn write(
    connection: &mut ClientConnection,
    message: &KeptMessage,
    delivery: Delivery,
    out: &mut alloc::vec::Vec<u8>,
) {
    let Some(mut packet) = message.packet(delivery) else { return };
    if let Some(number) = packet.properties.topic_alias() {
        return write_with_own_alias(connection, packet, number, out);
    }
    // A packet that may have to be sent again on another connection carries no alias: aliases end with the connection.
    let plan = match delivery {
        Delivery::AtMostOnce => connection.outgoing_aliases.plan(&message.topic),
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
        if let Some(plain) = message.packet(delivery) {
            let _ = plain.encode(connection.version, out);
        }
        return;
    }
    if let OutgoingTopic::Introduce(number) = plan {
        connection.outgoing_aliases.introduced(&message.topic, number);
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
