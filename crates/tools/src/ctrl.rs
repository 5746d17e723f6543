//! What `mosquitto_ctrl` asks of a broker: a module's name, a command and its arguments become a request in JSON, and
//! the answer becomes text.
//!
//! Requests go to a topic of the module, and the answer comes on the same topic with `/response` at its end. Who carries
//! them is not known here.

use core::fmt::{self, Write as _};
use std::ffi::OsString;
use std::path::Path;

use crate::json::{Json, Layout};

mod answer;
mod dynsec;
mod dynsec_file;
mod dynsec_table;
mod report;
pub mod shell;

pub use answer::{Answer, AnswerError, Outcome};
pub use dynsec::{DynsecCommand, DynsecRequest, PasswordNeed};
pub use dynsec_file::{DynsecFileError, initial_file, set_password_in_file};
pub use dynsec_table::{Argument, CommandSpec, DYNSEC_COMMANDS};
pub use report::{Report, report};

/// A part of the broker that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// Listeners and plugins.
    Broker,
    /// Clients, groups and roles.
    Dynsec,
}

/// A question about the broker itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerCommand {
    /// Which plugins are loaded.
    ListPlugins,
    /// Which listeners are open.
    ListListeners,
}

/// What the arguments after the flags ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlCommand {
    /// The interactive shell.
    Shell,
    /// To print [`help`]; the exit status is 0.
    Help(Module),
    /// A question about the broker.
    Broker(BrokerCommand),
    /// Something about clients, groups or roles.
    Dynsec(DynsecCommand),
}

/// What is wrong with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlError {
    /// There is no such module.
    UnknownModule {
        /// Its name.
        name: String,
    },
    /// The module stands alone.
    CommandMissing {
        /// Which one.
        module: Module,
    },
    /// The module has no such command.
    UnknownCommand {
        /// Its name.
        name: String,
    },
    /// Arguments are missing or too many.
    Usage {
        /// How the command is written.
        command: CommandSpec,
    },
    /// An argument is wrong.
    Invalid {
        /// Which one, and why.
        detail: String,
    },
    /// The command does not work on a file.
    NotOnAFile {
        /// Its name.
        name: &'static str,
    },
}

impl ControlError {
    /// The exit status.
    pub const fn status(&self) -> u8 {
        match self {
            Self::UnknownModule { .. } | Self::NotOnAFile { .. } => 10,
            Self::UnknownCommand { .. } => 13,
            Self::CommandMissing { .. } => 1,
            Self::Usage { .. } | Self::Invalid { .. } => 3,
        }
    }

    fn invalid(detail: impl Into<String>) -> Self {
        Self::Invalid { detail: detail.into() }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownModule { name } => write!(f, "Error: Module '{name}' not supported."),
            Self::UnknownCommand { name } => write!(f, "Command '{name}' not recognised."),
            Self::CommandMissing { module } => {
                let name = module.name();
                write!(f, "Error: No command given. '{name} help' lists those of the module {name}.")
            }
            Self::Usage { command } => write!(f, "Usage: dynsec {command}\nError: Invalid input."),
            Self::Invalid { detail } => write!(f, "Error: {detail}\nError: Invalid input."),
            Self::NotOnAFile { name } => write!(f, "Error: {name} does not work on a file."),
        }
    }
}

impl core::error::Error for ControlError {}

/// Reads what follows the flags. `data_file` is the file of `-f`.
///
/// # Errors
/// Every variant of [`ControlError`].
pub fn parse(arguments: &[OsString], data_file: Option<&Path>) -> Result<ControlCommand, ControlError> {
    let words: Vec<String> =
        arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let Some((name, rest)) = words.split_first() else {
        return Ok(ControlCommand::Shell);
    };
    let module = Module::named(name).ok_or_else(|| ControlError::UnknownModule { name: name.clone() })?;
    let (command, rest) = rest.split_first().ok_or(ControlError::CommandMissing { module })?;
    if command.eq_ignore_ascii_case("help") {
        return Ok(ControlCommand::Help(module));
    }
    match module {
        Module::Broker => BrokerCommand::named(command)
            .map(ControlCommand::Broker)
            .ok_or_else(|| ControlError::UnknownCommand { name: command.clone() }),
        Module::Dynsec => dynsec::parse(command, rest, data_file.is_some()).map(ControlCommand::Dynsec),
    }
}

impl Module {
    /// Every module.
    pub const ALL: [Self; 2] = [Self::Broker, Self::Dynsec];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Dynsec => "dynsec",
        }
    }

    /// The module of this name, in whichever case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|module| module.name().eq_ignore_ascii_case(name))
    }

    /// Where requests go.
    pub const fn topic(self) -> &'static str {
        match self {
            Self::Broker => "$CONTROL/broker/v1",
            Self::Dynsec => "$CONTROL/dynamic-security/v1",
        }
    }

    /// Where answers come from.
    pub fn response_topic(self) -> String {
        format!("{}/response", self.topic())
    }
}

impl BrokerCommand {
    /// Every command.
    pub const ALL: [Self; 2] = [Self::ListPlugins, Self::ListListeners];

    /// Its name, on the command line and in the request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ListPlugins => "listPlugins",
            Self::ListListeners => "listListeners",
        }
    }

    /// The command of this name, in whichever case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name().eq_ignore_ascii_case(name))
    }

    /// What it does, in a sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Self::ListPlugins => "Print the plugins that are loaded.",
            Self::ListListeners => "Print the listeners that are open.",
        }
    }

    /// The payload of the request.
    pub fn body(self) -> Vec<u8> {
        request(Json::object([("command", Json::from(self.name()))]))
    }
}

/// What `help` prints for a module.
pub fn help(module: Module) -> String {
    let mut text = String::from("Commands:\n");
    match module {
        Module::Broker => {
            for command in BrokerCommand::ALL {
                let _ = writeln!(text, "  broker {}\n        {}", command.name(), command.about());
            }
        }
        Module::Dynsec => {
            for spec in DYNSEC_COMMANDS {
                let _ = writeln!(text, "  dynsec {spec}\n        {}", spec.about);
            }
        }
    }
    text
}

/// The payload of a request with one command.
pub(crate) fn request(command: Json) -> Vec<u8> {
    Json::object([("commands", Json::Array(vec![command]))]).to_bytes(Layout::Compact)
}
