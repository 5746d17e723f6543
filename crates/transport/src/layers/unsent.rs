//! Bytes that a socket has not taken.

use std::io::{self, Write};

use crate::stream::retrying;

/// Bytes for a socket that it has not taken. It has memory only while there are some.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: Vec<u8>,
    /// How many of them were sent.
    sent: usize,
}

impl Unsent {
    /// Where further bytes are appended.
    pub(super) const fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes what there is. `false`: the socket does not take all of it.
    pub(super) fn flush<S: Write>(&mut self, socket: &mut S) -> io::Result<bool> {
        self.sent += write(socket, self.bytes.get(self.sent..).unwrap_or_default())?;
        let is_done = self.sent == self.bytes.len();
        if is_done && self.sent > 0 {
            *self = Self::default();
        }
        Ok(is_done)
    }

    /// Writes bytes while nothing is unsent, and keeps what the socket does not take.
    pub(super) fn send<S: Write>(&mut self, socket: &mut S, bytes: &[u8]) -> io::Result<bool> {
        debug_assert!(self.is_empty(), "bytes would overtake others");
        let sent = write(socket, bytes)?;
        self.bytes.extend_from_slice(&bytes[sent..]);
        Ok(self.is_empty())
    }
}

/// Writes as much as the socket takes, and answers how much that is.
fn write<S: Write>(socket: &mut S, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match retrying(|| socket.write(&bytes[sent..]))? {
            Some(0) | None => break,
            Some(count) => sent += count,
        }
    }
    Ok(sent)
}
