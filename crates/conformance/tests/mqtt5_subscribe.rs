//! Chapters 3.8 and 3.9 of MQTT 5.0: SUBSCRIBE and SUBACK.

use conformance::extra::texts;
use conformance::prelude::*;

/// A SUBSCRIBE in bytes: its property section, and the filters with their options.
fn subscribe_bytes(section: &[u8], payload: &[u8]) -> Vec<u8> {
    raw::packet(0x82, &[&[0, 1][..], &raw::properties(section), payload].concat())
}

/// The filter `a` with this byte of options.
fn filter_a(options: u8) -> Vec<u8> {
    vec![0, 1, b'a', options]
}

fn no_local(maximum_qos: QoS) -> SubscriptionOptions {
    SubscriptionOptions { no_local: true, ..options(maximum_qos) }
}

fn retain_handling(retain_handling: RetainHandling) -> SubscriptionOptions {
    SubscriptionOptions { retain_handling, ..options(QoS::AtLeastOnce) }
}

const ALL_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

statements! {
    fn mqtt5_3_8_1_1_a_subscribe_with_other_flags_is_malformed(broker: &mut Broker) {
        for flags in (0..16).filter(|flags| *flags != 0b0010) {
            let mut client = broker.connect(connect5(&format!("client-{flags}")));
            let mut bytes = subscribe_bytes(&[], &filter_a(0));
            bytes[0] = 0x80 | flags;
            client.send_bytes(&bytes);
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_3_8_3_1_a_filter_that_is_no_utf8_is_malformed(broker: &mut Broker) {
        for bad in [&b"\xff"[..], b"a/\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"a\xf5\x80\x80\x80"] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&subscribe_bytes(&[], &[&raw::string(bad)[..], &[0]].concat()));
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_3_8_3_2_a_subscribe_without_filters_is_a_protocol_error(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(&subscribe_bytes(&[], &[]));
        client.expect_disconnect(ReasonCode::ProtocolError);
    }

    fn mqtt5_3_8_3_2_a_filter_without_its_options_is_malformed(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(&subscribe_bytes(&[], &raw::string("a")));
        client.expect_format_error();
    }

    fn mqtt5_3_8_3_3_no_local_keeps_a_clients_own_messages_from_it(broker: &mut Broker) {
        for qos in ALL_QOS {
            let mut client = broker.connect(connect5("a"));
            client.subscribe("a", no_local(qos));
            client.publish("a", "own", qos);
            let mut other = broker.connect(connect5("b"));
            other.publish("a", "of another", qos);
            broker.settle();
            let mut received = vec![client.expect_publish()];
            client.acknowledge(&received[0]);
            received.extend(client.drain_publishes());
            assert_eq!(texts(&received), ["of another"]);
        }
    }

    fn mqtt5_3_8_3_3_no_local_goes_by_the_client_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(100));
        client.subscribe("a", no_local(QoS::AtLeastOnce));
        client.disconnect();
        let mut client = broker.connect(connect5("a").session_expiry(100).clean_start(false));
        client.publish("a", "on another connection", QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt5_3_8_3_3_without_no_local_a_client_gets_its_own_messages(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("a", QoS::AtMostOnce);
        client.subscribe("#", no_local(QoS::AtMostOnce));
        client.publish("a", "own", QoS::AtMostOnce);
        assert_eq!(client.expect_publish().payload, b"own");
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt5_3_8_3_4_no_local_on_a_shared_subscription_is_a_protocol_error(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        let filter = [&raw::string("$share/group/a")[..], &[0b0000_0101]].concat();
        client.send_bytes(&subscribe_bytes(&[], &filter));
        client.expect_disconnect(ReasonCode::ProtocolError);
    }

    fn mqtt5_3_8_3_5_reserved_bits_in_the_options_are_malformed(broker: &mut Broker) {
        for bits in [0b0100_0000, 0b1000_0000, 0b1100_0001] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&subscribe_bytes(&[], &filter_a(bits)));
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_s3_8_3_1_qos_3_and_retain_handling_3_are_protocol_errors(broker: &mut Broker) {
        for options in [0b0000_0011, 0b0011_0000] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&subscribe_bytes(&[], &filter_a(options)));
            client.expect_disconnect(ReasonCode::ProtocolError);
        }
    }

    fn mqtt5_s3_8_2_1_2_subscription_identifier_0_or_twice_is_a_protocol_error(broker: &mut Broker) {
        for section in [&b"\x0b\x00"[..], b"\x0b\x01\x0b\x02", b"\x0b\x01\x0b\x01"] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&subscribe_bytes(section, &filter_a(0)));
            client.expect_disconnect(ReasonCode::ProtocolError);
        }
    }

    fn mqtt5_s3_8_2_1_2_subscription_identifiers_reach_from_1_to_268435455(broker: &mut Broker) {
        for identifier in [1, 127, 128, 268_435_455] {
            let mut client = broker.connect(connect5("a"));
            client.send(&subscribe(1).filter("a", QoS::AtMostOnce).identifier(identifier).packet());
            assert_eq!(client.expect_suback_of(1), [ReasonCode::Success]);
            client.publish("a", "x", QoS::AtMostOnce);
            assert_eq!(client.expect_publish().properties.subscription_identifiers(), [identifier]);
        }
    }

    /// Covers: MQTT-3.8.4-1, MQTT-3.8.4-2
    fn mqtt5_3_8_4_1_each_subscribe_gets_a_suback_with_its_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for id in [1, 2, 255, 256, 65_535] {
            client.send(&subscribe(id).filter("a", QoS::AtMostOnce).packet());
        }
        for id in [1, 2, 255, 256, 65_535] {
            client.expect_suback_of(id);
        }
        client.expect_nothing();
    }

    fn mqtt5_3_8_4_3_a_second_subscription_to_the_same_filter_replaces_the_first(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&subscribe(1).filter("a/+", QoS::ExactlyOnce).identifier(1).packet());
        client.expect_suback_of(1);
        client.send(&subscribe(2).filter("a/+", QoS::AtMostOnce).identifier(2).packet());
        client.expect_suback_of(2);
        broker.connect(connect5("b")).publish("a/b", "x", QoS::ExactlyOnce);
        broker.settle();
        let received = client.drain_publishes();
        assert_eq!(texts(&received), ["x"]);
        assert_eq!(received[0].qos, QoS::AtMostOnce);
        assert_eq!(received[0].properties.subscription_identifiers(), [2]);

        client.unsubscribe("a/+");
        broker.connect(connect5("b")).publish("a/b", "x", QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt5_3_8_4_4_replacing_sends_retained_messages_as_retain_handling_says(broker: &mut Broker) {
        broker.connect(connect5("b")).publish_retained("a", "kept", QoS::AtLeastOnce);
        let mut client = broker.connect(connect5("a"));
        client.subscribe("a", retain_handling(RetainHandling::SendAtSubscribe));
        assert_eq!(texts(&client.take(1)), ["kept"]);
        client.subscribe("a", retain_handling(RetainHandling::SendAtSubscribe));
        assert_eq!(texts(&client.take(1)), ["kept"]);
        for none in [RetainHandling::SendIfNew, RetainHandling::DoNotSend] {
            client.subscribe("a", retain_handling(none));
            broker.settle();
            client.expect_nothing();
        }
    }

    fn mqtt5_3_8_4_4_no_message_is_lost_while_a_subscription_is_replaced(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("a", QoS::AtLeastOnce);
        let mut publisher = broker.connect(connect5("b"));
        let sent: Vec<String> = (0..50).map(|number| format!("{number}")).collect();
        for (id, payload) in (1..).zip(&sent) {
            client.send(&subscribe(id).filter("a", options(QoS::AtLeastOnce)).identifier(id.into()).packet());
            publisher.publish("a", payload, QoS::AtLeastOnce);
        }
        let mut received = vec![];
        let mut subacks = 0;
        while received.len() < sent.len() || subacks < sent.len() {
            match client.receive() {
                OwnedPacket::Publish(publish) => {
                    client.acknowledge(&publish);
                    received.push(publish);
                }
                OwnedPacket::SubAck(_) => subacks += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(texts(&received), sent);
        client.expect_nothing();
    }

    /// Covers: MQTT-3.8.4-5, MQTT-3.8.4-6, MQTT-3.8.4-7, MQTT-3.9.3-1
    fn mqtt5_3_8_4_5_several_filters_share_one_suback_with_a_code_for_each_in_order(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        let packet = subscribe(5)
            .filter("a", QoS::ExactlyOnce)
            .filter("b", QoS::AtMostOnce)
            .filter("c/#", QoS::AtLeastOnce)
            .filter("$share/group/d", QoS::ExactlyOnce);
        client.send(&packet.packet());
        let granted = [
            ReasonCode::GrantedQos2,
            ReasonCode::GRANTED_QOS_0,
            ReasonCode::GrantedQos1,
            ReasonCode::GrantedQos2,
        ];
        assert_eq!(client.expect_suback_of(5), granted);
        let mut publisher = broker.connect(connect5("b"));
        for topic in ["a", "b", "c/x", "d"] {
            publisher.publish(topic, topic, QoS::ExactlyOnce);
        }
        let received = client.take(4);
        assert_eq!(texts(&received), ["a", "b", "c/x", "d"]);
        let qos: Vec<QoS> = received.iter().map(|publish| publish.qos).collect();
        assert_eq!(qos, [QoS::ExactlyOnce, QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]);
    }

    fn mqtt5_3_8_4_5_the_same_filter_twice_in_a_packet_is_the_last_of_them(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&subscribe(1).filter("a", QoS::ExactlyOnce).filter("a", QoS::AtLeastOnce).packet());
        assert_eq!(client.expect_suback_of(1), [ReasonCode::GrantedQos2, ReasonCode::GrantedQos1]);
        broker.connect(connect5("b")).publish("a", "x", QoS::ExactlyOnce);
        broker.settle();
        let received = client.drain_publishes();
        assert_eq!(texts(&received), ["x"]);
        assert_eq!(received[0].qos, QoS::AtLeastOnce);
    }

    fn mqtt5_3_8_4_8_delivery_is_at_the_lower_of_published_and_granted_qos(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        for granted in ALL_QOS {
            let mut client = broker.connect(connect5(&format!("client-{granted:?}")));
            client.subscribe("a", granted);
            for published in ALL_QOS {
                publisher.publish("a", "x", published);
                assert_eq!(client.take(1)[0].qos, granted.min(published), "{published:?} to {granted:?}");
            }
        }
    }

    fn mqtt5_s3_8_4_a_shared_subscription_gets_no_retained_messages_on_subscribing(broker: &mut Broker) {
        broker.connect(connect5("b")).publish_retained("a", "kept", QoS::AtLeastOnce);
        let mut client = broker.connect(connect5("a"));
        client.subscribe("$share/group/a", QoS::AtLeastOnce);
        client.subscribe("$share/group/a", retain_handling(RetainHandling::SendAtSubscribe));
        client.subscribe("$share/other/#", retain_handling(RetainHandling::SendIfNew));
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt5_s3_8_4_messages_and_suback_come_in_any_order_and_each_once(broker: &mut Broker) {
        broker.connect(connect5("b")).publish_retained("a", "kept", QoS::AtMostOnce);
        let mut client = broker.connect(connect5("a"));
        client.send(&subscribe(1).filter("a", QoS::AtMostOnce).packet());
        let mut packets = [client.receive(), client.receive()];
        packets.sort_by_key(|packet| matches!(packet, OwnedPacket::SubAck(_)));
        assert!(matches!(&packets[0], OwnedPacket::Publish(publish) if publish.payload == b"kept"));
        assert!(matches!(&packets[1], OwnedPacket::SubAck(suback) if suback.id == 1));
        client.expect_nothing();
    }

    fn mqtt5_3_8_4_1_a_publish_behind_the_suback_is_received(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        for number in 0..20 {
            let mut client = broker.connect(connect5(&format!("client-{number}")));
            client.subscribe(&format!("topic/{number}"), QoS::AtMostOnce);
            publisher.publish(&format!("topic/{number}"), "x", QoS::AtMostOnce);
            assert_eq!(client.expect_publish().topic, format!("topic/{number}"));
        }
    }
}

statements_with! {
    |setup| {
        setup.access = true;
        setup.limits.topic_levels_max = 4;
        setup.limits.subscriptions_per_session_max = 3;
    }

    /// Covers: MQTT-3.9.3-2, s3.9.3, MQTT-3.8.4-6, MQTT-3.8.4-7, MQTT-3.9.3-1
    fn mqtt5_3_9_3_2_refused_filters_have_a_failure_code_at_their_place(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        let packet = subscribe(1)
            .filter("a", QoS::AtLeastOnce)
            .filter("forbidden/a", QoS::AtLeastOnce)
            .filter("1/2/3/4/5", QoS::AtLeastOnce)
            .filter("$share/group/forbidden/a", QoS::AtLeastOnce)
            .filter("b", QoS::AtMostOnce)
            .filter("c", QoS::ExactlyOnce)
            .filter("one/too/many", QoS::ExactlyOnce);
        client.send(&packet.packet());
        let codes = [
            ReasonCode::GrantedQos1,
            ReasonCode::NotAuthorized,
            ReasonCode::TopicFilterInvalid,
            ReasonCode::NotAuthorized,
            ReasonCode::GRANTED_QOS_0,
            ReasonCode::GrantedQos2,
            ReasonCode::QuotaExceeded,
        ];
        assert_eq!(client.expect_suback_of(1), codes);
        let mut publisher = broker.connect(connect5("b"));
        publisher.publish("one/too/many", "x", QoS::AtMostOnce);
        publisher.publish("c", "y", QoS::AtMostOnce);
        assert_eq!(client.expect_publish().payload, b"y");
    }

    /// Covers: MQTT-3.9.2-1, MQTT-3.9.2-2
    fn mqtt5_3_9_2_1_suback_fits_a_tiny_maximum_packet_size(broker: &mut Broker) {
        let (mut client, bytes_max) = broker.connect_tight(connect5("a"));
        let long = "x".repeat(300);
        let filter = format!("forbidden/{long}");
        let packet = subscribe(1).filter(&filter, QoS::AtLeastOnce).property(Property::UserProperty("why", &long));
        client.send(&packet.packet());
        let suback = client.receive_raw();
        assert!(suback.len() <= bytes_max, "{suback:02x?}");
        assert_eq!((suback[0], &suback[2..4], suback.last()), (0x90, &[0, 1][..], Some(&0x87)));
        client.barrier();
    }
}

statements_with! {
    |setup| { setup.features.maximum_qos = QoS::AtLeastOnce; }

    /// Covers: s3.8.4, MQTT-3.8.4-7
    fn mqtt5_s3_8_4_a_lower_qos_may_be_granted_and_is_kept_to(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        let codes = client.subscribe("a", QoS::ExactlyOnce);
        assert!(!codes[0].is_error(), "{codes:?}");
        broker.connect(connect5("b")).publish("a", "x", QoS::AtLeastOnce);
        assert_eq!(client.expect_publish().qos, QoS::AtLeastOnce);
    }
}
