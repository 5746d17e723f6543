//! From settings to what the broker is started with.

mod access;
mod listeners;

use core::fmt;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use martlet_engine::{Config, ListenerRules};
use martlet_store::Durability;
use martlet_wire::ProtocolVersion;

use super::problem::{ConfigError, Place, Problem};
use super::settings::{BundledPlugin, Keeping, ListenerSettings, LogFormat, PluginSettings, Settings};
use super::unsupported::unsupported;
use super::{Configuration, Dialect};
use crate::auth::{AccessFileError, Authority};
use crate::control::ControlHandlers;
use crate::control::about::{About, ListenerFacts, PluginFacts};
use crate::dynsec;
use crate::logging::LogPlan;
use crate::options::{self, Host, ListenAddress, ListenerOptions, Options, Wording};
use crate::persist::Persistence;

/// The port of MQTT.
const PORT_DEFAULT: u16 = 1883;
/// The folder of the program in a folder of several programs.
const FOLDER: &str = "martlet";

/// What the broker is to be started with, apart from the configuration.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// How the program is called.
    pub dialect: Dialect,
    /// The ports of the command line; they count when no line of the configuration says where to listen.
    pub ports: Vec<u16>,
    /// The name of the configuration file, for messages.
    pub file: Option<String>,
    /// A file for the secrets of TLS.
    pub key_log: Option<PathBuf>,
}

/// Why a broker cannot be started with a configuration.
#[derive(Debug)]
pub enum PlanError {
    /// The configuration asks for what it cannot have: each line for itself.
    Config(Vec<ConfigError>),
    /// The configuration has listeners, and none has this port of the command line.
    Port(u16),
    /// `tls_version` names none that there is.
    TlsVersion(String),
    /// A file by which clients are known cannot be used.
    Access(AccessFileError),
    /// The pre-shared keys of a listener cannot be read.
    PskFile(String),
    /// A file of revoked certificates cannot be opened.
    Revocations(PathBuf),
}

impl PlanError {
    /// Whether what is wrong is a file by which clients are known.
    pub const fn is_about_clients(&self) -> bool {
        matches!(self, Self::Access(_) | Self::PskFile(_))
    }

    /// Whether the configuration is good by itself, and only what it names is not: Mosquitto finds that out later.
    pub const fn is_late(&self) -> bool {
        matches!(self, Self::TlsVersion(_) | Self::PskFile(_) | Self::Revocations(_))
    }
}

impl core::error::Error for PlanError {}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(errors) => {
                let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::Port(port) => {
                write!(f, "-p {port}: the configuration file has listeners, but none with this port")
            }
            Self::TlsVersion(name) => write!(f, "Unsupported tls_version \"{}\".", name.escape_debug()),
            Self::Access(error) => error.fmt(f),
            Self::PskFile(text) => f.write_str(text),
            Self::Revocations(path) => {
                write!(f, "Unable to load certificate revocation file \"{}\". Check crlfile.", path.display())
            }
        }
    }
}

