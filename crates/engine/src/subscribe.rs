//! SUBSCRIBE and UNSUBSCRIBE, and what other shards learn of them.

use std::sync::Arc;

use martlet_proto::PeerMisbehaved;
use martlet_wire::{
    Packet, PacketId, Properties, Property, ReasonCode, ReasonCodes, SubAck, Subscribe, SubscribeRequest,
    SubscriptionIdentifier, TopicFilter, UnsubAck, Unsubscribe,
};

use crate::clients::{ClientSession, Replay, SessionId};
use crate::entry::{Entry, Request};
use crate::interest::GroupShare;
use crate::notice::Notice;
use crate::refuse::explain;
use crate::retained::Cursor;
use crate::subscriptions::{Change, Member, Subscription, sends_retained};
use crate::{ConnectionId, Engine};

impl Engine {
    /// SUBSCRIBE came.
    pub(crate) fn subscribe(
        &mut self,
        id: ConnectionId,
        subscribe: &Subscribe<'_>,
    ) -> Result<(), PeerMisbehaved> {
        let Some(connection) = self.connections.get(id) else { return Ok(()) };
        let is_bridge = connection.protocol.is_bridge;
        let is_v5 = connection.protocol.version.has_properties();
        let Some(session_id) = connection.session else { return Ok(()) };
        let Some(session) = self.clients.get(session_id) else { return Ok(()) };
        let is_durable = session.is_durable();
        let client_identifier = Arc::clone(&session.client_identifier);
        let identifier = subscribe.properties.subscription_identifiers().next();
        if identifier.is_some() && !self.config.features.subscription_identifier_available {
            return Err(PeerMisbehaved::SubscriptionIdentifiersNotSupported);
        }
        let mut requests = Vec::new();
        for request in subscribe.requests.iter() {
            let refusal = match self.unavailable(&request) {
                Some(misbehaved) if is_v5 => return Err(misbehaved),
                Some(misbehaved) => Some(misbehaved.reason()), // [MQTT311-3.8.3-2]
                None => self.refusal_of(&client_identifier, request.filter),
            };
            let mut options = request.options;
            options.maximum_qos = options.maximum_qos.min(self.config.features.maximum_qos);
            if is_bridge {
                options.no_local = request.filter.share().is_none();
                options.retain_as_published = true;
            }
            requests.push(Request { filter: request.filter.as_str().into(), options, refusal });
        }
        let entry =
            Entry::Subscribe { connection: id, session: session_id, id: subscribe.id, identifier, requests };
        self.commit(&client_identifier, entry, is_durable);
        Ok(())
    }

    /// What a request uses though it is not there, as CONNACK told a client of 5.0 [s3.2.2.3.11].
    fn unavailable(&self, request: &SubscribeRequest<'_>) -> Option<PeerMisbehaved> {
        let features = &self.config.features;
        if request.filter.share().is_some() && !features.shared_subscription_available {
            return Some(PeerMisbehaved::SharedSubscriptionsNotSupported);
        }
        if request.filter.has_wildcard() && !features.wildcard_subscription_available {
            return Some(PeerMisbehaved::WildcardSubscriptionsNotSupported);
        }
        None
    }

    fn refusal_of(&mut self, client_identifier: &str, filter: TopicFilter<'_>) -> Option<ReasonCode> {
        if filter.filter().split('/').count() > self.config.limits.topic_levels_max {
            return Some(ReasonCode::TopicFilterInvalid);
        }
        (!self.access.subscribe(client_identifier, filter)).then_some(ReasonCode::NotAuthorized)
    }

    fn is_subscribed(&self, session: SessionId, filter: TopicFilter<'_>) -> bool {
        let Some(session) = self.clients.get(session) else { return false };
        if filter.share().is_some() {
            session.shared.iter().any(|text| **text == *filter.as_str())
        } else {
            self.subscriptions.find(filter.filter()).is_some_and(|node| session.subscriptions.contains(&node))
        }
    }

