mod crash;
mod session;

use alloc::vec;
use alloc::vec::Vec;

use martlet_wire::{
    Ack, ConnAck, Delivery, Property, ProtocolVersion, Publish, QoS, ReasonCodes, SubAck, SubscribeRequest,
    SubscribeRequests, SubscriptionOptions, TopicFilter, TopicName, decode, fixed_header,
};

use super::*;

const VERSION: ProtocolVersion = ProtocolVersion::Mqtt5;

fn connect() -> Connect<'static> {
    Connect {
        version: VERSION,
        bridge: false,
        clean_start: false,
        keep_alive: 10,
        properties: Properties::EMPTY,
        client_identifier: "c",
        will: None,
        user_name: None,
        password: None,
    }
}

/// A client and the other end of its connection, which a test speaks itself.
struct Pair {
    client: Client<u32>,
    now: Instant,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        Self::of(Client::new(settings))
    }

    fn of(client: Client<u32>) -> Self {
        Self { client, now: Instant::from_millis(1000) }
    }

    fn connect(&mut self, session_present: bool, properties: &[Property<'_>]) {
        self.connect_with(connect(), session_present, properties);
    }

    fn connect_with(&mut self, connect: Connect<'_>, session_present: bool, properties: &[Property<'_>]) {
        self.client.connect(self.now, &connect).unwrap();
        assert!(matches!(self.sent().as_slice(), [bytes] if bytes[0] == 0x10));
        let properties = Properties::list(properties);
        self.receive(&Packet::ConnAck(ConnAck { session_present, reason: ReasonCode::Success, properties }));
        assert!(matches!(self.client.poll(), Some(Event::ConnAck { .. })));
    }

    fn receive(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(VERSION, &mut bytes).unwrap();
        self.client.handle(self.now, Input::Received(&bytes));
    }

    /// The packets that the client sent since.
    fn sent(&mut self) -> Vec<Vec<u8>> {
        let bytes = self.client.take_outgoing();
        let mut packets = Vec::new();
        let mut at = 0;
        while let Some(header) = fixed_header(Some(VERSION), &bytes[at..]).unwrap() {
            packets.push(bytes[at..at + header.packet_len()].to_vec());
            at += header.packet_len();
        }
        packets
    }

    /// QoS, DUP and payload of the PUBLISH packets sent since, and the first bytes of all others.
    fn sent_summary(&mut self) -> Vec<(u8, bool, Vec<u8>)> {
        let summary = |bytes: &Vec<u8>| match decode(VERSION, bytes).unwrap() {
            Packet::Publish(publish) => {
                (publish.delivery.qos() as u8, publish.delivery.dup(), publish.payload.to_vec())
            }
            other => (other.packet_type() as u8 * 16, false, Vec::new()),
        };
        self.sent().iter().map(summary).collect()
    }

    fn publish(&mut self, qos: QoS, payload: &[u8], token: u32) {
        let topic = TopicName::parse("t").unwrap();
        let properties = Properties::EMPTY;
        self.client.publish(&Outgoing { topic, payload, qos, retain: false, properties }, token);
    }

    /// A PUBLISH comes: the receipt, if the message is handed over.
    fn message(&mut self, id: u16, qos: QoS, dup: bool) -> Option<Receipt> {
        let delivery = Delivery::new(qos, dup, PacketId::new(id).unwrap());
        let topic = TopicName::parse("t").ok();
        let packet = Publish { topic, delivery, retain: false, properties: Properties::EMPTY, payload: b"x" };
        self.receive(&Packet::Publish(packet));
        match self.client.poll() {
            Some(Event::Message(message)) => message.receipt,
            other => {
                assert_eq!(other, None);
                None
            }
        }
    }

    /// The end of a publish: its token, its Packet Identifier and its reason.
    fn published(&mut self) -> (u32, Option<u16>, ReasonCode) {
        match self.client.poll() {
            Some(Event::Published { token, id, reason, .. }) => (token, id.map(PacketId::get), reason),
            other => panic!("{other:?}"),
        }
    }

    fn ack(&mut self, packet: fn(Ack<'static>) -> Packet<'static>, id: u16) {
        self.receive(&packet(Ack::success(PacketId::new(id).unwrap())));
    }
}

