//! What Mosquitto says to a client that broke the standard, as it was seen to: often another code, often no word.

use martlet_proto::PeerMisbehaved::{
    self, ForbiddenCharacter, Malformed, SecondConnect, TopicAliasInvalid, TopicMissing, UnexpectedPacket,
};
use martlet_wire::PacketType::{
    self, Auth, ConnAck, Connect, Disconnect, PingReq, PingResp, PubAck, PubComp, PubRec, PubRel, Publish,
    Subscribe, Unsubscribe,
};
use martlet_wire::{
    ConnectPart, DecodeError, Packet, ProtocolVersion, ReasonCode, TopicError, decode, fixed_header,
};

use crate::characters::is_forbidden_in;

/// The code of the last packet to a client of MQTT 5.0; `None` where the connection just ends. `packet` begins with the
/// packet at fault, and is empty where it is none.
pub(super) fn answer(misbehaved: PeerMisbehaved, packet: &[u8]) -> Option<ReasonCode> {
    let packet_type = packet.first().and_then(|first| PacketType::from_u8(first >> 4));
    match (packet_type, misbehaved) {
        (_, Malformed(DecodeError::PacketTypeZero)) => Some(ReasonCode::ProtocolError),
        (None, _) => Some(misbehaved.reason()),
        (Some(Connect), Malformed(error)) => answer_to_connect(error, ConnectPart::at_fault(packet)),
        (Some(Connect), ForbiddenCharacter) => {
            has_forbidden_client_identifier(packet).then_some(ReasonCode::ClientIdentifierNotValid)
        }
        (Some(packet_type), _) => {
            (!is_left_unsaid(packet_type, misbehaved, packet)).then(|| code(packet_type, misbehaved))
        }
    }
}

/// Whether a CONNECT of a level that nobody knows is answered in the way of MQTT 5.0, and not in that of 3.1.1.
pub(super) fn answers_in_v5(level: u8) -> bool {
    !(3..=5).contains(&level)
}

/// The answer to a CONNECT that could not be decoded.
fn answer_to_connect(error: DecodeError, part: ConnectPart) -> Option<ReasonCode> {
    use ConnectPart::{ClientIdentifier, Header, Password, UserName};
    use DecodeError as E;
    match (error, part) {
        (E::UnsupportedProtocolVersion { .. }, _) => Some(error.reason()),
        (E::Utf8 | E::NullCharacter, ClientIdentifier) => Some(ReasonCode::ClientIdentifierNotValid),
        (E::Utf8 | E::NullCharacter, _) | (_, Header | ClientIdentifier | UserName | Password) => None,
        (E::TopicName(TopicError::Empty) | E::ResponseTopic(_) | E::PropertyNotAllowed { .. }, _) => {
            Some(ReasonCode::ProtocolError)
        }
        (E::TopicName(_), _) => None,
        _ => Some(error.reason()),
    }
}

/// Whether the connection ends without a word for it.
fn is_left_unsaid(packet_type: PacketType, misbehaved: PeerMisbehaved, packet: &[u8]) -> bool {
    use DecodeError as E;
    match (packet_type, misbehaved) {
        (_, Malformed(E::VariableByteIntegerTooLong)) => {
            fixed_header(Some(ProtocolVersion::Mqtt5), packet).is_err() // not in a property section
        }
        (PingReq | PingResp, Malformed(E::TrailingBytes) | UnexpectedPacket(_)) => packet.get(1) != Some(&0),
        // Only the properties of these have strings.
        (
            PubAck | PubRec | PubRel | PubComp | Disconnect,
            ForbiddenCharacter | Malformed(E::Utf8 | E::NullCharacter),
        )
        | (Disconnect, Malformed(E::ReasonCodeUnknown { .. } | E::ReasonCodeNotAllowed { .. }))
        | (Connect, SecondConnect) => true,
        _ => false,
    }
}

fn code(packet_type: PacketType, misbehaved: PeerMisbehaved) -> ReasonCode {
    use DecodeError as E;
    let is_request = matches!(packet_type, Subscribe | Unsubscribe);
    match (packet_type, misbehaved) {
        (_, Malformed(E::PropertyNotAllowed { .. } | E::PacketIdZero)) if is_request => misbehaved.reason(),
        (_, Malformed(E::NoTopicFilter | E::RequestedQosThree | E::RetainHandlingThree))
        | (Publish, Malformed(E::EmptyTopicWithoutAlias) | TopicMissing) => ReasonCode::MalformedPacket,
        (Auth, Malformed(_))
        | (Disconnect, Malformed(E::TrailingBytes))
        | (Disconnect | ConnAck | PubRel, Malformed(E::FixedHeaderFlags { .. }))
        | (Subscribe, Malformed(E::TopicFilter(TopicError::ShareName)))
        | (
            _,
            Malformed(
                E::PropertyNotAllowed { .. }
                | E::PacketIdZero
                | E::ReasonCodeUnknown { .. }
                | E::ReasonCodeNotAllowed { .. }
                | E::ResponseTopic(_),
            )
            | TopicAliasInvalid { alias: 0, .. },
        ) => ReasonCode::ProtocolError,
        _ => misbehaved.reason(),
    }
}

fn has_forbidden_client_identifier(packet: &[u8]) -> bool {
    let decoded = decode(ProtocolVersion::Mqtt5, packet);
    matches!(decoded, Ok(Packet::Connect(connect)) if is_forbidden_in(connect.client_identifier))
}
