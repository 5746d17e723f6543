//! A client that follows the standard: its connection, and the Session that it keeps when the connection breaks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use martlet_wire::{
    Ack, Connect, Delivery, Disconnect, Packet, PacketId, PacketType, Properties, Property, ProtocolVersion,
    Publish, QoS, ReasonCode, Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionIdentifier,
    SubscriptionOptions, TopicFilter, TopicFilters, TopicName, Unsubscribe, Will, decode,
};

use crate::checker::{ASKING_USER, split_packet};
use crate::clock::Millis;
use crate::network::LinkId;

/// What a client mostly does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Publishes everywhere, and has plain subscriptions.
    Regular,
    /// Shares the messages of some topics with others.
    Worker,
    /// Lets the broker choose its name; its Session never outlives a connection.
    Nameless,
}

/// A message as its publisher has it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) expiry: Option<u32>,
    pub(crate) has_property: bool,
}

/// How a client connects.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) clean_start: bool,
    pub(crate) expiry: u32,
    pub(crate) keep_alive: u16,
    pub(crate) will: Option<LastWill>,
    pub(crate) receive_maximum: Option<u16>,
    pub(crate) packet_size_max: Option<u32>,
    pub(crate) topic_alias_maximum: u16,
    /// Whether the broker has to ask somebody before it lets the client in.
    pub(crate) asks: bool,
}

/// A Will to connect with.
#[derive(Clone, Debug)]
pub(crate) struct LastWill {
    pub(crate) draft: Draft,
    pub(crate) delay: u32,
}

/// A message that a client took.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) topic: String,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) payload: Vec<u8>,
}

/// A QoS 1 or 2 message of the client that is not finished.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
struct Flight {
    id: PacketId,
    draft: Draft,
    /// PUBREC came: PUBREL is what counts.
    is_released: bool,
    /// Sent on the present connection.
    is_sent: bool,
    /// Its PUBLISH was sent on the present connection, and takes quota.
    takes_quota: bool,
    /// Sent on any connection.
    was_sent: bool,
}

/// A client.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) version: ProtocolVersion,
    pub(crate) kind: Kind,
    pub(crate) link: Option<LinkId>,
    /// CONNACK came.
    pub(crate) is_online: bool,
    /// It neither reads nor writes until then.
    pub(crate) frozen_until: Millis,
    /// When it does something of its own next.
    pub(crate) acts_at: Millis,
    /// When its turn comes next.
    pub(crate) wakes_at: Option<Millis>,
    pub(crate) last_sent: Millis,
    pub(crate) keep_alive: u16,
    /// Filters that it has subscribed to, as far as it remembers.
    pub(crate) filters: Vec<String>,
    /// Bytes for the network.
    pub(crate) outbox: Vec<u8>,
    pub(crate) expiry: u32,
    /// It always connects with the same Maximum Packet Size.
    pub(crate) has_size_limit: bool,
    input: Vec<u8>,
    flights: VecDeque<Flight>,
    received: BTreeSet<PacketId>,
    asked: BTreeSet<PacketId>,
    acks: VecDeque<(PacketType, PacketId)>,
    last_id: u16,
    receive_maximum: u16,
    aliases: BTreeMap<String, u16>,
    aliases_max: u16,
    known_aliases: BTreeMap<u16, String>,
    is_clean: bool,
    /// The Session that it remembers, by its number in the accounts.
    session: Option<usize>,
    /// It asked for a clean start, and does not know whether it got it.
    may_be_cleaned: bool,
    /// The broker may have any Session, or none.
    pub(crate) has_to_begin_anew: bool,
}

impl Client {
    pub(crate) fn new(name: String, version: ProtocolVersion, kind: Kind) -> Self {
        Self {
            name,
            version,
            kind,
            link: None,
            is_online: false,
            frozen_until: 0,
            acts_at: 0,
            wakes_at: None,
            last_sent: 0,
            keep_alive: 0,
            filters: Vec::new(),
            outbox: Vec::new(),
            expiry: 0,
            has_size_limit: false,
            input: Vec::new(),
            flights: VecDeque::new(),
            received: BTreeSet::new(),
            asked: BTreeSet::new(),
            acks: VecDeque::new(),
            last_id: 0,
            receive_maximum: u16::MAX,
            aliases: BTreeMap::new(),
            aliases_max: 0,
            known_aliases: BTreeMap::new(),
            is_clean: true,
            session: None,
            may_be_cleaned: false,
            has_to_begin_anew: false,
        }
    }

