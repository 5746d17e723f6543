//! CONNACK.

use super::PacketType;
use crate::encode::{Body, Sink, Writer, encodable, first_byte};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::Reader;
use crate::property::PropertyOwner;
use crate::property::properties::Properties;
use crate::reason::ReasonCode;
use crate::version::ProtocolVersion;

const OWNER: PropertyOwner = PropertyOwner::Packet(PacketType::ConnAck);

/// The return code "server unavailable", for refusals that no return code of MQTT 3.1 and 3.1.1 tells.
const SERVER_UNAVAILABLE: u8 = 3;

/// The server accepts or refuses a CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// Whether the server goes on with a stored Session; never together with a refusal [MQTT-3.2.2-6]. MQTT 3.1 cannot
    /// tell it: `false` when decoded, left out when encoded.
    pub session_present: bool,
    /// Success, or why not [MQTT-3.2.2-8]. In MQTT 3.1 and 3.1.1 a return code stands for it, see
    /// [`ReasonCode::connect_return_code`]; 3 (server unavailable) is written where none fits.
    pub reason: ReasonCode,
    /// Empty in MQTT 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

impl<'a> ConnAck<'a> {
    /// Reads what follows the fixed header.
    pub(crate) fn read(version: ProtocolVersion, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        // The byte has no meaning in MQTT 3.1.
        let flags = match reader.u8()? {
            _ if version == ProtocolVersion::Mqtt31 => 0,
            flags => flags,
        };
        if flags > 1 {
            return Err(DecodeError::ConnectAcknowledgeFlags);
        }
        let code = reader.u8()?;
        let reason = if version.has_properties() {
            ReasonCode::read(PacketType::ConnAck, code)?
        } else {
            ReasonCode::from_connect_return_code(code).ok_or(DecodeError::ReasonCodeUnknown { code })?
        };
        if flags == 1 && reason.is_error() {
            return Err(DecodeError::SessionPresentOnRefusal);
        }
        Ok(Self {
            session_present: flags == 1,
            reason,
            properties: Properties::read(version, OWNER, reader)?,
        })
    }
}

impl Body for ConnAck<'_> {
    fn first_byte(&self) -> u8 {
        first_byte(PacketType::ConnAck)
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        let contradictory = self.session_present && self.reason.is_error();
        if contradictory || !self.reason.allowed_in(PacketType::ConnAck) {
            return Err(EncodeError::Invalid);
        }
        Ok(self.properties.encoded_len(version, OWNER)?.saturating_add(2))
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        writer.u8(u8::from(self.session_present && version != ProtocolVersion::Mqtt31));
        writer.u8(if version.has_properties() {
            self.reason as u8
        } else {
            self.reason.connect_return_code().unwrap_or(SERVER_UNAVAILABLE)
        });
        self.properties.write(version, writer);
    }
}

encodable!(ConnAck);
