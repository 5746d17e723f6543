//! What clients publish below `$CONTROL/`, and what the broker itself publishes.

use martlet_engine::{
    Announcement, BatchId, Commons, Config, ConnectionId, ControlAnswer, ControlRequest, Engine, Input,
    Instant, Output, Peer, ShardId, Stored, shard_of,
};
use martlet_wire::{
    Connect, Delivery, Packet, PacketId, Properties, Property, ProtocolVersion, Publish, QoS, Subscribe,
    SubscribeRequest, SubscribeRequests, SubscriptionOptions, TopicFilter, TopicName, Will, decode,
    fixed_header,
};

const V5: ProtocolVersion = ProtocolVersion::Mqtt5;

struct Broker {
    engine: Engine,
    batches: Vec<(BatchId, Vec<u8>)>,
    requests: Vec<ControlRequest>,
}

fn connection(index: u32) -> ConnectionId {
    ConnectionId { index, generation: 1 }
}

fn topic(text: &str) -> TopicName<'_> {
    TopicName::parse(text).expect("a Topic Name")
}

fn delivery(qos: QoS, id: u16) -> Delivery {
    Delivery::new(qos, false, PacketId::new(id).expect("a number above 0"))
}

impl Broker {
    fn new(config: &Config) -> Self {
        let mut engine = Engine::new(config.clone(), ShardId(0), Commons::new(1, config));
        engine.restored(Instant::from_millis(1_000), BatchId(0));
        Self { engine, batches: Vec::new(), requests: Vec::new() }
    }

