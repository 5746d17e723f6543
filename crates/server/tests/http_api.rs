//! The HTTP API, and what the broker tells of itself there and below `$SYS`.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use common::{Client, DEADLINE, options, packet, publish, wait_until};
use martlet_server::control::about::{ListenerFacts, ListenerProtocol};
use martlet_server::{Broker, Host, HttpOptions, ListenAddress, ListenerOptions, Options};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("martlet-http-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn http_options(folder: Option<&Path>) -> Options {
    let mut options = options(2);
    let http = HttpOptions { folder: folder.map(Into::into), is_optional: false };
    let listener = options.listeners[0].clone();
    options.listeners.push(ListenerOptions { http: Some(http), ..listener });
    options
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// Asks on a connection of its own, and reads until the end.
fn ask(broker: &Broker, request: &str) -> (u16, String, Vec<u8>) {
    let mut socket = connect(broker.local_http_addrs()[0]);
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    split(&answer)
}

fn split(answer: &[u8]) -> (u16, String, Vec<u8>) {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, answer[end..].to_vec())
}

fn get(broker: &Broker, path: &str) -> (u16, Vec<u8>) {
    let (status, _, body) = ask(broker, &format!("GET {path} HTTP/1.1\r\n\r\n"));
    (status, body)
}

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap()
}

#[test]
fn the_broker_goes_on_without_an_api_that_is_optional() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let start = |is_optional| {
        let mut options = http_options(None);
        let place = ListenAddress { host: Host::Named("127.0.0.1".into()), port };
        options.listeners[1] = ListenerOptions {
            http: Some(HttpOptions { folder: None, is_optional }),
            ..ListenerOptions::from(place)
        };
        Broker::start(options)
    };
    assert!(start(false).is_err());
    let broker = start(true).unwrap();
    assert_eq!(broker.local_http_addrs(), []);
    Client::connect(&broker, "a");
}

#[test]
fn what_the_broker_tells_of_itself() {
    let mut options = http_options(None);
    options.listener_facts = vec![
        ListenerFacts { port: 1883, allows_anonymous: true, ..ListenerFacts::default() },
        ListenerFacts {
            path: Some("a.sock".into()),
            protocol: ListenerProtocol::HttpApi,
            tls: true,
            needs_certificate: true,
            ..ListenerFacts::default()
        },
    ];
    let broker = Broker::start(options).unwrap();
    let (status, body) = get(&broker, "/api/v1/version?x");
    assert_eq!((status, text(body).as_str()), (200, env!("CARGO_PKG_VERSION")));
    let expected = concat!(
        "{\n\t\"listeners\":\t[{\n\t\t\t\"port\":\t1883,\n\t\t\t\"protocol\":\t\"mqtt\",\n\t\t\t\"tls\":\tfalse,\n",
        "\t\t\t\"mtls\":\tfalse,\n\t\t\t\"allow_anonymous\":\ttrue\n\t\t}, {\n\t\t\t\"path\":\t\"a.sock\",\n",
        "\t\t\t\"protocol\":\t\"httpapi\",\n\t\t\t\"tls\":\ttrue,\n\t\t\t\"mtls\":\ttrue,\n",
        "\t\t\t\"allow_anonymous\":\tfalse\n\t\t}]\n}"
    );
    assert_eq!(text(get(&broker, "/api/v1/listeners").1), expected);

    let _client = Client::subscribed(&broker, "client", "a", 0);
    wait_until("the subscription is told", || {
        let tree = text(get(&broker, "/api/v1/systree").1);
        tree.contains("\"$SYS/broker/subscriptions/count\":\t1,")
            && tree.contains("\"$SYS/broker/clients/connected\":\t1,")
            && tree.contains("\"$SYS/broker/uptime\":\t")
    });
}

#[test]
fn what_there_is_not() {
    let broker = Broker::start(http_options(None)).unwrap();
    for (request, status) in [
        ("POST /api/v1/version HTTP/1.1\r\n\r\n", 405),
        ("HEAD /api/v1/version HTTP/1.1\r\n\r\n", 405),
        ("PUT / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", 405),
        ("GET /api/v2 HTTP/1.1\r\n\r\n", 404),
        ("GET / HTTP/1.1\r\n\r\n", 404),
        ("not HTTP\r\n\r\n", 400),
    ] {
        let (found, head, _) = ask(&broker, request);
        assert_eq!(found, status, "{request}");
        assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
    }
    let long = format!("GET / HTTP/1.1\r\na: {}", "a".repeat(100_000));
    assert_eq!(ask(&broker, &long).0, 431);
}

