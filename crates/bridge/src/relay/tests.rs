//! The rules, against a broker on either side that is a list of packets.

mod anything;

use martlet_wire::{
    Ack, ConnAck, Connect, Delivery, Packet, PacketId, PacketType, Properties, Property, ProtocolVersion,
    Publish, QoS, ReasonCode, ReasonCodes, SubAck, TopicName, UnsubAck, decode, fixed_header,
};

use super::*;
use crate::options::{Notifications, Restart, Start};
use crate::topics::{Direction, Topic};

const V5: ProtocolVersion = ProtocolVersion::Mqtt5;
const V311: ProtocolVersion = ProtocolVersion::Mqtt311;

fn options(version: ProtocolVersion, qos: QoS) -> BridgeOptions {
    let topic = |direction, near: &str, far: &str| Topic {
        pattern: Some("#".to_owned()),
        direction,
        qos,
        near_prefix: near.to_owned(),
        far_prefix: far.to_owned(),
    };
    BridgeOptions {
        name: "b".to_owned(),
        ways: Vec::new(),
        topics: [topic(Direction::In, "in/", "there/"), topic(Direction::Out, "out/", "here/")]
            .into_iter()
            .collect(),
        version,
        clean_start: false,
        near_clean_start: false,
        far_client_identifier: "far".to_owned(),
        far_user_name: None,
        far_password: None,
        near_client_identifier: "near".to_owned(),
        near_user_name: None,
        keep_alive: 60,
        start: Start::Automatic,
        restart: Restart::Constant(core::time::Duration::from_secs(1)),
        round_robin: false,
        try_private: true,
        notifications: None,
        attempt_unsubscribe: true,
        outgoing_retain: true,
        packet_size_bytes_max: None,
        incoming_packet_bytes_max: 1 << 20,
        topic_alias_maximum: 10,
        receive_maximum: 20,
        session_expiry_interval: 0,
    }
}

/// A relay, and what both sides are told, in words.
struct Bench {
    relay: Relay,
    version: ProtocolVersion,
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

fn words(version: ProtocolVersion, bytes: &mut Vec<u8>) -> Vec<String> {
    let bytes = core::mem::take(bytes);
    let (mut rest, mut all) = (bytes.as_slice(), Vec::new());
    while let Some(header) = fixed_header(None, rest).unwrap() {
        let (packet, behind) = rest.split_at(header.packet_len());
        rest = behind;
        all.push(match decode(version, packet).unwrap() {
            Packet::Connect(Connect { version, bridge, will, clean_start, .. }) => {
                format!("CONNECT {version:?} bridge={bridge} will={} clean={clean_start}", will.is_some())
            }
            Packet::Publish(publish) => {
                let topic = publish.topic.map_or("", |topic| topic.as_str());
                let delivery = publish.delivery;
                let number = delivery.packet_id().map_or(0, PacketId::get);
                let (qos, dup) = (delivery.qos() as u8, u8::from(delivery.dup()));
                format!("PUBLISH {topic} q{qos} d{dup} m{number} r{}", u8::from(publish.retain))
            }
            Packet::Subscribe(subscribe) => {
                let filters: Vec<&str> = subscribe.requests.iter().map(|it| it.filter.as_str()).collect();
                format!("SUBSCRIBE m{} {}", subscribe.id.get(), filters.join(" "))
            }
            Packet::Unsubscribe(it) => {
                let filters: Vec<&str> = it.filters.iter().map(|filter| filter.as_str()).collect();
                format!("UNSUBSCRIBE m{} {}", it.id.get(), filters.join(" "))
            }
            Packet::PubAck(ack) => format!("PUBACK m{}", ack.id.get()),
            Packet::PubRec(ack) => format!("PUBREC m{}", ack.id.get()),
            Packet::PubRel(ack) => format!("PUBREL m{}", ack.id.get()),
            Packet::PubComp(ack) => format!("PUBCOMP m{}", ack.id.get()),
            other => other.packet_type().name().to_owned(),
        });
    }
    all
}

fn encoded(version: ProtocolVersion, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).unwrap();
    bytes
}

