//! Where new connections come in: one shard's share of every listener.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use martlet_engine::{Instant, Peer};
use martlet_transport::{Acceptor, Stream};
use mio::{Interest, Registry, Token};

use crate::entrance::Entrance;
use crate::options::Wording;

/// How long no connection is accepted after the operating system had no resources for one.
const PAUSE: Duration = Duration::from_millis(250);
/// How often the log says that no connection can be accepted, while that comes and goes.
const COMPLAINT_INTERVAL: Duration = Duration::from_mins(1);

/// The shares of all listeners.
pub(crate) struct Reception {
    doors: Vec<Door>,
    wording: Wording,
    /// Nobody is let in before [`Reception::let_in`].
    is_waiting: bool,
    /// The door that is asked first, so that a crowd at one does not keep the others closed.
    first: usize,
    /// Until then nothing is accepted; the waiting connections keep waiting.
    paused_until: Option<Instant>,
    /// When it was last said that nothing can be accepted.
    complained_at: Option<Instant>,
}

struct Door {
    acceptor: Acceptor,
    entrance: Arc<Entrance>,
    /// There may be someone waiting.
    is_ready: bool,
}

/// Someone who came in.
pub(crate) struct Arrival {
    pub(crate) stream: Stream,
    pub(crate) peer: Peer,
}

impl Reception {
    /// Registers shares of listeners: the first under `token(0)`, and so on.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(crate) fn open(
        acceptors: Vec<(Arc<Entrance>, Acceptor)>,
        registry: &Registry,
        token: impl Fn(usize) -> Token,
        wording: Wording,
        is_waiting: bool,
    ) -> io::Result<Self> {
        let mut doors = Vec::with_capacity(acceptors.len());
        for (number, (entrance, mut acceptor)) in acceptors.into_iter().enumerate() {
            registry.register(&mut acceptor, token(number), Interest::READABLE)?;
            doors.push(Door { acceptor, entrance, is_ready: true });
        }
        Ok(Self { doors, wording, is_waiting, first: 0, paused_until: None, complained_at: None })
    }

    /// Notes an event of the share with this number.
    pub(crate) fn ring(&mut self, number: usize) {
        if let Some(door) = self.doors.get_mut(number) {
            door.is_ready = true;
        }
    }

    /// From here on everybody is let in.
    pub(crate) fn let_in(&mut self) {
        self.is_waiting = false;
    }

    /// Closes for good.
    pub(crate) fn close(&mut self) {
        self.doors.clear();
        self.first = 0;
    }

    /// Lets in the next one who is waiting. `None`: nobody is, or this is not the time.
    pub(crate) fn accept(&mut self, now: Instant) -> Option<Arrival> {
        if self.is_waiting || self.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        self.paused_until = None;
        let count = self.doors.len();
        for number in (self.first..count).chain(0..self.first) {
            let door = &mut self.doors[number];
            while door.is_ready {
                match door.acceptor.accept() {
                    Ok(Some((stream, address))) => {
                        self.first = (number + 1) % count;
                        match door.entrance.wrap(stream) {
                            Ok(stream) => {
                                let peer = door.entrance.peer(address);
                                door.entrance.log_accepted(&peer, self.wording);
                                return Some(Arrival { stream, peer });
                            }
                            Err(error) => tracing::warn!(%error, "a connection is closed"),
                        }
                    }
                    Ok(None) => door.is_ready = false,
                    Err(error) if concerns_one_connection(&error) => {}
                    Err(error) => {
                        self.pause(now, &error);
                        return None;
                    }
                }
            }
        }
        None
    }

    /// When to accept next without an event: now, at the end of a pause, or not at all.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        let someone_may_wait = !self.is_waiting && self.doors.iter().any(|door| door.is_ready);
        someone_may_wait.then(|| self.paused_until.unwrap_or(now))
    }

    fn pause(&mut self, now: Instant, error: &io::Error) {
        if self.complained_at.is_none_or(|at| now.saturating_duration_since(at) >= COMPLAINT_INTERVAL) {
            tracing::warn!(%error, "cannot accept connections; they wait until it is possible again");
            self.complained_at = Some(now);
        }
        self.paused_until = Some(now + PAUSE);
    }
}

/// Whether an error of `accept` tells of the connection that would have been accepted, and not of this machine.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkDown,
        NetworkUnreachable, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
            | TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Host, ListenAddress};
    use martlet_transport::Listener;
    use mio::Poll;
    use std::net::TcpStream;

    fn reception(listeners: &[Listener]) -> (Poll, Reception) {
        let poll = Poll::new().unwrap();
        let options = ListenAddress { host: Host::Loopback, port: 0 }.into();
        let entrance = |number| Arc::new(Entrance::new(number, &options).unwrap());
        let acceptors =
            (7..).zip(listeners).map(|(number, listener)| (entrance(number), listener.acceptor().unwrap()));
        let reception =
            Reception::open(acceptors.collect(), poll.registry(), Token, Wording::Own, false).unwrap();
        (poll, reception)
    }

    fn listener() -> Listener {
        Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_crowd_at_one_door_does_not_close_the_other() {
        let listeners = [listener(), listener()];
        let (_poll, mut reception) = reception(&listeners);
        let now = Instant::from_millis(5);
        let connect =
            |listener: &Listener| TcpStream::connect(listener.local_addr().unwrap().unwrap()).unwrap();
        let peers =
            [connect(&listeners[0]), connect(&listeners[0]), connect(&listeners[0]), connect(&listeners[1])];
        let mut doors = Vec::new();
        while doors.len() < peers.len() {
            reception.ring(0);
            reception.ring(1);
            doors.extend(reception.accept(now).map(|arrival| arrival.peer.listener));
        }
        assert_ne!(doors.last(), Some(&8), "the order was {doors:?}");
        assert!(reception.accept(now).is_none());
        assert_eq!(reception.next(now), None);
        reception.close();
        assert!(reception.accept(now).is_none());
    }

    #[test]
    fn a_pause_ends_by_itself() {
        let listeners = [listener()];
        let (_poll, mut reception) = reception(&listeners);
        let now = Instant::from_millis(5);
        reception.pause(now, &io::ErrorKind::OutOfMemory.into());
        let _peer = TcpStream::connect(listeners[0].local_addr().unwrap().unwrap()).unwrap();
        assert!(reception.accept(now).is_none());
        assert_eq!(reception.next(now), Some(now + PAUSE));
        loop {
            reception.ring(0);
            if reception.accept(now + PAUSE).is_some() {
                break;
            }
        }
    }
}
