//! Checkpoints: what the entries of the log have led to, so that the log can be trimmed.

use std::io;

use crate::disk::{Disk, DiskFile};
use crate::format::{ENTRY_BYTES_MAX, FileKind, Frame, HEADER_BYTES};
use crate::log::AppendError;
use crate::paths;
use crate::place::Place;
use crate::report::Seq;

/// Bytes of records that are collected before they are written.
const WRITE_BYTES: usize = 256 << 10;
/// Bytes that are written before they are synced. A sync of the log has to wait for what other files have not written yet, so
/// the steps are small.
const SYNC_BYTES: u64 = 4 << 20;

/// Writes a checkpoint while the log goes on. It is of no use, and does no harm, before [`CheckpointWriter::finish`].
#[derive(Debug)]
pub struct CheckpointWriter<D: Disk> {
    place: Place<D>,
    file: D::File,
    ordinal: u64,
    replay_from: Seq,
    salt: u32,
    buffer: Vec<u8>,
    written_bytes: u64,
    synced_bytes: u64,
    records: u64,
    record_bytes: u64,
}

/// A checkpoint that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The entries from this one on have to be replayed on top of it; those before it can be trimmed.
    pub replay_from: Seq,
    /// Its records.
    pub records: u64,
    /// The bytes of these records.
    pub record_bytes: u64,
}

impl<D: Disk> CheckpointWriter<D> {
    pub(crate) fn create(place: Place<D>, replay_from: Seq) -> Result<Self, AppendError> {
        place.create_dir()?;
        let names = place.disk.list(&place.dir)?;
        for name in names.iter().filter(|name| paths::is_unfinished_checkpoint(name)) {
            place.disk.remove(&place.path(name))?;
        }
        let newest = names.iter().filter_map(|name| paths::parse_checkpoint(name)).max();
        let ordinal = newest.unwrap_or(0) + 1;
        let header = place.header(FileKind::Checkpoint, ordinal, replay_from.0);
        let file = place.disk.create(&place.path(&paths::unfinished_checkpoint(ordinal)))?;
        Ok(Self {
            place,
            file,
            ordinal,
            replay_from,
            salt: header.salt,
            buffer: header.encode().to_vec(),
            written_bytes: 0,
            synced_bytes: 0,
            records: 0,
            record_bytes: 0,
        })
    }

    /// Adds a record. Now and then this waits for the disk.
    ///
    /// # Errors
    /// The checkpoint is to be given up then; the one before stays. See [`AppendError`].
    pub fn write(&mut self, record: &[u8]) -> Result<(), AppendError> {
        if record.len() > ENTRY_BYTES_MAX {
            return Err(AppendError::TooLarge { bytes: record.len() });
        }
        self.records += 1;
        self.record_bytes += record.len() as u64;
        Frame::entry(self.records, record).encode(self.salt, record, &mut self.buffer);
        if self.buffer.len() >= WRITE_BYTES {
            self.flush()?;
        }
        if self.written_bytes - self.synced_bytes >= SYNC_BYTES {
            self.file.sync_data()?;
            self.synced_bytes = self.written_bytes;
        }
        Ok(())
    }

    /// Makes the checkpoint durable, and removes those before it.
    ///
    /// # Errors
    /// The checkpoint does not count then; the one before stays. See [`AppendError`].
    pub fn finish(mut self) -> Result<Checkpoint, AppendError> {
        Frame::mark(self.records + 1, &[]).encode(self.salt, &[], &mut self.buffer);
        self.flush()?;
        self.file.sync_data()?;
        let unfinished = self.place.path(&paths::unfinished_checkpoint(self.ordinal));
        let finished = self.place.path(&paths::checkpoint(self.ordinal));
        self.place.disk.rename(&unfinished, &finished)?;
        self.place.disk.sync_dir(&self.place.dir)?;
        // The new one counts from here on. An old one that stays is ignored, and removed by the next.
        let _ = self.remove_older();
        let Self { replay_from, records, record_bytes, .. } = self;
        Ok(Checkpoint { replay_from, records, record_bytes })
    }

    /// Leaves it, and removes what was written.
    pub fn abandon(self) {
        // What stays is removed by the next recovery or checkpoint.
        let _ = self.place.disk.remove(&self.place.path(&paths::unfinished_checkpoint(self.ordinal)));
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(self.written_bytes, &self.buffer)?;
        self.written_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(2 * WRITE_BYTES);
        Ok(())
    }

    fn remove_older(&self) -> io::Result<()> {
        for name in self.place.disk.list(&self.place.dir)? {
            if paths::parse_checkpoint(&name).is_some_and(|ordinal| ordinal < self.ordinal) {
                self.place.disk.remove(&self.place.path(&name))?;
            }
        }
        Ok(())
    }
}

const _: () = assert!(WRITE_BYTES > HEADER_BYTES);
