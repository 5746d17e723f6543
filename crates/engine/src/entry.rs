//! What has to be durable before it takes effect, and the queue of it.

use std::collections::VecDeque;
use std::sync::Arc;

use martlet_wire::{PacketId, ReasonCode, SubscriptionIdentifier, SubscriptionOptions};

use crate::clients::SessionId;
use crate::forward::Publisher;
use crate::message::Message;
use crate::{BatchId, ConnectionId, Engine};

/// One thing that takes effect once it is durable.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A client was let in: its CONNACK goes out.
    Connected { connection: ConnectionId, session: SessionId, connack: Vec<u8> },
    /// A message was published: it is routed, and acknowledged.
    Publish { origin: Option<Origin>, message: Arc<Message> },
    /// A message came from another shard.
    Forwarded { publisher: Publisher, message: Arc<Message>, plain: bool, groups: Vec<Arc<str>>, hops: u8 },
    /// A SUBSCRIBE: its subscriptions are made, and SUBACK goes out.
    Subscribe {
        connection: ConnectionId,
        session: SessionId,
        id: PacketId,
        identifier: Option<SubscriptionIdentifier>,
        requests: Vec<Request>,
    },
    /// An UNSUBSCRIBE: UNSUBACK goes out.
    Unsubscribe { connection: ConnectionId, session: SessionId, id: PacketId, filters: Vec<Box<str>> },
    /// A PUBREL: the Packet Identifier is free again, and PUBCOMP goes out.
    Release { connection: ConnectionId, session: SessionId, id: PacketId },
    /// A PUBREC: PUBREL goes out.
    Received { session: SessionId, id: PacketId },
}

/// Where a published message comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) connection: ConnectionId,
    pub(crate) session: SessionId,
    /// The Packet Identifier to be acknowledged; QoS 0 has none.
    pub(crate) id: Option<PacketId>,
}

/// One Topic Filter of a SUBSCRIBE, and whether it may be subscribed.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) filter: Box<str>,
    pub(crate) options: SubscriptionOptions,
    pub(crate) refusal: Option<ReasonCode>,
}

impl Entry {
    /// The Session whose order it keeps.
    fn session(&self) -> Option<SessionId> {
        match self {
            Self::Publish { origin, .. } => origin.map(|origin| origin.session),
            Self::Forwarded { .. } => None,
            Self::Connected { session, .. }
            | Self::Subscribe { session, .. }
            | Self::Unsubscribe { session, .. }
            | Self::Release { session, .. }
            | Self::Received { session, .. } => Some(*session),
        }
    }

    fn size(&self) -> usize {
        const OVERHEAD_BYTES: usize = 64;
        OVERHEAD_BYTES
            + match self {
                Self::Publish { message, .. } | Self::Forwarded { message, .. } => message.size(),
                Self::Subscribe { requests, .. } => requests.iter().map(|request| request.filter.len()).sum(),
                Self::Unsubscribe { filters, .. } => filters.iter().map(|filter| filter.len()).sum(),
                Self::Connected { .. } | Self::Release { .. } | Self::Received { .. } => 0,
            }
    }
}

/// Entries on their way to the log.
#[derive(Debug)]
pub(crate) struct Log {
    waiting: VecDeque<(BatchId, Entry)>,
    /// The batch that is being filled.
    filling: BatchId,
    is_filled: bool,
    bytes: usize,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { waiting: VecDeque::new(), filling: BatchId(1), is_filled: false, bytes: 0 }
    }

    /// Appends an entry that has to be durable.
    pub(crate) fn append(&mut self, entry: Entry) {
        self.is_filled = true;
        self.follow(entry);
    }

    /// Appends an entry that only has to come after those before it.
    fn follow(&mut self, entry: Entry) {
        let batch = if self.is_filled { self.filling } else { BatchId(self.filling.0 - 1) };
        self.bytes += entry.size();
        self.waiting.push_back((batch, entry));
    }

    /// Closes the batch that is being filled, unless it is empty.
    pub(crate) fn take_batch(&mut self) -> Option<BatchId> {
        if !self.is_filled {
            return None;
        }
        self.is_filled = false;
        let batch = self.filling;
        self.filling = BatchId(batch.0 + 1);
        Some(batch)
    }

    fn pop(&mut self, batch: BatchId) -> Option<Entry> {
        if self.waiting.front()?.0 > batch {
            return None;
        }
        let (_, entry) = self.waiting.pop_front()?;
        self.bytes -= entry.size();
        Some(entry)
    }

    /// Bytes of entries that are not durable yet.
    pub(crate) fn unpersisted_bytes(&self) -> usize {
        self.bytes
    }
}

impl Engine {
    /// Lets an entry of no Session take effect: once it is durable if it has to be, else when all before it did.
    pub(crate) fn commit(&mut self, entry: Entry, is_durable: bool) {
        if is_durable {
            self.log.append(entry);
        } else if self.log.waiting.is_empty() {
            self.apply(entry);
        } else {
            self.log.follow(entry);
        }
    }

    /// Lets an entry of a Session take effect: once it is durable if it has to be, else when all before it of the same
    /// Session did. What one client sends takes effect in the order in which it came.
    pub(crate) fn commit_for(&mut self, id: SessionId, entry: Entry, is_durable: bool) {
        let Some(session) = self.clients.get_mut(id) else { return };
        if is_durable || session.uncommitted > 0 {
            session.uncommitted += 1;
            if is_durable {
                self.log.append(entry);
            } else {
                self.log.follow(entry);
            }
        } else {
            self.apply(entry);
        }
    }

    pub(crate) fn persisted(&mut self, batch: BatchId) {
        while let Some(entry) = self.log.pop(batch) {
            if let Some(session) = entry.session().and_then(|session| self.clients.get_mut(session)) {
                session.uncommitted -= 1;
            }
            self.apply(entry);
        }
    }

    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Connected { connection, connack, .. } => self.apply_connected(connection, &connack),
            Entry::Publish { origin, message } => self.apply_publish(origin, &message),
            Entry::Forwarded { publisher, message, plain, groups, hops } => {
                self.forwards.committed(publisher);
                if let Some(mut publication) = message.publication() {
                    self.deliver_forwarded(&mut publication, plain, &groups, hops);
                }
            }
            Entry::Subscribe { connection, session, id, identifier, requests } => {
                self.apply_subscribe(connection, session, id, identifier, &requests);
            }
            Entry::Unsubscribe { connection, session, id, filters } => {
                self.apply_unsubscribe(connection, session, id, &filters);
            }
            Entry::Release { connection, session, id } => self.apply_release(connection, session, id),
            Entry::Received { session, id } => self.apply_received(session, id),
        }
    }
}
