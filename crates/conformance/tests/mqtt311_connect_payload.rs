//! MQTT 3.1.1, sections 3.1.3 and 3.1.4: the payload of CONNECT, and what the broker does about it.

use conformance::prelude::*;
use conformance::raw::{RawConnect, string};

/// Opens a connection with these bytes, which has to end without a CONNACK.
fn expect_no_connack(broker: &mut Broker, bytes: &[u8]) {
    let mut client = broker.open();
    client.send_bytes(bytes);
    assert_eq!(client.receive_raw_or_closed(), None, "the answer to {bytes:02x?}");
}

/// A CONNECT with these flags and these strings as the payload.
fn connect_with(flags: u8, strings: &[&[u8]]) -> Vec<u8> {
    let payload = strings.iter().flat_map(string).collect();
    RawConnect { flags, payload, ..RawConnect::v311("") }.bytes()
}

/// Opens a connection with these bytes, and gives the client if the CONNACK lets it in without a Session.
fn enter(broker: &mut Broker, bytes: &[u8]) -> Client {
    let mut client = broker.open();
    client.set_version(ProtocolVersion::Mqtt311);
    client.send_bytes(bytes);
    assert_eq!(client.receive_raw(), [0x20, 2, 0, 0], "the answer to {bytes:02x?}");
    client
}

/// Opens a connection with these bytes, which is refused with this return code.
fn expect_return_code(broker: &mut Broker, bytes: &[u8], code: u8) {
    let mut client = broker.open();
    client.send_bytes(bytes);
    assert_eq!(client.receive_raw(), [0x20, 2, 0, code], "the answer to {bytes:02x?}");
    client.expect_closed();
}

statements! {
    fn mqtt311_3_1_3_2_the_client_identifier_names_the_session(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        let ids = ["a", "A", "a ", "\u{e4}", "a\u{308}"];
        for id in ids {
            let (mut client, connack) = broker.connect_full(connect311(id).clean_start(false));
            assert!(!connack.session_present, "{id:?} has no Session yet");
            client.subscribe(&format!("to/{id}"), QoS::AtLeastOnce);
            client.disconnect();
        }
        for id in ids {
            publisher.publish(&format!("to/{id}"), id, QoS::AtLeastOnce);
        }
        broker.settle();
        for id in ids {
            let (mut client, connack) = broker.connect_full(connect311(id).clean_start(false));
            assert!(connack.session_present, "{id:?} has a Session");
            assert_eq!(client.expect_publish().payload, id.as_bytes());
            client.expect_nothing();
        }
    }

    fn mqtt311_3_1_3_3_a_connect_without_client_identifier_closes_the_connection(broker: &mut Broker) {
        expect_no_connack(broker, &connect_with(0x02, &[]));
        // Half an identifier, and half its length.
        expect_no_connack(broker, &RawConnect { payload: vec![0, 2, b'a'], ..RawConnect::v311("") }.bytes());
        expect_no_connack(broker, &RawConnect { payload: vec![0], ..RawConnect::v311("") }.bytes());
    }

    /// Covers: MQTT311-3.1.3-4, MQTT311-3.1.3-10, MQTT311-3.1.3-11
    fn mqtt311_3_1_3_4_identifier_will_topic_and_user_name_are_utf8(broker: &mut Broker) {
        for text in [b"\xed\xbf\xbf".as_slice(), b"\x80", b"a\0b"] {
            expect_no_connack(broker, &connect_with(0x02, &[text]));
            expect_no_connack(broker, &connect_with(0x06, &[b"a", text, b"gone"]));
            expect_no_connack(broker, &connect_with(0x82, &[b"a", text]));
        }
        // Will Message and Password are any bytes.
        enter(broker, &connect_with(0xc6, &[b"a", b"will", b"\xff\0", b"user", b"\xed\xbf\xbf\0"]));
    }

    fn mqtt311_3_1_3_5_identifiers_of_1_to_23_letters_and_digits_are_accepted(broker: &mut Broker) {
        let all = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        for length in 1..=23 {
            enter(broker, &connect_with(0x02, &[&all.as_bytes()[length..2 * length]]));
        }
        for id in ["0123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHIJ", "KLMNOPQRSTUVWXYZ"] {
            enter(broker, &connect_with(0x00, &[id.as_bytes()]));
        }
    }

    fn mqtt311_3_1_3_6_an_empty_identifier_stands_for_a_unique_one(broker: &mut Broker) {
        let mut clients: Vec<Client> = (0..4).map(|_| enter(broker, &connect_with(0x02, &[b""]))).collect();
        for (index, client) in clients.iter_mut().enumerate() {
            client.subscribe(&format!("to/{index}"), QoS::AtLeastOnce);
        }
        let mut publisher = enter(broker, &connect_with(0x02, &[b""]));
        for index in 0..clients.len() {
            publisher.publish(&format!("to/{index}"), "m", QoS::AtLeastOnce);
        }
        broker.settle();
        // None of them has taken the place of another.
        for (index, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.expect_publish().topic, format!("to/{index}"));
            client.expect_nothing();
        }
    }

    /// Covers: MQTT311-3.1.3-7, MQTT311-3.1.3-8
    fn mqtt311_3_1_3_8_an_empty_identifier_with_clean_session_0_is_rejected(broker: &mut Broker) {
        expect_return_code(broker, &connect_with(0x00, &[b""]), 2);
    }

    fn mqtt311_3_1_4_1_a_connect_that_breaks_its_format_gets_no_connack(broker: &mut Broker) {
        let good = connect_with(0xee, &[b"a", b"will", b"gone", b"user", b"password"]);
        enter(broker, &good);
        // Cut anywhere, with a Remaining Length that says so.
        for length in 2..good.len() {
            expect_no_connack(broker, &raw::packet(0x10, &good[2..length]));
        }
        // A byte too many.
        expect_no_connack(broker, &raw::packet(0x10, &[&good[2..], &[0]].concat()));
    }

    fn mqtt311_3_1_4_2_a_takeover_closes_the_older_connection(broker: &mut Broker) {
        for clean_session in [true, false] {
            let connect = connect311("a").clean_start(clean_session);
            let mut first = broker.connect(connect.clone());
            let mut other = broker.connect(connect311("b"));
            let mut second = broker.connect(connect.clone());
            first.expect_closed();
            let mut third = broker.connect(connect);
            second.expect_closed();
            third.barrier();
            other.barrier();
        }
    }

    fn mqtt311_3_1_4_2_a_takeover_keeps_the_session(broker: &mut Broker) {
        let connect = connect311("a").clean_start(false);
        let mut first = broker.connect(connect.clone());
        first.subscribe("t", QoS::AtLeastOnce);
        let (mut second, connack) = broker.connect_full(connect);
        assert!(connack.session_present);
        broker.connect(connect311("publisher")).publish("t", "m", QoS::AtLeastOnce);
        assert_eq!(second.expect_publish().payload, b"m");
        first.expect_closed();
    }

    fn mqtt311_3_1_4_4_an_accepted_connect_gets_return_code_0(broker: &mut Broker) {
        let mut client = enter(broker, &RawConnect::v311("a").bytes());
        client.expect_nothing();
    }

    /// Packets may follow CONNECT at once, without waiting for CONNACK.
    fn mqtt311_3_1_4_4_what_comes_right_behind_connect_is_processed_after_connack(broker: &mut Broker) {
        let mut client = broker.open();
        client.set_version(ProtocolVersion::Mqtt311);
        let connect = RawConnect::v311("a").bytes();
        client.send_bytes(&[&connect[..], b"\x82\x06\x00\x01\x00\x01t\x00", b"\x30\x04\x00\x01tx"].concat());
        assert_eq!(client.receive_raw(), [0x20, 2, 0, 0]);
        assert_eq!(client.receive_raw(), [0x90, 3, 0, 1, 0]);
        assert_eq!(client.receive_raw(), b"\x30\x04\x00\x01tx");
    }
}

