//! Runs a broker until it is told to end.

use core::fmt::{self, Write};
use core::hash::BuildHasher;
use core::net::SocketAddr;
use std::env;
use std::ffi::OsString;
use std::hash::RandomState;
use std::io;
use std::path::{Path, PathBuf};

use martlet_server::config::{ConfigError, Keeping, Settings};
use martlet_server::signals::Ending;
use martlet_server::{
    Broker, Durability, Host, ListenAddress, Options, Persistence, Rules, ShardFailed, StartError, logging,
};

use crate::commands;
use crate::flags::Flags;
use crate::{EXIT_RUNTIME, EXIT_USAGE, say};

/// The port of MQTT.
const PORT_DEFAULT: u16 = 1883;

/// The folder of the program in a folder of several programs.
const FOLDER: &str = "martlet";

/// Why the program ends without having been told to.
#[derive(Debug)]
pub(crate) enum ServeError {
    Config(ConfigError),
    /// `-p` names a port that no listener of the configuration file has.
    Port(u16),
    Start(StartError),
    Signals(io::Error),
    Failed(ShardFailed),
}

impl ServeError {
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Port(_) => EXIT_USAGE,
            Self::Start(_) | Self::Signals(_) | Self::Failed(_) => EXIT_RUNTIME,
        }
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Port(port) => {
                write!(f, "-p {port}: the configuration file has listeners, but none with this port")
            }
            Self::Start(error) => write!(f, "{error}"),
            Self::Signals(error) => write!(f, "Cannot catch signals: {error}"),
            Self::Failed(error) => write!(f, "{error}"),
        }
    }
}

/// Starts a broker and waits for its end.
pub(crate) fn serve(flags: &Flags) -> Result<(), ServeError> {
    let options = options(flags)?;
    logging::to_stderr(flags.verbosity());
    let kept = options.persistence.as_ref().map(|persistence| persistence.location.clone());
    let ending = Ending::catch().map_err(ServeError::Signals)?;
    let broker = Broker::start(options).map_err(ServeError::Start)?;
    ending.stops(broker.stopper()).map_err(ServeError::Signals)?;
    say(io::stdout(), greeting(broker.local_addrs(), flags.config_file.is_none(), kept.as_deref()));
    broker.wait().map_err(ServeError::Failed)
}

fn options(flags: &Flags) -> Result<Options, ServeError> {
    let mut settings = match &flags.config_file {
        Some(path) => Settings::read(path).map_err(ServeError::Config)?,
        None => Settings::default(),
    };
    if commands::called_as_mosquitto() {
        // What people who call it so depend on, where the standard leaves it open.
        settings.engine.features.exactly_once_at_release = true;
        settings.keeping.is_on.get_or_insert(false);
    }
    let Settings { mut listeners, shards, mut engine, keeping } = settings;
    engine.seed = random_seed();
    if listeners.is_empty() {
        let port = flags.port.unwrap_or(PORT_DEFAULT);
        listeners.push(ListenAddress { host: Host::Loopback, port });
    } else if let Some(port) = flags.port
        && listeners.iter().all(|listener| listener.port != port)
    {
        return Err(ServeError::Port(port));
    }
    let port = listeners.first().map_or(PORT_DEFAULT, |listener| listener.port);
    let persistence = persistence(keeping, port, env::var_os);
    Ok(Options { listeners, shards, engine, rules: Rules::default(), persistence })
}

