//! What a peer did against the standard.

use core::fmt;

use martlet_wire::{DecodeError, PacketType, ReasonCode};

/// A violation of the standard by the peer. It ends the connection [MQTT-4.13.1-1] [MQTT311-4.8.0-1].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// The bytes are no packet of the standard.
    Malformed(DecodeError),
    /// A packet other than CONNECT came first [MQTT-3.1.0-1].
    ConnectExpected(PacketType),
    /// CONNECT came twice [MQTT-3.1.0-2].
    SecondConnect,
    /// A packet that this side never receives, or not at this time [s2.1.2] [MQTT-3.1.2-30].
    UnexpectedPacket(PacketType),
    /// A packet above the announced Maximum Packet Size [MQTT-3.2.2-15].
    PacketTooLarge {
        /// Bytes of the packet.
        size: usize,
        /// Bytes that were announced.
        limit: u32,
    },
    /// More unfinished messages than Receive Maximum [MQTT-3.3.4-7].
    ReceiveMaximumExceeded {
        /// The announced Receive Maximum.
        limit: u16,
    },
    /// A PUBLISH with neither Topic Name nor Topic Alias [s3.3.2.1].
    TopicMissing,
    /// A Topic Alias of 0 or above the maximum [MQTT-3.3.2-8] [MQTT-3.3.2-9].
    TopicAliasInvalid {
        /// The alias sent.
        alias: u16,
        /// The announced maximum.
        maximum: u16,
    },
    /// A Topic Alias that was never set on this connection [s3.3.2.3.4].
    TopicAliasUnknown {
        /// The alias sent.
        alias: u16,
    },
    /// A Topic Name or Topic Filter with more levels than this side takes, where that ends the connection.
    TooManyTopicLevels {
        /// The most levels.
        limit: usize,
    },
    /// A PUBLISH above the announced Maximum QoS [MQTT-3.2.2-11].
    QosNotSupported,
    /// A retained PUBLISH though Retain Available is 0 [MQTT-3.2.2-14].
    RetainNotSupported,
    /// A PUBLISH with a Subscription Identifier [MQTT-3.3.4-6].
    SubscriptionIdentifierInPublish,
    /// A wildcard though Wildcard Subscription Available is 0 [s3.2.2.3.11].
    WildcardSubscriptionsNotSupported,
    /// A Subscription Identifier though these are not available [s3.2.2.3.11].
    SubscriptionIdentifiersNotSupported,
    /// A Shared Subscription though these are not available [s3.2.2.3.11].
    SharedSubscriptionsNotSupported,
    /// A DISCONNECT sets a Session Expiry Interval after CONNECT had 0 [s3.14.2.2.2].
    SessionExpiryAfterZero,
    /// An AUTH whose method is not that of CONNECT [MQTT-4.12.1-1], or without one in CONNECT [MQTT-4.12.0-7].
    AuthenticationMethodChanged,
    /// A string holds a control character or a non-character, which the standard lets a receiver refuse [s1.5.4].
    ForbiddenCharacter,
    /// A QoS 2 PUBLISH came for the third time, though nothing was lost [MQTT-4.4.0-1].
    PublishRepeated,
    /// Nothing was heard for one and a half times the Keep Alive [MQTT-3.1.2-22].
    KeepAliveTimeout,
    /// No CONNECT, or no end of its authentication, within the time allowed.
    ConnectTimeout,
}

impl PeerMisbehaved {
    /// The code of the CONNACK or DISCONNECT that ends the connection. In 3.1.1 the connection just closes.
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Malformed(error) => error.reason(),
            Self::TooManyTopicLevels { .. } | Self::ForbiddenCharacter => ReasonCode::MalformedPacket,
            Self::ConnectExpected(_)
            | Self::SecondConnect
            | Self::UnexpectedPacket(_)
            | Self::TopicMissing
            | Self::TopicAliasUnknown { .. }
            | Self::SubscriptionIdentifierInPublish
            | Self::SessionExpiryAfterZero
            | Self::PublishRepeated
            | Self::AuthenticationMethodChanged => ReasonCode::ProtocolError,
            Self::PacketTooLarge { .. } => ReasonCode::PacketTooLarge,
            Self::ReceiveMaximumExceeded { .. } => ReasonCode::ReceiveMaximumExceeded,
            Self::TopicAliasInvalid { .. } => ReasonCode::TopicAliasInvalid,
            Self::QosNotSupported => ReasonCode::QosNotSupported,
            Self::RetainNotSupported => ReasonCode::RetainNotSupported,
            Self::WildcardSubscriptionsNotSupported => ReasonCode::WildcardSubscriptionsNotSupported,
            Self::SubscriptionIdentifiersNotSupported => ReasonCode::SubscriptionIdentifiersNotSupported,
            Self::SharedSubscriptionsNotSupported => ReasonCode::SharedSubscriptionsNotSupported,
            Self::KeepAliveTimeout => ReasonCode::KeepAliveTimeout,
            Self::ConnectTimeout => ReasonCode::MaximumConnectTime,
        }
    }
}

impl From<DecodeError> for PeerMisbehaved {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl core::error::Error for PeerMisbehaved {}

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "{error}"),
            Self::ConnectExpected(found) => write!(f, "the first packet is {found:?}, not CONNECT"),
            Self::TooManyTopicLevels { limit } => write!(f, "a topic with more than {limit} levels"),
            Self::SecondConnect => write!(f, "a second CONNECT on the connection"),
            Self::UnexpectedPacket(found) => write!(f, "{found:?} is not allowed here"),
            Self::PacketTooLarge { size, limit } => {
                write!(f, "a packet of {size} bytes, the maximum is {limit}")
            }
            Self::ReceiveMaximumExceeded { limit } => {
                write!(f, "more than {limit} unfinished messages (Receive Maximum)")
            }
            Self::TopicMissing => write!(f, "PUBLISH with neither Topic Name nor Topic Alias"),
            Self::TopicAliasInvalid { alias, maximum } => {
                write!(f, "Topic Alias {alias}, allowed are 1 to {maximum}")
            }
            Self::TopicAliasUnknown { alias } => write!(f, "Topic Alias {alias} was never set"),
            Self::QosNotSupported => write!(f, "PUBLISH above the Maximum QoS"),
            Self::RetainNotSupported => write!(f, "retained PUBLISH, but Retain Available is 0"),
            Self::SubscriptionIdentifierInPublish => {
                write!(f, "PUBLISH with a Subscription Identifier from a client")
            }
            Self::WildcardSubscriptionsNotSupported => write!(f, "wildcard subscriptions are not available"),
            Self::SubscriptionIdentifiersNotSupported => {
                write!(f, "Subscription Identifiers are not available")
            }
            Self::SharedSubscriptionsNotSupported => write!(f, "Shared Subscriptions are not available"),
            Self::SessionExpiryAfterZero => {
                write!(f, "Session Expiry Interval in DISCONNECT, but CONNECT had 0")
            }
            Self::AuthenticationMethodChanged => {
                write!(f, "AUTH without the Authentication Method of CONNECT")
            }
            Self::ForbiddenCharacter => write!(f, "a string holds a control character or a non-character"),
            Self::PublishRepeated => write!(f, "PUBLISH for the third time on one connection"),
            Self::KeepAliveTimeout => write!(f, "nothing heard for 1.5 times the Keep Alive"),
            Self::ConnectTimeout => write!(f, "no complete CONNECT in time"),
        }
    }
}
