//! Where the files of a shard are.

use std::io;

use crate::disk::{Access, Disk, DiskFile};
use crate::format::{FileKind, HEADER_BYTES, Header, HeaderError, Identity, salt};
use crate::paths;
use crate::window::read_full;

/// The folder of one shard on a disk.
#[derive(Clone, Debug)]
pub(crate) struct Place<D> {
    pub(crate) disk: D,
    pub(crate) shard: u16,
    pub(crate) dir: String,
    pub(crate) identity: Identity,
    seed: u64,
}

impl<D: Disk> Place<D> {
    pub(crate) fn new(disk: D, shard: u16, identity: Identity, seed: u64) -> Self {
        Self { disk, shard, dir: paths::shard_dir(shard), identity, seed }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.dir)
    }

    /// Makes the folder of the shard, durably. One that is there may be from an attempt that failed before it was durable.
    pub(crate) fn create_dir(&self) -> io::Result<()> {
        self.disk.create_dir(&self.dir)?;
        self.disk.sync_dir("")
    }

    pub(crate) fn header(&self, kind: FileKind, ordinal: u64, seq: u64) -> Header {
        let salt = salt(self.seed, kind, self.shard, ordinal);
        Header { kind, shard: self.shard, identity: self.identity, ordinal, seq, salt }
    }

    /// Opens a file and reads its header.
    pub(crate) fn look(&self, kind: FileKind, name: &str) -> Look {
        let read = || {
            let file = self.disk.open(&self.path(name), Access::Read)?;
            let bytes = file.length()?;
            let mut header = [0; HEADER_BYTES];
            read_full(&file, 0, &mut header)?;
            Ok::<_, io::Error>((bytes, header))
        };
        let Ok((bytes, header)) = read() else {
            return Look { bytes: 0, is_readable: false, header: Err(HeaderError::Damaged) };
        };
        let header = Header::decode(kind, &header).and_then(|header| {
            // A file that was brought here from elsewhere is not what its name says.
            if header.shard == self.shard { Ok(header) } else { Err(HeaderError::Damaged) }
        });
        Look { bytes, is_readable: true, header }
    }
}

/// What a file looks like from its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) bytes: u64,
    is_readable: bool,
    pub(crate) header: Result<Header, HeaderError>,
}

impl Look {
    /// Whether the power failed before the header was written. It is durable before anything is written behind it.
    pub(crate) fn is_stub(&self) -> bool {
        self.is_readable && self.header == Err(HeaderError::Damaged) && self.bytes <= HEADER_BYTES as u64
    }
}
