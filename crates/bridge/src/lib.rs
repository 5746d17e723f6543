//! Bridges: a broker as a client of another broker, so that messages of the one come to the other.
//!
//! A bridge has a near end, a connection to its own broker that was let in from within ([`Near`]), and a far end, a
//! connection to the other broker. It keeps nothing: what comes from the near end goes out at the far end under the same
//! Packet Identifier, and so do the answers on their way back. The Session that its own broker keeps for the near end is
//! thereby the Session of a client of the other broker, with its queue, its unfinished messages and its durability, and a
//! message is acknowledged only when the other side has acknowledged it. That holds across lost connections, and across a
//! crash of the broker.
//!
//! `relay` holds the rules as a value without sockets; `link` is one bridge with its sockets and its clock, and [`Bridges`]
//! are all of them on one thread.

#![forbid(unsafe_code)]

mod backoff;
mod bridges;
mod link;
mod notice;
mod options;
mod relay;
mod topics;

pub use bridges::{Bridges, Log, Near, NearEnd, Reload};
pub use notice::{Notice, Refusal};
pub use options::{BridgeOptions, Notifications, Restart, Start, Way};
pub use topics::{Direction, Topic, Topics};
