//! What Mosquitto kept, from wherever it was read, and the Sessions and messages that it makes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use martlet_engine::kept::{
    Kept, KeptDelivery, KeptInFlight, KeptIncoming, KeptSession, KeptSubscription, KeptWill,
};
use martlet_engine::{Instant, Message};
use martlet_wire::{
    PacketId, PacketType, Properties, Property, PropertyOwner, QoS, RetainHandling, SubscriptionIdentifier,
    SubscriptionOptions, TopicFilter, TopicName,
};

use super::problem::SourceProblem;

/// Something that was left out, and is no damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// What.
    pub what: LeftOut,
    /// How often.
    pub count: u64,
}

/// What can be left out without being damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Messages that had expired.
    ExpiredMessages,
    /// Sessions that had expired.
    ExpiredSessions,
    /// Places in a queue, or of retained messages, whose message is not there; Mosquitto leaves them too.
    WithoutMessage,
    /// Subscriptions and messages of clients that have no Session.
    WithoutSession,
    /// Messages from clients that these send again: QoS 0 and 1.
    Repeatable,
    /// Chunks of an unknown kind.
    UnknownChunks,
}

impl LeftOut {
    /// What it is, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::ExpiredMessages => "expired messages",
            Self::ExpiredSessions => "expired Sessions",
            Self::WithoutMessage => "places of messages that are not there",
            Self::WithoutSession => "subscriptions and messages of clients without a Session",
            Self::Repeatable => "messages that their clients send again",
            Self::UnknownChunks => "chunks of an unknown kind",
        }
    }
}

/// A message as it was read.
#[derive(Debug)]
pub(super) struct RawMessage<'a> {
    pub(super) id: u64,
    pub(super) topic: &'a [u8],
    /// A section of the wire.
    pub(super) properties: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) qos: u64,
    pub(super) retain: bool,
    pub(super) publisher: &'a [u8],
    /// In seconds since 1970; 0 or less is never.
    pub(super) expires_at: i64,
}

/// A client as it was read.
#[derive(Debug)]
pub(super) struct RawClient<'a> {
    pub(super) client_identifier: &'a [u8],
    pub(super) user_name: Option<&'a [u8]>,
    /// Session Expiry Interval in seconds.
    pub(super) expiry_interval: u32,
    /// When the Session ends, in seconds since 1970; 0 or less if Mosquitto did not know yet.
    pub(super) ends_at: i64,
}

/// A subscription as it was read.
#[derive(Debug)]
pub(super) struct RawSubscription<'a> {
    pub(super) client_identifier: &'a [u8],
    pub(super) filter: &'a [u8],
    pub(super) qos: u64,
    /// The other options as the standard packs them; the bits of the QoS do not count.
    pub(super) options: u64,
    /// 0 is none.
    pub(super) identifier: u64,
}

/// A message of a client as it was read.
#[derive(Debug)]
pub(super) struct RawDelivery<'a> {
    pub(super) client_identifier: &'a [u8],
    pub(super) message: u64,
    pub(super) packet_id: u16,
    pub(super) qos: u64,
    pub(super) retain: bool,
    pub(super) dup: bool,
    pub(super) direction: u64,
    pub(super) state: u64,
    pub(super) identifier: u64,
}

/// A Will as it was read; the file of the broker has none.
#[cfg(feature = "import-sqlite")]
#[derive(Debug)]
pub(super) struct RawWill<'a> {
    pub(super) message: RawMessage<'a>,
    pub(super) expiry_interval: Option<u32>,
    pub(super) delay: u32,
}

/// States of a message. Mosquitto numbers them so.
mod state {
    pub(super) const PUBLISH_QOS1: u64 = 2;
    pub(super) const PUBLISH_QOS2: u64 = 4;
    pub(super) const RESEND_PUBREL: u64 = 6;
    pub(super) const WAIT_FOR_PUBCOMP: u64 = 9;
    pub(super) const QUEUED: u64 = 11;
}

