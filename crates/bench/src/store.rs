//! The log on a real disk: what a commit costs beside a bare write and sync of the same bytes, and how long a start takes.

#![expect(clippy::cast_precision_loss, reason = "figures for people need no 52 bits")]

mod figures;
mod publishers;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use martlet_store::{Disk, DiskFile, Identity, LocalDisk, Log, Options, SEGMENT_BYTES, Store};

use crate::resident;
use figures::Figures;
use publishers::Shard;

/// The name of the new folder.
const NAME: &str = "martlet-bench-store";
/// Commits of one row, unless they are large.
const COMMITS: usize = 2000;
/// Entries of one row at most.
const ENTRIES_MAX: usize = 500_000;
/// Commits that are measured before the next contender has its turn, so that all see the same disk.
const COMMITS_PER_TURN: usize = 100;
/// Bytes of a frame beside its entry; the bare file is written with as many.
const FRAME_BYTES: usize = 20;

/// How to load the log.
#[derive(Args)]
pub(crate) struct StoreBench {
    /// A folder on the disk that is to be measured. A new one is made in it, and removed at the end.
    #[arg(long, default_value = "target")]
    folder: PathBuf,
    /// Bytes of an entry: a payload of 128 bytes, a topic, and what belongs to it.
    #[arg(long, default_value_t = 176)]
    entry: usize,
    /// How many entries a start reads.
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,
}

impl StoreBench {
    pub(crate) fn run(&self) -> io::Result<()> {
        println!("{}-byte entries; written: bytes to the disk for each byte of an entry", self.entry);
        for batch in [1, 10, 100, 1000] {
            self.commits(batch)?;
        }
        self.publishers(1)?;
        self.publishers(100)?;
        self.recovery()?;
        fs::remove_dir_all(self.folder.join(NAME))
    }

    /// One commit after the other, three ways.
    fn commits(&self, batch: usize) -> io::Result<()> {
        let store = self.store()?;
        let mut bare = Bare::create(&self.folder.join(NAME).join("bare"))?;
        let mut log = open_log(&store, 0)?;
        let mut shard = Shard::start(open_log(&store, 1)?)?;
        let entries = vec![vec![b'x'; self.entry]; batch];
        let bytes = vec![b'x'; batch * (self.entry + FRAME_BYTES).next_multiple_of(8)];
        let [mut bare_figures, mut log_figures, mut shard_figures] = [const { Figures::new() }; 3];
        let turns = COMMITS.min(ENTRIES_MAX / batch) / COMMITS_PER_TURN;
        for _ in 0..turns {
            bare_figures.measure(COMMITS_PER_TURN, || bare.append(&bytes))?;
            log_figures.measure(COMMITS_PER_TURN, || commit(&mut log, &entries))?;
            shard_figures.measure(COMMITS_PER_TURN, || shard.commit(&entries))?;
        }
        let messages = turns * COMMITS_PER_TURN * batch;
        let payload = messages * self.entry;
        bare_figures.print(&format!("batch {batch}: bare write and fdatasync"), messages, payload);
        log_figures.print(&format!("batch {batch}: log on this thread"), messages, payload);
        shard_figures.print(&format!("batch {batch}: log on its own thread"), messages, payload);
        shard.close()
    }

    /// Publishers that each wait for their message before they send the next.
    fn publishers(&self, count: usize) -> io::Result<()> {
        let store = self.store()?;
        let mut shard = Shard::start(open_log(&store, 0)?)?;
        let mut figures = Figures::new();
        let messages = shard.serve(count, COMMITS, &vec![b'x'; self.entry], &mut figures)?;
        figures.print(
            &format!("{count} publishers, one message each at a time"),
            messages,
            messages * self.entry,
        );
        shard.close()
    }

    fn recovery(&self) -> io::Result<()> {
        let store = self.store()?;
        let mut log = open_log(&store, 0)?;
        let entry = vec![b'x'; self.entry];
        for batch in 0..self.entries.div_ceil(1000) {
            let count = (self.entries - batch * 1000).min(1000);
            log.append((0..count).map(|_| &entry[..])).map_err(io::Error::other)?;
        }
        log.close()?;
        let before = resident::bytes();
        let started = Instant::now();
        let mut recovery = store.recover(0).map_err(io::Error::other)?;
        let mut bytes = 0;
        let mut most = before;
        while let Some(martlet_store::Recovered::Entry(seq, entry)) = recovery.next() {
            bytes += entry.len();
            if seq.0.is_multiple_of(self.entries / 10) {
                most = most.max(resident::bytes());
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        let report = recovery.into_report();
        println!(
            "recovery: {} entries, {:.0} MiB in {} files: {seconds:.3} s, {:.1} MiB of memory",
            report.entries,
            bytes as f64 / f64::from(1 << 20),
            report.segments,
            most.saturating_sub(before) as f64 / f64::from(1 << 20)
        );
        Ok(())
    }

    /// A new store.
    fn store(&self) -> io::Result<Store<LocalDisk>> {
        let folder = self.folder.join(NAME);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let identity = Identity { node: 0, shards: 2, created_ms: 0 };
        let options = Options { identity, seed: 1, segment_bytes: SEGMENT_BYTES };
        Store::open(LocalDisk::create(folder)?, options).map_err(io::Error::other)
    }
}

fn open_log<D: Disk>(store: &Store<D>, shard: u16) -> io::Result<Log<D>> {
    Ok(store.log(store.recover(shard).map_err(io::Error::other)?).0)
}

fn commit<D: Disk>(log: &mut Log<D>, entries: &[Vec<u8>]) -> io::Result<()> {
    log.append(entries.iter().map(Vec::as_slice)).map_err(io::Error::other)?;
    log.sync().map_err(io::Error::other)
}

/// A file that is written and synced, and nothing else.
struct Bare {
    file: <LocalDisk as Disk>::File,
    length: u64,
}

impl Bare {
    fn create(path: &Path) -> io::Result<Self> {
        let disk = LocalDisk::create(path)?;
        let file = disk.create("file")?;
        File::open(path)?.sync_all()?;
        Ok(Self { file, length: 0 })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(self.length, bytes)?;
        self.length += bytes.len() as u64;
        self.file.sync_data()
    }
}
