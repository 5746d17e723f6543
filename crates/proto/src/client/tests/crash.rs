//! A client that crashes again and again, at any moment, between what it wants to keep and what is kept.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};

use crate::Resend;

use super::*;

/// Numbers that look random, from a seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// The other end: it takes messages exactly once, and sends some.
#[derive(Default)]
struct Server {
    /// How often each message was passed on.
    passed_on: BTreeMap<String, usize>,
    unreleased: BTreeSet<PacketId>,
    session: Session<&'static str>,
    has_session: bool,
    out: Vec<u8>,
}

impl Server {
    fn send(&mut self, packet: &Packet<'_>) {
        packet.encode(VERSION, &mut self.out).unwrap();
    }

    fn receive(&mut self, bytes: &[u8]) {
        match decode(VERSION, bytes).unwrap() {
            Packet::Connect(_) => {
                let (session_present, reason) = (self.has_session, ReasonCode::Success);
                self.has_session = true;
                self.send(&Packet::ConnAck(ConnAck {
                    session_present,
                    reason,
                    properties: Properties::EMPTY,
                }));
                self.session.outbound.restart();
                while let Some(resend) = self.session.outbound.next_resend() {
                    match resend {
                        Resend::Publish(id, qos, _) => self.publish(Delivery::new(qos, true, id)),
                        Resend::PubRel(id) => self.send(&Packet::PubRel(Ack::success(id))),
                    }
                }
            }
            Packet::Publish(publish) => {
                let id = publish.delivery.packet_id().unwrap();
                let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
                if publish.delivery.qos() == QoS::AtLeastOnce {
                    self.passed_on.entry(payload).or_insert(1); // it may come twice
                    return self.send(&Packet::PubAck(Ack::success(id)));
                }
                if self.unreleased.insert(id) {
                    *self.passed_on.entry(payload).or_default() += 1;
                }
                self.send(&Packet::PubRec(Ack::success(id)));
            }
            Packet::PubRel(ack) => {
                self.unreleased.remove(&ack.id);
                self.send(&Packet::PubComp(Ack::success(ack.id)));
            }
            Packet::PubRec(ack) => {
                self.session.outbound.pubrec(ack.id, false);
                self.session.outbound.release(ack.id, true);
                self.send(&Packet::PubRel(Ack::success(ack.id)));
            }
            Packet::PubComp(ack) => {
                self.session.outbound.pubcomp(ack.id);
            }
            other => panic!("{other:?}"),
        }
    }

    /// Sends a message of its own under an identifier of few, so that they come again soon.
    fn begin_publish(&mut self) {
        let in_use = (1..=3).filter_map(PacketId::new).find(|id| !self.session.outbound.contains(*id));
        if let Some(id) = in_use {
            self.session.outbound.push_as(id, QoS::ExactlyOnce, "x");
            self.publish(Delivery::new(QoS::ExactlyOnce, false, id));
        }
    }

    fn publish(&mut self, delivery: Delivery) {
        let topic = TopicName::parse("t").ok();
        let packet = Publish { topic, delivery, retain: false, properties: Properties::EMPTY, payload: b"x" };
        self.send(&Packet::Publish(packet));
    }
}

