//! PUBLISH from the broker: is this message, in this form, allowed to this Session now?

use martlet_wire::{Publish, QoS, SubscriptionIdentifier};

use super::Checker;
use crate::clock::Millis;
use crate::network::LinkId;
use crate::reference::{Message, MessageId, Outgoing, Stamp, Subscription, named, payload};

/// A PUBLISH with what follows from it.
struct Arrival<'a> {
    link: LinkId,
    session: usize,
    topic: String,
    publish: &'a Publish<'a>,
    qos: QoS,
}

impl Checker {
    pub(super) fn publish_out(&mut self, id: LinkId, session: usize, publish: &Publish<'_>) {
        let Some(topic) = self.topic_out(id, publish) else { return };
        let message = match publish.payload {
            [] => None,
            bytes => match named(bytes).filter(|message| *message < self.reference.messages.len()) {
                Some(message) => Some(message),
                None => return self.fail_on(id, "a message that nobody published"),
            },
        };
        let arrival = Arrival { link: id, session, topic, publish, qos: publish.delivery.qos() };
        let is_fresh = match publish.delivery.packet_id() {
            None => true,
            Some(packet_id) => self.in_flight(&arrival, packet_id.get(), message),
        };
        let Some(message) = message else {
            self.check_deletion(&arrival);
            return;
        };
        self.check_contents(&arrival, message);
        if message < self.loose {
            return;
        }
        if is_fresh && self.violation.is_none() {
            self.check_fresh(&arrival, message);
        } else {
            self.totals.repeated += 1;
        }
    }

    /// The Topic Name, by alias or in full.
    fn topic_out(&mut self, id: LinkId, publish: &Publish<'_>) -> Option<String> {
        let check = &mut self.links[id.0];
        let alias = publish.properties.topic_alias();
        let maximum = check.facts.as_ref().map_or(0, |facts| facts.topic_alias_maximum);
        let topic = publish.topic.map(|topic| topic.as_str().to_owned());
        if let Some(alias) = alias {
            if alias == 0 || alias > maximum {
                self.fail_on(id, &format!("Topic Alias {alias} of {maximum} [MQTT-3.1.2-26]"));
                return None;
            }
            if let Some(topic) = &topic {
                check.aliases.insert(alias, topic.clone());
            }
        }
        let known = alias.and_then(|alias| check.aliases.get(&alias).cloned());
        if topic.is_none() && known.is_none() {
            self.fail_on(id, "an unknown Topic Alias");
        }
        topic.or(known)
    }

    /// The states of QoS 1 and QoS 2. Tells whether the message is sent for the first time.
    fn in_flight(&mut self, arrival: &Arrival<'_>, packet_id: u16, message: Option<MessageId>) -> bool {
        let &Arrival { link, session, publish, qos, .. } = arrival;
        let check = &mut self.links[link.0];
        check.outstanding.insert(packet_id);
        let maximum = check.facts.as_ref().map_or(u16::MAX, |facts| facts.receive_maximum);
        if check.outstanding.len() > usize::from(maximum) {
            let text = format!("{} messages in flight of {maximum} [MQTT-3.3.4-9]", check.outstanding.len());
            self.fail_on(link, &text);
        }
        let state = &mut self.reference.sessions[session];
        let Some(out) = state.outbound.get_mut(&packet_id) else {
            let is_repeat = publish.delivery.dup();
            let may_be_unseen = state.unseen.is_some();
            state.unseen = state.unseen.filter(|_| is_repeat); // what is to be sent again goes first
            let late = state
                .outbound
                .iter()
                .find(|(_, out)| !is_repeat && !out.is_received && out.link != link)
                .map(|(late, _)| *late);
            // One that was never seen stands where it is sent.
            let order = if is_repeat { self.links[link.0].last_order.unwrap_or(0) } else { state.orders + 1 };
            state.orders = state.orders.max(order);
            let outgoing = Outgoing {
                message,
                topic: arrival.topic.clone(),
                qos,
                retain: publish.retain,
                link,
                order,
                is_received: false,
            };
            state.outbound.insert(packet_id, outgoing);
            if is_repeat && !may_be_unseen {
                self.fail_on(link, "DUP on a message that was not sent before [MQTT-3.3.1-1]");
            }
            if let Some(late) = late {
                let text = format!("a new message before {late}, which is to be sent again [MQTT-4.6.0-1]");
                self.fail_on(link, &text);
            }
            return true;
        };
        let before = out.link;
        out.link = link;
        let (order, is_received) = (out.order, out.is_received);
        let is_same = out.message == message
            && out.qos == qos
            && out.retain == publish.retain
            && out.topic == arrival.topic;
        let last = self.links[link.0].last_order.replace(order);
        if !publish.delivery.dup() {
            self.fail_on(link, &format!("Packet Identifier {packet_id} is in use, or DUP is missing"));
        } else if !is_same {
            self.fail_on(link, "another message with DUP than was sent");
        } else if before == link {
            self.fail_on(link, "sent again on the same connection [MQTT-4.4.0-1]");
        } else if is_received {
            self.fail_on(link, "PUBLISH again after PUBREC");
        } else if last.is_some_and(|last| last > order) {
            self.fail_on(link, "sent again in another order [MQTT-4.6.0-1]");
        }
        false
    }

