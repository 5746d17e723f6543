//! Chapters 3.4 to 3.7 of MQTT 5.0: PUBACK, PUBREC, PUBREL and PUBCOMP.

use conformance::build::ConnectBuilder;
use conformance::prelude::*;

/// An acknowledgement in bytes: first byte, Packet Identifier, and what follows that.
fn acknowledgement(first: u8, id: u16, rest: &[u8]) -> Vec<u8> {
    raw::packet(first, &[&id.to_be_bytes(), rest].concat())
}

/// The three forms in which Success is written: without reason code, without properties, with an empty section.
const FORMS_OF_SUCCESS: [&[u8]; 3] = [&[], &[0x00], &[0x00, 0x00]];

statements_with! {
    |setup| { setup.access = true; }

    fn mqtt5_3_4_2_1_puback_says_success_or_why_the_message_was_refused(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("heard", QoS::AtMostOnce);
        client.send(&publish("heard").qos1(1).packet());
        let mut codes = vec![];
        for packet in [client.receive(), client.receive()] {
            if let OwnedPacket::PubAck(ack) = packet {
                codes.push((ack.id, ack.reason));
            }
        }
        assert_eq!(codes, [(1, ReasonCode::Success)]);

        client.send(&publish("unheard").qos1(2).packet());
        let unheard = client.expect_puback(2).reason;
        assert!(matches!(unheard, ReasonCode::Success | ReasonCode::NoMatchingSubscribers), "{unheard}");

        client.send(&publish("forbidden/x").qos1(3).packet());
        assert_eq!(client.expect_puback(3).reason, ReasonCode::NotAuthorized);
        client.barrier();
    }

    fn mqtt5_3_5_2_1_pubrec_says_success_or_why_the_message_was_refused(broker: &mut Broker) {
        let mut other = broker.connect(connect5("b"));
        other.subscribe("heard", QoS::AtMostOnce);
        let mut client = broker.connect(connect5("a"));
        client.send(&publish("heard").qos2(1).packet());
        assert_eq!(client.expect_pubrec(1).reason, ReasonCode::Success);

        client.send(&publish("unheard").qos2(2).packet());
        let unheard = client.expect_pubrec(2).reason;
        assert!(matches!(unheard, ReasonCode::Success | ReasonCode::NoMatchingSubscribers), "{unheard}");

        client.send(&publish("forbidden/x").qos2(3).packet());
        assert_eq!(client.expect_pubrec(3).reason, ReasonCode::NotAuthorized);
        client.barrier();
    }

    /// Covers: MQTT-3.4.2-2, MQTT-3.4.2-3, MQTT-3.5.2-2, MQTT-3.5.2-3
    fn mqtt5_3_4_2_2_refusals_fit_a_tiny_maximum_packet_size(broker: &mut Broker) {
        let (mut client, bytes_max) = broker.connect_tight(connect5("a"));
        let topic = format!("forbidden/{}", "x".repeat(100));
        client.send(&publish(&topic).qos1(1).property(Property::UserProperty("name", "value")).packet());
        let answer = client.receive_raw();
        assert_eq!((answer[0], &answer[2..5]), (0x40, &[0, 1, 0x87][..]));
        assert!(answer.len() <= bytes_max, "{answer:02x?}");

        client.send(&publish(&topic).qos2(2).property(Property::UserProperty("name", "value")).packet());
        let answer = client.receive_raw();
        assert_eq!((answer[0], &answer[2..5]), (0x50, &[0, 2, 0x87][..]));
        assert!(answer.len() <= bytes_max, "{answer:02x?}");
        client.barrier();
    }
}

