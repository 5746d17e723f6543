//! The log of one shard: files that are only ever appended to.

mod tail;

use core::fmt;
use std::io;

pub(crate) use tail::Tail;

use crate::disk::{Access, Disk, DiskFile, is_full};
use crate::format::{ENTRY_BYTES_MAX, FRAME_BYTES_MIN, FileKind, Frame, HEADER_BYTES};
use crate::paths;
use crate::place::Place;
use crate::report::Seq;

/// Bytes of the encoding buffer that are kept from one batch to the next.
const BUFFER_KEPT_BYTES: usize = 1 << 20;
/// After the disk was full, so much has to be free before the log writes again; less if less did not fit.
const ROOM_BYTES_MAX: u64 = 1 << 20;

/// The log of one shard.
///
/// Entries are appended in batches: each is one write. They are durable after [`Log::sync`]. A file in which a write or a sync
/// failed is left alone for good, since nobody can tell what is in it: the next batch begins a new one.
#[derive(Debug)]
pub struct Log<D: Disk> {
    place: Place<D>,
    segment_bytes: u64,
    /// All segments, the one that is being written included.
    segments: Vec<Segment>,
    active: Option<Active<D::File>>,
    /// The number of the next entry.
    next: u64,
    /// The next number at the last sync: the entries before it stay, whatever happens.
    kept: u64,
    next_ordinal: u64,
    is_dir_durable: bool,
    buffer: Vec<u8>,
    /// Room that a batch did not find.
    needed_room: Option<u64>,
    /// What was appended since the last sync cannot be made durable any more: a file with a part of it was given up.
    unsyncable: Option<io::Error>,
    /// What has to be written anew of that which was found at the start.
    tail: Option<Tail>,
    /// All that was found at the start is durable.
    is_settled: bool,
}

/// A file of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) ordinal: u64,
    /// The number of its first entry.
    pub(crate) first: u64,
    /// Its length.
    pub(crate) bytes: u64,
}

#[derive(Debug)]
struct Active<F> {
    file: F,
    salt: u32,
    /// The length up to which the file is synced.
    synced_bytes: u64,
    /// The length up to which its entries stay, whatever happens.
    kept_bytes: u64,
}

/// Where a log begins to write.
pub(crate) struct Start {
    pub(crate) segments: Vec<Segment>,
    pub(crate) next: u64,
    pub(crate) next_ordinal: u64,
    /// What may not be durable of that which was found.
    pub(crate) tail: Option<Tail>,
}

