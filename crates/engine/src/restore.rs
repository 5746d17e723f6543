//! From records back to the state that they made: after a start, before the first client.
//!
//! First the parts of the last checkpoint, then all batches of the log that follow its beginning. A part shows some Sessions
//! as they were when it was written, later than the beginning of the checkpoint; what earlier batches say of these is
//! passed over. All else can be said twice: the last word counts.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use martlet_proto::{Instant, Outbound};
use martlet_wire::{QoS, TopicFilter};

use crate::bytes::Reader;
use crate::clients::{ClientSession, SessionId, Will};
use crate::deadlines::Due;
use crate::hashing::{Map, hasher};
use crate::message::{Message, Queued};
use crate::obligations::Owed;
use crate::records::{Record, RecordId};
use crate::retained::Cursor;
use crate::subscribe::Wanted;
use crate::{BatchId, Engine, ShardId};

/// Where records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A part of a checkpoint.
    Checkpoint,
    /// A batch of the log.
    Batch(BatchId),
}

/// Some records could not be read: they are of a later version, or not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadableRecord {
    /// How many bytes from the beginning on were read before.
    pub offset: usize,
}

impl fmt::Display for UnreadableRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the record at byte {} is none that this version knows", self.offset)
    }
}

impl core::error::Error for UnreadableRecord {}

/// What is known while an engine is restored, and is not needed afterwards.
#[derive(Debug)]
pub(crate) struct Restoring {
    /// Each Session by its name, and the last batch whose records about it count already.
    sessions: Map<RecordId, (SessionId, BatchId)>,
    messages: Map<RecordId, Arc<Message>>,
    wills: BTreeMap<Box<str>, Will>,
    /// The last time that was written down.
    last_time: Instant,
    /// Of the part that is being read.
    as_of: BatchId,
    /// The run before ended by a crash.
    is_after_crash: bool,
    /// The first batch that may not be durable.
    unsettled_from: Option<BatchId>,
}

impl Restoring {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            sessions: Map::with_hasher(hasher(seed)),
            messages: Map::with_hasher(hasher(seed)),
            wills: BTreeMap::new(),
            last_time: Instant::default(),
            as_of: BatchId::default(),
            is_after_crash: false,
            unsettled_from: None,
        }
    }

    /// Lends a message a name, up to the next one.
    pub(crate) fn lend(&mut self, message: &Arc<Message>) -> RecordId {
        const LENT: RecordId = 0; // never the name of a record
        self.messages.insert(LENT, Arc::clone(message));
        LENT
    }

    /// The Wills that no Session has taken up yet, each with its Client Identifier.
    pub(crate) fn wills(&self) -> impl Iterator<Item = (&str, &Will)> {
        self.wills.iter().map(|(client_identifier, will)| (&**client_identifier, will))
    }
}

impl Engine {
    /// Takes records up. To be called before anything else; at the end [`Engine::restored`] has to be.
    ///
    /// # Errors
    /// Something in it is no record: what follows it in these bytes is lost, the rest is kept.
    pub fn restore(&mut self, stored: Stored, records: &[u8]) -> Result<(), UnreadableRecord> {
        let mut state = self.restoring.take().unwrap_or_else(|| Box::new(Restoring::new(self.config.seed)));
        let mut reader = Reader(records);
        let mut outcome = Ok(());
        while !reader.is_at_end() {
            let offset = records.len() - reader.0.len();
            let Some(record) = reader.record() else {
                outcome = Err(UnreadableRecord { offset });
                break;
            };
            self.redo(&mut state, stored, &record);
        }
        if stored != Stored::Checkpoint {
            // Records name only messages of their own batch; what is kept is kept by its Sessions.
            state.messages.clear();
        }
        self.restoring = Some(state);
        outcome
    }

    /// The run before did not end in good order. Where nothing is unfinished, Packet Identifiers begin anew then; after an end in
    /// good order they go on. Clients need neither, but those who try brokers out expect the one as well as the other.
    pub fn crashed(&mut self) {
        let seed = self.config.seed;
        self.restoring.get_or_insert_with(|| Box::new(Restoring::new(seed))).is_after_crash = true;
    }

    /// What was found may not be durable, from this batch on. Nobody is told of that, as if the log could not be written to,
    /// until the first batch of this run is durable, and with it all before it: see [`Input::Persisted`](crate::Input).
    pub fn unsettled(&mut self, first: BatchId) {
        let seed = self.config.seed;
        self.restoring.get_or_insert_with(|| Box::new(Restoring::new(seed))).unsettled_from = Some(first);
    }

