//! Bit rot, files that cannot be read, files that are gone: noticed and told, and the rest is served.

mod support;

use martlet_store::{Lost, MemoryDisk, OpenError, ReadFrom, RecoverError, Seq, Store, Unsynced};
use support::{Ledger, SHARD, batch, look, open, open_log, recover, run};

fn segment(ordinal: u64) -> String {
    format!("shard-{SHARD:05}/log-{ordinal:020}")
}

fn checkpoint(ordinal: u64) -> String {
    format!("shard-{SHARD:05}/checkpoint-{ordinal:020}")
}

/// A store that ended in good order: a checkpoint, and segments behind it.
fn closed() -> (MemoryDisk, Ledger) {
    let disk = MemoryDisk::new(1);
    let mut ledger = Ledger::default();
    run(&disk, &mut ledger);
    let store = open(&disk);
    let mut log = open_log(&store);
    for number in 20..30 {
        ledger.commit(&mut log, &batch(number, 2)).expect("the disk is well");
    }
    log.close().expect("the disk is well");
    (disk.crashed(Unsynced::Kept, 1), ledger)
}

/// A store of one segment with five entries in batches of their own.
fn five_entries() -> (MemoryDisk, Ledger) {
    let disk = MemoryDisk::new(1);
    let mut ledger = Ledger::default();
    let store = open(&disk);
    let mut log = open_log(&store);
    for _ in 0..5 {
        ledger.commit(&mut log, &[vec![b'x'; 44]]).expect("the disk is well");
    }
    log.close().expect("the disk is well");
    drop(store);
    (disk, ledger)
}

#[test]
fn each_byte_rots() {
    let (disk, ledger) = closed();
    let files: Vec<String> = disk.files().into_iter().filter(|file| file.starts_with("shard-")).collect();
    assert!(files.len() > 3, "{files:?}");
    for file in files {
        let length = disk.contents(&file).unwrap().len() as u64;
        for offset in 0..length {
            let rotten = disk.crashed(Unsynced::Lost, 1);
            rotten.rot(&file, offset, 1 << (offset % 8));
            let (content, report) = recover(&rotten);
            let count = content.records.len() + content.entries.len();
            let what = format!("{file} at {offset}");
            if let Err(problem) = ledger.judge_damaged(content, &report) {
                panic!("{what}: {problem}");
            }
            let missing = ledger.durable.len() - count;
            let is_header = offset < 64;
            assert!(missing <= 1 || is_header, "{what}: {missing} are missing: {report:?}");
            // A header costs the whole file, and the last mark costs nothing.
            assert!(is_header || report.torn.is_none() || missing == 0, "{what}: {report:?}");
        }
    }
}

#[test]
fn many_bits_rot() {
    let (disk, ledger) = closed();
    let files: Vec<String> = disk.files().into_iter().filter(|file| file.starts_with("shard-")).collect();
    for seed in 0..2000_u64 {
        let rotten = disk.crashed(Unsynced::Lost, seed);
        let mut random = seed;
        for _ in 0..seed % 20 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let file = &files[usize::try_from(random >> 40).unwrap() % files.len()];
            rotten.rot(file, (random >> 8) % 3000, 1 << (random >> 61));
        }
        let (content, report) = recover(&rotten);
        if let Err(problem) = ledger.judge_damaged(content, &report) {
            panic!("seed {seed}: {problem}");
        }
    }
}

#[test]
fn damage_in_the_middle_is_put_aside_and_the_rest_is_served() {
    let (disk, ledger) = five_entries();
    let before = disk.contents(&segment(1)).unwrap();
    // Frames of 64 bytes behind a header of 64: the third entry.
    disk.rot(&segment(1), 64 + 2 * 64 + 30, 1);
    let (content, report) = recover(&disk);
    let numbers: Vec<u64> = content.entries.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(numbers, [1, 2, 4, 5]);
    ledger.judge_damaged(content, &report).unwrap();
    let [damage] = &report.damage[..] else { panic!("{report:?}") };
    assert_eq!((damage.file.as_str(), damage.offset, damage.bytes), (&*segment(1), 192, 64));
    assert_eq!(damage.lost, Lost::Entries(Seq(3)..Seq(4)));
    assert_eq!(report.entries_lost(), 1);
    let aside = "damaged/shard-00003-log-00000000000000000001-at-192";
    assert_eq!(damage.set_aside.as_deref(), Some(aside));
    let mut expected = before[192..256].to_vec();
    expected[30] ^= 1;
    assert_eq!(disk.contents(aside).unwrap(), expected);
    // The file itself stays, and the next start tells the same and keeps no second copy.
    let files = disk.files();
    assert_eq!(recover(&disk).1.damage, report.damage);
    assert_eq!(disk.files(), files);
}