/// Why a batch is not in the log.
#[derive(Debug)]
#[non_exhaustive]
pub enum AppendError {
    /// The disk is full. The log goes on when there is room.
    Full,
    /// An entry is longer than [`ENTRY_BYTES_MAX`].
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// What was found at the start cannot be made durable, so nothing can be built on it. Each batch tries it again.
    Unsettled(io::ErrorKind),
    /// What the system says. The next batch is written to a new file.
    Io(io::Error),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the disk is full"),
            Self::TooLarge { bytes } => {
                write!(f, "an entry has {bytes} bytes, and {ENTRY_BYTES_MAX} are allowed")
            }
            Self::Unsettled(kind) => write!(f, "what was found at the start cannot be made durable: {kind}"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AppendError {}

impl From<io::Error> for AppendError {
    fn from(error: io::Error) -> Self {
        if is_full(&error) { Self::Full } else { Self::Io(error) }
    }
}

impl<D: Disk> Log<D> {
    pub(crate) fn new(place: Place<D>, segment_bytes: u64, start: Start) -> Self {
        Self {
            place,
            segment_bytes,
            segments: start.segments,
            active: None,
            next: start.next,
            kept: start.next,
            next_ordinal: start.next_ordinal,
            is_dir_durable: false,
            buffer: Vec::new(),
            needed_room: None,
            unsyncable: None,
            tail: start.tail,
            is_settled: false,
        }
    }

    /// Writes a batch with one write, and answers the number of its first entry.
    ///
    /// # Errors
    /// The batch is not in the log then, and its numbers are given to the next one. See [`AppendError`].
    pub fn append<'a>(&mut self, entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Seq, AppendError> {
        self.settle()?;
        if let Some(error) = &self.unsyncable {
            return Err(AppendError::Io(error.kind().into()));
        }
        if self.buffer.capacity() > BUFFER_KEPT_BYTES && self.buffer.len() < self.buffer.capacity() / 4 {
            self.buffer.shrink_to(BUFFER_KEPT_BYTES);
        }
        self.buffer.clear();
        let first = self.next;
        let mut entries = entries.into_iter().peekable();
        if entries.peek().is_none() {
            return Ok(Seq(first));
        }
        let (salt, is_synced) = self.open_segment()?;
        let mut next = first;
        for entry in entries {
            if entry.len() > ENTRY_BYTES_MAX {
                return Err(AppendError::TooLarge { bytes: entry.len() });
            }
            Frame::entry(next, entry).proving(is_synced && next == first).encode(
                salt,
                entry,
                &mut self.buffer,
            );
            next += 1;
        }
        self.write()?;
        self.next = next;
        Ok(Seq(first))
    }

    /// Gives away numbers without writing anything. Only of use for a log that nobody will read: the entries count as lost.
    pub(crate) fn skip(&mut self, count: u64) -> Seq {
        let first = self.next;
        self.next += count;
        self.kept = self.next;
        Seq(first)
    }

    /// Keeps what was appended as it is, durable or not: no failure takes it back.
    pub(crate) fn keep(&mut self) {
        self.kept = self.next;
        if let (Some(active), Some(segment)) = (&mut self.active, self.segments.last()) {
            active.kept_bytes = segment.bytes;
        }
    }

    /// Makes durable all that was appended.
    ///
    /// # Errors
    /// All that was appended since the last sync is not in the log then: its numbers are given away anew, and it has to be
    /// appended again, or refused. Nothing is ever synced a second time.
    pub fn sync(&mut self) -> Result<(), AppendError> {
        self.sync_file().map_err(|error| {
            self.next = self.kept;
            self.give_up();
            error.into()
        })
    }

    /// Removes the segments that only have entries below a number. The one that is being written stays.
    ///
    /// # Errors
    /// What the system says. What is left is removed the next time.
    pub fn trim(&mut self, below: Seq) -> io::Result<()> {
        // A later file may begin with a lower number: what it replaced was never durable.
        while let [oldest, later @ ..] = &self.segments[..]
            && let Some(first) = later.iter().map(|segment| segment.first).min()
            && first <= below.0
        {
            match self.place.disk.remove(&self.place.path(&paths::segment(oldest.ordinal))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.segments.remove(0),
            };
            // No crash may bring back a segment without the later one that makes a part of it void.
            self.place.disk.sync_dir(&self.place.dir)?;
        }
        Ok(())
    }

    /// Ends the log in good order: all is synced, and says so, so that damage to the end cannot pass for a torn write.
    ///
    /// # Errors
    /// What the system says. What was appended since the last sync is in the log, and may not be durable.
    pub fn close(mut self) -> io::Result<()> {
        self.sync_file()?;
        if let Some(active) = &self.active {
            self.buffer.clear();
            Frame::mark(self.next, &[]).encode(active.salt, &[], &mut self.buffer);
            // A mark that is not written, or lost, tells nothing wrong.
            let _ = self.write();
        }
        Ok(())
    }

    /// The shard whose log it is.
    pub const fn shard(&self) -> u16 {
        self.place.shard
    }

    /// The number of the next entry.
    pub const fn next_seq(&self) -> Seq {
        Seq(self.next)
    }

    /// The oldest entry that is there, or the next one.
    pub fn first_seq(&self) -> Seq {
        Seq(self.segments.iter().map(|segment| segment.first).min().unwrap_or(self.next))
    }

    /// How many files there are.
    pub const fn segments(&self) -> usize {
        self.segments.len()
    }

    /// How many bytes these files have.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    fn write(&mut self) -> Result<(), AppendError> {
        let (Some(active), Some(segment)) = (&mut self.active, self.segments.last_mut()) else {
            return Ok(());
        };
        match active.file.write_at(segment.bytes, &self.buffer) {
            Ok(()) => {
                segment.bytes += self.buffer.len() as u64;
                self.needed_room = None;
                Ok(())
            }
            Err(error) => {
                if is_full(&error) {
                    self.needed_room =
                        Some(ROOM_BYTES_MAX.min(self.buffer.len() as u64 + HEADER_BYTES as u64));
                }
                self.give_up();
                Err(error.into())
            }
        }
    }

