//! The HTTP API: what the broker tells of itself to programs and browsers, and files from a folder.
//!
//! One thread serves all listeners with `protocol http_api`, apart from the shards. It understands GET alone. Connections,
//! requests and times are bounded by the constants here and in its modules.

mod connection;
mod files;
mod gate;
mod pages;
mod request;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use martlet_engine::Instant;
use martlet_transport::{Acceptor, READ_BYTES_MAX, Scratch};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::clock::Clock;
use crate::entrance::Entrance;
use crate::options::Wording;
use crate::reception::{Arrival, Reception};
use connection::{Connection, Progress};
pub(crate) use gate::Gate;
pub(crate) use pages::Pages;

/// Connections at a time; further ones are closed.
const CONNECTIONS_MAX: usize = 64;
/// Events that one wait brings at most; further ones come with the next.
const EVENTS_PER_TURN_MAX: usize = 64;
const WAKER: Token = Token(usize::MAX);

/// The token of a share of a listener, and the way back.
const fn door(number: usize) -> Token {
    Token(usize::MAX - 1 - number)
}

/// The thread. Its end comes with [`HttpThread::stop`].
pub(crate) struct HttpThread {
    is_stopped: Arc<AtomicBool>,
    waker: Waker,
    thread: JoinHandle<()>,
}

impl HttpThread {
    /// Starts it.
    ///
    /// # Errors
    /// The operating system lacks what it needs.
    pub(crate) fn start(
        acceptors: Vec<(Arc<Entrance>, Acceptor)>,
        clock: Clock,
        pages: Pages,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let is_stopped = Arc::new(AtomicBool::new(false));
        let server = Server {
            reception: Reception::open(acceptors, poll.registry(), door, Wording::Own, false)?,
            poll,
            clock,
            pages,
            connections: core::iter::repeat_with(|| None).take(CONNECTIONS_MAX).collect(),
            busy: Vec::new(),
            read_buffer: vec![0; READ_BYTES_MAX].into(),
            scratch: Scratch::default(),
        };
        let stopped = Arc::clone(&is_stopped);
        let run = move || {
            if let Err(error) = server.run(&stopped) {
                tracing::error!(%error, "the HTTP API cannot go on");
            }
        };
        let thread = thread::Builder::new().name("http".into()).spawn(run)?;
        Ok(Self { is_stopped, waker, thread })
    }

    /// Ends it. What is under way is cut off.
    pub(crate) fn stop(self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "cannot wake the HTTP API");
            return;
        }
        // If it has panicked, the log has it, and nobody depends on it.
        let _ = self.thread.join();
    }
}

struct Server {
    poll: Poll,
    reception: Reception,
    clock: Clock,
    pages: Pages,
    /// By their tokens.
    connections: Box<[Option<Connection>]>,
    /// Connections that have more to do without an event.
    busy: Vec<usize>,
    read_buffer: Box<[u8]>,
    scratch: Scratch,
}

impl Server {
    fn run(mut self, is_stopped: &AtomicBool) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN_MAX);
        while !is_stopped.load(Ordering::Relaxed) {
            let timeout = self.time_to_wait();
            match self.poll.poll(&mut events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let now = self.clock.now();
            let mut due = core::mem::take(&mut self.busy);
            for event in &events {
                match event.token() {
                    WAKER => {}
                    Token(place) if place < CONNECTIONS_MAX => due.push(place),
                    Token(other) => self.reception.ring(door(0).0.wrapping_sub(other)),
                }
            }
            due.sort_unstable();
            due.dedup();
            for place in due {
                self.advance(now, place);
            }
            self.accept(now);
            self.end_overdue(now);
        }
        Ok(())
    }

    fn accept(&mut self, now: Instant) {
        while let Some(Arrival { mut stream, peer }) = self.reception.accept(now) {
            let Some(place) = self.connections.iter().position(Option::is_none) else {
                tracing::info!(listener = peer.listener, "connection to the HTTP API refused: too many");
                continue;
            };
            let interests = Interest::READABLE | Interest::WRITABLE;
            if let Err(error) = self.poll.registry().register(&mut stream, Token(place), interests) {
                tracing::warn!(%error, "cannot watch a connection; it is closed");
                continue;
            }
            self.connections[place] = Some(Connection::new(now, stream, peer));
            self.advance(now, place);
        }
    }

    fn advance(&mut self, now: Instant, place: usize) {
        let Some(connection) = self.connections[place].as_mut() else { return };
        match connection.advance(now, &mut self.read_buffer, &mut self.scratch, &mut self.pages) {
            Progress::Blocked => {}
            Progress::Busy => self.busy.push(place),
            Progress::Done => self.connections[place] = None,
        }
    }

    fn end_overdue(&mut self, now: Instant) {
        for connection in &mut self.connections {
            connection.take_if(|connection| connection.deadline() <= now);
        }
    }

    fn time_to_wait(&self) -> Option<Duration> {
        if !self.busy.is_empty() {
            return Some(Duration::ZERO);
        }
        let now = self.clock.now();
        let deadlines = self.connections.iter().flatten().map(Connection::deadline);
        deadlines.chain(self.reception.next(now)).min().map(|at| at.saturating_duration_since(now))
    }
}
