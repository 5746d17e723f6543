//! Bound addresses, and what several event loops need to accept connections from one of them.

use core::net::SocketAddr;
use std::io;
use std::net::TcpListener;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::stream::Stream;
use crate::tcp::Tcp;

/// Connections that the operating system keeps until they are accepted; it may have a lower bound of its own.
pub const BACKLOG: i32 = 4096;

/// A bound TCP address.
///
/// Only one program can be bound to an address: `SO_REUSEPORT` is not set, `SO_REUSEADDR` only lets a restarted
/// program have its address at once. The address is free again when the listener and all its acceptors are dropped.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
}

impl Listener {
    /// Binds to `address` and listens. Port 0 lets the operating system choose, see [`Listener::local_addr`].
    ///
    /// An IPv6 address takes IPv6 connections only (`IPV6_V6ONLY`), whatever the machine's default is.
    ///
    /// # Errors
    /// What the operating system says: the address is in use, is not one of this machine, needs privileges.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // Elsewhere than on Unix this option lets a second program take the address away.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self { socket: socket.into() })
    }

    /// The address that it is bound to, with the port that was chosen.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Makes one event loop's share: each connection is accepted by one of the shares, the first that asks.
    ///
    /// # Errors
    /// No file descriptor is left.
    pub fn acceptor(&self) -> io::Result<Acceptor> {
        Ok(Acceptor { socket: mio::net::TcpListener::from_std(self.socket.try_clone()?) })
    }
}

/// One event loop's share of a [`Listener`].
///
/// Registered with [`mio`] it is edge-triggered: after an event, accept until the answer is `None`.
#[derive(Debug)]
pub struct Acceptor {
    socket: mio::net::TcpListener,
}

impl Acceptor {
    /// Accepts the next connection, if one is waiting. It is non-blocking and has `TCP_NODELAY` set.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionAborted`] when that connection is over already: go on with the next one.
    /// Anything else means that connections cannot be accepted for a while, such as no file descriptor being left;
    /// the waiting ones keep waiting and there will be no event for them.
    pub fn accept(&self) -> io::Result<Option<(Stream, SocketAddr)>> {
        loop {
            match self.socket.accept() {
                Ok((socket, address)) => return Ok(Some((Stream::tcp(Tcp::new(socket)), address))),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Source for Acceptor {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.deregister(registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{IoSlice, Read, Write};
    use std::net::TcpStream;

    fn any_port() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    /// Accepts once the connection has arrived, which a loopback `connect` does not guarantee.
    fn accept(acceptor: &Acceptor) -> (Stream, SocketAddr) {
        loop {
            if let Some(accepted) = acceptor.accept().unwrap() {
                return accepted;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_second_listener_on_an_address_is_told_that_it_is_in_use() {
        let first = Listener::bind(any_port()).unwrap();
        let _share = first.acceptor().unwrap();
        let error = Listener::bind(first.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_address_is_free_again_after_listener_and_acceptors_are_gone() {
        let first = Listener::bind(any_port()).unwrap();
        let share = first.acceptor().unwrap();
        let address = first.local_addr().unwrap();
        drop((first, share));
        Listener::bind(address).unwrap();
    }

    #[test]
    fn bytes_go_both_ways_and_the_end_is_seen() {
        let listener = Listener::bind(any_port()).unwrap();
        let acceptor = listener.acceptor().unwrap();
        assert!(acceptor.accept().unwrap().is_none());
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut stream, address) = accept(&acceptor);
        assert_eq!(address, peer.local_addr().unwrap());
        assert_eq!(stream.peer_address(), Some(address));

        let mut buffer = [0; 16];
        assert_eq!(stream.read(&mut buffer).unwrap(), None);
        let written = stream.write_vectored(&[IoSlice::new(b"one "), IoSlice::new(b"two")]).unwrap();
        assert_eq!(written, Some(7));
        stream.shutdown_write().unwrap();
        let mut received = String::new();
        peer.read_to_string(&mut received).unwrap();
        assert_eq!(received, "one two");

        peer.write_all(b"three").unwrap();
        drop(peer);
        let mut arrived = Vec::new();
        loop {
            match stream.read(&mut buffer).unwrap() {
                Some(0) => break,
                Some(count) => arrived.extend_from_slice(&buffer[..count]),
                None => std::thread::yield_now(),
            }
        }
        assert_eq!(arrived, b"three");
    }
}
