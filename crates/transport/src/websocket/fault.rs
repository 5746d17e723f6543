//! What a client does wrong in WebSocket, or in the HTTP before it.

use core::fmt;

/// What a client did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketFault {
    /// The request is not granted.
    Request(RequestFault),
    /// A reserved bit of a frame is set; no extension was agreed on.
    ReservedBit,
    /// A frame has an opcode that means nothing.
    Opcode(u8),
    /// A message is text.
    Text,
    /// A frame is not masked.
    Unmasked,
    /// A ping, pong or close comes in fragments.
    FragmentedControl,
    /// A ping, pong or close has more than 125 bytes.
    LongControl,
    /// A frame goes on with a message that has not begun.
    NothingToContinue,
    /// A message begins inside of another.
    MessageInMessage,
    /// A frame has more bytes than are accepted.
    LongFrame {
        /// How many it has.
        len: u64,
    },
    /// A close has no sensible code or reason.
    Close,
}

/// Why a request is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestFault {
    /// It is no HTTP.
    NotHttp {
        /// Its first byte.
        first: u8,
    },
    /// It is no HTTP that can be understood.
    Malformed(httparse::Error),
    /// Its head is longer than is accepted.
    LongHead {
        /// How long it may be.
        bytes_max: usize,
    },
    /// Its method is not GET.
    Method,
    /// It is HTTP of a version other than 1.1.
    HttpVersion,
    /// There is nothing at its path.
    Path,
    /// It does not ask for WebSocket.
    NoUpgrade,
    /// It asks for a version of WebSocket other than 13.
    Version,
    /// Its key is none.
    Key,
    /// It offers no sub-protocol that is known here.
    Protocol,
    /// It comes from a page that may not connect.
    Origin {
        /// The origin, at most [`RequestFault::ORIGIN_SHOWN_MAX`] characters of it.
        origin: String,
    },
}

impl WebSocketFault {
    /// The code of the close that ends the connection.
    pub const fn close_code(&self) -> u16 {
        match self {
            Self::Text => 1003,
            Self::LongFrame { .. } => 1009,
            _ => 1002,
        }
    }
}

impl RequestFault {
    /// Characters of an origin that are shown.
    pub const ORIGIN_SHOWN_MAX: usize = 128;

    /// The status that answers the request.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::NotHttp { .. } | Self::Malformed(_) | Self::Key | Self::Protocol => "400 Bad Request",
            Self::Origin { .. } => "403 Forbidden",
            Self::Path => "404 Not Found",
            Self::Method => "405 Method Not Allowed",
            Self::NoUpgrade | Self::Version => "426 Upgrade Required",
            Self::LongHead { .. } => "431 Request Header Fields Too Large",
            Self::HttpVersion => "505 HTTP Version Not Supported",
        }
    }

    /// Further lines of the head of the answer.
    pub(super) const fn head_lines(&self) -> &'static str {
        match self {
            Self::Method => "Allow: GET\r\n",
            Self::NoUpgrade => "Upgrade: websocket\r\n",
            Self::Version => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            _ => "",
        }
    }
}

impl fmt::Display for WebSocketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(fault) => write!(f, "{fault}"),
            Self::ReservedBit => write!(f, "a WebSocket frame has a reserved bit"),
            Self::Opcode(opcode) => {
                write!(f, "a WebSocket frame has the opcode {opcode}, which means nothing")
            }
            Self::Text => write!(f, "a WebSocket message is text, not binary"),
            Self::Unmasked => write!(f, "a WebSocket frame is not masked"),
            Self::FragmentedControl => write!(f, "a WebSocket control frame is fragmented"),
            Self::LongControl => write!(f, "a WebSocket control frame has more than 125 bytes"),
            Self::NothingToContinue => write!(f, "a WebSocket frame continues nothing"),
            Self::MessageInMessage => write!(f, "a WebSocket message begins inside of another"),
            Self::LongFrame { len } => write!(f, "a WebSocket frame of {len} bytes is too long"),
            Self::Close => write!(f, "a WebSocket close frame makes no sense"),
        }
    }
}

impl fmt::Display for RequestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHttp { first } => write!(f, "client does not use HTTP: its first byte is 0x{first:02x}"),
            Self::Malformed(error) => write!(f, "the HTTP request cannot be understood: {error}"),
            Self::LongHead { bytes_max } => {
                write!(f, "the head of the HTTP request has more than {bytes_max} bytes")
            }
            Self::Method => write!(f, "the method of the HTTP request is not GET"),
            Self::HttpVersion => write!(f, "the version of HTTP is not 1.1"),
            Self::Path => write!(f, "there is nothing at the path of the HTTP request"),
            Self::NoUpgrade => write!(f, "plain HTTP request where WebSocket is spoken"),
            Self::Version => write!(f, "the version of WebSocket is not 13"),
            Self::Key => write!(f, "the request for WebSocket has no good key"),
            Self::Protocol => write!(f, "the request for WebSocket offers no known sub-protocol"),
            Self::Origin { origin } => write!(f, "the origin {origin:?} may not connect"),
        }
    }
}
