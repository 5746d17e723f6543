//! The bridges of a configuration: what each is started with, and what is said of it.

mod words;

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use martlet_bridge::{
    BridgeOptions, Bridges, Direction, Near, NearEnd, Notifications, Reload, Restart, Start, Topic, Way,
};
use martlet_client::{Options, Tls, TlsError, TlsVersion};
use martlet_server::config::{self, BridgeSettings, BridgeTls, Dialect};
use martlet_server::{BridgeEnd, Bridgehead, Broker, Operator, OwnMessage, Publisher};
use martlet_wire::{ProtocolVersion, QoS};

/// Unfinished messages of QoS 1 and 2 from the other broker, unless the configuration says otherwise; as Mosquitto has it.
const RECEIVE_MAXIMUM_DEFAULT: u16 = 20;

/// The broker, as its bridges reach it.
struct ThisBroker {
    bridgehead: Bridgehead,
    publisher: Publisher,
    operator: Operator,
}

impl Near for ThisBroker {
    fn open(&self, end: NearEnd) -> io::Result<UnixStream> {
        let NearEnd { last_packet_id, has_new_session, takes_messages } = end;
        self.bridgehead.open(BridgeEnd { last_packet_id, has_new_session, only_subscribes: !takes_messages })
    }

    fn tell(&self, topic: &str, payload: &[u8]) {
        let message = OwnMessage {
            topic: topic.to_owned(),
            payload: payload.to_vec(),
            qos: QoS::AtLeastOnce,
            expiry_interval: None,
            retain: true,
        };
        // It is told again at the next change.
        let _ = self.publisher.publish(vec![message]);
    }

    fn waiting(&self, client_identifier: &str) -> usize {
        self.operator.waiting_messages(client_identifier)
    }
}

/// Keeps the bridges as the configuration wants them.
pub(super) struct BridgeKeeper {
    this: Arc<ThisBroker>,
    dialect: Dialect,
    /// Those that run; there is no thread for none.
    bridges: Option<Bridges>,
    settings: Vec<BridgeSettings>,
}

impl BridgeKeeper {
    pub(super) fn new(broker: &Broker, dialect: Dialect) -> Self {
        let (bridgehead, publisher, operator) = (broker.bridgehead(), broker.publisher(), broker.operator());
        let this = Arc::new(ThisBroker { bridgehead, publisher, operator });
        Self { this, dialect, bridges: None, settings: Vec::new() }
    }

    /// Starts those that are new, ends those that are gone, and gives the others what is said of them now.
    pub(super) fn keep(&mut self, settings: &config::Settings) {
        let gone =
            self.settings.iter().filter(|old| !settings.bridges.iter().any(|new| new.name == old.name));
        for old in gone {
            if let Some(bridges) = &self.bridges {
                bridges.remove(&old.name);
            }
        }
        for new in &settings.bridges {
            match options(new, settings, self.dialect) {
                Ok(options) => {
                    let before = self.settings.iter().find(|old| old.name == new.name);
                    let is_same = before == Some(new);
                    let is_immediate = new.reload_type == config::ReloadType::Immediate && !is_same;
                    self.put(options, if is_immediate { Reload::Immediate } else { Reload::Lazy });
                }
                Err(error) => words::say_unusable(self.dialect, new, &error),
            }
        }
        self.settings.clone_from(&settings.bridges);
    }

    /// Waits until what is published would wait for the bridges.
    pub(super) fn wait_until_listening(&self) {
        if let Some(bridges) = &self.bridges {
            bridges.wait_until_listening();
        }
    }

    /// Ends all, which say good-bye to the other brokers.
    pub(super) fn end(&mut self) {
        self.bridges = None;
    }

    fn put(&mut self, options: BridgeOptions, reload: Reload) {
        if self.bridges.is_none() {
            match Bridges::start(Arc::clone(&self.this) as Arc<dyn Near>, words::log(self.dialect)) {
                Ok(bridges) => self.bridges = Some(bridges),
                Err(error) => tracing::error!(%error, "bridges cannot be started"),
            }
        }
        if let Some(bridges) = &self.bridges {
            bridges.put(options, reload);
        }
    }
}

