//! A machine with a Debian of its own, in a container: systemd runs in it, and its network is a loopback and nothing else.

use core::time::Duration;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use super::super::WORK;
use super::debian;
use crate::command;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// How many seconds anything on it may take.
const SECONDS_MAX: &str = "600";
/// What changes with every package or start, and is no trace of ours.
const UNINTERESTING: [&str; 10] = [
    "proc",
    "run",
    "packages",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg",
    "var/lib/logrotate",
    "var/lib/systemd",
    "var/log/apt",
    "etc/ld.so.cache",
];
/// Log files of the system.
const LOGS: [&str; 5] =
    ["var/log/dpkg.log", "var/log/alternatives.log", "var/log/journal", "var/log/wtmp", "var/log/btmp"];

/// A running machine.
pub(super) struct Machine {
    root: PathBuf,
    /// What has started it and ends with it.
    container: Child,
    /// Its first process.
    first: String,
}

impl Machine {
    /// Starts a fresh one, which has packages of two versions in `/packages/first` and `/packages/second`.
    pub(super) fn boot(root: &Path, first: &[PathBuf], second: &[PathBuf]) -> Result<Self, String> {
        let copy = root.join(WORK).join("trial");
        super::super::fresh(&copy)?;
        let mut cp = command::new("cp", root);
        command::run(cp.args(["--archive", "--reflink=auto"]).arg(debian::folder(root)).arg(&copy))?;
        let root = copy.join("root");
        for (version, packages) in [("first", first), ("second", second)] {
            let folder = root.join("packages").join(version);
            super::super::fresh(&folder)?;
            command::run(command::new("cp", &copy).args(packages).arg(&folder))?;
        }
        let mut nspawn = command::new("systemd-nspawn", &copy);
        nspawn.arg("--directory").arg(&root);
        nspawn.args(["--boot", "--private-network", "--register=no", "--keep-unit", "--settings=no"]);
        nspawn.args(["--machine=martlet-trial", "--resolv-conf=off", "--timezone=off", "--link-journal=no"]);
        let log = copy.join("log");
        let file = File::create(&log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        nspawn.args(["--console=pipe", "--quiet"]).stdout(Stdio::null()).stderr(file);
        let container = nspawn.spawn().map_err(|error| format!("cannot run `systemd-nspawn`: {error}"))?;
        let mut machine = Self { root, container, first: String::new() };
        machine.wait_until_running()?;
        Ok(machine)
    }

    fn wait_until_running(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while self.first.is_empty() {
            let ended = self.container.try_wait();
            let ended = ended.map_err(|error| format!("cannot wait for the machine: {error}"))?;
            if ended.is_some() || Instant::now() > deadline {
                let log = self.root.with_file_name("log");
                let log = fs::read_to_string(log).unwrap_or_default();
                return Err(format!("the machine does not start: {log}"));
            }
            self.first = self.first_process().unwrap_or_default();
            thread::sleep(PAUSE);
        }
        self.sh(&format!("timeout {} systemctl is-system-running --wait", PATIENCE.as_secs())).map(drop)
    }

    /// The number of its systemd, once that can be spoken to.
    fn first_process(&self) -> Option<String> {
        let id = self.container.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        let is_systemd = |child: &&str| {
            let process = Path::new("/proc").join(child);
            fs::read_to_string(process.join("comm")).is_ok_and(|name| name == "systemd\n")
                && process.join("root").join("run/systemd/private").exists()
        };
        children.split_whitespace().find(is_systemd).map(str::to_owned)
    }

    /// Runs a script on it as root and returns what it printed.
    pub(super) fn sh(&self, script: &str) -> Result<String, String> {
        command::output(&mut self.command(script))
    }

    /// Asks apt for something, and returns what it says. It asks nobody about configuration files, as the user may ask of
    /// it, and keeps them.
    pub(super) fn apt(&self, request: &str) -> Result<String, String> {
        self.sh(&format!("apt-get --yes --quiet --option Dpkg::Options::=--force-confold {request} 2>&1"))
    }

    /// Installs packages, given by a pattern below `/packages`, and returns what apt says.
    pub(super) fn install(&self, pattern: &str) -> Result<String, String> {
        self.apt(&format!("install /packages/{pattern}"))
    }

    /// How far a package is installed.
    pub(super) fn status(&self, package: &str) -> Result<String, String> {
        self.sh(&format!("dpkg-query --show --showformat='${{db:Status-Status}}' {package}"))
    }

    /// What a unit is, as systemd calls it.
    pub(super) fn state(&self, unit: &str) -> Result<String, String> {
        self.sh(&format!("systemctl show --property=ActiveState --value {unit}"))
    }

    /// All files that are no folders.
    pub(super) fn files(&self) -> Result<Vec<String>, String> {
        let mut find = command::new("find", &self.root);
        find.args([".", "-xdev", "-not", "-type", "d", "-printf", "%P\\n"]);
        let files = command::output(&mut find)?;
        let is_boring = |file: &str| {
            // `passwd-` and its kin are copies of what was before.
            file.starts_with("etc/") && file.ends_with('-')
                || UNINTERESTING.iter().chain(&LOGS).any(|folder| Path::new(file).starts_with(folder))
        };
        Ok(files.lines().filter(|file| !is_boring(file)).map(str::to_owned).collect())
    }

    /// Owners, permissions and contents of files.
    pub(super) fn facts(&self, files: &[&str]) -> Result<String, String> {
        let files = files.iter().map(|file| format!("/{file}")).collect::<Vec<_>>().join(" ");
        self.sh(&format!("stat --format='%n %U:%G %a' {files}; md5sum {files}"))
    }

    /// The content of a file.
    pub(super) fn read(&self, path: &str) -> Result<String, String> {
        let path = self.root.join(path);
        fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    }

    /// Writes a file.
    pub(super) fn write(&self, path: &str, content: &str) -> Result<(), String> {
        let path = self.root.join(path);
        fs::write(&path, content).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    fn command(&self, script: &str) -> Command {
        let mut nsenter = command::new("nsenter", &self.root);
        nsenter.args(["--target", &self.first, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]);
        nsenter.args(["--root", "timeout", SECONDS_MAX, "/bin/sh", "-ec", &format!("cd /\n{script}")]);
        nsenter.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        nsenter.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
        nsenter
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.first.is_empty() {
            let _ = self.container.kill();
        } else {
            // All its processes end with the first one, and the container then ends by itself.
            let _ = command::output(command::new("kill", &self.root).args(["-KILL", &self.first]));
        }
        let _ = self.container.wait();
    }
}
