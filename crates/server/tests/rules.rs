//! Rules that a program hands to a broker.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use common::{
    CONNACK_311, Client, DEADLINE, DISCONNECT, connect_311, connect_311_with_will, options, publish,
    publish_1, wait_until,
};
use martlet_engine::{Access, Decision, Peer, Verdict};
use martlet_server::{Broker, EndError, Rules};
use martlet_wire::{Connect, ReasonCode, TopicName};

/// Asks about everyone but `fatal`, at whom it panics.
struct AskAlways;

impl Access for AskAlways {
    fn connect(&mut self, _peer: &Peer, connect: &Connect<'_>) -> Decision {
        assert_ne!(connect.client_identifier, "fatal", "this panic belongs to the test");
        Decision::Ask
    }
}

fn rules() -> Rules {
    Rules { access: Some(Arc::new(|_| Box::new(AskAlways))), authenticator: None }
}

#[test]
fn the_authenticator_answers_what_the_rules_leave_open() {
    let mut options = options(2);
    options.rules = rules();
    options.rules.authenticator = Some(Arc::new(|question| match question.client_identifier.as_str() {
        "friend" => Verdict::Accept { data: None },
        _ => Verdict::Refuse(ReasonCode::NotAuthorized),
    }));
    let broker = Broker::start(options).unwrap();
    Client::connect(&broker, "friend").settle();
    let mut stranger = Client::open(broker.local_addrs()[0]);
    stranger.send(&connect_311("stranger"));
    stranger.expect(&[0x20, 2, 0, 5]);
    stranger.expect_end();
}

#[test]
fn nobody_is_let_in_when_there_is_nobody_to_ask() {
    let mut options = options(2);
    options.rules = rules();
    let broker = Broker::start(options).unwrap();
    let mut client = Client::open(broker.local_addrs()[0]);
    client.send(&connect_311("client"));
    let connack = client.receive().unwrap();
    assert_ne!(connack, CONNACK_311);
    client.expect_end();
}

/// Stops the shard when someone publishes to `gate`, until the test lets it go on.
struct Gate {
    reached: Sender<()>,
    opened: Arc<Mutex<Receiver<()>>>,
}

impl Access for Gate {
    fn connect(&mut self, _peer: &Peer, _connect: &Connect<'_>) -> Decision {
        Decision::Accept
    }

    fn publish(&mut self, _client: &str, topic: TopicName<'_>) -> bool {
        if topic.as_str() == "gate" {
            self.reached.send(()).unwrap();
            self.opened.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        }
        true
    }
}

#[test]
fn what_a_client_sent_counts_although_it_left_without_reading_the_answers() {
    let (reached, is_reached) = channel();
    let (open, opened) = channel();
    let opened = Arc::new(Mutex::new(opened));
    let gate =
        move |_| Box::new(Gate { reached: reached.clone(), opened: Arc::clone(&opened) }) as Box<dyn Access>;
    let mut options = options(1);
    options.rules = Rules { access: Some(Arc::new(gate)), authenticator: None };
    let broker = Broker::start(options).unwrap();
    let mut subscriber = Client::subscribed(&broker, "subscriber", "log", 0);
    let mut will_reader = Client::subscribed(&broker, "will reader", "will", 0);
    let mut publisher = Client::open(broker.local_addrs()[0]);
    publisher.send(&connect_311_with_will("publisher", "will", "gone"));
    publisher.expect(CONNACK_311);
    publisher.send(&publish_1("log", 1, b"line"));
    publisher.socket.peek(&mut [0]).unwrap();

    Client::connect(&broker, "gatekeeper").send(&publish("gate", b""));
    is_reached.recv_timeout(DEADLINE).unwrap();
    let messages: Vec<Vec<u8>> = (2..=500).map(|id| publish_1("log", id, b"line")).collect();
    publisher.send(&[messages.concat(), DISCONNECT.to_vec()].concat());
    // An acknowledgement stands unread in the socket: closing it resets the connection.
    drop(publisher);
    open.send(()).unwrap();

    for _ in 1..=500 {
        subscriber.expect(&publish("log", b"line"));
    }
    wait_until("the publisher is gone", || broker.connections() == 2);
    will_reader.settle(); // and no Will came
}

#[test]
fn a_shard_that_fails_ends_the_broker() {
    let mut options = options(3);
    options.rules = rules();
    let broker = Broker::start(options).unwrap();
    let mut bystander = Client::open(broker.local_addrs()[0]);
    let mut client = Client::open(broker.local_addrs()[0]);
    client.send(&connect_311("fatal"));
    client.expect_end();
    bystander.expect_end();
    assert_eq!(broker.wait(), Err(EndError::ShardFailed));
}
