//! A change of a Session as bytes, for stores that keep bytes.
//!
//! The first byte tells the kind, the next two the Packet Identifier; numbers are big-endian. A message to the server
//! follows with these parts, of which the last one goes to the end:
//!
//! | bytes | |
//! | --- | --- |
//! | 1 | the QoS, and 4 more for RETAIN |
//! | 2 | the length of the Topic Name |
//! | 4 | the length of the properties |
//! | | the Topic Name |
//! | | the properties, as a section of the wire without its length |
//! | | the payload |
//!
//! What a byte means never changes: another form gets another kind.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use martlet_wire::{PacketId, PacketType, Properties, PropertyOwner, QoS, TopicName};

use super::kept::KeptMessage;
use super::stored::SessionChange;

const OUTGOING_TAKEN: u8 = 1;
const OUTGOING_RECEIVED: u8 = 2;
const OUTGOING_FINISHED: u8 = 3;
const INCOMING_ACKNOWLEDGED: u8 = 4;
const INCOMING_RECEIVED: u8 = 5;
const INCOMING_RELEASED: u8 = 6;
const INCOMING_LOST: u8 = 7;

const RETAIN: u8 = 4;

/// The bytes are no change of a Session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRecord;

impl core::error::Error for InvalidRecord {}

impl fmt::Display for InvalidRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a record is no change of a Session")
    }
}

impl SessionChange {
    /// Appends the change as bytes. They do not tell where they end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::OutgoingTaken { id, message } => {
                head(OUTGOING_TAKEN, *id, out);
                encode_message(message, out);
            }
            Self::OutgoingReceived { id } => head(OUTGOING_RECEIVED, *id, out),
            Self::OutgoingFinished { id } => head(OUTGOING_FINISHED, *id, out),
            Self::IncomingAcknowledged { id } => head(INCOMING_ACKNOWLEDGED, *id, out),
            Self::IncomingReceived { id } => head(INCOMING_RECEIVED, *id, out),
            Self::IncomingReleased { id } => head(INCOMING_RELEASED, *id, out),
            Self::IncomingLost => head(INCOMING_LOST, PacketId::MIN, out),
        }
    }

    /// How many bytes [`SessionChange::encode`] appends.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::OutgoingTaken { message, .. } => {
                10 + message.topic.len() + message.properties.len() + message.payload.len()
            }
            _ => 3,
        }
    }

    /// Reads a change from bytes that hold one and nothing else.
    ///
    /// # Errors
    /// The bytes are no change, or one of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidRecord> {
        let (&[kind, high, low], rest) = bytes.split_first_chunk().ok_or(InvalidRecord)?;
        let id = PacketId::new(u16::from_be_bytes([high, low])).ok_or(InvalidRecord)?;
        if kind == OUTGOING_TAKEN {
            let message = decode_message(rest).ok_or(InvalidRecord)?;
            return Ok(Self::OutgoingTaken { id, message: Arc::new(message) });
        }
        match kind {
            _ if !rest.is_empty() => Err(InvalidRecord),
            OUTGOING_RECEIVED => Ok(Self::OutgoingReceived { id }),
            OUTGOING_FINISHED => Ok(Self::OutgoingFinished { id }),
            INCOMING_ACKNOWLEDGED => Ok(Self::IncomingAcknowledged { id }),
            INCOMING_RECEIVED => Ok(Self::IncomingReceived { id }),
            INCOMING_RELEASED => Ok(Self::IncomingReleased { id }),
            INCOMING_LOST => Ok(Self::IncomingLost),
            _ => Err(InvalidRecord),
        }
    }
}

fn head(kind: u8, id: PacketId, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&id.get().to_be_bytes());
}

fn encode_message(message: &KeptMessage, out: &mut Vec<u8>) {
    out.push(message.qos as u8 | if message.retain { RETAIN } else { 0 });
    // A Topic Name has at most 65,535 bytes, and the properties of a packet at most 268,435,455.
    out.extend_from_slice(&u16::try_from(message.topic.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(&u32::try_from(message.properties.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(message.topic.as_bytes());
    out.extend_from_slice(&message.properties);
    out.extend_from_slice(&message.payload);
}

fn decode_message(bytes: &[u8]) -> Option<KeptMessage> {
    let (&[flags], bytes) = bytes.split_first_chunk()?;
    let (topic_len, bytes) = bytes.split_first_chunk()?;
    let (properties_len, bytes) = bytes.split_first_chunk()?;
    let (topic, bytes) = bytes.split_at_checked(u16::from_be_bytes(*topic_len).into())?;
    let properties_len = usize::try_from(u32::from_be_bytes(*properties_len)).ok()?;
    let (properties, payload) = bytes.split_at_checked(properties_len)?;
    let topic = str::from_utf8(topic).ok()?;
    TopicName::parse(topic).ok()?;
    Properties::from_section(PropertyOwner::Packet(PacketType::Publish), properties).ok()?;
    let qos = QoS::from_u8(flags & !RETAIN).filter(|qos| *qos > QoS::AtMostOnce)?;
    let retain = flags & RETAIN > 0;
    Some(KeptMessage {
        topic: topic.into(),
        payload: payload.into(),
        properties: properties.into(),
        qos,
        retain,
    })
}
