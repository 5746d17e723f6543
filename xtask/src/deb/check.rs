//! Tries the packages out in a fresh Debian: installs, upgrades, exchanges with Mosquitto's and purges them, and runs the
//! broker as its unit says. Needs root, and Debian's archive the first time.

mod debian;
mod machine;

use std::fs;
use std::path::{Path, PathBuf};

use super::WORK;
use super::build::Built;
use super::layout::{self, Package};
use debian::Debian;
use machine::Machine;

/// A line that the user writes into a configuration file.
const BY_HAND: &str = "# written by hand";
/// A configuration file of the user for Mosquitto.
const SITE: &str = "listener 1883 127.0.0.1\nallow_anonymous true\n";
/// What is the user's when he has used Mosquitto.
const OF_THE_USER: [&str; 3] =
    ["etc/mosquitto/mosquitto.conf", "etc/mosquitto/conf.d/site.conf", "etc/mosquitto/passwords"];

/// What is tried in one Debian.
type Trial = fn(&Debian) -> Result<(), String>;

/// All trials.
pub(super) fn run(root: &Path, built: &Built, version: &str, first: &[PathBuf]) -> Result<(), String> {
    let second = second_version(root, built, version)?;
    debian::prepare(root)?;
    let trials: [(&str, Trial); 4] = [
        ("martlet alone: install, run, upgrade, purge", alone),
        ("martlet beside Mosquitto", beside),
        ("from Mosquitto and back", exchange),
        ("in the place of a Mosquitto that never was", fresh),
    ];
    for (name, trial) in trials {
        println!("== {name}");
        let debian = Debian::new(root, first, &second)?;
        trial(&debian).map_err(|error| format!("{name}: {error}"))?;
    }
    println!("the packages pass");
    Ok(())
}

/// Packages of a later version, whose configuration file is another one.
fn second_version(root: &Path, built: &Built, version: &str) -> Result<Vec<PathBuf>, String> {
    let work = root.join(WORK).join("second");
    super::fresh(&work)?;
    let version = format!("{version}+second");
    Package::ALL
        .into_iter()
        .map(|package| {
            let tree = layout::lay_out(package, root, built, &version)?;
            if package == Package::Martlet {
                tree.append("etc/martlet/martlet.conf", "# The second version has this line.\n")?;
            }
            tree.pack(&work, &version, &built.architecture)
        })
        .collect()
}

fn alone(debian: &Debian) -> Result<(), String> {
    let before = debian.files()?;
    debian.install("first/martlet_*.deb")?;
    debian.sh("test $(stat -c %U:%a /var/lib/martlet) = martlet:750")?;
    debian.sh("test -L /etc/systemd/system/multi-user.target.wants/martlet.service")?;
    let machine = Machine::boot(debian)?;
    let mut broker = machine.start("martlet.service")?;
    machine.publish("martlet pub", "kept")?;
    expect(&machine.subscribe("martlet sub")?, "kept")?;
    broker.reload(&machine)?;
    let user = machine.sh("ps=$(pidof martlet) && stat -c %U /proc/$ps")?;
    expect(&user, "martlet")?;
    broker.stop(&machine)?;
    drop(machine);

    debian.sh(&format!("echo '{BY_HAND}' >> /etc/martlet/martlet.conf"))?;
    debian.install("second/martlet_*.deb")?;
    let configuration = debian.read("etc/martlet/martlet.conf")?;
    if !configuration.ends_with(&format!("{BY_HAND}\n")) || configuration.contains("second version") {
        return Err("the upgrade has not kept the configuration of the user".into());
    }
    if !debian.read("etc/martlet/martlet.conf.dpkg-dist")?.contains("second version") {
        return Err("the upgrade has not laid the new configuration beside it".into());
    }
    let machine = Machine::boot(debian)?;
    let broker = machine.start("martlet.service")?;
    expect(&machine.subscribe("martlet sub")?, "kept")?;
    broker.stop(&machine)?;
    drop(machine);

    debian.apt("remove martlet")?;
    debian.sh("test -e /var/lib/martlet/martlet && test -e /etc/martlet/martlet.conf")?;
    debian.apt("purge martlet")?;
    debian.sh("! getent passwd martlet && ! test -e /etc/martlet && ! test -e /var/lib/martlet")?;
    same_files(&before, &debian.files()?)
}

/// Mosquitto goes on with its port, and a user whom someone else has made stays.
fn beside(debian: &Debian) -> Result<(), String> {
    debian.sh("adduser --quiet --system --group --no-create-home martlet")?;
    debian.apt("install mosquitto mosquitto-clients")?;
    debian.install("first/martlet_*.deb")?;
    expect(&debian.status("mosquitto")?, "installed")?;
    let unit = debian.read("usr/lib/systemd/system/martlet.service")?;
    let condition = unit.lines().find_map(|line| line.strip_prefix("ConditionPathExists=!"));
    let path = condition.ok_or("the unit has no condition")?;
    debian.sh(&format!("test -e {path}"))?;
    let machine = Machine::boot(debian)?;
    let broker = machine.start("mosquitto.service")?;
    machine.publish("mosquitto_pub", "theirs")?;
    expect(&machine.subscribe("martlet sub")?, "theirs")?;
    broker.stop(&machine)?;
    drop(machine);
    debian.apt("purge martlet")?;
    debian.sh("getent passwd martlet")?;
    Ok(())
}