/// What is kept and where: unless the configuration says otherwise all that has to survive, in a folder of the user's for
/// each port. A broker on any port that is free is not the same one the next time, and keeps nothing.
fn persistence(
    keeping: Keeping,
    port: u16,
    environment: impl Fn(&'static str) -> Option<OsString>,
) -> Option<Persistence> {
    let is_on = keeping.is_on.unwrap_or(port != 0 || keeping.location.is_some());
    if !is_on || keeping.durability == Durability::None {
        return None;
    }
    let location = match keeping.location {
        Some(location) => location.join(FOLDER),
        None => own_folder(environment).join(port.to_string()),
    };
    Some(Persistence { durability: keeping.durability, ..Persistence::in_folder(location) })
}

/// Where programs of this user keep what has to survive.
fn own_folder(environment: impl Fn(&'static str) -> Option<OsString>) -> PathBuf {
    let named = |name| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    named("XDG_STATE_HOME")
        .or_else(|| {
            named("HOME").filter(|home| home != Path::new("/root")).map(|home| home.join(".local/state"))
        })
        .unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join(FOLDER)
}

/// A number that nobody outside can guess: names that the broker assigns depend on it.
fn random_seed() -> u64 {
    // The standard library seeds its hashers from the operating system's source of randomness.
    RandomState::new().hash_one(())
}

/// What the program listens on and, for someone who has not configured anything, how to try it.
fn greeting(addresses: &[SocketAddr], explains: bool, kept: Option<&Path>) -> String {
    let listed: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    let mut text = format!("Martlet {} listens on {}\n", env!("CARGO_PKG_VERSION"), listed.join(" and "));
    match kept {
        Some(folder) => {
            let _ = writeln!(text, "Sessions and messages are kept in {}", folder.display());
        }
        None => text.push_str("Sessions and messages are gone when it ends\n"),
    }
    if let Some(first) = addresses.first()
        && explains
    {
        let port = if first.port() == PORT_DEFAULT { String::new() } else { format!(" -p {}", first.port()) };
        let _ = write!(
            text,
            "Only programs on this machine can connect, without a password. Try it in two other terminals:\n\
             \n  mosquitto_sub{port} -v -t 'greetings/#'\
             \n  mosquitto_pub{port} -t greetings/world -m hello\n\
             \nCtrl+C ends it.\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn flags(arguments: &[&str]) -> Flags {
        Flags::try_parse_from([&["martlet"], arguments].concat()).unwrap()
    }

    #[test]
    fn without_arguments_it_listens_on_the_loopback_addresses() {
        let listen = |port| vec![ListenAddress { host: Host::Loopback, port }];
        assert_eq!(options(&flags(&[])).unwrap().listeners, listen(1883));
        assert_eq!(options(&flags(&["-p", "1884"])).unwrap().listeners, listen(1884));
    }

    #[test]
    fn the_greeting_shows_commands_that_work_as_they_stand() {
        let addresses = |port| [SocketAddr::from(([127, 0, 0, 1], port))];
        let text = greeting(&addresses(1883), true, None);
        assert!(text.contains("listens on 127.0.0.1:1883\n"), "{text}");
        assert!(text.contains("  mosquitto_sub -v -t 'greetings/#'\n"), "{text}");
        let text = greeting(&addresses(1884), true, Some(Path::new("/data")));
        assert!(text.contains("are kept in /data\n"), "{text}");
        assert!(text.contains("  mosquitto_pub -p 1884 -t greetings/world -m hello\n"), "{text}");
        assert_eq!(greeting(&addresses(1884), false, None).lines().count(), 2);
    }

    #[test]
    fn what_is_kept_has_a_place_of_its_own() {
        let environment = |name: &str| (name == "HOME").then(|| "/home/me".into());
        let place = |keeping, port| persistence(keeping, port, environment).map(|it| it.location);
        let keeping = Keeping::default;
        assert_eq!(place(keeping(), 1883), Some("/home/me/.local/state/martlet/1883".into()));
        assert_eq!(place(keeping(), 0), None);
        assert_eq!(place(Keeping { is_on: Some(false), ..keeping() }, 1883), None);
        let located = Keeping { location: Some("/data".into()), ..keeping() };
        assert_eq!(place(located, 0), Some("/data/martlet".into()));
        let of_the_system = persistence(keeping(), 1883, |_| None).map(|it| it.location);
        assert_eq!(of_the_system, Some("/var/lib/martlet/1883".into()));
    }
}
