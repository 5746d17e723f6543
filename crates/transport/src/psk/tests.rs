use super::*;
use crate::fault::ReadError;
use crate::layers::Layers;
use crate::secure::Secure;
use crate::stream::Received;
use crate::wire::Wire;
use crate::{READ_BYTES_MAX, SEALED_BYTES_MAX, Scratch, Stage};
use openssl::ssl::SslContextBuilder;
use std::io::IoSlice;

fn options() -> PskOptions {
    PskOptions::new(Arc::new(
        PskTable::parse("# table\nother:00ff\n\nsomeone:deadbeef\nsomeone:00\n").unwrap(),
    ))
}

/// The layers, a socket in memory, and a client of OpenSSL at its other end.
struct Pair {
    layers: Layers,
    wire: Wire,
    client: SslStream<Pipe>,
    scratch: Scratch,
    received: Vec<u8>,
    client_received: Vec<u8>,
}

impl Pair {
    fn new(options: &PskOptions, identity: &'static [u8], key: &'static [u8]) -> Self {
        let mut builder: SslContextBuilder = SslContext::builder(SslMethod::tls_client()).unwrap();
        builder.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
        builder.set_psk_client_callback(move |_, _, identity_room, key_room| {
            identity_room[..identity.len()].copy_from_slice(identity);
            identity_room[identity.len()] = 0;
            key_room[..key.len()].copy_from_slice(key);
            Ok(key.len())
        });
        let client = SslStream::new(Ssl::new(&builder.build()).unwrap(), Pipe::default()).unwrap();
        let psk = Psk::new(&options.load().unwrap()).unwrap();
        Self {
            layers: Layers::new(None, Some(Secure::Psk(Box::new(psk))), None),
            wire: Wire::default(),
            client,
            scratch: Scratch::default(),
            received: Vec::new(),
            client_received: Vec::new(),
        }
    }

    /// Moves bytes until both are silent. The client does its handshake, then reads.
    fn exchange(&mut self) -> Result<Option<Received>, ReadError> {
        let mut buffer = vec![0; READ_BYTES_MAX];
        loop {
            let mut bytes = [0; 4096];
            while let Ok(count) = self.client.ssl_read(&mut bytes) {
                self.client_received.extend_from_slice(&bytes[..count]);
            }
            let _ = self.client.connect();
            self.wire.incoming.extend(self.client.get_mut().outgoing.drain(..));
            let is_silent = self.wire.incoming.is_empty();
            loop {
                match self.layers.read(&mut self.wire, &mut buffer, &mut self.scratch)? {
                    Received::Some { bytes, .. } => self.received.extend_from_slice(&buffer[..bytes]),
                    Received::Nothing => break,
                    Received::End => return Ok(Some(Received::End)),
                }
            }
            let is_silent = is_silent && self.wire.outgoing.is_empty();
            self.client.get_mut().incoming.append(&mut self.wire.outgoing);
            if is_silent {
                return Ok(None);
            }
        }
    }
}

#[test]
fn who_has_the_key_is_known_and_bytes_go_both_ways() {
    for gives in [1, 7, 1_000, usize::MAX] {
        let mut pair = Pair::new(&options(), b"someone", b"\xde\xad\xbe\xef");
        pair.wire.gives = gives;
        assert_eq!(pair.layers.stage(), Some(Stage::Tls));
        pair.exchange().unwrap();
        assert_eq!(pair.layers.stage(), None);
        let facts = pair.layers.introduce().tls.unwrap();
        assert_eq!(facts.psk_identity.as_deref(), Some("someone"));
        assert_eq!(facts.version.as_deref(), Some("TLSv1.2"));
        assert!(facts.cipher.unwrap().contains("PSK"));

        let message: Vec<u8> = (0..200_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
        pair.client.ssl_write(&message).unwrap();
        pair.exchange().unwrap();
        assert!(pair.received == message, "{gives} bytes a read");
        let mut sent = 0;
        while sent < message.len() {
            pair.wire.takes = 3 * SEALED_BYTES_MAX / 2;
            let slices = [IoSlice::new(&message[sent..])];
            sent +=
                pair.layers.write_vectored(&mut pair.wire, &slices, &mut pair.scratch).unwrap().unwrap_or(0);
            pair.exchange().unwrap();
        }
        assert!(pair.client_received == message, "{gives} bytes a read");

        pair.client.shutdown().unwrap();
        assert_eq!(pair.exchange().unwrap(), Some(Received::End));
        assert!(pair.layers.finish(&mut pair.wire).unwrap());
        assert!(!pair.wire.outgoing.is_empty(), "the end is told");
    }
}

#[test]
fn who_has_another_key_or_none_is_turned_away() {
    let cases: [(&[u8], &[u8]); 3] =
        [(b"someone", b"\xde\xad"), (b"nobody", b"\x00"), (b"\xff\xfe", b"\x00")];
    for (identity, key) in cases {
        let mut pair = Pair::new(&options(), identity, key);
        let text = pair.exchange().unwrap_err().to_string();
        assert!(text.starts_with("TLS with a pre-shared key failed: "), "{text}");
        assert!(pair.layers.finish(&mut pair.wire).unwrap());
        assert_eq!(pair.wire.outgoing.first(), Some(&21), "an alert is sent");
    }
    let mut pair = Pair::new(&options(), b"someone", b"");
    pair.wire.incoming.extend(b"GET / HTTP/1.1\r\n\r\n");
    let text = pair.exchange().unwrap_err().to_string();
    assert_eq!(text, "TLS with a pre-shared key failed: http request");
}

#[test]
fn a_table_is_read_and_replaced_as_a_whole() {
    let table = PskTable::parse("a:00\nb:FF0a\n").unwrap();
    assert_eq!(
        (table.key("a"), table.key("b"), table.key("c")),
        (Some(vec![0]), Some(vec![0xFF, 0x0A]), None)
    );
    for (line, text) in [(1, "a"), (1, "a:0"), (2, "a:00\nb:xy"), (1, ":00"), (1, "a:"), (1, "a:00 0")] {
        assert_eq!(table.replace(text), Err(PskLineError { line }), "{text:?}");
    }
    assert_eq!(table.key("a"), Some(vec![0]), "nothing has changed");
    table.replace("c:01\n").unwrap();
    assert_eq!((table.key("a"), table.key("c")), (None, Some(vec![1])));
}

#[test]
fn suites_that_are_none_are_an_error() {
    let options = PskOptions { ciphers: Some("NONSENSE".into()), ..options() };
    let text = options.load().unwrap_err().to_string();
    assert!(text.starts_with("Unable to set up TLS with pre-shared keys. ("), "{text}");
    assert!(text.contains("no cipher match"), "{text}");
}
