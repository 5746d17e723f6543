//! The PROXY protocol.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::io::Write;
use std::time::Instant;

use common::log;
use common::{
    CONNACK_311, Client, connect_311, name_on, options_with, publish, suback, subscribe, wait_until,
};
use martlet_server::{Broker, LocalCommand, ProxyOptions, ProxyVersion};

const IPV4: [u8; 12] = [192, 0, 2, 5, 0, 0, 0, 0, 0x18, 0x83, 0, 0];

fn broker(options: ProxyOptions) -> Broker {
    Broker::start(options_with(2, |listener| listener.proxy = Some(options))).unwrap()
}

fn version_2(body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let len = u16::try_from(body.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &len[..], &body].concat()
}

/// The field about TLS with version, cipher and Common Name.
fn tls(client: u8) -> Vec<u8> {
    let fields = b"\x21\0\x07TLSv1.3\x23\0\x07pqrstuv\x22\0\x04name";
    let len = u16::try_from(5 + fields.len()).unwrap().to_be_bytes();
    [&[0x20][..], &len, &[client, 0, 0, 0, 0], fields].concat()
}

fn open(broker: &Broker, header: &[u8]) -> Client {
    let mut client = Client::open(broker.local_addrs()[0]);
    client.send(header);
    client
}

#[test]
fn a_line_says_where_the_client_is_and_mqtt_follows() {
    log::capture();
    let broker = broker(ProxyOptions::new(ProxyVersion::V1));
    // Of both shards, so that one is handed over; the CONNECT in the same segment as the line.
    for shard in 0..2 {
        let name = name_on(shard, 2, "line");
        let header = b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1883\r\n";
        let mut client = open(&broker, &[&header[..], &connect_311(&name)].concat());
        client.expect(CONNACK_311);
        client.send(&subscribe("t", 0));
        client.expect(&suback(0));
        client.send(&publish("t", b"hello"));
        client.expect(&publish("t", b"hello"));
        log::wait_for(&format!("client connected client=\"{name}\" peer=192.0.2.5:6275"));
    }
}

#[test]
fn a_binary_header_may_come_byte_by_byte() {
    log::capture();
    let broker = broker(ProxyOptions::new(ProxyVersion::V2));
    let mut client = Client::open(broker.local_addrs()[0]);
    for byte in [&version_2(&[&IPV4, &tls(5)])[..], &connect_311("slowly")].concat() {
        client.socket.write_all(&[byte]).unwrap();
    }
    client.expect(CONNACK_311);
    log::wait_for("Connection from 192.0.2.5:6275 negotiated TLSv1.3 cipher pqrstuv");
    log::wait_for("client connected client=\"slowly\" peer=192.0.2.5:6275");
}

#[test]
fn whoever_is_turned_away_is_told_of_in_the_log() {
    log::capture();
    let strict =
        ProxyOptions { require_tls: true, require_certificate: true, ..ProxyOptions::new(ProxyVersion::V2) };
    let broker = broker(strict);
    let cases = [
        (
            version_2(&[&IPV4, &[0x20, 0, 1, 0]]),
            "Connection from 192.0.2.5:6275 rejected, corrupt PROXY header.",
        ),
        (version_2(&[&IPV4]), "Connection from 192.0.2.5:6275 rejected, client did not connect using TLS."),
        (
            version_2(&[&IPV4, &tls(1)]),
            "Connection from 192.0.2.5:6275 rejected, client did not provide a certificate.",
        ),
        (
            version_2(&[&[b'a'; 501]]),
            "Client (null) [(null):0] disconnected: bad socket read/write: Invalid input (PROXY header of more than",
        ),
        (connect_311("direct"), "Connection rejected, corrupt PROXY header."),
    ];
    for (header, line) in cases {
        open(&broker, &header).expect_end();
        log::wait_for(line);
    }
    open(&broker, &version_2(&[&IPV4, &tls(5)])).handshake("good").settle();
    wait_until("all are gone", || broker.connections() == 0);
}

#[test]
fn a_connection_of_the_proxy_itself_is_let_in_or_not() {
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let options = ProxyOptions::new(ProxyVersion::V2);
    open(&broker(options), local).handshake("check").settle();
    let closing = broker(ProxyOptions { local: LocalCommand::Close, ..options });
    open(&closing, local).expect_end();
}

#[test]
fn whoever_says_nothing_is_sent_away_and_hinders_nobody() {
    log::capture();
    let mut options = options_with(1, |listener| {
        listener.proxy = Some(ProxyOptions::new(ProxyVersion::V1));
    });
    options.handshake_time_max = Duration::from_millis(300);
    let broker = Broker::start(options).unwrap();
    let started = Instant::now();
    let mut silent = open(&broker, b"");
    let mut slow = open(&broker, b"PROXY TCP4 192.0.2.5 ");
    open(&broker, b"PROXY UNKNOWN\r\n").handshake("quick").settle();
    silent.expect_end();
    slow.expect_end();
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
    log::wait_for(&format!(
        "Connection from {} rejected, no complete PROXY header within 300ms.",
        slow.socket.local_addr().unwrap()
    ));
    drop((silent, slow));
    wait_until("all are gone", || broker.connections() == 0);
}

#[test]
fn a_shutdown_does_not_wait_for_a_header() {
    let broker = broker(ProxyOptions::new(ProxyVersion::V1));
    let mut silent = open(&broker, b"PROXY ");
    wait_until("the broker has it", || broker.connections() == 1);
    let started = Instant::now();
    broker.shutdown().unwrap();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    silent.expect_end();
}
