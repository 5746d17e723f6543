//! SUBSCRIBE and UNSUBSCRIBE, and what other shards learn of them.

use std::sync::Arc;

use martlet_proto::PeerMisbehaved;
use martlet_wire::{
    Packet, PacketId, Properties, Property, ReasonCode, ReasonCodes, SubAck, Subscribe, SubscribeRequest,
    SubscriptionIdentifier, SubscriptionOptions, TopicFilter, UnsubAck, Unsubscribe,
};

use crate::clients::{ClientSession, Replay, SessionId};
use crate::interest::{Demand, GroupShare};
use crate::mount;
use crate::notice::Notice;
use crate::records::Record;
use crate::refuse::explain;
use crate::retained::Cursor;
use crate::subscriptions::{Member, Subscription, sends_retained};
use crate::{ConnectionId, Engine};

/// A subscription that may be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) filter: TopicFilter<'a>,
    pub(crate) options: SubscriptionOptions,
    pub(crate) identifier: Option<SubscriptionIdentifier>,
}

impl Engine {
    /// SUBSCRIBE came: the subscriptions are made, SUBACK goes out, and the retained messages that they ask for.
    pub(crate) fn subscribe(
        &mut self,
        id: ConnectionId,
        subscribe: &Subscribe<'_>,
    ) -> Result<(), PeerMisbehaved> {
        let Some(connection) = self.connections.get(id) else { return Ok(()) };
        let is_bridge = connection.protocol.is_bridge;
        let is_v5 = connection.protocol.version.has_properties();
        let listener = connection.peer.listener;
        let maximum_qos = self.config.maximum_qos(listener);
        let mount_point = self.config.mount_point(listener);
        let filters = subscribe.requests.iter().map(|request| request.filter);
        let wholes: Vec<_> = filters.map(|filter| mount::whole_filter(mount_point, filter)).collect();
        let Some(session_id) = connection.session else { return Ok(()) };
        let Some(session) = self.clients.get(session_id) else { return Ok(()) };
        let client_identifier = Arc::clone(&session.client_identifier);
        let identifier = subscribe.properties.subscription_identifiers().next();
        if identifier.is_some() && !self.config.features.subscription_identifier_available {
            return Err(PeerMisbehaved::SubscriptionIdentifiersNotSupported);
        }
        let mut requests = Vec::new();
        for (request, whole) in subscribe.requests.iter().zip(&wholes) {
            self.config.check_levels(whole)?;
            let whole = TopicFilter::parse(whole);
            let refusal = match self.unavailable(&request) {
                Some(misbehaved) if is_v5 => return Err(misbehaved),
                Some(misbehaved) => Some(misbehaved.reason()), // [MQTT311-3.8.3-2]
                None => whole.map_or(Some(ReasonCode::TopicFilterInvalid), |filter| {
                    self.refusal_of(session_id, filter)
                }),
            };
            let filter = whole.unwrap_or(request.filter);
            let mut options = request.options;
            options.maximum_qos = options.maximum_qos.min(maximum_qos);
            if is_bridge {
                options.no_local = request.filter.share().is_none();
                options.retain_as_published = true;
            }
            requests.push((Wanted { filter, options, identifier }, refusal));
        }
        let mark = self.journal.mark();
        let mut codes = Vec::with_capacity(requests.len());
        for (wanted, refusal) in requests {
            let reason = refusal.unwrap_or_else(|| self.make_subscription(session_id, wanted));
            self.notice(Notice::Subscribed {
                client_identifier: client_identifier.to_string(),
                filter: wanted.filter.as_str().to_owned(),
                reason,
            });
            let is_told = is_v5 || !reason.is_error();
            codes.push(if is_told { reason } else { ReasonCode::UnspecifiedError }); // [MQTT311-3.9.3-2]
        }
        self.hold_if_written(id, mark);
        self.send_suback(id, subscribe.id, &codes);
        self.pump(session_id);
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

    fn refusal_of(&mut self, session: SessionId, filter: TopicFilter<'_>) -> Option<ReasonCode> {
        if filter.filter().split('/').count() > self.config.limits.topic_levels_max {
            return Some(ReasonCode::TopicFilterInvalid);
        }
        let session = self.clients.get(session)?;
        (!self.access.subscribe(session.client(), filter)).then_some(ReasonCode::NotAuthorized)
    }

    fn is_subscribed(&self, session: SessionId, filter: TopicFilter<'_>) -> bool {
        let Some(session) = self.clients.get(session) else { return false };
        if filter.share().is_some() {
            session.shared.iter().any(|text| **text == *filter.as_str())
        } else {
            self.subscriptions.find(filter.filter()).is_some_and(|node| session.subscriptions.contains(&node))
        }
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

    /// Whether nothing about this Session can be written down at present.
    fn is_put_off(&self, session_id: SessionId) -> bool {
        self.journal.is_stalled()
            && self.clients.get(session_id).is_some_and(|session| session.record.is_some())
    }

    fn make_subscription(&mut self, session_id: SessionId, wanted: Wanted<'_>) -> ReasonCode {
        let Wanted { filter, options, identifier } = wanted;
        if self.is_put_off(session_id) {
            return ReasonCode::QuotaExceeded;
        }
        let count = self.clients.get(session_id).map_or(0, ClientSession::subscription_count);
        let has_room = !self.memory_is_short && count < self.config.limits.subscriptions_per_session_max;
        if !has_room && !self.is_subscribed(session_id, filter) {
            return ReasonCode::QuotaExceeded;
        }
        let owes = self.add_subscription(session_id, wanted, None);
        let filter = filter.as_str();
        self.record(session_id, |session| Record::Subscribed { session, filter, options, identifier, owes });
        ReasonCode::granted(options.maximum_qos) // [MQTT-3.8.4-7]
    }

    /// Adds or replaces a subscription. Tells whether the Session is owed retained messages for it, which the options
    /// decide unless `owes` does.
    pub(crate) fn add_subscription(
        &mut self,
        session_id: SessionId,
        wanted: Wanted<'_>,
        owes: Option<bool>,
    ) -> bool {
        let Wanted { filter, options, identifier } = wanted;
        if filter.share().is_some() {
            self.join(session_id, wanted);
            return false; // no retained messages [s3.8.4]
        }
        let Some(session) = self.clients.get(session_id) else { return false };
        let subscription = Subscription {
            session: session_id,
            qos: options.maximum_qos,
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
            retain_handling: options.retain_handling,
            identifier,
            survives: session.record.is_some(),
        };
        let (node, is_new, change) = self.subscriptions.subscribe(filter.filter(), subscription);
        if let Some(demand) = change {
            self.tell_interest(filter.filter(), demand);
        }
        let Some(session) = self.clients.get_mut(session_id) else { return false };
        session.subscriptions.insert(node);
        // What is still owed for the subscription that this one replaces comes by the new one.
        for replay in session.replays.iter_mut().filter(|replay| *replay.filter == *filter.filter()) {
            replay.qos = options.maximum_qos;
            replay.no_local = options.no_local;
            replay.identifier = identifier;
        }
        let owes = owes.unwrap_or_else(|| sends_retained(options.retain_handling, is_new));
        if owes {
            session.replays.retain(|replay| *replay.filter != *filter.filter());
            session.replays.push_back(Replay {
                filter: filter.filter().into(),
                cursor: Cursor::default(),
                qos: options.maximum_qos,
                no_local: options.no_local,
                identifier,
            });
        }
        owes
    }

    fn join(&mut self, session_id: SessionId, wanted: Wanted<'_>) {
        let Wanted { filter, options, identifier } = wanted;
        let Some(session) = self.clients.get_mut(session_id) else { return };
        let text: Arc<str> = filter.as_str().into();
        let member = Member {
            session: session_id,
            qos: options.maximum_qos,
            retain_as_published: options.retain_as_published,
            identifier,
            is_online: session.connection.is_some(),
            survives: session.record.is_some(),
        };
        if self.subscriptions.join(&text, filter.filter(), member) {
            session.shared.push(Arc::clone(&text));
        }
        self.tell_group(&text);
    }

    /// UNSUBSCRIBE came: the subscriptions are gone, and UNSUBACK goes out.
    pub(crate) fn unsubscribe(&mut self, id: ConnectionId, unsubscribe: &Unsubscribe<'_>) {
        let Some(session_id) = self.connections.get(id).and_then(|connection| connection.session) else {
            return;
        };
        let is_v5 = self.connections.get(id).is_some_and(|it| it.protocol.version.has_properties());
        let is_put_off = is_v5 && self.is_put_off(session_id);
        let mut codes = Vec::new();
        let mount_point = self.connections.get(id).map(|it| self.config.mount_point(it.peer.listener));
        let whole = |filter| mount::whole_filter(mount_point.unwrap_or_default(), filter);
        let wholes: Vec<_> = unsubscribe.filters.iter().map(whole).collect();
        for filter in &wholes {
            let filter = &**filter;
            codes.push(if !self.may_unsubscribe(session_id, filter) {
                ReasonCode::NotAuthorized
            } else if is_put_off {
                ReasonCode::ImplementationSpecificError
            } else if self.drop_subscription(session_id, filter) {
                self.record(session_id, |session| Record::Unsubscribed { session, filter });
                self.notice_unsubscribed(session_id, filter);
                ReasonCode::Success
            } else {
                self.notice_unsubscribed(session_id, filter);
                ReasonCode::NoSubscriptionExisted
            });
        }
        if !is_put_off && self.clients.get(session_id).is_some_and(|session| session.record.is_some()) {
            self.hold(id); // also where nothing was there: it may be that its end is not durable yet
        }
        let codes = ReasonCodes::list(&codes);
        let unsuback = UnsubAck { id: unsubscribe.id, properties: Properties::EMPTY, codes };
        self.send(id, &Packet::UnsubAck(unsuback)); // [MQTT-3.10.4-4]
    }

    fn notice_unsubscribed(&mut self, session_id: SessionId, filter: &str) {
        let Some(session) = self.clients.get(session_id) else { return };
        let client_identifier = session.client_identifier.to_string();
        self.notice(Notice::Unsubscribed { client_identifier, filter: filter.to_owned() });
    }

    pub(crate) fn drop_subscription(&mut self, session_id: SessionId, text: &str) -> bool {
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
        if let Some(Some(demand)) = self.subscriptions.unsubscribe(node, session_id) {
            self.tell_interest(filter.filter(), demand);
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
            if let Some(Some(demand)) = self.subscriptions.unsubscribe(node, session_id)
                && let Some(filter) = filter
            {
                self.tell_interest(&filter, demand);
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

    /// Tells the other shards how many members of a Shared Subscription are here.
    pub(crate) fn tell_group(&self, text: &Arc<str>) {
        if self.commons.shards() == 1 {
            return;
        }
        let none = GroupShare { shard: self.shard.0, members: 0, online: 0, demand: Demand::None };
        let share = self.own_share(text).pop().unwrap_or(none);
        if let Ok(filter) = TopicFilter::parse(text) {
            self.commons.change_interest(|interest| interest.set_group(text, filter.filter(), share));
        }
    }
}
