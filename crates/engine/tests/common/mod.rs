//! One shard with a log in memory, and clients that send it packets.

#![allow(dead_code, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use martlet_engine::{
    BatchId, Commons, Config, ConnectionId, Engine, Input, Instant, Output, Peer, ShardId, Stored,
};
use martlet_wire::{
    Connect, Delivery, Packet, PacketId, Properties, Property, ProtocolVersion, Publish, QoS, Subscribe,
    SubscribeRequest, SubscribeRequests, SubscriptionOptions, TopicFilter, TopicName, decode, fixed_header,
};

pub(crate) const V5: ProtocolVersion = ProtocolVersion::Mqtt5;
pub(crate) const V311: ProtocolVersion = ProtocolVersion::Mqtt311;

/// A shard, and its log as far as it is durable.
pub(crate) struct Broker {
    pub(crate) engine: Engine,
    /// Batches that are not durable yet.
    under_way: Vec<(BatchId, Vec<u8>)>,
    durable: Vec<(BatchId, Vec<u8>)>,
    pub(crate) closed: Vec<ConnectionId>,
}

fn engine(config: Config) -> Engine {
    let commons = Commons::new(1, &config);
    Engine::new(config, ShardId(0), commons)
}

pub(crate) fn connection(index: u32) -> ConnectionId {
    ConnectionId { index, generation: 1 }
}

pub(crate) fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("a number above 0")
}

impl Broker {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let mut engine = engine(config);
        engine.restored(Instant::from_millis(1_000), BatchId(0));
        Self { engine, under_way: Vec::new(), durable: Vec::new(), closed: Vec::new() }
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.engine.handle(Instant::from_millis(2_000), input);
    }

    /// What leaves now, in one line for each packet.
    pub(crate) fn drain(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.engine.poll() {
                Output::Persist { batch, records } => self.under_way.push((batch, records)),
                Output::Transmit(connection) => {
                    let mut slices = Vec::new();
                    self.engine.outgoing(connection, &mut slices);
                    let bytes = slices.concat();
                    lines.extend(describe(connection, &bytes));
                    self.handle(Input::Sent { connection, bytes: bytes.len() });
                }
                Output::Close { connection, farewell } => {
                    lines.extend(describe(connection, &farewell));
                    self.closed.push(connection);
                }
                Output::WakeAt(_) => {
                    self.engine.end_turn();
                    return lines;
                }
                _ => {}
            }
        }
    }

    /// All that was written is durable; tells what leaves then.
    pub(crate) fn sync(&mut self) -> Vec<String> {
        let mut lines = self.drain();
        while let Some((last, _)) = self.under_way.last() {
            let last = *last;
            self.durable.append(&mut self.under_way);
            self.handle(Input::Persisted(last));
            lines.extend(self.drain());
        }
        lines
    }

    pub(crate) fn send(&mut self, index: u32, version: ProtocolVersion, packet: &Packet<'_>) -> Vec<String> {
        let mut bytes = Vec::new();
        packet.encode(version, &mut bytes).expect("a packet that can be encoded");
        self.handle(Input::Received { connection: connection(index), bytes: &bytes });
        self.drain()
    }

    pub(crate) fn connect(
        &mut self,
        index: u32,
        version: ProtocolVersion,
        name: &str,
        clean_start: bool,
        expiry: u32,
    ) -> Vec<String> {
        self.handle(Input::Opened { connection: connection(index), peer: Peer::default() });
        let properties = [Property::SessionExpiryInterval(expiry)];
        let properties: &[Property<'_>] = if version == V5 { &properties } else { &[] };
        let packet = Packet::Connect(Connect {
            version,
            bridge: false,
            clean_start,
            keep_alive: 0,
            properties: Properties::list(properties),
            client_identifier: name,
            will: None,
            user_name: None,
            password: None,
        });
        self.send(index, version, &packet)
    }

    pub(crate) fn subscribe(&mut self, index: u32, filter: &str, qos: QoS) -> Vec<String> {
        let filter = TopicFilter::parse(filter).expect("a Topic Filter");
        let options = SubscriptionOptions { maximum_qos: qos, ..SubscriptionOptions::default() };
        let requests = [SubscribeRequest { filter, options }];
        let properties = Properties::EMPTY;
        let requests = SubscribeRequests::list(&requests);
        self.send(index, V5, &Packet::Subscribe(Subscribe { id: id(1), properties, requests }))
    }

    pub(crate) fn publish(
        &mut self,
        index: u32,
        version: ProtocolVersion,
        delivery: Delivery,
        payload: &[u8],
    ) -> Vec<String> {
        self.publish_to("t", index, version, delivery, payload)
    }

    pub(crate) fn publish_to(
        &mut self,
        topic: &str,
        index: u32,
        version: ProtocolVersion,
        delivery: Delivery,
        payload: &[u8],
    ) -> Vec<String> {
        let topic = TopicName::parse(topic).ok();
        let properties = Properties::EMPTY;
        let publish = Publish { topic, delivery, retain: false, properties, payload };
        self.send(index, version, &Packet::Publish(publish))
    }

    /// What a crash at this moment leaves.
    pub(crate) fn crash(&self) -> Self {
        let mut engine = engine(Config::default());
        for (batch, records) in &self.durable {
            engine.restore(Stored::Batch(*batch), records).expect("records of the engine itself");
        }
        let last = self.durable.last().map_or(BatchId(0), |(batch, _)| *batch);
        engine.restored(Instant::from_millis(3_000), last);
        Self { engine, under_way: Vec::new(), durable: self.durable.clone(), closed: Vec::new() }
    }

    /// What a start finds that cannot make it durable: the broker was killed, and the machine went on.
    pub(crate) fn killed(self) -> Self {
        let first = self.under_way.first().map_or(BatchId(u64::MAX), |(batch, _)| *batch);
        let mut engine = engine(Config::default());
        for (batch, records) in self.durable.iter().chain(&self.under_way) {
            engine.restore(Stored::Batch(*batch), records).expect("records of the engine itself");
        }
        let last = self.under_way.last().or(self.durable.last()).map_or(BatchId(0), |(batch, _)| *batch);
        engine.crashed();
        engine.unsettled(first);
        engine.restored(Instant::from_millis(3_000), last);
        Self { engine, under_way: self.under_way, durable: self.durable, closed: Vec::new() }
    }
}

fn describe(connection: ConnectionId, mut bytes: &[u8]) -> Vec<String> {
    // Two versions are spoken; the connections of the older one have high numbers.
    let version = if connection.index < 100 { V5 } else { V311 };
    let mut lines = Vec::new();
    while let Ok(Some(header)) = fixed_header(None, bytes) {
        let (packet, rest) = bytes.split_at(header.packet_len());
        bytes = rest;
        let text = match decode(version, packet).expect("a whole packet") {
            Packet::ConnAck(connack) => format!("CONNACK {:?} {}", connack.reason, connack.session_present),
            Packet::Publish(publish) => {
                let id = publish.delivery.packet_id().map_or(0, PacketId::get);
                format!("PUBLISH {id} {}", String::from_utf8_lossy(publish.payload))
            }
            Packet::PubAck(ack) | Packet::PubRec(ack) => format!("ACK {} {:?}", ack.id, ack.reason),
            Packet::SubAck(suback) => match suback.codes.iter().next() {
                Some(code) if code.is_error() => format!("SUBACK {code:?}"),
                _ => "SUBACK".to_owned(),
            },
            other => other.packet_type().to_string(),
        };
        lines.push(format!("{}: {text}", connection.index));
    }
    lines
}

pub(crate) const NONE: [&str; 0] = [];
