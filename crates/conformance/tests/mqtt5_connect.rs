//! MQTT 5.0, section 3.1: the format of CONNECT, and who is let in.

use conformance::prelude::*;
use conformance::raw::RawConnect;

/// Sends a CONNECT in bytes and expects that it is refused; `allowed` holds the reasons that a CONNACK may give.
fn refuses(broker: &mut Broker, connect: &RawConnect, allowed: &[ReasonCode]) {
    let mut client = broker.open();
    client.send_bytes(&connect.bytes());
    if let Some(connack) = client.expect_turned_away() {
        assert!(allowed.contains(&connack.reason), "{:?} for {connect:02x?}", connack.reason);
    }
}

/// The same for a CONNECT that is malformed.
fn refuses_as_malformed(broker: &mut Broker, connect: &RawConnect) {
    refuses(broker, connect, &[ReasonCode::MalformedPacket]);
}

/// The same for a protocol that the server does not know. The answer is optional, and a server of 3.1.1 as well as 5.0
/// may give it in either format.
fn refuses_version(broker: &mut Broker, connect: &RawConnect) {
    let mut client = broker.open();
    client.send_bytes(&connect.bytes());
    if let Some(answer) = client.receive_raw_or_closed() {
        let reason = if answer[1] == 2 { 0x01 } else { 0x84 };
        assert_eq!((answer[0], &answer[2..4]), (0x20, &[0, reason][..]), "{answer:02x?}");
        client.expect_closed();
    }
}

