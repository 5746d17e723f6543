//! WebSocket over a socket in memory, alone and over TLS.

use super::*;
use crate::Received;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: 1JaITHdgDZVd/4OE2AzTTA==\r\nSec-WebSocket-Protocol: mqtt\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: Ako91O0lxiq8gN0+b9YCijMx8lk=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// A short frame of a client, whose mask changes nothing.
fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | u8::try_from(content.len()).unwrap(), 0, 0, 0, 0], content].concat()
}

fn web() -> Layers {
    Layers::new(None, None, Some(Arc::new(WebSocketOptions::new(["mqtt"]))))
}

/// Reads until nothing is left.
fn read(layers: &mut Layers, wire: &mut Wire) -> Result<(Vec<u8>, Received), ReadError> {
    let (mut buffer, mut scratch) = (vec![0; READ_BYTES_MAX], Scratch::default());
    let mut received = Vec::new();
    loop {
        match layers.read(wire, &mut buffer, &mut scratch)? {
            Received::Some { bytes, .. } => received.extend_from_slice(&buffer[..bytes]),
            end => return Ok((received, end)),
        }
    }
}

fn opened() -> (Layers, Wire) {
    let (mut layers, mut wire) = (web(), Wire::default());
    wire.incoming.extend(REQUEST);
    read(&mut layers, &mut wire).unwrap();
    assert_eq!(core::mem::take(&mut wire.outgoing), RESPONSE);
    (layers, wire)
}

/// What frames of the server carry: data, and the controls between it.
fn parse(mut bytes: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut data, mut controls) = (Vec::new(), Vec::new());
    while let [first, len, rest @ ..] = bytes {
        let (len, rest) = match len {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (usize::try_from(u64::from_be_bytes(rest[..8].try_into().unwrap())).unwrap(), &rest[8..]),
            len => (usize::from(*len), rest),
        };
        let (content, rest) = rest.split_at(len);
        match first {
            0x82 => data.extend_from_slice(content),
            _ => controls.push([&[*first], content].concat()),
        }
        bytes = rest;
    }
    (data, controls)
}

#[test]
fn a_request_and_frames_may_come_in_pieces_of_every_size() {
    for gives in 1..=REQUEST.len() + 20 {
        let (mut layers, mut wire) = (web(), Wire { gives, ..Wire::default() });
        assert_eq!(layers.stage(), Some(Stage::WebSocket));
        // The client does not wait for the answer.
        wire.incoming.extend([REQUEST, &frame(0x02, b"hel"), &frame(0x80, b"lo")].concat());
        assert_eq!(read(&mut layers, &mut wire).unwrap(), (b"hello".to_vec(), Received::Nothing));
        assert_eq!(layers.stage(), None);
        assert_eq!(wire.outgoing, RESPONSE);
    }
}

#[test]
fn data_is_sent_in_whole_frames_however_little_the_socket_takes() {
    let message = bytes(2_000);
    for takes in [1, 2, 3, 10, 999, 5_000] {
        let (mut layers, mut wire) = opened();
        let mut scratch = Scratch::default();
        let mut sent = 0;
        while sent < message.len() {
            wire.takes = takes;
            let rest = &message[sent..];
            let (one, two) = rest.split_at(rest.len() / 3);
            let slices = [IoSlice::new(one), IoSlice::new(two)];
            sent += layers.write_vectored(&mut wire, &slices, &mut scratch).unwrap().unwrap_or(0);
            // A ping may come at any time; its answer must not come into the middle of a frame.
            wire.incoming.extend(frame(0x89, b"ping"));
            read(&mut layers, &mut wire).unwrap();
        }
        wire.takes = usize::MAX;
        assert!(layers.flush(&mut wire).unwrap());
        assert!(!layers.has_unsent());
        let (data, controls) = parse(&wire.outgoing);
        assert!(data == message, "{takes} bytes at once");
        assert!(!controls.is_empty() && controls.iter().all(|control| control == b"\x8Aping"));
    }
}

