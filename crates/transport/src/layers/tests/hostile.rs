//! Whatever a peer sends, nothing panics, and a fault is the end.

use super::*;

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(below).unwrap()).unwrap()
    }
}

/// Changes some bytes, or cuts some out.
fn spoil(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..=numbers.next(3) {
        if bytes.is_empty() {
            return;
        }
        let at = numbers.next(bytes.len());
        match numbers.next(3) {
            0 => bytes[at] ^= 1 << numbers.next(8),
            1 => bytes[at] = u8::try_from(numbers.next(256)).unwrap(),
            _ => drop(bytes.drain(at..bytes.len().min(at + 1 + numbers.next(20)))),
        }
    }
}

/// Reads until nothing is left, and lets the layers say goodbye.
fn read_all(layers: &mut Layers, wire: &mut Wire) {
    let (mut buffer, mut scratch) = (vec![0; READ_BYTES_MAX], Scratch::default());
    let mut is_over = false;
    loop {
        match layers.read(wire, &mut buffer, &mut scratch) {
            Ok(Received::Some { .. }) => assert!(!is_over, "nothing comes behind the end"),
            Ok(Received::Nothing) => break,
            Ok(Received::End) if is_over => break,
            Ok(Received::End) | Err(_) => is_over = true,
        }
        let _ = layers.write_vectored(wire, &[IoSlice::new(b"answer")], &mut scratch);
    }
    layers.finish(wire).unwrap();
}

#[test]
fn spoiled_headers_requests_and_frames() {
    let proxy_2 =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x16\xC0\0\x02\x05\0\0\0\0\x18\x83\0\0\x20\0\x07\x05\0\0\0\0\x21\0";
    let request =
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mqtt\r\n\
        Sec-WebSocket-Key: 1JaITHdgDZVd/4OE2AzTTA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let frames = b"\x02\x85\x01\x02\x03\x04hello\x89\x80\x01\x02\x03\x04\x80\xFE\0\x05\x01\x02\x03\x04again\
        \x82\xFF\0\0\0\0\0\0\0\x01\x01\x02\x03\x04!\x88\x82\0\0\0\0\x03\xE8";
    let starts = [
        (ProxyVersion::V1, &b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n"[..]),
        (ProxyVersion::V2, proxy_2),
    ];
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    for round in 0..6_000 {
        let (version, start) = starts[round % 2];
        let web = Some(Arc::new(WebSocketOptions::new(["mqtt"])));
        let mut layers = Layers::new(Some(ProxyOptions::new(version)), None, web);
        // Only one part is spoiled, so that the others are reached.
        let mut parts = [start.to_vec(), request.to_vec(), frames.to_vec()];
        spoil(&mut parts[round % 3], &mut numbers);
        let mut wire = Wire { gives: 1 + numbers.next(40), ..Wire::default() };
        wire.incoming.extend(parts.concat());
        wire.is_ended = numbers.next(2) == 0;
        read_all(&mut layers, &mut wire);
    }
}

#[test]
fn spoiled_tls() {
    let authority = Authority::new("spoiled");
    let options = requiring_certificates(&authority);
    let config = options.load().unwrap().config;
    let identity = authority.client("client");
    let versions: [&'static SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
    let clients = versions.map(|version| Arc::new(authority.trusting_with(Some(&identity), &[version])));
    let mut numbers = Numbers(0xDA94_2042_E4DD_58B5);
    for round in 0..600 {
        let client = Arc::clone(&clients[round % 2]);
        let mut client = ClientConnection::new(client, "localhost".try_into().unwrap()).unwrap();
        let mut layers =
            Layers::new(None, Some(Secure::Tls(Box::new(Tls::new(Arc::clone(&config)).unwrap()))), None);
        let mut wire = Wire { gives: 1 + numbers.next(3_000), ..Wire::default() };
        let (mut buffer, mut scratch) = (vec![0; READ_BYTES_MAX], Scratch::default());
        // One of the flights of the client is spoiled.
        let spoiled = numbers.next(4);
        for flight in 0..=spoiled {
            if flight == 3 {
                let _ = Write::write_all(&mut client.writer(), &bytes(20_000));
            }
            let mut sent = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut sent).unwrap();
            }
            if flight == spoiled {
                spoil(&mut sent, &mut numbers);
                wire.is_ended = true;
            }
            wire.incoming.extend(sent);
            if flight < spoiled {
                while let Ok(Received::Some { .. }) = layers.read(&mut wire, &mut buffer, &mut scratch) {}
                let outgoing = core::mem::take(&mut wire.outgoing);
                let mut outgoing = &outgoing[..];
                while !outgoing.is_empty() && client.read_tls(&mut outgoing).is_ok() {
                    let _ = client.process_new_packets();
                }
            }
        }
        read_all(&mut layers, &mut wire);
    }
}
