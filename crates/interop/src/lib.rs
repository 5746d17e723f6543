//! The broker as a program, tested with MQTT clients of other projects, and the client library, tested with a broker of
//! another project.
//!
//! This library starts things: the broker ([`Broker`]), the clients ([`Peer`]), the other broker ([`Mosquitto`]), and waits for
//! the lines that programs print ([`Process`]). The tests are in `tests/`, the scripts that they run in `peers/`. Nothing here knows the
//! bytes of MQTT.

#![forbid(unsafe_code)]

mod broker;
mod kept;
mod lines;
mod mosquitto;
mod peers;
mod process;

pub use broker::{Broker, martlet};
pub use kept::KeptBroker;
pub use mosquitto::{Mosquitto, Place};
pub use peers::{Peer, SKIPPED_PEERS, peers_folder};
pub use process::Process;

use core::time::Duration;

/// How long a line may take to come. Long enough for a busy machine; a passing test never waits for it.
pub const DEADLINE: Duration = Duration::from_mins(1);
