//! The broker as a program: from its arguments and its configuration to its end.

mod bridges;
mod greeting;
mod mosquitto;
mod reload;
mod service;
mod watch;

use core::fmt;
use core::hash::BuildHasher;
use core::sync::atomic::Ordering;
use std::env;
use std::hash::RandomState;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};

use clap::Parser;
use martlet_server::config::{
    ConfigError, Configuration, Dialect, LogSettings, LogTypes, Note, Plan, PlanError, Weight,
};
use martlet_server::logging::{Log, LogPlan, NOTICE};
use martlet_server::process::{
    Background, BecomeError, Identity, MaskError, PidFile, become_user, set_umask, start_in_background,
};
use martlet_server::signals::Caught;
use martlet_server::{Broker, EndError, Options, StartError};

use crate::flags::Flags;
use crate::{EXIT_RUNTIME, EXIT_USAGE, say};
use bridges::BridgeKeeper;
use reload::Reloader;
use service::Service;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the arguments say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The configuration file.
    pub(crate) config_file: Option<PathBuf>,
    /// Ports to listen on.
    pub(crate) ports: Vec<u16>,
    /// What is to be logged, whatever the configuration says.
    pub(crate) log_types: Option<LogTypes>,
    /// Go into the background.
    pub(crate) daemon: bool,
    /// Only look at the configuration.
    pub(crate) test_config: bool,
    /// A file for the secrets of TLS.
    pub(crate) tls_keylog: Option<PathBuf>,
    /// This process is in the background already.
    pub(crate) in_background: bool,
}

/// Why the program ends without having been told to.
#[derive(Debug)]
enum BrokerError {
    Config(ConfigError),
    Plan(PlanError),
    /// `--test-config` without a file.
    NothingToTest,
    Background(io::Error),
    /// The process in the background has ended, and has said why.
    Ended(ExitStatus),
    Become(BecomeError),
    Mask(MaskError),
    PidFile(PathBuf, io::Error),
    Log(io::Error),
    Start(StartError),
    Signals(io::Error),
    Failed(EndError),
    /// A file that was read again is wrong, and has been told.
    Reload,
}

impl BrokerError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Plan(error) if error.is_late() => EXIT_RUNTIME,
            Self::Config(_)
            | Self::Plan(_)
            | Self::NothingToTest
            | Self::Become(_)
            | Self::Mask(_)
            | Self::Reload => EXIT_USAGE,
            Self::Ended(status) => {
                status.code().and_then(|code| code.try_into().ok()).unwrap_or(EXIT_RUNTIME)
            }
            Self::Background(_)
            | Self::PidFile(..)
            | Self::Log(_)
            | Self::Start(_)
            | Self::Signals(_)
            | Self::Failed(_) => EXIT_RUNTIME,
        }
    }

    /// The lines that Mosquitto would print.
    fn mosquitto_lines(&self) -> Vec<String> {
        match self {
            Self::Config(error) => error.mosquitto_lines(),
            Self::Plan(PlanError::Config(errors)) => {
                errors.iter().map(|error| format!("Error: {error}.")).collect()
            }
            Self::NothingToTest => vec!["Please provide a configuration file to test.".into()],
            Self::Plan(PlanError::Access(error)) => error.mosquitto_lines(),
            Self::Ended(_) | Self::Reload => Vec::new(),
            other => vec![format!("Error: {other}")],
        }
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Plan(error) => error.fmt(f),
            Self::NothingToTest => write!(f, "--test-config needs a configuration file: -c FILE"),
            Self::Background(error) => write!(f, "Cannot go into the background: {error}"),
            Self::Ended(status) => write!(f, "The process in the background has ended: {status}"),
            Self::Become(error) => error.fmt(f),
            Self::Mask(error) => error.fmt(f),
            Self::PidFile(path, error) => write!(f, "Unable to write pid file {}: {error}", path.display()),
            Self::Log(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Signals(error) => write!(f, "Cannot catch signals: {error}"),
            Self::Failed(error) => error.fmt(f),
            Self::Reload => write!(f, "What was read on SIGHUP is wrong, and `reload_errors` is `fatal`"),
        }
    }
}

/// Runs the broker.
pub(crate) fn run(dialect: Dialect) -> ExitCode {
    let arguments = match dialect {
        Dialect::Martlet => by_flags(),
        Dialect::Mosquitto => by_mosquittos_flags(),
    };
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match serve(&arguments, dialect) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error, dialect);
            ExitCode::from(error.exit_code())
        }
    }
}

