//! The first steps of a beginner with Paho for Python: a publisher and a subscriber of `example/basic`.

#![forbid(unsafe_code)]

use interop::{Broker, Peer, Process};

#[test]
fn the_subscriber_prints_what_the_publisher_publishes() {
    if !Peer::Paho.is_here() {
        return;
    }
    let broker = Broker::start();
    let port = broker.port().to_string();
    let script = |name| {
        let mut command = Peer::Paho.script(name);
        command.args(["--host", "127.0.0.1", "--port", &port]);
        command
    };

    let mut publisher = Process::start(script("basic_publisher").args(["--interval", "0.1"]));
    assert_eq!(publisher.line(), "Connected: Success");
    let mut subscriber = Process::start(&mut script("basic_subscriber"));
    assert_eq!(subscriber.line(), "Connected: Success");
    let first = number(&subscriber.line());
    for following in first + 1..first + 4 {
        assert_eq!(number(&subscriber.line()), following);
    }

    // The message is retained: it waits for those who come after its publisher has gone.
    publisher.kill();
    let mut late = Process::start(&mut script("basic_subscriber"));
    assert_eq!(late.line(), "Connected: Success");
    assert!(number(&late.line()) >= first + 3);
}

/// The number in `example/basic Message NUMBER`.
fn number(line: &str) -> u32 {
    let number = line.strip_prefix("example/basic Message ").and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("an unexpected line: {line}"))
}
