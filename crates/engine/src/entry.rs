//! What has to be durable before it takes effect, and the queue of it.

use core::hash::BuildHasher;
use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::hash_map;
use martlet_wire::{PacketId, ReasonCode, SubscriptionIdentifier, SubscriptionOptions};

use crate::clients::SessionId;
use crate::hashing::{Map, hasher};
use crate::message::Message;
use crate::{BatchId, ConnectionId, Engine};

/// One thing that takes effect once it is durable.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A client was let in: its CONNACK goes out.
    Connected { connection: ConnectionId, connack: Vec<u8> },
    /// A message was published: it is routed, and acknowledged.
    Publish { origin: Option<Origin>, message: Arc<Message> },
    /// A message came from another shard.
    Forwarded { message: Arc<Message>, plain: bool, groups: Vec<Arc<str>>, hops: u8 },
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

/// A client, here or on another shard, whose entries keep their order: the hash of its Client Identifier. Two clients with
/// the same hash only wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source(u64);

/// Entries on their way to the log.
#[derive(Debug)]
pub(crate) struct Log {
    waiting: VecDeque<(BatchId, Source, Entry)>,
    /// How many entries of each source wait.
    sources: Map<Source, usize>,
    /// The batch that is being filled.
    filling: BatchId,
    is_filled: bool,
    bytes: usize,
}

impl Log {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            waiting: VecDeque::new(),
            sources: Map::with_hasher(hasher(seed)),
            filling: BatchId(1),
            is_filled: false,
            bytes: 0,
        }
    }

    /// The source that a client is.
    pub(crate) fn source(&self, client_identifier: &str) -> Source {
        Source(self.sources.hasher().hash_one(client_identifier))
    }

    /// Whether entries of this client wait.
    pub(crate) fn has_waiting(&self, client_identifier: &str) -> bool {
        !self.sources.is_empty() && self.sources.contains_key(&self.source(client_identifier))
    }

    /// Appends an entry: one that has to be durable, or one that only has to come after those before it.
    fn append(&mut self, source: Source, entry: Entry, is_durable: bool) {
        self.is_filled |= is_durable;
        let batch = if self.is_filled { self.filling } else { BatchId(self.filling.0 - 1) };
        self.bytes += entry.size();
        *self.sources.entry(source).or_default() += 1;
        self.waiting.push_back((batch, source, entry));
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
        let (_, source, entry) = self.waiting.pop_front()?;
        self.bytes -= entry.size();
        if let hash_map::Entry::Occupied(mut count) = self.sources.entry(source) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(entry)
    }

    /// Bytes of entries that are not durable yet.
    pub(crate) fn unpersisted_bytes(&self) -> usize {
        self.bytes
    }
}

impl Engine {
    /// Lets an entry take effect: once it is durable if it has to be, else when all before it of the same client did.
    /// What one client sends takes effect in the order in which it came [MQTT-4.6.0-5], also from one of its Sessions to
    /// the next.
    pub(crate) fn commit(&mut self, client_identifier: &str, entry: Entry, is_durable: bool) {
        if is_durable || self.log.has_waiting(client_identifier) {
            let source = self.log.source(client_identifier);
            self.log.append(source, entry, is_durable);
        } else {
            self.apply(entry);
        }
    }

    pub(crate) fn persisted(&mut self, batch: BatchId) {
        while let Some(entry) = self.log.pop(batch) {
            self.apply(entry);
        }
    }

    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Connected { connection, connack } => self.apply_connected(connection, &connack),
            Entry::Publish { origin, message } => self.apply_publish(origin, &message),
            Entry::Forwarded { message, plain, groups, hops } => {
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
