//! WebSocket.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use authority::Authority;
use common::websocket::WebStream;
use common::{
    CONNACK_311, Client, connect_311, log, name_on, options_with, puback, publish, publish_1, suback,
    subscribe, tls, wait_until, websocket,
};
use martlet_server::{Broker, ProxyOptions, ProxyVersion, Refusal, Security, WebSocketOptions};
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

fn broker(options: WebSocketOptions) -> Broker {
    Broker::start(options_with(2, |listener| listener.websocket = Some(options))).unwrap()
}

fn open(broker: &Broker) -> Client<WebStream> {
    Client::over(websocket::open(tls::socket(broker.local_addrs()[0]), &[]).0)
}

/// Sends a request by hand and answers what comes back.
fn ask(broker: &Broker, request: &[u8]) -> String {
    let mut client = Client::open(broker.local_addrs()[0]);
    client.send(request);
    let mut answer = Vec::new();
    // The end may come as a reset, if the broker has not read everything.
    let _ = client.socket.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

const REQUEST: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: 1JaITHdgDZVd/4OE2AzTTA==\r\nSec-WebSocket-Protocol: mqtt\r\n\
    Sec-WebSocket-Version: 13\r\n";

#[test]
fn clients_of_both_shards_meet_and_packets_may_be_large() {
    let broker = broker(websocket::server());
    let mut subscribers: Vec<_> =
        (0..2).map(|shard| open(&broker).handshake(&name_on(shard, 2, "subscriber"))).collect();
    for subscriber in &mut subscribers {
        subscriber.send(&subscribe("t", 0));
        subscriber.expect(&suback(0));
    }
    let mut publisher = open(&broker).handshake("publisher");
    for payload in [&b"hello"[..], &vec![7; 300_000]] {
        publisher.send(&publish("t", payload));
        for subscriber in &mut subscribers {
            subscriber.expect(&publish("t", payload));
        }
    }
    broker.shutdown().unwrap();
    publisher.expect_end();
}

#[test]
fn a_packet_may_have_a_frame_for_each_byte_and_a_frame_many_packets() {
    let broker = broker(websocket::server());
    let mut client = open(&broker);
    for byte in connect_311("bytes") {
        client.send(&[byte]);
    }
    client.expect(CONNACK_311);
    client.send(&[subscribe("t", 0), publish("t", b"1"), publish("t", b"2"), publish("t", b"3")].concat());
    client.expect(&suback(0));
    for payload in [b"1", b"2", b"3"] {
        client.expect(&publish("t", payload));
    }
}

#[test]
fn pings_are_answered_and_a_close_is_too() {
    let broker = broker(websocket::server());
    let mut client = open(&broker).handshake("client");
    client.socket.socket.send(Message::Ping("still there?".into())).unwrap();
    assert_eq!(client.socket.socket.read().unwrap(), Message::Pong("still there?".into()));
    let going = CloseFrame { code: CloseCode::Away, reason: "over".into() };
    client.socket.socket.close(Some(going)).unwrap();
    let answer = client.socket.socket.read().unwrap();
    assert_eq!(answer, Message::Close(Some(CloseFrame { code: CloseCode::Away, reason: "".into() })));
    // A connection that ends without a close would be an error here.
    let error = client.socket.socket.read().unwrap_err();
    assert!(matches!(error, tungstenite::Error::ConnectionClosed), "{error}");
    wait_until("it is gone", || broker.connections() == 0);
}

#[test]
fn the_broker_says_goodbye_with_a_close() {
    let broker = broker(websocket::server());
    let mut client = open(&broker).handshake("client");
    client.send(common::DISCONNECT);
    let normal = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    assert_eq!(client.socket.socket.read().unwrap(), Message::Close(Some(normal)));
}

#[test]
fn text_ends_the_connection_with_its_code_and_a_line_in_the_log() {
    log::capture();
    let broker = broker(websocket::server());
    let mut client = open(&broker).handshake("talker");
    client.socket.socket.send(Message::Text("hello".into())).unwrap();
    let unsupported = CloseFrame { code: CloseCode::Unsupported, reason: "".into() };
    assert_eq!(client.socket.socket.read().unwrap(), Message::Close(Some(unsupported)));
    let port = client.socket.socket.get_ref().local_addr().unwrap();
    log::wait_for(&format!("Connection from {port} is broken: a WebSocket message is text, not binary."));
    drop(client);
    wait_until("it is gone", || broker.connections() == 0);
}

#[test]
fn other_requests_are_answered_and_told_of_and_hinder_nobody() {
    log::capture();
    let options = WebSocketOptions { path: Some("/mqtt".into()), ..websocket::server() };
    let broker = broker(options);
    let mut good = open(&broker).handshake("good");
    let cases = [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found", "nothing at the path of the HTTP request."),
        (
            "GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n",
            "426 Upgrade Required",
            "plain HTTP request where WebSocket is",
        ),
        ("POST /mqtt HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "405 Method", "HTTP request is not GET."),
        ("GET nonsense\r\n\r\n", "400 Bad Request", "the HTTP request cannot be understood: "),
    ];
    for (request, status, line) in cases {
        let answer = ask(&broker, request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        log::wait_for(line);
    }
    assert_eq!(ask(&broker, &connect_311("plain")), "");
    log::wait_for("client does not use HTTP: its first byte is 0x10.");
    let long = format!("GET /mqtt HTTP/1.1\r\nCookie: {}\r\n\r\n", "x".repeat(10_000));
    let answer = ask(&broker, long.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{answer}");
    good.settle();
    drop(good);
    wait_until("all are gone", || broker.connections() == 0);
}

#[test]
fn a_page_of_another_origin_is_refused_in_silence_if_so_wanted() {
    let options = WebSocketOptions {
        origins: vec!["example.org".into()],
        refusal: Refusal::Close,
        ..websocket::server()
    };
    let broker = broker(options);
    assert_eq!(ask(&broker, format!("{REQUEST}Origin: localhost\r\n\r\n").as_bytes()), "");
    let mut client = Client::open(broker.local_addrs()[0]);
    client.send(format!("{REQUEST}Origin: example.org\r\n\r\n").as_bytes());
    let expected = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: Ako91O0lxiq8gN0+b9YCijMx8lk=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    let mut answer = vec![0; expected.len()];
    client.socket.read_exact(&mut answer).unwrap();
    assert_eq!(answer, expected);
}

#[test]
fn a_slow_head_is_not_waited_for_and_hinders_nobody() {
    log::capture();
    let mut options = options_with(1, |listener| listener.websocket = Some(websocket::server()));
    options.handshake_time_max = Duration::from_millis(300);
    let broker = Broker::start(options).unwrap();
    let mut slow = Client::open(broker.local_addrs()[0]);
    slow.send(b"GET /mqtt HTTP/1.1\r\nCookie: ");
    let port = slow.socket.local_addr().unwrap();
    let mut other = slow.socket.try_clone().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let dripping = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            while !is_over.load(Ordering::Relaxed) && other.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(5)); // faster, the head would be too long
            }
        }
    });
    open(&broker).handshake("quick").settle();
    log::wait_for(&format!("Connection from {port} rejected, no complete WebSocket handshake within 300ms."));
    slow.expect_end();
    is_over.store(true, Ordering::Relaxed);
    dripping.join().unwrap();
    drop(slow);
    wait_until("all are gone", || broker.connections() == 0);
}

