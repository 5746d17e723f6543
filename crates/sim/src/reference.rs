//! The reference: a slow and obvious broker that only keeps accounts.
//!
//! It knows every message, every Session with all subscriptions that it ever had, the values of every retained topic,
//! and in which order each publisher sent what. All of it stands in plain lists, and who gets a message is found by
//! asking every subscription of every Session. It predicts no single packet, since a broker has much freedom; it knows
//! what is possible, what is certain, and what is owed.
//!
//! Times are counted in stamps: each thing that the broker is handed or hands out gets the next one.

mod session;

use std::collections::BTreeMap;

use martlet_wire::QoS;

pub(crate) use session::{Incoming, Life, Outgoing, ReplayDebt, Session, SessionWill, Subscription};

use crate::clock::Millis;
use crate::network::LinkId;

/// A place in the order of all that happened at the broker's door.
pub(crate) type Stamp = u64;
/// Names a message of the run.
pub(crate) type MessageId = usize;

/// One Application Message, or one Will.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Message {
    pub(crate) topic: String,
    /// The client that publishes it; once the broker has it, its identity.
    pub(crate) publisher: usize,
    /// The Session that it was published in last.
    pub(crate) session: Option<usize>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// Message Expiry Interval in seconds.
    pub(crate) expiry: Option<u32>,
    /// Length of the payload; 0 for one that deletes a retained message, and that no receiver can tell from others.
    pub(crate) len: usize,
    /// Whether it carries a User Property that its receivers have to get.
    pub(crate) has_property: bool,
    /// When the broker had it for the first time.
    pub(crate) sent: Option<Stamp>,
    /// The time at which the broker had it first.
    pub(crate) first_at: Millis,
    /// The time at which the broker had it last.
    pub(crate) sent_at: Millis,
    /// The connection whose CONNACK it had to wait for.
    pub(crate) behind: Option<LinkId>,
    /// How often the broker had to take it for a new message.
    pub(crate) copies: u32,
    pub(crate) is_acknowledged: bool,
    /// The broker may not pass it on.
    pub(crate) is_forbidden: bool,
    /// What became of it, if it is a Will.
    pub(crate) will: Option<WillState>,
    /// How often it was published, as a Will, before a crash, and the log does not know.
    pub(crate) let_out: u32,
    /// How often a client took it by a Shared Subscription.
    pub(crate) group_accepts: usize,
    /// How often its delivery by Shared Subscriptions was begun with QoS 2.
    pub(crate) group_begun: usize,
    /// Shared Subscriptions that have to deliver it, with their certain members.
    pub(crate) group_debts: Vec<GroupDebt>,
}

/// A Shared Subscription owes a message to its members.
#[derive(Clone, Debug)]
pub(crate) struct GroupDebt {
    /// `$share/NAME/FILTER`.
    pub(crate) text: String,
    /// Sessions that were members all the time: one of them at least is left.
    pub(crate) members: Vec<usize>,
}

/// What became of a Will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WillState {
    /// Its connection stands.
    Armed,
    /// The connection ended; it is due then, or later.
    Pending(Millis),
    /// It is to be published.
    Published,
    /// It may never be published.
    Never,
    /// Things happened at the same time: it may be published or not.
    Unknown,
}

/// The values that a topic's retained message had, in order. One client publishes them all.
#[derive(Debug, Default)]
pub(crate) struct Register {
    pub(crate) values: Vec<Value>,
}

/// One value of a retained topic.
#[derive(Debug)]
pub(crate) struct Value {
    /// `None` deletes the retained message.
    pub(crate) message: Option<MessageId>,
    /// When the broker had it.
    pub(crate) handed: Stamp,
    pub(crate) acknowledged: Option<Stamp>,
}

impl Register {
    /// The newest value that was acknowledged before `stamp`.
    pub(crate) fn newest_acknowledged(&self, stamp: Stamp) -> Option<usize> {
        self.values.iter().rposition(|value| value.acknowledged.is_some_and(|at| at < stamp))
    }
}

/// Messages whose order has to be kept: of one publisher, topic and QoS [MQTT-4.6.0-5].
pub(crate) type Line = (usize, String, QoS);

/// All accounts.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) messages: Vec<Message>,
    pub(crate) sessions: Vec<Session>,
    /// The Session of each identity.
    pub(crate) current: BTreeMap<usize, usize>,
    /// What the broker had of each line, in order.
    pub(crate) lines: BTreeMap<Line, Vec<MessageId>>,
    pub(crate) registers: BTreeMap<String, Register>,
    stamp: Stamp,
}

