//! Writing a store that was not there before.

use core::hash::BuildHasher as _;
use std::hash::RandomState;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use martlet_engine::kept::Kept;
use martlet_engine::{Engine, Instant, shard_of};
use martlet_store::{Identity, LocalDisk, Options, SEGMENT_BYTES, Seq, Store};

use crate::DbError;
use crate::settle::settle;

/// About how long a part of a checkpoint is.
const PART_BYTES: usize = 256 << 10;

/// The wall time.
pub(crate) fn now() -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// Gives each thing to the shard that is to keep it, and lets the shards begin to live at this time.
///
/// Retained messages are shared by all shards, so it does not matter which of them writes one down.
pub(crate) fn distribute(engines: &mut [Engine], now: Instant, all: impl IntoIterator<Item = Kept>) {
    let shards = u16::try_from(engines.len()).unwrap_or(u16::MAX);
    for kept in all {
        let name = match &kept {
            Kept::Session(session) => &*session.client_identifier,
            Kept::Will(will) => &*will.client_identifier,
            Kept::Retained(message) => &*message.topic,
            Kept::Owed(_) => continue,
        };
        if let Some(engine) = engines.get_mut(usize::from(shard_of(name, shards))) {
            engine.keep(now, &kept);
        }
    }
    settle(engines, now);
}

/// Writes all that these engines keep into a new folder, and makes it durable. The store is open as long as the answer lives.
pub(crate) fn write(
    location: &Path,
    engines: &mut [Engine],
    now: Instant,
) -> Result<Store<LocalDisk>, DbError> {
    let shards = u16::try_from(engines.len()).unwrap_or(u16::MAX);
    let disk = LocalDisk::create(location).map_err(DbError::io(location))?;
    let options = Options {
        identity: Identity { node: 0, shards, created_ms: now.as_millis() },
        // The standard library seeds its hashers from the operating system's source of randomness.
        seed: RandomState::new().hash_one(()),
        segment_bytes: SEGMENT_BYTES,
    };
    let store = Store::open(disk, options).map_err(|error| DbError::open(location, error))?;
    for (shard, engine) in (0..).zip(engines) {
        write_checkpoint(&store, shard, engine).map_err(DbError::write(location))?;
    }
    Ok(store)
}

fn write_checkpoint(
    store: &Store<LocalDisk>,
    shard: u16,
    engine: &mut Engine,
) -> Result<(), martlet_store::AppendError> {
    let behind = engine.begin_checkpoint().unwrap_or_else(|| engine.last_batch());
    let mut writer = store.checkpoint(shard, Seq(behind.0 + 1))?;
    while let Some(part) = engine.checkpoint_part(PART_BYTES) {
        if let Err(error) = writer.write(&part) {
            writer.abandon();
            return Err(error);
        }
    }
    writer.finish().map(|_| ())
}
