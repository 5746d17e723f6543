//! AUTH.

use super::PacketType;
use crate::encode::{Body, Sink, Writer, encodable, first_byte};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::Reader;
use crate::property::PropertyOwner;
use crate::property::properties::Properties;
use crate::reason::ReasonCode;
use crate::version::ProtocolVersion;

const OWNER: PropertyOwner = PropertyOwner::Packet(PacketType::Auth);

/// A step of an enhanced authentication; only in MQTT 5.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Success, Continue authentication or Re-authenticate [MQTT-3.15.2-1].
    pub reason: ReasonCode,
    /// The Authentication Method among them. Whether it is there, and is the one of CONNECT, is not checked here.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    /// Reads what follows the fixed header. A Remaining Length of 0 means Success without properties.
    pub(crate) fn read(version: ProtocolVersion, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if reader.is_empty() {
            return Ok(Self { reason: ReasonCode::Success, properties: Properties::EMPTY });
        }
        let reason = ReasonCode::read(PacketType::Auth, reader.u8()?)?;
        Ok(Self { reason, properties: Properties::read(version, OWNER, reader)? })
    }

    const fn is_bare(&self) -> bool {
        matches!(self.reason, ReasonCode::Success) && self.properties.is_empty()
    }
}

impl Body for Auth<'_> {
    fn first_byte(&self) -> u8 {
        first_byte(PacketType::Auth)
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        if !version.has_properties() {
            return Err(EncodeError::NotInThisVersion);
        }
        if !self.reason.allowed_in(PacketType::Auth) {
            return Err(EncodeError::Invalid);
        }
        let properties_len = self.properties.encoded_len(version, OWNER)?;
        Ok(if self.is_bare() { 0 } else { properties_len.saturating_add(1) })
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        if !self.is_bare() {
            writer.u8(self.reason as u8);
            self.properties.write(version, writer);
        }
    }
}

encodable!(Auth);
