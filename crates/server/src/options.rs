//! What a broker is started with.

use core::fmt;
use core::num::NonZeroU16;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use crate::auth::Authority;
use crate::control::ControlHandlers;
use crate::control::about::ListenerFacts;
use crate::dynsec::DynamicSecurityOptions;
use crate::persist::Persistence;
use crate::signals::Hangup;
use martlet_engine::{Access, Config, Question, ShardId, Verdict};
#[cfg(feature = "psk")]
use martlet_transport::PskOptions;
use martlet_transport::{ProxyOptions, TlsOptions, WebSocketOptions};

/// What a broker is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; at least one place. A listener's number is its place in the list, counted from 0.
    pub listeners: Vec<ListenerOptions>,
    /// The number of shards, thus of threads; by default one for each core.
    pub shards: Option<NonZeroU16>,
    /// Limits and features.
    pub engine: Config,
    /// Who may do what, and who finds out.
    pub rules: Rules,
    /// Who may do what, as a configuration says. It counts where `rules` name nobody.
    pub authority: Option<Arc<Authority>>,
    /// Where dynamic security has its file, if the authority says that it counts anywhere.
    pub dynamic_security: Option<DynamicSecurityOptions>,
    /// Where and how Sessions, queued and retained messages are kept; without, they end with the broker.
    pub persistence: Option<Persistence>,
    /// How many connections there may be at a time; further ones are closed. Without, as many as
    /// [`Limits::connections_max`](martlet_engine::Limits::connections_max) allows each shard.
    pub connections_of_node_max: Option<usize>,
    /// How many bytes the heap of the process may have; beyond, what takes more of it is refused. It needs
    /// [`martlet_heap::Counted`] as the allocator of the program.
    pub memory_bytes_max: Option<u64>,
    /// What the HTTP API tells of the listeners.
    pub listener_facts: Vec<ListenerFacts>,
    /// Who handles requests on `$CONTROL` topics.
    pub control: ControlHandlers,
    /// How often changed values are published below `$SYS/`; never unless it is set.
    pub sys_interval: Option<Duration>,
    /// How the log says what clients do.
    pub wording: Wording,
    /// How long a connection may take for what comes before MQTT: the header of the PROXY protocol, the
    /// handshakes of TLS and WebSocket. By default
    /// [`Options::HANDSHAKE_TIME_MAX_DEFAULT`].
    pub handshake_time_max: Duration,
    /// How long the broker waits, when it shuts down, for acknowledgements of what it has sent: what is not acknowledged comes
    /// again after a restart. By default [`Options::LAST_ACKNOWLEDGEMENTS_TIME_MAX_DEFAULT`].
    pub last_acknowledgements_time_max: Duration,
    /// Wrong passwords a second from one address, of IPv6 its first 64 bits; beyond, its connections are let in one after the
    /// other. 0: there is no limit. By default [`Options::WRONG_PASSWORDS_MAX_DEFAULT`].
    pub wrong_passwords_max: u16,
    /// Whether clients have to wait outside until [`Broker::let_in`](crate::Broker::let_in): their connections are made, and
    /// nothing is read from them.
    pub waits_to_let_in: bool,
    /// The SIGHUP of this process, where rules are read anew on it: what clients send behind it waits for these.
    pub hangup: Option<Arc<Hangup>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            shards: None,
            engine: Config::default(),
            rules: Rules::default(),
            authority: None,
            dynamic_security: None,
            persistence: None,
            connections_of_node_max: None,
            memory_bytes_max: None,
            listener_facts: Vec::new(),
            control: ControlHandlers::default(),
            sys_interval: None,
            wording: Wording::Own,
            handshake_time_max: Self::HANDSHAKE_TIME_MAX_DEFAULT,
            last_acknowledgements_time_max: Self::LAST_ACKNOWLEDGEMENTS_TIME_MAX_DEFAULT,
            wrong_passwords_max: Self::WRONG_PASSWORDS_MAX_DEFAULT,
            waits_to_let_in: false,
            hangup: None,
        }
    }
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
    /// Enough for a slow device on a slow link.
    pub const HANDSHAKE_TIME_MAX_DEFAULT: Duration = Duration::from_secs(10);

    /// Enough for those who are near, and nobody notices it.
    pub const LAST_ACKNOWLEDGEMENTS_TIME_MAX_DEFAULT: Duration = Duration::from_millis(100);

    /// More than a network of devices with a forgotten password tries, and less than what a guesser gets far with.
    pub const WRONG_PASSWORDS_MAX_DEFAULT: u16 = 20;

    /// Options with default values that listen in one place.
    pub fn listening_on(host: Host, port: u16) -> Self {
        Self { listeners: vec![ListenAddress { host, port }.into()], ..Self::default() }
    }

    /// The number of shards that a broker with these options has.
    pub fn shard_count(&self) -> u16 {
        let cores = || {
            thread::available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX))
        };
        self.shards.map_or_else(cores, NonZeroU16::get)
    }
}

