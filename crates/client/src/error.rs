//! What can go wrong, an enum for each operation.

use core::fmt;
use core::time::Duration;
use std::io;

use martlet_proto::PeerMisbehaved;
use martlet_wire::{EncodeError, ReasonCode, TopicError};

use crate::properties::InvalidProperties;
use crate::store::StoreError;

/// What a server says when it refuses or ends a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerReason {
    /// The reason code; for MQTT 3.1 and 3.1.1 the one that means the same as the return code.
    pub code: ReasonCode,
    /// The reason, for people.
    pub text: Option<String>,
    /// Another server to use.
    pub server_reference: Option<String>,
}

impl fmt::Display for ServerReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Coded(self.code))?;
        if let Some(text) = &self.text {
            write!(f, ": {text}")?;
        }
        if let Some(server) = &self.server_reference {
            write!(f, " (use {server})")?;
        }
        Ok(())
    }
}

/// A reason code with its name and its number.
struct Coded(ReasonCode);

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#04x})", self.0, self.0 as u8)
    }
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address of a host was not found.
    Lookup {
        /// The name of the host.
        host: String,
        /// Why.
        error: io::Error,
    },
    /// The socket, or what carries it, failed.
    Io(io::Error),
    /// The server did not let the client in within the time allowed.
    Timeout {
        /// The time allowed.
        after: Duration,
    },
    /// The server refused: CONNACK with an error.
    Refused(ServerReason),
    /// The server closed the connection before CONNACK.
    Closed,
    /// The server broke the standard.
    Misbehaved(PeerMisbehaved),
    /// An option has more than the 65,535 bytes that fit into its field.
    TooLong {
        /// Which one.
        option: &'static str,
    },
    /// CONNECT cannot be encoded: all together is too long, or the version does not have it.
    Encode(EncodeError),
    /// The properties of CONNECT cannot be sent.
    Properties(InvalidProperties),
    /// The Topic Name of the Will breaks the rules.
    WillTopic(TopicError),
    /// The properties of the Will cannot be sent.
    WillProperties(InvalidProperties),
    /// The TLS options cannot be used.
    #[cfg(feature = "tls")]
    Tls(crate::TlsError),
    /// The pre-shared key cannot be used.
    #[cfg(feature = "psk")]
    Psk(crate::PskError),
    /// The server did not agree to a WebSocket connection with the sub-protocol `mqtt`.
    #[cfg(feature = "websocket")]
    WebSocket(Box<tokio_tungstenite::tungstenite::Error>),
    /// The SOCKS5 proxy refused.
    #[cfg(feature = "socks")]
    Socks(crate::SocksError),
    /// The [`Authenticator`](crate::Authenticator) did not go on.
    Authentication(crate::AuthenticationFailed),
    /// The [session store](crate::store) cannot be read or written.
    Store(StoreError),
}

