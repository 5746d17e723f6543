//! TLS.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use authority::rustls::ClientConfig;
use authority::rustls::version::{TLS12, TLS13};
use authority::{Authority, Issued};
use common::{
    CONNACK_311, Client, connect_311, log, name_on, options_with, puback, publish, publish_1, suback,
    subscribe, tls, wait_until,
};
use martlet_server::{
    Broker, ClientCertificates, ProxyOptions, ProxyVersion, ReloadError, Security, StartError, TlsError,
    TlsOptions, TlsVersion,
};

fn broker(options: TlsOptions) -> Broker {
    Broker::start(options_with(2, |listener| listener.security = Some(Security::Tls(options)))).unwrap()
}

fn requiring_certificates(authority: &Authority) -> TlsOptions {
    let clients = Some(ClientCertificates::default());
    TlsOptions { authority_file: Some(authority.file.clone()), clients, ..tls::server(authority) }
}

#[test]
fn clients_of_both_versions_and_both_shards_meet() {
    log::capture();
    let authority = Authority::new("meet");
    let broker = broker(tls::server(&authority));
    let address = broker.local_addrs()[0];
    let configs = [&TLS12, &TLS13].map(|version| Arc::new(authority.trusting_with(None, &[version])));
    let mut subscribers = Vec::new();
    for config in &configs {
        for shard in 0..2 {
            let name = name_on(shard, 2, &format!("subscriber{}-", subscribers.len()));
            let mut client = tls::open(config, address).handshake(&name);
            client.send(&subscribe("t", 0));
            client.expect(&suback(0));
            subscribers.push(client);
        }
    }
    let mut publisher = tls::open(&configs[1], address).handshake("publisher");
    for payload in [&b"hello"[..], &vec![7; 300_000]] {
        publisher.send(&publish("t", payload));
        for subscriber in &mut subscribers {
            subscriber.expect(&publish("t", payload));
        }
    }
    let ports = publisher.socket.sock.local_addr().unwrap();
    log::wait_for(&format!("Connection from {ports} negotiated TLSv1.3 cipher TLS_"));
    log::wait_for(" negotiated TLSv1.2 cipher ECDHE-ECDSA-");
    broker.shutdown().unwrap();
    publisher.expect_end();
}

#[test]
fn a_client_that_leaves_properly_or_not_leaves_nothing_behind() {
    let authority = Authority::new("leave");
    let broker = broker(tls::server(&authority));
    let config = Arc::new(authority.trusting(None));
    let mut proper = tls::open(&config, broker.local_addrs()[0]).handshake("proper");
    proper.send(common::DISCONNECT);
    // The end comes with TLS's own word for it; otherwise this would be an error.
    assert_eq!(proper.socket.read(&mut [0; 8]).unwrap(), 0);
    let mut polite = tls::open(&config, broker.local_addrs()[0]).handshake("polite");
    polite.socket.conn.send_close_notify();
    polite.socket.flush().unwrap();
    assert_eq!(polite.socket.read(&mut [0; 8]).unwrap(), 0, "the broker says goodbye too");
    let rude = tls::open(&config, broker.local_addrs()[0]).handshake("rude");
    drop((proper, polite, rude));
    wait_until("all are gone", || broker.connections() == 0);
}

#[test]
fn what_is_no_tls_is_told_of_and_hinders_nobody() {
    log::capture();
    let authority = Authority::new("hostile");
    let broker = broker(tls::server(&authority));
    let address = broker.local_addrs()[0];
    let mut good = tls::open(&Arc::new(authority.trusting(None)), address).handshake("good");
    let cases: [(&[u8], &str); 3] = [
        (b"GET / HTTP/1.1\r\n\r\n", "client does not use TLS but plain text, HTTP perhaps."),
        (&connect_311("plain"), "client does not use TLS: its first byte is 0x10."),
        (b"\x16\x03\x01\x00\x05hello", "TLS failed: "),
    ];
    for (bytes, text) in cases {
        let mut client = Client::open(address);
        client.send(bytes);
        let port = client.socket.local_addr().unwrap();
        let _ = client.socket.read_to_end(&mut Vec::new());
        log::wait_for(&format!("Connection from {port} rejected, {text}"));
    }
    good.settle();
    drop(good);
    wait_until("all are gone", || broker.connections() == 0);
}

