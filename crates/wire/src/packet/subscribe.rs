//! SUBSCRIBE.

use core::fmt;

use super::{PacketId, PacketType, QoS};
use crate::encode::{Body, Sink, Writer, encodable, first_byte};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::Reader;
use crate::property::PropertyOwner;
use crate::property::properties::Properties;
use crate::topic::TopicFilter;
use crate::version::ProtocolVersion;

const OWNER: PropertyOwner = PropertyOwner::Packet(PacketType::Subscribe);

// The subscription options. Versions before MQTT 5.0 have the QoS alone.
const QOS: u8 = 0b0000_0011;
const NO_LOCAL: u8 = 0b0000_0100;
const RETAIN_AS_PUBLISHED: u8 = 0b0000_1000;
const RETAIN_HANDLING_SHIFT: u32 = 4;
const RESERVED: u8 = 0b1100_0000;

/// The client subscribes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// What the SUBACK repeats.
    pub id: PacketId,
    /// Empty in MQTT 3.1 and 3.1.1.
    pub properties: Properties<'a>,
    /// At least one [MQTT-3.8.3-2].
    pub requests: SubscribeRequests<'a>,
}

/// One of the subscriptions that a SUBSCRIBE asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscribeRequest<'a> {
    /// Which messages.
    pub filter: TopicFilter<'a>,
    /// How they should come.
    pub options: SubscriptionOptions,
}

/// How the messages of a subscription should come.
///
/// In MQTT 3.1 and 3.1.1 there is the QoS alone: the others are at their defaults when decoded, left out when encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubscriptionOptions {
    /// The highest QoS at which they are sent.
    pub maximum_qos: QoS,
    /// Whether the client's own messages are kept away from it; not on a Shared Subscription [MQTT-3.8.3-4].
    pub no_local: bool,
    /// Whether they keep the RETAIN flag that they were published with.
    pub retain_as_published: bool,
    /// Whether retained messages are sent at once.
    pub retain_handling: RetainHandling,
}

/// When retained messages are sent because of a SUBSCRIBE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RetainHandling {
    /// Every time [MQTT-3.3.1-9].
    #[default]
    SendAtSubscribe = 0,
    /// If there was no such subscription before [MQTT-3.3.1-10].
    SendIfNew = 1,
    /// Never [MQTT-3.3.1-11].
    DoNotSend = 2,
}

impl SubscriptionOptions {
    fn from_u8(version: ProtocolVersion, byte: u8) -> Result<Self, DecodeError> {
        let reserved = if version.has_properties() { RESERVED } else { !QOS };
        if byte & reserved != 0 {
            return Err(DecodeError::SubscriptionOptionsReserved);
        }
        Ok(Self {
            maximum_qos: QoS::from_u8(byte & QOS).ok_or(DecodeError::RequestedQosThree)?,
            no_local: byte & NO_LOCAL != 0,
            retain_as_published: byte & RETAIN_AS_PUBLISHED != 0,
            retain_handling: match byte >> RETAIN_HANDLING_SHIFT {
                0 => RetainHandling::SendAtSubscribe,
                1 => RetainHandling::SendIfNew,
                2 => RetainHandling::DoNotSend,
                _ => return Err(DecodeError::RetainHandlingThree),
            },
        })
    }

    const fn to_u8(self, version: ProtocolVersion) -> u8 {
        let mut byte = self.maximum_qos as u8;
        if version.has_properties() {
            byte |= if self.no_local { NO_LOCAL } else { 0 };
            byte |= if self.retain_as_published { RETAIN_AS_PUBLISHED } else { 0 };
            byte |= (self.retain_handling as u8) << RETAIN_HANDLING_SHIFT;
        }
        byte
    }
}

impl<'a> SubscribeRequest<'a> {
    fn read(version: ProtocolVersion, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let filter = TopicFilter::read(reader.binary()?)?;
        let options = SubscriptionOptions::from_u8(version, reader.u8()?)?;
        let request = Self { filter, options };
        if request.is_contradictory() {
            return Err(DecodeError::NoLocalOnSharedSubscription);
        }
        Ok(request)
    }

