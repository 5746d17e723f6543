//! The durable log of each shard, and its checkpoints: what the engine wants kept, and the store that keeps it.

mod checkpoint;
mod growth;
mod recovery;
mod stand_in;

use core::sync::atomic::{AtomicUsize, Ordering};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use martlet_engine::{BatchId, ShardId};
use martlet_store::{Committer, Durability, LocalDisk, Log, Outcome, Seq, Store};

use crate::inbox::{Inboxes, Mail};
use checkpoint::Job;
pub(crate) use growth::Growth;
pub use recovery::PersistenceError;
pub(crate) use recovery::{Opened, Recovered, open};

/// Where and how a broker keeps what has to survive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// The folder; it is made if it is not there.
    pub location: PathBuf,
    /// A file that stands for the folder: if it is deleted, the next start begins with nothing, and sets the folder aside.
    pub stand_in: Option<PathBuf>,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// How long the log of a shard becomes at least before a checkpoint takes its place, in bytes.
    pub checkpoint_after_bytes: u64,
}

impl Persistence {
    /// In this folder, with default values.
    pub fn in_folder(location: impl Into<PathBuf>) -> Self {
        Self {
            location: location.into(),
            stand_in: None,
            durability: Durability::Strict,
            checkpoint_after_bytes: CHECKPOINT_AFTER_BYTES,
        }
    }
}

/// The default of [`Persistence::checkpoint_after_bytes`].
const CHECKPOINT_AFTER_BYTES: u64 = 16 << 20;
/// How many deleted retained messages may be remembered for the sake of old logs before a checkpoint makes that
/// unnecessary.
const CLEARED_TOPICS_MAX: usize = 100_000;

/// What the log has to say to its shard.
#[derive(Debug)]
pub(crate) enum News {
    /// All batches up to this one are durable.
    Durable(BatchId),
    /// It cannot be written to.
    Stalled,
    /// A checkpoint is durable that has all batches up to this one, and so many bytes.
    Checkpointed { behind: BatchId, bytes: u64 },
    /// A checkpoint could not be written.
    NotCheckpointed,
}

/// The log of one shard, on threads of its own.
pub(crate) struct ShardLog {
    shard: ShardId,
    committer: Committer,
    store: Arc<Store<LocalDisk>>,
    inboxes: Arc<Inboxes>,
    growth: Growth,
    /// Someone wants a checkpoint whatever the length of the log.
    is_wanted: bool,
    job: Option<Job>,
    stalls: Arc<Stalls>,
    /// Since when it cannot be written to.
    stalled_since: Option<SystemTime>,
}

/// How many logs of a broker cannot be written to: they mostly share a disk, and one line tells of all of them.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    shards: AtomicUsize,
}

impl Stalls {
    /// Another log cannot be written to.
    fn begin(&self, location: &Path, error: &dyn core::fmt::Display) {
        if self.shards.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(
                location = %location.display(),
                %error,
                "cannot write to the disk: until it is possible again, publishes and clients that need it are refused, and all \
                 else goes on. Make room there, or see to the disk; the broker tries again by itself"
            );
        }
    }

    /// A log can be written to again.
    fn end(&self) {
        if self.shards.fetch_sub(1, Ordering::Relaxed) == 1 {
            tracing::warn!("the disk can be written to again");
        }
    }
}

/// A batch is an entry, with the same number.
const fn seq(batch: BatchId) -> Seq {
    Seq(batch.0)
}

impl ShardLog {
    /// Starts the thread of a log that was recovered.
    pub(crate) fn start(
        shard: ShardId,
        persistence: &Persistence,
        store: Arc<Store<LocalDisk>>,
        log: Log<LocalDisk>,
        growth: Growth,
        inboxes: Arc<Inboxes>,
        stalls: &Arc<Stalls>,
    ) -> io::Result<Self> {
        let reports_to = Arc::clone(&inboxes);
        let (told, location) = (Arc::clone(stalls), persistence.location.clone());
        let report = move |outcome| {
            let news = match outcome {
                Outcome::Durable { batch, .. } => News::Durable(BatchId(batch)),
                Outcome::Stalled { error } => {
                    told.begin(&location, &error);
                    News::Stalled
                }
            };
            reports_to.send(shard, Mail::Log(news));
        };
        let committer = Committer::start(log, persistence.durability, report)?;
        Ok(Self {
            shard,
            committer,
            store,
            inboxes,
            growth,
            is_wanted: false,
            job: None,
            stalls: Arc::clone(stalls),
            stalled_since: None,
        })
    }

    /// Hands in a batch. [`News::Durable`] tells when it is.
    pub(crate) fn append(&mut self, batch: BatchId, records: &[u8]) {
        self.growth.written(records.len());
        if self.committer.submit(batch.0, [records]).is_err() {
            // Its thread has panicked: nothing is acknowledged any more that needs it.
            tracing::error!(shard = self.shard.0, "the log has failed");
        }
    }

    /// Takes news in.
    pub(crate) fn hear(&mut self, news: &News) {
        match news {
            News::Durable(_) => {
                if self.stalled_since.take().is_some() {
                    self.stalls.end();
                }
            }
            News::Stalled => _ = self.stalled_since.get_or_insert_with(SystemTime::now),
            News::Checkpointed { behind, bytes } => {
                self.job = None;
                self.growth.completed(*bytes);
                self.committer.trim(Seq(behind.0 + 1));
                tracing::debug!(shard = self.shard.0, bytes, behind = behind.0, "checkpoint");
            }
            News::NotCheckpointed => self.job = None,
        }
    }

    /// Whether it is time for a checkpoint, which would have so many things; they are counted only if it depends on them.
    pub(crate) fn wants_checkpoint(&self, things: impl FnOnce() -> usize, cleared_topics: usize) -> bool {
        self.job.is_none()
            && self.stalled_since.is_none()
            && (self.is_wanted
                || (self.growth.may_be_due() && self.growth.is_due(things()))
                || cleared_topics > CLEARED_TOPICS_MAX)
    }

    /// The next checkpoint is to begin as soon as it can.
    pub(crate) fn want_checkpoint(&mut self) {
        self.is_wanted = true;
    }

    /// Begins a checkpoint that has all batches up to this one, and about so many things.
    pub(crate) fn begin_checkpoint(&mut self, behind: BatchId, things: usize) {
        match self.store.checkpoint(self.shard.0, seq(BatchId(behind.0 + 1))) {
            Ok(writer) => {
                self.growth.begun(things);
                self.is_wanted = false;
                self.job = Job::start(self.shard, behind, writer, Arc::clone(&self.inboxes));
            }
            Err(error) => tracing::error!(shard = self.shard.0, %error, "cannot write a checkpoint"),
        }
    }

    /// Since when it cannot be written to.
    pub(crate) fn stalled_since(&self) -> Option<SystemTime> {
        self.stalled_since
    }

    /// The checkpoint that is being written.
    pub(crate) fn job(&mut self) -> Option<&mut Job> {
        self.job.as_mut()
    }

    /// Whether a checkpoint waits for its next part.
    pub(crate) fn has_work(&self) -> bool {
        self.job.as_ref().is_some_and(Job::takes_more)
    }

    /// Ends in good order: all that was handed in is durable then.
    ///
    /// # Errors
    /// Something is not.
    pub(crate) fn close(self) -> io::Result<()> {
        drop(self.job);
        self.committer.close()
    }
}
