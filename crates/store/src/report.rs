//! What a recovery found.

use core::fmt;
use core::ops::Range;

use crate::disk::{Access, Disk, DiskFile};
use crate::paths::{DAMAGED, damaged_part, damaged_whole};
use crate::place::Place;
use crate::window::Window;

/// How many damages are listed and set aside one by one; more are counted.
pub const DAMAGE_LISTED_MAX: usize = 1000;

/// How many names are tried for a file that is set aside.
const NAMES_MAX: u32 = 100;
/// Bytes that are copied at once.
const COPY_BYTES: usize = 1 << 16;

/// The number of an entry in the log of its shard. The first is 1, and each next one is greater by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a recovery found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The checkpoint that was read.
    pub checkpoint: Option<CheckpointFound>,
    /// Segments of the log that are there.
    pub segments: u64,
    /// Bytes of these segments.
    pub segment_bytes: u64,
    /// The log was closed in good order, and not written to since.
    pub is_closed: bool,
    /// Entries that were handed out.
    pub entries: u64,
    /// Bytes of these entries.
    pub entry_bytes: u64,
    /// The end of the log that was being written when the power failed.
    pub torn: Option<TornTail>,
    /// What is damaged, [`DAMAGE_LISTED_MAX`] at most.
    pub damage: Vec<Damage>,
    /// How many damages there are.
    pub damage_count: u64,
}

/// A checkpoint that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointFound {
    /// Its file.
    pub file: String,
    /// The first entry that is not in it.
    pub replay_from: Seq,
    /// Records that were handed out.
    pub records: u64,
    /// Bytes of these records.
    pub record_bytes: u64,
}

/// Bytes at the end of the log that were never reported as durable. They are cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub file: String,
    /// Where they began.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
    /// Where a copy is; made only if there are whole entries behind the first broken one.
    pub set_aside: Option<String>,
}

/// Bytes that are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: String,
    /// Where they begin.
    pub offset: u64,
    /// How many; 0 if what is lost is missing altogether.
    pub bytes: u64,
    /// What was in them.
    pub lost: Lost,
    /// Where a copy is, or the file itself; `None` if that failed, or nothing could be copied.
    pub set_aside: Option<String>,
}

/// What damage cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// These entries; none if the range is empty.
    Entries(Range<Seq>),
    /// These records of a checkpoint, counted from 1.
    Records(Range<u64>),
    /// Nothing that is known: an end of the log, or of a checkpoint, of unknown length.
    Unknown,
}

impl Report {
    pub(crate) fn is_listing(&self) -> bool {
        self.damage.len() < DAMAGE_LISTED_MAX
    }

    pub(crate) fn add(&mut self, damage: Damage) {
        self.damage_count += 1;
        if self.is_listing() {
            self.damage.push(damage);
        }
    }

    /// How many entries are known to be lost, as far as damages are listed.
    pub fn entries_lost(&self) -> u64 {
        let lost = self.damage.iter().map(|damage| match &damage.lost {
            Lost::Entries(range) => range.end.0.saturating_sub(range.start.0),
            Lost::Records(_) | Lost::Unknown => 0,
        });
        lost.sum()
    }

    /// Whether all that was ever reported as durable is there.
    pub fn is_undamaged(&self) -> bool {
        self.damage_count == 0
    }
}

impl<D: Disk> Place<D> {
    /// Copies a part of a file to where damage is kept. The same part is copied once.
    pub(crate) fn set_aside_part<F: DiskFile>(
        &self,
        name: &str,
        window: &mut Window<F>,
        range: Range<u64>,
    ) -> Option<String> {
        if range.is_empty() {
            return None;
        }
        self.disk.create_dir(DAMAGED).ok()?;
        let aside = damaged_part(&self.dir, name, range.start);
        let is_there = |disk: &D| {
            let there = disk.open(&aside, Access::Read).and_then(|file| file.length());
            there.is_ok_and(|bytes| bytes == range.end - range.start)
        };
        if is_there(&self.disk) {
            return Some(aside);
        }
        // What is there already is an attempt that did not come to its end.
        let _ = self.disk.remove(&aside);
        let mut file = self.disk.create(&aside).ok()?;
        let mut at = range.start;
        while at < range.end {
            let count = usize::try_from(range.end - at).unwrap_or(COPY_BYTES).min(COPY_BYTES);
            file.write_at(at - range.start, window.at(at, count)).ok()?;
            at += count as u64;
        }
        file.sync_data().ok()?;
        self.disk.sync_dir(DAMAGED).ok()?;
        Some(aside)
    }

    /// Moves a whole file to where damage is kept.
    pub(crate) fn set_aside_whole(&self, name: &str) -> Option<String> {
        self.disk.create_dir(DAMAGED).ok()?;
        let taken = self.disk.list(DAMAGED).ok()?;
        let mut names = (0..NAMES_MAX).map(|number| damaged_whole(&self.dir, name, number));
        let free = names.find(|name| !taken.contains(name))?;
        let aside = format!("{DAMAGED}/{free}");
        self.disk.rename(&self.path(name), &aside).ok()?;
        // The move may be undone by a loss of power; the file is then found and moved again.
        let _ = self.disk.sync_dir(DAMAGED);
        let _ = self.disk.sync_dir(&self.dir);
        Some(aside)
    }
}
