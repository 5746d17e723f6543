//! MQTT 3.1.1, the Will of sections 3.1.2.5 to 3.1.2.7.

use conformance::prelude::*;

/// A client that hears the Wills of all others.
fn watcher(broker: &mut Broker) -> Client {
    let mut watcher = broker.connect(connect311("watcher"));
    watcher.subscribe("will/#", QoS::ExactlyOnce);
    watcher
}

statements! {
    fn mqtt311_3_1_2_8_a_network_failure_publishes_the_will(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        let mut client = broker.connect(connect311("a").will("will/a", b"gone"));
        broker.settle();
        watcher.expect_nothing();
        client.drop_connection();
        let will = watcher.expect_publish();
        assert_eq!((&*will.topic, &*will.payload, will.qos), ("will/a", b"gone".as_slice(), QoS::AtMostOnce));
    }

    fn mqtt311_3_1_2_8_the_will_has_its_qos(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            broker.connect(connect311("a").will("will/a", b"gone").will_qos(qos)).drop_connection();
            let will = watcher.expect_publish();
            assert_eq!(will.qos, qos);
            watcher.acknowledge(&will);
        }
    }

    fn mqtt311_3_1_2_8_a_protocol_violation_publishes_the_will(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        let mut client = broker.connect(connect311("a").will("will/a", b"gone"));
        client.send_bytes(&[0xc1, 0]);
        client.expect_closed();
        assert_eq!(watcher.expect_publish().payload, b"gone");
    }

    fn mqtt311_3_1_2_8_a_keep_alive_that_runs_out_publishes_the_will(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        let mut client = broker.connect(connect311("a").keep_alive(1).will("will/a", b"gone"));
        broker.advance(Duration::from_secs(2));
        client.expect_closed();
        assert_eq!(watcher.expect_publish().payload, b"gone");
    }

    /// Covers: MQTT311-3.1.2-8, MQTT311-3.1.4-2
    fn mqtt311_3_1_2_8_a_takeover_publishes_the_will(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        let mut old = broker.connect(connect311("a").will("will/a", b"old"));
        let mut new = broker.connect(connect311("a").will("will/a", b"new"));
        old.expect_closed();
        assert_eq!(watcher.expect_publish().payload, b"old");
        new.drop_connection();
        assert_eq!(watcher.expect_publish().payload, b"new");
    }

    fn mqtt311_3_1_2_8_a_will_waits_for_offline_sessions(broker: &mut Broker) {
        let connect = connect311("sleeper").clean_start(false);
        let mut sleeper = broker.connect(connect.clone());
        sleeper.subscribe("will/#", QoS::AtLeastOnce);
        sleeper.disconnect();
        let mut client = broker.connect(connect311("a").will("will/a", b"gone").will_qos(QoS::AtLeastOnce));
        client.drop_connection();
        broker.settle();
        assert_eq!(broker.connect(connect).expect_publish().payload, b"gone");
    }

    fn mqtt311_3_1_2_8_a_will_may_be_empty(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        broker.connect(connect311("a").will("will/a", b"")).drop_connection();
        assert_eq!(watcher.expect_publish().payload, b"");
    }

    fn mqtt311_3_1_2_10_a_will_is_published_once(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        for clean_session in [true, false] {
            let connect = connect311("a").clean_start(clean_session);
            broker.connect(connect.clone().will("will/a", b"gone")).drop_connection();
            assert_eq!(watcher.expect_publish().payload, b"gone");
            // The Session, if it lives on, has the Will no more.
            broker.connect(connect).drop_connection();
            broker.settle();
            watcher.expect_nothing();
        }
    }

    /// Covers: MQTT311-3.1.2-8, MQTT311-3.1.2-10, MQTT311-3.14.4-3
    fn mqtt311_3_1_2_10_disconnect_deletes_the_will(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        for clean_session in [true, false] {
            let connect = connect311("a").clean_start(clean_session);
            broker.connect(connect.clone().will("will/a", b"gone")).disconnect();
            broker.connect(connect).drop_connection();
            broker.settle();
            watcher.expect_nothing();
        }
    }

    fn mqtt311_3_1_2_12_without_a_will_nothing_is_published(broker: &mut Broker) {
        let mut everything = broker.connect(connect311("everything"));
        everything.subscribe("#", QoS::ExactlyOnce);
        broker.connect(connect311("a")).drop_connection();
        broker
            .connect(connect311("a").clean_start(false).user("user").password(b"password"))
            .drop_connection();
        broker.settle();
        everything.expect_nothing();
    }

    fn mqtt311_3_1_2_16_a_will_without_retain_is_not_retained(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        broker.connect(connect311("a").will("will/a", b"gone")).drop_connection();
        assert!(!watcher.expect_publish().retain);
        let mut late = broker.connect(connect311("late"));
        late.subscribe("will/#", QoS::ExactlyOnce);
        late.expect_nothing();
    }

    fn mqtt311_3_1_2_17_a_will_with_retain_is_retained(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        let will = connect311("a").will("will/a", b"gone").will_qos(QoS::AtLeastOnce).will_retain(true);
        broker.connect(will).drop_connection();
        assert!(!watcher.expect_publish().retain, "to an existing subscription");
        let mut late = broker.connect(connect311("late"));
        late.subscribe("will/#", QoS::ExactlyOnce);
        let will = late.expect_publish();
        assert_eq!(
            (&*will.topic, &*will.payload, will.qos),
            ("will/a", b"gone".as_slice(), QoS::AtLeastOnce)
        );
        assert!(will.retain);
    }
}

statements_in_memory! {
    /// Covers: MQTT311-3.1.2-8, MQTT311-3.1.2-24
    fn mqtt311_3_1_2_24_the_end_by_keep_alive_is_a_network_failure(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        let _silent = broker.connect(connect311("a").keep_alive(100).will("will/a", b"gone"));
        broker.advance(Duration::from_secs(149));
        watcher.expect_nothing();
        broker.advance(Duration::from_secs(3));
        assert_eq!(watcher.expect_publish().payload, b"gone");
    }
}

statements_with! {
    |setup| { setup.access = true; }

    /// A Will of a client that was not let in is nobody's Will.
    fn mqtt311_3_1_2_8_the_will_of_a_refused_connect_is_not_published(broker: &mut Broker) {
        let mut watcher = watcher(broker);
        let mut client = broker.open();
        client.send(&connect311("a").user("nobody").will("will/a", b"gone").packet());
        client.expect_refused(ReasonCode::NotAuthorized);
        broker.settle();
        watcher.expect_nothing();
    }
}
