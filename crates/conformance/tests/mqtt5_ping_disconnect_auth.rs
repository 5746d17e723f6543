//! Chapters 3.12 to 3.15 of MQTT 5.0: PINGREQ, PINGRESP, DISCONNECT and AUTH.

use conformance::build::{ConnectBuilder, ReasonBuilder};
use conformance::prelude::*;

/// Reason codes that a server may send in DISCONNECT (table of 3.14.2.1).
const CODES_OF_A_SERVER: [u8; 28] = [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97,
    0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
];

/// A CONNECT of `a` with a Will to the topic `will`.
fn with_will<'a>() -> ConnectBuilder<'a> {
    connect5("a").will("will", b"the will")
}

/// A client of the Authentication Method TEST that has been let in.
fn authenticated(broker: &mut Broker, client_identifier: &str) -> Client {
    broker.connect(
        connect5(client_identifier)
            .property(Property::AuthenticationMethod("TEST"))
            .property(Property::AuthenticationData(b"at once")),
    )
}

statements! {
    fn mqtt5_3_12_4_1_pingreq_is_answered_by_pingresp(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(&[0xC0, 0]);
        assert_eq!(client.receive_raw(), [0xD0, 0]);
        client.send_bytes(&[0xC0, 0, 0xC0, 0, 0xC0, 0]);
        for _ in 0..3 {
            assert_eq!(client.receive_raw(), [0xD0, 0]);
        }
        client.expect_nothing();
    }

    fn mqtt5_3_14_0_1_no_disconnect_comes_before_connack(broker: &mut Broker) {
        let unknown_level = raw::RawConnect { level: 9, ..raw::RawConnect::v5("a") }.bytes();
        let reserved_flag = raw::RawConnect { flags: 0x03, ..raw::RawConnect::v5("a") }.bytes();
        let bad_property = raw::RawConnect { properties: vec![0xEE], ..raw::RawConnect::v5("a") }.bytes();
        let too_long = vec![0x10, 0xFF, 0xFF, 0xFF, 0x7F];
        let ping = vec![0xC0, 0];
        let publish = raw::packet(0x30, b"\0\x01a\0");
        let type_0 = vec![0, 0];
        for bytes in [unknown_level, reserved_flag, bad_property, too_long, ping, publish, type_0] {
            let mut client = broker.open();
            client.send_bytes(&bytes);
            while let Some(packet) = client.receive_raw_or_closed() {
                assert_ne!(packet[0], 0xE0, "DISCONNECT after {bytes:02x?}");
            }
        }
    }

    fn mqtt5_3_14_1_1_a_disconnect_with_flags_is_malformed(broker: &mut Broker) {
        for flags in 1..16 {
            let mut client = broker.connect(connect5(&format!("client-{flags}")));
            client.send_bytes(&[0xE0 | flags, 0]);
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_3_14_2_1_a_reason_code_outside_of_its_table_is_no_disconnect(broker: &mut Broker) {
        let mut watcher = broker.connect(connect5("watcher"));
        watcher.subscribe("will", QoS::AtMostOnce);
        for code in [0x01, 0x02, 0x10, 0x18, 0x19, 0x84, 0x91, 0x92, 0xA3, 0xFF] {
            let mut client = broker.connect(with_will());
            client.send_bytes(&[0xE0, 1, code]);
            client.expect_format_error();
            assert_eq!(watcher.expect_publish().payload, b"the will");
        }
    }

    /// Covers: MQTT-3.14.2-1, MQTT-3.14.2-2
    fn mqtt5_3_14_2_2_a_disconnect_of_the_server_has_a_code_of_its_table_and_no_session_expiry(broker: &mut Broker) {
        let too_many_aliases = raw::packet(0x30, b"\0\x01a\x03\x23\xff\xff");
        let causes = [vec![0x30, 0], vec![0x82, 0], vec![0xC1, 0], connect_bytes(), too_many_aliases];
        for cause in causes {
            let mut client = broker.connect(connect5("a").session_expiry(100));
            client.send_bytes(&cause);
            let bytes = client.receive_raw();
            assert_eq!(bytes[0], 0xE0, "after {cause:02x?}");
            assert!(CODES_OF_A_SERVER.contains(&bytes[2]), "{bytes:02x?}");
            let packet = OwnedPacket::decode(ProtocolVersion::Mqtt5, &bytes);
            let OwnedPacket::Disconnect(disconnect) = packet else { panic!("{packet:?}") };
            assert_eq!(disconnect.properties.session_expiry_interval(), None);
        }
        let mut older = broker.connect(connect5("b").session_expiry(100));
        broker.connect(connect5("b").session_expiry(200));
        let taken_over = older.expect_disconnect(ReasonCode::SessionTakenOver);
        assert_eq!(taken_over.properties.session_expiry_interval(), None);
    }

    /// Covers: MQTT-3.14.2-3, MQTT-3.14.2-4
    fn mqtt5_3_14_2_3_a_disconnect_fits_a_tiny_maximum_packet_size(broker: &mut Broker) {
        let (mut client, bytes_max) = broker.connect_tight(connect5("a"));
        let topic = [raw::string("x".repeat(1000)), vec![3, 0x23, 0xff, 0xff]].concat();
        client.send_bytes(&raw::packet(0x30, &topic));
        let bytes = client.receive_raw();
        assert_eq!((bytes[0], bytes[2]), (0xE0, 0x94));
        assert!(bytes.len() <= bytes_max, "{bytes:02x?}");
        client.expect_closed();
    }

    /// Covers: MQTT-3.14.4-1, MQTT-3.14.4-2
    fn mqtt5_3_14_4_1_nothing_follows_the_servers_disconnect(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("a", QoS::AtMostOnce);
        let mut publisher = broker.connect(connect5("b"));
        let publish_a = raw::packet(0x30, b"\0\x01a\0x");
        client.send_bytes(&[&[0xC0, 0], &[0xC1, 0][..], &publish_a, &[0xC0, 0]].concat());
        publisher.publish("a", "of another", QoS::AtLeastOnce);
        while client.receive_raw()[0] != 0xE0 {}
        client.expect_closed();
    }

    fn mqtt5_3_14_4_1_packets_behind_the_clients_disconnect_are_not_processed(broker: &mut Broker) {
        let mut watcher = broker.connect(connect5("watcher"));
        watcher.subscribe("a", QoS::AtMostOnce);
        let mut client = broker.connect(connect5("b"));
        client.send_bytes(&[&[0xE0, 0][..], &raw::packet(0x30, b"\0\x01a\0x")].concat());
        client.expect_closed();
        broker.settle();
        watcher.expect_nothing();
    }

    fn mqtt5_3_14_4_2_the_connection_is_closed_after_a_disconnect_of_either_side(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&disconnect(ReasonCode::NORMAL_DISCONNECTION).packet());
        client.expect_closed();
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(&[0xC1, 0]);
        client.expect_disconnect(ReasonCode::MalformedPacket);
    }

    /// Covers: MQTT-3.14.4-3, s3.14.2.1
    fn mqtt5_3_14_4_3_a_normal_disconnect_deletes_the_will(broker: &mut Broker) {
        let mut watcher = broker.connect(connect5("watcher"));
        watcher.subscribe("will", QoS::AtMostOnce);
        for normal in [&[0xE0, 0][..], &[0xE0, 1, 0], &[0xE0, 2, 0, 0]] {
            let mut client = broker.connect(with_will());
            client.send_bytes(normal);
            client.expect_closed();
            broker.settle();
            watcher.expect_nothing();
        }
    }

    /// Covers: MQTT-3.14.4-3, MQTT-3.14.2-1
    fn mqtt5_3_14_4_3_any_other_disconnect_publishes_the_will(broker: &mut Broker) {
        let mut watcher = broker.connect(connect5("watcher"));
        watcher.subscribe("will", QoS::AtMostOnce);
        for code in [0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99] {
            let mut client = broker.connect(with_will());
            client.send_bytes(&[0xE0, 1, code]);
            client.expect_closed();
            assert_eq!(watcher.expect_publish().payload, b"the will", "DISCONNECT {code:02x}");
        }
    }

    fn mqtt5_s3_14_2_1_a_disconnect_without_a_reason_code_keeps_the_session(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(100));
        client.send_bytes(&[0xE0, 0]);
        client.expect_closed();
        let (_, connack) = broker.connect_full(connect5("a").clean_start(false));
        assert!(connack.session_present);
    }

    fn mqtt5_s3_14_2_2_2_a_session_expiry_after_0_is_a_protocol_error(broker: &mut Broker) {
        for connect in [connect5("a"), connect5("a").session_expiry(0)] {
            let mut client = broker.connect(connect.will("will", b"x"));
            let mut watcher = broker.connect(connect5("watcher"));
            watcher.subscribe("will", QoS::AtMostOnce);
            client.send(&leaving_behind(1).packet());
            client.expect_disconnect(ReasonCode::ProtocolError);
            assert_eq!(watcher.expect_publish().payload, b"x", "it was no DISCONNECT 0x00");
        }
    }

    fn mqtt5_s3_14_2_2_2_a_session_expiry_of_0_in_disconnect_ends_the_session(broker: &mut Broker) {
        for expiry in [0, 100] {
            let mut client = broker.connect(connect5("a").session_expiry(expiry));
            client.send(&leaving_behind(0).packet());
            client.expect_closed();
            let (_, connack) = broker.connect_full(connect5("a").clean_start(false));
            assert!(!connack.session_present);
        }
    }

    fn mqtt5_s3_14_2_2_2_a_session_expiry_twice_is_a_protocol_error(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(100));
        client.send_bytes(&raw::packet(0xE0, &[&[0][..], &raw::properties(&b"\x11\0\0\0\x01".repeat(2))].concat()));
        client.expect_disconnect(ReasonCode::ProtocolError);
    }
}

