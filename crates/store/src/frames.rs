//! The frames of one file in their order, over damage and up to a torn end.

use core::ops::Range;

use crate::disk::DiskFile;
use crate::format::{FRAME_ALIGNMENT, FRAME_BYTES_MIN, FRAME_HEADER_BYTES, Frame, HEADER_BYTES};
use crate::window::Window;

/// Reads the frames of a file whose header is sound.
#[derive(Debug)]
pub(crate) struct Frames<F> {
    window: Window<F>,
    salt: u32,
    /// Where the next frame begins.
    offset: u64,
    /// The number that it should have.
    expected: u64,
    /// Numbers from here on were written anew in a later file.
    void_from: u64,
    /// Up to where the file was synced, as far as it can be known.
    proven: Option<u64>,
    payload: Range<u64>,
}

/// What a file has next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A sound frame; [`Frames::payload`] has its bytes.
    Frame { seq: u64, is_mark: bool, is_proof: bool },
    /// Bytes that had been synced and are not sound, and the numbers of the frames that were in them.
    Damage { offset: u64, bytes: u64, lost: Range<u64> },
    /// The rest of the file never was synced, and its first frame is not sound.
    Tail { offset: u64, bytes: u64, has_sound_frames: bool },
    /// There is nothing more.
    End,
}

impl<F: DiskFile> Frames<F> {
    /// Reads a file of which all was synced, from its first frame, whose number is `first`. Numbers from `void_from` on are of
    /// no interest.
    pub(crate) fn synced(window: Window<F>, salt: u32, first: u64, void_from: u64) -> Self {
        let proven = Some(window.length());
        Self { window, salt, offset: HEADER_BYTES as u64, expected: first, void_from, proven, payload: 0..0 }
    }

    /// Reads a file of which an end may not have been synced.
    pub(crate) fn maybe_torn(window: Window<F>, salt: u32, first: u64) -> Self {
        Self { proven: None, ..Self::synced(window, salt, first, u64::MAX) }
    }

    /// Reads a file from a frame on that was found to be sound.
    pub(crate) fn within(window: Window<F>, salt: u32, offset: u64, expected: u64) -> Self {
        Self { offset, ..Self::synced(window, salt, expected, u64::MAX) }
    }

    /// Advances to what comes next.
    pub(crate) fn next(&mut self) -> Found {
        if self.expected >= self.void_from || self.offset >= self.window.length() {
            return Found::End;
        }
        let at = self.offset;
        let Some(frame) = self.frame_at(at).filter(|frame| self.is_payload_sound(at, frame)) else {
            return self.after_damage(at);
        };
        if frame.seq < self.expected {
            return self.after_damage(at);
        }
        if frame.seq > self.expected {
            let lost = self.expected..frame.seq.min(self.void_from);
            self.expected = frame.seq;
            return Found::Damage { offset: at, bytes: 0, lost };
        }
        self.offset = at + frame.bytes();
        self.expected = frame.seq + u64::from(!frame.is_mark);
        let payload = at + FRAME_HEADER_BYTES as u64;
        self.payload = payload..payload + frame.length as u64;
        Found::Frame { seq: frame.seq, is_mark: frame.is_mark, is_proof: frame.is_proof }
    }

    /// The bytes of the frame that came last.
    pub(crate) fn payload(&mut self) -> &[u8] {
        let count = usize::try_from(self.payload_bytes()).unwrap_or(0);
        self.window.at(self.payload.start, count)
    }

    /// How many these are.
    pub(crate) const fn payload_bytes(&self) -> u64 {
        self.payload.end - self.payload.start
    }

    /// Where the frame that came last begins.
    pub(crate) const fn frame_offset(&self) -> u64 {
        self.payload.start - FRAME_HEADER_BYTES as u64
    }

    /// The number of the next frame.
    pub(crate) fn expected(&self) -> u64 {
        self.expected
    }

    /// Where the next frame begins: after the end, how much of the file is sound.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of the file.
    pub(crate) fn window(&mut self) -> &mut Window<F> {
        &mut self.window
    }

    fn after_damage(&mut self, at: u64) -> Found {
        let next = self.next_sound(at);
        let length = self.window.length();
        // What could not be read may have been sound, so it is not cut off.
        if at >= self.proven() && !self.window.has_failed() {
            self.offset = length;
            return Found::Tail { offset: at, bytes: length - at, has_sound_frames: next.is_some() };
        }
        // Without a frame behind the damage it is not known how many were in it, unless a later file tells.
        let (end, seq) = next.unwrap_or((length, self.expected));
        let lost = self.expected..seq;
        self.offset = end;
        self.expected = seq;
        Found::Damage { offset: at, bytes: end - at, lost }
    }

    /// Finds the next sound frame behind one that is not.
    fn next_sound(&mut self, bad: u64) -> Option<(u64, u64)> {
        let mut at = bad + self.frame_at(bad).map_or(FRAME_ALIGNMENT as u64, |frame| frame.bytes());
        while at < self.window.length() {
            let Some(frame) = self.frame_at(at) else {
                at += FRAME_ALIGNMENT as u64;
                continue;
            };
            if self.is_possible(&frame, at - bad) && self.is_payload_sound(at, &frame) {
                return Some((at, frame.seq));
            }
            at += frame.bytes();
        }
        None
    }

    /// Whether a frame that comes so many bytes after the expected one can have its number.
    fn is_possible(&self, frame: &Frame, bytes: u64) -> bool {
        let skipped = frame.seq.checked_sub(self.expected);
        skipped.is_some_and(|skipped| skipped <= bytes / FRAME_BYTES_MIN) && frame.seq < self.void_from
    }

    /// Up to where the file was synced: to the last frame that says so of all before it.
    fn proven(&mut self) -> u64 {
        if let Some(proven) = self.proven {
            return proven;
        }
        let mut proven = 0;
        let mut at = self.offset;
        while at < self.window.length() {
            match self.frame_at(at) {
                Some(frame) => {
                    if frame.is_proof {
                        proven = at;
                    }
                    at += frame.bytes();
                }
                None => at += FRAME_ALIGNMENT as u64,
            }
        }
        self.proven = Some(proven);
        proven
    }

    /// The frame at an offset, if what stands before its payload is sound.
    fn frame_at(&mut self, at: u64) -> Option<Frame> {
        Frame::decode(self.salt, self.window.at(at, FRAME_HEADER_BYTES))
    }

    fn is_payload_sound(&mut self, at: u64, frame: &Frame) -> bool {
        // The payload is only read if the file has it, so a length never asks for memory that the file does not justify.
        frame.bytes() <= self.window.length().saturating_sub(at)
            && frame.is_payload(self.window.at(at + FRAME_HEADER_BYTES as u64, frame.length))
    }
}
