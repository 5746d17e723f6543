//! MQTT 3.1.1, section 3.3: PUBLISH, without the RETAIN flag.

use conformance::prelude::*;
use conformance::raw::string;

/// The three levels.
const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// A client that subscribed to these filters.
fn subscriber(broker: &mut Broker, filters: &[(&str, QoS)]) -> Client {
    let mut client = broker.connect(connect311("subscriber"));
    for (filter, qos) in filters {
        client.subscribe(filter, *qos);
    }
    client
}

/// Sends a packet on a connection of its own, which has to end without a word.
fn expect_closes(broker: &mut Broker, packet: &[u8]) {
    let mut client = broker.connect(connect311("a"));
    client.send_bytes(packet);
    assert_eq!(client.receive_raw_or_closed(), None, "the answer to {packet:02x?}");
}

statements! {
    fn mqtt311_3_3_1_1_a_repeated_publish_has_dup(broker: &mut Broker) {
        let connect = connect311("a").clean_start(false);
        let mut client = broker.connect(connect.clone());
        client.subscribe("t", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t", "one", QoS::AtLeastOnce);
        publisher.publish("t", "two", QoS::ExactlyOnce);
        assert!(!client.expect_publish().dup);
        assert!(!client.expect_publish().dup);
        for _ in 0..3 {
            client.drop_connection();
            client = broker.connect(connect.clone());
            assert!(client.expect_publish().dup);
            assert!(client.expect_publish().dup);
            client.expect_nothing();
        }
    }

    /// Covers: MQTT311-3.3.1-2, MQTT311-4.3.1-1
    fn mqtt311_3_3_1_2_qos_0_never_has_dup(broker: &mut Broker) {
        expect_closes(broker, &raw::packet(0x38, &string("t")));
        let mut client = subscriber(broker, &[("t", QoS::AtMostOnce)]);
        let mut publisher = broker.connect(connect311("publisher"));
        // Sent again with DUP on the way in, delivered at QoS 0 on the way out.
        publisher.send(&publish("t").payload(b"m").qos1(1).dup().packet());
        publisher.expect_puback(1);
        assert_eq!(client.receive_raw(), b"\x30\x04\x00\x01tm");
    }

    fn mqtt311_3_3_1_3_dup_is_not_passed_on(broker: &mut Broker) {
        let mut client = subscriber(broker, &[("t", QoS::ExactlyOnce)]);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.send(&publish("t").payload(b"one").qos1(1).dup().packet());
        publisher.expect_puback(1);
        publisher.send(&publish("t").payload(b"two").qos2(2).dup().packet());
        publisher.expect_pubrec(2);
        publisher.send(&pubrel(2).packet());
        publisher.expect_pubcomp(2);
        for payload in ["one", "two"] {
            let message = client.expect_publish();
            assert_eq!((&*message.payload, message.dup), (payload.as_bytes(), false));
        }
    }

    fn mqtt311_3_3_1_4_qos_3_closes_the_connection(broker: &mut Broker) {
        let body = [string("t"), vec![0, 1]].concat();
        for flags in [0x06, 0x07, 0x0e, 0x0f] {
            expect_closes(broker, &raw::packet(0x30 | flags, &body));
        }
    }

    fn mqtt311_3_3_2_1_a_topic_name_that_is_none_closes_the_connection(broker: &mut Broker) {
        // No string at all, half a length, a length beyond the packet, and no UTF-8.
        let bodies: [&[u8]; 5] = [b"", b"\0", b"\0\x02t", b"\0\x01\xff", b"\0\x03\xed\xa0\x80"];
        for body in bodies {
            expect_closes(broker, &raw::packet(0x30, body));
        }
    }

    fn mqtt311_3_3_2_2_a_topic_name_with_a_wildcard_closes_the_connection(broker: &mut Broker) {
        let mut watcher = subscriber(broker, &[("#", QoS::AtMostOnce)]);
        for topic in ["#", "+", "a/#", "a/+", "+/a", "a/+/b", "a#", "a+", "a/b+c"] {
            expect_closes(broker, &raw::packet(0x30, &string(topic)));
            expect_closes(broker, &raw::packet(0x33, &[string(topic), vec![0, 1]].concat()));
        }
        broker.settle();
        watcher.expect_nothing();
    }

    fn mqtt311_3_3_2_3_a_delivery_has_the_topic_that_was_published(broker: &mut Broker) {
        let mut client = subscriber(broker, &[("a/+/#", QoS::AtLeastOnce)]);
        let mut publisher = broker.connect(connect311("publisher"));
        let topics = ["a/b", "a/b/c", "a//", "a/\u{1f600}/$x"];
        for topic in topics {
            publisher.publish(topic, topic, QoS::AtLeastOnce);
        }
        publisher.publish("b/a/b", "elsewhere", QoS::AtLeastOnce);
        broker.settle();
        for topic in topics {
            let message = client.expect_publish();
            assert_eq!((&*message.topic, &*message.payload), (topic, topic.as_bytes()));
        }
        client.expect_nothing();
    }

    fn mqtt311_3_3_4_1_a_publish_is_answered_by_its_qos(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.send(&publish("t").packet());
        client.expect_nothing();
        client.send(&publish("t").qos1(7).packet());
        assert_eq!(client.receive_raw(), [0x40, 2, 0, 7]);
        client.send(&publish("t").qos2(8).packet());
        assert_eq!(client.receive_raw(), [0x50, 2, 0, 8]);
        client.expect_nothing();
    }

    /// A message that nobody wants is acknowledged all the same.
    fn mqtt311_3_3_4_1_every_payload_is_delivered_unchanged(broker: &mut Broker) {
        let mut client = subscriber(broker, &[("t", QoS::ExactlyOnce)]);
        let mut publisher = broker.connect(connect311("publisher"));
        for size in [0, 1, 127, 128, 5_000, 70_000] {
            let payload: Vec<u8> = (0..size).map(|index: usize| index.to_le_bytes()[0] ^ 0xa5).collect();
            for qos in EVERY_QOS {
                publisher.publish("t", &payload, qos);
                let message = client.expect_publish();
                assert_eq!((message.qos, message.payload == payload), (qos, true), "{size} bytes");
                client.acknowledge(&message);
            }
        }
    }

    fn mqtt311_3_3_5_1_overlapping_subscriptions_deliver_at_the_highest_qos(broker: &mut Broker) {
        let filters = [("a/#", QoS::AtMostOnce), ("a/+", QoS::ExactlyOnce), ("a/b", QoS::AtLeastOnce)];
        for turn in 0..filters.len() {
            let mut filters = filters;
            filters.rotate_left(turn);
            let mut client = subscriber(broker, &filters);
            let mut publisher = broker.connect(connect311("publisher"));
            for qos in EVERY_QOS {
                publisher.publish("a/b", "m", qos);
                broker.settle();
                let copies = client.drain();
                let highest = copies.iter().filter_map(|packet| match packet {
                    OwnedPacket::Publish(message) => Some(message.qos),
                    _ => None,
                });
                assert_eq!(highest.max(), Some(qos), "{copies:?}");
            }
        }
    }
}

statements_with! {
    |setup| { setup.access = true; }

    fn mqtt311_3_3_5_2_a_forbidden_publish_is_acknowledged_as_usual_and_goes_nowhere(broker: &mut Broker) {
        let mut watcher = subscriber(broker, &[("#", QoS::ExactlyOnce)]);
        let mut client = broker.connect(connect311("a"));
        client.publish("forbidden/x", "m", QoS::AtMostOnce);
        client.expect_nothing();
        client.send(&publish("forbidden/x").payload(b"m").retain().qos1(1).packet());
        assert_eq!(client.receive_raw(), [0x40, 2, 0, 1]);
        client.send(&publish("forbidden/x").payload(b"m").retain().qos2(2).packet());
        assert_eq!(client.receive_raw(), [0x50, 2, 0, 2]);
        client.send(&pubrel(2).packet());
        assert_eq!(client.receive_raw(), [0x70, 2, 0, 2]);

        broker.settle();
        watcher.expect_nothing();
        watcher.subscribe("+/x", QoS::AtMostOnce);
        watcher.expect_nothing();
        // What is allowed still goes through.
        client.publish("allowed/x", "m", QoS::ExactlyOnce);
        assert_eq!(watcher.expect_publish().topic, "allowed/x");
    }

    fn mqtt311_3_3_5_2_a_forbidden_will_goes_nowhere(broker: &mut Broker) {
        let mut watcher = subscriber(broker, &[("#", QoS::ExactlyOnce)]);
        let mut client = broker.open();
        client.send(&connect311("a").will("forbidden/x", b"gone").will_retain(true).packet());
        client.receive_or_closed();
        client.drop_connection();
        broker.settle();
        watcher.expect_nothing();
        watcher.subscribe("+/x", QoS::AtMostOnce);
        watcher.expect_nothing();
    }
}
