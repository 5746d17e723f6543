//! A client made of a socket and hand-written bytes, so that no code under test judges itself.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

pub(crate) mod house;
pub(crate) mod log;
pub(crate) mod tls;
pub(crate) mod websocket;

use core::net::SocketAddr;
use core::num::NonZeroU16;
use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use martlet_engine::shard_of;
use martlet_server::{Broker, Host, ListenerOptions, Options};
use socket2::{Domain, Socket, Type};

/// How long anything may take before a test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// CONNACK without session, code 0, of MQTT 3.1.1.
pub(crate) const CONNACK_311: &[u8] = &[0x20, 2, 0, 0];
pub(crate) const PINGREQ: &[u8] = &[0xC0, 0];
pub(crate) const PINGRESP: &[u8] = &[0xD0, 0];
pub(crate) const DISCONNECT: &[u8] = &[0xE0, 0];

pub(crate) fn options(shards: u16) -> Options {
    Options { shards: NonZeroU16::new(shards), ..Options::listening_on(Host::Named("127.0.0.1".into()), 0) }
}

/// Options of a broker with one listener on a free port, and what else that listener has.
pub(crate) fn options_with(shards: u16, edit: impl FnOnce(&mut ListenerOptions)) -> Options {
    let mut options = options(shards);
    edit(&mut options.listeners[0]);
    options
}

pub(crate) fn broker(shards: u16) -> Broker {
    Broker::start(options(shards)).unwrap()
}

/// A Client Identifier that begins with `prefix` and belongs to a shard.
pub(crate) fn name_on(shard: u16, shards: u16, prefix: &str) -> String {
    let mut names = (0..).map(|number| format!("{prefix}{number}"));
    names.find(|name| shard_of(name, shards) == shard).unwrap()
}

/// A packet: its first byte, and everything behind the length.
pub(crate) fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = rest.len();
    loop {
        let digit = u8::try_from(length % 128).unwrap();
        length /= 128;
        bytes.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            break;
        }
    }
    bytes.extend_from_slice(rest);
    bytes
}

/// A text with its length before it.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    [&length, text.as_bytes()].concat()
}

/// CONNECT of MQTT 3.1.1 with Clean Session and a Keep Alive of 60 seconds.
pub(crate) fn connect_311(name: &str) -> Vec<u8> {
    packet(0x10, &[&text("MQTT")[..], &[4, 0x02, 0, 60], &text(name)].concat())
}

/// The same with Clean Session 0.
pub(crate) fn connect_311_lasting(name: &str) -> Vec<u8> {
    packet(0x10, &[&text("MQTT")[..], &[4, 0, 0, 60], &text(name)].concat())
}

/// [`connect_311`] with a Will of QoS 0.
pub(crate) fn connect_311_with_will(name: &str, topic: &str, payload: &str) -> Vec<u8> {
    let head = [&text("MQTT")[..], &[4, 0x06, 0, 60], &text(name)].concat();
    packet(0x10, &[head, text(topic), text(payload)].concat())
}

/// CONNECT of MQTT 5.0 with Clean Start, a Keep Alive of 60 seconds and no properties.
pub(crate) fn connect_5(name: &str) -> Vec<u8> {
    packet(0x10, &[&text("MQTT")[..], &[5, 0x02, 0, 60, 0], &text(name)].concat())
}

/// SUBSCRIBE of MQTT 3.1.1 with Packet Identifier 1.
pub(crate) fn subscribe(filter: &str, qos: u8) -> Vec<u8> {
    packet(0x82, &[&[0, 1][..], &text(filter), &[qos]].concat())
}

/// SUBACK of MQTT 3.1.1 for [`subscribe`].
pub(crate) fn suback(qos: u8) -> Vec<u8> {
    vec![0x90, 3, 0, 1, qos]
}

/// PUBLISH of MQTT 3.1.1 with QoS 0.
pub(crate) fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    packet(0x30, &[&text(topic)[..], payload].concat())
}

/// PUBLISH of MQTT 3.1.1 with QoS 1.
pub(crate) fn publish_1(topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
    packet(0x32, &[&text(topic)[..], &id.to_be_bytes(), payload].concat())
}

pub(crate) fn puback(id: u16) -> Vec<u8> {
    [&[0x40, 2][..], &id.to_be_bytes()].concat()
}

/// A connection to a broker, by whatever carries it.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) socket: S,
    received: Vec<u8>,
}

impl Client {
    /// Connects a socket and sends nothing.
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::with(TcpStream::connect(address).unwrap())
    }

    /// Connects a socket for which the operating system keeps only few bytes that are not read.
    pub(crate) fn open_narrow(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::with(socket.into())
    }

    fn with(socket: TcpStream) -> Self {
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.set_write_timeout(Some(DEADLINE)).unwrap();
        Self::over(socket)
    }

    /// A client of MQTT 3.1.1 that was let in.
    pub(crate) fn connect(broker: &Broker, name: &str) -> Self {
        Self::open(broker.local_addrs()[0]).handshake(name)
    }

    /// A client of MQTT 3.1.1 that was let in and has a subscription.
    pub(crate) fn subscribed(broker: &Broker, name: &str, filter: &str, qos: u8) -> Self {
        let mut client = Self::connect(broker, name);
        client.send(&subscribe(filter, qos));
        client.expect(&suback(qos));
        client
    }
}

impl<S: Read + Write> Client<S> {
    /// Takes over what is connected and waits no longer than [`DEADLINE`].
    pub(crate) const fn over(socket: S) -> Self {
        Self { socket, received: Vec::new() }
    }

    /// Says CONNECT of MQTT 3.1.1 and has to be let in.
    pub(crate) fn handshake(mut self, name: &str) -> Self {
        self.send(&connect_311(name));
        self.expect(CONNACK_311);
        self
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// The next whole packet; `None` at the end of the connection.
    pub(crate) fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = packet_length(&self.received)
                && self.received.len() >= length
            {
                let rest = self.received.split_off(length);
                return Some(core::mem::replace(&mut self.received, rest));
            }
            let mut buffer = [0; 16 << 10];
            match self.socket.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) =>
                {
                    return None;
                }
                Err(error) => panic!("no packet came: {error}; so far {:02x?}", self.received),
            }
        }
    }

    /// The next packet has to be this.
    pub(crate) fn expect(&mut self, packet: &[u8]) {
        let received = self.receive();
        assert_eq!(received.as_deref(), Some(packet), "received {received:02x?}, expected {packet:02x?}");
    }

    /// The connection has to end, without a further packet.
    pub(crate) fn expect_end(&mut self) {
        let received = self.receive();
        assert_eq!(received, None, "received {received:02x?} and not the end");
    }

    /// Waits until the broker has read everything sent so far; no packet may be on its way.
    pub(crate) fn settle(&mut self) {
        self.send(PINGREQ);
        self.expect(PINGRESP);
    }
}

fn packet_length(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    for (place, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(2 + place + length);
        }
    }
    None
}

/// Waits until a condition holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "still not so: {what}");
        // Leaves the processor to the broker; how long is of no importance.
        std::thread::sleep(Duration::from_millis(1));
    }
}
