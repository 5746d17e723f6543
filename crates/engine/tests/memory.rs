//! The memory that the broker may take is used up: what takes more is refused, all else goes on.

mod common;

use common::{Broker, NONE, V5, V311, connection, id};
use martlet_engine::{Config, Features, Input};
use martlet_wire::{Delivery, Packet, Properties, Publish, QoS, TopicName};

const SHORT: Input<'_> = Input::Memory { is_short: true };
const ENOUGH: Input<'_> = Input::Memory { is_short: false };

fn at_least_once(number: u16) -> Delivery {
    Delivery::new(QoS::AtLeastOnce, false, id(number))
}

/// A broker with a subscriber, a publisher of each version, and no memory left.
fn without_memory(features: Features) -> Broker {
    let mut broker = Broker::with(Config { features, ..Config::default() });
    broker.connect(1, V5, "subscriber", false, 100);
    broker.connect(2, V5, "publisher", true, 0);
    broker.connect(100, V311, "older", true, 0);
    broker.sync();
    broker.subscribe(1, "t", QoS::AtLeastOnce);
    broker.sync();
    broker.handle(SHORT);
    broker
}

/// A retained message to `r`.
fn retain(broker: &mut Broker, delivery: Delivery, payload: &[u8]) -> Vec<String> {
    let topic = TopicName::parse("r").ok();
    let publish = Publish { topic, delivery, retain: true, properties: Properties::EMPTY, payload };
    broker.send(2, V5, &Packet::Publish(publish))
}

#[test]
fn a_message_with_an_acknowledgement_is_refused_and_one_without_goes_through() {
    let mut broker = without_memory(Features::default());
    assert_eq!(broker.publish(2, V5, at_least_once(1), b"one"), ["2: ACK 1 QuotaExceeded"]);
    assert_eq!(broker.publish(2, V5, Delivery::AtMostOnce, b"two"), ["1: PUBLISH 0 two"]);
    broker.handle(ENOUGH);
    broker.publish(2, V5, at_least_once(1), b"three");
    assert_eq!(broker.sync(), ["1: PUBLISH 1 three", "2: ACK 1 Success"]);
}

#[test]
fn a_client_of_3_1_1_sends_its_message_again_when_there_is_memory() {
    let mut broker = without_memory(Features::default());
    assert_eq!(broker.publish(100, V311, at_least_once(1), b"one"), NONE);
    assert_eq!(broker.closed, []);
    broker.handle(ENOUGH);
    assert_eq!(broker.sync(), NONE);
    assert_eq!(broker.closed, [connection(100)]); // [MQTT311-4.8.0-2]
}

#[test]
fn retained_messages_are_refused_and_may_be_cleared() {
    let mut broker = without_memory(Features::default());
    broker.handle(ENOUGH);
    retain(&mut broker, Delivery::AtMostOnce, b"old");
    broker.sync();
    broker.handle(SHORT);
    assert_eq!(retain(&mut broker, at_least_once(1), b"new"), ["2: ACK 1 QuotaExceeded"]);
    assert_eq!(retain(&mut broker, Delivery::AtMostOnce, b"new"), NONE);
    broker.subscribe(1, "t", QoS::AtLeastOnce);
    broker.handle(ENOUGH);
    broker.subscribe(1, "r", QoS::AtLeastOnce);
    assert!(broker.sync().contains(&"1: PUBLISH 0 old".to_owned()));
    broker.handle(SHORT);
    retain(&mut broker, at_least_once(2), b"");
    assert!(broker.sync().contains(&"2: ACK 2 Success".to_owned()));
}

#[test]
fn new_sessions_are_refused_and_those_that_are_there_go_on() {
    let mut broker = without_memory(Features::default());
    assert_eq!(broker.connect(3, V5, "new", true, 0), ["3: CONNACK QuotaExceeded false"]);
    assert_eq!(broker.connect(101, V311, "new", true, 0), ["101: CONNACK ServerUnavailable false"]);
    broker.handle(Input::Closed { connection: connection(1) });
    broker.drain();
    broker.connect(4, V5, "subscriber", false, 100);
    assert_eq!(broker.sync(), ["4: CONNACK Success true"]);
}

#[test]
fn new_subscriptions_are_refused_and_those_that_are_there_may_be_changed() {
    let mut broker = without_memory(Features::default());
    assert_eq!(broker.subscribe(2, "u", QoS::AtMostOnce), ["2: SUBACK QuotaExceeded"]);
    broker.subscribe(1, "t", QoS::AtMostOnce);
    assert_eq!(broker.sync(), ["1: SUBACK"]);
}

#[test]
fn messages_of_qos_0_do_not_wait_for_clients_that_are_away() {
    let mut broker = without_memory(Features { queue_qos0: true, ..Features::default() });
    broker.handle(Input::Closed { connection: connection(1) });
    broker.drain();
    broker.publish(2, V5, Delivery::AtMostOnce, b"one");
    let status = broker.engine.status();
    assert_eq!((status.queued_messages, status.dropped_queue_full), (0, 1));
}
