use super::*;

fn disk_with(bytes: &[u8]) -> (MemoryDisk, MemoryFile) {
    let disk = MemoryDisk::new(1);
    let mut file = disk.create("a").unwrap();
    file.write_at(0, bytes).unwrap();
    (disk, file)
}

#[test]
fn what_was_synced_survives() {
    let (disk, mut file) = disk_with(b"one");
    file.sync_data().unwrap();
    disk.sync_dir("").unwrap();
    file.write_at(3, b"two").unwrap();
    assert_eq!(disk.contents("a").unwrap(), b"onetwo");
    assert_eq!(disk.crashed(Unsynced::Lost, 1).contents("a").unwrap(), b"one");
    assert_eq!(disk.crashed(Unsynced::Kept, 1).contents("a").unwrap(), b"onetwo");
    for seed in 0..20 {
        let torn = disk.crashed(Unsynced::Torn, seed).contents("a").unwrap();
        assert!(torn.starts_with(b"one") && b"onetwo".starts_with(&torn));
    }
}

#[test]
fn a_name_needs_a_sync_of_its_folder() {
    let (disk, mut file) = disk_with(b"one");
    file.sync_data().unwrap();
    assert_eq!(disk.crashed(Unsynced::Lost, 1).contents("a"), None);
    disk.sync_dir("").unwrap();
    disk.rename("a", "b").unwrap();
    let crashed = disk.crashed(Unsynced::Lost, 1);
    assert_eq!((crashed.contents("a").is_some(), crashed.contents("b").is_some()), (true, false));
    disk.sync_dir("").unwrap();
    assert_eq!(disk.crashed(Unsynced::Lost, 1).files(), ["b"]);
}

#[test]
fn a_folder_takes_its_files_along() {
    let disk = MemoryDisk::new(1);
    disk.put("old/x", b"1");
    disk.rename("old", "new").unwrap();
    assert_eq!(disk.files(), ["new/x"]);
    assert_eq!(disk.crashed(Unsynced::Lost, 1).files(), ["old/x"]);
    assert_eq!(disk.crashed(Unsynced::Kept, 1).files(), ["new/x"]);
}

#[test]
fn a_failed_sync_loses_what_it_should_have_written_or_writes_it_late() {
    let (disk, mut file) = disk_with(b"one");
    disk.sync_dir("").unwrap();
    disk.fail_next(Operation::Sync, 1);
    assert!(file.sync_data().is_err());
    assert!(file.sync_data().is_ok());
    assert_eq!(disk.contents("a").unwrap(), b"one");
    assert_eq!(disk.crashed(Unsynced::Kept, 1).contents("a").unwrap(), b"");
    let late = |seed| disk.crashed(Unsynced::Reordered, seed).contents("a").unwrap();
    assert!((0..20).any(|seed| late(seed) == b"one") && (0..20).any(|seed| late(seed) == b""));
}

#[test]
fn a_full_disk_takes_what_fits() {
    let (disk, mut file) = disk_with(b"one");
    disk.set_capacity(Some(5));
    assert_eq!(file.write_at(3, b"two").map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
    assert_eq!(disk.contents("a").unwrap(), b"onetw");
    disk.set_capacity(None);
    file.write_at(3, b"two").unwrap();
}

#[test]
fn power_fails_at_an_operation_and_for_all_after_it() {
    let (disk, mut file) = disk_with(b"one");
    file.sync_data().unwrap();
    disk.sync_dir("").unwrap();
    disk.halt_at(disk.operations());
    assert!(file.write_at(3, b"two").is_err());
    assert!(file.sync_data().is_err());
    assert_eq!(disk.crashed(Unsynced::Lost, 1).contents("a").unwrap(), b"one");
    assert_eq!(disk.crashed(Unsynced::Kept, 1).contents("a").unwrap(), b"onetwo");
}

#[test]
fn a_lying_sync_keeps_nothing() {
    let (disk, mut file) = disk_with(b"one");
    disk.sync_dir("").unwrap();
    disk.set_lying(true);
    file.sync_data().unwrap();
    assert_eq!(disk.crashed(Unsynced::Lost, 1).contents("a").unwrap(), b"");
}

#[test]
fn rot_and_unreadable_ranges_are_seen_by_readers() {
    let (disk, file) = disk_with(b"one");
    disk.rot("a", 1, 0xFF);
    disk.set_unreadable("a", 2..3);
    let mut buffer = [0; 2];
    assert_eq!(file.read_at(0, &mut buffer).unwrap(), 2);
    assert_eq!(buffer, [b'o', !b'n']);
    assert!(file.read_at(1, &mut buffer).is_err());
}

#[test]
fn images_are_kept_at_each_sync() {
    let (disk, mut file) = disk_with(b"one");
    disk.keep_images();
    disk.sync_dir("").unwrap();
    file.sync_data().unwrap();
    let images: Vec<_> = disk.take_images().iter().map(|image| image.contents("a").unwrap()).collect();
    assert_eq!(images, [b"".to_vec(), b"one".to_vec()]);
}

#[test]
fn one_at_a_time_has_the_lock() {
    let disk = MemoryDisk::new(1);
    let lock = disk.lock("lock", Access::Write).unwrap();
    assert!(matches!(disk.lock("lock", Access::Read), Err(LockError::Held)));
    drop(lock);
    disk.lock("lock", Access::Read).unwrap();
}