#[test]
fn a_wrong_header_costs_the_file_and_no_more() {
    let disk = MemoryDisk::new(1);
    let mut ledger = Ledger::default();
    let store = open(&disk);
    let mut log = open_log(&store);
    for number in 0..20 {
        ledger.commit(&mut log, &batch(number, 3)).unwrap();
    }
    assert!(log.segments() > 3);
    log.close().unwrap();
    drop(store);
    disk.rot(&segment(2), 5, 1);
    let (content, report) = recover(&disk);
    ledger.judge_damaged(content, &report).unwrap();
    let [damage] = &report.damage[..] else { panic!("{report:?}") };
    let Lost::Entries(lost) = &damage.lost else { panic!("{damage:?}") };
    assert_eq!(report.entries_lost() + report.entries, ledger.durable.len() as u64);
    assert_eq!(damage.set_aside.as_deref(), Some("damaged/shard-00003-log-00000000000000000002-whole"));
    assert_eq!(disk.contents(&segment(2)), None);
    // Once the file is gone, what was in it is still known to be missing.
    let (_, again) = recover(&disk);
    assert_eq!(again.damage[0].lost, Lost::Entries(lost.clone()));
}

#[test]
fn the_last_file_is_lost_whole() {
    let (disk, ledger) = five_entries();
    disk.rot(&segment(1), 5, 1);
    let (content, report) = recover(&disk);
    assert_eq!((content.entries.len(), report.damage_count), (0, 1));
    assert_eq!(report.damage[0].lost, Lost::Unknown);
    ledger.judge_damaged(content, &report).unwrap();
    // The shard goes on.
    let store = open(&disk);
    let mut log = open_log(&store);
    Ledger::default().commit(&mut log, &batch(1, 1)).unwrap();
}

#[test]
fn files_that_are_gone_are_missed() {
    let disk = MemoryDisk::new(1);
    let mut ledger = Ledger::default();
    let store = open(&disk);
    let mut log = open_log(&store);
    for number in 0..20 {
        ledger.commit(&mut log, &batch(number, 3)).unwrap();
    }
    log.close().unwrap();
    drop(store);
    martlet_store::Disk::remove(&disk, &segment(1)).unwrap();
    martlet_store::Disk::remove(&disk, &segment(3)).unwrap();
    let (content, report) = recover(&disk);
    assert_eq!(report.damage_count, 2);
    assert_eq!(report.damage[0].lost, Lost::Entries(Seq(1)..Seq(content.entries[0].0)));
    ledger.judge_damaged(content, &report).unwrap();
}

