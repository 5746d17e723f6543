//! The clock of Tokio as the one of the protocol.

use tokio::time::Instant;

/// Tells the time since the start of the session; the protocol only compares times.
#[derive(Debug)]
pub(super) struct Clock {
    begin: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { begin: Instant::now() }
    }

    pub(super) fn now(&self) -> martlet_proto::Instant {
        martlet_proto::Instant::default() + self.begin.elapsed()
    }

    pub(super) fn at(&self, time: martlet_proto::Instant) -> Instant {
        self.begin + time.saturating_duration_since(martlet_proto::Instant::default())
    }
}