impl Plan {
    /// What the broker is started with. The seed of its randomness is left to the caller.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn options(&self, configuration: &Configuration) -> Result<Options, PlanError> {
        let problems = self.problems(configuration);
        if !problems.is_empty() {
            return Err(PlanError::Config(problems));
        }
        let settings = &configuration.settings;
        let listeners = self.listeners(settings)?;
        let port = listeners.iter().find_map(port_of).unwrap_or(PORT_DEFAULT);
        let authority = self.authority(configuration).map_err(PlanError::Access)?;
        Ok(Options {
            listeners,
            shards: settings.general.shards,
            engine: self.engine(configuration),
            rules: options::Rules::default(),
            authority: Some(Arc::new(authority)),
            dynamic_security: access::dynamic_security(settings),
            persistence: self.persistence(&settings.keeping, port, env::var_os),
            connections_of_node_max: settings.general.connections_max.map(|most| most as usize),
            memory_bytes_max: settings.general.memory_bytes_max,
            listener_facts: self.facts(settings),
            control: self.control(settings),
            sys_interval: Some(settings.general.sys_interval).filter(|interval| !interval.is_zero()),
            wording: self.wording(settings),
            handshake_time_max: settings.general.handshake_timeout,
            last_acknowledgements_time_max: Options::LAST_ACKNOWLEDGEMENTS_TIME_MAX_DEFAULT,
            wrong_passwords_max: settings.general.wrong_passwords_max,
            waits_to_let_in: false,
            hangup: None,
        })
    }

    /// Who may come in and do what, whatever else the configuration says.
    ///
    /// # Errors
    /// A file of passwords or rules cannot be read, or something in it is wrong.
    pub fn authority(&self, configuration: &Configuration) -> Result<Authority, AccessFileError> {
        let settings = &configuration.settings;
        access::authority(settings, &self.offered(settings))
    }

    /// The same with what dynamic security says at this moment. Nothing is made that is not there yet.
    ///
    /// # Errors
    /// A file cannot be read, or something in it is wrong.
    pub fn authority_at_work(&self, configuration: &Configuration) -> Result<Authority, String> {
        let authority = self.authority(configuration).map_err(|error| error.to_string())?;
        Ok(match access::dynamic_security(&configuration.settings) {
            Some(options) => authority.with_dynamic(Arc::new(dynsec::read(&options.config_file)?.rules())),
            None => authority,
        })
    }

    /// Limits and features, with those defaults of Mosquitto that people depend on and the standard leaves open.
    fn engine(&self, configuration: &Configuration) -> Config {
        let settings = &configuration.settings;
        let mut engine = settings.engine.clone();
        engine.listeners = self.offered(settings).iter().map(|listener| rules(settings, listener)).collect();
        engine.features.sparkplug_aware =
            access::plugins(settings).any(|plugin| plugin.bundled() == Some(BundledPlugin::SparkplugAware));
        if self.dialect == Dialect::Mosquitto {
            let is_given = |name: &str| configuration.given.iter().any(|given| given.option.name == name);
            engine.features.reason_strings &= is_given("reason_strings");
            engine.features.exactly_once_at_release |= !is_given("exactly_once_at_release");
            engine.features.mosquitto_behaviour |= !is_given("mosquitto_behaviour");
        }
        engine
    }

    /// Who handles requests to the broker.
    fn control(&self, settings: &Settings) -> ControlHandlers {
        let handlers = ControlHandlers::default();
        if settings.general.control_api {
            let plugins = access::plugins(settings).filter_map(PluginSettings::bundled).map(plugin_facts);
            let about = About { listeners: self.facts(settings), plugins: plugins.collect() };
            handlers.set(About::TOPIC, Some(Arc::new(about)));
        }
        handlers
    }

    /// What is told of each listener.
    fn facts(&self, settings: &Settings) -> Vec<ListenerFacts> {
        let mut facts: Vec<ListenerFacts> =
            self.offered(settings).iter().map(|listener| listeners::facts(settings, listener)).collect();
        if settings.is_local_only() {
            for (facts, port) in facts.iter_mut().zip(self.ports_of_command_line()) {
                facts.port = *port;
            }
        }
        facts
    }

    /// The words of the log go with the format of its lines.
    fn wording(&self, settings: &Settings) -> Wording {
        match LogPlan::new(&settings.logging, self.dialect, None).format {
            LogFormat::Mosquitto => Wording::Mosquitto,
            LogFormat::Text | LogFormat::Json => Wording::Own,
        }
    }

    /// What the configuration asks for and cannot have.
    fn problems(&self, configuration: &Configuration) -> Vec<ConfigError> {
        let mut problems = unsupported(configuration);
        let settings = &configuration.settings;
        problems.extend(access::second_dynamic_security(configuration));
        let nobody = !self.offered(settings).iter().any(|listener| access::admits_anyone(settings, listener));
        // Mosquitto starts, and turns everyone away.
        if problems.is_empty() && nobody && self.dialect == Dialect::Martlet {
            problems.push((anonymous_line(configuration), Problem::NobodyAllowed));
        }
        let file: Arc<str> = self.file.as_deref().unwrap_or_default().into();
        let error = |(at, problem)| ConfigError {
            file: Arc::clone(&file),
            at,
            included_at: None,
            is_late: true,
            problem: Box::new(problem),
        };
        problems.into_iter().map(error).collect()
    }

    /// The settings of each listener, by their numbers. Where no line says where to listen, options for listeners concern
    /// all ports of this machine, and Mosquitto offers programs of this machine its HTTP API as well.
    fn offered(&self, settings: &Settings) -> Vec<ListenerSettings> {
        if !settings.is_local_only() {
            return settings.listeners.clone();
        }
        let listener = settings.listeners.first().cloned().unwrap_or_default();
        let mut offered = vec![listener; self.ports.len().max(1)];
        if self.dialect == Dialect::Mosquitto {
            offered.push(ListenerSettings::local_http_api());
        }
        offered
    }

    /// Where to listen if no line says so.
    fn ports_of_command_line(&self) -> &[u16] {
        if self.ports.is_empty() { &[PORT_DEFAULT] } else { &self.ports }
    }

    fn listeners(&self, settings: &Settings) -> Result<Vec<ListenerOptions>, PlanError> {
        let around = listeners::Around { settings, dialect: self.dialect, key_log: self.key_log.as_deref() };
        let offered = self.offered(settings);
        let offered = offered.iter().map(|listener| around.options(listener));
        let mut listeners = offered.collect::<Result<Vec<_>, _>>()?;
        if settings.is_local_only() {
            for (listener, port) in listeners.iter_mut().zip(self.ports_of_command_line()) {
                listener.place = options::Place::Tcp(ListenAddress { host: Host::Loopback, port: *port });
            }
            return Ok(listeners);
        }
        let is_there = |port: &u16| listeners.iter().any(|listener| port_of(listener) == Some(*port));
        match self.ports.iter().find(|port| !is_there(port)) {
            Some(port) if self.dialect == Dialect::Martlet => Err(PlanError::Port(*port)),
            Some(port) => {
                tracing::warn!("Warning: -p {port} has no effect, since the configuration has listeners.");
                Ok(listeners)
            }
            None => Ok(listeners),
        }
    }

    /// What is kept and where. Unless the configuration says otherwise: for Mosquitto nothing; for us all that has to
    /// survive, in a folder of the user's for each port. A broker on any port that is free is not the same one the next
    /// time, and keeps nothing.
    fn persistence(
        &self,
        keeping: &Keeping,
        port: u16,
        environment: impl Fn(&'static str) -> Option<OsString>,
    ) -> Option<Persistence> {
        let is_mosquitto = self.dialect == Dialect::Mosquitto;
        let is_on_by_default = !is_mosquitto && (port != 0 || keeping.location.is_some());
        if !keeping.is_on.unwrap_or(is_on_by_default) || keeping.durability == Durability::None {
            return None;
        }
        let own_location = environment("MOSQUITTO_PERSISTENCE_LOCATION").filter(|_| is_mosquitto);
        let location = match own_location.map(PathBuf::from).or_else(|| keeping.location.clone()) {
            None if is_mosquitto => PathBuf::from("."),
            None => {
                let folder = own_folder(environment).join(port.to_string());
                return Some(Persistence {
                    durability: keeping.durability,
                    ..Persistence::in_folder(folder)
                });
            }
            Some(location) => location,
        };
        // Two brokers may share the location, if each has a file of its own.
        let folder = keeping.file.as_ref().map_or_else(|| FOLDER.into(), |file| format!("{file}.{FOLDER}"));
        let file = keeping.file.as_deref().unwrap_or("mosquitto.db");
        Some(Persistence {
            durability: keeping.durability,
            stand_in: is_mosquitto.then(|| location.join(file)),
            ..Persistence::in_folder(location.join(folder))
        })
    }
}

