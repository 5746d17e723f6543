//! The disk behind its lock.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::content::Content;
use super::faults::{Course, Faults, Operation, Unsynced};
use super::names::{Names, Node};
use crate::disk::{Access, LockError};

#[derive(Clone, Debug)]
pub(super) struct State {
    seed: u64,
    random: Random,
    pub(super) names: Names,
    files: BTreeMap<u64, Content>,
    next_file: u64,
    pub(super) locks: BTreeSet<String>,
    pub(super) faults: Faults,
    pub(super) operations: u64,
    pub(super) images: Option<Vec<State>>,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            random: Random(seed),
            names: Names::default(),
            files: BTreeMap::new(),
            next_file: 0,
            locks: BTreeSet::new(),
            faults: Faults::default(),
            operations: 0,
            images: None,
        }
    }

    pub(super) fn crashed(&self, unsynced: Unsynced, seed: u64) -> Self {
        let mut random = Random(seed ^ self.operations);
        let names = self.names.crashed(unsynced, &mut random);
        let contents =
            self.files.iter().map(|(file, content)| (*file, content.crashed(unsynced, &mut random)));
        Self { names, files: contents.collect(), next_file: self.next_file, ..Self::new(seed) }
    }

    pub(super) fn used(&self) -> u64 {
        let files = self.names.files().filter_map(|(_, file)| self.files.get(&file));
        files.map(|content| content.current.len() as u64).sum()
    }

    pub(super) fn content(&self, path: &str) -> Option<&Content> {
        match self.names.find(path)? {
            Node::File(file) => self.files.get(&file),
            Node::Folder => None,
        }
    }

    pub(super) fn content_mut(&mut self, path: &str) -> Option<&mut Content> {
        match self.names.find(path)? {
            Node::File(file) => self.files.get_mut(&file),
            Node::Folder => None,
        }
    }

    pub(super) fn put(&mut self, path: &str, bytes: &[u8]) {
        let file = self.add_file(Content::durable(bytes));
        self.names.put(path, Node::File(file));
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<u64> {
        let course = self.begin(Operation::Create)?;
        if self.names.find(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !self.names.has_folder_of(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if course != Course::Fails {
            let file = self.add_file(Content::default());
            self.names.add(path, Node::File(file));
        }
        course.outcome()?;
        Ok(self.next_file)
    }

    pub(super) fn open(&mut self, path: &str, access: Access) -> io::Result<u64> {
        self.begin(Operation::Open)?.outcome()?;
        match self.names.find(path) {
            Some(Node::File(_)) if access == Access::Write && self.faults.read_only => {
                Err(io::ErrorKind::ReadOnlyFilesystem.into())
            }
            Some(Node::File(file)) => Ok(file),
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let course = self.begin(Operation::Rename)?;
        let node = self.names.find(from).filter(|_| self.names.has_folder_of(to));
        let node = node.ok_or(io::ErrorKind::NotFound)?;
        if node == Node::Folder && !self.names.list(to).is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        if course != Course::Fails {
            self.names.rename(from, to, node);
        }
        course.outcome()
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        let course = self.begin(Operation::Remove)?;
        let Some(Node::File(_)) = self.names.find(path) else { return Err(io::ErrorKind::NotFound.into()) };
        if course != Course::Fails {
            self.names.remove(path);
        }
        course.outcome()
    }

    pub(super) fn create_dir(&mut self, path: &str) -> io::Result<()> {
        let course = self.begin(Operation::Create)?;
        if course != Course::Fails && self.names.find(path).is_none() {
            self.names.add(path, Node::Folder);
        }
        course.outcome()
    }

    pub(super) fn remove_dir(&mut self, path: &str) -> io::Result<()> {
        let course = self.begin(Operation::Remove)?;
        if self.names.find(path) != Some(Node::Folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if !self.names.list(path).is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        if course != Course::Fails {
            self.names.remove(path);
        }
        course.outcome()
    }

    pub(super) fn list(&mut self, path: &str) -> io::Result<Vec<String>> {
        self.begin(Operation::Read)?.outcome()?;
        match self.names.find(path) {
            Some(Node::Folder) => Ok(self.names.list(path)),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        self.begin(Operation::SyncDir)?.outcome()?;
        if !self.faults.skips_sync() {
            self.names.sync(path);
        }
        self.keep_image();
        Ok(())
    }

    pub(super) fn free_space(&mut self) -> io::Result<u64> {
        self.begin(Operation::Read)?.outcome()?;
        Ok(self.room())
    }

    pub(super) fn lock(&mut self, path: &str, access: Access) -> Result<(), LockError> {
        if self.names.find(path).is_none() {
            if access == Access::Read {
                return Err(LockError::Io(io::ErrorKind::NotFound.into()));
            }
            self.create(path).map_err(LockError::Io)?;
        }
        if self.locks.insert(path.to_owned()) { Ok(()) } else { Err(LockError::Held) }
    }

    pub(super) fn write(&mut self, file: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let course = self.begin(Operation::Write)?;
        let mut taken = bytes;
        if course == Course::Fails {
            taken = &bytes[..self.random.below(bytes.len())];
        }
        let room = usize::try_from(self.room()).unwrap_or(usize::MAX);
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let content = self.files.get_mut(&file).ok_or(io::ErrorKind::NotFound)?;
        let end = content.current.len().max(offset).saturating_add(room);
        let is_full = offset + taken.len() > end;
        if is_full {
            taken = &taken[..end - offset];
        }
        content.write(offset, taken);
        course.outcome()?;
        if is_full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    pub(super) fn sync(&mut self, file: u64) -> io::Result<()> {
        let course = self.begin(Operation::Sync)?;
        let is_skipped = course == Course::Well && self.faults.skips_sync();
        let content = self.files.get_mut(&file).ok_or(io::ErrorKind::NotFound)?;
        match course {
            Course::Well if !is_skipped => content.sync(),
            Course::Fails => content.forget(),
            Course::Well | Course::Halts => {}
        }
        course.outcome()?;
        self.keep_image();
        Ok(())
    }

    pub(super) fn read(&mut self, file: u64, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.begin(Operation::Read)?.outcome()?;
        let content = self.files.get(&file).ok_or(io::ErrorKind::NotFound)?;
        if !content.is_readable(offset, buffer.len()) {
            return Err(io::Error::other("the medium cannot be read"));
        }
        let rest = usize::try_from(offset).ok().and_then(|offset| content.current.get(offset..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    pub(super) fn truncate(&mut self, file: u64, length: u64) -> io::Result<()> {
        let course = self.begin(Operation::Truncate)?;
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        if course != Course::Fails {
            self.files.get_mut(&file).ok_or(io::ErrorKind::NotFound)?.truncate(length);
        }
        course.outcome()
    }

    pub(super) fn length(&mut self, file: u64) -> io::Result<u64> {
        self.begin(Operation::Read)?.outcome()?;
        Ok(self.files.get(&file).ok_or(io::ErrorKind::NotFound)?.current.len() as u64)
    }

    fn begin(&mut self, operation: Operation) -> io::Result<Course> {
        let number = self.operations;
        self.operations += 1;
        self.faults.course(operation, number)
    }

    fn add_file(&mut self, content: Content) -> u64 {
        self.next_file += 1;
        self.files.insert(self.next_file, content);
        self.next_file
    }

    fn room(&self) -> u64 {
        self.faults.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()))
    }

    fn keep_image(&mut self) {
        if self.images.is_some() {
            let image = self.crashed(Unsynced::Lost, self.seed);
            if let Some(images) = &mut self.images {
                images.push(image);
            }
        }
    }
}

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// A number below `bound`; 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let number = self.next() % (bound.max(1) as u64);
        usize::try_from(number).unwrap_or(0)
    }

    pub(super) fn is_even(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
