//! The broker as a process that a test starts, asks and ends.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::{DEADLINE, Done, Folder};

const CONNECT: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a";
pub(crate) const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];

/// The program under the name of Mosquitto's, in a folder.
pub(crate) fn mosquitto(folder: &Folder) -> Command {
    let link = folder.file("mosquitto");
    let _ = symlink(env!("CARGO_BIN_EXE_martlet"), &link);
    let mut command = Command::new(link);
    command.stdin(Stdio::null()).current_dir(&folder.0).env_remove("PUID").env_remove("PGID");
    command
}

pub(crate) fn run_mosquitto(folder: &Folder, line: &str) -> Done {
    mosquitto(folder).args(line.split(' ').filter(|word| !word.is_empty())).output().unwrap().into()
}

/// The lines of a log without their times.
pub(crate) fn lines(log: &str) -> Vec<&str> {
    log.lines().map(|line| line.split_once(": ").map_or(line, |(_, text)| text)).collect()
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits for something.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "{what}");
        std::thread::yield_now();
    }
}

/// The answer to a CONNECT, as soon as there is a broker.
pub(crate) fn answer(port: u16) -> [u8; 4] {
    let mut socket = until("nobody listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(CONNECT).unwrap();
    let mut connack = [0; 4];
    socket.read_exact(&mut connack).unwrap();
    connack
}

pub(crate) fn signal(name: &str, process: &str) {
    assert!(Command::new("kill").args([name, process]).status().unwrap().success());
}

/// A broker that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, &self.0.id().to_string());
    }

    /// Ends it: its exit code, and what it wrote to standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        self.signal("-TERM");
        let status = until("it does not end", || self.0.try_wait().unwrap());
        let mut stderr = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (status.code(), stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
