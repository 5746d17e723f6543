//! The client library against the broker of another project, in each version of the protocol.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "library/broker_kills.rs"]
mod broker_kills;
#[path = "library/chance.rs"]
mod chance;
#[path = "library/client.rs"]
mod client;
#[path = "library/cuts.rs"]
mod cuts;
#[path = "library/delivery.rs"]
mod delivery;
#[path = "library/kills.rs"]
mod kills;
#[path = "library/proxy.rs"]
mod proxy;
#[path = "library/session.rs"]
mod session;
#[path = "library/transports.rs"]
mod transports;
