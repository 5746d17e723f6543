//! MQTT 3.1.1, sections 4.1 to 4.4: Session state, the three levels of QoS, repeats.

use conformance::prelude::*;

/// A client that keeps its Session, subscribed to `t/#` at QoS 2, and its CONNECT.
fn durable_subscriber(broker: &mut Broker) -> Client {
    let mut client = broker.connect(connect311("subscriber").clean_start(false));
    client.subscribe("t/#", QoS::ExactlyOnce);
    client
}

/// The same client after a network failure.
fn again(broker: &mut Broker, mut client: Client) -> Client {
    client.drop_connection();
    let (client, connack) = broker.connect_full(connect311("subscriber").clean_start(false));
    assert!(connack.session_present);
    client
}

statements! {
    fn mqtt311_4_1_0_1_the_session_keeps_subscriptions_and_messages_in_both_directions(broker: &mut Broker) {
        let mut client = durable_subscriber(broker);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t/x", "unacknowledged", QoS::AtLeastOnce);
        publisher.publish("t/x", "released", QoS::ExactlyOnce);
        let (unacknowledged, released) = (client.expect_publish(), client.expect_publish());
        client.send(&pubrec(released.id).packet());
        client.expect_pubrel(released.id);
        client.send(&publish("other").payload(b"unreleased").qos2(9).packet());
        client.expect_pubrec(9);
        client.disconnect();
        publisher.publish("t/x", "queued", QoS::AtLeastOnce);
        broker.settle();

        let (mut client, connack) = broker.connect_full(connect311("subscriber").clean_start(false));
        assert!(connack.session_present);
        let mut found = Vec::new();
        for _ in 0..3 {
            found.push(match client.receive() {
                OwnedPacket::Publish(message) => {
                    (message.id, String::from_utf8_lossy(&message.payload).into())
                }
                OwnedPacket::PubRel(ack) => (ack.id, String::from("PUBREL")),
                other => panic!("not expected: {other:?}"),
            });
        }
        assert!(found.contains(&(unacknowledged.id, "unacknowledged".into())), "{found:?}");
        assert!(found.contains(&(released.id, "PUBREL".into())), "{found:?}");
        assert_eq!(found.last().map(|(_, text)| &**text), Some("queued"));
        // The identifier 9 still stands for the message that was not released.
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("other", QoS::AtMostOnce);
        client.send(&publish("other").payload(b"unreleased").qos2(9).dup().packet());
        client.expect_pubrec(9);
        client.send(&pubrel(9).packet());
        client.expect_pubcomp(9);
        broker.settle();
        watcher.expect_nothing();
    }

    fn mqtt311_4_3_1_1_qos_0_is_delivered_once_without_identifier_and_dup(broker: &mut Broker) {
        let mut client = durable_subscriber(broker);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t/x", "m", QoS::AtMostOnce);
        assert_eq!(client.receive_raw(), b"\x30\x06\x00\x03t/xm");
        // It is not kept for later either, and not repeated.
        again(broker, client).expect_nothing();
    }

    fn mqtt311_4_3_2_1_a_qos_1_sender_repeats_until_puback_and_not_after(broker: &mut Broker) {
        let mut client = durable_subscriber(broker);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t/x", "m", QoS::AtLeastOnce);
        let first = client.expect_publish();
        assert_eq!((first.qos, first.dup), (QoS::AtLeastOnce, false));
        client.expect_nothing();
        for _ in 0..2 {
            client = again(broker, client);
            let repeat = client.expect_publish();
            assert_eq!((repeat.qos, repeat.dup, repeat.id), (QoS::AtLeastOnce, true, first.id));
            assert_eq!((&repeat.topic, &repeat.payload), (&first.topic, &first.payload));
            client.expect_nothing();
        }
        client.send(&puback(first.id).packet());
        client.barrier();
        again(broker, client).expect_nothing();
    }

    fn mqtt311_4_3_2_2_a_qos_1_receiver_takes_each_publish_as_new(broker: &mut Broker) {
        let mut watcher = durable_subscriber(broker);
        let mut client = broker.connect(connect311("a"));
        for payload in ["one", "two", "three"] {
            client.send(&publish("t/x").payload(payload.as_bytes()).qos1(7).packet());
            client.expect_puback(7);
            let message = watcher.expect_publish();
            assert_eq!(message.payload, payload.as_bytes());
            watcher.acknowledge(&message);
        }
        // Behind the PUBACK the identifier is free: also with DUP it means another message.
        client.send(&publish("t/x").payload(b"four").qos1(7).dup().packet());
        client.expect_puback(7);
        assert_eq!(watcher.expect_publish().payload, b"four");
    }

    fn mqtt311_4_3_3_1_publish_repeats_until_pubrec_then_pubrel_until_pubcomp(broker: &mut Broker) {
        let mut client = durable_subscriber(broker);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t/x", "m", QoS::ExactlyOnce);
        let first = client.expect_publish();
        assert_eq!((first.qos, first.dup), (QoS::ExactlyOnce, false));
        for _ in 0..2 {
            client = again(broker, client);
            let repeat = client.expect_publish();
            assert_eq!((repeat.qos, repeat.dup, repeat.id), (QoS::ExactlyOnce, true, first.id));
            client.expect_nothing();
        }
        client.send(&pubrec(first.id).packet());
        client.expect_pubrel(first.id);
        for _ in 0..2 {
            // No PUBLISH any more: the receiver has it.
            client = again(broker, client);
            client.expect_pubrel(first.id);
            client.expect_nothing();
        }
        client.send(&pubcomp(first.id).packet());
        client.barrier();
        again(broker, client).expect_nothing();
    }

    fn mqtt311_4_3_3_2_a_qos_2_receiver_delivers_once_however_often_it_is_sent(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("t/#", QoS::AtMostOnce);
        let mut client = broker.connect(connect311("subscriber").clean_start(false));
        client.send(&publish("t/x").payload(b"m").qos2(7).packet());
        client.expect_pubrec(7);
        for _ in 0..2 {
            client.send(&publish("t/x").payload(b"m").qos2(7).dup().packet());
            client.expect_pubrec(7);
        }
        client = again(broker, client);
        client.send(&publish("t/x").payload(b"m").qos2(7).dup().packet());
        client.expect_pubrec(7);
        for _ in 0..2 {
            client.send(&pubrel(7).packet());
            client.expect_pubcomp(7);
        }
        broker.settle();
        assert_eq!(watcher.expect_publish().payload, b"m");
        watcher.expect_nothing();
    }

    fn mqtt311_4_3_3_2_a_repeat_that_does_not_wait_for_pubrec_is_delivered_once(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("t/#", QoS::AtMostOnce);
        let mut client = broker.connect(connect311("a"));
        let first = publish("t/x").payload(b"m").qos2(7);
        let mut bytes = raw::encode(ProtocolVersion::Mqtt311, &first.packet());
        bytes.extend(raw::encode(ProtocolVersion::Mqtt311, &first.clone().dup().packet()).repeat(2));
        client.send_bytes(&bytes);
        client.expect_pubrec(7);
        broker.settle();
        for packet in client.drain() {
            assert!(matches!(&packet, OwnedPacket::PubRec(ack) if ack.id == 7), "{packet:?}");
        }
        assert_eq!(watcher.expect_publish().payload, b"m");
        watcher.expect_nothing();
    }

    fn mqtt311_4_3_3_2_after_pubcomp_the_identifier_means_a_new_message(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("t/#", QoS::AtMostOnce);
        let mut client = broker.connect(connect311("a"));
        for payload in ["one", "two"] {
            client.send(&publish("t/x").payload(payload.as_bytes()).qos2(7).packet());
            client.expect_pubrec(7);
            client.send(&pubrel(7).packet());
            client.expect_pubcomp(7);
            assert_eq!(watcher.expect_publish().payload, payload.as_bytes());
        }
    }

    /// A PUBREL that does not wait for the PUBREC breaks the sender's rule; the receiver's holds all the same.
    fn mqtt311_4_3_3_2_after_pubcomp_the_identifier_is_free_also_if_pubrel_came_early(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("t/#", QoS::AtMostOnce);
        let mut client = broker.connect(connect311("a"));
        for payload in ["one", "two", "three"] {
            let publish = publish("t/x").payload(payload.as_bytes()).qos2(7);
            let mut bytes = raw::encode(ProtocolVersion::Mqtt311, &publish.packet());
            bytes.extend([0x62, 2, 0, 7]);
            client.send_bytes(&bytes);
            // PUBREC and PUBCOMP, in whatever order.
            client.receive();
            client.receive();
            assert_eq!(watcher.expect_publish().payload, payload.as_bytes());
        }
    }

    /// Identifiers of the two directions have nothing to do with each other.
    ///
    /// Covers: MQTT311-4.3.3-2, MQTT311-2.3.1-2
    fn mqtt311_4_3_3_2_the_two_directions_share_no_identifiers(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.subscribe("t/#", QoS::ExactlyOnce);
        broker.connect(connect311("publisher")).publish("t/x", "incoming", QoS::ExactlyOnce);
        let message = client.expect_publish();
        client.send(&publish("other").qos2(message.id).packet());
        client.expect_pubrec(message.id);
        client.send(&pubrec(message.id).packet());
        client.expect_pubrel(message.id);
        client.send(&pubrel(message.id).packet());
        client.expect_pubcomp(message.id);
        client.send(&pubcomp(message.id).packet());
        client.expect_nothing();
    }

    /// 3.1.1 has no Receive Maximum: a client may have as many unfinished messages as it likes.
    fn mqtt311_4_3_3_2_many_unfinished_messages_are_all_taken(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("t/#", QoS::AtMostOnce);
        let mut client = broker.connect(connect311("a"));
        for id in 1..=200 {
            client.send(&publish("t/x").qos2(id).packet());
        }
        for id in 1..=200 {
            client.expect_pubrec(id);
        }
        for id in 1..=200 {
            client.send(&pubrel(id).packet());
        }
        for id in 1..=200 {
            client.expect_pubcomp(id);
        }
        broker.settle();
        assert_eq!(watcher.drain().len(), 200);
    }

    /// Covers: MQTT311-4.4.0-1, MQTT311-4.6.0-1, MQTT311-4.6.0-4
    fn mqtt311_4_4_0_1_all_that_is_unacknowledged_comes_again_in_its_order(broker: &mut Broker) {
        let mut client = durable_subscriber(broker);
        let mut publisher = broker.connect(connect311("publisher"));
        for number in 0..8 {
            let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
            publisher.publish("t/x", [number], qos);
        }
        let messages: Vec<OwnedPublish> = (0..8).map(|_| client.expect_publish()).collect();
        // 0 and 3 are done, 1 and then 5 are released, the others are open.
        client.acknowledge(&messages[0]);
        client.acknowledge(&messages[3]);
        for released in [&messages[1], &messages[5]] {
            client.send(&pubrec(released.id).packet());
            client.expect_pubrel(released.id);
        }
        for _ in 0..2 {
            client = again(broker, client);
            let (mut publishes, mut pubrels) = (Vec::new(), Vec::new());
            for packet in client.drain() {
                match packet {
                    OwnedPacket::Publish(message) => {
                        assert!(message.dup, "{message:?}");
                        publishes.push((message.id, message.payload));
                    }
                    OwnedPacket::PubRel(ack) => pubrels.push(ack.id),
                    other => panic!("not expected: {other:?}"),
                }
            }
            let open = [2, 4, 6, 7].map(|index: usize| (messages[index].id, messages[index].payload.clone()));
            assert_eq!(publishes, open);
            assert_eq!(pubrels, [messages[1].id, messages[5].id]);
        }
    }

    /// Covers: MQTT311-4.4.0-1
    fn mqtt311_4_4_0_1_a_takeover_repeats_as_well(broker: &mut Broker) {
        let mut old = durable_subscriber(broker);
        broker.connect(connect311("publisher")).publish("t/x", "m", QoS::AtLeastOnce);
        let first = old.expect_publish();
        let mut new = broker.connect(connect311("subscriber").clean_start(false));
        let repeat = new.expect_publish();
        assert_eq!((repeat.id, repeat.dup), (first.id, true));
        old.expect_closed();
    }

    /// Covers: MQTT311-4.4.0-1
    fn mqtt311_4_4_0_1_with_clean_session_1_nothing_comes_again(broker: &mut Broker) {
        let mut client = durable_subscriber(broker);
        broker.connect(connect311("publisher")).publish("t/x", "m", QoS::ExactlyOnce);
        client.expect_publish();
        client.drop_connection();
        broker.connect(connect311("subscriber")).expect_nothing();
    }
}

