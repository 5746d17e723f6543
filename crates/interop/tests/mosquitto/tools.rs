//! A broker and the tools that talk to it in one version of the protocol.

use core::time::Duration;
use std::collections::VecDeque;
use std::process::Command;
use std::thread;
use std::time::Instant;

use interop::{Broker, DEADLINE, Mosquitto, Peer, Process, martlet};

/// The names that the tools have for the versions.
pub(crate) const VERSIONS: [&str; 3] = ["mqttv31", "mqttv311", "mqttv5"];

/// Whose tools and whose broker talk to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pairing {
    MosquittosTools,
    OwnTools,
    OwnToolsAndMosquittosBroker,
}

/// A running broker of either kind.
enum AnyBroker {
    Own(Broker),
    Mosquittos(Mosquitto),
}

/// A broker, the tools to talk to it, and a version to do so.
pub(crate) struct Bench {
    broker: AnyBroker,
    /// Whether the tools are Martlet's.
    pub(crate) has_own_tools: bool,
    version: &'static str,
}

/// Runs the test once for each version and each pairing of tools and broker, with a new broker each time.
pub(crate) fn each_version(test: impl Fn(&Bench)) {
    for version in VERSIONS {
        with_version(version, &test);
    }
}

/// Runs the test for MQTT 5.0 alone.
pub(crate) fn version_5(test: impl Fn(&Bench)) {
    with_version("mqttv5", test);
}

fn with_version(version: &'static str, test: impl Fn(&Bench)) {
    for pairing in [Pairing::MosquittosTools, Pairing::OwnTools, Pairing::OwnToolsAndMosquittosBroker] {
        let is_possible = match pairing {
            Pairing::MosquittosTools => Peer::Mosquitto.is_here(),
            Pairing::OwnTools => true,
            Pairing::OwnToolsAndMosquittosBroker => Peer::MosquittoBroker.is_here(),
        };
        if is_possible {
            // Shown if the test fails.
            println!("{pairing:?} in {version}");
            let broker = match pairing {
                Pairing::OwnToolsAndMosquittosBroker => AnyBroker::Mosquittos(Mosquitto::with("")),
                _ => AnyBroker::Own(Broker::start()),
            };
            let has_own_tools = pairing != Pairing::MosquittosTools;
            test(&Bench { broker, has_own_tools, version });
        }
    }
}

impl Bench {
    /// A tool, told where the broker is and which version to speak.
    pub(crate) fn tool(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = if self.has_own_tools {
            let mut command = Command::new(martlet());
            command.arg(tool.strip_prefix("mosquitto_").expect("a tool of Mosquitto's"));
            command
        } else {
            Command::new(tool)
        };
        command.args(["-h", "127.0.0.1", "-p", &self.port().to_string(), "-V", self.version]);
        command.args(arguments);
        command
    }

    fn port(&self) -> u16 {
        match &self.broker {
            AnyBroker::Own(broker) => broker.port(),
            AnyBroker::Mosquittos(broker) => broker.port(),
        }
    }

    /// The address of the broker with a Topic Name or Topic Filter, as the tools take it.
    pub(crate) fn url(&self, user: &str, topic: &str) -> String {
        format!("mqtt://{user}@127.0.0.1:{}/{topic}", self.port())
    }

    /// Publishes and returns when the tool has ended.
    pub(crate) fn publish(&self, arguments: &[&str]) {
        Process::start(&mut self.tool("mosquitto_pub", arguments)).finish();
    }

    /// Subscribes and returns when the broker has granted it.
    pub(crate) fn subscribe(&self, arguments: &[&str]) -> Subscriber {
        // The tool's own notes are the only sign that the subscription stands; Mosquitto's keeps them in a buffer when
        // it does not print to a terminal.
        let mut command = Command::new("stdbuf");
        let tool = self.tool("mosquitto_sub", arguments);
        command.arg("-oL").arg(tool.get_program()).args(tool.get_args()).arg("-d");
        let mut process = Process::start(&mut command);
        let mut early = VecDeque::new();
        loop {
            let line = process.line();
            if line.starts_with("Subscribed ") {
                return Subscriber { process, early };
            }
            if !is_note(&line) {
                early.push_back(line);
            }
        }
    }

    /// Has the Session of this Client Identifier subscribe, and leave.
    pub(crate) fn subscribe_and_leave(&self, arguments: &[&str]) {
        Process::start(self.tool("mosquitto_sub", arguments).arg("-E")).finish();
    }
}

/// A `mosquitto_sub` that prints its notes between the messages.
pub(crate) struct Subscriber {
    process: Process,
    /// What a Session had waiting may come before the subscription is acknowledged.
    early: VecDeque<String>,
}

impl Subscriber {
    /// Waits for the next message, as the tool prints it.
    pub(crate) fn message(&mut self) -> String {
        self.early.pop_front().unwrap_or_else(|| self.process.find(|line| !is_note(line)))
    }

    /// Ends the tool without a DISCONNECT.
    pub(crate) fn kill(self) {
        self.process.kill();
    }
}

/// Waits until these subscribers together have had so many messages, and returns them in any order.
pub(crate) fn gather(subscribers: &mut [Subscriber], count: usize) -> Vec<String> {
    let deadline = Instant::now() + DEADLINE;
    let mut messages = Vec::new();
    while messages.len() < count {
        assert!(Instant::now() < deadline, "only these messages came: {messages:?}");
        for subscriber in &mut *subscribers {
            messages.extend(subscriber.process.lines_so_far().into_iter().filter(|line| !is_note(line)));
        }
        thread::sleep(Duration::from_millis(1));
    }
    messages
}

fn is_note(line: &str) -> bool {
    line.starts_with("Client ") || line.starts_with("Subscribed ")
}