#[test]
fn a_handshake_has_a_bounded_time_and_hinders_nobody() {
    log::capture();
    let authority = Authority::new("timeout");
    let mut options =
        options_with(1, |listener| listener.security = Some(Security::Tls(tls::server(&authority))));
    options.handshake_time_max = Duration::from_millis(300);
    let broker = Broker::start(options).unwrap();
    let mut silent = Client::open(broker.local_addrs()[0]);
    let mut begun = Client::open(broker.local_addrs()[0]);
    begun.send(b"\x16\x03\x01\x02\x00\x01");
    tls::open(&Arc::new(authority.trusting(None)), broker.local_addrs()[0]).handshake("quick").settle();
    silent.expect_end();
    let port = begun.socket.local_addr().unwrap();
    log::wait_for(&format!("Connection from {port} rejected, no complete TLS handshake within 300ms."));
    begun.expect_end();
}

#[test]
fn certificates_are_required_and_judged() {
    log::capture();
    let authority = Authority::new("judged");
    let broker = broker(requiring_certificates(&authority));
    let address = broker.local_addrs()[0];
    let known = Arc::new(authority.trusting(Some(&authority.client("someone"))));
    tls::open(&known, address).handshake("someone").settle();
    let cases = [
        (authority.trusting(None), "CertificateRequired", "peer sent no certificates"),
        (authority.trusting(Some(&authority.expired_client("old"))), "CertificateExpired", "expired"),
        (authority.trusting(Some(&Authority::new("other").client("stranger"))), "UnknownCA", "UnknownIssuer"),
    ];
    for (config, alert, reason) in cases {
        let error = tls::handshake_error(&Arc::new(config), address);
        assert!(error.contains(alert), "{error}");
        log::wait_for(reason);
    }
    wait_until("only the good one is left", || broker.connections() <= 1);
}

#[test]
fn clients_may_have_certificates_of_version_1() {
    let authority = Authority::new("version 1");
    let broker = broker(requiring_certificates(&authority));
    let address = broker.local_addrs()[0];
    let issued = || authority.as_version1(authority.client("old"));
    for version in [&TLS12, &TLS13] {
        let config = |identity: &Issued| Arc::new(authority.trusting_with(Some(identity), &[version]));
        tls::open(&config(&issued()), address).handshake("old").settle();
        let stolen = issued().with_key_of(&authority.client("thief"));
        let error = tls::handshake_error(&config(&stolen), address);
        assert!(error.contains("DecryptError") || error.contains("BadSignature"), "{version:?}: {error}");
    }
}

#[test]
fn options_that_cannot_be_used_are_told_at_the_start() {
    let authority = Authority::new("start");
    let options = TlsOptions { ciphers: Some("NONSENSE".into()), ..tls::server(&authority) };
    let error = Broker::start(options_with(1, |listener| listener.security = Some(Security::Tls(options))))
        .unwrap_err();
    assert!(matches!(error, StartError::Tls { listener: 0, cause: TlsError::Ciphers { .. } }), "{error}");
}

#[test]
fn a_lowest_version_is_kept() {
    let authority = Authority::new("lowest");
    let broker = broker(TlsOptions { version_min: TlsVersion::Tls13, ..tls::server(&authority) });
    let address = broker.local_addrs()[0];
    let old = Arc::new(authority.trusting_with(None, &[&TLS12]));
    let error = tls::handshake_error(&old, address);
    assert!(error.contains("ProtocolVersion"), "{error}");
    tls::open(&Arc::new(authority.trusting(None)), address).handshake("new").settle();
}

