//! Chapter 4.3 of MQTT 5.0: the protocols of QoS 0, QoS 1 and QoS 2.

use std::collections::BTreeSet;

use conformance::extra::texts;
use conformance::prelude::*;

/// A subscriber to the topic `a`, whose Session lives on for 100 s, and a publisher.
fn subscriber_and_publisher(broker: &mut Broker, qos: QoS) -> (Client, Client) {
    let mut subscriber = broker.connect(connect5("subscriber").session_expiry(100));
    subscriber.subscribe("a", qos);
    (subscriber, broker.connect(connect5("publisher").session_expiry(100)))
}

/// Breaks the connection of the subscriber, and opens the next.
fn reconnect(broker: &mut Broker, subscriber: &mut Client) -> Client {
    subscriber.drop_connection();
    let connect = connect5("subscriber").session_expiry(100).clean_start(false);
    let (client, connack) = broker.connect_full(connect);
    assert!(connack.session_present);
    client
}

/// Sends an acknowledgement that acknowledges nothing. One of another kind than its message waits for ends the connection
/// [MQTT-4.13.1-1].
fn send_wrong(subscriber: &mut Client, acknowledgement: &Packet<'_>, ends: bool) {
    subscriber.send(acknowledgement);
    if ends {
        subscriber.expect_disconnect(ReasonCode::ProtocolError);
    } else {
        subscriber.drain();
    }
}

