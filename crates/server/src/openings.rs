//! Connections whose layers are not through with their handshakes. The engine does not know them yet.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};

use martlet_engine::{ConnectionId, Instant, Peer};

/// The openings of one shard, and when the time of each is over.
#[derive(Debug)]
pub(crate) struct Openings {
    /// How long one may take.
    time_max: Duration,
    under_way: HashMap<ConnectionId, Peer>,
    /// In order, since each may take the same time. Those that are through are still here.
    queue: VecDeque<(Instant, ConnectionId)>,
}

impl Openings {
    pub(crate) fn new(time_max: Duration) -> Self {
        Self { time_max, under_way: HashMap::new(), queue: VecDeque::new() }
    }

    /// How long one may take.
    pub(crate) const fn time_max(&self) -> Duration {
        self.time_max
    }

    /// Adds one that begins.
    pub(crate) fn add(&mut self, now: Instant, id: ConnectionId, peer: Peer) {
        self.under_way.insert(id, peer);
        self.queue.push_back((now + self.time_max, id));
    }

    /// Takes one out, however it ended, and tells where it comes from.
    pub(crate) fn end(&mut self, id: ConnectionId) -> Option<Peer> {
        let peer = self.under_way.remove(&id);
        // The usual one ends soon: what has ended is not kept for the whole time.
        while self.queue.front().is_some_and(|(_, id)| !self.under_way.contains_key(id)) {
            self.queue.pop_front();
        }
        peer
    }

    /// Takes all out.
    pub(crate) fn end_all(&mut self) -> Vec<ConnectionId> {
        self.queue.clear();
        self.under_way.drain().map(|(id, _)| id).collect()
    }

    /// When the time of the next one is over.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.front().map(|(deadline, _)| *deadline)
    }

    /// One whose time is over.
    pub(crate) fn overdue(&self, now: Instant) -> Option<ConnectionId> {
        self.queue.front().filter(|(deadline, _)| *deadline <= now).map(|(_, id)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_time_and_none_outlives_its_end() {
        let id = |index| ConnectionId { index, generation: 0 };
        let start = Instant::from_millis(1_000);
        let time_max = Duration::from_secs(10);
        let mut openings = Openings::new(time_max);
        for index in 0..3 {
            openings.add(start + Duration::from_secs(index.into()), id(index), Peer::default());
        }
        assert_eq!(openings.next(), Some(start + time_max));
        // The second is through; the first holds its place in the queue.
        assert!(openings.end(id(1)).is_some());
        assert!(openings.end(id(1)).is_none());
        let later = start + time_max + Duration::from_secs(1);
        assert_eq!(openings.overdue(start), None);
        assert_eq!(openings.overdue(later), Some(id(0)));
        assert!(openings.end(id(0)).is_some());
        assert_eq!(openings.overdue(later), None);
        assert_eq!(openings.next(), Some(start + time_max + Duration::from_secs(2)));
        assert_eq!(openings.end_all(), [id(2)]);
        assert_eq!(openings.next(), None);
    }
}
