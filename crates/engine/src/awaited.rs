//! Clients of whom something is not durable yet.

use core::hash::BuildHasher;
use std::collections::VecDeque;

use crate::BatchId;
use crate::hashing::{Map, hasher};

/// Clients, each with the last batch that has something of it which is not durable.
///
/// They are known by the hashes of their Client Identifiers: two with the same hash only wait for each other.
#[derive(Debug)]
pub(crate) struct Awaited {
    clients: Map<u64, BatchId>,
    order: VecDeque<(BatchId, u64)>,
}

impl Awaited {
    pub(crate) fn new(seed: u64) -> Self {
        Self { clients: Map::with_hasher(hasher(seed)), order: VecDeque::new() }
    }

    /// Something of this client is in this batch. Batches come in their order.
    pub(crate) fn insert(&mut self, client_identifier: &str, batch: BatchId) {
        let client = self.hash(client_identifier);
        self.clients.insert(client, batch);
        self.order.push_back((batch, client));
    }

    /// Whether something of this client is not durable.
    pub(crate) fn contains(&self, client_identifier: &str) -> bool {
        !self.clients.is_empty() && self.clients.contains_key(&self.hash(client_identifier))
    }

    /// Forgets what is durable.
    pub(crate) fn release(&mut self, is_durable: impl Fn(BatchId) -> bool) {
        while let Some((batch, client)) = self.order.pop_front_if(|(batch, _)| is_durable(*batch)) {
            if self.clients.get(&client) == Some(&batch) {
                self.clients.remove(&client);
            }
        }
    }

    fn hash(&self, client_identifier: &str) -> u64 {
        self.clients.hasher().hash_one(client_identifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_awaited_until_the_last_of_its_batches_is_durable() {
        let mut awaited = Awaited::new(1);
        awaited.insert("me", BatchId(3));
        awaited.insert("you", BatchId(3));
        awaited.insert("me", BatchId(4));
        assert!(awaited.contains("me") && awaited.contains("you") && !awaited.contains("him"));
        awaited.release(|batch| batch <= BatchId(3));
        assert!(awaited.contains("me") && !awaited.contains("you"));
        awaited.release(|_| true);
        assert!(!awaited.contains("me"));
    }
}
