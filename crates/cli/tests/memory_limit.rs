//! `memory_limit` of the program: what it refuses, and what goes on.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::fs;

use common::process::{Running, free_port, until};
use common::{DEADLINE, Folder, martlet};
use martlet_client::blocking::Client;
use martlet_client::{ConnectError, Options, PublishError, QoS, ReasonCode};

const LIMIT: usize = 40_000_000;

struct Broker {
    folder: Folder,
    port: u16,
    process: Running,
}

impl Broker {
    fn start(name: &str) -> Self {
        let folder = Folder::new(name);
        let port = free_port();
        let file = folder.file("a.conf");
        fs::write(&file, Self::configuration(port, LIMIT)).unwrap();
        let process = Running::start(martlet().args(["-c", &file]));
        Self { folder, port, process }
    }

    fn configuration(port: u16, limit: usize) -> String {
        format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nshards 2\nsys_interval 1\n\
             max_queued_messages 0\nmax_queued_bytes 0\nmemory_limit {limit}\n"
        )
    }

    fn connect(&self, name: &str) -> Result<Client, ConnectError> {
        let options = Options::tcp("127.0.0.1", self.port).client_identifier(name);
        Client::connect(options.clean_start(false).session_expiry(Duration::from_mins(1)))
    }

    fn client(&self, name: &str) -> Client {
        until("nobody listens", || self.connect(name).ok())
    }
}

fn publish(client: &Client) -> Result<(), ReasonCode> {
    let sent = client.publish("queue", vec![b'x'; 100_000]).qos(QoS::AtLeastOnce).send();
    match sent {
        Ok(_) => Ok(()),
        Err(PublishError::Refused { code }) => Err(code),
        Err(error) => panic!("{error:?}"),
    }
}

/// Publishes until it is refused. Answers how many messages were taken.
fn fill(client: &Client) -> usize {
    let taken = (0..).find_map(|count| publish(client).err().map(|code| (count, code)));
    let (taken, code) = taken.unwrap();
    assert_eq!(code, ReasonCode::QuotaExceeded);
    taken
}

#[test]
fn beyond_the_limit_what_would_be_kept_is_refused_until_there_is_memory_again() {
    let broker = Broker::start("memory-limit");
    let away = broker.client("away");
    let _queue = away.subscribe("queue").unwrap();
    away.disconnect().unwrap();
    let observer = broker.client("observer");
    let mut state = observer.subscribe("$SYS/broker/martlet/memory/state").unwrap();
    let mut topic = observer.subscribe("direct").unwrap();
    let publisher = broker.client("publisher");
    let taken = fill(&publisher);
    assert!((LIMIT / 2..LIMIT).contains(&(taken * 100_000)), "{taken} messages were taken");
    // What was in use for a moment only may be free again: then a few more messages are taken.
    let mut more = 0;
    until("the topic does not tell", || {
        more += fill(&publisher);
        (state.recv_timeout(Duration::from_millis(100))?.text() == Some("short")).then_some(())
    });
    let refused = until("a new Session is let in", || {
        more += fill(&publisher);
        broker.connect("new").map(|client| client.disconnect()).err()
    });
    assert!(
        matches!(&refused, ConnectError::Refused(reason) if reason.code == ReasonCode::QuotaExceeded),
        "{refused:?}"
    );
    until("a new subscription is taken", || {
        more += fill(&publisher);
        observer.subscribe("more").err()
    });
    publisher.publish("direct", "1").qos(QoS::AtMostOnce).send().unwrap();
    assert_eq!(topic.recv_timeout(DEADLINE).unwrap().text(), Some("1"));

    // Who fetches what waits sets memory free.
    let options = Options::tcp("127.0.0.1", broker.port).client_identifier("away").clean_start(false);
    let (away, mut queue) = Client::resume(options).unwrap();
    let taken = taken + more;
    for number in 0..taken {
        assert!(queue.recv_timeout(DEADLINE).is_some(), "{number} of {taken}");
    }
    until("there is no memory", || publish(&publisher).ok());
    drop(away);
    let (_, log) = broker.process.end();
    let times = log.matches("memory_limit is reached").count();
    assert!(times > 0, "{log}");
    assert_eq!(log.matches("memory_limit is not reached any more").count(), times, "each once: {log}");
}

#[test]
fn a_higher_limit_takes_effect_on_sighup() {
    let broker = Broker::start("memory-limit-reload");
    let away = broker.client("away");
    let _queue = away.subscribe("queue").unwrap();
    away.disconnect().unwrap();
    let publisher = broker.client("publisher");
    let taken = fill(&publisher);
    let configuration = Broker::configuration(broker.port, 2 * LIMIT);
    fs::write(broker.folder.file("a.conf"), configuration).unwrap();
    broker.process.signal("-HUP");
    until("the limit stays", || publish(&publisher).ok());
    let more = fill(&publisher);
    assert!(more > taken / 2, "{taken}, then {more}");
}