    fn is_contradictory(&self) -> bool {
        self.options.no_local && self.filter.share().is_some()
    }
}

/// The subscriptions that a SUBSCRIBE asks for.
///
/// Either the checked bytes of a received packet or a list to send; the two compare equal when they ask for the same.
#[derive(Clone, Copy)]
pub struct SubscribeRequests<'a>(Requests<'a>);

#[derive(Clone, Copy)]
enum Requests<'a> {
    List(&'a [SubscribeRequest<'a>]),
    /// Checked by [`SubscribeRequests::read`]. Options of older versions look like those of MQTT 5.0 with defaults.
    Wire(&'a [u8]),
}

impl<'a> SubscribeRequests<'a> {
    /// Subscriptions to ask for.
    pub const fn list(requests: &'a [SubscribeRequest<'a>]) -> Self {
        Self(Requests::List(requests))
    }

    /// Iterates over the subscriptions in their order.
    pub fn iter(&self) -> impl Iterator<Item = SubscribeRequest<'a>> + Clone + use<'a> {
        let (list, wire): (&'a [SubscribeRequest<'a>], &'a [u8]) = match self.0 {
            Requests::List(list) => (list, &[]),
            Requests::Wire(wire) => (&[], wire),
        };
        list.iter().copied().chain(WireRequests(Reader::new(wire)))
    }

    /// Checks the payload of a SUBSCRIBE.
    fn read(version: ProtocolVersion, payload: &'a [u8]) -> Result<Self, DecodeError> {
        if payload.is_empty() {
            return Err(DecodeError::NoTopicFilter);
        }
        let mut reader = Reader::new(payload);
        while !reader.is_empty() {
            SubscribeRequest::read(version, &mut reader)?;
        }
        Ok(Self(Requests::Wire(payload)))
    }

    /// Checks requests to send and tells how many bytes they take.
    fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        let mut len = 0_usize;
        for request in self.iter() {
            if version.has_properties() && request.is_contradictory() {
                return Err(EncodeError::Invalid);
            }
            len = len.saturating_add(2 + request.filter.as_str().len() + 1);
        }
        if len == 0 { Err(EncodeError::Invalid) } else { Ok(len) }
    }

    fn write<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        for request in self.iter() {
            writer.field(request.filter.as_str().as_bytes());
            writer.u8(request.options.to_u8(version));
        }
    }
}

/// Reads checked requests again.
#[derive(Clone)]
struct WireRequests<'a>(Reader<'a>);

impl<'a> Iterator for WireRequests<'a> {
    type Item = SubscribeRequest<'a>;

    fn next(&mut self) -> Option<SubscribeRequest<'a>> {
        SubscribeRequest::read(ProtocolVersion::Mqtt5, &mut self.0).ok()
    }
}

impl PartialEq for SubscribeRequests<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SubscribeRequests<'_> {}

impl fmt::Debug for SubscribeRequests<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Subscribe<'a> {
    /// Reads what follows the fixed header.
    pub(crate) fn read(version: ProtocolVersion, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = PacketId::read(reader)?;
        let properties = Properties::read(version, OWNER, reader)?;
        let requests = SubscribeRequests::read(version, reader.rest())?;
        Ok(Self { id, properties, requests })
    }

    /// Iterates over the subscriptions in their order.
    pub fn iter(&self) -> impl Iterator<Item = SubscribeRequest<'a>> + Clone + use<'a> {
        self.requests.iter()
    }
}

impl Body for Subscribe<'_> {
    fn first_byte(&self) -> u8 {
        first_byte(PacketType::Subscribe)
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        let properties_len = self.properties.encoded_len(version, OWNER)?;
        Ok(properties_len.saturating_add(2).saturating_add(self.requests.encoded_len(version)?))
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        writer.u16(self.id.get());
        self.properties.write(version, writer);
        self.requests.write(version, writer);
    }
}

encodable!(Subscribe);
