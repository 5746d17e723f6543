//! Ways to a server alone: where they begin, and what TLS is asked for.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;

use martlet_client::{Address, ConnectError, Options, Tls, TlsVersion, dial, rustls};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{CipherSuite, ProtocolVersion, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a server sees of a connection.
#[derive(Debug, PartialEq)]
struct Seen {
    version: ProtocolVersion,
    suite: CipherSuite,
    alpn: Option<Vec<u8>>,
}

/// A server with a certificate for `localhost` that says hello.
struct Server {
    certificate: String,
    acceptor: TlsAcceptor,
    listener: TcpListener,
}

impl Server {
    async fn start() -> Self {
        let generated = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(generated.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_no_client_auth();
        let mut config = builder.with_single_cert(vec![generated.cert.der().clone()], key).unwrap();
        config.alpn_protocols = vec![b"other".to_vec(), b"mqtt".to_vec()];
        Self {
            certificate: generated.cert.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    fn tls(&self) -> Tls {
        Tls::default().ca_pem(self.certificate.as_bytes()).unwrap()
    }

    /// Takes one connection from a client with these options.
    async fn meets(&self, host: &str, tls: Tls) -> Result<Seen, ConnectError> {
        let port = self.listener.local_addr().unwrap().port();
        let address = Address::Tls { host: host.to_owned(), port };
        let options = Options::new(address).tls(tls);
        let serve = async {
            let (socket, _) = self.listener.accept().await.unwrap();
            let mut socket = self.acceptor.accept(socket).await.ok()?;
            socket.write_all(b"hello").await.unwrap();
            socket.shutdown().await.unwrap();
            let connection = socket.get_ref().1;
            Some(Seen {
                version: connection.protocol_version().unwrap(),
                suite: connection.negotiated_cipher_suite().unwrap().suite(),
                alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            })
        };
        let talk = async {
            let mut carrier = dial(&options).await?;
            let mut words = String::new();
            carrier.read_to_string(&mut words).await.unwrap();
            assert_eq!(words, "hello");
            Ok(())
        };
        let (seen, talked) = tokio::join!(serve, talk);
        talked.map(|()| seen.unwrap())
    }
}

#[tokio::test]
async fn a_connection_begins_at_the_local_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    let (carrier, accepted) = tokio::join!(dial(&options), listener.accept());
    assert!(carrier.is_ok());
    assert_eq!(accepted.unwrap().1.ip().to_string(), "127.0.0.1");
    let options = options.bind_address("127.0.0.2").no_delay(false);
    let (carrier, accepted) = tokio::join!(dial(&options), listener.accept());
    assert!(carrier.is_ok());
    assert_eq!(accepted.unwrap().1.ip().to_string(), "127.0.0.2");
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    let error = dial(&options.clone().bind_address("192.0.2.1")).await.err().unwrap();
    assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
    let error = dial(&options.clone().bind_address("::1")).await.err().unwrap();
    assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
    let error = dial(&options.bind_address("host.invalid")).await.err().unwrap();
    assert!(matches!(error, ConnectError::Lookup { host, .. } if host == "host.invalid"));
    let error = dial(&Options::tcp("host.invalid", 1)).await.err().unwrap();
    assert!(matches!(error, ConnectError::Lookup { host, .. } if host == "host.invalid"));
}

#[tokio::test]
async fn versions_and_ciphers_are_those_asked_for() {
    let server = Server::start().await;
    let seen = server.meets("localhost", server.tls()).await.unwrap();
    assert_eq!(seen.version, ProtocolVersion::TLSv1_3);
    let tls = server.tls().version_max(TlsVersion::Tls12).cipher_list("AES128").unwrap().alpn(&["mqtt"]);
    assert_eq!(
        server.meets("localhost", tls).await.unwrap(),
        Seen {
            version: ProtocolVersion::TLSv1_2,
            suite: CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            alpn: Some(b"mqtt".to_vec()),
        }
    );
    let tls = server.tls().version_min(TlsVersion::Tls13);
    assert_eq!(server.meets("localhost", tls).await.unwrap().version, ProtocolVersion::TLSv1_3);
}

#[tokio::test]
async fn any_name_is_accepted_only_from_a_trusted_authority() {
    let server = Server::start().await;
    let refused = server.meets("127.0.0.1", server.tls()).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Io(_)), "{refused:?}");
    assert!(server.meets("127.0.0.1", server.tls().dangerously_accept_any_name()).await.is_ok());
    let other = Server::start().await;
    let refused = server.meets("127.0.0.1", other.tls().dangerously_accept_any_name()).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Io(_)), "{refused:?}");
}

#[tokio::test]
async fn secrets_are_appended_to_the_file() {
    let path = std::env::temp_dir().join(format!("martlet-client-keys-{}", std::process::id()));
    std::fs::write(&path, "earlier\n").unwrap();
    let server = Server::start().await;
    let tls = server.tls().key_log_file(&path).unwrap();
    server.meets("localhost", tls).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(text.starts_with("earlier\n"), "{text}");
    let line = text.lines().find(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")).unwrap();
    let parts: Vec<_> = line.split(' ').collect();
    assert!(parts.len() == 3 && parts[1].len() == 64 && parts[2].len() >= 64, "{line}");
    assert!(Tls::default().key_log_file("/nowhere/keys").is_err());
}
