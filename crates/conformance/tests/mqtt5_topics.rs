//! Chapter 4.7 of MQTT 5.0: Topic Names and Topic Filters.

use conformance::extra::texts;
use conformance::prelude::*;

/// Codes that fit a text that is no Topic Name.
const NO_NAME: [ReasonCode; 3] =
    [ReasonCode::MalformedPacket, ReasonCode::ProtocolError, ReasonCode::TopicNameInvalid];
/// Codes that fit a text that is no Topic Filter.
const NO_FILTER: [ReasonCode; 3] =
    [ReasonCode::MalformedPacket, ReasonCode::ProtocolError, ReasonCode::TopicFilterInvalid];

/// Topic Filters, and which of these Topic Names they match.
const NAMES: [&str; 14] = [
    "sport",
    "sport/",
    "sport/tennis",
    "sport/tennis/player1",
    "sport/tennis/player1/ranking",
    "sports",
    "/",
    "/sport",
    "//",
    "finance",
    "a b",
    "Sport",
    "sport//player1",
    "sport/tennis/",
];
const MATCHES: [(&str, &[&str]); 17] = [
    ("sport", &["sport"]),
    ("sport/", &["sport/"]),
    (
        "sport/#",
        &[
            "sport",
            "sport/",
            "sport/tennis",
            "sport/tennis/player1",
            "sport/tennis/player1/ranking",
            "sport//player1",
            "sport/tennis/",
        ],
    ),
    (
        "sport/tennis/#",
        &["sport/tennis", "sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/"],
    ),
    ("sport/tennis/player1/#", &["sport/tennis/player1", "sport/tennis/player1/ranking"]),
    ("sport/tennis/+", &["sport/tennis/player1", "sport/tennis/"]),
    ("sport/+", &["sport/", "sport/tennis"]),
    ("sport/+/player1", &["sport/tennis/player1", "sport//player1"]),
    ("+", &["sport", "sports", "finance", "a b", "Sport"]),
    (
        "+/tennis/#",
        &["sport/tennis", "sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/"],
    ),
    ("+/+", &["sport/", "sport/tennis", "/", "/sport"]),
    ("/+", &["/", "/sport"]),
    ("/#", &["/", "/sport", "//"]),
    ("+/", &["sport/", "/"]),
    ("//", &["//"]),
    ("a b", &["a b"]),
    ("+/+/+/ranking", &["sport/tennis/player1/ranking"]),
];

/// Texts in which a wildcard stands where none may.
const MISPLACED: [&str; 15] = [
    "a#", "#a", "a/b#", "a/#/b", "#/", "##", "#/#", "a/#b", "+a", "a+", "a/+b", "a/b+/c", "++", "+#", "+/b+",
];

fn subscribe_bytes(filter: &[u8]) -> Vec<u8> {
    raw::packet(0x82, &[&[0, 1, 0][..], &raw::string(filter), &[0]].concat())
}

fn unsubscribe_bytes(filter: &[u8]) -> Vec<u8> {
    raw::packet(0xA2, &[&[0, 1, 0][..], &raw::string(filter)].concat())
}

fn publish_bytes(topic: &[u8]) -> Vec<u8> {
    raw::packet(0x30, &[&raw::string(topic)[..], &[0]].concat())
}

/// Expects a SUBACK of Topic Filter invalid, or a DISCONNECT for it.
fn expect_filter_refused(client: &mut Client, filter: &[u8]) {
    let text = String::from_utf8_lossy(filter);
    match client.receive() {
        OwnedPacket::SubAck(suback) => assert_eq!(suback.codes, [ReasonCode::TopicFilterInvalid], "{text}"),
        OwnedPacket::Disconnect(end) => {
            assert!(NO_FILTER.contains(&end.reason), "{text}: {}", end.reason);
            client.expect_closed();
        }
        other => panic!("{text}: {other:?}"),
    }
}

