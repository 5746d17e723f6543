//! What a broker is started with.

use core::fmt;
use core::num::NonZeroU16;
use std::sync::Arc;
use std::thread;

use crate::persist::Persistence;
use martlet_engine::{Access, Config, Question, ShardId, Verdict};

/// What a broker is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where to listen; at least one place.
    pub listeners: Vec<ListenAddress>,
    /// The number of shards, thus of threads; by default one for each core.
    pub shards: Option<NonZeroU16>,
    /// Limits and features.
    pub engine: Config,
    /// Who may do what, and who finds out.
    pub rules: Rules,
    /// Where and how Sessions, queued and retained messages are kept; without, they end with the broker.
    pub persistence: Option<Persistence>,
    /// How the log says what clients do.
    pub wording: Wording,
}

/// How the log says what clients do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wording {
    /// In our words, with values that have names.
    #[default]
    Own,
    /// In the words of Mosquitto, which scripts look for.
    Mosquitto,
}

impl Options {
    /// Options with default values that listen in one place.
    pub fn listening_on(host: Host, port: u16) -> Self {
        Self { listeners: vec![ListenAddress { host, port }], ..Self::default() }
    }

    /// The number of shards that a broker with these options has.
    pub fn shard_count(&self) -> u16 {
        let cores = || {
            thread::available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX))
        };
        self.shards.map_or_else(cores, NonZeroU16::get)
    }
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// Which addresses of this machine.
    pub host: Host,
    /// The TCP port; 0 lets the operating system choose, one for each address.
    pub port: u16,
}

/// Which addresses of this machine to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// 127.0.0.1 and `::1`, or one of them if the machine lacks the other: this machine alone can connect.
    Loopback,
    /// All addresses of IPv4 and of IPv6, or one kind if the machine lacks the other.
    Any,
    /// An address, or a name with all its addresses.
    Named(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback => write!(f, "localhost"),
            Self::Any => write!(f, "all addresses"),
            Self::Named(name) => write!(f, "{name}"),
        }
    }
}

/// Makes the rules of one shard.
pub type AccessFactory = dyn Fn(ShardId) -> Box<dyn Access> + Send + Sync;

/// Answers what the rules leave open. Called on the thread of a shard, so it has to answer at once.
pub type Authenticator = dyn Fn(&Question) -> Verdict + Send + Sync;

/// Who may do what.
#[derive(Clone, Default)]
pub struct Rules {
    /// The rules of each shard; without, everyone may do everything.
    pub access: Option<Arc<AccessFactory>>,
    /// Answers for [`Decision::Ask`](martlet_engine::Decision::Ask); without, whoever is asked about is
    /// refused as not authorized.
    pub authenticator: Option<Arc<Authenticator>>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("access", &self.access.is_some())
            .field("authenticator", &self.authenticator.is_some())
            .finish()
    }
}
