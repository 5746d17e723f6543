//! What stands between a socket and the bytes that are meant for its reader.
//!
//! Layers take the bytes of a socket and give others: the PROXY protocol, then TLS. Each is a value without I/O; this
//! module carries the bytes from the socket through all of them, and back.
//!
//! What a layer makes of bytes that are to be sent has to be kept until the socket takes it. The sender is told only then
//! that they are sent: they are in its own buffer all the time and count against the limit that it has. So a slow client
//! makes it wait here as it does on a bare socket.

use std::io::{self, IoSlice, Read, Write};

use crate::fault::{Fault, ReadError, Stage};
use crate::introduction::Introduction;
use crate::progress::{Progress, Stop};
use crate::proxy::{Proxy, ProxyOptions};
use crate::scratch::Scratch;
use crate::stream::{Received, retrying};
use crate::tls::Tls;

/// Bytes that are encrypted at once. A stream keeps no more than these, encrypted, for a client that does not take them.
pub const SEALED_BYTES_MAX: usize = 64 << 10;

/// The layers of one stream.
#[derive(Debug)]
pub(crate) struct Layers {
    /// The PROXY protocol, until its header is complete.
    proxy: Option<Box<Proxy>>,
    tls: Option<Box<Tls>>,
    /// What the layers learned of the peer, until someone takes it.
    introduction: Option<Box<Introduction>>,
    /// Bytes for the socket that it has not taken.
    unsent: Unsent,
    /// How many of the sender's bytes are in `unsent`. It has not been told that they are sent.
    promised: usize,
    /// What comes behind the bytes that were read last.
    stop: Option<Box<Stop>>,
    /// The reader was told that nothing comes any more.
    has_stopped: bool,
    /// The peer was told that nothing comes any more.
    has_finished: bool,
}

impl Layers {
    pub(crate) fn new(proxy: Option<ProxyOptions>, tls: Option<Tls>) -> Self {
        Self {
            proxy: proxy.map(|options| Box::new(Proxy::new(options))),
            tls: tls.map(Box::new),
            introduction: None,
            unsent: Unsent::default(),
            promised: 0,
            stop: None,
            has_stopped: false,
            has_finished: false,
        }
    }

