//! The lines of a stream, read by a thread so that a wait for one can end.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use crate::DEADLINE;

/// Why there is no further line.
#[derive(Debug)]
pub(crate) enum NoLine {
    /// The stream has ended.
    End,
    /// The deadline is over.
    Late,
}

/// The lines of a stream in their order.
#[derive(Debug)]
pub(crate) struct Lines {
    receiver: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    /// Starts to read, until the stream ends.
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { receiver, seen: Vec::new() }
    }

    /// The next line, before the deadline counted from the call.
    pub(crate) fn next(&mut self) -> Result<String, NoLine> {
        self.before(Instant::now() + DEADLINE)
    }

    /// The next line for which `wanted` holds; others are passed over.
    pub(crate) fn find(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String, NoLine> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let line = self.before(deadline)?;
            if wanted(&line) {
                return Ok(line);
            }
        }
    }

    fn before(&mut self, deadline: Instant) -> Result<String, NoLine> {
        let line = match self.receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Err(NoLine::Late),
            Err(RecvTimeoutError::Disconnected) => return Err(NoLine::End),
        };
        self.seen.push(line.clone());
        Ok(line)
    }

    /// The lines that have come and that no one has asked for.
    pub(crate) fn so_far(&mut self) -> Vec<String> {
        let lines: Vec<String> = self.receiver.try_iter().collect();
        self.seen.extend_from_slice(&lines);
        lines
    }

    /// Every line that has come, asked for or not.
    pub(crate) fn all(&mut self) -> &[String] {
        self.so_far();
        &self.seen
    }
}
