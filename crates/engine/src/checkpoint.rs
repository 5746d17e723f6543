//! The whole state as records, part by part, while clients go on.
//!
//! A checkpoint begins behind some batch. Each part shows what it shows as it is after the newest batch then, and says so;
//! together with all batches since the beginning they make the state of now, whatever happened in between.

use std::sync::Arc;

use crate::hashing::{Map, hasher};
use crate::message::Message;
use crate::obligations::Owed;
use crate::own::is_of_this_run;
use crate::recording::write_session;
use crate::records::{Record, RecordId};
use crate::retained::{RetainedRow, topic_of};
use crate::{BatchId, Engine, ShardId};

/// How far a checkpoint is.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    stage: Stage,
    /// Messages that several refer to, and that were written already.
    written: Map<usize, (Arc<Message>, RecordId)>,
    last_message: RecordId,
    /// The order of the last retained message before the beginning.
    order: u64,
}

#[derive(Debug)]
enum Stage {
    /// The Sessions and Wills from this index on.
    Sessions(u32),
    /// The retained messages behind this key.
    Retained(Option<Box<str>>),
    /// The topics whose retained message was deleted, behind this key.
    Cleared(Option<Box<str>>),
    /// What is owed to other shards, and what was heard of them.
    Obligations,
    /// The end.
    Done,
}

/// Retained messages that are looked at in one go, under a lock.
pub(crate) const PAGE_LEN: usize = 256;

impl Engine {
    /// Begins a checkpoint, in the place of one that is not complete.
    ///
    /// Answers the batch behind which it begins: later ones are needed beside it. `None` as long as there are records that
    /// no [`Output::Persist`](crate::Output::Persist) has taken: poll first.
    pub fn begin_checkpoint(&mut self) -> Option<BatchId> {
        if !self.journal.is_taken() {
            return None;
        }
        self.checkpoint = Some(Box::new(Checkpoint {
            stage: Stage::Sessions(0),
            written: Map::with_hasher(hasher(self.config.seed)),
            last_message: 0,
            order: self.commons.next_order(self.now),
        }));
        Some(self.journal.last_batch())
    }

    /// The newest batch that [`Output::Persist`](crate::Output::Persist) has handed out.
    pub fn last_batch(&self) -> BatchId {
        self.journal.last_batch()
    }

    /// About how many things a checkpoint would have now: Sessions, subscriptions, messages that wait for them, and this shard's
    /// share of the retained messages.
    pub fn kept_things(&self) -> usize {
        let retained = self.commons.retained_len() / usize::from(self.commons.shards());
        self.clients.len() + self.subscriptions.len() + self.status.queued_messages + retained
    }

    /// How many topics are remembered only because the log of some shard may still have a retained message of them. Only
    /// checkpoints of all shards make them fewer.
    pub fn cleared_topics(&self) -> usize {
        self.commons.cleared_len()
    }

    /// Whether a checkpoint should be made whatever the length of the log: something was not written down while the log could
    /// not be written to. Told once.
    pub fn needs_checkpoint(&mut self) -> bool {
        self.journal.take_incomplete()
    }

    /// Whether something that has to survive was not written down, while the log could not be written to, and is in no
    /// checkpoint since: it is lost if the broker ends now.
    pub fn has_gaps(&self) -> bool {
        self.journal.is_incomplete()
    }

    /// The next part of the checkpoint, of about `bytes_max` bytes or one Session, whichever is more; empty as long as there
    /// are records that no [`Output::Persist`](crate::Output::Persist) has taken. `None` when it is complete.
    ///
    /// It may be used once the batches are durable that had been taken when it was complete.
    pub fn checkpoint_part(&mut self, bytes_max: usize) -> Option<Vec<u8>> {
        let mut part = Vec::new();
        if !self.journal.is_taken() {
            return Some(part);
        }
        let mut checkpoint = self.checkpoint.take()?;
        if matches!(checkpoint.stage, Stage::Done) {
            self.checkpoint = Some(checkpoint);
            return None;
        }
        Record::AsOf(self.journal.last_batch()).encode(&mut part);
        Record::Time(self.now).encode(&mut part);
        loop {
            checkpoint.advance(self, &mut part);
            if part.len() >= bytes_max || matches!(checkpoint.stage, Stage::Done) {
                break;
            }
        }
        self.checkpoint = Some(checkpoint);
        Some(part)
    }

