//! What the log and the checkpoints of a shard hold: records, each a change of what has to survive.
//!
//! A record is a byte that names its kind, then its fields; see [`bytes`](crate::bytes). Kinds are never used for something
//! else, and a record never changes its fields: what is needed later becomes a new kind.

use martlet_proto::Instant;
use martlet_wire::{PacketId, QoS, RetainHandling, SubscriptionIdentifier, SubscriptionOptions};

use crate::bytes::{Reader, put, put_len};
use crate::{BatchId, Client};

/// Names a Session or a message in the records of one shard; never used twice, and never 0.
pub(crate) type RecordId = u64;

/// When a retained message took the place of another: the later one stays, whichever shard it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stamp {
    /// Greater than that of every earlier one of the node; begins with the milliseconds of the wall time.
    pub(crate) order: u64,
    /// The shard.
    pub(crate) shard: u16,
}

/// How many bits of an order count what happens within one millisecond.
const ORDER_BITS: u32 = 20;

/// A number that is greater than the last one, and than all that were given out before this time.
pub(crate) fn next_order(last: u64, now: Instant) -> u64 {
    (last + 1).max(now.as_millis() << ORDER_BITS)
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// The time at which the records behind it were written.
    Time(Instant),
    /// What follows in this part of a checkpoint is as it was after this batch.
    AsOf(BatchId),
    /// A Session that has to survive begins, or one begins to have to. All that it has follows.
    Session {
        session: RecordId,
        client_identifier: &'a str,
        user_name: Option<&'a str>,
        expiry_interval: u32,
        /// Since when it has no connection.
        detached_at: Option<Instant>,
    },
    /// A Session got a connection.
    Attached { session: RecordId, user_name: Option<&'a str>, expiry_interval: u32 },
    /// A Session lost its connection.
    Detached { session: RecordId, at: Instant, expiry_interval: u32 },
    /// A Session ended.
    Ended { session: RecordId },
    /// A subscription was made or replaced. `owes` tells whether retained messages are to be sent for it.
    Subscribed {
        session: RecordId,
        filter: &'a str,
        options: SubscriptionOptions,
        identifier: Option<SubscriptionIdentifier>,
        owes: bool,
    },
    /// A subscription is gone.
    Unsubscribed { session: RecordId, filter: &'a str },
    /// How far the retained messages of the oldest subscription that is owed some were sent; without a key all were.
    Replayed { session: RecordId, key: Option<&'a str> },
    /// A message, which other records of the same batch refer to.
    Message { id: RecordId, message: MessageFields<'a> },
    /// A message waits for a Session. Numbers only grow within a Session.
    Queued {
        session: RecordId,
        number: u64,
        message: RecordId,
        qos: QoS,
        retain: bool,
        group: Option<&'a str>,
        identifiers: Vec<SubscriptionIdentifier>,
    },
    /// The message that waited with this number is sent with this Packet Identifier.
    Sent { session: RecordId, number: u64, id: PacketId },
    /// The message that waited with this number is not sent at all.
    Dropped { session: RecordId, number: u64 },
    /// PUBREC came: PUBREL is due. Where no such message is known, it is one whose PUBCOMP is due.
    Received { session: RecordId, id: PacketId },
    /// A message towards the client is finished.
    Acknowledged { session: RecordId, id: PacketId },
    /// A QoS 2 message of the client was taken over.
    TakenOver { session: RecordId, id: PacketId },
    /// A QoS 2 message of the client was taken over, and takes effect with PUBREL.
    Stored { session: RecordId, id: PacketId, message: RecordId },
    /// PUBREL came for a QoS 2 message of the client.
    Released { session: RecordId, id: PacketId },
    /// A connection brought a Will.
    Will {
        client_identifier: &'a str,
        delay: u32,
        expiry_interval: Option<u32>,
        /// When it is published, where the connection is gone.
        due_at: Option<Instant>,
        message: MessageFields<'a>,
    },
    /// The Will of a client was published, or is not to be.
    WillGone { client_identifier: &'a str },
    /// A message is the retained one of its topic.
    Retained { stamp: Stamp, message: RecordId },
    /// A topic has no retained message.
    Cleared { stamp: Stamp, topic: &'a str },
    /// A message goes to another shard, which has not confirmed it.
    Forwarded { shard: u16, number: u64, message: RecordId, plain: bool, hops: u8, groups: Vec<&'a str> },
    /// Another shard has all messages up to this number.
    Confirmed { shard: u16, number: u64 },
    /// All messages of another shard up to this number came.
    Heard { shard: u16, number: u64 },
}

/// The fields of a [`Message`](crate::Message).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageFields<'a> {
    pub(crate) topic: &'a str,
    pub(crate) properties: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) expires_at: Option<Instant>,
    pub(crate) publisher: Client<'a>,
}

impl MessageFields<'_> {
    /// Whether there is nothing to tell of the publisher but its Client Identifier.
    const fn has_plain_publisher(&self) -> bool {
        self.publisher.user_name.is_none() && self.publisher.listener.is_none()
    }
}

const TIME: u8 = 1;
const SESSION: u8 = 2;
const ATTACHED: u8 = 3;
const DETACHED: u8 = 4;
const ENDED: u8 = 5;
const SUBSCRIBED: u8 = 6;
const UNSUBSCRIBED: u8 = 7;
const REPLAYED: u8 = 8;
const MESSAGE: u8 = 9;
const QUEUED: u8 = 10;
const SENT: u8 = 11;
const DROPPED: u8 = 12;
const RECEIVED: u8 = 13;
const ACKNOWLEDGED: u8 = 14;
const TAKEN_OVER: u8 = 15;
const RELEASED: u8 = 16;
const WILL: u8 = 17;
const WILL_GONE: u8 = 18;
const RETAINED: u8 = 19;
const CLEARED: u8 = 20;
const FORWARDED: u8 = 21;
const CONFIRMED: u8 = 22;
const HEARD: u8 = 23;
const AS_OF: u8 = 24;
const STORED: u8 = 25;
const MESSAGE_OF: u8 = 26;
const WILL_OF: u8 = 27;

/// Writes records.
struct Writer<'b>(&'b mut Vec<u8>);

impl Writer<'_> {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(value.into())
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn len(&mut self, value: usize) -> &mut Self {
        put_len(self.0, value);
        self
    }

    fn field(&mut self, value: &[u8]) -> &mut Self {
        put(self.0, value);
        self
    }

    fn text(&mut self, value: &str) -> &mut Self {
        self.field(value.as_bytes())
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
        self
    }

    fn optional_text(&mut self, value: Option<&str>) -> &mut Self {
        self.option(value, |writer, text| {
            writer.text(text);
        })
    }

    fn optional_time(&mut self, value: Option<Instant>) -> &mut Self {
        self.option(value, |writer, time| {
            writer.u64(time.as_millis());
        })
    }

    fn optional_u32(&mut self, value: Option<u32>) -> &mut Self {
        self.option(value, |writer, value| {
            writer.u32(value);
        })
    }

    fn stamp(&mut self, stamp: Stamp) -> &mut Self {
        self.u64(stamp.order).u16(stamp.shard)
    }

    fn options(&mut self, options: SubscriptionOptions) -> &mut Self {
        self.u8(options.maximum_qos as u8)
            .bool(options.no_local)
            .bool(options.retain_as_published)
            .u8(options.retain_handling as u8)
    }

    fn message(&mut self, message: &MessageFields<'_>) -> &mut Self {
        self.text(message.topic)
            .field(message.properties)
            .field(message.payload)
            .u8(message.qos as u8)
            .bool(message.retain)
            .optional_time(message.expires_at)
            .text(message.publisher.client_identifier);
        if !message.has_plain_publisher() {
            self.optional_text(message.publisher.user_name);
            self.option(message.publisher.listener, |writer, listener| {
                writer.u16(listener);
            });
        }
        self
    }

    fn of_packet(&mut self, kind: u8, session: RecordId, id: PacketId) {
        self.u8(kind).u64(session).u16(id.get());
    }
}

impl Record<'_> {
    /// The Session that it is about, if it is about one.
    pub(crate) const fn session(&self) -> Option<RecordId> {
        match self {
            Self::Session { session, .. }
            | Self::Attached { session, .. }
            | Self::Detached { session, .. }
            | Self::Ended { session }
            | Self::Subscribed { session, .. }
            | Self::Unsubscribed { session, .. }
            | Self::Replayed { session, .. }
            | Self::Queued { session, .. }
            | Self::Sent { session, .. }
            | Self::Dropped { session, .. }
            | Self::Received { session, .. }
            | Self::Acknowledged { session, .. }
            | Self::TakenOver { session, .. }
            | Self::Stored { session, .. }
            | Self::Released { session, .. } => Some(*session),
            _ => None,
        }
    }

    /// Appends the record.
    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        let mut to = Writer(to);
        match self {
            Self::Time(at) => _ = to.u8(TIME).u64(at.as_millis()),
            Self::AsOf(batch) => _ = to.u8(AS_OF).u64(batch.0),
            Self::Session { .. } | Self::Attached { .. } | Self::Detached { .. } | Self::Ended { .. } => {
                self.encode_session(&mut to);
            }
            Self::Subscribed { session, filter, options, identifier, owes } => {
                to.u8(SUBSCRIBED).u64(*session).text(filter).options(*options);
                to.optional_u32(identifier.map(SubscriptionIdentifier::get)).bool(*owes);
            }
            Self::Unsubscribed { session, filter } => _ = to.u8(UNSUBSCRIBED).u64(*session).text(filter),
            Self::Replayed { session, key } => _ = to.u8(REPLAYED).u64(*session).optional_text(*key),
            Self::Message { id, message } => {
                let kind = if message.has_plain_publisher() { MESSAGE } else { MESSAGE_OF };
                to.u8(kind).u64(*id).message(message);
            }
            Self::Queued { session, number, message, qos, retain, group, identifiers } => {
                to.u8(QUEUED).u64(*session).u64(*number).u64(*message).u8(*qos as u8).bool(*retain);
                to.optional_text(*group).len(identifiers.len());
                for identifier in identifiers {
                    to.u32(identifier.get());
                }
            }
            Self::Sent { session, number, id } => {
                to.of_packet(SENT, *session, *id);
                to.u64(*number);
            }
            Self::Dropped { session, number } => _ = to.u8(DROPPED).u64(*session).u64(*number),
            Self::Received { session, id } => to.of_packet(RECEIVED, *session, *id),
            Self::Acknowledged { session, id } => to.of_packet(ACKNOWLEDGED, *session, *id),
            Self::TakenOver { session, id } => to.of_packet(TAKEN_OVER, *session, *id),
            Self::Stored { session, id, message } => {
                to.of_packet(STORED, *session, *id);
                to.u64(*message);
            }
            Self::Released { session, id } => to.of_packet(RELEASED, *session, *id),
            Self::Will { client_identifier, delay, expiry_interval, due_at, message } => {
                let kind = if message.has_plain_publisher() { WILL } else { WILL_OF };
                to.u8(kind).text(client_identifier).u32(*delay).optional_u32(*expiry_interval);
                to.optional_time(*due_at).message(message);
            }
            Self::WillGone { client_identifier } => _ = to.u8(WILL_GONE).text(client_identifier),
            Self::Retained { stamp, message } => _ = to.u8(RETAINED).stamp(*stamp).u64(*message),
            Self::Cleared { stamp, topic } => _ = to.u8(CLEARED).stamp(*stamp).text(topic),
            Self::Forwarded { shard, number, message, plain, hops, groups } => {
                to.u8(FORWARDED).u16(*shard).u64(*number).u64(*message).bool(*plain).u8(*hops);
                to.len(groups.len());
                for group in groups {
                    to.text(group);
                }
            }
            Self::Confirmed { shard, number } => _ = to.u8(CONFIRMED).u16(*shard).u64(*number),
            Self::Heard { shard, number } => _ = to.u8(HEARD).u16(*shard).u64(*number),
        }
    }

    fn encode_session(&self, to: &mut Writer<'_>) {
        match self {
            Self::Session { session, client_identifier, user_name, expiry_interval, detached_at } => {
                to.u8(SESSION).u64(*session).text(client_identifier).optional_text(*user_name);
                to.u32(*expiry_interval).optional_time(*detached_at);
            }
            Self::Attached { session, user_name, expiry_interval } => {
                to.u8(ATTACHED).u64(*session).optional_text(*user_name).u32(*expiry_interval);
            }
            Self::Detached { session, at, expiry_interval } => {
                to.u8(DETACHED).u64(*session).u64(at.as_millis()).u32(*expiry_interval);
            }
            Self::Ended { session } => _ = to.u8(ENDED).u64(*session),
            _ => {}
        }
    }
}

