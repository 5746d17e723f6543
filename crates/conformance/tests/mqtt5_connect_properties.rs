//! MQTT 5.0, section 3.1.2.11: the properties of CONNECT.

use conformance::prelude::*;
use conformance::raw::RawConnect;

/// Sends a CONNECT with these bytes as property section, and expects a refusal; a CONNACK says Protocol Error.
fn is_protocol_error(broker: &mut Broker, section: &[u8]) {
    println!("{section:02x?}");
    let mut client = broker.open();
    client.send_bytes(&RawConnect { properties: section.to_vec(), ..RawConnect::v5("a") }.bytes());
    if let Some(connack) = client.expect_turned_away() {
        assert_eq!(connack.reason, ReasonCode::ProtocolError, "{section:02x?}");
    }
}

statements! {
    fn mqtt5_s2_2_2_2_a_repeated_property_of_connect_is_a_protocol_error(broker: &mut Broker) {
        let sections: [&[u8]; 3] = [
            &[0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1],
            &[0x15, 0, 1, b'm', 0x15, 0, 1, b'm'],
            &[0x15, 0, 1, b'm', 0x16, 0, 1, b'd', 0x16, 0, 1, b'd'],
        ];
        for section in sections {
            is_protocol_error(broker, section);
        }
    }

    fn mqtt5_s3_1_2_11_3_receive_maximum_is_not_0_and_comes_once(broker: &mut Broker) {
        is_protocol_error(broker, &[0x21, 0, 0]);
        is_protocol_error(broker, &[0x21, 0, 9, 0x21, 0, 9]);
    }

    fn mqtt5_s3_1_2_11_4_maximum_packet_size_is_not_0_and_comes_once(broker: &mut Broker) {
        is_protocol_error(broker, &[0x27, 0, 0, 0, 0]);
        is_protocol_error(broker, &[0x27, 0, 0, 9, 9, 0x27, 0, 0, 9, 9]);
    }

    fn mqtt5_s3_1_2_11_5_topic_alias_maximum_comes_once(broker: &mut Broker) {
        is_protocol_error(broker, &[0x22, 0, 1, 0x22, 0, 1]);
    }

    fn mqtt5_s3_1_2_11_6_request_response_information_is_0_or_1_and_comes_once(broker: &mut Broker) {
        is_protocol_error(broker, &[0x19, 2]);
        is_protocol_error(broker, &[0x19, 1, 0x19, 1]);
    }

    fn mqtt5_s3_1_2_11_7_request_problem_information_is_0_or_1_and_comes_once(broker: &mut Broker) {
        is_protocol_error(broker, &[0x17, 2]);
        is_protocol_error(broker, &[0x17, 1, 0x17, 1]);
    }

    fn mqtt5_s3_1_2_11_10_authentication_data_needs_a_method(broker: &mut Broker) {
        is_protocol_error(broker, &[0x16, 0, 1, b'd']);
    }

    fn mqtt5_3_1_2_24_no_packet_is_larger_than_the_client_takes(broker: &mut Broker) {
        // The size counts the whole packet: fixed header (2), Topic Name (3), Property Length (1), payload (44).
        let mut client = broker.connect(connect5("a").maximum_packet_size(50));
        client.subscribe("t", QoS::AtLeastOnce);
        let mut sender = broker.connect(connect5("sender"));
        sender.publish("t", [b'x'; 45], QoS::AtMostOnce);
        sender.publish("t", [b'x'; 44], QoS::AtMostOnce);
        sender.barrier();
        let bytes = client.receive_raw();
        assert_eq!(bytes.len(), 50);
        // Two bytes more for the Packet Identifier.
        sender.publish("t", [b'y'; 43], QoS::AtLeastOnce);
        sender.publish("t", [b'y'; 42], QoS::AtLeastOnce);
        assert_eq!(client.receive_raw().len(), 50);
        sender.publish_packet(publish("t").property(Property::ContentType(&"c".repeat(50))), QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();
    }

    /// Covers: MQTT-3.1.2-24, MQTT-3.1.2-25
    fn mqtt5_3_1_2_24_retained_messages_keep_to_it_too(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        for (topic, length) in [("t/1", 10), ("t/2", 5_000), ("t/3", 10), ("t/4", 100)] {
            sender.publish_retained(topic, vec![b'x'; length], QoS::AtLeastOnce);
        }
        let mut client = broker.connect(connect5("a").maximum_packet_size(50));
        client.subscribe("t/+", QoS::AtLeastOnce);
        for topic in ["t/1", "t/3"] {
            assert_eq!(client.expect_publish().topic, topic);
        }
        client.expect_nothing();
    }

    /// Covers: MQTT-3.1.2-24
    fn mqtt5_3_1_2_24_an_answer_that_is_too_large_is_not_sent(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").maximum_packet_size(50));
        let filters: Vec<String> = (0..100).map(|number| format!("t/{number}")).collect();
        let mut request = subscribe(1);
        for filter in &filters {
            request = request.filter(filter, QoS::AtMostOnce);
        }
        client.send(&request.packet());
        // A SUBACK has 100 reason codes, whatever the server does.
        while let Some(packet) = client.receive_raw_or_closed() {
            assert!(packet.len() <= 50, "{packet:02x?}");
        }
    }

    /// Covers: MQTT-3.1.2-24
    fn mqtt5_3_1_2_25_a_message_too_large_for_the_client_counts_as_delivered(broker: &mut Broker) {
        let connect = connect5("a").clean_start(false).session_expiry(100);
        let small = connect.clone().maximum_packet_size(50).receive_maximum(1);
        let mut client = broker.connect(small.clone());
        client.subscribe("t", QoS::ExactlyOnce);
        let mut sender = broker.connect(connect5("sender"));
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            // It takes no part of the Receive Maximum.
            sender.publish("t", [b'x'; 100], qos);
            sender.publish("t", "small", qos);
            let message = client.expect_publish();
            assert_eq!(message.payload, b"small");
            client.acknowledge(&message);
        }
        // Nor does it come later, to a connection that could take it.
        client.drop_connection();
        let mut client = broker.connect(connect);
        client.expect_nothing();
        // The same if it waited while the client was away.
        client.drop_connection();
        sender.publish("t", [b'x'; 100], QoS::AtLeastOnce);
        sender.publish("t", "after it", QoS::AtLeastOnce);
        let mut client = broker.connect(small);
        assert_eq!(client.expect_publish().payload, b"after it");
    }

    /// Covers: MQTT-3.3.2-8, MQTT-3.3.2-11
    fn mqtt5_3_1_2_26_no_topic_alias_above_the_maximum_of_the_client(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").property(Property::TopicAliasMaximum(2)));
        client.subscribe("t/#", QoS::AtLeastOnce);
        let mut sender = broker.connect(connect5("sender"));
        let topics = ["t/a", "t/b", "t/c", "t/a", "t/a", "t/b", "t/c", "t/c", "t/d", "t/a", "t/d"];
        for (index, topic) in topics.into_iter().enumerate() {
            let qos = if index % 2 == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
            sender.publish(topic, index.to_string(), qos);
            sender.barrier();
            let message = client.expect_publish();
            // The harness has looked up the alias, and fails if it is unknown.
            assert_eq!((&message.topic[..], message.payload), (topic, index.to_string().into_bytes()));
            if let Some(alias) = message.properties.topic_alias() {
                assert!((1..=2).contains(&alias), "alias {alias}");
            } else {
                assert!(!message.topic_on_the_wire.is_empty());
            }
            if qos == QoS::AtLeastOnce {
                client.send(&puback(message.id).packet());
            }
        }
    }

    /// Covers: s3.1.2.11.5
    fn mqtt5_3_1_2_27_no_topic_alias_to_clients_that_announce_none(broker: &mut Broker) {
        for connect in [connect5("a"), connect5("a").property(Property::TopicAliasMaximum(0))] {
            let mut client = broker.connect(connect);
            client.subscribe("t", QoS::AtMostOnce);
            for _ in 0..5 {
                client.publish("t", "x", QoS::AtMostOnce);
                let message = client.expect_publish();
                assert_eq!(message.topic_on_the_wire, "t");
                assert_eq!(message.properties.topic_alias(), None);
            }
        }
    }
}

