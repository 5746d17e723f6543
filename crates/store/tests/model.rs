//! Any sequence of operations against a plain list.

mod support;

use martlet_store::{Disk, Log, MemoryDisk, ReadFrom, Seq, Store, Unsynced};
use proptest::prelude::*;
use support::{Ledger, SHARD, look, open, open_log, recover};

#[derive(Clone, Debug)]
enum Step {
    /// Entries, each of one byte so many times.
    Append(Vec<(u8, usize)>),
    Sync,
    Checkpoint,
    /// Ends in good order, and starts again.
    Restart,
    /// The process ends, the machine goes on.
    Kill,
    Crash(Unsynced, u64),
    Fail(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let entry = (any::<u8>(), prop_oneof![3 => 0..100_usize, 1 => 0..2000_usize]);
    let way = prop_oneof![
        Just(Unsynced::Lost),
        Just(Unsynced::Kept),
        Just(Unsynced::Torn),
        Just(Unsynced::Reordered)
    ];
    let step = prop_oneof![
        8 => prop::collection::vec(entry, 0..5).prop_map(Step::Append),
        6 => Just(Step::Sync),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Restart),
        1 => Just(Step::Kill),
        2 => (way, any::<u64>()).prop_map(|(way, seed)| Step::Crash(way, seed)),
        1 => (0..20_u64).prop_map(Step::Fail),
    ];
    prop::collection::vec(step, 0..40)
}

/// The log under test, and the list.
struct Model {
    disk: MemoryDisk,
    store: Option<Store<MemoryDisk>>,
    log: Option<Log<MemoryDisk>>,
    ledger: Ledger,
    /// Appended since the last sync.
    unsynced: Vec<Vec<u8>>,
}

impl Model {
    fn new() -> Self {
        let disk = MemoryDisk::new(1);
        let store = open(&disk);
        let log = Some(open_log(&store));
        Self { disk, store: Some(store), log, ledger: Ledger::default(), unsynced: Vec::new() }
    }

    fn step(&mut self, step: Step) {
        let (Some(store), Some(log)) = (&self.store, &mut self.log) else { unreachable!("it is open") };
        match step {
            Step::Append(entries) => {
                let entries: Vec<Vec<u8>> =
                    entries.into_iter().map(|(byte, length)| vec![byte; length]).collect();
                for (seq, entry) in (self.ledger.next() + self.unsynced.len() as u64..).zip(&entries) {
                    self.ledger.tried.entry(seq).or_default().push(entry.clone());
                }
                let first = Seq(self.ledger.next() + self.unsynced.len() as u64);
                if let Ok(found) = log.append(entries.iter().map(Vec::as_slice)) {
                    assert_eq!(found, first);
                    self.unsynced.extend(entries);
                }
            }
            Step::Sync => {
                let outcome = log.sync();
                let unsynced = core::mem::take(&mut self.unsynced);
                if outcome.is_ok() {
                    self.ledger.durable.extend(unsynced);
                }
                assert_eq!(log.next_seq(), Seq(self.ledger.next()));
            }
            Step::Checkpoint => {
                let _ = self.ledger.checkpoint(store, log);
            }
            Step::Fail(at) => self.disk.fail_at(self.disk.operations() + at),
            Step::Restart => {
                if self.log.take().expect("it is open").close().is_ok() {
                    self.ledger.durable.append(&mut self.unsynced);
                }
                self.start();
            }
            Step::Kill => self.start(),
            Step::Crash(way, seed) => {
                self.store = None;
                self.disk = self.disk.crashed(way, seed);
                self.start();
            }
        }
    }

    /// Recovers; what is found counts as durable from here on.
    fn start(&mut self) {
        self.log = None;
        self.store = None;
        self.unsynced.clear();
        // An operation may be about to fail: a start that does not succeed is tried again.
        let disk = self.disk.crashed(Unsynced::Kept, 1);
        let (content, report) = recover(&disk);
        assert!(report.is_undamaged(), "{report:?}");
        let history = recover(&disk).0.history();
        self.ledger.judge(content).expect("all is as it was");
        self.ledger.durable = history.into_iter().map(|(_, entry)| entry).collect();
        let all = look(&disk, ReadFrom::Start).0.entries;
        assert!(all.iter().all(|(seq, entry)| {
            usize::try_from(*seq - 1).is_ok_and(|index| self.ledger.durable[index] == *entry)
        }));
        let store = open(&disk);
        self.log = Some(open_log(&store));
        self.store = Some(store);
        self.disk = disk;
        let next = self.log.as_ref().map(Log::next_seq);
        assert_eq!(next, Some(Seq(self.ledger.next())));
    }
}

proptest! {
    // `PROPTEST_CASES` sets how many.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_a_list(steps in steps()) {
        let mut model = Model::new();
        for step in steps {
            model.step(step);
        }
        model.start();
    }

    #[test]
    fn any_bytes_can_be_recovered(
        segment in prop::collection::vec(any::<u8>(), 0..500),
        checkpoint in prop::collection::vec(any::<u8>(), 0..500),
    ) {
        let disk = MemoryDisk::new(1);
        disk.put(&format!("shard-{SHARD:05}/log-{:020}", 1), &segment);
        disk.put(&format!("shard-{SHARD:05}/checkpoint-{:020}", 1), &checkpoint);
        let (content, _) = recover(&disk);
        prop_assert!(content.entries.is_empty());
        prop_assert!(disk.list("").is_ok());
    }
}
