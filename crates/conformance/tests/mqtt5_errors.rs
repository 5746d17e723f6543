//! Chapter 4.13 of MQTT 5.0: how errors are answered.

use conformance::prelude::*;

/// Packets that break the standard after a successful CONNECT: what, the bytes, and the codes that fit.
const VIOLATIONS: &str = "
    packet type 0                         | 00 00                         | 81
    QoS 3                                 | 36 06 00 01 61 00 01 00       | 81
    DUP with QoS 0                        | 38 04 00 01 61 00             | 81 82
    PUBLISH without its properties        | 30 03 00 01 61                | 81
    PUBLISH with a cut Topic Name         | 30 02 00 05                   | 81
    PUBLISH with identifier 0             | 32 06 00 01 61 00 00 00       | 81 82
    PUBLISH without name and alias        | 30 03 00 00 00                | 82
    PUBLISH with an unknown alias         | 30 06 00 00 03 23 00 01       | 82
    PUBLISH with alias 0                  | 30 07 00 01 61 03 23 00 00    | 94
    PUBLISH with an alias too high        | 30 07 00 01 61 03 23 FF FF    | 94
    PUBLISH with a wildcard               | 30 04 00 01 23 00             | 81 82 90
    PUBLISH with a Subscription Identifier| 30 06 00 01 61 02 0B 01       | 82
    PUBLISH with an unknown property      | 30 06 00 01 61 02 7E 01       | 81
    PUBLISH with a property of CONNECT    | 30 09 00 01 61 05 11 00 00 00 01 | 81 82
    PUBLISH with a property twice         | 30 08 00 01 61 04 01 00 01 00 | 82
    PUBLISH with a Payload Format of 2    | 30 06 00 01 61 02 01 02       | 81 82
    PUBLISH with a section too long       | 30 05 00 01 61 05 01          | 81
    PUBACK of one byte                    | 40 01 00                      | 81
    PUBACK with identifier 0              | 40 02 00 00                   | 81 82
    PUBACK with flags                     | 42 02 00 01                   | 81
    PUBREC with flags                     | 52 02 00 01                   | 81
    PUBREL with flags 0                   | 60 02 00 01                   | 81
    PUBCOMP with flags                    | 71 02 00 01                   | 81
    SUBSCRIBE with flags 0                | 80 07 00 01 00 00 01 61 00    | 81
    SUBSCRIBE without filters             | 82 03 00 01 00                | 81 82
    SUBSCRIBE with identifier 0           | 82 07 00 00 00 00 01 61 00    | 81 82
    SUBSCRIBE with QoS 3                  | 82 07 00 01 00 00 01 61 03    | 81 82
    SUBSCRIBE with reserved bits          | 82 07 00 01 00 00 01 61 40    | 81
    UNSUBSCRIBE with flags 0              | A0 06 00 01 00 00 01 61       | 81
    UNSUBSCRIBE without filters           | A2 03 00 01 00                | 81 82
    UNSUBSCRIBE with identifier 0         | A2 06 00 00 00 00 01 61       | 81 82
    PINGREQ with flags                    | C1 00                         | 81
    PINGREQ with a body                   | C0 01 00                      | 81
    DISCONNECT with flags                 | E1 00                         | 81
    AUTH without a method in CONNECT      | F0 00                         | 82
    a second CONNECT                      | 10 0E 00 04 4D 51 54 54 05 02 00 00 00 00 01 61 | 82
    CONNACK                               | 20 03 00 00 00                | 81 82
    SUBACK                                | 90 04 00 01 00 00             | 81 82
    UNSUBACK                              | B0 04 00 01 00 00             | 81 82
    PINGRESP                              | D0 00                         | 81 82
    a Remaining Length of five bytes      | 30 80 80 80 80 01             | 81
    a Remaining Length of four full bytes | 30 FF FF FF FF                | 81
    a packet above the maximum            | 30 FF FF FF 7F                | 95
";

/// CONNECT packets that break the standard: what, and the bytes.
const BAD_CONNECTS: &str = "
    a flag in the fixed header     | 11 0E 00 04 4D 51 54 54 05 02 00 00 00 00 01 61
    the reserved Connect Flag      | 10 0E 00 04 4D 51 54 54 05 03 00 00 00 00 01 61
    a Will with QoS 3              | 10 14 00 04 4D 51 54 54 05 1E 00 00 00 00 01 61 00 00 01 62 00 00
    Will QoS without a Will        | 10 0E 00 04 4D 51 54 54 05 0A 00 00 00 00 01 61
    Will Retain without a Will     | 10 0E 00 04 4D 51 54 54 05 22 00 00 00 00 01 61
    no Client Identifier           | 10 0B 00 04 4D 51 54 54 05 02 00 00 00
    a user name that is missing    | 10 0E 00 04 4D 51 54 54 05 82 00 00 00 00 01 61
    bytes behind the end           | 10 0F 00 04 4D 51 54 54 05 02 00 00 00 00 01 61 00
    an unknown property            | 10 10 00 04 4D 51 54 54 05 02 00 00 02 7E 00 00 01 61
    Receive Maximum 0              | 10 11 00 04 4D 51 54 54 05 02 00 00 03 21 00 00 00 01 61
    Maximum Packet Size 0          | 10 13 00 04 4D 51 54 54 05 02 00 00 05 27 00 00 00 00 00 01 61
    a property twice               | 10 14 00 04 4D 51 54 54 05 02 00 00 06 22 00 01 22 00 01 00 01 61
    data without a method          | 10 11 00 04 4D 51 54 54 05 02 00 00 03 16 00 00 00 01 61
    version 6                      | 10 0E 00 04 4D 51 54 54 06 02 00 00 00 00 01 61
    another protocol               | 10 0E 00 04 4D 51 54 55 05 02 00 00 00 00 01 61
