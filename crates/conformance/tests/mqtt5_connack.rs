//! MQTT 5.0, section 3.2: CONNACK, and what it announces.

use conformance::owned::OwnedConnAck;
use conformance::prelude::*;
use core::mem::discriminant;

/// Expects that no property but the User Property comes twice.
fn expect_single_properties(connack: &OwnedConnAck) {
    for (index, property) in connack.properties.iter().enumerate() {
        let twice =
            connack.properties[..index].iter().any(|other| discriminant(other) == discriminant(property));
        assert!(!twice || matches!(property, OwnedProperty::UserProperty(..)), "{:?}", connack.properties);
    }
}

statements! {
    /// Covers: MQTT-3.2.2-8
    fn mqtt5_3_2_0_1_connack_is_the_first_packet(broker: &mut Broker) {
        let connect = connect5("a").clean_start(false).session_expiry(100);
        let mut client = broker.connect(connect.clone());
        client.subscribe("#", QoS::AtLeastOnce);
        let mut sender = broker.connect(connect5("sender"));
        for round in 0..5 {
            client.drop_connection();
            sender.publish("t", "waits", QoS::AtLeastOnce);
            client = broker.open();
            client.send(&connect.packet());
            // Behind the CONNECT there is more for the client, on the way from another shard.
            sender.publish("t", "comes", QoS::AtMostOnce);
            assert_eq!(client.expect_connack().reason, ReasonCode::Success, "round {round}");
            let message = client.expect_publish();
            client.acknowledge(&message);
            client.drain();
        }
    }

    fn mqtt5_3_2_0_2_there_is_one_connack_only(broker: &mut Broker) {
        let mut client = broker.open();
        let mut bytes = raw::encode(ProtocolVersion::Mqtt5, &connect5("a").packet());
        bytes.extend(bytes.clone());
        client.send_bytes(&bytes);
        client.expect_connack();
        client.expect_disconnect(ReasonCode::ProtocolError);
    }

    /// Covers: MQTT-3.2.2-2, MQTT-3.2.2-3, MQTT-2.2.2-1
    fn mqtt5_3_2_2_1_the_flags_are_session_present_alone(broker: &mut Broker) {
        for (clean_start, flags) in [(true, 0), (false, 1), (true, 0), (false, 1), (false, 1)] {
            let mut client = broker.open();
            client.send(&connect5("a").clean_start(clean_start).session_expiry(100).packet());
            let connack = client.receive_raw();
            assert_eq!(connack[0], 0x20);
            assert_eq!(connack[2], flags);
            // Remaining Length, flags, reason, and a property section that fills the rest.
            let (section, length) = raw::read_variable_byte_integer(&connack[4..]).expect("a Property Length");
            assert_eq!(connack.len(), 4 + length + section);
            client.disconnect();
        }
    }

    fn mqtt5_3_2_2_8_every_property_of_connack_comes_once(broker: &mut Broker) {
        for connect in [
            connect5(""),
            connect5("a").session_expiry(u32::MAX).keep_alive(u16::MAX),
            connect5("a").property(Property::RequestResponseInformation(true)),
        ] {
            expect_single_properties(&broker.connect_full(connect).1);
        }
    }

    /// Covers: s3.2.2.3.4, s3.2.2.3.11
    fn mqtt5_s3_2_2_3_4_a_server_with_all_features_announces_no_lack(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a"));
        // Maximum QoS is 0 or 1, absent for 2.
        assert_eq!(connack.properties.maximum_qos(), None);
        assert_ne!(connack.properties.retain_available(), Some(false));
        assert_ne!(connack.properties.wildcard_subscription_available(), Some(false));
        assert_ne!(connack.properties.subscription_identifier_available(), Some(false));
        assert_ne!(connack.properties.shared_subscription_available(), Some(false));
        let request = subscribe(1).filter("+/#", QoS::ExactlyOnce).filter("$share/g/t", QoS::ExactlyOnce);
        client.send(&request.identifier(7).packet());
        assert_eq!(client.expect_suback().codes, [ReasonCode::GrantedQos2, ReasonCode::GrantedQos2]);
        client.publish_retained("t", "x", QoS::ExactlyOnce);
    }

    fn mqtt5_3_2_2_16_assigned_client_identifiers_are_of_no_other_session(broker: &mut Broker) {
        let mut names = Vec::new();
        for _ in 0..50 {
            let (mut client, connack) = broker.connect_full(connect5("").session_expiry(100));
            assert!(!connack.session_present);
            let name = connack.properties.assigned_client_identifier().expect("an identifier is assigned");
            client.disconnect();
            assert!(!names.contains(&name), "{name} is the name of a stored Session");
            names.push(name);
        }
        // Neither with Clean Start 0, where a stored Session would be found.
        let (_, connack) = broker.connect_full(connect5("").clean_start(false));
        assert!(!connack.session_present);
        let name = connack.properties.assigned_client_identifier().expect("an identifier is assigned");
        assert!(!names.contains(&name));
    }
}

