//! Group commit: a thread that makes durable with one sync all that was handed in while it made durable what came before.
//!
//! There is no timer. A batch that comes alone is written and synced at once; how many share a sync is decided by how long a
//! sync takes.

mod queue;

use core::fmt;
use core::ops::Range;
use core::time::Duration;
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

/// What became of batches.
#[derive(Debug)]
pub enum Outcome {
    /// All batches up to this one that were not named before are durable.
    Durable {
        /// The newest durable batch.
        batch: u64,
        /// The numbers of the entries of these batches, in their order.
        entries: Range<Seq>,
    },
    /// Batches could not be made durable. They are tried again, in order and before all later ones, until it works; then
    /// [`Outcome::Durable`] tells. Told once until then.
    Stalled {
        /// Why.
        error: AppendError,
    },
}

/// A batch was not taken: the thread of the log has ended, because the function that takes the outcomes has panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread of the log has ended")
    }
}

impl core::error::Error for Stopped {}

/// How long a log that cannot be written to is left alone before it is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// A log on a thread of its own.
#[derive(Debug)]
pub struct Committer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Committer {
    /// Starts the thread.
    ///
    /// `report` is called on the thread, and has to return soon: to note the outcome and wake whoever waits for it.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start<D: Disk>(
        log: Log<D>,
        durability: Durability,
        report: impl FnMut(Outcome) + Send + 'static,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let name = format!("log-{}", log.shard());
        let worker = Worker { log, durability, report, queue: Arc::clone(&queue) };
        let thread = thread::Builder::new().name(name).spawn(move || worker.run())?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Hands in a batch. Batches have growing numbers. It is the caller who bounds what waits: it knows what is not durable.
    ///
    /// # Errors
    /// The batch was not taken.
    pub fn submit<'a>(&self, batch: u64, entries: impl IntoIterator<Item = &'a [u8]>) -> Result<(), Stopped> {
        self.queue.submit(batch, entries)
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
                Order::Commit => self.commit(&mut pending)?,
                Order::Trim(below) => {
                    // What could not be removed is tried again by the next trim.
                    let _ = self.log.trim(Seq(below));
                }
                Order::Stop => return self.log.close(),
            }
        }
    }

    /// Makes batches durable, however long it takes. An error only if the log is to be closed meanwhile.
    fn commit(&mut self, pending: &mut Pending) -> io::Result<()> {
        let mut is_stalled = false;
        loop {
            let Some((_, batch)) = pending.batches else { return Ok(()) };
            let mut outcome = self.append(pending);
            if let Err(AppendError::Io(_)) = outcome {
                // The log has given up the file where that happened. A new one may do.
                outcome = self.append(pending);
            }
            match outcome {
                Ok(first) => {
                    let entries = first..Seq(first.0.saturating_add(pending.len() as u64));
                    (self.report)(Outcome::Durable { batch, entries });
                    return Ok(());
                }
                Err(error) if self.queue.is_stopped() => return Err(io::Error::other(error)),
                Err(error) if !is_stalled => (self.report)(Outcome::Stalled { error }),
                Err(_) => {}
            }
            is_stalled = true;
            self.queue.pause(RETRY_PAUSE);
            self.queue.take_more(pending);
        }
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
