//! Group commit: a thread that makes durable with one sync all that was handed in while it made durable what came before.
//!
//! There is no timer. A batch that comes alone is written and synced at once; how many share a sync is decided by how long a
//! sync takes.

mod queue;

use core::fmt;
use core::ops::Range;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::disk::Disk;
use crate::log::{AppendError, Log};
use crate::report::Seq;
use queue::{Order, Pending, Queue};

/// What it takes for a batch to be reported as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is written and synced: it survives a loss of power.
    Strict,
    /// It is written: it survives the end of the process, and the system writes it to the disk when it likes.
    Os,
    /// Nothing: it is never written, and gone when the process ends.
    None,
}

/// What became of batches. Outcomes come in the order in which the batches were handed in.
#[derive(Debug)]
pub enum Outcome {
    /// All batches up to this one that were not named before are durable.
    Durable {
        /// The newest durable batch.
        batch: u64,
        /// The numbers of the entries of these batches, in their order.
        entries: Range<Seq>,
    },
    /// Batches are not in the log, and have to be refused. Later ones are tried anew.
    Failed {
        /// The first and the last of them.
        batches: (u64, u64),
        /// Why.
        error: AppendError,
    },
}

/// Why a batch was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// Too much waits. There is room again after the next outcome.
    Crowded,
    /// The thread has ended, because the function that takes the outcomes has panicked.
    Stopped,
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crowded => "too much waits for the log",
            Self::Stopped => "the thread of the log has ended",
        })
    }
}

impl core::error::Error for SubmitError {}

/// A log on a thread of its own.
#[derive(Debug)]
pub struct Committer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Committer {
    /// Starts the thread.
    ///
    /// At most `queue_bytes` of entries wait, or one batch that is longer. `report` is called on the thread, and has to return
    /// soon: to note the outcome and wake whoever waits for it.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start<D: Disk>(
        log: Log<D>,
        durability: Durability,
        queue_bytes: usize,
        report: impl FnMut(Outcome) + Send + 'static,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(queue_bytes));
        let name = format!("log-{}", log.shard());
        let worker = Worker { log, durability, report, queue: Arc::clone(&queue) };
        let thread = thread::Builder::new().name(name).spawn(move || worker.run())?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Hands in a batch. Batches have growing numbers.
    ///
    /// # Errors
    /// The batch was not taken; see [`SubmitError`].
    pub fn submit<'a>(
        &self,
        batch: u64,
        entries: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), SubmitError> {
        self.queue.submit(batch, entries)
    }

    /// Whether half of what may wait does: whoever can, should bring less.
    pub fn is_crowded(&self) -> bool {
        self.queue.is_crowded()
    }

    /// Removes soon the segments that only have entries below a number.
    pub fn trim(&self, below: Seq) {
        self.queue.trim(below.0);
    }

    /// Ends the thread when all batches that were handed in have had their outcome, and closes the log.
    ///
    /// # Errors
    /// See [`Log::close`]. Without [`Durability::Strict`], batches may not be durable then.
    pub fn close(mut self) -> io::Result<()> {
        self.join()
    }

    fn join(&mut self) -> io::Result<()> {
        self.queue.stop();
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread of the log has panicked")))
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        // Whoever wants to know how it ended calls `close`.
        let _ = self.join();
    }
}

struct Worker<D: Disk, R> {
    log: Log<D>,
    durability: Durability,
    report: R,
    queue: Arc<Queue>,
}

impl<D: Disk, R: FnMut(Outcome)> Worker<D, R> {
    fn run(mut self) -> io::Result<()> {
        // However the thread ends, nothing is taken any more.
        let _stops = queue::StopOnDrop(Arc::clone(&self.queue));
        let mut pending = Pending::default();
        loop {
            match self.queue.take(&mut pending) {
                Order::Commit => self.commit(&pending),
                Order::Trim(below) => {
                    // What could not be removed is tried again by the next trim.
                    let _ = self.log.trim(Seq(below));
                }
                Order::Stop => return self.log.close(),
            }
        }
    }

    fn commit(&mut self, pending: &Pending) {
        let Some(batches) = pending.batches else { return };
        let count = pending.len() as u64;
        let mut outcome = self.append(pending);
        if let Err(AppendError::Io(_)) = outcome {
            // The log has given up the file where that happened. A new one may do, but is tried only once.
            outcome = self.append(pending);
        }
        (self.report)(match outcome {
            Ok(first) => {
                Outcome::Durable { batch: batches.1, entries: first..Seq(first.0.saturating_add(count)) }
            }
            Err(error) => Outcome::Failed { batches, error },
        });
    }

    fn append(&mut self, pending: &Pending) -> Result<Seq, AppendError> {
        match self.durability {
            Durability::Strict => {
                let first = self.log.append(pending.entries())?;
                self.log.sync()?;
                Ok(first)
            }
            Durability::Os => {
                let first = self.log.append(pending.entries())?;
                self.log.keep();
                Ok(first)
            }
            Durability::None => Ok(self.log.skip(pending.len() as u64)),
        }
    }
}
