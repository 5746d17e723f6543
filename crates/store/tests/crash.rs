//! The power fails at each operation of a run, in every way. What was reported as durable survives, in order, and nothing is
//! invented.

mod support;

use martlet_store::{MemoryDisk, Operation, Unsynced};
use support::{Ledger, SHARD, batch, look, open, open_log, recover, run};

const WAYS: [Unsynced; 4] = [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn, Unsynced::Reordered];

/// How many operations the run has on a sound disk.
fn operations() -> u64 {
    let disk = MemoryDisk::new(1);
    run(&disk, &mut Ledger::default());
    disk.operations()
}

/// Looks, recovers, goes on, and recovers again.
fn survive(disk: &MemoryDisk, mut ledger: Ledger, what: &str) {
    let (looked, _) = look_or_nothing(disk);
    let (content, report) = recover(disk);
    assert_eq!(looked, content.entries, "{what}: a look shows what a recovery does");
    assert!(report.is_undamaged(), "{what}: a crash is no damage: {report:?}");
    let entries_after = content.records.len() + content.entries.len();
    if let Err(problem) = ledger.judge(content) {
        panic!("{what}: {problem}: {report:?}");
    }
    // What was recovered counts as durable from here on.
    for seq in ledger.next()..=entries_after as u64 {
        let (content, _) = recover(disk);
        let index = usize::try_from(seq - 1).expect("a small number");
        ledger.durable.push(content.history()[index].1.clone());
    }
    let store = open(disk);
    let mut log = open_log(&store);
    ledger.commit(&mut log, &batch(100, 3)).expect("the disk is well again");
    ledger.checkpoint(&store, &mut log).expect("the disk is well again");
    ledger.commit(&mut log, &batch(101, 2)).expect("the disk is well again");
    drop((log, store));
    let crashed = disk.crashed(Unsynced::Lost, 1);
    let (content, report) = recover(&crashed);
    assert!(report.is_undamaged() && report.torn.is_none(), "{what}, later: {report:?}");
    if let Err(problem) = ledger.judge(content) {
        panic!("{what}, later: {problem}: {report:?}");
    }
}

fn look_or_nothing(disk: &MemoryDisk) -> (Vec<(u64, Vec<u8>)>, bool) {
    if martlet_store::StoreReader::open(disk.clone()).is_err() {
        return (Vec::new(), false);
    }
    let (content, _) = look(disk, martlet_store::ReadFrom::Checkpoint);
    (content.entries, true)
}

#[test]
fn the_power_fails_at_each_operation() {
    let operations = operations();
    assert!(operations > 100, "the run does something: {operations}");
    for at in 0..operations {
        for way in WAYS {
            for seed in 0..if way == Unsynced::Reordered { 6 } else { 2 } {
                let disk = MemoryDisk::new(seed);
                disk.halt_at(at);
                let mut ledger = Ledger::default();
                run(&disk, &mut ledger);
                survive(&disk.crashed(way, seed), ledger, &format!("{way:?} at {at}, seed {seed}"));
            }
        }
    }
}

#[test]
fn the_power_fails_at_each_operation_of_a_start() {
    // The end of the log that no later frame says to be durable may have been synced, or not, or in part.
    for (committed, appended) in [(0, 3), (1, 0), (1, 3), (2, 0), (2, 3)] {
        for at in 0..30 {
            for way in WAYS {
                for seed in 0..3 {
                    let disk = MemoryDisk::new(seed);
                    let ledger = killed(&disk, committed, appended);
                    disk.halt_at(disk.operations() + at);
                    if let Ok(store) = martlet_store::Store::open(disk.clone(), support::options())
                        && let Ok(recovery) = store.recover(SHARD)
                    {
                        store.log(recovery);
                    }
                    let what = format!("{way:?} at {at} after {committed} and {appended}, seed {seed}");
                    survive(&disk.crashed(way, seed), ledger, &what);
                }
            }
        }
    }
}

/// A process ends while the system has written entries behind a checkpoint, and not synced the last of them.
fn killed(disk: &MemoryDisk, committed: u64, appended: u64) -> Ledger {
    let mut ledger = Ledger::default();
    let store = open(disk);
    let mut log = open_log(&store);
    ledger.commit(&mut log, &batch(1, 2)).expect("the disk is well");
    ledger.checkpoint(&store, &mut log).expect("the disk is well");
    for number in 0..committed {
        ledger.commit(&mut log, &batch(2 + number, 2)).expect("the disk is well");
    }
    for (seq, entry) in (ledger.next()..).zip(batch(5, appended)) {
        ledger.tried.entry(seq).or_default().push(entry.clone());
        log.append([&entry[..]]).expect("the disk is well");
    }
    ledger
}

