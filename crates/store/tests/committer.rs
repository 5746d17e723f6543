//! The group commit: who shares a sync, what is reported, and what happens when the disk fails.

mod support;

use core::time::Duration;
use std::sync::mpsc::{self, Receiver, SyncSender};

use martlet_store::{
    AppendError, Committer, Durability, MemoryDisk, Operation, Outcome, Seq, Store, SubmitError, Unsynced,
};
use support::{open, open_log, recover};

const DEADLINE: Duration = Duration::from_secs(20);
const QUEUE_BYTES: usize = 1000;

/// A committer whose thread stops in the report of each outcome until the test has taken it.
struct Bench {
    disk: MemoryDisk,
    store: Store<MemoryDisk>,
    committer: Committer,
    outcomes: Receiver<Outcome>,
}

impl Bench {
    fn new(durability: Durability) -> Self {
        let disk = MemoryDisk::new(1);
        let store = open(&disk);
        // Without room in the channel, a report lasts until the outcome is taken.
        let (sender, outcomes) = mpsc::sync_channel(0);
        let committer = start(&store, durability, sender);
        Self { disk, store, committer, outcomes }
    }

    fn submit(&self, batch: u64) -> Result<(), SubmitError> {
        self.committer.submit(batch, [&batch.to_le_bytes()[..]; 2])
    }

    fn durable(&self) -> (u64, u64, u64) {
        match self.outcomes.recv_timeout(DEADLINE).expect("an outcome comes") {
            Outcome::Durable { batch, entries } => (batch, entries.start.0, entries.end.0),
            Outcome::Failed { batches, error } => panic!("{batches:?} failed: {error}"),
        }
    }

    fn failed(&self) -> ((u64, u64), AppendError) {
        match self.outcomes.recv_timeout(DEADLINE).expect("an outcome comes") {
            Outcome::Failed { batches, error } => (batches, error),
            Outcome::Durable { batch, .. } => panic!("{batch} is durable"),
        }
    }

    /// What a start finds after a loss of power.
    fn survivors(self, way: Unsynced) -> Vec<u64> {
        let Self { disk, store, committer, outcomes } = self;
        let crashed = disk.crashed(way, 1);
        drop((outcomes, store));
        let _ = committer.close();
        let entries = recover(&crashed).0.entries;
        entries
            .into_iter()
            .map(|(_, entry)| u64::from_le_bytes(entry.try_into().expect("eight bytes")))
            .collect()
    }
}

fn start(store: &Store<MemoryDisk>, durability: Durability, sender: SyncSender<Outcome>) -> Committer {
    let report = move |outcome| {
        // A test that has ended takes no more.
        let _ = sender.send(outcome);
    };
    Committer::start(open_log(store), durability, QUEUE_BYTES, report).expect("there is a thread")
}

#[test]
fn a_batch_alone_is_committed_at_once() {
    let bench = Bench::new(Durability::Strict);
    bench.submit(1).unwrap();
    assert_eq!(bench.durable(), (1, 1, 3));
    assert_eq!(bench.survivors(Unsynced::Lost), [1, 1]);
}

#[test]
fn what_comes_meanwhile_shares_a_commit() {
    let bench = Bench::new(Durability::Strict);
    bench.submit(1).unwrap();
    // The thread commits the first alone, or with some of these; all others come with the next commit.
    for batch in 2..=9 {
        bench.submit(batch).unwrap();
    }
    let mut newest = 0;
    let mut commits = 0;
    while newest < 9 {
        newest = bench.durable().0;
        commits += 1;
    }
    assert!(commits <= 2, "{commits} commits");
    bench.submit(10).unwrap();
    assert_eq!(bench.durable(), (10, 19, 21));
}

#[test]
fn the_queue_is_bounded() {
    let bench = Bench::new(Durability::Strict);
    bench.submit(1).unwrap();
    // The thread ends up in the report of what it took, and then as many batches wait as the queue has room for.
    let mut taken = 1;
    let mut was_crowded = false;
    let error = loop {
        was_crowded |= bench.committer.is_crowded();
        match bench.submit(taken + 1) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 1000, "there is a bound");
    };
    assert_eq!(error, SubmitError::Crowded);
    assert!(was_crowded && bench.committer.is_crowded());
    let mut newest = 0;
    while newest < taken {
        newest = bench.durable().0;
    }
    assert!(!bench.committer.is_crowded());
    // A batch that is longer than all that may wait is taken when nothing waits.
    bench.committer.submit(5000, [&[0; 5000][..]]).unwrap();
    assert_eq!(bench.durable().0, 5000);
}

#[test]
fn a_batch_that_is_refused_leaves_nothing_behind() {
    let bench = Bench::new(Durability::Strict);
    bench.committer.submit(1, [&[0; 5000][..]]).unwrap();
    while bench.submit(2).is_err() {
        // The thread has not taken the first yet.
        std::thread::yield_now();
    }
    assert_eq!(bench.committer.submit(3, [&[3; 10][..], &[3; 2000]]), Err(SubmitError::Crowded));
    assert_eq!(bench.durable(), (1, 1, 2));
    assert_eq!(bench.durable(), (2, 2, 4));
}