/// The payload of a message: its name, and bytes that follow from it.
pub(crate) fn payload(id: MessageId, len: usize) -> Vec<u8> {
    let mut payload = format!("m{id};").into_bytes();
    let filler = (payload.len()..len).map(|place| (place.wrapping_mul(31) ^ id).to_le_bytes()[0]);
    payload.extend(filler.collect::<Vec<u8>>());
    payload.truncate(len);
    payload
}

/// The message that a payload names.
pub(crate) fn named(payload: &[u8]) -> Option<MessageId> {
    let end = payload.iter().position(|byte| *byte == b';')?;
    core::str::from_utf8(payload.get(1..end)?).ok()?.parse().ok()
}

/// The shortest payload that names any message.
pub(crate) const PAYLOAD_BYTES_MIN: usize = 10;

impl Reference {
    /// The next stamp.
    pub(crate) fn tick(&mut self) -> Stamp {
        self.stamp += 1;
        self.stamp
    }

    /// The Session of a client, as the broker should have it.
    pub(crate) fn current(&self, identity: usize) -> Option<usize> {
        self.current.get(&identity).copied()
    }

    /// Begins a Session.
    pub(crate) fn begin_session(&mut self, identity: usize, shard: usize, survives: bool) -> usize {
        self.sessions.push(Session::new(identity, shard, survives));
        let session = self.sessions.len() - 1;
        self.current.insert(identity, session);
        session
    }

    /// Ends a Session: nothing of it is owed any more.
    pub(crate) fn end_session(&mut self, session: usize) {
        let stamp = self.tick();
        let ended = &mut self.sessions[session];
        if ended.is_over {
            return;
        }
        ended.end(stamp);
        if self.current.get(&ended.client) == Some(&session) {
            self.current.remove(&ended.client);
        }
        self.leave_groups(session, None);
    }

    /// A Session is no certain member of a group any more (of no group at all for `None`). Who is not sure to be served
    /// is owed nothing; a QoS 2 message whose delivery had begun to an ended Session is lost [MQTT-4.8.2-5].
    pub(crate) fn leave_groups(&mut self, session: usize, text: Option<&str>) {
        let left = &self.sessions[session];
        for (id, message) in self.messages.iter_mut().enumerate() {
            let may_be_lost = text.is_none() && left.has_begun(id);
            let is_unsure = text.is_none() && message.qos == QoS::ExactlyOnce;
            let since = message.sent.unwrap_or_default();
            message.group_debts.retain_mut(|debt| {
                if text.is_none_or(|text| text == debt.text) {
                    debt.members.retain(|member| *member != session);
                }
                let may_be_unseen = is_unsure && left.may_have_begun(&debt.text, since);
                !debt.members.is_empty() && !may_be_lost && !may_be_unseen
            });
        }
    }

    /// A Shared Subscription got a member that need not keep what it is given: nothing is owed by it any more.
    pub(crate) fn distrust(&mut self, text: &str) {
        for message in &mut self.messages {
            message.group_debts.retain(|debt| debt.text != text);
        }
    }

    /// A Session had not ended after all, as far as the log knows: it is a member of its groups again.
    pub(crate) fn revive_session(&mut self, session: usize) {
        let stamp = self.tick();
        let revived = &mut self.sessions[session];
        revived.revive(stamp);
        let need_not_keep = |s: &&Subscription| {
            s.is_shared && s.gone.is_none() && (s.qos() == QoS::AtMostOnce || !revived.keeps_everything(0))
        };
        let texts: Vec<String> =
            revived.subscriptions.iter().filter(need_not_keep).map(|s| s.text.clone()).collect();
        let Session { client, survives, .. } = self.sessions[session];
        if survives || !self.current.contains_key(&client) {
            self.current.insert(client, session);
        }
        for text in texts {
            self.distrust(&text);
        }
    }

    /// The queue of a Session is full: what it is given may be lost.
    pub(crate) fn overflow(&mut self, session: usize) {
        self.sessions[session].is_lossy = true;
        self.sessions[session].debts.clear();
        let shared = self.sessions[session].subscriptions.iter().filter(|s| s.is_shared && s.gone.is_none());
        let texts: Vec<String> = shared.map(|subscription| subscription.text.clone()).collect();
        for text in texts {
            self.distrust(&text);
        }
    }

