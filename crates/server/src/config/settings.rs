//! What a configuration says, as plain typed data.
//!
//! Nothing here is checked against the world (whether a file is there, for example), and nothing is lost: two
//! configurations say the same if and only if their settings are equal.

mod bridge;
mod listener;
mod logs;
mod plugin;

use core::fmt;
use core::num::NonZeroU16;
use core::time::Duration;
use std::path::{Path, PathBuf};

use martlet_engine::Config;
use martlet_store::Durability;

use crate::options::Options;

pub use bridge::{
    BridgeAddress, BridgeProtocol, BridgeSettings, BridgeTls, BridgeTopic, Direction, ReloadType, Restart,
    StartType,
};
pub use listener::{
    AcceptedVersions, Family, ListenPlace, ListenerSettings, ListenerTls, Origin, Protocol, ProxyProtocol,
    Security, TlsVersion,
};
pub use logs::{Destinations, LogFormat, LogSettings, LogType, LogTypes};
pub use plugin::{BundledPlugin, PluginSettings};

/// What a configuration says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// What concerns the whole broker and has no place below.
    pub general: General,
    /// Who may come in, at listeners that do not say it themselves.
    pub security: Security,
    /// Where to listen, in the order of the file.
    pub listeners: Vec<ListenerSettings>,
    /// Connections to other brokers, in the order of the file.
    pub bridges: Vec<BridgeSettings>,
    /// Extensions, in the order of the file.
    pub plugins: Vec<PluginSettings>,
    /// Limits and features.
    pub engine: Config,
    /// What is kept, and where.
    pub keeping: Keeping,
    /// What is logged, and where to.
    pub logging: LogSettings,
    /// What concerns the process.
    pub process: Process,
}

impl Settings {
    /// Mosquitto's plugin for persistence has everything kept, beside its database unless another place is named.
    pub(super) fn keep_as_plugins_say(&mut self) {
        let file = |plugin: &PluginSettings| {
            let is_it = plugin.bundled() == Some(BundledPlugin::PersistSqlite);
            plugin.path_of("db_file").filter(|_| is_it).map(Path::to_owned)
        };
        let Some(file) = self.plugins.iter().find_map(file) else { return };
        self.keeping.is_on = Some(true);
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        self.keeping.location.get_or_insert_with(|| folder.to_owned());
    }

    /// Whether no line says where to listen: then only programs of the same machine can connect.
    pub fn is_local_only(&self) -> bool {
        self.listeners.iter().all(|listener| listener.origin == Origin::Implied)
    }

    /// Who may come in at a listener: what it says itself, and else what is said for all.
    pub fn security_at(&self, listener: &ListenerSettings) -> Security {
        let own = &listener.security;
        let plugins = [&self.security.plugins[..], &own.plugins].concat();
        if self.general.per_listener_settings {
            return Security { plugins, ..own.clone() };
        }
        Security {
            allow_anonymous: own.allow_anonymous.or(self.security.allow_anonymous),
            auto_id_prefix: own.auto_id_prefix.clone().or_else(|| self.security.auto_id_prefix.clone()),
            plugins,
            ..self.security.clone()
        }
    }

    /// Whether clients without a user name may connect to a listener: if nothing says so, only where the broker listens
    /// for programs of the same machine because no line says where to listen.
    pub fn admits_anonymous(&self, listener: &ListenerSettings) -> bool {
        let said = if self.is_local_only() {
            self.security.allow_anonymous
        } else {
            self.security_at(listener).allow_anonymous
        };
        said.unwrap_or_else(|| self.is_local_only())
    }
}

/// What concerns the whole broker.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct General {
    /// `per_listener_settings`: security options belong to the listener above them.
    pub per_listener_settings: bool,
    /// `allow_duplicate_messages`
    pub allow_duplicate_messages: bool,
    /// `check_retain_source`
    pub check_retain_source: bool,
    /// `clientid_prefixes`
    pub client_identifier_prefix: Option<String>,
    /// `enable_control_api`
    pub control_api: bool,
    /// `global_max_connections`: connections of the whole broker.
    pub connections_max: Option<u32>,
    /// `memory_limit`, in bytes.
    pub memory_bytes_max: Option<u64>,
    /// `reload_errors`, if it is set.
    pub reload_errors: Option<ReloadErrors>,
    /// `retain_expiry_interval`
    pub retain_expiry_interval: Option<Duration>,
    /// `set_tcp_nodelay`
    pub tcp_no_delay: bool,
    /// `sys_interval`; zero means no `$SYS` topics.
    pub sys_interval: Duration,
    /// `packet_buffer_size`, which is also how many bytes the head of a WebSocket request may have.
    pub packet_buffer_bytes: u16,
    /// `websockets_log_level`
    pub websockets_log_level: i32,
    /// `handshake_timeout`: for what comes before MQTT.
    pub handshake_timeout: Duration,
    /// `wrong_passwords_max`: a second, from one address.
    pub wrong_passwords_max: u16,
    /// `shards`: one for each core unless it is set.
    pub shards: Option<NonZeroU16>,
    /// `reload_on_change`: the configuration is read again when one of its files changes.
    pub reload_on_change: bool,
}

impl Default for General {
    fn default() -> Self {
        Self {
            per_listener_settings: false,
            allow_duplicate_messages: true,
            check_retain_source: true,
            client_identifier_prefix: None,
            control_api: false,
            connections_max: None,
            memory_bytes_max: None,
            reload_errors: None,
            retain_expiry_interval: None,
            tcp_no_delay: false,
            sys_interval: Duration::from_secs(10),
            packet_buffer_bytes: 4096,
            websockets_log_level: 0,
            handshake_timeout: Options::HANDSHAKE_TIME_MAX_DEFAULT,
            wrong_passwords_max: Options::WRONG_PASSWORDS_MAX_DEFAULT,
            shards: None,
            reload_on_change: false,
        }
    }
}

/// What becomes of a wrong file that is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadErrors {
    /// What was read before goes on to count.
    Keep,
    /// The broker ends.
    Fatal,
}

/// What is kept when the broker ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Keeping {
    /// `persistence`, if it is set.
    pub is_on: Option<bool>,
    /// `persistence_location`
    pub location: Option<PathBuf>,
    /// `persistence_file`
    pub file: Option<String>,
    /// `durability`
    pub durability: Durability,
    /// `autosave_interval`
    pub autosave_interval: Duration,
    /// `autosave_on_changes`
    pub autosave_on_changes: bool,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            is_on: None,
            location: None,
            file: None,
            durability: Durability::Strict,
            autosave_interval: Duration::from_mins(30),
            autosave_on_changes: false,
        }
    }
}

/// What concerns the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// `user`: who to become when started as root.
    pub user: Option<String>,
    /// `pid_file`
    pub pid_file: Option<PathBuf>,
}

/// A text that is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
