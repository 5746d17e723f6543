//! Options for the whole broker: each has its effect when it stands in a configuration.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use common::house::House;
use common::{Client, connect_5, packet, publish, suback, subscribe, text};

const OPEN: &str = "listener 1 127.0.0.1\nallow_anonymous true\n";

#[test]
fn a_retained_message_goes_out_only_if_its_publisher_may_still_write_it_unless_that_does_not_matter() {
    for (line, is_checked) in
        [("", true), ("check_retain_source true", true), ("check_retain_source false", false)]
    {
        let house = House::new("retain-source", &format!("{OPEN}acl_file FOLDER/acl\n{line}\n"));
        let house = house.file("acl", "topic readwrite #\n");
        let broker = house.start();
        let mut publisher = Client::connect(&broker, "publisher");
        publisher.send(&packet(0x31, &[&text("t")[..], b"kept"].concat()));
        publisher.settle();
        house.write("acl", "topic read #\n");
        house.reload(&broker, 1);
        let mut reader = Client::subscribed(&broker, "reader", "t", 0);
        if !is_checked {
            reader.expect(&packet(0x31, &[&text("t")[..], b"kept"].concat()));
        }
        reader.settle();
    }
}

#[test]
fn questions_are_answered_if_they_are_to() {
    let answer = |line: &str| {
        let broker = House::new("control", &format!("{OPEN}{line}\n")).start();
        let mut client = Client::subscribed(&broker, "asks", "$CONTROL/broker/v1/response", 0);
        client.send(&publish("$CONTROL/broker/v1", b"{\"commands\":[{\"command\":\"listListeners\"}]}"));
        String::from_utf8_lossy(&client.receive().unwrap()).into_owned()
    };
    assert!(answer("enable_control_api true").contains("\"listeners\":["));
    assert!(answer("").contains("endpoint not available"));
}

#[test]
fn the_broker_tells_of_itself_as_often_as_it_is_to() {
    let broker = House::new("sys", &format!("{OPEN}shards 3\nsys_interval 1\n")).start();
    let mut client = Client::subscribed(&broker, "watches", "$SYS/broker/martlet/shards/count", 0);
    let told = client.receive().unwrap();
    assert!(told.ends_with(b"3"), "{told:?}");
    // The uptime comes with each interval.
    let mut client = Client::subscribed(&broker, "waits", "$SYS/broker/uptime", 0);
    let started = Instant::now();
    for _ in 0..2 {
        client.receive().unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(8), "ten seconds are the default");
    let silent = House::new("no-sys", &format!("{OPEN}sys_interval 0\n")).start();
    Client::subscribed(&silent, "waits", "$SYS/#", 0).settle();
}

#[test]
fn whoever_says_nothing_is_sent_away_in_time() {
    let configuration =
        format!("{OPEN}connect_timeout 1\nhandshake_timeout 1\n{OPEN}enable_proxy_protocol 1\n");
    let broker = House::new("timeouts", &configuration).start();
    let started = Instant::now();
    let mut silent = [0, 1].map(|listener| Client::open(broker.local_addrs()[listener]));
    silent.iter_mut().for_each(Client::expect_end);
    let passed = started.elapsed();
    assert!(passed >= Duration::from_millis(900) && passed < Duration::from_secs(8), "{passed:?}");
}

#[test]
fn what_a_socket_does_not_take_is_bounded() {
    let received = |line: &str| {
        let broker = House::new("out", &format!("{OPEN}shards 1\n{line}\n")).start();
        let mut slow = Client::open_narrow(broker.local_addrs()[0]).handshake("slow");
        slow.send(&subscribe("t", 0));
        slow.expect(&suback(0));
        let mut publisher = Client::connect(&broker, "publisher");
        for _ in 0..200 {
            publisher.send(&publish("t", &vec![b'x'; 100_000]));
        }
        publisher.settle();
        slow.send(common::PINGREQ);
        let mut count = 0;
        while slow.receive().unwrap() != common::PINGRESP {
            count += 1;
        }
        count
    };
    assert_eq!(received("out_buffer_bytes_max 100000000"), 200);
    assert!(received("out_buffer_bytes_max 1000") < 200);
}

#[test]
fn requests_to_the_broker_have_limits() {
    let code = |line: &str| {
        let configuration = format!("{OPEN}enable_control_api true\nreason_strings false\n{line}\n");
        let broker = House::new("control-limits", &configuration).start();
        let mut client = Client::open(broker.local_addrs()[0]);
        client.send(&connect_5("asks"));
        client.receive().unwrap();
        let request = b"{\"commands\":[{\"command\":\"listListeners\"}]}";
        client.send(&packet(0x32, &[&text("$CONTROL/broker/v1")[..], &[0, 1, 0], request].concat()));
        client.receive().unwrap().get(4).copied().unwrap_or(0)
    };
    assert_eq!(
        [code(""), code("control_payload_bytes_max 10"), code("control_requests_max 0")],
        [0, 0x97, 0x97]
    );
}

#[test]
fn a_unix_socket_has_the_permissions_that_it_is_to_have() {
    for (line, mode) in [("", 0o770), ("unix_socket_mode 600", 0o600)] {
        let configuration = format!("listener 0 FOLDER/s.sock\nlistener_allow_anonymous true\n{line}\n");
        let house = House::new("unix-mode", &configuration);
        let broker = house.start();
        let metadata = fs::metadata(&broker.local_paths()[0]).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{line}");
    }
}
