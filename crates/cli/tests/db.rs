//! `martlet db`: what it prints and how it ends, on a store that the program itself has written.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{DEADLINE, Folder, run};

/// A broker that keeps what it has in a folder; it is killed if the test fails.
struct Running {
    child: Child,
    port: u16,
}

impl Running {
    fn start(folder: &Folder, shards: u16) -> Self {
        let location = folder.0.display();
        let configuration = format!("persistence_location {location}\nshards {shards}\n");
        let file = folder.file_of("martlet.conf", &configuration);
        let mut child = Command::new(env!("CARGO_BIN_EXE_martlet"))
            .args(["-p", "0", "-c", &file])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut greeting).unwrap();
        let port = greeting.split_once("127.0.0.1:").unwrap().1.split(' ').next().unwrap();
        Self { port: port.parse().unwrap(), child }
    }

    /// Has a message retained, and in flight to a Session.
    fn fill(&self) {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut exchange = |packet: &[u8], answer: &[u8]| {
            socket.write_all(packet).unwrap();
            let mut found = vec![0; answer.len()];
            socket.read_exact(&mut found).unwrap();
            assert_eq!(found, answer);
        };
        // CONNECT of 3.1.1 with Clean Session 0 and a user name, SUBSCRIBE to `a`, PUBLISH to `a` with RETAIN. What comes back is
        // not acknowledged.
        exchange(b"\x10\x13\0\x04MQTT\x04\x80\0\x3c\0\x02me\0\x03ann", b"\x20\x02\0\0");
        exchange(b"\x82\x06\0\x01\0\x01a\x01", b"\x90\x03\0\x01\x01");
        exchange(b"\x33\x0b\0\x01a\0\x02secret", b"\x32\x0b\0\x01a\0\x01secret\x40\x02\0\x02");
    }

    /// Stops it, and answers what it has logged.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(self.child.wait().unwrap().success());
        log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn damage(store: &str) {
    let folders = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path());
    let logs = folders.filter(|path| path.is_dir()).flat_map(|shard| fs::read_dir(shard).unwrap());
    let log = logs.map(|entry| entry.unwrap().path()).find(|path| path.to_str().unwrap().contains("log-"));
    let log = log.unwrap();
    let mut bytes = fs::read(&log).unwrap();
    bytes[64 + 20] ^= 1;
    fs::write(log, bytes).unwrap();
}

#[test]
fn a_store_is_checked_shown_and_divided_anew() {
    let folder = Folder::new("db");
    let broker = Running::start(&folder, 2);
    broker.fill();
    let store = folder.file("martlet");
    let in_use = run(&format!("db check {store}"));
    assert_eq!((in_use.status, in_use.out.as_str()), (Some(2), ""));
    assert!(in_use.err.contains("the store is in use. Stop the broker first"), "{in_use:?}");
    let log = broker.stop();
    assert!(!log.contains("repartition"), "{log}");

    let check = run(&format!("db check {store}"));
    assert_eq!((check.status, check.err.as_str()), (Some(0), ""));
    assert!(check.out.contains("\n           1 Sessions\n") && check.out.ends_with("\nSound\n"), "{check:?}");
    let json = run(&format!("db check --json {store}"));
    assert!(json.out.contains("\"retained\":\t1,"), "{json:?}");

    let dump = run(&format!("db dump {store}"));
    assert!(
        dump.out.starts_with("session client=\"me\" user-name=\"ann\" expiry-interval=4294967295 "),
        "{dump:?}"
    );
    assert!(dump.out.contains("payload-bytes=6\n") && !dump.out.contains("secret"), "{dump:?}");
    let text = run(&format!("db dump --payload text {store}"));
    assert!(text.out.contains("payload=\"secret\""), "{text:?}");
    let hex = run(&format!("db dump --payload hex --json {store}"));
    assert!(hex.out.contains("\"payload-hex\":\"736563726574\"}\n"), "{hex:?}");
    let records = run(&format!("db dump --records {store}"));
    assert!(records.out.contains("\nretained shard="), "{records:?}");

    let other = Running::start(&folder, 3);
    let log = other.stop();
    assert!(log.contains(&format!("martlet db repartition {store} --shards 3")), "{log}");
    let same = run(&format!("db repartition {store} --shards 2"));
    assert_eq!((same.status, same.err.as_str()), (Some(2), "Error: the store has 2 shards already.\n"));
    let dump = run(&format!("db dump {store}"));
    let done = run(&format!("db repartition {store} --shards 3"));
    assert_eq!((done.status, done.err.as_str()), (Some(0), ""));
    assert!(done.out.contains("has 3 shards instead of 2\n"), "{done:?}");
    assert!(Path::new(&format!("{store}.old")).is_dir());
    assert_eq!(run(&format!("db dump {store}")).out, dump.out);
    let broker = Running::start(&folder, 3);
    assert!(!broker.stop().contains("repartition"));
}

