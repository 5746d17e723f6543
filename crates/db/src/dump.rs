//! Everything in a store, line by line: what its records make, or the records themselves.

mod records;
mod state;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::line::Line;
use crate::load::Open;
use crate::{DbError, ShardFound};

/// What of a store is shown, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// The folder of the store.
    pub location: PathBuf,
    /// What is shown.
    pub show: Show,
    /// How payloads are shown.
    pub payload: Payload,
    /// Whether each line is a JSON object.
    pub json: bool,
}

/// What of a store is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Sessions, messages and so on, in a fixed order: two stores that keep the same show the same.
    #[default]
    State,
    /// The records of each shard: those of its checkpoint, then those of the log behind it.
    Records,
}

/// How payloads are shown, beside their length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// Not at all: they may be secret.
    #[default]
    None,
    /// As text, and those that are not UTF-8 as hexadecimal digits.
    Text,
    /// As hexadecimal digits.
    Hex,
}

/// What came of showing a store.
#[derive(Debug)]
pub struct Dumped {
    /// What was found of each shard.
    pub shards: Vec<ShardFound>,
    /// Whether all lines could be written.
    pub written: io::Result<()>,
}

/// Writes everything, up to the first line that cannot be written.
///
/// # Errors
/// See [`DbError`]. Damage is none.
pub fn dump(options: &Dump, out: &mut dyn Write) -> Result<Dumped, DbError> {
    let open = Open::at(&options.location)?;
    let mut lines = Lines { out, json: options.json, outcome: Ok(()) };
    let shards = match options.show {
        Show::State => {
            let (engines, found) = open.restore()?;
            state::write(&engines, options.payload, &mut lines);
            found
        }
        Show::Records => records::write(&open, options.payload, &mut lines)?,
    };
    Ok(Dumped { shards, written: lines.end() })
}

/// Where lines go, until one cannot be written.
struct Lines<'a> {
    out: &'a mut dyn Write,
    json: bool,
    outcome: io::Result<()>,
}

impl Lines<'_> {
    fn push(&mut self, line: &Line) {
        if self.outcome.is_ok() {
            let line = if self.json { line.to_json() } else { line.to_text() };
            self.outcome = writeln!(self.out, "{line}");
        }
    }

    fn is_broken(&self) -> bool {
        self.outcome.is_err()
    }

    fn end(self) -> io::Result<()> {
        self.outcome.and_then(|()| self.out.flush())
    }
}
