//! What this shard has told its log, and who waits for it.
//!
//! The state in memory is ahead of the log: a change takes effect at once, its record goes into the batch that is being
//! filled, and what others would see of it waits until that batch is durable. So whatever a client was told survives, and
//! the state is at every moment what all records together make.

use std::collections::VecDeque;

use martlet_proto::Instant;

use crate::records::{Record, RecordId, next_order};
use crate::{BatchId, ConnectionId};

/// The batch that is being filled, and those that are not durable yet.
#[derive(Debug)]
pub(crate) struct Journal {
    is_on: bool,
    /// The records of the batch that is being filled.
    records: Vec<u8>,
    filling: BatchId,
    /// The log cannot be written to at present.
    is_stalled: bool,
    /// Something changed that was not written down, since the log could not be written to.
    is_incomplete: bool,
    /// Batches that the driver has and that are not durable, with their sizes in bytes.
    under_way: VecDeque<(BatchId, usize)>,
    unpersisted_bytes: usize,
    /// Connections that hold bytes back until a batch is durable.
    holding: VecDeque<(BatchId, ConnectionId)>,
    last_id: RecordId,
    last_order: u64,
}

/// A place in the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(BatchId, usize);

/// How many bits of a [`RecordId`] count; those above name the shard that gave it out.
const COUNT_BITS: u32 = 48;

impl Journal {
    /// A journal that takes no records, so that nobody waits for any.
    pub(crate) fn off(shard: u16) -> Self {
        Self {
            is_on: false,
            records: Vec::new(),
            filling: BatchId(1),
            is_stalled: false,
            is_incomplete: false,
            under_way: VecDeque::new(),
            unpersisted_bytes: 0,
            holding: VecDeque::new(),
            last_id: RecordId::from(shard) << COUNT_BITS,
            last_order: 0,
        }
    }

    /// From here on records are taken. The next batch follows `last`.
    pub(crate) fn turn_on(&mut self, last: BatchId) {
        self.is_on = true;
        self.filling = BatchId(last.0 + 1);
    }

    /// Whether records are taken.
    pub(crate) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// Adds a record to the batch that is being filled.
    pub(crate) fn write(&mut self, now: Instant, record: &Record<'_>) {
        if self.is_on {
            self.begin_batch(now);
            record.encode(&mut self.records);
        }
    }

    /// Adds records that were encoded elsewhere.
    pub(crate) fn write_encoded(&mut self, now: Instant, records: &[u8]) {
        if self.is_on && !records.is_empty() {
            self.begin_batch(now);
            self.records.extend_from_slice(records);
        }
    }

    /// Begins a batch, so that what comes before the records of a change can wait for it as well.
    pub(crate) fn begin_batch(&mut self, now: Instant) {
        if self.is_on && self.records.is_empty() {
            Record::Time(now).encode(&mut self.records);
        }
    }

