//! The client's end of a connection: what the server allows.

use martlet_wire::{
    ConnAck, Packet, PacketType, Properties, Property, ProtocolVersion, QoS, ReasonCode, decode, fixed_header,
};

use crate::alias::{IncomingAliases, OutgoingAliases};
use crate::error::PeerMisbehaved;
use crate::keep_alive::KeepAlive;

/// The CONNACK by which a server that knows no 5.0 refuses it, in the format of its own version [MQTT311-3.1.2-2].
const REFUSAL_OF_OLDER_SERVER: [u8; 4] = [0x20, 2, 0, 1];

/// What a client knows of one connection, apart from the Session.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of CONNACK of its own")]
pub struct ClientConnection {
    /// Whether CONNACK with success came.
    pub is_open: bool,
    /// The version of the CONNECT.
    pub version: ProtocolVersion,
    /// The Keep Alive in force: the server's word is the last [MQTT-3.1.2-21].
    pub keep_alive: KeepAlive,
    /// The server's Maximum Packet Size in bytes [MQTT-3.2.2-15].
    pub packet_size_bytes_max: u32,
    /// The highest QoS that the server takes [MQTT-3.2.2-11].
    pub maximum_qos: QoS,
    /// Whether the server takes RETAIN [MQTT-3.2.2-14].
    pub retain_available: bool,
    /// Whether the server takes wildcards in Topic Filters.
    pub wildcard_subscription_available: bool,
    /// Whether the server takes Subscription Identifiers.
    pub subscription_identifier_available: bool,
    /// Whether the server takes Shared Subscriptions.
    pub shared_subscription_available: bool,
    /// The server's Receive Maximum: unfinished messages to it, 1 or more [MQTT-3.3.4-7].
    pub inflight_messages_max: u16,
    /// The aliases that the server has set.
    pub incoming_aliases: IncomingAliases,
    /// The aliases that were set towards the server [MQTT-3.2.2-17].
    pub outgoing_aliases: OutgoingAliases,
    /// The Topic Alias Maximum that CONNECT announced [MQTT-3.3.2-10].
    pub topic_alias_maximum: u16,
    /// The Maximum Packet Size that CONNECT announced, in bytes.
    pub own_packet_size_bytes_max: u32,
}

impl ClientConnection {
    /// A new connection whose CONNECT is about to be sent.
    pub fn new(version: ProtocolVersion, keep_alive: KeepAlive) -> Self {
        Self {
            is_open: false,
            version,
            keep_alive,
            packet_size_bytes_max: u32::MAX,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            wildcard_subscription_available: true,
            subscription_identifier_available: version.has_properties(),
            shared_subscription_available: true,
            inflight_messages_max: u16::MAX,
            incoming_aliases: IncomingAliases::default(),
            outgoing_aliases: OutgoingAliases::new(0),
            topic_alias_maximum: 0,
            own_packet_size_bytes_max: u32::MAX,
        }
    }

    /// Takes over what the server allows. `inflight_messages_max` and `topic_alias_maximum` are what this side uses at most.
    pub fn connack(&mut self, connack: &ConnAck<'_>, inflight_messages_max: u16, topic_alias_maximum: u16) {
        self.is_open = connack.reason == ReasonCode::Success;
        let (mut receive_maximum, mut aliases) = (u16::MAX, 0);
        for property in connack.properties {
            match property {
                Property::ReceiveMaximum(maximum) => receive_maximum = maximum.get(),
                Property::TopicAliasMaximum(maximum) => aliases = maximum, // absent: none [MQTT-3.2.2-18]
                Property::MaximumPacketSize(bytes) => self.packet_size_bytes_max = bytes.get(),
                Property::MaximumQos(qos) => self.maximum_qos = qos,
                Property::RetainAvailable(is_available) => self.retain_available = is_available,
                Property::WildcardSubscriptionAvailable(is_available) => {
                    self.wildcard_subscription_available = is_available;
                }
                Property::SubscriptionIdentifierAvailable(is_available) => {
                    self.subscription_identifier_available = is_available;
                }
                Property::SharedSubscriptionAvailable(is_available) => {
                    self.shared_subscription_available = is_available;
                }
                Property::ServerKeepAlive(seconds) => self.keep_alive = KeepAlive::new(seconds), // [MQTT-3.2.2-21]
                _ => {}
            }
        }
        self.inflight_messages_max = receive_maximum.min(inflight_messages_max).max(1);
        self.outgoing_aliases = OutgoingAliases::new(aliases.min(topic_alias_maximum));
    }

    /// Finds the first packet in `bytes`: its length, or `None` while bytes are missing.
    ///
    /// # Errors
    /// What is wrong with it, as soon as that can be seen: its type, its flags, its length.
    pub fn first_packet(&self, bytes: &[u8]) -> Result<Option<usize>, PeerMisbehaved> {
        let Some(header) = fixed_header(Some(self.version), bytes)? else { return Ok(None) };
        self.check_type(header.packet_type)?;
        let size = header.packet_len();
        let limit = self.own_packet_size_bytes_max;
        if !u32::try_from(size).is_ok_and(|size| size <= limit) {
            return Err(PeerMisbehaved::PacketTooLarge { size, limit });
        }
        Ok((bytes.len() >= size).then_some(size))
    }

    /// Decodes one whole packet, as [`ClientConnection::first_packet`] measured it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode<'a>(&self, packet: &'a [u8]) -> Result<Packet<'a>, PeerMisbehaved> {
        if self.version.has_properties() && packet == REFUSAL_OF_OLDER_SERVER {
            let reason = ReasonCode::UnsupportedProtocolVersion;
            return Ok(Packet::ConnAck(ConnAck {
                session_present: false,
                reason,
                properties: Properties::EMPTY,
            }));
        }
        Ok(decode(self.version, packet)?)
    }

    /// Whether a packet of `bytes` bytes may be sent to the server.
    pub fn fits(&self, bytes: usize) -> bool {
        u32::try_from(bytes).is_ok_and(|bytes| bytes <= self.packet_size_bytes_max)
    }

    fn check_type(&self, packet_type: PacketType) -> Result<(), PeerMisbehaved> {
        use PacketType as T;
        let is_expected = match packet_type {
            T::Connect | T::Subscribe | T::Unsubscribe | T::PingReq => false,
            T::ConnAck => !self.is_open,
            T::Auth => self.version.has_properties(),
            // A refusal is a CONNACK; DISCONNECT comes only behind a CONNACK with success [MQTT-3.14.0-1].
            T::Disconnect => self.is_open && self.version.has_properties(),
            _ => self.is_open,
        };
        if is_expected { Ok(()) } else { Err(PeerMisbehaved::UnexpectedPacket(packet_type)) }
    }
}
