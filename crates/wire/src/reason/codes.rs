//! The reason codes of SUBACK and UNSUBACK, one for each Topic Filter of the request.

use core::fmt;

use super::ReasonCode;
use crate::encode::{Sink, Writer};
use crate::error::{DecodeError, EncodeError};
use crate::packet::PacketType;
use crate::version::ProtocolVersion;

/// Reason codes in the order of the Topic Filters [MQTT-3.9.3-1] [MQTT-3.11.3-1].
///
/// Either the checked bytes of a received packet or a list of codes to send; the two compare equal when they hold the
/// same codes.
#[derive(Clone, Copy)]
pub struct ReasonCodes<'a>(Codes<'a>);

#[derive(Clone, Copy)]
enum Codes<'a> {
    List(&'a [ReasonCode]),
    /// Each byte is a reason code.
    Wire(&'a [u8]),
}

impl<'a> ReasonCodes<'a> {
    /// No codes, as in an UNSUBACK of MQTT 3.1 and 3.1.1.
    pub const EMPTY: Self = Self(Codes::List(&[]));

    /// Codes to send.
    pub const fn list(codes: &'a [ReasonCode]) -> Self {
        Self(Codes::List(codes))
    }

    /// Iterates over the codes.
    pub fn iter(&self) -> impl Iterator<Item = ReasonCode> + Clone + use<'a> {
        let (list, wire): (&'a [ReasonCode], &'a [u8]) = match self.0 {
            Codes::List(list) => (list, &[]),
            Codes::Wire(wire) => (&[], wire),
        };
        list.iter().copied().chain(wire.iter().copied().filter_map(ReasonCode::from_u8))
    }

    /// The number of codes.
    pub const fn len(&self) -> usize {
        match self.0 {
            Codes::List(list) => list.len(),
            Codes::Wire(wire) => wire.len(),
        }
    }

    /// Tells whether there is no code at all.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks the payload of a SUBACK or UNSUBACK.
    pub(crate) fn read(
        packet_type: PacketType,
        version: ProtocolVersion,
        payload: &'a [u8],
    ) -> Result<Self, DecodeError> {
        if payload.is_empty() {
            return Err(DecodeError::NoReasonCode);
        }
        for &byte in payload {
            // Before MQTT 5.0 only the granted QoS and one failure exist [MQTT311-3.9.3-2].
            if !version.has_properties() && !matches!(byte, 0..=2 | 0x80) {
                return Err(DecodeError::ReasonCodeUnknown { code: byte });
            }
            ReasonCode::read(packet_type, byte)?;
        }
        Ok(Self(Codes::Wire(payload)))
    }

    /// Checks codes to send.
    pub(crate) fn check(&self, packet_type: PacketType) -> Result<(), EncodeError> {
        let fitting = !self.is_empty() && self.iter().all(|code| code.allowed_in(packet_type));
        if fitting { Ok(()) } else { Err(EncodeError::Invalid) }
    }

    /// Writes a byte for each code; before MQTT 5.0 every failure is 0x80 [MQTT311-3.9.3-2].
    pub(crate) fn write<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        if let Codes::Wire(wire) = self.0
            && version.has_properties()
        {
            return writer.bytes(wire);
        }
        for code in self.iter() {
            let failure = code.is_error() && !version.has_properties();
            writer.u8(if failure { ReasonCode::UnspecifiedError } else { code } as u8);
        }
    }
}

impl PartialEq for ReasonCodes<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for ReasonCodes<'_> {}

impl fmt::Debug for ReasonCodes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
