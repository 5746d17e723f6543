//! Looks at the files of a shard before any of them is read.

use core::fmt;
use std::io;

use crate::disk::Disk;
use crate::format::{FORMAT_VERSION, FileKind, Header, HeaderError};
use crate::paths::{self, DAMAGED};
use crate::place::{Look, Place};

/// Why a shard cannot be read. Damage is no reason.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecoverError {
    /// A file was written by a later version of this program.
    NewerFormat {
        /// The file.
        file: String,
        /// The version of its format.
        version: u16,
    },
    /// The folder cannot be listed.
    List(io::Error),
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewerFormat { file, version } => write!(
                f,
                "{file} has format {version}, and this version reads formats up to {FORMAT_VERSION}: \
                 start the version that wrote it, or a later one"
            ),
            Self::List(error) => write!(f, "the folder of the store cannot be listed: {error}"),
        }
    }
}

impl core::error::Error for RecoverError {}

/// The files of a shard.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// In the order in which they were made.
    pub(crate) segments: Vec<Listed>,
    /// In the order in which they were made.
    pub(crate) checkpoints: Vec<Listed>,
    /// Files that were being made when the power failed: nothing is in them.
    pub(crate) unfinished: Vec<String>,
    /// The number of the last segment, be it sound, damaged, or set aside before.
    pub(crate) last_segment: u64,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// `None` if it is not sound.
    pub(crate) header: Option<Header>,
}

impl<D: Disk> Place<D> {
    /// Lists the files of the shard; a shard without a folder has none.
    pub(crate) fn scan(&self) -> Result<Scan, RecoverError> {
        let names = match self.disk.list(&self.dir) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(RecoverError::List(error)),
        };
        // A segment that was set aside still tells that those before it had been synced.
        let aside = self.disk.list(DAMAGED).unwrap_or_default();
        let aside = aside.iter().filter_map(|name| paths::parse_damaged_segment(&self.dir, name)).max();
        let mut scan = Scan { last_segment: aside.unwrap_or(0), ..Scan::default() };
        for name in names {
            if let Some(ordinal) = paths::parse_segment(&name) {
                let look = self.look(FileKind::Segment, &name);
                if look.is_stub() {
                    scan.unfinished.push(name);
                } else {
                    scan.last_segment = scan.last_segment.max(ordinal);
                    scan.segments.push(self.listed(name, ordinal, look)?);
                }
            } else if let Some(ordinal) = paths::parse_checkpoint(&name) {
                let look = self.look(FileKind::Checkpoint, &name);
                scan.checkpoints.push(self.listed(name, ordinal, look)?);
            } else if paths::is_unfinished(&name) {
                scan.unfinished.push(name);
            }
        }
        Ok(scan)
    }

    fn listed(&self, name: String, ordinal: u64, look: Look) -> Result<Listed, RecoverError> {
        let header = match look.header {
            Ok(header) if header.ordinal == ordinal => Some(header),
            Ok(_) | Err(HeaderError::Damaged) => None,
            Err(HeaderError::Newer(version)) => {
                return Err(RecoverError::NewerFormat { file: self.path(&name), version });
            }
        };
        Ok(Listed { name, bytes: look.bytes, header })
    }
}
