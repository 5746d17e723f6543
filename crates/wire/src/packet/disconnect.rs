//! DISCONNECT.

use super::PacketType;
use crate::encode::{Body, Sink, Writer, encodable, first_byte};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::Reader;
use crate::property::PropertyOwner;
use crate::property::properties::Properties;
use crate::reason::ReasonCode;
use crate::version::ProtocolVersion;

const OWNER: PropertyOwner = PropertyOwner::Packet(PacketType::Disconnect);

/// One side ends the connection. In MQTT 3.1 and 3.1.1 only the client sends it, without any content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why [MQTT-3.14.2-1]. [`ReasonCode::NORMAL_DISCONNECTION`] in MQTT 3.1 and 3.1.1, which write nothing for any code.
    pub reason: ReasonCode,
    /// Empty in MQTT 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    /// Reads what follows the fixed header. Without a reason code it means Normal disconnection, and a Remaining Length
    /// of 1 means no properties.
    pub(crate) fn read(version: ProtocolVersion, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut disconnect = Self { reason: ReasonCode::NORMAL_DISCONNECTION, properties: Properties::EMPTY };
        if version.has_properties() {
            if !reader.is_empty() {
                disconnect.reason = ReasonCode::read(PacketType::Disconnect, reader.u8()?)?;
            }
            if !reader.is_empty() {
                disconnect.properties = Properties::read(version, OWNER, reader)?;
            }
        }
        Ok(disconnect)
    }
}

impl Body for Disconnect<'_> {
    fn first_byte(&self) -> u8 {
        first_byte(PacketType::Disconnect)
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        if !version.has_properties() {
            return Ok(0);
        }
        if !self.reason.allowed_in(PacketType::Disconnect) {
            return Err(EncodeError::Invalid);
        }
        let properties_len = self.properties.encoded_len(version, OWNER)?;
        Ok(match (self.reason, self.properties.is_empty()) {
            (ReasonCode::NORMAL_DISCONNECTION, true) => 0,
            (_, true) => 1,
            (_, false) => properties_len.saturating_add(1),
        })
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        let bare = self.reason == ReasonCode::NORMAL_DISCONNECTION && self.properties.is_empty();
        if bare || !version.has_properties() {
            return;
        }
        writer.u8(self.reason as u8);
        if !self.properties.is_empty() {
            self.properties.write(version, writer);
        }
    }
}

encodable!(Disconnect);
