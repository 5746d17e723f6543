//! The programs of other projects, and where they are installed.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::mosquitto;

/// The names of the peers, separated by commas, whose tests shall be skipped because they cannot be installed.
/// `cargo xtask test` sets it and says so loudly; without it a missing peer fails its tests.
pub const SKIPPED_PEERS: &str = "MARTLET_SKIPPED_PEERS";

/// A client or broker of another project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The command line tools of Eclipse Mosquitto.
    Mosquitto,
    /// The broker of Eclipse Mosquitto.
    MosquittoBroker,
    /// Eclipse Paho for Python.
    Paho,
    /// MQTT.js on Node.
    MqttJs,
}

impl Peer {
    /// Every peer.
    pub const ALL: [Self; 4] = [Self::Mosquitto, Self::MosquittoBroker, Self::Paho, Self::MqttJs];

    /// Whether it can be started.
    pub fn is_installed(self) -> bool {
        let status = self.probe().stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// Whether the tests of this peer can run; false only where they are to be skipped.
    ///
    /// # Panics
    /// When the peer is missing and nobody asked to skip it.
    pub fn is_here(self) -> bool {
        if self.is_installed() {
            return true;
        }
        let skipped = env::var(SKIPPED_PEERS).unwrap_or_default();
        assert!(
            skipped.split(',').any(|name| name == self.name()),
            "the peer `{}` is not installed; `cargo xtask peers` does it",
            self.name()
        );
        eprintln!("SKIPPED: the peer `{}` is not installed", self.name());
        false
    }

    /// A script of this peer in `peers/`, given with the path below it and without its suffix.
    ///
    /// # Panics
    /// Mosquitto runs no scripts.
    pub fn script(self, script: &str) -> Command {
        let (program, suffix) = match self {
            Self::Mosquitto | Self::MosquittoBroker => panic!("Mosquitto runs no scripts"),
            Self::Paho => (python(), "py"),
            Self::MqttJs => (PathBuf::from("node"), "js"),
        };
        let mut command = with_libraries(program);
        command.arg(scripts_folder().join(format!("{script}.{suffix}")));
        command
    }

    /// The name that `cargo xtask peers` gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mosquitto => "mosquitto",
            Self::MosquittoBroker => "mosquitto-broker",
            Self::Paho => "paho",
            Self::MqttJs => "mqttjs",
        }
    }

    /// A command that succeeds where the peer is installed.
    fn probe(self) -> Command {
        match self {
            Self::Mosquitto => {
                let mut command = Command::new("sh");
                command.args(["-c", "command -v mosquitto_pub mosquitto_sub mosquitto_rr"]);
                command
            }
            Self::MosquittoBroker => {
                let mut command = Command::new("test");
                command.arg("-x").arg(mosquitto::executable().unwrap_or_default());
                command
            }
            Self::Paho => {
                let mut command = with_libraries(python());
                command.args(["-c", "import paho.mqtt.client"]);
                command
            }
            Self::MqttJs => {
                let mut command = with_libraries(PathBuf::from("node"));
                command.args(["-e", "require('mqtt')"]);
                command
            }
        }
    }
}

/// Where `cargo xtask peers` installs what no package manager of the system brings: `peers` in Cargo's target folder.
///
/// # Panics
/// When the test does not run from a target folder.
pub fn peers_folder() -> PathBuf {
    let executable = env::current_exe().expect("the test knows its own path");
    // Cargo marks its target folder with this file.
    let target = executable.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target.expect("the test runs from Cargo's target folder").join("peers")
}

/// An interpreter that finds the installed libraries and leaves no files beside the scripts.
fn with_libraries(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("NODE_PATH", peers_folder().join("node").join("node_modules"));
    command
}

fn python() -> PathBuf {
    peers_folder().join("venv").join("bin").join("python")
}

fn scripts_folder() -> PathBuf {
    // Cargo tells where it runs. What it told the compiler is another tree when two of them share a target folder.
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(package).join("peers")
}
