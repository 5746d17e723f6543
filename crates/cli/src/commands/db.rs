//! `martlet db`: what can be done with a store while no broker runs.

mod flags;

use core::fmt::{self, Display, Write as _};
use core::num::NonZeroU16;
use std::ffi::OsString;
use std::io::{self, BufWriter};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use martlet_db::{DbError, ShardFound, Show};

use crate::say;
use flags::{Check, Dump, Import, Repartition, Work};
pub(super) use flags::{Flags, HOW, PAYLOADS};

/// Something is damaged: what was done, was done without it.
const EXIT_DAMAGED: u8 = 1;
/// Nothing was done: wrong arguments, a store in use, something that cannot be read or written at all.
const EXIT_NOTHING: u8 = 2;

/// What is said of the exit status.
pub(super) const EXIT_STATUS: &str = "0 if the store is sound and all went well; 1 if something is damaged, or was left \
                                      out for that; 2 if nothing was done: for wrong arguments, while a broker uses the \
                                      store, or if it cannot be read at all.";

/// The names of the commands.
pub(super) const COMMANDS: [&str; 4] = ["check", "dump", "import", "repartition"];

/// Follows the arguments.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let name = OsString::from("db");
    let flags = match Flags::try_parse_from([&name].into_iter().chain(arguments)) {
        Ok(flags) => flags,
        Err(message) => {
            // Help and version come this way, too. There is nobody to tell that nobody reads them.
            let _ = message.print();
            return if message.use_stderr() { ExitCode::from(EXIT_NOTHING) } else { ExitCode::SUCCESS };
        }
    };
    let outcome = match flags.work {
        Work::Check(flags) => check(&flags).map_err(|error| error.to_string()),
        Work::Dump(flags) => dump(&flags).map_err(|error| error.to_string()),
        Work::Import(flags) => import(flags).map_err(|error| error.to_string()),
        Work::Repartition(flags) => repartition(flags).map_err(|error| error.to_string()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_DAMAGED),
        Err(error) => {
            say(io::stderr(), format_args!("Error: {error}.\n"));
            ExitCode::from(EXIT_NOTHING)
        }
    }
}

/// Answers whether nothing is damaged, as all of these do.
fn check(flags: &Check) -> Result<bool, DbError> {
    let check = martlet_db::check(&flags.location)?;
    if flags.json {
        say(io::stdout(), check.to_json());
    } else {
        say(io::stdout(), &check);
    }
    Ok(check.is_sound())
}

fn dump(flags: &Dump) -> Result<bool, DumpError> {
    let options = martlet_db::Dump {
        location: flags.location.clone(),
        show: if flags.records { Show::Records } else { Show::State },
        payload: flags.payload.into(),
        json: flags.json,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let dumped = martlet_db::dump(&options, &mut out).map_err(DumpError::Db)?;
    match dumped.written {
        // Whoever reads it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.map_err(DumpError::Output)?,
    }
    let damaged = damaged(&dumped.shards);
    if let Some(shards) = &damaged {
        say(
            io::stderr(),
            format_args!(
                "Warning: {shards} damaged, and this is what can be read. `martlet db check` tells more.\n"
            ),
        );
    }
    Ok(damaged.is_none())
}

/// Why nothing, or not all, was shown.
enum DumpError {
    Db(DbError),
    Output(io::Error),
}

impl Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Db(error) => error.fmt(f),
            Self::Output(error) => write!(f, "standard output: {error}"),
        }
    }
}

fn import(flags: Import) -> Result<bool, martlet_db::ImportError> {
    let cores = || {
        let cores = thread::available_parallelism().ok();
        cores.and_then(|cores| NonZeroU16::try_from(cores).ok()).unwrap_or(NonZeroU16::MIN)
    };
    let shards = flags.shards.unwrap_or_else(cores);
    let Import { from, location: to, keep_going, .. } = flags;
    let (source, folder) = (from.display().to_string(), to.display().to_string());
    let imported = martlet_db::import(&martlet_db::Import { from, to, shards, keep_going })?;
    for problem in &imported.problems {
        say(io::stderr(), format_args!("Left out: {source}: {problem}.\n"));
    }
    let unlisted = imported.problem_count - imported.problems.len() as u64;
    if unlisted > 0 {
        say(io::stderr(), format_args!("Left out: {unlisted} more.\n"));
    }
    let mut text = format!("{source}: {}\nKept: {}\n", imported.source, imported.contents);
    for note in &imported.left_out {
        let _ = writeln!(text, "Left out: {}: {}", note.what.words(), note.count);
    }
    let _ = writeln!(text, "The store is in {folder}, with {}", of_shards(shards.get()));
    say(io::stdout(), text);
    Ok(imported.problem_count == 0)
}

fn repartition(flags: Repartition) -> Result<bool, martlet_db::RepartitionError> {
    let Repartition { location, shards, keep_going } = flags;
    let folder = location.display().to_string();
    let done = martlet_db::repartition(&martlet_db::Repartition { location, shards, keep_going })?;
    let damaged = damaged(&done.damaged);
    if let Some(which) = &damaged {
        say(
            io::stderr(),
            format_args!("Warning: {which} damaged, and what could not be read is not in the new store.\n"),
        );
    }
    let mut text = format!("Kept: {}\n", done.contents);
    let _ =
        writeln!(text, "The store in {folder} has {} instead of {}", of_shards(shards.get()), done.before);
    let _ = writeln!(text, "As it was it is in {}, to be removed when all is well", done.old.display());
    say(io::stdout(), text);
    Ok(damaged.is_none())
}

/// The shards that are damaged, with a verb; `None` if none is.
fn damaged(shards: &[ShardFound]) -> Option<String> {
    let damaged = shards.iter().filter(|found| !found.is_sound()).map(|found| found.shard.to_string());
    let damaged: Vec<_> = damaged.collect();
    match &damaged[..] {
        [] => None,
        [one] => Some(format!("shard {one} is")),
        all => Some(format!("shards {} are", all.join(", "))),
    }
}

fn of_shards(number: u16) -> String {
    if number == 1 { "1 shard".to_owned() } else { format!("{number} shards") }
}