statements_with! {
    |setup| {
        setup.access = true;
        setup.features.server_reference = Some("elsewhere.example".into());
    }

    /// Covers: MQTT-3.2.2-7, MQTT-3.2.2-8
    fn mqtt5_3_2_2_6_a_refusal_has_no_session_present(broker: &mut Broker) {
        let connect = connect5("a").clean_start(false).session_expiry(100);
        broker.connect(connect.clone()).disconnect();
        for user in ["nobody", "wrong", "slowly-refused"] {
            let mut client = broker.open();
            client.send(&connect.clone().user(user).packet());
            let connack = client.receive_raw();
            assert_eq!((connack[0], connack[2]), (0x20, 0), "{connack:02x?}");
            assert!(connack[3] >= 0x80);
            client.expect_closed();
        }
        let (_, connack) = broker.connect_full(connect);
        assert!(connack.session_present);
    }

    fn mqtt5_s3_2_2_3_16_server_reference_comes_with_its_reasons_only(broker: &mut Broker) {
        let connack = broker.open().handshake_refused(&connect5("elsewhere"), ReasonCode::UseAnotherServer);
        assert_eq!(connack.properties.server_reference().as_deref(), Some("elsewhere.example"));
        let connack = broker.open().handshake_refused(&connect5("banned"), ReasonCode::Banned);
        assert_eq!(connack.properties.server_reference(), None);
        let (_, connack) = broker.connect_full(connect5("a"));
        assert_eq!(connack.properties.server_reference(), None);
    }

    /// Covers: MQTT-3.2.2-20
    fn mqtt5_3_2_2_19_connack_keeps_to_the_maximum_packet_size_of_the_client(broker: &mut Broker) {
        for (id, user) in [("a", "nobody"), ("elsewhere", "anyone"), ("banned", "anyone"), ("", "anyone")] {
            for bytes in [1_u8, 4, 5, 6, 10, 15, 20, 30, 40, 60] {
                let mut client = broker.open();
                client.send(&connect5(id).user(user).maximum_packet_size(bytes.into()).packet());
                // A server that cannot keep to it closes without a word.
                let Some(connack) = client.receive_raw_or_closed() else { continue };
                assert!(connack.len() <= usize::from(bytes), "{bytes}: {connack:02x?}");
            }
        }
        broker.open().handshake_refused(&connect5("banned").maximum_packet_size(5), ReasonCode::Banned);
    }
}

statements_with! {
    |setup| { setup.features.maximum_qos = QoS::AtLeastOnce; }

    /// Covers: s3.2.2.3.4, MQTT-3.2.2-11
    fn mqtt5_3_2_2_9_maximum_qos_1_is_announced_and_kept(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a"));
        assert_eq!(connack.properties.maximum_qos(), Some(QoS::AtLeastOnce));
        assert!(!client.publish("t", "x", QoS::AtLeastOnce).is_error());
        client.send(&publish("t").qos2(1).packet());
        client.expect_disconnect(ReasonCode::QosNotSupported);
    }

    fn mqtt5_3_2_2_10_subscriptions_to_any_qos_are_taken(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let codes = client.subscribe("t", qos);
            assert!(codes[0] == ReasonCode::granted(qos) || codes[0] == ReasonCode::GrantedQos1, "{codes:?}");
            client.publish("t", "x", QoS::AtLeastOnce);
            let message = client.expect_publish();
            assert_eq!(message.qos, qos.min(QoS::AtLeastOnce));
            client.acknowledge(&message);
        }
    }

    fn mqtt5_3_2_2_12_a_will_above_maximum_qos_is_refused(broker: &mut Broker) {
        let connect = connect5("a").will("gone", b"x");
        let refused = connect.clone().will_qos(QoS::ExactlyOnce);
        broker.open().handshake_refused(&refused, ReasonCode::QosNotSupported);
        broker.connect(connect.will_qos(QoS::AtLeastOnce)).barrier();
    }
}