    fn sync_file(&mut self) -> io::Result<()> {
        if let Some(error) = self.unsyncable.take() {
            return Err(error);
        }
        if let (Some(active), Some(segment)) = (&mut self.active, self.segments.last()) {
            if active.synced_bytes != segment.bytes {
                active.file.sync_data()?;
            }
            active.synced_bytes = segment.bytes;
        }
        self.keep();
        Ok(())
    }

    /// Makes sure that there is a file that can be appended to. Answers its salt, and whether all of it is synced.
    fn open_segment(&mut self) -> Result<(u32, bool), AppendError> {
        if let (Some(active), Some(segment)) = (&mut self.active, self.segments.last()) {
            let is_synced = active.synced_bytes == segment.bytes;
            if segment.bytes < self.segment_bytes {
                return Ok((active.salt, is_synced));
            }
            // A later segment says of the one before that all that counts in it was synced. The entries are not kept yet: the
            // caller's sync may fail, and takes back all of them.
            let outcome = if is_synced { Ok(()) } else { active.file.sync_data() };
            if let Err(error) = outcome {
                self.give_up();
                if self.next != self.kept {
                    return Err(error.into());
                }
            }
            self.active = None;
        }
        if let Some(needed) = self.needed_room
            && self.place.disk.free_space().is_ok_and(|free| free < needed)
        {
            return Err(AppendError::Full);
        }
        Ok((self.create_segment()?, true))
    }

    /// Makes a new file with a durable header.
    fn create_segment(&mut self) -> io::Result<u32> {
        if !self.is_dir_durable {
            self.place.create_dir()?;
            self.is_dir_durable = true;
        }
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        let header = self.place.header(FileKind::Segment, ordinal, self.next);
        let path = self.place.path(&paths::segment(ordinal));
        let mut file = self.place.disk.create(&path)?;
        let written = file
            .write_at(0, &header.encode())
            .and_then(|()| file.sync_data())
            .and_then(|()| self.place.disk.sync_dir(&self.place.dir));
        if let Err(error) = written {
            if is_full(&error) {
                self.needed_room = Some(HEADER_BYTES as u64 + FRAME_BYTES_MIN);
            }
            let _ = self.place.disk.remove(&path);
            return Err(error);
        }
        let bytes = HEADER_BYTES as u64;
        self.segments.push(Segment { ordinal, first: self.next, bytes });
        self.active = Some(Active { file, salt: header.salt, synced_bytes: bytes, kept_bytes: bytes });
        Ok(header.salt)
    }

    /// Leaves the active file alone for good, after a failure. What is in it beyond the entries that are kept is void, because
    /// the next file begins with the number behind them; cutting it off only tidies up, so it does not matter whether it works.
    fn give_up(&mut self) {
        let Some(mut active) = self.active.take() else { return };
        if self.next != self.kept {
            self.unsyncable = Some(io::Error::other("a file with entries that were not synced was given up"));
        }
        if let Some(segment) = self.segments.last_mut() {
            segment.bytes = active.kept_bytes;
            let _ = active.file.truncate(segment.bytes);
        }
        // A file without anything that is kept goes at once, so that a full disk does not fill up with them. It is the last one,
        // so that no crash leaves a gap.
        if let Some(segment) = self.segments.last().filter(|segment| segment.first >= self.kept) {
            let _ = self.place.disk.remove(&self.place.path(&paths::segment(segment.ordinal)));
            self.segments.pop();
        }
    }
}

/// Cuts off the torn end of a segment. The next segment makes void what is behind the cut, so it does not matter whether this
/// works.
pub(crate) fn cut_off<D: Disk>(place: &Place<D>, segment: &Segment) {
    let path = place.path(&paths::segment(segment.ordinal));
    if let Ok(mut file) = place.disk.open(&path, Access::Write) {
        let _ = file.truncate(segment.bytes);
    }
}