    /// What was published must come out.
    fn check_contents(&mut self, arrival: &Arrival<'_>, id: MessageId) {
        let message = &self.reference.messages[id];
        let is_v5 = self.links[arrival.link.0].version().has_properties();
        let properties = &arrival.publish.properties;
        let mut wrong = None;
        if message.topic != arrival.topic {
            wrong = Some(format!("m{id} of {} came as {}", message.topic, arrival.topic));
        } else if arrival.publish.payload != payload(id, message.len) {
            wrong = Some(format!("the payload of m{id} changed"));
        } else if message.is_forbidden {
            wrong = Some(format!("m{id} should have been refused"));
        } else if is_v5
            && message.has_property != properties.user_properties().any(|pair| pair == ("of", "m"))
        {
            wrong = Some(format!("a User Property of m{id} is lost or new [MQTT-3.3.2-17]"));
        } else if id < self.loose {
            wrong = None;
        } else if !self.may_be_published(id) {
            wrong = Some(format!("the Will m{id} is published too early, or against DISCONNECT"));
        } else if is_v5 {
            wrong = self.check_expiry(message, properties.message_expiry_interval());
        }
        if let Some(wrong) = wrong {
            self.fail_on(arrival.link, &wrong);
        }
    }

    fn check_expiry(&self, message: &Message, left: Option<u32>) -> Option<String> {
        let (Some(asked), Some(left)) = (message.expiry, left) else {
            return (message.expiry != left)
                .then(|| format!("Message Expiry Interval {left:?} of {:?}", message.expiry));
        };
        let least = u64::from(asked).saturating_sub((self.now - message.first_at).div_ceil(1000));
        let most = u64::from(asked).saturating_sub((self.now - self.taken_at(message)) / 1000).max(1);
        (!(least..=most).contains(&u64::from(left)))
            .then(|| format!("Message Expiry Interval {left}, not {least} to {most} [MQTT-3.3.2-6]"))
    }

    /// When the broker may have taken a message at the latest: what comes behind CONNECT waits for CONNACK.
    fn taken_at(&self, message: &Message) -> Millis {
        match message.behind {
            Some(link) => self.links[link.0].connack_at.unwrap_or(self.now),
            None => message.sent_at,
        }
    }

    /// A deletion of a retained message cannot be told from another of its topic.
    fn check_deletion(&mut self, arrival: &Arrival<'_>) {
        let is_possible = self
            .reference
            .registers
            .get(&arrival.topic)
            .is_some_and(|register| register.values.iter().any(|value| value.message.is_none()))
            && self.reference.sessions[arrival.session].possible(&arrival.topic, 0).next().is_some();
        if !is_possible && self.loose == 0 {
            self.fail_on(arrival.link, "an empty message that nobody published, or nobody wants");
        }
    }

