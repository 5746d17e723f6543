//! A file of batches that is only appended to, and replaced as a whole.
//!
//! ```text
//! file   = "MARTLET SESSION 1\n" | length 2 | Client Identifier | checksum 4 | batch ...
//! batch  = length 8 | checksum 4 | record ...      the length is that of the records, the checksum of it and them
//! record = length 4 | change                       a change is what SessionChange::encode writes
//! ```
//!
//! Lengths are in bytes, numbers big-endian. A batch is written with one call, behind everything else; a whole file is written
//! under another name and renamed. So a crash can only spoil the last batch, which then was not promised to anybody: it is cut
//! off. A bad batch with a good one behind it is no work of a crash: [`StoreError::Damaged`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::crc32::crc32;
use super::{SessionChange, StoreError, StoredSession};

const MAGIC: &[u8] = b"MARTLET SESSION 1\n";
/// Length and checksum of a batch.
const BATCH_HEAD_BYTES: usize = 12;

/// An open file.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// Up to here everything is whole.
    good_bytes: u64,
}

impl Log {
    /// Opens the file of a client and reads it; `None` if there is none.
    pub(super) fn open(
        path: &Path,
        client_identifier: &str,
    ) -> Result<Option<(Self, StoredSession)>, StoreError> {
        let failed = || StoreError::io(path);
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed())?,
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed())?;
        let damaged = |rest: &[u8]| StoreError::Damaged {
            path: path.to_owned(),
            good_bytes: (bytes.len() - rest.len()) as u64,
        };
        let (stored, mut rest) = split_head(&bytes).ok_or_else(|| damaged(&bytes))?;
        if stored != client_identifier {
            return Err(StoreError::OtherClient { stored: stored.to_owned() });
        }
        let mut session = StoredSession::default();
        while let Some((records, behind)) = split_batch(rest) {
            let changes = read_records(records).ok_or_else(|| damaged(rest))?;
            for change in &changes {
                session.apply(change);
            }
            rest = behind;
        }
        if has_batch_behind(rest) {
            return Err(damaged(rest));
        }
        let good_bytes = (bytes.len() - rest.len()) as u64;
        let mut log = Self { path: path.to_owned(), file, good_bytes };
        if !rest.is_empty() {
            log.cut().map_err(failed())?;
        }
        Ok(Some((log, session)))
    }

    /// Makes a file with nothing but this Session, in the place of what is there.
    pub(super) fn create(
        path: &Path,
        client_identifier: &str,
        session: &StoredSession,
    ) -> Result<Self, StoreError> {
        let mut bytes = head(client_identifier);
        if !session.is_empty() {
            write_batch(session.changes(), &mut bytes);
        }
        let temporary = path.with_extension("new");
        let create = || {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, path)?;
            sync_folder(path)?;
            Ok(file)
        };
        let file = create().map_err(StoreError::io(path))?;
        Ok(Self { path: path.to_owned(), file, good_bytes: bytes.len() as u64 })
    }

    /// Appends a batch, and waits until it is on the disk if `syncs`. After an error the file is not to be appended to.
    pub(super) fn append(&mut self, changes: &[SessionChange], syncs: bool) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        write_batch(changes.iter().cloned(), &mut bytes);
        let append = |file: &mut File| {
            file.write_all(&bytes)?;
            if syncs { file.sync_data() } else { Ok(()) }
        };
        if let Err(error) = append(&mut self.file) {
            // So that it is not read again by the next process. The error is worse than a failure of this.
            let _ = self.cut();
            return Err(StoreError::io(&self.path)(error));
        }
        self.good_bytes += bytes.len() as u64;
        Ok(())
    }

    /// The length of the file.
    pub(super) const fn bytes(&self) -> u64 {
        self.good_bytes
    }

    /// From here on nothing can be written, as on a full disk.
    #[cfg(test)]
    pub(super) fn spoil(&mut self) {
        self.file = File::open(&self.path).expect("it is there");
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.good_bytes)?;
        self.file.seek(SeekFrom::Start(self.good_bytes)).map(drop)
    }
}

/// How many bytes a change takes in a batch.
pub(super) fn record_bytes(change: &SessionChange) -> u64 {
    (size_of::<u32>() + change.encoded_len()) as u64
}

fn head(client_identifier: &str) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    // CONNECT has no room for a longer one.
    let len = u16::try_from(client_identifier.len()).unwrap_or(u16::MAX);
    bytes.extend(len.to_be_bytes());
    bytes.extend_from_slice(client_identifier.as_bytes());
    bytes.extend(crc32(&[&bytes]).to_be_bytes());
    bytes
}

/// The Client Identifier, and what is behind the head.
fn split_head(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    let (client_identifier, rest) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
    let (checksum, rest) = rest.split_first_chunk()?;
    let checked = &bytes[..MAGIC.len() + len.len() + client_identifier.len()];
    (crc32(&[checked]).to_be_bytes() == *checksum).then_some((str::from_utf8(client_identifier).ok()?, rest))
}

fn write_batch(changes: impl Iterator<Item = SessionChange>, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + BATCH_HEAD_BYTES, 0);
    for change in changes {
        // A packet has at most 268,435,455 bytes; what is larger is refused before it is sent.
        let len = u32::try_from(change.encoded_len()).unwrap_or(u32::MAX);
        out.extend(len.to_be_bytes());
        change.encode(out);
    }
    let (head, records) = out[start..].split_at_mut(BATCH_HEAD_BYTES);
    let len = (records.len() as u64).to_be_bytes();
    let checksum = crc32(&[&len, records]).to_be_bytes();
    head.copy_from_slice(&[&len[..], &checksum].concat());
}

/// The records of the first batch, if it is whole, and what is behind it.
fn split_batch(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (records, checksum, rest) = measure_batch(bytes)?;
    let len = (records.len() as u64).to_be_bytes();
    (crc32(&[&len, records]).to_be_bytes() == checksum).then_some((records, rest))
}

/// Whether a good batch stands behind a bad one.
fn has_batch_behind(bytes: &[u8]) -> bool {
    measure_batch(bytes).is_some_and(|(_, _, behind)| split_batch(behind).is_some())
}

/// The records of the first batch as its length tells them, its checksum, and what is behind it.
fn measure_batch(bytes: &[u8]) -> Option<(&[u8], [u8; 4], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (checksum, rest) = rest.split_first_chunk()?;
    let len = usize::try_from(u64::from_be_bytes(*len)).ok()?;
    let (records, rest) = rest.split_at_checked(len)?;
    Some((records, *checksum, rest))
}

fn read_records(mut records: &[u8]) -> Option<Vec<SessionChange>> {
    let mut changes = Vec::new();
    while !records.is_empty() {
        let (len, rest) = records.split_first_chunk()?;
        let (record, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
        changes.push(SessionChange::decode(record).ok()?);
        records = rest;
    }
    Some(changes)
}

/// Makes a renaming outlive a loss of power.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
