//! Which files are read, and in which order.

use std::collections::VecDeque;

use super::ReadFrom;
use crate::disk::{Access, Disk};
use crate::format::FileKind;
use crate::frames::{Found, Frames};
use crate::log::Segment;
use crate::paths;
use crate::place::Place;
use crate::scan::{Listed, RecoverError};
use crate::window::Window;

/// The files of a shard, in the order in which they are read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) sources: VecDeque<Source>,
    /// All sound segments, those that are not read included.
    pub(super) segments: Vec<Segment>,
    /// Files that may be removed.
    pub(super) unfinished: Vec<String>,
    /// The first entry that is wanted.
    pub(super) from: u64,
    /// The number of the last segment, be it sound, damaged, or set aside before.
    pub(super) last_segment: u64,
}

#[derive(Debug)]
pub(super) enum Source {
    Checkpoint(Listed),
    BadCheckpoint(Listed),
    /// A segment, and the number from which on its entries are in later ones.
    Segment(Segment, u64),
    BadSegment(Listed),
}

impl Plan {
    pub(super) fn new<D: Disk>(place: &Place<D>, from: ReadFrom) -> Result<Self, RecoverError> {
        let scan = place.scan()?;
        let segments: Vec<Segment> = scan.segments.iter().filter_map(segment).collect();
        let oldest = segments.iter().map(|segment| segment.first).min();
        let mut sources = VecDeque::new();
        let mut sound = Vec::new();
        for listed in scan.checkpoints {
            if listed.header.is_some() {
                sound.push(listed);
            } else {
                sources.push_back(Source::BadCheckpoint(listed));
            }
        }
        let mut wanted = 1;
        if let Some(checkpoint) = choose(place, sound, oldest) {
            wanted = replay_from(&checkpoint);
            sources.push_back(Source::Checkpoint(checkpoint));
        }
        if from == ReadFrom::Start {
            wanted = oldest.unwrap_or(wanted);
        }
        // The last segment that begins with the first wanted entry, or before it, is the first that is read.
        let first = segments.iter().rposition(|segment| segment.first <= wanted);
        let first = first.and_then(|index| segments.get(index)).map_or(0, |segment| segment.ordinal);
        for (index, listed) in scan.segments.iter().enumerate() {
            match segment(listed) {
                Some(segment) if segment.ordinal < first => {}
                Some(segment) => {
                    let void_from = void_from(&scan.segments[index + 1..]);
                    if segment.first >= void_from {
                        continue;
                    }
                    sources.push_back(Source::Segment(segment, void_from));
                }
                None => sources.push_back(Source::BadSegment(listed.clone())),
            }
        }
        Ok(Self {
            sources,
            segments,
            unfinished: scan.unfinished,
            from: wanted,
            last_segment: scan.last_segment,
        })
    }

    /// Opens a segment; `None` if that fails.
    pub(super) fn open_segment<D: Disk>(
        &self,
        place: &Place<D>,
        segment: &Segment,
        void_from: u64,
    ) -> Option<Frames<D::File>> {
        let name = paths::segment(segment.ordinal);
        let header = place.look(FileKind::Segment, &name).header.ok()?;
        let file = place.disk.open(&place.path(&name), Access::Read).ok()?;
        let window = Window::new(file, segment.bytes);
        Some(if self.last_segment == segment.ordinal {
            Frames::maybe_torn(window, header.salt, header.seq)
        } else {
            Frames::synced(window, header.salt, header.seq, void_from)
        })
    }
}

fn segment(listed: &Listed) -> Option<Segment> {
    let header = listed.header?;
    Some(Segment { ordinal: header.ordinal, first: header.seq.max(1), bytes: listed.bytes })
}

/// The lowest number that a later segment begins with.
fn void_from(later: &[Listed]) -> u64 {
    later.iter().filter_map(segment).map(|segment| segment.first).min().unwrap_or(u64::MAX)
}

pub(super) fn replay_from(checkpoint: &Listed) -> u64 {
    checkpoint.header.map_or(1, |header| header.seq.max(1))
}

/// Opens a checkpoint; `None` if that fails.
pub(super) fn checkpoint_frames<D: Disk>(place: &Place<D>, listed: &Listed) -> Option<Frames<D::File>> {
    let header = listed.header?;
    let file = place.disk.open(&place.path(&listed.name), Access::Read).ok()?;
    Some(Frames::synced(Window::new(file, listed.bytes), header.salt, 1, u64::MAX))
}

/// Chooses the newest checkpoint, unless it is damaged and an older one can take its place: that one is whole, and the log has
/// all entries since. There is more than one only after a crash in the moment when the older ones were to be removed.
fn choose<D: Disk>(place: &Place<D>, mut sound: Vec<Listed>, oldest: Option<u64>) -> Option<Listed> {
    let newest = sound.pop()?;
    if sound.is_empty() || is_whole(place, &newest) {
        return Some(newest);
    }
    let reaches = |listed: &Listed| oldest.is_some_and(|oldest| oldest <= replay_from(listed));
    let older = sound.into_iter().rev().find(|listed| reaches(listed) && is_whole(place, listed));
    Some(older.unwrap_or(newest))
}

fn is_whole<D: Disk>(place: &Place<D>, listed: &Listed) -> bool {
    let Some(mut frames) = checkpoint_frames(place, listed) else { return false };
    let mut is_ended = false;
    loop {
        match frames.next() {
            Found::Frame { is_mark, .. } => is_ended = is_mark,
            Found::End => return is_ended,
            Found::Damage { .. } | Found::Tail { .. } => return false,
        }
    }
}