    /// Begins to live: from here on records are written, the first into the batch behind `last`. Clients that were connected
    /// count as gone since the last sign of life, and what became due meanwhile is done.
    ///
    /// All shards of a node have to be restored before the first of them begins to live.
    pub fn restored(&mut self, now: Instant, last: BatchId) {
        self.now = self.now.max(now);
        let mut state = self.restoring.take().unwrap_or_else(|| Box::new(Restoring::new(self.config.seed)));
        self.journal.turn_on(last);
        self.unsettled.release(|batch| state.unsettled_from.is_none_or(|first| batch < first));
        if state.unsettled_from.is_some() {
            self.journal.begin_batch(self.now);
            self.journal.stall();
        }
        self.commons.keep_cleared();
        self.send_owed(); // what is owed from here on waits for the log first
        let ids = self.clients.ids();
        // Before any of them ends, since what a Shared Subscription gave to it goes to others.
        let queued = ids.iter().filter_map(|id| self.clients.get(*id)).map(|session| session.queue.len());
        self.status.queued_messages = queued.sum();
        let bytes = self.clients.ids().into_iter().filter_map(|id| Some(self.clients.get(id)?.queue.bytes()));
        self.status.queued_bytes = bytes.sum();
        for id in ids {
            self.revive(&mut state, id);
        }
        for (client_identifier, will) in core::mem::take(&mut state.wills) {
            self.journal.write(self.now, &Record::WillGone { client_identifier: &client_identifier });
            self.publish_will(will);
        }
        if self.commons.has_expiring() {
            self.sweeps_retained = true;
            self.deadlines.set(self.now, Due::RetainedSweep);
        }
    }

    /// A restored Session: its connection is gone.
    fn revive(&mut self, state: &mut Restoring, id: SessionId) {
        let Some(session) = self.clients.get_mut(id) else { return };
        session.will = state.wills.remove(&*session.client_identifier);
        if state.is_after_crash && session.state.outbound.is_empty() {
            session.state.outbound = Outbound::default();
        }
        if state.is_after_crash && self.config.features.mosquitto_behaviour {
            // They have a Packet Identifier and may have been sent, or not: so DUP may be told either way. A QoS 2 message of a
            // Shared Subscription may go to another Session only if it surely was not.
            let unanswered = session.state.outbound.unfinished();
            let at_least_once =
                unanswered.filter(|(_, it)| it.is_some_and(|(qos, _)| qos == QoS::AtLeastOnce));
            session.never_sent = at_least_once.map(|(id, _)| id).collect();
        }
        if !session.outlives_connection() {
            self.end_session(id);
            return;
        }
        if session.detached_at.is_none() {
            let (at, expiry_interval) = (state.last_time, session.expiry_interval);
            session.detached_at = Some(at);
            self.record(id, |session| Record::Detached { session, at, expiry_interval });
        }
        self.await_end(id);
    }

    pub(crate) fn redo(&mut self, state: &mut Restoring, stored: Stored, record: &Record<'_>) {
        match record {
            Record::Time(at) => state.last_time = state.last_time.max(*at),
            Record::AsOf(batch) => state.as_of = *batch,
            Record::Message { id, message } => {
                self.journal.note_used(*id, 0);
                state.messages.insert(*id, Arc::new(Message::from(message)));
            }
            Record::Will { client_identifier, delay, expiry_interval, due_at, message } => {
                let will = Will {
                    message: Message::from(message),
                    expiry_interval: *expiry_interval,
                    delay: *delay,
                    due_at: *due_at,
                };
                state.wills.insert((*client_identifier).into(), will);
            }
            Record::WillGone { client_identifier } => _ = state.wills.remove(*client_identifier),
            Record::Retained { stamp, message } => {
                if let Some(message) = state.messages.get(message) {
                    self.commons.restore_retained(*stamp, &message.topic, Some(message));
                }
            }
            Record::Cleared { stamp, topic } => {
                self.commons.keep_cleared();
                self.commons.restore_retained(*stamp, topic, None);
            }
            Record::Forwarded { shard, number, message, plain, hops, groups } => {
                self.journal.note_used(0, *number);
                if let Some(message) = state.messages.get(message) {
                    let message = Arc::clone(message);
                    let groups = groups.iter().map(|group| Arc::from(*group)).collect();
                    let owed = Owed { number: *number, message, plain: *plain, hops: *hops, groups };
                    self.obligations.add(*shard, owed);
                }
            }
            Record::Confirmed { shard, number } => self.obligations.settle(*shard, *number),
            Record::Heard { shard, number } => _ = self.obligations.hear(ShardId(*shard), *number),
            Record::Session { session, client_identifier, user_name, expiry_interval, detached_at } => {
                self.journal.note_used(*session, 0);
                if let Some(id) = self.redo_session(state, stored, *session, client_identifier)
                    && let Some(session) = self.clients.get_mut(id)
                {
                    session.user_name = user_name.map(Into::into);
                    session.expiry_interval = *expiry_interval;
                    session.detached_at = *detached_at;
                }
            }
            other => self.redo_in_session(state, stored, other),
        }
    }

