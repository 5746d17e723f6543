//! Clients that do not read, beside others that do.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::io::{ErrorKind, Write};
use std::net::Shutdown;

use common::{CONNACK_311, Client, broker, connect_311, name_on, publish, publish_1};

const SHARDS: u16 = 2;
/// The memory that a broker may take for what is not read, with its default limits, and with what the test itself
/// needs. Far below what is sent.
const GROWTH_BYTES_MAX: usize = 64 << 20;

/// Bytes of this process in memory.
fn memory_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_subscriber_that_never_reads_hinders_nobody_and_costs_a_bounded_amount() {
    let broker = broker(SHARDS);
    let before = memory_bytes();
    let mut deaf: Vec<Client> = (0..SHARDS)
        .map(|shard| Client::subscribed(&broker, &name_on(shard, SHARDS, "deaf"), "flood/#", 0))
        .collect();
    let mut reader = Client::subscribed(&broker, &name_on(0, SHARDS, "reader"), "flood/mark", 0);
    let mut publisher = Client::connect(&broker, &name_on(1, SHARDS, "publisher"));
    let bulk = publish("flood/bulk", &vec![7; 64 << 10]);
    for number in 0..64_u8 {
        for _ in 0..64 {
            publisher.send(&bulk);
        }
        let mark = publish("flood/mark", &[number]);
        publisher.send(&mark);
        reader.expect(&mark);
    }
    publisher.settle();
    let growth = memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_BYTES_MAX, "256 MiB were sent, memory grew by {growth} bytes");
    for client in &mut deaf {
        client.socket.shutdown(Shutdown::Both).unwrap();
    }
    broker.shutdown().unwrap();
}

#[test]
fn a_publisher_that_never_reads_its_acknowledgements_is_stopped_and_hinders_nobody() {
    let broker = broker(SHARDS);
    let before = memory_bytes();
    let mut deaf = Client::open_narrow(broker.local_addrs()[0]);
    deaf.send(&connect_311(&name_on(0, SHARDS, "deaf")));
    deaf.expect(CONNACK_311);
    // Small messages: their acknowledgements are many bytes, compared with what is sent.
    let batch: Vec<u8> = (1..=10_000).flat_map(|id| publish_1("t", id, b"")).collect();
    deaf.socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut sent = 0;
    let stopped = loop {
        match deaf.socket.write(&batch[sent % batch.len()..]) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
        assert!(sent < 1 << 30, "it is never stopped");
    };
    assert!(matches!(stopped.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{stopped}");

    let mut subscriber = Client::subscribed(&broker, &name_on(0, SHARDS, "subscriber"), "other", 0);
    let mut publisher = Client::connect(&broker, &name_on(1, SHARDS, "publisher"));
    for number in 0..100 {
        publisher.send(&publish("other", &[number]));
        subscriber.expect(&publish("other", &[number]));
    }
    let growth = memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_BYTES_MAX, "memory grew by {growth} bytes");
}
