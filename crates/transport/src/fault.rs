//! What a peer can do wrong below the bytes that it has to say.

use core::fmt;
use std::io;

use crate::proxy::ProxyFault;
use crate::tls::TlsFault;
use crate::websocket::WebSocketFault;

/// Why a stream cannot be read any further.
#[derive(Debug)]
pub enum ReadError {
    /// What the operating system says of the connection, such as "connection reset by peer". It is over.
    Io(io::Error),
    /// The peer broke the rules of a layer. It has something to be told: see [`Stream::finish`](crate::Stream::finish).
    Fault(Fault),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl core::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Fault(fault) => Some(fault),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Fault(fault) => write!(f, "{fault}"),
        }
    }
}

/// What a peer did wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// In the header of the PROXY protocol, or by what that tells.
    Proxy(ProxyFault),
    /// In TLS.
    Tls(TlsFault),
    /// In WebSocket, or in the HTTP before it.
    WebSocket(WebSocketFault),
}

impl From<WebSocketFault> for Fault {
    fn from(fault: WebSocketFault) -> Self {
        Self::WebSocket(fault)
    }
}

impl From<TlsFault> for Fault {
    fn from(fault: TlsFault) -> Self {
        Self::Tls(fault)
    }
}

impl core::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proxy(fault) => write!(f, "{fault}"),
            Self::Tls(fault) => write!(f, "{fault}"),
            Self::WebSocket(fault) => write!(f, "{fault}"),
        }
    }
}

/// What a stream waits for before the first byte that is meant for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The header of the PROXY protocol.
    Proxy,
    /// The handshake of TLS.
    Tls,
    /// The HTTP request for WebSocket.
    WebSocket,
}

impl Stage {
    /// What it is, in words.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Proxy => "PROXY header",
            Self::Tls => "TLS handshake",
            Self::WebSocket => "WebSocket handshake",
        }
    }
}
