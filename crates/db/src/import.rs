//! A store made of what Mosquitto kept, so that people can switch with their data.

mod file;
mod found;
mod problem;
#[cfg(feature = "import-sqlite")]
mod sqlite;

use core::fmt;
use core::num::NonZeroU16;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::load::{Open, engines};
use crate::swap::Place;
use crate::{Contents, DbError, ShardFound, create};
use found::Found;
use problem::Problems;

pub use found::{LeftOut, Note};
pub use problem::{SourceError, SourcePlace, SourceProblem};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The file: `mosquitto.db`, or `mosquitto.sqlite3`.
    pub from: PathBuf,
    /// The folder of the new store. If it is there, nothing may be kept in it.
    pub to: PathBuf,
    /// How many shards the store is to have.
    pub shards: NonZeroU16,
    /// Whether to take what can be read if something is damaged.
    pub keep_going: bool,
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// What was read.
    pub source: Source,
    /// What the new store keeps.
    pub contents: Contents,
    /// What was left out, and is no damage.
    pub left_out: Vec<Note>,
    /// What could not be read; the first of it.
    pub problems: Vec<SourceError>,
    /// How many things could not be read.
    pub problem_count: u64,
}

/// Where Mosquitto kept something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file of the broker itself.
    File {
        /// Its version: 2 to 6.
        format: u32,
    },
    /// The database of the plugin `persist_sqlite`.
    Sqlite {
        /// The version of its tables.
        schema: (u32, u32),
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { format } => write!(f, "Mosquitto's persistence file, format {format}"),
            Self::Sqlite { schema: (major, minor) } => {
                write!(f, "Mosquitto's SQLite store, schema {major}.{minor}")
            }
        }
    }
}

/// Why nothing was imported.
#[derive(Debug)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// What is in the file.
    Source {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: SourceError,
    },
    /// The new store cannot be written.
    Db(DbError),
    /// The folder of the new store has something in it.
    NotEmpty {
        /// The folder.
        location: PathBuf,
    },
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, cause } => write!(f, "{}: {cause}", file.display()),
            Self::Source { file, cause } => write!(f, "{}: {cause}", file.display()),
            Self::Db(error) => error.fmt(f),
            Self::NotEmpty { location } => write!(
                f,
                "{}: there is something in this folder. An import makes a new store, and adds to none",
                location.display()
            ),
        }
    }
}

impl core::error::Error for ImportError {}

impl From<DbError> for ImportError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// Reads what Mosquitto kept, and makes a store that keeps it.
///
/// # Errors
/// See [`ImportError`]: there is no new store then.
pub fn import(request: &Import) -> Result<Imported, ImportError> {
    let mut found = Found::at(create::now());
    let mut problems = Problems::new(request.keep_going);
    let source = read(&request.from, &mut found, &mut problems)?;
    let place = Place::of(&request.to)?;
    let there = Target::at(&request.to)?;
    let (now, (kept, left_out)) = (found.now(), found.into_kept());
    let mut engines = engines(request.shards.get());
    create::distribute(&mut engines, now, kept);
    let contents = engines.iter().map(|engine| engine.kept().collect::<Contents>()).sum();
    let store = place.fill(&mut engines, now)?;
    match there {
        Target::Nothing => place.put()?,
        Target::EmptyStore(open) => {
            let old = place.exchange()?;
            drop(open);
            // Nothing is kept in it, so that it does not matter whether this succeeds.
            let _ = fs::remove_dir_all(old);
        }
    }
    drop(store);
    let (problems, problem_count) = problems.into_list();
    Ok(Imported { source, contents, left_out, problems, problem_count })
}

/// What is in the folder of the new store.
enum Target {
    /// No folder, or an empty one.
    Nothing,
    /// A store that keeps nothing, such as the first start of a broker makes. It is locked.
    EmptyStore(Open),
}

impl Target {
    fn at(location: &Path) -> Result<Self, ImportError> {
        let not_empty = || ImportError::NotEmpty { location: location.to_owned() };
        let names = match fs::read_dir(location) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Nothing),
            entries => entries.and_then(|entries| {
                entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
            }),
        };
        let names: Vec<String> = names.map_err(DbError::io(location))?;
        if names.is_empty() {
            return Ok(Self::Nothing);
        }
        let is_of_a_store = |name: &String| ["lock", "meta"].contains(&&**name) || name.starts_with("shard-");
        if !names.iter().all(is_of_a_store) {
            return Err(not_empty());
        }
        let open = Open::at(location).map_err(|error| match error {
            DbError::NoStore { .. } => not_empty(),
            other => other.into(),
        })?;
        let (engines, found) = open.restore()?;
        let contents: Contents = engines.iter().map(|engine| engine.kept().collect::<Contents>()).sum();
        let is_empty = contents == Contents::default() && found.iter().all(ShardFound::is_sound);
        if is_empty { Ok(Self::EmptyStore(open)) } else { Err(not_empty()) }
    }
}

/// What a database of SQLite begins with.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

fn read(from: &Path, found: &mut Found, problems: &mut Problems) -> Result<Source, ImportError> {
    let unreadable = |cause| ImportError::Unreadable { file: from.to_owned(), cause };
    let mut input = fs::File::open(from).map_err(unreadable)?;
    let mut bytes = Vec::new();
    input.by_ref().take(SQLITE_MAGIC.len() as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    let source = |cause| ImportError::Source { file: from.to_owned(), cause };
    if bytes == SQLITE_MAGIC {
        let schema = read_sqlite(from, found, problems).map_err(source)?;
        return Ok(Source::Sqlite { schema });
    }
    input.read_to_end(&mut bytes).map_err(unreadable)?;
    let format = file::read(&bytes, found, problems).map_err(source)?;
    Ok(Source::File { format })
}

#[cfg(feature = "import-sqlite")]
use sqlite::read as read_sqlite;

#[cfg(not(feature = "import-sqlite"))]
fn read_sqlite(_: &Path, _: &mut Found, _: &mut Problems) -> Result<(u32, u32), SourceError> {
    Err(SourceError { place: SourcePlace::Whole, problem: SourceProblem::SqliteNotBuiltIn })
}
