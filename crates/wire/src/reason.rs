//! Reason codes, the packets they belong to, and where they meet the return codes of MQTT 3.1 and 3.1.1.
//!
//! When to send which code is not known here.

use core::fmt;

use crate::error::DecodeError;
use crate::packet::{PacketType, QoS};

mod codes;
pub use codes::ReasonCodes;

/// The outcome of an operation. Codes below 0x80 mean success, the others failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ReasonCode {
    /// The operation succeeded. Also "Normal disconnection" and "Granted QoS 0".
    Success = 0x00,
    /// The subscription is accepted; QoS 1 at most is sent.
    GrantedQos1 = 0x01,
    /// The subscription is accepted; QoS 2 at most is sent.
    GrantedQos2 = 0x02,
    /// The client disconnects and wants its Will published.
    DisconnectWithWillMessage = 0x04,
    /// The message is accepted, but nobody is subscribed.
    NoMatchingSubscribers = 0x10,
    /// There was no subscription of this Topic Filter.
    NoSubscriptionExisted = 0x11,
    /// The authentication goes on with another step.
    ContinueAuthentication = 0x18,
    /// The client starts a re-authentication.
    ReAuthenticate = 0x19,
    /// A failure whose reason is not told.
    UnspecifiedError = 0x80,
    /// The bytes do not follow the format.
    MalformedPacket = 0x81,
    /// The packet comes out of turn or contradicts itself.
    ProtocolError = 0x82,
    /// The packet is valid, but this implementation does not take it.
    ImplementationSpecificError = 0x83,
    /// The server does not speak the requested protocol version.
    UnsupportedProtocolVersion = 0x84,
    /// The Client Identifier is not allowed.
    ClientIdentifierNotValid = 0x85,
    /// User name or password are not accepted.
    BadUserNameOrPassword = 0x86,
    /// The client may not do this.
    NotAuthorized = 0x87,
    /// The server is not available.
    ServerUnavailable = 0x88,
    /// The server is busy; try again later.
    ServerBusy = 0x89,
    /// An administrator has banned the client.
    Banned = 0x8A,
    /// The server is shutting down.
    ServerShuttingDown = 0x8B,
    /// The authentication method is not supported, or not the one in use.
    BadAuthenticationMethod = 0x8C,
    /// Nothing came for one and a half times the Keep Alive.
    KeepAliveTimeout = 0x8D,
    /// Another connection uses the same Client Identifier.
    SessionTakenOver = 0x8E,
    /// The Topic Filter is well-formed, but not accepted.
    TopicFilterInvalid = 0x8F,
    /// The Topic Name is well-formed, but not accepted.
    TopicNameInvalid = 0x90,
    /// The Packet Identifier is in use.
    PacketIdentifierInUse = 0x91,
    /// The Packet Identifier is not known.
    PacketIdentifierNotFound = 0x92,
    /// More QoS 1 and 2 messages are unfinished than the Receive Maximum allows.
    ReceiveMaximumExceeded = 0x93,
    /// The Topic Alias is 0 or above the maximum.
    TopicAliasInvalid = 0x94,
    /// The packet exceeds the Maximum Packet Size.
    PacketTooLarge = 0x95,
    /// Messages come too fast.
    MessageRateTooHigh = 0x96,
    /// A limit of the implementation or the administrator is reached.
    QuotaExceeded = 0x97,
    /// An administrator closes the connection.
    AdministrativeAction = 0x98,
    /// The payload is not what the Payload Format Indicator says.
    PayloadFormatInvalid = 0x99,
    /// The server has no retained messages.
    RetainNotSupported = 0x9A,
    /// The QoS is above the Maximum QoS of the server.
    QosNotSupported = 0x9B,
    /// Use another server for the time being.
    UseAnotherServer = 0x9C,
    /// Use another server from here on.
    ServerMoved = 0x9D,
    /// The server has no Shared Subscriptions.
    SharedSubscriptionsNotSupported = 0x9E,
    /// Connections come too fast.
    ConnectionRateExceeded = 0x9F,
    /// The connection has lasted as long as it may.
    MaximumConnectTime = 0xA0,
    /// The server has no Subscription Identifiers.
    SubscriptionIdentifiersNotSupported = 0xA1,
    /// The server has no wildcard subscriptions.
    WildcardSubscriptionsNotSupported = 0xA2,
}

