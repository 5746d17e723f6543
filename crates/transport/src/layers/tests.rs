use super::*;
use crate::tls::{ClientCertificates, Tls, TlsFault, TlsOptions};
use crate::wire::Wire;
use crate::{Origin, ProxyVersion, READ_BYTES_MAX};
use authority::Authority;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, SupportedProtocolVersion};
use std::io::IoSlice;
use std::sync::Arc;

mod hostile;
mod web;

/// The layers, a socket in memory, and a client of rustls at its other end.
struct Pair {
    layers: Layers,
    wire: Wire,
    client: ClientConnection,
    scratch: Scratch,
    /// What was read.
    received: Vec<u8>,
    /// What the client has received.
    client_received: Vec<u8>,
}

impl Pair {
    fn new(options: &TlsOptions, client: ClientConfig) -> Self {
        let tls = Secure::Tls(Box::new(Tls::new(options.load().unwrap().config).unwrap()));
        let client = ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
        Self {
            layers: Layers::new(None, Some(tls), None),
            wire: Wire::default(),
            client,
            scratch: Scratch::default(),
            received: Vec::new(),
            client_received: Vec::new(),
        }
    }

    /// Moves bytes until both are silent. Answers how reading ended, if it did.
    fn exchange(&mut self) -> Result<Option<Received>, ReadError> {
        loop {
            while self.client.wants_write() {
                self.client.write_tls(&mut self.wire.incoming).unwrap();
            }
            let is_silent = self.wire.incoming.is_empty();
            if let Some(end) = self.read()? {
                return Ok(Some(end));
            }
            self.let_client_read();
            if is_silent && !self.client.wants_write() {
                return Ok(None);
            }
        }
    }

    /// Reads until nothing is left.
    fn read(&mut self) -> Result<Option<Received>, ReadError> {
        let mut buffer = vec![0; READ_BYTES_MAX];
        loop {
            match self.layers.read(&mut self.wire, &mut buffer, &mut self.scratch)? {
                Received::Some { bytes, .. } => self.received.extend_from_slice(&buffer[..bytes]),
                Received::Nothing => return Ok(None),
                Received::End => return Ok(Some(Received::End)),
            }
        }
    }