    fn check_fresh(&mut self, arrival: &Arrival<'_>, id: MessageId) {
        let Some(sent) = self.reference.messages[id].sent else {
            return self.fail_on(arrival.link, &format!("m{id} before it was published"));
        };
        let message = &self.reference.messages[id];
        let state = &self.reference.sessions[arrival.session];
        let is_own = message.publisher == state.client;
        let possible: Vec<Subscription> = state
            .possible(&arrival.topic, sent)
            .filter(|subscription| !(is_own && subscription.options.no_local))
            .cloned()
            .collect();
        if possible.is_empty() {
            return self.fail_on(arrival.link, &format!("m{id} without a subscription [MQTT-3.10.4-2]"));
        }
        // With DUP it may have been sent before the crash, as far as the broker knows; and it may have been left out before the
        // crash in favour of later ones, and the log does not know.
        let expires_at = message.expiry.map(|expiry| self.taken_at(message) + u64::from(expiry) * 1000);
        let is_expired = expires_at.is_some_and(|at| self.now >= at);
        if is_expired && !arrival.publish.delivery.dup() {
            self.fail_on(arrival.link, &format!("m{id} after it expired [MQTT-3.3.2-5]"));
        }
        let is_retained = self.reference.messages[id].retain;
        let by_rap = possible.iter().any(|subscription| subscription.options.retain_as_published);
        let is_replay = arrival.publish.retain && !by_rap;
        if arrival.publish.retain && !is_retained {
            self.fail_on(arrival.link, &format!("RETAIN on m{id}, which is not retained [MQTT-3.3.1-12]"));
        }
        let all_rap = possible.iter().all(|subscription| subscription.options.retain_as_published);
        if !arrival.publish.retain && is_retained && all_rap {
            self.fail_on(arrival.link, &format!("RETAIN is missing on m{id} [MQTT-3.3.1-13]"));
        }
        let is_live = !arrival.publish.retain;
        self.check_qos(arrival, id, &possible, is_live);
        self.check_identifiers(arrival, id, &possible, is_live.then_some(sent));
        self.count_fresh(arrival, id, &possible);
        if is_replay {
            self.check_replay(arrival, id);
        } else if !arrival.publish.retain && !is_expired {
            self.check_order(arrival, id, &possible);
        }
    }

    /// [MQTT-3.8.4-8] [MQTT-3.3.4-2]
    fn check_qos(&mut self, arrival: &Arrival<'_>, id: MessageId, possible: &[Subscription], is_live: bool) {
        let message = &self.reference.messages[id];
        let sent = message.sent.unwrap_or_default();
        let highest = possible.iter().map(Subscription::qos).max().unwrap_or_default().min(message.qos);
        let certain = possible.iter().filter(|s| s.is_in_force_since(sent)).map(Subscription::qos).max();
        let lowest = match certain {
            Some(certain) if is_live && possible.iter().all(|s| !s.is_shared) => certain,
            _ => possible.iter().map(Subscription::qos).min().unwrap_or_default(),
        };
        let lowest = lowest.min(message.qos);
        if arrival.qos > highest || arrival.qos < lowest {
            let text = format!("m{id} with {:?}, not {lowest:?} to {highest:?}", arrival.qos);
            self.fail_on(arrival.link, &text);
        }
    }

    /// [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5] For a live message, `sent` tells when the broker had it.
    fn check_identifiers(
        &mut self,
        arrival: &Arrival<'_>,
        id: MessageId,
        possible: &[Subscription],
        sent: Option<Stamp>,
    ) {
        if !self.links[arrival.link.0].version().has_properties() {
            return;
        }
        let identifiers = arrival.publish.properties.subscription_identifiers();
        let mut got: Vec<u32> = identifiers.map(SubscriptionIdentifier::get).collect();
        let mut known: Vec<u32> =
            possible.iter().filter_map(|subscription| subscription.identifier).collect();
        if got.iter().any(|identifier| !known.contains(identifier)) {
            self.fail_on(arrival.link, &format!("m{id} with a foreign Subscription Identifier"));
            return;
        }
        // A subscription that was there all the time has to be named; which of several asked for a retained message, or
        // whose turn it was, is not seen from here.
        let Some(sent) = sent else { return };
        if possible.iter().all(|s| !s.is_shared && s.is_in_force_since(sent)) {
            got.sort_unstable();
            known.sort_unstable();
            if got != known {
                let text = format!("m{id} with Subscription Identifiers {got:?}, not {known:?}");
                self.fail_on(arrival.link, &text);
            }
        }
    }