#[test]
fn a_protocol_may_be_agreed_on() {
    let authority = Authority::new("alpn");
    let broker = broker(TlsOptions { protocols: vec!["mqtt".into()], ..tls::server(&authority) });
    let address = broker.local_addrs()[0];
    let asking = |protocol: &str| {
        let mut config = authority.trusting(None);
        config.alpn_protocols = vec![protocol.into()];
        Arc::new(config)
    };
    let client = tls::open(&asking("mqtt"), address).handshake("mqtt");
    assert_eq!(client.socket.conn.alpn_protocol(), Some(&b"mqtt"[..]));
    let error = tls::handshake_error(&asking("h2"), address);
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[test]
fn the_proxy_protocol_may_come_before_tls() {
    log::capture();
    let authority = Authority::new("proxied");
    let broker = Broker::start(options_with(2, |listener| {
        listener.security = Some(Security::Tls(tls::server(&authority)));
        listener.proxy = Some(ProxyOptions::new(ProxyVersion::V1));
    }))
    .unwrap();
    let mut socket = tls::socket(broker.local_addrs()[0]);
    socket.write_all(b"PROXY TCP4 192.0.2.7 127.0.0.1 6275 8883\r\n").unwrap();
    let config = Arc::new(authority.trusting(None));
    Client::over(tls::over(&config, socket)).handshake("proxied").settle();
    log::wait_for("Connection from 192.0.2.7:6275 negotiated TLSv1.3 cipher ");
    log::wait_for("client connected client=\"proxied\" peer=192.0.2.7:6275");
}

#[test]
fn sessions_are_resumed_on_every_shard() {
    let authority = Authority::new("resume");
    let broker = broker(requiring_certificates(&authority));
    let config = Arc::new(authority.trusting(Some(&authority.client("again"))));
    let mut resumed = 0;
    for round in 0..8 {
        let client = tls::open(&config, broker.local_addrs()[0]).handshake(&format!("again{round}"));
        let kind = client.socket.conn.handshake_kind();
        resumed += u32::from(kind == Some(authority::rustls::HandshakeKind::Resumed));
    }
    assert_eq!(resumed, 7, "all but the first");
}

#[test]
fn new_certificates_are_for_new_connections_and_the_others_go_on() {
    const CLIENTS: usize = 1000;
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let broker = broker(requiring_certificates(&before));
    let address = broker.local_addrs()[0];
    let config = Arc::new(before.trusting(Some(&before.client("someone"))));
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| tls::open(&config, address).handshake(&format!("client{number}")))
        .collect();
    for client in &mut clients {
        client.send(&subscribe("t", 1));
        client.expect(&suback(1));
    }
    // Half of a packet is on its way to the broker while everything is exchanged.
    let message = publish_1("t", 1, b"hello");
    clients[0].send(&message[..5]);
    broker.reload_tls(0, &requiring_certificates(&after)).unwrap();
    clients[0].send(&message[5..]);
    let mut acknowledged = 0;
    for (number, client) in clients.iter_mut().enumerate() {
        let packets = if number == 0 { 2 } else { 1 };
        for _ in 0..packets {
            let packet = client.receive().unwrap();
            if packet == puback(1) {
                acknowledged += 1;
            } else {
                assert_eq!(packet, message);
                client.send(&puback(1));
            }
        }
        client.settle();
    }
    assert_eq!((acknowledged, broker.connections()), (1, CLIENTS));

    // The old ticket and the old authority are good for nothing now.
    let error = tls::handshake_error(&config, address);
    assert!(error.contains("UnknownIssuer"), "{error}");
    let config = Arc::new(after.trusting(Some(&after.client("someone"))));
    tls::open(&config, address).handshake("new").settle();
}

#[test]
fn a_reload_that_fails_changes_nothing() {
    let authority = Authority::new("reload");
    let options = tls::server(&authority);
    let broker = broker(options.clone());
    let bad = TlsOptions { key_file: authority.folder().join("missing"), ..options.clone() };
    assert!(matches!(broker.reload_tls(0, &bad), Err(ReloadError::Tls(TlsError::Key { .. }))));
    assert!(matches!(broker.reload_tls(1, &options), Err(ReloadError::NoListener)));
    tls::open(&Arc::new(authority.trusting(None)), broker.local_addrs()[0]).handshake("client").settle();
    let plain = common::broker(1);
    assert!(matches!(plain.reload_tls(0, &options), Err(ReloadError::NoTls)));
}

