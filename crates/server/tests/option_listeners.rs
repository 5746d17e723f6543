//! Options for listeners: each has its effect when it stands in a configuration.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use authority::{Authority, Issued};
use common::house::House;
use common::{
    CONNACK_311, Client, DEADLINE, connect_5, connect_311, log, packet, publish, suback, subscribe, text, tls,
};
use martlet_server::Broker;

/// A broker that lets everyone in, by a configuration.
fn broker(configuration: &str) -> Broker {
    House::new("listeners-options", &format!("allow_anonymous true\n{configuration}\n")).start()
}

fn client(broker: &Broker, listener: usize, connect: &[u8]) -> Client {
    let mut client = Client::open(broker.local_addrs()[listener]);
    client.send(connect);
    client
}

const LISTENER: &str = "listener 1 127.0.0.1\n";

#[test]
fn versions_may_be_left_out() {
    let broker =
        broker(&format!("{LISTENER}accept_protocol_versions 5\n{LISTENER}accept_protocol_versions 3,4\n"));
    assert_eq!(client(&broker, 0, &connect_5("a")).receive().unwrap()[3], 0);
    assert_eq!(client(&broker, 0, &connect_311("a")).receive().unwrap(), [0x20, 2, 0, 1]);
    assert_eq!(client(&broker, 1, &connect_5("a")).receive().unwrap()[3], 0x84);
    client(&broker, 1, &connect_311("a")).expect(CONNACK_311);
}

#[test]
fn it_listens_where_it_is_told_to() {
    let address =
        |text: &str| broker(text).local_addrs().iter().map(|it| it.ip().to_string()).collect::<Vec<_>>();
    assert_eq!(address("port 1\nbind_address 127.0.0.1"), ["127.0.0.1"]);
    assert_eq!(address("port 1\nsocket_domain ipv4"), ["0.0.0.0"]);
    assert_eq!(address("listener 1\nsocket_domain ipv6"), ["::"]);
    assert_eq!(address("listener 1 localhost\nsocket_domain ipv4"), ["127.0.0.1"]);
    let of_interface = address("listener 1\nbind_interface lo");
    assert!(of_interface.contains(&"127.0.0.1".to_owned()) && !of_interface.contains(&"0.0.0.0".to_owned()));
    assert_eq!(address("listener 1 127.0.0.1\nlistener 1 127.0.0.2"), ["127.0.0.1", "127.0.0.2"]);
}

#[test]
fn connections_of_one_listener_have_a_limit() {
    let broker = broker(&format!("shards 1\n{LISTENER}max_connections 1\n{LISTENER}"));
    let mut first = client(&broker, 0, &connect_311("first"));
    first.expect(CONNACK_311);
    client(&broker, 0, &connect_311("second")).expect_end();
    client(&broker, 1, &connect_311("other")).expect(CONNACK_311);
}

#[test]
fn client_identifiers_are_assigned_or_demanded() {
    let configuration = format!("auto_id_prefix all-\n{LISTENER}{LISTENER}listener_auto_id_prefix two-\n");
    let assigning = broker(&configuration);
    for (listener, prefix) in [(0, "all-"), (1, "two-")] {
        let connack = client(&assigning, listener, &connect_5("")).receive().unwrap();
        let text = String::from_utf8_lossy(&connack).into_owned();
        assert!(text.contains(prefix), "{text}");
    }
    let demanding = broker(&format!("allow_zero_length_clientid false\n{LISTENER}"));
    assert_eq!(client(&demanding, 0, &connect_311("")).receive().unwrap(), [0x20, 2, 0, 2]);
    assert_eq!(client(&demanding, 0, &connect_5("")).receive().unwrap()[3], 0x85);
    let theirs = broker(&format!("allow_zero_length_clientid false\nmosquitto_behaviour true\n{LISTENER}"));
    assert_eq!(client(&theirs, 0, &connect_5("")).receive().unwrap()[3], 0x80);
}

#[test]
fn anonymous_clients_come_in_at_one_listener() {
    let house =
        House::new("anonymous-option", &format!("{LISTENER}listener_allow_anonymous true\n{LISTENER}"));
    let broker = house.start();
    client(&broker, 0, &connect_311("a")).expect(CONNACK_311);
    client(&broker, 1, &connect_311("a")).expect(&[0x20, 2, 0, 5]);
}

#[test]
fn clients_of_a_listener_live_below_its_mount_point() {
    let broker = broker(&format!("{LISTENER}mount_point house/\n{LISTENER}"));
    let mut inside = client(&broker, 0, &connect_311("inside"));
    inside.expect(CONNACK_311);
    let mut outside = client(&broker, 1, &connect_311("outside"));
    outside.expect(CONNACK_311);
    outside.send(&subscribe("#", 0));
    outside.expect(&suback(0));
    inside.send(&publish("door", b"open"));
    outside.expect(&publish("house/door", b"open"));
}

