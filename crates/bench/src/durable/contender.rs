//! A broker that keeps what it is given in a folder, and can be killed.

use core::fmt;
use core::time::Duration;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::carrier::Way;
use crate::client::Client;
use crate::program::{Program, free_port};

/// How long a start may take.
const START_MAX: Duration = Duration::from_mins(10);

/// Clients that try it after a start, so that there is one for each shard.
const PROBES: usize = 16;

/// Which broker, and what it promises.
#[derive(Clone)]
pub(super) struct Contender {
    pub(super) program: PathBuf,
    /// `durability`; none for Mosquitto, which has no such option.
    pub(super) durability: Option<&'static str>,
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.durability {
            Some(durability) => write!(f, "Martlet, {durability}"),
            None => f.write_str("Mosquitto"),
        }
    }
}

/// A broker that runs.
pub(super) struct Running {
    program: Program,
    pub(super) way: Way,
    folder: PathBuf,
    contender: Contender,
}

impl Running {
    /// Starts a broker with nothing kept.
    pub(super) fn start(contender: &Contender, folder: &Path) -> io::Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder.join("kept"))?;
        let port = free_port()?;
        let durability = contender.durability.map_or(String::new(), |name| format!("durability {name}\n"));
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n\
             persistence_location {}/\nmax_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\n{durability}",
            fs::canonicalize(folder.join("kept"))?.display()
        );
        fs::write(folder.join("conf"), text)?;
        let way = Way { port, tls: None, websocket: false };
        let program = contender.spawn(folder)?;
        let mut running = Self { program, way, folder: folder.to_owned(), contender: contender.clone() };
        running.wait()?;
        Ok(running)
    }

    /// Kills the broker and starts it again; tells how long it takes until it lets clients connect.
    pub(super) fn kill_and_start(&mut self) -> io::Result<Duration> {
        self.program.kill()?;
        let started = Instant::now();
        self.program = self.contender.spawn(&self.folder)?;
        self.wait()?;
        Ok(started.elapsed())
    }

    fn wait(&mut self) -> io::Result<()> {
        let way = &self.way;
        // Sockets take connections before everything is restored; clients get their answers after that.
        self.program.wait_until(START_MAX, || (0..PROBES).all(|probe| lets_in(way, probe)))
    }

    /// Bytes of its files.
    pub(super) fn disk_bytes(&self) -> u64 {
        bytes_below(&self.folder.join("kept"))
    }

    /// Bytes that it caused to be written to a disk.
    pub(super) fn written_bytes(&self) -> u64 {
        self.program.number("io", "write_bytes:")
    }

    /// MiB of memory that it has, and that it had at most since its start.
    pub(super) fn memory_mib(&self) -> (u64, u64) {
        (self.program.resident_bytes() >> 20, self.program.number("status", "VmHWM:") / 1024)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Contender {
    fn spawn(&self, folder: &Path) -> io::Result<Program> {
        let log = fs::File::create(folder.join("log"))?;
        Program::start(
            Command::new(&self.program)
                .arg("-c")
                .arg(folder.join("conf"))
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log),
        )
    }
}

fn lets_in(way: &Way, probe: usize) -> bool {
    Client::open(way, &format!("bench-probe-{probe}"), true, String::new()).is_ok()
}

fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
