//! A store that is divided among another number of shards keeps what it kept.

mod support;

use std::fs;

use martlet_db::{DbError, Repartition, RepartitionError, Show, check, repartition};
use support::mosquitto::{Delivery, File, IN, Message, OUT, QUEUED, WAIT_FOR_PUBACK, WAIT_FOR_PUBREL};
use support::node::Node;
use support::{Folder, import_two, lines, shards};

fn to(location: &std::path::Path, number: u16, keep_going: bool) -> Repartition {
    Repartition { location: location.to_owned(), shards: shards(number), keep_going }
}

/// Thirty clients with a message that waits and one in flight, and as many retained messages.
fn many() -> Vec<u8> {
    let mut file = File::new(6);
    for number in 0..30 {
        let topic = format!("t/{number}");
        file.message(&Message { retain: 1, ..Message::new(number, &topic, topic.as_bytes(), 2) });
        file.retained(number);
    }
    for number in 0..30 {
        let client = format!("client-{number}");
        file.client(&client, "u", u32::MAX, 0);
        let delivery = Delivery {
            client: &client,
            message: number,
            packet_id: 4,
            qos: 1,
            retain: 0,
            dup: 1,
            direction: OUT,
            state: WAIT_FOR_PUBACK,
            identifier: 3,
        };
        file.delivery(&delivery);
        file.delivery(&Delivery { message: (number + 1) % 30, state: QUEUED, dup: 0, ..delivery });
        file.delivery(&Delivery { direction: IN, qos: 2, state: WAIT_FOR_PUBREL, ..delivery });
        file.subscription(&client, &format!("t/{number}/#"), 1, 0, 3);
        file.subscription(&client, "$share/g/t", 1, 0, 0);
    }
    file.bytes
}

#[test]
fn all_is_there_with_any_number_of_shards() {
    let folder = Folder::new("many");
    let store = folder.join("store");
    import_two(&folder.file("mosquitto.db", &many()), &store, false).unwrap();
    let expected = lines(&store, Show::State);
    assert_eq!(expected.len(), 30 * 7);
    let mut before = 2;
    for (place, number) in [5, 1, 3].into_iter().enumerate() {
        let done = repartition(&to(&store, number, false)).unwrap();
        assert_eq!((done.before, done.contents.sessions), (before, 30));
        assert_eq!(lines(&store, Show::State), expected, "{number} shards");
        let check = check(&store).unwrap();
        let with_sessions = check.shards().iter().filter(|found| found.report.checkpoint.is_some()).count();
        assert_eq!((check.shards().len(), with_sessions), (number.into(), number.into()));
        let name = if place == 0 { "store.old".to_owned() } else { format!("store.old-{}", place + 1) };
        assert_eq!(done.old, fs::canonicalize(folder.join(&name)).unwrap());
        assert_eq!(lines(&done.old, Show::State), expected, "the old store is as it was");
        before = number;
    }
    assert!(matches!(repartition(&to(&store, 3, false)), Err(RepartitionError::Same(3))));
}

#[test]
fn what_one_shard_owes_to_another_is_delivered() {
    let folder = Folder::new("owed");
    let store = folder.join("store");
    let mut node = Node::new(&store, 2);
    let name_on = |shard| {
        let mut names = (0..).map(|number| format!("client-{number}"));
        names.find(|name| martlet_engine::shard_of(name, 2) == shard).unwrap()
    };
    let subscriber = node.connect(&name_on(0));
    node.subscribe(subscriber, "a/#");
    node.leave(subscriber);
    let publisher = node.connect(&name_on(1));
    node.publish(publisher, "a/b", "owed", false);
    node.close();
    assert_eq!(check(&store).unwrap().contents().owed, 1);
    let done = repartition(&to(&store, 3, false)).unwrap();
    assert_eq!((done.contents.owed, done.contents.queued), (0, 1));
    let lines = lines(&store, Show::State);
    let expected = format!(r#"queued client="{}" qos=1 retain=false topic="a/b" "#, name_on(0));
    assert!(lines.iter().any(|line| line.starts_with(&expected) && line.contains("owed")), "{lines:#?}");
}

#[test]
fn a_damaged_store_is_left_alone_unless_asked() {
    let folder = Folder::new("damaged");
    let store = folder.join("store");
    import_two(&folder.file("mosquitto.db", &many()), &store, false).unwrap();
    let checkpoint = store.join("shard-00001/checkpoint-00000000000000000001");
    let mut bytes = fs::read(&checkpoint).unwrap();
    bytes[100] ^= 1;
    fs::write(&checkpoint, bytes).unwrap();
    let error = repartition(&to(&store, 1, false)).unwrap_err();
    assert!(matches!(&error, RepartitionError::Damaged(found) if found.len() == 1), "{error}");
    let done = repartition(&to(&store, 1, true)).unwrap();
    assert_eq!(done.damaged.len(), 1);
    assert!((1..30).contains(&done.contents.sessions), "{:?}", done.contents);
    assert!(check(&store).unwrap().is_sound());
}

#[test]
fn a_store_in_use_is_left_alone() {
    let folder = Folder::new("in-use");
    let store = folder.join("store");
    let node = Node::new(&store, 2);
    let error = repartition(&to(&store, 3, false)).unwrap_err();
    assert!(matches!(error, RepartitionError::Db(DbError::InUse { .. })), "{error}");
    drop(node);
    assert!(!folder.join("store.new").exists());
}