/// All codes in ascending order.
const ALL: [ReasonCode; 43] = {
    use ReasonCode as R;
    [
        R::Success,
        R::GrantedQos1,
        R::GrantedQos2,
        R::DisconnectWithWillMessage,
        R::NoMatchingSubscribers,
        R::NoSubscriptionExisted,
        R::ContinueAuthentication,
        R::ReAuthenticate,
        R::UnspecifiedError,
        R::MalformedPacket,
        R::ProtocolError,
        R::ImplementationSpecificError,
        R::UnsupportedProtocolVersion,
        R::ClientIdentifierNotValid,
        R::BadUserNameOrPassword,
        R::NotAuthorized,
        R::ServerUnavailable,
        R::ServerBusy,
        R::Banned,
        R::ServerShuttingDown,
        R::BadAuthenticationMethod,
        R::KeepAliveTimeout,
        R::SessionTakenOver,
        R::TopicFilterInvalid,
        R::TopicNameInvalid,
        R::PacketIdentifierInUse,
        R::PacketIdentifierNotFound,
        R::ReceiveMaximumExceeded,
        R::TopicAliasInvalid,
        R::PacketTooLarge,
        R::MessageRateTooHigh,
        R::QuotaExceeded,
        R::AdministrativeAction,
        R::PayloadFormatInvalid,
        R::RetainNotSupported,
        R::QosNotSupported,
        R::UseAnotherServer,
        R::ServerMoved,
        R::SharedSubscriptionsNotSupported,
        R::ConnectionRateExceeded,
        R::MaximumConnectTime,
        R::SubscriptionIdentifiersNotSupported,
        R::WildcardSubscriptionsNotSupported,
    ]
};

/// The byte of a code leads to the code.
const BY_BYTE: [Option<ReasonCode>; 256] = {
    let mut table = [None; 256];
    let mut index = 0;
    while index < ALL.len() {
        table[ALL[index] as usize] = Some(ALL[index]);
        index += 1;
    }
    table
};

const CONNACK: u16 = 1 << PacketType::ConnAck as u16;
const PUBACK: u16 = 1 << PacketType::PubAck as u16;
const PUBREC: u16 = 1 << PacketType::PubRec as u16;
const PUBREL: u16 = 1 << PacketType::PubRel as u16;
const PUBCOMP: u16 = 1 << PacketType::PubComp as u16;
const SUBACK: u16 = 1 << PacketType::SubAck as u16;
const UNSUBACK: u16 = 1 << PacketType::UnsubAck as u16;
const DISCONNECT: u16 = 1 << PacketType::Disconnect as u16;
const AUTH: u16 = 1 << PacketType::Auth as u16;

impl ReasonCode {
    /// The name that [`ReasonCode::Success`] has in DISCONNECT.
    pub const NORMAL_DISCONNECTION: Self = Self::Success;
    /// The name that [`ReasonCode::Success`] has in SUBACK.
    pub const GRANTED_QOS_0: Self = Self::Success;

    /// The code of a byte of MQTT 5.0, or `None` for a byte that is no reason code.
    pub const fn from_u8(byte: u8) -> Option<Self> {
        BY_BYTE[byte as usize]
    }

    /// The SUBACK code that grants `qos`.
    pub const fn granted(qos: QoS) -> Self {
        match qos {
            QoS::AtMostOnce => Self::GRANTED_QOS_0,
            QoS::AtLeastOnce => Self::GrantedQos1,
            QoS::ExactlyOnce => Self::GrantedQos2,
        }
    }

