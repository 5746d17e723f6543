//! MQTT 3.1.1, sections 4.5 and 4.6: messages join Sessions, and keep their order.

use conformance::prelude::*;

statements! {
    fn mqtt311_4_5_0_1_a_message_joins_the_session_of_every_matching_subscriber(broker: &mut Broker) {
        let ids = ["a", "b", "c", "d", "e", "f"];
        let filters = ["t/x", "t/+", "#", "t/x", "+/x", "other/#"];
        let mut living = Vec::new();
        for (index, (id, filter)) in ids.into_iter().zip(filters).enumerate() {
            let mut client = broker.connect(connect311(id).clean_start(false));
            client.subscribe(filter, QoS::AtLeastOnce);
            if index % 2 == 0 {
                client.disconnect();
            } else {
                living.push(client);
            }
        }
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t/x", "m", QoS::AtLeastOnce);
        broker.settle();
        // Those with a connection lose it before they acknowledge.
        for client in &mut living {
            client.drop_connection();
        }
        for (id, filter) in ids.into_iter().zip(filters) {
            let mut client = broker.connect(connect311(id).clean_start(false));
            if filter == "other/#" {
                client.expect_nothing();
            } else {
                assert_eq!(client.expect_publish().payload, b"m", "{id}");
                client.expect_nothing();
            }
        }
    }

    /// Whoever reads slowly gets all that fits his queue, though it is more than the broker sends ahead.
    fn mqtt311_4_5_0_1_a_slow_reader_loses_nothing(broker: &mut Broker) {
        let mut slow = broker.connect(connect311("slow"));
        slow.subscribe("t", QoS::AtLeastOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        for number in 0..80 {
            publisher.publish("t", vec![number; 100_000], QoS::AtLeastOnce);
        }
        for number in 0..80 {
            let message = slow.expect_publish();
            assert!(message.payload == vec![number; 100_000], "message {number}");
            assert!(!message.dup);
            slow.acknowledge(&message);
        }
        slow.expect_nothing();
    }

    /// The publisher is a subscriber like any other.
    fn mqtt311_4_5_0_1_a_client_gets_its_own_messages(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.subscribe("t", QoS::ExactlyOnce);
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            client.publish("t", "m", qos);
            let message = client.expect_publish();
            assert_eq!((&*message.payload, message.qos), (b"m".as_slice(), qos));
            client.acknowledge(&message);
        }
    }

    fn mqtt311_4_6_0_2_pubacks_come_in_the_order_of_the_publishes(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let ids = [3, 1, 2, 900, 5, 4];
        let mut bytes = Vec::new();
        for id in ids {
            bytes.extend(raw::encode(ProtocolVersion::Mqtt311, &publish("t").qos1(id).packet()));
        }
        client.send_bytes(&bytes);
        for id in ids {
            client.expect_puback(id);
        }
    }

    /// Covers: MQTT311-4.6.0-3, MQTT311-4.6.0-4
    fn mqtt311_4_6_0_3_pubrecs_come_in_the_order_of_the_publishes(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let ids = [3, 1, 2, 900, 5, 4];
        for id in ids {
            client.send(&publish("t").qos2(id).packet());
        }
        for id in ids {
            client.expect_pubrec(id);
        }
    }

    fn mqtt311_4_6_0_4_pubrels_come_in_the_order_of_the_pubrecs(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.subscribe("t", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        for number in 0..5 {
            publisher.publish("t", [number], QoS::ExactlyOnce);
        }
        let ids: Vec<u16> = (0..5).map(|_| client.expect_publish().id).collect();
        let order = [ids[3], ids[0], ids[4], ids[2], ids[1]];
        for id in order {
            client.send(&pubrec(id).packet());
        }
        for id in order {
            client.expect_pubrel(id);
        }
    }

    /// Covers: MQTT311-4.6.0-5, MQTT311-4.6.0-6
    fn mqtt311_4_6_0_6_a_clients_messages_stay_in_order_per_topic_and_qos(broker: &mut Broker) {
        let mut subscribers: Vec<Client> =
            ["one", "two", "three", "four"].map(|id| broker.connect(connect311(id))).into();
        for subscriber in &mut subscribers {
            subscriber.subscribe("t/#", QoS::ExactlyOnce);
        }
        let mut publisher = broker.connect(connect311("publisher"));
        let mut id = 0;
        for number in 0..60_u8 {
            for topic in ["t/a", "t/b"] {
                for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                    id += 1;
                    publisher.send(&publish(topic).payload(&[number]).qos(qos, id).packet());
                }
            }
        }
        for packet in publisher.drain() {
            if let OwnedPacket::PubRec(ack) = packet {
                publisher.send(&pubrel(ack.id).packet());
            }
        }
        for subscriber in &mut subscribers {
            let mut seen: Vec<(String, QoS, Vec<u8>)> = Vec::new();
            while seen.iter().map(|(.., numbers)| numbers.len()).sum::<usize>() < 360 {
                let message = match subscriber.receive() {
                    OwnedPacket::Publish(message) => message,
                    OwnedPacket::PubRel(ack) => {
                        subscriber.send(&pubcomp(ack.id).packet());
                        continue;
                    }
                    other => panic!("not expected: {other:?}"),
                };
                match message.qos {
                    QoS::AtMostOnce => {}
                    QoS::AtLeastOnce => subscriber.send(&puback(message.id).packet()),
                    QoS::ExactlyOnce => subscriber.send(&pubrec(message.id).packet()),
                }
                let stream =
                    seen.iter_mut().find(|(topic, qos, _)| (topic, qos) == (&message.topic, &message.qos));
                match stream {
                    Some((.., numbers)) => numbers.extend(message.payload),
                    None => seen.push((message.topic, message.qos, message.payload)),
                }
            }
            for (topic, qos, numbers) in seen {
                assert_eq!(numbers, (0..60).collect::<Vec<u8>>(), "{topic} at {qos:?}");
            }
        }
    }

    /// Published at several levels, sent on at one: these too are packets of one topic and one QoS.
    ///
    /// Covers: MQTT311-4.6.0-6
    fn mqtt311_4_6_0_6_the_order_holds_where_all_are_delivered_at_the_same_qos(broker: &mut Broker) {
        let mut subscribers = ["one", "two", "three", "four"].map(|id| broker.connect(connect311(id)));
        for subscriber in &mut subscribers {
            subscriber.subscribe("t", QoS::AtMostOnce);
        }
        let mut publisher = broker.connect(connect311("publisher"));
        let mut bytes = Vec::new();
        for number in 0..40 {
            let qos = QoS::try_from(number % 2).expect("0 or 1");
            let payload = [number];
            let packet = publish("t").payload(&payload).qos(qos, u16::from(number) + 1);
            bytes.extend(raw::encode(ProtocolVersion::Mqtt311, &packet.packet()));
        }
        publisher.send_bytes(&bytes);
        for subscriber in &mut subscribers {
            let numbers: Vec<u8> = (0..40).flat_map(|_| subscriber.expect_publish().payload).collect();
            assert_eq!(numbers, (0..40).collect::<Vec<u8>>());
        }
    }

    /// Covers: MQTT311-4.6.0-6
    fn mqtt311_4_6_0_6_the_order_holds_across_a_queue_and_a_reconnect(broker: &mut Broker) {
        let connect = connect311("sleeper").clean_start(false);
        let mut sleeper = broker.connect(connect.clone());
        sleeper.subscribe("t", QoS::AtLeastOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        let mut numbers = 0..;
        let mut publish_some = |count| {
            for number in numbers.by_ref().take(count) {
                publisher.publish("t", [number], QoS::AtLeastOnce);
            }
        };
        publish_some(5);
        let unacknowledged: Vec<u8> = (0..5).flat_map(|_| sleeper.expect_publish().payload).collect();
        assert_eq!(unacknowledged, [0, 1, 2, 3, 4]);
        sleeper.drop_connection();
        publish_some(50);
        let mut sleeper = broker.connect(connect);
        publish_some(5);
        let all: Vec<u8> = (0..60)
            .flat_map(|_| {
                let message = sleeper.expect_publish();
                sleeper.acknowledge(&message);
                message.payload
            })
            .collect();
        assert_eq!(all, (0..60).collect::<Vec<u8>>());
    }
}
