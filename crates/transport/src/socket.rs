//! One connected socket, as the operating system has it.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;

/// A connected, non-blocking socket.
#[derive(Debug)]
pub(crate) enum Socket {
    /// TCP with `TCP_NODELAY`: what is written leaves at once.
    Tcp(TcpStream),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// Takes over an accepted, non-blocking TCP connection.
    pub(crate) fn tcp(socket: TcpStream) -> Self {
        // Fails only when the connection is over already, which the first read will tell.
        let _ = socket.set_nodelay(true);
        Self::Tcp(socket)
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.shutdown(how),
            #[cfg(unix)]
            Self::Unix(socket) => socket.shutdown(how),
        }
    }

    /// What [`mio`] watches.
    pub(crate) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(socket) => socket,
            #[cfg(unix)]
            Self::Unix(socket) => socket,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            #[cfg(unix)]
            Self::Unix(socket) => socket.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            #[cfg(unix)]
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if let [one] = slices {
            return self.write(one); // spares the operating system the list
        }
        match self {
            Self::Tcp(socket) => socket.write_vectored(slices),
            #[cfg(unix)]
            Self::Unix(socket) => socket.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
