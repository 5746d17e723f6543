//! What every shard of a node wants: for each Topic Filter, the shards that have a subscription to it.

use std::sync::Arc;

use crate::hashing::{Map, hasher};
use crate::tree::FilterTree;

/// What a shard wants of the messages that a filter matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Demand {
    /// Nothing.
    None,
    /// To have them for Sessions that end with a crash, or at QoS 0.
    Passing,
    /// To have them for Sessions that survive a crash, and to lose none.
    Lasting,
}

/// The shards that want a message, and the Shared Subscriptions that it goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interested {
    pub(crate) shards: Vec<(u16, Demand)>,
    pub(crate) groups: Vec<(Arc<str>, Vec<GroupShare>)>,
}

/// One shard's part in a Shared Subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupShare {
    pub(crate) shard: u16,
    pub(crate) members: usize,
    pub(crate) online: usize,
    /// The highest demand of a member.
    pub(crate) demand: Demand,
}

/// The interest of all shards.
#[derive(Debug)]
pub(crate) struct Interest {
    tree: FilterTree<AtFilter>,
    groups: Map<Arc<str>, Vec<GroupShare>>,
}

#[derive(Debug, Default)]
struct AtFilter {
    shards: Vec<(u16, Demand)>,
    groups: Vec<Arc<str>>,
}

impl Interest {
    pub(crate) fn new(seed: u64) -> Self {
        Self { tree: FilterTree::new(seed), groups: Map::with_hasher(hasher(seed)) }
    }

    /// A shard tells what it wants for its plain subscriptions to `filter`.
    pub(crate) fn set(&mut self, filter: &str, shard: u16, demand: Demand) {
        if demand == Demand::None {
            self.change(filter, |at| at.shards.retain(|(other, _)| *other != shard));
            return;
        }
        let (_, at) = self.tree.entry(filter);
        match at.shards.binary_search_by_key(&shard, |(shard, _)| *shard) {
            Ok(place) => at.shards[place].1 = demand,
            Err(place) => at.shards.insert(place, (shard, demand)),
        }
    }

    /// A shard tells how many members of a Shared Subscription it has.
    pub(crate) fn set_group(&mut self, text: &Arc<str>, filter: &str, share: GroupShare) {
        let shares = self.groups.entry(Arc::clone(text)).or_default();
        // In the order in which they joined, which is whose turn it is first.
        let there = shares.iter().position(|other| other.shard == share.shard);
        if share.members > 0 {
            match there {
                Some(place) => shares[place] = share,
                None => shares.push(share),
            }
            let (_, at) = self.tree.entry(filter);
            if !at.groups.contains(text) {
                at.groups.push(Arc::clone(text));
            }
            return;
        }
        if let Some(place) = there {
            shares.remove(place);
        }
        if shares.is_empty() {
            self.groups.remove(text);
            self.change(filter, |at| at.groups.retain(|group| group != text));
        }
    }

    /// Who wants a message with this Topic Name.
    pub(crate) fn interested(&self, topic: &str) -> Interested {
        let mut interested = Interested::default();
        self.tree.matches(topic, &mut |_, at| {
            interested.shards.extend(&at.shards);
            for group in &at.groups {
                interested.groups.push((Arc::clone(group), self.group(group).to_vec()));
            }
        });
        interested.shards.sort_unstable_by_key(|(shard, demand)| (*shard, core::cmp::Reverse(*demand)));
        interested.shards.dedup_by_key(|(shard, _)| *shard);
        interested
    }

    /// The shards with members of a Shared Subscription.
    pub(crate) fn group(&self, text: &str) -> &[GroupShare] {
        self.groups.get(text).map_or(&[], Vec::as_slice)
    }

    fn change(&mut self, filter: &str, change: impl FnOnce(&mut AtFilter)) {
        let Some(node) = self.tree.find(filter) else { return };
        if let Some(at) = self.tree.value_mut(node) {
            change(at);
            if at.shards.is_empty() && at.groups.is_empty() {
                self.tree.remove(node);
            }
        }
    }
}

/// Chooses the shard whose member gets the `turn`-th message: shards with connected members first, each as often as it
/// has such members.
pub(crate) fn choose_shard(shares: &[GroupShare], turn: usize) -> Option<u16> {
    let online: usize = shares.iter().map(|share| share.online).sum();
    let weight = |share: &GroupShare| if online > 0 { share.online } else { share.members };
    let mut rest = turn % shares.iter().map(weight).sum::<usize>().max(1);
    for share in shares {
        if rest < weight(share) {
            return Some(share.shard);
        }
        rest -= weight(share);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_wanted_until_the_last_shard_left() {
        use Demand::{Lasting, Passing};
        let mut interest = Interest::new(1);
        interest.set("a/#", 1, Lasting);
        interest.set("a/+", 0, Passing);
        interest.set("a/b", 1, Passing);
        assert_eq!(interest.interested("a/b").shards, [(0, Passing), (1, Lasting)]);
        interest.set("a/+", 0, Demand::None);
        interest.set("a/b", 1, Demand::None);
        interest.set("a/#", 1, Passing);
        assert_eq!(interest.interested("a/b").shards, [(1, Passing)]);
        interest.set("a/#", 1, Demand::None);
        assert_eq!((interest.interested("a/b"), interest.tree.len()), (Interested::default(), 0));
    }

    #[test]
    fn turns_follow_the_connected_members() {
        let share = |shard, members, online| GroupShare { shard, members, online, demand: Demand::Passing };
        let turns =
            |shares: &[GroupShare]| (0..4).filter_map(|n| choose_shard(shares, n)).collect::<Vec<_>>();
        assert_eq!(turns(&[share(0, 3, 1), share(1, 1, 1), share(2, 5, 0)]), [0, 1, 0, 1]);
        assert_eq!(turns(&[share(0, 1, 0), share(2, 2, 0)]), [0, 2, 2, 0]);
        assert_eq!(turns(&[]), []);
        let mut interest = Interest::new(1);
        let text: Arc<str> = "$share/g/a".into();
        interest.set_group(&text, "a", share(0, 1, 1));
        interest.set_group(&text, "a", share(1, 1, 0));
        assert_eq!(interest.interested("a").groups.len(), 1);
        assert_eq!(interest.group("$share/g/a").len(), 2);
        interest.set_group(&text, "a", share(0, 0, 0));
        interest.set_group(&text, "a", share(1, 0, 0));
        assert_eq!((interest.groups.len(), interest.tree.len()), (0, 0));
    }
}
