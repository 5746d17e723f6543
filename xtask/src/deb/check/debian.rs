//! The Debian that every trial gets a copy of.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::WORK;
use crate::{command, peers};

/// The release that the packages are tried out in; Raspberry Pi OS has the same.
const SUITE: &str = "bookworm";
/// What a Debian has that someone has installed: systemd, manual pages and log files that are rotated.
const PACKAGES: &str = "--include=adduser,dbus,logrotate,man-db,openssl,systemd,systemd-sysv";
/// What the trials install. Their machines reach no archive, so apt has to have it.
const LATER: &str = "mosquitto mosquitto-clients sqlite3";
/// Changes with what is above: a folder that another revision has made is made anew.
const MADE_OF: &str = "made-of";

/// Where it is.
pub(super) fn folder(root: &Path) -> PathBuf {
    root.join(WORK).join("base").join("root")
}

/// Makes it, if it is not there yet.
pub(super) fn prepare(root: &Path) -> Result<(), String> {
    if command::output(command::new("id", root).arg("-u"))?.trim() != "0" {
        return Err("--check makes machines of its own and needs root for that".into());
    }
    for (program, package) in [("debootstrap", "debootstrap"), ("systemd-nspawn", "systemd-container")] {
        if command::output(command::new(program, root).arg("--version")).is_err() {
            peers::system_packages(&[package])?;
        }
    }
    let base = root.join(WORK).join("base");
    let wanted = format!("{SUITE} {PACKAGES} {LATER}\n");
    if fs::read_to_string(base.join(MADE_OF)).is_ok_and(|made_of| made_of == wanted) {
        return Ok(());
    }
    super::super::fresh(&base)?;
    let folder = folder(root);
    println!("making a Debian {SUITE} in {}", folder.display());
    let mut debootstrap = command::new("debootstrap", root);
    command::output(debootstrap.args(["--variant=minbase", PACKAGES, SUITE]).arg(&folder))?;
    write(&folder.join("etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
    let mut chroot = command::new("chroot", root);
    chroot.arg(&folder).args(["/bin/sh", "-ec"]);
    chroot.arg(format!("apt-get --yes --quiet --download-only install {LATER}"));
    command::output(chroot.env("DEBIAN_FRONTEND", "noninteractive"))?;
    write(&base.join(MADE_OF), &wanted)
}

fn write(path: &Path, content: &str) -> Result<(), String> {
    fs::write(path, content).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