    /// Reads once from the socket. What is meant for the reader comes into `buffer`.
    pub(crate) fn read<S: Read + Write>(
        &mut self,
        socket: &mut S,
        buffer: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<Received, ReadError> {
        if let Some(stop) = self.stop.take() {
            return self.end(*stop);
        }
        if self.has_stopped {
            return Ok(Received::End);
        }
        let space = buffer.len().min(scratch.raw.len());
        let raw = &mut scratch.raw[..space];
        let kept = match self.tls.as_ref().map_or(Ok(0), |tls| tls.restore(raw)) {
            Ok(kept) => kept,
            Err(fault) => return self.end(Stop::Failed(fault.into())),
        };
        let Some(count) = retrying(|| socket.read(&mut raw[kept..]))? else { return Ok(Received::Nothing) };
        if count == 0 {
            return Ok(Received::End);
        }
        let progress = self.receive(&mut raw[..kept + count], buffer);
        // If that fails, the next read or write tells.
        let _ = self.unsent.flush(socket);
        match progress {
            Progress { bytes, stop: None } => {
                Ok(Received::Some { bytes, is_all: Received::is_all(count, space - kept) })
            }
            Progress { bytes: 0, stop: Some(stop) } => self.end(stop),
            Progress { bytes, stop: Some(stop) } => {
                self.stop = Some(Box::new(stop));
                Ok(Received::Some { bytes, is_all: false })
            }
        }
    }

    /// Carries raw bytes up through all layers.
    fn receive(&mut self, raw: &mut [u8], buffer: &mut [u8]) -> Progress {
        let mut rest = raw;
        if let Some(proxy) = &mut self.proxy {
            match proxy.receive(rest) {
                Ok(None) => return Progress { bytes: 0, stop: None },
                Ok(Some((len, introduction))) => {
                    self.proxy = None;
                    self.introduction = Some(Box::new(introduction));
                    rest = &mut rest[len..];
                }
                Err(fault) => return Progress::stopped(0, Stop::Failed(Fault::Proxy(fault))),
            }
        }
        let Some(tls) = &mut self.tls else {
            buffer[..rest.len()].copy_from_slice(rest);
            return Progress { bytes: rest.len(), stop: None };
        };
        let was_handshaking = tls.is_handshaking();
        let progress = tls.receive(rest, buffer, &mut self.unsent.bytes);
        if was_handshaking && !tls.is_handshaking() {
            self.introduction.get_or_insert_default().tls = Some(tls.facts());
        }
        progress
    }

    fn end(&mut self, stop: Stop) -> Result<Received, ReadError> {
        self.has_stopped = true;
        match stop {
            Stop::Ended => Ok(Received::End),
            Stop::Failed(fault) => Err(fault.into()),
        }
    }

    /// Writes as far as the socket takes it. `None`: call again after the next writable event, with slices that begin
    /// with the same bytes.
    pub(crate) fn write_vectored<S: Write>(
        &mut self,
        socket: &mut S,
        slices: &[IoSlice<'_>],
        scratch: &mut Scratch,
    ) -> io::Result<Option<usize>> {
        if !self.unsent.flush(socket)? {
            return Ok(None);
        }
        if self.promised > 0 {
            return Ok(Some(self.keep_promise(slices)));
        }
        let Some(tls) = &mut self.tls else { return retrying(|| socket.write_vectored(slices)) };
        scratch.plain.clear();
        for slice in slices {
            let room = SEALED_BYTES_MAX - scratch.plain.len();
            scratch.plain.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        scratch.sealed.clear();
        tls.send(&scratch.plain, &mut scratch.sealed).map_err(io::Error::other)?;
        self.promised = scratch.plain.len();
        if self.unsent.send(socket, &scratch.sealed)? {
            Ok(Some(self.keep_promise(slices)))
        } else {
            Ok(None)
        }
    }

    /// All that was unsent is sent: the sender may know of its bytes in it, as far as it offers them again.
    fn keep_promise(&mut self, slices: &[IoSlice<'_>]) -> usize {
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let told = self.promised.min(offered);
        self.promised -= told;
        told
    }

    /// Writes what is left of earlier calls. `false`: the socket does not take all of it.
    pub(crate) fn flush<S: Write>(&mut self, socket: &mut S) -> io::Result<bool> {
        self.unsent.flush(socket)
    }

    /// Tells the peer, in the words of every layer, that nothing more comes. `false`: the socket does not take them.
    pub(crate) fn finish<S: Write>(&mut self, socket: &mut S) -> io::Result<bool> {
        if !core::mem::replace(&mut self.has_finished, true)
            && let Some(tls) = &mut self.tls
        {
            tls.close(&mut self.unsent.bytes);
        }
        self.unsent.flush(socket)
    }

    /// Whether something waits for the socket to take it.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.bytes.is_empty()
    }

    /// What the layers wait for before anything is meant for the reader.
    pub(crate) fn stage(&self) -> Option<Stage> {
        if self.proxy.is_some() {
            Some(Stage::Proxy)
        } else if self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            Some(Stage::Tls)
        } else {
            None
        }
    }

    /// What the layers learned of the peer; nothing if it was asked for before.
    pub(crate) fn introduce(&mut self) -> Introduction {
        self.introduction.take().map(|introduction| *introduction).unwrap_or_default()
    }

    /// Whether all layers are through and bytes pass as they are.
    pub(crate) fn are_done(&self) -> bool {
        self.proxy.is_none() && self.tls.is_none() && !self.has_unsent()
    }
}

/// Bytes for a socket that it has not taken. It has memory only while there are some.
#[derive(Debug, Default)]
struct Unsent {
    bytes: Vec<u8>,
    /// How many of them were sent.
    sent: usize,
}

impl Unsent {
    /// Writes what there is. `false`: the socket does not take all of it.
    fn flush<S: Write>(&mut self, socket: &mut S) -> io::Result<bool> {
        while self.sent < self.bytes.len() {
            match retrying(|| socket.write(&self.bytes[self.sent..]))? {
                Some(0) | None => return Ok(false),
                Some(count) => self.sent += count,
            }
        }
        if self.sent > 0 {
            *self = Self::default();
        }
        Ok(true)
    }

    /// Writes bytes while nothing is unsent, and keeps what the socket does not take.
    fn send<S: Write>(&mut self, socket: &mut S, bytes: &[u8]) -> io::Result<bool> {
        debug_assert!(self.bytes.is_empty(), "bytes would overtake others");
        let mut sent = 0;
        while sent < bytes.len() {
            match retrying(|| socket.write(&bytes[sent..]))? {
                Some(0) | None => {
                    self.bytes.extend_from_slice(&bytes[sent..]);
                    return Ok(false);
                }
                Some(count) => sent += count,
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
