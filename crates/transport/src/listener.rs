//! Where connections come in: bound addresses and paths, and what several event loops need to accept from one of them.

use core::net::SocketAddr;
use std::io;
use std::net::TcpListener;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::Path;
#[cfg(unix)]
use std::sync::Arc;

use mio::event::Source;
use mio::{Interest, Registry, Token};
#[cfg(target_os = "linux")]
use rustix::event::epoll::{self, EventData, EventFlags};
use socket2::{Domain, Protocol, Socket, Type};

use crate::socket;
use crate::stream::Stream;
#[cfg(unix)]
use crate::unix::{self, SocketFile};

/// Connections that the operating system keeps until they are accepted; it may have a lower bound of its own.
pub const BACKLOG: i32 = 4096;

/// A bound TCP address, or a bound path.
///
/// Only one program can be bound to it: `SO_REUSEPORT` is not set, `SO_REUSEADDR` only lets a restarted program have
/// its address at once. The address is free again, and the file at the path is gone, when the listener and all its
/// acceptors are dropped.
#[derive(Debug)]
pub struct Listener {
    socket: Bound,
}

#[derive(Debug)]
enum Bound {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, Arc<SocketFile>),
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
        Ok(Self { socket: Bound::Tcp(socket.into()) })
    }

    /// Makes a Unix socket at `path` with the permissions `mode` and listens.
    ///
    /// A socket that is there already is replaced if nobody listens on it.
    ///
    /// # Errors
    /// What the operating system says: somebody listens there or there is another file, the directory cannot be written
    /// to, the path is too long (about 100 bytes).
    #[cfg(unix)]
    pub fn bind_unix(path: &Path, mode: u32) -> io::Result<Self> {
        let (socket, file) = unix::listen(path, mode)?;
        Ok(Self { socket: Bound::Unix(socket, Arc::new(file)) })
    }

    /// The address that it is bound to, with the port that was chosen; `None` if it is a path.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn local_addr(&self) -> io::Result<Option<SocketAddr>> {
        match &self.socket {
            Bound::Tcp(socket) => socket.local_addr().map(Some),
            #[cfg(unix)]
            Bound::Unix(..) => Ok(None),
        }
    }

    /// Makes one event loop's share: each connection is accepted by one of the shares, the first that asks.
    ///
    /// # Errors
    /// No file descriptor is left.
    pub fn acceptor(&self) -> io::Result<Acceptor> {
        let socket = match &self.socket {
            Bound::Tcp(socket) => Share::Tcp(mio::net::TcpListener::from_std(socket.try_clone()?)),
            #[cfg(unix)]
            Bound::Unix(socket, file) => {
                Share::Unix(mio::net::UnixListener::from_std(socket.try_clone()?), Arc::clone(file))
            }
        };
        Ok(Acceptor { socket })
    }
}

/// One event loop's share of a [`Listener`].
///
/// Registered with [`mio`] it is edge-triggered: after an event, accept until the answer is `None`. On Linux a connection
/// wakes only one of the event loops that wait.
#[derive(Debug)]
pub struct Acceptor {
    socket: Share,
}

#[derive(Debug)]
enum Share {
    Tcp(mio::net::TcpListener),
    /// With the file, which stays as long as anyone accepts.
    #[cfg(unix)]
    Unix(mio::net::UnixListener, #[expect(dead_code, reason = "held for its end")] Arc<SocketFile>),
}

impl Acceptor {
    /// Accepts the next connection, if one is waiting, and tells its address, if it has one. It is non-blocking; a
    /// TCP connection has `TCP_NODELAY` set.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionAborted`] when that connection is over already: go on with the next one.
    /// Anything else means that connections cannot be accepted for a while, such as no file descriptor being left;
    /// the waiting ones keep waiting and there will be no event for them.
    pub fn accept(&self) -> io::Result<Option<(Stream, Option<SocketAddr>)>> {
        loop {
            match self.socket.accept() {
                Ok((socket, address)) => return Ok(Some((Stream::new(socket), address))),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Share {
    fn accept(&self) -> io::Result<(socket::Socket, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (socket, address) = listener.accept()?;
                Ok((socket::Socket::tcp(socket), Some(address)))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => Ok((socket::Socket::Unix(listener.accept()?.0), None)),
        }
    }

    #[cfg(target_os = "linux")]
    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener, _) => listener.as_fd(),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(listener) => listener,
            #[cfg(unix)]
            Self::Unix(listener, _) => listener,
        }
    }
}

/// As [`mio`] does for a listener of its own, but with `EPOLLEXCLUSIVE`, which it lacks: without that each connection wakes all
/// event loops, for one of them.
#[cfg(target_os = "linux")]
impl Source for Acceptor {
    fn register(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        let events = EventFlags::IN | EventFlags::ET | EventFlags::EXCLUSIVE;
        let data = EventData::new_u64(token.0.try_into().map_err(io::Error::other)?);
        Ok(epoll::add(registry, self.socket.descriptor(), data, events)?)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.deregister(registry)?;
        self.register(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        Ok(epoll::delete(registry, self.socket.descriptor())?)
    }
}

#[cfg(not(target_os = "linux"))]
impl Source for Acceptor {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Received, Scratch};
    use std::io::{IoSlice, Read, Write};
    use std::net::TcpStream;

