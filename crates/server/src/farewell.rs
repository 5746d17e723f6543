//! Connections that the engine has closed, whose last bytes are still on the way.
//!
//! A socket that is dropped with unread bytes in it resets the connection, and the peer may lose what was sent last. So
//! the last bytes are written, the peer is told that no more will come, and what it still sends is read and
//! thrown away until it closes too, within [`LINGER_TIME_MAX`] and [`LINGER_BYTES_MAX`].

use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;

use martlet_engine::{ConnectionId, Instant};
use martlet_transport::{Received, Scratch, Stream};

/// How long a connection that was closed may take to have its last bytes, and to close at its end.
pub(crate) const LINGER_TIME_MAX: Duration = Duration::from_secs(5);

/// How many bytes of a connection that was closed are thrown away.
const LINGER_BYTES_MAX: usize = 16 << 20;

/// The last bytes for a connection.
#[derive(Debug)]
pub(crate) struct Farewell {
    bytes: Vec<u8>,
    sent: usize,
    thrown_away: usize,
    /// The peer was told that no more will come.
    is_said: bool,
    /// The peer had said so before: nothing of its is unread, and it is not waited for.
    is_mutual: bool,
}

/// How far a farewell has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The connection is over: drop it.
    Done,
    /// All is sent and the peer has been told; it has not closed yet. An event will tell.
    Said,
    /// There is more to throw away: go on in the next turn.
    Busy,
    /// The peer takes nothing at present. An event will tell.
    Blocked,
}

impl Farewell {
    pub(crate) const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, sent: 0, thrown_away: 0, is_said: false, is_mutual: false }
    }

    /// Without last bytes, to a peer that has said goodbye itself.
    pub(crate) fn mutual() -> Self {
        Self { is_mutual: true, ..Self::new(Vec::new()) }
    }

    /// Goes on as far as possible without waiting. `scratch` takes what is thrown away.
    pub(crate) fn advance(&mut self, stream: &mut Stream, scratch: &mut Scratch) -> Progress {
        while self.sent < self.bytes.len() {
            match stream.write_vectored(&[IoSlice::new(&self.bytes[self.sent..])], scratch) {
                Ok(Some(count)) => self.sent += count,
                Ok(None) => return Progress::Blocked,
                Err(_) => return Progress::Done,
            }
        }
        if !self.is_said {
            self.bytes = Vec::new();
            self.sent = 0;
            match stream.finish() {
                Ok(true) => self.is_said = true,
                Ok(false) => return Progress::Blocked,
                Err(_) => return Progress::Done,
            }
        }
        if self.is_mutual {
            return Progress::Done;
        }
        match stream.discard(scratch) {
            Ok(Received::End) | Err(_) => Progress::Done,
            Ok(Received::Some { bytes, .. }) => {
                self.thrown_away += bytes;
                if self.thrown_away < LINGER_BYTES_MAX { Progress::Busy } else { Progress::Done }
            }
            Ok(Received::Nothing) => Progress::Said,
        }
    }
}

/// The farewells of one shard, and when the time of each is over.
#[derive(Debug, Default)]
pub(crate) struct Farewells {
    under_way: HashMap<ConnectionId, Farewell>,
    /// In order, since each farewell may take the same time. Those that have ended by themselves are still here.
    queue: VecDeque<(Instant, ConnectionId)>,
}

impl Farewells {
    /// Adds one that begins.
    pub(crate) fn add(&mut self, now: Instant, id: ConnectionId, farewell: Farewell) {
        self.under_way.insert(id, farewell);
        self.queue.push_back((now + LINGER_TIME_MAX, id));
    }

    /// The farewell of a connection.
    pub(crate) fn of(&mut self, id: ConnectionId) -> Option<&mut Farewell> {
        self.under_way.get_mut(&id)
    }

    /// Forgets the farewell of a connection that is gone.
    pub(crate) fn end(&mut self, id: ConnectionId) {
        self.under_way.remove(&id);
    }

    /// The time of the first one.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.front().map(|(deadline, _)| *deadline)
    }

    /// The connections that have one.
    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        self.under_way.keys().copied().collect()
    }

    /// Takes one whose time is over. It may have ended by itself before.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<ConnectionId> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop_front().map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use martlet_transport::Listener;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn pair() -> (TcpStream, Stream) {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap().unwrap()).unwrap();
        let acceptor = listener.acceptor().unwrap();
        loop {
            if let Some((stream, _)) = acceptor.accept().unwrap() {
                return (peer, stream);
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_last_bytes_arrive_although_the_peer_was_still_sending() {
        let (mut peer, mut stream) = pair();
        peer.write_all(&[7; 10_000]).unwrap();
        let mut farewell = Farewell::new(b"farewell".to_vec());
        let mut scratch = Scratch::default();
        let mut progress = Progress::Busy;
        while progress == Progress::Busy {
            progress = farewell.advance(&mut stream, &mut scratch);
        }
        assert_eq!(progress, Progress::Said);
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"farewell");

        drop(peer);
        while farewell.advance(&mut stream, &mut scratch) != Progress::Done {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_peer_that_goes_on_and_on_is_left() {
        let (mut peer, mut stream) = pair();
        let sender = std::thread::spawn(move || while peer.write_all(&[7; 16 << 10]).is_ok() {});
        let mut farewell = Farewell::new(Vec::new());
        let mut scratch = Scratch::default();
        while farewell.advance(&mut stream, &mut scratch) != Progress::Done {}
        assert!(farewell.thrown_away >= LINGER_BYTES_MAX);
        drop(stream);
        sender.join().unwrap();
    }

    #[test]
    fn a_peer_that_reads_nothing_is_left_at_the_deadline() {
        let (_peer, mut stream) = pair();
        let mut farewell = Farewell::new(vec![0; 64 << 20]);
        let mut scratch = Scratch::default();
        assert_eq!(farewell.advance(&mut stream, &mut scratch), Progress::Blocked);

        let start = Instant::from_millis(1_000);
        let id = ConnectionId { index: 3, generation: 9 };
        let mut farewells = Farewells::default();
        farewells.add(start, id, farewell);
        let due = farewells.next().unwrap();
        assert_eq!(due, start + LINGER_TIME_MAX);
        assert_eq!(farewells.pop_due(start), None);
        assert_eq!(farewells.pop_due(due), Some(id));
        assert_eq!(farewells.pop_due(due), None);
        assert!(farewells.of(id).is_some());
        farewells.end(id);
        assert!(farewells.ids().is_empty());
    }
}
