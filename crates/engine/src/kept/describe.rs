//! What records say, in names and values.

use martlet_proto::Instant;
use martlet_wire::{QoS, SubscriptionIdentifier, SubscriptionOptions};

use crate::UnreadableRecord;
use crate::bytes::Reader;
use crate::records::{MessageFields, Record, RecordId, Stamp};
use crate::retained::topic_of;

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described<'a> {
    /// Its kind, in small letters with dashes. Kinds and names may come to be more, and mean the same for ever.
    pub kind: &'static str,
    /// Its fields, each with a name; a field that says nothing is left out.
    pub fields: Vec<(&'static str, Value<'a>)>,
}

/// What a field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(u64),
    /// A point in time.
    Time(Instant),
    /// Text, such as a Topic Name.
    Text(String),
    /// The payload of a message.
    Payload(&'a [u8]),
    /// The properties of a PUBLISH, as a section of the wire.
    Properties(&'a [u8]),
    /// Several texts.
    Texts(Vec<&'a str>),
    /// Several numbers.
    Numbers(Vec<u32>),
}

/// Tells what records say, one after another: those of a batch, or of a part of a checkpoint.
pub fn describe(records: &[u8]) -> Records<'_> {
    Records { all: records, rest: Reader(records) }
}

/// What some records say. It ends behind the first that cannot be read.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    all: &'a [u8],
    rest: Reader<'a>,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Described<'a>, UnreadableRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_at_end() {
            return None;
        }
        let offset = self.all.len() - self.rest.0.len();
        let Some(record) = self.rest.record() else {
            self.rest = Reader(&[]);
            return Some(Err(UnreadableRecord { offset }));
        };
        Some(Ok(described(record)))
    }
}

/// Fields that are being collected.
struct Fields<'a>(Vec<(&'static str, Value<'a>)>);

impl<'a> Fields<'a> {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn about(session: RecordId) -> Self {
        Self::new().number("session", session)
    }

    fn with(mut self, name: &'static str, value: Value<'a>) -> Self {
        self.0.push((name, value));
        self
    }

    fn number(self, name: &'static str, number: impl Into<u64>) -> Self {
        self.with(name, Value::Number(number.into()))
    }

    fn flag(self, name: &'static str, flag: bool) -> Self {
        self.with(name, Value::Flag(flag))
    }

    fn text(self, name: &'static str, text: impl Into<String>) -> Self {
        self.with(name, Value::Text(text.into()))
    }

    fn qos(self, name: &'static str, qos: QoS) -> Self {
        self.number(name, qos as u8)
    }

    fn optional<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    fn user_name(self, user_name: Option<&str>) -> Self {
        self.optional(user_name, |fields, name| fields.text("user-name", name))
    }

    fn time(self, name: &'static str, time: Option<Instant>) -> Self {
        self.optional(time, |fields, time| fields.with(name, Value::Time(time)))
    }

    fn stamp(self, stamp: Stamp) -> Self {
        self.number("order", stamp.order).number("of-shard", stamp.shard)
    }

    fn options(self, options: SubscriptionOptions) -> Self {
        self.qos("qos", options.maximum_qos)
            .flag("no-local", options.no_local)
            .flag("retain-as-published", options.retain_as_published)
            .number("retain-handling", options.retain_handling as u8)
    }

    fn identifiers(self, identifiers: &[SubscriptionIdentifier]) -> Self {
        if identifiers.is_empty() {
            return self;
        }
        let numbers = identifiers.iter().map(|identifier| identifier.get()).collect();
        self.with("subscription-identifiers", Value::Numbers(numbers))
    }

    fn message(self, message: &MessageFields<'a>) -> Self {
        let fields = self
            .text("topic", message.topic)
            .qos("message-qos", message.qos)
            .flag("message-retain", message.retain)
            .text("publisher", message.publisher.client_identifier)
            .optional(message.publisher.user_name, |fields, name| fields.text("publisher-user-name", name))
            .optional(message.publisher.listener, |fields, number| {
                fields.number("publisher-listener", number)
            })
            .time("expires-at", message.expires_at);
        let properties = (!message.properties.is_empty()).then_some(message.properties);
        fields
            .optional(properties, |fields, section| fields.with("properties", Value::Properties(section)))
            .with("payload", Value::Payload(message.payload))
    }

