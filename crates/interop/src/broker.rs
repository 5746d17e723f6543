//! The broker as a program of its own, on a free port.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::lines::Lines;

/// A running `martlet`. It is stopped when the value is dropped, which fails the test if the broker had stopped by
/// itself or logged an error.
#[derive(Debug)]
pub struct Broker {
    child: Child,
    /// Read to its end, so that the broker never waits for a reader.
    _output: Lines,
    log: Lines,
    port: u16,
}

impl Broker {
    /// Starts a broker with the default settings, and returns when it listens.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start() -> Self {
        Self::run(&mut Command::new(martlet()))
    }

    /// Starts a broker with a configuration file that has no listeners, and returns when it listens.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn configured(file: &Path) -> Self {
        Self::run(Command::new(martlet()).arg("-c").arg(file))
    }

    fn run(command: &mut Command) -> Self {
        let mut child = command
            .args(["-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the broker's executable runs");
        let mut output = Lines::of(child.stdout.take().expect("standard output is a pipe"));
        let mut log = Lines::of(child.stderr.take().expect("standard error is a pipe"));
        let greeting = output.next();
        let port = greeting.as_deref().ok().and_then(port_of_greeting);
        let port = port.unwrap_or_else(|| panic!("the broker says {greeting:?} and logs {:#?}", log.all()));
        Self { child, _output: output, log, port }
    }

    /// The TCP port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let ended = self.child.try_wait();
        // Both fail only for a program that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log.all();
        if thread::panicking() {
            eprintln!("the broker logged {log:#?}");
            return;
        }
        assert!(matches!(ended, Ok(None)), "the broker stopped by itself: {ended:?}; it logged {log:#?}");
        let errors: Vec<_> =
            log.iter().filter(|line| line.contains("ERROR") || line.contains("panicked")).collect();
        assert!(errors.is_empty(), "the broker logged errors: {errors:#?}");
    }
}

/// The program `martlet` of the profile in which the tests are built. `cargo xtask test` builds it first.
///
/// # Panics
/// When it is not there and cannot be built.
pub fn martlet() -> PathBuf {
    let test = env::current_exe().expect("the test knows its own path");
    let folder =
        test.parent().and_then(|deps| deps.parent()).expect("tests are built into a folder of the profile");
    let executable = folder.join(format!("martlet{}", env::consts::EXE_SUFFIX));
    if !executable.exists() {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status =
            Command::new(cargo).args(["build", "--package", "martlet"]).status().expect("cargo runs");
        assert!(status.success() && executable.exists(), "there is no {}", executable.display());
    }
    executable
}

/// The port in `Martlet VERSION listens on 127.0.0.1:PORT and ...`.
fn port_of_greeting(greeting: &str) -> Option<u16> {
    let (_, rest) = greeting.split_once("listens on 127.0.0.1:")?;
    rest.split(' ').next()?.parse().ok()
}
