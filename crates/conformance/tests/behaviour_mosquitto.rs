//! What breaks the standard is answered as Mosquitto answers it, where that is asked for.

use conformance::prelude::*;
use conformance::raw::{RawConnect, packet, properties, string};

/// Packets behind a good CONNECT of MQTT 5.0: what, the bytes, and the code of the DISCONNECT, if there is one.
const VIOLATIONS: &str = "
    packet type 0                          | 00 00                               | 82
    flags of AUTH                          | F1 00                               | 82
    flags of DISCONNECT                    | E1 00                               | 82
    flags of PUBREL                        | 63 02 00 01                         | 82
    flags of PUBACK                        | 41 02 00 01                         | 81
    PUBACK with identifier 0               | 40 02 00 00                         | 82
    SUBSCRIBE with identifier 0            | 82 07 00 00 00 00 01 61 00          | 81
    PUBACK with a code that does not exist | 40 03 00 01 FF                      | 82
    PUBACK with a property of CONNECT      | 40 09 00 01 00 05 11 00 00 00 01    | 82
    the same, cut off                      | 40 05 00 01 00 01 11                | 81
    SUBSCRIBE with a property of CONNECT   | 82 0C 00 01 05 11 00 00 00 01 00 01 61 00 | 81
    SUBSCRIBE without filters              | 82 03 00 01 00                      | 81
    SUBSCRIBE with QoS 3                   | 82 07 00 01 00 00 01 61 03          | 81
    SUBSCRIBE with a Share Name alone      | 82 0E 00 01 00 00 08 24 73 68 61 72 65 2F 67 00 | 82
    PUBLISH without name and alias         | 30 03 00 00 00                      | 81
    PUBLISH with alias 0                   | 30 07 00 01 61 03 23 00 00          | 82
    PUBLISH with a wildcard to answer to   | 30 08 00 01 61 04 08 00 01 2B       | 82
    PUBLISH with a control character       | 30 05 00 02 61 0A 00                | 81
    PUBACK with a control character        | 40 08 00 01 00 04 1F 00 01 0A       | none
    PINGREQ with a body                    | C0 01 00                            | none
    PINGRESP with a body                   | D0 01 00                            | none
    PINGRESP                               | D0 00                               | 82
    DISCONNECT with a code of PUBACK       | E0 01 10                            | none
    DISCONNECT with a byte too many        | E0 03 00 00 00                      | 82
    a second CONNECT                       | 10 0E 00 04 4D 51 54 54 05 02 00 00 00 00 01 61 | none
    a Remaining Length of five bytes       | 30 80 80 80 80 01                   | none
    a Property Length of five bytes        | 30 09 00 01 61 80 80 80 80 01 00    | 81
";

fn bytes(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits")).collect()
}

/// A CONNECT of MQTT 5.0 that is not welcome, with the code of its CONNACK, if there is one.
fn bad_connects() -> Vec<(Vec<u8>, Option<u8>)> {
    let connect = RawConnect::v5("c");
    let with = |flags, behind: &[&[u8]]| {
        let payload = [string("c"), behind.concat()].concat();
        RawConnect { flags, payload, ..RawConnect::v5("c") }.bytes()
    };
    let named = |name: &[u8]| RawConnect { payload: string(name), ..RawConnect::v5("c") }.bytes();
    let carrying =
        |section: &[u8]| RawConnect { properties: section.to_vec(), ..RawConnect::v5("c") }.bytes();
    vec![
        (RawConnect { first: 0x11, ..RawConnect::v5("c") }.bytes(), None),
        (with(0x03, &[]), None),
        (with(0x1E, &[&[0], &string("w"), &string("")]), None),
        (packet(0x10, &connect.bytes()[2..11]), None),
        (named(b"c\0"), Some(0x85)),
        (named(b"c\x01"), Some(0x85)),
        (named("c\u{FFFF}".as_bytes()), Some(0x85)),
        (carrying(&[0x23, 0, 1]), Some(0x82)),
        (carrying(&[0x23, 0]), Some(0x81)),
        (carrying(&[0x26, 0, 1, 0x0A, 0, 0]), None),
        (with(0x06, &[&properties(&[0x11, 0, 0, 0, 1]), &string("w"), &string("")]), Some(0x82)),
        (with(0x06, &[&properties(&[0x08, 0, 0]), &string("w"), &string("")]), Some(0x82)),
        (with(0x06, &[&[0], &string(""), &string("")]), Some(0x82)),
        (with(0x06, &[&[0], &string("#"), &string("")]), None),
        (with(0x06, &[&[0], &string("w\x7F"), &string("")]), None),
        (with(0x06, &[&[0]]), Some(0x81)),
        (with(0x82, &[]), None),
        (with(0x82, &[&string("u\x1F")]), None),
        (with(0xC2, &[&string("u")]), None),
        (with(0x02, &[&[0]]), Some(0x81)),
    ]
}