impl core::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) | Self::Lookup { error, .. } => Some(error),
            Self::Misbehaved(error) => Some(error),
            Self::Encode(error) => Some(error),
            Self::Properties(error) | Self::WillProperties(error) => Some(error),
            Self::WillTopic(error) => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            #[cfg(feature = "psk")]
            Self::Psk(error) => Some(error),
            #[cfg(feature = "websocket")]
            Self::WebSocket(error) => Some(error),
            #[cfg(feature = "socks")]
            Self::Socks(error) => Some(error),
            Self::Authentication(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Timeout { .. } | Self::Refused(_) | Self::Closed | Self::TooLong { .. } => None,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup { host, error } => write!(f, "no address of {host}: {error}"),
            Self::Io(error) => write!(f, "the server cannot be reached: {error}"),
            Self::Timeout { after } => {
                write!(f, "no connection within {after:?}, the option `connect_timeout`")
            }
            Self::Refused(reason) => write!(f, "the server refuses the connection: {reason}"),
            Self::Closed => write!(f, "the server closed the connection before CONNACK"),
            Self::Misbehaved(error) => write!(f, "the server broke the standard: {error}"),
            Self::TooLong { option } => write!(f, "the option `{option}` has more than 65,535 bytes"),
            Self::Encode(error) => write!(f, "CONNECT cannot be sent: {error}"),
            Self::Properties(error) => write!(f, "the option `property` cannot be sent: {error}"),
            Self::WillTopic(error) => write!(f, "the Topic Name of the option `will` is wrong: {error}"),
            Self::WillProperties(error) => {
                write!(f, "the properties of the option `will` cannot be sent: {error}")
            }
            #[cfg(feature = "tls")]
            Self::Tls(error) => write!(f, "{error}"),
            #[cfg(feature = "psk")]
            Self::Psk(error) => write!(f, "{error}"),
            #[cfg(feature = "websocket")]
            Self::WebSocket(error) => write!(f, "no WebSocket connection: {error}"),
            #[cfg(feature = "socks")]
            Self::Socks(error) => write!(f, "no way through the proxy: {error}"),
            Self::Authentication(error) => write!(f, "{error}"),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

/// Why a connection was lost, or did not come about.
#[derive(Debug)]
#[non_exhaustive]
pub enum Lost {
    /// It did not come about.
    Connect(ConnectError),
    /// The socket failed.
    Io(io::Error),
    /// The server closed the socket without a word.
    Closed,
    /// The server sent DISCONNECT.
    Disconnected(ServerReason),
    /// The server broke the standard, or fell silent.
    Misbehaved(PeerMisbehaved),
    /// The [`Authenticator`](crate::Authenticator) did not go on with a re-authentication.
    Authentication(crate::AuthenticationFailed),
    /// The [session store](crate::store) failed, and nothing may be sent that is not stored.
    Store(StoreError),
}

impl core::error::Error for Lost {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Misbehaved(error) => Some(error),
            Self::Authentication(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Closed | Self::Disconnected(_) => None,
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "{error}"),
            Self::Io(error) => write!(f, "the connection broke: {error}"),
            Self::Closed => write!(f, "the server closed the connection"),
            Self::Disconnected(reason) => write!(f, "the server ended the connection: {reason}"),
            Self::Misbehaved(error) => write!(f, "the server broke the standard: {error}"),
            Self::Authentication(error) => write!(f, "{error}"),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

/// Why a message was not published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The Topic Name breaks the rules.
    TopicName(TopicError),
    /// The properties cannot be sent.
    Properties(InvalidProperties),
    /// The server refused the message: PUBACK or PUBREC with an error.
    Refused {
        /// Why.
        code: ReasonCode,
    },
    /// The QoS is above the server's Maximum QoS.
    QosNotSupported,
    /// The server takes no retained messages.
    RetainNotSupported,
    /// The message is larger than the server takes, or than any message can be.
    TooLarge,
    /// The connection was lost while a message of QoS 0 was being sent: nobody knows how far it came.
    ConnectionLost,
    /// The [session store](crate::store) did not take the message, so it was not sent. Where the store is in doubt itself,
    /// a later process may send it.
    NotStored {
        /// What kind of failure; the [`State`](crate::State) tells all of it.
        kind: io::ErrorKind,
    },
    /// As many messages are unfinished as may be; only from [`Publish::try_enqueue`](crate::Publish::try_enqueue).
    QueueFull,
    /// The client is disconnected for good.
    Closed,
}

impl core::error::Error for PublishError {}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopicName(error) => write!(f, "the Topic Name is wrong: {error}"),
            Self::Properties(error) => write!(f, "{error}"),
            Self::Refused { code } => write!(f, "the server refuses the message: {}", Coded(*code)),
            Self::QosNotSupported => write!(f, "the QoS is above the server's Maximum QoS"),
            Self::RetainNotSupported => write!(f, "the server does not take retained messages"),
            Self::TooLarge => write!(f, "the message is larger than the server's Maximum Packet Size"),
            Self::ConnectionLost => write!(f, "the connection was lost while the message was being sent"),
            Self::NotStored { kind } => write!(f, "the message is not in the session store: {kind}"),
            Self::QueueFull => {
                write!(f, "as many messages are unfinished as the option `unfinished_publishes_max` allows")
            }
            Self::Closed => write!(f, "the client is disconnected"),
        }
    }
}

