//! The properties of MQTT 5.0, and one table: which packet may carry which, and how its value looks on the wire.
//!
//! What a property asks of its receiver is not known here.

use core::fmt;
use core::num::{NonZeroU16, NonZeroU32};

use crate::encode::{Sink, Writer};
use crate::error::{DecodeError, EncodeError};
use crate::packet::{PacketType, QoS};
use crate::primitive::{FIELD_BYTES_MAX, Reader, variable_len};
use crate::topic::TopicName;

mod lookup;
pub(crate) mod properties;
mod table;

use table::{Entry, entry};

/// A property: its identifier and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property<'a> {
    /// 0x01: whether the payload is UTF-8 text.
    PayloadFormatIndicator(bool),
    /// 0x02: how long the message is worth delivering, in seconds.
    MessageExpiryInterval(u32),
    /// 0x03: what the payload is [MQTT-3.3.2-19].
    ContentType(&'a str),
    /// 0x08: where an answer should be published [MQTT-3.3.2-13] [MQTT-3.3.2-14].
    ResponseTopic(TopicName<'a>),
    /// 0x09: what an answer should repeat.
    CorrelationData(&'a [u8]),
    /// 0x0B: the number of a subscription; a PUBLISH may carry several.
    SubscriptionIdentifier(SubscriptionIdentifier),
    /// 0x11: how long the Session outlives its connection, in seconds; `u32::MAX` means for ever.
    SessionExpiryInterval(u32),
    /// 0x12: the Client Identifier that the server chose.
    AssignedClientIdentifier(&'a str),
    /// 0x13: the Keep Alive that the server wants, in seconds.
    ServerKeepAlive(u16),
    /// 0x15: the name of the authentication method.
    AuthenticationMethod(&'a str),
    /// 0x16: what the authentication method exchanges. A secret.
    AuthenticationData(&'a [u8]),
    /// 0x17: whether reason strings and user properties may come in any packet.
    RequestProblemInformation(bool),
    /// 0x18: how long the Will waits after the end of the connection, in seconds.
    WillDelayInterval(u32),
    /// 0x19: whether the client wants Response Information.
    RequestResponseInformation(bool),
    /// 0x1A: the basis of response topics.
    ResponseInformation(&'a str),
    /// 0x1C: another server to use.
    ServerReference(&'a str),
    /// 0x1F: the reason, for people.
    ReasonString(&'a str),
    /// 0x21: how many QoS 1 and 2 messages the sender of the property takes at once, from 1.
    ReceiveMaximum(NonZeroU16),
    /// 0x22: the largest Topic Alias that the sender of the property takes.
    TopicAliasMaximum(u16),
    /// 0x23: a number for the Topic Name. 0 is forbidden [MQTT-3.3.2-8], yet is decoded: it has a reason code of its own.
    TopicAlias(u16),
    /// 0x24: the highest QoS that the server takes, 0 or 1.
    MaximumQos(QoS),
    /// 0x25: whether the server has retained messages.
    RetainAvailable(bool),
    /// 0x26: a name and a value, for applications; may be repeated [MQTT-1.5.7-1].
    UserProperty(&'a str, &'a str),
    /// 0x27: the largest packet that the sender of the property takes, in bytes, from 1.
    MaximumPacketSize(NonZeroU32),
    /// 0x28: whether the server has wildcard subscriptions.
    WildcardSubscriptionAvailable(bool),
    /// 0x29: whether the server has Subscription Identifiers.
    SubscriptionIdentifierAvailable(bool),
    /// 0x2A: whether the server has Shared Subscriptions.
    SharedSubscriptionAvailable(bool),
}

/// The number of a subscription: 1 to 268,435,455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionIdentifier(NonZeroU32);

impl SubscriptionIdentifier {
    /// The identifier of this number, or `None` if it is 0 or above 268,435,455.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) if number.get() <= crate::REMAINING_LENGTH_MAX => Some(Self(number)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// Who carries a property section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PropertyOwner {
    /// The variable header of a packet.
    Packet(PacketType),
    /// The Will of a CONNECT.
    Will,
}

impl fmt::Display for PropertyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(packet_type) => packet_type.fmt(f),
            Self::Will => f.write_str("a Will"),
        }
    }
}

impl<'a> Property<'a> {
    /// Appends the property to a section: identifier and value. One that no receiver would take is left out.
    pub fn encode(&self, section: &mut impl Sink) {
        if self.check().is_ok() {
            Writer::on(section, |writer| self.write(writer));
        }
    }

    /// The identifier that stands before the value.
    pub const fn identifier(&self) -> u8 {
        match self {
            Self::PayloadFormatIndicator(_) => 0x01,
            Self::MessageExpiryInterval(_) => 0x02,
            Self::ContentType(_) => 0x03,
            Self::ResponseTopic(_) => 0x08,
            Self::CorrelationData(_) => 0x09,
            Self::SubscriptionIdentifier(_) => 0x0B,
            Self::SessionExpiryInterval(_) => 0x11,
            Self::AssignedClientIdentifier(_) => 0x12,
            Self::ServerKeepAlive(_) => 0x13,
            Self::AuthenticationMethod(_) => 0x15,
            Self::AuthenticationData(_) => 0x16,
            Self::RequestProblemInformation(_) => 0x17,
            Self::WillDelayInterval(_) => 0x18,
            Self::RequestResponseInformation(_) => 0x19,
            Self::ResponseInformation(_) => 0x1A,
            Self::ServerReference(_) => 0x1C,
            Self::ReasonString(_) => 0x1F,
            Self::ReceiveMaximum(_) => 0x21,
            Self::TopicAliasMaximum(_) => 0x22,
            Self::TopicAlias(_) => 0x23,
            Self::MaximumQos(_) => 0x24,
            Self::RetainAvailable(_) => 0x25,
            Self::UserProperty(..) => 0x26,
            Self::MaximumPacketSize(_) => 0x27,
            Self::WildcardSubscriptionAvailable(_) => 0x28,
            Self::SubscriptionIdentifierAvailable(_) => 0x29,
            Self::SharedSubscriptionAvailable(_) => 0x2A,
        }
    }

    /// Reads the value that belongs to this identifier.
    pub(crate) fn read(identifier: u8, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let range = DecodeError::PropertyValue { identifier };
        Ok(match identifier {
            0x01 => Self::PayloadFormatIndicator(boolean(identifier, reader)?),
            0x02 => Self::MessageExpiryInterval(reader.u32()?),
            0x03 => Self::ContentType(reader.string()?),
            0x08 => Self::ResponseTopic(TopicName::read(reader.binary()?).map_err(|error| match error {
                DecodeError::TopicName(error) => DecodeError::ResponseTopic(error),
                other => other,
            })?),
            0x09 => Self::CorrelationData(reader.binary()?),
            0x0B => {
                let number = reader.variable()?;
                Self::SubscriptionIdentifier(SubscriptionIdentifier::new(number).ok_or(range)?)
            }
            0x11 => Self::SessionExpiryInterval(reader.u32()?),
            0x12 => Self::AssignedClientIdentifier(reader.string()?),
            0x13 => Self::ServerKeepAlive(reader.u16()?),
            0x15 => Self::AuthenticationMethod(reader.string()?),
            0x16 => Self::AuthenticationData(reader.binary()?),
            0x17 => Self::RequestProblemInformation(boolean(identifier, reader)?),
            0x18 => Self::WillDelayInterval(reader.u32()?),
            0x19 => Self::RequestResponseInformation(boolean(identifier, reader)?),
            0x1A => Self::ResponseInformation(reader.string()?),
            0x1C => Self::ServerReference(reader.string()?),
            0x1F => Self::ReasonString(reader.string()?),
            0x21 => Self::ReceiveMaximum(NonZeroU16::new(reader.u16()?).ok_or(range)?),
            0x22 => Self::TopicAliasMaximum(reader.u16()?),
            0x23 => Self::TopicAlias(reader.u16()?),
            0x24 if boolean(identifier, reader)? => Self::MaximumQos(QoS::AtLeastOnce),
            0x24 => Self::MaximumQos(QoS::AtMostOnce),
            0x25 => Self::RetainAvailable(boolean(identifier, reader)?),
            0x26 => Self::UserProperty(reader.string()?, reader.string()?),
            0x27 => Self::MaximumPacketSize(NonZeroU32::new(reader.u32()?).ok_or(range)?),
            0x28 => Self::WildcardSubscriptionAvailable(boolean(identifier, reader)?),
            0x29 => Self::SubscriptionIdentifierAvailable(boolean(identifier, reader)?),
            0x2A => Self::SharedSubscriptionAvailable(boolean(identifier, reader)?),
            _ => return Err(DecodeError::PropertyUnknown { identifier: u32::from(identifier) }),
        })
    }

    /// The value as the writer sees it.
    const fn value(&self) -> Value<'a> {
        match *self {
            Self::PayloadFormatIndicator(yes)
            | Self::RequestProblemInformation(yes)
            | Self::RequestResponseInformation(yes)
            | Self::RetainAvailable(yes)
            | Self::WildcardSubscriptionAvailable(yes)
            | Self::SubscriptionIdentifierAvailable(yes)
            | Self::SharedSubscriptionAvailable(yes) => Value::Byte(yes as u8),
            Self::MaximumQos(qos) => Value::Byte(qos as u8),
            Self::ServerKeepAlive(short) | Self::TopicAliasMaximum(short) | Self::TopicAlias(short) => {
                Value::Short(short)
            }
            Self::ReceiveMaximum(short) => Value::Short(short.get()),
            Self::MessageExpiryInterval(number)
            | Self::SessionExpiryInterval(number)
            | Self::WillDelayInterval(number) => Value::Long(number),
            Self::MaximumPacketSize(number) => Value::Long(number.get()),
            Self::SubscriptionIdentifier(identifier) => Value::Variable(identifier.get()),
            Self::ContentType(text)
            | Self::AssignedClientIdentifier(text)
            | Self::AuthenticationMethod(text)
            | Self::ResponseInformation(text)
            | Self::ServerReference(text)
            | Self::ReasonString(text) => Value::Text(text),
            Self::ResponseTopic(topic) => Value::Text(topic.as_str()),
            Self::CorrelationData(bytes) | Self::AuthenticationData(bytes) => Value::Binary(bytes),
            Self::UserProperty(name, value) => Value::Pair(name, value),
        }
    }

    /// The number of bytes of identifier and value.
    pub(crate) const fn wire_len(&self) -> usize {
        1 + match self.value() {
            Value::Byte(_) => 1,
            Value::Short(_) => 2,
            Value::Long(_) => 4,
            Value::Variable(number) => variable_len(number as usize),
            Value::Text(text) => 2 + text.len(),
            Value::Binary(bytes) => 2 + bytes.len(),
            Value::Pair(name, value) => (4 + name.len()).saturating_add(value.len()),
        }
    }

    /// Checks that a receiver would take the value.
    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        match self.value() {
            Value::Text(text) => check_text(text),
            Value::Pair(name, value) => check_text(name).and_then(|()| check_text(value)),
            Value::Binary(bytes) => check_binary(bytes),
            Value::Byte(byte) if byte > 1 => Err(EncodeError::Invalid), // Maximum QoS of 2
            _ => Ok(()),
        }
    }

    /// Writes identifier and value, which have been checked.
    pub(crate) fn write<S: Sink>(&self, writer: &mut Writer<'_, S>) {
        writer.u8(self.identifier());
        match self.value() {
            Value::Byte(byte) => writer.u8(byte),
            Value::Short(short) => writer.u16(short),
            Value::Long(number) => writer.u32(number),
            Value::Variable(number) => writer.variable(number as usize),
            Value::Text(text) => writer.field(text.as_bytes()),
            Value::Binary(bytes) => writer.field(bytes),
            Value::Pair(name, value) => {
                writer.field(name.as_bytes());
                writer.field(value.as_bytes());
            }
        }
    }
}

/// The data types of properties.
enum Value<'a> {
    Byte(u8),
    Short(u16),
    Long(u32),
    Variable(u32),
    Text(&'a str),
    Binary(&'a [u8]),
    Pair(&'a str, &'a str),
}

/// Checks a string to send: its length, and that it holds no U+0000 [MQTT-1.5.4-2].
pub(crate) fn check_text(text: &str) -> Result<(), EncodeError> {
    check_binary(text.as_bytes())?;
    if text.as_bytes().contains(&0) { Err(EncodeError::Invalid) } else { Ok(()) }
}

/// Checks the length of binary data to send.
pub(crate) const fn check_binary(bytes: &[u8]) -> Result<(), EncodeError> {
    if bytes.len() > FIELD_BYTES_MAX { Err(EncodeError::StringTooLong) } else { Ok(()) }
}

fn boolean(identifier: u8, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::PropertyValue { identifier }),
    }
}

#[cfg(test)]
mod tests;