#[test]
fn a_peer_that_pings_and_reads_nothing_costs_nothing() {
    let (mut layers, mut wire) = opened();
    wire.takes = 0;
    for _ in 0..1_000 {
        wire.incoming.extend(frame(0x89, &[b'x'; 125]));
    }
    read(&mut layers, &mut wire).unwrap();
    assert!(layers.has_unsent());
    assert!(layers.unsent.bytes().len() <= 127);
    wire.takes = usize::MAX;
    assert!(layers.flush(&mut wire).unwrap());
    assert!(wire.outgoing.len() <= 2 * 127);
}

#[test]
fn a_close_is_answered_and_an_own_one_is_sent() {
    let (mut layers, mut wire) = opened();
    wire.incoming.extend([frame(0x82, b"last"), frame(0x88, b"\x03\xE9")].concat());
    assert_eq!(read(&mut layers, &mut wire).unwrap(), (b"last".to_vec(), Received::End));
    assert!(layers.finish(&mut wire).unwrap());
    assert_eq!(wire.outgoing, b"\x88\x02\x03\xE9");

    let (mut layers, mut wire) = opened();
    assert!(layers.finish(&mut wire).unwrap());
    assert_eq!(wire.outgoing, b"\x88\x02\x03\xE8");
}

#[test]
fn text_is_a_fault_that_the_peer_is_told_of() {
    let (mut layers, mut wire) = opened();
    wire.incoming.extend([frame(0x82, b"good"), frame(0x81, b"text")].concat());
    let (mut buffer, mut scratch) = (vec![0; READ_BYTES_MAX], Scratch::default());
    let received = layers.read(&mut wire, &mut buffer, &mut scratch).unwrap();
    assert_eq!(received, Received::Some { bytes: 4, is_all: false });
    let error = layers.read(&mut wire, &mut buffer, &mut scratch).unwrap_err();
    assert_eq!(error.to_string(), "a WebSocket message is text, not binary");
    assert!(layers.finish(&mut wire).unwrap());
    assert_eq!(wire.outgoing, b"\x88\x02\x03\xEB");
}

#[test]
fn a_refused_request_is_answered_and_no_frame_follows() {
    let (mut layers, mut wire) = (web(), Wire::default());
    wire.incoming.extend(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(read(&mut layers, &mut wire).is_err());
    assert!(layers.finish(&mut wire).unwrap());
    let answer = String::from_utf8(wire.outgoing).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");
    assert!(answer.ends_with("plain HTTP request where WebSocket is spoken\n"), "{answer}");
}

#[test]
fn websocket_over_tls_is_the_same_again() {
    let authority = Authority::new("web-tls");
    let message = bytes(3 * SEALED_BYTES_MAX);
    for gives in [1, 33, usize::MAX] {
        let mut pair = Pair::new(&server(&authority), authority.trusting(None));
        let options = Arc::new(WebSocketOptions::new(["mqtt"]));
        pair.layers = Layers::new(None, pair.layers.secure.take(), Some(options));
        pair.wire.gives = gives;
        Write::write_all(&mut pair.client.writer(), REQUEST).unwrap();
        pair.exchange().unwrap();
        assert_eq!(core::mem::take(&mut pair.client_received), RESPONSE);
        Write::write_all(&mut pair.client.writer(), &frame(0x82, b"hello")).unwrap();
        Write::write_all(&mut pair.client.writer(), &frame(0x89, b"ping")).unwrap();
        pair.exchange().unwrap();
        assert_eq!(pair.received, b"hello");

        let mut sent = 0;
        while sent < message.len() {
            pair.wire.takes = 10_000;
            sent += pair.write(&message[sent..]).unwrap_or(0);
            pair.let_client_read();
        }
        pair.wire.takes = usize::MAX;
        assert!(pair.layers.finish(&mut pair.wire).unwrap());
        pair.let_client_read();
        let (data, controls) = parse(&pair.client_received);
        assert!(data == message);
        assert_eq!(controls, [&b"\x8Aping"[..], b"\x88\x03\xE8"]);
        assert!(pair.client.process_new_packets().unwrap().peer_has_closed());
    }
}
