//! Options that concern the process: each has its effect when it stands in a configuration.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::fs;
use std::io::Read;
use std::process::Stdio;

use common::process::{ACCEPTED, Running, answer, free_port, until};
use common::{Folder, martlet};
use martlet_client::Options;
use martlet_client::blocking::Client;

struct Broker {
    folder: Folder,
    port: u16,
    process: Running,
}

impl Broker {
    /// A broker with these lines; `FOLDER` in them is a folder of the test.
    fn start(name: &str, lines: &str) -> Self {
        let (folder, port) = (Folder::new(name), free_port());
        let process = Self::process(&folder, port, lines);
        Self { folder, port, process }
    }

    fn process(folder: &Folder, port: u16, lines: &str) -> Running {
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\n{lines}\n");
        let file = folder.file_of("m.conf", &text.replace("FOLDER", folder.0.to_str().unwrap()));
        let process =
            Running::start(martlet().args(["-c", &file]).env("XDG_STATE_HOME", folder.file("state")));
        assert_eq!(answer(port), ACCEPTED);
        process
    }

    /// Ends it, and starts it again with other lines. What it wrote to standard error.
    fn restart(self, lines: &str) -> (Self, String) {
        let Self { folder, port, process } = self;
        let (code, log) = process.end();
        assert_eq!(code, Some(0));
        let process = Self::process(&folder, port, lines);
        (Self { folder, port, process }, log)
    }

    /// Whether the Session of a client is there already.
    fn knows(&self, name: &str) -> bool {
        let options = Options::tcp("127.0.0.1", self.port).client_identifier(name).clean_start(false);
        let client = Client::connect(options.session_expiry(Duration::from_mins(1))).unwrap();
        let martlet_client::State::Connected(connection) = client.state() else { panic!("no connection") };
        connection.session_present
    }
}

#[test]
fn sessions_survive_where_and_if_they_are_to() {
    for (lines, folder) in [
        ("persistence_location FOLDER\n", Some("martlet")),
        (
            "persistence true\npersistence_location FOLDER\npersistence_file seven.db\n",
            Some("seven.db.martlet"),
        ),
        ("persistence_location FOLDER\ndurability os\n", Some("martlet")),
        ("persistence_location FOLDER\ndurability none\n", None),
        ("persistence false\npersistence_location FOLDER\n", None),
    ] {
        let broker = Broker::start("persistence", lines);
        assert!(!broker.knows("lasting"));
        let (broker, _) = broker.restart(lines);
        assert_eq!(broker.knows("lasting"), folder.is_some(), "{lines}");
        let there = fs::read_dir(&broker.folder.0).unwrap().map(|entry| entry.unwrap().file_name());
        let there: Vec<_> = there.filter(|name| name != "m.conf").collect();
        assert_eq!(there, folder.into_iter().collect::<Vec<_>>(), "{lines}");
    }
}

#[test]
fn a_folder_of_files_is_read() {
    let (folder, other) = (Folder::new("include"), free_port());
    fs::create_dir(folder.file("conf.d")).unwrap();
    folder.file_of("conf.d/a.conf", &format!("listener {other} 127.0.0.1\nlistener_allow_anonymous true\n"));
    folder.file_of("conf.d/b.txt", "foo bar\n");
    let broker = Broker::process(&folder, free_port(), "persistence false\ninclude_dir FOLDER/conf.d\n");
    assert_eq!(answer(other), ACCEPTED);
    assert_eq!(broker.end().0, Some(0));
}

#[test]
fn the_log_goes_where_and_looks_as_it_is_to() {
    let log = |lines: &str| {
        let folder = Folder::new("log");
        let port = free_port();
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n{lines}\n");
        let file = folder.file_of("m.conf", &text);
        let mut command = martlet();
        let mut child =
            command.args(["-c", &file]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        assert_eq!(answer(port), ACCEPTED);
        common::process::signal("-TERM", &child.id().to_string());
        let (mut out, mut err) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        child.wait().unwrap();
        (out, err)
    };
    let told = "client connected client=\"a\"";
    let (out, err) = log("");
    assert!(!out.contains(told) && err.contains(told), "{out}{err}");
    let (out, err) = log("log_dest stdout");
    assert!(out.contains(told) && err.is_empty(), "{out}{err}");
    assert_eq!(log("log_dest none").1, "");
    let (_, err) = log("connection_messages false");
    assert!(!err.contains(told) && err.contains("listening"), "{err}");
    let (_, err) = log("log_timestamp false");
    assert!(err.lines().any(|line| line.trim_start().starts_with("NOTICE client connected")), "{err}");
    let (_, err) = log("log_timestamp_format at-%Y");
    assert!(err.lines().all(|line| line.starts_with("at-20")), "{err}");
    let (_, err) = log("log_type error");
    assert_eq!(err, "");
    let (_, err) = log("log_format json\nlog_timestamp false");
    assert!(
        err.lines().any(|line| line.starts_with("{\"level\":\"notice\",\"message\":\"client connected\"")),
        "{err}"
    );
    let (_, err) = log("log_format mosquitto");
    assert!(err.contains(": New client connected from 127.0.0.1:"), "{err}");
}

#[test]
fn a_wrong_file_that_is_read_again_ends_the_broker_if_it_is_to() {
    for (line, goes_on) in [("reload_errors keep", true), ("reload_errors fatal", false), ("", true)] {
        let folder = Folder::new("reload-errors");
        folder.file_of("acl", "topic readwrite #\n");
        let port = free_port();
        let lines = format!("persistence false\nacl_file FOLDER/acl\nlog_dest file FOLDER/log\n{line}");
        let mut process = Broker::process(&folder, port, &lines);
        folder.file_of("acl", "frob\n");
        process.signal("-HUP");
        if goes_on {
            until("it does not tell", || {
                let log = fs::read_to_string(folder.file("log")).unwrap();
                log.contains("acl:1: `frob` is neither").then_some(())
            });
            assert_eq!(answer(port), ACCEPTED);
            assert_eq!(process.end().0, Some(0));
        } else {
            let status = until("it does not end", || process.0.try_wait().unwrap());
            assert_eq!(status.code(), Some(3));
        }
    }
}

#[test]
fn the_user_is_the_one_that_is_named() {
    let broker = Broker::start("user", "persistence false\nuser nobody\n");
    let status = fs::read_to_string(format!("/proc/{}/status", broker.process.0.id())).unwrap();
    let user =
        |status: &str| status.lines().find(|line| line.starts_with("Uid:")).map(str::to_owned).unwrap();
    let own = user(&fs::read_to_string("/proc/self/status").unwrap());
    // Only root can become someone else.
    let is_root = own.split_whitespace().nth(1) == Some("0");
    assert_eq!(user(&status) == own, !is_root, "{status}");
}
