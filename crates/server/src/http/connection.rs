//! One connection: a request, and its answer. As in Mosquitto it ends behind that.

use core::time::Duration;
use std::fs::File;
use std::io::{self, IoSlice, Read};

use martlet_engine::{Instant, Peer};
use martlet_transport::{ReadError, Received, Scratch, Stream};

use super::pages::{Body, Pages, Response};
use super::request::{Parsed, parse};
use crate::farewell::{self, Farewell, LINGER_TIME_MAX};
use crate::handshakes;

/// From the opening of a connection to the end of its request.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a client may take nothing of an answer.
const STANDSTILL_TIME_MAX: Duration = Duration::from_secs(30);
/// How long an answer may take altogether.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(5);
/// Bytes of a file that are read at a time.
const FILE_BYTES_AT_A_TIME: usize = 64 << 10;

pub(super) struct Connection {
    stream: Stream,
    peer: Peer,
    state: State,
    deadline: Instant,
}

enum State {
    /// What came of a request so far.
    Reading(Vec<u8>),
    Writing(Box<Answer>),
    Leaving(Box<Farewell>),
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// An event will tell when to go on.
    Blocked,
    /// There is more to do; others have their turn first.
    Busy,
    /// It is over.
    Done,
}

/// An answer on its way.
struct Answer {
    /// What is sent next: the header and a body that is in memory, or some bytes of a file.
    bytes: Vec<u8>,
    sent: usize,
    /// The rest of a file.
    file: Option<io::Take<File>>,
    /// Bytes of the file that were promised and not read yet.
    file_left: u64,
    ends_at: Instant,
}

impl Connection {
    pub(super) fn new(now: Instant, stream: Stream, peer: Peer) -> Self {
        Self { stream, peer, state: State::Reading(Vec::new()), deadline: now + REQUEST_TIME_MAX }
    }

    /// When it is given up unless it goes on.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Goes on without waiting.
    pub(super) fn advance(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        scratch: &mut Scratch,
        pages: &mut Pages,
    ) -> Progress {
        match &mut self.state {
            State::Reading(_) => self.read(now, buffer, scratch, pages),
            State::Writing(_) => self.write(now, scratch),
            State::Leaving(farewell) => match farewell.advance(&mut self.stream, scratch) {
                farewell::Progress::Done => Progress::Done,
                farewell::Progress::Busy => Progress::Busy,
                farewell::Progress::Said | farewell::Progress::Blocked => Progress::Blocked,
            },
        }
    }

    fn read(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        scratch: &mut Scratch,
        pages: &mut Pages,
    ) -> Progress {
        let State::Reading(received) = &mut self.state else { return Progress::Busy };
        loop {
            let response = match parse(received) {
                Parsed::Whole(request) => {
                    if let Some(peer) = introduced(&mut self.stream, &self.peer) {
                        self.peer = peer;
                    }
                    pages.respond(&request, &self.peer)
                }
                Parsed::Bad(status) => Response::text(status, "Bad request\n"),
                Parsed::Partial => match self.stream.read(buffer, scratch) {
                    Ok(Received::Some { bytes, .. }) => {
                        received.extend_from_slice(&buffer[..bytes]);
                        match self.stream.flush() {
                            Ok(_) => continue,
                            Err(_) => return Progress::Done,
                        }
                    }
                    Ok(Received::Nothing) => {
                        return if self.stream.flush().is_ok() { Progress::Blocked } else { Progress::Done };
                    }
                    Err(ReadError::Fault(fault)) => {
                        handshakes::log_fault(&self.peer, &fault);
                        return self.leave(now);
                    }
                    Ok(Received::End) | Err(ReadError::Io(_)) => return Progress::Done,
                },
            };
            self.state = State::Writing(Box::new(Answer::new(now, response)));
            self.deadline = now + STANDSTILL_TIME_MAX;
            return Progress::Busy;
        }
    }

    fn write(&mut self, now: Instant, scratch: &mut Scratch) -> Progress {
        let State::Writing(answer) = &mut self.state else { return Progress::Busy };
        match answer.write(&mut self.stream, scratch) {
            Ok(Written::All) => self.leave(now),
            Ok(Written::Some) => {
                self.deadline = (now + STANDSTILL_TIME_MAX).min(answer.ends_at);
                Progress::Busy
            }
            Ok(Written::Nothing) => Progress::Blocked,
            Err(_) => Progress::Done,
        }
    }

    fn leave(&mut self, now: Instant) -> Progress {
        self.state = State::Leaving(Box::new(Farewell::new(Vec::new())));
        self.deadline = now + LINGER_TIME_MAX;
        Progress::Busy
    }
}

/// The peer as the layers of its connection know it, if they tell something new.
fn introduced(stream: &mut Stream, peer: &Peer) -> Option<Peer> {
    stream.has_layers().then(|| handshakes::introduce(peer.clone(), stream.introduce()))
}

/// How much was taken.
enum Written {
    Nothing,
    Some,
    All,
}

impl Answer {
    fn new(now: Instant, response: Response) -> Self {
        let mut bytes = response.head();
        let (file, file_left) = match response.body {
            Body::Bytes(body) => {
                bytes.extend_from_slice(&body);
                (None, 0)
            }
            Body::File { file, len } => (Some(file.take(len)), len),
        };
        Self { bytes, sent: 0, file, file_left, ends_at: now + ANSWER_TIME_MAX }
    }

    /// Writes once.
    fn write(&mut self, stream: &mut Stream, scratch: &mut Scratch) -> io::Result<Written> {
        if self.sent == self.bytes.len() && self.file_left > 0 {
            self.read_file()?;
        }
        if self.sent < self.bytes.len() {
            return Ok(match stream.write_vectored(&[IoSlice::new(&self.bytes[self.sent..])], scratch)? {
                Some(count) => {
                    self.sent += count;
                    Written::Some
                }
                None => Written::Nothing,
            });
        }
        Ok(if stream.flush()? { Written::All } else { Written::Nothing })
    }

    /// Reads the next bytes of the file.
    fn read_file(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        self.bytes.resize(FILE_BYTES_AT_A_TIME, 0);
        let count = file.read(&mut self.bytes)?;
        self.bytes.truncate(count);
        self.sent = 0;
        self.file_left -= count as u64;
        // A file that became shorter cannot be what was promised.
        if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}