statements! {
    fn mqtt5_4_7_0_1_a_topic_name_with_a_wildcard_is_refused(broker: &mut Broker) {
        let mut watcher = broker.connect(connect5("watcher"));
        watcher.subscribe("#", QoS::AtMostOnce);
        for name in ["#", "+", "a/#", "a/+/b", "a+", "#a", "+/+"] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&publish_bytes(name.as_bytes()));
            client.expect_disconnect_among(&NO_NAME);

            let will = [raw::string("a"), vec![0], raw::string(name), raw::string("x")].concat();
            let mut client = broker.open();
            client.send_bytes(&raw::RawConnect { flags: 0x06, payload: will, ..raw::RawConnect::v5("") }.bytes());
            client.expect_ended();
        }
        broker.settle();
        watcher.expect_nothing();
    }

    /// Covers: MQTT-4.7.1-1, MQTT-4.7.1-2
    fn mqtt5_4_7_1_1_a_wildcard_at_a_wrong_place_is_refused(broker: &mut Broker) {
        for filter in MISPLACED {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&subscribe_bytes(filter.as_bytes()));
            expect_filter_refused(&mut client, filter.as_bytes());
            let shared = format!("$share/group/{filter}");
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&subscribe_bytes(shared.as_bytes()));
            expect_filter_refused(&mut client, shared.as_bytes());
        }
    }

    /// Covers: MQTT-4.7.0-1, MQTT-4.7.1-1, MQTT-4.7.1-2, s4.7.1.2
    fn mqtt5_4_7_1_1_filters_match_as_the_standard_says(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for ((filter, _), identifier) in MATCHES.iter().zip(1..) {
            client.send(&subscribe(1).filter(filter, QoS::AtMostOnce).identifier(identifier).packet());
            assert_eq!(client.expect_suback_of(1), [ReasonCode::GRANTED_QOS_0], "{filter}");
        }
        let mut publisher = broker.connect(connect5("b"));
        for name in NAMES {
            publisher.publish(name, name, QoS::AtLeastOnce);
            broker.settle();
            let mut identifiers: Vec<u32> = client
                .drain_publishes()
                .iter()
                .flat_map(|publish| publish.properties.subscription_identifiers())
                .collect();
            identifiers.sort_unstable();
            let found: Vec<&str> = MATCHES
                .iter()
                .zip(1..)
                .filter(|(_, identifier)| identifiers.contains(identifier))
                .map(|((filter, _), _)| *filter)
                .collect();
            let expected: Vec<&str> =
                MATCHES.iter().filter(|(_, names)| names.contains(&name)).map(|(filter, _)| *filter).collect();
            assert_eq!(found, expected, "the filters that match {name}");
            assert_eq!(identifiers.len(), expected.len(), "each of them once");
        }
    }

    /// Covers: MQTT-4.7.1-1, MQTT-4.7.1-2, s4.7.1.2
    fn mqtt5_4_7_1_1_filters_match_as_the_standard_says_on_every_shard(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        for (index, (filter, names)) in MATCHES.iter().enumerate() {
            let mut client = broker.connect(connect5(&format!("client-{index}")));
            client.subscribe(filter, QoS::AtMostOnce);
            for name in NAMES {
                publisher.publish(name, name, QoS::AtMostOnce);
            }
            publisher.barrier();
            broker.settle();
            let expected: Vec<&str> = NAMES.into_iter().filter(|name| names.contains(name)).collect();
            assert_eq!(texts(&client.drain_publishes()), expected, "{filter}");
        }
    }

    fn mqtt5_s4_7_1_2_a_multi_level_wildcard_matches_the_parent_level(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("sport/#", QoS::AtMostOnce);
        client.subscribe("$share/group/finance/#", QoS::AtMostOnce);
        for topic in ["sport", "finance"] {
            client.publish(topic, "x", QoS::AtMostOnce);
            assert_eq!(client.expect_publish().topic, topic);
        }
        broker.connect(connect5("b")).publish_retained("sport", "kept", QoS::AtLeastOnce);
        client.expect_publish();
        client.unsubscribe("sport/#");
        client.subscribe("sport/#", QoS::AtMostOnce);
        assert!(client.expect_publish().retain);
    }

    fn mqtt5_4_7_2_1_a_leading_wildcard_does_not_match_a_leading_dollar(broker: &mut Broker) {
        let mut others = broker.connect(connect5("others"));
        for filter in ["#", "+", "+/a", "+/#", "$share/group/#", "$share/group/+/a", "/#"] {
            others.subscribe(filter, QoS::AtMostOnce);
        }
        let mut own = broker.connect(connect5("own"));
        own.subscribe("$test/#", QoS::AtMostOnce);
        own.subscribe("$test/+", QoS::AtMostOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        publisher.publish_retained("$test/a", "x", QoS::AtLeastOnce);
        publisher.publish("$test", "x", QoS::AtLeastOnce);
        broker.settle();
        others.expect_nothing();
        let topics: Vec<String> = own.drain_publishes().into_iter().map(|publish| publish.topic).collect();
        assert!(topics.contains(&"$test/a".into()) && topics.contains(&"$test".into()), "{topics:?}");

        others.unsubscribe("#");
        others.unsubscribe("+/a");
        others.subscribe("#", QoS::AtMostOnce);
        others.subscribe("+/a", QoS::AtMostOnce);
        broker.settle();
        others.expect_nothing();
    }

    fn mqtt5_s4_7_2_clients_exchange_no_messages_on_topics_of_the_server(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        let mut others = broker.connect(connect5("b"));
        for client in [&mut client, &mut others] {
            client.subscribe("$SYS/test/#", QoS::AtMostOnce);
            client.subscribe("$CONTROL/test/#", QoS::AtMostOnce);
        }
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            assert_eq!(client.publish("$SYS/test/a", "x", qos), ReasonCode::NotAuthorized);
            // It is a request to the broker, which answers that nobody handles it.
            assert_eq!(client.publish("$CONTROL/test/a", "x", qos), ReasonCode::Success);
        }
        client.publish("$SYS/test/a", "x", QoS::AtMostOnce);
        client.publish("$CONTROL/test/a", "x", QoS::AtMostOnce);
        broker.settle();
        let topics: Vec<String> = client.drain_publishes().into_iter().map(|it| it.topic).collect();
        assert_eq!(topics, ["$CONTROL/test/a/response"; 3]);
        others.expect_nothing();
    }

    fn mqtt5_4_7_3_1_an_empty_filter_or_name_is_refused(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(&subscribe_bytes(b""));
        expect_filter_refused(&mut client, b"");
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(&unsubscribe_bytes(b""));
        client.expect_disconnect_among(&NO_FILTER);
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(&publish_bytes(b""));
        client.expect_disconnect_among(&NO_NAME);
    }

    fn mqtt5_4_7_3_1_one_character_is_enough(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for topic in ["a", "/", " ", "\u{e9}", "$"] {
            client.subscribe(topic, QoS::AtMostOnce);
            client.publish(topic, "x", QoS::AtMostOnce);
            assert_eq!(client.expect_publish().topic, topic);
        }
    }

    fn mqtt5_4_7_3_2_a_null_character_is_malformed(broker: &mut Broker) {
        for text in [&b"\0"[..], b"a\0", b"a/\0/b"] {
            for bytes in [subscribe_bytes(text), unsubscribe_bytes(text), publish_bytes(text)] {
                let mut client = broker.connect(connect5("a"));
                client.send_bytes(&bytes);
                client.expect_disconnect(ReasonCode::MalformedPacket);
            }
        }
    }

    fn mqtt5_4_7_3_3_names_and_filters_of_65535_bytes_work(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        let topic = format!("a/{}", "\u{e9}x\u{1f980}".repeat(9361)) + "abcdef";
        assert_eq!(topic.len(), 65_535);
        assert_eq!(client.subscribe(&topic, QoS::AtLeastOnce), [ReasonCode::GrantedQos1]);
        let mut publisher = broker.connect(connect5("b"));
        publisher.publish(&topic, "x", QoS::AtLeastOnce);
        publisher.publish(&topic[..65_534], "another topic", QoS::AtLeastOnce);
        publisher.publish(&topic, "y", QoS::AtLeastOnce);
        let received = client.take(2);
        assert!(received.iter().all(|publish| publish.topic == topic));
        assert_eq!(texts(&received), ["x", "y"]);
        assert_eq!(client.unsubscribe(&topic), [ReasonCode::Success]);
    }

    fn mqtt5_4_7_3_4_characters_are_neither_normalized_nor_replaced(broker: &mut Broker) {
        let spellings = [
            "caf\u{e9}", "cafe\u{301}", "cafe", "CAF\u{c9}", "\u{212b}", "\u{c5}", "A\u{30a}", "\u{fb01}", "fi",
            "\u{feff}a", "a", " a", "a ", "a/", "/a", "\u{e9}/\u{301}",
        ];
        let mut client = broker.connect(connect5("a"));
        for (spelling, identifier) in spellings.into_iter().zip(1..) {
            client.send(&subscribe(1).filter(spelling, QoS::AtMostOnce).identifier(identifier).packet());
            client.expect_suback_of(1);
        }
        let mut publisher = broker.connect(connect5("b"));
        for (spelling, identifier) in spellings.into_iter().zip(1..) {
            publisher.publish(spelling, "x", QoS::AtMostOnce);
            let received = client.expect_publish();
            assert_eq!(received.topic, spelling);
            assert_eq!(received.properties.subscription_identifiers(), [identifier]);
        }
        broker.settle();
        client.expect_nothing();
    }
}
