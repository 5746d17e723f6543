//! The three doors behind which one node and a cluster look alike to a shard.
//!
//! A shard appends what has to survive to a [`Log`], sends bytes to other shards through a [`Fabric`] and asks
//! [`Members`] which node owns a shard. Whatever goes through [`Log`] and [`Fabric`] is bytes; sockets never do.

use martlet_engine::{BatchId, ShardId};

/// The durable log of one shard.
pub trait Log: Send {
    /// Appends the entries of a batch. Batches come in the order of their ids.
    ///
    /// Answers the newest batch that is durable now, all before it included; `None` when there is none yet.
    fn append(&mut self, batch: BatchId, entries: &[u8]) -> Option<BatchId>;
}

/// Carries batches of bytes from shard to shard.
pub trait Fabric: Send {
    /// Sends a batch to a shard and the node that owns it. Batches from one shard to another arrive in order.
    fn send(&mut self, node: NodeId, to: ShardId, batch: Vec<u8>);

    /// Whether a receiver is so far behind that the sender should take no new work. It is woken when that ends.
    fn is_crowded(&self) -> bool;
}

/// Knows the nodes and which shards are whose.
pub trait Members: Send + Sync {
    /// The nodes as they are known at present.
    fn view(&self) -> View;
}

/// A node of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u16);

/// What is known about the nodes at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The node that has this view.
    pub this: NodeId,
    /// The number of shards of all nodes together.
    pub shards: u16,
}

impl View {
    /// The node that owns a shard.
    pub const fn owner(&self, _shard: ShardId) -> NodeId {
        self.this
    }

    /// The shards that this node runs.
    pub fn shards_here(&self) -> impl Iterator<Item = ShardId> + use<> {
        let view = *self;
        (0..view.shards).map(ShardId).filter(move |shard| view.owner(*shard) == view.this)
    }
}

/// A log that is gone when the program ends: every batch is as durable as it gets at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryLog;

impl Log for MemoryLog {
    fn append(&mut self, batch: BatchId, _entries: &[u8]) -> Option<BatchId> {
        Some(batch)
    }
}

/// One node that owns every shard.
#[derive(Clone, Copy, Debug)]
pub struct SingleNode {
    /// The number of its shards.
    pub shards: u16,
}

impl Members for SingleNode {
    fn view(&self) -> View {
        View { this: NodeId(0), shards: self.shards }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_node_runs_all_shards() {
        let view = SingleNode { shards: 3 }.view();
        let shards: Vec<ShardId> = view.shards_here().collect();
        assert_eq!(shards, [ShardId(0), ShardId(1), ShardId(2)]);
    }

    #[test]
    fn a_memory_log_answers_at_once() {
        assert_eq!(MemoryLog.append(BatchId(7), b""), Some(BatchId(7)));
    }
}