#[test]
fn a_publish_ends_with_its_acknowledgement() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[]);
    pair.publish(QoS::AtMostOnce, b"0", 10);
    pair.publish(QoS::AtLeastOnce, b"1", 11);
    pair.publish(QoS::ExactlyOnce, b"2", 12);
    assert_eq!(
        pair.sent_summary(),
        [(0, false, b"0".to_vec()), (1, false, b"1".to_vec()), (2, false, b"2".to_vec())]
    );
    assert_eq!(pair.published(), (10, None, ReasonCode::Success));
    assert_eq!(pair.client.poll(), None);
    pair.ack(Packet::PubAck, 1);
    assert_eq!(pair.published(), (11, Some(1), ReasonCode::Success));
    pair.ack(Packet::PubRec, 2);
    assert_eq!(pair.client.poll(), None);
    assert_eq!(pair.sent_summary(), [(0x60, false, vec![])]);
    pair.ack(Packet::PubComp, 2);
    assert_eq!(pair.published(), (12, Some(2), ReasonCode::Success));
    assert_eq!(pair.client.unfinished_publishes(), 0);
}

#[test]
fn mqtt5_3_3_4_7_the_receive_maximum_of_the_server_holds() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[Property::ReceiveMaximum(core::num::NonZero::new(1).unwrap())]);
    pair.publish(QoS::AtLeastOnce, b"1", 1);
    pair.publish(QoS::AtLeastOnce, b"2", 2);
    assert_eq!(pair.sent_summary().len(), 1);
    pair.ack(Packet::PubAck, 1);
    assert_eq!(pair.sent_summary(), [(1, false, b"2".to_vec())]);
}

#[test]
fn a_server_that_sends_more_than_receive_maximum_is_put_up_with() {
    let mut pair = Pair::new(Settings { acknowledges_itself: false, ..Settings::default() });
    let maximum = [Property::ReceiveMaximum(core::num::NonZero::new(2).unwrap())];
    pair.connect_with(Connect { properties: Properties::list(&maximum), ..connect() }, false, &[]);
    for id in 1..=3 {
        assert!(pair.message(id, QoS::ExactlyOnce, false).is_some());
    }
    assert!(pair.client.is_connected());
}

#[test]
fn mqtt5_4_4_0_1_a_kept_session_goes_on_where_it_was() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[]);
    pair.publish(QoS::ExactlyOnce, b"1", 1);
    pair.publish(QoS::AtLeastOnce, b"2", 2);
    pair.ack(Packet::PubRec, 1);
    let _ = pair.sent();
    pair.client.handle(pair.now, Input::Closed);
    pair.publish(QoS::AtLeastOnce, b"3", 3);
    pair.connect(true, &[]);
    assert_eq!(
        pair.sent_summary(),
        [(0x60, false, vec![]), (1, true, b"2".to_vec()), (1, false, b"3".to_vec())]
    );
}

#[test]
fn a_repeated_release_that_the_server_does_not_know_any_more_is_no_failure() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[]);
    pair.publish(QoS::ExactlyOnce, b"1", 1);
    pair.ack(Packet::PubRec, 1);
    pair.client.handle(pair.now, Input::Closed);
    pair.connect(true, &[]);
    assert_eq!(pair.sent_summary(), [(0x60, false, vec![])]);
    let id = PacketId::new(1).unwrap();
    let reason = ReasonCode::PacketIdentifierNotFound;
    pair.receive(&Packet::PubComp(Ack { id, reason, properties: Properties::EMPTY }));
    assert_eq!(pair.published(), (1, Some(1), ReasonCode::Success));
}

