//! The time that the engines are told.

use std::time::{self, SystemTime, UNIX_EPOCH};

use martlet_engine::Instant;

/// Wall time at the start plus what a monotonic clock measured since: it means something after a restart and never
/// runs backwards. All shards of a broker share one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Milliseconds since the Unix epoch when `started` was taken.
    started_millis: u64,
    started: time::Instant,
}

impl Clock {
    /// Takes the wall time. A machine whose clock stands before 1970 starts at the epoch.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started_millis: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
            started: time::Instant::now(),
        }
    }

    pub(crate) fn now(self) -> Instant {
        Instant::from_millis(self.started_millis) + self.started.elapsed()
    }
}
