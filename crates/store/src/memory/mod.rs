//! A disk in memory that fails on demand: for tests and the simulation.
//!
//! It keeps apart what was written and what was synced. [`MemoryDisk::crashed`] answers what is left after a loss of power:
//! all that was synced, and of the rest as much as is asked for. Everything is decided by one seed.

mod content;
mod faults;
mod names;
mod state;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Access, Disk, DiskFile, LockError};

use core::ops::Range;
pub use faults::{Operation, Unsynced};
use state::State;

/// A disk in memory. Its clones are the same disk.
#[derive(Clone, Debug)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

impl MemoryDisk {
    /// An empty disk whose faults are drawn from a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(seed))) }
    }

    /// What a loss of power at this moment leaves, as a disk of its own without faults. This one goes on.
    #[must_use]
    pub fn crashed(&self, unsynced: Unsynced, seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(self.state().crashed(unsynced, seed))) }
    }

    /// Lets the power fail at the operation of this number: it and all after it fail.
    pub fn halt_at(&self, operation: u64) {
        self.state().faults.halt_at = Some(operation);
    }

    /// Lets the operation of this number fail, once.
    pub fn fail_at(&self, operation: u64) {
        self.state().faults.fail_at.insert(operation);
    }

    /// Lets the next operations of a kind fail, so many of them.
    pub fn fail_next(&self, operation: Operation, count: u64) {
        self.state().faults.fail_next.insert(operation, count);
    }

    /// Does so many more syncs, of files or folders, then leaves one out and answers well.
    pub fn skip_sync_after(&self, syncs: u64) {
        self.state().faults.skip_sync_after = Some(syncs);
    }

    /// Sets how many bytes all files together may have; `None` for no bound.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().faults.capacity = bytes;
    }

    /// Refuses every change, or takes changes again.
    pub fn set_read_only(&self, read_only: bool) {
        self.state().faults.read_only = read_only;
    }

    /// Answers syncs without doing them, as some hardware does.
    pub fn set_lying(&self, lying: bool) {
        self.state().faults.lying = lying;
    }

    /// Keeps what a loss of power would leave after each sync from now on.
    pub fn keep_images(&self) {
        self.state().images = Some(Vec::new());
    }

    /// The images kept until now.
    pub fn take_images(&self) -> Vec<Self> {
        let states = self.state().images.replace(Vec::new()).unwrap_or_default();
        states.into_iter().map(|state| Self { state: Arc::new(Mutex::new(state)) }).collect()
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// How many bytes all files have.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// The bytes of a file as they would be read.
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        self.state().content(path).map(|content| content.current.clone())
    }

    /// Puts a file there, durable, whatever was there before.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.state().put(path, bytes);
    }

    /// Changes a byte of a file behind the back of everyone: bit rot. A place outside of the file changes nothing.
    pub fn rot(&self, path: &str, offset: u64, mask: u8) {
        if let Some(content) = self.state().content_mut(path) {
            content.rot(offset, mask);
        }
    }

    /// Lets reads of a range of a file fail.
    pub fn set_unreadable(&self, path: &str, range: Range<u64>) {
        if let Some(content) = self.state().content_mut(path) {
            content.unreadable.push(range);
        }
    }

    /// All files, sorted by their paths.
    pub fn files(&self) -> Vec<String> {
        self.state().names.files().map(|(path, _)| path.to_owned()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn file(&self, file: u64) -> MemoryFile {
        MemoryFile { state: Arc::clone(&self.state), file }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk for MemoryDisk {
    type File = MemoryFile;
    type Lock = MemoryLock;

    fn create(&self, path: &str) -> io::Result<MemoryFile> {
        let file = self.state().create(path)?;
        Ok(self.file(file))
    }

    fn open(&self, path: &str, access: Access) -> io::Result<MemoryFile> {
        let file = self.state().open(path, access)?;
        Ok(self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.state().rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.state().remove(path)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.state().create_dir(path)
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.state().remove_dir(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.state().list(path)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.state().sync_dir(path)
    }

    fn free_space(&self) -> io::Result<u64> {
        self.state().free_space()
    }

    fn lock(&self, path: &str, access: Access) -> Result<MemoryLock, LockError> {
        self.state().lock(path, access)?;
        Ok(MemoryLock { state: Arc::clone(&self.state), path: path.to_owned() })
    }
}

/// An open file of a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryFile {
    state: Arc<Mutex<State>>,
    file: u64,
}

impl DiskFile for MemoryFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        lock(&self.state).write(self.file, offset, bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        lock(&self.state).sync(self.file)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        lock(&self.state).read(self.file, offset, buffer)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        lock(&self.state).truncate(self.file, length)
    }

    fn length(&self) -> io::Result<u64> {
        lock(&self.state).length(self.file)
    }
}

/// Keeps others out until it is dropped.
#[derive(Debug)]
pub struct MemoryLock {
    state: Arc<Mutex<State>>,
    path: String,
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        lock(&self.state).locks.remove(&self.path);
    }
}

#[cfg(test)]
mod tests;
