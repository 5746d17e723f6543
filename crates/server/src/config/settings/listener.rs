//! Where to listen, and who may come in there.

use core::fmt;
use std::path::PathBuf;

use martlet_wire::QoS;

pub use crate::options::Family;

/// The port of MQTT.
const PORT_DEFAULT: u16 = 1883;

/// A place to listen.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerSettings {
    /// Where.
    pub place: ListenPlace,
    /// Which line made it.
    pub origin: Origin,
    /// `protocol`
    pub protocol: Protocol,
    /// `accept_protocol_versions`
    pub versions: AcceptedVersions,
    /// `bind_interface`: the only network interface to listen on.
    pub interface: Option<String>,
    /// `socket_domain`: the only kind of address to listen on.
    pub family: Option<Family>,
    /// `max_connections`
    pub connections_max: Option<u32>,
    /// `max_qos`
    pub maximum_qos: QoS,
    /// `max_topic_alias`
    pub topic_alias_maximum: u16,
    /// `max_topic_alias_broker`
    pub topic_alias_maximum_outgoing: u16,
    /// `mount_point`: what all topics of its clients begin with, unknown to them.
    pub mount_point: Option<String>,
    /// `use_username_as_clientid`
    pub user_name_is_client_identifier: bool,
    /// `enable_proxy_protocol`
    pub proxy: Option<ProxyProtocol>,
    /// `proxy_protocol_v2_require_tls`
    pub proxy_requires_tls: bool,
    /// `http_dir`
    pub http_folder: Option<PathBuf>,
    /// `websockets_origin`; every origin will do if there is none.
    pub origins: Vec<String>,
    /// `websockets_path`; every path will do if there is none.
    pub websocket_path: Option<String>,
    /// `websockets_trusted_proxies`
    pub trusted_proxies: u16,
    /// `unix_socket_mode`: permissions of the file.
    pub unix_mode: Option<u32>,
    /// TLS.
    pub tls: ListenerTls,
    /// Who may come in: all that it says with `per_listener_settings`, and what overrides the rest without.
    pub security: Security,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            place: ListenPlace::Tcp { port: PORT_DEFAULT, host: None },
            origin: Origin::Implied,
            protocol: Protocol::Mqtt,
            versions: AcceptedVersions::default(),
            interface: None,
            family: None,
            connections_max: None,
            maximum_qos: QoS::ExactlyOnce,
            topic_alias_maximum: 10,
            topic_alias_maximum_outgoing: 10,
            mount_point: None,
            user_name_is_client_identifier: false,
            proxy: None,
            proxy_requires_tls: false,
            http_folder: None,
            origins: Vec::new(),
            websocket_path: None,
            trusted_proxies: 0,
            unix_mode: None,
            tls: ListenerTls::default(),
            security: Security::default(),
        }
    }
}

impl ListenerSettings {
    /// The HTTP API that Mosquitto offers programs of the same machine where no line says where to listen.
    pub(in crate::config) fn local_http_api() -> Self {
        Self {
            place: ListenPlace::Tcp { port: 9883, host: Some("127.0.0.1".into()) },
            protocol: Protocol::HttpApi,
            ..Self::default()
        }
    }
}

/// Where a listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenPlace {
    /// A TCP port.
    Tcp {
        /// From 1.
        port: u16,
        /// The address or name to listen on; all addresses if there is none.
        host: Option<String>,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for ListenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { port, host: None } => write!(f, "port {port}"),
            Self::Tcp { port, host: Some(host) } => write!(f, "port {port} of {}", host.escape_debug()),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Which line made a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// An option for listeners that stands above all of them. It listens only if there are others.
    #[default]
    Implied,
    /// `port` or `bind_address`.
    Default,
    /// `listener`
    Listener,
}

/// What clients speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT.
    #[default]
    Mqtt,
    /// MQTT in WebSocket.
    WebSockets,
    /// The HTTP API.
    HttpApi,
}

/// Which versions of MQTT clients may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedVersions {
    /// MQTT 3.1
    pub mqtt31: bool,
    /// MQTT 3.1.1
    pub mqtt311: bool,
    /// MQTT 5.0
    pub mqtt5: bool,
}

impl Default for AcceptedVersions {
    fn default() -> Self {
        Self { mqtt31: true, mqtt311: true, mqtt5: true }
    }
}

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// Version 1, a line of text.
    V1,
    /// Version 2.
    V2,
}

/// The TLS options of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct ListenerTls {
    /// `certfile`
    pub certificate: Option<PathBuf>,
    /// `keyfile`
    pub key: Option<PathBuf>,
    /// `cafile`
    pub ca_file: Option<PathBuf>,
    /// `capath`
    pub ca_folder: Option<PathBuf>,
    /// `crlfile`
    pub revocations: Option<PathBuf>,
    /// `ciphers`
    pub ciphers: Option<String>,
    /// `ciphers_tls1.3`
    pub ciphers_tls13: Option<String>,
    /// `tls_version`: the lowest that clients may use; 1.2 unless it is set.
    pub version_min: Option<TlsVersion>,
    /// `require_certificate`
    pub require_certificate: bool,
    /// `disable_client_cert_date_checks`
    pub ignore_dates: bool,
    /// `use_identity_as_username`
    pub identity_is_user_name: bool,
    /// `use_subject_as_username`
    pub subject_is_user_name: bool,
    /// `tls_alpn`: what clients may choose from; anything will do if there is none.
    pub protocols: Vec<String>,
    /// `psk_hint`, which turns pre-shared keys on.
    pub psk_hint: Option<String>,
    /// `tls_engine`
    pub engine: Option<String>,
    /// `tls_engine_kpass_sha1`
    pub engine_password: Option<super::Secret>,
    /// `tls_keyform engine`
    pub key_is_in_engine: bool,
}

/// The lowest version of TLS that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.1, which is not safe.
    V11,
    /// TLS 1.2.
    V12,
    /// TLS 1.3.
    V13,
    /// Anything else that was written, which only starting the broker finds out.
    Unknown(String),
}

/// Who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// `allow_anonymous`, `listener_allow_anonymous`
    pub allow_anonymous: Option<bool>,
    /// `allow_zero_length_clientid`
    pub allow_zero_length_client_identifier: bool,
    /// `auto_id_prefix`, `listener_auto_id_prefix`
    pub auto_id_prefix: Option<String>,
    /// `acl_file`
    pub acl_file: Option<PathBuf>,
    /// `password_file`
    pub password_file: Option<PathBuf>,
    /// `psk_file`
    pub psk_file: Option<PathBuf>,
    /// `plugin`, `plugin_use`: places in the list of plugins.
    pub plugins: Vec<usize>,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            allow_anonymous: None,
            allow_zero_length_client_identifier: true,
            auto_id_prefix: None,
            acl_file: None,
            password_file: None,
            psk_file: None,
            plugins: Vec::new(),
        }
    }
}
