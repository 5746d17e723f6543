//! How connections and brokers begin and end.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use common::{
    CONNACK_311, Client, DISCONNECT, broker, connect_5, connect_311, options, puback, publish_1, suback,
    subscribe, wait_until,
};
use martlet_server::{Broker, Host, ListenAddress, Options, StartError};

#[test]
fn shutdown_tells_clients_of_mqtt_5_and_closes_all() {
    let broker = broker(4);
    let mut clients: Vec<Client> = (0..8)
        .map(|number| {
            let mut client = Client::open(broker.local_addrs()[0]);
            client.send(&connect_5(&format!("client{number}")));
            let connack = client.receive().unwrap();
            assert_eq!((connack[0], connack[3]), (0x20, 0), "{connack:02x?}");
            client
        })
        .collect();
    let mut old = Client::connect(&broker, "old");
    let mut silent = Client::open(broker.local_addrs()[0]);
    broker.shutdown().unwrap();
    for client in &mut clients {
        let packet = client.receive().unwrap();
        assert_eq!((packet[0], packet[2]), (0xE0, 0x8B), "{packet:02x?}");
        client.expect_end();
    }
    old.expect_end();
    silent.expect_end();
}

#[test]
fn what_had_come_before_the_end_is_taken() {
    for _ in 0..20 {
        let broker = broker(2);
        let mut clients: Vec<Client> =
            (0..8).map(|number| Client::connect(&broker, &format!("client{number}"))).collect();
        for client in &mut clients {
            client.send(&publish_1("t", 7, b"last"));
        }
        broker.shutdown().unwrap();
        for client in &mut clients {
            assert_eq!(client.receive().as_deref(), Some(&puback(7)[..]));
            client.expect_end();
        }
    }
}

#[test]
fn the_end_waits_for_acknowledgements() {
    const LONG: Duration = Duration::from_mins(1);
    let broker = Broker::start(Options { last_acknowledgements_time_max: LONG, ..options(2) }).unwrap();
    let mut receiver = Client::subscribed(&broker, "receiver", "t", 1);
    let mut publisher = Client::connect(&broker, "publisher");
    publisher.send(&publish_1("t", 1, b""));
    publisher.expect(&puback(1));
    receiver.expect(&publish_1("t", 1, b""));
    let started = Instant::now();
    thread::scope(|scope| {
        let end = scope.spawn(|| broker.shutdown());
        receiver.socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let silence = receiver.socket.read(&mut [0]).unwrap_err();
        assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");
        receiver.send(&puback(1));
        end.join().unwrap().unwrap();
    });
    assert!(started.elapsed() < LONG);
    receiver.expect_end();
}

#[test]
fn shutdown_does_not_wait_for_ever_for_a_client_that_reads_nothing() {
    // At once, while bytes are there that the socket does not take.
    let last_acknowledgements_time_max = Duration::ZERO;
    let broker = Broker::start(Options { last_acknowledgements_time_max, ..options(2) }).unwrap();
    let mut deaf = Client::subscribed(&broker, "deaf", "flood", 1);
    let mut publisher = Client::connect(&broker, "publisher");
    let payload = vec![0; 1 << 20];
    for id in 1..=16 {
        publisher.send(&publish_1("flood", id, &payload));
        publisher.receive().unwrap();
    }
    let started = Instant::now();
    broker.shutdown().unwrap();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    let mut rest = Vec::new();
    let _ = deaf.socket.read_to_end(&mut rest);
}

#[test]
fn a_dropped_broker_is_shut_down_and_its_port_is_free() {
    let first = broker(2);
    let address = first.local_addrs()[0];
    let mut client = Client::connect(&first, "client");
    drop(first);
    client.expect_end();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_second_broker_on_the_port_is_told_so() {
    let first = broker(1);
    let address = first.local_addrs()[0];
    let mut second = options(1);
    second.listeners =
        vec![ListenAddress { host: Host::Named("127.0.0.1".into()), port: address.port() }.into()];
    let error = Broker::start(second).unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }));
    let expected = format!("Address already in use ({address}): is another broker running?");
    assert_eq!(error.to_string(), expected);
    Client::connect(&first, "still here");
}

#[test]
fn a_stopper_ends_a_broker_that_is_waited_for() {
    let broker = broker(2);
    let stopper = broker.stopper();
    let waiting = thread::spawn(move || broker.wait());
    stopper.stop();
    stopper.stop();
    waiting.join().unwrap().unwrap();
}

#[test]
fn five_hundred_connections_leave_nothing_behind() {
    let broker = broker(4);
    let address = broker.local_addrs()[0];
    for round in 0..10 {
        let mut clients = Vec::new();
        for number in 0..50 {
            let name = format!("client{round}-{number}");
            let mut client = Client::open(address);
            match number % 5 {
                0 => {} // no CONNECT
                1 => client.send(&connect_311(&name)[..9]),
                2 => client.send(b"GET / HTTP/1.1\r\n\r\n"),
                _ => {
                    client.send(&connect_311(&name));
                    client.expect(CONNACK_311);
                    client.send(&subscribe("#", 0));
                    client.expect(&suback(0));
                }
            }
            if number % 5 == 4 {
                client.send(DISCONNECT);
            }
            clients.push(client);
        }
        drop(clients);
    }
    wait_until("no connection is left", || broker.connections() == 0);
    broker.shutdown().unwrap();
}

#[test]
fn a_client_that_breaks_the_protocol_is_told_why_although_it_goes_on_sending() {
    let broker = broker(2);
    let mut client = Client::open(broker.local_addrs()[0]);
    client.send(&connect_5("chatty"));
    client.receive().unwrap();
    // A second CONNECT, and much behind it: if the broker just closed, sending it would fail.
    let mut bytes = connect_5("chatty");
    bytes.resize(8 << 20, 0xC0);
    client.send(&bytes);
    let packet = client.receive().unwrap();
    assert_eq!((packet[0], packet[2]), (0xE0, 0x82), "{packet:02x?}");
    client.expect_end();
    drop(client);
    wait_until("the connection is gone", || broker.connections() == 0);
}

#[test]
fn a_connection_too_many_is_closed_and_the_others_stay() {
    let mut options = options(1);
    options.engine.limits.connections_max = 2;
    let broker = Broker::start(options).unwrap();
    let mut first = Client::connect(&broker, "first");
    let mut second = Client::connect(&broker, "second");
    let mut third = Client::open(broker.local_addrs()[0]);
    third.expect_end();
    first.settle();
    second.settle();
    drop(first);
    wait_until("there is room", || broker.connections() == 1);
    let mut fourth = Client::connect(&broker, "fourth");
    fourth.settle();
}