    fn handle(&mut self, input: Input<'_>) -> Vec<String> {
        self.engine.handle(Instant::from_millis(2_000), input);
        let mut lines = Vec::new();
        loop {
            match self.engine.poll() {
                Output::Persist { batch, records } => {
                    self.batches.push((batch, records));
                    self.engine.handle(Instant::from_millis(2_000), Input::Persisted(batch));
                }
                Output::Transmit(connection) => {
                    let mut slices = Vec::new();
                    self.engine.outgoing(connection, &mut slices);
                    let bytes = slices.concat();
                    lines.extend(describe(connection, &bytes));
                    let bytes = bytes.len();
                    self.engine.handle(Instant::from_millis(2_000), Input::Sent { connection, bytes });
                }
                Output::Close { connection, farewell } => lines.extend(describe(connection, &farewell)),
                Output::Control(request) => self.requests.push(*request),
                Output::WakeAt(_) => {
                    self.engine.end_turn();
                    return lines;
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, index: u32, packet: &Packet<'_>) -> Vec<String> {
        let mut bytes = Vec::new();
        packet.encode(V5, &mut bytes).expect("a packet that can be encoded");
        self.handle(Input::Received { connection: connection(index), bytes: &bytes })
    }

    fn connect(&mut self, index: u32, name: &str, will: Option<Will<'_>>) -> Vec<String> {
        self.handle(Input::Opened { connection: connection(index), peer: Peer::default() });
        let properties = [Property::SessionExpiryInterval(100)];
        let connect = Connect {
            version: V5,
            bridge: false,
            clean_start: false,
            keep_alive: 0,
            properties: Properties::list(&properties),
            client_identifier: name,
            will,
            user_name: Some("user"),
            password: None,
        };
        self.send(index, &Packet::Connect(connect))
    }

    fn subscribe(&mut self, index: u32, filter: &str) -> Vec<String> {
        let filter = TopicFilter::parse(filter).expect("a Topic Filter");
        let options = SubscriptionOptions { maximum_qos: QoS::ExactlyOnce, ..SubscriptionOptions::default() };
        let requests = [SubscribeRequest { filter, options }];
        let subscribe = Subscribe {
            id: PacketId::MIN,
            properties: Properties::EMPTY,
            requests: SubscribeRequests::list(&requests),
        };
        self.send(index, &Packet::Subscribe(subscribe))
    }

    fn publish(&mut self, index: u32, name: &str, delivery: Delivery, payload: &[u8]) -> Vec<String> {
        let correlation = [Property::CorrelationData(b"c")];
        let properties = Properties::list(&correlation);
        let publish = Publish { topic: Some(topic(name)), delivery, retain: true, properties, payload };
        self.send(index, &Packet::Publish(publish))
    }

    fn answer(&mut self, answer: ControlAnswer<'_>) -> Vec<String> {
        let request = self.requests.remove(0).id;
        self.handle(Input::Controlled { request, answer })
    }

    fn announce(&mut self, name: &str, payload: &[u8], retain: bool) -> Vec<String> {
        self.handle(Input::Publish(Announcement {
            topic: topic(name),
            payload,
            qos: QoS::ExactlyOnce,
            expiry_interval: None,
            retain,
        }))
    }
}

fn describe(connection: ConnectionId, mut bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    while let Ok(Some(header)) = fixed_header(None, bytes) {
        let (packet, rest) = bytes.split_at(header.packet_len());
        bytes = rest;
        let text = match decode(V5, packet).expect("a whole packet") {
            Packet::ConnAck(connack) => format!("CONNACK {}", connack.reason.name()),
            Packet::Publish(publish) => {
                let name = publish.topic.map_or("", |topic| topic.as_str());
                let (qos, payload) = (publish.delivery.qos() as u8, String::from_utf8_lossy(publish.payload));
                let correlation = publish.properties.correlation_data().map(String::from_utf8_lossy);
                format!("PUBLISH {name} q{qos} {payload} {}", correlation.unwrap_or_default())
            }
            Packet::PubAck(ack) | Packet::PubRec(ack) => format!("ACK {} {}", ack.id, ack.reason.name()),
            other => other.packet_type().to_string(),
        };
        lines.push(format!("{}: {}", connection.index, text.trim()));
    }
    lines
}

const NONE: [&str; 0] = [];

#[test]
fn a_request_goes_to_the_driver_and_its_answer_to_all_who_subscribed_to_it() {
    let mut broker = Broker::new(&Config::default());
    broker.connect(0, "admin", None);
    broker.connect(1, "observer", None);
    broker.subscribe(1, "$CONTROL/#");
    assert_eq!(broker.publish(0, "$CONTROL/x/v1", delivery(QoS::AtLeastOnce, 7), b"{}"), NONE);
    let request = &broker.requests[0];
    assert_eq!((request.client_identifier.as_str(), request.user_name.as_deref()), ("admin", Some("user")));
    assert_eq!((request.topic.as_str(), request.payload.as_slice()), ("$CONTROL/x/v1", &b"{}"[..]));
    assert_eq!((request.version, request.correlation_data.as_deref()), (V5, Some(&b"c"[..])));
    let answer = ControlAnswer::Published { topic: topic("$CONTROL/x/v1/response"), payload: b"done" };
    assert_eq!(broker.answer(answer), ["0: ACK 7 Success", "1: PUBLISH $CONTROL/x/v1/response q0 done"]);
}

#[test]
fn what_nobody_handles_is_answered_to_the_client_alone() {
    let mut broker = Broker::new(&Config::default());
    broker.connect(0, "admin", None);
    broker.connect(1, "observer", None);
    broker.subscribe(1, "$CONTROL/#");
    broker.publish(0, "$CONTROL/x", Delivery::AtMostOnce, b"");
    let expected = [r#"0: PUBLISH $CONTROL/x/response q0 {"error": "endpoint not available"} c"#];
    assert_eq!(broker.answer(ControlAnswer::Unavailable), expected);
}

#[test]
fn requests_of_a_client_take_effect_in_their_order_and_before_what_follows() {
    let mut broker = Broker::new(&Config::default());
    broker.connect(0, "admin", None);
    broker.publish(0, "$CONTROL/x", delivery(QoS::ExactlyOnce, 1), b"first");
    broker.publish(0, "$CONTROL/x", delivery(QoS::AtLeastOnce, 2), b"second");
    assert_eq!(broker.send(0, &Packet::PingReq), NONE);
    assert!(!broker.engine.accepts(connection(0)));
    assert_eq!(broker.requests.len(), 1);
    let alone = ControlAnswer::Alone { topic: topic("r"), payload: b"1" };
    assert_eq!(broker.answer(alone), ["0: ACK 1 Success", "0: PUBLISH r q0 1 c"]);
    assert_eq!(broker.requests[0].payload, b"second");
    let alone = ControlAnswer::Alone { topic: topic("r"), payload: b"2" };
    assert_eq!(broker.answer(alone), ["0: ACK 2 Success", "0: PUBLISH r q0 2 c", "0: PINGRESP"]);
}

#[test]
fn requests_have_bounds() {
    let mut config = Config::default();
    config.limits.control_requests_max = 1;
    config.limits.control_payload_bytes_max = 3;
    let mut broker = Broker::new(&config);
    broker.connect(0, "a", None);
    broker.connect(1, "b", None);
    let expected = ["0: ACK 1 Quota exceeded"];
    assert_eq!(broker.publish(0, "$CONTROL/x", delivery(QoS::AtLeastOnce, 1), b"1234"), expected);
    broker.publish(0, "$CONTROL/x", delivery(QoS::AtLeastOnce, 2), b"123");
    let expected = ["1: ACK 1 Quota exceeded"];
    assert_eq!(broker.publish(1, "$CONTROL/x", delivery(QoS::ExactlyOnce, 1), b""), expected);
    assert_eq!(broker.requests.len(), 1);
}

#[test]
fn the_acknowledgement_of_a_qos_2_request_finds_a_client_that_came_back() {
    let mut broker = Broker::new(&Config::default());
    broker.connect(0, "admin", None);
    broker.publish(0, "$CONTROL/x", delivery(QoS::ExactlyOnce, 1), b"");
    broker.handle(Input::Closed { connection: connection(0) });
    broker.connect(1, "admin", None);
    assert_eq!(broker.publish(1, "$CONTROL/x", delivery(QoS::ExactlyOnce, 1), b""), NONE);
    let alone = ControlAnswer::Alone { topic: topic("r"), payload: b"1" };
    assert_eq!(broker.answer(alone), ["1: ACK 1 Success", "1: PUBLISH r q0 1 c"]);
    assert_eq!(broker.requests.len(), 0);
}

#[test]
fn a_will_is_no_request() {
    let mut broker = Broker::new(&Config::default());
    let will = Will {
        qos: QoS::AtMostOnce,
        retain: false,
        properties: Properties::EMPTY,
        topic: topic("$CONTROL/x"),
        payload: b"",
    };
    assert_eq!(broker.connect(0, "a", Some(will)), ["0: CONNACK Not authorized"]);
}

#[test]
fn what_the_broker_tells_of_itself_is_not_in_the_log() {
    let mut broker = Broker::new(&Config::default());
    assert_eq!(broker.announce("$SYS/broker/uptime", b"1 seconds", true), NONE);
    assert_eq!(broker.batches.len(), 0);
    broker.announce("other", b"kept", true);
    assert_eq!(broker.batches.len(), 1);
    broker.connect(0, "a", None);
    let lines = broker.subscribe(0, "$SYS/#");
    assert_eq!(lines, ["0: SUBACK", "0: PUBLISH $SYS/broker/uptime q2 1 seconds"]);

    assert!(broker.engine.begin_checkpoint().is_some());
    let mut parts = Vec::new();
    while let Some(part) = broker.engine.checkpoint_part(usize::MAX) {
        parts.push(part);
    }
    let config = Config::default();
    let commons = Commons::new(1, &config);
    let mut engine = Engine::new(config, ShardId(0), std::sync::Arc::clone(&commons));
    for part in &parts {
        engine.restore(Stored::Checkpoint, part).expect("records of the engine itself");
    }
    engine.restored(Instant::from_millis(3_000), BatchId(1));
    assert_eq!(commons.retained_size().0, 1);
}

#[test]
fn what_the_broker_tells_of_itself_waits_for_no_log() {
    let mut broker = Broker::new(&Config::default());
    broker.connect(0, "a", None);
    broker.subscribe(0, "$SYS/#");
    broker.handle(Input::LogStalled);
    let expected = ["0: PUBLISH $SYS/broker/x q0 y"];
    assert_eq!(broker.announce("$SYS/broker/x", b"y", true), expected);
}

#[test]
fn clients_do_not_publish_what_the_broker_tells_of_itself() {
    let mut broker = Broker::new(&Config::default());
    broker.connect(0, "a", None);
    let ack = broker.publish(0, "$SYS/broker/uptime", delivery(QoS::AtLeastOnce, 1), b"0");
    assert_eq!(ack, ["0: ACK 1 Not authorized"]);
    let ack = broker.publish(0, "$SYS/broker/connection/a/state", delivery(QoS::AtLeastOnce, 2), b"1");
    assert_eq!(ack, ["0: ACK 2 No matching subscribers"]);
}

#[test]
fn counters() {
    let mut broker = Broker::new(&Config::default());
    broker.connect(0, "a", None);
    broker.connect(1, "b", None);
    broker.subscribe(0, "t");
    broker.subscribe(0, "$share/g/t");
    broker.publish(1, "t", delivery(QoS::AtLeastOnce, 1), b"12345");
    let status = broker.engine.status();
    assert_eq!((status.sessions, status.sessions_connected, status.connections), (2, 2, 2));
    assert_eq!((status.subscriptions, status.shared_subscriptions), (2, 1));
    assert_eq!((status.packets_received, status.connects_received, status.publish_received), (5, 2, 1));
    // Two CONNACK, two SUBACK, PUBLISH for each of both subscriptions, PUBACK.
    assert_eq!((status.packets_sent, status.publish_sent), (7, 2));
    assert_eq!((status.publish_bytes_received, status.publish_bytes_sent), (5, 10));
    assert_eq!((status.unsent_bytes, status.queued_bytes, status.unpersisted_bytes), (0, 0, 0));

    broker.handle(Input::Closed { connection: connection(0) });
    broker.publish(1, "t", delivery(QoS::AtLeastOnce, 2), b"12345");
    let status = broker.engine.status();
    assert_eq!((status.sessions, status.sessions_connected, status.connections), (2, 1, 1));
    // Topic, properties (Correlation Data of one byte) and payload, for both subscriptions.
    assert_eq!((status.queued_messages, status.queued_bytes), (2, 2 * (1 + 4 + 5)));
    broker.connect(2, "a", None);
    let status = broker.engine.status();
    assert_eq!((status.queued_messages, status.queued_bytes, status.unsent_bytes), (0, 0, 0));
}

#[test]
fn what_the_broker_tells_of_itself_reaches_other_shards_while_the_log_cannot_be_written_to() {
    let config = Config::default();
    let commons = Commons::new(2, &config);
    let mut engine = Engine::new(config.clone(), ShardId(0), std::sync::Arc::clone(&commons));
    let mut other = Engine::new(config, ShardId(1), commons);
    for engine in [&mut engine, &mut other] {
        engine.restored(Instant::from_millis(1_000), BatchId(0));
    }
    let name = (0..100).map(|number| number.to_string()).find(|name| shard_of(name, 2) == 1).unwrap();
    let mut other = Broker { engine: other, batches: Vec::new(), requests: Vec::new() };
    other.connect(0, &name, None);
    other.subscribe(0, "$SYS/#");

    let mut announce = |input: Input<'_>| {
        engine.handle(Instant::from_millis(2_000), input);
        let mut forwarded = 0;
        loop {
            match engine.poll() {
                Output::Forward { .. } => forwarded += 1,
                Output::WakeAt(_) => return forwarded,
                _ => {} // the log is silent
            }
        }
    };
    let message = |payload| {
        Input::Publish(Announcement {
            topic: topic("$SYS/broker/x"),
            payload,
            qos: QoS::ExactlyOnce,
            expiry_interval: None,
            retain: true,
        })
    };
    assert_eq!(announce(message(b"1")), 0, "it is owed, which the log has to have first");
    announce(Input::LogStalled);
    assert_eq!(announce(message(b"2")), 1);
}
