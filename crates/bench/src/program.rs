//! A broker as a program of its own.

use core::time::Duration;
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::Instant;
use std::{fs, io, thread};

/// A program that runs, and is killed at the end.
pub(crate) struct Program(Child);

impl Program {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }

    /// Waits until something holds.
    ///
    /// # Errors
    /// The program has ended, or so much time went by.
    pub(crate) fn wait_until(&mut self, time_max: Duration, holds: impl Fn() -> bool) -> io::Result<()> {
        const PAUSE: Duration = Duration::from_millis(2);
        let deadline = Instant::now() + time_max;
        while !holds() {
            if self.0.try_wait()?.is_some() || Instant::now() > deadline {
                return Err(io::Error::other("the broker does not start"));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(|_| ())
    }

    /// What it writes to standard output, if that was asked for when it was started; once.
    pub(crate) fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.0.stdout.take()
    }

    /// Bytes of memory that it has.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.number("status", "VmRSS:") * 1024
    }

    /// Time that processors spent on it.
    pub(crate) fn processor_time(&self) -> Duration {
        const TICK: Duration = Duration::from_millis(10);
        let text = self.text("stat");
        let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum::<u32>();
        TICK * ticks
    }

    /// The number behind a name in what the system tells of it; 0 where it does not.
    pub(crate) fn number(&self, file: &str, name: &str) -> u64 {
        let text = self.text(file);
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A port that nobody uses at the moment.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
