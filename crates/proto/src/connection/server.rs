//! The server's end of a connection.

use alloc::boxed::Box;

use martlet_wire::{
    Connect, Disconnect, FixedHeader, Packet, PacketType, Properties, ProtocolVersion, decode, fixed_header,
};

use crate::alias::{IncomingAliases, OutgoingAliases};
use crate::error::PeerMisbehaved;
use crate::keep_alive::KeepAlive;
use crate::quota::Quota;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing but CONNECT may come.
    AwaitsConnect,
    /// CONNECT came, CONNACK has not been sent. Only an exchange of AUTH may go on [MQTT-3.1.2-30].
    Connecting,
    /// CONNACK with success was sent.
    Open,
}

/// What a server knows of one connection, apart from the Session.
#[derive(Debug)]
pub struct ServerConnection {
    /// How far it has come.
    pub phase: Phase,
    /// The version of its CONNECT; 3.1.1 until that came.
    pub version: ProtocolVersion,
    /// Whether the client calls itself a bridge (bit 0x80 of the protocol level).
    pub is_bridge: bool,
    /// The Keep Alive in force.
    pub keep_alive: KeepAlive,
    /// Whether Reason Strings and User Properties may go with any packet (Request Problem Information).
    pub problem_information: bool,
    /// The client's Maximum Packet Size in bytes; `u32::MAX` if it named none.
    pub packet_size_bytes_max: u32,
    /// Unfinished messages from the client (our Receive Maximum).
    pub receive_quota: Quota,
    /// The client's Receive Maximum: unfinished messages to it, 1 or more [MQTT-4.9.0-1].
    pub inflight_messages_max: u16,
    /// The aliases that the client has set.
    pub incoming_aliases: IncomingAliases,
    /// The aliases that were set towards the client.
    pub outgoing_aliases: OutgoingAliases,
    /// The Authentication Method of its CONNECT.
    pub authentication_method: Option<Box<str>>,
}

impl Default for ServerConnection {
    fn default() -> Self {
        Self {
            phase: Phase::AwaitsConnect,
            version: ProtocolVersion::Mqtt311,
            is_bridge: false,
            keep_alive: KeepAlive::default(),
            problem_information: true,
            packet_size_bytes_max: u32::MAX,
            receive_quota: Quota::new(u16::MAX),
            inflight_messages_max: u16::MAX,
            incoming_aliases: IncomingAliases::default(),
            outgoing_aliases: OutgoingAliases::default(),
            authentication_method: None,
        }
    }
}

impl ServerConnection {
    /// Finds the first packet in `bytes`: its length, or `None` while bytes are missing.
    ///
    /// # Errors
    /// What is wrong with it, as soon as that can be seen: its type, its flags, its length.
    pub fn first_packet(
        &self,
        bytes: &[u8],
        packet_size_bytes_max: u32,
    ) -> Result<Option<usize>, PeerMisbehaved> {
        let version = (self.phase != Phase::AwaitsConnect).then_some(self.version);
        let Some(header) = fixed_header(version, bytes)? else { return Ok(None) };
        self.check_type(header.packet_type)?;
        check_size(header, packet_size_bytes_max)?;
        Ok((bytes.len() >= header.packet_len()).then(|| header.packet_len()))
    }

