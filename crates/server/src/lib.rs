//! The Martlet MQTT broker as a library: everything that waits, forks or fails.
//!
//! [`Broker::start`] binds listeners and starts one thread for each shard; each thread drives one
//! [`martlet_engine::Engine`] with sockets and a clock (`drive`). What MQTT means is the engine's business; what a socket
//! is, is [`martlet_transport`]'s.
//!
//! ```
//! use martlet_server::{Broker, Host, Options};
//!
//! let broker = Broker::start(Options::listening_on(Host::Named("127.0.0.1".into()), 0))?;
//! println!("listening on {}", broker.local_addrs()[0]);
//! broker.shutdown()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants: nothing here is global, but for [`logging`], [`process`] and [`signals`], which only the program calls. A thread of a
//! shard waits in one place, for events.

#![forbid(unsafe_code)]

mod auth;
mod binding;
mod bridgehead;
mod broker;
mod clock;
pub mod config;
mod connections;
pub mod control;
pub mod doors;
mod drive;
mod dynsec;
mod entrance;
mod errors;
mod farewell;
mod handshakes;
mod http;
mod inbox;
mod limits_changer;
mod listening;
mod lobby;
pub mod logging;
mod memory;
mod notices;
mod openings;
mod operator;
mod options;
mod persist;
mod porch;
mod predecessor;
pub mod process;
mod publisher;
mod readable;
mod reception;
mod reports;
mod seats;
pub mod signals;
mod sys;

pub use auth::{AccessFile, AccessFileError, Admission, Authority, RulesChanger};
pub use bridgehead::Bridgehead;
pub use broker::{Broker, Pulse, Stopper, TlsReloader};
pub use dynsec::DynamicSecurityOptions;
pub use errors::{EndError, ReloadError, StartError};
pub use limits_changer::LimitsChanger;
pub use martlet_engine::BridgeEnd;
pub use martlet_store::Durability;
pub use martlet_transport::{
    ClientCertificates, LocalCommand, ProxyOptions, ProxyVersion, Refusal, TlsError, TlsOptions, TlsVersion,
    WebSocketOptions,
};
#[cfg(feature = "psk")]
pub use martlet_transport::{PskError, PskLineError, PskLookup, PskOptions, PskTable};
pub use memory::MemoryLimit;
pub use operator::Operator;
pub use options::{
    AccessFactory, Authenticator, Conditions, Family, Host, HttpOptions, ListenAddress, ListenerOptions,
    Options, Place, Rules, Security, UnixAddress, Wording,
};
pub use persist::{Persistence, PersistenceError};
pub use publisher::{OwnMessage, Publisher};
