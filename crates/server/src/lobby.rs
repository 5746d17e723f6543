//! Connections that were accepted and find no seat.
//!
//! The seat of a client that has just gone may not be free yet, since another shard has not seen its end. So who finds none
//! waits a moment before it is turned away.

use core::time::Duration;
use std::collections::VecDeque;

use martlet_engine::Instant;

use crate::reception::Arrival;

/// How many may wait on one shard.
const WAITING_MAX: usize = 64;
/// How long they may wait.
const WAIT_TIME_MAX: Duration = Duration::from_millis(100);
/// How long until they are looked at again.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Those who wait for a seat on one shard.
#[derive(Default)]
pub(crate) struct Lobby {
    /// Until when each waits, in order.
    waiting: VecDeque<(Instant, Arrival)>,
}

impl Lobby {
    /// Lets someone wait.
    ///
    /// # Errors
    /// Too many do.
    pub(crate) fn enter(&mut self, now: Instant, arrival: Arrival) -> Result<(), Arrival> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(arrival);
        }
        self.waiting.push_back((now + WAIT_TIME_MAX, arrival));
        Ok(())
    }

    /// The first one for whom `has_seat` finds a seat.
    pub(crate) fn next_seated(&mut self, has_seat: impl Fn(&Arrival) -> bool) -> Option<Arrival> {
        let at = self.waiting.iter().position(|(_, arrival)| has_seat(arrival))?;
        self.waiting.remove(at).map(|(_, arrival)| arrival)
    }

    /// One who has waited too long.
    pub(crate) fn pop_overdue(&mut self, now: Instant) -> Option<Arrival> {
        let (until, _) = self.waiting.front()?;
        if *until > now {
            return None;
        }
        self.waiting.pop_front().map(|(_, arrival)| arrival)
    }

    /// When to look again.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        (!self.waiting.is_empty()).then(|| now + LOOK_INTERVAL)
    }

    /// Sends everyone away.
    pub(crate) fn close(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use martlet_engine::Peer;
    use martlet_transport::{Listener, Stream};
    use std::net::TcpStream;

    fn arrivals(listeners: &[u16]) -> (Vec<TcpStream>, Vec<Arrival>) {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let acceptor = listener.acceptor().unwrap();
        let address = listener.local_addr().unwrap().unwrap();
        let peers = listeners.iter().map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut streams: Vec<Stream> = Vec::new();
        while streams.len() < listeners.len() {
            streams.extend(acceptor.accept().unwrap().map(|(stream, _)| stream));
        }
        let arrival = |(stream, number): (Stream, &u16)| Arrival {
            stream,
            peer: Peer { listener: *number, ..Peer::default() },
        };
        (peers, streams.into_iter().zip(listeners).map(arrival).collect())
    }

    #[test]
    fn who_waits_gets_a_seat_or_is_sent_away() {
        let (_peers, arrivals) = arrivals(&[0, 1, 0]);
        let mut lobby = Lobby::default();
        let now = Instant::from_millis(1_000);
        assert_eq!(lobby.next(now), None);
        for arrival in arrivals {
            assert!(lobby.enter(now, arrival).is_ok());
        }
        assert_eq!(lobby.next(now), Some(now + LOOK_INTERVAL));
        assert!(lobby.next_seated(|_| false).is_none());
        let seated = lobby.next_seated(|arrival| arrival.peer.listener == 1).unwrap();
        assert_eq!(seated.peer.listener, 1);
        assert!(lobby.pop_overdue(now).is_none());
        let late = now + WAIT_TIME_MAX;
        assert!(lobby.pop_overdue(late).is_some() && lobby.pop_overdue(late).is_some());
        assert!(lobby.pop_overdue(late).is_none());
        assert_eq!(lobby.next(late), None);
    }

    #[test]
    fn only_so_many_wait() {
        let (_peers, arrivals) = arrivals(&[0; WAITING_MAX + 1]);
        let mut lobby = Lobby::default();
        let entered =
            arrivals.into_iter().filter_map(|arrival| lobby.enter(Instant::default(), arrival).ok());
        assert_eq!(entered.count(), WAITING_MAX);
        lobby.close();
        assert_eq!(lobby.next(Instant::default()), None);
    }
}
