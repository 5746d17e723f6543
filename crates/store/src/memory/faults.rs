//! What can go wrong, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// What becomes of that which was not synced when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// It is gone.
    Lost,
    /// It had been written all the same.
    Kept,
    /// A beginning of it is there, and its last write in part.
    Torn,
    /// Any part of it is there: later writes without earlier ones, and any of them in part. So is what a failed sync should
    /// have written, over what came later.
    Reordered,
}

/// A kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A new file or folder.
    Create,
    /// Opening a file.
    Open,
    /// Reading, listing, asking for a length.
    Read,
    /// Writing.
    Write,
    /// Cutting off a file.
    Truncate,
    /// Another name.
    Rename,
    /// Removing a file or folder.
    Remove,
    /// Making bytes durable.
    Sync,
    /// Making names durable.
    SyncDir,
}

/// The faults that were asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    pub(super) halt_at: Option<u64>,
    pub(super) fail_at: BTreeSet<u64>,
    pub(super) fail_next: BTreeMap<Operation, u64>,
    pub(super) capacity: Option<u64>,
    pub(super) read_only: bool,
    pub(super) lying: bool,
    pub(super) skip_sync_after: Option<u64>,
}

/// How an operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    Well,
    /// It fails, and the disk goes on.
    Fails,
    /// The power fails while it is under way.
    Halts,
}

impl Course {
    /// What is to be answered.
    pub(super) fn outcome(self) -> io::Result<()> {
        match self {
            Self::Well => Ok(()),
            Self::Fails => Err(io::Error::other("the operation fails")),
            Self::Halts => Err(halted()),
        }
    }
}

impl Faults {
    /// Whether the sync that is under way is left out.
    pub(super) fn skips_sync(&mut self) -> bool {
        let left = self.skip_sync_after;
        self.skip_sync_after = left.and_then(|left| left.checked_sub(1));
        self.lying || left == Some(0)
    }

    /// Decides about an operation.
    pub(super) fn course(&mut self, operation: Operation, number: u64) -> io::Result<Course> {
        if self.halt_at.is_some_and(|at| number > at) {
            return Err(halted());
        }
        if self.halt_at == Some(number) {
            return Ok(Course::Halts);
        }
        let is_change = !matches!(operation, Operation::Open | Operation::Read | Operation::Sync);
        if self.read_only && is_change {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let next = self.fail_next.get_mut(&operation).filter(|count| **count > 0);
        let is_next = next.is_some();
        if let Some(count) = next {
            *count -= 1;
        }
        Ok(if self.fail_at.remove(&number) || is_next { Course::Fails } else { Course::Well })
    }
}

fn halted() -> io::Error {
    io::Error::other("the power has failed")
}
