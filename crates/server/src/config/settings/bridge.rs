//! Connections to other brokers.

use core::time::Duration;
use std::path::PathBuf;

use martlet_wire::QoS;

use super::{Secret, TlsVersion};

/// A connection to another broker.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct BridgeSettings {
    /// `connection`: its name.
    pub name: String,
    /// `address`: where the other broker is; the first one is the main one.
    pub addresses: Vec<BridgeAddress>,
    /// `topic`: what goes over it.
    pub topics: Vec<BridgeTopic>,
    /// `bridge_bind_address`
    pub bind_address: Option<String>,
    /// `bridge_protocol_version`
    pub version: BridgeProtocol,
    /// `cleansession`
    pub clean_start: bool,
    /// `local_cleansession`; the same as `cleansession` unless it is set.
    pub local_clean_start: Option<bool>,
    /// `remote_clientid`
    pub remote_client_identifier: Option<String>,
    /// `remote_username`
    pub remote_user_name: Option<String>,
    /// `remote_password`
    pub remote_password: Option<Secret>,
    /// `local_clientid`
    pub local_client_identifier: Option<String>,
    /// `local_username`
    pub local_user_name: Option<String>,
    /// `local_password`
    pub local_password: Option<Secret>,
    /// `keepalive_interval`
    pub keep_alive: Duration,
    /// `start_type`
    pub start_type: StartType,
    /// `idle_timeout`: how long a lazy bridge stays without work.
    pub idle_timeout: Duration,
    /// `threshold`: how many messages start a lazy bridge.
    pub threshold: u32,
    /// `restart_timeout`
    pub restart: Restart,
    /// `round_robin`
    pub round_robin: bool,
    /// `try_private`
    pub try_private: bool,
    /// `notifications`
    pub notifications: bool,
    /// `notifications_local_only`
    pub notifications_local_only: bool,
    /// `notification_topic`
    pub notification_topic: Option<String>,
    /// `bridge_attempt_unsubscribe`
    pub attempt_unsubscribe: bool,
    /// `bridge_outgoing_retain`
    pub outgoing_retain: bool,
    /// `bridge_reload_type`
    pub reload_type: ReloadType,
    /// `bridge_max_packet_size`
    pub packet_size_bytes_max: Option<u32>,
    /// `bridge_max_topic_alias`
    pub topic_alias_maximum: u16,
    /// `bridge_receive_maximum`
    pub receive_maximum: Option<u16>,
    /// `bridge_session_expiry_interval`, in seconds.
    pub session_expiry_interval: Option<u32>,
    /// `bridge_tcp_keepalive`: idle time, interval and number of probes.
    pub tcp_keep_alive: Option<(Duration, Duration, u32)>,
    /// `bridge_tcp_user_timeout`
    pub tcp_user_timeout: Option<Duration>,
    /// TLS.
    pub tls: BridgeTls,
}

impl Default for BridgeSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            addresses: Vec::new(),
            topics: Vec::new(),
            bind_address: None,
            version: BridgeProtocol::Mqtt311,
            clean_start: false,
            local_clean_start: None,
            remote_client_identifier: None,
            remote_user_name: None,
            remote_password: None,
            local_client_identifier: None,
            local_user_name: None,
            local_password: None,
            keep_alive: Duration::from_mins(1),
            start_type: StartType::Automatic,
            idle_timeout: Duration::from_mins(1),
            threshold: 10,
            restart: Restart::default(),
            round_robin: false,
            try_private: true,
            notifications: true,
            notifications_local_only: false,
            notification_topic: None,
            attempt_unsubscribe: true,
            outgoing_retain: true,
            reload_type: ReloadType::Lazy,
            packet_size_bytes_max: None,
            topic_alias_maximum: 10,
            receive_maximum: None,
            session_expiry_interval: None,
            tcp_keep_alive: None,
            tcp_user_timeout: None,
            tls: BridgeTls::default(),
        }
    }
}

