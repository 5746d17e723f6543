//! A log that is slow, or that cannot be written to: what may leave the broker meanwhile, and what may not.

mod common;

use common::{Broker, NONE, V5, V311, connection, id};
use martlet_engine::{BatchId, Config, Input};
use martlet_wire::{
    Ack, Delivery, Packet, Properties, QoS, ReasonCode, Subscribe, SubscribeRequest, SubscribeRequests,
    SubscriptionOptions, TopicFilter, TopicFilters, Unsubscribe,
};

/// A subscriber at QoS 2 whose Session survives.
fn with_subscriber() -> Broker {
    let mut broker = Broker::new();
    broker.connect(1, V5, "subscriber", false, 100);
    broker.sync();
    broker.subscribe(1, "t", QoS::ExactlyOnce);
    assert_eq!(broker.sync(), ["1: SUBACK"]);
    broker
}

#[test]
fn whoever_cannot_be_told_that_a_message_was_put_off_is_closed_once_it_can_be_taken() {
    let mut broker = with_subscriber();
    broker.connect(100, V311, "publisher", false, 0);
    broker.sync();
    broker.handle(Input::LogStalled);
    assert_eq!(broker.publish(100, V311, Delivery::new(QoS::AtLeastOnce, false, id(1)), b"one"), NONE);
    // It needs no log, but the first comes again, and this one may not come before it.
    let delivery = Delivery::new(QoS::AtLeastOnce, false, id(2));
    assert_eq!(broker.publish_to("nobody/wants/it", 100, V311, delivery, b"two"), NONE);
    broker.handle(Input::Closed { connection: connection(1) });
    broker.drain();
    assert_eq!(broker.closed, []);
    assert_eq!(broker.sync(), NONE);
    assert_eq!(broker.closed, [connection(100)]); // [MQTT311-4.8.0-2]
}

#[test]
fn whoever_is_closed_since_a_message_was_put_off_gets_the_acknowledgements_before_it() {
    let mut config = Config::default();
    config.features.exactly_once_at_release = true;
    config.limits.queued_messages_max = 1;
    let mut broker = Broker::with(config);
    broker.connect(100, V311, "publisher", false, 0);
    broker.sync();
    for number in 1..3 {
        // There is room for one message that waits for its PUBREL.
        let delivery = Delivery::new(QoS::ExactlyOnce, false, id(number));
        assert_eq!(broker.publish(100, V311, delivery, b"m"), NONE);
    }
    assert_eq!(broker.closed, []);
    // Without PUBREC it would repeat both for ever.
    assert_eq!(broker.sync(), ["100: ACK 1 Success"]);
    assert_eq!(broker.closed, [connection(100)]);
}

#[test]
fn what_the_log_may_not_have_is_not_sent_again_while_it_cannot_be_written_to() {
    let mut broker = with_subscriber();
    broker.connect(2, V5, "publisher", true, 0);
    broker.publish(2, V5, Delivery::new(QoS::ExactlyOnce, false, id(1)), b"one");
    assert_eq!(broker.sync(), ["1: PUBLISH 1 one", "2: ACK 1 Success"]);
    assert_eq!(broker.send(1, V5, &Packet::PubRec(Ack::success(id(1)))), NONE, "PUBREL waits");
    broker.handle(Input::LogStalled);
    assert_eq!(broker.connect(3, V5, "subscriber", false, 100)[1..], ["3: CONNACK Success true"]);
    // After a crash now, the message would be sent again.
    assert_eq!(broker.crash().connect(4, V5, "subscriber", false, 100), NONE);
    assert_eq!(broker.sync(), ["3: PUBREL"]);
}

#[test]
fn a_message_that_waited_goes_before_those_that_need_not() {
    let mut broker = Broker::new();
    broker.connect(1, V5, "subscriber", false, 100);
    broker.sync();
    broker.subscribe(1, "t", QoS::AtMostOnce);
    // Behind SUBACK, which waits.
    assert_eq!(broker.publish(1, V5, Delivery::AtMostOnce, b"one"), NONE);
    broker.handle(Input::LogStalled);
    let lines = broker.publish(1, V5, Delivery::AtMostOnce, b"two");
    assert_eq!(lines, ["1: PUBLISH 0 one", "1: PUBLISH 0 two"]);
    assert_eq!(broker.sync(), ["1: SUBACK"]);
}

