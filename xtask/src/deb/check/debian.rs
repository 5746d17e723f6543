//! A Debian in a folder, in which programs run by `chroot`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::WORK;
use crate::{command, peers};

/// The release that the packages are tried out in; Raspberry Pi OS has the same.
const SUITE: &str = "bookworm";
/// What `martlet` needs, and Mosquitto's packages need besides.
const PACKAGES: &str = "--include=adduser,openssl";
/// What changes with every package, and is no trace of ours.
const UNINTERESTING: [&str; 8] =
    ["proc", "run", "packages", "var/cache", "var/lib/apt", "var/lib/dpkg", "var/log", "etc/ld.so.cache"];

/// Makes the Debian of which every trial gets a copy, if it is not there yet.
pub(super) fn prepare(root: &Path) -> Result<(), String> {
    if command::output(command::new("id", root).arg("-u"))?.trim() != "0" {
        return Err("--check makes a Debian of its own and needs root for that".into());
    }
    let base = base(root);
    if base.join("ready").exists() {
        return Ok(());
    }
    if command::output(command::new("debootstrap", root).arg("--version")).is_err() {
        peers::system_packages(&["debootstrap"])?;
    }
    super::super::fresh(&base)?;
    let folder = base.join("root");
    println!("making a Debian {SUITE} in {}", folder.display());
    let mut debootstrap = command::new("debootstrap", root);
    command::output(debootstrap.args(["--variant=minbase", PACKAGES, SUITE]).arg(&folder))?;
    let debian = Debian { root: folder };
    debian.write("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")?;
    // No service is started behind our back.
    debian.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")?;
    debian.sh("chmod 755 /usr/sbin/policy-rc.d")?;
    debian.apt("install --download-only mosquitto mosquitto-clients")?;
    fs::write(base.join("ready"), "").map_err(|error| format!("cannot write to {}: {error}", base.display()))
}

fn base(root: &Path) -> PathBuf {
    root.join(WORK).join("base")
}

/// A Debian in a folder.
pub(super) struct Debian {
    root: PathBuf,
}

impl Debian {
    /// A fresh one, which has packages of two versions in `/packages/first` and `/packages/second`.
    pub(super) fn new(root: &Path, first: &[PathBuf], second: &[PathBuf]) -> Result<Self, String> {
        let copy = root.join(WORK).join("trial");
        super::super::fresh(&copy)?;
        let mut cp = command::new("cp", root);
        command::run(cp.args(["--archive", "--reflink=auto"]).arg(base(root).join("root")).arg(&copy))?;
        let debian = Self { root: copy.join("root") };
        for (version, packages) in [("first", first), ("second", second)] {
            let folder = debian.root.join("packages").join(version);
            super::super::fresh(&folder)?;
            command::run(command::new("cp", root).args(packages).arg(&folder))?;
        }
        Ok(debian)
    }

    /// Where it is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Runs a script as root and returns what it printed.
    pub(super) fn sh(&self, script: &str) -> Result<String, String> {
        command::output(&mut self.command(command::new("timeout", &self.root), script))
    }

    /// A script in this Debian, behind a program that is told how long it may take.
    pub(super) fn command(&self, mut timeout: Command, script: &str) -> Command {
        timeout.args(["600", "chroot"]).arg(&self.root).args(["/bin/sh", "-ec", script]);
        timeout.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        timeout.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
        timeout
    }

    /// Asks apt for something. It asks nobody about configuration files, as the user may ask of it, and keeps them.
    pub(super) fn apt(&self, request: &str) -> Result<(), String> {
        let request = format!("apt-get --yes --quiet --option Dpkg::Options::=--force-confold {request}");
        self.sh(&request).map(drop)
    }

    /// Installs packages, given by a pattern below `/packages`.
    pub(super) fn install(&self, pattern: &str) -> Result<(), String> {
        self.apt(&format!("install /packages/{pattern}"))
    }

    /// How far a package is installed.
    pub(super) fn status(&self, package: &str) -> Result<String, String> {
        self.sh(&format!("dpkg-query --show --showformat='${{db:Status-Status}}' {package}"))
    }

    /// All files that are no folders.
    pub(super) fn files(&self) -> Result<Vec<String>, String> {
        let mut find = command::new("find", &self.root);
        find.args([".", "-xdev", "-not", "-type", "d", "-printf", "%P\\n"]);
        let files = command::output(&mut find)?;
        let is_boring = |file: &str| {
            // `passwd-` and its kin are copies of what was before.
            file.starts_with("etc/") && file.ends_with('-')
                || UNINTERESTING.iter().any(|folder| Path::new(file).starts_with(folder))
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
        super::read(&self.root.join(path))
    }

    /// Writes a file.
    pub(super) fn write(&self, path: &str, content: &str) -> Result<(), String> {
        let path = self.root.join(path);
        fs::write(&path, content).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}
