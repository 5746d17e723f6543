//! A folder with the shards of one node.

use core::fmt;
use std::io;

use crate::checkpoint::CheckpointWriter;
use crate::disk::{Access, Disk, DiskFile, LockError};
use crate::format::{FileKind, HEADER_BYTES, Header, HeaderError, Identity};
use crate::log::{AppendError, Log};
use crate::paths::{self, LOCK, META, META_UNFINISHED};
use crate::place::Place;
use crate::recovery::{ReadFrom, Recovery};
use crate::report::{Report, Seq};
use crate::scan::RecoverError;
use crate::window::read_full;

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

/// How long a file of a log becomes if nothing else is said, in bytes.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// A folder with the shards of one node. Nobody else can open it as long as this lives.
#[derive(Debug)]
pub struct Store<D: Disk> {
    disk: D,
    options: Options,
    /// Whether `meta` was lost, and made anew from the files of the shards.
    is_meta_rebuilt: bool,
    access: Access,
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
    /// See [`OpenError`].
    pub fn open(disk: D, options: Options) -> Result<Self, OpenError> {
        let lock = disk.lock(LOCK, Access::Write)?;
        let mut store =
            Self { disk, options, is_meta_rebuilt: false, access: Access::Write, _lock: Some(lock) };
        if !store.read_identity()? {
            let written = store.write_meta();
            // A store that is there opens even if nothing can be written.
            if !store.is_meta_rebuilt {
                written?;
            }
        }
        store.remove_retired();
        Ok(store)
    }

    /// Opens a store that nobody uses, to look at it. Nothing is changed.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_read_only(disk: D) -> Result<Self, OpenError> {
        let lock = match disk.lock(LOCK, Access::Read) {
            Ok(lock) => Some(lock),
            // A copy of a store may come without.
            Err(LockError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let identity = Identity { node: 0, shards: 0, created_ms: 0 };
        let options = Options { identity, seed: 0, segment_bytes: SEGMENT_BYTES };
        let mut store = Self { disk, options, is_meta_rebuilt: false, access: Access::Read, _lock: lock };
        store.read_identity()?;
        Ok(store)
    }

    /// Who the store belongs to.
    pub const fn identity(&self) -> Identity {
        self.options.identity
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
        let names = self.disk.list("")?;
        Ok(names.iter().filter_map(|name| paths::parse_shard_dir(name)).collect())
    }

    /// Reads a shard to run it: damage is set aside. [`Store::log`] then opens its log.
    ///
    /// # Errors
    /// See [`RecoverError`].
    pub fn recover(&self, shard: u16) -> Result<Recovery<D>, RecoverError> {
        Recovery::new(self.place(shard), ReadFrom::Checkpoint, self.access == Access::Write)
    }

    /// Reads a shard and changes nothing.
    ///
    /// # Errors
    /// See [`RecoverError`].
    pub fn read(&self, shard: u16, from: ReadFrom) -> Result<Recovery<D>, RecoverError> {
        Recovery::new(self.place(shard), from, false)
    }

    /// Opens the log behind what was recovered. A shard may have one at a time.
    pub fn log(&self, recovery: Recovery<D>) -> (Log<D>, Report) {
        recovery.into_log(self.options.segment_bytes)
    }

    /// Begins a checkpoint of a shard that has everything before an entry in it. A shard may write one at a time.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn checkpoint(&self, shard: u16, replay_from: Seq) -> Result<CheckpointWriter<D>, AppendError> {
        CheckpointWriter::create(self.place(shard), replay_from)
    }

    /// Changes the number of shards that the store is said to have.
    ///
    /// # Errors
    /// What the system says. The old number stays then.
    pub fn set_shards(&mut self, shards: u16) -> io::Result<()> {
        let before = self.options.identity.shards;
        self.options.identity.shards = shards;
        self.write_meta().inspect_err(|_| self.options.identity.shards = before)
    }

    /// Removes a shard whose content was taken over by others: all of it, or after a crash nothing of it.
    ///
    /// # Errors
    /// What the system says. The shard is still there if it is still listed.
    pub fn retire(&self, shard: u16) -> io::Result<()> {
        self.remove_retired();
        self.disk.rename(&paths::shard_dir(shard), &paths::retired_dir(shard))?;
        self.disk.sync_dir("")?;
        self.remove_retired();
        Ok(())
    }

    fn place(&self, shard: u16) -> Place<D> {
        Place::new(self.disk.clone(), shard, self.options.identity, self.options.seed)
    }

    /// Removes the files of retired shards. Files that stay are tried again at the next start.
    fn remove_retired(&self) {
        let names = self.disk.list("").unwrap_or_default();
        for folder in names.iter().filter(|name| paths::parse_retired_dir(name).is_some()) {
            for name in self.disk.list(folder).unwrap_or_default() {
                let _ = self.disk.remove(&format!("{folder}/{name}"));
            }
            let _ = self.disk.remove_dir(folder);
        }
    }

    /// Takes the identity from `meta`, or from any file of a shard. Answers whether `meta` was sound.
    fn read_identity(&mut self) -> Result<bool, OpenError> {
        match self.read_meta() {
            Ok(header) => {
                self.options.identity = header.identity;
                return Ok(true);
            }
            Err(HeaderError::Newer(version)) => {
                let file = META.to_owned();
                return Err(OpenError::Newer(RecoverError::NewerFormat { file, version }));
            }
            Err(HeaderError::Damaged) => {}
        }
        for shard in self.shards()? {
            let scan = match self.place(shard).scan() {
                Ok(scan) => scan,
                Err(RecoverError::List(_)) => continue,
                Err(newer @ RecoverError::NewerFormat { .. }) => return Err(OpenError::Newer(newer)),
            };
            let newest = scan.segments.iter().chain(&scan.checkpoints).rev().find_map(|listed| listed.header);
            if let Some(header) = newest {
                self.options.identity = header.identity;
                self.is_meta_rebuilt = true;
                break;
            }
        }
        Ok(false)
    }

    fn read_meta(&self) -> Result<Header, HeaderError> {
        let mut bytes = [0; HEADER_BYTES];
        let file = self.disk.open(META, Access::Read).map_err(|_| HeaderError::Damaged)?;
        read_full(&file, 0, &mut bytes).map_err(|_| HeaderError::Damaged)?;
        Header::decode(FileKind::Meta, &bytes)
    }

    fn write_meta(&self) -> io::Result<()> {
        let header = Header {
            kind: FileKind::Meta,
            shard: 0,
            identity: self.options.identity,
            ordinal: 0,
            seq: 0,
            salt: 0,
        };
        match self.disk.remove(META_UNFINISHED) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = self.disk.create(META_UNFINISHED)?;
        file.write_at(0, &header.encode())?;
        file.sync_data()?;
        self.disk.rename(META_UNFINISHED, META)?;
        self.disk.sync_dir("")
    }
}
