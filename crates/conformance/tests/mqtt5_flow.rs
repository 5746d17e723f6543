//! Chapter 4.9 of MQTT 5.0: flow control.

use conformance::extra::texts;
use conformance::prelude::*;

/// A client with this Receive Maximum, subscribed to `a` at QoS 2, and a publisher.
fn limited(broker: &mut Broker, receive_maximum: u16) -> (Client, Client) {
    let mut client = broker.connect(connect5("a").session_expiry(100).receive_maximum(receive_maximum));
    client.subscribe("a", QoS::ExactlyOnce);
    (client, broker.connect(connect5("publisher")))
}

fn publish_numbers(publisher: &mut Client, count: u16, qos: QoS) {
    for number in 0..count {
        publisher.publish("a", number.to_string(), qos);
    }
}

statements! {
    /// Covers: MQTT-4.9.0-1, MQTT-4.9.0-2
    fn mqtt5_4_9_0_1_no_more_than_receive_maximum_messages_are_unacknowledged(broker: &mut Broker) {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for maximum in [1, 3] {
                let (mut client, mut publisher) = limited(broker, maximum);
                publish_numbers(&mut publisher, 8, qos);
                broker.settle();
                let first = client.drain_publishes();
                assert_eq!(first.len(), usize::from(maximum), "{qos:?}");
                client.acknowledge(&first[0]);
                broker.settle();
                let next = client.drain_publishes();
                assert_eq!(texts(&next), [maximum.to_string()]);
                client.disconnect();
            }
        }
    }

    fn mqtt5_4_9_0_1_qos_1_and_qos_2_share_the_quota(broker: &mut Broker) {
        let (mut client, mut publisher) = limited(broker, 2);
        publisher.publish("a", "one", QoS::AtLeastOnce);
        publisher.publish("a", "two", QoS::ExactlyOnce);
        publisher.publish("a", "three", QoS::AtLeastOnce);
        publisher.publish("a", "four", QoS::ExactlyOnce);
        broker.settle();
        assert_eq!(texts(&client.drain_publishes()), ["one", "two"]);
    }

    fn mqtt5_4_9_0_1_each_connection_has_its_own_quota(broker: &mut Broker) {
        let (mut client, mut publisher) = limited(broker, 4);
        publish_numbers(&mut publisher, 6, QoS::AtLeastOnce);
        broker.settle();
        assert_eq!(client.drain_publishes().len(), 4);
        client.drop_connection();
        for maximum in [2, 1] {
            let connect = connect5("a").session_expiry(100).clean_start(false);
            let mut client = broker.connect(connect.receive_maximum(maximum));
            assert_eq!(client.drain_publishes().len(), usize::from(maximum));
            client.drop_connection();
        }
        let mut client = broker.connect(connect5("a").clean_start(false));
        assert_eq!(texts(&client.take(6)), ["0", "1", "2", "3", "4", "5"]);
    }

    fn mqtt5_4_9_0_2_a_full_quota_holds_back_messages_for_every_subscription(broker: &mut Broker) {
        let (mut client, mut publisher) = limited(broker, 1);
        client.subscribe("$share/group/b", QoS::AtLeastOnce);
        publisher.publish("a", "one", QoS::AtLeastOnce);
        publisher.publish("b", "two", QoS::AtLeastOnce);
        publisher.publish_retained("c", "three", QoS::AtLeastOnce);
        client.subscribe("c", QoS::AtLeastOnce);
        broker.settle();
        let first = client.drain_publishes();
        assert_eq!(texts(&first), ["one"]);
        client.acknowledge(&first[0]);
        assert_eq!(texts(&client.take(2)), ["two", "three"]);
    }

    fn mqtt5_4_9_0_3_with_quota_0_all_other_packets_are_answered(broker: &mut Broker) {
        let (mut client, mut publisher) = limited(broker, 1);
        publish_numbers(&mut publisher, 5, QoS::ExactlyOnce);
        client.expect_publish();
        client.barrier();
        client.send(&subscribe(1).filter("b", QoS::AtMostOnce).packet());
        client.expect_suback_of(1);
        client.send(&unsubscribe(2).filter("b").packet());
        client.expect_unsuback_of(2);
        client.send(&publish("c").qos1(3).packet());
        client.expect_puback(3);
        client.send(&publish("c").qos2(4).packet());
        client.expect_pubrec(4);
        client.send(&pubrel(4).packet());
        client.expect_pubcomp(4);
        client.expect_nothing();
    }

    fn mqtt5_s4_9_puback_pubcomp_and_refusing_pubrec_give_the_quota_back(broker: &mut Broker) {
        let (mut client, mut publisher) = limited(broker, 1);
        publisher.publish("a", "0", QoS::AtLeastOnce);
        publish_numbers(&mut publisher, 5, QoS::ExactlyOnce);

        let first = client.expect_publish();
        client.expect_nothing();
        client.send(&puback(first.id).reason(ReasonCode::UnspecifiedError).packet());

        let refused = client.expect_publish();
        client.expect_nothing();
        client.send(&pubrec(refused.id).reason(ReasonCode::QuotaExceeded).packet());

        let completed = client.expect_publish();
        client.send(&pubrec(completed.id).packet());
        client.expect_pubrel(completed.id);
        client.expect_nothing();
        client.send(&pubcomp(completed.id).packet());
        assert_eq!(client.expect_publish().payload, b"2");
        client.expect_nothing();
    }

    fn mqtt5_s4_9_more_acknowledgements_than_messages_do_not_raise_the_quota(broker: &mut Broker) {
        let (mut client, mut publisher) = limited(broker, 2);
        publisher.publish("a", "first", QoS::AtLeastOnce);
        let id = client.expect_publish().id;
        for _ in 0..5 {
            client.send(&puback(id).packet());
            client.send(&pubcomp(id).packet());
            client.send(&pubrec(id + 1).reason(ReasonCode::UnspecifiedError).packet());
        }
        client.drain();
        publish_numbers(&mut publisher, 6, QoS::AtLeastOnce);
        broker.settle();
        assert_eq!(texts(&client.drain_publishes()), ["0", "1"]);
    }

    fn mqtt5_s4_9_an_acknowledgement_that_came_twice_gives_back_once(broker: &mut Broker) {
        let (mut client, mut publisher) = limited(broker, 2);
        publish_numbers(&mut publisher, 6, QoS::AtLeastOnce);
        broker.settle();
        let first = client.drain_publishes();
        assert_eq!(first.len(), 2);
        for _ in 0..3 {
            client.send(&puback(first[0].id).packet());
        }
        broker.settle();
        assert_eq!(texts(&client.drain_publishes()), ["2"]);
    }
}

statements_with! {
    |setup| {
        setup.access = true;
        setup.limits.receive_maximum = 2;
    }

    fn mqtt5_s4_9_the_clients_quota_comes_back_with_each_finished_message(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for _ in 0..5 {
            assert_eq!(client.publish("forbidden/a", "x", QoS::AtLeastOnce), ReasonCode::NotAuthorized);
            assert_eq!(client.publish("forbidden/a", "x", QoS::ExactlyOnce), ReasonCode::NotAuthorized);
            assert!(!client.publish("a", "x", QoS::AtLeastOnce).is_error());
            assert!(!client.publish("a", "x", QoS::ExactlyOnce).is_error());
        }
        client.send(&publish("a").qos2(1).packet());
        client.send(&publish("a").qos2(2).packet());
        client.expect_pubrec(1);
        client.expect_pubrec(2);
        client.barrier();
        client.send(&publish("a").qos2(3).packet());
        client.expect_disconnect(ReasonCode::ReceiveMaximumExceeded);
    }
}