#[test]
fn the_process_is_killed_at_each_operation_and_the_power_fails_later() {
    for at in 0..operations() {
        for again in 0..24 {
            let disk = MemoryDisk::new(at);
            disk.halt_at(at);
            let mut ledger = Ledger::default();
            run(&disk, &mut ledger);
            // Nothing that was written is lost, and a second process is killed as well.
            disk.halt_at(disk.operations() + again);
            if let Ok(store) = martlet_store::Store::open(disk.clone(), support::options())
                && let Ok(recovery) = store.recover(SHARD)
            {
                store.log(recovery);
            }
            disk.halt_at(u64::MAX);
            let what = format!("killed at {at} and {again} later");
            let (found, report) = recover(&disk);
            assert!(report.is_undamaged(), "{what}: {report:?}");
            // What a start has found it may tell, so a loss of power does not take it.
            let (left, report) = recover(&disk.crashed(Unsynced::Lost, at));
            assert!(report.is_undamaged(), "{what}: {report:?}");
            assert_eq!(left.history(), found.clone().history(), "{what}");
            ledger.judge(found).unwrap_or_else(|problem| panic!("{what}: {problem}"));
        }
    }
}

/// Operations fail, the process is killed, and the power fails after the next start.
#[test]
fn what_a_start_has_found_survives_whatever_the_one_before_has_left() {
    let (operations, mut starts) = (operations(), 0);
    for seed in 0..3000_u64 {
        let mut numbers = (seed + 1..).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32);
        let mut below = |bound| numbers.next().expect("there is no end") % bound;
        let disk = MemoryDisk::new(seed);
        let killed_at = below(operations);
        for before in 1..=killed_at.min(16) {
            if below(2) == 0 {
                disk.fail_at(killed_at - before);
            }
        }
        disk.halt_at(killed_at);
        let mut ledger = Ledger::default();
        run(&disk, &mut ledger);
        disk.halt_at(u64::MAX);
        // Some of the failures may be left.
        let Ok(store) = martlet_store::Store::open(disk.clone(), support::options()) else { continue };
        let Ok(mut recovery) = store.recover(SHARD) else { continue };
        let found = support::Content::read(&mut recovery);
        let (mut log, report) = store.log(recovery);
        if log.settle().is_err() {
            continue; // it may not tell what it has found
        }
        starts += 1;
        drop((log, store));
        let what = format!("seed {seed}, killed at {killed_at}: {report:?}");
        assert!(report.is_undamaged(), "{what}");
        for way in WAYS {
            let (left, _) = recover(&disk.crashed(way, seed));
            assert_eq!(left.history(), found.clone().history(), "{way:?}, {what}");
        }
        ledger.judge(found).unwrap_or_else(|problem| panic!("{problem}: {what}"));
    }
    assert!(starts > 2000, "only {starts} starts");
}

#[test]
fn each_operation_fails_once_and_the_power_later() {
    let mut refused = 0;
    for at in 0..operations() {
        for way in WAYS {
            let disk = MemoryDisk::new(at);
            disk.fail_at(at);
            let mut ledger = Ledger::default();
            run(&disk, &mut ledger);
            refused += ledger.refused;
            survive(&disk.crashed(way, at), ledger, &format!("{way:?} after a failure at {at}"));
        }
    }
    assert_eq!(refused, 0, "one failure is mended by a second try");
}

#[test]
fn each_sync_fails_with_all_after_it_and_the_power_later() {
    for failures in 1..6 {
        for at in 0..operations() / 3 {
            for way in WAYS {
                let disk = MemoryDisk::new(at);
                let mut ledger = Ledger::default();
                disk.halt_at(at * 3);
                disk.fail_next(Operation::Sync, failures);
                run(&disk, &mut ledger);
                survive(&disk.crashed(way, at), ledger, &format!("{way:?}, {failures} failures, halt {at}"));
            }
        }
    }
}

