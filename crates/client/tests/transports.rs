//! Every way to a broker. What the broker does not speak itself is spoken by a small front in the test.

#![cfg(all(feature = "tls", feature = "websocket", unix))]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::net::SocketAddr;
use core::pin::Pin;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{DEADLINE, Folder, address, broker, next, within};
use futures_core::Stream;
use futures_sink::Sink;
use martlet_client::{Address, Client, ConnectError, Options, QoS, Reconnect, Tls, TlsError, rustls};
use martlet_server::Broker;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;

/// Publishes a small and a large message to itself.
async fn works(options: Options) {
    let client = within(Client::connect(options.reconnect(Reconnect::never()))).await.unwrap();
    let mut stream = within(client.subscribe("t")).await.unwrap();
    for payload in [b"small".to_vec(), vec![7; 1 << 20]] {
        within(client.publish("t", payload.clone()).qos(QoS::ExactlyOnce)).await.unwrap();
        assert!(next(&mut stream).await.payload() == payload);
    }
    within(client.disconnect()).await.unwrap();
}

async fn error(options: Options) -> ConnectError {
    within(Client::connect(options)).await.unwrap_err()
}

async fn forward(mut client: impl AsyncRead + AsyncWrite + Unpin, broker: SocketAddr) {
    let mut broker = TcpStream::connect(broker).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut broker).await;
}

#[tokio::test]
async fn unix_socket() {
    let broker = broker();
    let folder = Folder::new("unix");
    let path = folder.0.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let to = address(&broker);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(forward(socket, to));
        }
    });
    works(Options::new(Address::Unix { path: path.clone() })).await;
    works(Options::from_url(&format!("unix:{}", path.display())).unwrap()).await;
    assert!(matches!(error(Options::from_url("unix:/nowhere").unwrap()).await, ConnectError::Io(_)));
}

/// An authority, and what it issued.
struct Authority {
    folder: Folder,
    ca: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    root: rustls::pki_types::CertificateDer<'static>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let ca = folder.write("ca.pem", &certificate.pem());
        let root = certificate.der().clone();
        Self { folder, ca, issuer: Issuer::new(params, key), root }
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Files of a certificate and its key.
    fn issue_files(&self, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.issue(name);
        let chain = self.folder.write(&format!("{name}.cert"), &certificate.pem());
        (chain, self.folder.write(&format!("{name}.key"), &key.serialize_pem()))
    }

    fn server(&self, wants_client: bool, alpn: &[&str]) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue("localhost");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let builder = if wants_client {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

/// What stands before the broker.
#[derive(Clone)]
enum Front {
    Tls(Arc<ServerConfig>),
    WebSocket,
    SecureWebSocket(Arc<ServerConfig>),
}

async fn front(broker: &Broker, front: Front) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = address(broker);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let front = front.clone();
            tokio::spawn(async move {
                match front {
                    Front::WebSocket => web_socket(socket, to).await,
                    Front::Tls(config) => {
                        if let Ok(socket) = TlsAcceptor::from(config).accept(socket).await {
                            forward(socket, to).await;
                        }
                    }
                    Front::SecureWebSocket(config) => {
                        if let Ok(socket) = TlsAcceptor::from(config).accept(socket).await {
                            web_socket(socket, to).await;
                        }
                    }
                }
            });
        }
    });
    port
}

