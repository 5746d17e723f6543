//! SUBACK.

use super::{PacketId, PacketType};
use crate::encode::{Body, Sink, Writer, encodable, first_byte};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::Reader;
use crate::property::PropertyOwner;
use crate::property::properties::Properties;
use crate::reason::ReasonCodes;
use crate::version::ProtocolVersion;

const OWNER: PropertyOwner = PropertyOwner::Packet(PacketType::SubAck);

/// The server answers a SUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// The Packet Identifier of the SUBSCRIBE [MQTT-3.8.4-2].
    pub id: PacketId,
    /// Empty in MQTT 3.1 and 3.1.1.
    pub properties: Properties<'a>,
    /// A granted QoS or a failure for each Topic Filter, in their order [MQTT-3.8.4-6] [MQTT-3.9.3-1]. MQTT 3.1 and 3.1.1
    /// have one failure, 0x80 [MQTT311-3.9.3-2]: it is decoded as Unspecified error, and written for every failure.
    pub codes: ReasonCodes<'a>,
}

impl<'a> SubAck<'a> {
    /// Reads what follows the fixed header.
    pub(crate) fn read(version: ProtocolVersion, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = PacketId::read(reader)?;
        let properties = Properties::read(version, OWNER, reader)?;
        let codes = ReasonCodes::read(PacketType::SubAck, version, reader.rest())?;
        Ok(Self { id, properties, codes })
    }
}

impl Body for SubAck<'_> {
    fn first_byte(&self) -> u8 {
        first_byte(PacketType::SubAck)
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        self.codes.check(PacketType::SubAck)?;
        let properties_len = self.properties.encoded_len(version, OWNER)?;
        Ok(properties_len.saturating_add(2).saturating_add(self.codes.len()))
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        writer.u16(self.id.get());
        self.properties.write(version, writer);
        self.codes.write(version, writer);
    }
}

encodable!(SubAck);