#[test]
fn mqtt5_3_2_2_5_a_lost_session_is_published_anew() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[]);
    pair.publish(QoS::ExactlyOnce, b"1", 1);
    pair.publish(QoS::AtLeastOnce, b"2", 2);
    pair.ack(Packet::PubRec, 1);
    let _ = pair.sent();
    pair.client.handle(pair.now, Input::Closed);
    pair.connect(false, &[]);
    assert_eq!(pair.sent_summary(), [(1, false, b"2".to_vec())]);
    assert_eq!(pair.published(), (1, Some(1), ReasonCode::Success));
}

#[test]
fn mqtt5_4_6_0_2_acknowledgements_keep_the_order_of_the_messages() {
    let mut pair = Pair::new(Settings { acknowledges_itself: false, ..Settings::default() });
    pair.connect(false, &[]);
    let ids = [(1, QoS::AtLeastOnce), (2, QoS::ExactlyOnce), (3, QoS::AtLeastOnce)];
    let receipts = ids.map(|(id, qos)| pair.message(id, qos, false).unwrap());
    pair.client.acknowledge(receipts[2]);
    pair.client.acknowledge(receipts[1]);
    assert_eq!(pair.sent_summary(), []);
    pair.client.acknowledge(receipts[0]);
    assert_eq!(pair.sent_summary(), [(0x40, false, vec![]), (0x50, false, vec![]), (0x40, false, vec![])]);
}

#[test]
fn what_the_application_has_is_not_handed_over_again_by_the_next_connection() {
    let mut pair = Pair::new(Settings { acknowledges_itself: false, ..Settings::default() });
    pair.connect(false, &[]);
    let early = pair.message(1, QoS::ExactlyOnce, false).unwrap();
    let late = pair.message(2, QoS::ExactlyOnce, false).unwrap();
    let let_go = pair.message(3, QoS::ExactlyOnce, false).unwrap();
    pair.client.abandon(let_go);
    pair.client.handle(pair.now, Input::Closed);
    pair.client.acknowledge(early);
    pair.connect(true, &[]);
    assert_eq!(pair.message(1, QoS::ExactlyOnce, true), None);
    assert_eq!(pair.sent_summary(), [(0x50, false, vec![])], "it was acknowledged in between");
    assert_eq!(pair.message(2, QoS::ExactlyOnce, true), None);
    assert!(pair.message(3, QoS::ExactlyOnce, true).is_some(), "the application had let go of it");
    assert_eq!(pair.sent_summary(), []);
    pair.client.acknowledge(late);
    assert_eq!(pair.sent_summary(), [(0x50, false, vec![])]);
}

#[test]
fn a_receipt_of_a_lost_session_means_nothing() {
    let mut pair = Pair::new(Settings { acknowledges_itself: false, ..Settings::default() });
    pair.connect(false, &[]);
    let lost = pair.message(1, QoS::ExactlyOnce, false).unwrap();
    pair.client.handle(pair.now, Input::Closed);
    pair.connect(false, &[]);
    let other = pair.message(1, QoS::ExactlyOnce, false).unwrap();
    pair.client.acknowledge(lost);
    assert_eq!(pair.sent_summary(), []);
    pair.client.acknowledge(other);
    assert_eq!(pair.sent_summary(), [(0x50, false, vec![])]);
}

#[test]
fn a_client_that_does_not_read_pings_and_misses_no_answer() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[Property::ServerKeepAlive(3)]);
    pair.client.set_reading(pair.now, false);
    for _ in 0..5 {
        pair.now = pair.now.plus_seconds(3);
        pair.client.handle(pair.now, Input::WakeUp);
        assert_eq!(pair.sent_summary(), [(0xC0, false, vec![])]);
    }
    pair.client.set_reading(pair.now, true);
    assert_eq!(pair.client.wake_at(), Some(pair.now.plus_seconds(3)));
    pair.now = pair.now.plus_seconds(3);
    pair.client.handle(pair.now, Input::WakeUp);
    assert_eq!(pair.client.poll(), Some(Event::Failed(PeerMisbehaved::KeepAliveTimeout)));
}

