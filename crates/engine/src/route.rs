//! From a message to those who get it, on this shard and on others.

use std::sync::Arc;

use martlet_wire::QoS;

use crate::Engine;
use crate::deliver::{Copies, Grant};
use crate::forward::Destination;
use crate::hashing::{Map, hasher};
use crate::interest::{Demand, GroupShare, choose_shard};
use crate::message::Publication;
use crate::own::BROKER;
use crate::subscriptions::Receiver;

/// Who gets the messages of one topic.
#[derive(Debug, Default)]
pub(crate) struct Route {
    receivers: Vec<Receiver>,
    groups: Vec<(Arc<str>, Vec<GroupShare>)>,
    /// Other shards with plain subscriptions.
    shards: Vec<(u16, Demand)>,
}

/// The routes of the topics seen lately. Any change of any subscription empties it.
#[derive(Debug)]
pub(crate) struct Routes {
    by_topic: Map<Box<str>, Arc<Route>>,
    version: (u64, u64),
    entries_max: usize,
}

impl Routes {
    pub(crate) fn new(seed: u64, entries_max: usize) -> Self {
        Self { by_topic: Map::with_hasher(hasher(seed)), version: (0, 0), entries_max }
    }

    fn get(&mut self, topic: &str, version: (u64, u64)) -> Option<Arc<Route>> {
        if self.version != version {
            self.by_topic.clear();
            self.version = version;
        }
        self.by_topic.get(topic).cloned()
    }

    fn insert(&mut self, topic: &str, route: Arc<Route>) {
        if self.by_topic.len() >= self.entries_max {
            self.by_topic.clear();
        }
        self.by_topic.insert(topic.into(), route);
    }
}

/// What goes to one other shard.
#[derive(Debug)]
struct Remote {
    shard: u16,
    plain: bool,
    groups: Vec<Arc<str>>,
    demand: Demand,
}

impl Engine {
    /// Delivers a message to everyone who wants it. Tells whether there is anyone.
    pub(crate) fn route(&mut self, publication: &mut Publication<'_>) -> bool {
        if self.is_expired(publication) {
            return true;
        }
        let route = self.find_route(publication.topic.as_str());
        let mut copies = Copies::default();
        self.deliver_to_all(publication, &route.receivers, &mut copies);
        let plain = |&(shard, demand)| Remote { shard, plain: true, groups: Vec::new(), demand };
        let mut remotes: Vec<Remote> = route.shards.iter().map(plain).collect();
        for (group, shares) in &route.groups {
            match self.choose(group, shares) {
                Some(shard) if shard == self.shard.0 => {
                    self.deliver_to_group(publication, group, &mut copies);
                }
                Some(shard) => {
                    let demand = demand_of(shares, shard);
                    let groups = vec![Arc::clone(group)];
                    match remotes.iter_mut().find(|remote| remote.shard == shard) {
                        Some(remote) => {
                            remote.groups.extend(groups);
                            remote.demand = remote.demand.max(demand);
                        }
                        None => remotes.push(Remote { shard, plain: false, groups, demand }),
                    }
                }
                None => {}
            }
        }
        for Remote { shard, plain, groups, demand } in &remotes {
            let destination = Destination { plain: *plain, groups, hops: 0 };
            self.forward(*shard, publication, destination, *demand);
        }
        let is_wanted = !(route.receivers.is_empty() && route.groups.is_empty() && remotes.is_empty());
        let is_of_client = publication.publisher != BROKER;
        self.status.without_subscriber += u64::from(!is_wanted && is_of_client);
        is_wanted
    }

    /// Delivers a message to one member of a Shared Subscription, wherever it has members.
    pub(crate) fn route_to_group(&mut self, publication: &mut Publication<'_>, group: &Arc<str>) {
        self.route_to_group_after(publication, group, 0);
    }

    /// The same, after so many shards had no member for it.
    pub(crate) fn route_to_group_after(
        &mut self,
        publication: &mut Publication<'_>,
        group: &Arc<str>,
        hops: u8,
    ) {
        const HOPS_MAX: u8 = 8;
        if self.is_expired(publication) {
            return;
        }
        let shares =
            if self.commons.shards() == 1 { self.own_share(group) } else { self.commons.group(group) };
        match self.choose(group, &shares) {
            Some(shard) if shard == self.shard.0 => {
                self.deliver_to_group(publication, group, &mut Copies::default());
            }
            Some(shard) if hops < HOPS_MAX => {
                let groups = core::slice::from_ref(group);
                let destination = Destination { plain: false, groups, hops: hops + 1 };
                self.forward(shard, publication, destination, demand_of(&shares, shard));
            }
            _ => self.status.without_subscriber += 1,
        }
    }

    /// Delivers what another shard sent.
    pub(crate) fn deliver_forwarded(
        &mut self,
        publication: &mut Publication<'_>,
        plain: bool,
        groups: &[Arc<str>],
        hops: u8,
    ) {
        if self.is_expired(publication) {
            return;
        }
        let mut copies = Copies::default();
        if plain {
            let route = self.find_route(publication.topic.as_str());
            self.deliver_to_all(publication, &route.receivers, &mut copies);
        }
        for group in groups {
            if !self.deliver_to_group(publication, group, &mut copies) {
                self.route_to_group_after(publication, group, hops);
            }
        }
    }

