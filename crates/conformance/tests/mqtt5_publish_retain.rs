//! MQTT 5.0, section 3.3.1.3: RETAIN.

use conformance::prelude::*;

/// The retained messages that a fresh subscriber of `filter` gets.
fn retained(broker: &mut Broker, filter: &str) -> Vec<OwnedPublish> {
    let mut late = broker.connect(connect5("late"));
    late.subscribe(filter, QoS::ExactlyOnce);
    let mut messages = Vec::new();
    for packet in late.drain() {
        let OwnedPacket::Publish(publish) = packet else { panic!("a PUBLISH was expected: {packet:?}") };
        assert!(publish.retain, "a retained message is sent with RETAIN on subscribing");
        messages.push(publish);
    }
    late.disconnect();
    messages.sort_by(|a, b| a.topic.cmp(&b.topic));
    messages
}

fn payloads(broker: &mut Broker, filter: &str) -> Vec<Vec<u8>> {
    retained(broker, filter).into_iter().map(|message| message.payload).collect()
}

fn handling(retain_handling: RetainHandling) -> SubscriptionOptions {
    SubscriptionOptions { retain_handling, ..options(QoS::AtLeastOnce) }
}

/// How many retained messages a SUBSCRIBE brings.
fn brings(client: &mut Client, filter: &str, options: SubscriptionOptions) -> usize {
    client.subscribe(filter, options);
    let mut count = 0;
    for packet in client.drain() {
        let OwnedPacket::Publish(publish) = packet else { panic!("a PUBLISH was expected: {packet:?}") };
        client.acknowledge(&publish);
        count += 1;
    }
    count
}

