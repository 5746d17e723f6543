//! What ends a connection, with the numbers and the words that Mosquitto's tools have for it.

use core::fmt;
use std::io;

use martlet_client::rustls;
use martlet_client::{ConnectError, PeerMisbehaved, ReasonCode, SocksError};
use martlet_proto::client::PublishError;
use martlet_tools::payload::reason;

/// Why a tool cannot go on, or has to connect again.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    /// What is known besides, for people.
    detail: Option<String>,
}

/// The numbers are exit statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Protocol = 2,
    NotConnected = 4,
    Refused = 5,
    Lost = 7,
    Tls = 8,
    Authorisation = 11,
    Unknown = 13,
    System = 14,
    Lookup = 15,
    Proxy = 16,
    KeepAlive = 19,
    MalformedPacket = 21,
    QosNotSupported = 24,
    Oversize = 25,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// The way to the broker did not come about.
    Unable(Failure),
    /// What stands on the way, a proxy or a web server, refused.
    Stopped(Failure),
}

impl Failure {
    const fn new(kind: Kind) -> Self {
        Self { kind, detail: None }
    }

    fn with(kind: Kind, detail: impl fmt::Display) -> Self {
        Self { kind, detail: Some(detail.to_string()) }
    }

    /// The broker refused the connection by CONNACK.
    pub(crate) const fn refused() -> Self {
        Self::new(Kind::Refused)
    }

    /// The connection ended without a word.
    pub(crate) const fn lost() -> Self {
        Self::new(Kind::Lost)
    }

    /// The broker is silent.
    pub(crate) const fn silent() -> Self {
        Self::new(Kind::KeepAlive)
    }

    /// The broker sent DISCONNECT.
    pub(crate) fn disconnected(reason: ReasonCode, text: Option<&str>) -> Self {
        let text = text.map(|text| format!(", {text}")).unwrap_or_default();
        Self::with(Kind::NotConnected, format_args!("The broker ended the connection: {reason}{text}"))
    }

    /// The broker broke the standard, or is silent.
    pub(crate) fn misbehaved(misbehaved: PeerMisbehaved) -> Self {
        let kind = match misbehaved {
            PeerMisbehaved::Malformed(_) => Kind::MalformedPacket,
            PeerMisbehaved::KeepAliveTimeout => return Self::silent(),
            _ => Kind::Protocol,
        };
        Self::with(kind, format_args!("The broker broke the standard: {misbehaved}"))
    }

    /// The broker asks for an authentication that the tools do not have.
    pub(crate) fn authentication() -> Self {
        Self::with(
            Kind::Authorisation,
            "The broker asks for an exchange by AUTH, which this program does not have.",
        )
    }

    /// The socket failed, or TLS above it.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::with(Kind::Tls, tls);
        }
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                Self::lost()
            }
            _ => Self::with(Kind::System, reason(error)),
        }
    }

    /// A request is larger than the broker takes.
    pub(crate) const fn oversize() -> Self {
        Self::new(Kind::Oversize)
    }

    /// A message cannot be published.
    pub(crate) const fn unpublished(error: PublishError) -> Self {
        Self::new(match error {
            PublishError::QosNotSupported => Kind::QosNotSupported,
            PublishError::TooLarge => Kind::Oversize,
            _ => Kind::Unknown,
        })
    }

    /// The exit status.
    pub(crate) const fn number(&self) -> u8 {
        self.kind as u8
    }

    /// Whether connecting again is of no use.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(
            self.kind,
            Kind::Protocol | Kind::MalformedPacket | Kind::Tls | Kind::Authorisation | Kind::Oversize
        )
    }

    fn words(&self) -> &str {
        match self.kind {
            Kind::Protocol => "A network protocol error occurred when communicating with the broker",
            Kind::NotConnected => "The client is not currently connected",
            Kind::Refused => "The connection was refused",
            Kind::Lost => "The connection was lost",
            Kind::Tls => "A TLS error occurred",
            Kind::Authorisation => "Authorisation failed",
            Kind::Unknown => "Unknown error",
            Kind::System => self.detail.as_deref().unwrap_or("Unknown error"),
            Kind::Lookup => "Lookup error",
            Kind::Proxy => "Proxy error",
            Kind::KeepAlive => "Keepalive exceeded",
            Kind::MalformedPacket => "Malformed packet",
            Kind::QosNotSupported => "Requested QoS not supported on server",
            Kind::Oversize => "Packet larger than supported by the server",
        }
    }

    /// A line for the detail, if there is one that the words do not tell.
    fn further(&self) -> String {
        match &self.detail {
            Some(detail) if self.kind != Kind::System => format!("{detail}\n"),
            _ => String::new(),
        }
    }

    /// What is said when a tool ends by it: Mosquitto's line, and below it what else is known.
    pub(crate) fn message(&self) -> String {
        format!("Error: {}\n{}", self.words(), self.further())
    }
}