statements_with! {
    |setup| { setup.limits.inflight_messages_max = u16::MAX; }

    fn mqtt5_s3_1_2_11_3_without_receive_maximum_it_is_65535(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("t", QoS::AtLeastOnce);
        let mut sender = broker.connect(connect5("sender"));
        for _ in 0..200 {
            sender.publish("t", "x", QoS::AtLeastOnce);
            // None is acknowledged.
            client.expect_publish();
        }
    }
}

statements_with! {
    |setup| { setup.features.response_information = Some("answers/here".into()); }

    fn mqtt5_3_1_2_28_response_information_is_only_for_those_who_ask(broker: &mut Broker) {
        let ask = |ask| connect5("a").property(Property::RequestResponseInformation(ask));
        let (_, connack) = broker.connect_full(connect5("a"));
        assert_eq!(connack.properties.response_information(), None, "absent is 0");
        let (_, connack) = broker.connect_full(ask(false));
        assert_eq!(connack.properties.response_information(), None);
        let (_, connack) = broker.connect_full(ask(true));
        assert_eq!(connack.properties.response_information().as_deref(), Some("answers/here"));
    }
}

statements_with! {
    |setup| { setup.access = true; }

    fn mqtt5_3_1_2_29_no_problem_information_where_it_is_not_wanted(broker: &mut Broker) {
        let quiet = Property::RequestProblemInformation(false);
        let mut client = broker.connect(connect5("a").property(quiet));
        let is_quiet = |packet: OwnedPacket| {
            let properties = match packet {
                OwnedPacket::SubAck(codes) | OwnedPacket::UnsubAck(codes) => codes.properties,
                OwnedPacket::PubAck(ack)
                | OwnedPacket::PubRec(ack)
                | OwnedPacket::PubRel(ack)
                | OwnedPacket::PubComp(ack) => ack.properties,
                OwnedPacket::Auth(auth) => auth.properties,
                packet => panic!("an acknowledgement was expected, but there came {packet:?}"),
            };
            assert_eq!(properties.reason_string(), None);
            assert!(properties.user_properties().is_empty());
        };
        client.send(&subscribe(1).filter("forbidden/a", QoS::AtLeastOnce).packet());
        is_quiet(client.receive());
        client.send(&unsubscribe(2).filter("never/subscribed").packet());
        is_quiet(client.receive());
        client.send(&publish("forbidden/a").qos1(3).packet());
        is_quiet(client.receive());
        client.send(&publish("forbidden/a").qos2(4).packet());
        is_quiet(client.receive());
        client.send(&pubrel(5).packet());
        is_quiet(client.receive());
        client.send(&pubrec(6).packet());
        is_quiet(client.receive());
    }
}

