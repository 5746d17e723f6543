//! What a client tells its owner.

use alloc::boxed::Box;
use alloc::vec::Vec;

use martlet_wire::{PacketId, Properties, PropertyOwner, QoS, ReasonCode, TopicName};

use crate::error::PeerMisbehaved;

/// Something the owner should know of.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<T> {
    /// CONNACK came.
    ConnAck {
        /// Success, or why not.
        reason: ReasonCode,
        /// Whether the server kept the Session.
        session_present: bool,
        /// The properties, as a section of the wire.
        properties: Box<[u8]>,
    },
    /// A message came.
    Message(Incoming),
    /// A publish ended: QoS 0 when it was handed to the connection, else by PUBACK, PUBCOMP or a refusing PUBREC.
    Published {
        /// Whose.
        token: T,
        /// The Packet Identifier; none for QoS 0.
        id: Option<PacketId>,
        /// What the server says.
        reason: ReasonCode,
        /// The properties of the last answer, as a section of the wire.
        properties: Box<[u8]>,
    },
    /// A publish cannot be sent on this connection, and was given up.
    Unpublished {
        /// Whose.
        token: T,
        /// Why.
        error: PublishError,
    },
    /// SUBACK or UNSUBACK came.
    Answered {
        /// Whose.
        token: T,
        /// A code for each Topic Filter; none for UNSUBACK before 5.0.
        codes: Vec<ReasonCode>,
    },
    /// The connection ended before SUBACK or UNSUBACK came. Those that were sent first are told first.
    RequestLost(T),
    /// AUTH came.
    Auth {
        /// Continue, or success of a re-authentication.
        reason: ReasonCode,
        /// The properties, as a section of the wire.
        properties: Box<[u8]>,
    },
    /// The server sent DISCONNECT.
    Disconnected {
        /// Why.
        reason: ReasonCode,
        /// The properties, as a section of the wire.
        properties: Box<[u8]>,
    },
    /// The server broke the standard, or fell silent. The connection is to be closed.
    Failed(PeerMisbehaved),
}

/// Stands for one handing over of a message: unlike a Packet Identifier it never comes again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt(u64);

impl Receipt {
    pub(super) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A message from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The Topic Name.
    pub topic: Box<str>,
    /// The payload.
    pub payload: Box<[u8]>,
    /// The QoS of this delivery.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// Whether this very packet is a repeat.
    pub dup: bool,
    /// The Packet Identifier; none for QoS 0.
    pub id: Option<PacketId>,
    /// What [`super::Client::acknowledge`] wants; none for QoS 0.
    pub receipt: Option<Receipt>,
    /// The properties, as a section of the wire; without the Topic Alias, which means nothing beyond the connection.
    pub properties: Box<[u8]>,
    /// The Topic Alias that the packet came with.
    pub topic_alias: Option<u16>,
}

impl Incoming {
    /// The properties.
    pub fn properties(&self) -> Properties<'_> {
        Properties::from_section(PropertyOwner::Packet(martlet_wire::PacketType::Publish), &self.properties)
            .unwrap_or(Properties::EMPTY)
    }
}

/// A message to the server.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The Topic Name.
    pub topic: TopicName<'a>,
    /// The payload.
    pub payload: &'a [u8],
    /// The QoS.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// The properties; those of 5.0 are left out towards a server of an older version.
    ///
    /// A Topic Alias among them is used as it is, whatever the server allows: with the Topic Name the first time, and
    /// alone while it stands for the same name on the same connection. Without one the client may use its own, see
    /// [`super::Settings::topic_alias_maximum_outgoing`]; the two are not to be mixed.
    pub properties: Properties<'a>,
}

/// Why a message cannot be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The QoS is above the server's Maximum QoS [MQTT-3.2.2-11].
    QosNotSupported,
    /// The server takes no retained messages [MQTT-3.2.2-14].
    RetainNotSupported,
    /// The packet is larger than the server takes [MQTT-3.2.2-15], or than any packet can be.
    TooLarge,
    /// The owner could not keep it: see [`super::Client::not_kept`].
    NotKept,
}

/// Why a request cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// There is no connection.
    NotConnected,
    /// Every Packet Identifier is taken.
    NoPacketIdentifier,
    /// The request is larger than the server takes, or has no Topic Filter.
    Unsendable,
}
