//! What can be wrong with received bytes, and what cannot be sent.
//!
//! Each cause has its variant, and [`DecodeError::reason`] is the one place that turns causes into reason codes. The
//! answer to an error, and whether there is one, is not known here.

use core::fmt;

use crate::packet::PacketType;
use crate::property::PropertyOwner;
use crate::reason::ReasonCode;
use crate::topic::TopicError;

/// Bytes that are no packet of the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeError {
    /// Fewer bytes were given than the fixed header announces.
    Incomplete,
    /// A field reaches beyond the end of its packet or property section.
    Truncated,
    /// The packet goes on after its last field.
    TrailingBytes,
    /// Packet type 0 is forbidden.
    PacketTypeZero,
    /// The version has no such packet type: AUTH in MQTT 3.1 and 3.1.1.
    PacketTypeNotInThisVersion(PacketType),
    /// The reserved flags of the fixed header have a wrong value [MQTT-2.1.3-1].
    FixedHeaderFlags {
        /// The packet type in front of the flags.
        packet_type: PacketType,
        /// The four flags as received.
        flags: u8,
    },
    /// A PUBLISH of QoS 3 [MQTT-3.3.1-4].
    QosThree,
    /// A PUBLISH of QoS 0 with DUP [MQTT-3.3.1-2].
    DupWithQosZero,
    /// A variable byte integer goes on after its fourth byte.
    VariableByteIntegerTooLong,
    /// A variable byte integer takes more bytes than its value needs [MQTT-1.5.5-1].
    VariableByteIntegerNotMinimal,
    /// A string is not well-formed UTF-8 [MQTT-1.5.4-1].
    Utf8,
    /// A string holds U+0000 [MQTT-1.5.4-2].
    NullCharacter,
    /// A Packet Identifier of zero [MQTT-2.2.1-3].
    PacketIdZero,
    /// A Topic Name breaks its rules. The one of PUBLISH may be empty and has [`Self::EmptyTopicWithoutAlias`].
    TopicName(TopicError),
    /// A Response Topic is no Topic Name [MQTT-3.3.2-14].
    ResponseTopic(TopicError),
    /// A Topic Filter breaks its rules.
    TopicFilter(TopicError),
    /// A PUBLISH has neither a Topic Name nor a Topic Alias.
    EmptyTopicWithoutAlias,
    /// The protocol name of CONNECT is none of ours [MQTT-3.1.2-1].
    ProtocolName,
    /// The protocol name is known, but not together with this level [MQTT-3.1.2-2] [MQTT311-3.1.2-2].
    UnsupportedProtocolVersion {
        /// The level as received.
        level: u8,
    },
    /// The reserved bit of the CONNECT flags is set [MQTT-3.1.2-3].
    ConnectFlagsReserved,
    /// The Will QoS is 3 [MQTT-3.1.2-12].
    WillQosThree,
    /// Will QoS or Will Retain without Will Flag [MQTT-3.1.2-11] [MQTT-3.1.2-13].
    WillFlagsWithoutWill,
    /// A password without a user name, which only MQTT 5.0 allows [MQTT311-3.1.2-22].
    PasswordWithoutUserName,
    /// A reserved bit of the connect acknowledge flags is set [MQTT-3.2.2-1].
    ConnectAcknowledgeFlags,
    /// A CONNACK refuses and has Session Present set [MQTT-3.2.2-6].
    SessionPresentOnRefusal,
    /// The byte is no reason code (or return code of the version) at all.
    ReasonCodeUnknown {
        /// The byte as received.
        code: u8,
    },
    /// The reason code does not belong to this packet type.
    ReasonCodeNotAllowed {
        /// The packet that carries it.
        packet_type: PacketType,
        /// The reason code.
        code: ReasonCode,
    },
    /// There is no property of this identifier.
    PropertyUnknown {
        /// The identifier as received, a variable byte integer.
        identifier: u32,
    },
    /// The property does not belong to this packet type, or not to a Will.
    PropertyNotAllowed {
        /// The identifier of the property.
        identifier: u8,
        /// Who carries it.
        owner: PropertyOwner,
    },
    /// A property that may stand only once is repeated.
    PropertyRepeated {
        /// The identifier of the property.
        identifier: u8,
    },
    /// The value of a property is outside its range: a yes-or-no byte above 1, or a forbidden 0.
    PropertyValue {
        /// The identifier of the property.
        identifier: u8,
    },
    /// Authentication Data without an Authentication Method.
    AuthenticationDataWithoutMethod,
    /// A SUBSCRIBE or UNSUBSCRIBE without a Topic Filter [MQTT-3.8.3-2] [MQTT-3.10.3-2].
    NoTopicFilter,
    /// A SUBACK or UNSUBACK without a reason code [MQTT-3.8.4-6].
    NoReasonCode,
    /// A SUBSCRIBE asks for QoS 3.
    RequestedQosThree,
    /// A SUBSCRIBE has a Retain Handling of 3.
    RetainHandlingThree,
    /// Reserved bits of the subscription options are set [MQTT-3.8.3-5] [MQTT311-3.8.3-4].
    SubscriptionOptionsReserved,
    /// No Local on a Shared Subscription [MQTT-3.8.3-4].
    NoLocalOnSharedSubscription,
}