    /// Whether a message expired while it waited for the log, or on its way between shards [MQTT-3.3.2-5].
    fn is_expired(&mut self, publication: &Publication<'_>) -> bool {
        let is_expired = publication.expires_at.is_some_and(|at| at <= self.now);
        self.status.dropped_expired += u64::from(is_expired);
        is_expired
    }

    fn deliver_to_all(
        &mut self,
        publication: &mut Publication<'_>,
        receivers: &[Receiver],
        copies: &mut Copies,
    ) {
        for receiver in receivers {
            let is_own = receiver.no_local
                && self
                    .clients
                    .get(receiver.session)
                    .is_some_and(|session| *session.client_identifier == *publication.publisher);
            if is_own {
                // Only subscriptions without No Local count [MQTT-3.8.3-3].
                let others = self.subscriptions.receivers(publication.topic.as_str(), Some(receiver.session));
                if let Some(receiver) = others.iter().find(|other| other.session == receiver.session) {
                    self.deliver(publication, receiver.session, Grant::from(receiver), copies);
                }
            } else {
                self.deliver(publication, receiver.session, Grant::from(receiver), copies);
            }
        }
    }

    /// Delivers a message to a member of a Shared Subscription on this shard; `false` if there is none.
    fn deliver_to_group(
        &mut self,
        publication: &mut Publication<'_>,
        text: &Arc<str>,
        copies: &mut Copies,
    ) -> bool {
        let (clients, connections) = (&self.clients, &self.connections);
        let limits = &self.config.limits;
        let is_busy = |session| {
            clients.get(session).is_none_or(|session| {
                let connection = session.connection.and_then(|id| connections.get(id));
                session.has_pending()
                    || connection.is_none_or(|connection| {
                        !connection.has_quota(&session.state.outbound, limits)
                            || connection.out.len() >= limits.out_buffer_bytes_max
                    })
            })
        };
        let Some(member) = self.subscriptions.group_mut(text).and_then(|group| group.choose(is_busy)) else {
            return false;
        };
        let identifiers: Vec<_> = member.identifier.into_iter().collect();
        let grant = Grant {
            qos: member.qos,
            retain_as_published: member.retain_as_published,
            identifiers: &identifiers,
            group: Some(text),
        };
        self.deliver(publication, member.session, grant, copies);
        true
    }

    fn choose(&mut self, group: &Arc<str>, shares: &[GroupShare]) -> Option<u16> {
        if let [only] = shares {
            return Some(only.shard);
        }
        if self.group_turns.len() >= self.config.limits.route_cache_entries_max {
            self.group_turns.clear(); // whose turn it is starts over, which harms nobody
        }
        let turn = self.group_turns.entry(Arc::clone(group)).or_default();
        let chosen = choose_shard(shares, *turn);
        *turn = turn.wrapping_add(1);
        chosen
    }

    fn find_route(&mut self, topic: &str) -> Arc<Route> {
        let version = (self.subscriptions.version(), self.commons.version());
        if let Some(route) = self.routes.get(topic, version) {
            return route;
        }
        let mut route = Route { receivers: self.subscriptions.receivers(topic, None), ..Route::default() };
        if self.commons.shards() == 1 {
            let groups = self.subscriptions.groups(topic);
            route.groups =
                groups.into_iter().map(|group| (Arc::clone(&group), self.own_share(&group))).collect();
        } else {
            let interested = self.commons.interested(topic);
            route.groups = interested.groups;
            route.shards = interested.shards;
            route.shards.retain(|(shard, _)| *shard != self.shard.0);
        }
        let route = Arc::new(route);
        self.routes.insert(topic, Arc::clone(&route));
        route
    }

    /// Whether a Session that survives a crash wants messages of a topic, at QoS 1 or 2.
    pub(crate) fn is_wanted_for_good(&mut self, topic: &str) -> bool {
        let route = self.find_route(topic);
        let is_lasting = |receiver: &Receiver| {
            let session = self.clients.get(receiver.session);
            receiver.qos > QoS::AtMostOnce && session.is_some_and(|session| session.record.is_some())
        };
        let mut shares = route.groups.iter().flat_map(|(_, shares)| shares);
        route.receivers.iter().any(is_lasting)
            || route.shards.iter().any(|(_, demand)| *demand == Demand::Lasting)
            || shares.any(|share| share.demand == Demand::Lasting)
    }

    /// This shard's part in a Shared Subscription.
    pub(crate) fn own_share(&self, group: &str) -> Vec<GroupShare> {
        let Some(group) = self.subscriptions.group(group) else { return Vec::new() };
        let (members, online) = group.counts();
        vec![GroupShare { shard: self.shard.0, members, online, demand: group.demand() }]
    }
}

/// What a shard wants for its members of a Shared Subscription.
fn demand_of(shares: &[GroupShare], shard: u16) -> Demand {
    shares.iter().find(|share| share.shard == shard).map_or(Demand::None, |share| share.demand)
}
