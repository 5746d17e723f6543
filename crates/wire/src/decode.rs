//! Bytes to packets: the fixed header, how many bytes a packet has, and the dispatch over packet types.
//!
//! Bytes that arrive in pieces are gathered by the caller, with [`fixed_header`] telling how many are needed.

use crate::error::DecodeError;
use crate::packet::ack::Ack;
use crate::packet::auth::Auth;
use crate::packet::connack::ConnAck;
use crate::packet::connect::Connect;
use crate::packet::disconnect::Disconnect;
use crate::packet::publish::Publish;
use crate::packet::suback::SubAck;
use crate::packet::subscribe::Subscribe;
use crate::packet::unsuback::UnsubAck;
use crate::packet::unsubscribe::Unsubscribe;
use crate::packet::{Packet, PacketType};
use crate::primitive::{Reader, variable};
use crate::version::ProtocolVersion;

/// The largest Remaining Length: four bytes of seven bits.
pub const REMAINING_LENGTH_MAX: u32 = (1 << 28) - 1;

/// The DUP flag of the fixed header.
const DUP: u8 = 0b1000;

/// The beginning of every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedHeader {
    /// The packet type.
    pub packet_type: PacketType,
    /// The lower four bits of the first byte.
    pub flags: u8,
    /// The number of bytes behind the fixed header, up to [`REMAINING_LENGTH_MAX`].
    pub remaining_length: u32,
    /// The number of bytes of the fixed header itself, 2 to 5.
    pub header_len: usize,
}

impl FixedHeader {
    /// The number of bytes of the whole packet, the number that a Maximum Packet Size limits.
    pub const fn packet_len(&self) -> usize {
        self.header_len + self.remaining_length as usize
    }
}

/// Reads the fixed header at the start of `bytes`, which may go on behind the packet.
///
/// Answers `None` while the header itself is incomplete; with a header at hand, the packet is complete once there are
/// [`FixedHeader::packet_len`] bytes. The `version` is `None` on a connection that has not seen its CONNECT. What is wrong
/// is told at the first byte that proves it.
///
/// # Errors
/// [`DecodeError::PacketTypeZero`]; [`DecodeError::PacketTypeNotInThisVersion`];
/// [`DecodeError::FixedHeaderFlags`] [MQTT-2.1.3-1] [MQTT311-2.2.2-2], where MQTT 3.1 allows DUP on PUBREL, SUBSCRIBE and
/// UNSUBSCRIBE, and those of CONNECT are left to [`decode`] until the version is known; [`DecodeError::QosThree`] [MQTT-3.3.1-4]; [`DecodeError::DupWithQosZero`] [MQTT-3.3.1-2], tolerated in
/// MQTT 3.1; a Remaining Length of more than four bytes, or of more than it needs.
#[inline]
pub fn fixed_header(
    version: Option<ProtocolVersion>,
    bytes: &[u8],
) -> Result<Option<FixedHeader>, DecodeError> {
    let Some((&first, behind)) = bytes.split_first() else { return Ok(None) };
    let packet_type = PacketType::from_u8(first >> 4).ok_or(DecodeError::PacketTypeZero)?;
    let flags = first & 0x0F;
    check_flags(version, packet_type, flags)?;
    Ok(variable(behind)?.map(|(remaining_length, len)| FixedHeader {
        packet_type,
        flags,
        remaining_length,
        header_len: 1 + len,
    }))
}

#[inline]
fn check_flags(
    version: Option<ProtocolVersion>,
    packet_type: PacketType,
    flags: u8,
) -> Result<(), DecodeError> {
    if packet_type == PacketType::Publish {
        return match flags & 0b0110 {
            0b0110 => Err(DecodeError::QosThree),
            0 if flags & DUP != 0 && version != Some(ProtocolVersion::Mqtt31) => {
                Err(DecodeError::DupWithQosZero)
            }
            _ => Ok(()),
        };
    }
    if packet_type == PacketType::Auth && version.is_some_and(|version| !version.has_properties()) {
        return Err(DecodeError::PacketTypeNotInThisVersion(packet_type));
    }
    // MQTT 3.1 has no use for the flags of CONNECT, and whether it is 3.1 stands behind them.
    if packet_type == PacketType::Connect && version.is_none_or(|version| version == ProtocolVersion::Mqtt31)
    {
        return Ok(());
    }
    let reserved = packet_type.reserved_flags();
    // MQTT 3.1 sends the three packets with 0b0010 as messages of QoS 1, and thus again with DUP.
    let repeat = version == Some(ProtocolVersion::Mqtt31) && reserved != 0 && flags == reserved | DUP;
    if flags == reserved || repeat {
        Ok(())
    } else {
        Err(DecodeError::FixedHeaderFlags { packet_type, flags })
    }
}

