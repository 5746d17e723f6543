//! Our broker as a program that keeps what has to survive, and that can be killed and started again.

use core::time::Duration;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::DEADLINE;
use crate::broker::martlet;

/// A `martlet` with a store in a folder of its own, always on the same port. It is gone with its folder when the value is
/// dropped.
#[derive(Debug)]
pub struct KeptBroker {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl KeptBroker {
    /// Starts it with these further lines of configuration, and returns when it listens.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, lines: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("martlet-kept-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for temporary files can be made");
        // This port was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("there is a free port").port();
        let location = folder.display();
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {location}\n{lines}"
        );
        fs::write(folder.join("martlet.conf"), text).expect("the folder can be written to");
        let child = spawn(&folder, port);
        Self { child, folder, port }
    }

    /// The TCP port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Kills it without a warning, and starts it again.
    ///
    /// # Panics
    /// When it had ended by itself, or cannot be started again.
    pub fn kill_and_restart(&mut self) {
        let ended = self.child.try_wait().expect("it is our child");
        assert!(ended.is_none(), "the broker stopped by itself: {ended:?}");
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
        self.child = spawn(&self.folder, self.port);
    }
}

impl Drop for KeptBroker {
    fn drop(&mut self) {
        // All three fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(folder: &std::path::Path, port: u16) -> Child {
    let mut command = Command::new(martlet());
    command.arg("-c").arg(folder.join("martlet.conf"));
    let log =
        fs::File::options().create(true).append(true).open(folder.join("log")).expect("it can be written");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the broker's executable runs");
    let deadline = Instant::now() + DEADLINE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = child.try_wait().expect("the broker is our child");
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(ended.is_none() && Instant::now() < deadline, "it does not listen: {ended:?}: {}", log());
        thread::sleep(Duration::from_millis(2));
    }
    child
}
