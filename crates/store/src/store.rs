//! A folder with the shards of one node.

mod files;

use core::fmt;
use std::io;

use crate::checkpoint::CheckpointWriter;
use crate::disk::{Access, Disk, LockError};
use crate::format::Identity;
use crate::log::{AppendError, Log};
use crate::paths::{self, LOCK};
use crate::recovery::{ReadFrom, Recovery};
use crate::report::{Report, Seq};
use crate::scan::RecoverError;
use files::{Files, Known};

/// How long a file of a log becomes if nothing else is said, in bytes.
pub const SEGMENT_BYTES: u64 = 16 << 20;

/// What a store is opened with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Who the store belongs to, if it is new.
    pub identity: Identity,
    /// A number that outsiders cannot guess, new at each start: it keeps bytes inside of entries from passing for entries.
    pub seed: u64,
    /// How long a file of a log becomes before the next is begun, in bytes.
    pub segment_bytes: u64,
}

/// A folder with the shards of one node. Nobody else can open it as long as this lives.
#[derive(Debug)]
pub struct Store<D: Disk> {
    files: Files<D>,
    identity: Identity,
    options: Options,
    is_meta_rebuilt: bool,
    _lock: D::Lock,
}

/// A store that is only looked at. Nobody else can open it as long as this lives.
#[derive(Debug)]
pub struct StoreReader<D: Disk> {
    files: Files<D>,
    identity: Option<Identity>,
    _lock: Option<D::Lock>,
}

/// Why a store cannot be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process uses it.
    Locked,
    /// It was written by a later version of this program.
    Newer(RecoverError),
    /// What the system says.
    Io(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => LockError::Held.fmt(f),
            Self::Newer(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for OpenError {}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<LockError> for OpenError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held => Self::Locked,
            LockError::Io(error) => Self::Io(error),
        }
    }
}

impl<D: Disk> Store<D> {
    /// Opens a store for reading and writing; an empty folder becomes a new one.
    ///
    /// # Errors
    /// See [`OpenError`]. Damage is no reason.
    pub fn open(disk: D, options: Options) -> Result<Self, OpenError> {
        let lock = disk.lock(LOCK, Access::Write)?;
        let files = Files::new(disk);
        let (identity, is_meta_rebuilt) = match files.known()? {
            Known::ByMeta(identity) => (identity, false),
            Known::ByShard(identity) => {
                // A store that is there opens even if nothing can be written.
                let _ = files.write_meta(identity);
                (identity, true)
            }
            Known::No => {
                files.write_meta(options.identity)?;
                (options.identity, false)
            }
        };
        files.remove_retired();
        Ok(Self { files, identity, options, is_meta_rebuilt, _lock: lock })
    }

    /// Who the store belongs to.
    pub const fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether the file `meta` was lost or damaged, and what it said was taken from the files of the shards.
    pub const fn is_meta_rebuilt(&self) -> bool {
        self.is_meta_rebuilt
    }

    /// The shards that have files, sorted.
    ///
    /// # Errors
    /// What the system says.
    pub fn shards(&self) -> io::Result<Vec<u16>> {
        self.files.shards()
    }

    /// The files that starts have found to be damaged and set aside, each with its length in bytes. They stay until somebody
    /// removes them.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_aside(&self) -> io::Result<Vec<(String, u64)>> {
        self.files.set_aside()
    }

    /// Reads a shard to run it: damage is set aside. [`Store::log`] then opens its log.
    ///
    /// # Errors
    /// See [`RecoverError`]. Damage is no reason.
    pub fn recover(&self, shard: u16) -> Result<Recovery<D>, RecoverError> {
        let place = self.files.place(shard, self.identity, self.options.seed);
        Recovery::new(place, ReadFrom::Checkpoint, true)
    }

    /// Reads a shard and changes nothing.
    ///
    /// # Errors
    /// See [`RecoverError`]. Damage is no reason.
    pub fn read(&self, shard: u16, from: ReadFrom) -> Result<Recovery<D>, RecoverError> {
        self.files.read(shard, from)
    }

    /// Opens the log behind what [`Store::recover`] has read; reads what is left first. A shard may have one log at a time.
    ///
    /// Until what was read is durable, the log takes no batches: [`AppendError::Unsettled`].
    pub fn log(&self, recovery: Recovery<D>) -> (Log<D>, Report) {
        recovery.into_log(self.options.segment_bytes)
    }

    /// Begins a checkpoint of a shard that has everything before an entry in it. A shard may write one at a time.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn checkpoint(&self, shard: u16, replay_from: Seq) -> Result<CheckpointWriter<D>, AppendError> {
        CheckpointWriter::create(self.files.place(shard, self.identity, self.options.seed), replay_from)
    }

    /// Changes the number of shards that the store is said to have.
    ///
    /// # Errors
    /// What the system says. The old number stays then.
    pub fn set_shards(&mut self, shards: u16) -> io::Result<()> {
        let identity = Identity { shards, ..self.identity };
        self.files.write_meta(identity)?;
        self.identity = identity;
        Ok(())
    }

    /// Removes a shard whose content was taken over by others: all of it, or after a crash nothing of it.
    ///
    /// # Errors
    /// What the system says. The shard is still there if it is still listed.
    pub fn retire(&self, shard: u16) -> io::Result<()> {
        self.files.remove_retired();
        self.files.disk.rename(&paths::shard_dir(shard), &paths::retired_dir(shard))?;
        self.files.disk.sync_dir("")?;
        self.files.remove_retired();
        Ok(())
    }
}

impl<D: Disk> StoreReader<D> {
    /// Opens a store that nobody uses, to look at it. Nothing is changed.
    ///
    /// # Errors
    /// See [`OpenError`]. Damage is no reason.
    pub fn open(disk: D) -> Result<Self, OpenError> {
        let lock = match disk.lock(LOCK, Access::Read) {
            Ok(lock) => Some(lock),
            // A copy of a store may come without.
            Err(LockError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let files = Files::new(disk);
        let identity = match files.known()? {
            Known::ByMeta(identity) | Known::ByShard(identity) => Some(identity),
            Known::No => None,
        };
        Ok(Self { files, identity, _lock: lock })
    }

    /// Who the store belongs to, if any of its files says so.
    pub const fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// The shards that have files, sorted.
    ///
    /// # Errors
    /// What the system says.
    pub fn shards(&self) -> io::Result<Vec<u16>> {
        self.files.shards()
    }

    /// The files that starts have found to be damaged and set aside, each with its length in bytes. They stay until somebody
    /// removes them.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_aside(&self) -> io::Result<Vec<(String, u64)>> {
        self.files.set_aside()
    }

    /// Reads a shard. [`Recovery::into_report`] has the figures and all damage.
    ///
    /// # Errors
    /// See [`RecoverError`]. Damage is no reason.
    pub fn read(&self, shard: u16, from: ReadFrom) -> Result<Recovery<D>, RecoverError> {
        self.files.read(shard, from)
    }
}