#[test]
fn each_image_at_a_sync_is_sound() {
    let disk = MemoryDisk::new(1);
    disk.keep_images();
    let mut ledger = Ledger::default();
    run(&disk, &mut ledger);
    let images = disk.take_images();
    assert!(images.len() > 30);
    for image in images {
        let (content, report) = recover(&image);
        assert!(report.is_undamaged() && report.torn.is_none(), "{report:?}");
        let durable = content.records.len() + content.entries.len();
        let ledger = Ledger { durable: ledger.durable[..durable].to_vec(), ..Ledger::default() };
        ledger.judge(content).unwrap();
    }
}

/// Shows that each sync is needed, and that the judge would notice a log that leaves one out.
#[test]
fn a_sync_that_is_left_out_is_noticed() {
    let disk = MemoryDisk::new(1);
    disk.keep_images();
    run(&disk, &mut Ledger::default());
    let syncs = disk.take_images().len() as u64;
    let seeds = |way| if way == Unsynced::Reordered { 20 } else { 2 };
    let is_needless = |skipped: &u64| {
        !(0..=operations()).any(|at| {
            let disk = MemoryDisk::new(1);
            disk.skip_sync_after(*skipped);
            disk.halt_at(at);
            let mut ledger = Ledger::default();
            run(&disk, &mut ledger);
            let is_noticed = |(way, seed)| {
                let (content, report) = recover(&disk.crashed(way, seed));
                !report.is_undamaged() || ledger.judge(content).is_err()
            };
            WAYS.into_iter().flat_map(|way| (0..seeds(way)).map(move |seed| (way, seed))).any(is_noticed)
        })
    };
    let needless: Vec<u64> = (0..syncs).filter(is_needless).collect();
    // The file `meta` is made anew from what the shards know. A start that finds nothing has nothing to make durable. The first
    // segment of a run has synced the folder of the store before checkpoints do. Trimmed segments do no harm in this run if they
    // are found again.
    let (meta, start, folder, trim) = ([0, 1], [2], [14, 33], [17, 36, 37, 38, 39]);
    let mut expected = [&meta[..], &start, &folder, &trim].concat();
    expected.sort_unstable();
    assert_eq!((needless, syncs), (expected, 51));
}

/// No program survives a disk that lies. This shows that the judge would notice a log that does not sync.
#[test]
fn a_lying_sync_is_noticed() {
    let mut noticed = 0;
    for at in 0..operations() {
        let disk = MemoryDisk::new(1);
        disk.set_lying(true);
        disk.halt_at(at);
        let mut ledger = Ledger::default();
        run(&disk, &mut ledger);
        let is_something_promised = !ledger.durable.is_empty();
        let crashed = disk.crashed(Unsynced::Lost, 1);
        let (content, _) = recover(&crashed);
        assert_eq!(ledger.judge(content).is_err(), is_something_promised, "halt at {at}");
        noticed += u64::from(is_something_promised);
    }
    assert!(noticed > 50, "only {noticed} losses were there to be noticed");
}

#[test]
fn a_torn_end_is_read_up_to_each_byte() {
    let disk = MemoryDisk::new(1);
    let mut ledger = Ledger::default();
    {
        let store = open(&disk);
        let mut log = open_log(&store);
        for number in 0..3 {
            ledger.commit(&mut log, &batch(number, 2)).unwrap();
        }
    }
    let path = format!("shard-{SHARD:05}/log-{:020}", 1);
    let whole = disk.contents(&path).unwrap();
    let mut counts = Vec::new();
    for length in 64..=whole.len() {
        let torn = MemoryDisk::new(1);
        torn.put(&path, &whole[..length]);
        let (content, report) = recover(&torn);
        assert!(report.is_undamaged(), "{length}: {report:?}");
        let count = content.entries.len();
        let ledger = Ledger { durable: ledger.durable[..count].to_vec(), ..Ledger::default() };
        ledger.judge(content).unwrap();
        counts.push(count);
        // What was cut is not found again.
        let (_, report) = recover(&torn);
        assert_eq!(report.torn, None);
        // The log goes on behind it.
        let store = open(&torn);
        assert_eq!(open_log(&store).next_seq().0, count as u64 + 1);
    }
    assert!(counts.is_sorted());
    assert_eq!(counts.last(), Some(&6));
}

#[test]
fn a_short_file_was_never_written_to() {
    let disk = MemoryDisk::new(1);
    let path = format!("shard-{SHARD:05}/log-{:020}", 1);
    for length in 0..=64 {
        disk.put(&path, &vec![0; length]);
        let (content, report) = recover(&disk);
        assert!(content.entries.is_empty() && report.is_undamaged() && report.segments == 0);
        assert_eq!(disk.contents(&path), None, "it is removed");
    }
}
