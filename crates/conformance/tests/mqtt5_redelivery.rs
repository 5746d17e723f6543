//! Chapters 4.4 to 4.6 of MQTT 5.0: delivery retry, receipt and order of messages.

use conformance::extra::texts;
use conformance::prelude::*;

const ALL_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// A subscriber to `a` at QoS 2 with a Session that lives on for 100 s.
fn subscriber(broker: &mut Broker) -> Client {
    let mut client = broker.connect(connect5("subscriber").session_expiry(100));
    client.subscribe("a", QoS::ExactlyOnce);
    client
}

fn resume(broker: &mut Broker, client_identifier: &str) -> Client {
    let connect = connect5(client_identifier).session_expiry(100).clean_start(false);
    let (client, connack) = broker.connect_full(connect);
    assert!(connack.session_present);
    client
}

statements! {
    /// Covers: MQTT-4.4.0-1, MQTT-4.6.0-1
    fn mqtt5_4_4_0_1_on_resuming_unacknowledged_packets_come_again_under_their_identifiers(broker: &mut Broker) {
        let mut client = subscriber(broker);
        let mut publisher = broker.connect(connect5("publisher"));
        let sent = ["0", "1", "2", "3", "4", "5"];
        for (payload, qos) in sent.into_iter().zip(ALL_QOS[1..].iter().cycle()) {
            publisher.publish("a", payload, *qos);
        }
        let first: Vec<OwnedPublish> = sent.iter().map(|_| client.expect_publish()).collect();
        client.send(&puback(first[2].id).packet());
        client.send(&pubrec(first[3].id).packet());
        client.expect_pubrel(first[3].id);
        client.drop_connection();
        for _ in 0..2 {
            let mut client = resume(broker, "subscriber");
            let mut again = vec![];
            for packet in client.drain() {
                match packet {
                    OwnedPacket::PubRel(ack) => assert_eq!(ack.id, first[3].id),
                    OwnedPacket::Publish(publish) => again.push(publish),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(texts(&again), ["0", "1", "4", "5"]);
            for publish in again {
                let old = first.iter().find(|old| old.payload == publish.payload).expect("it was sent before");
                assert_eq!((publish.id, publish.qos, publish.dup), (old.id, old.qos, true));
            }
            client.drop_connection();
        }
    }

    fn mqtt5_4_4_0_1_clean_start_sends_nothing_again(broker: &mut Broker) {
        let mut client = subscriber(broker);
        let mut publisher = broker.connect(connect5("publisher"));
        publisher.publish("a", "one", QoS::AtLeastOnce);
        publisher.publish("a", "two", QoS::ExactlyOnce);
        let two = [client.expect_publish(), client.expect_publish()];
        client.send(&pubrec(two[1].id).packet());
        client.expect_pubrel(two[1].id);
        client.drop_connection();
        broker.connect(connect5("subscriber").session_expiry(100)).expect_nothing();
    }

    fn mqtt5_4_4_0_1_nothing_is_sent_again_on_an_open_connection(broker: &mut Broker) {
        let mut client = subscriber(broker);
        let mut publisher = broker.connect(connect5("publisher"));
        publisher.publish("a", "one", QoS::AtLeastOnce);
        publisher.publish("a", "two", QoS::ExactlyOnce);
        publisher.publish("a", "three", QoS::ExactlyOnce);
        let three = [client.expect_publish(), client.expect_publish(), client.expect_publish()];
        client.send(&pubrec(three[2].id).packet());
        client.expect_pubrel(three[2].id);
        broker.advance(Duration::from_millis(1500));
        client.subscribe("a", QoS::ExactlyOnce);
        client.expect_nothing();
    }

    fn mqtt5_4_4_0_1_a_taken_over_connection_resumes_as_well(broker: &mut Broker) {
        let mut older = subscriber(broker);
        broker.connect(connect5("publisher")).publish("a", "one", QoS::AtLeastOnce);
        let first = older.expect_publish();
        let mut newer = resume(broker, "subscriber");
        let again = newer.expect_publish();
        assert_eq!((again.id, again.dup, again.payload), (first.id, true, first.payload));
        older.expect_disconnect(ReasonCode::SessionTakenOver);
        newer.expect_nothing();
    }

    fn mqtt5_4_4_0_2_a_refusing_puback_or_pubrec_acknowledges(broker: &mut Broker) {
        let mut client = subscriber(broker);
        let mut publisher = broker.connect(connect5("publisher"));
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for code in [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99] {
                publisher.publish("a", "x", qos);
                let id = client.expect_publish().id;
                let first = if qos == QoS::AtLeastOnce { 0x40 } else { 0x50 };
                client.send_bytes(&raw::packet(first, &[&id.to_be_bytes()[..], &[code]].concat()));
            }
        }
        client.expect_nothing();
        client.drop_connection();
        resume(broker, "subscriber").expect_nothing();
    }

    fn mqtt5_4_5_0_1_a_message_joins_every_session_with_a_matching_subscription(broker: &mut Broker) {
        let names = ["a", "b", "c", "d", "e", "f"];
        let filters = ["x/y", "x/+", "x/#", "#", "+/y", "$share/alone/x/y"];
        for (name, filter) in names.into_iter().zip(filters) {
            let mut client = broker.connect(connect5(name).session_expiry(100));
            client.subscribe(filter, QoS::ExactlyOnce);
            client.disconnect();
        }
        let mut online = broker.connect(connect5("online"));
        online.subscribe("x/y", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        publisher.publish("x/y", "one", QoS::AtLeastOnce);
        publisher.publish("x/y", "two", QoS::ExactlyOnce);
        publisher.drop_connection();
        assert_eq!(texts(&online.take(2)), ["one", "two"]);
        for name in names {
            let mut client = resume(broker, name);
            assert_eq!(texts(&client.take(2)), ["one", "two"], "{name}");
            client.expect_nothing();
        }
    }

    /// Covers: MQTT-4.5.0-2, MQTT-4.6.0-2, MQTT-4.6.0-3
    fn mqtt5_4_6_0_2_the_server_acknowledges_in_the_order_of_the_messages(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for id in [5, 3, 9, 1, 7] {
            client.send(&publish("a").qos1(id).packet());
            client.send(&publish("a").qos2(id + 100).packet());
        }
        let (mut pubacks, mut pubrecs) = (vec![], vec![]);
        for _ in 0..10 {
            match client.receive() {
                OwnedPacket::PubAck(ack) => pubacks.push(ack.id),
                OwnedPacket::PubRec(ack) => pubrecs.push(ack.id),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pubacks, [5, 3, 9, 1, 7]);
        assert_eq!(pubrecs, [105, 103, 109, 101, 107]);
    }

    fn mqtt5_4_6_0_4_the_server_sends_pubrels_in_the_order_of_the_pubrecs(broker: &mut Broker) {
        let mut client = subscriber(broker);
        let mut publisher = broker.connect(connect5("publisher"));
        for _ in 0..5 {
            publisher.publish("a", "x", QoS::ExactlyOnce);
        }
        let ids: Vec<u16> = (0..5).map(|_| client.expect_publish().id).collect();
        for index in [3, 0, 4, 2, 1] {
            client.send(&pubrec(ids[index]).packet());
        }
        for index in [3, 0, 4, 2, 1] {
            client.expect_pubrel(ids[index]);
        }
    }

    /// Covers: MQTT-4.6.0-5, MQTT-4.6.0-6
    fn mqtt5_4_6_0_5_every_consumer_gets_a_clients_messages_in_order_per_topic_and_qos(broker: &mut Broker) {
        let names = ["a", "b", "c", "d"];
        let mut consumers: Vec<Client> = names
            .into_iter()
            .map(|name| {
                let mut client = broker.connect(connect5(name).receive_maximum(3));
                client.subscribe("+/order", QoS::ExactlyOnce);
                client
            })
            .collect();
        let mut publisher = broker.connect(connect5("publisher"));
        for number in 0..60 {
            let topic = ["one/order", "two/order"][number / 3 % 2];
            publisher.publish(topic, number.to_string(), ALL_QOS[number % 3]);
        }
        for consumer in &mut consumers {
            let received = consumer.take(60);
            for topic in ["one/order", "two/order"] {
                for qos in ALL_QOS {
                    let numbers: Vec<u32> = received
                        .iter()
                        .filter(|publish| publish.topic == topic && publish.qos == qos)
                        .map(|publish| String::from_utf8_lossy(&publish.payload).parse().expect("a number"))
                        .collect();
                    assert_eq!(numbers.len(), 10);
                    assert!(numbers.is_sorted(), "{topic}, {qos:?}: {numbers:?}");
                }
            }
        }
    }

    fn mqtt5_4_6_0_5_messages_that_waited_come_before_later_ones(broker: &mut Broker) {
        subscriber(broker).disconnect();
        let mut publisher = broker.connect(connect5("publisher"));
        let sent: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        for payload in &sent[..30] {
            publisher.publish("a", payload, QoS::AtLeastOnce);
        }
        let mut client = resume(broker, "subscriber");
        for payload in &sent[30..] {
            publisher.publish("a", payload, QoS::AtLeastOnce);
        }
        let first = client.take(3);
        client.drop_connection();
        let mut client = resume(broker, "subscriber");
        let rest = client.take(37);
        assert_eq!([texts(&first), texts(&rest)].concat(), sent);
        client.expect_nothing();
    }
}

statements_in_memory! {
    fn mqtt5_4_4_0_1_no_time_makes_the_server_send_again(broker: &mut Broker) {
        let mut client = subscriber(broker);
        let mut publisher = broker.connect(connect5("publisher"));
        publisher.publish("a", "one", QoS::AtLeastOnce);
        publisher.publish("a", "two", QoS::ExactlyOnce);
        client.expect_publish();
        client.expect_publish();
        broker.advance(Duration::from_hours(24));
        client.expect_nothing();
    }
}