#[test]
fn a_plugin_is_for_the_listener_that_uses_it() {
    let hash = martlet_access::hash::hash(martlet_access::hash::Scheme::Sha512, b"secret").unwrap();
    let house = |name: &str, configuration: &str| {
        House::new(name, configuration).file("pw", &format!("ann:{hash}\n")).file("acl", "topic read #\n")
    };
    let as_ann = packet(
        0x10,
        &[&text("MQTT")[..], &[4, 0xC2, 0, 60], &text("a"), &text("ann"), &text("secret")].concat(),
    );
    let load = "plugin_load passwords mosquitto_password_file.so\nplugin_opt_password_file FOLDER/pw\n";
    let used = house(
        "plugin-use",
        &format!("{load}{LISTENER}plugin_use passwords\n{LISTENER}listener_allow_anonymous true\n"),
    );
    let broker = used.start();
    client(&broker, 0, &connect_311("a")).expect(&[0x20, 2, 0, 5]);
    client(&broker, 0, &as_ann).expect(CONNACK_311);
    client(&broker, 1, &connect_311("a")).expect(CONNACK_311);
    // One for all listeners, whatever each has of its own.
    let global = house(
        "plugin-global",
        &format!(
            "per_listener_settings true\nglobal_plugin mosquitto_acl_file.so\nplugin_opt_acl_file FOLDER/acl\n\
             {LISTENER}allow_anonymous true\n"
        ),
    );
    let broker = global.start();
    let mut reader = client(&broker, 0, &connect_311("a"));
    reader.expect(CONNACK_311);
    reader.send(&subscribe("t", 0));
    reader.expect(&suback(0));
    reader.send(&publish("t", b"not allowed"));
    reader.settle();
}

#[test]
fn a_proxy_tells_where_clients_are() {
    log::capture();
    let broker = broker(&format!(
        "{LISTENER}enable_proxy_protocol 1\n{LISTENER}enable_proxy_protocol 2\n\
         {LISTENER}enable_proxy_protocol 2\nproxy_protocol_v2_require_tls true\n"
    ));
    let line = b"PROXY TCP4 192.0.2.15 127.0.0.1 6275 1883\r\n";
    client(&broker, 0, &[&line[..], &connect_311("line")].concat()).expect(CONNACK_311);
    log::wait_for("client=\"line\" peer=192.0.2.15:6275");
    let binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x16\0\0\0\0\x18\x83\0\0";
    client(&broker, 1, &[&binary[..], &connect_311("binary")].concat()).expect(CONNACK_311);
    log::wait_for("client=\"binary\" peer=192.0.2.22:6275");
    client(&broker, 2, &[&binary[..], &connect_311("without-tls")].concat()).expect_end();
}

/// The first line of the answer to an HTTP request.
fn status(address: core::net::SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while !answer.contains(&b'\n') {
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
        }
    }
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

fn web_request(path: &str, lines: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: mqtt\r\n{lines}\r\n"
    )
}

#[test]
fn websocket_has_a_path_origins_and_a_largest_head() {
    const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols";
    let asked = |options: &str, path: &str, lines: &str| {
        let broker = broker(&format!("{options}\n{LISTENER}protocol websockets\n"));
        status(broker.local_addrs()[0], &web_request(path, lines))
    };
    assert_eq!(asked("", "/anything", ""), SWITCHING);
    let listener = |options: &str, path: &str, lines: &str| {
        let broker = broker(&format!("{LISTENER}protocol websockets\n{options}\n"));
        status(broker.local_addrs()[0], &web_request(path, lines))
    };
    assert_eq!(listener("websockets_path /mqtt", "/mqtt", ""), SWITCHING);
    assert!(listener("websockets_path /mqtt", "/other", "").contains(" 404 "));
    let origin = "websockets_origin https://a.example\nwebsockets_origin https://b.example";
    assert_eq!(listener(origin, "/", "Origin: https://b.example\r\n"), SWITCHING);
    assert!(listener(origin, "/", "Origin: https://c.example\r\n").contains(" 403 "));
    let long = format!("X-Long: {}\r\n", "x".repeat(1000));
    assert_eq!(asked("", "/", &long), SWITCHING);
    for option in ["packet_buffer_size 600", "websockets_headers_size 600"] {
        assert_eq!(asked(option, "/", ""), SWITCHING, "{option}");
        assert!(!asked(option, "/", &long).contains(" 101 "), "{option}");
    }
}

#[test]
fn a_proxy_tells_where_clients_of_websocket_are() {
    log::capture();
    let broker = broker(&format!("{LISTENER}protocol websockets\nwebsockets_trusted_proxies 1\n"));
    let lines = [("X-Forwarded-For", "192.0.2.66, 192.0.2.9")];
    let (stream, _) = common::websocket::open(tls::socket(broker.local_addrs()[0]), &lines);
    Client::over(stream).handshake("behind-proxy").settle();
    log::wait_for("client=\"behind-proxy\" peer=192.0.2.9:0");
}