statements! {
    fn mqtt5_4_3_1_1_qos_0_is_sent_with_qos_0_and_dup_0(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::AtMostOnce);
        publisher.send(&publish("a").packet());
        publisher.send(&publish("a").qos1(1).dup().packet());
        publisher.send(&publish("a").qos2(2).dup().packet());
        for _ in 0..3 {
            assert_eq!(subscriber.receive_raw()[0], 0x30);
        }
    }

    /// Covers: MQTT-4.3.2-1, MQTT-4.3.2-2, MQTT-4.3.3-1, MQTT-4.3.3-2
    fn mqtt5_4_3_2_1_new_messages_have_unused_identifiers_and_dup_0(broker: &mut Broker) {
        for (qos, first_byte) in [(QoS::AtLeastOnce, 0x32), (QoS::ExactlyOnce, 0x34)] {
            let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, qos);
            let mut unfinished = BTreeSet::new();
            for round in 0..20 {
                publisher.send(&publish("a").qos(qos, 1).dup().packet());
                publisher.receive();
                publisher.send(&pubrel(1).packet());
                publisher.receive();
                let bytes = subscriber.receive_raw();
                assert_eq!(bytes[0], first_byte, "round {round}");
                let id = u16::from_be_bytes([bytes[5], bytes[6]]);
                assert_ne!(id, 0);
                assert!(unfinished.insert(id), "{id} is in use");
                if round % 3 == 0 && qos == QoS::AtLeastOnce {
                    unfinished.remove(&id);
                    subscriber.send(&puback(id).packet());
                }
            }
            subscriber.disconnect();
        }
    }

    fn mqtt5_4_3_2_3_a_qos_1_message_stays_unacknowledged_until_its_puback(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::AtLeastOnce);
        publisher.publish("a", "x", QoS::AtLeastOnce);
        let first = subscriber.expect_publish();
        for (wrong, ends) in
            [(pubrec(first.id), true), (pubcomp(first.id), true), (puback(first.id + 1), false)]
        {
            send_wrong(&mut subscriber, &wrong.packet(), ends);
            subscriber = reconnect(broker, &mut subscriber);
            let again = subscriber.expect_publish();
            assert_eq!((again.id, again.dup, again.payload), (first.id, true, b"x".to_vec()));
        }
        subscriber.send(&puback(first.id).packet());
        subscriber.barrier();
        reconnect(broker, &mut subscriber).expect_nothing();
    }

    fn mqtt5_4_3_2_4_puback_tells_that_the_message_was_taken_over(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::AtLeastOnce);
        subscriber.disconnect();
        for id in [1, 300, 65_535] {
            publisher.send(&publish("a").payload(format!("{id}").as_bytes()).qos1(id).packet());
            publisher.expect_puback(id);
        }
        publisher.drop_connection();
        let mut subscriber = reconnect(broker, &mut subscriber);
        assert_eq!(texts(&subscriber.take(3)), ["1", "300", "65535"]);
    }

    fn mqtt5_4_3_2_5_after_puback_the_identifier_means_a_new_message(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::AtLeastOnce);
        publisher.send(&publish("a").payload(b"x").qos1(1).packet());
        publisher.expect_puback(1);
        publisher.send(&publish("a").payload(b"x").qos1(1).packet());
        publisher.expect_puback(1);
        publisher.send(&publish("a").payload(b"x").qos1(1).dup().packet());
        publisher.expect_puback(1);
        assert_eq!(texts(&subscriber.take(3)), ["x", "x", "x"]);
    }

    fn mqtt5_4_3_3_3_a_qos_2_message_stays_unacknowledged_until_its_pubrec(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        publisher.publish("a", "x", QoS::ExactlyOnce);
        let first = subscriber.expect_publish();
        for (wrong, ends) in
            [(puback(first.id), true), (pubcomp(first.id), true), (pubrec(first.id + 1), false)]
        {
            send_wrong(&mut subscriber, &wrong.packet(), ends);
            subscriber = reconnect(broker, &mut subscriber);
            let again = subscriber.expect_publish();
            assert_eq!((again.id, again.dup, again.payload), (first.id, true, b"x".to_vec()));
        }
        subscriber.send(&pubrec(first.id).packet());
        subscriber.expect_pubrel(first.id);
    }

    fn mqtt5_4_3_3_4_a_pubrec_below_0x80_is_answered_by_pubrel(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        for reason in [ReasonCode::Success, ReasonCode::NoMatchingSubscribers] {
            publisher.publish("a", "x", QoS::ExactlyOnce);
            let id = subscriber.expect_publish().id;
            subscriber.send(&pubrec(id).reason(reason).packet());
            assert_eq!(subscriber.expect_pubrel(id).reason, ReasonCode::Success);
            subscriber.send(&pubcomp(id).packet());
        }
        publisher.publish("a", "x", QoS::ExactlyOnce);
        let id = subscriber.expect_publish().id;
        subscriber.send(&pubrec(id).reason(ReasonCode::UnspecifiedError).packet());
        subscriber.expect_nothing();
    }

    fn mqtt5_4_3_3_5_a_pubrel_stays_unacknowledged_until_its_pubcomp(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        publisher.publish("a", "x", QoS::ExactlyOnce);
        let id = subscriber.expect_publish().id;
        subscriber.send(&pubrec(id).packet());
        subscriber.expect_pubrel(id);
        for (wrong, ends) in [(puback(id), true), (pubcomp(id + 1), false)] {
            send_wrong(&mut subscriber, &wrong.packet(), ends);
            subscriber = reconnect(broker, &mut subscriber);
            subscriber.expect_pubrel(id);
        }
        subscriber.send(&pubcomp(id).packet());
        subscriber.barrier();
        reconnect(broker, &mut subscriber).expect_nothing();
    }

    fn mqtt5_4_3_3_6_after_pubrel_the_publish_is_never_sent_again(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        publisher.publish("a", "x", QoS::ExactlyOnce);
        let id = subscriber.expect_publish().id;
        subscriber.send(&pubrec(id).packet());
        subscriber.expect_pubrel(id);
        for _ in 0..3 {
            subscriber = reconnect(broker, &mut subscriber);
            subscriber.expect_pubrel(id);
            subscriber.expect_nothing();
        }
        // A late PUBREC changes nothing.
        subscriber.send(&pubrec(id).packet());
        subscriber.expect_pubrel(id);
        subscriber = reconnect(broker, &mut subscriber);
        subscriber.expect_pubrel(id);
        subscriber.send(&pubcomp(id).packet());
        subscriber.expect_nothing();
    }

    fn mqtt5_4_3_3_7_a_message_does_not_expire_once_it_was_sent(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        let message = || publish("a").property(Property::MessageExpiryInterval(1));
        publisher.publish_packet(message().payload(b"received"), QoS::ExactlyOnce);
        publisher.publish_packet(message().payload(b"sent"), QoS::ExactlyOnce);
        let [received, sent] = [subscriber.expect_publish().id, subscriber.expect_publish().id];
        subscriber.send(&pubrec(received).packet());
        subscriber.expect_pubrel(received);
        broker.advance(Duration::from_millis(1900));
        let mut subscriber = reconnect(broker, &mut subscriber);
        subscriber.expect_pubrel(received);
        subscriber.send(&pubcomp(received).packet());
        let again = subscriber.expect_publish();
        assert_eq!((again.id, again.payload), (sent, b"sent".to_vec()));
        subscriber.send(&pubrec(sent).packet());
        assert_eq!(subscriber.expect_pubrel(sent).reason, ReasonCode::Success);
    }

    fn mqtt5_4_3_3_8_pubrec_tells_that_the_message_was_taken_over(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        subscriber.disconnect();
        for id in [1, 300, 65_535] {
            publisher.send(&publish("a").payload(format!("{id}").as_bytes()).qos2(id).packet());
            assert_eq!(publisher.expect_pubrec(id).reason, ReasonCode::Success);
        }
        for id in [1, 300, 65_535] {
            publisher.send(&pubrel(id).packet());
            publisher.expect_pubcomp(id);
        }
        publisher.drop_connection();
        let mut subscriber = reconnect(broker, &mut subscriber);
        assert_eq!(texts(&subscriber.take(3)), ["1", "300", "65535"]);
    }

    fn mqtt5_4_3_3_10_before_pubrel_a_repeated_message_gets_pubrec_and_is_not_passed_on(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        publisher.send(&publish("a").payload(b"x").qos2(1).packet());
        publisher.expect_pubrec(1);
        for dup in [publish("a").qos2(1).dup(), publish("a").qos2(1)] {
            publisher.send(&dup.payload(b"x").packet());
            assert_eq!(publisher.expect_pubrec(1).reason, ReasonCode::Success);
        }
        publisher.drop_connection();
        let mut publisher = broker.connect(connect5("publisher").session_expiry(100).clean_start(false));
        publisher.send(&publish("a").payload(b"x").qos2(1).dup().packet());
        assert_eq!(publisher.expect_pubrec(1).reason, ReasonCode::Success);
        broker.settle();
        assert_eq!(texts(&subscriber.drain_publishes()), ["x"]);
        publisher.send(&pubrel(1).packet());
        assert_eq!(publisher.expect_pubcomp(1).reason, ReasonCode::Success);
    }

    fn mqtt5_4_3_3_10_a_repeat_right_behind_the_message_is_not_passed_on(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        let (message, end) = (publish("a").payload(b"x").qos2(7), pubrel(7));
        let repeat = message.clone().dup();
        let run: Vec<u8> = [message.packet(), repeat.packet(), end.packet()]
            .iter()
            .flat_map(|packet| raw::encode(ProtocolVersion::Mqtt5, packet))
            .collect();
        for number in 0..3 {
            publisher.send_bytes(&run);
            let mut answers = publisher.drain_settled(broker);
            let last = answers.pop();
            assert!(matches!(last, Some(OwnedPacket::PubComp(end)) if end.reason == ReasonCode::Success));
            // One PUBREC may answer both, if it is sent behind the second.
            assert!((1..=2).contains(&answers.len()), "{answers:?}");
            assert!(answers.iter().all(|answer| matches!(answer, OwnedPacket::PubRec(ack) if ack.id == 7)));
            assert_eq!(texts(&subscriber.take(1)), ["x"], "round {number}");
            subscriber.expect_nothing();
        }
    }

    fn mqtt5_4_3_3_11_pubrel_is_answered_by_pubcomp_with_its_identifier(broker: &mut Broker) {
        let (_, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        for id in [1, 256, 65_535] {
            publisher.send(&publish("a").qos2(id).packet());
            publisher.expect_pubrec(id);
        }
        publisher.drop_connection();
        let mut publisher = broker.connect(connect5("publisher").session_expiry(100).clean_start(false));
        for id in [1, 256, 65_535] {
            publisher.send(&pubrel(id).packet());
            assert_eq!(publisher.expect_pubcomp(id).reason, ReasonCode::Success);
        }
    }

    fn mqtt5_4_3_3_12_after_pubcomp_the_identifier_means_a_new_message(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        for _ in 0..3 {
            publisher.send(&publish("a").payload(b"x").qos2(1).packet());
            publisher.expect_pubrec(1);
            publisher.send(&pubrel(1).packet());
            publisher.expect_pubcomp(1);
        }
        assert_eq!(texts(&subscriber.take(3)), ["x", "x", "x"]);
    }

    fn mqtt5_4_3_3_13_the_handshake_is_finished_for_an_expired_message(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher").session_expiry(100));
        let message = publish("a").property(Property::MessageExpiryInterval(1)).qos2(1);
        publisher.send(&message.packet());
        publisher.expect_pubrec(1);
        broker.advance(Duration::from_millis(1900));
        publisher.send(&message.dup().packet());
        assert_eq!(publisher.expect_pubrec(1).reason, ReasonCode::Success);
        publisher.send(&pubrel(1).packet());
        assert_eq!(publisher.expect_pubcomp(1).reason, ReasonCode::Success);
    }
}

