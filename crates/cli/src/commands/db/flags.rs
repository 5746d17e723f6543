//! The arguments of `martlet db`, each defined once: parsing, help, manual page and completions follow.

use core::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use martlet_db::Payload;

/// Check, show, import or divide anew what a broker keeps, while no broker runs.
#[derive(Debug, Parser)]
#[command(name = "martlet db", bin_name = "martlet db", version, disable_help_subcommand = true)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(super) work: Work,
}

#[derive(Debug, Subcommand)]
pub(super) enum Work {
    /// Verify all that is kept, and tell how much there is
    Check(Check),
    /// Show all that is kept, line by line
    Dump(Dump),
    /// Make a store of what Mosquitto kept: mosquitto.db, or mosquitto.sqlite3
    Import(Import),
    /// Divide a store among another number of shards
    Repartition(Repartition),
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The folder that the broker names when it starts
    #[arg(value_name = "DIR")]
    pub(super) location: PathBuf,

    /// Print JSON, for dump an object in each line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Dump {
    /// The folder that the broker names when it starts
    #[arg(value_name = "DIR")]
    pub(super) location: PathBuf,

    /// Show the payloads of messages, not only their length: as text where it is UTF-8, or as hexadecimal digits
    #[arg(long, value_name = HOW, default_value = "none")]
    pub(super) payload: HowPayload,

    /// Show the records in the files, not what they make
    #[arg(long)]
    pub(super) records: bool,

    /// Print JSON, for dump an object in each line
    #[arg(long)]
    pub(super) json: bool,
}

/// What stands for a way to show payloads.
pub(crate) const HOW: &str = "HOW";
/// The ways to show payloads.
pub(crate) const PAYLOADS: [&str; 3] = ["none", "text", "hex"];

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum HowPayload {
    None,
    Text,
    Hex,
}

impl From<HowPayload> for Payload {
    fn from(how: HowPayload) -> Self {
        match how {
            HowPayload::None => Self::None,
            HowPayload::Text => Self::Text,
            HowPayload::Hex => Self::Hex,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file that Mosquitto wrote: mosquitto.db, or mosquitto.sqlite3
    #[arg(value_name = "FROM")]
    pub(super) from: PathBuf,

    /// The folder of the new store: the one that the broker names when it starts. Nothing may be kept in it
    #[arg(value_name = "DIR")]
    pub(super) location: PathBuf,

    /// Divide the store among this many shards; import takes as many as there are cores if nothing is said
    #[arg(long, value_name = "NUMBER", value_parser = shards)]
    pub(super) shards: Option<NonZeroU16>,

    /// Go on after damage, with what can be read
    #[arg(long)]
    pub(super) keep_going: bool,
}

#[derive(Debug, Args)]
pub(super) struct Repartition {
    /// The folder that the broker names when it starts
    #[arg(value_name = "DIR")]
    pub(super) location: PathBuf,

    /// Divide the store among this many shards; import takes as many as there are cores if nothing is said
    #[arg(long, value_name = "NUMBER", value_parser = shards)]
    pub(super) shards: NonZeroU16,

    /// Go on after damage, with what can be read
    #[arg(long)]
    pub(super) keep_going: bool,
}

/// The most shards of a store. Each keeps something about each other one.
const SHARDS_MAX: u16 = 1024;

fn shards(text: &str) -> Result<NonZeroU16, String> {
    let number = text.parse().ok().filter(|number: &NonZeroU16| number.get() <= SHARDS_MAX);
    number.ok_or_else(|| format!("a number from 1 to {SHARDS_MAX} is needed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Flags::command().debug_assert();
    }

    #[test]
    fn each_command_is_named() {
        let flags = Flags::command();
        assert!(flags.get_subcommands().map(clap::Command::get_name).eq(crate::commands::db::COMMANDS));
    }

    #[test]
    fn each_way_to_show_payloads_is_named() {
        let names = HowPayload::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        assert!(names.map(|value| value.get_name().to_owned()).eq(PAYLOADS));
    }

    #[test]
    fn flags() {
        let parse = |line: &str| Flags::try_parse_from(line.split(' '));
        let dump = parse("db dump --payload hex --records --json d").unwrap().work;
        assert!(matches!(dump, Work::Dump(Dump { payload: HowPayload::Hex, records: true, json: true, .. })));
        let import = parse("db import from to --shards 3 --keep-going").unwrap().work;
        assert!(
            matches!(import, Work::Import(Import { shards: Some(shards), keep_going: true, .. }) if shards.get() == 3)
        );
        for wrong in [
            "db",
            "db check",
            "db repartition d",
            "db repartition d --shards 0",
            "db repartition d --shards 1025",
            "db dump d --payload x",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