/// The line that says who may come in, or else that of a listener.
fn anonymous_line(configuration: &Configuration) -> Option<Place> {
    let named = |name: &str| {
        let given = configuration.given.iter().rev().find(|given| given.option.name == name);
        given.map(|given| given.at.clone())
    };
    named("allow_anonymous")
        .or_else(|| named("listener_allow_anonymous"))
        .or_else(|| configuration.listener_places.first().cloned())
}

/// What is told of a plugin.
fn plugin_facts(plugin: BundledPlugin) -> PluginFacts {
    let name = match plugin {
        BundledPlugin::AclFile => "acl-file",
        BundledPlugin::DynamicSecurity => "dynamic-security",
        BundledPlugin::PasswordFile => "password-file",
        BundledPlugin::PersistSqlite => "persist-sqlite",
        BundledPlugin::SparkplugAware => "sparkplug-aware",
    };
    let handles = plugin == BundledPlugin::DynamicSecurity;
    let control_topics = handles.then(|| martlet_dynsec::COMMAND_TOPIC.to_owned()).into_iter().collect();
    PluginFacts { name: name.to_owned(), version: None, control_topics }
}

/// What is offered at a listener.
fn rules(settings: &Settings, listener: &ListenerSettings) -> ListenerRules {
    let security = settings.security_at(listener);
    let versions = &listener.versions;
    let table = [
        (ProtocolVersion::Mqtt31, versions.mqtt31),
        (ProtocolVersion::Mqtt311, versions.mqtt311),
        (ProtocolVersion::Mqtt5, versions.mqtt5),
    ];
    let default = ListenerSettings::default();
    let unless_default = |value: u16, default: u16| (value != default).then_some(value);
    ListenerRules {
        refused_versions: table.into_iter().filter(|(_, may)| !may).map(|(version, _)| version).collect(),
        maximum_qos: Some(listener.maximum_qos).filter(|qos| *qos != default.maximum_qos),
        topic_alias_maximum: unless_default(listener.topic_alias_maximum, default.topic_alias_maximum),
        topic_alias_maximum_outgoing: unless_default(
            listener.topic_alias_maximum_outgoing,
            default.topic_alias_maximum_outgoing,
        ),
        allow_zero_length_client_identifier: Some(security.allow_zero_length_client_identifier),
        client_identifier_prefix: security.auto_id_prefix,
        user_name: access::user_name_source(listener),
        user_name_is_client_identifier: listener.user_name_is_client_identifier,
        mount_point: listener.mount_point.clone(),
    }
}

/// The TCP port of a listener.
fn port_of(listener: &ListenerOptions) -> Option<u16> {
    match &listener.place {
        options::Place::Tcp(address) => Some(address.port),
        options::Place::Unix(_) => None,
    }
}

/// Where programs of this user keep what has to survive.
fn own_folder(environment: impl Fn(&'static str) -> Option<OsString>) -> PathBuf {
    let named = |name| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_home = |home: PathBuf| (home != Path::new("/root")).then(|| home.join(".local/state"));
    named("XDG_STATE_HOME")
        .or_else(|| named("HOME").and_then(of_home))
        .unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join(FOLDER)
}

#[cfg(test)]
mod tests;
