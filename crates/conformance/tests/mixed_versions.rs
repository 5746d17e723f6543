//! Clients of different versions talk to each other: what 3.1.1 cannot say is left out, the rest stays.

use conformance::prelude::*;

/// The three levels.
const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// Properties of a PUBLISH that are passed on.
fn properties() -> [Property<'static>; 6] {
    [
        Property::PayloadFormatIndicator(true),
        Property::ContentType("text/plain"),
        Property::ResponseTopic(topic_name("answer")),
        Property::CorrelationData(b"\x01\x02"),
        Property::UserProperty("name", "one"),
        Property::UserProperty("name", "two"),
    ]
}

statements! {
    fn a_message_of_5_with_properties_reaches_3_1_1_without_them(broker: &mut Broker) {
        let mut old = broker.connect(connect311("old"));
        let mut older = broker.connect(connect31("older"));
        let mut new = broker.connect(connect5("new"));
        for client in [&mut old, &mut older, &mut new] {
            client.subscribe("t", QoS::AtMostOnce);
        }
        let mut publisher = broker.connect(connect5("publisher"));
        for qos in EVERY_QOS {
            let mut message = publish("t").payload(b"m");
            for property in properties() {
                message = message.property(property);
            }
            publisher.publish_packet(message.property(Property::MessageExpiryInterval(60)), qos);
            assert_eq!(old.receive_raw(), b"\x30\x04\x00\x01tm");
            assert_eq!(older.receive_raw(), b"\x30\x04\x00\x01tm");
            let whole = new.expect_publish();
            let expected: Vec<OwnedProperty> = properties().into_iter().map(Into::into).collect();
            for property in expected {
                assert!(whole.properties.contains(&property), "{property:?} of {whole:?}");
            }
        }
    }

    fn a_retained_message_of_5_reaches_3_1_1_without_properties(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        let message = publish("t").payload(b"m").retain().property(Property::ContentType("text/plain"));
        publisher.publish_packet(message, QoS::AtLeastOnce);
        let mut old = broker.connect(connect311("old"));
        old.send(&subscribe(1).filter("t", QoS::AtMostOnce).packet());
        old.expect_suback();
        assert_eq!(old.receive_raw(), b"\x31\x04\x00\x01tm");
    }

    fn a_topic_alias_of_5_is_a_topic_name_in_3_1_1(broker: &mut Broker) {
        let mut old = broker.connect(connect311("old"));
        old.subscribe("long/topic", QoS::AtMostOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        let alias = Property::TopicAlias(1);
        publisher.publish_packet(publish("long/topic").property(alias).payload(b"1"), QoS::AtLeastOnce);
        publisher.publish_packet(publish("").property(alias).payload(b"2"), QoS::AtLeastOnce);
        for payload in [b"1", b"2"] {
            let message = old.expect_publish();
            assert_eq!((&*message.topic, &*message.payload), ("long/topic", payload.as_slice()));
        }
    }

    fn a_message_of_3_1_1_reaches_5_without_properties(broker: &mut Broker) {
        let mut new = broker.connect(connect5("new"));
        new.subscribe("t", QoS::ExactlyOnce);
        for connect in [connect311("publisher"), connect31("publisher")] {
            let mut publisher = broker.connect(connect);
            for qos in EVERY_QOS {
                publisher.publish("t", "m", qos);
                let message = new.expect_publish();
                assert_eq!((&*message.topic, &*message.payload, message.qos), ("t", b"m".as_slice(), qos));
                assert!(message.properties.is_empty(), "{message:?}");
                new.acknowledge(&message);
            }
        }
    }

    fn a_will_goes_between_the_versions(broker: &mut Broker) {
        let mut old = broker.connect(connect311("old"));
        let mut new = broker.connect(connect5("new"));
        old.subscribe("will", QoS::AtLeastOnce);
        new.subscribe("will", QoS::AtLeastOnce);
        let from_5 = connect5("a").will("will", b"5").will_property(Property::ContentType("text/plain"));
        broker.connect(from_5).drop_connection();
        assert_eq!(old.receive_raw(), b"\x30\x07\x00\x04will5");
        let whole = new.expect_publish();
        assert_eq!(whole.properties.content_type().as_deref(), Some("text/plain"));
        broker.connect(connect311("a").will("will", b"3")).drop_connection();
        assert_eq!(old.receive_raw(), b"\x30\x07\x00\x04will3");
        assert_eq!(new.expect_publish().payload, b"3");
    }

    /// What the subscriber asked for holds, whoever publishes.
    fn options_of_5_hold_for_messages_of_3_1_1(broker: &mut Broker) {
        let mut new = broker.connect(connect5("new"));
        let options = SubscriptionOptions { retain_as_published: true, ..options(QoS::AtMostOnce) };
        new.subscribe("t", options);
        let mut old = broker.connect(connect311("old"));
        old.subscribe("t", QoS::AtMostOnce);
        old.publish_retained("t", "m", QoS::AtLeastOnce);
        assert!(new.expect_publish().retain);
        assert!(!old.expect_publish().retain);
    }

    fn a_shared_subscription_takes_members_of_any_version(broker: &mut Broker) {
        let mut members = [
            broker.connect(connect311("one")),
            broker.connect(connect5("two")),
            broker.connect(connect31("three")),
        ];
        for member in &mut members {
            assert_eq!(member.subscribe("$share/group/t", QoS::AtLeastOnce), [ReasonCode::GrantedQos1]);
        }
        let mut publisher = broker.connect(connect311("publisher"));
        for number in 0..30 {
            publisher.publish("t", [number], QoS::AtLeastOnce);
        }
        broker.settle();
        let mut numbers = Vec::new();
        for member in &mut members {
            for packet in member.drain() {
                let OwnedPacket::Publish(message) = packet else { panic!("not expected: {packet:?}") };
                numbers.extend(message.payload);
            }
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (0..30).collect::<Vec<u8>>(), "each message goes to one member");
    }

    /// A client that comes back with another version finds its Session, and what waits in it.
    fn a_session_is_taken_over_by_another_version(broker: &mut Broker) {
        let mut old = broker.connect(connect311("a").clean_start(false));
        old.subscribe("t", QoS::AtLeastOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        let message = || publish("t").property(Property::ContentType("text/plain"));
        publisher.publish_packet(message().payload(b"one"), QoS::AtLeastOnce);
        let one = old.expect_publish();

        let (mut new, connack) = broker.connect_full(connect5("a").clean_start(false).session_expiry(1_000));
        assert!(connack.session_present);
        old.expect_closed();
        let again = new.expect_publish();
        assert_eq!((again.id, again.dup), (one.id, true));
        assert_eq!(again.properties.content_type().as_deref(), Some("text/plain"));
        new.disconnect();
        publisher.publish_packet(message().payload(b"two"), QoS::AtLeastOnce);
        broker.settle();

        let (mut old, connack) = broker.connect_full(connect311("a").clean_start(false));
        assert!(connack.session_present);
        let [high, low] = one.id.to_be_bytes();
        let bytes = [&b"\x3a\x08\x00\x01t"[..], &[high, low], b"one"].concat();
        assert_eq!(old.receive_raw(), bytes);
        assert_eq!(old.expect_publish().payload, b"two");
    }

    /// A taken-over client of 5 is told, one of 3.1.1 just loses its connection.
    fn a_takeover_speaks_the_version_of_the_older_connection(broker: &mut Broker) {
        let mut first = broker.connect(connect5("a"));
        let mut second = broker.connect(connect311("a"));
        first.expect_disconnect(ReasonCode::SessionTakenOver);
        let mut third = broker.connect(connect5("a"));
        second.expect_closed();
        third.barrier();
    }
}

statements_in_memory! {
    fn a_message_of_5_that_expires_reaches_no_offline_client_of_3_1_1(broker: &mut Broker) {
        let connect = connect311("sleeper").clean_start(false);
        let mut sleeper = broker.connect(connect.clone());
        sleeper.subscribe("t", QoS::AtLeastOnce);
        sleeper.disconnect();
        let mut publisher = broker.connect(connect5("publisher"));
        let expiring = publish("t").payload(b"short").property(Property::MessageExpiryInterval(10));
        publisher.publish_packet(expiring, QoS::AtLeastOnce);
        publisher.publish("t", "long", QoS::AtLeastOnce);
        broker.advance(Duration::from_secs(11));
        let mut sleeper = broker.connect(connect);
        assert_eq!(sleeper.expect_publish().payload, b"long");
        sleeper.expect_nothing();
    }

    fn a_session_of_5_that_expired_is_not_found_by_3_1_1(broker: &mut Broker) {
        broker.connect(connect5("a").session_expiry(10)).disconnect();
        broker.advance(Duration::from_secs(11));
        let (_client, connack) = broker.connect_full(connect311("a").clean_start(false));
        assert!(!connack.session_present);
    }

    /// Clean Session 0 means a Session without end; 5 may give it one.
    fn a_session_of_3_1_1_lives_as_long_as_its_last_connect_says(broker: &mut Broker) {
        broker.connect(connect311("a").clean_start(false)).disconnect();
        broker.connect(connect5("a").clean_start(false).session_expiry(10)).disconnect();
        broker.advance(Duration::from_secs(11));
        let (_client, connack) = broker.connect_full(connect311("a").clean_start(false));
        assert!(!connack.session_present);
    }
}