#[test]
fn what_cannot_be_read_is_damage() {
    let (disk, ledger) = closed();
    for file in disk.files().into_iter().filter(|file| file.starts_with("shard-")) {
        let length = disk.contents(&file).unwrap().len() as u64;
        for range in [0..u64::MAX, 64..65, length - 60..length] {
            let failing = disk.crashed(Unsynced::Lost, 1);
            failing.set_unreadable(&file, range.clone());
            let (content, report) = recover(&failing);
            assert!(!report.is_undamaged(), "{file} {range:?}");
            ledger.judge_damaged(content, &report).unwrap();
        }
    }
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before() {
    let disk = MemoryDisk::new(1);
    let mut ledger = Ledger::default();
    let store = open(&disk);
    let mut log = open_log(&store);
    ledger.commit(&mut log, &batch(1, 3)).unwrap();
    let mut writer = store.checkpoint(SHARD, Seq(1)).unwrap();
    writer.write(b"no entry was before").unwrap();
    writer.finish().unwrap();
    let first = disk.contents(&checkpoint(1)).unwrap();
    ledger.checkpoint(&store, &mut log).unwrap();
    assert_eq!(disk.contents(&checkpoint(1)), None, "the older one is removed");
    log.close().unwrap();
    drop(store);
    // As after a crash between the two steps.
    disk.put(&checkpoint(1), &first);
    let (_, report) = recover(&disk);
    assert_eq!(report.checkpoint.unwrap().file, checkpoint(2));
    disk.rot(&checkpoint(2), 100, 1);
    let (content, report) = recover(&disk);
    assert_eq!(report.checkpoint.unwrap().file, checkpoint(1));
    assert_eq!((content.records.len(), content.entries.len()), (1, 3));
}

#[test]
fn an_unfinished_checkpoint_is_never_used() {
    let (disk, ledger) = five_entries();
    let store = open(&disk);
    let log = open_log(&store);
    let mut writer = store.checkpoint(SHARD, log.next_seq()).unwrap();
    for _ in 0..100_000 {
        writer.write(b"a record of an unfinished checkpoint").unwrap();
    }
    assert!(disk.files().iter().any(|file| file.contains(".tmp")));
    drop((writer, log, store));
    let (content, report) = recover(&disk.crashed(Unsynced::Kept, 1));
    assert!(report.checkpoint.is_none() && report.is_undamaged());
    ledger.judge(content).unwrap();
    recover(&disk);
    assert!(!disk.files().iter().any(|file| file.contains(".tmp")), "it is removed");
}

#[test]
fn a_checkpoint_that_ends_early_is_damage() {
    let disk = MemoryDisk::new(1);
    let ledger = Ledger { durable: batch(1, 4), ..Ledger::default() };
    let store = open(&disk);
    let mut log = open_log(&store);
    ledger.checkpoint(&store, &mut log).unwrap();
    drop((log, store));
    let whole = disk.contents(&checkpoint(1)).unwrap();
    for length in 64..whole.len() {
        disk.put(&checkpoint(1), &whole[..length]);
        let (content, report) = look(&disk, ReadFrom::Checkpoint);
        assert!(!report.is_undamaged(), "{length}");
        assert_eq!(report.damage.last().unwrap().lost, Lost::Unknown);
        assert!(content.records.len() <= 4);
    }
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let (disk, _) = five_entries();
    for file in [segment(1), checkpoint(1), "meta".to_owned()] {
        let kind = if file == "meta" { b'M' } else { file.as_bytes()[12].to_ascii_uppercase() };
        let newer = disk.crashed(Unsynced::Kept, 1);
        newer.put(&file, &header_of_version(2, if kind == b'L' { b'S' } else { kind }));
        let before = newer.files();
        let refused = match Store::open(newer.clone(), support::options()) {
            Ok(store) => store.recover(SHARD).err(),
            Err(OpenError::Newer(error)) => Some(error),
            Err(error) => panic!("{error}"),
        };
        let Some(RecoverError::NewerFormat { file: named, version: 2 }) = refused else {
            panic!("{file}: {refused:?}");
        };
        assert_eq!(named, file);
        assert_eq!(newer.files(), before);
    }
}

/// A header that is sound in all but its version.
fn header_of_version(version: u16, kind: u8) -> Vec<u8> {
    let mut header = [&b"MARTLET"[..], &[kind], &version.to_le_bytes(), &SHARD.to_le_bytes()].concat();
    header.resize(32, 0);
    header.extend_from_slice(&1_u64.to_le_bytes());
    header.resize(60, 0);
    let checksum = crc32c::crc32c(&header);
    header.extend_from_slice(&checksum.to_le_bytes());
    header
}

#[test]
fn bytes_inside_an_entry_do_not_pass_for_entries() {
    // A forger knows all of the format, and what others have written, but not the salt of this file.
    let frame = |salt: u32, seq: u64, payload: &[u8]| {
        let mut frame = u32::try_from(payload.len()).unwrap().to_le_bytes().to_vec();
        frame.extend_from_slice(&seq.to_le_bytes());
        frame.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
        let checksum = crc32c::crc32c_append(salt, &frame);
        let mut frame = [&checksum.to_le_bytes()[..], &frame, payload].concat();
        frame.resize(frame.len().next_multiple_of(8), 0);
        frame
    };
    // The payload begins four bytes before a multiple of eight.
    let mut forged = vec![0; 4];
    forged.extend(frame(0x1234_5678, 1, b"forged"));
    forged.extend(frame(0x1234_5678, 2, b"forged"));
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut log = open_log(&store);
    let entries = [forged.clone(), b"honest".to_vec()];
    Ledger::default().commit(&mut log, &entries).unwrap();
    log.close().unwrap();
    drop(store);
    let salt = u32::from_le_bytes(disk.contents(&segment(1)).unwrap()[48..52].try_into().unwrap());
    disk.rot(&segment(1), 64 + 4, 1);
    let (content, report) = recover(&disk);
    assert_eq!(content.entries, [(2, b"honest".to_vec())]);
    assert_eq!(report.damage[0].lost, Lost::Entries(Seq(1)..Seq(2)));
    // With the salt it would have worked, so the frames were well made.
    assert_ne!(salt, 0x1234_5678);
    let mut known = vec![0; 4];
    known.extend(frame(salt, 1, b"forged"));
    let bytes = disk.contents(&segment(1)).unwrap();
    let path = segment(1);
    disk.put(&path, &[&bytes[..84], &known, &bytes[84 + known.len()..]].concat());
    let (content, _) = recover(&disk);
    assert_eq!(content.entries[0], (1, b"forged".to_vec()));
}

#[test]
fn a_lost_meta_file_is_made_anew() {
    let (disk, _) = five_entries();
    for damage in [b"".as_slice(), &[7; 64]] {
        disk.put("meta", damage);
        let mut options = support::options();
        options.identity.node = 99;
        let store = Store::open(disk.clone(), options).unwrap();
        assert!(store.is_meta_rebuilt());
        assert_eq!(store.identity(), support::options().identity, "the files of the shard know");
        drop(store);
        assert!(!open(&disk).is_meta_rebuilt());
    }
}

#[test]
fn damage_before_a_torn_end_is_told_again_at_the_next_start() {
    let (disk, _) = five_entries();
    disk.rot(&segment(1), 64 + 2 * 64 + 30, 1);
    // The end is torn in the last entry, which alone says that all before it had been synced.
    let bytes = disk.contents(&segment(1)).unwrap();
    disk.put(&segment(1), &bytes[..64 + 4 * 64 + 30]);
    for start in 0..3 {
        let (content, report) = recover(&disk);
        let numbers: Vec<u64> = content.entries.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(numbers, [1, 2, 4]);
        // What stands before the torn end is in a file of its own from the first start on.
        assert_eq!((report.torn.is_some(), report.damage_count), (start == 0, 1));
    }
}

#[test]
fn a_file_that_was_set_aside_still_tells_that_those_before_it_were_synced() {
    let disk = MemoryDisk::new(1);
    let store = open(&disk);
    let mut log = open_log(&store);
    for _ in 0..6 {
        log.append([&[0; 500][..], &[0; 500]]).unwrap();
        log.sync().unwrap();
    }
    assert_eq!(log.segments(), 3);
    drop((log, store));
    disk.rot(&segment(3), 5, 1);
    // In the last batch of the second file.
    let bytes = disk.contents(&segment(2)).unwrap().len() as u64;
    disk.rot(&segment(2), bytes - 600, 1);
    for _ in 0..3 {
        let numbers: Vec<u64> = recover(&disk).0.entries.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 8]);
    }
}

#[test]
fn a_log_tells_whether_it_was_closed_in_good_order() {
    let (disk, _) = closed();
    assert!(recover(&disk).1.is_closed);
    // A start that writes nothing changes nothing about it.
    assert!(recover(&disk).1.is_closed);
    let store = open(&disk);
    let mut log = open_log(&store);
    log.append([&b"more"[..]]).unwrap();
    log.sync().unwrap();
    drop((log, store));
    assert!(!recover(&disk).1.is_closed);
    // What a start has written anew is no end in good order.
    assert!(!recover(&disk).1.is_closed);
    let store = open(&disk);
    open_log(&store).close().unwrap();
    drop(store);
    assert!(!recover(&disk).1.is_closed, "a log that nothing was written to stays as it was");
}
