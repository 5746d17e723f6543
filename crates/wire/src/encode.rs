//! Packets to bytes: where they go, the fixed header, and the dispatch over packet types.
//!
//! A packet is checked and measured before its first byte is written, so nothing is written on error. When to send, and
//! what the receiver allows, is not known here.

use crate::error::EncodeError;
use crate::packet::{Packet, PacketType};
use crate::primitive::variable_len;
use crate::version::ProtocolVersion;

/// Where encoded bytes go.
pub trait Sink {
    /// Takes the next bytes of a packet.
    fn put(&mut self, bytes: &[u8]);
}

#[cfg(feature = "alloc")]
impl Sink for alloc::vec::Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A [`Sink`] of fixed size, which remembers when it was too small.
#[derive(Debug)]
pub struct SliceSink<'a> {
    bytes: &'a mut [u8],
    len: usize,
    overflowed: bool,
}

impl<'a> SliceSink<'a> {
    /// Writes to the front of `bytes`.
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, len: 0, overflowed: false }
    }

    /// The bytes written so far.
    pub fn written(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The number of bytes written so far.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Tells whether nothing was written yet.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Tells whether bytes were lost because they did not fit. From the first such on, none are written.
    pub const fn overflowed(&self) -> bool {
        self.overflowed
    }
}

impl Sink for SliceSink<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(self.len..).and_then(|free| free.get_mut(..bytes.len()));
        match room {
            Some(room) if !self.overflowed => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            _ => self.overflowed = true,
        }
    }
}

/// A packet type's part of encoding.
pub(crate) trait Body {
    /// Packet type and flags.
    fn first_byte(&self) -> u8;

    /// Checks the values and tells the Remaining Length.
    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError>;

    /// Writes what follows the fixed header, after [`Body::body_len`] found nothing wrong.
    fn write_body<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>);
}

/// The first byte of a packet without flags of its own.
pub(crate) const fn first_byte(packet_type: PacketType) -> u8 {
    (packet_type as u8) << 4 | packet_type.reserved_flags()
}

pub(crate) fn encoded_len(body: &impl Body, version: ProtocolVersion) -> Result<usize, EncodeError> {
    let remaining_len = checked_body_len(body, version)?;
    Ok(1 + variable_len(remaining_len) + remaining_len)
}

pub(crate) fn encode(
    body: &impl Body,
    version: ProtocolVersion,
    sink: &mut impl Sink,
) -> Result<(), EncodeError> {
    let remaining_len = checked_body_len(body, version)?;
    Writer::on(sink, |writer| {
        writer.u8(body.first_byte());
        writer.variable(remaining_len);
        body.write_body(version, writer);
    });
    Ok(())
}

fn checked_body_len(body: &impl Body, version: ProtocolVersion) -> Result<usize, EncodeError> {
    let len = body.body_len(version)?;
    if len > crate::REMAINING_LENGTH_MAX as usize { Err(EncodeError::TooLong) } else { Ok(len) }
}

/// Enough for every acknowledgement, and for the head of a PUBLISH with a short Topic Name.
const BUFFER_BYTES: usize = 64;

/// Gathers small pieces on the stack so that a [`Sink`] gets few and larger ones.
pub(crate) struct Writer<'s, S: Sink> {
    sink: &'s mut S,
    buffer: [u8; BUFFER_BYTES],
    /// How much of the buffer is filled; never more than its size.
    len: usize,
}

impl<'s, S: Sink> Writer<'s, S> {
    /// Lets `write` write, and hands what was gathered to the sink.
    #[inline]
    pub(crate) fn on(sink: &'s mut S, write: impl FnOnce(&mut Self)) {
        let mut writer = Writer { sink, buffer: [0; BUFFER_BYTES], len: 0 };
        write(&mut writer);
        writer.flush();
    }

