//! Into the background.
//!
//! The program starts itself again with a flag more; the new process leaves the terminal behind, and the old one waits
//! until the broker runs or has failed. So whoever starts it knows which, and nothing is forked that has threads or open
//! files already.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};

/// The flag that tells the program that it is in the background already.
pub const BACKGROUND_FLAG: &str = "--in-background";

/// What the process in the background says when the broker runs.
const READY: &[u8] = b"ready\n";

/// Starts this program again in the background with its own arguments, and waits until the broker runs.
///
/// `Ok(None)`: it runs. `Ok(Some(_))`: it has ended with this status, and has said why on standard error.
///
/// # Errors
/// The operating system refuses a process.
pub fn start_in_background() -> io::Result<Option<ExitStatus>> {
    let mut arguments = env::args_os();
    let name: OsString = arguments.next().unwrap_or_default();
    let mut child = Command::new(env::current_exe()?)
        .arg0(name)
        .args(arguments)
        .arg(BACKGROUND_FLAG)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut said)?;
    }
    if said.ends_with(READY) { Ok(None) } else { child.wait().map(Some) }
}

/// A process in the background whose broker does not run yet.
#[derive(Debug)]
pub struct Background(());

impl Background {
    /// Leaves the terminal behind.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn enter() -> io::Result<Self> {
        nix::unistd::setsid()?;
        Ok(Self(()))
    }

    /// Tells the process that started this one that the broker runs, and lets its streams go.
    ///
    /// # Errors
    /// `/dev/null` cannot be opened.
    pub fn is_ready(self) -> io::Result<()> {
        let null = OpenOptions::new().write(true).open("/dev/null")?;
        // The other process may have been ended, which changes nothing here.
        let _ = io::stdout().write_all(READY).and_then(|()| io::stdout().flush());
        nix::unistd::dup2_stdout(&null)?;
        nix::unistd::dup2_stderr(&null)?;
        Ok(())
    }
}
