//! What is in the root of a store.

use std::io;

use super::OpenError;
use crate::disk::{Access, Disk, DiskFile};
use crate::format::{FileKind, HEADER_BYTES, Header, HeaderError, Identity};
use crate::paths::{self, DAMAGED, META, META_UNFINISHED};
use crate::place::Place;
use crate::recovery::{ReadFrom, Recovery};
use crate::scan::RecoverError;
use crate::window::read_full;

/// The root of a store.
#[derive(Clone, Debug)]
pub(super) struct Files<D> {
    pub(super) disk: D,
}

/// How it is known who a store belongs to.
pub(super) enum Known {
    ByMeta(Identity),
    /// The file `meta` is lost or damaged.
    ByShard(Identity),
    /// The store is new, or has lost all.
    No,
}

impl<D: Disk> Files<D> {
    pub(super) const fn new(disk: D) -> Self {
        Self { disk }
    }

    pub(super) fn place(&self, shard: u16, identity: Identity, seed: u64) -> Place<D> {
        Place::new(self.disk.clone(), shard, identity, seed)
    }

    pub(super) fn shards(&self) -> io::Result<Vec<u16>> {
        let names = self.disk.list("")?;
        Ok(names.iter().filter_map(|name| paths::parse_shard_dir(name)).collect())
    }

    /// Reads a shard and changes nothing.
    pub(super) fn read(&self, shard: u16, from: ReadFrom) -> Result<Recovery<D>, RecoverError> {
        Recovery::new(self.reader_place(shard), from, false)
    }

    /// A place that nothing is written to, so that it does not matter what a header would say.
    fn reader_place(&self, shard: u16) -> Place<D> {
        self.place(shard, Identity { node: 0, shards: 0, created_ms: 0 }, 0)
    }

    /// Takes the identity from `meta`, or from the newest file of any shard.
    pub(super) fn known(&self) -> Result<Known, OpenError> {
        match self.read_meta() {
            Ok(header) => return Ok(Known::ByMeta(header.identity)),
            Err(HeaderError::Newer(version)) => {
                let file = META.to_owned();
                return Err(OpenError::Newer(RecoverError::NewerFormat { file, version }));
            }
            Err(HeaderError::Damaged) => {}
        }
        for shard in self.shards()? {
            let scan = match self.reader_place(shard).scan() {
                Ok(scan) => scan,
                Err(RecoverError::List(_)) => continue,
                Err(newer @ RecoverError::NewerFormat { .. }) => return Err(OpenError::Newer(newer)),
            };
            let mut newest_first = scan.checkpoints.iter().chain(&scan.segments).rev();
            if let Some(header) = newest_first.find_map(|listed| listed.header) {
                return Ok(Known::ByShard(header.identity));
            }
        }
        Ok(Known::No)
    }

    fn read_meta(&self) -> Result<Header, HeaderError> {
        let mut bytes = [0; HEADER_BYTES];
        let file = self.disk.open(META, Access::Read).map_err(|_| HeaderError::Damaged)?;
        read_full(&file, 0, &mut bytes).map_err(|_| HeaderError::Damaged)?;
        Header::decode(FileKind::Meta, &bytes)
    }

    /// Writes `meta`: after a crash it is the old one or the new one.
    pub(super) fn write_meta(&self, identity: Identity) -> io::Result<()> {
        let header = Header { kind: FileKind::Meta, shard: 0, identity, ordinal: 0, seq: 0, salt: 0 };
        match self.disk.remove(META_UNFINISHED) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = self.disk.create(META_UNFINISHED)?;
        file.write_at(0, &header.encode())?;
        file.sync_data()?;
        self.disk.rename(META_UNFINISHED, META)?;
        self.disk.sync_dir("")
    }

    /// What earlier starts found to be damaged and set aside: files and their lengths, sorted.
    pub(super) fn set_aside(&self) -> io::Result<Vec<(String, u64)>> {
        let names = match self.disk.list(DAMAGED) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names?,
        };
        let mut files: Vec<_> = names
            .into_iter()
            .map(|name| {
                let path = format!("{DAMAGED}/{name}");
                let bytes = self.disk.open(&path, Access::Read).and_then(|file| file.length());
                // One that cannot be opened is there all the same.
                (path, bytes.unwrap_or(0))
            })
            .collect();
        files.sort_unstable();
        Ok(files)
    }

    /// Removes the files of retired shards. Files that stay are tried again at the next start.
    pub(super) fn remove_retired(&self) {
        let names = self.disk.list("").unwrap_or_default();
        for folder in names.iter().filter(|name| paths::parse_retired_dir(name).is_some()) {
            for name in self.disk.list(folder).unwrap_or_default() {
                let _ = self.disk.remove(&format!("{folder}/{name}"));
            }
            let _ = self.disk.remove_dir(folder);
        }
    }
}
