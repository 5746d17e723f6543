//! What all shards of one node share. Each lock is held for one look-up or one change, never while a message is routed.
//!
//! A shard that subscribes first makes its interest known, then reads the retained messages; a shard that gets a retained
//! message first keeps it, then looks who is interested. So a subscriber never misses the newest value of a topic. It may
//! see a value twice, and a value that was on its way between shards may still come behind a newer retained one.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::interest::{GroupShare, Interest, Interested};
use crate::limits::Config;
use crate::message::Message;
use crate::records::Stamp;
use crate::retained::{Cursor, Retained, RetainedRow};
use martlet_proto::Instant;

/// The interest index and the retained messages of one node.
#[derive(Debug)]
pub struct Commons {
    shards: u16,
    interest: RwLock<Interest>,
    version: AtomicU64,
    retained: RwLock<Retained>,
    retained_messages_max: usize,
    retained_bytes_max: usize,
    /// For each shard: the order before which no log has a retained message that is not in a checkpoint.
    checkpoints: Box<[AtomicU64]>,
    /// How many Sessions there are, on all shards.
    sessions: AtomicUsize,
}

impl Commons {
    /// For a node of `shards` shards, at least one.
    pub fn new(shards: u16, config: &Config) -> Arc<Self> {
        Arc::new(Self {
            shards: shards.max(1),
            interest: RwLock::new(Interest::new(config.seed)),
            version: AtomicU64::new(0),
            retained: RwLock::default(),
            retained_messages_max: config.limits.retained_messages_max,
            retained_bytes_max: config.limits.retained_bytes_max,
            checkpoints: (0..shards.max(1)).map(|_| AtomicU64::new(0)).collect(),
            sessions: AtomicUsize::new(0),
        })
    }

    /// How many shards there are.
    pub fn shards(&self) -> u16 {
        self.shards
    }

    /// How many retained messages there are, and their bytes.
    pub fn retained_size(&self) -> (usize, usize) {
        let retained = self.retained.read().unwrap_or_else(PoisonError::into_inner);
        (retained.len(), retained.bytes())
    }

    /// A Session begins, unless there are so many.
    pub(crate) fn session_may_begin(&self, most: usize) -> bool {
        let more = |sessions: usize| (sessions < most).then_some(sessions + 1);
        self.sessions.try_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// A Session begins, whether or not there is room.
    pub(crate) fn session_begins(&self) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
    }

    /// A Session ends.
    pub(crate) fn session_ends(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn interested(&self, topic: &str) -> Interested {
        self.interest.read().unwrap_or_else(PoisonError::into_inner).interested(topic)
    }

    pub(crate) fn group(&self, text: &str) -> Vec<GroupShare> {
        self.interest.read().unwrap_or_else(PoisonError::into_inner).group(text).to_vec()
    }

    pub(crate) fn change_interest(&self, change: impl FnOnce(&mut Interest)) {
        change(&mut self.interest.write().unwrap_or_else(PoisonError::into_inner));
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Whether a message can be retained within the limits.
    pub(crate) fn has_room_for(&self, topic: &str, bytes: usize) -> bool {
        let retained = self.retained.read().unwrap_or_else(PoisonError::into_inner);
        if retained.len() < self.retained_messages_max && retained.bytes() + bytes <= self.retained_bytes_max
        {
            return true;
        }
        retained.get(topic).is_some_and(|old| {
            retained.len() <= self.retained_messages_max
                && retained.bytes() - old.size() + bytes <= self.retained_bytes_max
        })
    }

    /// Keeps a message as the retained one of its topic, as the latest that was done.
    pub(crate) fn retain(&self, now: Instant, shard: u16, message: &Arc<Message>) -> Stamp {
        let mut retained = self.retained.write().unwrap_or_else(PoisonError::into_inner);
        let stamp = retained.next_stamp(now, shard);
        retained.set(stamp, message);
        stamp
    }

    /// A topic has no retained message, which is the latest that was done.
    pub(crate) fn clear_retained(&self, now: Instant, shard: u16, topic: &str) -> Stamp {
        let mut retained = self.retained.write().unwrap_or_else(PoisonError::into_inner);
        let stamp = retained.next_stamp(now, shard);
        retained.clear(stamp, topic);
        stamp
    }

    /// What a record says of a retained message, unless something later was done: without one there is none.
    pub(crate) fn restore_retained(&self, stamp: Stamp, topic: &str, message: Option<&Arc<Message>>) {
        let mut retained = self.retained.write().unwrap_or_else(PoisonError::into_inner);
        retained.note_stamp(stamp);
        match message {
            Some(message) => retained.set(stamp, message),
            None => retained.clear(stamp, topic),
        }
    }

    /// An order that is greater than that of all that was done with retained messages so far.
    pub(crate) fn next_order(&self, now: Instant) -> u64 {
        self.retained.write().unwrap_or_else(PoisonError::into_inner).next_stamp(now, 0).order
    }

    /// From here on the topics are kept whose retained message was deleted.
    pub(crate) fn keep_cleared(&self) {
        self.retained.write().unwrap_or_else(PoisonError::into_inner).keep_cleared();
    }

    /// Whether a retained message expires at some time.
    pub(crate) fn has_expiring(&self) -> bool {
        self.retained.read().unwrap_or_else(PoisonError::into_inner).has_expiring()
    }

    /// A checkpoint of a shard is durable that has everything before this order.
    pub(crate) fn checkpoint_is_durable(&self, shard: u16, order: u64) {
        if let Some(checkpoint) = self.checkpoints.get(usize::from(shard)) {
            checkpoint.fetch_max(order, Ordering::Relaxed);
        }
        let oldest = self.checkpoints.iter().map(|order| order.load(Ordering::Relaxed)).min();
        let mut retained = self.retained.write().unwrap_or_else(PoisonError::into_inner);
        retained.forget_cleared(oldest.unwrap_or_default());
    }

    /// Up to `limit` retained messages behind a key.
    pub(crate) fn retained_page(&self, after: Option<&str>, limit: usize) -> Vec<RetainedRow> {
        self.retained.read().unwrap_or_else(PoisonError::into_inner).page(after, limit)
    }

    /// Up to `limit` topics behind a key whose retained message was deleted.
    pub(crate) fn cleared_page(&self, after: Option<&str>, limit: usize) -> Vec<(Box<str>, Stamp)> {
        self.retained.read().unwrap_or_else(PoisonError::into_inner).cleared_page(after, limit)
    }

    pub(crate) fn retained_len(&self) -> usize {
        self.retained.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(crate) fn cleared_len(&self) -> usize {
        self.retained.read().unwrap_or_else(PoisonError::into_inner).cleared_len()
    }

    pub(crate) fn next_retained(&self, filter: &str, cursor: &mut Cursor) -> Option<Arc<Message>> {
        self.retained.read().unwrap_or_else(PoisonError::into_inner).next(filter, cursor)
    }

    /// Throws expired messages out; `true` while there are any that will expire.
    pub(crate) fn sweep_retained(&self, cursor: &mut Cursor, now: Instant, steps: usize) -> bool {
        let mut retained = self.retained.write().unwrap_or_else(PoisonError::into_inner);
        retained.sweep(cursor, now, steps);
        retained.has_expiring()
    }
}
