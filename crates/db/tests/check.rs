//! What a check finds in a store that a broker wrote, sound and damaged.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use martlet_db::{Contents, DbError, Show, check};
use support::node::Node;
use support::{Folder, dumped, lines};

/// Three clients on two shards: messages that wait, messages in flight, a retained one, and one that is owed.
fn write(location: &Path) {
    let mut node = Node::new(location, 2);
    let names = ["anna", "bert", "carl", "dora", "emil", "fred"];
    let owner = |shard| names.into_iter().filter(move |name| martlet_engine::shard_of(name, 2) == shard);
    let [first, second] = [0, 1].map(|shard| owner(shard).next().unwrap());
    let away = node.connect(first);
    node.subscribe(away, "a/#");
    node.leave(away);
    let other = node.connect(second);
    node.subscribe(other, "a/#");
    let publisher = node.connect(owner(0).nth(1).unwrap());
    node.publish(publisher, "a/1", "one", false);
    node.publish(publisher, "r", "kept", true);
    node.close();
}

fn files(location: &Path, begin: &str) -> Vec<PathBuf> {
    let folders = fs::read_dir(location).unwrap().map(|entry| entry.unwrap().path());
    let shards = folders.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("shard-"));
    let files = shards.flat_map(|shard| fs::read_dir(shard).unwrap()).map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(begin)).collect();
    files.sort();
    files
}

#[test]
fn a_sound_store_is_counted() {
    let folder = Folder::new("sound");
    let store = folder.join("store");
    write(&store);
    let check = check(&store).unwrap();
    assert!(check.is_sound());
    let expected =
        Contents { sessions: 3, subscriptions: 2, queued: 1, retained: 1, owed: 1, ..Contents::default() };
    assert_eq!(check.contents(), expected);
    let text = check.to_string();
    assert!(text.contains("\nshard 0: sound\n  keeps       Sessions 2, "), "{text}");
    assert!(
        text.contains("\n  log         1 segment, ") && text.contains("\n           3 Sessions\n"),
        "{text}"
    );
    assert!(text.contains("\n           1 messages owed to another shard\n"), "{text}");
    assert!(text.ends_with("\nSound\n"), "{text}");
    let json = check.to_json();
    assert!(json.contains("\"sound\":\ttrue") && json.contains("\"owed\":\t1"), "{json}");
}

#[test]
fn damage_is_told_with_its_file_place_and_cost() {
    let folder = Folder::new("damaged");
    let store = folder.join("store");
    write(&store);
    let log = files(&store, "log-").remove(0);
    let mut bytes = fs::read(&log).unwrap();
    bytes[64 + 20] ^= 1; // the first batch
    fs::write(&log, &bytes).unwrap();
    let check = check(&store).unwrap();
    assert!(!check.is_sound());
    let damage = &check.shards()[0].report.damage;
    assert_eq!((damage.len(), damage[0].offset), (1, 64), "{damage:?}");
    let text = check.to_string();
    assert!(text.contains("shard 0: DAMAGED") && text.contains("shard 1: sound"), "{text}");
    assert!(text.contains("bytes from 64 on; 1 batch lost, from 1 on\n"), "{text}");
    assert!(text.ends_with("\nDAMAGED\n"), "{text}");
    assert_eq!(fs::read(&log).unwrap(), bytes, "nothing is changed");
    let (_, dumped) = dumped(&store, Show::State, false);
    assert!(!dumped.shards[0].is_sound() && dumped.shards[1].is_sound());
    // A copy that a start of the broker made.
    fs::create_dir(store.join("damaged")).unwrap();
    let name = format!("shard-00000-{}-at-64", log.file_name().unwrap().to_str().unwrap());
    fs::write(store.join("damaged").join(&name), "x").unwrap();
    let text = martlet_db::check(&store).unwrap().to_string();
    assert!(text.contains(&format!("; a copy is in damaged/{name}\n")), "{text}");
    let told =
        "\nEarlier starts have set 1 file aside, 1 byte. No broker reads them; to be rid of them:\n  rm -r '";
    assert!(text.contains(told) && text.contains("/store/damaged'\n"), "{text}");
    let json = martlet_db::check(&store).unwrap().to_json();
    assert!(json.contains(&format!("\"file\":\t\"damaged/{name}\"")), "{json}");
    fs::remove_dir_all(store.join("damaged")).unwrap();
    assert!(!martlet_db::check(&store).unwrap().to_string().contains("aside"));
}

#[test]
fn a_log_that_a_crash_cut_off_is_sound() {
    let folder = Folder::new("torn");
    let store = folder.join("store");
    write(&store);
    let log = files(&store, "log-").pop().unwrap();
    let bytes = fs::read(&log).unwrap();
    // Without the last frame, which says that the log was closed, and with the beginning of another.
    let torn = [&bytes[..bytes.len() - 24], &[7; 9]].concat();
    fs::write(&log, torn).unwrap();
    let check = check(&store).unwrap();
    assert!(check.is_sound());
    let text = check.to_string();
    assert!(text.contains("  torn        shard-00001/log-") && text.contains(": 9 bytes from "), "{text}");
}

#[test]
fn a_folder_without_a_store_is_told_apart() {
    let folder = Folder::new("none");
    write(&folder.join("1883"));
    let error = check(&folder.join(".")).unwrap_err();
    let DbError::NoStore { inside, .. } = &error else { panic!("{error}") };
    assert_eq!(inside.len(), 1);
    assert!(error.to_string().ends_with("1883"), "{error}");
    assert!(matches!(check(&folder.join("nowhere")), Err(DbError::Io { .. })));
    let node = Node::new(&folder.join("1884"), 1);
    assert!(matches!(check(&folder.join("1884")), Err(DbError::InUse { .. })));
    drop(node);
}

#[test]
fn records_are_shown_as_they_stand() {
    let folder = Folder::new("records");
    let store = folder.join("store");
    write(&store);
    let lines = lines(&store, Show::Records);
    assert_eq!(lines[0], "time shard=0 batch=1 at=2023-11-14T22:13:20.000Z");
    let of_kind = |kind: &str| lines.iter().filter(|line| line.starts_with(&format!("{kind} "))).count();
    let kinds = ["session", "subscribed", "detached", "message", "queued", "retained", "forwarded"];
    assert_eq!(kinds.map(of_kind), [3, 2, 1, 2, 1, 1, 1], "{lines:#?}");
    let (json, _) = dumped(&store, Show::Records, true);
    assert!(json.lines().all(|line| line.starts_with("{\"kind\":\"") && line.ends_with('}')), "{json}");
}
