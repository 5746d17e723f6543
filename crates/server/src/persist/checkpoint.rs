//! Writing a checkpoint on a thread of its own, while the shard goes on.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use martlet_engine::{BatchId, ShardId};
use martlet_store::{CheckpointWriter, LocalDisk};

use super::News;
use crate::inbox::{Inboxes, Mail};

/// Parts that may wait for the thread.
const PARTS_MAX: usize = 4;

/// What the thread is told.
enum Word {
    Part(Vec<u8>),
    /// All parts came, and what they show is durable in the log.
    Finish,
}

/// A checkpoint on its way.
pub(crate) struct Job {
    parts: SyncSender<Word>,
    /// The part that found no room.
    waiting: Option<Word>,
    /// The batch that has to be durable before the checkpoint may be used; known when all parts are there.
    waits_for: Option<BatchId>,
    is_finished: bool,
}

impl Job {
    /// Starts the thread; `None` if there is none to be had, which the log tells.
    pub(super) fn start(
        shard: ShardId,
        behind: BatchId,
        writer: CheckpointWriter<LocalDisk>,
        inboxes: Arc<Inboxes>,
    ) -> Option<Self> {
        let (parts, words) = sync_channel(PARTS_MAX);
        let work = move || {
            if let Some(news) = write(behind, writer, &words, shard, &inboxes) {
                inboxes.send(shard, Mail::Log(news));
            }
        };
        match thread::Builder::new().name(format!("checkpoint-{}", shard.0)).spawn(work) {
            Ok(_) => Some(Self { parts, waiting: None, waits_for: None, is_finished: false }),
            Err(error) => {
                tracing::error!(shard = shard.0, %error, "cannot write a checkpoint");
                None
            }
        }
    }

    /// Whether another part is welcome.
    pub(crate) fn takes_more(&self) -> bool {
        self.waiting.is_none() && self.waits_for.is_none()
    }

    /// Hands over the next part.
    pub(crate) fn part(&mut self, part: Vec<u8>) {
        self.send(Word::Part(part));
    }

    /// All parts are there. The checkpoint may be used once this batch is durable.
    pub(crate) fn complete(&mut self, waits_for: BatchId) {
        self.waits_for = Some(waits_for);
    }

    /// Goes on where it had to wait. `durable` is the newest durable batch.
    pub(crate) fn advance(&mut self, durable: BatchId) {
        if let Some(word) = self.waiting.take() {
            self.send(word);
        }
        let may_finish = self.waits_for.is_some_and(|batch| batch <= durable);
        if self.waiting.is_none() && may_finish && !self.is_finished {
            self.is_finished = true;
            self.send(Word::Finish);
        }
    }

    fn send(&mut self, word: Word) {
        // Where the thread has ended, it has sent its news.
        if let Err(TrySendError::Full(word)) = self.parts.try_send(word) {
            self.waiting = Some(word);
        }
    }
}

/// Writes the parts that come; `None` if the shard gave the checkpoint up.
fn write(
    behind: BatchId,
    mut writer: CheckpointWriter<LocalDisk>,
    words: &Receiver<Word>,
    shard: ShardId,
    inboxes: &Inboxes,
) -> Option<News> {
    let mut bytes = 0;
    let outcome = loop {
        match words.recv() {
            Ok(Word::Part(part)) => {
                bytes += part.len() as u64;
                inboxes.wake(shard); // there is room for another
                if let Err(error) = writer.write(&part) {
                    writer.abandon();
                    break Err(error);
                }
            }
            Ok(Word::Finish) => break writer.finish().map(|_| ()),
            Err(_) => {
                writer.abandon();
                return None;
            }
        }
    };
    Some(match outcome {
        Ok(()) => News::Checkpointed { behind, bytes },
        Err(error) => {
            tracing::error!(shard = shard.0, %error, "cannot write a checkpoint; the log goes on");
            News::NotCheckpointed
        }
    })
}
