//! The bytes of one file: as they are read, as they are durable, and the changes between.

use core::ops::Range;

use super::faults::Unsynced;
use super::state::Random;

/// Bytes that a disk writes as one.
const SECTOR_BYTES: usize = 512;

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) current: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// What a failed sync should have written: it may be written late, whatever comes after it.
    late: Vec<Change>,
    pub(super) unreadable: Vec<Range<u64>>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*offset..end].copy_from_slice(bytes);
            }
            Self::Truncate(length) => to.resize(*length, 0),
        }
    }

    /// Applies a part: some sectors of a write; or the length alone, which leaves zeros.
    fn apply_torn(&self, to: &mut Vec<u8>, is_prefix: bool, random: &mut Random) {
        let Self::Write { offset, bytes } = self else { return };
        if is_prefix {
            let length = random.below(bytes.len() + 1);
            Self::Write { offset: *offset, bytes: bytes[..length].to_vec() }.apply(to);
            return;
        }
        for (index, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
            if random.is_even() {
                let offset = offset + index * SECTOR_BYTES;
                Self::Write { offset, bytes: sector.to_vec() }.apply(to);
            }
        }
    }
}

impl Content {
    pub(super) fn durable(bytes: &[u8]) -> Self {
        Self { current: bytes.to_vec(), durable: bytes.to_vec(), ..Self::default() }
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.change(Change::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.change(Change::Truncate(length));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// A failed sync: what was not written by then stays readable, and no later sync writes it for sure.
    pub(super) fn forget(&mut self) {
        self.late.append(&mut self.pending);
    }

    pub(super) fn rot(&mut self, offset: u64, mask: u8) {
        let Ok(offset) = usize::try_from(offset) else { return };
        for bytes in [&mut self.current, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= mask;
            }
        }
    }

    pub(super) fn is_readable(&self, offset: u64, count: usize) -> bool {
        let end = offset.saturating_add(count as u64);
        self.unreadable.iter().all(|range| range.end <= offset || end <= range.start)
    }

    /// What is left after a loss of power.
    pub(super) fn crashed(&self, unsynced: Unsynced, random: &mut Random) -> Self {
        let mut bytes = self.durable.clone();
        match unsynced {
            Unsynced::Lost => {}
            Unsynced::Kept => self.pending.iter().for_each(|change| change.apply(&mut bytes)),
            Unsynced::Torn => {
                let whole = random.below(self.pending.len() + 1);
                self.pending.iter().take(whole).for_each(|change| change.apply(&mut bytes));
                if let Some(change) = self.pending.get(whole) {
                    change.apply_torn(&mut bytes, true, random);
                }
            }
            Unsynced::Reordered => {
                for change in self.pending.iter().chain(&self.late) {
                    match random.below(3) {
                        0 => change.apply(&mut bytes),
                        1 => change.apply_torn(&mut bytes, false, random),
                        _ => {}
                    }
                }
            }
        }
        Self { unreadable: self.unreadable.clone(), ..Self::durable(&bytes) }
    }
}
