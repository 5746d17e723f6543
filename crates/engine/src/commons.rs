//! What all shards of one node share. Each lock is held for one look-up or one change, never while a message is routed.
//!
//! A shard that subscribes first makes its interest known, then reads the retained messages; a shard that gets a retained
//! message first keeps it, then looks who is interested. So a subscriber never misses the newest value of a topic. It may
//! see a value twice, and a value that was on its way between shards may still come behind a newer retained one.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::interest::{GroupShare, Interest, Interested};
use crate::limits::Config;
use crate::message::Message;
use crate::retained::{Cursor, Retained};
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

    pub(crate) fn retain(&self, message: &Arc<Message>) {
        self.retained.write().unwrap_or_else(PoisonError::into_inner).set(message);
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
