//! A plain TCP connection.

use core::net::SocketAddr;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

/// A TCP connection with `TCP_NODELAY`: what is written leaves at once.
#[derive(Debug)]
pub(crate) struct Tcp {
    socket: TcpStream,
}

impl Tcp {
    /// Takes over an accepted, non-blocking socket.
    pub(crate) fn new(socket: TcpStream) -> Self {
        // Fails only when the connection is over already, which the first read will tell.
        let _ = socket.set_nodelay(true);
        Self { socket }
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer)
    }

    pub(crate) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [one] => self.socket.write(one), // spares the operating system the list
            several => self.socket.write_vectored(several),
        }
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }

    pub(crate) fn peer_address(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    pub(crate) fn source(&mut self) -> &mut TcpStream {
        &mut self.socket
    }
}