#[test]
fn the_http_api_serves_a_folder() {
    let house = House::new(
        "http-dir",
        &format!("{LISTENER}protocol http_api\nhttp_dir FOLDER\nallow_anonymous true\n"),
    )
    .file("page.html", "hello");
    let broker = house.start();
    let address = broker.local_http_addrs()[0];
    assert!(status(address, "GET /page.html HTTP/1.1\r\n\r\n").contains(" 200 "));
    assert!(status(address, "GET /other.html HTTP/1.1\r\n\r\n").contains(" 404 "));
    assert!(status(address, "GET /api/v1/version HTTP/1.1\r\n\r\n").contains(" 200 "));
}

/// A configuration with TLS, and what is to be added to it.
fn with_tls(authority: &Authority, lines: &str) -> Broker {
    let Issued { certificate_file, key_file, .. } = authority.server();
    let folder = authority.file.parent().unwrap().to_str().unwrap();
    let lines = lines.replace("CA_FILE", authority.file.to_str().unwrap()).replace("CA_FOLDER", folder);
    broker(&format!(
        "{LISTENER}certfile {}\nkeyfile {}\n{lines}\n",
        certificate_file.display(),
        key_file.display()
    ))
}

#[test]
fn certificates_of_clients_are_demanded_and_judged() {
    let authority = Authority::new("option-certificates");
    let good = authority.client("good");
    let revoked = authority.client("revoked");
    let old = authority.expired_client("old");
    let list = authority.revoke(&[&revoked], 2099);
    let demanding = with_tls(
        &authority,
        &format!("cafile CA_FILE\nrequire_certificate true\ncrlfile {}", list.display()),
    );
    let address = demanding.local_addrs()[0];
    let config = |identity| Arc::new(authority.trusting(identity));
    tls::open(&config(Some(&good)), address).handshake("a").settle();
    for wrong in [None, Some(&revoked), Some(&old)] {
        tls::handshake_error(&config(wrong), address);
    }
    let lenient = with_tls(
        &authority,
        "cafile CA_FILE\nrequire_certificate true\ndisable_client_cert_date_checks true",
    );
    tls::open(&config(Some(&old)), lenient.local_addrs()[0]).handshake("a").settle();
    // The folder has more in it than authorities.
    let by_folder = with_tls(&authority, "capath CA_FOLDER\nrequire_certificate true");
    tls::open(&config(Some(&good)), by_folder.local_addrs()[0]).handshake("a").settle();
    let open = with_tls(&authority, "");
    tls::open(&config(None), open.local_addrs()[0]).handshake("a").settle();
}

#[test]
fn user_names_come_from_certificates() {
    log::capture();
    let authority = Authority::new("option-names");
    let identity = Arc::new(authority.trusting(Some(&authority.client("ann-by-certificate"))));
    for (option, name) in [
        ("use_identity_as_username", "ann-by-certificate"),
        ("use_subject_as_username", "CN=ann-by-certificate,O=Example"),
    ] {
        let broker =
            with_tls(&authority, &format!("cafile CA_FILE\nrequire_certificate true\n{option} true"));
        tls::open(&identity, broker.local_addrs()[0]).handshake(option).settle();
        log::wait_for(&format!("client connected client=\"{option}\""));
        log::wait_for(&format!("user_name=\"{name}\""));
    }
}

#[test]
fn versions_suites_and_protocols_of_tls_can_be_chosen() {
    use authority::rustls::version::{TLS12, TLS13};
    log::capture();
    let authority = Authority::new("option-versions");
    let of = |version| Arc::new(authority.trusting_with(None, &[version]));
    let newest = with_tls(&authority, "tls_version tlsv1.3\nciphers_tls1.3 TLS_CHACHA20_POLY1305_SHA256");
    tls::handshake_error(&of(&TLS12), newest.local_addrs()[0]);
    tls::open(&of(&TLS13), newest.local_addrs()[0]).handshake("a").settle();
    log::wait_for("negotiated TLSv1.3 cipher TLS_CHACHA20_POLY1305_SHA256");
    let chosen = with_tls(&authority, "ciphers ECDHE-ECDSA-AES256-GCM-SHA384");
    tls::open(&of(&TLS12), chosen.local_addrs()[0]).handshake("a").settle();
    log::wait_for("negotiated TLSv1.2 cipher ECDHE-ECDSA-AES256-GCM-SHA384");
    let speaking = with_tls(&authority, "tls_alpn mqtt");
    let mut asks = authority.trusting(None);
    asks.alpn_protocols = vec![b"other".to_vec()];
    tls::handshake_error(&Arc::new(asks.clone()), speaking.local_addrs()[0]);
    asks.alpn_protocols = vec![b"mqtt".to_vec()];
    tls::open(&Arc::new(asks), speaking.local_addrs()[0]).handshake("a").settle();
}
