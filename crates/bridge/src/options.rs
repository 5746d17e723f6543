//! What a bridge is started with.

use core::fmt;
use core::time::Duration;

use martlet_client::Options;
use martlet_wire::ProtocolVersion;

use crate::topics::Topics;

/// What a bridge is started with.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct BridgeOptions {
    /// Its name.
    pub name: String,
    /// The ways to the other broker, at least one; the first is the main one.
    pub ways: Vec<Way>,
    /// What goes over it.
    pub topics: Topics,
    /// What it speaks at first. If the other broker knows no 5.0, it goes on with 3.1.1.
    pub version: ProtocolVersion,
    /// Whether the Session at the other broker ends with the connection.
    pub clean_start: bool,
    /// Whether the Session at this broker ends with the connection.
    pub near_clean_start: bool,
    /// The Client Identifier at the other broker.
    pub far_client_identifier: String,
    /// The user name at the other broker.
    pub far_user_name: Option<String>,
    /// The password at the other broker. A secret.
    pub far_password: Option<Vec<u8>>,
    /// The Client Identifier at this broker.
    pub near_client_identifier: String,
    /// The user name at this broker.
    pub near_user_name: Option<String>,
    /// Keep Alive, in seconds.
    pub keep_alive: u16,
    /// When it connects.
    pub start: Start,
    /// How long it waits before it connects again.
    pub restart: Restart,
    /// Whether all ways are alike; otherwise it goes back to the first when it can.
    pub round_robin: bool,
    /// Whether it tells the other broker before 5.0 that it is a bridge.
    pub try_private: bool,
    /// Whether and where it is told that it is connected.
    pub notifications: Option<Notifications>,
    /// Whether it unsubscribes at the other broker from what only goes out.
    pub attempt_unsubscribe: bool,
    /// Whether retained messages go out as such.
    pub outgoing_retain: bool,
    /// Bytes of a packet from this broker to the other; more than the other takes are never sent.
    pub packet_size_bytes_max: Option<u32>,
    /// Bytes of a packet from the other broker; a larger one ends the connection.
    pub incoming_packet_bytes_max: u32,
    /// Topic Aliases that the other broker may use.
    pub topic_alias_maximum: u16,
    /// Unfinished messages of QoS 1 and 2 from the other broker.
    pub receive_maximum: u16,
    /// Session Expiry Interval at the other broker, in seconds.
    pub session_expiry_interval: u32,
}

impl BridgeOptions {
    /// Where the other broker is told that the bridge is connected, if it is: a Will tells there that it is not.
    pub(crate) fn far_notifications(&self) -> Option<&Notifications> {
        self.notifications.as_ref().filter(|it| !it.near_only)
    }
}

// By hand, so that no secret comes into a log.
impl fmt::Debug for BridgeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeOptions").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One way to the other broker.
#[derive(Clone, Debug)]
pub struct Way {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What the client library needs: address, local address, TLS.
    pub options: Options,
}

/// When a bridge connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At once, and again whenever the connection is lost.
    Automatic,
    /// Once.
    Once,
    /// When so many messages wait, until it had nothing to do for some time.
    Lazy {
        /// Messages that have to wait.
        threshold: usize,
        /// How long it stays without work.
        idle_timeout: Duration,
    },
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

/// Where it is told whether a bridge is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notifications {
    /// The topic, at both brokers.
    pub topic: String,
    /// Only this broker is told.
    pub near_only: bool,
}
