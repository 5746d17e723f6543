//! What `mosquitto_ctrl` asks of a broker: a module's name, a command and its arguments become a request in JSON.
//!
//! Requests go to a topic of the module, and the answer comes on the same topic with `/response` at its end. Sending
//! them and printing the answers is not done here.

use core::fmt::{self, Write as _};
use std::ffi::OsString;
use std::path::Path;

use crate::json::{Json, Layout};

mod dynsec;
mod dynsec_file;
mod dynsec_table;

pub use dynsec::{DynsecCommand, DynsecRequest, PasswordNeed};
pub use dynsec_file::{DynsecFileError, initial_file, set_password_in_file};
pub use dynsec_table::{Argument, CommandSpec, DYNSEC_COMMANDS};

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
    /// The interactive shell, perhaps within a module.
    Shell(Option<Module>),
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
    /// The module has no such command.
    UnknownCommand {
        /// Its name.
        name: String,
    },
    /// Arguments are missing, too many or wrong.
    Invalid {
        /// A line about the reason, if there is more to say.
        detail: Option<String>,
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
            Self::Invalid { .. } => 3,
        }
    }

    fn invalid(detail: impl Into<String>) -> Self {
        Self::Invalid { detail: Some(detail.into()) }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownModule { name } => write!(f, "Error: Module '{name}' not supported."),
            Self::UnknownCommand { name } => write!(f, "Command '{name}' not recognised."),
            Self::Invalid { detail: None } => f.write_str("Error: Invalid input."),
            Self::Invalid { detail: Some(detail) } => write!(f, "Error: {detail}\nError: Invalid input."),
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
        return Ok(ControlCommand::Shell(None));
    };
    let module = match name.as_str() {
        "broker" => Module::Broker,
        "dynsec" => Module::Dynsec,
        _ => return Err(ControlError::UnknownModule { name: name.clone() }),
    };
    let Some((command, rest)) = rest.split_first() else {
        return Ok(ControlCommand::Shell(Some(module)));
    };
    if command.eq_ignore_ascii_case("help") {
        return Ok(ControlCommand::Help(module));
    }
    match module {
        Module::Broker => BrokerCommand::ALL
            .into_iter()
            .find(|other| other.name().eq_ignore_ascii_case(command))
            .map(ControlCommand::Broker)
            .ok_or_else(|| ControlError::UnknownCommand { name: command.clone() }),
        Module::Dynsec => dynsec::parse(command, rest, data_file.is_some()).map(ControlCommand::Dynsec),
    }
}

impl Module {
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
    const ALL: [Self; 2] = [Self::ListPlugins, Self::ListListeners];

    /// Its name, on the command line and in the request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ListPlugins => "listPlugins",
            Self::ListListeners => "listListeners",
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
                let _ = writeln!(text, "  broker {}", command.name());
            }
        }
        Module::Dynsec => {
            for spec in DYNSEC_COMMANDS {
                let _ = writeln!(text, "  dynsec {spec}");
            }
        }
    }
    text
}

/// The payload of a request with one command.
pub(crate) fn request(command: Json) -> Vec<u8> {
    Json::object([("commands", Json::Array(vec![command]))]).to_bytes(Layout::Compact)
}
