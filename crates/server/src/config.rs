//! The configuration: the whole of mosquitto.conf(5), with our own options beside Mosquitto's.
//!
//! A line is an option and its value, separated by blanks; a line that begins with `#` is a comment. What options there
//! are stands in one [`table`], from which reading, messages, explanations and the documentation follow. What a file says
//! becomes [`Settings`], plain typed data; what the broker is started with is made of these by [`Plan`].
//!
//! What this version cannot do is an error: a broker that silently leaves out half of a configuration, its access control
//! for example, does not do what it was told.

mod bridge_topic;
mod changes;
mod check;
mod environment;
mod files;
pub mod lint;
mod note;
mod number;
mod option;
mod plan;
mod problem;
mod reader;
mod settings;
mod source;
mod structure;
pub mod table;
mod theirs;
mod unsupported;
mod value;

use std::path::Path;
use std::sync::Arc;

pub use changes::{Change, changes};
pub use note::{Note, NoteKind, Weight};
pub use option::{ConfigOption, Feature, Reload, Status};
pub use plan::{Plan, PlanError};
pub use problem::{Above, Combination, ConfigError, EnvironmentProblem, Named, Place, Problem};
pub use reader::{Given, Section};
pub use settings::*;
pub use unsupported::{Outcome, Shortcoming, shortcomings};

use reader::Reader;

/// Whose program is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Ours.
    #[default]
    Martlet,
    /// Ours, called as `mosquitto`: its defaults, its messages, and no variables of the environment in values.
    Mosquitto,
}

/// A configuration that was read.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// What it says.
    pub settings: Settings,
    /// Each line that sets something, in their order.
    pub given: Vec<Given>,
    /// Where each listener begins.
    pub listener_places: Vec<Place>,
    /// Where each bridge begins.
    pub bridge_places: Vec<Place>,
}

impl Configuration {
    /// Reads a file, and all files that it includes. What there is to say goes to `notes`, in the case of an error too.
    ///
    /// # Errors
    /// The first [`Problem`] in it.
    pub fn read(path: &Path, dialect: Dialect, notes: &mut Vec<Note>) -> Result<Self, ConfigError> {
        let mut reader = reader(dialect, notes);
        source::read_main(&mut reader, path)?;
        finish(reader, &path.display().to_string())
    }

    /// Reads the text of a file with this name.
    ///
    /// # Errors
    /// The first [`Problem`] in it.
    pub fn parse(
        name: &str,
        text: &[u8],
        dialect: Dialect,
        notes: &mut Vec<Note>,
    ) -> Result<Self, ConfigError> {
        let mut reader = reader(dialect, notes);
        source::read_main_text(&mut reader, name, text)?;
        finish(reader, name)
    }
}

/// The name of this machine, of which those of bridges are made.
pub fn this_host() -> String {
    nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned()
}

fn reader(dialect: Dialect, notes: &mut Vec<Note>) -> Reader<'_> {
    let lookup: Option<environment::Lookup<'_>> = match dialect {
        Dialect::Martlet => Some(&environment::of_process),
        Dialect::Mosquitto => None,
    };
    Reader::new(notes, lookup)
}

fn finish(reader: Reader<'_>, file: &str) -> Result<Configuration, ConfigError> {
    let Reader { mut settings, given, listener_places, bridge_places, .. } = reader;
    settings.keep_as_plugins_say();
    check::check(&settings, &listener_places, &bridge_places, &this_host()).map_err(|(at, problem)| {
        ConfigError {
            file: Arc::from(file),
            at,
            included_at: None,
            is_late: true,
            problem: Box::new(problem),
        }
    })?;
    Ok(Configuration { settings, given, listener_places, bridge_places })
}

#[cfg(test)]
mod tests;