#[test]
fn mqtt5_3_1_2_20_a_silent_client_pings_and_gives_up_without_an_answer() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[Property::ServerKeepAlive(3)]);
    assert_eq!(pair.client.wake_at(), Some(pair.now.plus_seconds(3)));
    pair.now = pair.now.plus_seconds(3);
    pair.client.handle(pair.now, Input::WakeUp);
    assert_eq!(pair.sent_summary(), [(0xC0, false, vec![])]);
    pair.receive(&Packet::PingResp);
    pair.now = pair.now.plus_seconds(3);
    pair.client.handle(pair.now, Input::WakeUp);
    let _ = pair.sent();
    pair.now = pair.now.plus_seconds(3);
    pair.client.handle(pair.now, Input::WakeUp);
    assert_eq!(pair.client.poll(), Some(Event::Failed(PeerMisbehaved::KeepAliveTimeout)));
    assert!(!pair.client.is_connected());
}

#[test]
fn mqtt5_3_2_2_17_aliases_stay_within_the_maximum_of_the_server() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[Property::TopicAliasMaximum(1)]);
    pair.publish(QoS::AtMostOnce, b"1", 1);
    pair.publish(QoS::AtMostOnce, b"2", 2);
    let topics: Vec<Option<Vec<u8>>> = pair
        .sent()
        .iter()
        .map(|bytes| match decode(VERSION, bytes).unwrap() {
            Packet::Publish(publish) => publish.topic.map(|topic| topic.as_str().as_bytes().to_vec()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(topics, [Some(b"t".to_vec()), None]);
}

#[test]
fn what_the_server_does_not_take_is_not_sent() {
    let mut pair = Pair::new(Settings::default());
    let size = Property::MaximumPacketSize(core::num::NonZero::new(10).unwrap());
    pair.connect(false, &[Property::MaximumQos(QoS::AtLeastOnce), Property::RetainAvailable(false), size]);
    pair.publish(QoS::ExactlyOnce, b"", 1);
    pair.publish(QoS::AtMostOnce, b"much too long", 2);
    let errors: Vec<_> = core::iter::from_fn(|| pair.client.poll()).collect();
    assert_eq!(
        errors,
        [
            Event::Unpublished { token: 1, error: PublishError::QosNotSupported },
            Event::Unpublished { token: 2, error: PublishError::TooLarge }
        ]
    );
    assert_eq!(pair.sent_summary(), []);
}

#[test]
fn a_subscription_is_answered_and_a_lost_one_told() {
    let mut pair = Pair::new(Settings::default());
    let filter = TopicFilter::parse("a/#").unwrap();
    let request = SubscribeRequest { filter, options: SubscriptionOptions::default() };
    let requests = SubscribeRequests::list(core::slice::from_ref(&request));
    let early = pair.client.subscribe(requests, Properties::EMPTY, 1);
    assert_eq!(early, Err((Failure::NotConnected, 1)));
    pair.connect(false, &[]);
    let id = pair.client.subscribe(requests, Properties::EMPTY, 1).unwrap();
    let codes = [ReasonCode::GrantedQos1];
    let suback = SubAck { id, properties: Properties::EMPTY, codes: ReasonCodes::list(&codes) };
    pair.receive(&Packet::SubAck(suback));
    assert_eq!(pair.client.poll(), Some(Event::Answered { token: 1, codes: codes.to_vec() }));
    for token in 2..4 {
        pair.client.subscribe(requests, Properties::EMPTY, token).unwrap();
    }
    pair.client.handle(pair.now, Input::Closed);
    assert_eq!(pair.client.poll(), Some(Event::RequestLost(2)), "in the order of sending");
    assert_eq!(pair.client.poll(), Some(Event::RequestLost(3)));
}

#[test]
fn requests_and_publishes_share_one_row_of_identifiers() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[]);
    let filter = TopicFilter::parse("a/#").unwrap();
    let request = SubscribeRequest { filter, options: SubscriptionOptions::default() };
    let requests = SubscribeRequests::list(core::slice::from_ref(&request));
    assert_eq!(pair.client.subscribe(requests, Properties::EMPTY, 1).unwrap().get(), 1);
    pair.publish(QoS::AtLeastOnce, b"x", 2);
    assert_eq!(pair.client.subscribe(requests, Properties::EMPTY, 3).unwrap().get(), 3);
    pair.publish(QoS::AtLeastOnce, b"y", 4);
    for (id, token) in [(4, 4), (2, 2)] {
        pair.ack(Packet::PubAck, id);
        assert_eq!(pair.published(), (token, Some(id), ReasonCode::Success), "a gap confuses nothing");
    }
}

