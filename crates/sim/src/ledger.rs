//! What was given to the store, to compare it with what comes back.

use std::collections::BTreeMap;

use martlet_engine::BatchId;
use martlet_store::Report;

/// How many checkpoints of a shard there may be: some that could not be finished, and some that could not be removed.
const CHECKPOINTS_MAX: usize = 8;

/// The books about all shards.
#[derive(Debug)]
pub(crate) struct Ledger {
    shards: Vec<Account>,
}

/// What one shard gave to its log.
#[derive(Clone, Debug, Default)]
struct Account {
    /// The sum of each batch that was handed in. One that got lost gives its number to another.
    batches: BTreeMap<BatchId, u64>,
    /// Batches that were lost at a start which could not make durable what it found: until one can, they may come back.
    given_up: Vec<(BatchId, u64)>,
    durable: BatchId,
    /// The checkpoints that may be found, oldest first.
    checkpoints: Vec<Picture>,
    /// The one that is being written.
    under_way: Picture,
}

/// A checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Picture {
    behind: BatchId,
    parts: Vec<u64>,
}

impl Ledger {
    pub(crate) fn new(shards: u16) -> Self {
        Self { shards: vec![Account::default(); usize::from(shards)] }
    }

    fn of(&mut self, shard: u16) -> &mut Account {
        &mut self.shards[usize::from(shard)]
    }

    /// A batch is handed to the log.
    pub(crate) fn written(&mut self, shard: u16, batch: BatchId, records: &[u8]) {
        self.of(shard).batches.insert(batch, sum(records));
    }

    /// The log says that all up to a batch is durable.
    pub(crate) fn durable(&mut self, shard: u16, batch: BatchId) {
        self.of(shard).durable = batch;
        self.of(shard).given_up.clear();
    }

    /// A checkpoint is begun.
    pub(crate) fn begun(&mut self, shard: u16, behind: BatchId) {
        self.of(shard).under_way = Picture { behind, parts: Vec::new() };
    }

    /// A part of it is written.
    pub(crate) fn part(&mut self, shard: u16, part: &[u8]) {
        self.of(shard).under_way.parts.push(sum(part));
    }

    /// It is about to be finished: from here on it may be found.
    pub(crate) fn finishing(&mut self, shard: u16) {
        let account = self.of(shard);
        account.checkpoints.push(account.under_way.clone());
    }

    /// It is durable, and the log is trimmed.
    pub(crate) fn finished(&mut self, shard: u16) {
        let account = self.of(shard);
        // The one before may still be there, and take the place of this one if that is damaged.
        let older = account.checkpoints.len().saturating_sub(CHECKPOINTS_MAX);
        account.checkpoints.drain(..older);
    }

    /// Begins to compare.
    pub(crate) fn compare(&self, shard: u16) -> Comparison {
        let account = self.shards[usize::from(shard)].clone();
        Comparison { account, parts: Vec::new(), entries: BTreeMap::new() }
    }

    /// What was found is what there is from here on, and all of it is durable, or only what was so before.
    pub(crate) fn settle(&mut self, shard: u16, last: BatchId, is_settled: bool, revived: &[(BatchId, u64)]) {
        let account = self.of(shard);
        account.durable = if is_settled { last } else { account.durable.min(last) };
        account.given_up.extend(account.batches.split_off(&BatchId(last.0 + 1)));
        account.batches.extend(revived.iter().copied());
        if is_settled {
            account.given_up.clear();
        }
    }
}

/// What comes back from the store.
#[derive(Debug)]
pub(crate) struct Comparison {
    account: Account,
    parts: Vec<u64>,
    entries: BTreeMap<BatchId, u64>,
}

impl Comparison {
    pub(crate) fn part(&mut self, part: &[u8]) {
        self.parts.push(sum(part));
    }

    pub(crate) fn entry(&mut self, batch: BatchId, records: &[u8]) {
        self.entries.insert(batch, sum(records));
    }

    pub(crate) fn end(self, last: BatchId, report: &Report) -> Verdict {
        let Self { account, parts, entries } = self;
        let mut foreign = None;
        let mut missing = None;
        let mut behind = BatchId(0);
        if let Some(found) = &report.checkpoint {
            behind = BatchId(found.replay_from.0 - 1);
            let written: Vec<&Picture> =
                account.checkpoints.iter().filter(|picture| picture.behind == behind).collect();
            if !written.iter().any(|picture| picture.parts == parts) {
                missing = Some(format!("something of the checkpoint behind batch {}", behind.0));
            }
            if !written.iter().any(|picture| parts.iter().all(|part| picture.parts.contains(part))) {
                foreign = Some(format!("the checkpoint behind batch {}", behind.0));
            }
        }
        let mut revived = Vec::new();
        for (batch, sum) in &entries {
            if account.batches.get(batch) == Some(sum) {
                continue;
            }
            if account.given_up.contains(&(*batch, *sum)) {
                revived.push((*batch, *sum));
            } else {
                foreign = Some(format!("batch {}", batch.0));
            }
        }
        let until = last.max(account.durable);
        if let Some(batch) = (behind.0 + 1..=until.0).find(|batch| !entries.contains_key(&BatchId(*batch))) {
            missing = Some(format!("batch {batch} of {}", until.0));
        }
        Verdict { foreign, lost: missing, revived }
    }
}

/// How what came back compares with what was written.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// It was never written.
    pub(crate) foreign: Option<String>,
    /// It was durable, and did not come back.
    pub(crate) lost: Option<String>,
    /// Something is there that an earlier start had not found, and could not make sure that it is gone.
    pub(crate) revived: Vec<(BatchId, u64)>,
}

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, step)
}