    /// The subscriptions are made, SUBACK goes out, and the retained messages that they ask for.
    pub(crate) fn apply_subscribe(
        &mut self,
        connection: ConnectionId,
        session_id: SessionId,
        id: PacketId,
        identifier: Option<SubscriptionIdentifier>,
        requests: &[Request],
    ) {
        let Some(session) = self.clients.get(session_id) else { return };
        let client_identifier = session.client_identifier.to_string();
        let is_here = session.connection == Some(connection);
        let is_v5 = self.connections.get(connection).is_some_and(|c| c.protocol.version.has_properties());
        let mut codes = Vec::with_capacity(requests.len());
        for request in requests {
            let reason = match request.refusal {
                Some(reason) => reason,
                None => self.make_subscription(session_id, request, identifier),
            };
            self.notice(Notice::Subscribed {
                client_identifier: client_identifier.clone(),
                filter: request.filter.to_string(),
                reason,
            });
            let is_told = is_v5 || !reason.is_error();
            codes.push(if is_told { reason } else { ReasonCode::UnspecifiedError }); // [MQTT311-3.9.3-2]
        }
        if is_here {
            self.send_suback(connection, id, &codes);
        }
        self.pump(session_id);
    }

    /// Sends SUBACK [MQTT-3.8.4-1], with the reason of the first failure.
    fn send_suback(&mut self, id: ConnectionId, packet_id: PacketId, codes: &[ReasonCode]) {
        let text = codes.iter().find(|code| code.is_error()).and_then(|code| explain(*code));
        let text = text.map(Property::ReasonString);
        let codes = ReasonCodes::list(codes);
        let mut suback = SubAck { id: packet_id, properties: Properties::list(text.as_slice()), codes };
        let is_told = self.connections.get(id).is_some_and(|connection| {
            let len = suback.encoded_len(connection.protocol.version);
            self.may_explain(connection) && len.is_ok_and(|len| connection.protocol.fits(len))
        });
        if !is_told {
            suback.properties = Properties::EMPTY; // [MQTT-3.9.2-1]
        }
        self.send(id, &Packet::SubAck(suback));
    }

    fn make_subscription(
        &mut self,
        session_id: SessionId,
        request: &Request,
        identifier: Option<SubscriptionIdentifier>,
    ) -> ReasonCode {
        let Ok(filter) = TopicFilter::parse(&request.filter) else { return ReasonCode::TopicFilterInvalid };
        let options = request.options;
        let count = self.clients.get(session_id).map_or(0, ClientSession::subscription_count);
        if count >= self.config.limits.subscriptions_per_session_max
            && !self.is_subscribed(session_id, filter)
        {
            return ReasonCode::QuotaExceeded;
        }
        if filter.share().is_some() {
            self.join(session_id, filter, request, identifier);
            return ReasonCode::granted(options.maximum_qos); // no retained messages [s3.8.4]
        }
        let subscription = Subscription::new(session_id, options, identifier);
        let (node, is_new, change) = self.subscriptions.subscribe(filter.filter(), subscription);
        if change == Change::Interest && self.commons.shards() > 1 {
            let shard = self.shard.0;
            self.commons.change_interest(|interest| interest.add(filter.filter(), shard));
        }
        if let Some(session) = self.clients.get_mut(session_id) {
            session.subscriptions.insert(node);
            // What is still owed for the subscription that this one replaces comes by the new one.
            for replay in session.replays.iter_mut().filter(|replay| *replay.filter == *filter.filter()) {
                replay.qos = options.maximum_qos;
                replay.no_local = options.no_local;
                replay.identifier = identifier;
            }
            if sends_retained(options.retain_handling, is_new) {
                session.replays.retain(|replay| *replay.filter != *filter.filter());
                session.replays.push_back(Replay {
                    filter: filter.filter().into(),
                    cursor: Cursor::default(),
                    qos: options.maximum_qos,
                    no_local: options.no_local,
                    identifier,
                });
            }
        }
        ReasonCode::granted(options.maximum_qos) // [MQTT-3.8.4-7]
    }

    fn join(
        &mut self,
        session_id: SessionId,
        filter: TopicFilter<'_>,
        request: &Request,
        identifier: Option<SubscriptionIdentifier>,
    ) {
        let Some(session) = self.clients.get_mut(session_id) else { return };
        let text: Arc<str> = filter.as_str().into();
        let member = Member {
            session: session_id,
            qos: request.options.maximum_qos,
            retain_as_published: request.options.retain_as_published,
            identifier,
            is_online: session.connection.is_some(),
        };
        if self.subscriptions.join(&text, filter.filter(), member) {
            session.shared.push(Arc::clone(&text));
        }
        self.tell_group(&text);
    }