    /// The checkpoint that was begun last is durable: what it makes superfluous is forgotten.
    pub fn checkpoint_is_durable(&mut self) {
        if let Some(checkpoint) = self.checkpoint.take() {
            self.commons.checkpoint_is_durable(self.shard.0, checkpoint.order);
        }
    }
}

impl Checkpoint {
    fn advance(&mut self, engine: &Engine, to: &mut Vec<u8>) {
        self.stage = match core::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Sessions(index) => self.session(engine, index, to),
            Stage::Retained(after) => self.retained(engine, after.as_deref(), to),
            Stage::Cleared(after) => Self::cleared(engine, after.as_deref(), to),
            Stage::Obligations => self.obligations(engine, to),
            Stage::Done => Stage::Done,
        };
    }

    fn session(&mut self, engine: &Engine, index: u32, to: &mut Vec<u8>) -> Stage {
        let (id, has_more) = engine.clients.at(index);
        if let Some(id) = id
            && let Some(session) = engine.clients.get(id)
        {
            let name = &mut |message: &Arc<Message>| self.name(message);
            write_session(id, session, &engine.subscriptions, name, to);
            if session.will.is_some() {
                session.will_record().encode(to);
            }
        }
        if has_more { Stage::Sessions(index + 1) } else { Stage::Retained(None) }
    }

    fn retained(&mut self, engine: &Engine, after: Option<&str>, to: &mut Vec<u8>) -> Stage {
        let page = engine.commons.retained_page(after, PAGE_LEN);
        let is_kept =
            |(_, stamp, message): &&RetainedRow| engine.keeps(stamp.shard) && !is_of_this_run(&message.topic);
        for (_, stamp, message) in page.iter().filter(is_kept) {
            let (id, is_new) = self.name(message);
            if is_new {
                Record::Message { id, message: message.fields() }.encode(to);
            }
            Record::Retained { stamp: *stamp, message: id }.encode(to);
        }
        match page.into_iter().last() {
            Some((key, ..)) => Stage::Retained(Some(key)),
            None => Stage::Cleared(None),
        }
    }

    fn cleared(engine: &Engine, after: Option<&str>, to: &mut Vec<u8>) -> Stage {
        let page = engine.commons.cleared_page(after, PAGE_LEN);
        for (key, stamp) in page.iter().filter(|(_, stamp)| engine.keeps(stamp.shard)) {
            Record::Cleared { stamp: *stamp, topic: &topic_of(key) }.encode(to);
        }
        match page.into_iter().last() {
            Some((key, _)) => Stage::Cleared(Some(key)),
            None => Stage::Obligations,
        }
    }

    fn obligations(&mut self, engine: &Engine, to: &mut Vec<u8>) -> Stage {
        for (shard, owed) in engine.obligations.owed() {
            self.write_owed(shard, owed, to);
        }
        for shard in (0..engine.commons.shards()).map(ShardId) {
            let number = engine.obligations.heard(shard);
            if number > 0 {
                Record::Heard { shard: shard.0, number }.encode(to);
            }
        }
        Stage::Done
    }

    fn write_owed(&mut self, shard: u16, owed: &Owed, to: &mut Vec<u8>) {
        let (id, is_new) = self.name(&owed.message);
        if is_new {
            Record::Message { id, message: owed.message.fields() }.encode(to);
        }
        owed.record(shard, id).encode(to);
    }

    /// The name of a message within this checkpoint, and whether it is new.
    fn name(&mut self, message: &Arc<Message>) -> (RecordId, bool) {
        let place = Arc::as_ptr(message).addr();
        if let Some((_, id)) = self.written.get(&place) {
            return (*id, false);
        }
        self.last_message += 1;
        if Arc::strong_count(message) > 1 {
            // Kept, so that its place is not taken by another message meanwhile.
            self.written.insert(place, (Arc::clone(message), self.last_message));
        }
        (self.last_message, true)
    }
}

impl Engine {
    /// Whether this shard writes what the shard of this number decided; that one may not be there any more.
    pub(crate) fn keeps(&self, shard: u16) -> bool {
        shard % self.commons.shards() == self.shard.0
    }
}