#[test]
fn a_client_that_reads_nothing_for_long_gets_everything_in_order() {
    // More than sockets hold, less than a Session may.
    const MESSAGES: u16 = 120;
    let authority = Authority::new("slow");
    let broker = broker(tls::server(&authority));
    let address = broker.local_addrs()[0];
    let config: Arc<ClientConfig> = Arc::new(authority.trusting(None));
    let mut slow = tls::open(&config, address).handshake("slow");
    slow.send(&subscribe("t", 1));
    slow.expect(&suback(1));
    let mut publisher = tls::open(&config, address).handshake("publisher");
    let payload = vec![7; 100_000];
    for id in 1..=MESSAGES {
        publisher.send(&publish_1("t", id, &payload));
        publisher.expect(&puback(id));
    }
    // Everything waits in its Session, in order; only what the sockets and one write hold was sent.
    for id in 1..=MESSAGES {
        slow.expect(&publish_1("t", id, &payload));
        slow.send(&puback(id));
    }
}

/// Runs OpenSSL's client, and answers what it received.
fn openssl(arguments: &[&str], input: &[u8], answer_len: usize) -> (Vec<u8>, String) {
    let mut child = Command::new("openssl")
        .arg("s_client")
        .args(["-quiet", "-verify_return_error"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program openssl is installed");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input).unwrap();
    let mut answer = vec![0; answer_len];
    let read = child.stdout.take().unwrap().read_exact(&mut answer);
    drop(stdin);
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if read.is_err() {
        answer.clear();
    }
    (answer, errors)
}

#[test]
fn openssl_is_a_client_too() {
    let authority = Authority::new("openssl");
    let broker = broker(requiring_certificates(&authority));
    let address = broker.local_addrs()[0].to_string();
    let identity = authority.client("openssl");
    let (certificate, key) = identity.files();
    let authority_file = authority.file.to_str().unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let arguments = [
            version,
            "-connect",
            &address,
            "-servername",
            "localhost",
            "-CAfile",
            authority_file,
            "-cert",
            certificate.to_str().unwrap(),
            "-key",
            key.to_str().unwrap(),
        ];
        let (answer, errors) = openssl(&arguments, &connect_311("openssl"), CONNACK_311.len());
        assert_eq!(answer, CONNACK_311, "{version}: {errors}");
    }
    let (answer, errors) = openssl(
        &["-connect", &address, "-CAfile", authority_file],
        &connect_311("nobody"),
        CONNACK_311.len(),
    );
    assert!(answer.is_empty());
    assert!(errors.contains("certificate required"), "{errors}");
}

#[test]
fn keys_are_written_where_they_are_wanted() {
    let authority = Authority::new("keys");
    let key_log = authority.folder().join("keys");
    let broker = broker(TlsOptions { key_log: Some(key_log.clone()), ..tls::server(&authority) });
    tls::open(&Arc::new(authority.trusting(None)), broker.local_addrs()[0]).handshake("logged").settle();
    let text = std::fs::read_to_string(key_log).unwrap();
    for label in ["CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "] {
        assert!(text.lines().any(|line| line.starts_with(label)), "{text}");
    }
}

#[test]
fn connections_move_between_shards_under_load() {
    const CLIENTS: usize = 40;
    let authority = Authority::new("move");
    let broker = Broker::start(options_with(4, |listener| {
        listener.security = Some(Security::Tls(tls::server(&authority)));
    }))
    .unwrap();
    let address = broker.local_addrs()[0];
    let config = Arc::new(authority.trusting(None));
    let started = Instant::now();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                for round in 0..CLIENTS {
                    let mut client = tls::open(&config, address);
                    let topic = format!("t{thread}");
                    // All in one flight: the CONNECT decides where the rest goes, in whatever shape it arrived.
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
    assert!(started.elapsed() < common::DEADLINE);
    wait_until("all are gone", || broker.connections() == 0);
}
