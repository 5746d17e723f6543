//! Sockets: bytes in, bytes out.
//!
//! [`Listener`] owns a bound address or path, [`Acceptor`] is one event loop's share of it, [`Stream`] is one connection:
//! a bare socket, or one with layers that the [`Setup`] of its listener wants. Everything is non-blocking and registers
//! with [`mio`]; nothing here waits or starts a thread. What the bytes mean is not known here: the crate has never heard
//! of MQTT.
//!
//! Layers, from the socket upwards: the PROXY protocol ([`ProxyOptions`]); TLS ([`TlsOptions`]), or TLS with pre-shared
//! keys (feature `psk`); WebSocket ([`WebSocketOptions`]).

#![forbid(unsafe_code)]

mod fault;
mod introduction;
mod layers;
mod listener;
mod progress;
mod proxy;
#[cfg(feature = "psk")]
mod psk;
mod scratch;
mod secure;
mod setup;
mod socket;
mod stream;
mod tls;
#[cfg(unix)]
mod unix;
mod websocket;
#[cfg(test)]
mod wire;

pub use fault::{Fault, ReadError, Stage};
pub use introduction::{Certificate, Introduction, Origin, TlsFacts};
pub use layers::SEALED_BYTES_MAX;
pub use listener::{Acceptor, BACKLOG, Listener};
pub use proxy::{HEADER_BYTES_MAX, LocalCommand, ProxyFault, ProxyOptions, ProxyVersion};
#[cfg(feature = "psk")]
pub use psk::{PskConfig, PskError, PskLineError, PskLookup, PskOptions, PskTable};
pub use scratch::{READ_BYTES_MAX, Scratch};
pub use setup::{Setup, WrapError};
pub use stream::{Received, Stream};
pub use tls::{
    CipherError, ClientCertificates, FileError, TlsConfig, TlsError, TlsFault, TlsOptions, TlsVersion,
};
pub use websocket::{Refusal, RequestFault, WebSocketFault, WebSocketOptions};