statements_with! {
    |setup| { setup.features.maximum_qos = QoS::AtMostOnce; }

    /// Covers: s3.2.2.3.4, MQTT-3.2.2-10, MQTT-3.2.2-12
    fn mqtt5_3_2_2_9_maximum_qos_0_is_announced_and_kept(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a"));
        assert_eq!(connack.properties.maximum_qos(), Some(QoS::AtMostOnce));
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let codes = client.subscribe("t", qos);
            assert!(!codes[0].is_error(), "{codes:?}");
        }
        client.publish("t", "x", QoS::AtMostOnce);
        assert_eq!(client.expect_publish().qos, QoS::AtMostOnce);
        client.send(&publish("t").qos1(1).packet());
        client.expect_disconnect(ReasonCode::QosNotSupported);
        let will = connect5("a").will("gone", b"x").will_qos(QoS::AtLeastOnce);
        broker.open().handshake_refused(&will, ReasonCode::QosNotSupported);
    }
}

statements_with! {
    |setup| { setup.features.retain_available = false; }

    /// Covers: MQTT-3.2.2-14
    fn mqtt5_s3_2_2_3_5_without_retain_a_retained_publish_is_an_error(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a"));
        assert_eq!(connack.properties.retain_available(), Some(false));
        client.send(&publish("t").payload(b"x").retain().packet());
        client.expect_disconnect(ReasonCode::RetainNotSupported);
        let mut late = broker.connect(connect5("late"));
        late.subscribe("t", QoS::AtMostOnce);
        late.expect_nothing();
    }

    fn mqtt5_3_2_2_13_without_retain_a_retained_will_is_refused(broker: &mut Broker) {
        let connect = connect5("a").will("gone", b"x");
        let refused = connect.clone().will_retain(true);
        broker.open().handshake_refused(&refused, ReasonCode::RetainNotSupported);
        broker.connect(connect).barrier();
    }
}

statements_with! {
    |setup| { setup.limits.packet_size_bytes_max = 100; }

    /// Covers: MQTT-3.2.2-15
    fn mqtt5_s3_2_2_3_6_a_packet_above_the_maximum_size_is_an_error(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a"));
        assert_eq!(connack.properties.maximum_packet_size(), Some(100));
        client.subscribe("t", QoS::AtMostOnce);
        // Fixed header (2), Topic Name (3), Property Length (1): the whole packet counts.
        client.publish("t", [b'x'; 94], QoS::AtMostOnce);
        client.expect_publish();
        client.publish("t", [b'x'; 95], QoS::AtMostOnce);
        client.expect_disconnect(ReasonCode::PacketTooLarge);
        // The fixed header alone is enough to know.
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(b"\x30\xff\xff\xff\x7f");
        client.expect_disconnect(ReasonCode::PacketTooLarge);
        let mut client = broker.open();
        client.send_bytes(b"\x10\xff\xff\xff\x7f");
        client.expect_turned_away();
    }
}

statements_with! {
    |setup| { setup.limits.topic_alias_maximum = 0; }

    fn mqtt5_3_2_2_18_without_topic_alias_maximum_no_alias_is_taken(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a"));
        assert!(matches!(connack.properties.topic_alias_maximum(), None | Some(0)));
        client.send(&publish("t").property(Property::TopicAlias(1)).packet());
        client.expect_disconnect(ReasonCode::TopicAliasInvalid);
    }
}