/// Directions of a message. Mosquitto numbers them so.
mod direction {
    pub(super) const IN: u64 = 0;
    pub(super) const OUT: u64 = 1;
}

/// A message towards or from a client.
#[derive(Debug)]
struct Delivery {
    client_identifier: String,
    message: u64,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Incoming(PacketId),
    /// Sent and not answered.
    Sent(PacketId, Terms),
    /// PUBREC came.
    Released(PacketId),
    Waits(Terms),
}

/// How a message is delivered.
#[derive(Debug)]
struct Terms {
    qos: QoS,
    retain: bool,
    identifier: Option<SubscriptionIdentifier>,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Found {
    now: Instant,
    /// `None` for one that had expired.
    messages: BTreeMap<u64, Option<Arc<Message>>>,
    sessions: BTreeMap<String, KeptSession>,
    subscriptions: Vec<(String, KeptSubscription)>,
    deliveries: Vec<Delivery>,
    retained: Vec<u64>,
    wills: Vec<KeptWill>,
    left_out: BTreeMap<LeftOut, u64>,
}

impl Found {
    /// Nothing yet, at this wall time.
    pub(super) const fn at(now: Instant) -> Self {
        Self {
            now,
            messages: BTreeMap::new(),
            sessions: BTreeMap::new(),
            subscriptions: Vec::new(),
            deliveries: Vec::new(),
            retained: Vec::new(),
            wills: Vec::new(),
            left_out: BTreeMap::new(),
        }
    }

    pub(super) const fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn leave_out(&mut self, what: LeftOut) {
        *self.left_out.entry(what).or_default() += 1;
    }

    pub(super) fn message(&mut self, raw: &RawMessage<'_>) -> Result<(), SourceProblem> {
        let message = message(raw)?;
        if self.messages.contains_key(&raw.id) {
            return Err(SourceProblem::SameMessage(raw.id));
        }
        let is_expired = message.is_expired(self.now);
        if is_expired {
            self.leave_out(LeftOut::ExpiredMessages);
        }
        self.messages.insert(raw.id, (!is_expired).then(|| Arc::new(message)));
        Ok(())
    }

    pub(super) fn client(&mut self, raw: &RawClient<'_>) -> Result<(), SourceProblem> {
        let client_identifier = client_identifier(raw.client_identifier)?;
        let interval = u64::from(raw.expiry_interval) * 1000;
        let is_forever = raw.expiry_interval == u32::MAX;
        let ends_at = seconds(raw.ends_at).filter(|_| !is_forever);
        // A Session whose end is not known had a connection when Mosquitto ended.
        let detached_at = ends_at.map_or(self.now, |at| {
            Instant::from_millis(at.as_millis().saturating_sub(interval)).min(self.now)
        });
        if !is_forever && detached_at.as_millis() + interval <= self.now.as_millis() {
            self.leave_out(LeftOut::ExpiredSessions);
            return Ok(());
        }
        let session = KeptSession {
            client_identifier: client_identifier.clone(),
            user_name: raw.user_name.map(|name| text(name, "user name")).transpose()?.map(str::to_owned),
            expiry_interval: raw.expiry_interval,
            detached_at: Some(detached_at),
            ..KeptSession::default()
        };
        self.sessions.insert(client_identifier, session);
        Ok(())
    }

    pub(super) fn subscription(&mut self, raw: &RawSubscription<'_>) -> Result<(), SourceProblem> {
        let client_identifier = client_identifier(raw.client_identifier)?;
        let text = text(raw.filter, "Topic Filter")?;
        let filter = TopicFilter::parse(text).map_err(|_| SourceProblem::TopicFilter(text.to_owned()))?;
        let options = SubscriptionOptions {
            maximum_qos: qos(raw.qos)?,
            no_local: raw.options & 4 != 0 && filter.share().is_none(),
            retain_as_published: raw.options & 8 != 0,
            retain_handling: match raw.options >> 4 & 3 {
                0 => RetainHandling::SendAtSubscribe,
                1 => RetainHandling::SendIfNew,
                2 => RetainHandling::DoNotSend,
                other => return Err(SourceProblem::RetainHandling(other)),
            },
        };
        let identifier = identifier(raw.identifier)?;
        let filter = text.to_owned();
        let subscription = KeptSubscription { filter, options, identifier, owes_retained: false };
        self.subscriptions.push((client_identifier, subscription));
        Ok(())
    }