impl<'a> Reader<'a> {
    fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    #[expect(clippy::option_option, reason = "the outer one tells whether the bytes were there")]
    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.bool()? { read(self).map(Some) } else { Some(None) }
    }

    fn time(&mut self) -> Option<Instant> {
        self.u64().map(Instant::from_millis)
    }

    fn qos(&mut self) -> Option<QoS> {
        QoS::try_from(self.u8()?).ok()
    }

    fn packet_id(&mut self) -> Option<PacketId> {
        PacketId::new(self.u16()?)
    }

    fn stamp(&mut self) -> Option<Stamp> {
        Some(Stamp { order: self.u64()?, shard: self.u16()? })
    }

    fn identifier(&mut self) -> Option<SubscriptionIdentifier> {
        SubscriptionIdentifier::new(self.u32()?)
    }

    fn options(&mut self) -> Option<SubscriptionOptions> {
        Some(SubscriptionOptions {
            maximum_qos: self.qos()?,
            no_local: self.bool()?,
            retain_as_published: self.bool()?,
            retain_handling: match self.u8()? {
                0 => RetainHandling::SendAtSubscribe,
                1 => RetainHandling::SendIfNew,
                2 => RetainHandling::DoNotSend,
                _ => return None,
            },
        })
    }

    fn message(&mut self, tells_publisher: bool) -> Option<MessageFields<'a>> {
        let mut fields = MessageFields {
            topic: self.text()?,
            properties: self.field()?,
            payload: self.field()?,
            qos: self.qos()?,
            retain: self.bool()?,
            expires_at: self.option(Self::time)?,
            publisher: self.text()?.into(),
        };
        if tells_publisher {
            fields.publisher.user_name = self.option(Self::text)?;
            fields.publisher.listener = self.option(Self::u16)?;
        }
        Some(fields)
    }

    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut list = Vec::new(); // grows with what is really there
        for _ in 0..self.len()? {
            list.push(read(self)?);
        }
        Some(list)
    }

    /// The next record. `None` where the bytes hold none.
    pub(crate) fn record(&mut self) -> Option<Record<'a>> {
        Some(match self.u8()? {
            TIME => Record::Time(self.time()?),
            AS_OF => Record::AsOf(BatchId(self.u64()?)),
            kind @ (SESSION | ATTACHED | DETACHED | ENDED) => self.session_record(kind)?,
            SUBSCRIBED => Record::Subscribed {
                session: self.u64()?,
                filter: self.text()?,
                options: self.options()?,
                identifier: self.option(Self::identifier)?,
                owes: self.bool()?,
            },
            UNSUBSCRIBED => Record::Unsubscribed { session: self.u64()?, filter: self.text()? },
            REPLAYED => Record::Replayed { session: self.u64()?, key: self.option(Self::text)? },
            kind @ (MESSAGE | MESSAGE_OF) => {
                let id = self.u64()?;
                Record::Message { id, message: self.message(kind == MESSAGE_OF)? }
            }
            QUEUED => Record::Queued {
                session: self.u64()?,
                number: self.u64()?,
                message: self.u64()?,
                qos: self.qos()?,
                retain: self.bool()?,
                group: self.option(Self::text)?,
                identifiers: self.list(Self::identifier)?,
            },
            SENT => {
                let (session, id) = (self.u64()?, self.packet_id()?);
                Record::Sent { session, id, number: self.u64()? }
            }
            DROPPED => Record::Dropped { session: self.u64()?, number: self.u64()? },
            RECEIVED => Record::Received { session: self.u64()?, id: self.packet_id()? },
            ACKNOWLEDGED => Record::Acknowledged { session: self.u64()?, id: self.packet_id()? },
            TAKEN_OVER => Record::TakenOver { session: self.u64()?, id: self.packet_id()? },
            STORED => {
                let (session, id) = (self.u64()?, self.packet_id()?);
                Record::Stored { session, id, message: self.u64()? }
            }
            RELEASED => Record::Released { session: self.u64()?, id: self.packet_id()? },
            kind @ (WILL | WILL_OF) => Record::Will {
                client_identifier: self.text()?,
                delay: self.u32()?,
                expiry_interval: self.option(Self::u32)?,
                due_at: self.option(Self::time)?,
                message: self.message(kind == WILL_OF)?,
            },
            WILL_GONE => Record::WillGone { client_identifier: self.text()? },
            RETAINED => Record::Retained { stamp: self.stamp()?, message: self.u64()? },
            CLEARED => Record::Cleared { stamp: self.stamp()?, topic: self.text()? },
            FORWARDED => Record::Forwarded {
                shard: self.u16()?,
                number: self.u64()?,
                message: self.u64()?,
                plain: self.bool()?,
                hops: self.u8()?,
                groups: self.list(Self::text)?,
            },
            CONFIRMED => Record::Confirmed { shard: self.u16()?, number: self.u64()? },
            HEARD => Record::Heard { shard: self.u16()?, number: self.u64()? },
            _ => return None,
        })
    }

    fn session_record(&mut self, kind: u8) -> Option<Record<'a>> {
        let session = self.u64()?;
        Some(match kind {
            SESSION => Record::Session {
                session,
                client_identifier: self.text()?,
                user_name: self.option(Self::text)?,
                expiry_interval: self.u32()?,
                detached_at: self.option(Self::time)?,
            },
            ATTACHED => Record::Attached {
                session,
                user_name: self.option(Self::text)?,
                expiry_interval: self.u32()?,
            },
            DETACHED => Record::Detached { session, at: self.time()?, expiry_interval: self.u32()? },
            _ => Record::Ended { session },
        })
    }
}

#[cfg(test)]
mod tests;
