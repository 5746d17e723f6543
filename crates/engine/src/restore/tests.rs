//! What a shard wrote down makes the same shard again: from all batches, and from a checkpoint that was taken while clients
//! went on.

use std::collections::BTreeMap;

use martlet_wire::{
    Ack, Connect, Delivery, Packet, PacketId, Properties, Property, ProtocolVersion, Publish, QoS,
    RetainHandling, Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionIdentifier,
    SubscriptionOptions, TopicFilters, TopicName, Unsubscribe, decode, fixed_header,
};

use super::*;
use crate::hashing::Random;
use crate::{Commons, Config, ConnectionId, Features, Input, Limits, Output, Peer};

const CLIENTS: u32 = 5;
const TOPICS: [&str; 5] = ["a", "a/b", "a/c", "b", "b/b"];
const FILTERS: [&str; 6] = ["a/#", "+/b", "b", "#", "$share/g/a/+", "$share/g/b"];

/// A shard, what its log has, and clients that acknowledge when they like.
struct World {
    engine: Engine,
    random: Random,
    now: u64,
    batches: Vec<(BatchId, Vec<u8>)>,
    /// Batches that are not durable yet.
    under_way: Vec<BatchId>,
    /// Each connection: its generation, and what it has not acknowledged.
    clients: Vec<(u32, bool, Vec<Packet<'static>>)>,
    next_id: u16,
}

/// Every other world lets QoS 2 messages take effect with PUBREL, and every third lets QoS 0 messages wait.
fn engine(seed: u64) -> Engine {
    let limits = Limits { inflight_messages_max: 3, queued_messages_max: 8, ..Limits::default() };
    let features = Features {
        exactly_once_at_release: seed.is_multiple_of(2),
        queue_qos0: seed.is_multiple_of(3),
        upgrade_outgoing_qos: seed.is_multiple_of(5),
        ..Features::default()
    };
    let config = Config { limits, features, seed: 5, ..Config::default() };
    Engine::new(config.clone(), ShardId(0), Commons::new(1, &config))
}

fn ack(id: PacketId) -> Ack<'static> {
    Ack::success(id)
}

