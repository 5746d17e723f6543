//! Options that the standard leaves open, or that are Mosquitto's ways.

use conformance::extra::texts;
use conformance::prelude::*;
use martlet_engine::ListenerRules;

statements_with! {
    |setup| { setup.limits.inflight_bytes_max = 16; }

    fn no_more_bytes_are_in_flight_than_allowed_but_for_the_last_message(broker: &mut Broker) {
        let mut client = broker.connect(connect5("client"));
        client.subscribe("t", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        for (number, length) in [(1, 8), (2, 8), (3, 100), (4, 1)] {
            publisher.publish("t", vec![number; length], QoS::AtLeastOnce);
        }
        broker.settle();
        let first = client.expect_publish();
        let second = client.expect_publish();
        client.expect_nothing();
        client.acknowledge(&first);
        let third = client.expect_publish();
        assert_eq!(third.payload.len(), 100, "8 bytes are fewer than 16");
        client.acknowledge(&second);
        client.expect_nothing();
        client.acknowledge(&third);
        assert_eq!(client.expect_publish().payload, [4]);
    }
}

statements_with! {
    |setup| { setup.limits.payload_bytes_max = 100; }

    fn a_payload_that_is_too_large_gets_quota_exceeded(broker: &mut Broker) {
        let mut client = broker.connect(connect5("client"));
        client.subscribe("t", QoS::AtMostOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            assert_eq!(publisher.publish("t", [b'x'; 101], qos), ReasonCode::QuotaExceeded);
        }
        publisher.publish("t", [b'x'; 101], QoS::AtMostOnce);
        assert!(!broker.connect(connect311("old")).publish("t", [b'x'; 101], QoS::AtLeastOnce).is_error());
        publisher.publish("t", [b'x'; 100], QoS::AtLeastOnce);
        assert_eq!(client.expect_publish().payload.len(), 100);
        client.expect_nothing();
        let mut refused = broker.open();
        refused.send(&connect5("will").will("t", &[b'x'; 101]).packet());
        refused.expect_refused(ReasonCode::PacketTooLarge);
        broker.connect(connect5("will").will("t", &[b'x'; 100])).drop_connection();
        broker.settle();
        assert_eq!(client.expect_publish().payload.len(), 100);
    }
}

statements_with! {
    |setup| {
        setup.features.queue_qos0 = true;
        setup.limits.queued_messages_max = 3;
    }

    fn messages_of_qos_0_wait_for_a_session_without_a_connection(broker: &mut Broker) {
        for name in ["absent", "away", "gone"] {
            let mut client = broker.connect(connect5(name).session_expiry(100));
            client.subscribe("t", QoS::ExactlyOnce);
            client.disconnect();
            broker.settle();
            let mut publisher = broker.connect(connect5("publisher"));
            publisher.publish("t", "1", QoS::AtMostOnce);
            publisher.publish("t", "2", QoS::AtLeastOnce);
            publisher.publish("t", "3", QoS::AtMostOnce);
            publisher.publish("t", "4", QoS::AtMostOnce);
            publisher.barrier();
            broker.settle();
            let mut client = broker.connect(connect5(name).clean_start(false).session_expiry(100));
            let found = client.take(3);
            assert_eq!(texts(&found), ["1", "2", "3"], "there is room for three");
            let (zero, one) = (QoS::AtMostOnce, QoS::AtLeastOnce);
            assert_eq!(found.iter().map(|publish| publish.qos).collect::<Vec<_>>(), [zero, one, zero]);
            client.expect_nothing();
            publisher.publish("t", "5", QoS::AtMostOnce);
            publisher.barrier();
            broker.settle();
            assert_eq!(texts(&client.take(1)), ["5"]);
            client.unsubscribe("t");
            client.disconnect();
            let mut client = broker.connect(connect5(name).clean_start(false));
            client.expect_nothing();
        }
    }
}

statements_with! {
    |setup| { setup.features.upgrade_outgoing_qos = true; }

    fn messages_go_out_with_the_qos_of_the_subscription(broker: &mut Broker) {
        for name in ["one", "two", "three"] {
            let topic = name;
            let mut absent = broker.connect(connect5("absent").session_expiry(100));
            absent.subscribe(topic, QoS::AtLeastOnce);
            absent.disconnect();
            let mut client = broker.connect(connect5(name));
            client.subscribe(topic, QoS::ExactlyOnce);
            let mut publisher = broker.connect(connect5("publisher"));
            publisher.publish_retained(topic, "0", QoS::AtMostOnce);
            publisher.publish(topic, "1", QoS::AtLeastOnce);
            broker.settle();
            for text in ["0", "1"] {
                let found = client.expect_publish();
                assert_eq!((found.qos, &found.payload[..]), (QoS::ExactlyOnce, text.as_bytes()));
                client.acknowledge(&found);
            }
            let mut late = broker.connect(connect5("late"));
            late.subscribe(topic, QoS::AtLeastOnce);
            let found = late.expect_publish();
            assert_eq!((found.qos, found.retain), (QoS::AtLeastOnce, true));
            let mut absent = broker.connect(connect5("absent").clean_start(false));
            assert_eq!(absent.expect_publish().qos, QoS::AtLeastOnce);
            assert_eq!(absent.expect_publish().qos, QoS::AtLeastOnce);
        }
    }
}

statements_with! {
    |setup| {
        setup.listeners = vec![ListenerRules { mount_point: Some("mount/".into()), ..ListenerRules::default() }];
        setup.limits.topic_levels_max = 3;
    }

    fn clients_see_nothing_of_their_mount_point(broker: &mut Broker) {
        let mut client = broker.connect(connect5("client").property(Property::TopicAliasMaximum(5)));
        assert_eq!(client.subscribe("#", QoS::AtLeastOnce), [ReasonCode::GrantedQos1]);
        let mut member = broker.connect(connect5("member"));
        assert_eq!(member.subscribe("$share/group/a/+", QoS::AtLeastOnce), [ReasonCode::GrantedQos1]);
        assert_eq!(member.subscribe("a/b/c", QoS::AtLeastOnce), [ReasonCode::TopicFilterInvalid], "that is one more");
        let mut publisher = broker.connect(connect5("publisher").will("$SYS/will", b"w"));
        publisher.publish_retained("a/b", "1", QoS::AtLeastOnce);
        publisher.publish("a/b", "2", QoS::AtMostOnce);
        publisher.drop_connection();
        broker.settle();
        let topics = |found: &[OwnedPublish]| found.iter().map(|it| it.topic.clone()).collect::<Vec<_>>();
        assert_eq!(topics(&client.take(3)), ["a/b", "a/b", "$SYS/will"], "the topic begins with mount, not with $");
        assert_eq!(topics(&member.take(2)), ["a/b", "a/b"]);
        let mut late = broker.connect(connect311("late"));
        late.subscribe("a/b", QoS::AtMostOnce);
        let found = late.expect_publish();
        assert_eq!((found.topic.as_str(), found.retain), ("a/b", true));
        assert_eq!(client.unsubscribe("#"), [ReasonCode::Success]);
        assert_eq!(member.unsubscribe("$share/group/a/+"), [ReasonCode::Success]);
        assert_eq!(member.unsubscribe("$share/group/mount/a/+"), [ReasonCode::NoSubscriptionExisted]);
    }
}

statements_with! {
    |setup| {
        setup.features.mosquitto_behaviour = true;
        setup.features.exactly_once_at_release = true;
        setup.features.allow_zero_length_client_identifier = false;
        setup.limits.payload_bytes_max = 100;
        setup.limits.topic_levels_max = 3;
    }

    fn the_answers_are_those_of_mosquitto_where_it_is_asked_for(broker: &mut Broker) {
        let mut nameless = broker.open();
        nameless.handshake_refused(&connect5(""), ReasonCode::UnspecifiedError);
        let mut client = broker.connect(connect5("client"));
        client.send(&publish("t").payload(&[b'x'; 101]).qos1(5).packet());
        assert_eq!(client.receive_raw(), [0x40, 3, 0, 5, 0x95], "which the standard does not have");
        client.send(&publish("t").payload(&[b'x'; 101]).qos2(6).packet());
        assert_eq!(client.receive_raw(), [0x50, 3, 0, 6, 0x95]);
        client.send(&pubrel(7).packet());
        assert_eq!(client.expect_pubcomp(7).reason, ReasonCode::Success);
        client.send(&publish("a/b/c/d").qos1(1).packet());
        client.expect_disconnect(ReasonCode::MalformedPacket);
        let mut client = broker.connect(connect5("client"));
        assert_eq!(client.subscribe("a/b/c", QoS::AtMostOnce), [ReasonCode::GRANTED_QOS_0]);
        client.send(&subscribe(1).filter("a/b/c/d", QoS::AtMostOnce).packet());
        client.expect_disconnect(ReasonCode::MalformedPacket);
    }

    fn another_message_under_the_identifier_of_one_that_waits_for_pubrel_takes_its_place(broker: &mut Broker) {
        let mut client = broker.connect(connect5("client"));
        client.subscribe("#", QoS::AtMostOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        for topic in ["t", "u", "u"] {
            publisher.send(&publish(topic).payload(b"m").qos2(7).packet());
            publisher.expect_pubrec(7);
        }
        publisher.send(&pubrel(7).packet());
        publisher.expect_pubcomp(7);
        assert_eq!(client.expect_publish().topic, "u");
        client.expect_nothing();
    }

    fn a_client_that_takes_over_its_own_session_does_not_cause_its_will(broker: &mut Broker) {
        let mut watcher = broker.connect(connect5("watcher"));
        watcher.subscribe("will", QoS::AtMostOnce);
        let will = || connect5("client").session_expiry(100).will("will", b"w");
        let mut first = broker.connect(will());
        let mut second = broker.connect(will().clean_start(false));
        first.expect_disconnect(ReasonCode::SessionTakenOver);
        watcher.expect_nothing();
        let _third = broker.connect(connect5("client"));
        second.expect_disconnect(ReasonCode::SessionTakenOver);
        broker.settle();
        watcher.expect_publish();
    }
}

statements_with! {
    |setup| { setup.features.maximum_qos = QoS::AtLeastOnce; }

    fn identifiers_of_messages_that_are_not_sent_are_passed_over(broker: &mut Broker) {
        let mut client = broker.connect(connect5("client").maximum_packet_size(40));
        client.subscribe("t", QoS::AtLeastOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        publisher.publish("t", [b'x'; 40], QoS::AtLeastOnce);
        publisher.publish("t", "small", QoS::AtLeastOnce);
        broker.settle();
        let found = client.expect_publish();
        assert_eq!((found.id, &found.payload[..]), (2, &b"small"[..]));
    }
}
