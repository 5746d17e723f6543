//! MQTT 5.0, section 3.3: PUBLISH, its flags and its Topic Name; answers, quota and Subscription Identifiers.

use conformance::prelude::*;

/// A receiver and a sender.
fn pair(broker: &mut Broker) -> (Client, Client) {
    (broker.connect(connect5("receiver")), broker.connect(connect5("sender")))
}

statements! {
    fn mqtt5_3_3_1_1_dup_is_set_when_a_message_is_sent_again(broker: &mut Broker) {
        let connect = connect5("receiver").clean_start(false).session_expiry(100);
        let mut receiver = broker.connect(connect.clone());
        let mut sender = broker.connect(connect5("sender"));
        receiver.subscribe("t", QoS::ExactlyOnce);
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            sender.publish("t", "x", qos);
            let first = receiver.expect_publish();
            assert!(!first.dup);
            for _ in 0..3 {
                receiver.drop_connection();
                receiver = broker.connect(connect.clone());
                let again = receiver.expect_publish();
                assert_eq!(again, OwnedPublish { dup: true, ..first.clone() });
            }
            receiver.acknowledge(&first);
            receiver.drop_connection();
            receiver = broker.connect(connect.clone());
            receiver.expect_nothing();
        }
    }

    fn mqtt5_3_3_1_2_dup_on_qos_0_is_malformed(broker: &mut Broker) {
        for first in [0x38, 0x39] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&raw::packet(first, b"\0\x01t\0x"));
            client.expect_disconnect_among(&[ReasonCode::MalformedPacket, ReasonCode::ProtocolError]);
        }
    }

    /// Covers: MQTT-3.3.1-2
    fn mqtt5_3_3_1_3_dup_of_the_sender_is_not_passed_on(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        for granted in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            receiver.subscribe("t", granted);
            sender.send(&publish("t").qos1(1).dup().packet());
            sender.expect_puback(1);
            sender.send(&publish("t").qos2(2).dup().packet());
            sender.expect_pubrec(2);
            sender.send(&pubrel(2).packet());
            sender.expect_pubcomp(2);
            for _ in 0..2 {
                let message = receiver.expect_publish();
                assert!(!message.dup);
                receiver.acknowledge(&message);
            }
        }
    }

    fn mqtt5_3_3_1_4_qos_3_is_malformed(broker: &mut Broker) {
        for first in [0x36, 0x37, 0x3e, 0x3f] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&raw::packet(first, b"\0\x01t\0\x01\0x"));
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_3_3_2_1_the_topic_name_is_the_first_field(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("#", QoS::AtMostOnce);
        for topic in ["t", "/", "a b", "a//b", "\u{1f99c}/\u{e9}"] {
            client.publish(topic, "payload", QoS::AtMostOnce);
            let bytes = client.receive_raw();
            assert_eq!(bytes[2..], [&raw::string(topic)[..], b"\0payload"].concat());
        }
    }

    /// Covers: MQTT-3.3.2-2
    fn mqtt5_3_3_2_2_a_topic_name_with_wildcards_is_an_error(broker: &mut Broker) {
        for topic in ["#", "+", "a/+/b", "a/#", "a+", "a#b"] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&raw::packet(0x30, &[raw::string(topic), vec![0]].concat()));
            client.expect_disconnect_among(&[ReasonCode::MalformedPacket, ReasonCode::TopicNameInvalid]);
        }
    }

    fn mqtt5_3_3_2_3_delivered_topics_match_the_filter(broker: &mut Broker) {
        let topics = ["a", "a/", "a/b", "a/b/c", "/a", "b/a", "A", "ab", "a/c", "/", "a//c", "b"];
        let expected: [(&str, &[&str]); 12] = [
            ("a", &["a"]),
            ("a/b", &["a/b"]),
            ("a/+", &["a/", "a/b", "a/c"]),
            ("a/#", &["a", "a/", "a/b", "a/b/c", "a/c", "a//c"]),
            ("+", &["a", "A", "ab", "b"]),
            ("+/+", &["a/", "a/b", "/a", "b/a", "a/c", "/"]),
            ("/+", &["/a", "/"]),
            ("+/a", &["/a", "b/a"]),
            ("a/+/c", &["a/b/c", "a//c"]),
            ("#", &topics),
            ("+/b/#", &["a/b", "a/b/c"]),
            ("/#", &["/a", "/"]),
        ];
        let (mut receiver, mut sender) = pair(broker);
        for (filter, wanted) in expected {
            receiver.subscribe(filter, QoS::AtMostOnce);
            for topic in topics {
                sender.publish(topic, topic, QoS::AtMostOnce);
            }
            sender.barrier();
            broker.settle();
            let arrived: Vec<String> = receiver
                .drain()
                .into_iter()
                .map(|packet| match packet {
                    OwnedPacket::Publish(publish) => publish.topic,
                    packet => panic!("{packet:?}"),
                })
                .collect();
            assert_eq!(arrived, wanted, "{filter}");
            receiver.unsubscribe(filter);
        }
    }

    fn mqtt5_3_3_4_1_a_publish_is_answered_by_its_qos(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&publish("t").packet());
        client.expect_nothing();
        client.send(&publish("t").qos1(5).packet());
        assert!(!client.expect_puback(5).reason.is_error());
        client.expect_nothing();
        client.send(&publish("t").qos2(6).packet());
        assert!(!client.expect_pubrec(6).reason.is_error());
        client.expect_nothing();
        client.send(&pubrel(6).packet());
        assert_eq!(client.expect_pubcomp(6).reason, ReasonCode::Success);
        client.expect_nothing();
    }

    /// Covers: s3.3.4
    fn mqtt5_s3_3_4_an_answer_may_say_that_nobody_is_subscribed(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let reason = sender.publish("nobody", "x", qos);
            assert!(matches!(reason, ReasonCode::Success | ReasonCode::NoMatchingSubscribers), "{reason}");
            receiver.subscribe("t", QoS::AtMostOnce);
            assert_eq!(sender.publish("t", "x", qos), ReasonCode::Success);
            receiver.expect_publish();
        }
    }

    /// Covers: MQTT-3.3.4-4, MQTT-3.3.4-5
    fn mqtt5_3_3_4_2_overlapping_subscriptions_deliver_at_the_highest_qos(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        let filters =
            [("a/b", QoS::AtMostOnce, 1), ("a/+", QoS::ExactlyOnce, 2), ("#", QoS::AtLeastOnce, 300_000)];
        for (filter, qos, identifier) in filters {
            receiver.send(&subscribe(1).filter(filter, qos).identifier(identifier).packet());
            receiver.expect_suback();
        }
        for published in [QoS::ExactlyOnce, QoS::AtLeastOnce, QoS::AtMostOnce] {
            sender.publish("a/b", "x", published);
            sender.barrier();
            broker.settle();
            let mut copies = Vec::new();
            for packet in receiver.drain() {
                let OwnedPacket::Publish(publish) = packet else { panic!("{packet:?}") };
                copies.push(publish);
            }
            for copy in &copies {
                receiver.acknowledge(copy);
            }
            if let [copy] = &copies[..] {
                assert_eq!(copy.qos, published);
                assert_eq!(copy.properties.subscription_identifiers(), [1, 2, 300_000]);
            } else {
                // A copy for each subscription, with its QoS and its identifier.
                let mut got: Vec<_> =
                    copies.iter().map(|copy| (copy.qos, copy.properties.subscription_identifiers())).collect();
                got.sort_by_key(|(_, identifiers)| identifiers.clone());
                let wanted = filters.map(|(_, qos, identifier)| (qos.min(published), vec![identifier]));
                assert_eq!(got, wanted);
            }
        }
    }

    fn mqtt5_3_3_4_3_subscription_identifiers_come_with_their_messages(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        receiver.send(&subscribe(1).filter("a", QoS::AtLeastOnce).filter("b", QoS::AtMostOnce).identifier(7).packet());
        receiver.expect_suback();
        receiver.send(&subscribe(2).filter("c", QoS::AtLeastOnce).packet());
        receiver.expect_suback();
        for (topic, identifiers) in [("a", &[7][..]), ("b", &[7]), ("c", &[])] {
            sender.publish(topic, "x", QoS::AtLeastOnce);
            let message = receiver.expect_publish();
            assert_eq!(message.properties.subscription_identifiers(), identifiers, "{topic}");
            receiver.acknowledge(&message);
        }
        // A new SUBSCRIBE replaces the identifier, or takes it away.
        receiver.send(&subscribe(3).filter("a", QoS::AtMostOnce).identifier(8).packet());
        receiver.expect_suback();
        receiver.send(&subscribe(4).filter("b", QoS::AtMostOnce).packet());
        receiver.expect_suback();
        for (topic, identifiers) in [("a", &[8][..]), ("b", &[])] {
            sender.publish(topic, "x", QoS::AtMostOnce);
            assert_eq!(receiver.expect_publish().properties.subscription_identifiers(), identifiers, "{topic}");
        }
        // Retained messages carry it as well.
        sender.publish_retained("kept", "x", QoS::AtLeastOnce);
        receiver.send(&subscribe(5).filter("kept", QoS::AtMostOnce).identifier(9).packet());
        let mut packets = vec![receiver.receive(), receiver.receive()];
        packets.retain(|packet| matches!(packet, OwnedPacket::Publish(p) if p.properties.subscription_identifiers() == [9]));
        assert_eq!(packets.len(), 1);
    }

    /// Covers: s3.3.2.3.8
    fn mqtt5_3_3_4_6_a_publish_with_a_subscription_identifier_is_an_error(broker: &mut Broker) {
        for value in [0, 1] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&raw::packet(0x30, &[0, 1, b't', 2, 0x0b, value]));
            client.expect_disconnect(ReasonCode::ProtocolError);
        }
    }

    fn mqtt5_s3_3_2_3_8_a_subscription_identifier_of_0_is_a_protocol_error(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(b"\x82\x09\0\x01\x02\x0b\0\0\x01t\0");
        client.expect_disconnect(ReasonCode::ProtocolError);
    }

    /// Covers: MQTT-3.3.4-10
    fn mqtt5_3_3_4_9_no_more_than_the_receive_maximum_of_the_client(broker: &mut Broker) {
        let mut receiver = broker.connect(connect5("receiver").receive_maximum(2));
        let mut sender = broker.connect(connect5("sender"));
        receiver.subscribe("t", QoS::ExactlyOnce);
        for payload in ["0", "1", "2", "3", "4", "5"] {
            let qos = if payload < "3" { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
            sender.publish("t", payload, qos);
        }
        broker.settle();
        let mut unfinished: Vec<OwnedPublish> = vec![receiver.expect_publish(), receiver.expect_publish()];
        for next in 2..6 {
            // Two are unfinished: nothing more, except packets of other types.
            receiver.expect_nothing();
            receiver.subscribe("other", QoS::AtMostOnce);
            receiver.publish("u", "x", QoS::ExactlyOnce);
            receiver.unsubscribe("other");
            let done = unfinished.remove(0);
            if done.qos == QoS::ExactlyOnce {
                receiver.send(&pubrec(done.id).packet());
                receiver.expect_pubrel(done.id);
                // Not before the PUBCOMP.
                receiver.expect_nothing();
                receiver.send(&pubcomp(done.id).packet());
            } else {
                receiver.acknowledge(&done);
            }
            let message = receiver.expect_publish();
            assert_eq!(message.payload, next.to_string().into_bytes());
            unfinished.push(message);
        }
    }

    fn mqtt5_3_3_4_9_repeats_keep_to_the_receive_maximum_too(broker: &mut Broker) {
        let connect = connect5("receiver").clean_start(false).session_expiry(100);
        let mut receiver = broker.connect(connect.clone());
        receiver.subscribe("t", QoS::ExactlyOnce);
        let mut sender = broker.connect(connect5("sender"));
        let mut first = Vec::new();
        for payload in ["0", "1", "2", "3", "4", "5"] {
            let qos = if payload < "3" { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
            sender.publish("t", payload, qos);
            first.push(receiver.expect_publish());
        }
        receiver.drop_connection();
        // All six are unfinished, but a client that comes back may ask for fewer at a time.
        let mut receiver = broker.connect(connect.receive_maximum(2));
        let mut unfinished = vec![receiver.expect_publish(), receiver.expect_publish()];
        for before in first {
            receiver.expect_nothing();
            let again = unfinished.remove(0);
            assert_eq!(again, OwnedPublish { dup: true, ..before });
            receiver.acknowledge(&again);
            if again.payload < b"4".to_vec() {
                unfinished.push(receiver.expect_publish());
            }
        }
    }

    fn mqtt5_3_3_4_9_a_refusing_pubrec_gives_the_quota_back(broker: &mut Broker) {
        let mut receiver = broker.connect(connect5("receiver").receive_maximum(1));
        let mut sender = broker.connect(connect5("sender"));
        receiver.subscribe("t", QoS::ExactlyOnce);
        for _ in 0..4 {
            sender.publish("t", "x", QoS::ExactlyOnce);
        }
        for _ in 0..4 {
            let message = receiver.expect_publish();
            receiver.expect_nothing();
            receiver.send(&pubrec(message.id).reason(ReasonCode::QuotaExceeded).packet());
        }
    }

    fn mqtt5_3_3_4_10_qos_0_is_not_counted(broker: &mut Broker) {
        let mut receiver = broker.connect(connect5("receiver").receive_maximum(1));
        let mut sender = broker.connect(connect5("sender"));
        receiver.subscribe("zero", QoS::AtMostOnce);
        receiver.subscribe("one", QoS::AtLeastOnce);
        for _ in 0..5 {
            sender.publish("zero", "x", QoS::AtMostOnce);
            assert_eq!(receiver.expect_publish().qos, QoS::AtMostOnce);
        }
        sender.publish("one", "x", QoS::AtLeastOnce);
        receiver.expect_publish();
        receiver.expect_nothing();
    }
}

statements! {
    /// A client that sends SUBSCRIBE and a PUBLISH behind it, without waiting for the SUBACK, gets the message,
    /// whether its Session outlives the connection or not.
    fn packets_of_one_connection_take_effect_in_their_order(broker: &mut Broker) {
        for (id, expiry) in [("a", 0), ("b", 0), ("c", 100), ("d", 100)] {
            let mut client = broker.connect(connect5(id).session_expiry(expiry));
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
                let topic = format!("{id}/{qos:?}");
                let request = subscribe(1).filter(&topic, QoS::AtLeastOnce);
                let message = publish(&topic).qos(qos, 2);
                let mut bytes = raw::encode(ProtocolVersion::Mqtt5, &request.packet());
                bytes.extend(raw::encode(ProtocolVersion::Mqtt5, &message.packet()));
                client.send_bytes(&bytes);
                let packets = client.drain();
                let arrived = packets.iter().any(|packet| matches!(packet, OwnedPacket::Publish(_)));
                assert!(arrived, "Session Expiry {expiry}, {qos:?}: {packets:?}");
            }
        }
    }

    /// Covers: MQTT-1.5.5-1
    fn mqtt5_3_3_2_1_the_longest_topic_and_properties_are_carried(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        let long = "x".repeat(65_535);
        client.subscribe(&long, QoS::ExactlyOnce);
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let message = publish(&long)
                .payload(long.as_bytes())
                .property(Property::UserProperty(&long, &long))
                .property(Property::ContentType(&long));
            client.publish_packet(message, qos);
            let message = client.expect_publish();
            assert_eq!(message.topic, long);
            assert_eq!(message.payload, long.as_bytes());
            assert_eq!(message.properties.user_properties(), [(&long[..], &long[..])]);
            assert_eq!(message.properties.content_type().as_ref(), Some(&long));
            client.acknowledge(&message);
        }
    }
}

