//! A tree of Topic Filters, level by level, with a value at each filter.
//!
//! The nodes stand in one vector and find their children through one table for the whole tree, which keeps a filter at
//! some 100 bytes and a look-up at one probe for each level.

use core::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::hashing::hasher;

/// Names a filter of one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

const ROOT: NodeId = NodeId(0);

/// Topic Filters with a `V` each.
#[derive(Debug)]
pub(crate) struct FilterTree<V> {
    nodes: Vec<Node<V>>,
    free: Vec<NodeId>,
    children: HashTable<NodeId>,
    hasher: FixedState,
    filters: usize,
}

#[derive(Debug)]
struct Node<V> {
    level: Box<str>,
    parent: NodeId,
    children: u32,
    plus: Option<NodeId>,
    hash: Option<NodeId>,
    value: Option<V>,
}

impl<V> Node<V> {
    fn new(parent: NodeId, level: &str) -> Self {
        Self { level: level.into(), parent, children: 0, plus: None, hash: None, value: None }
    }
}

impl<V> FilterTree<V> {
    /// An empty tree; `seed` is that of its hashes.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_hasher(hasher(seed))
    }

    fn with_hasher(hasher: FixedState) -> Self {
        Self {
            nodes: vec![Node::new(ROOT, "")],
            free: Vec::new(),
            children: HashTable::new(),
            hasher,
            filters: 0,
        }
    }

    /// The value of `filter`, made by default if there is none. `filter` carries no `$share/NAME/`.
    pub(crate) fn entry(&mut self, filter: &str) -> (NodeId, &mut V)
    where
        V: Default,
    {
        let mut node = ROOT;
        for level in filter.split('/') {
            node = match self.child(node, level) {
                Some(child) => child,
                None => self.add_child(node, level),
            };
        }
        if self.node(node).value.is_none() {
            self.filters += 1;
        }
        (node, self.nodes[node.0 as usize].value.get_or_insert_default())
    }

    /// Takes `filter` out, with its value.
    pub(crate) fn remove(&mut self, node: NodeId) -> Option<V> {
        let value = self.nodes[node.0 as usize].value.take()?;
        self.filters -= 1;
        self.prune(node);
        Some(value)
    }

    /// The value of a filter.
    pub(crate) fn value(&self, node: NodeId) -> Option<&V> {
        self.nodes.get(node.0 as usize)?.value.as_ref()
    }

    /// The same, to be changed.
    pub(crate) fn value_mut(&mut self, node: NodeId) -> Option<&mut V> {
        self.nodes.get_mut(node.0 as usize)?.value.as_mut()
    }

    /// The filter of a node, level by level.
    pub(crate) fn filter(&self, mut node: NodeId) -> String {
        let mut levels = Vec::new();
        while node != ROOT {
            levels.push(&*self.node(node).level);
            node = self.node(node).parent;
        }
        levels.reverse();
        levels.join("/")
    }

    /// Finds a filter, character by character [MQTT-3.10.4-1].
    pub(crate) fn find(&self, filter: &str) -> Option<NodeId> {
        let mut node = ROOT;
        for level in filter.split('/') {
            node = self.child(node, level)?;
        }
        self.node(node).value.is_some().then_some(node)
    }

    /// Calls `found` for each filter that matches `topic`. Wildcards do not match a first level that begins with `$`
    /// [MQTT-4.7.2-1].
    pub(crate) fn matches<'a>(&'a self, topic: &str, found: &mut impl FnMut(NodeId, &'a V)) {
        self.descend(ROOT, Some(topic), !topic.starts_with('$'), found);
    }

    /// How many filters there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.filters
    }

    fn descend<'a>(
        &'a self,
        node: NodeId,
        rest: Option<&str>,
        wildcards: bool,
        found: &mut impl FnMut(NodeId, &'a V),
    ) {
        let here = self.node(node);
        if wildcards && let Some(hash) = here.hash {
            self.report(hash, found); // also the parent level itself: "sport/#" matches "sport"
        }
        let Some(rest) = rest else {
            self.report(node, found);
            return;
        };
        if here.children == 0 {
            return;
        }
        let (level, rest) = match rest.split_once('/') {
            Some((level, rest)) => (level, Some(rest)),
            None => (rest, None),
        };
        if let Some(child) = self.child(node, level) {
            self.descend(child, rest, true, found);
        }
        if wildcards && let Some(plus) = here.plus {
            self.descend(plus, rest, true, found);
        }
    }

    fn report<'a>(&'a self, node: NodeId, found: &mut impl FnMut(NodeId, &'a V)) {
        if let Some(value) = &self.node(node).value {
            found(node, value);
        }
    }

    fn node(&self, node: NodeId) -> &Node<V> {
        &self.nodes[node.0 as usize]
    }

    fn child(&self, parent: NodeId, level: &str) -> Option<NodeId> {
        match level {
            "+" => self.node(parent).plus,
            "#" => self.node(parent).hash,
            _ => self
                .children
                .find(hash(&self.hasher, parent, level), |&child| {
                    let child = self.node(child);
                    child.parent == parent && *child.level == *level
                })
                .copied(),
        }
    }

    fn add_child(&mut self, parent: NodeId, level: &str) -> NodeId {
        let node = Node::new(parent, level);
        let child = if let Some(free) = self.free.pop() {
            self.nodes[free.0 as usize] = node;
            free
        } else {
            // 2^32 nodes would take 400 GB; the limits on subscriptions keep far below.
            let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
            self.nodes.push(node);
            id
        };
        let parent_node = &mut self.nodes[parent.0 as usize];
        parent_node.children += 1;
        match level {
            "+" => parent_node.plus = Some(child),
            "#" => parent_node.hash = Some(child),
            _ => {
                let (nodes, hasher) = (&self.nodes, &self.hasher);
                self.children.insert_unique(hash(hasher, parent, level), child, |&child| {
                    let child = &nodes[child.0 as usize];
                    hash(hasher, child.parent, &child.level)
                });
            }
        }
        child
    }

    fn prune(&mut self, mut node: NodeId) {
        while node != ROOT {
            let here = self.node(node);
            if here.value.is_some() || here.children > 0 {
                return;
            }
            let parent = here.parent;
            match &*here.level {
                "+" => self.nodes[parent.0 as usize].plus = None,
                "#" => self.nodes[parent.0 as usize].hash = None,
                level => {
                    if let Ok(entry) =
                        self.children.find_entry(hash(&self.hasher, parent, level), |&child| child == node)
                    {
                        entry.remove();
                    }
                }
            }
            self.nodes[parent.0 as usize].children -= 1;
            self.nodes[node.0 as usize] = Node::new(ROOT, "");
            self.free.push(node);
            node = parent;
        }
        if self.filters == 0 {
            *self = Self::with_hasher(self.hasher.clone()); // gives the memory back
        }
    }
}

fn hash(hasher: &FixedState, parent: NodeId, level: &str) -> u64 {
    let mut hasher = hasher.build_hasher();
    parent.hash(&mut hasher);
    hasher.write(level.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests;
