//! PUBLISH.

use super::{PacketId, PacketType, QoS};
use crate::encode::{Body, Sink, Writer, encodable, encode, first_byte};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::Reader;
use crate::property::PropertyOwner;
use crate::property::properties::Properties;
use crate::topic::TopicName;
use crate::version::ProtocolVersion;

const OWNER: PropertyOwner = PropertyOwner::Packet(PacketType::Publish);

const RETAIN: u8 = 0b0001;
const DUP: u8 = 0b1000;

/// The QoS of a message, and what goes with it: a QoS 0 PUBLISH has no Packet Identifier [MQTT-2.2.1-2] and no DUP flag
/// [MQTT-3.3.1-2].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// QoS 0.
    AtMostOnce,
    /// QoS 1.
    AtLeastOnce {
        /// Whether this very packet is a repeat.
        dup: bool,
        /// What the PUBACK repeats.
        id: PacketId,
    },
    /// QoS 2.
    ExactlyOnce {
        /// Whether this very packet is a repeat.
        dup: bool,
        /// What PUBREC, PUBREL and PUBCOMP repeat.
        id: PacketId,
    },
}

impl Delivery {
    /// Puts the parts together; QoS 0 has no use for `dup` and `id`.
    pub const fn new(qos: QoS, dup: bool, id: PacketId) -> Self {
        match qos {
            QoS::AtMostOnce => Self::AtMostOnce,
            QoS::AtLeastOnce => Self::AtLeastOnce { dup, id },
            QoS::ExactlyOnce => Self::ExactlyOnce { dup, id },
        }
    }

    /// The QoS.
    pub const fn qos(&self) -> QoS {
        match self {
            Self::AtMostOnce => QoS::AtMostOnce,
            Self::AtLeastOnce { .. } => QoS::AtLeastOnce,
            Self::ExactlyOnce { .. } => QoS::ExactlyOnce,
        }
    }

    /// The Packet Identifier, which QoS 0 has not.
    pub const fn packet_id(&self) -> Option<PacketId> {
        match *self {
            Self::AtMostOnce => None,
            Self::AtLeastOnce { id, .. } | Self::ExactlyOnce { id, .. } => Some(id),
        }
    }

    /// Whether this very packet is a repeat.
    pub const fn dup(&self) -> bool {
        match *self {
            Self::AtMostOnce => false,
            Self::AtLeastOnce { dup, .. } | Self::ExactlyOnce { dup, .. } => dup,
        }
    }
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Where it is published. `None` is a Topic Name of zero length, which only stands together with a Topic Alias.
    pub topic: Option<TopicName<'a>>,
    /// QoS, DUP and Packet Identifier.
    pub delivery: Delivery,
    /// From a client: keep the message for later subscribers. From a server: it was kept.
    pub retain: bool,
    /// Empty in MQTT 3.1 and 3.1.1.
    pub properties: Properties<'a>,
    /// The message itself; may be empty.
    pub payload: &'a [u8],
}

impl<'a> Publish<'a> {
    /// Reads what follows the fixed header, whose `flags` have been checked.
    #[inline]
    pub(crate) fn read(
        version: ProtocolVersion,
        flags: u8,
        reader: &mut Reader<'a>,
    ) -> Result<Self, DecodeError> {
        let topic = match reader.binary()? {
            [] => None,
            bytes => Some(TopicName::read(bytes)?),
        };
        let delivery = match flags >> 1 & 0b11 {
            0 => Delivery::AtMostOnce,
            1 => Delivery::AtLeastOnce { dup: flags & DUP != 0, id: PacketId::read(reader)? },
            2 => Delivery::ExactlyOnce { dup: flags & DUP != 0, id: PacketId::read(reader)? },
            _ => return Err(DecodeError::QosThree),
        };
        let properties = Properties::read(version, OWNER, reader)?;
        if topic.is_none() && lacks_topic_alias(properties) {
            return Err(DecodeError::EmptyTopicWithoutAlias);
        }
        Ok(Self { topic, delivery, retain: flags & RETAIN != 0, properties, payload: reader.rest() })
    }
}

impl Publish<'_> {
    /// Writes all of the packet but its payload, which is to be sent right behind.
    ///
    /// # Errors
    /// Those of [`Publish::encode`].
    pub fn encode_head(&self, version: ProtocolVersion, sink: &mut impl Sink) -> Result<(), EncodeError> {
        encode(&Head(self), version, sink)
    }

    fn write_head<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        writer.field(self.topic.map_or("", |topic| topic.as_str()).as_bytes());
        if let Some(id) = self.delivery.packet_id() {
            writer.u16(id.get());
        }
        self.properties.write(version, writer);
    }
}

/// A PUBLISH without its payload, though with its length.
struct Head<'a>(&'a Publish<'a>);

impl Body for Head<'_> {
    fn first_byte(&self) -> u8 {
        self.0.first_byte()
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        self.0.body_len(version)
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        self.0.write_head(version, writer);
    }
}

/// Takes a copy, which keeps the properties of every other PUBLISH in registers.
#[cold]
fn lacks_topic_alias(properties: Properties<'_>) -> bool {
    properties.topic_alias().is_none()
}

impl Body for Publish<'_> {
    fn first_byte(&self) -> u8 {
        let dup = if self.delivery.dup() { DUP } else { 0 };
        let retain = if self.retain { RETAIN } else { 0 };
        first_byte(PacketType::Publish) | dup | (self.delivery.qos() as u8) << 1 | retain
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        let topic_len = match self.topic {
            Some(topic) => topic.as_str().len(),
            None if version.has_properties() && self.properties.topic_alias().is_some() => 0,
            None => return Err(EncodeError::Invalid),
        };
        let id_len = if self.delivery.packet_id().is_some() { 2 } else { 0 };
        let properties_len = self.properties.encoded_len(version, OWNER)?;
        Ok((2 + topic_len + id_len).saturating_add(properties_len).saturating_add(self.payload.len()))
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        self.write_head(version, writer);
        writer.bytes(self.payload);
    }
}

encodable!(Publish);