    /// UNSUBSCRIBE came.
    pub(crate) fn unsubscribe(&mut self, id: ConnectionId, unsubscribe: &Unsubscribe<'_>) {
        let Some(session_id) = self.connections.get(id).and_then(|connection| connection.session) else {
            return;
        };
        let Some(session) = self.clients.get(session_id) else { return };
        let filters = unsubscribe.filters.iter().map(|filter| filter.as_str().into()).collect();
        let entry = Entry::Unsubscribe { connection: id, session: session_id, id: unsubscribe.id, filters };
        let (name, is_durable) = (Arc::clone(&session.client_identifier), session.is_durable());
        self.commit(&name, entry, is_durable);
    }

    /// The subscriptions are gone, UNSUBACK goes out [MQTT-3.10.4-4].
    pub(crate) fn apply_unsubscribe(
        &mut self,
        connection: ConnectionId,
        session_id: SessionId,
        id: PacketId,
        filters: &[Box<str>],
    ) {
        let Some(session) = self.clients.get(session_id) else { return };
        let is_here = session.connection == Some(connection);
        let codes: Vec<ReasonCode> = filters
            .iter()
            .map(|filter| {
                if self.drop_subscription(session_id, filter) {
                    ReasonCode::Success
                } else {
                    ReasonCode::NoSubscriptionExisted
                }
            })
            .collect();
        if is_here {
            let unsuback = UnsubAck { id, properties: Properties::EMPTY, codes: ReasonCodes::list(&codes) };
            self.send(connection, &Packet::UnsubAck(unsuback));
        }
    }

    fn drop_subscription(&mut self, session_id: SessionId, text: &str) -> bool {
        let Ok(filter) = TopicFilter::parse(text) else { return false };
        let Some(session) = self.clients.get_mut(session_id) else { return false };
        if filter.share().is_some() {
            session.shared.retain(|shared| **shared != *text);
            let is_gone = self.subscriptions.leave(text, filter.filter(), session_id);
            if is_gone {
                self.tell_group(&text.into());
            }
            return is_gone;
        }
        let Some(node) = self.subscriptions.find(filter.filter()) else { return false };
        if !session.subscriptions.remove(&node) {
            return false;
        }
        session.replays.retain(|replay| *replay.filter != *filter.filter());
        if self.subscriptions.unsubscribe(node, session_id) == Some(Change::Interest) {
            self.lose_interest(filter.filter());
        }
        true
    }

    /// Takes all subscriptions of a Session away.
    pub(crate) fn drop_subscriptions(&mut self, session_id: SessionId) {
        let Some(session) = self.clients.get_mut(session_id) else { return };
        session.replays.clear();
        let mut nodes: Vec<_> = core::mem::take(&mut session.subscriptions).into_iter().collect();
        nodes.sort_unstable();
        let shared = core::mem::take(&mut session.shared);
        for node in nodes {
            let filter = (self.commons.shards() > 1).then(|| self.subscriptions.filter(node));
            if self.subscriptions.unsubscribe(node, session_id) == Some(Change::Interest)
                && let Some(filter) = filter
            {
                self.lose_interest(&filter);
            }
        }
        for text in shared {
            if let Ok(filter) = TopicFilter::parse(&text) {
                self.subscriptions.leave(&text, filter.filter(), session_id);
                self.tell_group(&text);
            }
        }
    }

    /// A Session got or lost its connection, which its Shared Subscriptions take into account.
    pub(crate) fn set_online(&mut self, session_id: SessionId, is_online: bool) {
        let Some(session) = self.clients.get(session_id) else { return };
        for text in session.shared.clone() {
            if let Some(group) = self.subscriptions.group_mut(&text) {
                group.set_online(session_id, is_online);
            }
            self.subscriptions.touch();
            self.tell_group(&text);
        }
    }

    fn lose_interest(&self, filter: &str) {
        if self.commons.shards() > 1 {
            let shard = self.shard.0;
            self.commons.change_interest(|interest| interest.remove(filter, shard));
        }
    }

    /// Tells the other shards how many members of a Shared Subscription are here.
    fn tell_group(&mut self, text: &Arc<str>) {
        if self.commons.shards() == 1 {
            return;
        }
        let share =
            self.own_share(text).pop().unwrap_or(GroupShare { shard: self.shard.0, members: 0, online: 0 });
        if let Ok(filter) = TopicFilter::parse(text) {
            self.commons.change_interest(|interest| interest.set_group(text, filter.filter(), share));
        }
    }
}
