//! What can go wrong with a store.

use core::error::Error;
use core::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a Session was not read or stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// A file cannot be read or written.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        error: Arc<io::Error>,
    },
    /// Another process has the directory.
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Another client of this process has the store, or has not ended yet.
    HasClient,
    /// The options name no Client Identifier, by which the server finds the Session again.
    NoClientIdentifier,
    /// A batch came before the Session was loaded.
    NotLoaded,
    /// The Session is that of another client.
    OtherClient {
        /// The Client Identifier that the Session belongs to.
        stored: String,
    },
    /// The file is damaged in a way that no crash brings about, or was written by a later version.
    Damaged {
        /// The file.
        path: PathBuf,
        /// How many bytes at its beginning are good.
        good_bytes: u64,
    },
    /// The store panicked.
    Panicked,
    /// A store of the application failed: see [`StoreError::other`].
    Other(Arc<dyn Error + Send + Sync>),
}

impl StoreError {
    /// An error of a store that is not of this crate.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(Arc::from(error.into()))
    }

    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |error| Self::Io { path, error: Arc::new(error) }
    }

    /// The kind of the error, in the terms of the standard library: [`io::ErrorKind::StorageFull`] is the most usual.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Io { error, .. } => error.kind(),
            Self::InUse { .. } | Self::HasClient => io::ErrorKind::ResourceBusy,
            Self::NoClientIdentifier | Self::NotLoaded | Self::OtherClient { .. } => {
                io::ErrorKind::InvalidInput
            }
            Self::Damaged { .. } => io::ErrorKind::InvalidData,
            Self::Panicked => io::ErrorKind::Other,
            Self::Other(error) => {
                error.downcast_ref::<io::Error>().map_or(io::ErrorKind::Other, io::Error::kind)
            }
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(&**error),
            Self::Other(error) => Some(&**error),
            _ => None,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "the session store at {}: {error}", path.display()),
            Self::InUse { path } => {
                write!(f, "the session store at {} is used by another process", path.display())
            }
            Self::HasClient => write!(f, "the session store is used by another client of this process"),
            Self::NoClientIdentifier => {
                write!(
                    f,
                    "a session store needs the option `client_identifier`, by which the server finds the Session"
                )
            }
            Self::NotLoaded => write!(f, "the session store was not loaded"),
            Self::OtherClient { stored } => {
                write!(f, "the session store has the Session of another Client Identifier, `{stored}`")
            }
            Self::Damaged { path, good_bytes } => {
                write!(f, "the session store at {} is damaged behind byte {good_bytes}", path.display())
            }
            Self::Panicked => write!(f, "the session store panicked"),
            Self::Other(error) => write!(f, "the session store failed: {error}"),
        }
    }
}