impl BridgeSettings {
    /// The Client Identifier at the other broker.
    pub fn remote_name(&self, this_host: &str) -> String {
        self.remote_client_identifier.clone().unwrap_or_else(|| format!("{this_host}.{}", self.name))
    }

    /// The Client Identifier at this broker.
    pub fn local_name(&self, this_host: &str) -> String {
        let default = || format!("local.{}", self.remote_name(this_host));
        self.local_client_identifier.clone().unwrap_or_else(default)
    }
}

/// Where another broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeAddress {
    /// An address or a name.
    pub host: String,
    /// From 1.
    pub port: u16,
}

/// What goes over a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeTopic {
    /// The Topic Filter without prefixes; `None` for the single topic that the prefixes are.
    pub pattern: Option<String>,
    /// Where to.
    pub direction: Direction,
    /// The highest QoS.
    pub qos: QoS,
    /// What stands before it at this broker.
    pub local_prefix: Option<String>,
    /// What stands before it at the other broker.
    pub remote_prefix: Option<String>,
}

/// Where messages go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// To the other broker.
    #[default]
    Out,
    /// From the other broker.
    In,
    /// Both.
    Both,
}

/// What a bridge speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BridgeProtocol {
    /// MQTT 3.1
    Mqtt31,
    /// MQTT 3.1.1
    #[default]
    Mqtt311,
    /// MQTT 5.0
    Mqtt5,
}

/// When a bridge connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartType {
    /// At once, and again whenever the connection is lost.
    #[default]
    Automatic,
    /// When enough messages wait.
    Lazy,
    /// Once.
    Once,
}

/// How long a bridge waits before it connects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Always the same time.
    Constant(Duration),
    /// Longer and longer, with some randomness.
    Backoff {
        /// The first time.
        base: Duration,
        /// The longest time.
        cap: Duration,
        /// How long a connection has to last for the next wait to be the first again.
        stable: Duration,
    },
}

impl Default for Restart {
    fn default() -> Self {
        Self::Backoff { base: Duration::from_secs(5), cap: Duration::from_secs(30), stable: Duration::ZERO }
    }
}

/// When a changed configuration reaches a bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReloadType {
    /// When it connects the next time.
    #[default]
    Lazy,
    /// At once: it connects anew.
    Immediate,
}

/// The TLS options of a bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeTls {
    /// `bridge_cafile`
    pub ca_file: Option<PathBuf>,
    /// `bridge_capath`
    pub ca_folder: Option<PathBuf>,
    /// `bridge_tls_use_os_certs`
    pub use_system_roots: bool,
    /// `bridge_certfile`
    pub certificate: Option<PathBuf>,
    /// `bridge_keyfile`
    pub key: Option<PathBuf>,
    /// `bridge_alpn`
    pub alpn: Option<String>,
    /// `bridge_ciphers`
    pub ciphers: Option<String>,
    /// `bridge_ciphers_tls1.3`
    pub ciphers_tls13: Option<String>,
    /// `bridge_tls_version`; 1.2 unless it is set.
    pub version_min: Option<TlsVersion>,
    /// `bridge_insecure`: the name in the certificate does not matter.
    pub is_insecure: bool,
    /// `bridge_require_ocsp`
    pub require_ocsp: bool,
    /// `bridge_identity`
    pub psk_identity: Option<String>,
    /// `bridge_psk`
    pub psk: Option<Secret>,
}

impl BridgeTls {
    /// Whether certificates are used.
    pub const fn has_certificates(&self) -> bool {
        self.ca_file.is_some() || self.ca_folder.is_some() || self.certificate.is_some() || self.key.is_some()
    }

    /// Whether a pre-shared key is used.
    pub const fn has_psk(&self) -> bool {
        self.psk_identity.is_some() || self.psk.is_some()
    }

    /// Whether the connection is encrypted.
    pub const fn is_on(&self) -> bool {
        self.ca_file.is_some() || self.ca_folder.is_some() || self.use_system_roots || self.psk.is_some()
    }
}
