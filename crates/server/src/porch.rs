//! Connections that are accepted and not let in yet, since wrong passwords came from where they come from.

use std::collections::BTreeMap;

use martlet_engine::Instant;

use crate::reception::Arrival;

/// Connections that wait on one shard at most; further ones are closed.
const WAITING_MAX: usize = 1_000;

/// Who waits until when. Nothing is read from them meanwhile.
#[derive(Default)]
pub(crate) struct Porch {
    waiting: BTreeMap<(Instant, u64), Arrival>,
    /// Those that have waited so far, so that no two are the same.
    count: u64,
}

impl Porch {
    /// Lets someone wait.
    ///
    /// # Errors
    /// Whoever it is, if too many wait already.
    pub(crate) fn enter(&mut self, until: Instant, arrival: Arrival) -> Result<(), Arrival> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(arrival);
        }
        self.count += 1;
        self.waiting.insert((until, self.count), arrival);
        Ok(())
    }

    /// The next one who has waited long enough.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Arrival> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next one has waited long enough.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((until, _), _)| *until)
    }

    /// Closes for good.
    pub(crate) fn close(&mut self) {
        self.waiting.clear();
    }
}
