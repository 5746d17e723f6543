//! What the broker is handed.

use martlet_wire::{Ack, Disconnect, Packet, Publish, QoS, ReasonCode, Subscribe, Unsubscribe};

use super::undo::Undo;
use super::{Checker, Due, Phase, SubscribeDue, UnsubscribeDue};
use crate::network::LinkId;
use crate::reference::{Incoming, Subscription, Value, named};
use crate::workload::is_forbidden;

impl Checker {
    pub(super) fn input(&mut self, id: LinkId, packet: &Packet<'_>) {
        if let Packet::Connect(connect) = packet {
            self.connect(id, connect);
            return;
        }
        let Some(session) = self.links[id.0].session else {
            self.fail_on(id, "a client sent something before CONNECT");
            return;
        };
        match packet {
            Packet::Publish(publish) => self.publish_in(id, session, publish),
            Packet::PubAck(ack) => self.acknowledged(id, session, ack, QoS::AtLeastOnce),
            Packet::PubComp(ack) => self.acknowledged(id, session, ack, QoS::ExactlyOnce),
            Packet::PubRec(ack) => self.pubrec_in(id, session, ack),
            Packet::PubRel(ack) => self.pubrel_in(id, session, ack.id.get()),
            Packet::Subscribe(subscribe) => self.subscribe_in(id, session, subscribe),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe_in(id, session, unsubscribe),
            Packet::PingReq => self.links[id.0].pings += 1,
            Packet::Disconnect(disconnect) => self.disconnect_in(id, session, disconnect),
            other => self.fail_on(id, &format!("a client sent {}", other.packet_type())),
        }
    }

