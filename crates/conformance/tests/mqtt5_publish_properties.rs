//! MQTT 5.0, section 3.3.2.3: the properties of PUBLISH.

use conformance::prelude::*;

/// A PUBLISH of QoS 0 in bytes, with this topic and these bytes as property section.
fn publish_bytes(topic: &str, section: &[u8]) -> Vec<u8> {
    raw::packet(0x30, &[raw::string(topic), raw::properties(section), b"x".to_vec()].concat())
}

/// A receiver with a subscription to `t` and a sender.
fn pair(broker: &mut Broker) -> (Client, Client) {
    let mut receiver = broker.connect(connect5("receiver"));
    receiver.subscribe("t", QoS::ExactlyOnce);
    (receiver, broker.connect(connect5("sender")))
}

statements! {
    fn mqtt5_3_3_2_4_payload_format_indicator_is_passed_on(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        for indicator in [None, Some(false), Some(true)] {
            let mut message = publish("t").payload("\u{e9}".as_bytes());
            if let Some(indicator) = indicator {
                message = message.property(Property::PayloadFormatIndicator(indicator));
            }
            sender.publish_packet(message, QoS::AtMostOnce);
            assert_eq!(receiver.expect_publish().properties.payload_format_indicator(), indicator);
        }
        sender.send_bytes(&publish_bytes("t", &[0x01, 2]));
        sender.expect_disconnect_among(&[ReasonCode::ProtocolError, ReasonCode::MalformedPacket]);
    }

    /// Covers: MQTT-3.3.2-5
    fn mqtt5_3_3_2_5_an_expired_copy_is_deleted(broker: &mut Broker) {
        let connect = connect5("a").clean_start(false).session_expiry(100);
        let mut client = broker.connect(connect.clone());
        client.subscribe("t", QoS::AtLeastOnce);
        client.drop_connection();
        let mut sender = broker.connect(connect5("sender"));
        for (payload, seconds) in [("one", Some(1)), ("two", None), ("three", Some(1)), ("four", Some(100))] {
            let mut message = publish("t").payload(payload.as_bytes());
            if let Some(seconds) = seconds {
                message = message.property(Property::MessageExpiryInterval(seconds));
            }
            sender.publish_packet(message, QoS::AtLeastOnce);
        }
        broker.advance(Duration::from_millis(1_400));
        let mut client = broker.connect(connect);
        for (payload, seconds) in [("two", &[][..]), ("four", &[98, 99])] {
            let message = client.expect_publish();
            assert_eq!(message.payload, payload.as_bytes());
            match message.properties.message_expiry_interval() {
                Some(told) => assert!(seconds.contains(&told), "{told}"),
                None => assert!(seconds.is_empty()),
            }
            client.acknowledge(&message);
        }
        client.expect_nothing();
    }

    /// Covers: MQTT-3.3.2-6
    fn mqtt5_3_3_2_6_a_message_that_did_not_wait_keeps_its_expiry(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        for seconds in [1, 60, 86_400, u32::MAX] {
            let message = publish("t").property(Property::MessageExpiryInterval(seconds));
            sender.publish_packet(message, QoS::AtMostOnce);
            let told = receiver.expect_publish().properties.message_expiry_interval();
            assert!(told == Some(seconds) || told == Some(seconds - 1), "{told:?} of {seconds}");
        }
        // One of zero seconds is delivered at once or never.
        sender.publish_packet(publish("t").property(Property::MessageExpiryInterval(0)), QoS::AtMostOnce);
        sender.barrier();
        broker.settle();
        assert!(receiver.drain().len() <= 1);
    }

    fn mqtt5_3_3_2_7_topic_aliases_of_a_client_end_with_its_connection(broker: &mut Broker) {
        let connect = connect5("a").clean_start(false).session_expiry(100);
        let mut client = broker.connect(connect.clone());
        client.subscribe("t", QoS::AtMostOnce);
        client.send(&publish("t").property(Property::TopicAlias(1)).packet());
        client.expect_publish();
        client.send(&publish("").property(Property::TopicAlias(1)).packet());
        client.expect_publish();
        client.drop_connection();
        let (mut client, connack) = broker.connect_full(connect);
        assert!(connack.session_present);
        client.send(&publish("").property(Property::TopicAlias(1)).packet());
        client.expect_disconnect(ReasonCode::ProtocolError);
    }

    /// Covers: MQTT-3.3.2-8
    fn mqtt5_3_3_2_7_topic_aliases_of_the_server_end_with_the_connection(broker: &mut Broker) {
        let connect = connect5("receiver")
            .clean_start(false)
            .session_expiry(100)
            .property(Property::TopicAliasMaximum(5));
        let mut receiver = broker.connect(connect.clone());
        receiver.subscribe("t", QoS::AtLeastOnce);
        let mut sender = broker.connect(connect5("sender"));
        for _ in 0..3 {
            for index in 0..3 {
                sender.publish("t", "x", QoS::AtLeastOnce);
                let message = receiver.expect_publish();
                assert_ne!(message.properties.topic_alias(), Some(0));
                // The first of a connection has to tell the topic; the harness looks up the others.
                assert!(index > 0 || message.topic_on_the_wire == "t");
                assert_eq!(message.topic, "t");
                // The last one is left unacknowledged, and sent again with its topic.
                if index < 2 {
                    receiver.acknowledge(&message);
                }
            }
            receiver.drop_connection();
            receiver = broker.connect(connect.clone());
            let again = receiver.expect_publish();
            assert!(again.dup);
            assert_eq!(again.topic_on_the_wire, "t");
            receiver.acknowledge(&again);
            receiver.drop_connection();
            receiver = broker.connect(connect.clone());
        }
    }

    /// Covers: MQTT-3.3.2-8, MQTT-3.3.2-9
    fn mqtt5_s3_3_2_3_4_an_alias_of_0_or_above_the_maximum_is_invalid(broker: &mut Broker) {
        for topic in ["t", ""] {
            let (mut client, connack) = broker.connect_full(connect5("a"));
            let maximum = connack.properties.topic_alias_maximum().unwrap_or(0);
            client.send_bytes(&publish_bytes(topic, &[0x23, 0, 0]));
            client.expect_disconnect(ReasonCode::TopicAliasInvalid);
            for alias in [maximum + 1, u16::MAX] {
                let mut client = broker.connect(connect5("a"));
                let alias = alias.to_be_bytes();
                client.send_bytes(&publish_bytes(topic, &[0x23, alias[0], alias[1]]));
                client.expect_disconnect(ReasonCode::TopicAliasInvalid);
            }
        }
    }

    /// Covers: s3.3.2.3.4
    fn mqtt5_3_3_2_12_every_alias_up_to_the_announced_maximum_is_taken(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a"));
        let maximum = connack.properties.topic_alias_maximum().expect("aliases by default");
        client.subscribe("t/#", QoS::AtMostOnce);
        let topic = |alias: u16| format!("t/{alias}");
        for alias in (1..=maximum).rev() {
            client.send(&publish(&topic(alias)).property(Property::TopicAlias(alias)).packet());
            assert_eq!(client.expect_publish().topic, topic(alias));
        }
        for alias in 1..=maximum {
            client.send(&publish("").property(Property::TopicAlias(alias)).packet());
            assert_eq!(client.expect_publish().topic, topic(alias));
            // Aliases hold for every QoS.
            client.publish_packet(publish("").property(Property::TopicAlias(alias)), QoS::ExactlyOnce);
            assert_eq!(client.expect_publish().topic, topic(alias));
        }
        // A topic replaces the mapping, of that alias alone.
        client.send(&publish("t/new").property(Property::TopicAlias(1)).packet());
        client.send(&publish("").property(Property::TopicAlias(1)).packet());
        client.send(&publish("").property(Property::TopicAlias(2)).packet());
        for topic in ["t/new", "t/new", "t/2"] {
            assert_eq!(client.expect_publish().topic, topic);
        }
    }

    fn mqtt5_s3_3_2_3_4_an_alias_without_mapping_is_a_protocol_error(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&publish("t").property(Property::TopicAlias(1)).packet());
        client.send(&publish("").property(Property::TopicAlias(2)).packet());
        client.expect_disconnect(ReasonCode::ProtocolError);
    }

    fn mqtt5_3_3_2_7_aliases_of_one_client_are_not_those_of_another(broker: &mut Broker) {
        let mut one = broker.connect(connect5("one"));
        let mut two = broker.connect(connect5("two"));
        one.subscribe("#", QoS::AtMostOnce);
        one.send(&publish("one").property(Property::TopicAlias(1)).packet());
        one.expect_publish();
        two.send(&publish("two").property(Property::TopicAlias(1)).packet());
        assert_eq!(one.expect_publish().topic, "two");
        one.send(&publish("").property(Property::TopicAlias(1)).packet());
        let message = one.expect_publish();
        assert_eq!((&message.topic[..], message.properties.topic_alias()), ("one", None));
    }

    fn mqtt5_s3_3_2_1_an_empty_topic_without_alias_is_a_protocol_error(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(&publish_bytes("", &[]));
        client.expect_disconnect(ReasonCode::ProtocolError);
    }

    /// Covers: MQTT-3.3.2-13
    fn mqtt5_3_3_2_14_a_response_topic_with_wildcards_is_an_error(broker: &mut Broker) {
        for topic in ["#", "a/+", "a\0b"] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&publish_bytes("t", &[vec![0x08], raw::string(topic)].concat()));
            client.expect_disconnect_among(&[
                ReasonCode::MalformedPacket,
                ReasonCode::ProtocolError,
                ReasonCode::TopicNameInvalid,
            ]);
        }
    }

    fn mqtt5_3_3_2_15_the_response_topic_is_passed_on(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        for topic in ["r", "a/b/\u{e9}", "$answers/1"] {
            let message = publish("t").property(Property::ResponseTopic(topic_name(topic)));
            sender.publish_packet(message, QoS::AtMostOnce);
            assert_eq!(receiver.expect_publish().properties.response_topic().as_deref(), Some(topic));
        }
    }

    fn mqtt5_3_3_2_16_correlation_data_is_passed_on(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        let every_byte: Vec<u8> = (0..=255).collect();
        for data in [&b""[..], b"x", &every_byte, &vec![0xff; 65_535]] {
            sender.publish_packet(publish("t").property(Property::CorrelationData(data)), QoS::AtMostOnce);
            assert_eq!(receiver.expect_publish().properties.correlation_data().as_deref(), Some(data));
        }
    }

    /// Covers: MQTT-3.3.2-18
    fn mqtt5_3_3_2_17_user_properties_are_passed_on_in_order(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        let pairs: Vec<(String, String)> =
            (0..50).map(|index| (format!("n{}", index % 7), format!("v{}", index * 31 % 50))).collect();
        let mut message = publish("t").property(Property::UserProperty("", ""));
        for (name, value) in &pairs {
            message = message.property(Property::UserProperty(name, value));
        }
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            sender.publish_packet(message.clone(), qos);
            let arrived = receiver.expect_publish();
            let wanted = pairs.iter().map(|(name, value)| (&name[..], &value[..]));
            let wanted: Vec<_> = core::iter::once(("", "")).chain(wanted).collect();
            assert_eq!(arrived.properties.user_properties(), wanted);
            receiver.acknowledge(&arrived);
        }
    }

    fn mqtt5_3_3_2_20_the_content_type_is_passed_on(broker: &mut Broker) {
        let (mut receiver, mut sender) = pair(broker);
        for kind in ["", "text/plain; charset=utf-8", "\u{1f99c}"] {
            sender.publish_packet(publish("t").property(Property::ContentType(kind)), QoS::AtMostOnce);
            assert_eq!(receiver.expect_publish().properties.content_type().as_deref(), Some(kind));
        }
    }
}