    fn any_port() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    fn address(listener: &Listener) -> SocketAddr {
        listener.local_addr().unwrap().unwrap()
    }

    /// Accepts once the connection has arrived, which a loopback `connect` does not guarantee.
    fn accept(acceptor: &Acceptor) -> (Stream, Option<SocketAddr>) {
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
        let error = Listener::bind(address(&first)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_address_is_free_again_after_listener_and_acceptors_are_gone() {
        let first = Listener::bind(any_port()).unwrap();
        let share = first.acceptor().unwrap();
        let address = address(&first);
        drop((first, share));
        Listener::bind(address).unwrap();
    }

    /// The system says how it watches a descriptor: 1 << 28 is `EPOLLEXCLUSIVE`, 1 << 31 `EPOLLET`, 1 `EPOLLIN`.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_wakes_one_event_loop() {
        use std::os::fd::AsRawFd;
        let listener = Listener::bind(any_port()).unwrap();
        let mut polls: Vec<_> =
            (0..2).map(|_| (mio::Poll::new().unwrap(), listener.acceptor().unwrap())).collect();
        for (poll, acceptor) in &mut polls {
            poll.registry().register(acceptor, Token(7), Interest::READABLE).unwrap();
            let watched = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", poll.as_raw_fd())).unwrap();
            let word =
                |name: &str| watched.split_whitespace().skip_while(|word| *word != name).nth(1).unwrap();
            assert_eq!(
                u32::from_str_radix(word("events:"), 16).unwrap() & !0x18,
                1 << 31 | 1 << 28 | 1,
                "{watched}"
            );
        }
        let _peer = TcpStream::connect(address(&listener)).unwrap();
        let (poll, acceptor) = &mut polls[0];
        let mut events = mio::Events::with_capacity(1);
        poll.poll(&mut events, None).unwrap();
        assert_eq!(events.iter().next().map(mio::event::Event::token), Some(Token(7)));
        accept(acceptor);
        poll.registry().deregister(acceptor).unwrap();
    }

    #[test]
    fn bytes_go_both_ways_and_the_end_is_seen() {
        let listener = Listener::bind(any_port()).unwrap();
        let acceptor = listener.acceptor().unwrap();
        assert!(acceptor.accept().unwrap().is_none());
        let mut peer = TcpStream::connect(address(&listener)).unwrap();
        let (mut stream, address) = accept(&acceptor);
        assert_eq!(address, Some(peer.local_addr().unwrap()));

        let (mut buffer, mut scratch) = ([0; 16], Scratch::default());
        assert_eq!(stream.read(&mut buffer, &mut scratch).unwrap(), Received::Nothing);
        let slices = [IoSlice::new(b"one "), IoSlice::new(b"two")];
        let written = stream.write_vectored(&slices, &mut scratch).unwrap();
        assert_eq!(written, Some(7));
        assert!(stream.finish().unwrap());
        let mut received = String::new();
        peer.read_to_string(&mut received).unwrap();
        assert_eq!(received, "one two");

        peer.write_all(b"three").unwrap();
        drop(peer);
        let mut arrived = Vec::new();
        loop {
            match stream.read(&mut buffer, &mut scratch).unwrap() {
                Received::End => break,
                Received::Some { bytes, .. } => arrived.extend_from_slice(&buffer[..bytes]),
                Received::Nothing => std::thread::yield_now(),
            }
        }
        assert_eq!(arrived, b"three");
    }
}
