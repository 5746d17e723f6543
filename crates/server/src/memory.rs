//! The memory that the broker may take.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// `memory_limit`, and whether it is reached.
///
/// What counts is the heap of the process, as [`martlet_heap`] counts it.
#[derive(Debug)]
pub struct MemoryLimit {
    /// In bytes; `u64::MAX` is no limit.
    bytes_max: AtomicU64,
    is_reached: AtomicBool,
}

impl MemoryLimit {
    pub(crate) fn new(bytes_max: Option<u64>) -> Self {
        Self { bytes_max: AtomicU64::new(bytes_max.unwrap_or(u64::MAX)), is_reached: AtomicBool::new(false) }
    }

    /// Sets another limit, in bytes. Nothing is given up for it that is there.
    pub fn set(&self, bytes_max: Option<u64>) {
        self.bytes_max.store(bytes_max.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The limit in bytes, if there is one.
    pub(crate) fn bytes_max(&self) -> Option<u64> {
        Some(self.bytes_max.load(Ordering::Relaxed)).filter(|bytes_max| *bytes_max != u64::MAX)
    }

    /// Whether the limit is reached. It counts as reached until a sixteenth of it is free again, so that the answer does not
    /// change with every message. When it changes the log tells, once.
    pub(crate) fn is_reached(&self) -> bool {
        self.look(martlet_heap::used() as u64)
    }

    fn look(&self, used: u64) -> bool {
        let bytes_max = self.bytes_max.load(Ordering::Relaxed);
        let was_reached = self.is_reached.load(Ordering::Relaxed);
        let is_reached = used >= if was_reached { bytes_max - bytes_max / 16 } else { bytes_max };
        if is_reached != was_reached && self.is_reached.swap(is_reached, Ordering::Relaxed) != is_reached {
            if is_reached {
                tracing::warn!(
                    used,
                    bytes_max,
                    "memory_limit is reached: new clients, subscriptions, and messages that are kept are refused"
                );
            } else {
                tracing::info!(used, bytes_max, "memory_limit is not reached any more");
            }
        }
        is_reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_until_some_memory_is_free_again() {
        let limit = MemoryLimit::new(Some(1_600));
        let answers = [1_599, 1_600, 1_501, 1_499, 1_599].map(|used| limit.look(used));
        assert_eq!(answers, [false, true, true, false, false]);
        limit.set(Some(1_000));
        assert!(limit.look(1_599));
        limit.set(None);
        assert!(!limit.look(1 << 40));
        assert_eq!(limit.bytes_max(), None);
    }
}
