//! Sockets: bytes in, bytes out.
//!
//! [`Listener`] owns a bound address, [`Acceptor`] is one event loop's share of it, [`Stream`] is one connection.
//! Everything is non-blocking and registers with [`mio`]; nothing here waits, starts a thread or keeps a buffer.
//! What the bytes mean is not known here: the crate has never heard of MQTT.

#![forbid(unsafe_code)]

mod listener;
mod socket;
mod stream;
#[cfg(unix)]
mod unix;

pub use listener::{Acceptor, BACKLOG, Listener};
pub use stream::Stream;
