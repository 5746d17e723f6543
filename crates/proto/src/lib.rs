//! One end of one MQTT connection, and its Session.
//!
//! This crate holds the rules of the standard that concern two peers and nobody else: what may be sent when,
//! Packet Identifiers and the states of QoS 1 and QoS 2, Topic Aliases, Receive Maximum, Keep Alive. It knows no
//! socket, no clock and no other client; the time comes in as a plain number ([`Instant`]).

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod alias;
pub mod client;
pub mod connection;
pub mod delivery;
pub mod error;
pub mod keep_alive;
pub mod quota;
pub mod session;
pub mod time;

pub use client::Client;
pub use connection::{ClientConnection, ServerConnection};
pub use delivery::{Acknowledgement, Inbound, Outbound, Resend};
pub use error::PeerMisbehaved;
pub use keep_alive::KeepAlive;
pub use quota::Quota;
pub use session::Session;
pub use time::Instant;
