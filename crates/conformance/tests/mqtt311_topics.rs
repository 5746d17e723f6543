//! MQTT 3.1.1, section 4.7: Topic Names and Topic Filters.

use conformance::prelude::*;
use conformance::raw::string;

/// Publishes every topic to a client of every filter, and compares what arrives with what has to. Then others
/// subscribe to the same filters, and the same topics have to come to them as retained messages.
fn expect_matches(broker: &mut Broker, rows: &[(&str, &[&str])], topics: &[&str]) {
    let mut clients: Vec<Client> = rows
        .iter()
        .enumerate()
        .map(|(index, (filter, _))| {
            let mut client = broker.connect(connect311(&format!("client{index}")));
            client.subscribe(filter, QoS::AtMostOnce);
            client
        })
        .collect();
    let mut publisher = broker.connect(connect311("publisher"));
    for topic in topics {
        publisher.publish_retained(topic, "m", QoS::AtLeastOnce);
    }
    broker.settle();
    for (client, (filter, expected)) in clients.iter_mut().zip(rows) {
        let expected: Vec<&str> = topics.iter().copied().filter(|topic| expected.contains(topic)).collect();
        assert_eq!(drain_topics(client), expected, "the topics of {filter:?}");
        let mut late = broker.connect(connect311("late"));
        late.subscribe(filter, QoS::AtMostOnce);
        let (mut retained, mut expected) = (drain_topics(&mut late), expected);
        retained.sort();
        expected.sort_unstable();
        assert_eq!(retained, expected, "the retained topics of {filter:?}");
    }
}

/// The topics of the messages that have arrived.
fn drain_topics(client: &mut Client) -> Vec<String> {
    client.drain_publishes().into_iter().map(|message| message.topic).collect()
}

/// Packets of a client whose only fault is this Topic Filter.
fn with_filter(filter: &[u8]) -> [Vec<u8>; 2] {
    let (id, filter) = ([0, 1], string(filter));
    [raw::packet(0x82, &[&id[..], &filter, &[0]].concat()), raw::packet(0xa2, &[&id[..], &filter].concat())]
}

/// Packets of a client whose only fault is this Topic Name.
fn with_name(name: &[u8]) -> [Vec<u8>; 2] {
    [raw::packet(0x30, &string(name)), raw::packet(0x35, &[string(name), vec![0, 1]].concat())]
}

/// Sends each packet on a connection of its own, which has to end without a word.
fn expect_each_closes(broker: &mut Broker, packets: impl IntoIterator<Item = Vec<u8>>) {
    for packet in packets {
        let mut client = broker.connect(connect311("a"));
        client.send_bytes(&packet);
        assert_eq!(client.receive_raw_or_closed(), None, "the answer to {packet:02x?}");
    }
}

/// A CONNECT whose Will has this topic.
fn with_will(topic: &[u8]) -> Vec<u8> {
    let payload = [string("a"), string(topic), string("gone")].concat();
    raw::RawConnect { flags: 0x06, payload, ..raw::RawConnect::v311("") }.bytes()
}