statements! {
    /// Covers: MQTT-3.6.2-2, MQTT-3.6.2-3, MQTT-3.7.2-2, MQTT-3.7.2-3
    fn mqtt5_3_6_2_2_pubrel_and_pubcomp_fit_a_tiny_maximum_packet_size(broker: &mut Broker) {
        let (mut client, bytes_max) = broker.connect_tight(connect5("a"));
        let long = "why ".repeat(100);
        client.send(&pubrec(7).property(Property::ReasonString(&long)).packet());
        let answer = client.receive_raw();
        assert_eq!((answer[0], &answer[2..5]), (0x62, &[0, 7, 0x92][..]));
        assert!(answer.len() <= bytes_max, "{answer:02x?}");

        client.send(&pubrel(8).property(Property::UserProperty("why", &long)).packet());
        let answer = client.receive_raw();
        assert_eq!((answer[0], &answer[2..5]), (0x70, &[0, 8, 0x92][..]));
        assert!(answer.len() <= bytes_max, "{answer:02x?}");
        client.barrier();
    }

    fn mqtt5_3_6_1_1_a_pubrel_with_other_flags_is_malformed(broker: &mut Broker) {
        for flags in (0..16).filter(|flags| *flags != 0b0010) {
            let mut client = broker.connect(connect5(&format!("client-{flags}")));
            client.send(&publish("a").qos2(1).packet());
            client.expect_pubrec(1);
            client.send_bytes(&acknowledgement(0x60 | flags, 1, &[]));
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    /// Covers: MQTT-3.6.1-1, MQTT-3.6.2-1
    fn mqtt5_3_6_2_1_pubrel_of_the_server_has_its_flags_and_says_success(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("a", QoS::ExactlyOnce);
        broker.connect(connect5("b")).publish("a", "x", QoS::ExactlyOnce);
        let id = client.expect_publish().id;
        client.send(&pubrec(id).packet());
        let bytes = client.receive_raw();
        assert_eq!(bytes[0], 0x62);
        assert_eq!(bytes[2..4], id.to_be_bytes());
        assert!(bytes[4..].iter().all(|byte| *byte == 0), "reason Success and no properties: {bytes:02x?}");
    }

    fn mqtt5_3_7_2_1_pubcomp_of_the_server_says_success_or_identifier_not_found(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&publish("a").qos2(1).packet());
        client.expect_pubrec(1);
        client.send(&pubrel(1).packet());
        assert_eq!(client.expect_pubcomp(1).reason, ReasonCode::Success);
        client.send(&pubrel(1).packet());
        assert_eq!(client.expect_pubcomp(1).reason, ReasonCode::PacketIdentifierNotFound);
    }

    /// Covers: MQTT-3.4.2-1, MQTT-3.5.2-1, MQTT-3.6.2-1, MQTT-3.7.2-1
    fn mqtt5_3_4_2_1_a_reason_code_outside_of_its_table_ends_the_connection(broker: &mut Broker) {
        const OF_PUBACK: &[u8] = &[0x01, 0x02, 0x04, 0x18, 0x81, 0x82, 0x8F, 0x92, 0x93, 0xA3, 0xFF];
        const OF_PUBREL: &[u8] = &[0x01, 0x10, 0x80, 0x83, 0x87, 0x91, 0x93, 0x97, 0xFF];
        for (first, codes) in [(0x40, OF_PUBACK), (0x50, OF_PUBACK), (0x62, OF_PUBREL), (0x70, OF_PUBREL)] {
            for code in codes {
                let mut client = broker.connect(connect5(&format!("client-{first:x}-{code:x}")));
                client.send_bytes(&acknowledgement(first, 1, &[*code]));
                client.expect_format_error();
            }
        }
    }

    /// Covers: s3.4.2, MQTT-3.4.2-1
    fn mqtt5_s3_4_2_all_forms_of_puback_are_understood(broker: &mut Broker) {
        let mut client = broker.connect(receiving_one_at_a_time("a"));
        client.subscribe("a", QoS::AtLeastOnce);
        let mut publisher = broker.connect(connect5("b"));
        for form in FORMS_OF_SUCCESS {
            publisher.publish("a", "x", QoS::AtLeastOnce);
            let id = client.expect_publish().id;
            client.send_bytes(&acknowledgement(0x40, id, form));
        }
        publisher.publish("a", "last", QoS::AtLeastOnce);
        assert_eq!(client.expect_publish().payload, b"last");
    }

    /// Covers: s3.4.2, MQTT-3.5.2-1, MQTT-3.7.2-1
    fn mqtt5_s3_4_2_all_forms_of_pubrec_and_pubcomp_are_understood(broker: &mut Broker) {
        let mut client = broker.connect(receiving_one_at_a_time("a"));
        client.subscribe("a", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect5("b"));
        for form in FORMS_OF_SUCCESS {
            publisher.publish("a", "x", QoS::ExactlyOnce);
            let id = client.expect_publish().id;
            client.send_bytes(&acknowledgement(0x50, id, form));
            client.expect_pubrel(id);
            client.send_bytes(&acknowledgement(0x70, id, form));
        }
        publisher.publish("a", "last", QoS::ExactlyOnce);
        assert_eq!(client.expect_publish().payload, b"last");
    }

    /// Covers: s3.4.2, MQTT-3.6.2-1
    fn mqtt5_s3_4_2_all_forms_of_pubrel_are_understood(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for form in FORMS_OF_SUCCESS {
            client.send(&publish("a").qos2(1).packet());
            client.expect_pubrec(1);
            client.send_bytes(&acknowledgement(0x62, 1, form));
            assert_eq!(client.expect_pubcomp(1).reason, ReasonCode::Success);
        }
    }

    fn mqtt5_s3_4_2_2_a_second_reason_string_is_a_protocol_error(broker: &mut Broker) {
        let once = b"\x1f\x00\x03why";
        for first in [0x40, 0x50, 0x62, 0x70] {
            let mut client = broker.connect(connect5(&format!("client-{first:x}")));
            let good = [&[0x00][..], &raw::properties(once)].concat();
            client.send_bytes(&acknowledgement(first, 1, &good));
            client.drain();
            let bad = [&[0x00][..], &raw::properties(&once.repeat(2))].concat();
            client.send_bytes(&acknowledgement(first, 1, &bad));
            client.expect_disconnect(ReasonCode::ProtocolError);
        }
    }

    fn mqtt5_s3_6_2_1_an_unknown_identifier_is_told_and_no_error(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&pubrel(9).packet());
        assert_eq!(client.expect_pubcomp(9).reason, ReasonCode::PacketIdentifierNotFound);
        client.send(&pubrec(10).packet());
        assert_eq!(client.expect_pubrel(10).reason, ReasonCode::PacketIdentifierNotFound);
        client.send(&pubcomp(10).reason(ReasonCode::PacketIdentifierNotFound).packet());
        client.barrier();
    }

    /// Covers: s3.6.2.1, MQTT-3.7.2-1
    fn mqtt5_s3_6_2_1_a_pubcomp_of_identifier_not_found_ends_the_delivery(broker: &mut Broker) {
        let mut client = broker.connect(receiving_one_at_a_time("a"));
        client.subscribe("a", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect5("b"));
        publisher.publish("a", "first", QoS::ExactlyOnce);
        publisher.publish("a", "second", QoS::ExactlyOnce);
        let first = client.expect_publish();
        client.send(&pubrec(first.id).packet());
        client.expect_pubrel(first.id);
        client.send(&pubcomp(first.id).reason(ReasonCode::PacketIdentifierNotFound).packet());
        assert_eq!(client.expect_publish().payload, b"second");
    }
}

fn receiving_one_at_a_time(client_identifier: &str) -> ConnectBuilder<'_> {
    connect5(client_identifier).receive_maximum(1)
}
