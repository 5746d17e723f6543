//! When a checkpoint is due: as soon as it would make the files of a shard much smaller.

/// What the files of a shard hold, and what of it still counts.
#[derive(Debug)]
pub(crate) struct Growth {
    /// How much more than what counts there may be at least, in bytes.
    slack_bytes: u64,
    /// Bytes of the log behind the last checkpoint.
    log_bytes: u64,
    /// Bytes of the last checkpoint.
    checkpoint_bytes: u64,
    /// How many things it has.
    checkpoint_things: usize,
    /// How many things there were when the one began that is being written.
    begun_things: usize,
}

impl Growth {
    /// After a start with a log and a checkpoint of so many bytes, from which so many things came.
    pub(crate) const fn new(slack_bytes: u64, log_bytes: u64, checkpoint_bytes: u64, things: usize) -> Self {
        Self { slack_bytes, log_bytes, checkpoint_bytes, checkpoint_things: things, begun_things: things }
    }

    /// So many bytes were handed to the log.
    pub(super) const fn written(&mut self, bytes: usize) {
        self.log_bytes += bytes as u64;
    }

    /// A checkpoint begins that shows so many things; the log behind it is empty.
    pub(super) const fn begun(&mut self, things: usize) {
        self.log_bytes = 0;
        self.begun_things = things;
    }

    /// The checkpoint that was begun is complete.
    pub(super) const fn completed(&mut self, bytes: u64) {
        self.checkpoint_bytes = bytes;
        self.checkpoint_things = self.begun_things;
    }

    /// Whether there is more than the slack: else no checkpoint is due, whatever it would hold.
    pub(super) const fn may_be_due(&self) -> bool {
        self.log_bytes + self.checkpoint_bytes > self.slack_bytes
    }

    /// Whether the files hold twice what a checkpoint would hold now, and the slack more. So on the whole each byte is written
    /// twice at most, and what was given to the clients does not stay on the disk.
    ///
    /// What a checkpoint would hold is estimated from the last one, by the number of things then and now.
    pub(super) fn is_due(&self, things: usize) -> bool {
        let counts = if things < self.checkpoint_things {
            let bytes = u128::from(self.checkpoint_bytes) * things as u128 / self.checkpoint_things as u128;
            u64::try_from(bytes).unwrap_or(u64::MAX)
        } else {
            self.checkpoint_bytes
        };
        self.log_bytes + self.checkpoint_bytes > counts.saturating_add(self.slack_bytes.max(counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_may_become_as_long_as_the_checkpoint() {
        let mut growth = Growth::new(100, 0, 1000, 10);
        growth.written(1000);
        assert!(!growth.is_due(10) && !growth.is_due(20));
        growth.written(1);
        assert!(growth.is_due(10) && growth.is_due(20));
        growth.begun(30);
        assert!(!growth.is_due(30));
        growth.completed(3000);
        growth.written(3000);
        assert!(!growth.is_due(30));
    }

    #[test]
    fn a_small_log_grows_to_the_slack_first() {
        let mut growth = Growth::new(100, 0, 0, 0);
        growth.written(100);
        assert!(!growth.is_due(0) && !growth.is_due(5));
        growth.written(1);
        assert!(growth.is_due(0));
    }

    #[test]
    fn what_is_gone_is_given_back() {
        let mut growth = Growth::new(100, 0, 1000, 10);
        assert!(!growth.is_due(9));
        growth.written(50);
        // A fifth is left: 200 bytes, and twice that may stay.
        assert!(growth.is_due(2) && growth.is_due(0));
        growth.begun(2);
        growth.completed(900);
        assert!(!growth.is_due(2), "it was large things that stayed");
    }
}
