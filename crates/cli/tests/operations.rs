//! What an operator sees of a running broker: topics of the log, the answers to signals, and a disk that fails.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use common::{DEADLINE, Folder, martlet};
use martlet_client::blocking::{Client, Subscription};
use martlet_client::{Options, QoS};

/// A broker that ends with the test.
struct Running {
    process: Child,
    port: u16,
}

impl Running {
    /// Starts one with a configuration behind its listener, by way of a command that ends with the program and its arguments.
    fn start(folder: &Folder, configuration: &str, mut command: Command) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let location = folder.0.display();
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence_location {location}\n{configuration}"
        );
        let file = folder.file_of("a.conf", &text);
        let process =
            command.args(["-c", &file]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { process, port }
    }

    fn client(&self) -> Client {
        let started = Instant::now();
        loop {
            match Client::connect(Options::tcp("127.0.0.1", self.port)) {
                Ok(client) => return client,
                Err(error) => assert!(started.elapsed() < DEADLINE, "{error}"),
            }
        }
    }

    fn signal(&self, name: &str) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &process]).status().unwrap().success());
    }

    /// Ends it: its exit code, and what it wrote to standard output and standard error.
    fn end(mut self) -> (Option<i32>, String, String) {
        self.signal("-TERM");
        let (mut out, mut err) = (String::new(), String::new());
        self.process.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.process.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.process.wait().unwrap().code(), out, err)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for a message with this payload, or a part of it.
fn wait_for(subscription: &mut Subscription, part: &str) -> String {
    loop {
        let message = subscription.recv_timeout(DEADLINE).unwrap_or_else(|| panic!("{part:?} does not come"));
        if message.text().unwrap_or_default().contains(part) {
            return message.topic().to_owned();
        }
    }
}

#[test]
fn the_log_goes_into_topics() {
    let folder = Folder::new("log-topics");
    let broker = Running::start(&folder, "log_dest stderr\nlog_dest topic\nlog_type all\n", martlet());
    let observer = broker.client();
    let mut log = observer.subscribe("$SYS/broker/log/#").unwrap();
    let client = broker.client();
    let subscription = client.subscribe("a/b").unwrap();
    assert_eq!(wait_for(&mut log, "client connected"), "$SYS/broker/log/N");
    assert_eq!(wait_for(&mut log, "filter=\"a/b\""), "$SYS/broker/log/M/subscribe");
    subscription.unsubscribe().unwrap();
    assert_eq!(wait_for(&mut log, "filter=\"a/b\""), "$SYS/broker/log/M/unsubscribe");
    client.publish("x", "secret payload").qos(QoS::AtLeastOnce).send().unwrap();
    let (status, _, err) = broker.end();
    assert_eq!(status, Some(0));
    for part in ["received PUBLISH", "topic=\"x\" qos=1 payload_bytes=14", "sending PUBACK"] {
        assert!(err.contains(part), "{part} is missing: {err}");
    }
    assert!(!err.contains("secret payload"), "{err}");
}

#[test]
fn sigusr2_prints_the_subscriptions() {
    let folder = Folder::new("subscriptions");
    let mut broker = Running::start(&folder, "", martlet());
    let client = broker.client();
    let _subscriptions = ["a/+", "a/b", "$share/g/c"].map(|filter| client.subscribe(filter).unwrap());
    broker.signal("-USR2");
    let mut out = BufReader::new(broker.process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let lines: Vec<String> = out.by_ref().skip_while(|line| line != "  a").take(5).collect();
    let levels: Vec<&str> = lines.iter().map(|line| line.split(" (").next().unwrap()).collect();
    assert_eq!(levels, ["  a", "    +", "    b", "  $share/g", "    c"], "{lines:?}");
    assert!(lines[1].ends_with(", 2)"), "{lines:?}");
}

#[test]
fn the_signals_of_mosquitto_for_log_and_store_end_nothing() {
    let folder = Folder::new("signals");
    let log = folder.file("a.log");
    let broker = Running::start(&folder, &format!("log_dest file {log}\n"), martlet());
    let client = broker.client();
    let mut topic = client.subscribe("a").unwrap();
    std::fs::rename(&log, folder.file("old.log")).unwrap();
    let wait_for_log = |text: &str| {
        let started = Instant::now();
        while !std::fs::read_to_string(&log).is_ok_and(|log| log.contains(text)) {
            assert!(started.elapsed() < DEADLINE, "{text:?} does not come");
            std::thread::yield_now();
        }
    };
    broker.signal("-RTMIN");
    wait_for_log(""); // it is there again
    broker.signal("-USR1");
    wait_for_log("SIGUSR1");
    client.publish("a", "1").send().unwrap();
    assert_eq!(topic.recv_timeout(DEADLINE).unwrap().text(), Some("1"));
    assert_eq!(broker.end().0, Some(0));
}

/// The program with a limit on the size of files, beyond which writing fails as on a full disk.
fn martlet_on_a_small_disk() -> Command {
    let mut command = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"";
    command.stdin(Stdio::null()).args(["-c", script, env!("CARGO_BIN_EXE_martlet")]);
    command
}

#[test]
fn a_full_disk_is_told_once_and_at_the_end() {
    let folder = Folder::new("full-disk");
    let broker = Running::start(&folder, "sys_interval 1\nshards 1\n", martlet_on_a_small_disk());
    let client = broker.client();
    let mut state = client.subscribe("$SYS/broker/martlet/durability/state").unwrap();
    wait_for(&mut state, "ok");
    let mut put_off = client.subscribe("$SYS/broker/martlet/durability/put_off").unwrap();
    let mut topic = client.subscribe("a").unwrap();
    client.publish("small", "1").qos(QoS::AtLeastOnce).retain(true).send().unwrap();
    let large = vec![b'a'; 300_000];
    // What comes behind it on its connection waits for it.
    let publisher = broker.client();
    let waits = publisher.publish("large", large).qos(QoS::AtLeastOnce).retain(true).enqueue().unwrap();
    wait_for(&mut state, "stalled");
    // What needs the disk is refused, all else goes on.
    client.publish("a", "1").qos(QoS::AtMostOnce).send().unwrap();
    assert_eq!(topic.recv_timeout(DEADLINE).unwrap().text(), Some("1"));
    let refused = client.publish("more", "1").qos(QoS::AtLeastOnce).retain(true).send();
    assert!(refused.is_err(), "{refused:?}");
    wait_for(&mut put_off, "1");
    drop(waits);
    let (status, _, err) = broker.end();
    assert_eq!(status, Some(1), "{err}");
    assert_eq!(err.matches("cannot write to the disk").count(), 1, "{err}");
    assert!(err.contains("Error: Not everything could be saved before the end"), "{err}");
}