    /// Opens a connection. What was there is given up, the Session stays.
    pub(crate) fn connect(&mut self, link: LinkId, opening: &Opening) {
        self.drop_connection();
        self.may_be_cleaned |= opening.clean_start;
        self.link = Some(link);
        self.is_clean = opening.clean_start;
        self.expiry = opening.expiry;
        self.keep_alive = opening.keep_alive;
        let is_v5 = self.version.has_properties();
        if !is_v5 {
            self.expiry = if opening.clean_start { 0 } else { u32::MAX };
        }
        let mut properties = Vec::new();
        if opening.expiry > 0 {
            properties.push(Property::SessionExpiryInterval(opening.expiry));
        }
        properties
            .extend(opening.receive_maximum.and_then(core::num::NonZero::new).map(Property::ReceiveMaximum));
        properties.extend(
            opening.packet_size_max.and_then(core::num::NonZero::new).map(Property::MaximumPacketSize),
        );
        if opening.topic_alias_maximum > 0 {
            properties.push(Property::TopicAliasMaximum(opening.topic_alias_maximum));
        }
        let mut will_properties = Vec::new();
        if let Some(will) = &opening.will {
            if will.delay > 0 {
                will_properties.push(Property::WillDelayInterval(will.delay));
            }
            if will.draft.has_property {
                will_properties.push(Property::UserProperty("of", "m"));
            }
        }
        let will = opening.will.as_ref().and_then(|will| {
            Some(Will {
                topic: TopicName::parse(&will.draft.topic).ok()?,
                payload: &will.draft.payload,
                qos: will.draft.qos,
                retain: will.draft.retain,
                properties: Properties::list(if is_v5 { &will_properties } else { &[] }),
            })
        });
        let packet = Packet::Connect(Connect {
            version: self.version,
            bridge: false,
            clean_start: opening.clean_start,
            keep_alive: opening.keep_alive,
            properties: Properties::list(if is_v5 { &properties } else { &[] }),
            client_identifier: &self.name,
            will,
            user_name: opening.asks.then_some(ASKING_USER),
            password: None,
        });
        write(&mut self.outbox, self.version, &packet);
    }

    /// The connection is gone, for this client at least.
    pub(crate) fn drop_connection(&mut self) {
        self.link = None;
        self.is_online = false;
        self.frozen_until = 0;
        self.outbox.clear();
        self.input.clear();
        self.acks.clear();
        self.asked.clear();
        self.aliases.clear();
        self.known_aliases.clear();
    }

    /// Whether the Session that the broker has now, if any, need not be the one that this client remembers.
    ///
    /// A lost CONNACK may have told that a new one began, and the next one says that it is present: a gap of the protocol,
    /// which a real client cannot see either. These clients can, and ask for a clean start.
    pub(crate) fn has_to_clean(&self, session: Option<usize>) -> bool {
        let has_state = !self.flights.is_empty() || !self.received.is_empty();
        // A client of 3.1 is never told, so it goes by what it asked for.
        let has_ended = self.version == ProtocolVersion::Mqtt31 && self.expiry == 0;
        let is_other = self.session != session;
        // A client without a Session may not resume one [s3.2.2.1.1].
        self.has_to_begin_anew
            || (session.is_some() && is_other)
            || (has_state && (is_other || self.may_be_cleaned || has_ended))
    }

    fn forget_session(&mut self) {
        self.flights.clear();
        self.received.clear();
        self.filters.clear();
    }

    /// Publishes a message. One with QoS 1 or 2 waits for its turn.
    pub(crate) fn publish(&mut self, draft: Draft, uses_alias: bool) {
        if draft.qos == QoS::AtMostOnce {
            self.write_publish(&draft, Delivery::AtMostOnce, uses_alias);
            return;
        }
        let Some(id) = self.free_id() else { return };
        self.flights.push_back(Flight {
            id,
            draft,
            is_released: false,
            is_sent: false,
            takes_quota: false,
            was_sent: false,
        });
        self.send_flights(uses_alias);
    }

    /// Subscribes to filters, with one Subscription Identifier for all.
    pub(crate) fn subscribe(&mut self, filters: &[(String, SubscriptionOptions)], identifier: Option<u32>) {
        let Some(id) = self.free_id() else { return };
        self.asked.insert(id);
        let requests: Vec<SubscribeRequest<'_>> = filters
            .iter()
            .filter_map(|(filter, options)| {
                Some(SubscribeRequest { filter: TopicFilter::parse(filter).ok()?, options: *options })
            })
            .collect();
        let properties: Vec<Property<'_>> = identifier
            .and_then(SubscriptionIdentifier::new)
            .map(Property::SubscriptionIdentifier)
            .into_iter()
            .collect();
        let packet = Packet::Subscribe(Subscribe {
            id,
            properties: Properties::list(if self.version.has_properties() { &properties } else { &[] }),
            requests: SubscribeRequests::list(&requests),
        });
        write(&mut self.outbox, self.version, &packet);
        for (filter, _) in filters {
            if !self.filters.contains(filter) {
                self.filters.push(filter.clone());
            }
        }
    }

