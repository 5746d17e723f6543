//! Ways to the broker other than plain TCP.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use martlet_client::rustls;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::broker::{ACCEPTED_3, Broker, DEADLINE, GOODBYE, Peer};
use crate::running::Tool;

const MESSAGE: &[u8] = b"\x30\x04\0\x01ax";

#[test]
fn a_unix_socket() {
    let path = std::env::temp_dir().join(format!("martlet-test-{}-socket", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    let tool = Tool::start(&["pub", "--unix", path.to_str().unwrap(), "-t", "a", "-m", "x"]);
    let (socket, _) = listener.accept().unwrap();
    fs::remove_file(&path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut peer = Peer(socket);
    assert_eq!(peer.packet()[0], 0x10);
    peer.send(ACCEPTED_3);
    peer.expect(MESSAGE);
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "");
    let tool = Tool::start(&["pub", "--unix", path.to_str().unwrap(), "-t", "a", "-m", "x"]);
    tool.end().is(1, "", "Error: No such file or directory\n");
}

#[test]
fn a_local_address() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "pub", "-A 127.0.0.3 --nodelay -t a -m x");
    let mut peer = broker.accept_3();
    assert_eq!(peer.0.peer_addr().unwrap().ip().to_string(), "127.0.0.3");
    peer.expect(MESSAGE);
    drop(peer);
    tool.end();
}

#[test]
fn a_websocket_is_asked_for_by_http() {
    let broker = Broker::start();
    let tool = Tool::start(&["pub", "-L", &format!("ws://127.0.0.1:{}/a", broker.port()), "-m", "x"]);
    let mut peer = broker.accept();
    let mut request = String::new();
    let mut lines = BufReader::new(&mut peer.0);
    while !request.ends_with("\r\n\r\n") {
        assert!(lines.read_line(&mut request).unwrap() > 0, "{request}");
    }
    assert!(request.starts_with("GET /mqtt HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nSec-WebSocket-Protocol: mqtt\r\n"), "{request}");
    peer.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let ended = tool.end();
    assert_eq!(ended.status, Some(13), "{ended:?}");
    assert!(ended.stderr.starts_with("Error: Unknown error\n") && ended.stderr.contains("404"), "{ended:?}");
}

/// A broker with a certificate, whose name is `localhost`, and the file of it.
struct TlsBroker {
    broker: Broker,
    config: Arc<ServerConfig>,
    file: PathBuf,
}

impl TlsBroker {
    fn start(name: &str) -> Self {
        let generated = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(generated.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_no_client_auth();
        let config = builder.with_single_cert(vec![generated.cert.der().clone()], key).unwrap();
        let file = std::env::temp_dir().join(format!("martlet-test-{}-{name}.pem", std::process::id()));
        fs::write(&file, generated.cert.pem()).unwrap();
        Self { broker: Broker::start(), config: Arc::new(config), file }
    }

    /// The end of `martlet pub` with these arguments and the certificate in `file`.
    fn publish(&self, host: &str, file: &std::path::Path, arguments: &str) -> crate::running::Ended {
        let port = self.broker.port();
        let file = file.to_str().unwrap();
        let fixed = ["pub", "-h", host, "-p", &port, "-t", "a", "-m", "x", "--cafile", file];
        let more = arguments.split(' ').filter(|argument| !argument.is_empty());
        let tool = Tool::start(&fixed.into_iter().chain(more).collect::<Vec<_>>());
        let socket = self.broker.accept().0;
        let connection = ServerConnection::new(Arc::clone(&self.config)).unwrap();
        let serving = thread::spawn(move || {
            let mut stream = StreamOwned::new(connection, socket);
            // A client that does not trust ends the handshake.
            if stream.conn.complete_io(&mut stream.sock).is_err() || stream.flush().is_err() {
                return;
            }
            let mut peer = Peer(stream);
            assert_eq!(peer.packet()[0], 0x10);
            peer.send(ACCEPTED_3);
            peer.expect(MESSAGE);
            peer.expect(GOODBYE);
        });
        let ended = tool.end();
        serving.join().unwrap();
        ended
    }
}

impl Drop for TlsBroker {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

#[test]
fn tls_trusts_the_authority_that_was_given() {
    let (broker, other) = (TlsBroker::start("one"), TlsBroker::start("other"));
    broker.publish("localhost", &broker.file, "").is(0, "", "");
    broker.publish("localhost", &broker.file, "--tls-version tlsv1.3").is(0, "", "");
    broker.publish("127.0.0.1", &broker.file, "--insecure").is(0, "", "");
    for (host, file) in [("localhost", &other.file), ("127.0.0.1", &broker.file)] {
        let ended = broker.publish(host, file, "");
        assert_eq!(ended.status, Some(1), "{ended:?}");
        let start = "Unable to connect (A TLS error occurred).\ninvalid peer certificate";
        assert!(ended.stderr.starts_with(start), "{ended:?}");
    }
}
