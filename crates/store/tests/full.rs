//! A full disk refuses batches and nothing else, and the log goes on when there is room; so it does after other failures.

mod support;

use martlet_store::{AppendError, Disk, DiskFile, MemoryDisk, Operation, Seq, Unsynced};
use support::{Ledger, SHARD, batch, open, open_log, recover};

#[test]
fn a_full_disk_refuses_batches_until_there_is_room() {
    for capacity in 300..900 {
        let disk = MemoryDisk::new(1);
        let store = open(&disk);
        let mut log = open_log(&store);
        let mut ledger = Ledger::default();
        ledger.commit(&mut log, &batch(2, 1)).unwrap();
        disk.set_capacity(Some(disk.used() + capacity));
        let mut number = 0;
        let error = loop {
            number += 1;
            if let Err(error) = ledger.commit(&mut log, &batch(number % 5, 2)) {
                break error;
            }
        };
        assert!(matches!(error, AppendError::Full), "{error}");
        let files = disk.files().len();
        for _ in 0..10 {
            let outcome = ledger.commit(&mut log, &vec![vec![0; 1000]; 3]);
            assert!(matches!(outcome, Err(AppendError::Full)), "{outcome:?}");
        }
        assert!(disk.files().len() <= files, "files do not pile up");
        disk.set_capacity(None);
        ledger.commit(&mut log, &vec![vec![0; 1000]; 3]).unwrap();
        assert_eq!(log.next_seq(), Seq(ledger.next()));
        drop((log, store));
        let (content, report) = recover(&disk.crashed(Unsynced::Lost, 1));
        assert!(report.is_undamaged() && report.torn.is_none(), "{report:?}");
        ledger.judge(content).unwrap();
    }
}

#[test]
fn a_smaller_batch_fits_where_a_larger_one_did_not() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut log = open_log(&store);
    let mut ledger = Ledger::default();
    ledger.commit(&mut log, &batch(2, 1)).unwrap();
    disk.set_capacity(Some(disk.used() + (4 << 20)));
    assert!(matches!(ledger.commit(&mut log, &[vec![0; 5 << 20]]), Err(AppendError::Full)));
    ledger.commit(&mut log, &[vec![0; 100]]).unwrap();
}

#[test]
fn a_full_disk_can_be_recovered() {
    let disk = MemoryDisk::new(1);
    let mut ledger = Ledger::default();
    {
        let store = open(&disk);
        let mut log = open_log(&store);
        ledger.commit(&mut log, &batch(2, 3)).unwrap();
    }
    disk.set_capacity(Some(disk.used()));
    let store = open(&disk);
    let mut recovery = store.recover(SHARD).unwrap();
    ledger.judge(support::Content::read(&mut recovery)).unwrap();
    let (mut log, _) = store.log(recovery);
    assert!(matches!(ledger.commit(&mut log, &batch(1, 1)), Err(AppendError::Full)));
    disk.set_capacity(None);
    ledger.commit(&mut log, &batch(1, 1)).unwrap();
}

#[test]
fn a_checkpoint_that_does_not_fit_leaves_the_one_before() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut log = open_log(&store);
    let mut ledger = Ledger::default();
    ledger.commit(&mut log, &batch(3, 4)).unwrap();
    ledger.checkpoint(&store, &mut log).unwrap();
    ledger.commit(&mut log, &batch(4, 4)).unwrap();
    disk.set_capacity(Some(disk.used() + 100));
    assert!(matches!(ledger.checkpoint(&store, &mut log), Err(AppendError::Full)));
    let (content, report) = recover(&disk.crashed(Unsynced::Kept, 1));
    assert!(report.is_undamaged());
    ledger.judge(content).unwrap();
    disk.set_capacity(None);
    ledger.checkpoint(&store, &mut log).unwrap();
    assert!(!disk.files().iter().any(|file| file.contains(".tmp")));
}

#[test]
fn a_checkpoint_can_be_given_up() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut writer = store.checkpoint(SHARD, Seq(1)).unwrap();
    writer.write(b"record").unwrap();
    writer.abandon();
    assert!(!disk.files().iter().any(|file| file.starts_with("shard-")));
}

#[test]
fn a_file_is_given_up_after_a_failed_sync() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut log = open_log(&store);
    let mut ledger = Ledger::default();
    ledger.commit(&mut log, &batch(1, 2)).unwrap();
    log.append([&b"lost"[..]]).unwrap();
    disk.fail_next(Operation::Sync, 1);
    assert!(matches!(log.sync(), Err(AppendError::Io(_))));
    assert_eq!((log.next_seq(), log.segments()), (Seq(3), 1), "the entry is not in the log");
    // The number is given anew, and nobody mistakes what is in the old file for it.
    ledger.commit(&mut log, &batch(2, 1)).unwrap();
    assert_eq!(log.segments(), 2);
    drop((log, store));
    for way in [Unsynced::Lost, Unsynced::Kept] {
        let (content, report) = recover(&disk.crashed(way, 1));
        assert!(report.is_undamaged());
        ledger.judge(content).unwrap();
    }
}