#[test]
fn a_session_that_a_crash_would_bring_back_is_not_said_to_be_gone() {
    let mut broker = with_subscriber();
    broker.handle(Input::LogStalled);
    let refused = ["2: CONNACK ServerUnavailable false"];
    assert_eq!(broker.connect(2, V5, "subscriber", true, 0), refused);
    // With Session Expiry Interval 0 it would end when the next connection takes this one over.
    let lines = broker.connect(3, V5, "subscriber", false, 0);
    assert_eq!(lines.last().map(String::as_str), Some("3: CONNACK Success true"));
    let refused = ["4: CONNACK ServerUnavailable false"];
    assert_eq!(broker.connect(4, V5, "subscriber", false, 100), refused);
    broker.sync();
    let lines = broker.connect(5, V5, "subscriber", true, 0);
    assert_eq!(lines, ["3: DISCONNECT"]);
    assert_eq!(broker.sync(), ["5: CONNACK Success false"]);
}

#[test]
fn that_there_is_no_subscription_is_told_once_its_end_is_durable() {
    let filters = [TopicFilter::parse("t").unwrap()];
    let unsubscribe = |id| {
        let filters = TopicFilters::list(&filters);
        Packet::Unsubscribe(Unsubscribe { id, properties: Properties::EMPTY, filters })
    };
    // A client of 5.0 would be refused; one of 3.1.1 cannot be.
    let mut broker = Broker::new();
    broker.connect(100, V311, "subscriber", false, 0);
    broker.sync();
    let request = SubscribeRequest {
        filter: filters[0],
        options: SubscriptionOptions { maximum_qos: QoS::AtLeastOnce, ..SubscriptionOptions::default() },
    };
    let requests = [request];
    let requests = SubscribeRequests::list(&requests);
    let subscribe = Subscribe { id: id(1), properties: Properties::EMPTY, requests };
    broker.send(100, V311, &Packet::Subscribe(subscribe));
    assert_eq!(broker.sync(), ["100: SUBACK"]);
    broker.handle(Input::LogStalled);
    assert_eq!(broker.send(100, V311, &unsubscribe(id(2))), NONE);
    broker.connect(101, V311, "subscriber", false, 0);
    assert_eq!(broker.send(101, V311, &unsubscribe(id(3))), NONE);
    assert_eq!(broker.sync(), ["101: UNSUBACK"]);
}

#[test]
fn what_was_never_sent_goes_to_another_member_of_a_shared_subscription() {
    let mut broker = Broker::new();
    for (index, name) in [(1, "one"), (2, "other"), (3, "publisher")] {
        broker.connect(index, V5, name, false, 100);
        broker.sync();
    }
    broker.subscribe(1, "$share/g/t", QoS::ExactlyOnce);
    broker.sync();
    broker.publish(3, V5, Delivery::new(QoS::ExactlyOnce, false, id(1)), b"m");
    broker.subscribe(2, "$share/g/t", QoS::ExactlyOnce);
    // The message has a Packet Identifier, and waits for the log when its Session ends.
    assert_eq!(broker.connect(4, V5, "one", true, 0), ["1: DISCONNECT"]);
    let lines = broker.sync();
    assert!(lines.contains(&"2: PUBLISH 1 m".to_owned()), "{lines:?}");
}

