//! Reads a shard: the records of its checkpoint, then the entries behind it, past all damage.

mod plan;

use core::ops::Range;

use crate::disk::Disk;
use crate::frames::{Found, Frames};
use crate::log::{Log, Segment, Start, Tail, cut_off};
use crate::paths;
use crate::place::Place;
use crate::report::{CheckpointFound, Damage, Lost, Report, Seq, TornTail};
use crate::scan::RecoverError;
use plan::{Plan, Source, checkpoint_frames, replay_from};

/// Where a reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFrom {
    /// At the first entry that is not in the checkpoint.
    Checkpoint,
    /// At the oldest entry that is there.
    Start,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered<'a> {
    /// A record of the checkpoint.
    Record(&'a [u8]),
    /// An entry of the log.
    Entry(Seq, &'a [u8]),
}

/// A reading of a shard. Holds about 1 MiB, or the largest entry.
///
/// Damage never ends it: the damaged bytes are put aside, and what is sound behind them comes next.
#[derive(Debug)]
pub struct Recovery<D: Disk> {
    place: Place<D>,
    plan: Plan,
    reader: Option<Reader<D::File>>,
    /// The number of the next entry.
    expected: u64,
    /// Entries before this one are in the checkpoint.
    from: u64,
    /// Whether damage is put aside and torn ends are cut.
    repairs: bool,
    /// The end of a file is damaged, so that only what comes next tells how much is lost.
    is_loss_open: bool,
    cut: bool,
    /// Where the entries begin that no later frame says to be durable, and the number of the first of them. Without any, that
    /// of the next one: the last segment alone makes void what older ones have from there on.
    tail: Option<(u64, u64)>,
    report: Report,
}

#[derive(Debug)]
struct Reader<F> {
    frames: Frames<F>,
    name: String,
    kind: Kind,
    /// The checkpoint's last frame was there.
    is_ended: bool,
    is_damaged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Checkpoint,
    Segment,
    /// It may not be durable as a whole.
    LastSegment,
}

impl<D: Disk> Recovery<D> {
    /// Begins to read; `repairs` whether anything is changed.
    pub(crate) fn new(place: Place<D>, from: ReadFrom, repairs: bool) -> Result<Self, RecoverError> {
        let plan = Plan::new(&place, from)?;
        if repairs {
            for name in &plan.unfinished {
                // Nothing is in these files, so they do no harm if they stay.
                let _ = place.disk.remove(&place.path(name));
            }
        }
        let report = Report {
            segments: plan.segments.len() as u64,
            segment_bytes: plan.segments.iter().map(|segment| segment.bytes).sum(),
            ..Report::default()
        };
        let (expected, from) = (plan.from, plan.from);
        Ok(Self {
            place,
            plan,
            reader: None,
            expected,
            from,
            repairs,
            is_loss_open: false,
            cut: false,
            tail: None,
            report,
        })
    }

    /// Reads on: first all records, then all entries, in the order in which they were written. `None` is the end.
    #[expect(clippy::should_implement_trait, reason = "what it answers is borrowed from the reading")]
    pub fn next(&mut self) -> Option<Recovered<'_>> {
        let seq = self.advance()?;
        let reader = self.reader.as_mut()?;
        let is_checkpoint = reader.kind == Kind::Checkpoint;
        let payload = reader.frames.payload();
        Some(if is_checkpoint { Recovered::Record(payload) } else { Recovered::Entry(Seq(seq), payload) })
    }

    /// What was found so far.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Reads what was not read, and answers what was found.
    pub fn into_report(mut self) -> Report {
        while self.advance().is_some() {}
        self.report
    }

    /// Reads what was not read, makes it durable, and opens the log behind it.
    ///
    /// Until it is durable, the log takes no batches: [`AppendError::Unsettled`](crate::AppendError::Unsettled).
    pub(crate) fn into_log(mut self, segment_bytes: u64) -> (Log<D>, Report) {
        while self.advance().is_some() {}
        let last = self.plan.segments.last().copied();
        if let Some(last) = last.filter(|_| self.cut) {
            cut_off(&self.place, &last);
        }
        let start = Start {
            segments: self.plan.segments,
            next: self.expected.max(self.from).max(1),
            next_ordinal: self.plan.last_segment.saturating_add(1),
            tail: self.tail.zip(last).map(|((offset, first), segment)| Tail { segment, offset, first }),
        };
        let mut log = Log::new(self.place, segment_bytes, start);
        // Whoever wants to know how it went, and each batch, tries it again.
        let _ = log.settle();
        (log, self.report)
    }

    /// Goes to the next record or entry.
    fn advance(&mut self) -> Option<u64> {
        loop {
            let Some(reader) = &mut self.reader else {
                self.open_next()?;
                continue;
            };
            match reader.frames.next() {
                Found::Frame { is_mark: true, .. } => {
                    reader.is_ended = true;
                    let is_in_order = reader.frames.payload_bytes() == 0;
                    self.report.is_closed = is_in_order && reader.kind == Kind::LastSegment;
                    self.tail = None;
                }
                Found::Frame { seq, is_proof, .. } => {
                    self.report.is_closed = false;
                    if reader.kind == Kind::LastSegment && (is_proof || self.tail.is_none()) {
                        self.tail = Some((reader.frames.frame_offset(), seq));
                    }
                    let bytes = reader.frames.payload_bytes();
                    let is_checkpoint = reader.kind == Kind::Checkpoint;
                    if !is_checkpoint && seq >= self.from {
                        self.report.entries += 1;
                        self.report.entry_bytes += bytes;
                        return Some(seq);
                    }
                    if let Some(found) = self.report.checkpoint.as_mut().filter(|_| is_checkpoint) {
                        found.records += 1;
                        found.record_bytes += bytes;
                        return Some(seq);
                    }
                }
                Found::Damage { offset, bytes, lost } => self.damage(offset..offset + bytes, lost),
                Found::Tail { offset, bytes, has_sound_frames } => {
                    self.tail(offset..offset + bytes, has_sound_frames);
                }
                Found::End => self.close(),
            }
        }
    }

    /// Opens the next file. `None` when there is none.
    fn open_next(&mut self) -> Option<()> {
        match self.plan.sources.pop_front()? {
            Source::Checkpoint(listed) => match checkpoint_frames(&self.place, &listed) {
                Some(frames) => {
                    let file = self.place.path(&listed.name);
                    let replay_from = Seq(replay_from(&listed));
                    self.report.checkpoint =
                        Some(CheckpointFound { file, replay_from, records: 0, record_bytes: 0 });
                    self.read(frames, listed.name, Kind::Checkpoint);
                }
                None => self.whole(&listed.name, 0, Lost::Unknown),
            },
            Source::Segment(segment, void_from) => {
                self.missing(&segment);
                let name = paths::segment(segment.ordinal);
                let is_last = segment.ordinal == self.plan.last_segment;
                let kind = if is_last { Kind::LastSegment } else { Kind::Segment };
                match self.plan.open_segment(&self.place, &segment, void_from) {
                    Some(frames) => {
                        self.tail = is_last.then_some((frames.offset(), segment.first));
                        self.read(frames, name, kind);
                    }
                    None => self.lose_segment(&name, segment.bytes),
                }
            }
            Source::BadSegment(listed) => self.lose_segment(&listed.name, listed.bytes),
            Source::BadCheckpoint(listed) => self.whole(&listed.name, listed.bytes, Lost::Unknown),
        }
        Some(())
    }

    fn read(&mut self, frames: Frames<D::File>, name: String, kind: Kind) {
        self.reader = Some(Reader { frames, name, kind, is_ended: false, is_damaged: false });
    }

    fn close(&mut self) {
        let Some(mut reader) = self.reader.take() else { return };
        if reader.kind != Kind::Checkpoint {
            self.expected = self.expected.max(reader.frames.expected());
            if reader.frames.expected() < self.expected {
                // All that it has is in the checkpoint.
                self.tail = self.tail.map(|(offset, _)| (offset, self.expected));
            }
        } else if !reader.is_ended {
            let offset = reader.frames.window().length();
            self.add(&reader.name, offset..offset, Lost::Unknown, None);
        }
    }

    /// Notes entries that no file has, before a segment.
    fn missing(&mut self, segment: &Segment) {
        let is_open = core::mem::take(&mut self.is_loss_open);
        let lost = Lost::Entries(Seq(self.expected)..Seq(segment.first.max(self.expected)));
        if is_open {
            // The damage to the end of the file before has cost them.
            if let Some(damage) = self.report.damage.last_mut() {
                damage.lost = lost;
            }
        } else if segment.first > self.expected {
            self.add(&paths::segment(segment.ordinal), 0..0, lost, None);
        }
        self.expected = self.expected.max(segment.first);
    }

    fn damage(&mut self, range: Range<u64>, lost: Range<u64>) {
        let Some(reader) = &mut self.reader else { return };
        let name = reader.name.clone();
        reader.is_damaged = true;
        self.tail = None;
        let is_last = reader.frames.offset() >= reader.frames.window().length();
        let lost = if reader.kind == Kind::Checkpoint {
            if is_last { Lost::Unknown } else { Lost::Records(lost) }
        } else {
            let from = lost.start.max(self.from);
            self.expected = reader.frames.expected();
            self.is_loss_open = is_last && lost.is_empty();
            if self.is_loss_open { Lost::Unknown } else { Lost::Entries(Seq(from)..Seq(lost.end.max(from))) }
        };
        let aside = if self.repairs && self.report.is_listing() {
            self.place.set_aside_part(&name, reader.frames.window(), range.clone())
        } else {
            None
        };
        self.add(&name, range, lost, aside);
    }

    fn tail(&mut self, range: Range<u64>, has_sound_frames: bool) {
        let Some(reader) = &mut self.reader else { return };
        let mut set_aside = None;
        if self.repairs && has_sound_frames {
            set_aside = self.place.set_aside_part(&reader.name, reader.frames.window(), range.clone());
        }
        // The tail may hold the proof that what is damaged before it had been synced, so that is still known at the next start.
        self.cut = self.repairs && !reader.is_damaged && (!has_sound_frames || set_aside.is_some());
        if let Some(segment) = self.plan.segments.last_mut() {
            segment.bytes = range.start;
        }
        let bytes = range.end - range.start;
        let file = self.place.path(&reader.name);
        self.report.torn = Some(TornTail { file, offset: range.start, bytes, set_aside });
    }

    /// A segment of which nothing can be read. The next one tells what was in it.
    fn lose_segment(&mut self, name: &str, bytes: u64) {
        self.whole(name, bytes, Lost::Unknown);
        self.is_loss_open = true;
        let ordinal = paths::parse_segment(name);
        self.plan.segments.retain(|segment| Some(segment.ordinal) != ordinal);
    }

    fn whole(&mut self, name: &str, bytes: u64, lost: Lost) {
        let aside = if self.repairs { self.place.set_aside_whole(name) } else { None };
        self.add(name, 0..bytes, lost, aside);
    }

    fn add(&mut self, name: &str, range: Range<u64>, lost: Lost, set_aside: Option<String>) {
        let file = self.place.path(name);
        let bytes = range.end - range.start;
        self.report.add(Damage { file, offset: range.start, bytes, lost, set_aside });
    }
}