#[test]
fn a_request_may_come_in_pieces() {
    let broker = Broker::start(http_options(None)).unwrap();
    let mut socket = connect(broker.local_http_addrs()[0]);
    socket.set_nodelay(true).unwrap();
    for byte in b"GET /api/v1/version HTTP/1.1\r\n\r\n" {
        socket.write_all(&[*byte]).unwrap();
    }
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    assert_eq!(split(&answer).2, env!("CARGO_PKG_VERSION").as_bytes());
}

#[test]
fn files_of_a_folder_and_no_others() {
    let folder = Folder::new("files");
    let inside = folder.0.join("inside");
    fs::create_dir_all(inside.join("sub")).unwrap();
    fs::write(inside.join("index.html"), "<html></html>").unwrap();
    fs::write(inside.join("sub/a b.txt"), "text").unwrap();
    let large: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(inside.join("large"), &large).unwrap();
    fs::write(folder.0.join("secret"), "secret").unwrap();
    fs::create_dir_all(folder.0.join("inside-not")).unwrap();
    fs::write(folder.0.join("inside-not/secret"), "secret").unwrap();
    std::os::unix::fs::symlink(folder.0.join("secret"), inside.join("link")).unwrap();
    let broker = Broker::start(http_options(Some(&inside))).unwrap();

    let (status, head, body) = ask(&broker, "GET / HTTP/1.1\r\n\r\n");
    assert_eq!((status, text(body).as_str()), (200, "<html></html>"));
    assert!(head.contains("Content-Type: text/html; charset=utf-8\r\n"), "{head}");
    assert_eq!(get(&broker, "/sub/a%20b.txt"), (200, b"text".to_vec()));
    let (status, body) = get(&broker, "/large");
    assert_eq!(status, 200);
    assert!(body == large, "{} bytes came", body.len());
    for path in [
        "/../secret",
        "../secret",
        "/%2e%2e/secret",
        "/../inside-not/secret",
        "/link",
        "/sub",
        "/sub/",
        "/missing",
        "//etc/passwd",
        "/index.html/",
    ] {
        assert_eq!(get(&broker, path).0, 404, "{path}");
    }
}

#[test]
fn whoever_says_nothing_is_in_nobodys_way() {
    let broker = Broker::start(http_options(None)).unwrap();
    let address = broker.local_http_addrs()[0];
    let _silent: Vec<TcpStream> = (0..40).map(|_| connect(address)).collect();
    assert_eq!(get(&broker, "/api/v1/version").0, 200);
}

#[test]
fn values_below_sys_are_there_for_whoever_comes_and_change() {
    let mut options = options(2);
    options.sys_interval = Some(Duration::from_millis(50));
    let broker = Broker::start(options).unwrap();
    let version = format!("martlet version {}", env!("CARGO_PKG_VERSION"));
    let retained = |topic: &str, payload: &str| {
        let mut packet = publish(topic, payload.as_bytes());
        packet[0] |= 1;
        packet
    };
    let mut client = Client::subscribed(&broker, "a", "$SYS/broker/version", 0);
    client.receive().unwrap(); // when it is published, or at once
    let mut client = Client::subscribed(&broker, "a", "$SYS/broker/version", 0);
    client.expect(&retained("$SYS/broker/version", &version));
    let mut client = Client::subscribed(&broker, "b", "$SYS/broker/subscriptions/count", 0);
    loop {
        let packet = client.receive().unwrap();
        if packet.ends_with(b"2") {
            break;
        }
    }
    client.send(&packet(0x82, b"\x00\x02\x00\x01x\x00"));
    while !client.receive().unwrap().ends_with(b"3") {}
}

#[test]
fn what_the_program_publishes_reaches_clients() {
    let broker = Broker::start(options(2)).unwrap();
    let mut client = Client::subscribed(&broker, "a", "#", 0);
    let message = |topic: &str, payload: &[u8]| martlet_server::OwnMessage {
        topic: topic.into(),
        payload: payload.into(),
        qos: martlet_wire::QoS::AtMostOnce,
        expiry_interval: None,
        retain: false,
    };
    let publisher = broker.publisher();
    publisher.publish(vec![message("a/b", b"1"), message("not/#", b""), message("a/c", b"2")]).unwrap();
    client.expect(&publish("a/b", b"1"));
    client.expect(&publish("a/c", b"2"));
}