statements_with! {
    |setup| {
        setup.features.mosquitto_behaviour = true;
        setup.features.reason_strings = false;
    }

    fn violations_get_the_code_of_mosquitto_or_none(broker: &mut Broker) {
        for line in VIOLATIONS.lines().filter(|line| !line.trim().is_empty()) {
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let &[what, sent, code] = &fields[..] else { panic!("three fields in {line}") };
            let mut client = broker.connect(connect5("client"));
            client.send_bytes(&bytes(sent));
            let expected = (code != "none").then(|| [&[0xE0, 1][..], &bytes(code)].concat());
            assert_eq!(client.receive_raw_or_closed(), expected, "{what}");
            if expected.is_some() {
                client.expect_closed();
            }
        }
    }

    fn bad_connects_get_the_code_of_mosquitto_or_none(broker: &mut Broker) {
        for (sent, code) in bad_connects() {
            let mut client = broker.open();
            client.send_bytes(&sent);
            let expected = code.map(|code| vec![0x20, 3, 0, code, 0]);
            assert_eq!(client.receive_raw_or_closed(), expected, "the answer to {sent:02x?}");
            if expected.is_some() {
                client.expect_closed();
            }
        }
    }

    fn a_level_that_never_was_is_answered_in_the_way_of_5_0(broker: &mut Broker) {
        for (level, expected) in [
            (0, &[0x20, 3, 0, 0x84, 0][..]),
            (2, &[0x20, 3, 0, 0x84, 0]),
            (3, &[0x20, 2, 0, 1]),
            (6, &[0x20, 3, 0, 0x84, 0]),
        ] {
            let mut client = broker.open();
            client.send_bytes(&RawConnect { level, ..RawConnect::v311("c") }.bytes());
            assert_eq!(client.receive_raw(), expected, "level {level}");
            client.expect_closed();
        }
    }

    fn control_characters_end_connections_of_every_version(broker: &mut Broker) {
        for connect in [connect31("client"), connect311("client")] {
            let mut client = broker.connect(connect.clone());
            client.send(&subscribe(1).filter("a\u{1}", QoS::AtMostOnce).packet());
            client.expect_closed();
            let mut client = broker.connect(connect);
            client.send(&unsubscribe(1).filter("a\u{9F}").packet());
            client.expect_closed();
        }
        let mut client = broker.connect(connect5("client"));
        client.subscribe("ä/b c", QoS::AtMostOnce);
        client.send(&publish("t").property(Property::UserProperty("a", "b\n")).packet());
        client.expect_disconnect(ReasonCode::MalformedPacket);
    }

    fn a_qos_2_message_may_be_repeated_once_a_connection(broker: &mut Broker) {
        let connect = || connect5("client").session_expiry(100).clean_start(false);
        let message = publish("t").qos2(7);
        let mut client = broker.connect(connect());
        for _ in 0..2 {
            client.send(&message.packet());
            client.expect_pubrec(7);
        }
        client.drop_connection();
        let mut client = broker.connect(connect());
        client.send(&message.clone().dup().packet());
        client.expect_pubrec(7);
        client.send(&pubrel(7).packet());
        client.expect_pubcomp(7);
        for _ in 0..2 {
            client.send(&message.packet());
            client.expect_pubrec(7);
        }
        client.send(&message.packet());
        client.expect_disconnect(ReasonCode::ProtocolError);
    }

    fn what_nothing_is_known_of_is_acknowledged_with_success(broker: &mut Broker) {
        let mut client = broker.connect(connect5("client"));
        client.send(&pubrec(9).packet());
        assert_eq!(client.expect_pubrel(9).reason, ReasonCode::Success);
    }

    fn a_message_expiry_interval_of_0_is_none(broker: &mut Broker) {
        let mut client = broker.connect(connect5("client"));
        client.subscribe("t", QoS::AtMostOnce);
        let expired = Property::MessageExpiryInterval(0);
        let mut publisher = broker.connect(connect5("publisher").will("t", b"w").will_property(expired));
        publisher.publish_packet(publish("t").payload(b"m").property(expired), QoS::AtMostOnce);
        publisher.barrier();
        publisher.drop_connection();
        broker.settle();
        for text in ["m", "w"] {
            let found = client.expect_publish();
            assert_eq!(found.payload, text.as_bytes());
            assert_eq!(found.properties.message_expiry_interval(), None);
        }
    }
}
