//! The clients of the storm: state machines that never wait, and that judge what they get.

use core::fmt;
use core::task::Poll;
use std::collections::{BTreeSet, VecDeque};

use conformance::build::ConnectBuilder;
use conformance::prelude::*;

const VERSION: ProtocolVersion = ProtocolVersion::Mqtt5;
/// Unfinished messages of one publisher.
const UNFINISHED_MAX: usize = 10;

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Messages that publishers sent, repeats left out.
    pub(crate) published: u64,
    /// First arrivals at a subscriber.
    pub(crate) delivered: u64,
    /// Arrivals at QoS 1 of what had arrived before.
    pub(crate) duplicates_at_qos_1: u64,
    /// Repeats of unfinished QoS 2 messages, which their Packet Identifier tells.
    pub(crate) repeats_at_qos_2: u64,
    /// Connections that were broken off.
    pub(crate) broken: u64,
    /// Connections that took over from a living one.
    pub(crate) take_overs: u64,
    /// Connections that an older one of the same client took over from, as it arrived later.
    pub(crate) overtaken: u64,
    /// Connections that were let in.
    pub(crate) connected: u64,
}

/// A client that connects again and again.
pub(crate) struct Peer {
    name: String,
    link: Option<Client>,
    /// A living connection that nobody reads any more, until another one takes over from it.
    forgotten: Option<Client>,
    stage: Stage,
    /// The tick before which it does not connect.
    pause_until: u64,
    /// Whether it has connected before, and its Session must be there.
    has_session: bool,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Subscribing,
    Ready,
}

enum Role {
    Publisher(Publisher),
    Subscriber(Subscriber),
}

/// Messages of one topic, numbered from 1.
struct Publisher {
    topic: String,
    qos: QoS,
    sent: u64,
    unfinished: VecDeque<Unfinished>,
    next_id: u16,
}

#[derive(Clone, Copy, Debug)]
struct Unfinished {
    id: u16,
    number: u64,
    /// PUBREC came: what is left is PUBREL and PUBCOMP.
    released: bool,
}

/// What came from each publisher.
struct Subscriber {
    /// The number of the last message of each publisher.
    last: Vec<u64>,
    /// The greatest number of each publisher, without a gap below.
    highest: Vec<u64>,
    /// QoS 2 messages whose PUBREL has not come.
    received: BTreeSet<u16>,
}

impl Peer {
    fn new(name: String, role: Role) -> Self {
        let stage = Stage::Connecting;
        Self { name, link: None, forgotten: None, stage, pause_until: 0, has_session: false, role }
    }