#[test]
fn damage_is_exit_status_1() {
    let folder = Folder::new("db-damage");
    let broker = Running::start(&folder, 1);
    broker.fill();
    broker.stop();
    let store = folder.file("martlet");
    damage(&store);
    let check = run(&format!("db check {store}"));
    assert_eq!(check.status, Some(1));
    assert!(check.out.contains("shard 0: DAMAGED\n") && check.out.ends_with("\nDAMAGED\n"), "{check:?}");
    let dump = run(&format!("db dump {store}"));
    assert_eq!(dump.status, Some(1));
    assert!(dump.err.starts_with("Warning: shard 0 is damaged"), "{dump:?}");
    let refused = run(&format!("db repartition {store} --shards 2"));
    assert_eq!(refused.status, Some(2));
    assert!(refused.err.contains("--keep-going goes on"), "{refused:?}");
    assert_eq!(run(&format!("db repartition {store} --shards 2 --keep-going")).status, Some(1));
    assert_eq!(run(&format!("db check {store}")).status, Some(0));
}

#[test]
fn wrong_arguments_and_what_is_no_store_are_exit_status_2() {
    let folder = Folder::new("db-usage");
    let nothing = folder.file("nothing");
    let text = folder.file_of("text", "no database");
    for line in [
        "db".to_owned(),
        "db check".to_owned(),
        "db burn".to_owned(),
        format!("db dump --payload loud {nothing}"),
        format!("db repartition {nothing}"),
        format!("db check {nothing}"),
        format!("db check {}", folder.0.display()),
        format!("db import {nothing} {nothing}"),
        format!("db import {text} {nothing}"),
        format!("db import {text}"),
    ] {
        let done = run(&line);
        assert_eq!((done.status, done.out.as_str()), (Some(2), ""), "{line}");
        assert!(!done.err.is_empty(), "{line}");
    }
    for line in ["db --help", "db import --help", "db --version"] {
        let done = run(line);
        assert_eq!((done.status, done.err.as_str()), (Some(0), ""), "{line}");
    }
}

#[test]
fn what_is_imported_and_what_is_not_is_told() {
    let folder = Folder::new("db-import");
    // Format 3: a Session, a subscription that can be, and one whose filter is none.
    let mut file = b"\0\xb5\0mosquitto db\0\0\0\0\0\0\0\x03\0\x01\0\0\0\x0a\x01\x08\0\0\0\0\0\0\0\0".to_vec();
    file.extend(b"\0\x06\0\0\0\x0d\0\x01c\0\0\0\0\0\0\0\0\0\0");
    file.extend(b"\0\x05\0\0\0\x07\0\x01c\0\x01a\x01");
    let start = file.len();
    file.extend(b"\0\x05\0\0\0\x08\0\x01c\0\x02a#\x01");
    let from = folder.file("mosquitto.db");
    fs::write(&from, file).unwrap();
    let store = folder.file("store");
    let refused = run(&format!("db import {from} {store} --shards 2"));
    let told = format!("{from}: at byte {start}: \"a#\" is no Topic Filter.\n");
    assert_eq!((refused.status, refused.err), (Some(2), format!("Error: {told}")));
    let done = run(&format!("db import {from} {store} --shards 2 --keep-going"));
    assert_eq!((done.status, done.err), (Some(1), format!("Left out: {told}")));
    let report = format!(
        "{from}: Mosquitto's persistence file, format 3\nKept: Sessions 1, subscriptions 1\n\
         The store is in {store}, with 2 shards\n"
    );
    assert_eq!(done.out, report);
    let again = run(&format!("db import {from} {store} --keep-going"));
    assert_eq!(again.status, Some(2));
    assert!(again.err.contains("there is something in this folder"), "{again:?}");
}
