//! The start of the broker, from what an earlier life has left on the disk.

use std::collections::{BTreeSet, VecDeque};

use martlet_engine::{BatchId, Commons, Config, Engine, Instant, ShardId, Stored};
use martlet_store::{
    Identity, Log, MemoryDisk, OpenError, Options, RecoverError, Recovered, Report, Seq, Store,
};

use super::keeper::Keeper;
use super::{Broker, Doorkeeper, START, Shard, Surroundings};
use crate::Disk;
use crate::clock::Millis;
use crate::ledger::Verdict;

/// What the broker is started with.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) shards: u16,
    pub(crate) config: Config,
    /// How long a file of a log becomes.
    pub(crate) segment_bytes: u64,
}

/// Why the broker does not start.
#[derive(Debug)]
pub(crate) enum StartError {
    Open(OpenError),
    Recover(RecoverError),
    /// It went down meanwhile.
    Down,
}

impl core::fmt::Display for StartError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Recover(error) => error.fmt(f),
            Self::Down => f.write_str("it went down meanwhile"),
        }
    }
}

impl Broker {
    /// Starts the broker on a disk.
    ///
    /// # Errors
    /// The disk fails. Nothing was told to anyone then.
    pub(crate) fn start(
        now: Millis,
        setup: &Setup,
        disk: MemoryDisk,
        is_up: impl Fn() -> bool,
        around: &mut Surroundings,
    ) -> Result<Self, StartError> {
        let options = Options {
            identity: Identity { node: 0, shards: setup.shards, created_ms: START },
            seed: around.random.next(),
            segment_bytes: setup.segment_bytes,
        };
        let store = Store::open(disk, options).map_err(StartError::Open)?;
        let commons = Commons::new(setup.shards, &setup.config);
        let mut shards = Vec::new();
        for number in 0..setup.shards {
            let engine = Engine::new(setup.config.clone(), ShardId(number), commons.clone());
            let mut engine = engine.with_access(Box::new(Doorkeeper));
            let found = recover(&store, number, &mut engine, around);
            if !is_up() {
                return Err(StartError::Down);
            }
            shards.push((engine, found?));
        }
        for (number, (_, found)) in (0..).zip(&shards) {
            around.judge_disk(number, found);
        }
        let mut shards: Vec<Shard> = shards
            .into_iter()
            .zip(0..)
            .map(|((engine, found), number)| Shard::new(engine, Keeper::new(number, found.log, found.last)))
            .collect();
        for shard in &mut shards {
            shard.engine.restored(Instant::from_millis(START + now), shard.keeper.durable());
            shard.wake = Some(now);
        }
        around.saboteur.restarted(setup.shards);
        if around.is_damaged {
            around.checker.loosen();
        }
        around.checker.restarted(now);
        Ok(Self { shards, accepts_next: 0, store })
    }
}

impl Shard {
    fn new(engine: Engine, keeper: Keeper) -> Self {
        Self {
            engine,
            slots: Vec::new(),
            inbox: VecDeque::new(),
            keeper,
            news: VecDeque::new(),
            job: None,
            needs_checkpoint: false,
            verdicts: VecDeque::new(),
            wake: None,
            free_at: 0,
            turn_at: None,
            log_at: None,
            blocked: BTreeSet::new(),
            stands_at: None,
        }
    }
}

/// What a shard has kept.
#[derive(Debug)]
struct Found {
    log: Log<MemoryDisk>,
    /// The last batch that is there.
    last: BatchId,
    report: Report,
    /// How it compares with what was written.
    verdict: Verdict,
    /// Whether all of it is durable.
    is_settled: bool,
}

impl Surroundings {
    /// What the store gave back is what there is from here on.
    fn judge_disk(&mut self, shard: u16, found: &Found) {
        let Found { last, report, verdict, is_settled, .. } = found;
        self.checker.note(&format!("s{shard} has all up to batch {}", last.0));
        self.checker.recovered(usize::from(shard), *last, *is_settled);
        self.ledger.settle(shard, *last, *is_settled, &verdict.revived);
        if self.saboteur.is_at_disk() {
            return; // the books have to find it
        }
        let Verdict { foreign, lost, revived } = verdict;
        if let Some(what) = foreign.as_ref().filter(|_| self.disk != Disk::Lying) {
            self.checker.fail(&format!("s{shard}: {what} is not what was written"));
        }
        let is_told = !report.is_undamaged() || report.torn.is_some();
        match lost {
            Some(what) if self.disk == Disk::Sound => {
                self.checker.fail(&format!("s{shard}: {what} is lost"));
            }
            Some(what) if self.disk == Disk::Rotting && !is_told => {
                self.checker.fail(&format!("s{shard}: {what} is lost without a word"));
            }
            _ => {}
        }
        if let Some(damage) = report.damage.first().filter(|_| self.disk == Disk::Sound) {
            self.checker.fail(&format!("s{shard}: damage where there is none: {damage:?}"));
        }
        // The books were turned back by what is there again.
        self.is_damaged |= foreign.is_some() || lost.is_some() || !revived.is_empty();
    }
}

/// Hands all that a shard has kept to its engine, and opens its log behind that.
fn recover(
    store: &Store<MemoryDisk>,
    number: u16,
    engine: &mut Engine,
    around: &mut Surroundings,
) -> Result<Found, StartError> {
    let mut recovery = store.recover(number).map_err(StartError::Recover)?;
    let mut comparison = around.ledger.compare(number);
    let mut place = 0;
    while let Some(recovered) = recovery.next() {
        let (stored, records) = match recovered {
            Recovered::Record(part) => {
                comparison.part(part);
                (Stored::Checkpoint, part)
            }
            Recovered::Entry(Seq(seq), records) => {
                comparison.entry(BatchId(seq), records);
                (Stored::Batch(BatchId(seq)), records)
            }
        };
        for records in around.saboteur.recovered(number, stored, place, records) {
            if let Err(error) = engine.restore(stored, &records)
                && !around.saboteur.spoils_records()
            {
                around.checker.fail(&format!("s{number} cannot read what it wrote: {error}"));
            }
        }
        place += 1;
    }
    let (mut log, report) = store.log(recovery);
    if let Err(error) = log.settle() {
        around.checker.note(&format!("s{number}: what was found may not be durable: {error}"));
    }
    let unsettled_from = log.unsettled_from();
    if let Some(Seq(first)) = unsettled_from {
        engine.unsettled(BatchId(first));
    }
    let last = BatchId(log.next_seq().0.saturating_sub(1));
    if !report.is_closed {
        engine.crashed();
    }
    let verdict = comparison.end(last, &report);
    Ok(Found { log, last, report, verdict, is_settled: unsettled_from.is_none() })
}