fn publish(topic: &str, delivery: Delivery) -> Packet<'_> {
    let topic = Some(TopicName::parse(topic).unwrap());
    Packet::Publish(Publish { topic, delivery, retain: true, properties: Properties::EMPTY, payload: b"x" })
}

fn ack(number: u16) -> Ack<'static> {
    Ack::success(id(number))
}

impl Bench {
    /// A bridge that listens at this broker and has asked the other one to be let in.
    fn listening(options: BridgeOptions, memory: Memory) -> Self {
        let version = memory.version(&options);
        let relay = Relay::begin(Arc::new(options), memory).unwrap();
        let mut bench = Self { relay, version };
        assert!(bench.far().is_empty(), "nobody is asked before the near end listens");
        let end = bench.relay.take_near_end().unwrap();
        assert!(!end.takes_messages);
        let near = bench.near();
        assert_eq!(near[0], "CONNECT Mqtt5 bridge=false will=false clean=false");
        assert_eq!(near[1..], ["SUBSCRIBE m1 out/#"]);
        bench
            .near_says(&Packet::ConnAck(ConnAck {
                session_present: true,
                reason: ReasonCode::Success,
                properties: Properties::EMPTY,
            }))
            .unwrap();
        bench.near_suback();
        bench
    }

    /// One that was let in.
    fn open(options: BridgeOptions, session_present: bool, properties: &[Property<'_>]) -> Self {
        let mut bench = Self::listening(options, Memory::default());
        bench.far();
        bench.let_in(session_present, properties);
        bench
    }

    fn let_in(&mut self, session_present: bool, properties: &[Property<'_>]) {
        let properties = Properties::list(properties);
        let connack = ConnAck { session_present, reason: ReasonCode::Success, properties };
        self.far_says(&Packet::ConnAck(connack)).unwrap();
        self.relay.early_end_is_over();
    }

    /// The answers to what the bridge has asked the other broker for.
    fn answer_own(&mut self) {
        let codes = ReasonCodes::list(&[ReasonCode::Success]);
        let suback = SubAck { id: id(1), properties: Properties::EMPTY, codes };
        self.far_says(&Packet::SubAck(suback)).unwrap();
        let unsuback = UnsubAck { id: id(2), properties: Properties::EMPTY, codes };
        self.far_says(&Packet::UnsubAck(unsuback)).unwrap();
    }

    fn near_suback(&mut self) {
        let codes = ReasonCodes::list(&[ReasonCode::GRANTED_QOS_0]);
        self.near_says(&Packet::SubAck(SubAck { id: id(1), properties: Properties::EMPTY, codes })).unwrap();
    }

    fn far_says(&mut self, packet: &Packet<'_>) -> Result<(), End> {
        self.relay.take_far(&encoded(self.version, packet))
    }

    fn near_says(&mut self, packet: &Packet<'_>) -> Result<(), End> {
        self.relay.take_near(&encoded(NEAR, packet))
    }

    /// Leaves out what was said so far.
    fn forget(&mut self) {
        self.relay.far_bytes().clear();
        self.relay.near_bytes().clear();
        self.relay.notices().for_each(drop);
    }

    fn far(&mut self) -> Vec<String> {
        words(self.version, self.relay.far_bytes())
    }

    fn near(&mut self) -> Vec<String> {
        words(NEAR, self.relay.near_bytes())
    }
}

#[test]
fn a_connection_begins_with_the_near_end_and_its_subscriptions() {
    let mut bench = Bench::listening(options(V311, QoS::AtLeastOnce), Memory::default());
    assert_eq!(bench.far(), ["CONNECT Mqtt311 bridge=true will=false clean=false"]);
    bench.let_in(false, &[]);
    assert_eq!(bench.far(), ["SUBSCRIBE m1 there/#", "UNSUBSCRIBE m2 here/#"]);
    let end = bench.relay.take_near_end().unwrap();
    assert_eq!(end, NearEnd { last_packet_id: 2, has_new_session: true, takes_messages: true });
    let near = bench.near();
    assert_eq!(near, ["CONNECT Mqtt5 bridge=false will=false clean=false", "SUBSCRIBE m1 out/#"]);
    assert!(bench.relay.is_open());
}

#[test]
fn a_session_that_is_there_goes_on() {
    for (version, session_present, has_new_session) in
        [(V311, true, false), (V5, false, true), (ProtocolVersion::Mqtt31, false, false)]
    {
        let mut bench = Bench::open(options(version, QoS::AtLeastOnce), session_present, &[]);
        assert_eq!(bench.relay.take_near_end().unwrap().has_new_session, has_new_session, "{version:?}");
    }
}

#[test]
fn what_listens_keeps_qos_0_and_leaves_the_rest_to_its_session() {
    let mut bench = Bench::listening(options(V311, QoS::ExactlyOnce), Memory::default());
    bench.near_says(&publish("out/a", Delivery::AtMostOnce)).unwrap();
    bench.near_says(&publish("out/b", Delivery::AtLeastOnce { dup: false, id: id(7) })).unwrap();
    bench.near_says(&Packet::PubRel(ack(6))).unwrap();
    assert_eq!(bench.far().len(), 1, "only the CONNECT");
    bench.let_in(true, &[]);
    assert_eq!(bench.far()[2..], ["PUBLISH here/a q0 d0 m0 r1"]);
}

#[test]
fn messages_and_their_answers_pass_under_one_identifier() {
    let mut bench = Bench::open(options(V311, QoS::ExactlyOnce), true, &[]);
    bench.answer_own();
    bench.forget();
    // Out, QoS 1 and 2.
    bench.near_says(&publish("out/a", Delivery::AtLeastOnce { dup: false, id: id(3) })).unwrap();
    bench.near_says(&publish("out/b", Delivery::ExactlyOnce { dup: true, id: id(4) })).unwrap();
    assert_eq!(bench.far(), ["PUBLISH here/a q1 d0 m3 r1", "PUBLISH here/b q2 d1 m4 r1"]);
    assert!(bench.near().is_empty(), "nothing is acknowledged before the other broker does");
    bench.far_says(&Packet::PubAck(ack(3))).unwrap();
    bench.far_says(&Packet::PubRec(ack(4))).unwrap();
    assert_eq!(bench.near(), ["PUBACK m3", "PUBREC m4"]);
    bench.near_says(&Packet::PubRel(ack(4))).unwrap();
    bench.far_says(&Packet::PubComp(ack(4))).unwrap();
    assert_eq!((bench.far(), bench.near()), (vec!["PUBREL m4".to_owned()], vec!["PUBCOMP m4".to_owned()]));
    // In, QoS 2.
    bench.far_says(&publish("there/c", Delivery::ExactlyOnce { dup: false, id: id(9) })).unwrap();
    assert_eq!(bench.near(), ["PUBLISH in/c q2 d0 m9 r1"]);
    bench.near_says(&Packet::PubRec(ack(9))).unwrap();
    bench.far_says(&Packet::PubRel(ack(9))).unwrap();
    bench.near_says(&Packet::PubComp(ack(9))).unwrap();
    assert_eq!(bench.far(), ["PUBREC m9", "PUBCOMP m9"]);
    assert_eq!(bench.near(), ["PUBREL m9"]);
    assert_eq!(bench.relay.passed(), 3);
}

#[test]
fn a_message_waits_for_an_identifier_that_is_asked_with() {
    let mut bench = Bench::open(options(V311, QoS::AtLeastOnce), true, &[]);
    bench.far();
    bench.near_says(&publish("out/a", Delivery::AtLeastOnce { dup: true, id: id(2) })).unwrap();
    bench.near_says(&publish("out/b", Delivery::AtMostOnce)).unwrap();
    assert!(bench.far().is_empty());
    bench.answer_own();
    assert_eq!(bench.far(), ["PUBLISH here/a q1 d1 m2 r1", "PUBLISH here/b q0 d0 m0 r1"]);
}

#[test]
fn a_lower_qos_is_acknowledged_here() {
    let limits = [Property::MaximumQos(QoS::AtLeastOnce), Property::RetainAvailable(false)];
    let mut bench = Bench::open(options(V5, QoS::ExactlyOnce), true, &limits);
    bench.answer_own();
    bench.forget();
    bench.near_says(&publish("out/a", Delivery::ExactlyOnce { dup: false, id: id(3) })).unwrap();
    assert_eq!(bench.far(), ["PUBLISH here/a q1 d0 m3 r0"]);
    bench.far_says(&Packet::PubAck(ack(3))).unwrap();
    assert_eq!(bench.near(), ["PUBREC m3"]);
    bench.near_says(&Packet::PubRel(ack(3))).unwrap();
    assert_eq!((bench.near(), bench.far().len()), (vec!["PUBCOMP m3".to_owned()], 0));

    let mut bench =
        Bench::open(options(V5, QoS::ExactlyOnce), true, &[Property::MaximumQos(QoS::AtMostOnce)]);
    bench.answer_own();
    bench.forget();
    bench.near_says(&publish("out/a", Delivery::AtLeastOnce { dup: false, id: id(3) })).unwrap();
    assert_eq!(bench.near(), ["PUBACK m3"]);
    assert_eq!(bench.far(), ["PUBLISH here/a q0 d0 m0 r1"]);
}

#[test]
fn what_no_topic_fits_is_acknowledged_and_goes_nowhere() {
    let mut bench = Bench::open(options(V311, QoS::ExactlyOnce), true, &[]);
    bench.answer_own();
    bench.forget();
    bench.near_says(&publish("other", Delivery::ExactlyOnce { dup: false, id: id(3) })).unwrap();
    bench.near_says(&Packet::PubRel(ack(3))).unwrap();
    bench.far_says(&publish("other", Delivery::AtLeastOnce { dup: false, id: id(5) })).unwrap();
    assert_eq!(
        (bench.near(), bench.far()),
        (vec!["PUBREC m3".into(), "PUBCOMP m3".into()], vec!["PUBACK m5".into()])
    );
    let dropped = |it: &Notice| matches!(it, Notice::Dropped { topic, .. } if topic == "other");
    assert_eq!(bench.relay.notices().filter(dropped).count(), 2);
}

#[test]
fn what_this_broker_cannot_keep_now_comes_again() {
    let mut bench = Bench::open(options(V5, QoS::AtLeastOnce), true, &[]);
    bench.answer_own();
    bench.far();
    bench.far_says(&publish("there/a", Delivery::AtLeastOnce { dup: false, id: id(5) })).unwrap();
    let full = Ack { reason: ReasonCode::QuotaExceeded, ..ack(5) };
    assert_eq!(bench.near_says(&Packet::PubAck(full)), Err(End::NearFull(ReasonCode::QuotaExceeded)));
    assert!(bench.far().is_empty(), "it is not acknowledged");
}

#[test]
fn the_other_broker_is_told_that_the_bridge_is_there() {
    let notifications = Some(Notifications { topic: "state".to_owned(), near_only: false });
    let options = BridgeOptions { notifications, ..options(V311, QoS::AtLeastOnce) };
    let mut bench = Bench::listening(options, Memory::default());
    assert_eq!(bench.far(), ["CONNECT Mqtt311 bridge=true will=true clean=false"]);
    bench.let_in(true, &[]);
    assert_eq!(bench.far()[0], "PUBLISH state q1 d0 m1 r1");
    bench.near();
    bench.far_says(&Packet::PubAck(ack(1))).unwrap();
    assert!(bench.near().is_empty(), "its answer is not for the near end");
    bench.relay.leave();
    assert!(bench.far().is_empty(), "only a connection without an end publishes the Will");
}

#[test]
fn who_is_refused_tries_it_in_another_way() {
    let refused = |reason| ConnAck { session_present: false, reason, properties: Properties::EMPTY };
    let mut bench = Bench::listening(options(V5, QoS::AtLeastOnce), Memory::default());
    // A broker that knows only 3.1.1 answers in its own format.
    let end = bench.relay.take_far(&[0x20, 2, 0, 1]).unwrap_err();
    assert!(matches!(end, End::Refused { remedy: Some(Refusal::WithMqtt311), .. }), "{end:?}");
    let memory = bench.relay.into_memory();
    let mut bench = Bench::listening(options(V5, QoS::AtLeastOnce), memory);
    assert_eq!(bench.far(), ["CONNECT Mqtt311 bridge=true will=false clean=false"]);
    let end = bench.far_says(&Packet::ConnAck(refused(ReasonCode::UnsupportedProtocolVersion))).unwrap_err();
    assert!(matches!(end, End::Refused { remedy: Some(Refusal::WithoutBridgeBit), .. }), "{end:?}");
    let mut bench = Bench::listening(options(V5, QoS::AtLeastOnce), bench.relay.into_memory());
    assert_eq!(bench.far(), ["CONNECT Mqtt311 bridge=false will=false clean=false"]);
    let end = bench.relay.take_far(&[0x20, 2, 0, 128]).unwrap_err();
    assert_eq!(end, End::Refused { reason: ReasonCode::UnspecifiedError, remedy: None });
}

#[test]
fn aliases_of_the_other_broker_end_here() {
    let mut bench = Bench::open(options(V5, QoS::AtLeastOnce), true, &[]);
    bench.near();
    let send = |bench: &mut Bench, topic: Option<&str>| {
        let topic = topic.map(|topic| TopicName::parse(topic).unwrap());
        let properties = [Property::TopicAlias(3), Property::UserProperty("a", "b")];
        let properties = Properties::list(&properties);
        let delivery = Delivery::AtMostOnce;
        bench.far_says(&Packet::Publish(Publish { topic, delivery, retain: false, properties, payload: b"" }))
    };
    send(&mut bench, Some("there/a")).unwrap();
    send(&mut bench, None).unwrap();
    assert_eq!(bench.near(), ["PUBLISH in/a q0 d0 m0 r0"; 2]);
}

#[test]
fn a_broker_that_misbehaves_is_left() {
    let mut bench = Bench::open(options(V311, QoS::AtLeastOnce), true, &[]);
    let wildcard = [0x30, 5, 0, 3, b't', b'/', b'#'];
    assert!(matches!(bench.relay.take_far(&wildcard), Err(End::FarMisbehaved(_))));
    let mut bench = Bench::open(options(V311, QoS::AtLeastOnce), true, &[]);
    // Larger than allowed: seen from the fixed header alone.
    assert!(matches!(bench.relay.take_far(&[0x30, 0xFF, 0xFF, 0x7F]), Err(End::FarMisbehaved(_))));
}

#[test]
fn a_ping_that_is_not_answered_is_the_end() {
    let mut bench = Bench::open(options(V311, QoS::AtLeastOnce), true, &[]);
    bench.far();
    assert!(bench.relay.ping());
    assert_eq!(bench.far(), [PacketType::PingReq.name()]);
    bench.relay.take_far(&PING_RESPONSE).unwrap();
    assert!(bench.relay.ping());
    assert!(!bench.relay.ping());
    // Who asks gets an answer, though servers do not ask.
    bench.far();
    bench.relay.take_far(&PING_REQUEST).unwrap();
    assert_eq!(bench.far(), [PacketType::PingResp.name()]);
}