    pub(super) fn delivery(&mut self, raw: &RawDelivery<'_>) -> Result<(), SourceProblem> {
        let client_identifier = client_identifier(raw.client_identifier)?;
        if raw.state == 0 || raw.state > state::QUEUED {
            return Err(SourceProblem::State(raw.state));
        }
        let terms = Terms { qos: qos(raw.qos)?, retain: raw.retain, identifier: identifier(raw.identifier)? };
        let packet_id = PacketId::new(raw.packet_id).filter(|_| terms.qos > QoS::AtMostOnce);
        let never_sent = !raw.dup && matches!(raw.state, state::PUBLISH_QOS1 | state::PUBLISH_QOS2);
        let step = match (raw.direction, packet_id, raw.state) {
            (direction::IN, Some(id), _) if terms.qos == QoS::ExactlyOnce => Step::Incoming(id),
            (direction::IN, ..) => {
                self.leave_out(LeftOut::Repeatable);
                return Ok(());
            }
            (direction::OUT, Some(id), state::RESEND_PUBREL | state::WAIT_FOR_PUBCOMP)
                if terms.qos == QoS::ExactlyOnce =>
            {
                Step::Released(id)
            }
            (direction::OUT, _, state::QUEUED) => Step::Waits(terms),
            (direction::OUT, Some(id), _) if !never_sent => Step::Sent(id, terms),
            (direction::OUT, ..) => Step::Waits(terms),
            (other, ..) => return Err(SourceProblem::Direction(other)),
        };
        self.deliveries.push(Delivery { client_identifier, message: raw.message, step });
        Ok(())
    }

    pub(super) fn retained(&mut self, message: u64) {
        self.retained.push(message);
    }

    #[cfg(feature = "import-sqlite")]
    pub(super) fn will(&mut self, raw: &RawWill<'_>) -> Result<(), SourceProblem> {
        let client_identifier = client_identifier(raw.message.publisher)?;
        let message = Arc::new(message(&raw.message)?);
        let RawWill { expiry_interval, delay, .. } = *raw;
        self.wills.push(KeptWill { client_identifier, message, expiry_interval, delay });
        Ok(())
    }

    /// What it makes, and what was left out.
    pub(super) fn into_kept(mut self) -> (Vec<Kept>, Vec<Note>) {
        for (client_identifier, subscription) in core::mem::take(&mut self.subscriptions) {
            match self.sessions.get_mut(&client_identifier) {
                Some(session) => {
                    // The later one of two alike replaces the other.
                    session.subscriptions.retain(|other| other.filter != subscription.filter);
                    session.subscriptions.push(subscription);
                }
                None => self.leave_out(LeftOut::WithoutSession),
            }
        }
        let mut taken = BTreeSet::new();
        for delivery in core::mem::take(&mut self.deliveries) {
            self.deliver(delivery, &mut taken);
        }
        let mut kept = Vec::new();
        for id in core::mem::take(&mut self.retained) {
            match self.messages.get(&id) {
                // What a broker says of itself is not to be told by another.
                Some(Some(message)) if message.topic.starts_with("$SYS/") => {}
                Some(Some(message)) => kept.push(Kept::Retained(Arc::clone(message))),
                Some(None) => {}
                None => self.leave_out(LeftOut::WithoutMessage),
            }
        }
        kept.extend(self.sessions.into_values().map(Kept::Session));
        kept.extend(self.wills.into_iter().map(Kept::Will));
        let notes = self.left_out.into_iter().map(|(what, count)| Note { what, count });
        (kept, notes.collect())
    }