statements_with! {
    |setup| { setup.limits.inflight_messages_max = 1_000; }

    /// Nothing of QoS 1 and 2 is lost, and nothing comes out of order, when a client reads too late.
    fn a_client_that_does_not_read_gets_everything_later(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        receiver.subscribe("t", QoS::ExactlyOnce);
        let payload = |number: u8| vec![number; 200_000];
        for number in 0..60 {
            let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
            sender.publish("t", payload(number), qos);
        }
        for number in 0..60 {
            let message = receiver.expect_publish();
            assert_eq!(message.payload[0], number);
            assert_eq!(message.payload, payload(number));
            receiver.acknowledge(&message);
        }
        receiver.expect_nothing();
    }

    /// Messages of QoS 0 are dropped for a client that does not read, each as a whole, and the others get them.
    fn a_client_that_does_not_read_loses_whole_messages_of_qos_0(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        receiver.subscribe("t", QoS::AtMostOnce);
        let mut other = broker.connect(connect5("other"));
        other.subscribe("t", QoS::AtMostOnce);
        for number in 0..100 {
            sender.publish("t", vec![number; 200_000], QoS::AtMostOnce);
            assert_eq!(other.expect_publish().payload, vec![number; 200_000]);
        }
        let mut last = None;
        for packet in receiver.drain() {
            let OwnedPacket::Publish(message) = packet else { panic!("{packet:?}") };
            let number = message.payload[0];
            assert_eq!(message.payload, vec![number; 200_000]);
            assert!(last < Some(number), "{number} came after {last:?}");
            last = Some(number);
        }
        sender.publish("t", "alive", QoS::AtMostOnce);
        assert_eq!(receiver.expect_publish().payload, b"alive");
    }
}

