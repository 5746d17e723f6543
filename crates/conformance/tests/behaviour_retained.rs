//! Retained messages, in number, by wildcards, on all shards, and their ends.

use conformance::extra::texts;
use conformance::prelude::*;
use conformance::random::Random;
use martlet_wire::{TopicFilter, TopicName};

const ALL_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// The retained messages that a new subscription gets, by topic.
fn retained(broker: &mut Broker, client_identifier: &str, filter: &str) -> Vec<OwnedPublish> {
    let mut client = broker.connect(connect5(client_identifier));
    client.subscribe(filter, QoS::AtMostOnce);
    broker.settle();
    let mut found = client.drain_publishes();
    client.disconnect();
    found.sort_by(|a, b| a.topic.cmp(&b.topic));
    found
}

fn topics(publishes: &[OwnedPublish]) -> Vec<&str> {
    publishes.iter().map(|publish| publish.topic.as_str()).collect()
}

statements! {
    fn wildcards_find_what_they_match_among_many(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        for number in 0..1000 {
            publisher.publish_retained(&format!("s/{}/{number}", number % 10), "x", QoS::AtMostOnce);
        }
        publisher.barrier();
        for (filter, count) in
            [("s/3/+", 100), ("s/#", 1000), ("#", 1000), ("+/+/7", 1), ("s/+/999", 1), ("s/3/4", 0), ("s/+", 0)]
        {
            let found = retained(broker, "a", filter);
            assert_eq!(found.len(), count, "{filter}");
            assert!(found.iter().all(|publish| publish.retain));
        }
    }

    fn many_retained_messages_of_qos_1_come_as_receive_maximum_allows(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        for number in 0..100 {
            publisher.publish_retained(&format!("s/{number}"), number.to_string(), QoS::AtLeastOnce);
        }
        let connect = || connect5("a").session_expiry(100).receive_maximum(3);
        let mut client = broker.connect(connect());
        client.subscribe("s/+", QoS::AtLeastOnce);
        broker.settle();
        let first = client.drain_publishes();
        assert_eq!(first.len(), 3);
        for publish in &first {
            client.acknowledge(publish);
        }
        let mut received = texts(&first);
        received.extend(texts(&client.take(47)));
        client.disconnect();
        let mut client = broker.connect(connect().clean_start(false));
        received.extend(texts(&client.take_all()));
        received.sort();
        received.dedup();
        let mut expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        expected.sort();
        assert_eq!(received, expected);
    }

    fn every_filter_finds_what_the_plain_rule_of_matching_says(broker: &mut Broker) {
        let mut random = Random::new(11);
        let levels = ["a", "b", "", "\u{e9}", "a b", "aa", "$x", "\u{1}", "\u{10ffff}", "A"];
        let mut pick = |among: &[&str], length: usize| -> String {
            (0..length).map(|_| among[random.below(among.len())]).collect::<Vec<_>>().join("/")
        };
        let mut names: Vec<String> = (0..300).map(|number| pick(&levels, 1 + number % 4)).collect();
        names.retain(|name| TopicName::parse(name).is_ok());
        names.sort();
        names.dedup();
        let mut publisher = broker.connect(connect5("publisher"));
        for name in &names {
            publisher.publish_retained(name, "x", QoS::AtMostOnce);
        }
        publisher.barrier();
        let with_plus = ["a", "b", "", "+", "+", "+", "\u{e9}", "$x", "aa"];
        let mut filters: Vec<String> = (0..80).map(|number| pick(&with_plus, 1 + number % 4)).collect();
        filters.extend((0..40).map(|number| pick(&with_plus, 1 + number % 3) + "/#"));
        filters.push("#".into());
        for filter in filters {
            let Ok(parsed) = TopicFilter::parse(&filter) else { continue };
            let expected: Vec<&String> =
                names.iter().filter(|name| parsed.matches(topic_name(name))).collect();
            assert_eq!(topics(&retained(broker, "a", &filter)), expected, "{filter:?}");
        }
    }

    fn clients_of_every_shard_find_what_clients_of_every_shard_kept(broker: &mut Broker) {
        let names = ["a", "b", "c", "d", "e", "f"];
        for (name, qos) in names.into_iter().zip(ALL_QOS.iter().cycle()) {
            let mut publisher = broker.connect(connect5(name));
            publisher.publish_retained(&format!("of/{name}"), name, *qos);
            publisher.barrier();
            publisher.disconnect();
        }
        for name in names {
            assert_eq!(texts(&retained(broker, name, "of/+")), names);
            assert_eq!(texts(&retained(broker, name, "of/c")), ["c"]);
        }
    }

    fn the_last_message_is_kept_whatever_its_qos_and_publisher(broker: &mut Broker) {
        let mut first = broker.connect(connect5("first"));
        let mut second = broker.connect(connect5("second"));
        for old in ALL_QOS {
            for new in ALL_QOS {
                first.publish_retained("a", "old", old);
                first.barrier();
                second.publish_retained("a", format!("{new:?}"), new);
                second.barrier();
                assert_eq!(texts(&retained(broker, "reader", "a")), [format!("{new:?}")]);
            }
        }
    }

    fn the_last_message_of_one_packet_run_is_kept_whatever_its_qos(broker: &mut Broker) {
        for old in ALL_QOS {
            for new in ALL_QOS {
                let mut publisher = broker.connect(connect5("publisher"));
                let run = [
                    publish("a").payload(b"old").retain().qos(old, 1),
                    publish("a").payload(b"new").retain().qos(new, 2),
                ];
                let bytes: Vec<u8> =
                    run.iter().flat_map(|publish| raw::encode(ProtocolVersion::Mqtt5, &publish.packet())).collect();
                publisher.send_bytes(&bytes);
                publisher.drain_settled(broker);
                assert_eq!(texts(&retained(broker, "reader", "a")), ["new"], "{old:?}, then {new:?}");
            }
        }
    }

    fn an_empty_payload_clears(broker: &mut Broker) {
        let mut watcher = broker.connect(connect5("watcher"));
        watcher.subscribe("a/#", QoS::AtMostOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        let mut other = broker.connect(connect5("other"));
        for qos in ALL_QOS {
            publisher.publish_retained("a/b", "x", QoS::AtLeastOnce);
            publisher.publish_retained("a/c", "stays", QoS::AtLeastOnce);
            other.publish_retained("a/b", "", qos);
            other.publish_retained("a/never", "", qos);
            other.barrier();
            broker.settle();
            assert_eq!(topics(&retained(broker, "reader", "#")), ["a/c"]);
            let seen = watcher.drain_publishes();
            assert_eq!(seen.len(), 4, "the clearing is a message for subscribers, too");
            assert!(seen.iter().all(|publish| !publish.retain));
        }
    }

    fn a_message_without_retain_leaves_the_kept_one_alone(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        publisher.publish_retained("a", "kept", QoS::AtLeastOnce);
        publisher.publish("a", "passes", QoS::AtLeastOnce);
        publisher.publish("a", "", QoS::AtLeastOnce);
        assert_eq!(texts(&retained(broker, "reader", "a")), ["kept"]);
    }

    fn a_retained_message_comes_at_the_lower_of_both_qos(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        for published in ALL_QOS {
            publisher.publish_retained("a", "x", published);
            publisher.barrier();
            for granted in ALL_QOS {
                let mut client = broker.connect(connect5("reader"));
                client.subscribe("a", granted);
                assert_eq!(client.take(1)[0].qos, granted.min(published));
            }
        }
    }

    fn an_expired_retained_message_is_gone(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        let expiring = publish("a").payload(b"short").property(Property::MessageExpiryInterval(1));
        publisher.publish_packet(expiring.retain(), QoS::AtLeastOnce);
        publisher.publish_retained("b", "long", QoS::AtLeastOnce);
        assert_eq!(topics(&retained(broker, "reader", "#")), ["a", "b"]);
        broker.advance(Duration::from_millis(1600));
        assert_eq!(topics(&retained(broker, "reader", "#")), ["b"]);
        assert_eq!(topics(&retained(broker, "reader", "a")), [""; 0]);
    }
}

statements_in_memory! {
    fn the_expiry_interval_of_a_retained_message_counts_down(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        let expiring = publish("a").payload(b"x").property(Property::MessageExpiryInterval(100));
        publisher.publish_packet(expiring.retain(), QoS::AtLeastOnce);
        for left in [100, 70, 40, 10] {
            let found = retained(broker, "reader", "a");
            assert_eq!(found[0].properties.message_expiry_interval(), Some(left));
            broker.advance(Duration::from_secs(30));
        }
        assert!(retained(broker, "reader", "a").is_empty());
    }
}

statements_with! {
    |setup| { setup.limits.retained_messages_max = 3; }

    fn a_retained_message_beyond_the_limit_is_refused(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        for topic in ["a", "b", "c"] {
            assert!(!publisher.publish_retained(topic, "x", QoS::AtLeastOnce).is_error());
        }
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            assert_eq!(publisher.publish_retained("d", "x", qos), ReasonCode::QuotaExceeded);
        }
        publisher.publish_retained("d", "x", QoS::AtMostOnce);
        assert!(!publisher.publish("d", "not retained", QoS::AtLeastOnce).is_error());
        assert!(!publisher.publish_retained("c", "replaced", QoS::AtLeastOnce).is_error());
        assert_eq!(texts(&retained(broker, "reader", "#")), ["x", "x", "replaced"]);
        assert!(!publisher.publish_retained("a", "", QoS::AtLeastOnce).is_error());
        assert!(!publisher.publish_retained("d", "x", QoS::AtLeastOnce).is_error());
        assert_eq!(topics(&retained(broker, "reader", "#")), ["b", "c", "d"]);
    }
}