fn by_flags() -> Result<Arguments, ExitCode> {
    Flags::try_parse().map(Into::into).map_err(|message| {
        // Help and version come this way, too. There is nobody to tell that nobody reads them.
        let _ = message.print();
        if message.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS }
    })
}

fn by_mosquittos_flags() -> Result<Arguments, ExitCode> {
    let arguments = mosquitto::parse(env::args_os().skip(1));
    // What is wrong before the configuration is known is said in the default way.
    let _ = Log::start(LogPlan::new(&LogSettings::default(), Dialect::Mosquitto, None));
    arguments.map_err(|answer| match answer {
        mosquitto::Answer::Help => {
            say(io::stdout(), mosquitto::usage());
            ExitCode::SUCCESS
        }
        mosquitto::Answer::Version => {
            say(io::stdout(), mosquitto::version());
            ExitCode::SUCCESS
        }
        mosquitto::Answer::Wrong(text) => {
            tracing::error!("{text}");
            ExitCode::from(EXIT_USAGE)
        }
        mosquitto::Answer::Unknown(text) => {
            say(io::stderr(), format_args!("{text}\n"));
            say(io::stdout(), mosquitto::usage());
            ExitCode::from(EXIT_USAGE)
        }
    })
}

/// Says why the program ends.
fn report(error: &BrokerError, dialect: Dialect) {
    match (dialect, error) {
        (Dialect::Mosquitto, _) => {
            for line in error.mosquitto_lines() {
                tracing::error!("{line}");
            }
        }
        (_, BrokerError::Ended(_)) => {}
        (_, BrokerError::Plan(PlanError::Config(errors))) => {
            for error in errors {
                say(io::stderr(), format_args!("Error: {error}\n"));
            }
        }
        _ => say(io::stderr(), format_args!("Error: {error}\n")),
    }
}

/// Starts a broker and waits for its end.
fn serve(arguments: &Arguments, dialect: Dialect) -> Result<(), BrokerError> {
    let mut notes = Vec::new();
    let configuration = configuration(arguments.config_file.as_deref(), dialect, &mut notes);
    if dialect == Dialect::Mosquitto {
        say_notes(&notes, dialect);
    }
    let configuration = configuration.map_err(BrokerError::Config)?;
    let options = options(arguments, &configuration, dialect)?;
    if arguments.test_config {
        return tested(arguments, &notes, dialect);
    }
    if arguments.daemon && !arguments.in_background {
        let ended = start_in_background().map_err(BrokerError::Background)?;
        return ended.map_or(Ok(()), |status| Err(BrokerError::Ended(status)));
    }
    let background = arguments.in_background.then(Background::enter).transpose();
    let background = background.map_err(BrokerError::Background)?;
    become_the_user(&configuration, dialect).map_err(BrokerError::Become)?;
    if let (Dialect::Mosquitto, Some(mask)) = (dialect, env::var_os("UMASK_SET")) {
        set_umask(&mask).map_err(BrokerError::Mask)?;
    }
    let pid_file = configuration.settings.process.pid_file.as_ref();
    let pid_file = pid_file
        .map(|path| PidFile::write(path).map_err(|error| BrokerError::PidFile(path.clone(), error)))
        .transpose()?;
    let log_plan = LogPlan::new(&configuration.settings.logging, dialect, arguments.log_types);
    let log = Log::start(log_plan).map_err(BrokerError::Log)?;
    let ended = broker(arguments, configuration, options, (dialect, &notes), log, background);
    drop(pid_file);
    ended
}

