//! One connection, whatever carries it.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::{Interest, Registry, Token};

use crate::socket::Socket;

/// A non-blocking connection.
///
/// Registered with [`mio`] it is edge-triggered: after an event, read or write until the answer is `None`.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
}

impl Stream {
    pub(crate) const fn new(socket: Socket) -> Self {
        Self { socket }
    }

    /// Reads what has arrived, at most `buffer.len()` bytes.
    ///
    /// `Some(0)` for a non-empty buffer: the peer has ended its direction. `None`: nothing has arrived.
    ///
    /// # Errors
    /// What the operating system says of the connection, such as "connection reset by peer". It is over then.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        retrying(|| self.socket.read(buffer))
    }

    /// Writes the slices one after the other, as far as the peer and the operating system take them.
    ///
    /// Answers how many bytes were taken. `None`: none could be, ask again after the next writable event.
    ///
    /// # Errors
    /// What the operating system says of the connection, such as "broken pipe". What arrived before can still be read.
    pub fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        retrying(|| self.socket.write_vectored(slices))
    }

    /// Tells the peer that nothing more will be written. Reading goes on.
    ///
    /// # Errors
    /// The connection is over already.
    pub fn shutdown_write(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }
}

impl Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.source().register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.source().reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.source().deregister(registry)
    }
}

/// Tries again when a signal came in between; answers `None` when the call would have to wait.
pub(crate) fn retrying(mut attempt: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match attempt() {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_repeated_and_a_waiting_one_is_none() {
        let mut calls = 0;
        let answer = retrying(|| {
            calls += 1;
            if calls < 3 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(7) }
        });
        assert_eq!((answer.unwrap(), calls), (Some(7), 3));
        assert_eq!(retrying(|| Err(io::ErrorKind::WouldBlock.into())).unwrap(), None);
        assert_eq!(
            retrying(|| Err(io::ErrorKind::BrokenPipe.into())).unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }
}
