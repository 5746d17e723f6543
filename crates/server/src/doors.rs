//! The doors behind which one node and a cluster look alike to a shard.
//!
//! A shard sends bytes to other shards through a [`Fabric`] and asks [`Members`] which node owns a shard. Whatever goes
//! through a [`Fabric`] is bytes; sockets never do. What has to survive goes to a log: see `persist`.

use martlet_engine::ShardId;

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
}
