//! The last packet of a connection, and why: reason codes, Reason Strings, Server Reference.

mod mosquitto;

use martlet_proto::PeerMisbehaved;
use martlet_proto::connection::{Phase, announced_version};
use martlet_wire::{
    ConnAck, DecodeError, Disconnect, EncodeError, Properties, Property, ProtocolVersion, ReasonCode,
};

use crate::connections::Connection;
use crate::{ConnectionId, Engine};

impl Engine {
    /// The last packet for a client that broke the standard, if its version has one. `packet` begins with the packet at
    /// fault, which tells the version of a CONNECT that could not be decoded.
    pub(crate) fn refusal(
        &self,
        id: ConnectionId,
        misbehaved: PeerMisbehaved,
        packet: &[u8],
    ) -> Option<Vec<u8>> {
        const V5: ProtocolVersion = ProtocolVersion::Mqtt5;
        let connection = self.connections.get(id)?;
        let theirs = self.config.features.mosquitto_behaviour;
        let reason = if theirs { mosquitto::answer(misbehaved, packet)? } else { misbehaved.reason() };
        let text = misbehaved.to_string();
        match connection.protocol.phase {
            Phase::Open => self.disconnect_packet(id, reason, Some(&text)),
            Phase::Connecting if connection.protocol.version.has_properties() => {
                self.connack_refusal(connection, V5, reason, Some(&text))
            }
            Phase::Connecting => None,
            Phase::AwaitsConnect => match misbehaved {
                PeerMisbehaved::Malformed(DecodeError::UnsupportedProtocolVersion { level }) => {
                    let is_v5 = if theirs { mosquitto::answers_in_v5(level) } else { level > 5 };
                    let version = if is_v5 { V5 } else { ProtocolVersion::Mqtt311 };
                    // Nobody knows whether a later version would understand a Reason String.
                    self.connack_refusal(connection, version, reason, None)
                }
                // [MQTT311-3.1.4-1] wants no CONNACK; 5.0 allows one.
                _ if announced_version(packet) == Some(V5) => {
                    self.connack_refusal(connection, V5, reason, Some(&text))
                }
                _ => None,
            },
        }
    }

    /// A CONNACK that turns a client away, if its version has a code for the reason.
    pub(crate) fn connack_refusal(
        &self,
        connection: &Connection,
        version: ProtocolVersion,
        reason: ReasonCode,
        text: Option<&str>,
    ) -> Option<Vec<u8>> {
        if !version.has_properties() {
            reason.connect_return_code()?; // [MQTT311-3.2.2-6]
        }
        self.last_packet(connection, reason, text, |properties, bytes| {
            ConnAck { session_present: false, reason, properties }.encode(version, bytes)
        })
    }

    /// A DISCONNECT for a client of 5.0 that has its CONNACK [MQTT-3.14.0-1].
    pub(crate) fn disconnect_packet(
        &self,
        id: ConnectionId,
        reason: ReasonCode,
        text: Option<&str>,
    ) -> Option<Vec<u8>> {
        let connection = self.connections.get(id)?;
        let version = connection.protocol.version;
        if !version.has_properties() || connection.protocol.phase != Phase::Open {
            return None;
        }
        self.last_packet(connection, reason, text, |properties, bytes| {
            Disconnect { reason, properties }.encode(version, bytes)
        })
    }

    /// Whether a Reason String may go with a packet other than CONNACK and DISCONNECT to this client [MQTT-3.1.2-29].
    pub(crate) fn may_explain(&self, connection: &Connection) -> bool {
        self.config.features.reason_strings
            && connection.protocol.version.has_properties()
            && connection.protocol.problem_information
    }

    /// Encodes a packet with Server Reference and Reason String; without the string, then without both, where it would be
    /// larger than the client takes [MQTT-3.2.2-19] [MQTT-3.14.2-3].
    fn last_packet(
        &self,
        connection: &Connection,
        reason: ReasonCode,
        text: Option<&str>,
        encode: impl Fn(Properties<'_>, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Option<Vec<u8>> {
        let features = &self.config.features;
        let has_reference = matches!(reason, ReasonCode::UseAnotherServer | ReasonCode::ServerMoved); // [s3.2.2.3.16]
        let reference = features.server_reference.as_deref().filter(|_| has_reference);
        let mut properties: Vec<Property<'_>> =
            reference.map(Property::ServerReference).into_iter().collect();
        properties.extend(text.filter(|_| features.reason_strings).map(Property::ReasonString));
        loop {
            let mut bytes = Vec::new();
            encode(Properties::list(&properties), &mut bytes).ok()?;
            if connection.protocol.fits(bytes.len()) {
                return Some(bytes);
            }
            properties.pop()?;
        }
    }
}

/// What a refusal means for the one who is refused, where its code alone does not say it.
pub(crate) const fn explain(reason: ReasonCode) -> Option<&'static str> {
    Some(match reason {
        ReasonCode::ClientIdentifierNotValid => "this Client Identifier, or none at all, is not allowed here",
        ReasonCode::QuotaExceeded => "a limit of the broker leaves no room for this",
        ReasonCode::TopicNameInvalid => "the Topic Name has too many levels",
        ReasonCode::TopicFilterInvalid => "the Topic Filter has too many levels",
        ReasonCode::NotAuthorized => "this client may not do that",
        ReasonCode::QosNotSupported => "the QoS is above the Maximum QoS of the broker",
        ReasonCode::RetainNotSupported => "the broker keeps no retained messages",
        ReasonCode::BadAuthenticationMethod => "the broker does not know this Authentication Method",
        _ => return None,
    })
}