    /// A publisher; those of even numbers publish at QoS 1, the others at QoS 2.
    pub(crate) fn publisher(index: usize) -> Self {
        let qos = if index.is_multiple_of(2) { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        let topic = format!("storm/{index}");
        let role = Publisher { topic, qos, sent: 0, unfinished: VecDeque::new(), next_id: 0 };
        Self::new(format!("publisher{index}"), Role::Publisher(role))
    }

    /// A subscriber to all publishers.
    pub(crate) fn subscriber(index: u8, publishers: usize) -> Self {
        let role =
            Subscriber { last: vec![0; publishers], highest: vec![0; publishers], received: BTreeSet::new() };
        Self::new(format!("subscriber{index}"), Role::Subscriber(role))
    }

    /// Whether it is connected, and subscribed if it is a subscriber.
    pub(crate) fn is_ready(&self) -> bool {
        self.link.is_some() && self.stage == Stage::Ready
    }

    /// Whether nothing that it sent is unfinished.
    pub(crate) fn is_done(&self) -> bool {
        match &self.role {
            Role::Publisher(publisher) => publisher.unfinished.is_empty(),
            Role::Subscriber(_) => true,
        }
    }

    /// How many messages it has published.
    pub(crate) fn sent(&self) -> u64 {
        match &self.role {
            Role::Publisher(publisher) => publisher.sent,
            Role::Subscriber(_) => 0,
        }
    }

    /// Whether it has got all that the publishers sent, and finished it.
    pub(crate) fn has_received(&self, sent: &[u64]) -> bool {
        match &self.role {
            Role::Publisher(_) => true,
            Role::Subscriber(subscriber) => subscriber.highest == sent && subscriber.received.is_empty(),
        }
    }

    /// Breaks the connection, or forgets it while it lives, so that the next one takes over.
    pub(crate) fn break_off(&mut self, until: u64, takes_over: bool, counts: &mut Counts) {
        let Some(mut link) = self.link.take() else { return };
        counts.broken += 1;
        self.stage = Stage::Connecting;
        self.pause_until = until;
        if takes_over {
            counts.take_overs += 1;
            self.forgotten = Some(link);
        } else {
            link.abort();
        }
    }

    /// Publishes the next message, unless too many are unfinished.
    pub(crate) fn publish(&mut self, counts: &mut Counts) {
        let connected = self.stage == Stage::Ready;
        let Role::Publisher(publisher) = &mut self.role else { return };
        if publisher.unfinished.len() >= UNFINISHED_MAX {
            return;
        }
        publisher.sent += 1;
        counts.published += 1;
        let id = publisher.free_id();
        let message = Unfinished { id, number: publisher.sent, released: false };
        publisher.unfinished.push_back(message);
        if let Some(link) = &mut self.link
            && connected
        {
            link.send_bytes(&publisher.packet(message, false));
        }
    }

    /// Connects if there is no connection, else takes what came and answers.
    pub(crate) fn step(&mut self, now: u64, broker: &mut Broker, counts: &mut Counts) {
        if self.link.is_none() && now >= self.pause_until {
            let mut link = broker.open();
            link.send(&self.connect().packet());
            self.link = Some(link);
        }
        let Some(mut link) = self.link.take() else { return };
        let mut answers = Vec::new();
        loop {
            match link.poll() {
                // An older CONNECT of this client, broken off, was read after the newer one.
                Poll::Ready(Some(OwnedPacket::Disconnect(end)))
                    if end.reason == ReasonCode::SessionTakenOver =>
                {
                    counts.overtaken += 1;
                    self.stage = Stage::Connecting;
                    return;
                }
                Poll::Ready(Some(packet)) => self.take(packet, &mut answers, counts),
                Poll::Ready(None) => {
                    assert_eq!(
                        self.stage,
                        Stage::Connecting,
                        "{}: the broker closed the connection",
                        self.name
                    );
                    counts.overtaken += 1;
                    return;
                }
                Poll::Pending => break,
            }
        }
        if !answers.is_empty() {
            link.send_bytes(&answers);
        }
        self.link = Some(link);
    }

    fn connect(&self) -> ConnectBuilder<'_> {
        let connect = connect5(&self.name).clean_start(false).session_expiry(u32::MAX);
        // The broker has to ask before it lets these in.
        if self.name.ends_with('7') { connect.user("slow") } else { connect }
    }

    fn take(&mut self, packet: OwnedPacket, answers: &mut Vec<u8>, counts: &mut Counts) {
        match (packet, &mut self.role) {
            (OwnedPacket::ConnAck(connack), role) => {
                assert_eq!(connack.reason, ReasonCode::Success, "{}", self.name);
                assert!(connack.session_present || !self.has_session, "{}: the Session is lost", self.name);
                counts.connected += 1;
                self.stage = Stage::Ready;
                self.forgotten = None;
                match role {
                    Role::Publisher(publisher) => publisher.resume(answers),
                    Role::Subscriber(_) if !self.has_session => {
                        let request = subscribe(1).filter("storm/+", QoS::ExactlyOnce);
                        answers.extend(raw::encode(VERSION, &request.packet()));
                        self.stage = Stage::Subscribing;
                    }
                    Role::Subscriber(_) => {}
                }
                self.has_session = true;
            }
            (OwnedPacket::SubAck(suback), Role::Subscriber(_)) => {
                assert_eq!(suback.codes, [ReasonCode::GrantedQos2]);
                self.stage = Stage::Ready;
            }
            (packet, Role::Publisher(publisher)) => publisher.take(&self.name, &packet, answers),
            (packet, Role::Subscriber(subscriber)) => {
                subscriber.take(&self.name, &packet, answers, counts);
            }
        }
    }
}

impl Publisher {
    fn free_id(&mut self) -> u16 {
        loop {
            self.next_id = self.next_id.checked_add(1).unwrap_or(1);
            if self.unfinished.iter().all(|message| message.id != self.next_id) {
                return self.next_id;
            }
        }
    }