/// The life of the broker itself.
fn broker(
    arguments: &Arguments,
    configuration: Configuration,
    mut options: Options,
    (dialect, notes): (Dialect, &[Note]),
    log: Log,
    background: Option<Background>,
) -> Result<(), BrokerError> {
    match dialect {
        Dialect::Martlet => say_notes(notes, dialect),
        Dialect::Mosquitto => mosquitto::say_starting(arguments, &configuration),
    }
    let places = options.listeners.iter().map(|listener| listener.place.clone()).collect();
    let kept = options.persistence.as_ref().map(|persistence| persistence.location.clone());
    let signals = Caught::catch().map_err(BrokerError::Signals)?;
    options.hangup = Some(signals.hangup());
    options.waits_to_let_in = true;
    if configuration.settings.general.reload_on_change {
        watch::watch(arguments.clone(), dialect, &configuration).map_err(BrokerError::Signals)?;
    }
    let broker = Broker::start(options).map_err(BrokerError::Start)?;
    let has_file = arguments.config_file.is_some();
    log.publish_with(broker.publisher());
    let service = Service::of_this_process();
    let mut bridges = BridgeKeeper::new(&broker, dialect);
    bridges.keep(&configuration.settings);
    bridges.wait_until_listening();
    broker.let_in();
    let parts = (log, service.clone(), places, bridges);
    let reloader = Reloader::new(arguments.clone(), dialect, configuration, parts, &broker);
    let has_failed = reloader.has_failed();
    signals.obey(broker.stopper(), reloader).map_err(BrokerError::Signals)?;
    service.watch(broker.pulse()).map_err(BrokerError::Signals)?;
    if dialect == Dialect::Mosquitto {
        tracing::info!("martlet version {VERSION} running");
    } else if background.is_none() {
        say(
            io::stdout(),
            greeting::text(broker.local_addrs(), broker.local_paths(), !has_file, kept.as_deref()),
        );
    }
    if let Some(background) = background {
        background.is_ready().map_err(BrokerError::Background)?;
    }
    service.ready();
    let ended = broker.wait();
    if dialect == Dialect::Mosquitto {
        tracing::info!("martlet version {VERSION} terminating");
    }
    if has_failed.load(Ordering::Relaxed) {
        return Err(BrokerError::Reload);
    }
    ended.map_err(BrokerError::Failed)
}

fn configuration(
    file: Option<&Path>,
    dialect: Dialect,
    notes: &mut Vec<Note>,
) -> Result<Configuration, ConfigError> {
    match file {
        Some(path) => Configuration::read(path, dialect, notes),
        None => Ok(Configuration::default()),
    }
}

fn options(
    arguments: &Arguments,
    configuration: &Configuration,
    dialect: Dialect,
) -> Result<Options, BrokerError> {
    let file = arguments.config_file.as_ref().map(|path| path.display().to_string());
    let key_log = arguments.tls_keylog.clone();
    let plan = Plan { dialect, ports: arguments.ports.clone(), file, key_log };
    let mut options = plan.options(configuration).map_err(BrokerError::Plan)?;
    options.engine.seed = random_seed();
    Ok(options)
}

/// Says that the configuration is good.
fn tested(arguments: &Arguments, notes: &[Note], dialect: Dialect) -> Result<(), BrokerError> {
    let Some(file) = &arguments.config_file else { return Err(BrokerError::NothingToTest) };
    match dialect {
        Dialect::Mosquitto => tracing::info!("Configuration file is OK."),
        Dialect::Martlet => {
            for note in notes.iter().filter(|note| note.kind.weight() == Weight::Warning) {
                say(io::stderr(), format_args!("Warning: {note}\n"));
            }
            say(io::stdout(), format_args!("{} is good\n", file.display()));
        }
    }
    Ok(())
}

/// Says what there is to say of the configuration.
fn say_notes(notes: &[Note], dialect: Dialect) {
    for note in notes {
        let lines = match dialect {
            Dialect::Martlet => vec![note.to_string()],
            Dialect::Mosquitto => note.mosquitto_lines(),
        };
        for line in lines {
            match note.kind.weight() {
                Weight::Warning => tracing::warn!("{line}"),
                Weight::Notice => tracing::info!(target: NOTICE, "{line}"),
                Weight::Information => tracing::info!("{line}"),
            }
        }
    }
}

/// Becomes the user that the configuration or the environment names, when started as root.
fn become_the_user(configuration: &Configuration, dialect: Dialect) -> Result<(), BecomeError> {
    let named = configuration.settings.process.user.clone().map(Identity::Named);
    let is_mosquitto = dialect == Dialect::Mosquitto;
    let identity = match Identity::of_environment(|name| env::var_os(name).filter(|_| is_mosquitto))? {
        Some(numbers) => Some(numbers),
        None if is_mosquitto && named.as_ref().is_none_or(is_mosquittos_user) => {
            Some(Identity::FirstOf(&["mosquitto", "nobody"]))
        }
        None => named,
    };
    let became = become_user(identity.as_ref())?;
    if is_mosquitto {
        tracing::info!("Info: running mosquitto as user: {}.", became.user);
        if became.is_root {
            tracing::warn!("Warning: Mosquitto should not be run as root/administrator.");
        }
    }
    Ok(())
}

fn is_mosquittos_user(identity: &Identity) -> bool {
    matches!(identity, Identity::Named(name) if name == "mosquitto")
}

/// A number that nobody outside can guess: names that the broker assigns depend on it.
fn random_seed() -> u64 {
    // The standard library seeds its hashers from the operating system's source of randomness.
    RandomState::new().hash_one(())
}
