//! Real files, and processes that are killed.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use martlet_store::{
    Committer, Durability, LocalDisk, OpenError, Outcome, ReadFrom, Recovered, SEGMENT_BYTES, Seq, Store,
    StoreReader,
};
use support::{Ledger, SHARD, batch, open, open_log, recover};

/// Where a child process finds its store.
const FOLDER: &str = "MARTLET_STORE_TEST_FOLDER";

/// A folder that is removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("martlet-store-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        Self(folder)
    }

    fn disk(&self) -> LocalDisk {
        LocalDisk::create(&self.0).expect("the folder can be made")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_folder_keeps_what_it_was_given() {
    let folder = Folder::new("keeps");
    let disk = LocalDisk::create(folder.0.join("deep/in/it")).unwrap();
    let mut ledger = Ledger::default();
    {
        let store = open(&disk);
        let mut log = open_log(&store);
        for number in 0..20 {
            ledger.commit(&mut log, &batch(number, 3)).unwrap();
        }
        ledger.checkpoint(&store, &mut log).unwrap();
        ledger.commit(&mut log, &batch(20, 3)).unwrap();
        assert!(matches!(Store::open(disk.clone(), support::options()), Err(OpenError::Locked)));
        log.close().unwrap();
        store.retire(SHARD + 1).expect_err("there is no such shard");
    }
    let (content, report) = recover(&disk);
    assert!(report.is_undamaged() && report.torn.is_none(), "{report:?}");
    assert_eq!((report.entries, content.records.len()), (3, 60));
    ledger.judge(content).unwrap();
    let (all, _) = support::look(&disk, ReadFrom::Start);
    assert_eq!(all.entries.last().unwrap().0, 63);
    open(&disk).retire(SHARD).unwrap();
    assert_eq!(open(&disk).shards().unwrap(), []);
    assert!(LocalDisk::open(folder.0.join("nowhere")).is_err());
}

#[test]
fn torn_and_rotten_files_are_mended() {
    let folder = Folder::new("mended");
    let disk = folder.disk();
    let mut ledger = Ledger::default();
    {
        let store = open(&disk);
        let mut log = open_log(&store);
        for number in 0..4 {
            ledger.commit(&mut log, &batch(number, 1)).unwrap();
        }
    }
    let path = folder.0.join(format!("shard-{SHARD:05}/log-{:020}", 1));
    let mut bytes = fs::read(&path).unwrap();
    bytes[80] ^= 1;
    bytes.truncate(bytes.len() - 3);
    fs::write(&path, &bytes).unwrap();
    let (content, report) = recover(&disk);
    let numbers: Vec<u64> = content.entries.iter().map(|(seq, _)| *seq).collect();
    assert_eq!((numbers, report.damage_count), (vec![2, 3], 1));
    assert!(report.torn.is_some());
    let aside = folder.0.join(report.damage[0].set_aside.as_ref().unwrap());
    assert_eq!(fs::read(aside).unwrap(), bytes[64..][..usize::try_from(report.damage[0].bytes).unwrap()]);
    // The torn end is cut off only where nothing else is wrong.
    assert_eq!(fs::read(&path).unwrap(), bytes);
    bytes[80] ^= 1;
    fs::write(&path, &bytes).unwrap();
    // The first start has written what stands before the torn end to a file of its own.
    let (content, report) = recover(&disk);
    assert!(report.is_undamaged() && report.torn.is_none());
    assert_eq!(content.entries.len(), 3);
}

#[test]
fn the_acknowledged_survives_a_killed_process() {
    let folder = Folder::new("killed");
    let mut acknowledged = 0;
    for round in 0..20 {
        let newest = run_and_kill(&folder.0, acknowledged + 200 + round * 13);
        assert!(newest > acknowledged, "the load goes on");
        acknowledged = newest;
        // What the process had in store survives it, and what it had said so survives for certain.
        let (entries, numbers) = count(&folder.disk());
        assert!(entries >= acknowledged, "{entries} of {acknowledged} are there in round {round}");
        assert_eq!(numbers, entries, "each entry says its number");
        acknowledged = entries;
    }
}

/// Lets a child load the store, and kills it when it has told that entry `until` is durable. Answers the newest it told of.
fn run_and_kill(folder: &Path, until: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("this is a file"))
        .args(["--exact", "load_until_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let parse = |line: &str| line.strip_prefix("durable ").and_then(|number| number.parse::<u64>().ok());
    let mut newest = 0;
    while newest < until {
        let line = lines.next().expect("the child goes on until it is killed").expect("text");
        newest = parse(&line).unwrap_or(newest);
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it has ended");
    // It may have told more before it died; the last line may be cut.
    let mut rest = String::new();
    let _ = lines.try_for_each(|line| line.map(|line| rest.push_str(&(line + "\n"))));
    let told = rest.lines().filter_map(parse);
    told.fold(newest, u64::max)
}

/// How many entries there ever were, by their count and by what the last says.
fn count(disk: &LocalDisk) -> (u64, u64) {
    let store = open(disk);
    let mut recovery = store.recover(SHARD).expect("the disk is well");
    let (mut entries, mut last) = (0, 0);
    while let Some(recovered) = recovery.next() {
        let bytes = match recovered {
            // The one record says how many entries were before.
            Recovered::Record(record) => record,
            Recovered::Entry(_, entry) => &entry[..8],
        };
        last = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        entries = if matches!(recovered, Recovered::Record(_)) { last } else { entries + 1 };
    }
    assert!(recovery.report().is_undamaged(), "{:?}", recovery.report());
    (entries, last)
}

/// Appends batches and tells when they are durable, checkpoints and trims, for ever.
#[test]
#[ignore = "a process of its own, which the test above starts and kills"]
fn load_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let disk = LocalDisk::create(folder).unwrap();
    let (mut next, _) = count(&disk);
    let mut options = support::options();
    options.segment_bytes = 256 << 10;
    let store = Store::open(disk, options).unwrap();
    let (sender, outcomes) = mpsc::channel();
    let report = move |outcome| sender.send(outcome).expect("the test waits");
    let committer = Committer::start(open_log(&store), Durability::Strict, report).unwrap();
    let mut durable = next;
    for number in 1_u64.. {
        let entries: Vec<Vec<u8>> = (0..=number % 7)
            .map(|_| {
                next += 1;
                [&next.to_le_bytes()[..], &[7; 120]].concat()
            })
            .collect();
        committer.submit(number, entries.iter().map(Vec::as_slice)).unwrap();
        if number % 3 == 0 {
            while durable < next {
                match outcomes.recv().unwrap() {
                    Outcome::Durable { entries, .. } => durable = entries.end.0 - 1,
                    Outcome::Stalled { error } => panic!("{error}"),
                }
                println!("durable {durable}");
            }
        }
        if number % 150 == 0 {
            let mut writer = store.checkpoint(SHARD, Seq(durable + 1)).unwrap();
            writer.write(&durable.to_le_bytes()).unwrap();
            committer.trim(writer.finish().unwrap().replay_from);
        }
    }
}

/// The files of format 1 that every version has to read: the same as when they were written.
#[test]
fn files_of_format_1_can_be_read() {
    let folder = Folder::new("format-1");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format-1"), &folder.0);
    let disk = LocalDisk::open(&folder.0).unwrap();
    let store = StoreReader::open(disk.clone()).unwrap();
    assert_eq!(store.identity(), Some(support::options().identity));
    assert_eq!(store.shards().unwrap(), [SHARD]);
    drop(store);
    let (content, report) = support::look(&disk, ReadFrom::Checkpoint);
    assert!(report.is_undamaged() && report.torn.is_none(), "{report:?}");
    assert_eq!(content.records, [b"record 1".to_vec(), b"record 2".to_vec()]);
    let expected = [(3, b"entry 3".to_vec()), (4, b"".to_vec()), (5, vec![0xAB; 300])];
    assert_eq!(content.entries, expected);
    let (content, _) = support::look(&disk, ReadFrom::Start);
    assert_eq!(content.entries[0], (1, b"entry 1".to_vec()));
    // They can be written on.
    let mut ledger = Ledger::default();
    let store = open(&disk);
    let mut log = open_log(&store);
    assert_eq!(log.next_seq(), Seq(6));
    log.append([&b"entry 6"[..]]).unwrap();
    log.sync().unwrap();
    drop((log, store));
    ledger.tried.insert(6, vec![b"entry 6".to_vec()]);
    assert_eq!(recover(&disk).0.entries.last().unwrap(), &(6, b"entry 6".to_vec()));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the disk is well");
    for entry in fs::read_dir(from).expect("the disk is well") {
        let entry = entry.expect("the disk is well");
        if entry.file_type().expect("the disk is well").is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("the disk is well");
        }
    }
}

/// Wrote the files of `tests/format-1`, which stay as they are: a new format gets a folder of its own.
#[test]
#[ignore = "the files are written once for each format"]
fn write_the_files_of_this_format() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let disk = LocalDisk::create(folder).unwrap();
    let mut options = support::options();
    options.segment_bytes = SEGMENT_BYTES;
    let store = Store::open(disk, options).unwrap();
    let mut log = open_log(&store);
    log.append([&b"entry 1"[..], b"entry 2"]).unwrap();
    log.sync().unwrap();
    let mut writer = store.checkpoint(SHARD, Seq(3)).unwrap();
    writer.write(b"record 1").unwrap();
    writer.write(b"record 2").unwrap();
    writer.finish().unwrap();
    log.append([&b"entry 3"[..], b""]).unwrap();
    log.sync().unwrap();
    log.append([&[0xAB; 300][..]]).unwrap();
    log.close().unwrap();
}
