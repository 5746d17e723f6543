//! `reload_on_change`: files are read again without being told.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;

use common::Folder;
use common::process::{ACCEPTED, Running, answer, free_port, until};

#[test]
fn a_changed_file_is_read_again_by_itself() {
    let folder = Folder::new("watch");
    let port = free_port();
    let log = folder.file("log");
    let text = |more: &str| {
        format!(
            "reload_on_change true\nlog_dest file {log}\nlog_timestamp false\npersistence false\n\
             listener {port} 127.0.0.1\nallow_anonymous true\n{more}"
        )
    };
    let file = folder.file_of("m.conf", &text(""));
    let broker = Running::start(common::martlet().args(["-c", &file]));
    assert_eq!(answer(port), ACCEPTED);
    let logged = |what: &str| fs::read_to_string(&log).unwrap_or_default().matches(what).count();
    assert_eq!(logged("reading the configuration again"), 0);

    folder.file_of("m.conf", &text("connections_max 60\n"));
    until("it is not read", || (logged("option=\"connections_max\"") > 0).then_some(()));
    assert_eq!(logged("reading the configuration again"), 1);
    // One that is wrong changes nothing, and is not given up.
    folder.file_of("m.conf", &text("foo bar\n"));
    until("it is not read", || (logged("there is no option `foo`") > 0).then_some(()));
    fs::remove_file(&file).unwrap();
    folder.file_of("m.conf", &text("connections_max 9\n"));
    until("it is not read", || (logged("option=\"connections_max\"") > 1).then_some(()));
    assert_eq!(answer(port), ACCEPTED);
    assert_eq!(broker.end().0, Some(0));
}