    /// The broker has to take a message for a new one, which it took between two times.
    pub(crate) fn handed(&mut self, id: MessageId, session: usize, at: (Millis, Millis)) {
        let stamp = self.tick();
        let message = &mut self.messages[id];
        message.publisher = self.sessions[session].client;
        message.session = Some(session);
        if message.sent.is_none() {
            message.sent = Some(stamp);
            message.first_at = at.0;
        }
        message.sent_at = at.1;
        message.copies += 1;
        let line = (message.publisher, message.topic.clone(), message.qos);
        self.lines.entry(line).or_default().push(id);
    }

    /// The broker had a message again that it may have put off: its place in the order is this one, or that of before.
    pub(crate) fn handed_again(&mut self, id: MessageId, now: Millis) {
        let message = &mut self.messages[id];
        message.sent_at = now;
        let line = (message.publisher, message.topic.clone(), message.qos);
        self.lines.entry(line).or_default().push(id);
    }

    /// A message was acknowledged, or a Will is sure to be published: from here on it is owed to every Session whose
    /// subscription was acknowledged before the broker had it.
    pub(crate) fn owe(&mut self, id: MessageId) {
        let message = &self.messages[id];
        let Some(sent) = message.sent else { return };
        if message.is_acknowledged || message.is_forbidden {
            return;
        }
        let (topic, qos, publisher) = (message.topic.clone(), message.qos, message.publisher);
        let is_lasting = message.expiry.is_none() && qos > QoS::AtMostOnce && message.len > 0;
        let len = message.len;
        self.messages[id].is_acknowledged = true;
        if !is_lasting {
            return;
        }
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, session) in self.sessions.iter_mut().enumerate() {
            if !session.keeps_everything(len) || !session.was_there(sent) {
                continue;
            }
            let own = session.client == publisher;
            let is_accepted = session.accepted.contains(&id);
            let mut debtors = Vec::new();
            for (place, subscription) in session.subscriptions.iter().enumerate() {
                if !subscription.is_certain_since(sent)
                    || subscription.qos() == QoS::AtMostOnce
                    || !subscription.matches(&topic)
                {
                    continue;
                }
                if subscription.is_shared {
                    groups.entry(subscription.text.clone()).or_default().push(number);
                } else if !(own && subscription.options.no_local) {
                    debtors.push(place);
                }
            }
            if !debtors.is_empty() && !is_accepted {
                session.debts.insert(id, debtors);
            }
        }
        for (text, members) in groups {
            if self.may_lose(&text, sent) {
                continue;
            }
            self.messages[id].group_debts.push(GroupDebt { text, members });
        }
    }

    /// A message was not published after all: it is owed to nobody.
    pub(crate) fn disown(&mut self, id: MessageId) {
        self.messages[id].is_acknowledged = false;
        self.messages[id].group_debts.clear();
        for session in &mut self.sessions {
            session.debts.remove(&id);
        }
    }

    /// Whether a Shared Subscription has, or may have had, a member that need not keep a message.
    fn may_lose(&self, text: &str, since: Stamp) -> bool {
        self.sessions.iter().any(|session| {
            session.subscriptions.iter().any(|subscription| {
                subscription.text == text
                    && subscription.is_possible_since(since)
                    && (subscription.qos() == QoS::AtMostOnce || !session.keeps_everything(0))
            })
        })
    }

    /// How many groups, by any possible membership of anyone, may deliver a message.
    pub(crate) fn possible_groups(&self, id: MessageId) -> usize {
        let message = &self.messages[id];
        let Some(sent) = message.sent else { return 0 };
        let mut texts: Vec<&str> = self
            .sessions
            .iter()
            .flat_map(|session| &session.subscriptions)
            .filter(|s| s.is_shared && s.is_possible_since(sent) && s.matches(&message.topic))
            .map(|subscription| subscription.text.as_str())
            .collect();
        texts.sort_unstable();
        texts.dedup();
        texts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_names_its_message() {
        for id in [0, 7, 123_456] {
            for len in [PAYLOAD_BYTES_MIN, 300] {
                let payload = payload(id, len);
                assert_eq!((payload.len(), named(&payload)), (len, Some(id)));
            }
        }
        assert_eq!(named(b""), None);
        assert_eq!(named(b"mx;"), None);
    }

    #[test]
    fn the_newest_acknowledged_value_is_found() {
        let value = |acknowledged| Value { message: Some(1), handed: 0, acknowledged };
        let register = Register { values: vec![value(Some(3)), value(Some(9)), value(None)] };
        assert_eq!(register.newest_acknowledged(2), None);
        assert_eq!(register.newest_acknowledged(4), Some(0));
        assert_eq!(register.newest_acknowledged(10), Some(1));
    }
}