#[test]
fn nothing_is_built_on_what_cannot_be_made_durable() {
    let disk = MemoryDisk::new(1);
    let mut ledger = Ledger::default();
    {
        let store = open(&disk);
        ledger.commit(&mut open_log(&store), &batch(1, 2)).unwrap();
    }
    let store = open(&disk);
    disk.fail_next(Operation::Sync, 2);
    let mut recovery = store.recover(SHARD).unwrap();
    ledger.judge(support::Content::read(&mut recovery)).unwrap();
    let (mut log, _) = store.log(recovery);
    assert_eq!((log.next_seq(), log.unsettled_from()), (Seq(3), Some(Seq(1))));
    assert!(matches!(log.append([&b"x"[..]]), Err(AppendError::Unsettled(_))));
    assert!(disk.files().iter().all(|file| !file.contains(".tmp")), "{:?}", disk.files());
    assert_eq!(log.next_seq(), Seq(3));
    // Each batch tries it again.
    ledger.commit(&mut log, &batch(2, 1)).unwrap();
    assert_eq!(log.unsettled_from(), None);
    drop((log, store));
    let (content, report) = recover(&disk.crashed(Unsynced::Lost, 1));
    assert!(report.is_undamaged());
    ledger.judge(content).unwrap();
}

#[test]
fn what_only_the_memory_of_the_system_has_is_written_anew_at_a_start() {
    let disk = MemoryDisk::new(1);
    {
        let store = open(&disk);
        let mut log = open_log(&store);
        log.append([&b"one"[..]]).unwrap();
        log.sync().unwrap();
        log.append([&b"two"[..], b"three"]).unwrap();
        // The process ends here, and the disk goes on.
    }
    // A start at which the disk fails, so that what it should have written is lost, and can still be read.
    disk.fail_next(Operation::Sync, 1);
    let (content, _) = recover(&disk);
    assert_eq!(content.entries.len(), 3);
    // Whatever the next start finds is durable.
    let (content, _) = recover(&disk);
    assert_eq!(content.entries.len(), 3);
    let files = disk.files();
    for _ in 0..2 {
        let disk = disk.crashed(Unsynced::Lost, 1);
        let (content, report) = recover(&disk);
        assert!(report.is_undamaged());
        let expected = [(1, b"one".to_vec()), (2, b"two".to_vec()), (3, b"three".to_vec())];
        assert_eq!(content.entries, expected);
        assert_eq!(disk.files(), files, "it is written anew once, and not at each start");
    }
}

#[test]
fn a_read_only_disk_refuses_batches_and_can_be_read() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut log = open_log(&store);
    let mut ledger = Ledger::default();
    ledger.commit(&mut log, &batch(1, 2)).unwrap();
    disk.set_read_only(true);
    assert!(matches!(ledger.commit(&mut log, &batch(2, 2)), Err(AppendError::Io(_))));
    drop((log, store));
    let (content, _) = support::look(&disk, martlet_store::ReadFrom::Start);
    ledger.judge(content).unwrap();
    disk.set_read_only(false);
    ledger.commit(&mut open_log(&open(&disk)), &batch(2, 2)).unwrap();
}

#[test]
fn an_entry_may_be_empty_and_not_too_long() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut log = open_log(&store);
    assert_eq!(log.append([&b""[..], b"a"]).unwrap(), Seq(1));
    assert_eq!(log.append([]).unwrap(), Seq(3));
    log.sync().unwrap();
    drop((log, store));
    let (content, _) = recover(&disk);
    assert_eq!(content.entries, [(1, b"".to_vec()), (2, b"a".to_vec())]);
}

#[test]
fn space_returns_when_the_log_is_trimmed() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut log = open_log(&store);
    let mut ledger = Ledger::default();
    for number in 0..30 {
        ledger.commit(&mut log, &batch(number, 3)).unwrap();
    }
    let (segments, bytes) = (log.segments(), log.bytes());
    assert!(segments > 5);
    log.trim(Seq(40)).unwrap();
    assert!(log.first_seq() <= Seq(40) && log.segments() < segments && log.bytes() < bytes);
    log.trim(log.next_seq()).unwrap();
    assert_eq!(log.segments(), 1, "the one that is being written stays");
    let files = disk.files().into_iter().filter(|file| file.contains("/log-")).count();
    assert_eq!(files, 1);
    ledger.commit(&mut log, &batch(1, 1)).unwrap();
}

#[test]
fn a_second_process_is_kept_out() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let second = martlet_store::Store::open(disk.clone(), support::options());
    assert!(matches!(second, Err(martlet_store::OpenError::Locked)));
    assert!(matches!(martlet_store::StoreReader::open(disk.clone()), Err(martlet_store::OpenError::Locked)));
    drop(store);
    open(&disk);
}

