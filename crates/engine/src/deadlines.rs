//! Every timer of an engine in one ordered queue.

use std::collections::BTreeSet;

use martlet_proto::Instant;

use crate::ConnectionId;
use crate::clients::SessionId;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A connection should have sent its CONNECT, and finished its authentication.
    Connect(ConnectionId),
    /// A connection may have been silent for too long. Asked for lazily: a packet only notes its time.
    KeepAlive(ConnectionId),
    /// A Will Delay Interval is over.
    Will(SessionId),
    /// A Session Expiry Interval is over.
    SessionExpiry(SessionId),
    /// Expired retained messages may be thrown out.
    RetainedSweep,
}

/// The timers, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BTreeSet<(Instant, Due)>);

impl Deadlines {
    /// Sets a timer. The same timer at two times goes off twice.
    pub(crate) fn set(&mut self, at: Instant, due: Due) {
        self.0.insert((at, due));
    }

    /// Takes a timer back.
    pub(crate) fn cancel(&mut self, at: Instant, due: Due) {
        self.0.remove(&(at, due));
    }

    /// When the next timer goes off.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the next timer that is due at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, due)| due)
    }
}
