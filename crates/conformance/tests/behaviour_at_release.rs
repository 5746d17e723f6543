//! QoS 2 messages that take effect when PUBREL comes, which an option asks for.

use conformance::prelude::*;

statements_with! {
    |setup| { setup.features.exactly_once_at_release = true; }

    fn a_qos_2_message_takes_effect_with_pubrel(broker: &mut Broker) {
        for name in ["early", "b", "c"] {
            let mut publisher = broker.connect(connect5(name).session_expiry(100));
            publisher.send(&publish("t").payload(b"m").qos2(7).retain().packet());
            publisher.expect_pubrec(7);
            broker.settle();
            // Whoever subscribes before PUBREL gets it as a new message.
            let mut subscriber = broker.connect(connect5("subscriber"));
            subscriber.subscribe("t", QoS::ExactlyOnce);
            subscriber.expect_nothing();
            // A repeat is none.
            publisher.drop_connection();
            let (mut publisher, connack) = broker.connect_full(connect5(name).session_expiry(100).clean_start(false));
            assert!(connack.session_present);
            publisher.send(&publish("t").payload(b"m").qos2(7).dup().retain().packet());
            publisher.expect_pubrec(7);
            subscriber.expect_nothing();
            publisher.send(&pubrel(7).packet());
            publisher.expect_pubcomp(7);
            let message = subscriber.expect_publish();
            assert_eq!((&message.payload[..], message.retain), (&b"m"[..], false));
            subscriber.acknowledge(&message);
            publisher.send(&pubrel(7).packet());
            assert_eq!(publisher.expect_pubcomp(7).reason, ReasonCode::PacketIdentifierNotFound);
            subscriber.expect_nothing();
            assert!(!publisher.publish_retained("t", "", QoS::AtMostOnce).is_error());
            subscriber.expect_publish();
            subscriber.disconnect();
        }
    }
}

statements_with! {
    |setup| {
        setup.features.exactly_once_at_release = true;
        setup.limits.queued_messages_max = 2;
        setup.limits.receive_maximum = 100;
    }

    fn no_more_messages_wait_for_pubrel_than_allowed(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        for id in 1..=2 {
            publisher.send(&publish("t").payload(b"m").qos2(id).packet());
            assert_eq!(publisher.expect_pubrec(id).reason, ReasonCode::Success);
        }
        publisher.send(&publish("t").payload(b"m").qos2(3).packet());
        assert_eq!(publisher.expect_pubrec(3).reason, ReasonCode::QuotaExceeded);
        publisher.send(&pubrel(1).packet());
        publisher.expect_pubcomp(1);
        publisher.send(&publish("t").payload(b"m").qos2(3).packet());
        assert_eq!(publisher.expect_pubrec(3).reason, ReasonCode::Success);
    }
}