/// Speaks WebSocket with odd limits of messages towards the client.
#[expect(clippy::result_large_err, reason = "the trait of tungstenite wants it")]
async fn web_socket(socket: impl AsyncRead + AsyncWrite + Unpin, to: SocketAddr) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

    let accept = |request: &Request, mut response: Response| {
        assert_eq!(request.uri().path(), "/mqtt");
        assert_eq!(request.headers()["x-test"], "yes");
        let protocol = request.headers()["sec-websocket-protocol"].clone();
        assert_eq!(protocol, "mqtt");
        response.headers_mut().insert("sec-websocket-protocol", protocol);
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(socket, accept).await.unwrap();
    let mut broker = TcpStream::connect(to).await.unwrap();
    let mut buffer = vec![0; 777];
    loop {
        tokio::select! {
            message = next_message(&mut socket) => match message {
                Some(Ok(Message::Binary(bytes))) => broker.write_all(&bytes).await.unwrap(),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            read = broker.read(&mut buffer) => {
                let Ok(len @ 1..) = read else { return };
                send_message(&mut socket, Message::Binary(buffer[..len].to_vec().into())).await;
            }
        }
    }
}

async fn next_message<S: Stream + Unpin>(socket: &mut S) -> Option<S::Item> {
    core::future::poll_fn(|context| Pin::new(&mut *socket).poll_next(context)).await
}

async fn send_message<M, S: Sink<M, Error: core::fmt::Debug> + Unpin>(socket: &mut S, message: M) {
    core::future::poll_fn(|context| Pin::new(&mut *socket).poll_ready(context)).await.unwrap();
    Pin::new(&mut *socket).start_send(message).unwrap();
    core::future::poll_fn(|context| Pin::new(&mut *socket).poll_flush(context)).await.unwrap();
}

#[tokio::test]
async fn tls_trusts_a_file_a_directory_or_text() {
    let broker = broker();
    let authority = Authority::new("trust");
    let port = front(&broker, Front::Tls(authority.server(false, &["mqtt"]))).await;
    let options = || Options::from_url(&format!("mqtts://localhost:{port}")).unwrap();
    works(options().tls(Tls::default().ca_file(&authority.ca).unwrap())).await;
    works(options().tls(Tls::default().ca_directory(&authority.folder.0).unwrap().alpn(&["mqtt"]))).await;
    let text = std::fs::read(&authority.ca).unwrap();
    works(options().tls(Tls::default().ca_pem(&text).unwrap())).await;
    let by_address = Options::new(Address::Tls { host: "127.0.0.1".to_owned(), port });
    let tls = Tls::default().ca_file(&authority.ca).unwrap();
    assert!(matches!(error(by_address.clone().tls(tls.clone())).await, ConnectError::Io(_)));
    works(by_address.tls(tls.server_name("localhost"))).await;
}

#[tokio::test]
async fn tls_does_not_trust_others() {
    let broker = broker();
    let (authority, other) = (Authority::new("one"), Authority::new("other"));
    let port = front(&broker, Front::Tls(authority.server(false, &["mqtt"]))).await;
    let options = || Options::from_url(&format!("mqtts://localhost:{port}")).unwrap();
    let tls = Tls::default().ca_file(&other.ca).unwrap();
    assert!(matches!(error(options().tls(tls)).await, ConnectError::Io(_)));
    let tls = Tls::default().ca_file(&authority.ca).unwrap().alpn(&["something else"]);
    assert!(matches!(error(options().tls(tls)).await, ConnectError::Io(_)));
    // What the operating system trusts does not include this one, if it trusts any.
    let untrusted = error(options()).await;
    assert!(matches!(untrusted, ConnectError::Io(_) | ConnectError::Tls(TlsError::NoAuthorities)));
}

#[tokio::test]
async fn tls_shows_a_certificate() {
    let broker = broker();
    let authority = Authority::new("client");
    let port = front(&broker, Front::Tls(authority.server(true, &[]))).await;
    let options = || Options::from_url(&format!("mqtts://localhost:{port}")).unwrap();
    let tls = Tls::default().ca_file(&authority.ca).unwrap();
    let (chain, key) = authority.issue_files("client");
    works(options().tls(tls.clone().client_certificate(chain, key).unwrap())).await;
    // In TLS 1.3 the client learns only afterwards that it is not welcome.
    let unwelcome = error(options().tls(tls)).await;
    assert!(matches!(unwelcome, ConnectError::Io(_) | ConnectError::Closed), "{unwelcome:?}");
}

#[tokio::test]
async fn tls_files_that_are_none() {
    let folder = Folder::new("none");
    let empty = folder.write("empty.pem", "");
    assert!(matches!(Tls::default().ca_file(Path::new("/nowhere")), Err(TlsError::Pem { .. })));
    assert!(matches!(Tls::default().ca_file(&empty), Err(TlsError::NoCertificate { .. })));
    assert!(matches!(Tls::default().ca_directory("/nowhere"), Err(TlsError::Directory { .. })));
    assert!(matches!(Tls::default().client_certificate(&empty, &empty), Err(TlsError::Pem { .. })));
}

#[tokio::test]
async fn websocket() {
    let broker = broker();
    let port = front(&broker, Front::WebSocket).await;
    let options = Options::from_url(&format!("ws://127.0.0.1:{port}")).unwrap();
    works(options.websocket_header("x-test", "yes")).await;
    // The broker itself speaks no HTTP.
    let options = Options::from_url(&format!("ws://127.0.0.1:{}/mqtt", address(&broker).port())).unwrap();
    let refused = error(options.connect_timeout(DEADLINE)).await;
    assert!(matches!(refused, ConnectError::WebSocket(_)), "{refused:?}");
}

#[tokio::test]
async fn websocket_above_tls() {
    let broker = broker();
    let authority = Authority::new("wss");
    let port = front(&broker, Front::SecureWebSocket(authority.server(false, &["http/1.1"]))).await;
    let options = Options::from_url(&format!("wss://localhost:{port}/mqtt")).unwrap();
    let tls = Tls::default().ca_file(&authority.ca).unwrap();
    works(options.websocket_header("x-test", "yes").tls(tls)).await;
}

#[cfg(feature = "socks")]
mod socks {
    use martlet_client::{SocksError, SocksProxy};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A proxy that wants user name and password `a` and `b`, and tells the kinds of addresses that it was asked for.
    async fn proxy() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket));
            }
        });
        port
    }

    async fn serve(mut socket: TcpStream) -> Option<()> {
        let mut head = [0; 2];
        socket.read_exact(&mut head).await.ok()?;
        let mut methods = vec![0; usize::from(head[1])];
        socket.read_exact(&mut methods).await.ok()?;
        if !methods.contains(&2) {
            return socket.write_all(&[5, 0xFF]).await.ok();
        }
        socket.write_all(&[5, 2]).await.ok()?;
        let mut credentials = [0; 5];
        socket.read_exact(&mut credentials).await.ok()?;
        let is_known = credentials == [1, 1, b'a', 1, b'b'];
        socket.write_all(&[1, u8::from(!is_known)]).await.ok()?;
        let mut request = [0; 4];
        socket.read_exact(&mut request).await.ok()?;
        let mut host = vec![0; if request[3] == 3 { usize::from(socket.read_u8().await.ok()?) } else { 4 }];
        socket.read_exact(&mut host).await.ok()?;
        let port = socket.read_u16().await.ok()?;
        let host = if request[3] == 3 { String::from_utf8(host).unwrap() } else { "127.0.0.1".to_owned() };
        if let Ok(mut broker) = TcpStream::connect((host, port)).await {
            socket.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 1]).await.ok()?;
            copy_bidirectional(&mut socket, &mut broker).await.ok()?;
            return Some(());
        }
        socket.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()
    }

    #[tokio::test]
    async fn through_a_proxy() {
        let broker = broker();
        let good = SocksProxy::new("127.0.0.1", proxy().await).credentials("a", "b");
        let port = address(&broker).port();
        works(Options::tcp("127.0.0.1", port).socks(good.clone())).await;
        works(Options::tcp("localhost", port).socks(good.clone())).await;
        let refused = error(Options::tcp("host.invalid", port).socks(good)).await;
        assert!(matches!(refused, ConnectError::Socks(SocksError::Refused { reply: 4 })), "{refused:?}");
    }

    #[tokio::test]
    async fn a_proxy_that_refuses() {
        let proxy = proxy().await;
        let options = |proxy| Options::tcp("localhost", 1).socks(proxy);
        let refused = error(options(SocksProxy::new("127.0.0.1", proxy))).await;
        assert!(matches!(refused, ConnectError::Socks(SocksError::NoAcceptableMethod)), "{refused:?}");
        let refused = error(options(SocksProxy::new("127.0.0.1", proxy).credentials("a", "c"))).await;
        assert!(matches!(refused, ConnectError::Socks(SocksError::NotAuthenticated)), "{refused:?}");
    }
}
