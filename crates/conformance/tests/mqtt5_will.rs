//! MQTT 5.0, section 3.1: the Will.

use conformance::prelude::*;

/// A client that gets every Will of these tests.
fn observer(broker: &mut Broker) -> Client {
    let mut observer = broker.connect(connect5("observer"));
    observer.subscribe("gone/#", QoS::ExactlyOnce);
    observer
}

/// Expects no Will, from all shards.
fn expect_no_will(broker: &mut Broker, observer: &mut Client) {
    broker.settle();
    observer.expect_nothing();
}

statements! {
    fn mqtt5_3_1_2_7_the_will_is_published_when_the_network_fails(broker: &mut Broker) {
        let mut observer = observer(broker);
        for id in ["a", "b", "c", "d"] {
            let mut client = broker.connect(connect5(id).will("gone/1", id.as_bytes()));
            client.barrier();
            expect_no_will(broker, &mut observer);
            client.drop_connection();
            let will = observer.expect_publish();
            assert_eq!((&will.topic[..], &will.payload[..]), ("gone/1", id.as_bytes()));
            assert_eq!((will.qos, will.retain), (QoS::AtMostOnce, false));
        }
    }

    fn mqtt5_3_1_2_8_the_will_is_published_when_the_server_ends_the_connection(broker: &mut Broker) {
        let mut observer = observer(broker);
        let mut client = broker.connect(connect5("a").will("gone/1", b"error"));
        client.send_bytes(b"\x36\0");
        client.expect_ended();
        assert_eq!(observer.expect_publish().payload, b"error");
    }

    fn mqtt5_3_1_2_8_the_will_is_published_on_disconnect_with_will(broker: &mut Broker) {
        let mut observer = observer(broker);
        for reason in [ReasonCode::DisconnectWithWillMessage, ReasonCode::UnspecifiedError] {
            let mut client = broker.connect(connect5("a").will("gone/1", b"wanted"));
            client.send(&disconnect(reason).packet());
            client.expect_closed();
            assert_eq!(observer.expect_publish().payload, b"wanted", "{reason}");
        }
        expect_no_will(broker, &mut observer);
    }

    /// Covers: MQTT-3.1.2-10
    fn mqtt5_3_1_2_8_disconnect_of_reason_0_removes_the_will(broker: &mut Broker) {
        let mut observer = observer(broker);
        let kept = connect5("a").clean_start(false).session_expiry(100);
        for connect in [connect5("a"), kept.clone()] {
            let mut client = broker.connect(connect.will("gone/1", b"removed"));
            client.disconnect();
            expect_no_will(broker, &mut observer);
        }
        // It does not come back with the Session.
        let mut client = broker.connect(kept);
        client.drop_connection();
        expect_no_will(broker, &mut observer);
    }

    fn mqtt5_3_1_2_10_a_published_will_is_removed_from_the_session(broker: &mut Broker) {
        let mut observer = observer(broker);
        let kept = connect5("a").clean_start(false).session_expiry(100);
        broker.connect(kept.clone().will("gone/1", b"once")).drop_connection();
        assert_eq!(observer.expect_publish().payload, b"once");
        let (mut client, connack) = broker.connect_full(kept);
        assert!(connack.session_present);
        client.drop_connection();
        expect_no_will(broker, &mut observer);
    }

    fn mqtt5_3_1_2_14_without_will_retain_nothing_is_retained(broker: &mut Broker) {
        let mut observer = observer(broker);
        broker.connect(connect5("a").will("gone/1", b"x").will_qos(QoS::AtLeastOnce)).drop_connection();
        let will = observer.expect_publish();
        assert!(!will.retain);
        observer.acknowledge(&will);
        let mut late = broker.connect(connect5("late"));
        late.subscribe("gone/#", QoS::AtMostOnce);
        late.expect_nothing();
    }

    fn mqtt5_3_1_2_15_with_will_retain_the_will_is_retained(broker: &mut Broker) {
        let mut observer = broker.connect(connect5("observer"));
        let as_published = SubscriptionOptions { retain_as_published: true, ..options(QoS::ExactlyOnce) };
        observer.subscribe("gone/#", as_published);
        let connect = connect5("a").will("gone/1", b"x").will_qos(QoS::ExactlyOnce).will_retain(true);
        broker.connect(connect).drop_connection();
        let will = observer.expect_publish();
        assert_eq!((will.qos, will.retain), (QoS::ExactlyOnce, true));
        let mut late = broker.connect(connect5("late"));
        late.subscribe("gone/#", QoS::ExactlyOnce);
        let will = late.expect_publish();
        assert_eq!((will.qos, will.retain, &will.payload[..]), (QoS::ExactlyOnce, true, &b"x"[..]));
        // An empty one deletes it.
        broker.connect(connect5("a").will("gone/1", b"").will_retain(true)).drop_connection();
        assert!(observer.receive() != OwnedPacket::PingResp);
        let mut later = broker.connect(connect5("later"));
        later.subscribe("gone/#", QoS::ExactlyOnce);
        later.expect_nothing();
    }

    /// Covers: MQTT-3.1.2-7, MQTT-3.3.2-4, MQTT-3.3.2-15, MQTT-3.3.2-16, MQTT-3.3.2-20
    fn mqtt5_3_1_3_10_the_properties_of_a_will_are_published_with_it(broker: &mut Broker) {
        let mut observer = observer(broker);
        let connect = connect5("a")
            .will("gone/1", b"x")
            .will_property(Property::UserProperty("z", "1"))
            .will_property(Property::PayloadFormatIndicator(true))
            .will_property(Property::UserProperty("a", "2"))
            .will_property(Property::ContentType("type"))
            .will_property(Property::ResponseTopic(topic_name("answer")))
            .will_property(Property::CorrelationData(b"\0\xff"))
            .will_property(Property::UserProperty("z", "1"))
            .will_property(Property::UserProperty("m", "3"));
        broker.connect(connect).drop_connection();
        let will = observer.expect_publish().properties;
        assert_eq!(will.user_properties(), [("z", "1"), ("a", "2"), ("z", "1"), ("m", "3")]);
        assert_eq!(will.payload_format_indicator(), Some(true));
        assert_eq!(will.content_type().as_deref(), Some("type"));
        assert_eq!(will.response_topic().as_deref(), Some("answer"));
        assert_eq!(will.correlation_data().as_deref(), Some(&b"\0\xff"[..]));
        assert_eq!(will.len(), 8, "no more than these: {will:?}");
    }

    fn mqtt5_3_1_3_9_a_reconnect_within_the_will_delay_suppresses_the_will(broker: &mut Broker) {
        let mut observer = observer(broker);
        let kept = connect5("a").clean_start(false).session_expiry(100);
        let connect = kept.clone().will("gone/1", b"late").will_delay(1);
        broker.connect(connect).drop_connection();
        let mut client = broker.connect(kept);
        broker.advance(Duration::from_millis(1_500));
        client.barrier();
        expect_no_will(broker, &mut observer);
    }

    /// Covers: s3.1.3.2.2
    fn mqtt5_3_1_2_8_the_will_goes_out_after_its_delay(broker: &mut Broker) {
        let mut observer = observer(broker);
        let connect = connect5("a").session_expiry(100).will("gone/1", b"late").will_delay(1);
        broker.connect(connect).drop_connection();
        expect_no_will(broker, &mut observer);
        broker.advance(Duration::from_millis(1_300));
        assert_eq!(observer.expect_publish().payload, b"late");
    }

    /// Covers: MQTT-3.1.2-8
    fn mqtt5_s3_1_3_2_2_the_will_goes_out_when_the_session_ends_before_the_delay(broker: &mut Broker) {
        let mut observer = observer(broker);
        // The Session ends with the connection.
        broker.connect(connect5("a").will("gone/1", b"at once").will_delay(100)).drop_connection();
        assert_eq!(observer.expect_publish().payload, b"at once");
        // The Session ends after a second.
        let connect = connect5("b").session_expiry(1).will("gone/1", b"in a second").will_delay(100);
        broker.connect(connect).drop_connection();
        expect_no_will(broker, &mut observer);
        broker.advance(Duration::from_millis(1_300));
        assert_eq!(observer.expect_publish().payload, b"in a second");
        // The Session ends by Clean Start.
        let connect = connect5("c").session_expiry(100).will("gone/1", b"clean start").will_delay(100);
        broker.connect(connect).drop_connection();
        expect_no_will(broker, &mut observer);
        let _client = broker.connect(connect5("c"));
        assert_eq!(observer.expect_publish().payload, b"clean start");
    }

    fn mqtt5_s3_1_4_a_takeover_sends_the_will_of_the_older_connection(broker: &mut Broker) {
        let mut observer = observer(broker);
        // Without a delay, with and without Clean Start.
        for (index, clean_start) in [true, false].into_iter().enumerate() {
            let payload = index.to_string();
            let connect = connect5("a").session_expiry(100).will("gone/1", payload.as_bytes());
            let mut older = broker.connect(connect);
            let mut newer = broker.connect(connect5("a").clean_start(clean_start).session_expiry(100));
            older.expect_disconnect(ReasonCode::SessionTakenOver);
            assert_eq!(observer.expect_publish().payload, payload.as_bytes());
            newer.disconnect();
        }
        // With a delay and Clean Start 1: the Session has ended.
        let connect = connect5("a").session_expiry(100).will("gone/1", b"ended").will_delay(100);
        let mut older = broker.connect(connect.clone());
        let mut newer = broker.connect(connect5("a"));
        older.expect_disconnect(ReasonCode::SessionTakenOver);
        assert_eq!(observer.expect_publish().payload, b"ended");
        newer.disconnect();
        // With a delay and Clean Start 0: the Session goes on.
        let mut older = broker.connect(connect);
        let mut newer = broker.connect(connect5("a").clean_start(false).session_expiry(100));
        older.expect_disconnect(ReasonCode::SessionTakenOver);
        newer.barrier();
        expect_no_will(broker, &mut observer);
    }
}