    /// The code of a CONNACK return code of MQTT 3.1 and 3.1.1: 0 to 5, else `None`.
    pub const fn from_connect_return_code(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Success,
            1 => Self::UnsupportedProtocolVersion,
            2 => Self::ClientIdentifierNotValid,
            3 => Self::ServerUnavailable,
            4 => Self::BadUserNameOrPassword,
            5 => Self::NotAuthorized,
            _ => return None,
        })
    }

    /// The CONNACK return code of MQTT 3.1 and 3.1.1 that says the same: 0 for success, 1 to 5 for refusals.
    ///
    /// `None` where no return code fits; the server then closes without a CONNACK [MQTT311-3.2.2-6].
    pub const fn connect_return_code(self) -> Option<u8> {
        Some(match self {
            Self::Success => 0,
            Self::UnsupportedProtocolVersion => 1,
            Self::ClientIdentifierNotValid => 2,
            Self::ServerUnavailable
            | Self::ServerBusy
            | Self::ServerShuttingDown
            | Self::QuotaExceeded
            | Self::UseAnotherServer
            | Self::ServerMoved
            | Self::ConnectionRateExceeded => 3,
            Self::BadUserNameOrPassword => 4,
            Self::NotAuthorized | Self::Banned => 5,
            _ => return None,
        })
    }

    /// Tells whether the code means failure: 0x80 and above.
    pub const fn is_error(self) -> bool {
        self as u8 >= 0x80
    }

    /// Tells whether the code belongs in packets of this type, by the table of section 2.4 of MQTT 5.0.
    ///
    /// [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2] [MQTT-3.11.3-2]
    /// [MQTT-3.14.2-1] [MQTT-3.15.2-1]
    pub const fn allowed_in(self, packet_type: PacketType) -> bool {
        self.packet_types() & (1 << packet_type as u16) != 0
    }

    /// The packet types that may carry the code, a bit each.
    const fn packet_types(self) -> u16 {
        match self {
            Self::Success => {
                CONNACK | PUBACK | PUBREC | PUBREL | PUBCOMP | SUBACK | UNSUBACK | DISCONNECT | AUTH
            }
            Self::GrantedQos1 | Self::GrantedQos2 => SUBACK,
            Self::NoMatchingSubscribers => PUBACK | PUBREC,
            Self::NoSubscriptionExisted => UNSUBACK,
            Self::ContinueAuthentication | Self::ReAuthenticate => AUTH,
            Self::UnspecifiedError | Self::ImplementationSpecificError | Self::NotAuthorized => {
                CONNACK | PUBACK | PUBREC | SUBACK | UNSUBACK | DISCONNECT
            }
            Self::UnsupportedProtocolVersion
            | Self::ClientIdentifierNotValid
            | Self::BadUserNameOrPassword
            | Self::ServerUnavailable
            | Self::Banned => CONNACK,
            Self::MalformedPacket
            | Self::ProtocolError
            | Self::ServerBusy
            | Self::BadAuthenticationMethod
            | Self::PacketTooLarge
            | Self::RetainNotSupported
            | Self::QosNotSupported
            | Self::UseAnotherServer
            | Self::ServerMoved
            | Self::ConnectionRateExceeded => CONNACK | DISCONNECT,
            Self::DisconnectWithWillMessage
            | Self::ServerShuttingDown
            | Self::KeepAliveTimeout
            | Self::SessionTakenOver
            | Self::ReceiveMaximumExceeded
            | Self::TopicAliasInvalid
            | Self::MessageRateTooHigh
            | Self::AdministrativeAction
            | Self::MaximumConnectTime => DISCONNECT,
            Self::TopicFilterInvalid => SUBACK | UNSUBACK | DISCONNECT,
            Self::TopicNameInvalid | Self::PayloadFormatInvalid => CONNACK | PUBACK | PUBREC | DISCONNECT,
            Self::PacketIdentifierInUse => PUBACK | PUBREC | SUBACK | UNSUBACK,
            Self::PacketIdentifierNotFound => PUBREL | PUBCOMP,
            Self::QuotaExceeded => CONNACK | PUBACK | PUBREC | SUBACK | DISCONNECT,
            Self::SharedSubscriptionsNotSupported
            | Self::SubscriptionIdentifiersNotSupported
            | Self::WildcardSubscriptionsNotSupported => SUBACK | DISCONNECT,
        }
    }

    /// The name that the standard gives the code.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::GrantedQos1 => "Granted QoS 1",
            Self::GrantedQos2 => "Granted QoS 2",
            Self::DisconnectWithWillMessage => "Disconnect with Will Message",
            Self::NoMatchingSubscribers => "No matching subscribers",
            Self::NoSubscriptionExisted => "No subscription existed",
            Self::ContinueAuthentication => "Continue authentication",
            Self::ReAuthenticate => "Re-authenticate",
            Self::UnspecifiedError => "Unspecified error",
            Self::MalformedPacket => "Malformed Packet",
            Self::ProtocolError => "Protocol Error",
            Self::ImplementationSpecificError => "Implementation specific error",
            Self::UnsupportedProtocolVersion => "Unsupported Protocol Version",
            Self::ClientIdentifierNotValid => "Client Identifier not valid",
            Self::BadUserNameOrPassword => "Bad User Name or Password",
            Self::NotAuthorized => "Not authorized",
            Self::ServerUnavailable => "Server unavailable",
            Self::ServerBusy => "Server busy",
            Self::Banned => "Banned",
            Self::ServerShuttingDown => "Server shutting down",
            Self::BadAuthenticationMethod => "Bad authentication method",
            Self::KeepAliveTimeout => "Keep Alive timeout",
            Self::SessionTakenOver => "Session taken over",
            Self::TopicFilterInvalid => "Topic Filter invalid",
            Self::TopicNameInvalid => "Topic Name invalid",
            Self::PacketIdentifierInUse => "Packet Identifier in use",
            Self::PacketIdentifierNotFound => "Packet Identifier not found",
            Self::ReceiveMaximumExceeded => "Receive Maximum exceeded",
            Self::TopicAliasInvalid => "Topic Alias invalid",
            Self::PacketTooLarge => "Packet too large",
            Self::MessageRateTooHigh => "Message rate too high",
            Self::QuotaExceeded => "Quota exceeded",
            Self::AdministrativeAction => "Administrative action",
            Self::PayloadFormatInvalid => "Payload format invalid",
            Self::RetainNotSupported => "Retain not supported",
            Self::QosNotSupported => "QoS not supported",
            Self::UseAnotherServer => "Use another server",
            Self::ServerMoved => "Server moved",
            Self::SharedSubscriptionsNotSupported => "Shared Subscriptions not supported",
            Self::ConnectionRateExceeded => "Connection rate exceeded",
            Self::MaximumConnectTime => "Maximum connect time",
            Self::SubscriptionIdentifiersNotSupported => "Subscription Identifiers not supported",
            Self::WildcardSubscriptionsNotSupported => "Wildcard Subscriptions not supported",
        }
    }

    /// Reads a byte of a packet: a code that exists and belongs there.
    pub(crate) fn read(packet_type: PacketType, byte: u8) -> Result<Self, DecodeError> {
        let code = Self::from_u8(byte).ok_or(DecodeError::ReasonCodeUnknown { code: byte })?;
        if code.allowed_in(packet_type) {
            Ok(code)
        } else {
            Err(DecodeError::ReasonCodeNotAllowed { packet_type, code })
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back_from_its_byte() {
        for code in ALL {
            assert_eq!(ReasonCode::from_u8(code as u8), Some(code));
        }
        assert_eq!((0..=u8::MAX).filter(|&byte| ReasonCode::from_u8(byte).is_some()).count(), ALL.len());
    }

    #[test]
    fn return_codes_come_back() {
        for byte in 0..=5 {
            let code = ReasonCode::from_connect_return_code(byte).unwrap();
            assert_eq!(code.connect_return_code(), Some(byte));
        }
        assert_eq!(ReasonCode::from_connect_return_code(6), None);
    }

    #[test]
    fn a_granted_qos_is_a_code_of_suback() {
        for (qos, code) in [(QoS::AtMostOnce, 0), (QoS::AtLeastOnce, 1), (QoS::ExactlyOnce, 2)] {
            assert_eq!(ReasonCode::granted(qos) as u8, code);
            assert!(ReasonCode::granted(qos).allowed_in(PacketType::SubAck));
        }
    }
}