statements_in_memory! {
    /// Covers: MQTT-3.3.2-5
    fn mqtt5_3_3_2_6_the_waiting_time_is_taken_from_the_expiry(broker: &mut Broker) {
        let connect = connect5("a").clean_start(false).session_expiry(u32::MAX);
        let mut sender = broker.connect(connect5("sender"));
        for (interval, wait, left) in [
            (100, 60, Some(40)),
            (100, 99, Some(1)),
            (100, 101, None),
            (86_400, 86_000, Some(400)),
            (u32::MAX, 1_000_000, Some(u32::MAX - 1_000_000)),
        ] {
            let mut client = broker.connect(connect.clone());
            client.subscribe("t", QoS::AtLeastOnce);
            client.drop_connection();
            let message = publish("t").property(Property::MessageExpiryInterval(interval));
            sender.publish_packet(message, QoS::AtLeastOnce);
            broker.advance(Duration::from_secs(wait));
            let mut client = broker.connect(connect.clone());
            if let Some(left) = left {
                let message = client.expect_publish();
                assert_eq!(message.properties.message_expiry_interval(), Some(left));
                client.acknowledge(&message);
            }
            client.expect_nothing();
        }
    }

    /// Covers: MQTT-3.3.2-5, MQTT-3.3.2-6
    fn mqtt5_3_3_2_6_waiting_for_the_quota_counts_too(broker: &mut Broker) {
        let one = Property::ReceiveMaximum(core::num::NonZeroU16::MIN);
        let mut client = broker.connect(connect5("a").property(one));
        client.subscribe("t", QoS::AtLeastOnce);
        let mut sender = broker.connect(connect5("sender"));
        for interval in [100, 100, 10] {
            let message = publish("t").property(Property::MessageExpiryInterval(interval));
            sender.publish_packet(message, QoS::AtLeastOnce);
        }
        let first = client.expect_publish();
        assert_eq!(first.properties.message_expiry_interval(), Some(100));
        broker.advance(Duration::from_secs(30));
        client.acknowledge(&first);
        let second = client.expect_publish();
        assert_eq!(second.properties.message_expiry_interval(), Some(70));
        client.acknowledge(&second);
        client.expect_nothing();
    }
}
