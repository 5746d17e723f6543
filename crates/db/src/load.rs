//! A store as a broker finds it at its start: one engine a shard, with all that the shard keeps.

use std::fs;
use std::path::{Path, PathBuf};

use martlet_engine::kept::Kept;
use martlet_engine::{BatchId, Commons, Config, Engine, Instant, Limits, ShardId, Stored, UnreadableRecord};
use martlet_store::{Identity, LocalDisk, ReadFrom, Recovered, Report, Seq, StoreReader};

use crate::DbError;

/// A store that nobody else can open.
#[derive(Debug)]
pub(crate) struct Open {
    location: PathBuf,
    reader: StoreReader<LocalDisk>,
    /// The folders of shards that are there.
    folders: Vec<u16>,
    identity: Identity,
}

/// A shard that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardFound {
    /// Which one.
    pub shard: u16,
    /// Its files, and what is torn or damaged.
    pub report: Report,
    /// Records and batches that are sound on the disk and that this version cannot read to their end.
    pub unreadable: Vec<Unreadable>,
}

/// A place in a store that is sound on the disk and that this version cannot read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The batch; `None` in a checkpoint.
    pub batch: Option<u64>,
    /// Where in it.
    pub cause: UnreadableRecord,
}

impl ShardFound {
    /// Whether all that was ever confirmed is there and can be read.
    pub fn is_sound(&self) -> bool {
        self.report.is_undamaged() && self.unreadable.is_empty()
    }
}

impl Open {
    /// Opens a store to look at it.
    pub(crate) fn at(location: &Path) -> Result<Self, DbError> {
        let disk = LocalDisk::open(location).map_err(DbError::io(location))?;
        let reader = StoreReader::open(disk).map_err(|error| DbError::open(location, error))?;
        let folders = reader.shards().map_err(DbError::io(location))?;
        let identity = match (reader.identity(), folders.last()) {
            (Some(identity), _) => identity,
            (None, Some(last)) => Identity { node: 0, shards: last.saturating_add(1), created_ms: 0 },
            (None, None) => {
                return Err(DbError::NoStore { location: location.to_owned(), inside: stores_in(location) });
            }
        };
        Ok(Self { location: location.to_owned(), reader, folders, identity })
    }

    pub(crate) fn location(&self) -> &Path {
        &self.location
    }

    /// How many shards it has.
    pub(crate) fn shards(&self) -> u16 {
        self.identity.shards.max(1)
    }

    /// When it was made.
    pub(crate) fn created_at(&self) -> Instant {
        Instant::from_millis(self.identity.created_ms)
    }

    /// The files that starts of the broker have found to be damaged and set aside, each with its length in bytes.
    pub(crate) fn set_aside(&self) -> Result<Vec<(String, u64)>, DbError> {
        self.reader.set_aside().map_err(DbError::io(&self.location))
    }

    /// Folders of shards that the broker does not read, since the store has fewer shards.
    pub(crate) fn left_over(&self) -> Vec<u16> {
        self.folders.iter().copied().filter(|shard| *shard >= self.shards()).collect()
    }

    /// Reads a shard from its checkpoint on, and hands out what is there.
    pub(crate) fn read(
        &self,
        shard: u16,
        mut take: impl FnMut(Recovered<'_>) -> Result<(), UnreadableRecord>,
    ) -> Result<ShardFound, DbError> {
        if !self.folders.contains(&shard) {
            // A shard without a folder has never had anything to keep.
            return Ok(ShardFound { shard, report: Report::default(), unreadable: Vec::new() });
        }
        let recovery = self.reader.read(shard, ReadFrom::Checkpoint);
        let mut recovery = recovery.map_err(|error| DbError::recover(&self.location, error))?;
        let mut unreadable = Vec::new();
        while let Some(found) = recovery.next() {
            let batch = match found {
                Recovered::Record(_) => None,
                Recovered::Entry(Seq(number), _) => Some(number),
            };
            if let Err(cause) = take(found) {
                unreadable.push(Unreadable { batch, cause });
            }
        }
        Ok(ShardFound { shard, report: recovery.into_report(), unreadable })
    }

    /// Reads all shards into engines, as a broker does at its start.
    pub(crate) fn restore(&self) -> Result<(Vec<Engine>, Vec<ShardFound>), DbError> {
        let mut engines = engines(self.shards());
        let mut found = Vec::new();
        for (shard, engine) in (0..).zip(&mut engines) {
            found.push(self.read(shard, |recovered| match recovered {
                Recovered::Record(part) => engine.restore(Stored::Checkpoint, part),
                Recovered::Entry(Seq(number), records) => {
                    engine.restore(Stored::Batch(BatchId(number)), records)
                }
            })?);
        }
        Ok((engines, found))
    }
}

/// Engines without clients for a number of shards. Nothing that was kept is refused, whatever the broker's limits are.
pub(crate) fn engines(shards: u16) -> Vec<Engine> {
    let limits = Limits {
        queued_messages_max: usize::MAX,
        queued_bytes_max: usize::MAX,
        sessions_max: usize::MAX,
        subscriptions_per_session_max: usize::MAX,
        retained_messages_max: usize::MAX,
        retained_bytes_max: usize::MAX,
        ..Limits::default()
    };
    let config = Config { limits, ..Config::default() };
    let commons = Commons::new(shards, &config);
    let engine = |shard| Engine::new(config.clone(), ShardId(shard), commons.clone());
    (0..shards).map(engine).collect()
}

/// What all shards keep, each with its shard: Sessions by Client Identifier, Wills, retained messages by topic, and what one
/// shard owes to another. But for the last, the order does not depend on the number of shards.
pub(crate) fn kept(engines: &[Engine]) -> Vec<(u16, Kept)> {
    let mut all: Vec<(u16, Kept)> = Vec::new();
    for (shard, engine) in (0..).zip(engines) {
        all.extend(engine.kept().map(|kept| (shard, kept)));
    }
    // What has the same place stays in its order.
    all.sort_by(|(_, a), (_, b)| place(a).cmp(&place(b)));
    all
}

fn place(kept: &Kept) -> (u8, &str) {
    match kept {
        Kept::Session(session) => (0, &session.client_identifier),
        Kept::Will(will) => (1, &will.client_identifier),
        Kept::Retained(message) => (2, &message.topic),
        Kept::Owed(_) => (3, ""),
    }
}

/// The stores in the folders of a folder, for someone who named that.
fn stores_in(location: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(location).into_iter().flatten().flatten();
    let mut stores: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.join("meta").is_file()).collect();
    stores.sort_unstable();
    stores
}
