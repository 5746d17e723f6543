//! Receive Maximum: how many QoS 1 and QoS 2 messages may be unfinished in one direction [MQTT-4.9.0-1].

/// A quota that starts full on each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    used: u16,
    maximum: u16,
}

impl Quota {
    /// A quota of `maximum` unfinished messages, none of them used.
    pub const fn new(maximum: u16) -> Self {
        Self { used: 0, maximum }
    }

    /// Takes one; `false` if none is left.
    #[must_use]
    pub const fn take(&mut self) -> bool {
        if self.used >= self.maximum {
            return false;
        }
        self.used += 1;
        true
    }

    /// Gives one back. More than were taken never raise it above its start [s4.9].
    pub const fn give_back(&mut self) {
        self.used = self.used.saturating_sub(1);
    }

    /// Whether one is left.
    pub const fn is_available(&self) -> bool {
        self.used < self.maximum
    }

    /// How many are taken.
    pub const fn used(&self) -> u16 {
        self.used
    }

    /// How many there are in all.
    pub const fn maximum(&self) -> u16 {
        self.maximum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_never_exceeds_its_start() {
        let mut quota = Quota::new(1);
        quota.give_back();
        assert!(quota.take());
        assert!(!quota.take());
        quota.give_back();
        assert!(quota.is_available());
    }
}
