//! What the broker owes: messages, retained messages, answers.

use martlet_wire::QoS;

use super::Checker;
use crate::network::LinkId;
use crate::reference::{MessageId, ReplayDebt};

impl Checker {
    /// SUBACK went out: the retained messages that were acknowledged before the SUBSCRIBE came are owed.
    pub(super) fn owe_retained(&mut self, session: usize, place: usize) {
        let state = &self.reference.sessions[session];
        let subscription = state.subscriptions[place].clone();
        if subscription.asks_for_retained() != Some(true)
            || subscription.leaving.is_some()
            || state.has_size_limit
        {
            return;
        }
        let mut owed = Vec::new();
        for (topic, register) in &self.reference.registers {
            if !subscription.matches(topic) {
                continue;
            }
            let Some(newest) = register.newest_acknowledged(subscription.requested) else { continue };
            let values = &register.values[newest..];
            let is_owed = values.iter().all(|value| {
                value.message.is_some_and(|message| {
                    let message = &self.reference.messages[message];
                    let is_own = subscription.options.no_local && message.publisher == state.client;
                    let qos = message.qos.min(subscription.qos());
                    qos > QoS::AtMostOnce && message.expiry.is_none() && !is_own
                })
            });
            if is_owed {
                owed.push(ReplayDebt { topic: topic.clone(), place, value: newest });
            }
        }
        self.reference.sessions[session].replay_debts.extend(owed);
    }

    /// A client took a message.
    pub(crate) fn accepted(&mut self, id: LinkId, topic: &str, qos: QoS, retain: bool, payload: &[u8]) {
        self.totals.delivered[usize::from(u8::from(qos))] += 1;
        let Some(session) = self.links[id.0].session else { return };
        let Some(message) = crate::reference::named(payload).filter(|message| *message >= self.loose) else {
            return;
        };
        let state = &mut self.reference.sessions[session];
        state.accepted.insert(message);
        let count = state.taken.entry((message, qos)).or_default();
        *count += 1;
        let count = *count;
        let fresh = state.fresh.get(&(message, qos)).copied().unwrap_or_default();
        let register = self.reference.registers.get(topic);
        let value = register.and_then(|r| r.values.iter().rposition(|value| value.message == Some(message)));
        let before = state.replay_debts.len();
        state
            .replay_debts
            .retain(|debt| debt.topic != topic || !(retain || value.is_some_and(|value| value > debt.value)));
        self.totals.settled += (before - state.replay_debts.len()) as u64;
        if value.is_some() {
            state.last.insert(topic.to_owned(), message);
        }
        if state.debts.remove(&message).is_some() {
            self.totals.settled += 1;
        }
        let sent = self.reference.messages[message].sent.unwrap_or_default();
        let is_by_group =
            self.reference.sessions[session].possible(topic, sent).all(|subscription| subscription.is_shared);
        if is_by_group {
            let owed = &mut self.reference.messages[message];
            owed.group_accepts += 1;
            self.totals.settled += u64::from(owed.group_accepts <= owed.group_debts.len());
        }
        if qos != QoS::AtLeastOnce && count > fresh {
            self.fail_on(id, &format!("the client took m{message} {count} times, it was sent {fresh} times"));
        }
    }

    /// Something that the broker owes, if there is anything.
    pub(crate) fn outstanding(&self) -> Option<String> {
        for state in self.reference.sessions.iter().filter(|state| !state.is_over) {
            if let Some((message, places)) = state.debts.first_key_value() {
                let filters: Vec<&str> =
                    places.iter().map(|place| state.subscriptions[*place].text.as_str()).collect();
                return Some(format!(
                    "{} is lost: owed to c{} by {filters:?}, and {} more",
                    self.promised(*message),
                    state.client,
                    state.debts.len() - 1
                ));
            }
            if let Some(ReplayDebt { topic, place, .. }) = state.replay_debts.first() {
                let filter = &state.subscriptions[*place].text;
                return Some(format!(
                    "the acknowledged retained message of {topic} is lost: owed to c{} by {filter}",
                    state.client
                ));
            }
            if let Some((packet_id, out)) = state.outbound.first_key_value() {
                return Some(format!("{packet_id} ({}) is in flight to c{}", out.topic, state.client));
            }
        }
        if let Some(id) = self.owed_by_group().filter(|_| self.loose == 0) {
            let message = &self.reference.messages[id];
            return Some(format!("{} is lost: owed by {:?}", self.promised(id), message.group_debts));
        }
        (0..self.links.len()).find_map(|link| self.unanswered(LinkId(link)))
    }

    fn promised(&self, id: MessageId) -> String {
        let message = &self.reference.messages[id];
        let what = if message.will.is_some() { "the Will" } else { "the acknowledged" };
        format!("{what} m{id} ({})", message.topic)
    }

    /// A Session whose client took the newest value of a retained topic, and an older one after it, if there is one.
    pub(crate) fn stale(&self) -> Option<String> {
        for state in self.reference.sessions.iter().filter(|state| !state.is_over && !state.is_lossy) {
            for (topic, last) in &state.last {
                let Some(register) = self.reference.registers.get(topic) else { continue };
                let newest = register.values.last().filter(|value| value.acknowledged.is_some());
                let Some(newest) = newest.and_then(|value| value.message) else { continue };
                let matching = || state.subscriptions.iter().filter(|s| s.matches(topic));
                // Where it only came because it was asked for, an older one that was on its way may come behind it: decision 0002
                // says why.
                let handed = register.values.last().map_or(0, |value| value.handed);
                if !matching().any(|subscription| subscription.is_certain_since(handed)) {
                    continue;
                }
                // Messages of different QoS may overtake each other.
                let mut each = matching().map(|s| s.qos().min(self.reference.messages[newest].qos));
                let first = each.next();
                let is_ordered = first > Some(QoS::AtMostOnce) && each.all(|qos| Some(qos) == first);
                if is_ordered && state.accepted.contains(&newest) && *last != newest {
                    return Some(format!("c{} took m{last} of {topic} after m{newest}", state.client));
                }
            }
        }
        None
    }

    fn owed_by_group(&self) -> Option<MessageId> {
        self.reference.messages.iter().position(|message| message.group_accepts < message.group_debts.len())
    }

    /// How many Sessions there have to be.
    pub(crate) fn sessions(&self) -> usize {
        self.reference.sessions.iter().filter(|session| !session.is_over).count()
    }

    /// How many subscriptions there are at least, and at most.
    pub(crate) fn subscriptions(&self) -> (usize, usize) {
        let counts = self.reference.sessions.iter().filter(|session| !session.is_over);
        counts
            .map(super::super::reference::Session::subscription_counts)
            .fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
    }
}