/// A client, what is kept of it, and what is on its way there.
struct World {
    random: Random,
    server: Server,
    client: Client<String>,
    kept: StoredSession,
    /// Changes that are being kept, and the bytes that wait for that.
    batch: Option<(Vec<SessionChange>, Vec<u8>)>,
    /// Bytes on their way to the server.
    wire: Vec<u8>,
    /// Messages that the application wants to have published, and does not know to be kept or finished.
    wanted: Vec<(String, QoS)>,
    /// What came and is not acknowledged.
    held: Vec<Receipt>,
    /// How many messages came, without those of a crash before their acknowledgement was kept.
    acknowledged: usize,
    sent_by_server: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let kept = StoredSession::default();
        Self {
            random: Random(seed),
            server: Server::default(),
            client: Self::client(&kept),
            kept,
            batch: None,
            wire: Vec::new(),
            wanted: Vec::new(),
            held: Vec::new(),
            acknowledged: 0,
            sent_by_server: 0,
        }
    }

    fn client(kept: &StoredSession) -> Client<String> {
        let settings = Settings { acknowledges_itself: false, tells_changes: true, ..Settings::default() };
        let text = |message: &Arc<KeptMessage>| String::from_utf8(message.payload().to_vec()).unwrap();
        Client::restore(settings, kept, |_, message| message.map(text).unwrap_or_default())
    }

    fn publish(&mut self, payload: &str, qos: QoS) {
        let topic = TopicName::parse("t").unwrap();
        let payload_bytes = payload.as_bytes();
        let properties = Properties::EMPTY;
        let message = Outgoing { topic, payload: payload_bytes, qos, retain: false, properties };
        self.client.publish(&message, payload.into());
    }

    /// One step of whoever chance picks.
    fn step(&mut self, number: usize) {
        match self.random.below(120) {
            0..15 => {
                let qos = if self.random.below(3) == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
                let payload = number.to_string();
                self.publish(&payload, qos);
                self.wanted.push((payload, qos));
            }
            15..17 => self.lose_connection(),
            17..19 => self.crash(),
            19..26 if self.client.is_connected() && self.server.session.outbound.len() < 3 => {
                self.server.begin_publish();
                self.sent_by_server += 1;
            }
            26..36 => self.acknowledge(),
            _ => self.advance(),
        }
        self.take_events();
    }

    /// The store, the wire or the server does a part of its work.
    fn advance(&mut self) {
        match self.random.below(4) {
            0 => self.keep(),
            1 => self.carry(),
            2 => self.answer(),
            _ if self.client.connection().is_none() => {
                self.client.connect(Instant::default(), &connect()).unwrap();
            }
            _ => {}
        }
    }

    /// A batch gets kept, or the next one begins: changes and the bytes that depend on them together.
    fn keep(&mut self) {
        if let Some((changes, bytes)) = self.batch.take() {
            for change in &changes {
                self.applied(change);
            }
            self.wire.extend(bytes);
        } else if self.client.has_changes() {
            self.batch = Some((self.client.take_changes(), self.client.take_outgoing()));
        } else {
            self.wire.extend(self.client.take_outgoing());
        }
    }

    fn applied(&mut self, change: &SessionChange) {
        if let SessionChange::OutgoingTaken { message, .. } = change {
            let payload = str::from_utf8(message.payload()).unwrap();
            self.wanted.retain(|(wanted, _)| wanted != payload);
        }
        let before = self.kept.received().count();
        self.kept.apply(change);
        self.acknowledged += self.kept.received().count().saturating_sub(before);
    }

    /// Some of the packets on the wire arrive.
    fn carry(&mut self) {
        for _ in 0..self.random.below(4) {
            let Some(header) = fixed_header(Some(VERSION), &self.wire).unwrap() else { break };
            let packet: Vec<u8> = self.wire.drain(..header.packet_len()).collect();
            self.server.receive(&packet);
        }
    }

    fn answer(&mut self) {
        let bytes = core::mem::take(&mut self.server.out);
        self.client.handle(Instant::default(), Input::Received(&bytes));
    }

    fn acknowledge(&mut self) {
        if !self.held.is_empty() {
            let at = self.random.below(self.held.len());
            let receipt = self.held.swap_remove(at);
            self.client.acknowledge(receipt);
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.client.poll() {
            match event {
                Event::Message(message) => self.held.extend(message.receipt),
                Event::Failed(misbehaved) => panic!("{misbehaved:?}"),
                _ => {}
            }
        }
    }

    fn lose_connection(&mut self) {
        self.wire.clear();
        self.server.out.clear();
        if let Some((_, bytes)) = &mut self.batch {
            bytes.clear();
        }
        self.client.take_outgoing();
        self.client.handle(Instant::default(), Input::Closed);
    }

    /// The process dies, perhaps while the last batch is kept; the next one begins with what is kept, and the application
    /// publishes again what it does not know to be kept.
    fn crash(&mut self) {
        if self.random.below(2) == 0
            && let Some((changes, _)) = self.batch.take()
        {
            for change in &changes {
                self.applied(change);
            }
        }
        self.batch = None;
        self.wire.clear();
        self.server.out.clear();
        self.held.clear();
        self.client = Self::client(&self.kept);
        for (payload, qos) in self.wanted.clone() {
            self.publish(&payload, qos);
        }
    }

    /// Everything works for a while.
    fn settle(&mut self) {
        for _ in 0..2_000 {
            if self.client.connection().is_none() {
                self.client.connect(Instant::default(), &connect()).unwrap();
            }
            self.keep();
            self.carry();
            self.answer();
            self.take_events();
            self.acknowledge();
        }
    }
}

#[test]
fn a_client_that_crashes_at_any_moment_loses_nothing_and_repeats_nothing_of_qos_2() {
    const MESSAGES_MIN: usize = 150;
    for seed in 1..=200_u64 {
        let mut world = World::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for number in 0..1500 {
            world.step(number);
        }
        world.settle();
        assert_eq!(world.client.unfinished_publishes(), 0, "seed {seed}");
        assert!(world.kept.is_empty(), "seed {seed}: {:?}", world.kept);
        assert!(world.wanted.is_empty(), "seed {seed}");
        let passed_on = &world.server.passed_on;
        assert!(passed_on.len() > MESSAGES_MIN, "seed {seed}: {}", passed_on.len());
        let wrong: Vec<_> = passed_on.iter().filter(|(_, times)| **times != 1).collect();
        assert!(wrong.is_empty(), "seed {seed}: {wrong:?}");
        assert_eq!(
            world.acknowledged, world.sent_by_server,
            "seed {seed}: each came once and was taken over"
        );
    }
}