    /// How often may it come as a new message? Once for each time it was published, and way that it may go.
    fn count_fresh(&mut self, arrival: &Arrival<'_>, id: MessageId, possible: &[Subscription]) {
        let message = &self.reference.messages[id];
        let mut groups: Vec<&str> =
            possible.iter().filter(|s| s.is_shared).map(|s| s.text.as_str()).collect();
        groups.sort_unstable();
        groups.dedup();
        let ways = groups.len() + usize::from(possible.iter().any(|s| !s.is_shared));
        let replays = if message.retain { self.replays_allowed(arrival.session, &arrival.topic) } else { 0 };
        // A message that a crash has taken from the books can be there all the same, once.
        let copies = message.copies.max(1) as usize;
        let most = copies * ways + replays;
        let is_by_group = possible.iter().all(|s| s.is_shared);
        let group_most = copies * self.reference.possible_groups(id);
        let state = &mut self.reference.sessions[arrival.session];
        *state.fresh.entry((id, arrival.qos)).or_default() += 1;
        let count = state.times_sent(id) - state.forgiven.get(&id).copied().unwrap_or_default();
        if arrival.qos == QoS::ExactlyOnce && is_by_group {
            *state.group_begun.entry(id).or_default() += 1;
            let message = &mut self.reference.messages[id];
            message.group_begun += 1;
            if message.group_begun > group_most {
                self.fail_on(arrival.link, &format!("m{id} goes to several members [MQTT-4.8.2-4]"));
            }
        }
        if count > most {
            self.fail_on(arrival.link, &format!("m{id} comes {count} times, {most} are allowed"));
        }
    }

    /// How many retained messages of a topic the subscriptions of a Session may ask for.
    fn replays_allowed(&self, session: usize, topic: &str) -> usize {
        let subscriptions = self.reference.sessions[session].subscriptions.iter();
        subscriptions.filter(|s| s.asks_for_retained() != Some(false) && s.matches(topic)).count()
    }

    /// A retained message that a subscription asked for: the newest that was acknowledged, or a newer one.
    fn check_replay(&mut self, arrival: &Arrival<'_>, id: MessageId) {
        let allowed = self.replays_allowed(arrival.session, &arrival.topic);
        let state = &mut self.reference.sessions[arrival.session];
        let (count, passing) = state.replays.entry(arrival.topic.clone()).or_default();
        *count += 1;
        *passing += usize::from(arrival.qos == QoS::AtMostOnce);
        if *count > allowed {
            let text = format!("retained m{id} was not asked for [MQTT-3.3.1-10] [MQTT-3.3.1-11]");
            return self.fail_on(arrival.link, &text);
        }
        let state = &self.reference.sessions[arrival.session];
        let Some(register) = self.reference.registers.get(&arrival.topic) else { return };
        let asked = state
            .subscriptions
            .iter()
            .filter(|s| s.asks_for_retained() != Some(false) && s.matches(&arrival.topic))
            .map(|subscription| subscription.requested)
            .min();
        let Some(place) = register.values.iter().rposition(|value| value.message == Some(id)) else { return };
        let newest = asked.and_then(|asked| register.newest_acknowledged(asked));
        if newest.is_some_and(|newest| place < newest) {
            let text = format!("m{id} is not the newest retained message of {}", arrival.topic);
            return self.fail_on(arrival.link, &text);
        }
        let key = (arrival.topic.clone(), arrival.qos);
        let seen = state.seen.get(&key).copied().unwrap_or(0);
        let Some(ahead) = register.values[seen..].iter().position(|value| value.message == Some(id)) else {
            return self.fail_on(arrival.link, &format!("retained m{id} after a newer one"));
        };
        let value = &register.values[seen + ahead];
        // One that was not acknowledged before the power failed may be gone.
        if value.acknowledged.is_some() || value.handed > self.started {
            self.reference.sessions[arrival.session].seen.insert(key, seen + ahead);
        }
    }

    /// Order per publisher, topic and QoS [MQTT-4.6.0-5] [MQTT-4.6.0-6].
    fn check_order(&mut self, arrival: &Arrival<'_>, id: MessageId, possible: &[Subscription]) {
        let message = &self.reference.messages[id];
        if message.will.is_some() || possible.iter().any(|subscription| subscription.is_shared) {
            return;
        }
        let line = (message.publisher, message.topic.clone(), message.qos);
        let history = self.reference.lines.get(&line).map_or(&[][..], Vec::as_slice);
        let state = &mut self.reference.sessions[arrival.session];
        let next = state.delivered.entry((line, arrival.qos)).or_default();
        let Some(ahead) = history[*next..].iter().position(|other| *other == id) else {
            let before = next.checked_sub(1).and_then(|last| history.get(last)).copied();
            let sessions = [Some(id), before].map(|id| self.reference.messages[id?].session);
            let what = if sessions[0] == sessions[1] { "" } else { " of a later Session" };
            let before = before.unwrap_or_default();
            let text = format!("m{id} out of order: after m{before}{what} [MQTT-4.6.0-5]");
            return self.fail_on(arrival.link, &text);
        };
        *next += ahead + 1;
        // A message that was on its way may come behind a newer retained one: decision 0002 says why.
    }
}