impl World {
    fn new(seed: u64) -> Self {
        let mut engine = engine(seed);
        engine.restored(Instant::from_millis(1_000), BatchId(0));
        let clients = (0..CLIENTS).map(|_| (0, false, Vec::new())).collect();
        let random = Random::new(seed);
        Self { engine, random, now: 1_000, batches: Vec::new(), under_way: Vec::new(), clients, next_id: 1 }
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.random.next() % most as u64).unwrap()
    }

    fn handle(&mut self, input: Input<'_>) {
        self.engine.handle(Instant::from_millis(self.now), input);
    }

    fn send(&mut self, client: u32, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(ProtocolVersion::Mqtt5, &mut bytes).unwrap();
        let (generation, ..) = self.clients[client as usize];
        let connection = ConnectionId { index: client, generation };
        self.handle(Input::Received { connection, bytes: &bytes });
    }

    fn id(&mut self) -> PacketId {
        self.next_id = self.next_id % 60_000 + 1;
        PacketId::new(self.next_id).unwrap()
    }

    fn step(&mut self) {
        let client = u32::try_from(self.below(CLIENTS as usize)).unwrap();
        let (generation, is_open, _) = self.clients[client as usize];
        let connection = ConnectionId { index: client, generation };
        if !is_open {
            return self.connect(client);
        }
        match self.below(20) {
            0 => {
                self.clients[client as usize].1 = false;
                self.handle(Input::Closed { connection });
            }
            1..=3 => self.subscribe(client),
            4 => {
                let filters = [FILTERS[self.below(FILTERS.len())]];
                let filters = filters.map(|filter| TopicFilter::parse(filter).unwrap());
                let id = self.id();
                self.send(
                    client,
                    &Packet::Unsubscribe(Unsubscribe {
                        id,
                        properties: Properties::EMPTY,
                        filters: TopicFilters::list(&filters),
                    }),
                );
            }
            5..=12 => self.publish(client),
            13 => self.now += 700,
            _ => {
                if let Some(packet) = self.clients[client as usize].2.pop() {
                    self.send(client, &packet);
                }
            }
        }
        if self.below(3) == 0
            && let Some(batch) = self.under_way.pop()
        {
            self.under_way.clear();
            self.handle(Input::Persisted(batch));
        }
        self.poll();
    }

    fn connect(&mut self, client: u32) {
        let expiry = [0, 2, 1000][self.below(3)];
        let properties = [Property::SessionExpiryInterval(expiry)];
        let will = martlet_wire::Will {
            qos: QoS::AtLeastOnce,
            retain: false,
            properties: Properties::EMPTY,
            topic: TopicName::parse("a/c").unwrap(),
            payload: b"gone",
        };
        let has_will = self.below(3) == 0;
        let name = format!("client-{client}");
        let connect = Connect {
            version: ProtocolVersion::Mqtt5,
            bridge: false,
            clean_start: self.below(6) == 0,
            keep_alive: 0,
            properties: Properties::list(&properties),
            client_identifier: &name,
            will: has_will.then_some(will),
            user_name: None,
            password: None,
        };
        let slot = &mut self.clients[client as usize];
        *slot = (slot.0 + 1, true, Vec::new());
        let connection = ConnectionId { index: client, generation: slot.0 };
        self.handle(Input::Opened { connection, peer: Peer::default() });
        self.send(client, &Packet::Connect(connect));
        self.poll();
    }

    fn subscribe(&mut self, client: u32) {
        let filter = TopicFilter::parse(FILTERS[self.below(FILTERS.len())]).unwrap();
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][self.below(3)];
        let options = SubscriptionOptions {
            maximum_qos: qos,
            no_local: filter.share().is_none() && self.below(4) == 0,
            retain_as_published: self.below(2) == 0,
            retain_handling: RetainHandling::SendAtSubscribe,
        };
        let identifier = SubscriptionIdentifier::new(7).map(Property::SubscriptionIdentifier);
        let properties = if self.below(2) == 0 { identifier.as_slice() } else { &[] };
        let requests = [SubscribeRequest { filter, options }];
        let id = self.id();
        let requests = SubscribeRequests::list(&requests);
        self.send(
            client,
            &Packet::Subscribe(Subscribe { id, properties: Properties::list(properties), requests }),
        );
    }

    fn publish(&mut self, client: u32) {
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][self.below(3)];
        let payload = format!("{}", self.random.next());
        let expiry = [Property::MessageExpiryInterval(1)];
        let id = self.id();
        let publish = Publish {
            topic: Some(TopicName::parse(TOPICS[self.below(TOPICS.len())]).unwrap()),
            delivery: Delivery::new(qos, false, id),
            retain: self.below(3) == 0,
            properties: if self.below(4) == 0 { Properties::list(&expiry) } else { Properties::EMPTY },
            payload: if self.below(8) == 0 { b"" } else { payload.as_bytes() },
        };
        self.send(client, &Packet::Publish(publish));
        if qos == QoS::ExactlyOnce && self.below(2) == 0 {
            self.send(client, &Packet::PubRel(ack(id)));
        }
    }

    fn poll(&mut self) {
        loop {
            match self.engine.poll() {
                Output::Transmit(connection) => {
                    let mut slices = Vec::new();
                    self.engine.outgoing(connection, &mut slices);
                    let bytes = slices.concat();
                    self.take(connection, &bytes);
                    self.handle(Input::Sent { connection, bytes: bytes.len() });
                }
                Output::Close { connection, .. } => {
                    let slot = &mut self.clients[connection.index as usize];
                    if slot.0 == connection.generation {
                        slot.1 = false;
                    }
                }
                Output::Persist { batch, records, .. } => {
                    self.batches.push((batch, records));
                    self.under_way.push(batch);
                }
                Output::WakeAt(_) => break,
                _ => {}
            }
        }
        self.engine.end_turn();
        self.handle(Input::WakeUp);
        if !self.engine.journal.is_taken() {
            self.poll();
        }
    }

    /// A client notes what it has to acknowledge.
    fn take(&mut self, connection: ConnectionId, mut bytes: &[u8]) {
        while let Ok(Some(header)) = fixed_header(Some(ProtocolVersion::Mqtt5), bytes) {
            let (packet, rest) = bytes.split_at(header.packet_len());
            bytes = rest;
            let answer = match decode(ProtocolVersion::Mqtt5, packet).unwrap() {
                Packet::Publish(publish) => match publish.delivery {
                    Delivery::AtLeastOnce { id, .. } => Packet::PubAck(ack(id)),
                    Delivery::ExactlyOnce { id, .. } => Packet::PubRec(ack(id)),
                    Delivery::AtMostOnce => continue,
                },
                Packet::PubRel(release) => Packet::PubComp(ack(release.id)),
                _ => continue,
            };
            let slot = &mut self.clients[connection.index as usize];
            if slot.0 == connection.generation {
                slot.2.insert(0, answer);
            }
        }
    }

    /// A whole checkpoint of now, or one that takes some steps.
    fn checkpoint(&mut self, steps: usize) -> (BatchId, Vec<Vec<u8>>) {
        let begin = self.engine.begin_checkpoint().expect("all records are taken");
        let mut parts = Vec::new();
        while let Some(part) = self.engine.checkpoint_part(1) {
            parts.push(part);
            for _ in 0..steps {
                self.step();
            }
        }
        (begin, parts)
    }
}

