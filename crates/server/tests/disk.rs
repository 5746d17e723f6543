//! What a broker keeps on a disk, and gives back.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::path::Path;

use authority::Folder;
use common::{
    Client, DISCONNECT, connect_311_lasting, log, puback, publish, publish_1, suback, subscribe, wait_until,
};
use martlet_server::{Broker, Durability, Options, Persistence};

const MESSAGES: u16 = 2000;
const PAYLOAD_BYTES: usize = 1000;

/// A client of MQTT 3.1.1 with a Session that survives; whether CONNACK says that it is there.
fn come_back(broker: &Broker, name: &str) -> (Client, bool) {
    let mut client = Client::open(broker.local_addrs()[0]);
    client.send(&connect_311_lasting(name));
    let connack = client.receive().unwrap();
    (client, connack == [0x20, 2, 1, 0])
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>());
    let bytes = entries.unwrap_or_default().into_iter().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

#[test]
fn what_was_consumed_does_not_stay_on_the_disk() {
    let folder = Folder::new("given-back");
    let mut options: Options = common::options(1);
    options.engine.limits.queued_messages_max = usize::from(MESSAGES);
    options.engine.limits.queued_bytes_max = usize::MAX;
    options.persistence = Some(Persistence {
        durability: Durability::Os,
        checkpoint_after_bytes: 64 << 10,
        ..Persistence::in_folder(folder.join("kept"))
    });
    let kept = || bytes_below(&folder.join("kept"));
    let broker = Broker::start(options.clone()).unwrap();
    let (mut subscriber, _) = come_back(&broker, "subscriber");
    subscriber.send(&subscribe("t", 1));
    subscriber.expect(&suback(1));
    subscriber.send(DISCONNECT);
    let mut publisher = Client::connect(&broker, "publisher");
    for id in 1..=MESSAGES {
        publisher.send(&publish_1("t", id, &[7; PAYLOAD_BYTES]));
        publisher.expect(&puback(id));
    }
    assert!(kept() > u64::from(MESSAGES) * PAYLOAD_BYTES as u64, "{}", kept());
    broker.shutdown().unwrap();

    let broker = Broker::start(options).unwrap();
    let (mut subscriber, is_present) = come_back(&broker, "subscriber");
    assert!(is_present);
    for _ in 0..MESSAGES {
        let message = subscriber.receive().unwrap();
        assert_eq!(message.len(), publish_1("t", 1, &[7; PAYLOAD_BYTES]).len());
        let id = u16::from_be_bytes([message[6], message[7]]);
        subscriber.send(&puback(id));
    }
    wait_until("the files are small", || kept() < 1 << 20);
    broker.shutdown().unwrap();
}

/// Copies a folder as it is, with all that a process would leave there that is killed now.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.metadata().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_start_that_cannot_write_serves_what_needs_no_disk_and_acknowledges_the_rest_once_it_can() {
    let folder = Folder::new("unsettled");
    let mut options: Options = common::options(1);
    options.persistence = Some(Persistence::in_folder(folder.join("before")));
    let broker = Broker::start(options.clone()).unwrap();
    let (mut subscriber, _) = come_back(&broker, "subscriber");
    subscriber.send(&subscribe("t", 1));
    subscriber.expect(&suback(1));
    copy(&folder.join("before"), &folder.join("killed"));
    broker.shutdown().unwrap();

    options.persistence = Some(Persistence::in_folder(folder.join("killed")));
    // Folders take the names of the files to which a start writes the end of the log anew, one for each attempt.
    let taken = |ordinal| folder.join(&format!("killed/shard-00000/log-{ordinal:020}.tmp"));
    for ordinal in 1..200 {
        fs::create_dir(taken(ordinal)).unwrap();
    }
    let broker = Broker::start(options).unwrap();
    let (mut subscriber, is_present) = come_back(&broker, "subscriber");
    assert!(is_present);
    let mut publisher = Client::connect(&broker, "publisher");
    publisher.send(&publish("u", b"nobody wants it"));
    publisher.send(&publish_1("t", 1, b"refused"));
    publisher.settle(); // PUBACK would have come before
    subscriber.settle();
    for ordinal in 1..200 {
        fs::remove_dir(taken(ordinal)).unwrap();
    }
    // A client that cannot be told that its message was put off is closed once there may be room.
    publisher.expect_end();
    let mut publisher = Client::connect(&broker, "publisher");
    publisher.send(&publish_1("t", 1, b"taken"));
    publisher.expect(&puback(1));
    subscriber.expect(&publish_1("t", 1, b"taken"));
    broker.shutdown().unwrap();
}

#[test]
fn a_start_tells_what_earlier_ones_have_set_aside() {
    log::capture();
    let folder = Folder::new("aside");
    let mut options: Options = common::options(1);
    options.persistence = Some(Persistence::in_folder(folder.join("kept")));
    Broker::start(options.clone()).unwrap().shutdown().unwrap();
    let told = "earlier starts have set damaged files aside";
    assert!(!log::says(told));
    fs::create_dir(folder.join("kept/damaged")).unwrap();
    fs::write(folder.join("kept/damaged/shard-00000-log-00000000000000000001-at-64"), "0123456789").unwrap();
    fs::write(folder.join("kept/damaged/shard-00000-log-00000000000000000001-at-96"), "").unwrap();
    Broker::start(options).unwrap().shutdown().unwrap();
    log::wait_for(told);
    assert!(log::says("files=2 bytes=10"));
}