/// A place to listen, and what its connections come in.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// Where.
    pub place: Place,
    /// A proxy in front of it tells, by the PROXY protocol, where each client is.
    pub proxy: Option<ProxyOptions>,
    /// Clients use TLS.
    pub security: Option<Security>,
    /// Clients use WebSocket.
    pub websocket: Option<WebSocketOptions>,
    /// How many connections there may be at a time; further ones are closed.
    pub connections_max: Option<usize>,
    /// It is for the HTTP API, and not for clients of MQTT.
    pub http: Option<HttpOptions>,
}

impl ListenerOptions {
    /// The sub-protocols of WebSocket that mean MQTT: that of the standard [MQTT-6.0.0-4], and the one before it.
    pub const WEB_SOCKET_PROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];
}

impl From<Place> for ListenerOptions {
    fn from(place: Place) -> Self {
        Self { place, proxy: None, security: None, websocket: None, connections_max: None, http: None }
    }
}

impl From<ListenAddress> for ListenerOptions {
    fn from(address: ListenAddress) -> Self {
        Place::Tcp(address).into()
    }
}

/// What the HTTP API has at a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpOptions {
    /// A folder whose files it serves.
    pub folder: Option<PathBuf>,
    /// Whether the broker goes on without it where its place is taken.
    pub is_optional: bool,
}

/// How connections are encrypted.
#[derive(Clone, Debug)]
pub enum Security {
    /// By TLS with certificates.
    Tls(TlsOptions),
    /// By TLS with pre-shared keys.
    #[cfg(feature = "psk")]
    Psk(PskOptions),
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On TCP.
    Tcp(ListenAddress),
    /// At a path of the file system. Only on Unix.
    Unix(UnixAddress),
}

/// A path, and who may connect there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixAddress {
    /// The path; at most about 100 bytes.
    pub path: PathBuf,
    /// The permissions of the file; connecting needs the one to write.
    pub mode: u32,
}

impl UnixAddress {
    /// The permissions that Mosquitto gives: owner and group may connect.
    pub const MODE_DEFAULT: u32 = 0o770;

    /// A path where owner and group may connect.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), mode: Self::MODE_DEFAULT }
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
    /// Those that fulfil some conditions.
    Chosen(Conditions),
}

/// Which addresses of this machine to listen on: those that fulfil all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// An address, or a name with all its addresses.
    pub host: Option<String>,
    /// The kind of address.
    pub family: Option<Family>,
    /// The network interface that has it, such as `eth0`.
    pub interface: Option<String>,
}

/// A kind of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback => write!(f, "localhost"),
            Self::Any => write!(f, "all addresses"),
            Self::Named(name) => write!(f, "{name}"),
            Self::Chosen(conditions) => conditions.fmt(f),
        }
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.family {
            None => "the addresses",
            Some(Family::V4) => "the IPv4 addresses",
            Some(Family::V6) => "the IPv6 addresses",
        })?;
        if let Some(host) = &self.host {
            write!(f, " of {host}")?;
        }
        if let Some(interface) = &self.interface {
            write!(f, " of the interface {interface}")?;
        }
        Ok(())
    }
}

/// Makes the rules of one shard.
pub type AccessFactory = dyn Fn(ShardId) -> Box<dyn Access> + Send + Sync;

/// Answers what the rules leave open. Called on threads of its own, several at a time; it may take its time.
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
