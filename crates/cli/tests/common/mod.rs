//! A broker, the program as it is run, and modules that answer as Mosquitto's do.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

pub(crate) mod modules;
pub(crate) mod process;

use core::num::NonZeroU16;
use core::time::Duration;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use martlet_client::Options;
use martlet_client::blocking::Client;
use martlet_server::{Broker, Host};

/// How long anything may take before a test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn broker() -> Broker {
    Broker::start(broker_options()).unwrap()
}

pub(crate) fn broker_options() -> martlet_server::Options {
    let host = Host::Named("127.0.0.1".into());
    martlet_server::Options { shards: NonZeroU16::new(2), ..martlet_server::Options::listening_on(host, 0) }
}

pub(crate) fn port(broker: &Broker) -> u16 {
    broker.local_addrs()[0].port()
}

pub(crate) fn client(broker: &Broker) -> Client {
    Client::connect(Options::tcp("127.0.0.1", port(broker))).unwrap()
}

/// The program, without anything from the home of whoever runs the tests.
pub(crate) fn martlet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_martlet"));
    command.stdin(Stdio::null()).env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

/// What the program did: its exit status, standard output and standard error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs the program to its end. Words are separated by single spaces.
pub(crate) fn run(line: &str) -> Done {
    run_with(line, "")
}

/// Runs the program to its end with something on its standard input.
pub(crate) fn run_with(line: &str, input: &str) -> Done {
    let arguments = line.split(' ').filter(|word| !word.is_empty());
    let mut command = martlet();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// A folder that is gone when the test is over.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("martlet-test-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// The path of a file in it.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// The path of a file in it, with this content.
    pub(crate) fn file_of(&self, name: &str, content: &str) -> String {
        fs::write(self.0.join(name), content).unwrap();
        self.file(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
