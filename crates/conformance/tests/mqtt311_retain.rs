//! MQTT 3.1.1, section 3.3.1.3: the RETAIN flag.

use conformance::prelude::*;

/// What a new subscription brings at once: topics, payloads and RETAIN, sorted by topic.
fn retained(broker: &mut Broker, filter: &str) -> Vec<(String, String)> {
    let mut late = broker.connect(connect311("late"));
    late.subscribe(filter, QoS::ExactlyOnce);
    let mut messages: Vec<_> = late
        .drain()
        .into_iter()
        .map(|packet| match packet {
            OwnedPacket::Publish(message) => {
                assert!(message.retain, "sent because of a new subscription: {message:?}");
                (message.topic, String::from_utf8(message.payload).expect("these tests publish text"))
            }
            other => panic!("only retained messages were expected, but there came {other:?}"),
        })
        .collect();
    late.disconnect();
    messages.sort();
    messages
}

/// Pairs as `retained` gives them.
fn pairs(texts: &[(&str, &str)]) -> Vec<(String, String)> {
    texts.iter().map(|(topic, payload)| ((*topic).into(), (*payload).into())).collect()
}

statements! {
    fn mqtt311_3_3_1_5_a_retained_message_is_kept_with_its_qos(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            publisher.publish_retained("t", [qos as u8], qos);
            publisher.barrier();
            let mut late = broker.connect(connect311("late"));
            late.subscribe("t", QoS::ExactlyOnce);
            let message = late.expect_publish();
            assert_eq!((message.qos, message.payload, message.retain), (qos, vec![qos as u8], true));
            late.subscribe("t", QoS::AtMostOnce);
            assert_eq!(late.expect_publish().qos, QoS::AtMostOnce, "not above what was granted");
        }
    }

    fn mqtt311_3_3_1_5_a_message_is_retained_also_if_nobody_subscribes_yet(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish_retained("t", "m", QoS::AtLeastOnce);
        publisher.disconnect();
        assert_eq!(retained(broker, "t"), pairs(&[("t", "m")]));
        assert_eq!(retained(broker, "t"), pairs(&[("t", "m")]), "as often as one subscribes");
    }

    fn mqtt311_3_3_1_6_a_new_subscription_gets_the_last_message_of_each_topic(broker: &mut Broker) {
        for id in ["publisher one", "publisher two", "publisher three"] {
            let mut publisher = broker.connect(connect311(id));
            for topic in ["a", "a/b", "a/b/c", "a/x", "b", "$a/b"] {
                publisher.publish_retained(topic, id, QoS::AtLeastOnce);
            }
        }
        let last = "publisher three";
        assert_eq!(retained(broker, "a/b"), pairs(&[("a/b", last)]));
        assert_eq!(retained(broker, "a/+"), pairs(&[("a/b", last), ("a/x", last)]));
        assert_eq!(retained(broker, "a/b/#"), pairs(&[("a/b", last), ("a/b/c", last)]));
        assert_eq!(retained(broker, "+"), pairs(&[("a", last), ("b", last)]));
        assert_eq!(retained(broker, "+/b/#"), pairs(&[("a/b", last), ("a/b/c", last)]));
        assert_eq!(retained(broker, "$a/#"), pairs(&[("$a/b", last)]));
        assert_eq!(retained(broker, "c/#"), pairs(&[]));
    }

    /// Also if there are more of them than may be in flight, and the connection ends in the middle.
    fn mqtt311_3_3_1_6_a_new_subscription_gets_however_many_there_are(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        let topics: Vec<String> = (10..90).map(|number| format!("t/{number}")).collect();
        for topic in &topics {
            publisher.publish_retained(topic, "m", QoS::AtLeastOnce);
        }
        let connect = connect311("late").clean_start(false);
        let mut late = broker.connect(connect.clone());
        late.subscribe("t/+", QoS::AtLeastOnce);
        let mut seen: Vec<String> = late.take(30).into_iter().map(|message| message.topic).collect();
        late.expect_publish();
        late.drop_connection();

        let mut late = broker.connect(connect);
        for message in late.take(50) {
            assert!(message.retain, "{message:?}");
            seen.push(message.topic);
        }
        late.expect_nothing();
        seen.sort();
        assert_eq!(seen, topics);
    }

    fn mqtt311_3_3_1_7_a_retained_message_of_qos_0_discards_the_older_one(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtMostOnce] {
            publisher.publish_retained("t", "old", qos);
            publisher.publish_retained("t", "new", QoS::AtMostOnce);
            publisher.barrier();
            broker.settle();
            assert_eq!(retained(broker, "t"), pairs(&[("t", "new")]));
        }
    }

    /// The last one counts, also if it comes before the one of QoS 1 or 2 was acknowledged.
    ///
    /// Covers: MQTT311-3.3.1-5, MQTT311-3.3.1-7, MQTT311-3.3.1-10
    fn mqtt311_3_3_1_7_the_last_of_unacknowledged_publishes_is_retained(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        let every = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        let mut id = 0;
        for first in every {
            for last in every {
                id += 2;
                let mut bytes = Vec::new();
                for (topic, payload) in [("replaced", "new"), ("removed", "")] {
                    let old = publish(topic).payload(b"old").retain().qos(first, id);
                    let new = publish(topic).payload(payload.as_bytes()).retain().qos(last, id + 1);
                    bytes.extend(raw::encode(ProtocolVersion::Mqtt311, &old.packet()));
                    bytes.extend(raw::encode(ProtocolVersion::Mqtt311, &new.packet()));
                    id += 2;
                }
                publisher.send_bytes(&bytes);
                publisher.drain();
                broker.settle();
                publisher.drain();
                assert_eq!(retained(broker, "#"), pairs(&[("replaced", "new")]), "{first:?}, then {last:?}");
            }
        }
    }

    /// A Will is the last word of its client.
    ///
    /// Covers: MQTT311-3.1.2-17, MQTT311-3.3.1-7
    fn mqtt311_3_3_1_7_a_retained_will_replaces_what_its_client_retained(broker: &mut Broker) {
        for (clean_session, will_qos) in
            [(true, QoS::AtMostOnce), (false, QoS::AtMostOnce), (true, QoS::AtLeastOnce)]
        {
            let connect = connect311("a").clean_start(clean_session);
            let will = connect.will("t", b"offline").will_retain(true).will_qos(will_qos);
            let mut client = broker.connect(will);
            client.send(&publish("t").payload(b"online").retain().qos1(1).packet());
            client.drop_connection();
            broker.settle();
            assert_eq!(retained(broker, "t"), pairs(&[("t", "offline")]));
        }
    }

    /// Covers: MQTT311-3.3.1-8, MQTT311-3.3.1-9
    fn mqtt311_3_3_1_8_retain_tells_new_subscriptions_from_existing_ones(broker: &mut Broker) {
        let mut existing = broker.connect(connect311("existing"));
        existing.subscribe("t", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            publisher.publish_retained("t", "m", qos);
            let message = existing.expect_publish();
            assert!(!message.retain, "to an existing subscription");
            existing.acknowledge(&message);
            let mut new = broker.connect(connect311("new"));
            new.subscribe("t", QoS::ExactlyOnce);
            assert!(new.expect_publish().retain, "to a new subscription");
        }
    }

    fn mqtt311_3_3_1_9_a_message_that_waited_for_an_offline_session_has_no_retain(broker: &mut Broker) {
        let connect = connect311("sleeper").clean_start(false);
        let mut sleeper = broker.connect(connect.clone());
        sleeper.subscribe("t", QoS::AtLeastOnce);
        sleeper.disconnect();
        broker.connect(connect311("publisher")).publish_retained("t", "m", QoS::AtLeastOnce);
        broker.settle();
        let mut sleeper = broker.connect(connect);
        let message = sleeper.expect_publish();
        assert_eq!((&*message.payload, message.retain), (b"m".as_slice(), false));
        sleeper.expect_nothing();
    }

    /// Covers: MQTT311-3.3.1-10, MQTT311-3.3.1-11
    fn mqtt311_3_3_1_10_an_empty_retained_publish_is_delivered_and_removes_the_message(broker: &mut Broker) {
        let mut existing = broker.connect(connect311("existing"));
        existing.subscribe("t/#", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            publisher.publish_retained("t/a", "m", QoS::AtLeastOnce);
            publisher.publish_retained("t/b", "m", QoS::AtLeastOnce);
            publisher.publish_retained("t/a", "", qos);
            publisher.barrier();
            for (topic, payload) in [("t/a", "m"), ("t/b", "m"), ("t/a", "")] {
                let message = existing.expect_publish();
                assert_eq!((&*message.topic, &*message.payload), (topic, payload.as_bytes()));
                assert!(!message.retain);
                existing.acknowledge(&message);
            }
            broker.settle();
            assert_eq!(retained(broker, "t/#"), pairs(&[("t/b", "m")]), "{qos:?}");
        }
    }

    fn mqtt311_3_3_1_11_an_empty_message_is_never_stored(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish_retained("t", "", QoS::AtLeastOnce);
        let will = connect311("a").will("t", b"").will_retain(true);
        broker.connect(will).drop_connection();
        broker.settle();
        assert_eq!(retained(broker, "t"), pairs(&[]));
    }

    fn mqtt311_3_3_1_12_without_retain_nothing_is_stored_replaced_or_removed(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish_retained("t", "kept", QoS::AtLeastOnce);
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            publisher.publish("t", "passing", qos);
            publisher.publish("t", "", qos);
            publisher.publish("other", "passing", qos);
        }
        publisher.barrier();
        broker.settle();
        assert_eq!(retained(broker, "#"), pairs(&[("t", "kept")]));
    }
}