    fn end(self, kind: &'static str) -> Described<'a> {
        Described { kind, fields: self.0 }
    }
}

fn described(record: Record<'_>) -> Described<'_> {
    match record {
        Record::Time(at) => Fields::new().time("at", Some(at)).end("time"),
        Record::AsOf(batch) => Fields::new().number("after", batch.0).end("as-of"),
        Record::Message { id, message } => {
            Fields::new().number("message", id).message(&message).end("message")
        }
        Record::Will { client_identifier, delay, expiry_interval, due_at, message } => Fields::new()
            .text("client", client_identifier)
            .number("delay", delay)
            .optional(expiry_interval, |fields, seconds| fields.number("expiry-interval", seconds))
            .time("due-at", due_at)
            .message(&message)
            .end("will"),
        Record::WillGone { client_identifier } => {
            Fields::new().text("client", client_identifier).end("will-gone")
        }
        Record::Retained { stamp, message } => {
            Fields::new().stamp(stamp).number("message", message).end("retained")
        }
        Record::Cleared { stamp, topic } => Fields::new().stamp(stamp).text("topic", topic).end("cleared"),
        Record::Forwarded { shard, number, message, plain, hops, groups } => Fields::new()
            .number("to", shard)
            .number("number", number)
            .number("message", message)
            .flag("plain", plain)
            .number("hops", hops)
            .with("groups", Value::Texts(groups))
            .end("forwarded"),
        Record::Confirmed { shard, number } => {
            Fields::new().number("by", shard).number("number", number).end("confirmed")
        }
        Record::Heard { shard, number } => {
            Fields::new().number("from", shard).number("number", number).end("heard")
        }
        Record::Queued { session, number, message, qos, retain, group, identifiers } => {
            Fields::about(session)
                .number("number", number)
                .number("message", message)
                .qos("qos", qos)
                .flag("retain", retain)
                .optional(group, |fields, group| fields.text("group", group))
                .identifiers(&identifiers)
                .end("queued")
        }
        Record::Session { session, .. }
        | Record::Attached { session, .. }
        | Record::Detached { session, .. }
        | Record::Ended { session }
        | Record::Subscribed { session, .. }
        | Record::Unsubscribed { session, .. }
        | Record::Replayed { session, .. } => described_session(Fields::about(session), &record),
        Record::Sent { session, id, .. }
        | Record::Received { session, id }
        | Record::Acknowledged { session, id }
        | Record::TakenOver { session, id }
        | Record::Stored { session, id, .. }
        | Record::Released { session, id } => {
            described_packet(Fields::about(session).number("packet-id", id.get()), &record)
        }
        Record::Dropped { session, number } => Fields::about(session).number("number", number).end("dropped"),
    }
}

/// What becomes of a Session and of its subscriptions.
fn described_session<'a>(fields: Fields<'a>, record: &Record<'a>) -> Described<'a> {
    match record {
        Record::Session { client_identifier, user_name, expiry_interval, detached_at, .. } => fields
            .text("client", *client_identifier)
            .user_name(*user_name)
            .number("expiry-interval", *expiry_interval)
            .time("detached-at", *detached_at)
            .end("session"),
        Record::Attached { user_name, expiry_interval, .. } => {
            fields.user_name(*user_name).number("expiry-interval", *expiry_interval).end("attached")
        }
        Record::Detached { at, expiry_interval, .. } => {
            fields.time("at", Some(*at)).number("expiry-interval", *expiry_interval).end("detached")
        }
        Record::Subscribed { filter, options, identifier, owes, .. } => fields
            .text("filter", *filter)
            .options(*options)
            .identifiers(identifier.as_slice())
            .flag("owes-retained", *owes)
            .end("subscribed"),
        Record::Unsubscribed { filter, .. } => fields.text("filter", *filter).end("unsubscribed"),
        Record::Replayed { key, .. } => {
            fields.optional(*key, |fields, key| fields.text("up-to", topic_of(key))).end("replayed")
        }
        _ => fields.end("ended"),
    }
}

/// What becomes of a packet of a Session.
fn described_packet<'a>(fields: Fields<'a>, record: &Record<'a>) -> Described<'a> {
    match record {
        Record::Sent { number, .. } => fields.number("number", *number).end("sent"),
        Record::Received { .. } => fields.end("received"),
        Record::Acknowledged { .. } => fields.end("acknowledged"),
        Record::TakenOver { .. } => fields.end("taken-over"),
        Record::Stored { message, .. } => fields.number("message", *message).end("stored"),
        _ => fields.end("released"),
    }
}
