//! The durable log of each shard, and its checkpoints: bytes in, the same bytes out after a crash.
//!
//! A [`Store`] is a folder. Each shard in it has a [`Log`] of entries, which are durable after a sync, and at most one
//! [checkpoint](CheckpointWriter) that lets the log be trimmed. A [`Recovery`] reads both after a start. A [`Committer`] runs a
//! log on a thread of its own and makes many batches durable with one sync.
//!
//! Nothing is known here of what the bytes mean. The disk is a trait, so that a test or a simulation can hand in a
//! [`MemoryDisk`], which fails on demand. `docs/store-format.md` draws each byte, and argues why nothing is lost.

#![forbid(unsafe_code)]

mod checkpoint;
mod committer;
mod disk;
mod format;
mod frames;
mod local;
mod log;
mod memory;
mod paths;
mod place;
mod recovery;
mod report;
mod scan;
mod store;
mod window;

pub use checkpoint::{Checkpoint, CheckpointWriter};
pub use committer::{Committer, Durability, Outcome, Stopped};
pub use disk::{Access, Disk, DiskFile, LockError};
pub use format::{ENTRY_BYTES_MAX, FORMAT_VERSION, Identity};
pub use local::{LocalDisk, LocalFile};
pub use log::{AppendError, Log};
pub use memory::{MemoryDisk, MemoryFile, MemoryLock, Operation, Unsynced};
pub use recovery::{ReadFrom, Recovered, Recovery};
pub use report::{CheckpointFound, DAMAGE_LISTED_MAX, Damage, Lost, Report, Seq, TornTail};
pub use scan::RecoverError;
pub use store::{OpenError, Options, SEGMENT_BYTES, Store, StoreReader};