    pub(crate) fn unsubscribe(&mut self, filters: &[String]) {
        let Some(id) = self.free_id() else { return };
        self.asked.insert(id);
        self.filters.retain(|filter| !filters.contains(filter));
        let filters: Vec<TopicFilter<'_>> =
            filters.iter().filter_map(|filter| TopicFilter::parse(filter).ok()).collect();
        let packet = Packet::Unsubscribe(Unsubscribe {
            id,
            properties: Properties::EMPTY,
            filters: TopicFilters::list(&filters),
        });
        write(&mut self.outbox, self.version, &packet);
    }

    pub(crate) fn ping(&mut self) {
        write(&mut self.outbox, self.version, &Packet::PingReq);
    }

    /// Sends DISCONNECT; the caller closes the connection behind it.
    pub(crate) fn disconnect(&mut self, reason: ReasonCode, expiry: Option<u32>) {
        let properties: Vec<Property<'_>> = expiry.map(Property::SessionExpiryInterval).into_iter().collect();
        let packet = Packet::Disconnect(Disconnect { reason, properties: Properties::list(&properties) });
        write(&mut self.outbox, self.version, &packet);
        self.expiry = expiry.unwrap_or(self.expiry);
    }

    /// Takes bytes from the broker, of a connection to this Session.
    ///
    /// # Errors
    /// What the broker did wrong.
    pub(crate) fn read(&mut self, bytes: &[u8], session: Option<usize>) -> Result<Vec<Taken>, String> {
        self.input.extend_from_slice(bytes);
        let mut taken = Vec::new();
        while let Some(bytes) = split_packet(&mut self.input) {
            let packet = decode(self.version, &bytes).map_err(|error| error.to_string())?;
            self.take(&packet, &mut taken)?;
            if matches!(packet, Packet::ConnAck(connack) if connack.reason == ReasonCode::Success) {
                self.session = session;
                self.may_be_cleaned = false;
                self.has_to_begin_anew = false;
            }
        }
        Ok(taken)
    }

    fn take(&mut self, packet: &Packet<'_>, taken: &mut Vec<Taken>) -> Result<(), String> {
        match packet {
            // The broker closes behind it.
            Packet::ConnAck(connack) if connack.reason.is_error() => {}
            Packet::ConnAck(connack) => {
                self.is_online = true;
                // A client of 3.1 is not told, and trusts the broker.
                if self.is_clean || (self.version != ProtocolVersion::Mqtt31 && !connack.session_present) {
                    self.forget_session();
                }
                for flight in &mut self.flights {
                    flight.is_sent = false;
                    flight.takes_quota = false;
                }
                self.receive_maximum =
                    connack.properties.receive_maximum().map_or(u16::MAX, core::num::NonZero::get);
                self.aliases_max = connack.properties.topic_alias_maximum().unwrap_or(0);
                self.send_flights(false);
            }
            Packet::Publish(publish) => taken.extend(self.take_publish(publish)?),
            Packet::PubAck(ack) => self.finish(ack.id, QoS::AtLeastOnce),
            Packet::PubRec(ack) if ack.reason.is_error() => self.finish(ack.id, QoS::ExactlyOnce),
            Packet::PubRec(ack) => {
                if let Some(flight) = self.flights.iter_mut().find(|flight| flight.id == ack.id) {
                    flight.is_released = true;
                }
                self.acks.push_back((PacketType::PubRel, ack.id));
            }
            Packet::PubRel(ack) => {
                self.received.remove(&ack.id);
                self.acks.push_back((PacketType::PubComp, ack.id));
            }
            Packet::PubComp(ack) => self.finish(ack.id, QoS::ExactlyOnce),
            Packet::SubAck(suback) => _ = self.asked.remove(&suback.id),
            Packet::UnsubAck(unsuback) => _ = self.asked.remove(&unsuback.id),
            _ => {}
        }
        Ok(())
    }

    fn take_publish(&mut self, publish: &Publish<'_>) -> Result<Option<Taken>, String> {
        let alias = publish.properties.topic_alias();
        if let (Some(topic), Some(alias)) = (publish.topic, alias) {
            self.known_aliases.insert(alias, topic.as_str().to_owned());
        }
        let known = alias.and_then(|alias| self.known_aliases.get(&alias).cloned());
        let topic = publish.topic.map(|topic| topic.as_str().to_owned()).or(known);
        let is_new = match publish.delivery {
            Delivery::AtMostOnce => true,
            Delivery::AtLeastOnce { id, .. } => {
                self.acks.push_back((PacketType::PubAck, id));
                true
            }
            Delivery::ExactlyOnce { id, .. } => {
                self.acks.push_back((PacketType::PubRec, id));
                self.received.insert(id)
            }
        };
        let topic = topic.ok_or("an unknown Topic Alias")?;
        let taken = Taken {
            topic,
            qos: publish.delivery.qos(),
            retain: publish.retain,
            payload: publish.payload.to_vec(),
        };
        Ok(is_new.then_some(taken))
    }