/// Why there is no subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The Topic Filter breaks the rules, or a Shared Subscription asks for No Local.
    TopicFilter(TopicError),
    /// No Local is not possible for a Shared Subscription [MQTT-3.8.3-4].
    NoLocalOnSharedSubscription,
    /// The properties cannot be sent.
    Properties(InvalidProperties),
    /// The server refused: SUBACK with an error.
    Refused {
        /// Why. Before MQTT 5.0 there is just [`ReasonCode::UnspecifiedError`].
        code: ReasonCode,
    },
    /// The server has no wildcard subscriptions.
    WildcardsNotSupported,
    /// The server has no Shared Subscriptions.
    SharedNotSupported,
    /// The request is larger than the server takes.
    TooLarge,
    /// The client is disconnected for good.
    Closed,
}

impl core::error::Error for SubscribeError {}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopicFilter(error) => write!(f, "the Topic Filter is wrong: {error}"),
            Self::NoLocalOnSharedSubscription => write!(f, "a Shared Subscription cannot have No Local"),
            Self::Properties(error) => write!(f, "{error}"),
            Self::Refused { code } => write!(f, "the server refuses the subscription: {}", Coded(*code)),
            Self::WildcardsNotSupported => write!(f, "the server has no wildcard subscriptions"),
            Self::SharedNotSupported => write!(f, "the server has no Shared Subscriptions"),
            Self::TooLarge => write!(f, "the request is larger than the server takes"),
            Self::Closed => write!(f, "the client is disconnected"),
        }
    }
}

/// Why a subscription was not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsubscribeError {
    /// The Topic Filter breaks the rules.
    TopicFilter(TopicError),
    /// The server refused: UNSUBACK with an error.
    Refused {
        /// Why.
        code: ReasonCode,
    },
    /// The request is larger than the server takes.
    TooLarge,
    /// The client is disconnected for good.
    Closed,
}

impl core::error::Error for UnsubscribeError {}

impl fmt::Display for UnsubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopicFilter(error) => write!(f, "the Topic Filter is wrong: {error}"),
            Self::Refused { code } => write!(f, "the server refuses to unsubscribe: {}", Coded(*code)),
            Self::TooLarge => write!(f, "the request is larger than the server takes"),
            Self::Closed => write!(f, "the client is disconnected"),
        }
    }
}

/// Why a client did not end in good order. It has ended all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectError {
    /// The client had ended before.
    Closed,
    /// There was no connection, so the server did not get DISCONNECT.
    NotConnected,
    /// This many publishes were unfinished when the time allowed was over. DISCONNECT was sent.
    Unfinished {
        /// How many.
        publishes: usize,
    },
    /// The connection broke before DISCONNECT was sent.
    ConnectionLost,
}

impl core::error::Error for DisconnectError {}

impl fmt::Display for DisconnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => write!(f, "the client was disconnected before"),
            Self::NotConnected => write!(f, "there was no connection to end"),
            Self::Unfinished { publishes } => {
                write!(
                    f,
                    "{publishes} messages were unfinished after the time of the option `disconnect_timeout`"
                )
            }
            Self::ConnectionLost => write!(f, "the connection was lost before DISCONNECT was sent"),
        }
    }
}

/// Why a client did not authenticate anew.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// The options have no [`Authenticator`](crate::Authenticator), or the version is not 5.0.
    NoAuthenticator,
    /// There is no connection.
    NotConnected,
    /// Another re-authentication is under way.
    Busy,
    /// The connection was lost meanwhile, which is how a server refuses.
    ConnectionLost,
    /// The client is disconnected for good.
    Closed,
}

impl core::error::Error for AuthenticateError {}

impl fmt::Display for AuthenticateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAuthenticator => {
                write!(f, "the option `authenticator` is not set, or the version is not 5.0")
            }
            Self::NotConnected => write!(f, "there is no connection"),
            Self::Busy => write!(f, "another re-authentication is under way"),
            Self::ConnectionLost => write!(f, "the connection was lost during the re-authentication"),
            Self::Closed => write!(f, "the client is disconnected"),
        }
    }
}
