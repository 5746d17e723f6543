//! The configuration file: the syntax of mosquitto.conf(5), with our own options beside Mosquitto's.
//!
//! A line is an option and its value, separated by blanks; a line that begins with `#` is a comment. Later lines win.
//! An option that this version does not support is an error: a broker that silently leaves out half of a
//! configuration, its access control for example, does not do what it was told.

mod limits;
mod number;
mod reader;

use core::fmt;
use core::num::NonZeroU16;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use martlet_engine::Config;
use martlet_store::Durability;

use crate::options::ListenAddress;
use reader::Reader;

/// What a configuration file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where to listen; empty if the file does not say.
    pub listeners: Vec<ListenAddress>,
    /// The number of shards, if the file says.
    pub shards: Option<NonZeroU16>,
    /// Limits and features.
    pub engine: Config,
    /// What is kept, and where.
    pub keeping: Keeping,
}

/// What a configuration file says of what is kept when the broker ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// `persistence`, if the file says.
    pub is_on: Option<bool>,
    /// `persistence_location`, if the file says.
    pub location: Option<PathBuf>,
    /// `durability`
    pub durability: Durability,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { is_on: None, location: None, durability: Durability::Strict }
    }
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Problem::Unreadable`] for the file, and every other [`Problem`] for what is in it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        match fs::read(path) {
            Ok(bytes) => Self::parse(&file, &bytes),
            Err(cause) => Err(ConfigError { file, line: None, problem: Problem::Unreadable(cause) }),
        }
    }

    /// Reads the text of a file with this name.
    ///
    /// # Errors
    /// The first [`Problem`] in it.
    pub fn parse(file: &str, text: &[u8]) -> Result<Self, ConfigError> {
        let error = |(line, problem)| ConfigError { file: file.into(), line: Some(line), problem };
        let mut reader = Reader::default();
        for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            let line = str::from_utf8(line).map_err(|_| error((number, Problem::Text)))?;
            if !line.starts_with('#') {
                let mut words = line.split_ascii_whitespace();
                if let Some(option) = words.next() {
                    let values: Vec<&str> = words.collect();
                    reader.take(number, option, &values).map_err(|problem| error((number, problem)))?;
                }
            }
        }
        reader.finish().map_err(error)
    }
}

/// What is wrong with a configuration file.
#[derive(Debug)]
pub struct ConfigError {
    /// The name of the file.
    pub file: String,
    /// The line, counted from 1; `None` when it is the file as a whole.
    pub line: Option<usize>,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a line, or with the file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// The line is not UTF-8.
    Text,
    /// This version does not have the option, or not with this value.
    Unsupported {
        /// The option, with its value if that is what is not supported.
        what: String,
    },
    /// The option has too few values, or too many.
    Count {
        /// The option.
        option: String,
        /// What belongs behind it.
        expected: &'static str,
    },
    /// The value is not what the option takes.
    Value {
        /// The option.
        option: String,
        /// The value.
        value: String,
        /// What it takes.
        expected: String,
    },
    /// Nobody could connect to a listener: anonymous clients may not, and there is no authentication.
    NobodyAllowed,
}

impl core::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.problem {
            Problem::Unreadable(cause) => Some(cause),
            _ => None,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(cause) => write!(f, "cannot be read: {cause}"),
            Self::Text => write!(f, "not UTF-8"),
            Self::Unsupported { what } => {
                write!(f, "`{}` is not supported in this version", what.escape_debug())
            }
            Self::Count { option, expected } => write!(f, "`{option}` takes {expected}"),
            Self::Value { option, value, expected } => {
                write!(f, "`{option}` takes {expected}, not `{}`", value.escape_debug())
            }
            Self::NobodyAllowed => write!(
                f,
                "nobody could connect: this version has no authentication, and there is no `allow_anonymous true`"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
