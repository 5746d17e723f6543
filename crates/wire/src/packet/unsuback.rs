//! UNSUBACK.

use super::{PacketId, PacketType};
use crate::encode::{Body, Sink, Writer, encodable, first_byte};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::Reader;
use crate::property::PropertyOwner;
use crate::property::properties::Properties;
use crate::reason::ReasonCodes;
use crate::version::ProtocolVersion;

const OWNER: PropertyOwner = PropertyOwner::Packet(PacketType::UnsubAck);

/// The server answers an UNSUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsubAck<'a> {
    /// The Packet Identifier of the UNSUBSCRIBE [MQTT-3.10.4-5].
    pub id: PacketId,
    /// Empty in MQTT 3.1 and 3.1.1.
    pub properties: Properties<'a>,
    /// An outcome for each Topic Filter, in their order [MQTT-3.11.3-1]. MQTT 3.1 and 3.1.1 have none: empty when decoded,
    /// left out when encoded.
    pub codes: ReasonCodes<'a>,
}

impl<'a> UnsubAck<'a> {
    /// Reads what follows the fixed header.
    pub(crate) fn read(version: ProtocolVersion, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = PacketId::read(reader)?;
        let properties = Properties::read(version, OWNER, reader)?;
        let codes = if version.has_properties() {
            ReasonCodes::read(PacketType::UnsubAck, version, reader.rest())?
        } else {
            ReasonCodes::EMPTY
        };
        Ok(Self { id, properties, codes })
    }
}

impl Body for UnsubAck<'_> {
    fn first_byte(&self) -> u8 {
        first_byte(PacketType::UnsubAck)
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        if !version.has_properties() {
            return Ok(2);
        }
        self.codes.check(PacketType::UnsubAck)?;
        let properties_len = self.properties.encoded_len(version, OWNER)?;
        Ok(properties_len.saturating_add(2).saturating_add(self.codes.len()))
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        writer.u16(self.id.get());
        if version.has_properties() {
            self.properties.write(version, writer);
            self.codes.write(version, writer);
        }
    }
}

encodable!(UnsubAck);
