//! UNSUBSCRIBE.

use core::fmt;

use super::{PacketId, PacketType};
use crate::encode::{Body, Sink, Writer, encodable, first_byte};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::Reader;
use crate::property::PropertyOwner;
use crate::property::properties::Properties;
use crate::topic::TopicFilter;
use crate::version::ProtocolVersion;

const OWNER: PropertyOwner = PropertyOwner::Packet(PacketType::Unsubscribe);

/// The client unsubscribes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// What the UNSUBACK repeats.
    pub id: PacketId,
    /// Empty in MQTT 3.1 and 3.1.1.
    pub properties: Properties<'a>,
    /// At least one [MQTT-3.10.3-2].
    pub filters: TopicFilters<'a>,
}

/// The Topic Filters of an UNSUBSCRIBE.
///
/// Either the checked bytes of a received packet or a list to send; the two compare equal when they hold the same filters.
#[derive(Clone, Copy)]
pub struct TopicFilters<'a>(Filters<'a>);

#[derive(Clone, Copy)]
enum Filters<'a> {
    List(&'a [TopicFilter<'a>]),
    /// Checked by [`TopicFilters::read`].
    Wire(&'a [u8]),
}

impl<'a> TopicFilters<'a> {
    /// Topic Filters to send.
    pub const fn list(filters: &'a [TopicFilter<'a>]) -> Self {
        Self(Filters::List(filters))
    }

    /// Iterates over the Topic Filters in their order.
    pub fn iter(&self) -> impl Iterator<Item = TopicFilter<'a>> + Clone + use<'a> {
        let (list, wire): (&'a [TopicFilter<'a>], &'a [u8]) = match self.0 {
            Filters::List(list) => (list, &[]),
            Filters::Wire(wire) => (&[], wire),
        };
        list.iter().copied().chain(WireFilters(Reader::new(wire)))
    }

    /// Checks the payload of an UNSUBSCRIBE.
    fn read(payload: &'a [u8]) -> Result<Self, DecodeError> {
        if payload.is_empty() {
            return Err(DecodeError::NoTopicFilter);
        }
        let mut reader = Reader::new(payload);
        while !reader.is_empty() {
            TopicFilter::read(reader.binary()?)?;
        }
        Ok(Self(Filters::Wire(payload)))
    }
}

/// Reads checked filters again.
#[derive(Clone)]
struct WireFilters<'a>(Reader<'a>);

impl<'a> Iterator for WireFilters<'a> {
    type Item = TopicFilter<'a>;

    fn next(&mut self) -> Option<TopicFilter<'a>> {
        TopicFilter::read(self.0.binary().ok()?).ok()
    }
}

impl PartialEq for TopicFilters<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for TopicFilters<'_> {}

impl fmt::Debug for TopicFilters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Unsubscribe<'a> {
    /// Reads what follows the fixed header.
    pub(crate) fn read(version: ProtocolVersion, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = PacketId::read(reader)?;
        let properties = Properties::read(version, OWNER, reader)?;
        let filters = TopicFilters::read(reader.rest())?;
        Ok(Self { id, properties, filters })
    }

    /// Iterates over the Topic Filters in their order.
    pub fn iter(&self) -> impl Iterator<Item = TopicFilter<'a>> + Clone + use<'a> {
        self.filters.iter()
    }
}

impl Body for Unsubscribe<'_> {
    fn first_byte(&self) -> u8 {
        first_byte(PacketType::Unsubscribe)
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        let properties_len = self.properties.encoded_len(version, OWNER)?;
        let filters = self.filters.iter().map(|filter| 2 + filter.as_str().len());
        match filters.fold(0, usize::saturating_add) {
            0 => Err(EncodeError::Invalid),
            len => Ok(properties_len.saturating_add(2).saturating_add(len)),
        }
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        writer.u16(self.id.get());
        self.properties.write(version, writer);
        for filter in self.filters.iter() {
            writer.field(filter.as_str().as_bytes());
        }
    }
}

encodable!(Unsubscribe);