";

/// The cells of a table, line by line.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let lines = table.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| line.split('|').map(str::trim).collect()).collect()
}

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits")).collect()
}

statements! {
    /// Covers: MQTT-4.13.1-1, MQTT-4.13.2-1, s4.13
    fn mqtt5_4_13_1_1_a_violation_is_answered_by_a_fitting_disconnect_and_a_close(broker: &mut Broker) {
        for row in rows(VIOLATIONS) {
            let (bytes, fitting) = (hex(row[1]), hex(row[2]));
            println!("{}", row[0]);
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&bytes);
            let answer = client.receive_raw();
            assert_eq!(answer[0], 0xE0, "{}: {answer:02x?}", row[0]);
            assert!(fitting.contains(&answer[2]), "{}: {:02x}", row[0], answer[2]);
            client.expect_closed();
        }
    }

    /// Covers: MQTT-4.13.1-1, MQTT-4.13.2-1, s4.13
    fn mqtt5_s4_13_a_bad_connect_is_answered_by_connack_or_nothing_and_a_close(broker: &mut Broker) {
        for row in rows(BAD_CONNECTS) {
            println!("{}", row[0]);
            let mut client = broker.open();
            client.send_bytes(&hex(row[1]));
            if let Some(answer) = client.receive_raw_or_closed() {
                assert_eq!(answer[0], 0x20, "{}: {answer:02x?}", row[0]);
                assert_eq!(answer[2], 0, "{}: no Session Present", row[0]);
                // In the answer to another version or protocol the code may be one of 3.1.1.
                let fitting = [0x81, 0x82, 0x84, 0x8C, 0x01];
                assert!(fitting.contains(&answer[3]), "{}: {:02x}", row[0], answer[3]);
                client.expect_closed();
            }
        }
    }

    /// Covers: MQTT-4.13.1-1, s4.13
    fn mqtt5_s4_13_what_follows_a_violation_is_not_processed(broker: &mut Broker) {
        let mut watcher = broker.connect(connect5("watcher"));
        watcher.subscribe("#", QoS::AtMostOnce);
        for row in rows(VIOLATIONS) {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&[hex(row[1]), raw::packet(0x30, b"\0\x01a\0x")].concat());
            client.expect_ended();
        }
        for row in rows(BAD_CONNECTS) {
            let mut client = broker.open();
            client.send_bytes(&[hex(row[1]), raw::packet(0x30, b"\0\x01a\0x")].concat());
            client.expect_ended();
        }
        broker.settle();
        watcher.expect_nothing();
    }

    /// Covers: MQTT-4.13.1-1, s4.13
    fn mqtt5_4_13_1_1_what_came_before_a_violation_is_processed(broker: &mut Broker) {
        let mut watcher = broker.connect(connect5("watcher"));
        watcher.subscribe("#", QoS::AtMostOnce);
        let mut client = broker.connect(connect5("a").will("will", b"of a"));
        client.send_bytes(&[&raw::packet(0x30, b"\0\x01a\0x")[..], &[0xC1, 0]].concat());
        client.expect_disconnect(ReasonCode::MalformedPacket);
        assert_eq!(watcher.expect_publish().payload, b"x");
        assert_eq!(watcher.expect_publish().payload, b"of a", "the will goes out after an error");
    }

    fn mqtt5_4_13_1_1_the_session_outlives_a_violation(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(100));
        client.subscribe("a", QoS::AtLeastOnce);
        client.send_bytes(&[0xC1, 0]);
        client.expect_disconnect(ReasonCode::MalformedPacket);
        let mut other = broker.connect(connect5("b"));
        other.publish("a", "x", QoS::AtLeastOnce);
        let (mut client, connack) = broker.connect_full(connect5("a").clean_start(false));
        assert!(connack.session_present);
        assert_eq!(client.take(1)[0].payload, b"x");
        other.barrier();
    }
}

statements_with! {
    |setup| { setup.access = true; }

    fn mqtt5_4_13_2_1_a_refusing_connack_is_followed_by_a_close(broker: &mut Broker) {
        let refused = [
            (connect5("a").user("nobody"), ReasonCode::NotAuthorized),
            (connect5("a").user("wrong"), ReasonCode::BadUserNameOrPassword),
            (connect5("a").user("slowly-refused"), ReasonCode::NotAuthorized),
            (connect5("banned-a"), ReasonCode::Banned),
            (connect5("invalid-a"), ReasonCode::ClientIdentifierNotValid),
        ];
        for (connect, reason) in refused {
            let mut client = broker.open();
            client.send(&connect.packet());
            client.send(&Packet::PingReq);
            client.expect_refused(reason);
        }
    }
}
