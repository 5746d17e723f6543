//! MQTT 5.0, chapters 1 and 2: data types, fixed header, Packet Identifiers, property sections.

use conformance::prelude::*;

/// Byte strings that are no well-formed UTF-8: a lone continuation, a broken sequence, surrogates, an overlong
/// form, beyond U+10FFFF.
const ILL_FORMED: [&[u8]; 7] =
    [b"a\x80", b"\xc3\x28", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"];

/// Packets that carry `text` wherever a client may send a string after CONNECT.
fn packets_with_string(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let string = raw::string(text);
    let good = raw::string("t");
    let user = |name: &[u8], value: &[u8]| raw::properties(&[&[0x26][..], name, value].concat());
    let publish = |properties: Vec<u8>| raw::packet(0x30, &[good.clone(), properties].concat());
    vec![
        ("Topic Name", raw::packet(0x30, &[string.clone(), vec![0]].concat())),
        ("Response Topic", publish(raw::properties(&[vec![0x08], string.clone()].concat()))),
        ("Content Type", publish(raw::properties(&[vec![0x03], string.clone()].concat()))),
        ("name of a User Property", publish(user(&string, &good))),
        ("value of a User Property", publish(user(&good, &string))),
        ("Topic Filter", raw::packet(0x82, &[vec![0, 1, 0], string.clone(), vec![0]].concat())),
        ("Topic Filter of UNSUBSCRIBE", raw::packet(0xa2, &[vec![0, 1, 0], string.clone()].concat())),
        (
            "Reason String",
            raw::packet(0xe0, &[vec![0], raw::properties(&[vec![0x1f], string].concat())].concat()),
        ),
    ]
}

statements! {
    /// Covers: MQTT-1.5.4-1, MQTT-1.5.7-1, MQTT-3.3.2-1, MQTT-3.3.2-13, MQTT-3.3.2-19
    fn mqtt5_1_5_4_1_ill_formed_utf8_is_malformed(broker: &mut Broker) {
        for text in ILL_FORMED {
            for (place, packet) in packets_with_string(text) {
                println!("{place}: {text:02x?}");
                let mut client = broker.connect(connect5("a"));
                client.send_bytes(&packet);
                client.expect_disconnect(ReasonCode::MalformedPacket);
            }
        }
    }

    /// Covers: MQTT-1.5.4-2, MQTT-1.5.7-1
    fn mqtt5_1_5_4_2_the_null_character_is_malformed(broker: &mut Broker) {
        for (place, packet) in packets_with_string(b"a\0b") {
            println!("{place}");
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&packet);
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_1_5_4_3_the_byte_order_mark_is_an_ordinary_character(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("\u{feff}a/+", QoS::AtMostOnce);
        client.publish_packet(
            publish("\u{feff}a/\u{feff}b\u{feff}")
                .property(Property::ContentType("\u{feff}text"))
                .property(Property::UserProperty("na\u{feff}me", "value\u{feff}")),
            QoS::AtMostOnce,
        );
        let bytes = client.receive_raw();
        let topic = raw::string(b"\xef\xbb\xbfa/\xef\xbb\xbfb\xef\xbb\xbf");
        assert_eq!(bytes[2..2 + topic.len()], topic);
        let OwnedPacket::Publish(message) = OwnedPacket::decode(ProtocolVersion::Mqtt5, &bytes) else {
            panic!("no PUBLISH")
        };
        assert_eq!(message.properties.content_type().as_deref(), Some("\u{feff}text"));
        assert_eq!(message.properties.user_properties(), [("na\u{feff}me", "value\u{feff}")]);

        client.publish("a/b", "another topic", QoS::AtMostOnce);
        client.expect_nothing();
    }

    fn mqtt5_1_5_5_1_lengths_are_written_in_as_few_bytes_as_possible(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("t", QoS::AtMostOnce);
        // The rest of the packet is 4 bytes: Topic Name (3) and Property Length (1).
        for remaining in [4, 127, 128, 16_383, 16_384, 1_000_000] {
            let payload = vec![b'x'; remaining - 4];
            client.publish("t", &payload, QoS::AtMostOnce);
            let bytes = client.receive_raw();
            assert_eq!(bytes[..], raw::packet(0x30, &[b"\0\x01t\0", &payload[..]].concat()), "{remaining}");
        }
        // A Property Length on both sides of the border: 5 bytes are the rest of the User Property.
        for section in [127, 128, 16_383, 16_384] {
            let value = "v".repeat(section - 5);
            client.publish_packet(publish("t").property(Property::UserProperty("", &value)), QoS::AtMostOnce);
            let bytes = client.receive_raw();
            let user = [vec![0x26, 0, 0], raw::string(&value)].concat();
            let body = [raw::string("t"), raw::properties(&user)].concat();
            assert_eq!(bytes, raw::packet(0x30, &body), "{section}");
        }
    }

    /// Covers: MQTT-1.5.5-1
    fn mqtt5_1_5_5_1_subscription_identifiers_are_written_in_as_few_bytes_as_possible(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for identifier in [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] {
            client.send(&subscribe(1).filter("t", QoS::AtMostOnce).identifier(identifier).packet());
            client.expect_suback();
            client.publish("t", "", QoS::AtMostOnce);
            let value = raw::variable_byte_integer(usize::try_from(identifier).expect("28 bits"));
            let section = raw::properties(&[vec![0x0b], value].concat());
            assert_eq!(client.receive_raw(), raw::packet(0x30, &[raw::string("t"), section].concat()));
        }
    }

    /// Covers: MQTT-1.5.5-1
    fn mqtt5_1_5_5_1_lengths_in_more_bytes_than_needed_are_malformed(broker: &mut Broker) {
        let packets: [&[u8]; 5] = [
            b"\xc0\x80\0",
            b"\x30\x84\0\0\x01t\0",
            b"\x30\x05\0\x01t\x80\0",
            b"\x82\x08\0\x01\x80\0\0\x01t\0",
            b"\x82\x0a\0\x01\x03\x0b\x81\0\0\x01t\0",
        ];
        for packet in packets {
            println!("{packet:02x?}");
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(packet);
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_s1_5_5_a_variable_byte_integer_of_five_bytes_is_malformed(broker: &mut Broker) {
        let long: &[u8] = &[0x80, 0x80, 0x80, 0x80, 0x01];
        let packets = [
            [&[0x30], long].concat(),
            [&[0xc0], long].concat(),
            raw::packet(0x30, &[b"\0\x01t", long, &[0; 16]].concat()),
            raw::packet(0x82, &[&[0, 1][..], long, b"\0\x01t\0"].concat()),
            raw::packet(0x82, &[&[0, 1, 6, 0x0b][..], long, b"\0\x01t\0"].concat()),
        ];
        for packet in packets {
            println!("{packet:02x?}");
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&packet);
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
        let mut client = broker.open();
        client.send_bytes(&[&[0x10], long].concat());
        client.expect_turned_away();
    }

    fn a_packet_whose_fields_are_cut_off_is_malformed(broker: &mut Broker) {
        let user = [&[0x26][..], &raw::string("name"), &raw::string("value")].concat();
        let publish = [raw::string("topic"), vec![0, 1], raw::properties(&user)].concat();
        let subscribe = [vec![0, 1], raw::properties(&user), raw::string("topic"), vec![1]].concat();
        let unsubscribe = [vec![0, 1], raw::properties(&user), raw::string("topic")].concat();
        let acknowledgement = [vec![0, 1, 0], raw::properties(&user)].concat();
        let disconnect = [vec![0], raw::properties(&user)].concat();
        for (first, body, may_end_at) in [
            (0x32, publish, &[][..]),
            (0x82, subscribe, &[]),
            (0xa2, unsubscribe, &[]),
            (0x40, acknowledgement.clone(), &[2, 3]),
            (0x50, acknowledgement.clone(), &[2, 3]),
            (0x62, acknowledgement.clone(), &[2, 3]),
            (0x70, acknowledgement, &[2, 3]),
            (0xe0, disconnect, &[0, 1]),
        ] {
            for length in (0..body.len()).filter(|length| !may_end_at.contains(length)) {
                println!("{first:02x}, {length} bytes");
                let mut client = broker.connect(connect5("a"));
                client.send_bytes(&raw::packet(first, &body[..length]));
                client.expect_disconnect_among(&[ReasonCode::MalformedPacket, ReasonCode::ProtocolError]);
            }
        }
    }

    /// Covers: s2.1.3
    fn mqtt5_2_1_3_1_wrong_reserved_flags_are_malformed(broker: &mut Broker) {
        let subscription = b"\0\x01\0\0\x01t\0";
        let filter = b"\0\x01\0\0\x01t";
        let mut packets = Vec::new();
        for flags in 1..16 {
            for first in [0x40, 0x50, 0x70] {
                packets.push(raw::packet(first | flags, &[0, 1]));
            }
            packets.push(raw::packet(0xc0 | flags, &[]));
            packets.push(raw::packet(0xe0 | flags, &[]));
            packets.push(raw::packet(0xf0 | flags, &[]));
        }
        for flags in (0..16).filter(|flags| *flags != 2) {
            packets.push(raw::packet(0x60 | flags, &[0, 1]));
            packets.push(raw::packet(0x80 | flags, subscription));
            packets.push(raw::packet(0xa0 | flags, filter));
        }
        for packet in packets {
            println!("{packet:02x?}");
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&packet);
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
        for flags in 1..16 {
            let mut client = broker.open();
            client.send_bytes(&raw::RawConnect { first: 0x10 | flags, ..raw::RawConnect::v5("a") }.bytes());
            client.expect_turned_away();
        }
    }

    /// Covers: MQTT-2.1.3-1
    fn mqtt5_2_1_3_1_the_server_sets_the_flags_of_the_table(broker: &mut Broker) {
        let mut client = broker.open();
        client.send(&connect5("a").packet());
        assert_eq!(client.receive_raw()[0], 0x20, "CONNACK");
        client.send(&subscribe(1).filter("t", QoS::ExactlyOnce).packet());
        assert_eq!(client.receive_raw()[0], 0x90, "SUBACK");
        client.send(&publish("u").qos1(2).packet());
        assert_eq!(client.receive_raw()[0], 0x40, "PUBACK");
        client.send(&publish("u").qos2(3).packet());
        assert_eq!(client.receive_raw()[0], 0x50, "PUBREC");
        client.send(&pubrel(3).packet());
        assert_eq!(client.receive_raw()[0], 0x70, "PUBCOMP");
        client.publish("t", "x", QoS::ExactlyOnce);
        let message = client.expect_publish();
        client.send(&pubrec(message.id).packet());
        assert_eq!(client.receive_raw()[0], 0x62, "PUBREL");
        client.send(&pubcomp(message.id).packet());
        client.send(&unsubscribe(4).filter("t").packet());
        assert_eq!(client.receive_raw()[0], 0xb0, "UNSUBACK");
        client.send(&Packet::PingReq);
        assert_eq!(client.receive_raw(), [0xd0, 0x00], "PINGRESP");
        client.send(&connect5("a").packet());
        assert_eq!(client.receive_raw()[0], 0xe0, "DISCONNECT");
    }

    fn mqtt5_2_2_1_2_a_publish_of_qos_0_has_no_packet_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("t", QoS::ExactlyOnce);
        client.send_bytes(b"\x30\x08\0\x01t\0\x12\x34\x56\x78");
        assert_eq!(client.receive_raw(), b"\x30\x08\0\x01t\0\x12\x34\x56\x78");
    }

    fn mqtt5_2_2_1_3_the_packet_identifier_zero_is_an_error(broker: &mut Broker) {
        let packets: [&[u8]; 4] = [
            b"\x32\x06\0\x01t\0\0\0",
            b"\x34\x06\0\x01t\0\0\0",
            b"\x82\x07\0\0\0\0\x01t\0",
            b"\xa2\x06\0\0\0\0\x01t",
        ];
        for packet in packets {
            println!("{packet:02x?}");
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(packet);
            client.expect_disconnect_among(&[ReasonCode::MalformedPacket, ReasonCode::ProtocolError]);
        }
    }

    fn mqtt5_2_2_1_4_the_server_takes_free_packet_identifiers(broker: &mut Broker) {
        let mut receiver = broker.connect(connect5("receiver"));
        let mut sender = broker.connect(connect5("sender"));
        receiver.subscribe("t", QoS::ExactlyOnce);
        let mut unfinished: Vec<OwnedPublish> = Vec::new();
        for round in 0..40_usize {
            let qos = if round % 3 == 0 { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
            sender.publish("t", round.to_string(), qos);
            let message = receiver.expect_publish();
            assert_eq!(message.payload, round.to_string().into_bytes());
            assert_ne!(message.id, 0);
            assert!(unfinished.iter().all(|other| other.id != message.id), "{} is in use", message.id);
            unfinished.push(message);
            if unfinished.len() > 10 {
                // Not the oldest: the numbers in use have gaps.
                let done = unfinished.remove(round % 7);
                receiver.acknowledge(&done);
            }
        }
    }

    fn mqtt5_2_2_1_5_acknowledgements_repeat_the_packet_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for id in [1, 0x1234, 0x3412, u16::MAX] {
            client.send(&publish("t").qos1(id).packet());
            assert_eq!(client.receive_raw()[2..4], id.to_be_bytes(), "PUBACK");
            client.send(&publish("t").qos2(id).packet());
            assert_eq!(client.receive_raw()[2..4], id.to_be_bytes(), "PUBREC");
            client.send(&pubrel(id).packet());
            assert_eq!(client.receive_raw()[2..4], id.to_be_bytes(), "PUBCOMP");
        }
        client.subscribe("t", QoS::ExactlyOnce);
        for _ in 0..3 {
            client.publish("t", "x", QoS::ExactlyOnce);
            let message = client.expect_publish();
            client.send(&pubrec(message.id).packet());
            client.expect_pubrel(message.id);
            client.send(&pubcomp(message.id).packet());
        }
    }

    fn mqtt5_2_2_1_6_suback_and_unsuback_repeat_the_packet_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for id in [1, 0x1234, 0x3412, u16::MAX] {
            client.send(&subscribe(id).filter("t", QoS::AtMostOnce).packet());
            assert_eq!(client.expect_suback().id, id);
            client.send(&unsubscribe(id).filter("t").packet());
            assert_eq!(client.expect_unsuback().id, id);
        }
    }

    fn mqtt5_2_2_2_1_no_properties_are_a_length_of_zero(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&subscribe(1).filter("t", QoS::AtLeastOnce).packet());
        assert_eq!(client.receive_raw(), [0x90, 4, 0, 1, 0, 1], "SUBACK");
        client.send(&publish("t").payload(b"x").packet());
        assert_eq!(client.receive_raw(), b"\x30\x05\0\x01t\0x", "PUBLISH");
        client.send(&unsubscribe(2).filter("t").packet());
        assert_eq!(client.receive_raw(), [0xb0, 4, 0, 2, 0, 0], "UNSUBACK");
        // Without the field, the first byte of what follows is taken for it, and the rest does not fit.
        for packet in [&b"\x82\x06\0\x01\0\x01t\0"[..], b"\xa2\x05\0\x01\0\x01t", b"\x30\x03\0\x01t"] {
            println!("{packet:02x?}");
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(packet);
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_s2_1_2_packet_types_that_no_client_sends_are_errors(broker: &mut Broker) {
        let packets: [&[u8]; 6] = [
            &[0x00, 0],
            &[0x0f, 0],
            &[0x20, 3, 0, 0, 0],
            &[0x90, 4, 0, 1, 0, 0],
            &[0xb0, 4, 0, 1, 0, 0],
            &[0xd0, 0],
        ];
        for packet in packets {
            println!("{packet:02x?}");
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(packet);
            client.expect_disconnect_among(&[ReasonCode::MalformedPacket, ReasonCode::ProtocolError]);
        }
    }

    fn mqtt5_s2_2_2_2_foreign_and_unknown_properties_are_malformed(broker: &mut Broker) {
        let publish = |section: &[u8]| raw::packet(0x30, &[raw::string("t"), raw::properties(section)].concat());
        let subscribe =
            |section: &[u8]| raw::packet(0x82, &[&[0, 1], &raw::properties(section)[..], b"\0\x01t\0"].concat());
        let unsubscribe =
            |section: &[u8]| raw::packet(0xa2, &[&[0, 1], &raw::properties(section)[..], b"\0\x01t"].concat());
        let puback = |section: &[u8]| raw::packet(0x40, &[&[0, 1, 0], &raw::properties(section)[..]].concat());
        let disconnect = |section: &[u8]| raw::packet(0xe0, &[&[0], &raw::properties(section)[..]].concat());
        let packets = [
            ("unknown 0x00", publish(&[0x00, 0])),
            ("unknown 0x7f", publish(&[0x7f, 0])),
            ("unknown of two bytes", publish(&[0x80, 0x01, 0])),
            ("Receive Maximum in PUBLISH", publish(&[0x21, 0, 1])),
            ("Reason String in PUBLISH", publish(&[0x1f, 0, 0])),
            ("Will Delay Interval in PUBLISH", publish(&[0x18, 0, 0, 0, 1])),
            ("Topic Alias in SUBSCRIBE", subscribe(&[0x23, 0, 1])),
            ("Reason String in SUBSCRIBE", subscribe(&[0x1f, 0, 0])),
            ("Subscription Identifier in UNSUBSCRIBE", unsubscribe(&[0x0b, 1])),
            ("Content Type in PUBACK", puback(&[0x03, 0, 0])),
            ("Receive Maximum in DISCONNECT", disconnect(&[0x21, 0, 1])),
        ];
        for (name, packet) in packets {
            println!("{name}");
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&packet);
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_s2_2_2_2_a_repeated_property_is_a_protocol_error(broker: &mut Broker) {
        let sections: [&[u8]; 6] = [
            &[0x01, 1, 0x01, 1],
            &[0x02, 0, 0, 0, 9, 0x02, 0, 0, 0, 9],
            &[0x23, 0, 1, 0x23, 0, 1],
            &[0x08, 0, 1, b'r', 0x08, 0, 1, b'r'],
            &[0x09, 0, 1, b'c', 0x09, 0, 1, b'c'],
            &[0x03, 0, 1, b'c', 0x03, 0, 1, b'd'],
        ];
        for section in sections {
            println!("{section:02x?}");
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&raw::packet(0x30, &[raw::string("t"), raw::properties(section)].concat()));
            client.expect_disconnect(ReasonCode::ProtocolError);
        }
        // The User Property may come as often as it likes, even the same twice.
        let mut client = broker.connect(connect5("a"));
        client.subscribe("t", QoS::AtMostOnce);
        let user = [&[0x26][..], &raw::string("n"), &raw::string("v")].concat();
        let section = raw::properties(&[user.clone(), user].concat());
        client.send_bytes(&raw::packet(0x30, &[raw::string("t"), section].concat()));
        assert_eq!(client.expect_publish().properties.user_properties(), [("n", "v"), ("n", "v")]);
    }

    fn mqtt5_s2_4_a_pubrec_below_0x80_goes_on_and_above_ends(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("t", QoS::ExactlyOnce);
        client.publish("t", "goes on", QoS::ExactlyOnce);
        let message = client.expect_publish();
        client.send(&pubrec(message.id).reason(ReasonCode::NoMatchingSubscribers).packet());
        client.expect_pubrel(message.id);
        client.send(&pubcomp(message.id).packet());

        client.publish("t", "ends", QoS::ExactlyOnce);
        let message = client.expect_publish();
        client.send(&pubrec(message.id).reason(ReasonCode::UnspecifiedError).packet());
        client.expect_nothing();
    }
}

statements_with! {
    |setup| { setup.access = true; }

    fn mqtt5_s2_4_a_suback_below_0x80_subscribes_and_above_does_not(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&subscribe(1).filter("t", QoS::ExactlyOnce).filter("publish-only/t", QoS::AtLeastOnce).packet());
        let suback = client.expect_suback();
        assert_eq!(suback.codes, [ReasonCode::GrantedQos2, ReasonCode::NotAuthorized]);
        client.publish("publish-only/t", "no", QoS::AtMostOnce);
        client.publish("t", "yes", QoS::AtMostOnce);
        assert_eq!(client.expect_publish().payload, b"yes");
        client.expect_nothing();
    }
}
