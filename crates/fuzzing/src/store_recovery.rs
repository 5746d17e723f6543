//! Any bytes as the files of a shard: segments and checkpoints, sound, damaged and forged.
//!
//! The frames are built here by `docs/store-format.md`, so that the document is tested too.

use std::collections::BTreeMap;

use martlet_store::{
    Identity, MemoryDisk, Options, ReadFrom, Recovered, Recovery, Store, StoreReader, Unsynced,
};

use crate::source::Source;

/// The shard whose files these are.
const SHARD: u16 = 0;
/// All files have this salt, so that a frame of one is a frame of each: the worst case.
const SALT: u32 = 0x5A17_5A17;
/// Instructions that are followed.
const STEPS_MAX: usize = 200;

/// Numbers above this one are not sound.
const NUMBER_MAX: u64 = 1 << 62;
const HEADER_BYTES: usize = 64;
const MARK: u32 = 1 << 30;
const PROOF: u32 = 1 << 31;

/// Recovers a shard from any files.
///
/// The first byte chooses: the rest is a segment, a checkpoint, or instructions that build both with sound frames among them.
///
/// # Panics
/// If what is read was never written, is out of order, differs from one reading to the next, or the log cannot go on.
pub fn store_recovery(data: &[u8]) {
    let mut source = Source::new(data);
    let mut files = Files::default();
    match source.below(3) {
        0 => files.raw("log", source.rest()),
        1 => files.raw("checkpoint", source.rest()),
        _ => files.build(&mut source),
    }
    let disk = MemoryDisk::new(1);
    for (name, bytes) in &files.contents {
        disk.put(&format!("shard-{SHARD:05}/{name}"), bytes);
    }
    let Some(looked) = read(&disk, false) else { return };
    files.check(&looked);
    let recovered = read(&disk, true).expect("what can be looked at can be recovered");
    assert_eq!(recovered, looked, "a look shows what a recovery does");
    let again = read(&disk, true).expect("it can be recovered again");
    assert_eq!(again, looked, "a second start finds the same");
    // Which of two damaged checkpoints is the better one may depend on the log, if one of them is forged.
    if files.contents.keys().filter(|name| name.starts_with("checkpoint-")).count() < 2 {
        check_going_on(&disk, looked);
    }
}

/// Records, and entries with their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Content {
    records: Vec<Vec<u8>>,
    entries: Vec<(u64, Vec<u8>)>,
}

fn options() -> Options {
    let identity = Identity { node: 1, shards: 1, created_ms: 1 };
    Options { identity, seed: 1, segment_bytes: 1000 }
}

/// Reads the shard; `None` if a file has a newer format.
fn read(disk: &MemoryDisk, repairs: bool) -> Option<Content> {
    if !repairs {
        let store = StoreReader::open(disk.clone()).ok()?;
        return Some(content(&mut store.read(SHARD, ReadFrom::Checkpoint).ok()?));
    }
    let store = Store::open(disk.clone(), options()).ok()?;
    let mut recovery = store.recover(SHARD).ok()?;
    let content = content(&mut recovery);
    drop(store.log(recovery));
    Some(content)
}

fn content(recovery: &mut Recovery<MemoryDisk>) -> Content {
    let mut content = Content::default();
    while let Some(recovered) = recovery.next() {
        match recovered {
            Recovered::Record(record) => content.records.push(record.to_vec()),
            Recovered::Entry(seq, entry) => content.entries.push((seq.0, entry.to_vec())),
        }
    }
    content
}

/// The log goes on behind what was recovered, whatever that was.
fn check_going_on(disk: &MemoryDisk, mut expected: Content) {
    {
        let store = Store::open(disk.clone(), options()).expect("the store opens");
        let (mut log, _) = store.log(store.recover(SHARD).expect("the shard can be read"));
        let next = log.next_seq();
        if next.0 > NUMBER_MAX {
            // Only a forger gets here.
            return;
        }
        assert!(expected.entries.last().is_none_or(|(seq, _)| *seq < next.0), "numbers go on");
        assert_eq!(log.append([&b"later"[..]]).expect("there is room"), next);
        log.sync().expect("the disk is well");
        expected.entries.push((next.0, b"later".to_vec()));
    }
    let crashed = disk.crashed(Unsynced::Lost, 1);
    let found = read(&crashed, true).expect("it can be recovered");
    assert_eq!(found.records, expected.records);
    // The next file makes clear what the last one left open, so forged frames may come to count; none ceases to.
    assert!(expected.entries.iter().all(|entry| found.entries.contains(entry)), "what was there is there");
    assert_eq!(found.entries.last(), expected.entries.last(), "what came later is the last");
}

