//! The face without `async`.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;

use common::{DEADLINE, address, broker, options};
use martlet_client::{ConnectError, PublishError, QoS, State, Will, blocking};

#[test]
fn every_qos() {
    let broker = broker();
    let client = blocking::Client::connect(options(address(&broker))).unwrap();
    assert!(matches!(client.state(), State::Connected(_)));
    let mut stream = client.subscribe("t").unwrap();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        client.publish("t", "text").qos(qos).send().unwrap();
        assert_eq!(stream.recv_timeout(DEADLINE).unwrap().text(), Some("text"));
    }
    assert!(stream.recv_timeout(Duration::from_millis(10)).is_none());
    stream.unsubscribe().unwrap();
    client.disconnect().unwrap();
    assert_eq!(client.publish("t", "").send().unwrap_err(), PublishError::Closed);
}

#[test]
fn a_stream_is_an_iterator_and_ends_with_the_client() {
    let broker = broker();
    let client = blocking::Client::connect(options(address(&broker))).unwrap();
    let stream = client.subscribe_with("t", |subscribe| subscribe.qos(QoS::AtLeastOnce)).unwrap();
    let reading = std::thread::spawn(move || stream.map(|message| message.payload().len()).sum::<usize>());
    let completions: Vec<_> =
        (0..100).map(|_| client.publish("t", "abc").qos(QoS::AtLeastOnce).enqueue().unwrap()).collect();
    for completion in completions {
        completion.wait().unwrap();
    }
    // Comes back behind all of them.
    let mut end = client.subscribe("end").unwrap();
    client.publish("end", "").qos(QoS::AtLeastOnce).send().unwrap();
    end.recv().unwrap();
    client.disconnect().unwrap();
    assert_eq!(reading.join().unwrap(), 300);
}

#[test]
fn dropping_disconnects_in_good_order() {
    let broker = broker();
    let watcher = blocking::Client::connect(options(address(&broker))).unwrap();
    let mut all = watcher.subscribe("#").unwrap();
    let will = Will::new("will", "not in good order");
    let client = blocking::Client::connect(options(address(&broker)).will(will)).unwrap();
    client.publish("t", "last").qos(QoS::ExactlyOnce).enqueue().unwrap();
    let stream = client.subscribe("t").unwrap();
    drop(client);
    drop(stream);
    assert_eq!(all.recv_timeout(DEADLINE).unwrap().text(), Some("last"));
    watcher.publish("end", "end").qos(QoS::AtLeastOnce).send().unwrap();
    assert_eq!(all.recv_timeout(DEADLINE).unwrap().text(), Some("end"));
}

#[test]
fn requests() {
    let broker = broker();
    let service = blocking::Client::connect(options(address(&broker))).unwrap();
    let mut requests = service.subscribe("echo").unwrap();
    let answering = std::thread::spawn(move || {
        let request = requests.recv().unwrap();
        service.reply(&request, request.payload()).unwrap().send().unwrap();
    });
    let client = blocking::Client::connect(options(address(&broker))).unwrap();
    let answer = client.requester().unwrap().request("echo", "hello", DEADLINE).unwrap();
    assert_eq!(answer.text(), Some("hello"));
    answering.join().unwrap();
}

#[test]
fn errors_are_those_of_the_other_face() {
    let broker = broker();
    let address = address(&broker);
    drop(broker);
    assert!(matches!(blocking::Client::connect(options(address)), Err(ConnectError::Io(_))));
}
