//! What is worth a line in the log. The driver words it.

use martlet_proto::PeerMisbehaved;
use martlet_wire::{ProtocolVersion, QoS, ReasonCode};

use crate::trace::PacketTrace;
use crate::{ConnectionId, Peer};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A client was let in.
    Connected {
        /// Where.
        connection: ConnectionId,
        /// From where.
        peer: Peer,
        /// Its Client Identifier, as sent or assigned.
        client_identifier: String,
        /// The version that it speaks.
        version: ProtocolVersion,
        /// Clean Start, or Clean Session before 5.0.
        clean_start: bool,
        /// The Keep Alive in force, in seconds; 0 for none.
        keep_alive: u16,
        /// Its user name.
        user_name: Option<String>,
        /// Its Will.
        will: Option<WillFacts>,
    },
    /// A client was turned away.
    Refused {
        /// Where.
        connection: ConnectionId,
        /// From where.
        peer: Peer,
        /// Its Client Identifier, where it was read.
        client_identifier: String,
        /// Why.
        reason: ReasonCode,
    },
    /// A connection ended.
    Disconnected {
        /// Where.
        connection: ConnectionId,
        /// From where.
        peer: Peer,
        /// Its Client Identifier; `None` if no CONNECT came.
        client_identifier: Option<String>,
        /// Why.
        cause: Cause,
    },
    /// A Session ended.
    SessionEnded {
        /// Its Client Identifier.
        client_identifier: String,
    },
    /// A Session has too much waiting: from here on messages to it are dropped. Told once until it was empty.
    QueueFull {
        /// Its Client Identifier.
        client_identifier: String,
    },
    /// A client published what it may not, or what finds no room.
    PublishRefused {
        /// Its Client Identifier.
        client_identifier: String,
        /// The Topic Name.
        topic: String,
        /// Why.
        reason: ReasonCode,
    },
    /// A client subscribed to something.
    Subscribed {
        /// Its Client Identifier.
        client_identifier: String,
        /// The Topic Filter.
        filter: String,
        /// The granted QoS, or why not.
        reason: ReasonCode,
    },
    /// A client unsubscribed from something.
    Unsubscribed {
        /// Its Client Identifier.
        client_identifier: String,
        /// The Topic Filter.
        filter: String,
    },
    /// A packet came or goes; told only while [`Engine::trace_packets`](crate::Engine::trace_packets) has turned it on.
    Packet(Box<PacketTrace>),
}

/// What is told of a Will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WillFacts {
    /// The Topic Name.
    pub topic: String,
    /// Bytes of the payload.
    pub payload_bytes: usize,
    /// The QoS.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The client sent DISCONNECT with this code.
    Client(ReasonCode),
    /// The network failed, or the client closed without DISCONNECT.
    Lost,
    /// The client broke the standard.
    Misbehaved(PeerMisbehaved),
    /// Another connection took the Session over.
    TakenOver,
    /// The broker ends it with this code.
    Broker(ReasonCode),
}
