//! One Session of the reference: its subscriptions, what is in flight to it, and what is owed to it.

use std::collections::{BTreeMap, BTreeSet};

use martlet_wire::{QoS, RetainHandling, SubscriptionOptions, TopicFilter, TopicName};

use super::{Line, MessageId, Stamp};
use crate::clock::Millis;
use crate::network::LinkId;

/// Length of a payload that every client takes.
const SURELY_FITS_BYTES: usize = 40;

/// One subscription, from its SUBSCRIBE on.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    /// The Topic Filter as sent.
    pub(crate) text: String,
    pub(crate) is_shared: bool,
    pub(crate) options: SubscriptionOptions,
    pub(crate) identifier: Option<u32>,
    /// When it was asked for.
    pub(crate) requested: Stamp,
    /// When SUBACK granted it.
    pub(crate) granted: Option<Stamp>,
    /// Since when it, or one that it replaced without a gap, surely was there.
    pub(crate) acknowledged: Option<Stamp>,
    /// Another one at its filter was asked for: which options are in force is not known.
    pub(crate) is_replaced: bool,
    /// When its end, or a change that lets messages be lost, was asked for.
    pub(crate) leaving: Option<Stamp>,
    /// When it had surely ended.
    pub(crate) gone: Option<Stamp>,
    /// Whether there was surely, or surely not, a subscription of this filter before.
    pub(crate) is_new: Option<bool>,
}

impl Subscription {
    pub(crate) fn qos(&self) -> QoS {
        self.options.maximum_qos
    }

    /// Whether a message that the broker had at `since` may come by it.
    pub(crate) fn is_possible_since(&self, since: Stamp) -> bool {
        self.gone.is_none_or(|gone| gone > since)
    }

    /// Whether it was there from before `since` until this moment.
    pub(crate) fn is_certain_since(&self, since: Stamp) -> bool {
        self.acknowledged.is_some_and(|at| at < since) && self.leaving.is_none() && self.gone.is_none()
    }

    /// The same for its options.
    pub(crate) fn is_in_force_since(&self, since: Stamp) -> bool {
        self.is_certain_since(since) && !self.is_replaced && self.granted.is_some_and(|at| at < since)
    }

    pub(crate) fn matches(&self, topic: &str) -> bool {
        match (TopicFilter::parse(&self.text), TopicName::parse(topic)) {
            (Ok(filter), Ok(topic)) => filter.matches(topic),
            _ => false,
        }
    }

    /// Whether it may be sent retained messages; `None` if nobody can tell.
    pub(crate) fn asks_for_retained(&self) -> Option<bool> {
        match self.options.retain_handling {
            _ if self.is_shared => Some(false),
            RetainHandling::SendAtSubscribe => Some(true),
            RetainHandling::SendIfNew => self.is_new,
            RetainHandling::DoNotSend => Some(false),
        }
    }
}

/// A retained message that has to arrive.
#[derive(Clone, Debug)]
pub(crate) struct ReplayDebt {
    pub(crate) topic: String,
    /// The subscription that asked for it.
    pub(crate) place: usize,
    /// The value that was the newest when it asked. A newer one does as well, retained or not.
    pub(crate) value: usize,
}

/// A message in flight from the broker to a client.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// `None` for a message without payload.
    pub(crate) message: Option<MessageId>,
    pub(crate) topic: String,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// Where its PUBLISH was sent last.
    pub(crate) link: LinkId,
    /// Its place in the order of first sending.
    pub(crate) order: u64,
    /// Whether the broker had PUBREC.
    pub(crate) is_received: bool,
}

/// A QoS 2 message from a client.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    /// `None` for a message without payload.
    pub(crate) message: Option<MessageId>,
    pub(crate) topic: String,
    pub(crate) retain: bool,
    /// When the broker took it: not before the first, and not after the second.
    pub(crate) at: (Millis, Millis),
    /// The value of its retained topic that it set.
    pub(crate) value: Option<usize>,
    /// The broker may have put it off without a word, so that it is new when it comes again.
    pub(crate) may_be_new: bool,
}

/// What connections change in a Session: that which a crash can turn back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    pub(crate) connection: Option<LinkId>,
    /// Session Expiry Interval in seconds.
    pub(crate) expiry: u32,
    /// When it lost its connection: not before the first, and not after the second.
    pub(crate) gone: (Millis, Millis),
    /// The Will of its last connection, as long as it may be published.
    pub(crate) will: Option<SessionWill>,
}

/// A Will that has not been published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionWill {
    pub(crate) message: MessageId,
    /// Will Delay Interval in seconds.
    pub(crate) delay: u32,
    /// When it is due, once the connection is gone: not before the first, and not after the second.
    pub(crate) due: Option<(Millis, Millis)>,
}

impl Life {
    /// When the Session ends if no connection comes: not before the first, and not after the second.
    pub(crate) fn ends_at(&self) -> (Millis, Millis) {
        if self.expiry == u32::MAX {
            return (Millis::MAX, Millis::MAX);
        }
        let time = u64::from(self.expiry) * 1000;
        (self.gone.0 + time, self.gone.1 + time)
    }

