//! MQTT 3.1.1, sections 3.8 and 3.9: SUBSCRIBE and SUBACK.

use conformance::prelude::*;
use conformance::raw::string;

/// Sends a packet on a connection of its own, which has to end without a word.
fn expect_closes(broker: &mut Broker, packet: &[u8]) {
    let mut client = broker.connect(connect311("a"));
    client.send_bytes(packet);
    assert_eq!(client.receive_raw_or_closed(), None, "the answer to {packet:02x?}");
}

/// The bytes of a SUBSCRIBE with identifier 1 and this payload.
fn subscribe_with(payload: &[u8]) -> Vec<u8> {
    raw::packet(0x82, &[&[0, 1], payload].concat())
}

/// Topic, payload, QoS and RETAIN of the next message.
fn next(client: &mut Client) -> (String, String, QoS, bool) {
    let message = client.expect_publish();
    client.acknowledge(&message);
    let payload = String::from_utf8(message.payload).expect("these tests publish text");
    (message.topic, payload, message.qos, message.retain)
}

/// What [`next`] gives.
fn message(topic: &str, payload: &str, qos: QoS, retain: bool) -> (String, String, QoS, bool) {
    (topic.into(), payload.into(), qos, retain)
}

statements! {
    fn mqtt311_3_8_1_1_subscribe_with_other_flags_closes_the_connection(broker: &mut Broker) {
        let body = [&[0, 1][..], &string("t"), &[0]].concat();
        for flags in (0..16).filter(|flags| *flags != 2) {
            expect_closes(broker, &raw::packet(0x80 | flags, &body));
        }
    }

    fn mqtt311_3_8_3_1_a_filter_that_is_no_string_closes_the_connection(broker: &mut Broker) {
        for filter in [b"\xff".as_slice(), b"a/\xed\xa0\x80", b"\xc0\x80"] {
            expect_closes(broker, &subscribe_with(&[&string(filter)[..], &[0]].concat()));
            // Also as the second of two.
            let two = [&string("good")[..], &[0], &string(filter), &[0]].concat();
            expect_closes(broker, &subscribe_with(&two));
        }
        // Half a length, a length beyond the packet, and a filter without its QoS.
        for payload in [b"\0".as_slice(), b"\0\x03t\0", b"\0\x01t", b"\0\x01t\0\0\x01u"] {
            expect_closes(broker, &subscribe_with(payload));
        }
    }

    fn mqtt311_3_8_3_3_a_subscribe_without_filter_closes_the_connection(broker: &mut Broker) {
        expect_closes(broker, &subscribe_with(&[]));
        expect_closes(broker, &raw::packet(0x82, &[]));
        expect_closes(broker, &raw::packet(0x82, &[0]));
    }

    fn mqtt311_3_8_3_4_reserved_bits_and_qos_3_close_the_connection(broker: &mut Broker) {
        let wrong = (0..=255).filter(|options| *options > 2);
        for options in wrong {
            expect_closes(broker, &subscribe_with(&[&string("t")[..], &[options]].concat()));
        }
        let second = [&string("t")[..], &[0], &string("u"), &[3]].concat();
        expect_closes(broker, &subscribe_with(&second));
    }

    /// Covers: MQTT311-3.8.4-1, MQTT311-3.8.4-2
    fn mqtt311_3_8_4_1_subscribe_is_answered_by_suback_with_its_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        for id in [1, 255, 256, 0xffff] {
            client.send(&subscribe(id).filter("t", QoS::AtMostOnce).packet());
            let [high, low] = id.to_be_bytes();
            assert_eq!(client.receive_raw(), [0x90, 3, high, low, 0]);
        }
        client.expect_nothing();
    }

    fn mqtt311_3_8_4_3_the_same_filter_again_replaces_the_subscription(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let mut publisher = broker.connect(connect311("publisher"));
        for qos in [QoS::AtMostOnce, QoS::ExactlyOnce, QoS::AtLeastOnce, QoS::AtMostOnce] {
            client.subscribe("t/+", qos);
            publisher.publish("t/x", "m", QoS::ExactlyOnce);
            broker.settle();
            assert_eq!(next(&mut client), message("t/x", "m", qos, false));
            client.expect_nothing();
        }
        client.unsubscribe("t/+");
        publisher.publish("t/x", "m", QoS::ExactlyOnce);
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt311_3_8_4_3_the_same_filter_again_sends_retained_messages_again(broker: &mut Broker) {
        broker.connect(connect311("publisher")).publish_retained("t", "kept", QoS::ExactlyOnce);
        let mut client = broker.connect(connect311("a"));
        for qos in [QoS::AtMostOnce, QoS::AtMostOnce, QoS::ExactlyOnce] {
            client.subscribe("t", qos);
            assert_eq!(next(&mut client), message("t", "kept", qos, true));
            client.expect_nothing();
        }
    }

    fn mqtt311_3_8_4_3_the_same_filter_again_loses_no_message(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let mut publisher = broker.connect(connect311("publisher"));
        client.subscribe("t", QoS::AtLeastOnce);
        for id in 1..=100 {
            publisher.send(&publish("t").payload(&[id]).qos1(id.into()).packet());
            client.send(&subscribe(id.into()).filter("t", QoS::AtLeastOnce).packet());
        }
        let mut subacks = 0;
        let mut payloads = Vec::new();
        while payloads.len() < 100 || subacks < 100 {
            match client.receive() {
                OwnedPacket::Publish(message) => {
                    client.send(&puback(message.id).packet());
                    payloads.extend(message.payload);
                }
                OwnedPacket::SubAck(_) => subacks += 1,
                other => panic!("not expected: {other:?}"),
            }
        }
        assert_eq!(payloads, (1..=100).collect::<Vec<u8>>());
    }

    /// Covers: MQTT311-3.8.4-4, MQTT311-3.8.4-5
    fn mqtt311_3_8_4_4_several_filters_act_like_several_packets_with_one_suback(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish_retained("a", "kept", QoS::ExactlyOnce);
        publisher.publish_retained("b/x", "kept", QoS::ExactlyOnce);
        let mut client = broker.connect(connect311("a"));
        let request = subscribe(9)
            .filter("a", QoS::AtMostOnce)
            .filter("b/#", QoS::ExactlyOnce)
            .filter("c", QoS::AtLeastOnce);
        client.send(&request.packet());
        let mut kept = Vec::new();
        let mut subacks = Vec::new();
        for _ in 0..3 {
            match client.receive() {
                OwnedPacket::SubAck(suback) => subacks.push((suback.id, suback.codes)),
                OwnedPacket::Publish(message) => {
                    client.acknowledge(&message);
                    kept.push((message.topic, message.qos, message.retain));
                }
                other => panic!("not expected: {other:?}"),
            }
        }
        kept.sort();
        let codes = [QoS::AtMostOnce, QoS::ExactlyOnce, QoS::AtLeastOnce].map(ReasonCode::granted);
        assert_eq!(subacks, [(9, codes.to_vec())]);
        assert_eq!(kept, [("a".into(), QoS::AtMostOnce, true), ("b/x".into(), QoS::ExactlyOnce, true)]);
        for (topic, qos) in [("a", QoS::AtMostOnce), ("b", QoS::ExactlyOnce), ("c", QoS::AtLeastOnce)] {
            publisher.publish(topic, "m", QoS::ExactlyOnce);
            assert_eq!(next(&mut client), message(topic, "m", qos, false));
        }
    }

    /// As with several packets, the last of equal filters counts.
    fn mqtt311_3_8_4_4_a_filter_twice_in_one_packet_is_one_subscription(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let request = subscribe(9).filter("t", QoS::ExactlyOnce).filter("t", QoS::AtLeastOnce);
        client.send(&request.packet());
        assert_eq!(client.receive_raw(), [0x90, 4, 0, 9, 2, 1]);
        broker.connect(connect311("publisher")).publish("t", "m", QoS::ExactlyOnce);
        broker.settle();
        assert_eq!(next(&mut client), message("t", "m", QoS::AtLeastOnce, false));
        client.expect_nothing();
    }

    /// Covers: MQTT311-3.8.4-6, MQTT311-4.3.1-1
    fn mqtt311_3_8_4_6_delivery_is_at_the_lower_of_published_and_granted_qos(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let mut publisher = broker.connect(connect311("publisher"));
        let every = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        for granted in every {
            assert_eq!(client.subscribe("t", granted), [ReasonCode::granted(granted)]);
            for published in every {
                publisher.publish("t", "m", published);
                assert_eq!(next(&mut client), message("t", "m", published.min(granted), false));
            }
        }
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt311_3_9_3_1_the_codes_stand_in_the_order_of_the_filters(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let levels = [2, 0, 1, 1, 0, 2, 0];
        let mut request = subscribe(3);
        for (filter, level) in ["g", "f", "e", "d", "c", "b", "a"].iter().zip(levels) {
            request = request.filter(filter, QoS::try_from(level).expect("0 to 2"));
        }
        client.send(&request.packet());
        assert_eq!(client.receive_raw(), [&[0x90, 9, 0, 3], &levels[..]].concat());
    }
}

statements_with! {
    |setup| { setup.access = true; }

    /// Covers: MQTT311-3.8.4-5, MQTT311-3.9.3-1, MQTT311-3.9.3-2
    fn mqtt311_3_9_3_2_a_refused_filter_gets_0x80_in_its_place(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let request = subscribe(3)
            .filter("forbidden/a", QoS::AtMostOnce)
            .filter("allowed", QoS::AtLeastOnce)
            .filter("forbidden/#", QoS::ExactlyOnce)
            .filter("also/allowed", QoS::ExactlyOnce);
        client.send(&request.packet());
        assert_eq!(client.receive_raw(), [0x90, 6, 0, 3, 0x80, 1, 0x80, 2]);
        // The refused ones do nothing, the others work.
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("publish-only/a", "m", QoS::AtLeastOnce);
        publisher.publish("allowed", "m", QoS::AtLeastOnce);
        assert_eq!(next(&mut client), message("allowed", "m", QoS::AtLeastOnce, false));
    }
}

statements_with! {
    |setup| { setup.features.wildcard_subscription_available = false; }

    /// Covers: MQTT311-3.8.3-2, MQTT311-3.9.3-2
    fn mqtt311_3_8_3_2_without_wildcards_filters_with_wildcards_are_refused(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let request = subscribe(1)
            .filter("#", QoS::AtMostOnce)
            .filter("a/b", QoS::AtLeastOnce)
            .filter("a/+", QoS::AtMostOnce);
        client.send(&request.packet());
        assert_eq!(client.receive_raw(), [0x90, 5, 0, 1, 0x80, 1, 0x80]);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("a/c", "m", QoS::AtLeastOnce);
        publisher.publish("a/b", "m", QoS::AtLeastOnce);
        broker.settle();
        assert_eq!(next(&mut client), message("a/b", "m", QoS::AtLeastOnce, false));
        client.expect_nothing();
    }
}

statements_with! {
    |setup| { setup.limits.subscriptions_per_session_max = 2; }

    fn mqtt311_3_9_3_2_a_subscription_beyond_the_limit_gets_0x80(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let request = subscribe(1)
            .filter("a", QoS::ExactlyOnce)
            .filter("b", QoS::AtLeastOnce)
            .filter("c", QoS::AtMostOnce);
        client.send(&request.packet());
        assert_eq!(client.receive_raw(), [0x90, 5, 0, 1, 2, 1, 0x80]);
        // One that is there already may be replaced.
        client.send(&subscribe(2).filter("b", QoS::ExactlyOnce).packet());
        assert_eq!(client.receive_raw(), [0x90, 3, 0, 2, 2]);
        client.send(&subscribe(3).filter("d", QoS::ExactlyOnce).packet());
        assert_eq!(client.receive_raw(), [0x90, 3, 0, 3, 0x80]);
    }
}
