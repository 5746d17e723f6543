//! How a shard asks the authority.

use std::sync::Arc;

use martlet_access::Action;
use martlet_dynsec as dynsec;
use martlet_engine::{Access, Client, Decision, Newcomer, Peer};
use martlet_wire::{TopicFilter, TopicName};

use super::Authority;

/// The authority, as one shard asks it. As far as access control lists go, to subscribe is allowed to all, as in Mosquitto: each
/// message is looked at when it is delivered.
pub(super) struct Guard {
    pub(super) authority: Arc<Authority>,
    /// What decided before, for clients that came in by that.
    pub(super) before: Arc<Authority>,
    pub(super) checks_deliveries: bool,
}

/// Whether it is the near end of a bridge: what goes over it is what its `topic` lines say.
fn is_bridge(client: Client<'_>) -> bool {
    client.listener == Some(Peer::BRIDGE_LISTENER)
}

impl Access for Guard {
    fn connect(&mut self, newcomer: &Newcomer<'_>) -> Decision {
        self.authority.decide(newcomer)
    }

    fn stays(&mut self, peer: &Peer, client: Client<'_>) -> bool {
        peer.bridge().is_some() || self.authority.keeps(&self.before, peer, client)
    }

    fn publish(&mut self, client: Client<'_>, topic: TopicName<'_>) -> bool {
        is_bridge(client) || self.authority.allows(client, Action::Write, topic.as_str())
    }

    fn receive(&mut self, client: Client<'_>, topic: TopicName<'_>) -> bool {
        is_bridge(client) || self.authority.allows(client, Action::Read, topic.as_str())
    }

    fn subscribe(&mut self, client: Client<'_>, filter: TopicFilter<'_>) -> bool {
        is_bridge(client) || self.authority.dynamic_allows(client, dynsec::Action::Subscribe, filter.as_str())
    }

    fn unsubscribe(&mut self, client: Client<'_>, filter: TopicFilter<'_>) -> bool {
        is_bridge(client)
            || self.authority.dynamic_allows(client, dynsec::Action::Unsubscribe, filter.as_str())
    }

    fn checks_deliveries(&self) -> bool {
        self.checks_deliveries
    }

    fn checks_retained_publishers(&self) -> bool {
        self.checks_deliveries && self.authority.checks_retained_publishers
    }
}
