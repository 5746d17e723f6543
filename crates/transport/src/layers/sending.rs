//! The way down: from the bytes of the sender to those that the socket takes.
//!
//! What a layer makes of bytes that are to be sent has to be kept until the socket takes it. The sender is told only then
//! that they are sent: they are in its own buffer all the time and count against the limit that it has. So a slow client
//! makes it wait here as it does on a bare socket.

use std::io::{self, IoSlice, Write};

use super::{Layers, Web};
use crate::scratch::Scratch;
use crate::stream::retrying;
use crate::websocket::{Frames, SENT_HEAD_BYTES_MAX};

/// Bytes that are encrypted at once. A stream keeps no more than these, encrypted, for a client that does not take them.
pub const SEALED_BYTES_MAX: usize = 64 << 10;
/// Slices that one frame is made of, at most.
const SLICES_PER_FRAME_MAX: usize = 64;

impl Layers {
    /// Writes as far as the socket takes it. `None`: call again after the next writable event, with slices that begin
    /// with the same bytes.
    pub(crate) fn write_vectored<S: Write>(
        &mut self,
        socket: &mut S,
        slices: &[IoSlice<'_>],
        scratch: &mut Scratch,
    ) -> io::Result<Option<usize>> {
        if !self.flush(socket)? {
            return Ok(None);
        }
        if self.promised > 0 {
            return Ok(Some(self.keep_promise(slices)));
        }
        let frames = match self.web.as_deref_mut() {
            Some(Web::Frames(frames)) => Some(frames),
            _ => None,
        };
        let Some(secure) = &mut self.secure else {
            let Some(frames) = frames else { return retrying(|| socket.write_vectored(slices)) };
            let written = write_frame(frames, socket, slices)?;
            self.flush(socket)?; // A pong may have waited for the end of the frame.
            return Ok(written);
        };
        self.promised = gather(slices, frames, &mut scratch.plain);
        scratch.sealed.clear();
        secure.send(&scratch.plain, &mut scratch.sealed).map_err(io::Error::other)?;
        let is_sent = self.unsent.send(socket, &scratch.sealed)?;
        Ok(is_sent.then(|| self.keep_promise(slices)))
    }

    /// All that was unsent is sent: the sender may know of its bytes in it, as far as it offers them again.
    fn keep_promise(&mut self, slices: &[IoSlice<'_>]) -> usize {
        let told = self.promised.min(total(slices));
        self.promised -= told;
        told
    }

    /// Writes what is left of earlier calls, and what WebSocket has to say for itself. `false`: the socket does not take
    /// all of it.
    pub(crate) fn flush<S: Write>(&mut self, socket: &mut S) -> io::Result<bool> {
        loop {
            if !self.unsent.flush(socket)? {
                return Ok(false);
            }
            // Only when nothing is unsent, so that a peer that sends many pings and reads nothing costs nothing.
            let Some(control) = self.take_control() else { return Ok(true) };
            self.say(&control);
        }
    }

    /// Tells the peer, in the words of every layer, that nothing more comes. `false`: the socket does not take them.
    pub(crate) fn finish<S: Write>(&mut self, socket: &mut S) -> io::Result<bool> {
        if !core::mem::replace(&mut self.has_finished, true) {
            if let Some(Web::Frames(frames)) = self.web.as_deref_mut() {
                frames.finish();
            }
            while let Some(control) = self.take_control() {
                self.say(&control);
            }
            if let Some(secure) = &mut self.secure {
                secure.close(self.unsent.bytes());
            }
        }
        self.unsent.flush(socket)
    }

    /// Whether something waits for the socket to take it.
    pub(crate) fn has_unsent(&self) -> bool {
        let has_control = matches!(self.web.as_deref(), Some(Web::Frames(frames)) if frames.has_control());
        has_control || !self.unsent.is_empty()
    }

    fn take_control(&mut self) -> Option<Vec<u8>> {
        match self.web.as_deref_mut()? {
            Web::Frames(frames) => frames.take_control(),
            Web::Upgrade(_) => None,
        }
    }

    /// Puts bytes behind those that are unsent, encrypted if there is TLS.
    pub(super) fn say(&mut self, bytes: &[u8]) {
        let unsent = self.unsent.bytes();
        match &mut self.secure {
            None => unsent.extend_from_slice(bytes),
            Some(secure) => {
                // A connection that cannot be written to any more is about to end.
                let _ = secure.send(bytes, unsent);
            }
        }
    }
}

fn total(slices: &[IoSlice<'_>]) -> usize {
    slices.iter().map(|slice| slice.len()).sum()
}

/// Puts together what is encrypted at once: the slices, in one frame if there are frames. Answers how many bytes of the
/// slices it holds.
fn gather(slices: &[IoSlice<'_>], frames: Option<&mut Frames>, plain: &mut Vec<u8>) -> usize {
    plain.clear();
    let head_len = if frames.is_some() { SENT_HEAD_BYTES_MAX } else { 0 };
    let len = total(slices).min(SEALED_BYTES_MAX - head_len);
    if let Some(frames) = frames
        && len > 0
    {
        let (head, _) = frames.frame(len as u64);
        plain.extend_from_slice(head);
        frames.sent(plain.len() + len);
    }
    let mut left = len;
    for slice in slices {
        let taken = slice.len().min(left);
        plain.extend_from_slice(&slice[..taken]);
        left -= taken;
    }
    len
}

/// Writes slices as a frame, or what is left of one that has begun, as far as the socket takes it.
fn write_frame<S: Write>(
    frames: &mut Frames,
    socket: &mut S,
    slices: &[IoSlice<'_>],
) -> io::Result<Option<usize>> {
    let slices = &slices[..slices.len().min(SLICES_PER_FRAME_MAX)];
    let offered = total(slices);
    if offered == 0 {
        return Ok(Some(0));
    }
    let (head, left) = frames.frame(offered as u64);
    let mut left = usize::try_from(left).unwrap_or(usize::MAX);
    let mut list = [IoSlice::new(&[]); 1 + SLICES_PER_FRAME_MAX];
    list[0] = IoSlice::new(head);
    for (place, slice) in list[1..].iter_mut().zip(slices) {
        let len = slice.len().min(left);
        *place = IoSlice::new(&slice[..len]);
        left -= len;
    }
    let first = usize::from(head.is_empty());
    let Some(count) = retrying(|| socket.write_vectored(&list[first..=slices.len()]))? else {
        return Ok(None);
    };
    let told = frames.sent(count);
    Ok((told > 0).then_some(told))
}