    /// Sends up to so many acknowledgements, in the order of what they acknowledge [MQTT-4.6.0-2].
    pub(crate) fn acknowledge(&mut self, most: usize) {
        for _ in 0..most {
            let Some((kind, id)) = self.acks.pop_front() else { return };
            let ack = Ack::success(id);
            let packet = match kind {
                PacketType::PubAck => Packet::PubAck(ack),
                PacketType::PubRec => Packet::PubRec(ack),
                PacketType::PubRel => Packet::PubRel(ack),
                _ => Packet::PubComp(ack),
            };
            write(&mut self.outbox, self.version, &packet);
        }
    }

    fn finish(&mut self, id: PacketId, qos: QoS) {
        self.flights.retain(|flight| flight.id != id || flight.draft.qos != qos);
        self.send_flights(false);
    }

    /// Sends what is unfinished and was not sent here, in order, as far as the broker's Receive Maximum allows.
    fn send_flights(&mut self, uses_alias: bool) {
        if !self.is_online {
            return;
        }
        for place in 0..self.flights.len() {
            let quota = self.flights.iter().filter(|flight| flight.takes_quota).count();
            let flight = &mut self.flights[place];
            if flight.is_sent {
                continue;
            }
            if flight.is_released {
                flight.is_sent = true;
                self.acks.push_back((PacketType::PubRel, flight.id));
                continue;
            }
            if quota >= usize::from(self.receive_maximum) {
                return; // [MQTT-3.3.4-7]
            }
            let delivery = Delivery::new(flight.draft.qos, flight.was_sent, flight.id);
            (flight.is_sent, flight.was_sent, flight.takes_quota) = (true, true, true);
            let draft = flight.draft.clone();
            self.write_publish(&draft, delivery, uses_alias);
        }
    }

    fn write_publish(&mut self, draft: &Draft, delivery: Delivery, uses_alias: bool) {
        let Ok(topic) = TopicName::parse(&draft.topic) else { return };
        let mut properties = Vec::new();
        let mut name = Some(topic);
        if self.version.has_properties() {
            properties.extend(draft.expiry.map(Property::MessageExpiryInterval));
            if draft.has_property {
                properties.push(Property::UserProperty("of", "m"));
            }
            if let Some(alias) = self.aliases.get(&draft.topic) {
                if uses_alias {
                    name = None;
                    properties.push(Property::TopicAlias(*alias));
                }
            } else if uses_alias && self.aliases.len() < usize::from(self.aliases_max) {
                let alias = u16::try_from(self.aliases.len() + 1).unwrap_or(1);
                self.aliases.insert(draft.topic.clone(), alias);
                properties.push(Property::TopicAlias(alias));
            }
        }
        let packet = Packet::Publish(Publish {
            topic: name,
            delivery,
            retain: draft.retain,
            properties: Properties::list(&properties),
            payload: &draft.payload,
        });
        write(&mut self.outbox, self.version, &packet);
    }

    /// Whether acknowledgements wait to be sent.
    pub(crate) fn has_acks(&self) -> bool {
        !self.acks.is_empty()
    }

    /// Whether nothing is unfinished: no message, no SUBSCRIBE, no acknowledgement.
    pub(crate) fn is_idle(&self) -> bool {
        self.flights.is_empty() && self.received.is_empty() && self.asked.is_empty() && self.acks.is_empty()
    }

    /// What is unfinished, for a report.
    pub(crate) fn unfinished_things(&self) -> String {
        let flights: Vec<u16> = self.flights.iter().map(|flight| flight.id.get()).collect();
        format!("messages {flights:?}, received {:?}, asked {:?}", self.received, self.asked)
    }

    /// How many messages are unfinished.
    pub(crate) fn unfinished(&self) -> usize {
        self.flights.len()
    }

    fn free_id(&mut self) -> Option<PacketId> {
        for _ in 0..u16::MAX {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let id = PacketId::new(self.last_id)?;
            if !self.asked.contains(&id) && self.flights.iter().all(|flight| flight.id != id) {
                return Some(id);
            }
        }
        None
    }
}

/// Encodes a packet; all that clients make can be encoded.
fn write(outbox: &mut Vec<u8>, version: ProtocolVersion, packet: &Packet<'_>) {
    let result = packet.encode(version, outbox);
    debug_assert_eq!(result, Ok(()), "{packet:?}");
}