    /// Decodes one whole packet, as [`ServerConnection::first_packet`] measured it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode<'a>(&self, packet: &'a [u8]) -> Result<Packet<'a>, PeerMisbehaved> {
        Ok(decode(self.version, packet)?)
    }

    /// Takes over what a CONNECT says about the connection. `receive_maximum` is ours.
    pub fn connect(&mut self, connect: &Connect<'_>, receive_maximum: u16) {
        self.phase = Phase::Connecting;
        self.version = connect.version;
        self.is_bridge = connect.bridge;
        self.keep_alive = KeepAlive::new(connect.keep_alive);
        if connect.version.has_properties() {
            self.receive_quota = Quota::new(receive_maximum);
        }
        // One by one and not in a walk over all: a client may have sent thousands of User Properties.
        let properties = &connect.properties;
        if let Some(maximum) = properties.receive_maximum() {
            self.inflight_messages_max = maximum.get();
        }
        if let Some(bytes) = properties.maximum_packet_size() {
            self.packet_size_bytes_max = bytes.get();
        }
        if let Some(maximum) = properties.topic_alias_maximum() {
            self.outgoing_aliases = OutgoingAliases::new(maximum);
        }
        if let Some(wanted) = properties.request_problem_information() {
            self.problem_information = wanted;
        }
        self.authentication_method = properties.authentication_method().map(Into::into);
    }

    /// Lowers what the client allows to what this side wants to use at most.
    pub fn lower(&mut self, inflight_messages_max: u16, topic_alias_maximum: u16) {
        self.inflight_messages_max = self.inflight_messages_max.min(inflight_messages_max).max(1);
        self.outgoing_aliases =
            OutgoingAliases::new(self.outgoing_aliases.maximum().min(topic_alias_maximum));
    }

    /// Whether an AUTH with these properties belongs to the method of CONNECT [MQTT-4.12.0-5] [MQTT-4.12.1-1].
    pub fn is_own_method(&self, properties: &Properties<'_>) -> bool {
        self.authentication_method.is_some()
            && properties.authentication_method() == self.authentication_method.as_deref()
    }

    /// Whether a packet of `bytes` bytes may be sent to the client [MQTT-3.1.2-24].
    pub fn fits(&self, bytes: usize) -> bool {
        u32::try_from(bytes).is_ok_and(|bytes| bytes <= self.packet_size_bytes_max)
    }

    /// The Session Expiry Interval in seconds that a DISCONNECT leaves behind; `current` is that of CONNECT.
    ///
    /// # Errors
    /// [`PeerMisbehaved::SessionExpiryAfterZero`].
    pub fn expiry_after(&self, disconnect: &Disconnect<'_>, current: u32) -> Result<u32, PeerMisbehaved> {
        match disconnect.properties.session_expiry_interval() {
            Some(asked) if asked > 0 && current == 0 => Err(PeerMisbehaved::SessionExpiryAfterZero),
            Some(asked) => Ok(asked),
            None => Ok(current),
        }
    }

    fn check_type(&self, packet_type: PacketType) -> Result<(), PeerMisbehaved> {
        use PacketType as T;
        match self.phase {
            Phase::AwaitsConnect if packet_type == T::Connect => Ok(()),
            Phase::AwaitsConnect => Err(PeerMisbehaved::ConnectExpected(packet_type)),
            Phase::Connecting | Phase::Open => match packet_type {
                T::Connect => Err(PeerMisbehaved::SecondConnect),
                T::ConnAck | T::SubAck | T::UnsubAck | T::PingResp => {
                    Err(PeerMisbehaved::UnexpectedPacket(packet_type))
                }
                T::Auth if !self.version.has_properties() => {
                    Err(PeerMisbehaved::UnexpectedPacket(packet_type))
                }
                _ => Ok(()),
            },
        }
    }
}

fn check_size(header: FixedHeader, packet_size_bytes_max: u32) -> Result<(), PeerMisbehaved> {
    let size = header.packet_len();
    if u32::try_from(size).is_ok_and(|size| size <= packet_size_bytes_max) {
        Ok(())
    } else {
        Err(PeerMisbehaved::PacketTooLarge { size, limit: packet_size_bytes_max })
    }
}

/// The version that the bytes of a CONNECT announce, even if the rest of it is broken.
///
/// Tells how to answer a CONNECT that could not be decoded.
pub fn announced_version(packet: &[u8]) -> Option<ProtocolVersion> {
    let header_len = 1 + packet.iter().skip(1).take(4).position(|byte| byte & 0x80 == 0)? + 1;
    let body = packet.get(header_len..)?;
    if let Some(rest) = body.strip_prefix(b"\x00\x04MQTT") {
        return match rest.first()? & 0x7F {
            4 => Some(ProtocolVersion::Mqtt311),
            5 => Some(ProtocolVersion::Mqtt5),
            _ => None,
        };
    }
    body.starts_with(b"\x00\x06MQIsdp").then_some(ProtocolVersion::Mqtt31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announced_version_is_read_from_broken_packets() {
        let cases: [(&[u8], Option<ProtocolVersion>); 5] = [
            (b"\x10\x07\x00\x04MQTT\x05", Some(ProtocolVersion::Mqtt5)),
            (b"\x10\xFF\x01\x00\x04MQTT\x84", Some(ProtocolVersion::Mqtt311)),
            (b"\x10\x09\x00\x06MQIsdp\x03", Some(ProtocolVersion::Mqtt31)),
            (b"\x10\x07\x00\x04MQTT\x09", None),
            (b"\x10", None),
        ];
        for (bytes, version) in cases {
            assert_eq!(announced_version(bytes), version, "{bytes:x?}");
        }
    }

    #[test]
    fn only_connect_may_come_first() {
        let connection = ServerConnection::default();
        assert_eq!(
            connection.first_packet(&[0xC0, 0], 100),
            Err(PeerMisbehaved::ConnectExpected(PacketType::PingReq))
        );
        assert_eq!(connection.first_packet(&[0x10], 100), Ok(None));
        assert_eq!(
            connection.first_packet(&[0x10, 0xFF, 0x7F], 100),
            Err(PeerMisbehaved::PacketTooLarge { size: 16_386, limit: 100 })
        );
    }
}
