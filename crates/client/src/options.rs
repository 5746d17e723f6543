//! What a client is started with.

use core::num::{NonZeroU16, NonZeroU32};
use core::time::Duration;

use martlet_wire::{Property, ProtocolVersion};

use crate::address::{Address, AddressError};
use crate::authentication::{Authenticator, SharedAuthenticator};
use crate::properties::PropertyList;
use crate::reconnect::{self, Reconnect};
use crate::store::{SessionStore, SharedStore};
use crate::will::Will;

/// What a client is started with: where the server is, who the client is, and how much it takes at once.
///
/// ```
/// use core::time::Duration;
/// use martlet_client::Options;
///
/// let options = Options::tcp("localhost", 1883)
///     .client_identifier("thermometer-7")
///     .credentials("thermometer", "secret")
///     .keep_alive(Duration::from_secs(30));
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Options {
    pub(crate) address: Address,
    pub(crate) bind_address: Option<String>,
    pub(crate) no_delay: bool,
    pub(crate) tcp_keep_alive: Option<(Duration, Duration, u32)>,
    pub(crate) tcp_user_timeout: Option<Duration>,
    pub(crate) version: ProtocolVersion,
    pub(crate) client_identifier: String,
    /// Whether it is the application's, and not a random one.
    pub(crate) has_client_identifier: bool,
    pub(crate) clean_start: bool,
    pub(crate) session_expiry: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) user_name: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) will: Option<Will>,
    pub(crate) authenticator: Option<SharedAuthenticator>,
    pub(crate) properties: PropertyList,
    pub(crate) receive_maximum: NonZeroU16,
    pub(crate) packet_size_bytes_max: NonZeroU32,
    pub(crate) topic_alias_maximum: u16,
    pub(crate) topic_alias_maximum_outgoing: u16,
    pub(crate) inflight_messages_max: Option<NonZeroU16>,
    pub(crate) unfinished_publishes_max: usize,
    pub(crate) subscription_messages_max: usize,
    pub(crate) manual_acknowledgement: bool,
    pub(crate) session_store: Option<SharedStore>,
    pub(crate) reconnect: Reconnect,
    pub(crate) connect_timeout: Duration,
    pub(crate) disconnect_timeout: Duration,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::Tls,
    #[cfg(feature = "psk")]
    pub(crate) psk: Option<crate::transport::psk::PreSharedKey>,
    #[cfg(feature = "websocket")]
    pub(crate) websocket_headers: Vec<(String, String)>,
    #[cfg(feature = "socks")]
    pub(crate) socks: Option<crate::SocksProxy>,
}

