//! Line by line from options to settings.

use core::net::IpAddr;
use core::num::NonZeroU16;

use martlet_engine::{Config, PACKET_SIZE_BYTES_MAX_LEAST};
use martlet_store::Durability;
use martlet_wire::QoS;

use super::limits::{self, PACKET_SIZE_BYTES_MAX_MOST};
use super::number::number;
use super::{Keeping, Problem, Settings};
use crate::options::{Host, ListenAddress};

/// The port of MQTT.
const PORT_DEFAULT: u16 = 1883;

/// What the lines so far say.
#[derive(Default)]
pub(super) struct Reader {
    /// What `port` and `bind_address` make.
    default_listener: Option<Listener>,
    listeners: Vec<Listener>,
    /// The value of `allow_anonymous`, and its line.
    allow_anonymous: Option<(bool, usize)>,
    shards: Option<NonZeroU16>,
    engine: Config,
    keeping: Keeping,
}

/// A listener, and where the file has it.
struct Listener {
    address: ListenAddress,
    line: usize,
    maximum_qos: QoS,
    /// Where the file sets `maximum_qos`.
    qos_line: usize,
}

impl Listener {
    const fn new(host: Host, port: u16, line: usize, maximum_qos: QoS) -> Self {
        Self { address: ListenAddress { host, port }, line, maximum_qos, qos_line: line }
    }