statements! {
    fn mqtt311_4_7_1_1_a_topic_name_has_no_wildcards(broker: &mut Broker) {
        for name in ["#", "+", "a/#", "a/+/b", "a+", "#a"] {
            expect_each_closes(broker, with_name(name.as_bytes()));
            let mut client = broker.open();
            client.send_bytes(&with_will(name.as_bytes()));
            client.expect_closed();
        }
    }

    fn mqtt311_4_7_1_2_the_multi_level_wildcard_is_alone_and_last(broker: &mut Broker) {
        for filter in ["a#", "a/#/b", "#/a", "##", "a/b#", "#a", "/#/", "a/##", "+#"] {
            expect_each_closes(broker, with_filter(filter.as_bytes()));
        }
    }

    fn mqtt311_4_7_1_2_the_multi_level_wildcard_matches_the_parent_and_all_below(broker: &mut Broker) {
        let topics = ["sport", "sport/tennis", "sport/tennis/player1", "sport/", "/sport", "sports", "s"];
        let below = ["sport", "sport/tennis", "sport/tennis/player1", "sport/"];
        let rows: [(&str, &[&str]); 5] = [
            ("#", &topics),
            ("sport/#", &below),
            ("sport/tennis/player1/#", &["sport/tennis/player1"]),
            ("sport/tennis/#", &["sport/tennis", "sport/tennis/player1"]),
            ("/#", &["/sport"]),
        ];
        expect_matches(broker, &rows, &topics);
    }

    fn mqtt311_4_7_1_3_the_single_level_wildcard_fills_a_level(broker: &mut Broker) {
        for filter in ["a+", "+a", "a/+b", "a/b+/c", "++", "+/a+"] {
            expect_each_closes(broker, with_filter(filter.as_bytes()));
        }
    }

    fn mqtt311_4_7_1_3_the_single_level_wildcard_matches_one_level(broker: &mut Broker) {
        let topics = ["finance", "/finance", "finance/", "a/b", "a/b/c", "a//c", "//", "/", "a/b/c/d"];
        let rows: [(&str, &[&str]); 10] = [
            ("+", &["finance"]),
            ("/+", &["/finance", "/"]),
            ("+/+", &["/finance", "finance/", "a/b", "/"]),
            ("finance/+", &["finance/"]),
            ("a/+/c", &["a/b/c", "a//c"]),
            ("a/+", &["a/b"]),
            ("+/b/#", &["a/b", "a/b/c", "a/b/c/d"]),
            ("+/+/+", &["a/b/c", "a//c", "//"]),
            ("a/+/#", &["a/b", "a/b/c", "a//c", "a/b/c/d"]),
            ("+/+/+/+", &["a/b/c/d"]),
        ];
        expect_matches(broker, &rows, &topics);
    }

    fn mqtt311_4_7_2_1_a_leading_wildcard_does_not_match_a_leading_dollar(broker: &mut Broker) {
        let topics = ["$x", "$x/monitor/clients", "$", "a/$x/b", "x"];
        let rows: [(&str, &[&str]); 9] = [
            ("#", &["a/$x/b", "x"]),
            ("+", &["x"]),
            ("+/monitor/clients", &[]),
            ("+/#", &["a/$x/b", "x"]),
            ("$x/#", &["$x", "$x/monitor/clients"]),
            ("$x/monitor/+", &["$x/monitor/clients"]),
            ("$x", &["$x"]),
            ("a/+/b", &["a/$x/b"]),
            ("a/#", &["a/$x/b"]),
        ];
        expect_matches(broker, &rows, &topics);
    }

    fn mqtt311_4_7_3_1_names_and_filters_have_a_character(broker: &mut Broker) {
        expect_each_closes(broker, with_filter(b""));
        expect_each_closes(broker, with_name(b""));
        let mut client = broker.open();
        client.send_bytes(&with_will(b""));
        client.expect_closed();
        // One is enough, a space and a slash too.
        let topics = ["a", " ", "/"];
        expect_matches(broker, &[("a", &["a"]), (" ", &[" "]), ("/", &["/"])], &topics);
    }

    fn mqtt311_4_7_3_2_names_and_filters_hold_no_null(broker: &mut Broker) {
        for text in [b"\0".as_slice(), b"a/\0", b"\0/a", b"a\0b/#"] {
            expect_each_closes(broker, with_filter(text));
        }
        for text in [b"\0".as_slice(), b"a/\0", b"\0/a", b"a\0b"] {
            expect_each_closes(broker, with_name(text));
            let mut client = broker.open();
            client.send_bytes(&with_will(text));
            client.expect_closed();
        }
    }

    fn mqtt311_4_7_3_3_names_and_filters_have_up_to_65535_bytes(broker: &mut Broker) {
        let ascii = "a".repeat(65_535);
        let wide = format!("/{}", "\u{20ac}".repeat(21_844));
        assert_eq!(wide.len(), 65_533);
        for topic in [ascii, wide] {
            let mut client = broker.connect(connect311("a"));
            client.subscribe(&topic, QoS::AtMostOnce);
            client.publish(&topic, "m", QoS::AtLeastOnce);
            assert!(client.expect_publish().topic == topic);
            client.unsubscribe(&topic);
            client.publish(&topic, "m", QoS::AtLeastOnce);
            client.expect_nothing();
        }
    }

    fn mqtt311_4_7_3_4_matching_does_not_normalize_characters(broker: &mut Broker) {
        // Composed and decomposed letters, cases, spaces, slashes, and characters that look alike.
        let topics = [
            "\u{e9}",
            "e\u{301}",
            "E\u{301}",
            "a",
            "A",
            "a ",
            " a",
            "a/",
            "/a",
            "a//b",
            "a/b",
            "\u{212b}",
            "\u{c5}",
            "\u{ff41}",
            "\u{430}",
            "a\u{200b}",
            "a\u{feff}",
            "%61",
            "a/./b",
            "a/../a",
        ];
        let rows: Vec<(&str, [&str; 1])> = topics.iter().map(|topic| (*topic, [*topic])).collect();
        let rows: Vec<(&str, &[&str])> = rows.iter().map(|(filter, own)| (*filter, own.as_slice())).collect();
        expect_matches(broker, &rows, &topics);
    }
}