#[test]
fn messages_that_move_to_another_session_at_the_start_are_counted_once() {
    let mut broker = Broker::new();
    broker.connect(1, V5, "one", false, 100);
    broker.sync();
    broker.subscribe(1, "$share/g/t", QoS::AtLeastOnce);
    broker.sync();
    broker.handle(Input::Closed { connection: connection(1) });
    broker.connect(2, V5, "publisher", true, 0);
    for number in 1..4 {
        broker.publish(2, V5, Delivery::new(QoS::AtLeastOnce, false, id(number)), b"m");
    }
    broker.connect(3, V5, "other", false, 100);
    broker.sync();
    broker.subscribe(3, "$share/g/t", QoS::AtLeastOnce);
    broker.sync();
    // The first one has a connection with Session Expiry Interval 0 when the power fails: its messages move.
    broker.connect(4, V5, "one", false, 0);
    broker.sync();
    let crashed = broker.crash();
    assert_eq!((crashed.engine.status().sessions, crashed.engine.status().queued_messages), (1, 3));
}

#[test]
fn a_refusal_is_told_at_once() {
    let mut broker = with_subscriber();
    broker.connect(2, V5, "publisher", true, 0);
    broker.sync();
    broker.handle(Input::LogStalled);
    let lines = broker.publish(2, V5, Delivery::new(QoS::AtLeastOnce, false, id(7)), b"m");
    assert_eq!(lines, [format!("2: ACK 7 {:?}", ReasonCode::QuotaExceeded)]);
}

#[test]
fn nobody_is_read_from_while_too_much_waits_for_the_log() {
    let mut config = Config::default();
    config.limits.unpersisted_bytes_max = 1_000;
    let mut broker = Broker::with(config);
    broker.connect(1, V5, "subscriber", false, 100);
    broker.sync();
    broker.subscribe(1, "t", QoS::AtLeastOnce);
    broker.connect(2, V5, "publisher", true, 0);
    broker.sync();
    for (number, accepts) in [(1, true), (2, false)] {
        broker.publish(2, V5, Delivery::new(QoS::AtLeastOnce, false, id(number)), &[b'x'; 600]);
        assert_eq!(broker.engine.accepts(connection(2)), accepts, "{number}");
    }
    broker.sync();
    assert!(broker.engine.accepts(connection(2)));
}

#[test]
fn what_a_start_cannot_make_durable_is_not_acknowledged_before_it_is() {
    let mut broker = with_subscriber();
    broker.connect(2, V5, "publisher", false, 100);
    broker.sync();
    let delivery = |dup| Delivery::new(QoS::ExactlyOnce, dup, id(1));
    assert_eq!(broker.publish(2, V5, delivery(false), b"one"), NONE);
    for index in [1, 2] {
        broker.handle(Input::Closed { connection: connection(index) });
    }
    assert_eq!(broker.drain(), NONE);
    // Killed now, and the machine goes on; but what it has cannot be written to the disk.
    let mut broker = broker.killed();
    // Sessions that were there before are there at once.
    assert_eq!(broker.connect(3, V5, "publisher", false, 100), ["3: CONNACK Success true"]);
    assert_eq!(broker.connect(4, V5, "subscriber", false, 100), ["4: CONNACK Success true"]);
    // A loss of power now would lose the message.
    assert_eq!(broker.publish(3, V5, delivery(true), b"one"), NONE);
    broker.handle(Input::LogStalled);
    assert_eq!(broker.drain(), NONE);
    let mut lines = broker.sync();
    lines.sort();
    assert_eq!(lines, ["3: ACK 1 Success", "4: PUBLISH 1 one"]);
}

#[test]
fn a_session_whose_end_a_start_cannot_make_durable_is_not_said_to_be_gone() {
    let mut broker = with_subscriber();
    assert_eq!(broker.connect(2, V5, "subscriber", true, 0), ["1: DISCONNECT"]);
    broker.connect(3, V5, "newcomer", true, 100);
    let mut broker = broker.killed();
    assert_eq!(broker.connect(4, V5, "subscriber", true, 0), ["4: CONNACK ServerUnavailable false"]);
    assert_eq!(broker.connect(5, V5, "newcomer", false, 100), ["5: CONNACK ServerUnavailable false"]);
    // Others get along without the log.
    assert_eq!(broker.connect(6, V5, "other", true, 0), ["6: CONNACK Success false"]);
    broker.subscribe(6, "t", QoS::AtMostOnce);
    assert_eq!(broker.publish(6, V5, Delivery::AtMostOnce, b"m"), ["6: PUBLISH 0 m"]);
    broker.sync();
    assert_eq!(broker.connect(7, V5, "subscriber", true, 0), ["7: CONNACK Success false"]);
}

