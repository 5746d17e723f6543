//! An Application Message on its way through the broker: borrowed while it passes, shared once it has to wait.

use std::sync::Arc;

use martlet_proto::Instant;
use martlet_wire::{PacketType, Properties, PropertyOwner, QoS, SubscriptionIdentifier, TopicName};

use crate::Client;
use crate::identity::Publisher;
use crate::records::{MessageFields, RecordId};

/// Payloads from this many bytes on are sent from one shared place; smaller ones are copied.
pub(crate) const SHARED_PAYLOAD_BYTES_MIN: usize = 4096;

/// An Application Message that is kept: retained, queued, in flight.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// The Topic Name.
    pub topic: Box<str>,
    /// The properties that are passed on as they came, as a section of the wire: neither Topic Alias, Message Expiry
    /// Interval nor Subscription Identifier.
    pub properties: Box<[u8]>,
    /// The payload.
    pub payload: Box<[u8]>,
    /// The QoS it was published with.
    pub qos: QoS,
    /// Whether it was published with RETAIN.
    pub retain: bool,
    /// When it expires, from its Message Expiry Interval.
    pub expires_at: Option<Instant>,
    /// Its publisher, for No Local and for whether it may still be published.
    pub publisher: Publisher,
}

impl Message {
    /// Bytes that it takes while it waits: topic, properties and payload.
    pub fn size(&self) -> usize {
        self.topic.len() + self.properties.len() + self.payload.len()
    }

    /// Whether it expired at `now` [MQTT-3.3.2-5].
    pub fn is_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// The message as it passes through the engine. `None` for a Topic Name that is none, which [`Message`] never holds.
    pub(crate) fn publication(self: &Arc<Self>) -> Option<Publication<'_>> {
        Some(Publication {
            topic: TopicName::parse(&self.topic).ok()?,
            properties: section(&self.properties),
            payload: &self.payload,
            qos: self.qos,
            retain: self.retain,
            expires_at: self.expires_at,
            publisher: self.publisher.client(),
            shared: Some(Arc::clone(self)),
            record: None,
        })
    }

    /// The message as a record has it.
    pub(crate) fn fields(&self) -> MessageFields<'_> {
        MessageFields {
            topic: &self.topic,
            properties: &self.properties,
            payload: &self.payload,
            qos: self.qos,
            retain: self.retain,
            expires_at: self.expires_at,
            publisher: self.publisher.client(),
        }
    }
}

impl From<&MessageFields<'_>> for Message {
    fn from(fields: &MessageFields<'_>) -> Self {
        Self {
            topic: fields.topic.into(),
            properties: fields.properties.into(),
            payload: fields.payload.into(),
            qos: fields.qos,
            retain: fields.retain,
            expires_at: fields.expires_at,
            publisher: fields.publisher.into(),
        }
    }
}

/// The properties of a PUBLISH from a section that was checked when it came in.
pub(crate) fn section(bytes: &[u8]) -> Properties<'_> {
    if bytes.is_empty() {
        return Properties::EMPTY;
    }
    Properties::from_section(PropertyOwner::Packet(PacketType::Publish), bytes).unwrap_or(Properties::EMPTY)
}

/// An Application Message as it passes through the engine, borrowed from wherever it came.
#[derive(Clone, Debug)]
pub(crate) struct Publication<'a> {
    pub(crate) topic: TopicName<'a>,
    pub(crate) properties: Properties<'a>,
    pub(crate) payload: &'a [u8],
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) expires_at: Option<Instant>,
    pub(crate) publisher: Client<'a>,
    /// The kept message, once one was made.
    pub(crate) shared: Option<Arc<Message>>,
    /// The name that this message has in the records of this shard, once it is there.
    pub(crate) record: Option<RecordId>,
}

impl Publication<'_> {
    /// The message as a record has it.
    pub(crate) fn fields(&self) -> MessageFields<'_> {
        MessageFields {
            topic: self.topic.as_str(),
            properties: self.properties.wire_section().unwrap_or_default(),
            payload: self.payload,
            qos: self.qos,
            retain: self.retain,
            expires_at: self.expires_at,
            publisher: self.publisher,
        }
    }

    /// The kept message; made at the first call.
    pub(crate) fn share(&mut self) -> Arc<Message> {
        if let Some(message) = &self.shared {
            return Arc::clone(message);
        }
        let message = Arc::new(Message::from(&self.fields()));
        self.shared = Some(Arc::clone(&message));
        message
    }

    /// The Message Expiry Interval left at `now`, in seconds, rounded up [MQTT-3.3.2-6]; at least 1.
    pub(crate) fn expiry_left(&self, now: Instant) -> Option<u32> {
        let left = self.expires_at?.saturating_duration_since(now).as_millis().div_ceil(1000);
        Some(u32::try_from(left).unwrap_or(u32::MAX).max(1))
    }
}

/// A message that waits for one Session, or is in flight to it.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) message: Arc<Message>,
    /// The QoS of this delivery.
    pub(crate) qos: QoS,
    /// RETAIN of this delivery.
    pub(crate) retain: bool,
    /// The Subscription Identifiers of the matching subscriptions.
    pub(crate) identifiers: Identifiers,
    /// The Shared Subscription that it came by: `$share/NAME/FILTER`.
    pub(crate) group: Option<Arc<str>>,
    /// Its number within a Session that survives: greater than those of all before.
    pub(crate) number: u64,
}

/// Subscription Identifiers that go with a delivery; mostly none.
pub(crate) type Identifiers = Option<Arc<[SubscriptionIdentifier]>>;
