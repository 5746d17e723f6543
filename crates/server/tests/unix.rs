//! Unix sockets.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::num::NonZeroU16;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use authority::Folder;
use common::{Client, DEADLINE, name_on, publish, suback, subscribe};
use martlet_server::{Broker, ListenerOptions, Options, Place, StartError, UnixAddress};

fn options(address: UnixAddress) -> Options {
    let listeners = vec![ListenerOptions::from(Place::Unix(address))];
    Options { listeners, shards: NonZeroU16::new(2), ..Options::default() }
}

fn open(path: &Path) -> Client<UnixStream> {
    let socket = UnixStream::connect(path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    Client::over(socket)
}

#[test]
fn clients_of_both_shards_meet_over_a_unix_socket() {
    let folder = Folder::new("meet");
    let broker = Broker::start(options(UnixAddress::new(folder.join("mqtt.sock")))).unwrap();
    assert!(broker.local_addrs().is_empty());
    let mut subscribers: Vec<_> = (0..2)
        .map(|shard| open(&folder.join("mqtt.sock")).handshake(&name_on(shard, 2, "subscriber")))
        .collect();
    for subscriber in &mut subscribers {
        subscriber.send(&subscribe("t", 0));
        subscriber.expect(&suback(0));
    }
    let mut publisher = open(&folder.join("mqtt.sock")).handshake("publisher");
    publisher.send(&publish("t", b"hello"));
    for subscriber in &mut subscribers {
        subscriber.expect(&publish("t", b"hello"));
    }
    broker.shutdown().unwrap();
    publisher.expect_end();
}

#[test]
fn the_file_has_its_mode_and_is_gone_after_the_broker() {
    let folder = Folder::new("mode");
    let broker = Broker::start(options(UnixAddress { path: folder.join("mqtt.sock"), mode: 0o600 })).unwrap();
    assert_eq!(std::fs::metadata(folder.join("mqtt.sock")).unwrap().permissions().mode() & 0o777, 0o600);
    broker.shutdown().unwrap();
    assert!(!folder.join("mqtt.sock").exists());
}

#[test]
fn a_second_broker_at_the_path_is_told_so_and_the_first_goes_on() {
    let folder = Folder::new("second");
    let first = Broker::start(options(UnixAddress::new(folder.join("mqtt.sock")))).unwrap();
    let error = Broker::start(options(UnixAddress::new(folder.join("mqtt.sock")))).unwrap_err();
    assert!(matches!(error, StartError::ListenUnix { .. }));
    let path = folder.join("mqtt.sock");
    let expected = format!("Address already in use ({}): is another broker running?", path.display());
    assert_eq!(error.to_string(), expected);
    open(&folder.join("mqtt.sock")).handshake("still here").settle();
    drop(first);
}

#[test]
fn a_broker_takes_the_place_of_one_that_was_killed() {
    let folder = Folder::new("killed");
    // As a killed broker leaves it: the file is there, nobody listens.
    drop(std::os::unix::net::UnixListener::bind(folder.join("mqtt.sock")).unwrap());
    let _broker = Broker::start(options(UnixAddress::new(folder.join("mqtt.sock")))).unwrap();
    open(&folder.join("mqtt.sock")).handshake("client").settle();
}
