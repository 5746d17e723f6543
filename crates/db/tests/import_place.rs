//! Where an import may make its store.

mod support;

use std::fs;
use std::path::PathBuf;

use martlet_db::{DbError, ImportError, check};
use support::mosquitto::{File, Message};
use support::node::Node;
use support::{Folder, import_two};

fn mosquitto(folder: &Folder) -> PathBuf {
    let mut file = File::new(6);
    file.message(&Message { retain: 1, ..Message::new(1, "r", b"kept", 0) });
    file.retained(1);
    folder.file("mosquitto.db", &file.bytes)
}

#[test]
fn an_empty_folder_and_a_store_that_keeps_nothing_are_taken() {
    let folder = Folder::new("empty");
    let from = mosquitto(&folder);
    let empty = folder.join("empty");
    fs::create_dir(&empty).unwrap();
    let started_once = folder.join("started-once");
    Node::new(&started_once, 3).close();
    for to in [empty, started_once, folder.join("deep/in/it"), folder.join("with/a/slash/")] {
        import_two(&from, &to, false).unwrap();
        let check = check(&to).unwrap();
        assert_eq!((check.is_sound(), check.contents().retained, check.shards().len()), (true, 1, 2));
        let beside = fs::read_dir(to.parent().unwrap()).unwrap();
        let names = beside.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(names.into_iter().all(|name| !name.contains(".new") && !name.contains(".old")));
    }
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let folder = Folder::new("full");
    let from = mosquitto(&folder);
    let full = folder.join("full");
    import_two(&from, &full, false).unwrap();
    let foreign = folder.join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("notes"), "mine").unwrap();
    let beside_a_store = folder.join("beside-a-store");
    Node::new(&beside_a_store, 1).close();
    fs::write(beside_a_store.join("notes"), "mine").unwrap();
    for to in [full, foreign, beside_a_store] {
        let error = import_two(&from, &to, true).unwrap_err();
        assert!(matches!(error, ImportError::NotEmpty { .. }), "{error}");
    }
}

#[test]
fn a_store_in_use_is_left_alone() {
    let folder = Folder::new("in-use");
    let from = mosquitto(&folder);
    let to = folder.join("store");
    let node = Node::new(&to, 1);
    let error = import_two(&from, &to, true).unwrap_err();
    assert!(matches!(error, ImportError::Db(DbError::InUse { .. })), "{error}");
    drop(node);
}

#[test]
fn what_an_earlier_attempt_left_is_not_touched() {
    let folder = Folder::new("left");
    let from = mosquitto(&folder);
    fs::create_dir(folder.join("store.new")).unwrap();
    let error = import_two(&from, &folder.join("store"), true).unwrap_err();
    assert!(matches!(error, ImportError::Db(DbError::LeftBehind { .. })), "{error}");
}