    fn publish_in(&mut self, id: LinkId, session: usize, publish: &Publish<'_>) {
        let qos = publish.delivery.qos();
        let packet_id = publish.delivery.packet_id().map_or(0, martlet_wire::PacketId::get);
        let alias = publish.properties.topic_alias();
        if let (Some(topic), Some(alias)) = (publish.topic, alias) {
            self.links[id.0].client_aliases.insert(alias, topic.as_str().to_owned());
        }
        let known = alias.and_then(|alias| self.links[id.0].client_aliases.get(&alias).cloned());
        let Some(topic) = publish.topic.map(|topic| topic.as_str().to_owned()).or(known) else {
            self.fail_on(id, "a client used an unknown alias");
            return;
        };
        let message = named(publish.payload);
        let is_stalled = self.logs[self.links[id.0].shard].is_stalled;
        let arrived = Incoming {
            message,
            topic,
            retain: publish.retain,
            at: (self.now, self.now),
            value: None,
            may_be_new: is_stalled,
        };
        let place = match qos {
            QoS::ExactlyOnce => self.exactly_once_in(session, packet_id, &arrived),
            _ => self.takes_effect(session, qos, &arrived),
        };
        if let Some(message) = message {
            let is_early = self.links[id.0].phase == Phase::Admitted;
            self.reference.messages[message].behind = is_early.then_some(id);
        }
        let value = place.map(|place| (arrived.topic, place));
        let due = Due { message, value, is_stalled };
        match qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => _ = self.links[id.0].pubacks.insert(packet_id, due),
            QoS::ExactlyOnce => _ = self.links[id.0].pubrecs.insert(packet_id, due),
        }
    }

    /// A QoS 2 message, new or repeated. Tells which value of its retained topic it set.
    fn exactly_once_in(&mut self, session: usize, packet_id: u16, arrived: &Incoming) -> Option<usize> {
        let is_at_once = !self.terms.at_release;
        if let Some(known) = self.reference.sessions[session].inbound.get_mut(&packet_id) {
            let may_be_new = core::mem::replace(&mut known.may_be_new, arrived.may_be_new);
            let mut known = known.clone();
            if may_be_new {
                known.at.1 = self.now;
            }
            if may_be_new && is_at_once {
                if let Some(message) = known.message {
                    self.reference.handed_again(message, self.now);
                }
                if known.retain {
                    // If it was not put off, the value that it set stands where it was first.
                    self.retained_in(&known.topic, known.message);
                }
            }
            let value = known.value;
            self.reference.sessions[session].inbound.insert(packet_id, known);
            return value;
        }
        self.remember_lasting(session, Undo::TakenOver { session, packet_id });
        let value = if is_at_once { self.takes_effect(session, QoS::ExactlyOnce, arrived) } else { None };
        let incoming = Incoming { value, ..arrived.clone() };
        self.reference.sessions[session].inbound.insert(packet_id, incoming);
        value
    }

    /// PUBREL came, and with it the time at which a message may take effect.
    fn pubrel_in(&mut self, id: LinkId, session: usize, packet_id: u16) {
        let check = &mut self.links[id.0];
        let state = &self.reference.sessions[session];
        let may_come_again = self.logs[check.shard].is_stalled && state.survives;
        let is_put_off = (check.puts_off_releases || may_come_again) && self.terms.at_release;
        // One that was refused has nothing left to do.
        let takes_effect = |incoming: &Incoming| !is_forbidden(&incoming.topic);
        if is_put_off && state.inbound.get(&packet_id).is_some_and(takes_effect) {
            check.puts_off_releases = true;
            return;
        }
        let Some(incoming) = self.reference.sessions[session].inbound.remove(&packet_id) else {
            self.links[id.0].pubcomps.insert(packet_id, None);
            return;
        };
        let released = Undo::Released { session, packet_id, incoming: incoming.clone() };
        self.remember_lasting(session, released);
        let mut due = Due { message: None, value: None, is_stalled: false };
        if self.terms.at_release {
            due.message = incoming.message;
            let place = self.takes_effect(session, QoS::ExactlyOnce, &incoming);
            due.value = place.map(|place| (incoming.topic, place));
        }
        self.links[id.0].pubcomps.insert(packet_id, Some(due));
    }

    /// The broker has to take a message for a new one. Tells which value of its retained topic it sets.
    fn takes_effect(&mut self, session: usize, qos: QoS, incoming: &Incoming) -> Option<usize> {
        self.count_published(qos);
        if let Some(message) = incoming.message {
            self.reference.handed(message, session, incoming.at);
        }
        incoming.retain.then(|| self.retained_in(&incoming.topic, incoming.message))
    }

    /// A retained topic may have another value from here on.
    fn retained_in(&mut self, topic: &str, message: Option<usize>) -> usize {
        if message.is_none() {
            for session in &mut self.reference.sessions {
                session.replay_debts.retain(|debt| debt.topic != topic);
            }
        }
        let handed = self.reference.tick();
        let register = self.reference.registers.entry(topic.to_owned()).or_default();
        register.values.push(Value { message, handed, acknowledged: None });
        register.values.len() - 1
    }

    /// PUBACK or PUBCOMP: the identifier is free again.
    fn acknowledged(&mut self, id: LinkId, session: usize, ack: &Ack<'_>, qos: QoS) {
        let packet_id = ack.id.get();
        self.links[id.0].outstanding.remove(&packet_id);
        let outbound = &mut self.reference.sessions[session].outbound;
        if outbound
            .get(&packet_id)
            .is_some_and(|out| out.qos == qos && (out.is_received || qos == QoS::AtLeastOnce))
        {
            self.finished(session, packet_id);
        }
    }

    fn finished(&mut self, session: usize, packet_id: u16) {
        if let Some(outgoing) = self.reference.sessions[session].outbound.remove(&packet_id) {
            self.remember_lasting(session, Undo::Acknowledged { session, packet_id, outgoing });
        }
    }

    fn pubrec_in(&mut self, id: LinkId, session: usize, ack: &Ack<'_>) {
        let packet_id = ack.id.get();
        if ack.reason.is_error() {
            self.links[id.0].outstanding.remove(&packet_id);
            self.finished(session, packet_id);
        } else if let Some(out) = self.reference.sessions[session].outbound.get_mut(&packet_id)
            && !core::mem::replace(&mut out.is_received, true)
        {
            self.remember_lasting(session, Undo::Received { session, packet_id });
        }
    }

    fn subscribe_in(&mut self, id: LinkId, session: usize, subscribe: &Subscribe<'_>) {
        let identifier = subscribe
            .properties
            .subscription_identifiers()
            .next()
            .map(martlet_wire::SubscriptionIdentifier::get);
        let mut places = Vec::new();
        for request in subscribe.iter() {
            let requested = self.reference.tick();
            let state = &mut self.reference.sessions[session];
            let text = request.filter.as_str().to_owned();
            let here = |s: &&Subscription| s.text == text && s.gone.is_none();
            let is_sure = state.subscriptions.iter().filter(here).any(|s| s.is_certain_since(requested));
            let may_be = state.subscriptions.iter().any(|s| here(&s));
            let options = request.options;
            if options.maximum_qos == QoS::AtMostOnce || options.no_local {
                state.doubt(&text, requested);
            }
            if request.filter.share().is_some() && (options.maximum_qos == QoS::AtMostOnce || state.is_lossy)
            {
                self.reference.distrust(&text);
            }
            let state = &mut self.reference.sessions[session];
            state.replace(&text);
            state.subscriptions.push(Subscription {
                is_shared: request.filter.share().is_some(),
                options,
                identifier,
                requested,
                granted: None,
                acknowledged: None,
                is_replaced: false,
                leaving: None,
                gone: None,
                is_new: if is_sure { Some(false) } else { (!may_be).then_some(true) },
                text,
            });
            places.push(state.subscriptions.len() - 1);
        }
        let is_stalled = self.logs[self.links[id.0].shard].is_stalled;
        self.links[id.0].subacks.insert(subscribe.id.get(), SubscribeDue { places, is_stalled });
    }

    fn unsubscribe_in(&mut self, id: LinkId, session: usize, unsubscribe: &Unsubscribe<'_>) {
        let requested = self.reference.tick();
        let mut filters: Vec<(String, Option<bool>)> = Vec::new();
        for filter in unsubscribe.iter() {
            let text = filter.as_str().to_owned();
            let is_repeated = filters.iter().any(|(other, _)| *other == text);
            let state = &mut self.reference.sessions[session];
            let here = |s: &&Subscription| s.text == text && s.gone.is_none();
            let is_sure = state.subscriptions.iter().filter(here).any(|s| s.is_certain_since(requested));
            let may_be = state.subscriptions.iter().any(|s| here(&s));
            let expected = if is_sure { Some(true) } else { (!may_be).then_some(false) };
            state.doubt(&text, requested);
            if filter.share().is_some() {
                self.reference.leave_groups(session, Some(&text));
            }
            filters.push((text, if is_repeated { None } else { expected }));
        }
        let is_stalled = self.logs[self.links[id.0].shard].is_stalled;
        self.links[id.0]
            .unsubacks
            .insert(unsubscribe.id.get(), UnsubscribeDue { filters, requested, is_stalled });
    }

    fn disconnect_in(&mut self, id: LinkId, session: usize, disconnect: &Disconnect<'_>) {
        if let Some(expiry) = disconnect.properties.session_expiry_interval()
            && self.reference.sessions[session].life.connection == Some(id)
        {
            self.remember_life(session);
            self.reference.sessions[session].life.expiry = expiry;
        }
        self.end_connection(id, disconnect.reason == ReasonCode::NORMAL_DISCONNECTION);
    }
}
