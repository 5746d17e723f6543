//! The control packets, a type each; what they share is here.
//!
//! A packet borrows its texts and bytes from the input that it was decoded from, or from the values it is made of.

use core::fmt;
use core::num::NonZeroU16;

use crate::error::DecodeError;
use crate::primitive::Reader;

pub(crate) mod ack;
pub(crate) mod auth;
pub(crate) mod connack;
pub(crate) mod connect;
pub(crate) mod disconnect;
pub(crate) mod publish;
pub(crate) mod suback;
pub(crate) mod subscribe;
pub(crate) mod unsuback;
pub(crate) mod unsubscribe;

use ack::Ack;
use auth::Auth;
use connack::ConnAck;
use connect::Connect;
use disconnect::Disconnect;
use publish::Publish;
use suback::SubAck;
use subscribe::Subscribe;
use unsuback::UnsubAck;
use unsubscribe::Unsubscribe;

/// A control packet of any type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The client opens the connection.
    Connect(Connect<'a>),
    /// The server accepts or refuses it.
    ConnAck(ConnAck<'a>),
    /// A message.
    Publish(Publish<'a>),
    /// A QoS 1 message was received.
    PubAck(Ack<'a>),
    /// A QoS 2 message was received.
    PubRec(Ack<'a>),
    /// A QoS 2 message is released.
    PubRel(Ack<'a>),
    /// A QoS 2 message is done with.
    PubComp(Ack<'a>),
    /// The client subscribes.
    Subscribe(Subscribe<'a>),
    /// The server answers it.
    SubAck(SubAck<'a>),
    /// The client unsubscribes.
    Unsubscribe(Unsubscribe<'a>),
    /// The server answers it.
    UnsubAck(UnsubAck<'a>),
    /// The client asks for a sign of life.
    PingReq,
    /// The server gives it.
    PingResp,
    /// One side ends the connection.
    Disconnect(Disconnect<'a>),
    /// A step of an enhanced authentication; only in MQTT 5.0.
    Auth(Auth<'a>),
}

impl Packet<'_> {
    /// The type of the packet.
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }
}

/// The type of a control packet, with its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// The client opens the connection.
    Connect = 1,
    /// The server accepts or refuses it.
    ConnAck = 2,
    /// A message.
    Publish = 3,
    /// A QoS 1 message was received.
    PubAck = 4,
    /// A QoS 2 message was received.
    PubRec = 5,
    /// A QoS 2 message is released.
    PubRel = 6,
    /// A QoS 2 message is done with.
    PubComp = 7,
    /// The client subscribes.
    Subscribe = 8,
    /// The server answers a SUBSCRIBE.
    SubAck = 9,
    /// The client unsubscribes.
    Unsubscribe = 10,
    /// The server answers an UNSUBSCRIBE.
    UnsubAck = 11,
    /// The client asks for a sign of life.
    PingReq = 12,
    /// The server gives it.
    PingResp = 13,
    /// One side ends the connection.
    Disconnect = 14,
    /// A step of an enhanced authentication; only in MQTT 5.0.
    Auth = 15,
}

impl PacketType {
    /// The type of this number: 1 to 15, else `None`.
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Connect,
            2 => Self::ConnAck,
            3 => Self::Publish,
            4 => Self::PubAck,
            5 => Self::PubRec,
            6 => Self::PubRel,
            7 => Self::PubComp,
            8 => Self::Subscribe,
            9 => Self::SubAck,
            10 => Self::Unsubscribe,
            11 => Self::UnsubAck,
            12 => Self::PingReq,
            13 => Self::PingResp,
            14 => Self::Disconnect,
            15 => Self::Auth,
            _ => return None,
        })
    }

    /// The name that the standard writes in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::ConnAck => "CONNACK",
            Self::Publish => "PUBLISH",
            Self::PubAck => "PUBACK",
            Self::PubRec => "PUBREC",
            Self::PubRel => "PUBREL",
            Self::PubComp => "PUBCOMP",
            Self::Subscribe => "SUBSCRIBE",
            Self::SubAck => "SUBACK",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::UnsubAck => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
            Self::Auth => "AUTH",
        }
    }

    /// The flags that the fixed header has where it has no meaning for them [MQTT-2.1.3-1]. Those of PUBLISH are its own.
    ///
    /// [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]
    pub(crate) const fn reserved_flags(self) -> u8 {
        match self {
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => 0b0010,
            _ => 0,
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Quality of Service: how hard sender and receiver try. [`QoS::default`] is QoS 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum QoS {
    /// QoS 0: sent once, without an answer.
    #[default]
    AtMostOnce = 0,
    /// QoS 1: sent until acknowledged.
    AtLeastOnce = 1,
    /// QoS 2: a handshake keeps repeats away.
    ExactlyOnce = 2,
}

impl QoS {
    /// The QoS of this number: 0 to 2, else `None`.
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::AtMostOnce,
            1 => Self::AtLeastOnce,
            2 => Self::ExactlyOnce,
            _ => return None,
        })
    }
}

impl TryFrom<u8> for QoS {
    /// The number that is no QoS.
    type Error = u8;

    fn try_from(number: u8) -> Result<Self, u8> {
        Self::from_u8(number).ok_or(number)
    }
}

impl From<QoS> for u8 {
    fn from(qos: QoS) -> Self {
        qos as Self
    }
}

/// A Packet Identifier: 1 to 65,535 [MQTT-2.2.1-3].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(NonZeroU16);

impl PacketId {
    /// The smallest one.
    pub const MIN: Self = Self(NonZeroU16::MIN);

    /// The identifier of this number, or `None` for 0.
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(reader.u16()?).ok_or(DecodeError::PacketIdZero)
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
