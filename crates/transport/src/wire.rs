//! A socket in memory, for tests: the other end hands bytes in and takes bytes out, as many at once as the test wants.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

/// This end of a connection in memory.
#[derive(Debug)]
pub(crate) struct Wire {
    /// What the other end has sent.
    pub(crate) incoming: VecDeque<u8>,
    /// The other end has ended its direction.
    pub(crate) is_ended: bool,
    /// How many bytes one read gives at most.
    pub(crate) gives: usize,
    /// What was written.
    pub(crate) outgoing: Vec<u8>,
    /// How many bytes it takes before it is full.
    pub(crate) takes: usize,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            incoming: VecDeque::new(),
            is_ended: false,
            gives: usize::MAX,
            outgoing: Vec::new(),
            takes: usize::MAX,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() && !self.is_ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let room = buffer.len().min(self.gives);
        self.incoming.read(&mut buffer[..room])
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.takes);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.takes -= count;
        self.outgoing.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