    pub(crate) fn u8(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    pub(crate) fn u16(&mut self, short: u16) {
        self.bytes(&short.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.bytes(&number.to_be_bytes());
    }

    /// Writes a variable byte integer of up to four bytes in its shortest form [MQTT-1.5.5-1].
    pub(crate) fn variable(&mut self, mut value: usize) {
        if let Ok(byte @ ..0x80) = u8::try_from(value) {
            return self.u8(byte);
        }
        let mut encoded = [0; 4];
        let len = variable_len(value);
        for (index, byte) in encoded.iter_mut().enumerate() {
            let more = if index + 1 < len { 0x80 } else { 0 };
            *byte = (value & 0x7F).to_le_bytes()[0] | more;
            value >>= 7;
        }
        self.bytes(encoded.get(..len).unwrap_or_default());
    }

    /// Writes a two-byte length and so many bytes. Longer fields have been refused before.
    pub(crate) fn field(&mut self, bytes: &[u8]) {
        self.u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
        self.bytes(bytes);
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let free = self.buffer.get_mut(self.len..).and_then(|free| free.get_mut(..bytes.len()));
        if let Some(free) = free {
            free.copy_from_slice(bytes);
            self.len += bytes.len();
        } else {
            self.overflow(bytes);
        }
    }

    /// Writes bytes that do not fit behind what is in the buffer.
    fn overflow(&mut self, bytes: &[u8]) {
        self.flush();
        match self.buffer.get_mut(..bytes.len()) {
            // Small pieces that follow can join it.
            Some(start) => {
                start.copy_from_slice(bytes);
                self.len = bytes.len();
            }
            None => self.sink.put(bytes),
        }
    }

    fn flush(&mut self) {
        if self.len > 0 {
            self.sink.put(self.buffer.get(..self.len).unwrap_or_default());
            self.len = 0;
        }
    }
}

/// Gives a packet type its public `encoded_len` and `encode`.
macro_rules! encodable {
    ($packet:ident) => {
        impl $packet<'_> {
            /// The number of bytes that [`Self::encode`] writes.
            ///
            /// # Errors
            /// Those of [`Self::encode`].
            pub fn encoded_len(
                &self,
                version: $crate::ProtocolVersion,
            ) -> Result<usize, $crate::EncodeError> {
                $crate::encode::encoded_len(self, version)
            }

            /// Writes the whole packet. Versions before MQTT 5.0 leave out properties, and what else they lack.
            ///
            /// # Errors
            /// See [`EncodeError`](crate::EncodeError). Nothing is written then.
            pub fn encode(
                &self,
                version: $crate::ProtocolVersion,
                sink: &mut impl $crate::Sink,
            ) -> Result<(), $crate::EncodeError> {
                $crate::encode::encode(self, version, sink)
            }
        }
    };
}
pub(crate) use encodable;

/// PINGREQ and PINGRESP.
struct Empty(PacketType);

impl Body for Empty {
    fn first_byte(&self) -> u8 {
        first_byte(self.0)
    }

    fn body_len(&self, _: ProtocolVersion) -> Result<usize, EncodeError> {
        Ok(0)
    }

    fn write_body<S: Sink>(&self, _: ProtocolVersion, _: &mut Writer<'_, S>) {}
}

impl Packet<'_> {
    /// The number of bytes that [`Self::encode`] writes.
    ///
    /// # Errors
    /// Those of [`Self::encode`].
    pub fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        match self {
            Self::Connect(packet) => packet.encoded_len(version),
            Self::ConnAck(packet) => packet.encoded_len(version),
            Self::Publish(packet) => packet.encoded_len(version),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                encoded_len(&ack.of(self.packet_type()), version)
            }
            Self::Subscribe(packet) => packet.encoded_len(version),
            Self::SubAck(packet) => packet.encoded_len(version),
            Self::Unsubscribe(packet) => packet.encoded_len(version),
            Self::UnsubAck(packet) => packet.encoded_len(version),
            Self::PingReq | Self::PingResp => encoded_len(&Empty(self.packet_type()), version),
            Self::Disconnect(packet) => packet.encoded_len(version),
            Self::Auth(packet) => packet.encoded_len(version),
        }
    }

    /// Writes the whole packet. Versions before MQTT 5.0 leave out properties, and what else they lack.
    ///
    /// A CONNECT is written in its own version, whatever `version` says.
    ///
    /// # Errors
    /// See [`EncodeError`]. Nothing is written then.
    pub fn encode(&self, version: ProtocolVersion, sink: &mut impl Sink) -> Result<(), EncodeError> {
        match self {
            Self::Connect(packet) => packet.encode(version, sink),
            Self::ConnAck(packet) => packet.encode(version, sink),
            Self::Publish(packet) => packet.encode(version, sink),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.encode(self.packet_type(), version, sink)
            }
            Self::Subscribe(packet) => packet.encode(version, sink),
            Self::SubAck(packet) => packet.encode(version, sink),
            Self::Unsubscribe(packet) => packet.encode(version, sink),
            Self::UnsubAck(packet) => packet.encode(version, sink),
            Self::PingReq | Self::PingResp => encode(&Empty(self.packet_type()), version, sink),
            Self::Disconnect(packet) => packet.encode(version, sink),
            Self::Auth(packet) => packet.encode(version, sink),
        }
    }
}
