//! The subscriptions of one shard's Sessions: who gets a message with this Topic Name.

mod shared;

use std::sync::Arc;

use martlet_wire::{QoS, RetainHandling, SubscriptionIdentifier, SubscriptionOptions, TopicFilter};

pub(crate) use shared::{Group, Member};

use crate::clients::{ClientSession, SessionId};
use crate::hashing::{Map, hasher};
use crate::interest::Demand;
use crate::tree::{FilterTree, NodeId};

/// One plain subscription at a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) session: SessionId,
    pub(crate) qos: QoS,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) retain_handling: RetainHandling,
    pub(crate) identifier: Option<SubscriptionIdentifier>,
    /// Whether its Session survives a crash.
    pub(crate) survives: bool,
}

impl Subscription {
    /// The options of its SUBSCRIBE.
    pub(crate) fn options(&self) -> SubscriptionOptions {
        SubscriptionOptions {
            maximum_qos: self.qos,
            no_local: self.no_local,
            retain_as_published: self.retain_as_published,
            retain_handling: self.retain_handling,
        }
    }
}

/// What is subscribed at one filter.
#[derive(Debug, Default)]
struct AtFilter {
    plain: Vec<Subscription>,
    /// The Shared Subscriptions of this filter: `$share/NAME/FILTER`.
    groups: Vec<Arc<str>>,
}

/// What is told of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionFacts {
    /// The Topic Filter; without the share of a Shared Subscription.
    pub filter: String,
    /// The `ShareName` of a Shared Subscription.
    pub share: Option<String>,
    /// The Client Identifier.
    pub client_identifier: String,
    /// The granted QoS.
    pub qos: QoS,
}

/// All subscriptions of one shard.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    tree: FilterTree<AtFilter>,
    groups: Map<Arc<str>, Group>,
    count: usize,
    /// Those of `count` that are members of Shared Subscriptions.
    shared_count: usize,
    version: u64,
}

/// What a change of the subscriptions to a filter did to the demand of the shard: the new one, if it changed.
pub(crate) type Change = Option<Demand>;

impl AtFilter {
    /// What the plain subscriptions want together.
    fn demand(&self) -> Demand {
        let demands = self.plain.iter().map(|it| shared::demand(it.survives, it.qos));
        demands.max().unwrap_or(Demand::None)
    }

    /// Lets `change` change the plain subscriptions, and tells what it did to the demand.
    fn change<T>(&mut self, change: impl FnOnce(&mut Vec<Subscription>) -> T) -> (T, Change) {
        let before = self.demand();
        let outcome = change(&mut self.plain);
        let after = self.demand();
        (outcome, (after != before).then_some(after))
    }
}

/// One Session that gets a message, all its matching plain subscriptions taken together.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    pub(crate) session: SessionId,
    /// The highest granted QoS among them [MQTT-3.3.4-2].
    pub(crate) qos: QoS,
    pub(crate) retain_as_published: bool,
    /// Some of them has No Local: the Session's own messages need a closer look.
    pub(crate) no_local: bool,
    pub(crate) identifiers: Vec<SubscriptionIdentifier>,
}

