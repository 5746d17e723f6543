//! An event loop that hands its batches to the thread of the log, as a shard does.

use core::ops::Range;
use std::io;
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use martlet_store::{Committer, Disk, Durability, Log, Outcome};
use mio::{Events, Poll, Token, Waker};

use super::figures::{Figures, written_bytes};

const WAKE: Token = Token(0);

/// A loop that sleeps until the log wakes it.
pub(super) struct Shard {
    committer: Committer,
    poll: Poll,
    events: Events,
    outcomes: Receiver<Outcome>,
    batch: u64,
}

impl Shard {
    pub(super) fn start<D: Disk>(log: Log<D>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let (sender, outcomes) = mpsc::channel();
        let report = move |outcome| {
            // A loop that has ended needs no outcome.
            let _ = sender.send(outcome);
            let _ = waker.wake();
        };
        let committer = Committer::start(log, Durability::Strict, report)?;
        Ok(Self { committer, poll, events: Events::with_capacity(8), outcomes, batch: 0 })
    }

    /// Hands a batch over and sleeps until it is durable.
    pub(super) fn commit(&mut self, entries: &[Vec<u8>]) -> io::Result<()> {
        self.submit(entries.iter().map(Vec::as_slice))?;
        while self.durable()? < self.batch {}
        Ok(())
    }

    /// Publishers that each send a message as soon as their last one is durable. A turn of the loop makes one batch of what they
    /// send. Answers how many messages there were after so many commits, and notes how long each message took.
    pub(super) fn serve(
        &mut self,
        publishers: usize,
        commits: usize,
        entry: &[u8],
        figures: &mut Figures,
    ) -> io::Result<usize> {
        let (started, written) = (Instant::now(), written_bytes());
        // Which publishers a batch is of, and when it was sent. At first half of them send, so that two batches take turns.
        let mut waiting: Vec<(u64, Range<usize>, Instant)> = Vec::new();
        for group in [0..publishers / 2, publishers / 2..publishers] {
            if !group.is_empty() {
                self.submit(group.clone().map(|_| entry))?;
                waiting.push((self.batch, group, Instant::now()));
            }
        }
        let mut messages = 0;
        for _ in 0..commits {
            let durable = self.durable()?;
            for (_, group, sent) in
                waiting.extract_if(.., |(batch, ..)| *batch <= durable).collect::<Vec<_>>()
            {
                let time = sent.elapsed();
                group.clone().for_each(|_| figures.add(time));
                messages += group.len();
                self.submit(group.clone().map(|_| entry))?;
                waiting.push((self.batch, group, Instant::now()));
            }
        }
        figures.end(started, written);
        Ok(messages)
    }

    pub(super) fn close(self) -> io::Result<()> {
        self.committer.close()
    }

    fn submit<'a>(&mut self, entries: impl IntoIterator<Item = &'a [u8]>) -> io::Result<()> {
        self.batch += 1;
        self.committer.submit(self.batch, entries).map_err(io::Error::other)
    }

    /// Sleeps until something is durable, and answers the newest batch that is.
    fn durable(&mut self) -> io::Result<u64> {
        loop {
            self.poll.poll(&mut self.events, None)?;
            match self.outcomes.try_iter().last() {
                Some(Outcome::Durable { batch, .. }) => return Ok(batch),
                Some(Outcome::Stalled { error }) => return Err(io::Error::other(error)),
                None => {}
            }
        }
    }
}
