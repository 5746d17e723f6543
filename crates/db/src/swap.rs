//! Putting a new store in its place: whatever happens meanwhile, either the old one is there or the new one, whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use martlet_engine::{Engine, Instant};
use martlet_store::{LocalDisk, Store};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::{DbError, create};

/// How many names are tried for a store that is put by.
const NAMES_MAX: u32 = 1_000;

/// A folder, and the one beside it in which its new content is made.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    /// The same name with `.new` behind it.
    new: PathBuf,
}

impl Place {
    /// The place of a folder, which need not be there. Nothing may be in the way beside it.
    pub(crate) fn of(named: &Path) -> Result<Self, DbError> {
        let folder = match fs::canonicalize(named) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(named),
            found => found,
        };
        // Without a `/` at the end.
        let folder: PathBuf = folder.map_err(DbError::io(named))?.components().collect();
        let new = beside(&folder, ".new");
        match fs::symlink_metadata(&new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { folder, new }),
            Err(error) => Err(DbError::io(&new)(error)),
            Ok(_) => Err(DbError::LeftBehind { path: new }),
        }
    }

    /// Where the new store is written.
    pub(crate) fn new_folder(&self) -> &Path {
        &self.new
    }

    /// Writes the new store, or leaves nothing. It is open as long as the answer lives.
    pub(crate) fn fill(&self, engines: &mut [Engine], now: Instant) -> Result<Store<LocalDisk>, DbError> {
        create::write(&self.new, engines, now).inspect_err(|_| {
            // What cannot be removed either is told at the next attempt.
            let _ = fs::remove_dir_all(&self.new);
        })
    }

    /// The new store takes the name of a folder that is not there, or that is empty.
    pub(crate) fn put(&self) -> Result<(), DbError> {
        fs::rename(&self.new, &self.folder).map_err(DbError::io(&self.folder))?;
        self.sync()
    }

    /// The new store and the old one change their names in one step; then the old one gets a name that tells what it is,
    /// which is answered.
    pub(crate) fn exchange(&self) -> Result<PathBuf, DbError> {
        renameat_with(CWD, &self.new, CWD, &self.folder, RenameFlags::EXCHANGE).map_err(|error| {
            DbError::NotExchanged { new: self.new.clone(), old: self.folder.clone(), cause: error.into() }
        })?;
        self.sync()?;
        let old = self.name_for_old();
        match renameat_with(CWD, &self.new, CWD, &old, RenameFlags::NOREPLACE) {
            Ok(()) => self.sync().map(|()| old),
            // The new store is in its place, and that is what counts.
            Err(_) => Ok(self.new.clone()),
        }
    }

    fn name_for_old(&self) -> PathBuf {
        let names = (1..NAMES_MAX).map(|number| match number {
            1 => ".old".to_owned(),
            _ => format!(".old-{number}"),
        });
        let mut paths = names.map(|suffix| beside(&self.folder, &suffix));
        let is_free = |path: &PathBuf| fs::symlink_metadata(path).is_err();
        paths.find(is_free).unwrap_or_else(|| self.new.clone())
    }

    /// Makes the names durable.
    fn sync(&self) -> Result<(), DbError> {
        let parent = self.folder.parent().unwrap_or(Path::new("/"));
        File::open(parent).and_then(|folder| folder.sync_all()).map_err(DbError::io(parent))
    }
}

fn beside(folder: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(folder);
    name.push(suffix);
    name.into()
}
