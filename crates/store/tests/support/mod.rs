//! What the tests share: a run that keeps a store busy, and an account of what it was promised.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;

use martlet_store::{
    AppendError, Damage, Disk, Identity, Log, Lost, MemoryDisk, Options, ReadFrom, Recovered, Recovery,
    Report, Seq, Store, StoreReader,
};

pub(crate) const SHARD: u16 = 3;

pub(crate) fn options() -> Options {
    let identity = Identity { node: 7, shards: 4, created_ms: 1_700_000_000_000 };
    Options { identity, seed: 0x5EED, segment_bytes: 2048 }
}

pub(crate) fn open<D: Disk>(disk: &D) -> Store<D> {
    Store::open(disk.clone(), options()).expect("the store opens")
}

/// Opens the log of a new shard, or of one whose content does not matter.
pub(crate) fn open_log<D: Disk>(store: &Store<D>) -> Log<D> {
    store.log(store.recover(SHARD).expect("the shard can be read")).0
}

/// What a shard has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) entries: Vec<(u64, Vec<u8>)>,
}

impl Content {
    pub(crate) fn read<D: Disk>(recovery: &mut Recovery<D>) -> Self {
        let mut content = Self::default();
        while let Some(recovered) = recovery.next() {
            match recovered {
                Recovered::Record(record) => content.records.push(record.to_vec()),
                Recovered::Entry(seq, entry) => content.entries.push((seq.0, entry.to_vec())),
            }
        }
        content
    }

    /// All entries, those that the checkpoint stands for included: its records are entries with their numbers.
    pub(crate) fn history(self) -> Vec<(u64, Vec<u8>)> {
        let numbered = self.records.into_iter().map(|record| {
            let (seq, entry) = record.split_at(8);
            (u64::from_le_bytes(seq.try_into().expect("eight bytes")), entry.to_vec())
        });
        numbered.chain(self.entries).collect()
    }
}

/// Reads a shard as a broker does that starts.
pub(crate) fn recover<D: Disk>(disk: &D) -> (Content, Report) {
    let store = open(disk);
    let mut recovery = store.recover(SHARD).expect("the shard can be read");
    let content = Content::read(&mut recovery);
    let (_, report) = store.log(recovery);
    (content, report)
}

/// Reads a shard and changes nothing.
pub(crate) fn look<D: Disk>(disk: &D, from: ReadFrom) -> (Content, Report) {
    let store = StoreReader::open(disk.clone()).expect("the store opens");
    let mut recovery = store.read(SHARD, from).expect("the shard can be read");
    let content = Content::read(&mut recovery);
    (content, recovery.into_report())
}

/// The entries of a batch, different for each.
pub(crate) fn batch(number: u64, count: u64) -> Vec<Vec<u8>> {
    let entry = |index: u64| {
        let length = (number * 97 + index * 331) % 700;
        let bytes = (0..length).map(|at| (number * 31 + index * 7 + at).to_le_bytes()[0]);
        let mut entry = format!("{number}/{index}:").into_bytes();
        entry.extend(bytes);
        entry
    };
    (0..count).map(entry).collect()
}

/// What a run was promised, and what it tried.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Entries that were reported as durable: these, and no others, have their numbers.
    pub(crate) durable: Vec<Vec<u8>>,
    /// What was ever written under a number.
    pub(crate) tried: BTreeMap<u64, Vec<Vec<u8>>>,
    /// Batches that were refused.
    pub(crate) refused: u64,
}

impl Ledger {
    pub(crate) fn next(&self) -> u64 {
        self.durable.len() as u64 + 1
    }

    /// Appends a batch and syncs; once more if the disk fails.
    pub(crate) fn commit<D: Disk>(
        &mut self,
        log: &mut Log<D>,
        entries: &[Vec<u8>],
    ) -> Result<(), AppendError> {
        let mut outcome = self.try_commit(log, entries);
        if let Err(AppendError::Io(_)) = outcome {
            outcome = self.try_commit(log, entries);
        }
        match &outcome {
            Ok(()) => self.durable.extend_from_slice(entries),
            Err(_) => self.refused += 1,
        }
        outcome
    }