/// The files, and every sound frame that was put into them.
#[derive(Default)]
struct Files {
    contents: BTreeMap<String, Vec<u8>>,
    entries: Vec<(u64, Vec<u8>)>,
    /// Whether only frames from here are in the files.
    is_built: bool,
}

impl Files {
    fn raw(&mut self, kind: &str, bytes: &[u8]) {
        self.contents.insert(name(kind, 1), bytes.to_vec());
    }

    fn build(&mut self, source: &mut Source<'_>) {
        self.is_built = true;
        let (mut current, mut next) = (name("log", 1), 1);
        self.contents.insert(current.clone(), header(b'S', 1, 1, 1));
        for _ in 0..STEPS_MAX {
            if source.is_empty() {
                break;
            }
            let file = self.contents.entry(current.clone()).or_default();
            match source.below(10) {
                0 => {
                    let (kind, letter) = *source.pick(&[("log", b'S'), ("checkpoint", b'C')]);
                    let (ordinal, seq) = (u64::from(source.u8() % 8), u64::from(source.u8()));
                    let version = if source.u8() == 0xFF { 2 } else { 1 };
                    current = name(kind, ordinal);
                    next = if kind == "log" { seq } else { 1 };
                    self.contents.insert(current.clone(), header(letter, version, ordinal, seq));
                }
                1 => file.extend_from_slice(source.bytes()),
                2 => flip(file, source),
                3 => file.truncate(usize::from(source.u16())),
                4 if source.bool() => next = next.saturating_sub(1),
                4 => next = next.saturating_add(1),
                5 => next = u64::MAX >> (source.u8() % 64),
                6 => {
                    // A frame that claims more than the file has, unless it claims nothing.
                    file.extend_from_slice(&frame(next, source.u32(), &[]));
                    self.entries.push((next, Vec::new()));
                }
                7 => file.extend_from_slice(&frame(next, MARK | PROOF, &[])),
                choice => {
                    let payload = source.bytes();
                    let flags = if choice == 8 { PROOF } else { 0 };
                    file.extend_from_slice(&frame(next, flags, payload));
                    self.entries.push((next, payload.to_vec()));
                    next = next.saturating_add(1);
                }
            }
        }
    }

    fn check(&self, content: &Content) {
        let numbers = content.entries.iter().map(|(seq, _)| *seq);
        assert!(numbers.is_sorted_by(|before, after| before < after), "entries are out of order");
        let held: usize = self.contents.values().map(Vec::len).sum();
        let read: usize = content.entries.iter().map(|(_, entry)| entry.len()).sum();
        assert!(read <= held, "{read} bytes came out of {held}");
        if self.is_built {
            for entry in &content.entries {
                assert!(self.entries.contains(entry), "{entry:?} was never written");
            }
            for record in &content.records {
                assert!(
                    self.entries.iter().any(|(_, payload)| payload == record),
                    "a record was never written"
                );
            }
        }
    }
}

fn flip(file: &mut [u8], source: &mut Source<'_>) {
    let (at, mask) = (usize::from(source.u16()), source.u8());
    if let Some(byte) = file.get_mut(at) {
        *byte ^= mask;
    }
}

fn name(kind: &str, ordinal: u64) -> String {
    format!("{kind}-{ordinal:020}")
}

fn header(kind: u8, version: u16, ordinal: u64, seq: u64) -> Vec<u8> {
    let mut header = [&b"MARTLET"[..], &[kind], &version.to_le_bytes(), &SHARD.to_le_bytes()].concat();
    header.resize(32, 0);
    header.extend_from_slice(&ordinal.to_le_bytes());
    header.extend_from_slice(&seq.to_le_bytes());
    header.extend_from_slice(&SALT.to_le_bytes());
    header.resize(HEADER_BYTES - 4, 0);
    let checksum = crc32c::crc32c(&header);
    header.extend_from_slice(&checksum.to_le_bytes());
    header
}

/// A frame whose length is that of its payload, with some bits of it changed.
fn frame(seq: u64, length_bits: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0) ^ length_bits;
    let mut fields = length.to_le_bytes().to_vec();
    fields.extend_from_slice(&seq.to_le_bytes());
    fields.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let checksum = crc32c::crc32c_append(SALT, &fields);
    let mut frame = [&checksum.to_le_bytes()[..], &fields, payload].concat();
    frame.resize(frame.len().next_multiple_of(8), 0);
    frame
}