#[test]
fn a_refusal_tells_its_reason_string() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[]);
    pair.publish(QoS::AtLeastOnce, b"x", 1);
    let list = [Property::ReasonString("no room")];
    let id = PacketId::new(1).unwrap();
    let reason = ReasonCode::QuotaExceeded;
    pair.receive(&Packet::PubAck(Ack { id, reason, properties: Properties::list(&list) }));
    let Some(Event::Published { properties, .. }) = pair.client.poll() else { panic!("it is published") };
    let owner = martlet_wire::PropertyOwner::Packet(martlet_wire::PacketType::PubAck);
    assert_eq!(Properties::from_section(owner, &properties).unwrap().reason_string(), Some("no room"));
}

#[test]
fn an_alias_of_the_application_replaces_the_name_after_the_first_time() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[]);
    let mut names = |topics: &[(&str, u16)]| {
        for (topic, alias) in topics {
            let list = [Property::TopicAlias(*alias)];
            let (topic, properties) = (TopicName::parse(topic).unwrap(), Properties::list(&list));
            let qos = QoS::AtLeastOnce;
            pair.client.publish(&Outgoing { topic, payload: b"", qos, retain: false, properties }, 1);
        }
        let sent = pair.sent();
        let name = |bytes: &Vec<u8>| match decode(VERSION, bytes).unwrap() {
            Packet::Publish(publish) => {
                (publish.topic.map(|topic| topic.as_str().len()), publish.properties.topic_alias())
            }
            other => panic!("{other:?}"),
        };
        sent.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[("a", 4), ("a", 4)]), [(Some(1), Some(4)), (None, Some(4))]);
    assert_eq!(
        names(&[("bc", 4), ("a", 4), ("a", 4)]),
        [(Some(2), Some(4)), (Some(1), Some(4)), (None, Some(4))],
        "an alias stands for the name that it was sent with last"
    );
    pair.client.handle(pair.now, Input::Closed);
    pair.connect(false, &[]);
    let all = pair.sent_summary();
    assert_eq!(all.len(), 5, "they are published anew");
}

#[test]
fn a_server_of_an_older_version_refuses_in_its_own_words() {
    let mut pair = Pair::new(Settings::default());
    let connect = Connect {
        version: VERSION,
        bridge: false,
        clean_start: true,
        keep_alive: 10,
        properties: Properties::EMPTY,
        client_identifier: "c",
        will: None,
        user_name: None,
        password: None,
    };
    pair.client.connect(pair.now, &connect).unwrap();
    pair.client.handle(pair.now, Input::Received(&[0x20, 2, 0, 1]));
    assert!(matches!(
        pair.client.poll(),
        Some(Event::ConnAck { reason: ReasonCode::UnsupportedProtocolVersion, .. })
    ));
}

#[test]
fn a_qos_2_message_is_unreleased_until_pubrel() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[]);
    pair.message(7, QoS::ExactlyOnce, false);
    assert_eq!(pair.client.unreleased_messages(), 1);
    pair.ack(Packet::PubRel, 7);
    assert_eq!(pair.client.unreleased_messages(), 0);
}
