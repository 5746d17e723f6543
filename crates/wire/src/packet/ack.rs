//! PUBACK, PUBREC, PUBREL and PUBCOMP, which look alike.

use super::{PacketId, PacketType};
use crate::encode::{Body, Sink, Writer, encode, encoded_len, first_byte};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::Reader;
use crate::property::PropertyOwner;
use crate::property::properties::Properties;
use crate::reason::ReasonCode;
use crate::version::ProtocolVersion;

/// A step of a QoS 1 or QoS 2 delivery behind its PUBLISH [MQTT-2.2.1-5].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The Packet Identifier of the PUBLISH.
    pub id: PacketId,
    /// The outcome. MQTT 3.1 and 3.1.1 know only success, and write nothing for any code.
    pub reason: ReasonCode,
    /// Empty in MQTT 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// An acknowledgement with reason code Success and without properties.
    pub const fn success(id: PacketId) -> Self {
        Self { id, reason: ReasonCode::Success, properties: Properties::EMPTY }
    }

    /// The number of bytes that [`Self::encode`] writes, which is the same for the four packet types.
    ///
    /// # Errors
    /// Those of [`Self::encode`], save that it does not look at the reason code.
    pub fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        encoded_len(&Unchecked(*self), version)
    }

    /// Writes the whole packet as a PUBACK, PUBREC, PUBREL or PUBCOMP, in the shortest form.
    ///
    /// # Errors
    /// See [`EncodeError`]. Nothing is written then. Another packet type, and in MQTT 5.0 a reason code of another packet
    /// type, is [`EncodeError::Invalid`].
    pub fn encode(
        &self,
        kind: PacketType,
        version: ProtocolVersion,
        sink: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        encode(&self.of(kind), version, sink)
    }

    pub(crate) const fn of(&self, kind: PacketType) -> AckOf<'a> {
        AckOf { kind, ack: Unchecked(*self) }
    }

    /// Reads what follows the fixed header. Reason code and properties may be left out: a Remaining Length of 2 means
    /// Success, one of 3 no properties.
    pub(crate) fn read(
        version: ProtocolVersion,
        packet_type: PacketType,
        reader: &mut Reader<'a>,
    ) -> Result<Self, DecodeError> {
        let id = PacketId::read(reader)?;
        if reader.is_empty() || !version.has_properties() {
            return Ok(Self::success(id));
        }
        let reason = ReasonCode::read(packet_type, reader.u8()?)?;
        let properties = if reader.is_empty() {
            Properties::EMPTY
        } else {
            Properties::read(version, PropertyOwner::Packet(packet_type), reader)?
        };
        Ok(Self { id, reason, properties })
    }
}

/// An [`Ack`] whose packet type has not been looked at.
#[derive(Clone, Copy)]
struct Unchecked<'a>(Ack<'a>);

impl Body for Unchecked<'_> {
    fn first_byte(&self) -> u8 {
        first_byte(PacketType::PubAck)
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        // What one of the four may carry, all of them may.
        let properties_len =
            self.0.properties.encoded_len(version, PropertyOwner::Packet(PacketType::PubAck))?;
        Ok(match (self.0.reason, self.0.properties.is_empty()) {
            _ if !version.has_properties() => 2,
            (ReasonCode::Success, true) => 2,
            (_, true) => 3,
            (_, false) => properties_len.saturating_add(3),
        })
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        writer.u16(self.0.id.get());
        let bare = self.0.reason == ReasonCode::Success && self.0.properties.is_empty();
        if bare || !version.has_properties() {
            return;
        }
        writer.u8(self.0.reason as u8);
        if !self.0.properties.is_empty() {
            self.0.properties.write(version, writer);
        }
    }
}

/// An [`Ack`] as a packet of one of the four types.
pub(crate) struct AckOf<'a> {
    kind: PacketType,
    ack: Unchecked<'a>,
}

impl Body for AckOf<'_> {
    fn first_byte(&self) -> u8 {
        first_byte(self.kind)
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        use PacketType::{PubAck, PubComp, PubRec, PubRel};
        let (kind, reason) = (self.kind, self.ack.0.reason);
        let fitting = matches!(kind, PubAck | PubRec | PubRel | PubComp);
        // The standard does not have 0x95 here, but Mosquitto sends it for a payload that is too large.
        let is_theirs = reason == ReasonCode::PacketTooLarge && matches!(kind, PubAck | PubRec);
        if !fitting || version.has_properties() && !reason.allowed_in(kind) && !is_theirs {
            return Err(EncodeError::Invalid);
        }
        self.ack.body_len(version)
    }

    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        self.ack.write_body(version, writer);
    }
}