/// All that survives, as sorted lines in which messages and clients stand for their names.
fn picture(engine: &mut Engine) -> Vec<String> {
    engine.begin_checkpoint().expect("all records are taken");
    let mut messages = BTreeMap::new();
    let mut lines = Vec::new();
    let mut clients = BTreeMap::from([(0, String::new())]);
    // The order within a Session counts, that of the Sessions does not.
    let mut places = BTreeMap::<RecordId, usize>::new();
    while let Some(part) = engine.checkpoint_part(1 << 20) {
        let mut reader = Reader(&part);
        while let Some(record) = reader.record() {
            let name = match record {
                Record::Message { id, message } => {
                    messages.insert(id, format!("{message:?}"));
                    continue;
                }
                Record::Time(_) | Record::AsOf(_) => continue,
                Record::Queued { message, .. }
                | Record::Retained { message, .. }
                | Record::Stored { message, .. } => messages[&message].clone(),
                _ => String::new(),
            };
            let session = record.session().unwrap_or_default();
            if let Record::Session { client_identifier, .. } = record {
                clients.insert(session, client_identifier.to_owned());
            }
            let client = &clients[&session];
            let place = places.entry(session).or_default();
            // Subscriptions have no order, unless they are owed something.
            let is_ordered = session > 0 && !matches!(record, Record::Subscribed { owes: false, .. });
            *place += usize::from(is_ordered);
            let number = if is_ordered { *place } else { 0 };
            let text = match record {
                Record::Queued { number, qos, retain, group, identifiers, .. } => {
                    format!("queued {number} {qos:?} {retain} {group:?} {identifiers:?}")
                }
                Record::Retained { stamp, .. } => format!("retained {stamp:?}"),
                Record::Stored { id, .. } => format!("stored {id:?}"),
                other => format!("{other:?}").replace(&format!("session: {session}"), "session: ?"),
            };
            lines.push(format!("{client} {number} {text} {name}"));
        }
    }
    let wills = engine.restoring.iter().flat_map(|state| &state.wills);
    lines.extend(wills.map(|(client_identifier, will)| {
        format!(" 0 {:?} ", crate::clients::will_record(client_identifier, will))
    }));
    lines.sort();
    lines
}

/// The Will's due time is set anew by a restart, so that it is no part of the comparison.
fn without_due_times(mut lines: Vec<String>) -> Vec<String> {
    for line in &mut lines {
        if let Some(at) = line.find("due_at: ") {
            let end = line[at..].find(", message").unwrap_or_default() + at;
            line.replace_range(at..end, "due_at: ?");
        }
    }
    lines
}

fn restored_from(seed: u64, checkpoint: &[Vec<u8>], batches: &[(BatchId, Vec<u8>)]) -> Engine {
    let mut engine = engine(seed);
    for part in checkpoint {
        engine.restore(Stored::Checkpoint, part).unwrap();
    }
    for (batch, records) in batches {
        engine.restore(Stored::Batch(*batch), records).unwrap();
    }
    engine
}

