//! Starting from what an earlier life has left.

use core::fmt;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use martlet_engine::{BatchId, Engine, ShardId, Stored};
use martlet_store::{
    Identity, LocalDisk, Log, OpenError, Options, RecoverError, Recovered as Found, Report, SEGMENT_BYTES,
    Seq, Store,
};

use super::{Persistence, stand_in};
use crate::predecessor::outwait;

/// Why what was kept cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum PersistenceError {
    /// The folder.
    Folder(io::Error),
    /// The store in it.
    Open(OpenError),
    /// The files of a shard.
    Recover(RecoverError),
}

impl fmt::Display for PersistenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Recover(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PersistenceError {}

/// A store that is open, and its number of shards.
pub(crate) struct Opened {
    store: Arc<Store<LocalDisk>>,
    pub(crate) shards: u16,
}

/// A shard as it was, with its log open behind that.
pub(crate) struct Recovered {
    pub(crate) store: Arc<Store<LocalDisk>>,
    pub(crate) log: Log<LocalDisk>,
    /// The last batch that is there.
    pub(crate) last: BatchId,
    /// Bytes of the checkpoint that was read.
    pub(crate) checkpoint_bytes: u64,
}

/// Opens a store, or begins one with `shards` shards. One that is there keeps its number.
pub(crate) fn open(persistence: &Persistence, shards: u16) -> Result<Opened, PersistenceError> {
    let location = &persistence.location;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let created_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let options = Options {
        identity: Identity { node: 0, shards, created_ms },
        seed: random_seed(),
        segment_bytes: SEGMENT_BYTES,
    };
    let open = || {
        let disk = LocalDisk::create(location).map_err(PersistenceError::Folder)?;
        Store::open(disk, options).map_err(PersistenceError::Open)
    };
    let is_taken = |error: &PersistenceError| matches!(error, PersistenceError::Open(OpenError::Locked));
    let mut store = outwait(open, is_taken)?;
    if let Some(stand_in) = &persistence.stand_in {
        if stand_in::is_gone(stand_in, location) {
            // It was open, so nobody else uses it.
            drop(store);
            let aside = stand_in::set_aside(location).map_err(PersistenceError::Folder)?;
            let (file, aside) = (stand_in.display(), aside.display());
            tracing::warn!(%file, %aside, "this file was deleted: what was kept is set aside");
            store = open()?;
        }
        stand_in::make(stand_in, location).map_err(PersistenceError::Folder)?;
    }
    if store.is_meta_rebuilt() {
        tracing::warn!(location = %location.display(), "the store's `meta` was lost and is made anew");
    }
    // Without this nobody would know of them: nothing reads them, and nothing removes them.
    if let Ok(aside) = store.set_aside()
        && !aside.is_empty()
    {
        let bytes: u64 = aside.iter().map(|(_, bytes)| bytes).sum();
        tracing::warn!(
            location = %location.display(),
            files = aside.len(),
            bytes,
            "earlier starts have set damaged files aside, which stay in the folder `damaged` there until somebody removes it"
        );
    }
    let there = store.identity().shards;
    if there != shards {
        let change = format!("martlet db repartition {} --shards {shards}", persistence.location.display());
        tracing::info!(
            shards = there,
            asked = shards,
            change,
            "the store keeps the number of shards that it began with, until it is divided anew while no broker runs"
        );
    }
    Ok(Opened { store: Arc::new(store), shards: there })
}

fn random_seed() -> u64 {
    use core::hash::BuildHasher;
    // The standard library seeds its hashers from the operating system's source of randomness.
    std::hash::RandomState::new().hash_one(())
}

impl Opened {
    /// Hands all that a shard has kept to its engine.
    pub(crate) fn recover(&self, shard: ShardId, engine: &mut Engine) -> Result<Recovered, PersistenceError> {
        let mut recovery = self.store.recover(shard.0).map_err(PersistenceError::Recover)?;
        let mut unreadable = 0_u64;
        while let Some(found) = recovery.next() {
            let restored = match found {
                Found::Record(part) => engine.restore(Stored::Checkpoint, part),
                Found::Entry(Seq(seq), records) => engine.restore(Stored::Batch(BatchId(seq)), records),
            };
            if let Err(error) = restored {
                unreadable += 1;
                tracing::error!(shard = shard.0, %error, "a part of what was kept is passed over");
            }
        }
        let (mut log, report) = self.store.log(recovery);
        tell(shard, &report, unreadable);
        // The log tries it again before each batch; until it has worked, nobody is told of what may not be durable.
        if let Err(error) = log.settle() {
            tracing::warn!(shard = shard.0, %error, "what was found waits for the disk");
        }
        if let Some(Seq(first)) = log.unsettled_from() {
            engine.unsettled(BatchId(first));
        }
        let last = BatchId(log.next_seq().0.saturating_sub(1));
        if !report.is_closed {
            engine.crashed();
        }
        let checkpoint_bytes = report.checkpoint.map_or(0, |checkpoint| checkpoint.record_bytes);
        Ok(Recovered { store: Arc::clone(&self.store), log, last, checkpoint_bytes })
    }
}

/// Says what was found, loudly where something is lost.
fn tell(shard: ShardId, report: &Report, unreadable: u64) {
    for damage in &report.damage {
        tracing::error!(
            shard = shard.0,
            ?damage,
            "the store is damaged: this part is set aside, the rest is served"
        );
    }
    if let Some(torn) = &report.torn {
        tracing::info!(
            shard = shard.0,
            ?torn,
            "the log ends in the middle of a write, as it does after a crash"
        );
    }
    tracing::debug!(shard = shard.0, ?report, unreadable, "recovered");
}