impl DecodeError {
    /// The reason code that tells the peer [MQTT-4.13.1-1].
    ///
    /// One of Malformed Packet (0x81), Protocol Error (0x82) and Unsupported Protocol Version (0x84). MQTT 3.1 and
    /// 3.1.1 can tell it in no packet but CONNACK.
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::ProtocolName | Self::UnsupportedProtocolVersion { .. } => {
                ReasonCode::UnsupportedProtocolVersion
            }
            Self::EmptyTopicWithoutAlias
            | Self::SessionPresentOnRefusal
            | Self::ReasonCodeNotAllowed { .. }
            | Self::PropertyRepeated { .. }
            | Self::PropertyValue { .. }
            | Self::AuthenticationDataWithoutMethod
            | Self::NoTopicFilter
            | Self::NoReasonCode
            | Self::RequestedQosThree
            | Self::RetainHandlingThree
            | Self::NoLocalOnSharedSubscription => ReasonCode::ProtocolError,
            _ => ReasonCode::MalformedPacket,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PacketTypeNotInThisVersion(packet_type) => {
                write!(f, "{packet_type} does not exist in this protocol version")
            }
            Self::FixedHeaderFlags { packet_type, flags } => {
                write!(f, "wrong fixed header flags {flags:#06b} of {packet_type}")
            }
            Self::TopicName(error) => write!(f, "bad Topic Name: {error}"),
            Self::ResponseTopic(error) => write!(f, "bad Response Topic: {error}"),
            Self::TopicFilter(error) => write!(f, "bad Topic Filter: {error}"),
            Self::UnsupportedProtocolVersion { level } => {
                write!(f, "unsupported protocol level {level:#04x}")
            }
            Self::ReasonCodeUnknown { code } => write!(f, "{code:#04x} is no reason code"),
            Self::ReasonCodeNotAllowed { packet_type, code } => {
                write!(f, "reason code \"{code}\" does not belong in {packet_type}")
            }
            Self::PropertyUnknown { identifier } => write!(f, "unknown property {identifier:#04x}"),
            Self::PropertyNotAllowed { identifier, owner } => {
                write!(f, "property {identifier:#04x} does not belong in {owner}")
            }
            Self::PropertyRepeated { identifier } => write!(f, "property {identifier:#04x} is repeated"),
            Self::PropertyValue { identifier } => {
                write!(f, "value of property {identifier:#04x} out of range")
            }
            fixed => f.write_str(fixed.sentence()),
        }
    }
}

impl DecodeError {
    /// The words of the causes that have no fields.
    const fn sentence(self) -> &'static str {
        match self {
            Self::Incomplete => "the packet is incomplete",
            Self::Truncated => "a field reaches beyond the end of the packet",
            Self::TrailingBytes => "the packet goes on after its last field",
            Self::PacketTypeZero => "packet type 0 is forbidden",
            Self::QosThree => "QoS 3 does not exist",
            Self::DupWithQosZero => "DUP is set on a PUBLISH of QoS 0",
            Self::VariableByteIntegerTooLong => "a variable byte integer has more than four bytes",
            Self::VariableByteIntegerNotMinimal => "a variable byte integer has more bytes than it needs",
            Self::Utf8 => "a string is not well-formed UTF-8",
            Self::NullCharacter => "a string holds the character U+0000",
            Self::PacketIdZero => "the Packet Identifier is zero",
            Self::EmptyTopicWithoutAlias => "a PUBLISH has neither Topic Name nor Topic Alias",
            Self::ProtocolName => "unknown protocol name",
            Self::ConnectFlagsReserved => "the reserved bit of the CONNECT flags is set",
            Self::WillQosThree => "the Will QoS is 3",
            Self::WillFlagsWithoutWill => "Will QoS or Will Retain is set without Will Flag",
            Self::PasswordWithoutUserName => "a password without a user name",
            Self::ConnectAcknowledgeFlags => "reserved bits of the connect acknowledge flags are set",
            Self::SessionPresentOnRefusal => "a refusing CONNACK has Session Present set",
            Self::AuthenticationDataWithoutMethod => "Authentication Data without Authentication Method",
            Self::NoTopicFilter => "there is no Topic Filter",
            Self::NoReasonCode => "there is no reason code",
            Self::RequestedQosThree => "the requested QoS is 3",
            Self::RetainHandlingThree => "the Retain Handling is 3",
            Self::SubscriptionOptionsReserved => "reserved bits of the subscription options are set",
            Self::NoLocalOnSharedSubscription => "No Local on a Shared Subscription",
            Self::PacketTypeNotInThisVersion(_)
            | Self::FixedHeaderFlags { .. }
            | Self::TopicName(_)
            | Self::ResponseTopic(_)
            | Self::TopicFilter(_)
            | Self::UnsupportedProtocolVersion { .. }
            | Self::ReasonCodeUnknown { .. }
            | Self::ReasonCodeNotAllowed { .. }
            | Self::PropertyUnknown { .. }
            | Self::PropertyNotAllowed { .. }
            | Self::PropertyRepeated { .. }
            | Self::PropertyValue { .. } => "malformed packet",
        }
    }
}

impl core::error::Error for DecodeError {}

/// A packet that cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeError {
    /// The packet needs a Remaining Length above [`REMAINING_LENGTH_MAX`](crate::REMAINING_LENGTH_MAX).
    TooLong,
    /// A string or binary field has more than 65,535 bytes.
    StringTooLong,
    /// The version has no such packet: AUTH in MQTT 3.1 and 3.1.1.
    NotInThisVersion,
    /// The values do not go together, or a receiver would refuse them.
    Invalid,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the packet exceeds the largest Remaining Length",
            Self::StringTooLong => "a field exceeds 65535 bytes",
            Self::NotInThisVersion => "the protocol version has no such packet",
            Self::Invalid => "a receiver would refuse the packet",
        })
    }
}

impl core::error::Error for EncodeError {}