/// Reads one whole packet, fixed header included.
///
/// A CONNECT is read by its own protocol name and level, whatever `version` says. Packets of both directions are read.
/// Takes time in proportion to the length, without the payload of a PUBLISH.
///
/// # Errors
/// Everything that [`DecodeError`] lists: a packet that comes back obeys its format in full.
pub fn decode(version: ProtocolVersion, packet: &[u8]) -> Result<Packet<'_>, DecodeError> {
    let expected = match packet.first() {
        // The version of a CONNECT is not known yet.
        Some(first) if first >> 4 == PacketType::Connect as u8 => None,
        _ => Some(version),
    };
    let header = fixed_header(expected, packet)?.ok_or(DecodeError::Incomplete)?;
    let body = packet.get(header.header_len..).unwrap_or_default();
    match body.len().cmp(&(header.remaining_length as usize)) {
        core::cmp::Ordering::Less => return Err(DecodeError::Incomplete),
        core::cmp::Ordering::Greater => return Err(DecodeError::TrailingBytes),
        core::cmp::Ordering::Equal => {}
    }
    let mut reader = Reader::new(body);
    let packet_type = header.packet_type;
    match packet_type {
        // It takes all that is left as its payload.
        PacketType::Publish => Publish::read(version, header.flags, &mut reader).map(Packet::Publish),
        PacketType::PubAck => {
            whole(reader, |reader| Ack::read(version, packet_type, reader)).map(Packet::PubAck)
        }
        PacketType::PubRec => {
            whole(reader, |reader| Ack::read(version, packet_type, reader)).map(Packet::PubRec)
        }
        PacketType::PubRel => {
            whole(reader, |reader| Ack::read(version, packet_type, reader)).map(Packet::PubRel)
        }
        PacketType::PubComp => {
            whole(reader, |reader| Ack::read(version, packet_type, reader)).map(Packet::PubComp)
        }
        PacketType::Connect => {
            whole(reader, |reader| Connect::read(header.flags, reader)).map(Packet::Connect)
        }
        PacketType::ConnAck => whole(reader, |reader| ConnAck::read(version, reader)).map(Packet::ConnAck),
        PacketType::Subscribe => {
            whole(reader, |reader| Subscribe::read(version, reader)).map(Packet::Subscribe)
        }
        PacketType::SubAck => whole(reader, |reader| SubAck::read(version, reader)).map(Packet::SubAck),
        PacketType::Unsubscribe => {
            whole(reader, |reader| Unsubscribe::read(version, reader)).map(Packet::Unsubscribe)
        }
        PacketType::UnsubAck => whole(reader, |reader| UnsubAck::read(version, reader)).map(Packet::UnsubAck),
        PacketType::Disconnect => {
            whole(reader, |reader| Disconnect::read(version, reader)).map(Packet::Disconnect)
        }
        PacketType::Auth => whole(reader, |reader| Auth::read(version, reader)).map(Packet::Auth),
        PacketType::PingReq => whole(reader, |_| Ok(Packet::PingReq)),
        PacketType::PingResp => whole(reader, |_| Ok(Packet::PingResp)),
    }
}

/// Reads a packet that has to end where its last field ends.
fn whole<'a, T>(
    mut reader: Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let packet = read(&mut reader)?;
    if reader.is_empty() { Ok(packet) } else { Err(DecodeError::TrailingBytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::ProtocolVersion::{Mqtt5, Mqtt31, Mqtt311};

    #[test]
    fn mqtt5_2_1_3_1_wrong_flags_show_in_the_first_byte() {
        for first in [0x11, 0x28, 0x60, 0x80, 0xA0, 0xC1, 0xE4, 0xF2] {
            let error = fixed_header(Some(Mqtt5), &[first]).unwrap_err();
            assert!(matches!(error, DecodeError::FixedHeaderFlags { .. }), "{first:#x}: {error:?}");
        }
        assert_eq!(fixed_header(Some(Mqtt5), &[0x62]), Ok(None));
    }

    #[test]
    fn a_repeat_of_mqtt_3_1_may_carry_dup() {
        for first in [0x6A, 0x8A, 0xAA, 0x38] {
            assert_eq!(fixed_header(Some(Mqtt31), &[first]), Ok(None));
            assert!(fixed_header(Some(Mqtt311), &[first]).is_err());
            assert!(fixed_header(Some(Mqtt5), &[first]).is_err());
            assert!(fixed_header(None, &[first]).is_err());
        }
    }

    #[test]
    fn mqtt5_s2_1_2_packet_type_zero_is_forbidden() {
        assert_eq!(fixed_header(None, &[0x00]), Err(DecodeError::PacketTypeZero));
    }

    #[test]
    fn the_header_tells_the_length_of_the_packet() {
        let header = fixed_header(None, &[0x10, 0x80, 0x01]).unwrap().unwrap();
        assert_eq!((header.header_len, header.remaining_length, header.packet_len()), (3, 128, 131));
        assert_eq!(
            fixed_header(None, &[0x10, 0xFF, 0xFF, 0xFF, 0xFF]),
            Err(DecodeError::VariableByteIntegerTooLong)
        );
    }
}