impl OpenError {
    /// The exit status.
    pub(crate) const fn number(&self) -> u8 {
        match self {
            Self::Unable(_) => 1,
            Self::Stopped(failure) => failure.number(),
        }
    }

    /// What is said when a tool ends by it.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Stopped(failure) => failure.message(),
            Self::Unable(failure) if failure.kind == Kind::System => failure.message(),
            Self::Unable(failure) => {
                format!("Unable to connect ({}).\n{}", failure.words(), failure.further())
            }
        }
    }

    /// Whether connecting again is of no use, on a way that led to the broker before: what stands on it does not want us.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self, Self::Stopped(Failure { kind: Kind::Authorisation, .. }))
    }
}

impl From<ConnectError> for OpenError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Lookup { error, .. } => Self::Unable(Failure::with(Kind::Lookup, reason(&error))),
            ConnectError::Tls(error) => Self::Unable(Failure::with(Kind::Tls, error)),
            ConnectError::Socks(error) => Self::Stopped(of_proxy(error)),
            ConnectError::WebSocket(error) => Self::Stopped(Failure::with(Kind::Unknown, error)),
            ConnectError::Io(error) => {
                let failure = Failure::of_io(&error);
                // A refused connection is no lost one.
                let is_system = failure.kind == Kind::Lost && error.raw_os_error().is_some();
                Self::Unable(if is_system { Failure::with(Kind::System, reason(&error)) } else { failure })
            }
            other => Self::Unable(Failure::with(Kind::Unknown, other)),
        }
    }
}

fn of_proxy(error: SocksError) -> Failure {
    let kind = match error {
        SocksError::NotAuthenticated | SocksError::NoAcceptableMethod | SocksError::Refused { reply: 2 } => {
            Kind::Authorisation
        }
        SocksError::Refused { reply: 3..=5 } => Kind::NotConnected,
        _ => Kind::Proxy,
    };
    Failure::with(kind, format_args!("The proxy: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_mosquittos() {
        let refused = io::Error::from_raw_os_error(111); // ECONNREFUSED
        let error = OpenError::from(ConnectError::Io(refused));
        assert_eq!((error.number(), error.message().as_str()), (1, "Error: Connection refused\n"));
        let error = OpenError::from(ConnectError::Socks(SocksError::NotAuthenticated));
        assert_eq!(error.number(), 11);
        assert!(error.message().starts_with("Error: Authorisation failed\nThe proxy: "));
        assert_eq!(Failure::lost().message(), "Error: The connection was lost\n");
        assert_eq!(Failure::of_io(&io::ErrorKind::ConnectionReset.into()).number(), 7);
    }

    #[test]
    fn a_disconnect_tells_its_reason() {
        let failure = Failure::disconnected(ReasonCode::ServerShuttingDown, Some("update"));
        assert_eq!(
            failure.message(),
            "Error: The client is not currently connected\n\
             The broker ended the connection: Server shutting down, update\n"
        );
        assert_eq!((failure.number(), failure.is_final()), (4, false));
    }
}