statements_with! {
    |setup| { setup.limits.receive_maximum = 2; }

    /// Covers: MQTT-3.3.4-7
    fn mqtt5_s3_3_4_more_than_the_receive_maximum_of_the_server_is_an_error(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for id in [1, 2] {
            client.send(&publish("t").qos2(id).packet());
            client.expect_pubrec(id);
        }
        client.send(&publish("t").qos2(3).packet());
        client.expect_disconnect(ReasonCode::ReceiveMaximumExceeded);
    }

    fn mqtt5_3_3_4_8_an_exhausted_quota_of_the_client_stops_nothing_else(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("zero", QoS::AtMostOnce);
        for id in [1, 2] {
            client.send(&publish("t").qos2(id).packet());
            client.expect_pubrec(id);
        }
        client.subscribe("u", QoS::AtMostOnce);
        client.unsubscribe("u");
        client.publish("zero", "x", QoS::AtMostOnce);
        client.expect_publish();
        client.barrier();
        // A repeat of an unfinished one is not one more.
        client.send(&publish("t").qos2(1).dup().packet());
        client.expect_pubrec(1);
        // PUBCOMP gives one back.
        client.send(&pubrel(1).packet());
        client.expect_pubcomp(1);
        client.send(&publish("t").qos2(3).packet());
        client.expect_pubrec(3);
    }

    fn mqtt5_3_3_4_7_acknowledged_messages_do_not_count(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for id in 1..20 {
            client.send(&publish("t").qos1(id).packet());
            client.expect_puback(id);
        }
        for id in 1..20 {
            client.publish("t", id.to_string(), QoS::ExactlyOnce);
        }
    }
}
