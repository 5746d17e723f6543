//! The Session in a directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::log::{Log, record_bytes};
use super::{SessionChange, SessionStore, StoreError, StoredSession};

/// A file below this size is not worth rewriting.
const REWRITE_BYTES_MIN: u64 = 1 << 20;
/// A file is rewritten when it is this many times as large as what it says.
const REWRITE_FACTOR: u64 = 4;

/// Keeps the Session in a directory of its own.
///
/// The directory has two files: `session`, which is appended to, and written anew when it is a megabyte at least and mostly
/// about what is finished; and `lock`, which keeps a second process away as long as this one runs. Both are made when a client
/// connects. A crash leaves `session` whole up to the last batch that was stored.
#[derive(Debug)]
pub struct DirectoryStore {
    path: PathBuf,
    syncs: bool,
    open: Option<Open>,
}

/// The directory in use.
#[derive(Debug)]
struct Open {
    client_identifier: String,
    session: StoredSession,
    log: Log,
    /// The size of the file at which it is looked at again.
    rewrite_bytes: u64,
    /// Nobody knows what an attempt to write that failed left in the file.
    is_spoiled: bool,
    /// Held until the store is dropped.
    _lock: File,
}

impl DirectoryStore {
    /// A store in this directory, which is made if there is none. Nothing is opened before a client connects.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), syncs: true, open: None }
    }

    /// Whether each batch is on the disk before what depends on it is sent, so that it outlives a loss of power and a crash
    /// of the operating system; by default it is. Without that it outlives the end of the process, however that ends, and costs
    /// much less.
    #[must_use]
    pub fn sync(mut self, syncs: bool) -> Self {
        self.syncs = syncs;
        self
    }

    fn open(&self, client_identifier: &str) -> Result<Open, StoreError> {
        fs::create_dir_all(&self.path).map_err(StoreError::io(&self.path))?;
        let lock = lock(&self.path)?;
        let file = self.path.join("session");
        let (log, session) = if let Some(opened) = Log::open(&file, client_identifier)? {
            opened
        } else {
            let session = StoredSession::default();
            (Log::create(&file, client_identifier, &session)?, session)
        };
        Ok(Open {
            client_identifier: client_identifier.to_owned(),
            session,
            log,
            rewrite_bytes: REWRITE_BYTES_MIN,
            is_spoiled: false,
            _lock: lock,
        })
    }
}

impl SessionStore for DirectoryStore {
    fn load(&mut self, client_identifier: &str) -> Result<StoredSession, StoreError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.open(client_identifier)?,
        };
        let open = self.open.insert(open);
        if open.client_identifier != client_identifier {
            return Err(StoreError::OtherClient { stored: open.client_identifier.clone() });
        }
        Ok(open.session.clone())
    }

    fn commit(&mut self, changes: &[SessionChange]) -> Result<(), StoreError> {
        let file = self.path.join("session");
        // Only a client that loaded it has something to store.
        let Some(open) = &mut self.open else { return Err(StoreError::NotLoaded) };
        if open.is_spoiled {
            open.rewrite(&file)?;
        }
        if let Err(error) = open.log.append(changes, self.syncs) {
            open.is_spoiled = true;
            return Err(error);
        }
        for change in changes {
            open.session.apply(change);
        }
        if open.is_worth_rewriting() && open.rewrite(&file).is_err() {
            // The file is as good as before, just large.
            open.rewrite_bytes = open.log.bytes().saturating_mul(2);
        }
        Ok(())
    }
}

impl Open {
    /// Whether most of the file is about what is finished.
    fn is_worth_rewriting(&mut self) -> bool {
        if self.log.bytes() < self.rewrite_bytes {
            return false;
        }
        let needed: u64 = self.session.changes().map(|change| record_bytes(&change)).sum();
        self.rewrite_bytes = needed.saturating_mul(REWRITE_FACTOR).max(REWRITE_BYTES_MIN);
        self.log.bytes() >= self.rewrite_bytes
    }

    fn rewrite(&mut self, file: &Path) -> Result<(), StoreError> {
        self.log = Log::create(file, &self.client_identifier, &self.session)?;
        self.is_spoiled = false;
        Ok(())
    }
}

/// Keeps other processes away from a directory.
fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(StoreError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(StoreError::io(path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: u8, id: u8) -> SessionChange {
        SessionChange::decode(&[kind, 0, id]).unwrap()
    }

    #[test]
    fn what_could_not_be_written_is_not_there_and_the_rest_is() {
        let folder = std::env::temp_dir().join(format!("martlet-client-spoiled-{}", std::process::id()));
        let mut store = DirectoryStore::new(&folder);
        store.load("client").unwrap();
        store.commit(&[change(2, 1)]).unwrap();
        store.open.as_mut().unwrap().log.spoil();
        for _ in 0..2 {
            fs::create_dir(folder.join("session.new")).unwrap(); // so that it cannot be written anew either
            let error = store.commit(&[change(2, 2)]).unwrap_err();
            assert!(matches!(error, StoreError::Io { .. }), "{error}");
            fs::remove_dir(folder.join("session.new")).unwrap();
        }
        store.commit(&[change(2, 3)]).unwrap();
        let expected = [change(2, 1), change(2, 3)];
        assert_eq!(store.load("client").unwrap().changes().collect::<Vec<_>>(), expected);
        drop(store);
        let stored = DirectoryStore::new(&folder).load("client").unwrap();
        assert_eq!(stored.changes().collect::<Vec<_>>(), expected);
        fs::remove_dir_all(folder).unwrap();
    }
}