statements! {
    fn mqtt5_3_3_1_5_a_retained_message_replaces_the_one_before(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        for qos in [QoS::AtMostOnce, QoS::ExactlyOnce, QoS::AtLeastOnce] {
            for payload in ["one", "two"] {
                sender.publish_retained("t", payload, qos);
                sender.barrier();
                let kept = retained(broker, "t");
                assert_eq!(kept.len(), 1);
                assert_eq!((&kept[0].payload[..], kept[0].qos), (payload.as_bytes(), qos));
            }
        }
        // Each topic has its own.
        sender.publish_retained("t/u", "three", QoS::AtLeastOnce);
        assert_eq!(payloads(broker, "t/#"), [&b"two"[..], b"three"]);
    }

    fn mqtt5_3_3_1_5_the_last_of_several_is_retained_whatever_their_qos(broker: &mut Broker) {
        let all = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        let mut sender = broker.connect(connect5("sender"));
        for (first, last) in all.into_iter().flat_map(|first| all.map(|last| (first, last))) {
            for payload in [&b"last"[..], b""] {
                for _ in 0..4 {
                    let earlier = publish("t").payload(b"earlier").retain().qos(first, 1);
                    let later = publish("t").payload(payload).retain().qos(last, 2);
                    let mut bytes = raw::encode(ProtocolVersion::Mqtt5, &earlier.packet());
                    bytes.extend(raw::encode(ProtocolVersion::Mqtt5, &later.packet()));
                    sender.send_bytes(&bytes);
                    for packet in sender.drain() {
                        if let OwnedPacket::PubRec(ack) = packet {
                            sender.send(&pubrel(ack.id).packet());
                            sender.expect_pubcomp(ack.id);
                        }
                    }
                    let kept = payloads(broker, "t");
                    assert!(kept.iter().all(|kept| kept == payload), "{first:?}, {last:?}: {kept:?}");
                    assert_eq!(kept.is_empty(), payload.is_empty(), "{first:?}, {last:?}");
                }
            }
        }
    }

    /// Covers: MQTT-3.3.1-7
    fn mqtt5_3_3_1_6_an_empty_retained_message_deletes_and_is_delivered(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        let mut reader = broker.connect(connect5("reader"));
        reader.subscribe("t", QoS::AtLeastOnce);
        sender.publish_retained("t", "x", QoS::AtLeastOnce);
        let message = reader.expect_publish();
        reader.acknowledge(&message);
        sender.publish_retained("t", "", QoS::AtLeastOnce);
        let message = reader.expect_publish();
        assert_eq!((&message.payload[..], message.retain), (&b""[..], false));
        assert!(retained(broker, "t").is_empty());
        // And where none was before, none is stored.
        sender.publish_retained("u", "", QoS::AtLeastOnce);
        assert!(retained(broker, "u").is_empty());
    }

    fn mqtt5_3_3_1_8_a_message_without_retain_changes_nothing(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        sender.publish("t", "passing", QoS::AtLeastOnce);
        assert!(retained(broker, "t").is_empty());
        sender.publish_retained("t", "kept", QoS::AtLeastOnce);
        sender.publish("t", "passing", QoS::AtLeastOnce);
        sender.publish("t", "", QoS::AtLeastOnce);
        assert_eq!(payloads(broker, "t"), [b"kept"]);
    }

    fn mqtt5_3_3_1_9_retain_handling_0_sends_at_every_subscribe(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        for topic in ["a/1", "a/2", "a/3", "b/1"] {
            sender.publish_retained(topic, topic, QoS::AtLeastOnce);
        }
        for id in ["r", "s", "t"] {
            let mut client = broker.connect(connect5(id));
            for _ in 0..2 {
                assert_eq!(brings(&mut client, "a/+", handling(RetainHandling::SendAtSubscribe)), 3);
                assert_eq!(brings(&mut client, "#", handling(RetainHandling::SendAtSubscribe)), 4);
                assert_eq!(brings(&mut client, "b/1", handling(RetainHandling::SendAtSubscribe)), 1);
            }
        }
    }

    fn mqtt5_3_3_1_10_retain_handling_1_sends_to_new_subscriptions(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        sender.publish_retained("t", "x", QoS::AtLeastOnce);
        let mut client = broker.connect(connect5("a"));
        let new_only = handling(RetainHandling::SendIfNew);
        assert_eq!(brings(&mut client, "t", new_only), 1);
        assert_eq!(brings(&mut client, "t", new_only), 0);
        assert_eq!(brings(&mut client, "t", SubscriptionOptions { maximum_qos: QoS::AtMostOnce, ..new_only }), 0);
        assert_eq!(brings(&mut client, "+", new_only), 1, "another filter is another subscription");
        client.unsubscribe("t");
        assert_eq!(brings(&mut client, "t", new_only), 1);
    }

    /// Covers: MQTT-3.3.1-10
    fn mqtt5_3_3_1_10_a_subscription_of_a_stored_session_is_not_new(broker: &mut Broker) {
        broker.connect(connect5("sender")).publish_retained("t", "x", QoS::AtLeastOnce);
        let connect = connect5("a").clean_start(false).session_expiry(100);
        let mut client = broker.connect(connect.clone());
        assert_eq!(brings(&mut client, "t", handling(RetainHandling::SendIfNew)), 1);
        client.disconnect();
        let mut client = broker.connect(connect);
        client.expect_nothing();
        assert_eq!(brings(&mut client, "t", handling(RetainHandling::SendIfNew)), 0);
    }

    fn mqtt5_3_3_1_11_retain_handling_2_sends_nothing(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        sender.publish_retained("t", "x", QoS::AtLeastOnce);
        let mut client = broker.connect(connect5("a"));
        for _ in 0..2 {
            assert_eq!(brings(&mut client, "t", handling(RetainHandling::DoNotSend)), 0);
        }
        // Later messages come all the same.
        sender.publish_retained("t", "y", QoS::AtLeastOnce);
        assert_eq!(client.expect_publish().payload, b"y");
    }

    /// Covers: MQTT-3.3.1-13
    fn mqtt5_3_3_1_12_retain_as_published_decides_on_the_flag(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        let mut without = broker.connect(connect5("without"));
        let mut with = broker.connect(connect5("with"));
        let as_published = SubscriptionOptions { retain_as_published: true, ..options(QoS::AtLeastOnce) };
        without.subscribe("t", QoS::AtLeastOnce);
        with.subscribe("t", as_published);
        for retain in [true, false, true] {
            if retain {
                sender.publish_retained("t", "x", QoS::AtLeastOnce);
            } else {
                sender.publish("t", "x", QoS::AtLeastOnce);
            }
            let message = without.expect_publish();
            assert!(!message.retain);
            without.acknowledge(&message);
            let message = with.expect_publish();
            assert_eq!(message.retain, retain);
            with.acknowledge(&message);
        }
    }

    fn mqtt5_s3_3_1_3_what_a_subscription_brings_has_retain_set(broker: &mut Broker) {
        broker.connect(connect5("sender")).publish_retained("t", "x", QoS::AtLeastOnce);
        for retain_as_published in [false, true] {
            let mut client = broker.connect(connect5("a"));
            client.subscribe("t", SubscriptionOptions { retain_as_published, ..options(QoS::AtMostOnce) });
            let message = client.expect_publish();
            assert!(message.retain);
            // The lower of the two: the QoS of the message, and the granted.
            assert_eq!(message.qos, QoS::AtMostOnce);
        }
    }

    fn mqtt5_s3_3_1_3_an_expired_retained_message_is_discarded(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        for (topic, seconds) in [("t/1", 1), ("t/2", 100)] {
            let message = publish(topic).payload(b"x").retain();
            sender.publish_packet(message.property(Property::MessageExpiryInterval(seconds)), QoS::AtLeastOnce);
        }
        assert_eq!(payloads(broker, "t/#").len(), 2);
        broker.advance(Duration::from_millis(1_300));
        let kept = retained(broker, "t/#");
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].topic, "t/2");
        assert!(matches!(kept[0].properties.message_expiry_interval(), Some(98 | 99)), "{kept:?}");
    }

    /// Covers: MQTT-3.3.2-4, MQTT-3.3.2-15, MQTT-3.3.2-16, MQTT-3.3.2-17, MQTT-3.3.2-18, MQTT-3.3.2-20
    fn mqtt5_3_3_1_5_a_retained_message_keeps_its_properties(broker: &mut Broker) {
        let message = publish("t")
            .payload(b"x")
            .retain()
            .property(Property::PayloadFormatIndicator(true))
            .property(Property::UserProperty("b", "1"))
            .property(Property::ResponseTopic(topic_name("answer")))
            .property(Property::UserProperty("a", "2"))
            .property(Property::CorrelationData(b"\0\x01"))
            .property(Property::ContentType("type"))
            .property(Property::TopicAlias(1));
        broker.connect(connect5("sender")).publish_packet(message, QoS::AtLeastOnce);
        let kept = retained(broker, "t").remove(0).properties;
        assert_eq!(kept.payload_format_indicator(), Some(true));
        assert_eq!(kept.user_properties(), [("b", "1"), ("a", "2")]);
        assert_eq!(kept.response_topic().as_deref(), Some("answer"));
        assert_eq!(kept.correlation_data().as_deref(), Some(&b"\0\x01"[..]));
        assert_eq!(kept.content_type().as_deref(), Some("type"));
        assert_eq!(kept.len(), 6, "no more than these: {kept:?}");
    }
}