statements_in_memory! {
    fn mqtt5_s3_14_2_2_2_a_session_expiry_in_disconnect_replaces_that_of_connect(broker: &mut Broker) {
        for (of_connect, of_disconnect) in [(10, 1000), (1000, 10), (u32::MAX, 10)] {
            for (seconds, present) in [(u64::from(of_disconnect) - 2, true), (u64::from(of_disconnect) + 2, false)] {
                let mut client = broker.connect(connect5("a").session_expiry(of_connect));
                client.send(&leaving_behind(of_disconnect).packet());
                client.expect_closed();
                broker.advance(Duration::from_secs(seconds));
                let (_, connack) = broker.connect_full(connect5("a").clean_start(false));
                assert_eq!(connack.session_present, present, "{of_connect}, {of_disconnect}, after {seconds} s");
            }
        }
    }
}

statements_with! {
    |setup| { setup.access = true; }

    fn mqtt5_3_15_1_1_an_auth_with_flags_is_malformed(broker: &mut Broker) {
        for flags in 1..16 {
            let mut client = authenticated(broker, &format!("client-{flags}"));
            let auth = raw::packet(0xF0 | flags, b"\x19\x07\x15\x00\x04TEST");
            client.send_bytes(&auth);
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_3_15_2_1_an_auth_of_the_client_with_a_code_outside_of_its_table_ends_the_connection(broker: &mut Broker) {
        for code in [0x01, 0x04, 0x10, 0x17, 0x1A, 0x80, 0x82, 0x87, 0x8C, 0xFF] {
            let mut client = authenticated(broker, &format!("client-{code:x}"));
            client.send_bytes(&raw::packet(0xF0, &[&[code][..], b"\x07\x15\x00\x04TEST"].concat()));
            client.expect_format_error();
        }
    }

    /// Covers: MQTT-3.15.1-1, MQTT-3.15.2-1
    fn mqtt5_3_15_2_1_an_auth_of_the_server_says_continue_or_success(broker: &mut Broker) {
        let mut client = broker.open();
        client.send(&connect5("a").property(Property::AuthenticationMethod("TEST")).packet());
        let asks = client.receive_raw();
        assert_eq!((asks[0], asks[2]), (0xF0, 0x18));
        client.send(&answer(ReasonCode::ContinueAuthentication, b"response").packet());
        assert_eq!(client.expect_connack().reason, ReasonCode::Success);

        client.send(&answer(ReasonCode::ReAuthenticate, b"at once").packet());
        let ends = client.receive_raw();
        assert_eq!(ends[0], 0xF0);
        assert!(ends[1] == 0 || ends[2] == 0x00, "{ends:02x?}");
    }

    /// Covers: MQTT-3.15.2-2, MQTT-3.15.2-3
    fn mqtt5_3_15_2_2_an_auth_fits_a_small_maximum_packet_size(broker: &mut Broker) {
        // The method (7 bytes), the data (12 bytes) and 4 bytes around them have to fit.
        let bytes_max = 60;
        let mut client = broker.open();
        let connect = connect5("a")
            .property(Property::AuthenticationMethod("TEST"))
            .maximum_packet_size(bytes_max);
        client.send(&connect.packet());
        let auth = client.receive_raw();
        assert_eq!((auth[0], auth[2]), (0xF0, 0x18));
        assert!(auth.len() <= bytes_max, "{auth:02x?}");
        let long = "why ".repeat(100);
        let continued = answer(ReasonCode::ContinueAuthentication, b"response")
            .property(Property::ReasonString(&long))
            .property(Property::UserProperty("why", &long));
        client.send(&continued.packet());
        assert_eq!(client.expect_connack().reason, ReasonCode::Success);
        client.barrier();
    }
}

fn connect_bytes() -> Vec<u8> {
    raw::encode(ProtocolVersion::Mqtt5, &connect5("a").packet())
}

/// A DISCONNECT 0x00 with this Session Expiry Interval in seconds.
fn leaving_behind<'a>(seconds: u32) -> ReasonBuilder<'a> {
    disconnect(ReasonCode::NORMAL_DISCONNECTION).property(Property::SessionExpiryInterval(seconds))
}

/// An AUTH of the method TEST with this data.
fn answer(reason: ReasonCode, data: &[u8]) -> ReasonBuilder<'_> {
    auth(reason).property(Property::AuthenticationMethod("TEST")).property(Property::AuthenticationData(data))
}