    /// The connection is gone, not before the first of two times, and not after the second.
    pub(crate) fn lose(&mut self, gone: (Millis, Millis)) {
        self.connection = None;
        self.gone = gone;
        let expiry = self.expiry;
        if let Some(will) = &mut self.will {
            let delay = u64::from(will.delay.min(expiry)) * 1000;
            will.due = Some((gone.0 + delay, gone.1 + delay));
        }
    }
}

/// One Session, as the broker should have it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Session {
    pub(crate) client: usize,
    pub(crate) shard: usize,
    pub(crate) life: Life,
    /// It was made to outlive its connection, so that the log has all of it.
    pub(crate) survives: bool,
    pub(crate) is_over: bool,
    /// When it ended.
    ended: Option<Stamp>,
    /// Between which times it was not there, since a crash has turned back its end.
    gaps: Vec<(Stamp, Stamp)>,
    /// It may have been made anew by its last CONNECT, since the one before was about to expire.
    pub(crate) is_unresolved: bool,
    /// The broker said that its queue was full: messages may be missing.
    pub(crate) is_lossy: bool,
    /// It had a connection with a Maximum Packet Size: larger messages may be missing.
    pub(crate) has_size_limit: bool,
    pub(crate) subscriptions: Vec<Subscription>,
    /// Messages that have to arrive, with the subscriptions that they come by.
    pub(crate) debts: BTreeMap<MessageId, Vec<usize>>,
    /// Topics whose retained message has to arrive.
    pub(crate) replay_debts: Vec<ReplayDebt>,
    /// Packet Identifiers in use from the broker to the client.
    pub(crate) outbound: BTreeMap<u16, Outgoing>,
    pub(crate) orders: u64,
    /// Messages that the broker had before may be in flight, and the judge has not seen them: a crash came before they were
    /// written to a socket.
    pub(crate) unseen: Option<Stamp>,
    /// QoS 2 messages from the client to the broker, until PUBREL.
    pub(crate) inbound: BTreeMap<u16, Incoming>,
    /// How often the broker sent a message as a new one, by the QoS of the delivery.
    pub(crate) fresh: BTreeMap<(MessageId, QoS), usize>,
    /// How often it was sent with QoS 0 before the last crash: what the log did not have may be sent again.
    pub(crate) forgiven: BTreeMap<MessageId, usize>,
    /// How often a delivery with QoS 2 by Shared Subscriptions was begun.
    pub(crate) group_begun: BTreeMap<MessageId, usize>,
    /// How often the client took a message, by the QoS of the delivery.
    pub(crate) taken: BTreeMap<(MessageId, QoS), usize>,
    /// Messages that the client took at least once.
    pub(crate) accepted: BTreeSet<MessageId>,
    /// What the client took last of each retained topic.
    pub(crate) last: BTreeMap<String, MessageId>,
    /// How far each line was delivered, by the QoS of the delivery.
    pub(crate) delivered: BTreeMap<(Line, QoS), usize>,
    /// Retained messages sent because of subscriptions, by topic, and how many of them with QoS 0.
    pub(crate) replays: BTreeMap<String, (usize, usize)>,
    /// The newest value of a retained topic that a replay with a QoS showed.
    pub(crate) seen: BTreeMap<(String, QoS), usize>,
}