#[test]
fn a_failure_is_mended_by_a_new_file() {
    for operation in [Operation::Sync, Operation::Write] {
        let bench = Bench::new(Durability::Strict);
        bench.submit(1).unwrap();
        assert_eq!(bench.durable(), (1, 1, 3));
        bench.disk.fail_next(operation, 1);
        bench.submit(2).unwrap();
        assert_eq!(bench.durable(), (2, 3, 5));
        assert_eq!(bench.survivors(Unsynced::Lost), [1, 1, 2, 2]);
    }
}

#[test]
fn a_failure_that_lasts_refuses_batches_and_later_ones_are_tried() {
    let bench = Bench::new(Durability::Strict);
    bench.submit(1).unwrap();
    bench.durable();
    bench.disk.fail_next(Operation::Sync, 2);
    bench.submit(2).unwrap();
    let (batches, error) = bench.failed();
    assert_eq!(batches, (2, 2));
    assert!(matches!(error, AppendError::Io(_)), "{error}");
    bench.submit(3).unwrap();
    assert_eq!(bench.durable(), (3, 3, 5));
    assert_eq!(bench.survivors(Unsynced::Kept), [1, 1, 3, 3]);
}

#[test]
fn a_full_disk_refuses_batches_until_there_is_room() {
    let bench = Bench::new(Durability::Strict);
    bench.submit(1).unwrap();
    bench.durable();
    bench.disk.set_capacity(Some(bench.disk.used()));
    bench.submit(2).unwrap();
    assert!(matches!(bench.failed(), ((2, 2), AppendError::Full)));
    bench.disk.set_capacity(None);
    bench.submit(3).unwrap();
    assert_eq!(bench.durable(), (3, 3, 5));
}

#[test]
fn without_sync_batches_are_written_and_survive_the_process() {
    let bench = Bench::new(Durability::Os);
    for batch in 1..=40 {
        bench.submit(batch).unwrap();
        assert_eq!(bench.durable().0, batch);
    }
    let expected: Vec<u64> = (1..=40).flat_map(|batch| [batch; 2]).collect();
    assert_eq!(bench.survivors(Unsynced::Kept), expected);
}

#[test]
fn without_sync_a_failed_write_takes_nothing_back() {
    let bench = Bench::new(Durability::Os);
    bench.submit(1).unwrap();
    bench.durable();
    bench.disk.fail_next(Operation::Write, 1);
    bench.submit(2).unwrap();
    assert_eq!(bench.durable(), (2, 3, 5));
    assert_eq!(bench.survivors(Unsynced::Kept), [1, 1, 2, 2]);
}

#[test]
fn without_durability_nothing_is_written() {
    let bench = Bench::new(Durability::None);
    bench.submit(1).unwrap();
    assert_eq!(bench.durable(), (1, 1, 3));
    bench.submit(2).unwrap();
    assert_eq!(bench.durable(), (2, 3, 5));
    assert_eq!(bench.survivors(Unsynced::Kept), [0; 0]);
}

#[test]
fn the_log_is_trimmed_between_commits() {
    let bench = Bench::new(Durability::Strict);
    for batch in 1..=120 {
        bench.submit(batch).unwrap();
        bench.durable();
    }
    let segments = || bench.disk.files().iter().filter(|file| file.contains("/log-")).count();
    assert!(segments() > 1);
    bench.committer.trim(Seq(241));
    // The thread trims before it commits what comes later.
    bench.submit(121).unwrap();
    bench.durable();
    assert_eq!(segments(), 1);
}

#[test]
fn what_was_handed_in_is_committed_before_the_end() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let (sender, outcomes) = mpsc::sync_channel(100);
    let committer = start(&store, Durability::Strict, sender);
    for batch in 1..=5 {
        committer.submit(batch, [&[1; 10][..]]).unwrap();
    }
    committer.close().unwrap();
    let last = outcomes.try_iter().last();
    assert!(matches!(last, Some(Outcome::Durable { batch: 5, .. })), "{last:?}");
    drop(store);
    assert_eq!(recover(&disk.crashed(Unsynced::Lost, 1)).0.entries.len(), 5);
}

#[test]
fn a_report_that_panics_ends_the_thread_and_is_told() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let (sender, ended) = mpsc::channel::<()>();
    let report = move |_| {
        let _sender = &sender;
        panic!("as asked for by the test");
    };
    let committer = Committer::start(open_log(&store), Durability::Strict, QUEUE_BYTES, report).unwrap();
    committer.submit(1, [&[1; 10][..]]).unwrap();
    // The sender is dropped with the thread.
    assert!(ended.recv_timeout(DEADLINE).is_err());
    while committer.submit(2, [&[1; 10][..]]).is_ok() {
        std::thread::yield_now();
    }
    assert_eq!(committer.submit(2, [&[1; 10][..]]), Err(SubmitError::Stopped));
    assert!(committer.close().is_err());
}
