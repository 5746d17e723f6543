//! Why nothing can be done with a store.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

use martlet_store::{AppendError, OpenError, RecoverError};

/// Why a store cannot be read or written. Damage is no reason.
#[derive(Debug)]
#[non_exhaustive]
pub enum DbError {
    /// A broker, or another program, uses it.
    InUse {
        /// Its folder.
        location: PathBuf,
    },
    /// There is no store in the folder.
    NoStore {
        /// The folder.
        location: PathBuf,
        /// Folders in it that hold one.
        inside: Vec<PathBuf>,
    },
    /// It was written by a later version.
    Newer {
        /// Its folder.
        location: PathBuf,
        /// What is newer.
        cause: RecoverError,
    },
    /// What the system says.
    Io {
        /// The file or the folder.
        path: PathBuf,
        /// What it says.
        cause: io::Error,
    },
    /// A checkpoint of a new store cannot be written.
    Write {
        /// The folder of the new store.
        location: PathBuf,
        /// Why.
        cause: AppendError,
    },
    /// A folder is in the way in which an earlier attempt made a new store, or to which it moved the old one.
    LeftBehind {
        /// The folder.
        path: PathBuf,
    },
    /// The new store is whole, and could not take the place of the old one, which is where it was.
    NotExchanged {
        /// The new store.
        new: PathBuf,
        /// The old one.
        old: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse { location } => write!(
                f,
                "{}: the store is in use. Stop the broker first: what is on the disk changes while it runs",
                location.display()
            ),
            Self::NoStore { location, inside } => {
                write!(f, "{}: there is no store in this folder", location.display())?;
                match &inside[..] {
                    [] => Ok(()),
                    [one] => write!(f, ", but in {}", one.display()),
                    [first, ..] => write!(f, ", but there are some in it, such as {}", first.display()),
                }
            }
            Self::Newer { location, cause } => write!(f, "{}: {cause}", location.display()),
            Self::Io { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Write { location, cause } => {
                write!(f, "{}: the store cannot be written: {cause}", location.display())
            }
            Self::LeftBehind { path } => write!(
                f,
                "{} is there already: an attempt that was cut short has left it. Look at it with `martlet db check`, \
                 and move it away or remove it",
                path.display()
            ),
            Self::NotExchanged { new, old, cause } => write!(
                f,
                "{} cannot take the place of {}: {cause}. Both are whole: move the old one away and give its name to \
                 the new one",
                new.display(),
                old.display()
            ),
        }
    }
}

impl core::error::Error for DbError {}

impl DbError {
    /// What the system says of a path.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { path, cause }
    }

    /// Why a store does not open.
    pub(crate) fn open(location: &Path, error: OpenError) -> Self {
        let location = location.to_owned();
        match error {
            OpenError::Locked => Self::InUse { location },
            OpenError::Newer(cause) => Self::Newer { location, cause },
            OpenError::Io(cause) => Self::Io { path: location, cause },
            other => Self::Io { path: location, cause: io::Error::other(other) },
        }
    }

    /// Why a shard cannot be read.
    pub(crate) fn recover(location: &Path, error: RecoverError) -> Self {
        let location = location.to_owned();
        match error {
            RecoverError::List(cause) => Self::Io { path: location, cause },
            cause => Self::Newer { location, cause },
        }
    }

    /// Why a new store cannot be written.
    pub(crate) fn write(location: &Path) -> impl FnOnce(AppendError) -> Self {
        let location = location.to_owned();
        move |cause| Self::Write { location, cause }
    }
}