statements! {
    /// Covers: MQTT-3.1.0-1
    fn mqtt5_3_1_0_1_anything_before_connect_ends_the_connection(broker: &mut Broker) {
        let packets: [&[u8]; 14] = [
            b"\x20\x03\0\0\0",
            b"\x30\x05\0\x01t\0x",
            b"\x32\x07\0\x01t\0\x01\0x",
            b"\x40\x02\0\x01",
            b"\x50\x02\0\x01",
            b"\x62\x02\0\x01",
            b"\x70\x02\0\x01",
            b"\x82\x07\0\x01\0\0\x01t\0",
            b"\x90\x04\0\x01\0\0",
            b"\xa2\x06\0\x01\0\0\x01t",
            b"\xc0\0",
            b"\xd0\0",
            b"\xe0\0",
            b"\xf0\0",
        ];
        for packet in packets {
            println!("{packet:02x?}");
            let mut client = broker.open();
            client.send_bytes(packet);
            client.send_bytes(&RawConnect::v5("a").bytes());
            client.expect_turned_away();
        }
        // Nothing of it was carried out.
        let mut client = broker.connect(connect5("a"));
        client.subscribe("t", QoS::AtMostOnce);
        client.expect_nothing();
    }

    fn mqtt5_3_1_0_2_a_second_connect_is_a_protocol_error(broker: &mut Broker) {
        for second in ["a", "b"] {
            let mut client = broker.connect(connect5("a"));
            client.send(&connect5(second).packet());
            client.expect_disconnect(ReasonCode::ProtocolError);
        }
    }

    fn mqtt5_3_1_2_1_another_protocol_name_is_refused(broker: &mut Broker) {
        for name in ["", "mqtt", "MQT", "MQTTT", "MQIsdp", "AMQP", "\u{feff}MQTT"] {
            println!("{name}");
            refuses_version(broker, &RawConnect { name: name.into(), ..RawConnect::v5("a") });
        }
    }

    fn mqtt5_3_1_2_2_another_protocol_version_is_refused(broker: &mut Broker) {
        for level in [0, 1, 2, 6, 7, 0x45, 0x85, 0xff] {
            println!("{level}");
            refuses_version(broker, &RawConnect { level, ..RawConnect::v5("a") });
        }
    }

    fn mqtt5_3_1_2_3_the_reserved_connect_flag_is_malformed(broker: &mut Broker) {
        refuses_as_malformed(broker, &RawConnect { flags: 0x03, ..RawConnect::v5("a") });
        refuses_as_malformed(broker, &RawConnect { flags: 0x01, ..RawConnect::v5("a") });
    }

    /// Covers: MQTT-3.1.2-9, MQTT-3.1.3-1
    fn mqtt5_3_1_2_9_a_will_flag_without_the_fields_of_a_will_is_malformed(broker: &mut Broker) {
        let id = raw::string("a");
        let payloads = [
            id.clone(),
            [&id[..], &[0]].concat(),
            [&id[..], &[0], &raw::string("w")].concat(),
            // Topic and payload, but no will properties.
            [&id[..], &raw::string("w"), &raw::string("gone")].concat(),
        ];
        for payload in payloads {
            println!("{payload:02x?}");
            refuses_as_malformed(broker, &RawConnect { flags: 0x06, payload, ..RawConnect::v5("a") });
        }
        // The fields of a Will without the flag.
        let payload = [&id[..], &[0], &raw::string("w"), &raw::string("gone")].concat();
        refuses_as_malformed(broker, &RawConnect { payload, ..RawConnect::v5("a") });
    }

    /// Covers: MQTT-3.1.2-11, MQTT-3.1.2-13
    fn mqtt5_3_1_2_11_will_qos_and_retain_without_a_will_are_malformed(broker: &mut Broker) {
        for flags in [0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32] {
            println!("{flags:02x}");
            refuses_as_malformed(broker, &RawConnect { flags, ..RawConnect::v5("a") });
        }
    }

    fn mqtt5_3_1_2_12_will_qos_3_is_malformed(broker: &mut Broker) {
        let payload = [raw::string("a"), vec![0], raw::string("w"), raw::string("gone")].concat();
        for flags in [0x1e, 0x3e] {
            let connect = RawConnect { flags, payload: payload.clone(), ..RawConnect::v5("a") };
            refuses_as_malformed(broker, &connect);
        }
    }

    /// Covers: MQTT-3.1.2-16, MQTT-3.1.2-17
    fn mqtt5_3_1_2_16_the_user_name_is_there_exactly_if_its_flag_is(broker: &mut Broker) {
        let without = raw::string("a");
        let with = [raw::string("a"), raw::string("user")].concat();
        refuses_as_malformed(broker, &RawConnect { payload: with.clone(), ..RawConnect::v5("a") });
        refuses_as_malformed(broker, &RawConnect { flags: 0x82, payload: without, ..RawConnect::v5("a") });
        let mut client = broker.open();
        client.send_bytes(&RawConnect { flags: 0x82, payload: with, ..RawConnect::v5("a") }.bytes());
        assert_eq!(client.expect_connack().reason, ReasonCode::Success);
    }

    /// Covers: MQTT-3.1.2-18, MQTT-3.1.2-19
    fn mqtt5_3_1_2_18_the_password_is_there_exactly_if_its_flag_is(broker: &mut Broker) {
        let user = [raw::string("a"), raw::string("user")].concat();
        let both = [user.clone(), raw::string("password")].concat();
        refuses_as_malformed(broker, &RawConnect { flags: 0x82, payload: both.clone(), ..RawConnect::v5("a") });
        refuses_as_malformed(broker, &RawConnect { flags: 0xc2, payload: user.clone(), ..RawConnect::v5("a") });
        // A password without a user name is allowed since 5.0.
        for (flags, payload) in [(0xc2, both), (0x42, user)] {
            let mut client = broker.open();
            client.send_bytes(&RawConnect { flags, payload, ..RawConnect::v5("a") }.bytes());
            assert_eq!(client.expect_connack().reason, ReasonCode::Success);
        }
    }

    fn mqtt5_3_1_3_1_the_fields_of_the_payload_are_read_in_their_order(broker: &mut Broker) {
        let mut observer = broker.connect(connect5("observer"));
        observer.subscribe("will/topic", QoS::AtMostOnce);
        let will_properties = [&[0x03][..], &raw::string("type")].concat();
        let payload = [
            raw::string("a"),
            raw::properties(&will_properties),
            raw::string("will/topic"),
            raw::string("will payload"),
            raw::string("user"),
            raw::string("password"),
        ];
        let connect = RawConnect { flags: 0xc6, payload: payload.concat(), ..RawConnect::v5("a") };
        let mut client = broker.open();
        client.send_bytes(&connect.bytes());
        assert_eq!(client.expect_connack().reason, ReasonCode::Success);
        client.drop_connection();
        let will = observer.expect_publish();
        assert_eq!((&will.topic[..], &will.payload[..]), ("will/topic", &b"will payload"[..]));
        assert_eq!(will.properties.content_type().as_deref(), Some("type"));
    }

    fn mqtt5_3_1_3_3_a_connect_without_client_identifier_is_malformed(broker: &mut Broker) {
        refuses_as_malformed(broker, &RawConnect { payload: Vec::new(), ..RawConnect::v5("a") });
        refuses_as_malformed(broker, &RawConnect { payload: vec![0], ..RawConnect::v5("a") });
        refuses_as_malformed(broker, &RawConnect { payload: vec![0, 2, b'a'], ..RawConnect::v5("a") });
    }

    /// Covers: MQTT-1.5.4-1, MQTT-1.5.4-2
    fn mqtt5_3_1_3_4_the_client_identifier_is_well_formed_utf8(broker: &mut Broker) {
        for text in [&b"a\xff"[..], b"\xed\xa0\x80", b"a\0b"] {
            let connect = RawConnect { payload: raw::string(text), ..RawConnect::v5("") };
            refuses(broker, &connect, &[ReasonCode::MalformedPacket, ReasonCode::ClientIdentifierNotValid]);
        }
    }

    fn mqtt5_3_1_3_5_client_identifiers_of_letters_and_digits_are_accepted(broker: &mut Broker) {
        let letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        for length in 1..=23 {
            for start in [0, 20, 39] {
                let (_, connack) = broker.connect_full(connect5(&letters[start..start + length]));
                assert_eq!(connack.properties.assigned_client_identifier(), None);
            }
        }
    }

    /// Covers: MQTT-3.1.3-7, MQTT-3.2.2-16
    fn mqtt5_3_1_3_6_an_empty_client_identifier_is_replaced_by_a_unique_one(broker: &mut Broker) {
        let mut clients = Vec::new();
        let mut names = Vec::new();
        for _ in 0..20 {
            let (client, connack) = broker.connect_full(connect5("").session_expiry(100));
            let name = connack.properties.assigned_client_identifier().expect("an identifier is assigned");
            assert!(!name.is_empty() && !names.contains(&name), "{name} is not new: {names:?}");
            names.push(name);
            clients.push(client);
        }
        for client in &mut clients {
            client.barrier();
        }
        // The connection runs under that name: who comes with it takes over connection and Session.
        let resume = connect5(&names[7]).clean_start(false);
        let (_client, connack) = broker.connect_full(resume);
        assert!(connack.session_present);
        clients[7].expect_disconnect(ReasonCode::SessionTakenOver);
    }

    /// Covers: MQTT-3.1.3-12
    fn mqtt5_3_1_3_11_will_topic_and_user_name_are_well_formed_utf8(broker: &mut Broker) {
        for text in [&b"a\xff"[..], b"\xed\xa0\x80", b"a\0b"] {
            let payload = [raw::string("a"), vec![0], raw::string(text), raw::string("gone")].concat();
            refuses_as_malformed(broker, &RawConnect { flags: 0x06, payload, ..RawConnect::v5("a") });
            let payload = [raw::string("a"), raw::string(text)].concat();
            refuses_as_malformed(broker, &RawConnect { flags: 0x82, payload, ..RawConnect::v5("a") });
        }
    }

    /// Covers: MQTT-3.1.3-11, MQTT-3.3.2-2
    fn mqtt5_3_1_3_11_a_will_topic_with_wildcards_is_refused(broker: &mut Broker) {
        for topic in ["a/#", "+", ""] {
            let payload = [raw::string("a"), vec![0], raw::string(topic), raw::string("gone")].concat();
            refuses(
                broker,
                &RawConnect { flags: 0x06, payload, ..RawConnect::v5("a") },
                &[ReasonCode::MalformedPacket, ReasonCode::TopicNameInvalid, ReasonCode::ProtocolError],
            );
        }
    }

    fn mqtt5_3_1_4_1_a_connect_that_does_not_fit_its_format_is_refused(broker: &mut Broker) {
        let good = RawConnect::v5("a").bytes();
        // Each prefix of the body, with a Remaining Length that fits it.
        for length in 0..good.len() - 2 {
            let mut client = broker.open();
            client.send_bytes(&raw::packet(0x10, &good[2..2 + length]));
            client.expect_turned_away();
        }
        // A byte too much.
        refuses_as_malformed(broker, &RawConnect { payload: b"\0\x01a\0".to_vec(), ..RawConnect::v5("a") });
        // Properties: foreign, unknown, cut short.
        for properties in [&[0x23, 0, 1][..], &[0x7f, 0], &[0x11, 0, 0], &[0x21]] {
            let connect = RawConnect { properties: properties.to_vec(), ..RawConnect::v5("a") };
            refuses_as_malformed(broker, &connect);
        }
    }

    fn mqtt5_3_1_4_5_an_accepted_connect_is_answered_with_success(broker: &mut Broker) {
        for id in ["a", "b", "c", "d"] {
            let mut client = broker.open();
            client.send_bytes(&RawConnect::v5(id).bytes());
            let connack = client.receive_raw();
            assert_eq!(connack[0], 0x20);
            assert_eq!(connack[2..4], [0, 0], "flags and reason: {connack:02x?}");
            client.barrier();
        }
    }

    /// Covers: MQTT-3.1.4-4, MQTT-3.1.2-4
    fn mqtt5_3_1_4_3_a_second_connection_takes_over_from_the_first(broker: &mut Broker) {
        for id in ["a", "b", "c", "d"] {
            let mut first = broker.connect(connect5(id).session_expiry(100));
            first.subscribe("t", QoS::AtMostOnce);
            let (mut second, connack) = broker.connect_full(connect5(id).clean_start(false).session_expiry(100));
            first.expect_disconnect(ReasonCode::SessionTakenOver);
            assert!(connack.session_present);
            second.publish("t", "kept", QoS::AtMostOnce);
            assert_eq!(second.expect_publish().payload, b"kept");

            let (mut third, connack) = broker.connect_full(connect5(id));
            second.expect_disconnect(ReasonCode::SessionTakenOver);
            assert!(!connack.session_present);
            third.publish("t", "thrown away", QoS::AtMostOnce);
            third.expect_nothing();
        }
    }

    fn mqtt5_s3_1_4_packets_right_behind_connect_are_not_lost(broker: &mut Broker) {
        for (id, expiry) in [("a", 0), ("b", 0), ("c", 0), ("d", 100), ("e", 100), ("f", 100)] {
            let connect = connect5(id).session_expiry(expiry);
            let mut bytes = raw::encode(ProtocolVersion::Mqtt5, &connect.packet());
            for packet in [
                subscribe(1).filter("t", QoS::ExactlyOnce).packet(),
                publish("t").payload(b"one").qos1(2).packet(),
                publish("t").payload(b"zero").packet(),
            ] {
                bytes.extend(raw::encode(ProtocolVersion::Mqtt5, &packet));
            }
            let mut client = broker.open();
            client.send_bytes(&bytes);
            assert_eq!(client.expect_connack().reason, ReasonCode::Success);
            let mut packets = client.drain();
            packets.extend(client.drain());
            assert!(packets.iter().any(|packet| matches!(packet, OwnedPacket::SubAck(_))), "{packets:?}");
            let published = |wanted: &[u8]| {
                packets.iter().any(|packet| matches!(packet, OwnedPacket::Publish(p) if p.payload == wanted))
            };
            assert!(published(b"one"), "{packets:?}");
            assert!(published(b"zero") || expiry > 0, "{packets:?}");
            assert!(packets.iter().any(|packet| matches!(packet, OwnedPacket::PubAck(ack) if ack.id == 2)));
        }
    }

    /// Covers: s3.1.4
    fn mqtt5_s3_1_4_many_packets_right_behind_connect_keep_their_order(broker: &mut Broker) {
        let mut observer = broker.connect(connect5("observer"));
        observer.subscribe("t", QoS::AtMostOnce);
        for id in ["a", "b", "c", "d"] {
            let mut bytes = RawConnect::v5(id).bytes();
            for number in 0..100_u8 {
                let payload = [number; 3_000];
                let packet = publish("t").payload(&payload);
                bytes.extend(raw::encode(ProtocolVersion::Mqtt5, &packet.packet()));
            }
            let mut client = broker.open();
            client.send_bytes(&bytes);
            for number in 0..100_u8 {
                assert_eq!(observer.expect_publish().payload, [number; 3_000]);
            }
            client.expect_connack();
        }
    }

    fn mqtt5_s3_1_4_a_connect_in_single_bytes_is_read_whole(broker: &mut Broker) {
        let mut client = broker.open();
        for byte in raw::encode(ProtocolVersion::Mqtt5, &connect5("a").user("user").packet()) {
            client.send_bytes(&[byte]);
        }
        assert_eq!(client.expect_connack().reason, ReasonCode::Success);
        client.barrier();
    }
}

