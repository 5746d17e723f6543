//! A broker without rules: it sends what the test says, and compares what comes.

use core::time::Duration;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// How long anything may take before a test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// CONNACK with success in MQTT 3.1 and 3.1.1, and in 5.0.
pub(crate) const ACCEPTED_3: &[u8] = b"\x20\x02\0\0";
pub(crate) const ACCEPTED_5: &[u8] = b"\x20\x03\0\0\0";
/// DISCONNECT without a word.
pub(crate) const GOODBYE: &[u8] = b"\xE0\0";

/// Listens on a free port.
pub(crate) struct Broker {
    listener: TcpListener,
}

impl Broker {
    pub(crate) fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    pub(crate) fn port(&self) -> String {
        self.listener.local_addr().unwrap().port().to_string()
    }

    /// Waits for the next connection.
    pub(crate) fn accept(&self) -> Peer<TcpStream> {
        let (socket, _) = self.listener.accept().unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.set_write_timeout(Some(DEADLINE)).unwrap();
        Peer(socket)
    }

    /// Waits for the next connection and accepts it as a broker of 3.1 and 3.1.1 does.
    pub(crate) fn accept_3(&self) -> Peer<TcpStream> {
        self.accept_with(ACCEPTED_3)
    }

    /// The same as a broker of 5.0.
    pub(crate) fn accept_5(&self) -> Peer<TcpStream> {
        self.accept_with(ACCEPTED_5)
    }

    pub(crate) fn accept_with(&self, connack: &[u8]) -> Peer<TcpStream> {
        let mut peer = self.accept();
        assert_eq!(peer.packet()[0], 0x10, "CONNECT comes first");
        peer.send(connack);
        peer
    }
}

/// One connection.
pub(crate) struct Peer<S>(pub(crate) S);

impl<S: Read + Write> Peer<S> {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
        self.0.flush().unwrap();
    }

    /// The next packet.
    pub(crate) fn packet(&mut self) -> Vec<u8> {
        self.try_packet().expect("another packet")
    }

    /// The next packet has to be this one.
    pub(crate) fn expect(&mut self, packet: &[u8]) {
        let found = self.packet();
        assert_eq!(found.escape_ascii().to_string(), packet.escape_ascii().to_string());
    }

    /// The connection has to end, and nothing to come before.
    pub(crate) fn expect_end(&mut self) {
        let found = self.try_packet();
        assert_eq!(found.map(|packet| packet.escape_ascii().to_string()), None);
    }

    fn try_packet(&mut self) -> Option<Vec<u8>> {
        let mut packet = vec![self.byte()?];
        let (mut len, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            packet.push(byte);
            len |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let start = packet.len();
        packet.resize(start + len, 0);
        self.0.read_exact(&mut packet[start..]).unwrap();
        Some(packet)
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self.0.read(&mut byte).unwrap() {
            0 => None,
            _ => Some(byte[0]),
        }
    }
}