statements_in_memory! {
    fn mqtt311_4_1_0_1_a_session_without_connection_is_kept(broker: &mut Broker) {
        let mut client = durable_subscriber(broker);
        client.disconnect();
        broker.connect(connect311("publisher")).publish("t/x", "m", QoS::AtLeastOnce);
        broker.advance(Duration::from_hours(24 * 7));
        let (mut client, connack) = broker.connect_full(connect311("subscriber").clean_start(false));
        assert!(connack.session_present);
        assert_eq!(client.expect_publish().payload, b"m");
    }

    fn mqtt311_4_1_0_2_a_session_lasts_as_long_as_its_connection(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.subscribe("t", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t", "old", QoS::ExactlyOnce);
        let old = client.expect_publish();
        broker.advance(Duration::from_hours(24 * 7));
        client.acknowledge(&old);
        publisher.publish("t", "new", QoS::AtLeastOnce);
        assert_eq!(client.expect_publish().payload, b"new");
    }

    /// Without a reconnect nothing is repeated, however long an acknowledgement takes.
    ///
    /// Covers: MQTT311-4.4.0-1
    fn mqtt311_4_4_0_1_nothing_is_repeated_on_a_living_connection(broker: &mut Broker) {
        let mut client = durable_subscriber(broker);
        broker.connect(connect311("publisher")).publish("t/x", "m", QoS::AtLeastOnce);
        client.expect_publish();
        broker.advance(Duration::from_hours(1));
        client.expect_nothing();
    }
}