    fn is_local(&self) -> bool {
        match &self.address.host {
            Host::Loopback => true,
            Host::Any => false,
            Host::Named(name) => {
                name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl Reader {
    /// Takes one line: an option and the words behind it.
    pub(super) fn take(&mut self, line: usize, option: &str, values: &[&str]) -> Result<(), Problem> {
        let limits = &mut self.engine.limits;
        match option {
            "listener" => self.listener(line, values)?,
            "port" => {
                let port = port(option, one(option, values)?)?;
                self.default_listener(line).address.port = port;
            }
            "bind_address" => {
                let host = Host::Named(one(option, values)?.into());
                self.default_listener(line).address.host = host;
            }
            "allow_anonymous" => self.allow_anonymous = Some((boolean(option, one(option, values)?)?, line)),
            "maximum_qos" | "max_qos" => self.maximum_qos(line, option, one(option, values)?)?,
            "retain_available" => {
                self.engine.features.retain_available = boolean(option, one(option, values)?)?;
            }
            "exactly_once_at_release" => {
                self.engine.features.exactly_once_at_release = boolean(option, one(option, values)?)?;
            }
            "reason_strings" => self.engine.features.reason_strings = boolean(option, one(option, values)?)?,
            "response_information" => {
                self.engine.features.response_information = Some(one(option, values)?.into());
            }
            "server_reference" => self.engine.features.server_reference = Some(one(option, values)?.into()),
            "allow_zero_length_clientid" => {
                self.engine.features.allow_zero_length_client_identifier =
                    boolean(option, one(option, values)?)?;
            }
            "max_packet_size" => {
                let (least, most) = (PACKET_SIZE_BYTES_MAX_LEAST, PACKET_SIZE_BYTES_MAX_MOST);
                limits.packet_size_bytes_max = number(option, one(option, values)?, least, most)?;
            }
            "message_size_limit" => match number(option, one(option, values)?, 0, u32::MAX)? {
                0 => {} // Mosquitto's default: no limit but that of the packet.
                limit => return Err(Problem::Unsupported { what: format!("{option} {limit}") }),
            },
            "max_inflight_messages" => {
                let maximum = number(option, one(option, values)?, 0, u16::MAX)?;
                limits.inflight_messages_max = if maximum == 0 { u16::MAX } else { maximum };
            }
            "max_queued_messages" => {
                let maximum = number(option, one(option, values)?, 0, usize::MAX)?;
                limits.queued_messages_max = if maximum == 0 { usize::MAX } else { maximum };
            }
            "max_queued_bytes" => {
                let maximum = number(option, one(option, values)?, 0, usize::MAX)?;
                limits.queued_bytes_max = if maximum == 0 { usize::MAX } else { maximum };
            }
            "max_keepalive" => limits.keep_alive_max = number(option, one(option, values)?, 0, u16::MAX)?,
            "persistence" => self.keeping.is_on = Some(boolean(option, one(option, values)?)?),
            "persistence_location" => self.keeping.location = Some(one(option, values)?.into()),
            "durability" => self.keeping.durability = durability(option, one(option, values)?)?,
            "autosave_interval" | "autosave_on_changes" | "persistence_file" => {
                one(option, values)?;
                tracing::info!(option, "everything is saved at once, so this option has no effect");
            }
            "shards" => {
                self.shards = NonZeroU16::new(number(option, one(option, values)?, 1, u16::MAX)?);
            }
            _ => match limits::field(limits, option) {
                Some(field) => field.set(option, one(option, values)?)?,
                None => return Err(Problem::Unsupported { what: option.into() }),
            },
        }
        Ok(())
    }

    /// What all lines together say, or the line that is at fault.
    pub(super) fn finish(mut self) -> Result<Settings, (usize, Problem)> {
        let listeners: Vec<Listener> = self.default_listener.into_iter().chain(self.listeners).collect();
        match self.allow_anonymous {
            Some((true, _)) => {}
            Some((false, line)) => return Err((line, Problem::NobodyAllowed)),
            None => {
                if let Some(remote) = listeners.iter().find(|listener| !listener.is_local()) {
                    return Err((remote.line, Problem::NobodyAllowed));
                }
            }
        }
        if let Some(first) = listeners.first() {
            let differs = |listener: &&Listener| listener.maximum_qos != first.maximum_qos;
            if let Some(other) = listeners.iter().find(differs) {
                let what = "maximum_qos that differs between listeners".into();
                return Err((first.qos_line.max(other.qos_line), Problem::Unsupported { what }));
            }
            self.engine.features.maximum_qos = first.maximum_qos;
        }
        Ok(Settings {
            listeners: listeners.into_iter().map(|listener| listener.address).collect(),
            shards: self.shards,
            engine: self.engine,
            keeping: self.keeping,
        })
    }

    fn listener(&mut self, line: usize, values: &[&str]) -> Result<(), Problem> {
        let (port_value, host) = match values {
            [port] => (port, Host::Any),
            [port, host] => (port, Host::Named((*host).into())),
            _ => {
                let expected = "a port and, if not all, the address to listen on";
                return Err(Problem::Count { option: "listener".into(), expected });
            }
        };
        if *port_value == "0" {
            return Err(Problem::Unsupported { what: "listener 0".into() }); // a Unix socket
        }
        let port = port("listener", port_value)?;
        self.listeners.push(Listener::new(host, port, line, self.engine.features.maximum_qos));
        Ok(())
    }

    fn default_listener(&mut self, line: usize) -> &mut Listener {
        let maximum_qos = self.engine.features.maximum_qos;
        self.default_listener.get_or_insert_with(|| Listener::new(Host::Any, PORT_DEFAULT, line, maximum_qos))
    }

    /// Concerns the listener above it or else the default listener; where there is none yet, all that follow.
    fn maximum_qos(&mut self, line: usize, option: &str, value: &str) -> Result<(), Problem> {
        let qos = number(option, value, 0, 2_u8)?;
        let qos = QoS::try_from(qos).unwrap_or_default();
        if self.listeners.is_empty() && self.default_listener.is_none() {
            self.engine.features.maximum_qos = qos;
        } else if let Some(listener) = self.listeners.last_mut().or(self.default_listener.as_mut()) {
            listener.maximum_qos = qos;
            listener.qos_line = line;
        }
        Ok(())
    }
}

fn one<'a>(option: &str, values: &[&'a str]) -> Result<&'a str, Problem> {
    match values {
        [value] => Ok(value),
        _ => Err(Problem::Count { option: option.into(), expected: "one value" }),
    }
}

fn boolean(option: &str, value: &str) -> Result<bool, Problem> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => {
            let expected = "`true` or `false`".into();
            Err(Problem::Value { option: option.into(), value: value.into(), expected })
        }
    }
}

fn durability(option: &str, value: &str) -> Result<Durability, Problem> {
    match value {
        "strict" => Ok(Durability::Strict),
        "os" => Ok(Durability::Os),
        "none" => Ok(Durability::None),
        _ => {
            let expected = "`strict`, `os` or `none`".into();
            Err(Problem::Value { option: option.into(), value: value.into(), expected })
        }
    }
}

fn port(option: &str, value: &str) -> Result<u16, Problem> {
    number(option, value, 1, u16::MAX)
}
