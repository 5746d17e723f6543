//! The durable log of each shard, and its checkpoints: what the engine wants kept, and the store that keeps it.

mod checkpoint;
mod growth;
mod recovery;
mod stand_in;

use std::path::PathBuf;
use std::sync::Arc;

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
const CHECKPOINT_AFTER_BYTES: u64 = 64 << 20;
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
    job: Option<Job>,
    is_stalled: bool,
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
    ) -> std::io::Result<Self> {
        let reports_to = Arc::clone(&inboxes);
        let report = move |outcome| {
            let news = match outcome {
                Outcome::Durable { batch, .. } => News::Durable(BatchId(batch)),
                Outcome::Stalled { error } => {
                    tracing::error!(
                        shard = shard.0,
                        %error,
                        "cannot write to the log: what needs it is refused until it can"
                    );
                    News::Stalled
                }
            };
            reports_to.send(shard, Mail::Log(news));
        };
        let committer = Committer::start(log, persistence.durability, report)?;
        Ok(Self { shard, committer, store, inboxes, growth, job: None, is_stalled: false })
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
                if core::mem::take(&mut self.is_stalled) {
                    tracing::warn!(shard = self.shard.0, "the log can be written to again");
                }
            }
            News::Stalled => self.is_stalled = true,
            News::Checkpointed { behind, bytes } => {
                self.job = None;
                self.growth.completed(*bytes);
                self.committer.trim(Seq(behind.0 + 1));
                tracing::debug!(shard = self.shard.0, bytes, behind = behind.0, "checkpoint");
            }
            News::NotCheckpointed => self.job = None,
        }
    }

    /// Whether it is time for a checkpoint, which would have so many things.
    pub(crate) fn wants_checkpoint(&self, things: usize, cleared_topics: usize) -> bool {
        self.job.is_none()
            && !self.is_stalled
            && (self.growth.is_due(things) || cleared_topics > CLEARED_TOPICS_MAX)
    }

    /// Begins a checkpoint that has all batches up to this one, and about so many things.
    pub(crate) fn begin_checkpoint(&mut self, behind: BatchId, things: usize) {
        match self.store.checkpoint(self.shard.0, seq(BatchId(behind.0 + 1))) {
            Ok(writer) => {
                self.growth.begun(things);
                self.job = Job::start(self.shard, behind, writer, Arc::clone(&self.inboxes));
            }
            Err(error) => tracing::error!(shard = self.shard.0, %error, "cannot write a checkpoint"),
        }
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
    pub(crate) fn close(self) {
        drop(self.job);
        if let Err(error) = self.committer.close() {
            tracing::error!(shard = self.shard.0, %error, "the log could not be closed in good order");
        }
    }
}