    /// Makes a Session, unless a later one of the client is there already.
    fn redo_session(
        &mut self,
        state: &mut Restoring,
        stored: Stored,
        name: RecordId,
        client_identifier: &str,
    ) -> Option<SessionId> {
        let as_of = match stored {
            Stored::Checkpoint => state.as_of,
            Stored::Batch(batch) => batch,
        };
        if let Some(there) = self.clients.find(client_identifier) {
            let there_name = self.clients.get(there).and_then(|session| session.record)?;
            let (_, there_as_of) = state.sessions.get(&there_name).copied()?;
            if there_as_of >= as_of && stored != Stored::Checkpoint {
                return None;
            }
            self.forget_session(there);
            state.sessions.remove(&there_name);
        }
        self.commons.session_begins();
        if let Stored::Batch(batch) = stored {
            self.unsettled.insert(client_identifier, batch);
        }
        let id = self.clients.create(client_identifier);
        self.clients.get_mut(id)?.record = Some(name);
        // What follows about it in the same batch is still to be taken.
        let counted = if stored == Stored::Checkpoint { as_of } else { BatchId(as_of.0 - 1) };
        state.sessions.insert(name, (id, counted));
        Some(id)
    }

    /// Takes a Session out, and nothing else.
    fn forget_session(&mut self, id: SessionId) {
        self.drop_subscriptions(id);
        if self.clients.remove(id).is_some() {
            self.commons.session_ends();
        }
    }

    fn redo_in_session(&mut self, state: &mut Restoring, stored: Stored, record: &Record<'_>) {
        let Some(name) = record.session() else { return };
        let Some((id, as_of)) = state.sessions.get(&name).copied() else { return };
        if matches!(stored, Stored::Batch(batch) if batch <= as_of) {
            return;
        }
        match record {
            Record::Ended { .. } => {
                state.sessions.remove(&name);
                if let (Stored::Batch(batch), Some(session)) = (stored, self.clients.get(id)) {
                    self.unsettled.insert(&session.client_identifier, batch);
                }
                self.forget_session(id);
            }
            Record::Subscribed { filter, options, identifier, owes, .. } => {
                if let Ok(filter) = TopicFilter::parse(filter) {
                    let wanted = Wanted { filter, options: *options, identifier: *identifier };
                    self.add_subscription(id, wanted, Some(*owes));
                }
            }
            Record::Unsubscribed { filter, .. } => _ = self.drop_subscription(id, filter),
            Record::Queued { number, message, qos, retain, group, identifiers, .. } => {
                let Some(message) = state.messages.get(message) else { return };
                let queued = Queued {
                    message: Arc::clone(message),
                    qos: *qos,
                    retain: *retain,
                    identifiers: (!identifiers.is_empty()).then(|| identifiers.as_slice().into()),
                    group: group.map(Arc::from),
                    number: *number,
                };
                if let Some(session) = self.clients.get_mut(id) {
                    session.last_number = session.last_number.max(*number);
                    session.queue.push(queued);
                }
            }
            Record::Stored { id: packet_id, message, .. } => {
                if let (Some(session), Some(message)) =
                    (self.clients.get_mut(id), state.messages.get(message))
                {
                    session.state.inbound.restore(*packet_id);
                    session.unreleased.insert(*packet_id, Arc::clone(message));
                }
            }
            other => {
                if let Some(session) = self.clients.get_mut(id) {
                    redo_in(session, other);
                }
            }
        }
    }
}

/// What changes nothing but the Session itself.
fn redo_in(session: &mut ClientSession, record: &Record<'_>) {
    let outbound = &mut session.state.outbound;
    match record {
        Record::Attached { user_name, expiry_interval, .. } => {
            session.user_name = user_name.map(Into::into);
            session.expiry_interval = *expiry_interval;
            session.detached_at = None;
        }
        Record::Detached { at, expiry_interval, .. } => {
            session.expiry_interval = *expiry_interval;
            session.detached_at = Some(*at);
        }
        Record::Replayed { key: Some(key), .. } => {
            if let Some(replay) = session.replays.front_mut() {
                replay.cursor = Cursor::at(key);
            }
        }
        Record::Replayed { key: None, .. } => _ = session.replays.pop_front(),
        Record::Sent { id, number, .. } => {
            if let Some(queued) = session.queue.take(*number) {
                // An identifier that is in use was never given out.
                if !outbound.contains(*id) {
                    outbound.restore(*id, Some((queued.qos, queued)));
                }
            }
        }
        Record::Dropped { number, .. } => _ = session.queue.take(*number),
        Record::Received { id, .. } if outbound.contains(*id) => {
            outbound.pubrec(*id, false);
            outbound.release(*id, false);
        }
        Record::Received { id, .. } => outbound.restore(*id, None),
        Record::Acknowledged { id, .. } => _ = outbound.abandon(*id),
        Record::TakenOver { id, .. } => session.state.inbound.restore(*id),
        Record::Released { id, .. } => {
            session.state.inbound.release(*id);
            session.unreleased.take(*id);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
