//! Eclipse Mosquitto as a broker, on free ports and with a folder of its own.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;
use std::{env, fs, process};

use crate::DEADLINE;
use crate::lines::Lines;

/// How often another port is tried when somebody else took one in the meantime.
const ATTEMPTS_MAX: usize = 10;

/// What a configuration of Mosquitto may name.
#[derive(Debug)]
pub struct Place {
    /// A folder that is gone at the end.
    pub folder: PathBuf,
    /// Ports that are free.
    pub ports: [u16; 2],
}

impl Place {
    fn new() -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("martlet-interop-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a folder for temporary files can be made");
        Self { folder, ports: Self::free_ports() }
    }

    fn free_ports() -> [u16; 2] {
        // Both at once, so that they differ.
        let listeners =
            [0, 0].map(|port| TcpListener::bind(("127.0.0.1", port)).expect("there are free ports"));
        listeners.map(|listener| listener.local_addr().expect("it is bound").port())
    }

    /// Writes a file into the folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("the folder can be written to");
        path
    }
}

/// A running `mosquitto`. It is stopped when the value is dropped.
#[derive(Debug)]
pub struct Mosquitto {
    place: Place,
    child: Child,
    log: Lines,
}

impl Mosquitto {
    /// Starts it with the configuration that `configure` makes for a place, and returns when it listens.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(configure: impl Fn(&Place) -> String) -> Self {
        let mut place = Place::new();
        for _ in 0..ATTEMPTS_MAX {
            // Started by root it would give its rights up, and not find its folder.
            place.write("mosquitto.conf", &format!("log_dest stderr\nuser root\n{}", configure(&place)));
            let (child, mut log) = spawn(&place.folder);
            if is_running(&mut log) {
                return Self { place, child, log };
            }
            let is_taken = log.all().iter().any(|line| line.contains("Address already in use"));
            assert!(is_taken, "mosquitto does not start: {:#?}", log.all());
            place.ports = Place::free_ports();
        }
        panic!("mosquitto found no free port");
    }

    /// Starts it with one listener, for everybody, and these further lines.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn with(lines: &str) -> Self {
        Self::start(|place| format!("listener {} 127.0.0.1\nallow_anonymous true\n{lines}", place.ports[0]))
    }

    /// The port of the first listener on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.place.ports[0]
    }

    /// Where it is.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Stops it in good order, and starts it again with the same configuration.
    ///
    /// # Panics
    /// When it does not stop, or cannot be started again.
    pub fn restart(&mut self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(status.is_ok_and(|status| status.success()), "mosquitto gets no signal");
        let deadline = Instant::now() + DEADLINE;
        while self.child.try_wait().expect("it is our child").is_none() {
            assert!(Instant::now() < deadline, "mosquitto does not stop: {:#?}", self.log.all());
            thread::sleep(Duration::from_millis(5));
        }
        (self.child, self.log) = spawn(&self.place.folder);
        assert!(is_running(&mut self.log), "mosquitto does not start again: {:#?}", self.log.all());
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // All three fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.place.folder);
        if thread::panicking() {
            eprintln!("mosquitto logged {:#?}", self.log.all());
        }
    }
}

fn spawn(folder: &Path) -> (Child, Lines) {
    let mut command = Command::new(executable().expect("mosquitto is installed"));
    command.arg("-c").arg(folder.join("mosquitto.conf"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("mosquitto can be started");
    let log = Lines::of(child.stderr.take().expect("standard error is a pipe"));
    (child, log)
}

/// Waits until it listens; `false` if it ended before.
fn is_running(log: &mut Lines) -> bool {
    log.find(|line| line.ends_with("running")).is_ok()
}

/// Where the broker is: Debian keeps it where only root looks.
pub(crate) fn executable() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join("mosquitto")).find(|file| file.is_file())
}