#[test]
fn all_batches_make_the_same_state() {
    for seed in 1..120 {
        let mut world = World::new(seed);
        for _ in 0..150 {
            world.step();
        }
        let mut restored = restored_from(seed, &[], &world.batches);
        let (found, expected) = (picture(&mut restored), picture(&mut world.engine));
        assert_eq!(without_due_times(found), without_due_times(expected), "seed {seed}");
    }
}

#[test]
fn a_checkpoint_and_the_batches_behind_its_beginning_make_the_same_state() {
    for seed in 1..120 {
        let mut world = World::new(seed);
        for _ in 0..100 {
            world.step();
        }
        let steps = world.below(6);
        let (begin, parts) = world.checkpoint(steps);
        for _ in 0..30 {
            world.step();
        }
        let behind =
            world.batches.iter().position(|(batch, _)| *batch > begin).unwrap_or(world.batches.len());
        let mut restored = restored_from(seed, &parts, &world.batches[behind..]);
        let (found, expected) = (picture(&mut restored), picture(&mut world.engine));
        assert_eq!(without_due_times(found), without_due_times(expected), "seed {seed}");
    }
}

/// What was told of a shard does not say when its retained messages came, nor which were deleted; numbers begin anew.
fn as_told(lines: Vec<String>) -> Vec<String> {
    let lines = lines.into_iter().filter(|line| !line.contains("Cleared"));
    let without = |line: String, from: &str, until: &str| match line.find(from) {
        Some(at) => {
            let end = line[at..].find(until).unwrap_or_default() + at;
            format!("{}{}", &line[..at], &line[end..])
        }
        None => line,
    };
    let lines = lines.map(|line| without(line, "Stamp", "}"));
    let number = |line: String| match line.split_once("queued ") {
        Some((before, behind)) => {
            format!("{before}{}", behind.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => line,
    };
    let lines = lines.map(number);
    let lines = lines.map(|line| without(line, "number: ", ", id"));
    let mut lines = without_due_times(lines.collect());
    lines.sort();
    lines
}

#[test]
fn what_is_told_of_a_shard_makes_the_same_state_in_another() {
    for seed in 1..120 {
        let mut world = World::new(seed);
        for _ in 0..150 {
            world.step();
        }
        let mut told = restored_from(seed, &[], &world.batches);
        let mut given = engine(seed);
        let now = Instant::from_millis(world.now + 1);
        let mut count = 0;
        for kept in told.kept() {
            given.keep(now, &kept);
            count += 1;
        }
        assert!(count > 0, "seed {seed}");
        // A Session that was connected has lost its connection meanwhile.
        let detached = |kept: crate::kept::Kept| match kept {
            crate::kept::Kept::Session(mut session) => {
                session.detached_at = session.detached_at.or(Some(now));
                crate::kept::Kept::Session(session)
            }
            other => other,
        };
        let expected: Vec<_> = told.kept().map(detached).collect();
        assert_eq!(given.kept().collect::<Vec<_>>(), expected, "seed {seed}");
        let attached = format!("detached_at: Some({now:?})");
        let found = as_told(picture(&mut given)).into_iter();
        let found: Vec<_> = found.map(|line| line.replace(&attached, "detached_at: None")).collect();
        assert_eq!(found, as_told(picture(&mut told)), "seed {seed}");
    }
}

#[test]
fn records_of_a_later_version_are_told_and_what_came_before_them_counts() {
    let mut engine = engine(1);
    let mut records = Vec::new();
    let client_identifier = "c";
    let (user_name, detached_at) = (None, Some(Instant::from_millis(5)));
    let session =
        Record::Session { session: 1, client_identifier, user_name, expiry_interval: 100, detached_at };
    session.encode(&mut records);
    let offset = records.len();
    records.push(250);
    assert_eq!(engine.restore(Stored::Batch(BatchId(1)), &records), Err(UnreadableRecord { offset }));
    engine.restored(Instant::from_millis(6), BatchId(1));
    assert_eq!(engine.status().sessions, 1);
}

#[test]
fn packet_identifiers_begin_anew_after_a_crash_and_go_on_otherwise() {
    for is_crash in [false, true] {
        let mut engine = engine(1);
        let mut records = Vec::new();
        Record::Session {
            session: 1,
            client_identifier: "c",
            user_name: None,
            expiry_interval: 100,
            detached_at: Some(Instant::from_millis(5)),
        }
        .encode(&mut records);
        engine.restore(Stored::Batch(BatchId(1)), &records).unwrap();
        if is_crash {
            engine.crashed();
        }
        let session = engine.clients.find("c").unwrap();
        engine.clients.get_mut(session).unwrap().state.outbound.skip();
        engine.restored(Instant::from_millis(6), BatchId(1));
        let outbound = &mut engine.clients.get_mut(session).unwrap().state.outbound;
        assert_eq!(outbound.reserve(|_| false).map(PacketId::get), Some(if is_crash { 1 } else { 2 }));
    }
}

/// The PUBLISH packets that a client gets who comes back after a restart: their QoS and DUP.
fn sent_after(theirs: bool, is_crash: bool) -> Vec<(QoS, bool)> {
    let features = Features { mosquitto_behaviour: theirs, ..Features::default() };
    let config = Config { features, ..Config::default() };
    let mut engine = Engine::new(config.clone(), ShardId(0), Commons::new(1, &config));
    let mut records = Vec::new();
    let (expiry_interval, detached_at) = (100, Some(Instant::from_millis(5)));
    Record::Session { session: 1, client_identifier: "c", user_name: None, expiry_interval, detached_at }
        .encode(&mut records);
    for (number, qos) in [(1, QoS::AtLeastOnce), (2, QoS::ExactlyOnce)] {
        let message = Message {
            topic: "t".into(),
            properties: Box::default(),
            payload: b"m".as_slice().into(),
            qos,
            retain: false,
            expires_at: None,
            publisher: "p".into(),
        };
        Record::Message { id: number, message: message.fields() }.encode(&mut records);
        let (message, retain, group, identifiers) = (number, false, None, Vec::new());
        Record::Queued { session: 1, number, message, qos, retain, group, identifiers }.encode(&mut records);
        let id = PacketId::new(u16::try_from(number).unwrap()).unwrap();
        Record::Sent { session: 1, number, id }.encode(&mut records);
    }
    engine.restore(Stored::Batch(BatchId(1)), &records).unwrap();
    if is_crash {
        engine.crashed();
    }
    engine.restored(Instant::from_millis(6), BatchId(1));
    let clients = vec![(1, true, Vec::new())];
    let (random, batches, under_way) = (Random::new(1), Vec::new(), Vec::new());
    let mut world = World { engine, random, now: 7, batches, under_way, clients, next_id: 1 };
    let connection = ConnectionId { index: 0, generation: 1 };
    world.handle(Input::Opened { connection, peer: Peer::default() });
    let properties = [Property::SessionExpiryInterval(100)];
    world.send(
        0,
        &Packet::Connect(Connect {
            version: ProtocolVersion::Mqtt5,
            bridge: false,
            clean_start: false,
            keep_alive: 0,
            properties: Properties::list(&properties),
            client_identifier: "c",
            will: None,
            user_name: None,
            password: None,
        }),
    );
    world.poll();
    world.handle(Input::Persisted(world.engine.last_batch()));
    let mut slices = Vec::new();
    world.engine.outgoing(connection, &mut slices);
    let bytes = slices.concat();
    let (mut rest, mut sent) = (&bytes[..], Vec::new());
    while let Ok(Some(header)) = fixed_header(Some(ProtocolVersion::Mqtt5), rest) {
        let (packet, behind) = rest.split_at(header.packet_len());
        rest = behind;
        if let Packet::Publish(publish) = decode(ProtocolVersion::Mqtt5, packet).unwrap() {
            sent.push((publish.delivery.qos(), publish.delivery.dup()));
        }
    }
    sent
}

#[test]
fn what_was_in_flight_has_dup_after_a_restart_unless_it_is_to_be_as_mosquitto_has_it_after_a_crash() {
    for (theirs, is_crash) in [(false, false), (false, true), (true, false), (true, true)] {
        let expected = [(QoS::AtLeastOnce, !(theirs && is_crash)), (QoS::ExactlyOnce, true)];
        assert_eq!(sent_after(theirs, is_crash), expected, "theirs {theirs}, crash {is_crash}");
    }
}