/// Bytes that no log shows.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) Vec<u8>);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Options {
    /// Options with default values, for a server at this address.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            bind_address: None,
            no_delay: true,
            tcp_keep_alive: None,
            tcp_user_timeout: None,
            version: ProtocolVersion::Mqtt5,
            client_identifier: format!("martlet-{:015x}", reconnect::random() >> 4),
            has_client_identifier: false,
            clean_start: true,
            session_expiry: Duration::from_mins(5),
            keep_alive: Duration::from_mins(1),
            user_name: None,
            password: None,
            will: None,
            authenticator: None,
            properties: PropertyList::default(),
            receive_maximum: const { NonZeroU16::new(128).expect("it is not 0") },
            packet_size_bytes_max: const { NonZeroU32::new(16 << 20).expect("it is not 0") },
            topic_alias_maximum: 64,
            topic_alias_maximum_outgoing: 16,
            inflight_messages_max: None,
            unfinished_publishes_max: 1024,
            subscription_messages_max: 256,
            manual_acknowledgement: false,
            session_store: None,
            reconnect: Reconnect::default(),
            connect_timeout: Duration::from_secs(10),
            disconnect_timeout: Duration::from_secs(5),
            #[cfg(feature = "tls")]
            tls: crate::Tls::default(),
            #[cfg(feature = "psk")]
            psk: None,
            #[cfg(feature = "websocket")]
            websocket_headers: Vec::new(),
            #[cfg(feature = "socks")]
            socks: None,
        }
    }

    /// For a server on plain TCP.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::new(Address::Tcp { host: host.into(), port })
    }

    /// For a server at a URL: see [`Address`].
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn from_url(url: &str) -> Result<Self, AddressError> {
        url.parse().map(Self::new)
    }

    /// The local address, or a name for it, from which a connection over TCP is made; by default the system chooses.
    #[must_use]
    pub fn bind_address(mut self, host: impl Into<String>) -> Self {
        self.bind_address = Some(host.into());
        self
    }

    /// Whether what is written to TCP is sent at once, without Nagle's algorithm; by default it is.
    #[must_use]
    pub fn no_delay(mut self, no_delay: bool) -> Self {
        self.no_delay = no_delay;
        self
    }

    /// Has the operating system look whether the server is still there: after so long a silence, then in this interval, and so
    /// often without an answer before the connection is lost. By default it does not look. Whole seconds, from 1.
    #[must_use]
    pub fn tcp_keep_alive(mut self, idle: Duration, interval: Duration, probes: u32) -> Self {
        self.tcp_keep_alive = Some((idle, interval, probes));
        self
    }

    /// How long sent bytes may stay without an answer of the server's operating system before the connection is lost, in whole
    /// milliseconds; by default the system decides. Only on Linux and its relatives; elsewhere it has no effect.
    #[must_use]
    pub fn tcp_user_timeout(mut self, timeout: Duration) -> Self {
        self.tcp_user_timeout = Some(timeout);
        self
    }

    /// The version of MQTT; by default 5.0.
    #[must_use]
    pub fn version(mut self, version: ProtocolVersion) -> Self {
        self.version = version;
        self
    }

    /// The Client Identifier, which names the Session; by default a random one. An empty one lets the server choose, from
    /// MQTT 3.1.1 on.
    #[must_use]
    pub fn client_identifier(mut self, name: impl Into<String>) -> Self {
        self.client_identifier = name.into();
        self.has_client_identifier = true;
        self
    }

    /// Whether the first connection begins a new Session; by default it does. Reconnects go on with the Session if they
    /// can.
    ///
    /// With `true` the Session also ends with [`Client::disconnect`](crate::Client::disconnect). In MQTT 3.1 and 3.1.1,
    /// `true` is Clean Session: there the Session ends with each connection, and a reconnect begins a new one.
    #[must_use]
    pub fn clean_start(mut self, clean_start: bool) -> Self {
        self.clean_start = clean_start;
        self
    }

    /// How long the server keeps the Session after a connection ended, in whole seconds; by default 5 minutes.
    /// `Duration::MAX` means for ever. Only in MQTT 5.0.
    #[must_use]
    pub fn session_expiry(mut self, expiry: Duration) -> Self {
        self.session_expiry = expiry;
        self
    }

    /// The longest silence of the client, in whole seconds up to 65,535; by default 60 seconds. 0 means any silence, with
    /// which a dead connection may stay unnoticed.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.keep_alive = keep_alive;
        self
    }

    /// User name and password; by default neither.
    #[must_use]
    pub fn credentials(mut self, user_name: impl Into<String>, password: impl Into<Vec<u8>>) -> Self {
        self.user_name = Some(user_name.into());
        self.password = Some(Secret(password.into()));
        self
    }

    /// A user name without a password.
    #[must_use]
    pub fn user_name(mut self, user_name: impl Into<String>) -> Self {
        self.user_name = Some(user_name.into());
        self
    }

    /// The Will; by default none.
    #[must_use]
    pub fn will(mut self, will: Will) -> Self {
        self.will = Some(will);
        self
    }

    /// A method of enhanced authentication; by default none. Only in MQTT 5.0.
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.authenticator = Some(SharedAuthenticator::new(authenticator));
        self
    }

    /// Adds a property to CONNECT: a user property, or one for which there is no option here. Only in MQTT 5.0.
    #[must_use]
    pub fn property(mut self, property: &Property<'_>) -> Self {
        self.properties.push(property);
        self
    }

    /// How many messages of QoS 1 and 2 the server may send before the application took them; by default 128. The server
    /// knows it from MQTT 5.0 on. One that sends more all the same (Mosquitto 2.0 may) is put up with: what counts then is
    /// [`Options::subscription_messages_max`].
    #[must_use]
    pub fn receive_maximum(mut self, messages: NonZeroU16) -> Self {
        self.receive_maximum = messages;
        self
    }

    /// The largest packet that the server may send, in bytes; by default 16 MiB. A larger one ends the connection.
    #[must_use]
    pub fn packet_size_bytes_max(mut self, bytes: NonZeroU32) -> Self {
        self.packet_size_bytes_max = bytes;
        self
    }

    /// How many Topic Aliases the server may use; by default 64. Only in MQTT 5.0.
    #[must_use]
    pub fn topic_alias_maximum(mut self, aliases: u16) -> Self {
        self.topic_alias_maximum = aliases;
        self
    }

    /// How many Topic Aliases the client uses if the server allows, for messages of QoS 0; by default 16. Only in MQTT 5.0.
    #[must_use]
    pub fn topic_alias_maximum_outgoing(mut self, aliases: u16) -> Self {
        self.topic_alias_maximum_outgoing = aliases;
        self
    }

    /// How many messages of QoS 1 and 2 are on their way to the server at once; by default as many as it allows. Before MQTT
    /// 5.0 it cannot say how many that are, and 20 is the default: some servers lose or reorder what exceeds their limit.
    #[must_use]
    pub fn inflight_messages_max(mut self, messages: NonZeroU16) -> Self {
        self.inflight_messages_max = Some(messages);
        self
    }

    /// How many publishes may be unfinished; by default 1024, at least 1. Further ones wait before they are taken up, so
    /// that this times the size of a message is the memory that they need.
    #[must_use]
    pub fn unfinished_publishes_max(mut self, publishes: usize) -> Self {
        self.unfinished_publishes_max = publishes.max(1);
        self
    }

    /// How many messages may wait in a [`Subscription`](crate::Subscription); by default 256, at least 1. When there are
    /// more the client stops reading from the server.
    #[must_use]
    pub fn subscription_messages_max(mut self, messages: usize) -> Self {
        self.subscription_messages_max = messages.max(1);
        self
    }

    /// Whether messages of QoS 1 and 2 are acknowledged only by [`Message::acknowledge`](crate::Message::acknowledge); by
    /// default they are when they are taken from their [`Subscription`](crate::Subscription).
    #[must_use]
    pub fn manual_acknowledgement(mut self, manual: bool) -> Self {
        self.manual_acknowledgement = manual;
        self
    }

    /// Keeps the Session beyond the life of this process, so that the next one finishes what was published with QoS 1 and 2;
    /// by default it is not kept. See [`store`](crate::store) for what is promised.
    ///
    /// [`Options::client_identifier`] has to be set, and [`Options::clean_start`] should be `false`: with `true` the server
    /// forgets its part of the Session, and what is unfinished is published anew. Clones of these options share the store, which
    /// serves one client at a time.
    #[must_use]
    pub fn session_store(mut self, store: impl SessionStore + 'static) -> Self {
        self.session_store = Some(SharedStore::new(store));
        self
    }

    /// How the client comes back after its connection was lost.
    #[must_use]
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// How long each attempt to connect may take, from the look-up of the host to CONNACK; by default 10 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long [`Client::disconnect`](crate::Client::disconnect) and the end of the last handle wait for unfinished
    /// publishes; by default 5 seconds.
    #[must_use]
    pub fn disconnect_timeout(mut self, timeout: Duration) -> Self {
        self.disconnect_timeout = timeout;
        self
    }

    /// Whom to trust, and who the client is; only of use for addresses with TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.tls = tls;
        self
    }

    /// A pre-shared key and the identity by which the server knows it, in the place of certificates; only of use for addresses
    /// with TLS, of which the options then are not used but for [`Tls::alpn`](crate::Tls::alpn). TLS 1.2 and 1.3.
    ///
    /// The identity has 1 to 128 bytes, the key 1 to 256. The key is bytes: where a server has it as hexadecimal digits, as
    /// Mosquitto does, decode them.
    ///
    /// ```
    /// use martlet_client::Options;
    ///
    /// let options = Options::from_url("mqtts://broker.example")?.psk("device-7", [0x12, 0x34, 0x56]);
    /// # Ok::<(), martlet_client::AddressError>(())
    /// ```
    #[cfg(feature = "psk")]
    #[must_use]
    pub fn psk(mut self, identity: impl Into<String>, key: impl Into<Vec<u8>>) -> Self {
        let (identity, key) = (identity.into(), Secret(key.into()));
        self.psk = Some(crate::transport::psk::PreSharedKey { identity, key });
        self
    }

    /// Adds a header to the HTTP request of a WebSocket connection.
    #[cfg(feature = "websocket")]
    #[must_use]
    pub fn websocket_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.websocket_headers.push((name.into(), value.into()));
        self
    }

    /// A SOCKS5 proxy that leads to the server; by default none.
    #[cfg(feature = "socks")]
    #[must_use]
    pub fn socks(mut self, proxy: crate::SocksProxy) -> Self {
        self.socks = Some(proxy);
        self
    }
}
