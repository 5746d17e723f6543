//! A broker in this process, and clients that reach it by TCP on the loopback interface.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use martlet_engine::shard_of;
use martlet_wire::QoS;

use crate::broker::{Network, Setup};
use crate::build::connect5;
use crate::client::{Arrival, Client, Link, MARKER_TOPIC};
use crate::owned::OwnedPacket;
use crate::server::Server;

/// How long a test waits for a packet, and for a connection to end.
const DEADLINE: Duration = Duration::from_secs(20);

/// The broker, and the connections that the harness keeps to it.
pub(crate) struct Socket {
    server: Server,
    shards: u16,
    /// A client on every shard.
    helpers: Vec<Client>,
    markers: u64,
}

impl Socket {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { server: Server::start(setup), shards: setup.shards, helpers: Vec::new(), markers: 0 }
    }

    fn open_helpers(&mut self) {
        for shard in 0..self.shards {
            let mut names = (0..).map(|number| format!("settle{number}"));
            let name = names.find(|name| shard_of(name, self.shards) == shard).expect("one of many names");
            let mut client = Client::new(SocketLink::open(self.server.address()));
            client.takes_markers(true);
            let connack = client.handshake(&connect5(&name));
            assert!(!connack.reason.is_error(), "a helper of the harness was refused: {connack:?}");
            let codes = client.subscribe(MARKER_TOPIC, QoS::AtMostOnce);
            assert!(!codes[0].is_error(), "a helper of the harness may not subscribe: {codes:?}");
            self.helpers.push(client);
        }
    }
}

impl Network for Socket {
    fn open(&mut self) -> Box<dyn Link> {
        SocketLink::open(self.server.address())
    }

    fn advance(&mut self, duration: Duration) {
        std::thread::sleep(duration);
    }

    /// Every helper sends a marker to every helper. Each shard has one, and between two shards everything keeps its
    /// order: what was read before has arrived when all markers have. Twice, since a marker of QoS 0 does not wait for
    /// the log of a shard, which answers within a turn.
    fn settle(&mut self) {
        if self.helpers.is_empty() {
            self.open_helpers();
        }
        self.exchange_markers();
        self.exchange_markers();
    }

    fn turn(&mut self, _passing: Duration) {}

    fn connections(&mut self) -> usize {
        self.server.connections().saturating_sub(self.helpers.len())
    }

    fn shut_down(&mut self) {
        self.server.shut_down();
    }
}

impl Socket {
    fn exchange_markers(&mut self) {
        self.markers += 1;
        let marker = self.markers.to_be_bytes();
        for helper in &mut self.helpers {
            helper.publish(MARKER_TOPIC, marker, QoS::AtMostOnce);
        }
        for helper in &mut self.helpers {
            let mut missing = self.shards;
            while missing > 0 {
                match helper.receive() {
                    OwnedPacket::Publish(publish) if publish.payload == marker => missing -= 1,
                    packet => panic!("a marker of the harness was expected, but there came {packet:?}"),
                }
            }
        }
    }
}

/// A client's end of a TCP connection.
struct SocketLink {
    stream: TcpStream,
    /// The client closed it.
    closed: bool,
    /// Whether the stream is in the mode of [`Link::poll`].
    nonblocking: bool,
    /// What the stream did not take yet in that mode.
    unsent: Vec<u8>,
}

impl SocketLink {
    fn open(address: SocketAddr) -> Box<dyn Link> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE).expect("the broker accepts connections");
        stream.set_nodelay(true).expect("a TCP option");
        Box::new(Self { stream, closed: false, nonblocking: false, unsent: Vec::new() })
    }

    fn set_nonblocking(&mut self, nonblocking: bool) {
        if self.nonblocking != nonblocking {
            self.stream.set_nonblocking(nonblocking).expect("a socket option");
            self.nonblocking = nonblocking;
        }
    }

    /// Writes what was left in the mode of [`Link::poll`].
    fn flush(&mut self) {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(bytes) => drop(self.unsent.drain(..bytes)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Reading tells that the broker has closed.
                Err(_) => self.unsent.clear(),
            }
        }
    }

    /// Waits for bytes: how many came, or `None` if nothing did. The end of the stream is 0.
    fn wait(&mut self, chunk: &mut [u8], deadline: Instant) -> Option<usize> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.stream.set_read_timeout(Some(left)).expect("a time above zero");
            match self.stream.read(chunk) {
                Ok(bytes) => return Some(bytes),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return None;
                }
                // A reset is an end as well: the broker closed while bytes for it were under way.
                Err(_) => return Some(0),
            }
        }
    }
}

impl Link for SocketLink {
    fn write(&mut self, bytes: &[u8]) {
        if self.nonblocking {
            self.unsent.extend_from_slice(bytes);
            self.flush();
        } else {
            // An error means that the broker has closed; reading tells so.
            let _ = self.stream.write_all(bytes);
        }
    }

    fn read(&mut self, buffer: &mut Vec<u8>) -> Arrival {
        if self.closed {
            return Arrival::Closed;
        }
        self.set_nonblocking(false);
        let mut chunk = vec![0; 64 << 10];
        match self.wait(&mut chunk, Instant::now() + DEADLINE) {
            Some(0) => Arrival::Closed,
            Some(bytes) => {
                buffer.extend_from_slice(&chunk[..bytes]);
                Arrival::Bytes
            }
            None => Arrival::Nothing,
        }
    }

    fn poll(&mut self, buffer: &mut Vec<u8>) -> Arrival {
        if self.closed {
            return Arrival::Closed;
        }
        self.set_nonblocking(true);
        self.flush();
        let mut chunk = [0; 8 << 10];
        match self.stream.read(&mut chunk) {
            Ok(0) => Arrival::Closed,
            Ok(bytes) => {
                buffer.extend_from_slice(&chunk[..bytes]);
                Arrival::Bytes
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Arrival::Nothing
            }
            Err(_) => Arrival::Closed,
        }
    }

    /// Ends the stream and waits until the broker has ended it too, so that it has seen the end.
    fn close(&mut self) {
        if core::mem::replace(&mut self.closed, true) {
            return;
        }
        self.set_nonblocking(false);
        let _ = self.stream.shutdown(Shutdown::Write);
        let deadline = Instant::now() + DEADLINE;
        let mut chunk = vec![0; 64 << 10];
        while self.wait(&mut chunk, deadline).is_some_and(|bytes| bytes > 0) {}
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// The system tells the broker at once, and drops what it has not read if the client has unread bytes itself.
    fn abort(&mut self) {
        self.closed = true;
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