statements_with! {
    |setup| { setup.limits.topic_alias_maximum = 5; }

    /// Covers: MQTT-3.3.2-9
    fn mqtt5_3_2_2_17_a_topic_alias_above_the_announced_maximum_is_an_error(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a"));
        assert_eq!(connack.properties.topic_alias_maximum(), Some(5));
        client.send(&publish("t").property(Property::TopicAlias(5)).packet());
        client.barrier();
        client.send(&publish("t").property(Property::TopicAlias(6)).packet());
        client.expect_disconnect(ReasonCode::TopicAliasInvalid);
    }
}

statements_with! {
    |setup| { setup.limits.session_expiry_interval_max = 60; }

    fn mqtt5_s3_2_2_3_2_a_shorter_session_expiry_is_told(broker: &mut Broker) {
        for asked in [61, 1_000, u32::MAX] {
            let (_, connack) = broker.connect_full(connect5("a").session_expiry(asked));
            assert_eq!(connack.properties.session_expiry_interval(), Some(60));
        }
        for asked in [0, 1, 60] {
            let (_, connack) = broker.connect_full(connect5("a").session_expiry(asked));
            let told = connack.properties.session_expiry_interval();
            assert!(told.is_none_or(|told| told == asked), "{told:?}");
        }
    }
}

statements_in_memory! {
    |setup| { setup.limits.session_expiry_interval_max = 60; }

    fn mqtt5_s3_2_2_3_2_the_told_session_expiry_is_the_real_one(broker: &mut Broker) {
        let connect = connect5("a").clean_start(false).session_expiry(1_000);
        broker.connect(connect.clone()).disconnect();
        broker.advance(Duration::from_secs(59));
        let (mut client, connack) = broker.connect_full(connect.clone());
        assert!(connack.session_present);
        client.disconnect();
        broker.advance(Duration::from_secs(61));
        assert!(!broker.connect_full(connect).1.session_present);
    }
}

statements_with! {
    |setup| { setup.limits.receive_maximum = 7; }

    fn mqtt5_s3_2_2_3_3_receive_maximum_is_told_once(broker: &mut Broker) {
        let (_, connack) = broker.connect_full(connect5("a"));
        assert_eq!(connack.properties.receive_maximum(), Some(7));
        expect_single_properties(&connack);
    }
}

statements_with! {
    |setup| { setup.features.wildcard_subscription_available = false; }

    fn mqtt5_s3_2_2_3_11_wildcards_that_are_not_available_are_an_error(broker: &mut Broker) {
        for filter in ["#", "a/+", "+/b"] {
            let (mut client, connack) = broker.connect_full(connect5("a"));
            assert_eq!(connack.properties.wildcard_subscription_available(), Some(false));
            assert_eq!(client.subscribe("a/b", QoS::AtMostOnce), [ReasonCode::GRANTED_QOS_0]);
            client.send(&subscribe(1).filter(filter, QoS::AtMostOnce).packet());
            client.expect_disconnect(ReasonCode::WildcardSubscriptionsNotSupported);
        }
    }
}

statements_with! {
    |setup| { setup.features.subscription_identifier_available = false; }

    fn mqtt5_s3_2_2_3_11_identifiers_that_are_not_available_are_an_error(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a"));
        assert_eq!(connack.properties.subscription_identifier_available(), Some(false));
        assert_eq!(client.subscribe("a/b", QoS::AtMostOnce), [ReasonCode::GRANTED_QOS_0]);
        client.send(&subscribe(1).filter("a", QoS::AtMostOnce).identifier(1).packet());
        client.expect_disconnect(ReasonCode::SubscriptionIdentifiersNotSupported);
    }
}

statements_with! {
    |setup| { setup.features.shared_subscription_available = false; }

    fn mqtt5_s3_2_2_3_11_shared_subscriptions_that_are_not_available_are_an_error(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a"));
        assert_eq!(connack.properties.shared_subscription_available(), Some(false));
        assert_eq!(client.subscribe("a/b", QoS::AtMostOnce), [ReasonCode::GRANTED_QOS_0]);
        client.send(&subscribe(1).filter("$share/g/a", QoS::AtMostOnce).packet());
        client.expect_disconnect(ReasonCode::SharedSubscriptionsNotSupported);
    }
}
