//! TLS with a pre-shared key, to a front in the test that speaks it with OpenSSL too.

#![cfg(feature = "psk")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::net::SocketAddr;
use core::pin::Pin;
use std::sync::{Arc, Mutex};

use common::{address, broker, next, within};
use martlet_client::{Client, ConnectError, Options, PskError, QoS, Reconnect};
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVersion};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;

const KEY: &[u8] = &[0, 1, 2, 0xFF];

/// Listens for those who know the key of `device`, and tells what was agreed upon.
async fn front(broker: SocketAddr, version: SslVersion) -> (u16, Arc<Mutex<Vec<String>>>) {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
    builder.set_cipher_list("PSK").unwrap();
    builder.set_psk_server_callback(|_ssl, identity, key| {
        if identity != Some(b"device") {
            return Ok(0);
        }
        key[..KEY.len()].copy_from_slice(KEY);
        Ok(KEY.len())
    });
    let context = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let agreed = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&agreed);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let mut stream = SslStream::new(Ssl::new(&context).unwrap(), socket).unwrap();
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                if Pin::new(&mut stream).accept().await.is_ok() {
                    log.lock().unwrap().push(stream.ssl().current_cipher().unwrap().name().to_owned());
                    let mut broker = TcpStream::connect(broker).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut broker).await;
                }
            });
        }
    });
    (port, agreed)
}

fn options(port: u16) -> Options {
    Options::from_url(&format!("mqtts://localhost:{port}")).unwrap().reconnect(Reconnect::never())
}

#[tokio::test]
async fn a_key_that_both_know() {
    let broker = broker();
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let (port, agreed) = front(address(&broker), version).await;
        let client = within(Client::connect(options(port).psk("device", KEY))).await.unwrap();
        let mut stream = within(client.subscribe("t")).await.unwrap();
        for payload in [b"small".to_vec(), vec![7; 1 << 20]] {
            within(client.publish("t", payload.clone()).qos(QoS::ExactlyOnce)).await.unwrap();
            assert!(next(&mut stream).await.payload() == payload);
        }
        within(client.disconnect()).await.unwrap();
        let ciphers = agreed.lock().unwrap().clone();
        let expected = if version == SslVersion::TLS1_2 { "ECDHE-PSK-" } else { "TLS_" };
        assert!(ciphers.len() == 1 && ciphers[0].starts_with(expected), "{ciphers:?}");
    }
}

#[tokio::test]
async fn a_key_or_an_identity_that_the_server_does_not_know() {
    let broker = broker();
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let (port, _) = front(address(&broker), version).await;
        for (identity, key) in [("device", &b"wrong"[..]), ("nobody", KEY)] {
            let error = within(Client::connect(options(port).psk(identity, key))).await.unwrap_err();
            assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_server_with_a_certificate_does_not_do() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    let certificate = openssl::x509::X509::from_der(certified.cert.der()).unwrap();
    let key = openssl::pkey::PKey::private_key_from_der(&certified.signing_key.serialize_der()).unwrap();
    builder.set_certificate(&certificate).unwrap();
    builder.set_private_key(&key).unwrap();
    let context = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepting = async {
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream = SslStream::new(Ssl::new(&context).unwrap(), socket).unwrap();
        Pin::new(&mut stream).accept().await
    };
    let connecting = Client::connect(options(port).psk("device", KEY));
    let (accepted, connected) = within(async { tokio::join!(accepting, connecting) }).await;
    assert!(matches!(connected, Err(ConnectError::Io(_))), "{connected:?}");
    assert!(accepted.is_err());
}

#[tokio::test]
async fn what_is_no_key() {
    let broker = broker();
    let port = address(&broker).port();
    for (identity, key) in [("", KEY), ("a\0b", KEY), (&"x".repeat(129), KEY)] {
        let error = within(Client::connect(options(port).psk(identity, key))).await.unwrap_err();
        assert!(matches!(error, ConnectError::Psk(PskError::Identity)), "{error:?}");
    }
    for key in [vec![], vec![7; 257]] {
        let error = within(Client::connect(options(port).psk("device", key))).await.unwrap_err();
        assert!(matches!(error, ConnectError::Psk(PskError::Key)), "{error:?}");
    }
}
