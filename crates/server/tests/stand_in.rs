//! The file in the place of Mosquitto's database: who deletes it starts over.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Client, options, packet};
use martlet_server::{Broker, Persistence};

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("martlet-stand-in-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn start(folder: &Path) -> Broker {
    let mut options = options(2);
    let persistence = Persistence::in_folder(folder.join("data.martlet"));
    options.persistence = Some(Persistence { stand_in: Some(folder.join("data")), ..persistence });
    Broker::start(options).unwrap()
}

/// Whether the Session of a client of 5.0 is there; it lasts.
fn has_session(broker: &Broker) -> bool {
    const FOR_EVER: [u8; 6] = [5, 0x11, 0xFF, 0xFF, 0xFF, 0xFF];
    let name = b"client";
    let head = [&[0, 4][..], b"MQTT", &[5, 0, 0, 60], &FOR_EVER, &[0, 6], name].concat();
    let mut client = Client::open(broker.local_addrs()[0]);
    client.send(&packet(0x10, &head));
    client.receive().unwrap()[2] == 1
}

#[test]
fn without_the_file_the_broker_starts_over() {
    let folder = Folder::new();
    let file = folder.0.join("data");
    let aside = folder.0.join("data.martlet.old");
    for expected in [false, true] {
        let broker = start(&folder.0);
        assert_eq!(has_session(&broker), expected);
        broker.shutdown().unwrap();
        assert!(fs::read_to_string(&file).unwrap().contains("data.martlet"));
    }
    assert!(!aside.exists());
    for _ in 0..2 {
        fs::remove_file(&file).unwrap();
        let broker = start(&folder.0);
        assert!(!has_session(&broker));
        broker.shutdown().unwrap();
        assert!(file.exists() && aside.join("meta").exists());
    }
    // A file of someone else is left alone, and so is what was kept.
    fs::write(&file, "a database of another broker").unwrap();
    let broker = start(&folder.0);
    assert!(has_session(&broker));
    assert_eq!(fs::read_to_string(&file).unwrap(), "a database of another broker");
}