    /// Adds a message to its Session. `taken` has the Packet Identifiers of messages towards clients.
    fn deliver(&mut self, delivery: Delivery, taken: &mut BTreeSet<(String, PacketId)>) {
        let Delivery { client_identifier, message, step } = delivery;
        let Some(session) = self.sessions.get_mut(&client_identifier) else {
            return self.leave_out(LeftOut::WithoutSession);
        };
        let is_known = self.messages.get(&message);
        let message = match (is_known, &step) {
            (Some(Some(message)), _) => Arc::clone(message),
            // PUBREL is due whatever became of the message.
            (_, Step::Released(id)) => {
                if taken.insert((client_identifier, *id)) {
                    session.in_flight.push(KeptInFlight { id: *id, delivery: None });
                }
                return;
            }
            (Some(None), _) => return,
            (None, _) => return self.leave_out(LeftOut::WithoutMessage),
        };
        let delivered = |terms: Terms| KeptDelivery {
            message: Arc::clone(&message),
            qos: terms.qos,
            retain: terms.retain,
            identifiers: terms.identifier.into_iter().collect(),
            group: None,
        };
        match step {
            Step::Incoming(id) => {
                session.incoming.retain(|other| other.id != id);
                session.incoming.push(KeptIncoming { id, message: Some(message) });
            }
            Step::Released(id) => {
                if taken.insert((client_identifier, id)) {
                    session.in_flight.push(KeptInFlight { id, delivery: None });
                }
            }
            Step::Sent(id, terms) if taken.insert((client_identifier, id)) => {
                session.in_flight.push(KeptInFlight { id, delivery: Some(delivered(terms)) });
            }
            Step::Sent(_, terms) | Step::Waits(terms) => session.queued.push(delivered(terms)),
        }
    }
}

fn message(raw: &RawMessage<'_>) -> Result<Message, SourceProblem> {
    let topic = text(raw.topic, "topic")?;
    let topic = TopicName::parse(topic).map_err(|_| SourceProblem::TopicName(topic.to_owned()))?;
    let owner = PropertyOwner::Packet(PacketType::Publish);
    let properties =
        Properties::from_section(owner, raw.properties).map_err(|_| SourceProblem::Properties)?;
    let mut section = Vec::new();
    for property in &properties {
        // These belong to one delivery, or are kept elsewhere.
        let is_passed_on = !matches!(
            property,
            Property::TopicAlias(_)
                | Property::MessageExpiryInterval(_)
                | Property::SubscriptionIdentifier(_)
        );
        if is_passed_on {
            property.encode(&mut section);
        }
    }
    Ok(Message {
        topic: topic.as_str().into(),
        properties: section.into(),
        payload: raw.payload.into(),
        qos: qos(raw.qos)?,
        retain: raw.retain,
        expires_at: seconds(raw.expires_at),
        publisher: text(raw.publisher, "publisher")?.into(),
    })
}

/// A time in seconds since 1970; `None` if there is none.
fn seconds(time: i64) -> Option<Instant> {
    let seconds = u64::try_from(time).ok().filter(|seconds| *seconds > 0)?;
    Some(Instant::from_millis(seconds.saturating_mul(1000)))
}

fn text<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a str, SourceProblem> {
    core::str::from_utf8(bytes).map_err(|_| SourceProblem::Text(what))
}

fn client_identifier(bytes: &[u8]) -> Result<String, SourceProblem> {
    match text(bytes, "Client Identifier")? {
        "" => Err(SourceProblem::NoClientIdentifier),
        text => Ok(text.to_owned()),
    }
}

fn qos(number: u64) -> Result<QoS, SourceProblem> {
    let qos = u8::try_from(number).ok().and_then(|number| QoS::try_from(number).ok());
    qos.ok_or(SourceProblem::QoS(number))
}

fn identifier(number: u64) -> Result<Option<SubscriptionIdentifier>, SourceProblem> {
    if number == 0 {
        return Ok(None);
    }
    let identifier = u32::try_from(number).ok().and_then(SubscriptionIdentifier::new);
    identifier.map(Some).ok_or(SourceProblem::SubscriptionIdentifier(number))
}