statements_with! {
    |setup| { setup.access = true; }

    /// Covers: MQTT-3.2.2-7
    fn mqtt5_3_1_3_8_a_refused_client_identifier_is_told_and_closed(broker: &mut Broker) {
        broker.open().handshake_refused(&connect5("invalid-1"), ReasonCode::ClientIdentifierNotValid);
    }

    /// Covers: MQTT-3.2.2-7, MQTT-3.2.2-8
    fn mqtt5_3_1_4_2_whoever_may_not_connect_is_told_and_closed(broker: &mut Broker) {
        let refusals = [
            (connect5("a").user("nobody"), ReasonCode::NotAuthorized),
            (connect5("a").user("wrong"), ReasonCode::BadUserNameOrPassword),
            (connect5("a").user("slowly-refused"), ReasonCode::NotAuthorized),
            (connect5("banned-1"), ReasonCode::Banned),
        ];
        for (connect, reason) in refusals {
            broker.open().handshake_refused(&connect, reason);
        }
        broker.connect(connect5("a").user("slow")).barrier();
        broker.connect(connect5("a").user("anyone")).barrier();
    }

    fn mqtt5_3_1_4_6_nothing_of_a_refused_client_is_processed(broker: &mut Broker) {
        for (id, user) in [("a", "nobody"), ("b", "nobody"), ("a", "slowly-refused"), ("b", "slowly-refused")] {
            let mut bytes = raw::encode(ProtocolVersion::Mqtt5, &connect5(id).user(user).packet());
            let retained = publish("kept").payload(b"x").retain();
            bytes.extend(raw::encode(ProtocolVersion::Mqtt5, &retained.packet()));
            bytes.extend(raw::encode(ProtocolVersion::Mqtt5, &Packet::PingReq));
            let mut client = broker.open();
            client.send_bytes(&bytes);
            client.expect_refused(ReasonCode::NotAuthorized);
        }
        let mut observer = broker.connect(connect5("observer"));
        observer.subscribe("kept", QoS::AtMostOnce);
        observer.expect_nothing();
    }

    /// Covers: s3.1.4
    fn mqtt5_s3_1_4_packets_behind_a_connect_under_examination_are_not_lost(broker: &mut Broker) {
        for id in ["a", "b", "c", "d"] {
            let mut bytes = raw::encode(ProtocolVersion::Mqtt5, &connect5(id).user("slow").packet());
            let request = subscribe(1).filter("t", QoS::AtMostOnce);
            bytes.extend(raw::encode(ProtocolVersion::Mqtt5, &request.packet()));
            bytes.extend(raw::encode(ProtocolVersion::Mqtt5, &publish("t").payload(b"x").packet()));
            let mut client = broker.open();
            client.send_bytes(&bytes);
            assert_eq!(client.expect_connack().reason, ReasonCode::Success);
            client.expect_suback();
            assert_eq!(client.expect_publish().payload, b"x");
        }
    }

    fn mqtt5_3_1_2_30_before_connack_only_auth_and_disconnect_may_follow_a_method(broker: &mut Broker) {
        let connect = connect5("a").property(Property::AuthenticationMethod("TEST"));
        for packet in [
            Packet::PingReq,
            publish("kept").payload(b"x").retain().packet(),
            subscribe(1).filter("t", QoS::AtMostOnce).packet(),
        ] {
            let mut client = broker.open();
            client.send(&connect.packet());
            assert_eq!(client.expect_auth().reason, ReasonCode::ContinueAuthentication);
            client.send(&packet);
            if let Some(connack) = client.expect_turned_away() {
                assert_eq!(connack.reason, ReasonCode::ProtocolError);
            }
        }
        let mut observer = broker.connect(connect5("observer"));
        observer.subscribe("kept", QoS::AtMostOnce);
        observer.expect_nothing();
        // DISCONNECT is allowed, and ends the connection.
        let mut client = broker.open();
        client.send(&connect.packet());
        client.expect_auth();
        client.send(&disconnect(ReasonCode::NORMAL_DISCONNECTION).packet());
        client.expect_closed();
    }
}

statements_with! {
    |setup| { setup.features.allow_zero_length_client_identifier = false; }

    /// Covers: MQTT-3.1.3-6
    fn mqtt5_3_1_3_8_an_unwanted_empty_client_identifier_is_told_and_closed(broker: &mut Broker) {
        broker.open().handshake_refused(&connect5(""), ReasonCode::ClientIdentifierNotValid);
    }
}

statements_with! {
    |setup| { setup.limits.connect_timeout = Duration::from_secs(1); }

    fn mqtt5_s3_1_4_a_connection_without_connect_is_closed(broker: &mut Broker) {
        let mut silent = broker.open();
        let mut halfway = broker.open();
        halfway.send_bytes(&RawConnect::v5("a").bytes()[..8]);
        let mut client = broker.connect(connect5("b"));
        broker.advance(Duration::from_millis(1_500));
        silent.expect_turned_away();
        halfway.expect_turned_away();
        client.barrier();
    }
}
