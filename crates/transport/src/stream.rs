//! One connection, whatever carries it.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::{Interest, Registry, Token};

use crate::fault::{ReadError, Stage};
use crate::introduction::Introduction;
use crate::layers::Layers;
use crate::scratch::Scratch;
use crate::socket::Socket;

/// A non-blocking connection: a socket, and the layers that its listener wants.
///
/// Registered with [`mio`] it is edge-triggered: after an event, read until the answer is [`Received::Nothing`] or says
/// that it is all, and write until the answer is `None`.
///
/// A stream with layers begins with work of their own: [`Stream::stage`]. It is read all the same; when the stage is
/// over, [`Stream::introduce`] tells what was learned of the peer.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    /// None for the bare socket, which pays nothing for them.
    layers: Option<Box<Layers>>,
}

/// What came of reading once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Bytes at the start of the buffer.
    Some {
        /// How many; 0 when all that came was for a layer.
        bytes: usize,
        /// Nothing more has arrived; an event will tell when. Without, read again.
        is_all: bool,
    },
    /// Nothing has arrived; an event will tell when.
    Nothing,
    /// The peer has ended its direction.
    End,
}

impl Received {
    /// Reads from a socket into a buffer that is not empty.
    pub(crate) fn read<S: Read>(socket: &mut S, buffer: &mut [u8]) -> io::Result<Self> {
        Ok(match retrying(|| socket.read(buffer))? {
            Some(0) => Self::End,
            Some(bytes) => Self::Some { bytes, is_all: Self::is_all(bytes, buffer.len()) },
            None => Self::Nothing,
        })
    }

    /// How many bytes came.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Some { bytes, .. } => bytes,
            Self::Nothing | Self::End => 0,
        }
    }

    /// Whether a read that brought `count` bytes into a buffer of `space` has emptied the socket.
    ///
    /// So it is where an event tells of everything that arrived before it. Elsewhere only a read that finds nothing
    /// makes the next event come.
    const fn is_all(count: usize, space: usize) -> bool {
        cfg!(unix) && count < space
    }
}

impl Stream {
    /// A Unix socket that is connected already.
    ///
    /// # Errors
    /// The operating system cannot make it non-blocking.
    #[cfg(unix)]
    pub fn unix(socket: std::os::unix::net::UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self::new(Socket::Unix(mio::net::UnixStream::from_std(socket))))
    }

    pub(crate) const fn new(socket: Socket) -> Self {
        Self { socket, layers: None }
    }

    pub(crate) fn with_layers(self, layers: Layers) -> Self {
        Self { layers: Some(Box::new(layers)), ..self }
    }

    /// Reads once, into a buffer that should have room for [`READ_BYTES_MAX`](crate::READ_BYTES_MAX).
    ///
    /// # Errors
    /// [`ReadError::Io`]: the connection is over. [`ReadError::Fault`]: it makes no sense any more.
    pub fn read(&mut self, buffer: &mut [u8], scratch: &mut Scratch) -> Result<Received, ReadError> {
        match &mut self.layers {
            None => Ok(Received::read(&mut self.socket, buffer)?),
            Some(layers) => layers.read(&mut self.socket, buffer, scratch),
        }
    }

    /// Reads once and throws away what came, whatever it was. For a connection that is over.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn discard(&mut self, scratch: &mut Scratch) -> io::Result<Received> {
        Received::read(&mut self.socket, &mut scratch.raw)
    }

    /// Writes the slices one after the other, as far as the peer and the operating system take them.
    ///
    /// Answers how many bytes were taken. `None`: none could be, ask again after the next writable event. The slices have
    /// to begin with the same bytes then: layers may be in the middle of sending them.
    ///
    /// # Errors
    /// What the operating system says of the connection, such as "broken pipe". What arrived before can still be read.
    pub fn write_vectored(
        &mut self,
        slices: &[IoSlice<'_>],
        scratch: &mut Scratch,
    ) -> io::Result<Option<usize>> {
        match &mut self.layers {
            None => retrying(|| self.socket.write_vectored(slices)),
            Some(layers) => layers.write_vectored(&mut self.socket, slices, scratch),
        }
    }

    /// Writes what layers have to say for themselves. `false`: the peer does not take all of it at present, call again
    /// after the next writable event.
    ///
    /// # Errors
    /// As [`Stream::write_vectored`].
    pub fn flush(&mut self) -> io::Result<bool> {
        match &mut self.layers {
            None => Ok(true),
            Some(layers) => layers.flush(&mut self.socket),
        }
    }

    /// Whether layers have something that the socket has not taken. [`Stream::flush`] it after the next writable event.
    pub fn has_unsent(&self) -> bool {
        self.layers.as_ref().is_some_and(|layers| layers.has_unsent())
    }

    /// Tells the peer that nothing more will be written, in the words of every layer. What comes from then on is only
    /// to be [discarded](Stream::discard).
    ///
    /// `false`: the peer does not take the words at present, call again after the next writable event.
    ///
    /// # Errors
    /// The connection is over already.
    pub fn finish(&mut self) -> io::Result<bool> {
        if let Some(layers) = &mut self.layers
            && !layers.finish(&mut self.socket)?
        {
            return Ok(false);
        }
        self.socket.shutdown(Shutdown::Write).map(|()| true)
    }

    /// Whether there are layers, which have words of their own for the end: see [`Stream::finish`].
    pub const fn has_layers(&self) -> bool {
        self.layers.is_some()
    }

    /// What the layers wait for before anything is meant for the reader; `None` when that is over.
    pub fn stage(&self) -> Option<Stage> {
        self.layers.as_ref()?.stage()
    }

    /// What the layers learned of the peer. Ask when [`Stream::stage`] is over; nothing is told twice.
    pub fn introduce(&mut self) -> Introduction {
        let introduction = self.layers.as_mut().map(|layers| layers.introduce()).unwrap_or_default();
        self.layers.take_if(|layers| layers.are_done());
        introduction
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