statements_in_memory! {
    fn mqtt5_s3_1_2_11_2_a_session_without_expiry_interval_ends_with_its_connection(broker: &mut Broker) {
        for connect in [connect5("a"), connect5("a").session_expiry(0)] {
            let mut client = broker.connect(connect);
            client.drop_connection();
            let (_, connack) = broker.connect_full(connect5("a").clean_start(false));
            assert!(!connack.session_present);
        }
    }

    fn mqtt5_s3_1_2_11_2_a_session_that_never_expires_stays(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(u32::MAX));
        client.drop_connection();
        // Longer than the largest interval that is one.
        broker.advance(Duration::from_secs(5_000_000_000));
        let (_, connack) = broker.connect_full(connect5("a").clean_start(false));
        assert!(connack.session_present);
    }

    /// Covers: s3.1.2.11.2
    fn mqtt5_3_1_2_23_a_session_lives_as_long_as_its_expiry_interval(broker: &mut Broker) {
        let connect = connect5("a").clean_start(false).session_expiry(10);
        let mut client = broker.connect(connect.clone());
        // The time begins when the connection ends.
        broker.advance(Duration::from_secs(100));
        client.subscribe("t", QoS::AtLeastOnce);
        client.drop_connection();
        broker.advance(Duration::from_millis(9_900));
        let (mut client, connack) = broker.connect_full(connect.clone());
        assert!(connack.session_present);
        client.disconnect();
        broker.advance(Duration::from_millis(10_100));
        let (mut client, connack) = broker.connect_full(connect);
        assert!(!connack.session_present);
        client.publish("t", "nobody is subscribed", QoS::AtLeastOnce);
        client.expect_nothing();
    }
}

statements! {
    /// Covers: MQTT-3.1.2-23
    fn mqtt5_3_1_2_23_a_session_of_one_second_ends_after_it(broker: &mut Broker) {
        let connect = connect5("a").clean_start(false).session_expiry(1);
        broker.connect(connect.clone()).drop_connection();
        let (mut client, connack) = broker.connect_full(connect.clone());
        assert!(connack.session_present);
        client.drop_connection();
        broker.advance(Duration::from_millis(1_400));
        let (_, connack) = broker.connect_full(connect);
        assert!(!connack.session_present);
    }
}
