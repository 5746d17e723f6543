//! The end of a log that was found at a start, and that no later frame says to be durable.
//!
//! It may only be in the memory of the system, if not the power but the process had failed. A sync of its file could answer
//! well without having written anything, since an earlier one may have failed. So it is written anew, to a file that gets
//! its name when it is durable: from then on it stands for the end of the old one.

use std::io;

use super::{Active, AppendError, Log, Segment};
use crate::disk::{Access, Disk, DiskFile};
use crate::format::{ANEW, FileKind, Frame};
use crate::frames::{Found, Frames};
use crate::paths;
use crate::report::Seq;
use crate::window::Window;

/// Bytes that are collected before they are written.
const WRITE_BYTES: usize = 256 << 10;

/// The entries at the end of a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tail {
    pub(crate) segment: Segment,
    /// Where the first of them begins.
    pub(crate) offset: u64,
    /// Its number.
    pub(crate) first: u64,
}

impl<D: Disk> Log<D> {
    /// Makes durable what was found at the start, if that has not worked yet. Whoever tells anyone of what was found has to wait
    /// until this has worked.
    ///
    /// # Errors
    /// [`AppendError::Full`], or [`AppendError::Unsettled`]. It is tried again the next time.
    pub fn settle(&mut self) -> Result<(), AppendError> {
        if self.is_settled {
            return Ok(());
        }
        let outcome = match self.tail {
            Some(tail) => self.write_anew(&tail),
            None => self.sync_names(),
        };
        outcome.map_err(|error| match AppendError::from(error) {
            AppendError::Io(error) => AppendError::Unsettled(error.kind()),
            full => full,
        })?;
        self.tail = None;
        self.is_settled = true;
        Ok(())
    }

    /// The first entry of those found at the start that may not be durable yet; `None` if all are.
    pub fn unsettled_from(&self) -> Option<Seq> {
        if self.is_settled {
            return None;
        }
        let last = || self.segments.last().map(|segment| segment.first);
        Some(Seq(self.tail.map(|tail| tail.first).or_else(last).unwrap_or(self.next)))
    }

    /// The last file may have got its name right before the process was killed.
    fn sync_names(&self) -> io::Result<()> {
        match self.place.disk.sync_dir(&self.place.dir) {
            // A new shard has no folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }

    fn write_anew(&mut self, tail: &Tail) -> io::Result<()> {
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        match self.rewrite(tail, ordinal) {
            Ok((active, bytes)) => {
                self.active = Some(active);
                self.segments.push(Segment { ordinal, first: tail.first, bytes });
                Ok(())
            }
            Err(error) => {
                // One of them may be there. Neither does any harm.
                for name in [paths::unfinished_segment(ordinal), paths::segment(ordinal)] {
                    let _ = self.place.disk.remove(&self.place.path(&name));
                }
                Err(error)
            }
        }
    }

    /// Writes the entries to a segment of this number. Answers it, and its length.
    fn rewrite(&mut self, tail: &Tail, ordinal: u64) -> io::Result<(Active<D::File>, u64)> {
        let mut frames = self.frames_of(tail)?;
        let header = self.place.header(FileKind::Segment, ordinal, tail.first);
        let unfinished = self.place.path(&paths::unfinished_segment(ordinal));
        let mut file = self.place.disk.create(&unfinished)?;
        let (mut bytes, mut buffer) = (0, header.encode().to_vec());
        for seq in tail.first..self.next {
            let Found::Frame { is_mark: false, .. } = frames.next() else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let entry = frames.payload();
            Frame::entry(seq, entry).proving(seq == tail.first).encode(header.salt, entry, &mut buffer);
            if buffer.len() >= WRITE_BYTES {
                file.write_at(bytes, &buffer)?;
                bytes += buffer.len() as u64;
                buffer.clear();
            }
        }
        // The file gets its name when all of it is synced, so it may say so: the next start has nothing to write anew.
        Frame::mark(self.next, ANEW).encode(header.salt, ANEW, &mut buffer);
        file.write_at(bytes, &buffer)?;
        bytes += buffer.len() as u64;
        file.sync_data()?;
        self.place.disk.rename(&unfinished, &self.place.path(&paths::segment(ordinal)))?;
        self.place.disk.sync_dir(&self.place.dir)?;
        Ok((Active { file, salt: header.salt, synced_bytes: bytes, kept_bytes: bytes }, bytes))
    }

    fn frames_of(&self, tail: &Tail) -> io::Result<Frames<D::File>> {
        let name = paths::segment(tail.segment.ordinal);
        let header = self.place.look(FileKind::Segment, &name).header;
        let header = header.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let file = self.place.disk.open(&self.place.path(&name), Access::Read)?;
        let window = Window::new(file, tail.segment.bytes);
        Ok(Frames::within(window, header.salt, tail.offset, tail.first))
    }
}