fn exchange(debian: &Debian) -> Result<(), String> {
    debian.apt("install mosquitto mosquitto-clients")?;
    use_mosquitto(debian)?;
    let machine = Machine::boot(debian)?;
    let broker = machine.start("mosquitto.service")?;
    machine.publish("mosquitto_pub", "theirs")?;
    broker.stop(&machine)?;
    drop(machine);
    let of_the_user = debian.facts(&OF_THE_USER)?;
    debian.sh("test -e /var/lib/mosquitto/mosquitto.db")?;

    debian.install("first/*.deb")?;
    expect(&debian.status("mosquitto")?, "config-files")?;
    same(&of_the_user, &debian.facts(&OF_THE_USER)?)?;
    ours_runs(debian)?;
    debian.install("second/*.deb")?;
    same(&of_the_user, &debian.facts(&OF_THE_USER)?)?;
    ours_runs(debian)?;

    debian.apt("install mosquitto mosquitto-clients")?;
    expect(&debian.status("martlet-mosquitto")?, "config-files")?;
    expect(&debian.sh("dpkg-divert --list 'martlet*' '*mosquitto*'")?, "")?;
    same(&of_the_user, &debian.facts(&OF_THE_USER)?)?;
    debian.apt("purge martlet-mosquitto martlet-mosquitto-clients")?;
    same(&of_the_user, &debian.facts(&OF_THE_USER)?)?;
    let machine = Machine::boot(debian)?;
    let broker = machine.start("mosquitto.service")?;
    expect(&machine.subscribe("mosquitto_sub")?, "theirs")?;
    broker.stop(&machine)?;
    drop(machine);

    debian.install("second/*.deb")?;
    debian.sh("dpkg --purge mosquitto mosquitto-clients")?;
    same(&of_the_user, &debian.facts(&OF_THE_USER)?)?;
    ours_runs(debian)?;
    debian.apt("purge martlet martlet-mosquitto martlet-mosquitto-clients")?;
    // Mosquitto's scripts have made the user, who therefore stays, and so does what he wrote.
    debian.sh("getent passwd mosquitto && test -e /etc/mosquitto/passwords")?;
    debian.sh("! test -e /var/lib/mosquitto && ! test -e /etc/mosquitto/mosquitto.conf").map(drop)
}

/// The machine of someone who has used Mosquitto for a while.
fn use_mosquitto(debian: &Debian) -> Result<(), String> {
    debian.write("etc/mosquitto/conf.d/site.conf", SITE)?;
    debian.sh(&format!(
        "echo '{BY_HAND}' >> /etc/mosquitto/mosquitto.conf
        mosquitto_passwd -c -b /etc/mosquitto/passwords attic secret
        chown mosquitto:mosquitto /etc/mosquitto/passwords
        chmod 600 /etc/mosquitto/passwords"
    ))?;
    Ok(())
}

/// Our broker runs in the place of Mosquitto's, as Mosquitto's user, and keeps what it acknowledges.
fn ours_runs(debian: &Debian) -> Result<(), String> {
    let machine = Machine::boot(debian)?;
    let broker = machine.start("mosquitto.service")?;
    machine.publish("mosquitto_pub", "ours")?;
    broker.stop(&machine)?;
    let mut broker = machine.start("martlet-mosquitto.service")?;
    expect(&machine.subscribe("mosquitto_sub")?, "ours")?;
    broker.reload(&machine)?;
    let user = machine.sh("ps=$(pidof mosquitto) && stat -c %U /proc/$ps && readlink /proc/$ps/exe")?;
    expect(&user, "mosquitto\n/usr/bin/martlet")?;
    broker.stop(&machine)?;
    debian.sh("test $(stat -c %U /var/lib/mosquitto/*martlet) = mosquitto").map(drop)
}

fn fresh(debian: &Debian) -> Result<(), String> {
    let before = debian.files()?;
    debian.install("first/*.deb")?;
    debian.sh("test $(stat -c %U /var/lib/mosquitto) = mosquitto")?;
    ours_runs(debian)?;
    debian.install("second/*.deb")?;
    debian.apt("purge martlet martlet-mosquitto martlet-mosquitto-clients")?;
    debian.sh("! getent passwd mosquitto && ! test -e /etc/mosquitto && ! test -e /var/log/mosquitto")?;
    same_files(&before, &debian.files()?)?;

    // What our broker leaves where Mosquitto looks for its database keeps that from nothing.
    debian.install("first/*.deb")?;
    ours_runs(debian)?;
    debian.sh("test -e /var/lib/mosquitto/mosquitto.db")?;
    debian.apt("install mosquitto mosquitto-clients")?;
    let machine = Machine::boot(debian)?;
    let broker = machine.start("mosquitto.service")?;
    machine.publish("mosquitto_pub", "theirs")?;
    broker.stop(&machine)?;
    drop(machine);
    debian.install("first/*.deb")?;
    let machine = Machine::boot(debian)?;
    let broker = machine.start("mosquitto.service")?;
    expect(&machine.subscribe("mosquitto_sub")?, "ours")?;
    broker.stop(&machine)
}

fn expect(found: &str, wanted: &str) -> Result<(), String> {
    let found = found.trim();
    if found == wanted { Ok(()) } else { Err(format!("`{found}` should be `{wanted}`")) }
}

fn same(before: &str, after: &str) -> Result<(), String> {
    if before == after {
        return Ok(());
    }
    Err(format!("files of the user have changed:\n{before}became\n{after}"))
}

/// Nothing is left and nothing is missing.
fn same_files(before: &[String], after: &[String]) -> Result<(), String> {
    let left = after.iter().filter(|file| !before.contains(file));
    let missing = before.iter().filter(|file| !after.contains(file));
    let left: Vec<String> = left.map(|file| format!("{file} is left")).collect();
    let missing: Vec<String> = missing.map(|file| format!("{file} is gone")).collect();
    let problems = [left, missing].concat();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// Reads a file of a Debian in a folder.
fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