#[test]
fn websocket_over_tls_behind_a_proxy() {
    log::capture();
    let authority = Authority::new("wss");
    let broker = Broker::start(options_with(2, |listener| {
        listener.proxy = Some(ProxyOptions::new(ProxyVersion::V1));
        listener.security = Some(Security::Tls(tls::server(&authority)));
        listener.websocket = Some(websocket::server());
    }))
    .unwrap();
    let config = Arc::new(authority.trusting(None));
    for shard in 0..2 {
        let name = name_on(shard, 2, "secure");
        let mut socket = tls::socket(broker.local_addrs()[0]);
        socket.write_all(b"PROXY TCP4 192.0.2.9 127.0.0.1 6275 8084\r\n").unwrap();
        let (stream, _) = websocket::open(tls::over(&config, socket), &[]);
        let mut client = Client::over(stream).handshake(&name);
        client.send(&subscribe("t", 1));
        client.expect(&suback(1));
        let payload = vec![7; 200_000];
        client.send(&publish_1("t", 1, &payload));
        let mut packets = [client.receive().unwrap(), client.receive().unwrap()];
        packets.sort_by_key(Vec::len);
        assert_eq!(packets, [puback(1), publish_1("t", 1, &payload)]);
        log::wait_for(&format!("client connected client=\"{name}\" peer=192.0.2.9:6275"));

        // Both layers say goodbye: an end without a word would be an error.
        client.socket.socket.close(None).unwrap();
        assert!(matches!(client.socket.socket.read().unwrap(), Message::Close(Some(_))));
        assert_eq!(client.socket.socket.get_mut().read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn trusted_proxies_tell_the_address() {
    log::capture();
    let broker = broker(WebSocketOptions { trusted_proxies: 1, ..websocket::server() });
    let lines = [("X-Forwarded-For", "192.0.2.66, 192.0.2.8")];
    let (stream, response) = websocket::open(tls::socket(broker.local_addrs()[0]), &lines);
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "mqtt");
    Client::over(stream).handshake("forwarded").settle();
    log::wait_for("client connected client=\"forwarded\" peer=192.0.2.8:0");
}

#[test]
fn a_client_that_reads_nothing_for_long_gets_everything_in_order() {
    // More than sockets hold, less than a Session may.
    const MESSAGES: u16 = 120;
    let broker = broker(websocket::server());
    let mut slow = open(&broker).handshake("slow");
    slow.send(&subscribe("t", 1));
    slow.expect(&suback(1));
    let mut publisher = open(&broker).handshake("publisher");
    let payload = vec![7; 100_000];
    for id in 1..=MESSAGES {
        publisher.send(&publish_1("t", id, &payload));
        publisher.expect(&puback(id));
    }
    for id in 1..=MESSAGES {
        slow.expect(&publish_1("t", id, &payload));
        slow.send(&puback(id));
    }
}

#[test]
fn connections_move_between_shards_under_load() {
    const CLIENTS: usize = 40;
    let broker =
        Broker::start(options_with(4, |listener| listener.websocket = Some(websocket::server()))).unwrap();
    let address = broker.local_addrs()[0];
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            std::thread::spawn(move || {
                for round in 0..CLIENTS {
                    let (stream, _): (WebStream<TcpStream>, _) = websocket::open(tls::socket(address), &[]);
                    let mut client = Client::over(stream);
                    let topic = format!("t{thread}");
                    let name = format!("client{thread}-{round}");
                    let flight =
                        [connect_311(&name), subscribe(&topic, 0), publish(&topic, &vec![1; 30_000])]
                            .concat();
                    client.send(&flight);
                    client.expect(CONNACK_311);
                    client.expect(&suback(0));
                    client.expect(&publish(&topic, &vec![1; 30_000]));
                    client.settle();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    wait_until("all are gone", || broker.connections() == 0);
}