    /// Where the records stand, for [`Journal::has_grown`].
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.filling, self.records.len())
    }

    /// Whether a record was written since.
    pub(crate) fn has_grown(&self, since: Mark) -> bool {
        self.mark() != since
    }

    /// The batch that has to be durable before all that was written so far is; `None` if all is.
    pub(crate) fn pending(&self) -> Option<BatchId> {
        if self.records.is_empty() {
            self.under_way.back().map(|(batch, _)| *batch)
        } else {
            Some(self.filling)
        }
    }

    /// Whether this batch is durable.
    pub(crate) fn is_durable(&self, batch: BatchId) -> bool {
        batch < self.filling && self.under_way.front().is_none_or(|(first, _)| batch < *first)
    }

    /// The log cannot be written to until a batch is durable.
    pub(crate) fn stall(&mut self) {
        self.is_stalled = self.is_on;
    }

    /// Whether the log cannot be written to at present.
    pub(crate) const fn is_stalled(&self) -> bool {
        self.is_stalled
    }

    /// Something changes that is not written down. It survives once a checkpoint is made.
    pub(crate) fn leave_out(&mut self) {
        self.is_incomplete = true;
    }

    /// Whether something changed that was not written down, and no checkpoint was begun since.
    pub(crate) const fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    /// Whether a checkpoint is needed for what was not written down; asked once it can be made.
    pub(crate) fn take_incomplete(&mut self) -> bool {
        !self.is_stalled && core::mem::take(&mut self.is_incomplete)
    }

    /// A connection holds bytes back until this batch is durable. Batches come in their order.
    pub(crate) fn hold(&mut self, batch: BatchId, connection: ConnectionId) {
        self.holding.push_back((batch, connection));
    }

    /// Closes the batch that is being filled, unless it is empty.
    pub(crate) fn take_batch(&mut self) -> Option<(BatchId, Vec<u8>)> {
        if self.records.is_empty() {
            return None;
        }
        let batch = self.filling;
        let records = core::mem::take(&mut self.records);
        self.filling = BatchId(batch.0 + 1);
        self.under_way.push_back((batch, records.len()));
        self.unpersisted_bytes += records.len();
        Some((batch, records))
    }

    /// This batch is durable, and with it all before it. Tells whether the log could not be written to before.
    pub(crate) fn persisted(&mut self, batch: BatchId) -> bool {
        while let Some((_, bytes)) = self.under_way.pop_front_if(|(first, _)| *first <= batch) {
            self.unpersisted_bytes -= bytes;
        }
        core::mem::take(&mut self.is_stalled)
    }

    /// The next connection that need not hold bytes back any more for the sake of a durable batch.
    pub(crate) fn next_freed(&mut self) -> Option<ConnectionId> {
        let (batch, _) = *self.holding.front()?;
        if !self.is_durable(batch) {
            return None;
        }
        self.holding.pop_front().map(|(_, connection)| connection)
    }

    /// Whether all records are in batches that the driver has.
    pub(crate) fn is_taken(&self) -> bool {
        self.records.is_empty()
    }

    /// The newest batch that was closed.
    pub(crate) const fn last_batch(&self) -> BatchId {
        BatchId(self.filling.0 - 1)
    }

    /// Bytes of records that are not durable yet.
    pub(crate) fn unpersisted_bytes(&self) -> usize {
        self.unpersisted_bytes + self.records.len()
    }

    /// A name for a Session or a message that no other has, on any shard.
    pub(crate) fn next_id(&mut self) -> RecordId {
        self.last_id += 1;
        self.last_id
    }

    /// A number that is greater than all before it, also after a restart that lost some of them.
    pub(crate) fn next_order(&mut self, now: Instant) -> u64 {
        self.last_order = next_order(self.last_order, now);
        self.last_order
    }

    /// Records of an earlier life use these; they are not given out again.
    pub(crate) fn note_used(&mut self, id: RecordId, order: u64) {
        if id >> COUNT_BITS == self.last_id >> COUNT_BITS {
            self.last_id = self.last_id.max(id);
        }
        self.last_order = self.last_order.max(order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1_000);

    fn connection(index: u32) -> ConnectionId {
        ConnectionId { index, generation: 1 }
    }

    #[test]
    fn whoever_waits_is_freed_when_the_batch_is_durable() {
        let mut journal = Journal::off(0);
        journal.write(NOW, &Record::Ended { session: 1 });
        assert_eq!((journal.pending(), journal.take_batch()), (None, None), "it is off");
        journal.turn_on(BatchId(7));
        assert!(journal.is_durable(BatchId(7)));
        journal.write(NOW, &Record::Ended { session: 1 });
        assert_eq!(journal.pending(), Some(BatchId(8)));
        journal.hold(BatchId(8), connection(1));
        assert_eq!(journal.take_batch().map(|(batch, _)| batch), Some(BatchId(8)));
        assert_eq!((journal.take_batch(), journal.pending()), (None, Some(BatchId(8))));
        journal.write(NOW, &Record::Ended { session: 2 });
        assert!(journal.take_batch().is_some());
        assert_eq!((journal.next_freed(), journal.pending()), (None, Some(BatchId(9))));
        journal.persisted(BatchId(8));
        assert_eq!((journal.next_freed(), journal.next_freed()), (Some(connection(1)), None));
        assert!(journal.is_durable(BatchId(8)) && !journal.is_durable(BatchId(9)));
        journal.persisted(BatchId(9));
        assert_eq!((journal.pending(), journal.unpersisted_bytes()), (None, 0));
    }

    #[test]
    fn names_and_orders_only_grow() {
        let mut journal = Journal::off(3);
        let first = journal.next_id();
        assert_eq!(first >> COUNT_BITS, 3);
        journal.note_used(first + 10, 0);
        journal.note_used(1 << 60, 0);
        assert_eq!(journal.next_id(), first + 11);
        let order = journal.next_order(NOW);
        assert_eq!(journal.next_order(NOW), order + 1);
        assert!(journal.next_order(NOW + core::time::Duration::from_millis(1)) > order + 1000);
    }
}