#[test]
fn shards_are_listed_and_retired() {
    let disk = MemoryDisk::new(1);
    let mut store = open(&disk);
    for shard in [0, 2] {
        let (mut log, _) = store.log(store.recover(shard).unwrap());
        log.append([&b"x"[..]]).unwrap();
        log.sync().unwrap();
    }
    assert_eq!(store.shards().unwrap(), [0, 2]);
    let operations = disk.operations();
    store.retire(2).unwrap();
    assert_eq!(store.shards().unwrap(), [0]);
    let operations_of_retiring = disk.operations() - operations;
    assert!(!disk.files().iter().any(|file| file.contains("00002")));
    store.set_shards(1).unwrap();
    drop(store);
    assert_eq!(open(&disk).identity().shards, 1);
    // At each moment the shard is there as it was, or not at all.
    for at in 0..operations_of_retiring {
        let disk = MemoryDisk::new(1);
        let store = open(&disk);
        let (mut log, _) = store.log(store.recover(2).unwrap());
        log.append([&b"x"[..]]).unwrap();
        log.sync().unwrap();
        disk.halt_at(disk.operations() + at);
        let _ = store.retire(2);
        for way in [Unsynced::Lost, Unsynced::Kept, Unsynced::Reordered] {
            let crashed = disk.crashed(way, at);
            let store = open(&crashed);
            match store.shards().unwrap()[..] {
                [] => {}
                [2] => assert_eq!(
                    store.read(2, martlet_store::ReadFrom::Start).unwrap().into_report().entries,
                    1
                ),
                ref other => panic!("{other:?}"),
            }
            assert!(!crashed.files().iter().any(|file| file.starts_with("retired-")));
        }
    }
}

#[test]
fn the_root_has_other_files_too() {
    let disk = MemoryDisk::new(1);
    disk.put("notes.txt", b"keep");
    disk.put("shard-00003/notes.txt", b"keep");
    let store = open(&disk);
    assert_eq!(store.shards().unwrap(), [3]);
    let mut file = disk.create("shard-00003/checkpoint-1.tmp").unwrap();
    file.write_at(0, b"not ours").unwrap();
    let (_, report) = store.log(store.recover(3).unwrap());
    assert!(report.is_undamaged());
    assert_eq!(disk.files().len(), 5, "{:?}", disk.files());
}

#[test]
fn a_failed_sync_takes_back_entries_of_closed_files_too() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut log = open_log(&store);
    let mut ledger = Ledger::default();
    ledger.commit(&mut log, &batch(1, 2)).unwrap();
    for _ in 0..4 {
        log.append([&[0; 1000][..]]).unwrap();
    }
    assert_eq!(log.segments(), 2, "the first file is full");
    disk.fail_next(Operation::Sync, 1);
    log.sync().unwrap_err();
    assert_eq!(log.next_seq(), Seq(3));
    for way in [Unsynced::Lost, Unsynced::Kept] {
        let (_, report) = recover(&disk.crashed(way, 1));
        assert!(report.is_undamaged(), "{report:?}");
    }
    ledger.commit(&mut log, &batch(2, 2)).unwrap();
    drop((log, store));
    for way in [Unsynced::Lost, Unsynced::Kept] {
        let (content, report) = recover(&disk.crashed(way, 1));
        assert!(report.is_undamaged(), "{report:?}");
        assert_eq!(content.entries.len(), 4);
        ledger.judge(content).unwrap();
    }
}

#[test]
fn after_a_failure_nothing_is_appended_to_entries_that_are_lost() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut log = open_log(&store);
    log.append([&b"never synced"[..]]).unwrap();
    disk.fail_next(Operation::Write, 1);
    log.append([&b"never written"[..]]).unwrap_err();
    assert!(matches!(log.append([&b"on top of it"[..]]), Err(AppendError::Io(_))));
    log.sync().unwrap_err();
    let mut ledger = Ledger::default();
    ledger.commit(&mut log, &batch(1, 2)).unwrap();
    drop((log, store));
    ledger.judge(recover(&disk.crashed(Unsynced::Kept, 1)).0).unwrap();
}

#[test]
fn no_entry_is_trimmed_that_is_not_below() {
    for below in 1..60 {
        let disk = MemoryDisk::new(1);
        let store = open(&disk);
        let mut log = open_log(&store);
        for number in 0..20 {
            Ledger { durable: vec![Vec::new(); number * 3], ..Ledger::default() }
                .commit(&mut log, &batch(number as u64, 3))
                .unwrap();
        }
        log.trim(Seq(below)).unwrap();
        drop((log, store));
        let (content, _) = support::look(&disk, martlet_store::ReadFrom::Start);
        assert!(content.entries[0].0 <= below, "{} is the first of those from {below}", content.entries[0].0);
        assert_eq!(content.entries.last().unwrap().0, 60);
    }
}