/// What a bridge is started with.
fn options(
    bridge: &BridgeSettings,
    settings: &config::Settings,
    dialect: Dialect,
) -> Result<BridgeOptions, TlsError> {
    // Mosquitto has the Session of a 5.0 bridge end with the connection, and what waits in it is lost.
    let lasts = !bridge.clean_start && dialect == Dialect::Martlet;
    let host = config::this_host();
    let far_client_identifier = bridge.remote_name(&host);
    let state = || format!("$SYS/broker/connection/{far_client_identifier}/state");
    let notifications = bridge.notifications.then(|| Notifications {
        topic: bridge.notification_topic.clone().unwrap_or_else(state),
        near_only: bridge.notifications_local_only,
    });
    Ok(BridgeOptions {
        name: bridge.name.clone(),
        ways: ways(bridge)?,
        topics: bridge.topics.iter().map(topic).collect(),
        version: match bridge.version {
            config::BridgeProtocol::Mqtt31 => ProtocolVersion::Mqtt31,
            config::BridgeProtocol::Mqtt311 => ProtocolVersion::Mqtt311,
            config::BridgeProtocol::Mqtt5 => ProtocolVersion::Mqtt5,
        },
        clean_start: bridge.clean_start,
        near_clean_start: bridge.local_clean_start.unwrap_or(bridge.clean_start),
        far_user_name: bridge.remote_user_name.clone(),
        far_password: bridge.remote_password.as_ref().map(|secret| secret.expose().as_bytes().to_vec()),
        near_client_identifier: bridge.local_name(&host),
        near_user_name: bridge.local_user_name.clone(),
        keep_alive: bridge.keep_alive.as_secs().try_into().unwrap_or(u16::MAX),
        start: match bridge.start_type {
            config::StartType::Automatic => Start::Automatic,
            config::StartType::Once => Start::Once,
            config::StartType::Lazy => {
                Start::Lazy { threshold: bridge.threshold as usize, idle_timeout: bridge.idle_timeout }
            }
        },
        restart: match bridge.restart {
            config::Restart::Constant(time) => Restart::Constant(time),
            config::Restart::Backoff { base, cap, stable } => Restart::Backoff { base, cap, stable },
        },
        round_robin: bridge.round_robin,
        try_private: bridge.try_private,
        notifications,
        attempt_unsubscribe: bridge.attempt_unsubscribe,
        outgoing_retain: bridge.outgoing_retain,
        packet_size_bytes_max: bridge.packet_size_bytes_max,
        incoming_packet_bytes_max: settings.engine.limits.packet_size_bytes_max,
        topic_alias_maximum: bridge.topic_alias_maximum,
        receive_maximum: bridge.receive_maximum.unwrap_or(RECEIVE_MAXIMUM_DEFAULT),
        session_expiry_interval: bridge.session_expiry_interval.unwrap_or(if lasts { u32::MAX } else { 0 }),
        far_client_identifier,
    })
}

fn topic(topic: &config::BridgeTopic) -> Topic {
    Topic {
        pattern: topic.pattern.clone(),
        direction: match topic.direction {
            config::Direction::Out => Direction::Out,
            config::Direction::In => Direction::In,
            config::Direction::Both => Direction::Both,
        },
        qos: topic.qos,
        near_prefix: topic.local_prefix.clone().unwrap_or_default(),
        far_prefix: topic.remote_prefix.clone().unwrap_or_default(),
    }
}

fn ways(bridge: &BridgeSettings) -> Result<Vec<Way>, TlsError> {
    let tls = tls(&bridge.tls)?;
    let way = |address: &config::BridgeAddress| {
        let (host, port) = (address.host.clone(), address.port);
        let mut options = if bridge.tls.is_on() {
            Options::new(martlet_client::Address::Tls { host: host.clone(), port }).tls(tls.clone())
        } else {
            Options::tcp(host.clone(), port)
        };
        if let Some(local) = &bridge.bind_address {
            options = options.bind_address(local);
        }
        if let Some((idle, interval, probes)) = bridge.tcp_keep_alive {
            options = options.tcp_keep_alive(idle, interval, probes);
        }
        if let Some(timeout) = bridge.tcp_user_timeout {
            options = options.tcp_user_timeout(timeout);
        }
        Way { host, port, options: pre_shared(options, &bridge.tls) }
    };
    Ok(bridge.addresses.iter().map(way).collect())
}

#[cfg(feature = "psk")]
fn pre_shared(options: Options, tls: &BridgeTls) -> Options {
    let (Some(identity), Some(key)) = (&tls.psk_identity, &tls.psk) else { return options };
    // The configuration has been checked: it is a hexadecimal number.
    let key = crate::connect::bytes_of_hexadecimal(key.expose()).unwrap_or_default();
    options.psk(identity, key)
}

#[cfg(not(feature = "psk"))]
fn pre_shared(options: Options, _: &BridgeTls) -> Options {
    options
}

fn tls(settings: &BridgeTls) -> Result<Tls, TlsError> {
    let mut tls = Tls::default();
    if let Some(file) = &settings.ca_file {
        tls = tls.ca_file(file)?;
    }
    if let Some(folder) = &settings.ca_folder {
        tls = tls.ca_directory(folder)?;
    }
    if settings.use_system_roots {
        tls = tls.system_authorities();
    }
    if let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) {
        tls = tls.client_certificate(certificate, key)?;
    }
    let ciphers: Vec<&str> =
        [&settings.ciphers, &settings.ciphers_tls13].into_iter().flatten().map(String::as_str).collect();
    if !ciphers.is_empty() {
        tls = tls.cipher_list(&ciphers.join(":"))?;
    }
    match settings.version_min {
        Some(config::TlsVersion::V13) => tls = tls.version_min(TlsVersion::Tls13),
        Some(_) => tls = tls.version_min(TlsVersion::Tls12),
        None => {}
    }
    if let Some(protocol) = &settings.alpn {
        tls = tls.alpn(&[protocol]);
    }
    Ok(if settings.is_insecure { tls.dangerously_accept_any_name() } else { tls.accept_common_name() })
}
