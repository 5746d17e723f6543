//! The few operations on files that a store needs, so that a test or a simulation can stand in for the disk.
//!
//! A path is relative to the root of the store, with `/` between its parts. What an operation promises about a crash is what
//! POSIX promises, and no more: bytes are safe after [`DiskFile::sync_data`], names after [`Disk::sync_dir`] of their folder.

use core::fmt;
use std::io;

/// A folder that holds a store.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;
    /// Keeps others out until it is dropped.
    type Lock: Send + 'static;

    /// Makes a new file, open for reading and writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if there is one of that name; what the system says.
    fn create(&self, path: &str) -> io::Result<Self::File>;

    /// Opens a file that is there.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`]; what the system says.
    fn open(&self, path: &str, access: Access) -> io::Result<Self::File>;

    /// Gives a file or a folder another name, taking the place of a file that has it.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes a folder, unless it is there.
    ///
    /// # Errors
    /// What the system says.
    fn create_dir(&self, path: &str) -> io::Result<()>;

    /// Removes an empty folder.
    ///
    /// # Errors
    /// What the system says.
    fn remove_dir(&self, path: &str) -> io::Result<()>;

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`]; what the system says.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;

    /// Makes the names in a folder durable. The root is the empty path.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self, path: &str) -> io::Result<()>;

    /// Bytes that may still be written.
    ///
    /// # Errors
    /// What the system says.
    fn free_space(&self) -> io::Result<u64>;

    /// Takes a lock that one process at a time can have. [`Access::Write`] makes its file if it is not there.
    ///
    /// # Errors
    /// [`LockError::Held`] if another has it.
    fn lock(&self, path: &str, access: Access) -> Result<Self::Lock, LockError>;
}

/// An open file.
pub trait DiskFile: Send + 'static {
    /// Writes all bytes at an offset.
    ///
    /// # Errors
    /// What the system says. Any part of the bytes may have been written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable what was written, and the length of the file.
    ///
    /// # Errors
    /// What the system says. What was written since the last sync may be lost then, and a second try would not tell.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Reads bytes at an offset; fewer than asked for are no error, and none are the end of the file.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Cuts the file off at a length.
    ///
    /// # Errors
    /// What the system says.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// The length of the file.
    ///
    /// # Errors
    /// What the system says.
    fn length(&self) -> io::Result<u64>;
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading alone: works on a disk that cannot be written.
    Read,
    /// Reading and writing.
    Write,
}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process has it.
    Held,
    /// What the system says.
    Io(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held => f.write_str("another process uses the store"),
            Self::Io(error) => write!(f, "the lock file: {error}"),
        }
    }
}

impl core::error::Error for LockError {}

/// Whether an error says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
