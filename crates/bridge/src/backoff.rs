//! How long to wait before the next attempt.

use core::time::Duration;

use crate::options::Restart;

/// The waits of one bridge.
#[derive(Debug)]
pub(crate) struct Backoff {
    restart: Restart,
    /// The wait before; the next is between the first one and three times this.
    last: Duration,
}

impl Backoff {
    pub(crate) const fn new(restart: Restart) -> Self {
        let last = match restart {
            Restart::Constant(time) => time,
            Restart::Backoff { base, .. } => base,
        };
        Self { restart, last }
    }

    /// The next wait, after a connection that lasted for this time, if there was one. `random` is any number: it decides where
    /// between the shortest and the longest wait the next one lies.
    pub(crate) fn next(&mut self, lasted: Option<Duration>, random: u64) -> Duration {
        let Restart::Backoff { base, cap, stable } = self.restart else { return self.last };
        self.last = if lasted.is_some_and(|lasted| lasted >= stable) {
            base
        } else {
            let most = self.last.saturating_mul(3).min(cap).max(base);
            let range = u64::try_from(most.saturating_sub(base).as_millis()).unwrap_or(u64::MAX);
            base + Duration::from_millis(random % range.saturating_add(1))
        };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn waits_grow_up_to_the_cap_and_a_stable_connection_begins_anew() {
        let restart = Restart::Backoff { base: seconds(5), cap: seconds(30), stable: seconds(10) };
        let mut backoff = Backoff::new(restart);
        let mut waits = Vec::new();
        for random in (0..50).map(|number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) {
            waits.push(backoff.next(None, random));
        }
        assert!(waits.iter().all(|wait| (seconds(5)..=seconds(30)).contains(wait)), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait > seconds(20)), "{waits:?}");
        assert_eq!(backoff.next(Some(seconds(10)), 7), seconds(5));
        assert!(backoff.next(Some(seconds(9)), u64::MAX) > seconds(5));
        assert_eq!(Backoff::new(Restart::Constant(seconds(3))).next(None, 9), seconds(3));
    }
}