statements_with! {
    |setup| { setup.access = true; }

    /// The user name stands behind the Will, and the broker reads it there.
    fn mqtt311_3_1_3_1_the_payload_has_its_order(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("#", QoS::AtMostOnce);
        expect_return_code(broker, &connect_with(0xc6, &[b"a", b"slow", b"slow", b"nobody", b"slow"]), 5);
        expect_return_code(broker, &connect_with(0xc6, &[b"a", b"slow", b"slow", b"wrong", b"slow"]), 4);
        expect_return_code(broker, &connect_with(0xc6, &[b"invalid", b"slow", b"slow", b"x", b"slow"]), 2);
        let mut client = enter(broker, &connect_with(0xc6, &[b"a", b"nobody", b"wrong", b"user", b"nobody"]));
        client.drop_connection();
        let will = watcher.expect_publish();
        assert_eq!((&*will.topic, &*will.payload), ("nobody", b"wrong".as_slice()));
    }

    fn mqtt311_3_1_3_9_a_rejected_identifier_gets_return_code_2(broker: &mut Broker) {
        for flags in [0x00, 0x02] {
            expect_return_code(broker, &connect_with(flags, &[b"invalid one"]), 2);
        }
    }

    fn mqtt311_3_1_4_5_nothing_behind_a_refused_connect_is_processed(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("#", QoS::AtMostOnce);
        for user in ["nobody", "slowly-refused"] {
            let connect = connect_with(0x82, &[b"a", user.as_bytes()]);
            let behind: [&[u8]; 4] =
                [b"\x30\x04\x00\x01tx", b"\x82\x06\x00\x01\x00\x01t\x00", b"\x31\x04\x00\x01tx", b"\xc0\x00"];
            expect_return_code(broker, &[connect, behind.concat()].concat(), 5);
        }
        broker.settle();
        watcher.expect_nothing();
        let mut late = broker.connect(connect311("late"));
        late.subscribe("#", QoS::AtMostOnce);
        late.expect_nothing();
    }

    fn mqtt311_3_1_4_5_what_comes_behind_a_slowly_accepted_connect_waits(broker: &mut Broker) {
        let mut client = broker.open();
        client.set_version(ProtocolVersion::Mqtt311);
        let connect = connect_with(0x82, &[b"a", b"slow"]);
        client.send_bytes(&[&connect[..], b"\x82\x06\x00\x01\x00\x01t\x00", b"\x30\x04\x00\x01tx"].concat());
        assert_eq!(client.receive_raw(), [0x20, 2, 0, 0]);
        assert_eq!(client.receive_raw(), [0x90, 3, 0, 1, 0]);
        assert_eq!(client.receive_raw(), b"\x30\x04\x00\x01tx");
    }
}

statements_with! {
    |setup| { setup.features.allow_zero_length_client_identifier = false; }

    fn mqtt311_3_1_3_9_an_empty_identifier_that_is_not_allowed_gets_return_code_2(broker: &mut Broker) {
        expect_return_code(broker, &connect_with(0x00, &[b""]), 2);
        expect_return_code(broker, &connect_with(0x02, &[b""]), 2);
    }
}