statements_with! {
    |setup| { setup.access = true; }

    fn mqtt5_4_3_3_9_after_a_refusing_pubrec_the_identifier_means_a_new_message(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::ExactlyOnce);
        publisher.send(&publish("forbidden/a").qos2(1).packet());
        assert_eq!(publisher.expect_pubrec(1).reason, ReasonCode::NotAuthorized);
        publisher.send(&publish("a").payload(b"x").qos2(1).packet());
        assert_eq!(publisher.expect_pubrec(1).reason, ReasonCode::Success);
        assert_eq!(texts(&subscriber.take(1)), ["x"]);
    }
}

statements_in_memory! {
    |setup| {
        setup.limits.receive_maximum = 1000;
        setup.limits.inflight_messages_max = 2000;
        setup.limits.queued_messages_max = 10_000;
    }

    fn mqtt5_4_3_2_1_identifiers_go_round_past_one_that_is_in_use(broker: &mut Broker) {
        let (mut subscriber, mut publisher) = subscriber_and_publisher(broker, QoS::AtLeastOnce);
        publisher.publish("a", "never acknowledged", QoS::AtLeastOnce);
        let unfinished = subscriber.expect_publish().id;
        for round in 0..67 {
            for id in 1..=1000 {
                publisher.send(&publish("a").qos1(id).packet());
            }
            assert_eq!(publisher.drain_settled(broker).len(), 1000);
            let received = subscriber.drain_publishes();
            assert_eq!(received.len(), 1000, "round {round}");
            for publish in received {
                assert_ne!(publish.id, unfinished);
                subscriber.acknowledge(&publish);
            }
        }
    }
}