    fn let_client_read(&mut self) {
        let outgoing = core::mem::take(&mut self.wire.outgoing);
        let mut left = &outgoing[..];
        while !left.is_empty() {
            self.client.read_tls(&mut left).unwrap();
            let _ = self.client.process_new_packets(); // an alert is told by its next use
            // The end is told when all is read.
            let _ = self.client.reader().read_to_end(&mut self.client_received);
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        self.layers.write_vectored(&mut self.wire, &[IoSlice::new(bytes)], &mut self.scratch).unwrap()
    }
}

fn server(authority: &Authority) -> TlsOptions {
    let issued = authority.server();
    TlsOptions::new(issued.certificate_file, issued.key_file)
}

fn requiring_certificates(authority: &Authority) -> TlsOptions {
    let clients = Some(ClientCertificates::default());
    TlsOptions { authority_file: Some(authority.file.clone()), clients, ..server(authority) }
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[test]
fn both_versions_carry_bytes_both_ways_however_they_are_split() {
    let authority = Authority::new("split");
    let options = server(&authority);
    let versions: [(&'static SupportedProtocolVersion, &str); 2] = [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")];
    for (version, name) in versions {
        for gives in [1, 2, 3, 7, 100, 5_000, usize::MAX] {
            let mut pair = Pair::new(&options, authority.trusting_with(None, &[version]));
            pair.wire.gives = gives;
            assert_eq!(pair.layers.stage(), Some(Stage::Tls));
            assert_eq!(pair.exchange().unwrap(), None);
            assert_eq!(pair.layers.stage(), None);
            let facts = pair.layers.introduce().tls.unwrap();
            assert_eq!(facts.version.as_deref(), Some(name));
            assert_eq!((facts.certificate, facts.protocol), (None, None));

            // Several records, and one that is short.
            let (question, answer) = (bytes(40_000), bytes(100_000));
            pair.client.set_buffer_limit(None);
            Write::write_all(&mut pair.client.writer(), &question).unwrap();
            pair.exchange().unwrap();
            assert!(pair.received == question, "{name}, {gives} bytes a read");
            let mut sent = 0;
            while sent < answer.len() {
                sent += pair.write(&answer[sent..]).unwrap();
            }
            pair.exchange().unwrap();
            assert!(pair.client_received == answer, "{name}, {gives} bytes a read");
        }
    }
}

#[test]
fn bytes_are_told_as_sent_only_when_the_socket_has_them() {
    let authority = Authority::new("promise");
    let mut pair = Pair::new(&server(&authority), authority.trusting(None));
    pair.exchange().unwrap();
    let message = bytes(50_000);
    for taken in [0, 1, 20_000, 50_000] {
        pair.wire.takes = taken;
        assert_eq!(pair.write(&message), None);
        assert!(pair.layers.has_unsent());
        // While it is full nothing further is taken, whatever is offered, and nothing is told.
        assert_eq!(pair.write(&message), None);
        pair.wire.takes = usize::MAX;
        // The same bytes come again, cut in another way; they are not sent twice.
        assert_eq!(pair.write(&message[..10]), Some(10));
        assert_eq!(pair.write(&message[10..]), Some(message.len() - 10));
        assert!(!pair.layers.has_unsent());
        pair.exchange().unwrap();
        assert!(pair.client_received == message);
        pair.client_received.clear();
    }
}

#[test]
fn what_waits_for_a_slow_client_is_bounded() {
    let authority = Authority::new("bounded");
    let mut pair = Pair::new(&server(&authority), authority.trusting(None));
    pair.exchange().unwrap();
    pair.wire.takes = 0;
    let message = bytes(10 * SEALED_BYTES_MAX);
    for _ in 0..10 {
        assert_eq!(pair.write(&message), None);
    }
    let unsent = pair.layers.unsent.bytes().len();
    assert!((SEALED_BYTES_MAX..SEALED_BYTES_MAX + 1000).contains(&unsent), "{unsent} bytes");
    pair.wire.takes = usize::MAX;
    assert_eq!(pair.write(&message), Some(SEALED_BYTES_MAX));
    assert_eq!(pair.layers.unsent.bytes().capacity(), 0, "memory is given back");
}

#[test]
fn each_side_is_told_the_end() {
    let authority = Authority::new("end");
    let mut pair = Pair::new(&server(&authority), authority.trusting(None));
    pair.exchange().unwrap();
    Write::write_all(&mut pair.client.writer(), b"last words").unwrap();
    pair.client.send_close_notify();
    assert_eq!(pair.exchange().unwrap(), Some(Received::End));
    assert_eq!(pair.received, b"last words");
    assert_eq!(pair.read().unwrap(), Some(Received::End));

    assert_eq!(pair.write(b"goodbye"), Some(7), "this direction is open still");
    pair.wire.takes = 3;
    assert!(!pair.layers.finish(&mut pair.wire).unwrap());
    pair.wire.takes = usize::MAX;
    assert!(pair.layers.finish(&mut pair.wire).unwrap());
    pair.let_client_read();
    assert_eq!(pair.client_received, b"goodbye");
    let state = pair.client.process_new_packets().unwrap();
    assert!(state.peer_has_closed());
}

#[test]
fn an_end_without_a_word_is_an_end() {
    let authority = Authority::new("cut");
    let mut pair = Pair::new(&server(&authority), authority.trusting(None));
    pair.exchange().unwrap();
    pair.wire.is_ended = true;
    assert_eq!(pair.read().unwrap(), Some(Received::End));
}

#[test]
fn what_is_no_tls_is_a_fault_that_says_so() {
    let authority = Authority::new("plain");
    let options = server(&authority);
    let fault = |bytes: &[u8]| {
        let mut pair = Pair::new(&options, authority.trusting(None));
        pair.wire.incoming.extend(bytes);
        let error = pair.read().unwrap_err();
        assert_eq!(pair.read().unwrap(), Some(Received::End), "nothing comes behind a fault");
        error.to_string()
    };
    assert_eq!(fault(b"GET / HTTP/1.1\r\n"), "client does not use TLS but plain text, HTTP perhaps");
    assert_eq!(fault(b"\x10\x20"), "client does not use TLS: its first byte is 0x10");
    let text = fault(b"\x16\x03\x01\x00\x05hello");
    assert!(text.starts_with("TLS failed: "), "{text}");
}

#[test]
fn a_record_that_was_tampered_with_ends_it_and_the_client_is_told() {
    let authority = Authority::new("tamper");
    let mut pair = Pair::new(&server(&authority), authority.trusting(None));
    pair.exchange().unwrap();
    Write::write_all(&mut pair.client.writer(), b"good").unwrap();
    pair.client.write_tls(&mut pair.wire.incoming).unwrap();
    Write::write_all(&mut pair.client.writer(), b"bad").unwrap();
    pair.client.write_tls(&mut pair.wire.incoming).unwrap();
    *pair.wire.incoming.back_mut().unwrap() ^= 1;
    let error = pair.read().unwrap_err();
    assert!(matches!(error, ReadError::Fault(Fault::Tls(TlsFault::Broken(_)))), "{error}");
    assert_eq!(pair.received, b"good", "what came before counts");
    pair.let_client_read();
    let error = pair.client.process_new_packets().unwrap_err();
    assert!(matches!(error, rustls::Error::AlertReceived(rustls::AlertDescription::BadRecordMac)), "{error}");
    assert!(pair.layers.finish(&mut pair.wire).unwrap());
}

#[test]
fn a_message_of_the_handshake_that_is_too_long_is_a_fault() {
    let authority = Authority::new("endless");
    let options = server(&authority);
    let fault = |message_len: u32, record_len: usize| {
        let mut pair = Pair::new(&options, authority.trusting(None));
        let [_, len @ ..] = message_len.to_be_bytes();
        let message = [&[1][..], &len, &vec![0; message_len as usize]].concat();
        for content in message.chunks(record_len) {
            let len = u16::try_from(content.len()).unwrap().to_be_bytes();
            pair.wire.incoming.extend([&[22, 3, 1][..], &len, content].concat());
        }
        let error = pair.read().unwrap_err();
        assert_eq!(pair.read().unwrap(), Some(Received::End));
        error.to_string()
    };
    // What one message may have; but cut so small that the heads of its records make it too much to keep.
    assert_eq!(fault(65_000, 100), "a message of the TLS handshake is too long");
    let text = fault(100_000, 16_000);
    assert!(text.starts_with("TLS failed: "), "{text}");
}

#[test]
fn a_client_shows_its_certificate() {
    let authority = Authority::new("certificate");
    let options = requiring_certificates(&authority);
    for gives in [1, usize::MAX] {
        let identity = authority.client("someone");
        let mut pair = Pair::new(&options, authority.trusting(Some(&identity)));
        pair.wire.gives = gives;
        pair.exchange().unwrap();
        let certificate = pair.layers.introduce().tls.unwrap().certificate.unwrap();
        assert_eq!(certificate.common_name.as_deref(), Some("someone"));
        assert_eq!(certificate.subject.as_deref(), Some("CN=someone,O=Example"));
        assert!(certificate.is_verified);
    }

    let mut pair = Pair::new(&options, authority.trusting(None));
    let error = pair.exchange().unwrap_err();
    assert_eq!(error.to_string(), "TLS failed: peer sent no certificates");
    pair.let_client_read();
    let error = pair.client.process_new_packets().unwrap_err();
    let alert = rustls::AlertDescription::CertificateRequired;
    assert!(matches!(error, rustls::Error::AlertReceived(description) if description == alert), "{error}");
}

#[test]
fn the_proxy_protocol_may_come_below_tls() {
    let authority = Authority::new("below");
    for gives in [1, 50, usize::MAX] {
        let mut pair = Pair::new(&server(&authority), authority.trusting(None));
        let proxy = ProxyOptions::new(ProxyVersion::V1);
        pair.layers = Layers::new(Some(proxy), pair.layers.secure.take(), None);
        pair.wire.gives = gives;
        pair.wire.incoming.extend(b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n");
        assert_eq!(pair.layers.stage(), Some(Stage::Proxy));
        pair.exchange().unwrap();
        assert_eq!(pair.layers.stage(), None);
        let Introduction { origin, tls } = pair.layers.introduce();
        assert_eq!(origin, Some(Origin::Address("192.0.2.5:6275".parse().unwrap())));
        assert!(tls.is_some());
        Write::write_all(&mut pair.client.writer(), b"hello").unwrap();
        pair.exchange().unwrap();
        assert_eq!(pair.received, b"hello");
    }
}

#[test]
fn after_the_proxy_protocol_alone_bytes_pass_as_they_are() {
    let mut layers = Layers::new(Some(ProxyOptions::new(ProxyVersion::V1)), None, None);
    let mut wire = Wire::default();
    let (mut buffer, mut scratch) = ([0; 64], Scratch::default());
    wire.incoming.extend(b"PROXY UNKNOWN\r\nhello");
    let received = layers.read(&mut wire, &mut buffer, &mut scratch).unwrap();
    assert_eq!(received, Received::Some { bytes: 5, is_all: true });
    assert_eq!(&buffer[..5], b"hello");
    assert!(layers.are_done());
    assert_eq!(layers.introduce(), Introduction::default());
    let slices = [IoSlice::new(b"good"), IoSlice::new(b"bye")];
    assert!(layers.write_vectored(&mut wire, &slices, &mut scratch).unwrap().is_some());
}