    fn try_commit<D: Disk>(&mut self, log: &mut Log<D>, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        for (seq, entry) in (self.next()..).zip(entries) {
            self.tried.entry(seq).or_default().push(entry.clone());
        }
        let first = log.append(entries.iter().map(Vec::as_slice))?;
        assert_eq!(first, Seq(self.next()), "a batch follows the one before");
        log.sync()
    }

    /// Makes a checkpoint that stands for all durable entries, and trims the log.
    pub(crate) fn checkpoint<D: Disk>(&self, store: &Store<D>, log: &mut Log<D>) -> Result<(), AppendError> {
        let mut writer = store.checkpoint(SHARD, Seq(self.next()))?;
        for (seq, entry) in (1_u64..).zip(&self.durable) {
            writer.write(&[&seq.to_le_bytes()[..], entry].concat())?;
        }
        let checkpoint = writer.finish()?;
        assert_eq!(checkpoint.replay_from, Seq(self.next()));
        // What cannot be removed is removed later.
        let _ = log.trim(checkpoint.replay_from);
        Ok(())
    }

    /// What is wrong with a shard after a crash: everything durable has to be there, in order, then a beginning of what was
    /// tried; nothing else.
    pub(crate) fn judge(&self, content: Content) -> Result<(), String> {
        let history = content.history();
        for (expected, (seq, entry)) in (1_u64..).zip(&history) {
            if *seq != expected {
                return Err(format!("{seq} comes where {expected} should"));
            }
            let tried = self.tried.get(seq).map(Vec::as_slice).unwrap_or_default();
            let is_right = match usize::try_from(*seq - 1).ok().and_then(|index| self.durable.get(index)) {
                Some(durable) => entry == durable,
                None => tried.contains(entry),
            };
            if !is_right {
                return Err(format!("{seq} is not what was written"));
            }
        }
        if history.len() < self.durable.len() {
            return Err(format!("{} of {} durable entries are there", history.len(), self.durable.len()));
        }
        Ok(())
    }

    /// The same where bits have rotted: what is there is right and in order, and what is not there was reported.
    pub(crate) fn judge_damaged(&self, content: Content, report: &Report) -> Result<(), String> {
        let mut missing: Vec<u64> = (1..self.next()).collect();
        let mut before = 0;
        for (seq, entry) in content.history() {
            if seq <= before {
                return Err(format!("{seq} comes after {before}"));
            }
            before = seq;
            if !self.tried.get(&seq).is_some_and(|tried| tried.contains(&entry)) {
                return Err(format!("{seq} is not what was written"));
            }
            missing.retain(|number| *number != seq);
        }
        let is_reported = |seq: &u64| {
            let names = |damage: &Damage| match &damage.lost {
                Lost::Entries(range) => range.contains(&Seq(*seq)),
                Lost::Records(range) => range.contains(seq),
                Lost::Unknown => true,
            };
            report.damage.iter().any(names) || report.torn.is_some()
        };
        match missing.iter().find(|seq| !is_reported(seq)) {
            Some(seq) => Err(format!("{seq} is gone without a word: {report:?}")),
            None => Ok(()),
        }
    }
}

/// Keeps a store busy: batches, segments that roll, two checkpoints. Goes on after failures, as a broker does.
pub(crate) fn run(disk: &MemoryDisk, ledger: &mut Ledger) {
    let Ok(store) = Store::open(disk.clone(), options()) else { return };
    let Ok(recovery) = store.recover(SHARD) else { return };
    let (mut log, _) = store.log(recovery);
    for number in 0..20 {
        // Outcomes are in the ledger.
        let _ = ledger.commit(&mut log, &batch(number, 1 + number % 4));
        if number == 5 || number == 12 {
            let _ = ledger.checkpoint(&store, &mut log);
        }
    }
}