impl Subscriptions {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            tree: FilterTree::new(seed),
            groups: Map::with_hasher(hasher(seed)),
            count: 0,
            shared_count: 0,
            version: 0,
        }
    }

    /// Adds a plain subscription, or replaces the one that the Session has at this filter [MQTT-3.8.4-3].
    ///
    /// Tells where, whether it is new, and what it did to the interest of the shard.
    pub(crate) fn subscribe(&mut self, filter: &str, subscription: Subscription) -> (NodeId, bool, Change) {
        self.version += 1;
        let (node, at) = self.tree.entry(filter);
        let (is_new, change) = at.change(|plain| {
            if let Some(old) = plain.iter_mut().find(|old| old.session == subscription.session) {
                *old = subscription;
                return false;
            }
            plain.reserve_exact(1 + plain.len() / 2); // most filters have one subscriber
            plain.push(subscription);
            true
        });
        self.count += usize::from(is_new);
        (node, is_new, change)
    }

    /// Takes a plain subscription away; `None` if there was none.
    pub(crate) fn unsubscribe(&mut self, node: NodeId, session: SessionId) -> Option<Change> {
        let at = self.tree.value_mut(node)?;
        let index = at.plain.iter().position(|subscription| subscription.session == session)?;
        // In order: the oldest subscriber is served first.
        let (_, change) = at.change(|plain| plain.remove(index));
        self.version += 1;
        self.count -= 1;
        self.drop_if_empty(node);
        Some(change)
    }

    /// The Session of a plain subscription begins to survive a crash.
    pub(crate) fn set_survives(&mut self, node: NodeId, session: SessionId) -> Change {
        let at = self.tree.value_mut(node)?;
        at.change(|plain| {
            for subscription in plain.iter_mut().filter(|subscription| subscription.session == session) {
                subscription.survives = true;
            }
        })
        .1
    }

    /// The plain subscription of a Session at a node.
    pub(crate) fn at(&self, node: NodeId, session: SessionId) -> Option<&Subscription> {
        self.tree.value(node)?.plain.iter().find(|subscription| subscription.session == session)
    }

    /// Joins a Shared Subscription, or replaces the membership. Tells whether it is new.
    pub(crate) fn join(&mut self, text: &Arc<str>, filter: &str, member: Member) -> bool {
        self.version += 1;
        let (_, at) = self.tree.entry(filter);
        if !at.groups.contains(text) {
            at.groups.push(Arc::clone(text));
        }
        let is_new = self.groups.entry(Arc::clone(text)).or_default().join(member);
        self.count += usize::from(is_new);
        self.shared_count += usize::from(is_new);
        is_new
    }

    /// Leaves a Shared Subscription; `false` if the Session was no member.
    pub(crate) fn leave(&mut self, text: &str, filter: &str, session: SessionId) -> bool {
        let Some(group) = self.groups.get_mut(text) else { return false };
        if !group.leave(session) {
            return false;
        }
        self.version += 1;
        self.count -= 1;
        self.shared_count -= 1;
        if group.is_empty() {
            self.groups.remove(text);
            if let Some(node) = self.tree.find(filter)
                && let Some(at) = self.tree.value_mut(node)
            {
                at.groups.retain(|group| **group != *text);
                self.drop_if_empty(node);
            }
        }
        true
    }

    /// The Shared Subscription of this text.
    pub(crate) fn group(&self, text: &str) -> Option<&Group> {
        self.groups.get(text)
    }

    /// The same, to be changed.
    pub(crate) fn group_mut(&mut self, text: &str) -> Option<&mut Group> {
        self.groups.get_mut(text)
    }

    /// Finds the node of a filter.
    pub(crate) fn find(&self, filter: &str) -> Option<NodeId> {
        self.tree.find(filter)
    }

    /// The filter of a node.
    pub(crate) fn filter(&self, node: NodeId) -> String {
        self.tree.filter(node)
    }

    /// The Sessions that get a message with this Topic Name by a plain subscription, each once.
    ///
    /// `own` leaves the subscriptions with No Local of this Session out [MQTT-3.8.3-3].
    pub(crate) fn receivers(&self, topic: &str, own: Option<SessionId>) -> Vec<Receiver> {
        let mut places: Map<SessionId, usize> = Map::default();
        let mut receivers: Vec<Receiver> = Vec::new();
        let mut filters = 0;
        self.tree.matches(topic, &mut |_, at| {
            filters += usize::from(!at.plain.is_empty());
            for subscription in &at.plain {
                if subscription.no_local && own == Some(subscription.session) {
                    continue;
                }
                // Within one filter every Session stands once, so only a second filter can repeat one.
                let known = if filters > 1 { places.get(&subscription.session).copied() } else { None };
                if let Some(place) = known {
                    receivers[place].merge(subscription);
                } else {
                    places.insert(subscription.session, receivers.len());
                    receivers.push(Receiver::from(subscription));
                }
            }
        });
        receivers
    }

    /// The Shared Subscriptions that a message with this Topic Name goes to.
    pub(crate) fn groups(&self, topic: &str) -> Vec<Arc<str>> {
        let mut groups = Vec::new();
        self.tree.matches(topic, &mut |_, at| groups.extend(at.groups.iter().cloned()));
        groups
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// What is told of the subscriptions of a Session.
    pub(crate) fn facts(&self, id: SessionId, session: &ClientSession) -> Vec<SubscriptionFacts> {
        let client_identifier = session.client_identifier.to_string();
        let facts = |filter: &str, share: Option<&str>, qos| SubscriptionFacts {
            filter: filter.to_owned(),
            share: share.map(str::to_owned),
            client_identifier: client_identifier.clone(),
            qos,
        };
        let plain = session.subscriptions.iter().filter_map(|node| {
            let subscription = self.at(*node, id)?;
            Some(facts(&self.filter(*node), None, subscription.options().maximum_qos))
        });
        let shared = session.shared.iter().filter_map(|text| {
            let filter = TopicFilter::parse(text).ok()?;
            let member = self.group(text)?.member(id)?;
            Some(facts(filter.filter(), filter.share(), member.options().maximum_qos))
        });
        plain.chain(shared).collect()
    }

    /// How many of them are members of Shared Subscriptions.
    pub(crate) fn shared_len(&self) -> usize {
        self.shared_count
    }

    /// Changes with every change of the subscriptions.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// A member's connection came or went, which changes who is served.
    pub(crate) fn touch(&mut self) {
        self.version += 1;
    }

    fn drop_if_empty(&mut self, node: NodeId) {
        if self.tree.value_mut(node).is_some_and(|at| at.plain.is_empty() && at.groups.is_empty()) {
            self.tree.remove(node);
        }
    }
}

impl Receiver {
    fn merge(&mut self, other: &Subscription) {
        self.qos = self.qos.max(other.qos);
        self.retain_as_published |= other.retain_as_published;
        self.no_local |= other.no_local;
        self.identifiers.extend(other.identifier); // [MQTT-3.3.4-4]
    }
}

impl From<&Subscription> for Receiver {
    fn from(subscription: &Subscription) -> Self {
        Self {
            session: subscription.session,
            qos: subscription.qos,
            retain_as_published: subscription.retain_as_published,
            no_local: subscription.no_local,
            identifiers: subscription.identifier.into_iter().collect(),
        }
    }
}

/// Whether retained messages are sent for a subscription [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11].
pub(crate) fn sends_retained(handling: RetainHandling, is_new: bool) -> bool {
    match handling {
        RetainHandling::SendAtSubscribe => true,
        RetainHandling::SendIfNew => is_new,
        RetainHandling::DoNotSend => false,
    }
}
