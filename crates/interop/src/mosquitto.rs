//! The broker of Eclipse Mosquitto, for tests of our tools.

use core::time::Duration;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::DEADLINE;

/// A running `mosquitto`. It is stopped when the value is dropped.
#[derive(Debug)]
pub struct MosquittoBroker {
    child: Child,
    port: u16,
}

impl MosquittoBroker {
    /// Where Debian has the program, whose folder is not in the path of everyone.
    const PROGRAM: &str = "/usr/sbin/mosquitto";

    /// Starts a broker with its default settings, and returns when it listens.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start() -> Self {
        // It takes no port 0: this one was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("there is a free port").port();
        let mut child = Command::new(Self::PROGRAM)
            .args(["-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the broker runs");
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = child.try_wait().expect("the broker is our child");
            assert!(ended.is_none() && Instant::now() < deadline, "it does not listen: {ended:?}");
            thread::sleep(Duration::from_millis(5));
        }
        Self { child, port }
    }

    /// The TCP port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A command that succeeds where the program is installed.
    pub(crate) fn probe() -> Command {
        let mut command = Command::new("test");
        command.args(["-x", Self::PROGRAM]);
        command
    }
}

impl Drop for MosquittoBroker {
    fn drop(&mut self) {
        // Both fail only for a program that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