#[test]
fn that_there_is_no_session_is_told_once_the_end_of_the_one_before_is_durable() {
    let mut broker = with_subscriber();
    assert_eq!(broker.connect(2, V5, "subscriber", true, 0), ["1: DISCONNECT"]);
    broker.handle(Input::Closed { connection: connection(2) });
    // Its CONNACK never left. Nothing of the Session is left here, but a crash now would bring it back.
    assert_eq!(broker.crash().connect(9, V5, "subscriber", false, 100), NONE);
    assert_eq!(broker.connect(3, V5, "subscriber", true, 0), NONE);
    assert_eq!(broker.connect(4, V5, "other", true, 0), ["4: CONNACK Success false"]);
    assert_eq!(broker.sync(), ["3: CONNACK Success false"]);
    broker.handle(Input::Closed { connection: connection(3) });
    assert_eq!(broker.connect(5, V5, "subscriber", true, 0), ["5: CONNACK Success false"]);
}

#[test]
fn while_the_log_stalls_nobody_is_let_in_whose_session_it_may_not_know() {
    let mut broker = with_subscriber();
    broker.connect(2, V5, "subscriber", true, 0);
    broker.connect(3, V5, "newcomer", false, 100);
    broker.handle(Input::LogStalled);
    let refused = |index| [format!("{index}: CONNACK ServerUnavailable false")];
    assert_eq!(broker.connect(4, V5, "subscriber", true, 0), refused(4));
    assert_eq!(broker.connect(5, V5, "newcomer", false, 100), refused(5));
    broker.sync();
    broker.handle(Input::LogStalled);
    let lines = broker.connect(6, V5, "newcomer", false, 100);
    assert_eq!(lines.last().map(String::as_str), Some("6: CONNACK Success true"));
}

#[test]
fn a_message_whose_pubrel_comes_while_the_log_stalls_takes_effect_once_with_the_next_one() {
    for (index, version) in [(3, V5), (100, V311)] {
        let mut config = Config::default();
        config.features.exactly_once_at_release = true;
        let mut broker = Broker::with(config);
        broker.connect(1, V5, "subscriber", true, 0);
        broker.subscribe(1, "t", QoS::AtMostOnce);
        broker.connect(2, V5, "other", false, 100);
        broker.connect(index, version, "publisher", false, 100);
        broker.sync();
        for (number, payload) in [(1, b"one"), (2, b"two")] {
            let delivery = Delivery::new(QoS::ExactlyOnce, false, id(number));
            broker.publish(index, version, delivery, payload);
        }
        broker.sync();
        broker.handle(Input::LogStalled);
        broker.handle(Input::Closed { connection: connection(2) });
        assert_eq!(broker.drain(), NONE);
        let pubrel = |number| Packet::PubRel(Ack::success(id(number)));
        assert_eq!(broker.send(index, version, &pubrel(1)), NONE);
        // The log goes on, but what was written before that PUBREL is not durable yet. The second may not overtake the first.
        broker.handle(Input::Persisted(BatchId(0)));
        assert_eq!(broker.send(index, version, &pubrel(2)), NONE);
        assert_eq!(broker.closed, []);
        broker.sync();
        assert_eq!(broker.closed, [connection(index)]);
        broker.connect(index + 1, version, "publisher", false, 100);
        assert_eq!(broker.sync(), [format!("{}: CONNACK Success true", index + 1)]);
        for (number, payload) in [(1, "one"), (2, "two")] {
            let lines = broker.send(index + 1, version, &pubrel(number));
            assert_eq!(lines, [format!("1: PUBLISH 0 {payload}")]);
            assert_eq!(broker.sync(), [format!("{}: PUBCOMP", index + 1)]);
        }
    }
}
