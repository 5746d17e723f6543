//! The log of one shard as its thread keeps it, and the checkpoint that takes the place of its beginning.
//!
//! Batches that wait are written together and made durable with one sync, which takes its time. What fails is tried again
//! at once in a new file, then after a pause, always before all later batches.

use std::collections::VecDeque;

use martlet_engine::BatchId;
use martlet_store::{AppendError, CheckpointWriter, Log, MemoryDisk};

use super::Surroundings;
use crate::clock::Millis;

/// How long a log that cannot be written to is left alone before it is tried again.
const RETRY_PAUSE: Millis = 500;
/// How long a sync takes that takes much longer than others, at most.
const STALL_MAX: Millis = 3000;

/// What the log has to say to its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// All batches up to this one are durable.
    Durable(BatchId),
    /// It cannot be written to.
    Stalled,
}

/// The log of one shard, and what waits for it.
#[derive(Debug)]
pub(super) struct Keeper {
    shard: u16,
    log: Log<MemoryDisk>,
    waiting: VecDeque<(BatchId, Vec<u8>)>,
    /// How many of the waiting batches are written, and when their sync is done.
    writing: Option<(usize, Millis)>,
    /// It is left alone until then.
    not_before: Millis,
    /// This is the second try.
    is_retry: bool,
    is_stalled: bool,
    /// The newest durable batch.
    durable: BatchId,
}

impl Keeper {
    pub(super) fn new(shard: u16, log: Log<MemoryDisk>, last: BatchId) -> Self {
        Self {
            shard,
            log,
            waiting: VecDeque::new(),
            writing: None,
            not_before: 0,
            is_retry: false,
            is_stalled: false,
            durable: last,
        }
    }

    /// Takes a batch over.
    pub(super) fn submit(&mut self, batch: BatchId, records: Vec<u8>) {
        self.waiting.push_back((batch, records));
    }

    /// When there is something to do.
    pub(super) fn next(&self) -> Option<Millis> {
        match self.writing {
            Some((_, at)) => Some(at),
            None => (!self.waiting.is_empty()).then_some(self.not_before),
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) const fn is_stalled(&self) -> bool {
        self.is_stalled
    }

    /// The newest durable batch.
    pub(super) const fn durable(&self) -> BatchId {
        self.durable
    }

    /// The log, for the checkpoint that trims it.
    pub(super) const fn log(&mut self) -> &mut Log<MemoryDisk> {
        &mut self.log
    }

    /// Goes on: a sync is done, or waiting batches are written.
    pub(super) fn act(&mut self, now: Millis, around: &mut Surroundings) -> Option<News> {
        if let Some((count, at)) = self.writing {
            if at > now {
                return None;
            }
            self.writing = None;
            let outcome = if around.saboteur.skips_sync() { Ok(()) } else { self.log.sync() };
            return match outcome {
                Ok(()) => self.synced(count, around),
                Err(error) => self.failed(now, &error, around),
            };
        }
        if self.waiting.is_empty() || self.not_before > now {
            return None;
        }
        match self.log.append(self.waiting.iter().map(|(_, records)| &records[..])) {
            Ok(_) => {
                let pace = &around.pace;
                let is_slow = around.random.below(1000) < pace.stall_permille;
                let longest = if is_slow { STALL_MAX } else { pace.log_max };
                self.writing = Some((self.waiting.len(), now + around.random.between(0, longest)));
                None
            }
            Err(error) => self.failed(now, &error, around),
        }
    }

    fn synced(&mut self, count: usize, around: &mut Surroundings) -> Option<News> {
        self.is_retry = false;
        self.is_stalled = false;
        let (batch, _) = self.waiting.drain(..count).next_back()?;
        self.durable = batch;
        around.checker.durable(usize::from(self.shard), batch);
        around.ledger.durable(self.shard, batch);
        Some(News::Durable(batch))
    }

    fn failed(&mut self, now: Millis, error: &AppendError, around: &mut Surroundings) -> Option<News> {
        around.checker.note(&format!("s{}: the log fails: {error}", self.shard));
        // The log has given up the file where that happened. A new one may do.
        self.is_retry = !self.is_retry && matches!(error, AppendError::Io(_));
        if self.is_retry {
            return None;
        }
        self.not_before = now + RETRY_PAUSE;
        (!core::mem::replace(&mut self.is_stalled, true)).then_some(News::Stalled)
    }
}

/// A checkpoint on its way.
#[derive(Debug)]
pub(super) struct Job {
    /// The newest batch that it makes superfluous.
    pub(super) behind: BatchId,
    pub(super) writer: CheckpointWriter<MemoryDisk>,
    /// The batch that has to be durable before the checkpoint may be used; known when all parts are there.
    pub(super) waits_for: Option<BatchId>,
    /// When the next part is due.
    pub(super) at: Millis,
}

impl Job {
    /// When there is something to do, apart from what the log says.
    pub(super) fn next(&self) -> Option<Millis> {
        self.waits_for.is_none().then_some(self.at)
    }
}