impl Session {
    pub(crate) fn new(client: usize, shard: usize, survives: bool) -> Self {
        Self {
            client,
            shard,
            life: Life::default(),
            survives,
            is_over: false,
            ended: None,
            gaps: Vec::new(),
            is_unresolved: false,
            is_lossy: false,
            has_size_limit: false,
            subscriptions: Vec::new(),
            debts: BTreeMap::new(),
            replay_debts: Vec::new(),
            outbound: BTreeMap::new(),
            orders: 0,
            unseen: None,
            inbound: BTreeMap::new(),
            fresh: BTreeMap::new(),
            forgiven: BTreeMap::new(),
            group_begun: BTreeMap::new(),
            taken: BTreeMap::new(),
            accepted: BTreeSet::new(),
            last: BTreeMap::new(),
            delivered: BTreeMap::new(),
            replays: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    /// The Session ends. What it is owed stays, for the case that a crash turns the end back.
    pub(crate) fn end(&mut self, stamp: Stamp) {
        self.is_over = true;
        self.ended = Some(stamp);
        self.life.connection = None;
        for subscription in &mut self.subscriptions {
            subscription.gone.get_or_insert(stamp);
        }
    }

    /// The Session had not ended, as far as the log knows.
    pub(crate) fn revive(&mut self, stamp: Stamp) {
        self.is_over = false;
        let ended = self.ended.take();
        self.gaps.extend(ended.map(|ended| (ended, stamp)));
        for subscription in self.subscriptions.iter_mut().filter(|subscription| subscription.gone == ended) {
            subscription.gone = None;
        }
    }

    /// Whether a message of this length has to be kept for it, as far as it alone is concerned.
    pub(crate) fn keeps_everything(&self, len: usize) -> bool {
        !self.is_over && !self.is_lossy && (!self.has_size_limit || len <= SURELY_FITS_BYTES)
    }

    /// Whether it was there when the broker had something.
    pub(crate) fn was_there(&self, at: Stamp) -> bool {
        !self.gaps.iter().any(|(from, to)| (*from..*to).contains(&at))
    }

    /// Whether a QoS 2 message was sent that the client has not taken.
    pub(crate) fn has_begun(&self, id: MessageId) -> bool {
        let times = |counts: &BTreeMap<_, usize>| counts.get(&(id, QoS::ExactlyOnce)).copied().unwrap_or(0);
        times(&self.fresh) > times(&self.taken)
    }

    /// Whether a QoS 2 message that the broker had at `since` may be in flight by a Shared Subscription, and was not seen.
    pub(crate) fn may_have_begun(&self, text: &str, since: Stamp) -> bool {
        let may_be_it =
            |s: &Subscription| s.text == text && s.qos() == QoS::ExactlyOnce && s.is_possible_since(since);
        self.unseen.is_some_and(|unseen| since < unseen) && self.subscriptions.iter().any(may_be_it)
    }

    /// How often a message was sent to it as a new one.
    pub(crate) fn times_sent(&self, id: MessageId) -> usize {
        let each = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        each.iter().filter_map(|qos| self.fresh.get(&(id, *qos))).sum()
    }

    /// The subscriptions by which a message may come that the broker had at `since`.
    pub(crate) fn possible(&self, topic: &str, since: Stamp) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.iter().filter(move |s| s.is_possible_since(since) && s.matches(topic))
    }

    /// The subscription at this filter may end, or may change so that messages get lost: what comes by it alone is owed
    /// no more.
    pub(crate) fn doubt(&mut self, text: &str, stamp: Stamp) {
        let mut doubtful = Vec::new();
        for (place, subscription) in self.subscriptions.iter_mut().enumerate() {
            if subscription.text == text && subscription.gone.is_none() {
                subscription.leaving.get_or_insert(stamp);
                doubtful.push(place);
            }
        }
        self.release(&doubtful);
    }

    /// Nothing is owed by these subscriptions.
    fn release(&mut self, released: &[usize]) {
        self.debts.retain(|_, places| {
            places.retain(|place| !released.contains(place));
            !places.is_empty()
        });
        self.replay_debts.retain(|debt| !released.contains(&debt.place));
    }

    /// Another subscription at this filter was asked for.
    pub(crate) fn replace(&mut self, text: &str) {
        for subscription in self.subscriptions.iter_mut().filter(|subscription| subscription.text == text) {
            subscription.is_replaced = true;
        }
    }

    /// Every subscription at this filter that was asked for before `stamp` has surely ended.
    pub(crate) fn gone(&mut self, text: &str, before: Stamp, stamp: Stamp) {
        for subscription in &mut self.subscriptions {
            if subscription.text == text && subscription.requested < before {
                subscription.gone.get_or_insert(stamp);
            }
        }
    }

    /// A subscription is there, and stands for those that it replaces: no message is lost between them
    /// [MQTT-3.8.4-3].
    pub(crate) fn acknowledge(&mut self, place: usize, stamp: Stamp) {
        let (text, requested) = (self.subscriptions[place].text.clone(), self.subscriptions[place].requested);
        let mut since = stamp;
        let (mut replaced, mut lost) = (Vec::new(), Vec::new());
        for (older, subscription) in self.subscriptions.iter_mut().enumerate() {
            if subscription.text == text && subscription.requested < requested && subscription.gone.is_none()
            {
                let is_lasting = subscription.qos() > QoS::AtMostOnce && !subscription.options.no_local;
                if subscription.leaving.is_none() && is_lasting {
                    since = since.min(subscription.acknowledged.unwrap_or(stamp));
                    replaced.push(older);
                } else {
                    lost.push(older);
                }
                subscription.gone = Some(stamp);
            }
        }
        self.release(&lost);
        self.subscriptions[place].granted = Some(stamp);
        self.subscriptions[place].acknowledged = Some(since);
        let successor = |held: &mut usize| {
            if replaced.contains(held) {
                *held = place;
            }
        };
        self.debts.values_mut().flatten().for_each(successor);
        self.replay_debts.iter_mut().map(|debt| &mut debt.place).for_each(successor);
    }

    /// How many subscriptions there surely are, and how many there may be.
    pub(crate) fn subscription_counts(&self) -> (usize, usize) {
        let count = |wanted: &dyn Fn(&Subscription) -> bool| {
            let mut texts: Vec<&str> = self
                .subscriptions
                .iter()
                .filter(|subscription| wanted(subscription))
                .map(|subscription| subscription.text.as_str())
                .collect();
            texts.sort_unstable();
            texts.dedup();
            texts.len()
        };
        let sure = count(&|s| s.acknowledged.is_some() && s.leaving.is_none() && s.gone.is_none());
        (sure, count(&|s| s.gone.is_none()))
    }
}
