//! WebSocket (RFC 6455), the server's end: a stream of bytes in binary messages whose limits mean nothing.

mod fault;
mod frames;
mod mask;
mod upgrade;

pub use fault::{RequestFault, WebSocketFault};

pub(crate) use frames::{Frames, SENT_HEAD_BYTES_MAX};
pub(crate) use upgrade::{Accepted, Refused, Upgrade};

/// How a listener uses WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketOptions {
    /// The sub-protocols that clients may choose from, the most wanted first. Whoever offers none of them is refused.
    pub protocols: Vec<String>,
    /// The only path that there is; by default every path will do.
    pub path: Option<String>,
    /// The origins (as browsers send them, such as `https://example.org`) whose pages may connect; all, if there are none.
    /// Who sends no origin is no browser and may connect.
    pub origins: Vec<String>,
    /// How many bytes the head of a request may have.
    pub head_bytes_max: usize,
    /// How many bytes a frame may have.
    pub frame_bytes_max: u64,
    /// How many proxies in front of the listener are trusted to tell where clients are, by `X-Forwarded-For`. With 0,
    /// what that says does not matter: anyone can send it.
    pub trusted_proxies: usize,
    /// What becomes of requests that are refused.
    pub refusal: Refusal,
}

impl WebSocketOptions {
    /// What [`WebSocketOptions::head_bytes_max`] is unless it is set, as in Mosquitto.
    pub const HEAD_BYTES_MAX_DEFAULT: usize = 4096;
    /// What [`WebSocketOptions::frame_bytes_max`] is unless it is set.
    pub const FRAME_BYTES_MAX_DEFAULT: u64 = 256 << 20;

    /// Options with sub-protocols, the most wanted first.
    pub fn new<P: Into<String>>(protocols: impl IntoIterator<Item = P>) -> Self {
        Self {
            protocols: protocols.into_iter().map(Into::into).collect(),
            path: None,
            origins: Vec::new(),
            head_bytes_max: Self::HEAD_BYTES_MAX_DEFAULT,
            frame_bytes_max: Self::FRAME_BYTES_MAX_DEFAULT,
            trusted_proxies: 0,
            refusal: Refusal::Answer,
        }
    }
}

/// What becomes of a request that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is answered by an HTTP status and a line of text, as the standard demands.
    Answer,
    /// The connection is closed without a word, as Mosquitto does.
    Close,
}