statements_in_memory! {
    /// Covers: MQTT-3.1.2-8, s3.1.3.2.2
    fn mqtt5_3_1_2_8_whichever_is_first_delay_or_end_of_session(broker: &mut Broker) {
        let mut observer = observer(broker);
        for (delay, expiry) in [(10, 100), (100, 10), (10, 10), (3_600, 86_400), (u32::MAX, 60), (60, u32::MAX)] {
            let connect = connect5("a").session_expiry(expiry).will("gone/1", b"x").will_delay(delay);
            broker.connect(connect).drop_connection();
            let before = Duration::from_secs(u64::from(delay.min(expiry)) - 1);
            broker.advance(before + Duration::from_millis(900));
            expect_no_will(broker, &mut observer);
            broker.advance(Duration::from_millis(200));
            observer.expect_publish();
            broker.advance(Duration::from_secs(100_000));
            expect_no_will(broker, &mut observer);
        }
    }

    fn mqtt5_3_1_3_9_a_suppressed_will_does_not_come_with_a_later_connection(broker: &mut Broker) {
        let mut observer = observer(broker);
        let kept = connect5("a").clean_start(false).session_expiry(1_000);
        broker.connect(kept.clone().will("gone/1", b"x").will_delay(10)).drop_connection();
        broker.connect(kept).drop_connection();
        broker.advance(Duration::from_secs(100));
        expect_no_will(broker, &mut observer);
    }

    /// Covers: MQTT-3.1.3-9
    fn mqtt5_3_1_3_9_a_will_delay_begins_anew_with_each_connection(broker: &mut Broker) {
        let mut observer = observer(broker);
        let connect = connect5("a").clean_start(false).session_expiry(100).will("gone/1", b"x").will_delay(10);
        for _ in 0..5 {
            broker.connect(connect.clone()).drop_connection();
            broker.advance(Duration::from_secs(9));
            expect_no_will(broker, &mut observer);
        }
        broker.advance(Duration::from_secs(2));
        observer.expect_publish();
        broker.advance(Duration::from_secs(1_000));
        expect_no_will(broker, &mut observer);
    }

    fn mqtt5_s3_1_3_2_4_the_expiry_of_a_will_begins_when_it_is_published(broker: &mut Broker) {
        let connect = connect5("a")
            .session_expiry(1_000)
            .will("gone/1", b"x")
            .will_qos(QoS::AtLeastOnce)
            .will_delay(60)
            .will_property(Property::MessageExpiryInterval(30));
        let away = connect5("away").clean_start(false).session_expiry(1_000);
        let mut reader = broker.connect(away.clone());
        reader.subscribe("gone/#", QoS::AtLeastOnce);
        let mut observer = observer(broker);
        broker.connect(connect.clone()).drop_connection();
        reader.drop_connection();
        broker.advance(Duration::from_secs(61));
        let will = observer.expect_publish();
        assert!(matches!(will.properties.message_expiry_interval(), Some(29 | 30)));
        observer.acknowledge(&will);
        broker.advance(Duration::from_secs(20));
        let mut reader = broker.connect(away);
        let will = reader.expect_publish();
        assert!(matches!(will.properties.message_expiry_interval(), Some(9 | 10)), "{will:?}");
    }
}
