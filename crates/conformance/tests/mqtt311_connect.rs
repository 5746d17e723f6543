//! MQTT 3.1.1, sections 3.1.0 to 3.1.2: CONNECT, its flags, Sessions and Keep Alive.

use conformance::prelude::*;
use conformance::raw::{RawConnect, string};

/// Opens a connection with these bytes, which has to end without a CONNACK.
fn expect_no_connack(broker: &mut Broker, bytes: &[u8]) {
    let mut client = broker.open();
    client.send_bytes(bytes);
    assert_eq!(client.receive_raw_or_closed(), None, "the answer to {bytes:02x?}");
}

/// A CONNECT of Client Identifier `a` with these flags, and these strings behind the identifier.
fn connect_with(flags: u8, strings: &[&str]) -> Vec<u8> {
    let payload = [&["a"][..], strings].concat().iter().flat_map(string).collect();
    RawConnect { flags, payload, ..RawConnect::v311("a") }.bytes()
}

/// A client that keeps its Session, and whether it found one.
fn resume(broker: &mut Broker, id: &str) -> (Client, bool) {
    let (client, connack) = broker.connect_full(connect311(id).clean_start(false));
    (client, connack.session_present)
}

statements! {
    fn mqtt311_3_1_0_1_whatever_comes_before_connect_closes_the_connection(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("#", QoS::AtMostOnce);
        let packets: [&[u8]; 14] = [
            b"\x20\x02\x00\x00",
            b"\x30\x04\x00\x01tx",
            b"\x32\x06\x00\x01t\x00\x01x",
            b"\x34\x06\x00\x01t\x00\x01x",
            b"\x40\x02\x00\x01",
            b"\x50\x02\x00\x01",
            b"\x62\x02\x00\x01",
            b"\x70\x02\x00\x01",
            b"\x82\x06\x00\x01\x00\x01t\x00",
            b"\x90\x03\x00\x01\x00",
            b"\xa2\x05\x00\x01\x00\x01t",
            b"\xb0\x02\x00\x01",
            b"\xc0\x00",
            b"\xe0\x00",
        ];
        for packet in packets {
            // A CONNECT behind it does not heal it.
            expect_no_connack(broker, &[packet, &RawConnect::v311("a").bytes()].concat());
        }
        broker.settle();
        watcher.expect_nothing();
    }

    fn mqtt311_3_1_0_2_a_second_connect_closes_the_connection(broker: &mut Broker) {
        for second in ["a", "b"] {
            let mut client = broker.connect(connect311("a"));
            client.send(&connect311(second).packet());
            client.expect_closed();
        }
    }

    fn mqtt311_3_1_2_1_another_protocol_name_is_not_served(broker: &mut Broker) {
        for name in ["", "MQTTX", "mqtt", "MQT", "HTTP/", "MQIsdpX"] {
            expect_no_connack(broker, &RawConnect { name: name.into(), ..RawConnect::v311("a") }.bytes());
        }
    }

    fn mqtt311_3_1_2_2_an_unsupported_level_gets_return_code_1(broker: &mut Broker) {
        for level in [0, 1, 2, 3, 6, 7, 0x7f, 0x80, 0x82, 0x83, 0x85, 0x86, 0xff] {
            let mut client = broker.open();
            client.send_bytes(&RawConnect { level, ..RawConnect::v311("a") }.bytes());
            // One above 5 may hear it in the words of 5.0, which has a rule of its own for that.
            let answer = client.receive_raw();
            let in_words_of_5 = level > 5 && answer == [0x20, 3, 0, 0x84, 0];
            assert!(in_words_of_5 || answer == [0x20, 2, 0, 1], "{answer:02x?} to level {level}");
            client.expect_closed();
        }
    }

    fn mqtt311_3_1_2_3_the_reserved_flag_closes_the_connection(broker: &mut Broker) {
        for flags in [0x01, 0x03] {
            expect_no_connack(broker, &connect_with(flags, &[]));
        }
    }

    /// Covers: MQTT311-3.1.2-4, MQTT311-3.1.4-3
    fn mqtt311_3_1_2_4_clean_session_0_keeps_the_session_after_the_connection(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        let (mut client, present) = resume(broker, "a");
        assert!(!present);
        client.subscribe("t", QoS::AtLeastOnce);
        client.disconnect();

        let (mut client, present) = resume(broker, "a");
        assert!(present, "after DISCONNECT");
        publisher.publish("t", "one", QoS::AtLeastOnce);
        let one = client.expect_publish();
        assert_eq!(one.payload, b"one");
        client.acknowledge(&one);
        client.drop_connection();

        let (mut client, present) = resume(broker, "a");
        assert!(present, "after a network failure");
        publisher.publish("t", "two", QoS::AtMostOnce);
        assert_eq!(client.expect_publish().payload, b"two");
    }

    fn mqtt311_3_1_2_5_messages_of_qos_1_and_2_wait_for_an_offline_session(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        let (mut client, _) = resume(broker, "a");
        client.subscribe("t/#", QoS::ExactlyOnce);
        client.disconnect();
        publisher.publish("t/1", "one", QoS::AtLeastOnce);
        publisher.publish("t/2", "two", QoS::ExactlyOnce);
        publisher.publish("other", "three", QoS::ExactlyOnce);
        broker.settle();

        let (mut client, _) = resume(broker, "a");
        let (one, two) = (client.expect_publish(), client.expect_publish());
        assert_eq!((&*one.topic, one.qos, &*one.payload), ("t/1", QoS::AtLeastOnce, b"one".as_slice()));
        assert_eq!((&*two.topic, two.qos, &*two.payload), ("t/2", QoS::ExactlyOnce, b"two".as_slice()));
        assert!(!one.dup && !two.dup, "these were never sent before");
        client.expect_nothing();
    }

    /// Covers: MQTT311-3.1.2-6, MQTT311-3.1.4-3
    fn mqtt311_3_1_2_6_clean_session_1_drops_the_older_session_and_leaves_none(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        let (mut client, _) = resume(broker, "a");
        client.subscribe("t", QoS::AtLeastOnce);
        client.disconnect();
        publisher.publish("t", "for the older session", QoS::AtLeastOnce);

        let (mut client, connack) = broker.connect_full(connect311("a"));
        assert!(!connack.session_present);
        publisher.publish("t", "to nobody", QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();
        client.subscribe("t", QoS::AtLeastOnce);
        client.disconnect();

        let (mut client, present) = resume(broker, "a");
        assert!(!present, "a Session of Clean Session 1 is never reused");
        publisher.publish("t", "to nobody", QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt311_3_1_2_6_clean_session_1_forgets_unfinished_messages_of_the_client(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("t", QoS::AtMostOnce);
        for clean_session in [true, false] {
            let mut client = broker.connect(connect311("a").clean_start(clean_session));
            client.send(&publish("t").payload(b"one").qos2(7).packet());
            client.expect_pubrec(7);
            client.drop_connection();
            let mut client = broker.connect(connect311("a"));
            client.send(&publish("t").payload(b"two").qos2(7).packet());
            client.expect_pubrec(7);
            assert_eq!(watcher.expect_publish().payload, b"one");
            assert_eq!(watcher.expect_publish().payload, b"two");
        }
    }

    fn mqtt311_3_1_2_7_retained_messages_outlive_the_session_of_their_publisher(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish_retained("t", "kept", QoS::AtLeastOnce);
        publisher.disconnect();
        broker.connect(connect311("publisher")).disconnect();
        broker.settle();

        let mut client = broker.connect(connect311("a"));
        client.subscribe("t", QoS::AtLeastOnce);
        assert_eq!(client.expect_publish().payload, b"kept");
    }

    fn mqtt311_3_1_2_9_a_will_flag_without_will_closes_the_connection(broker: &mut Broker) {
        expect_no_connack(broker, &connect_with(0x06, &[]));
        expect_no_connack(broker, &connect_with(0x06, &["topic alone"]));
        expect_no_connack(broker, &connect_with(0xc6, &["name", "password"]));
    }

    /// Covers: MQTT311-3.1.2-11, MQTT311-3.1.2-13, MQTT311-3.1.2-15
    fn mqtt311_3_1_2_11_will_qos_and_will_retain_need_the_will_flag(broker: &mut Broker) {
        for flags in [0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38] {
            expect_no_connack(broker, &connect_with(0x02 | flags, &[]));
        }
        // Will fields without the flag are bytes too many.
        expect_no_connack(broker, &connect_with(0x02, &["will", "gone"]));
    }

    fn mqtt311_3_1_2_14_will_qos_3_closes_the_connection(broker: &mut Broker) {
        expect_no_connack(broker, &connect_with(0x02 | 0x04 | 0x18, &["will", "gone"]));
    }

    /// Covers: MQTT311-3.1.2-18, MQTT311-3.1.2-19, MQTT311-3.1.2-20, MQTT311-3.1.2-21
    fn mqtt311_3_1_2_18_user_name_and_password_are_there_when_their_flags_say_so(broker: &mut Broker) {
        expect_no_connack(broker, &connect_with(0x02, &["user without flag"]));
        expect_no_connack(broker, &connect_with(0x82, &[]));
        expect_no_connack(broker, &connect_with(0x82, &["user", "password without flag"]));
        expect_no_connack(broker, &connect_with(0xc2, &["user"]));
        for (flags, strings) in [(0x02, [].as_slice()), (0x82, &["user"]), (0xc2, &["user", "password"])] {
            let mut client = broker.open();
            client.send_bytes(&connect_with(flags, strings));
            assert_eq!(client.receive_raw(), [0x20, 2, 0, 0], "{flags:#x} with {strings:?}");
        }
    }

    fn mqtt311_3_1_2_22_a_password_without_user_name_closes_the_connection(broker: &mut Broker) {
        expect_no_connack(broker, &connect_with(0x42, &["password"]));
    }

    fn mqtt311_3_1_2_24_silence_of_one_and_a_half_keep_alives_ends_the_connection(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a").keep_alive(1));
        let mut patient = broker.connect(connect311("b").keep_alive(60));
        broker.advance(Duration::from_secs(2));
        client.expect_closed();
        patient.barrier();
    }
}

statements_in_memory! {
    fn mqtt311_3_1_2_24_every_packet_counts_and_nothing_short_of_it(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a").keep_alive(10));
        broker.advance(Duration::from_secs(14));
        assert_eq!(broker.connections(), 1, "within one and a half times the Keep Alive");
        client.publish("t", "", QoS::AtMostOnce);
        broker.advance(Duration::from_secs(14));
        client.barrier();
        broker.advance(Duration::from_millis(14_900));
        assert_eq!(broker.connections(), 1, "each packet starts the time again");
        broker.advance(Duration::from_secs(2));
        assert_eq!(broker.connections(), 0);
        client.expect_closed();
    }

    fn mqtt311_3_1_2_24_half_a_packet_is_no_sign_of_life(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a").keep_alive(10));
        client.send_bytes(&[0x30, 100]);
        for _ in 0..4 {
            broker.advance(Duration::from_secs(5));
            client.send_bytes(&[0]);
        }
        client.expect_closed();
    }

    fn mqtt311_3_1_2_24_what_the_broker_sends_is_no_sign_of_life(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a").keep_alive(10));
        client.subscribe("t", QoS::AtMostOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        for _ in 0..4 {
            broker.advance(Duration::from_secs(4));
            publisher.publish("t", "m", QoS::AtMostOnce);
        }
        broker.advance(Duration::from_secs(1));
        assert_eq!(broker.connections(), 1);
    }

    fn mqtt311_3_1_2_24_keep_alive_0_sets_no_limit(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a").keep_alive(0));
        broker.advance(Duration::from_hours(24 * 7));
        client.barrier();
    }
}
