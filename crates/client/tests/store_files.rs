//! The files of the directory store.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;

use common::Folder;
use martlet_client::store::{DirectoryStore, SessionChange, SessionStore, StoreError, StoredSession};

/// A change as bytes: a message under `id` with this payload.
fn taken(id: u16, payload: &[u8]) -> SessionChange {
    let mut bytes = vec![1];
    bytes.extend(id.to_be_bytes());
    bytes.extend(b"\x02\x00\x01\x00\x00\x00\x00t");
    bytes.extend(payload);
    SessionChange::decode(&bytes).unwrap()
}

fn finished(id: u16) -> SessionChange {
    let [high, low] = id.to_be_bytes();
    SessionChange::decode(&[3, high, low]).unwrap()
}

fn load(folder: &Folder) -> Result<StoredSession, StoreError> {
    DirectoryStore::new(&folder.0).load("client")
}

fn changes(session: &StoredSession) -> Vec<SessionChange> {
    session.changes().collect()
}

/// A folder with a file of three batches, and where each ends, the head of the file included.
fn three_batches(name: &str) -> (Folder, Vec<u64>) {
    let folder = Folder::new(name);
    let mut store = DirectoryStore::new(&folder.0).sync(false);
    let len = || fs::metadata(folder.0.join("session")).unwrap().len();
    store.load("client").unwrap();
    let mut ends = vec![len()];
    for id in 1..=3 {
        store.commit(&[taken(id, b"payload"), taken(id + 10, b"")]).unwrap();
        ends.push(len());
    }
    (folder, ends)
}

#[test]
fn what_was_stored_is_there() {
    for sync in [true, false] {
        let folder = Folder::new("there");
        let mut store = DirectoryStore::new(folder.0.join("made").join("by itself")).sync(sync);
        assert!(store.load("client").unwrap().is_empty());
        let batch = [taken(1, b"one"), taken(2, b"two"), SessionChange::IncomingLost];
        store.commit(&batch).unwrap();
        store.commit(&[finished(1)]).unwrap();
        let expected = [taken(2, b"two")];
        assert_eq!(changes(&store.load("client").unwrap()), expected, "for another client of this process");
        drop(store);
        let mut store = DirectoryStore::new(folder.0.join("made").join("by itself"));
        assert_eq!(changes(&store.load("client").unwrap()), expected);
    }
}

#[test]
fn a_file_that_ends_anywhere_holds_the_batches_before() {
    let (folder, ends) = three_batches("torn");
    let file = folder.0.join("session");
    let whole = fs::read(&file).unwrap();
    for len in (ends[0]..=ends[3]).rev() {
        fs::write(&file, &whole[..usize::try_from(len).unwrap()]).unwrap();
        let batches = ends[1..].iter().filter(|end| **end <= len).count();
        let mut store = DirectoryStore::new(&folder.0).sync(false);
        assert_eq!(changes(&store.load("client").unwrap()).len(), 2 * batches, "{len} bytes");
        // What is appended does not get lost behind the torn batch.
        store.commit(&[taken(99, b"later")]).unwrap();
        drop(store);
        assert_eq!(changes(&load(&folder).unwrap()).len(), 2 * batches + 1, "{len} bytes");
    }
}

#[test]
fn a_wrong_byte_is_noticed_wherever_it_is() {
    let (folder, ends) = three_batches("wrong");
    let file = folder.0.join("session");
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        let mut wrong = whole.clone();
        wrong[at] ^= 0x10;
        fs::write(&file, &wrong).unwrap();
        let outcome = load(&folder);
        let batch = ends.iter().filter(|end| **end <= at as u64).count();
        match outcome {
            Err(StoreError::Damaged { good_bytes, .. }) if batch == 0 => {
                assert_eq!(good_bytes, 0, "byte {at}");
            }
            Err(StoreError::Damaged { good_bytes, .. }) => {
                assert_eq!(good_bytes, ends[batch - 1], "byte {at}");
            }
            // The last one may be the work of a crash. So may a length that leads nowhere.
            Ok(session) => {
                assert!(batch > 0, "byte {at}");
                assert_eq!(changes(&session).len(), 2 * (batch - 1), "byte {at}");
            }
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
    fs::write(&file, b"MARTLET SESSION 2\n").unwrap();
    assert!(matches!(load(&folder), Err(StoreError::Damaged { good_bytes: 0, .. })));
}

#[test]
fn a_file_that_is_mostly_dead_is_rewritten() {
    let folder = Folder::new("dead");
    let file = folder.0.join("session");
    let mut store = DirectoryStore::new(&folder.0).sync(false);
    store.load("client").unwrap();
    store.commit(&[taken(1, b"alive")]).unwrap();
    let payload = vec![7; 10_000];
    let mut largest = 0;
    for _ in 0..1000 {
        store.commit(&[taken(2, &payload)]).unwrap();
        store.commit(&[finished(2)]).unwrap();
        largest = largest.max(fs::metadata(&file).unwrap().len());
    }
    assert!((1_000_000..2 << 20).contains(&largest), "{largest}");
    // What lives is never written more than it takes to keep the file in bounds.
    for id in 10..500 {
        store.commit(&[taken(id, &payload)]).unwrap();
    }
    drop(store);
    let session = load(&folder).unwrap();
    assert_eq!(changes(&session).len(), 491);
    assert_eq!(changes(&session)[0], taken(1, b"alive"), "the order of the messages is kept");
    assert!(!folder.0.join("session.new").exists());
}

#[test]
fn two_do_not_share_a_directory() {
    let folder = Folder::new("two");
    let mut first = DirectoryStore::new(&folder.0);
    first.load("client").unwrap();
    assert!(matches!(load(&folder), Err(StoreError::InUse { .. })));
    drop(first);
    load(&folder).unwrap();
}

#[test]
fn a_directory_belongs_to_one_client() {
    let folder = Folder::new("other");
    let mut first = DirectoryStore::new(&folder.0);
    first.load("client").unwrap();
    let other = |outcome| matches!(outcome, Err(StoreError::OtherClient { stored }) if stored == "client");
    assert!(other(first.load("another")));
    drop(first);
    assert!(other(DirectoryStore::new(&folder.0).load("another")));
}

#[test]
fn what_cannot_be_written_is_told() {
    let folder = Folder::new("none");
    let file = folder.write("file", "");
    let error = DirectoryStore::new(file.join("below")).load("client").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotADirectory, "{error}");
    let error = DirectoryStore::new(&folder.0).commit(&[]).unwrap_err();
    assert!(matches!(error, StoreError::NotLoaded), "{error}");
}