    fn packet(&self, message: Unfinished, dup: bool) -> Vec<u8> {
        if message.released {
            return raw::encode(VERSION, &pubrel(message.id).packet());
        }
        let payload = message.number.to_string();
        let publish = publish(&self.topic).payload(payload.as_bytes()).qos(self.qos, message.id);
        raw::encode(VERSION, &if dup { publish.dup() } else { publish }.packet())
    }

    /// Sends all that is unfinished again, in order.
    fn resume(&self, answers: &mut Vec<u8>) {
        for message in &self.unfinished {
            answers.extend(self.packet(*message, true));
        }
    }

    fn take(&mut self, name: &str, packet: &OwnedPacket, answers: &mut Vec<u8>) {
        match packet {
            OwnedPacket::PubAck(ack) => {
                assert!(!ack.reason.is_error(), "{name}: {ack:?}");
                let before = self.unfinished.len();
                self.unfinished.retain(|message| message.id != ack.id);
                assert_eq!(self.unfinished.len() + 1, before, "{name}: PUBACK of nothing: {ack:?}");
            }
            OwnedPacket::PubRec(ack) => {
                assert!(!ack.reason.is_error(), "{name}: {ack:?}");
                let message = self.unfinished.iter_mut().find(|message| message.id == ack.id);
                let message = message.unwrap_or_else(|| panic!("{name}: PUBREC of nothing: {ack:?}"));
                message.released = true;
                answers.extend(raw::encode(VERSION, &pubrel(ack.id).packet()));
            }
            OwnedPacket::PubComp(ack) => {
                let repeated = ack.reason == ReasonCode::PacketIdentifierNotFound;
                assert!(!ack.reason.is_error() || repeated, "{name}: {ack:?}");
                self.unfinished.retain(|message| message.id != ack.id);
            }
            packet => panic!("{name}: an unexpected packet: {packet:?}"),
        }
    }
}

impl Subscriber {
    fn take(&mut self, name: &str, packet: &OwnedPacket, answers: &mut Vec<u8>, counts: &mut Counts) {
        match packet {
            OwnedPacket::Publish(publish) => {
                let answer = match publish.qos {
                    QoS::AtMostOnce => panic!("{name}: QoS 0 of QoS 1 or 2: {publish:?}"),
                    QoS::AtLeastOnce => puback(publish.id),
                    QoS::ExactlyOnce => pubrec(publish.id),
                };
                answers.extend(raw::encode(VERSION, &answer.packet()));
                if publish.qos == QoS::ExactlyOnce && !self.received.insert(publish.id) {
                    assert!(publish.dup, "{name}: a Packet Identifier in use: {publish:?}");
                    counts.repeats_at_qos_2 += 1;
                } else {
                    self.judge(name, publish, counts);
                }
            }
            OwnedPacket::PubRel(ack) => {
                self.received.remove(&ack.id);
                answers.extend(raw::encode(VERSION, &pubcomp(ack.id).packet()));
            }
            packet => panic!("{name}: an unexpected packet: {packet:?}"),
        }
    }

    /// Compares a message with the ones before of its publisher.
    fn judge(&mut self, name: &str, publish: &OwnedPublish, counts: &mut Counts) {
        let publisher = publish.topic.strip_prefix("storm/").and_then(|index| index.parse::<usize>().ok());
        let publisher = publisher.expect("a topic of the storm");
        let number: u64 = String::from_utf8_lossy(&publish.payload).parse().expect("a number");
        let wanted_qos = if publisher.is_multiple_of(2) { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        assert_eq!(publish.qos, wanted_qos);
        let (last, highest) = (&mut self.last[publisher], &mut self.highest[publisher]);
        // What is sent again comes in its order, so that a repeat starts the sequence over.
        assert!(
            number <= *last + 1,
            "{name}: {number} of {publisher} came after {last}: lost or out of order"
        );
        *last = number;
        if number > *highest {
            *highest = number;
            counts.delivered += 1;
        } else {
            assert_eq!(publish.qos, QoS::AtLeastOnce, "{name}: {number} of {publisher} came twice");
            counts.duplicates_at_qos_1 += 1;
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct(&self.name);
        debug.field("connected", &self.link.is_some()).field("stage", &self.stage);
        match &self.role {
            Role::Publisher(publisher) => {
                debug.field("sent", &publisher.sent).field("unfinished", &publisher.unfinished)
            }
            Role::Subscriber(subscriber) => {
                debug.field("highest", &subscriber.highest).field("received", &subscriber.received)
            }
        }
        .finish_non_exhaustive()
    }
}
