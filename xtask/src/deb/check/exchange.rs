//! The packages of Martlet and those of Mosquitto on one machine, beside each other and one after the other.

use super::alone::{is_sound, manual_pages};
use super::machine::Machine;
use super::{BY_HAND, expect, expect_state, expect_words, has_kept, publish, same, same_files};

/// How exposed the service may be at most, in tenths of what `systemd-analyze security` tells. It starts as root.
const EXPOSURE_MAX: u32 = 30;

/// What the user of Mosquitto has in a file of his own.
const SITE: &str = "listener 1883\nallow_anonymous false\n\
    password_file /etc/mosquitto/passwd\nacl_file /etc/mosquitto/acl\n";
/// A hub that sees everything, and a bridge to lamps that does not.
const ACL: &str = "user hub\ntopic readwrite #\n\nuser lamps\ntopic readwrite check/#\n";
/// What is the user's.
const OF_THE_USER: [&str; 4] = [
    "etc/mosquitto/mosquitto.conf",
    "etc/mosquitto/conf.d/site.conf",
    "etc/mosquitto/passwd",
    "etc/mosquitto/acl",
];
const PUBLISH: &str = "mosquitto_pub -u lamps -P dark";
const SUBSCRIBE: &str = "mosquitto_sub -u hub -P secret";
/// The Session of the hub, which Mosquitto or Martlet keeps.
const HUB: &str = "mosquitto_sub -u hub -P secret -i hub -c -q 1 -t check/queued -W 10";

/// Mosquitto goes on with its port, and a user whom someone else has made stays.
pub(super) fn beside(machine: &Machine) -> Result<(), String> {
    machine.sh("adduser --quiet --system --group --no-create-home martlet")?;
    machine.apt("install mosquitto mosquitto-clients")?;
    let told = machine.install("first/martlet_*.deb")?;
    expect_words(&told, "install martlet-mosquitto, too")?;
    expect(&machine.status("mosquitto")?, "installed")?;
    expect_state(machine, "martlet", "inactive")?;
    expect_state(machine, "mosquitto", "active")?;
    publish(machine, "mosquitto_pub", "theirs")?;
    has_kept(machine, "martlet sub", "theirs")?;
    machine.apt("purge martlet")?;
    machine.sh("getent passwd martlet")?;
    expect_state(machine, "mosquitto", "active")
}

/// The user goes to Martlet, upgrades it, goes back, and comes again.
pub(super) fn there_and_back(machine: &Machine) -> Result<(), String> {
    machine.apt("install mosquitto mosquitto-clients")?;
    use_mosquitto(machine)?;
    let of_the_user = machine.facts(&OF_THE_USER)?;

    let told = machine.install("first/*.deb")?;
    expect_words(&told, "has been taken over")?;
    if told.contains("does not start") {
        return Err(format!("a service that is not asked for is spoken of:\n{told}"));
    }
    expect(&machine.status("mosquitto")?, "config-files")?;
    same(&of_the_user, &machine.facts(&OF_THE_USER)?)?;
    has_kept(machine, SUBSCRIBE, "theirs")?;
    expect(&machine.sh(&format!("{HUB} -C 1"))?, "waiting")?;
    ours_runs(machine)?;
    machine.install("second/*.deb")?;
    same(&of_the_user, &machine.facts(&OF_THE_USER)?)?;
    has_kept(machine, SUBSCRIBE, "ours")?;
    ours_runs(machine)?;

    machine.apt("install mosquitto mosquitto-clients")?;
    expect(&machine.status("martlet-mosquitto")?, "config-files")?;
    expect(&machine.sh("dpkg-divert --list 'martlet*' '*mosquitto*'")?, "")?;
    same(&of_the_user, &machine.facts(&OF_THE_USER)?)?;
    machine.apt("purge martlet-mosquitto martlet-mosquitto-clients")?;
    same(&of_the_user, &machine.facts(&OF_THE_USER)?)?;
    expect(&machine.sh("readlink /proc/$(pidof mosquitto)/exe")?, "/usr/sbin/mosquitto")?;
    has_kept(machine, SUBSCRIBE, "theirs")?;

    machine.install("second/*.deb")?;
    machine.sh("dpkg --purge mosquitto mosquitto-clients")?;
    same(&of_the_user, &machine.facts(&OF_THE_USER)?)?;
    ours_runs(machine)?;
    machine.apt("purge martlet martlet-mosquitto martlet-mosquitto-clients")?;
    // Mosquitto's scripts have made the user, who therefore stays, and so does what he wrote.
    machine.sh("getent passwd mosquitto && test -e /etc/mosquitto/passwd")?;
    machine.sh("! test -e /var/lib/mosquitto && ! test -e /etc/mosquitto/mosquitto.conf").map(drop)
}

/// The machine of someone who has used Mosquitto for a while.
fn use_mosquitto(machine: &Machine) -> Result<(), String> {
    machine.write("etc/mosquitto/conf.d/site.conf", SITE)?;
    machine.write("etc/mosquitto/acl", ACL)?;
    machine.sh(&format!(
        "echo '{BY_HAND}' >> /etc/mosquitto/mosquitto.conf
        mosquitto_passwd -c -b /etc/mosquitto/passwd hub secret
        mosquitto_passwd -b /etc/mosquitto/passwd lamps dark
        chown mosquitto:mosquitto /etc/mosquitto/passwd /etc/mosquitto/acl
        chmod 600 /etc/mosquitto/passwd
        systemctl restart mosquitto"
    ))?;
    publish(machine, PUBLISH, "theirs")?;
    machine.sh(&format!("{HUB} -E && {PUBLISH} -t check/queued -m waiting -q 1")).map(drop)
}

/// Our broker runs in the place of Mosquitto's, as Mosquitto's user, with its passwords and rules, and keeps what it
/// acknowledges.
fn ours_runs(machine: &Machine) -> Result<(), String> {
    publish(machine, PUBLISH, "ours")?;
    machine.sh("systemctl restart mosquitto && systemctl reload mosquitto")?;
    expect_state(machine, "martlet-mosquitto", "active")?;
    expect_state(machine, "martlet", "inactive")?;
    has_kept(machine, SUBSCRIBE, "ours")?;
    let user = machine.sh("ps=$(pidof mosquitto) && stat -c %U /proc/$ps && readlink /proc/$ps/exe")?;
    expect(&user, "mosquitto\n/usr/bin/martlet")?;
    machine.sh("test $(stat -c %U /var/lib/mosquitto/*martlet) = mosquitto")?;
    machine.sh("! mosquitto_pub -u lamps -P wrong -t check/kept -m no 2>/dev/null")?;
    machine.sh(
        "logrotate --force /etc/logrotate.d/mosquitto && test -s /var/log/mosquitto/mosquitto.log.1.gz",
    )?;
    expect(&machine.sh(&format!("{SUBSCRIBE} -t check/kept -C 1 -W 10"))?, "ours")?;
    machine.sh("test -s /var/log/mosquitto/mosquitto.log").map(drop)
}

/// Who has never had Mosquitto gets all that its packages would have made, and nothing of it stays.
pub(super) fn fresh(machine: &Machine) -> Result<(), String> {
    let before = machine.files()?;
    machine.install("first/*.deb")?;
    machine.sh("test $(stat -c %U /var/lib/mosquitto) = mosquitto")?;
    is_sound(machine, "martlet-mosquitto", EXPOSURE_MAX)?;
    for package in ["martlet-mosquitto", "martlet-mosquitto-clients"] {
        expect(&machine.sh(&manual_pages(package))?, "")?;
    }
    machine.sh("man -w 8 mosquitto && man -w mosquitto.conf mosquitto_sub && rm /tmp/security")?;
    publish(machine, "mosquitto_pub", "ours")?;
    for name in ["mosquitto", "mosquitto_pub", "mosquitto_passwd"] {
        let completed =
            format!("bash -c '. /usr/share/bash-completion/completions/{name} && complete -p {name}'");
        machine.sh(&completed)?;
        machine.sh(&format!("test -e /usr/share/fish/vendor_completions.d/{name}.fish"))?;
    }
    machine.sh("systemctl disable --now --quiet mosquitto")?;
    machine.install("second/*.deb")?;
    expect(&machine.sh("systemctl is-enabled martlet-mosquitto || true")?, "disabled")?;
    machine.sh("systemctl enable --now --quiet mosquitto")?;
    has_kept(machine, "mosquitto_sub", "ours")?;
    machine.apt("purge martlet martlet-mosquitto martlet-mosquitto-clients")?;
    machine.sh("! getent passwd mosquitto && ! test -e /etc/mosquitto && ! test -e /var/log/mosquitto")?;
    same_files(&before, &machine.files()?)?;

    // What our broker leaves where Mosquitto looks for its database keeps that from nothing.
    machine.install("first/*.deb")?;
    publish(machine, "mosquitto_pub", "ours")?;
    machine.sh("test -e /var/lib/mosquitto/mosquitto.db")?;
    machine.apt("install mosquitto mosquitto-clients")?;
    publish(machine, "mosquitto_pub", "theirs")?;
    machine.install("first/*.deb")?;
    has_kept(machine, "mosquitto_sub", "ours")?;
    low_port(machine)
}

/// The user gives the unit a user and a right, by the name that it had before.
fn low_port(machine: &Machine) -> Result<(), String> {
    machine.write("etc/mosquitto/conf.d/low.conf", "listener 883\nallow_anonymous true\n")?;
    machine.sh("mkdir /etc/systemd/system/mosquitto.service.d")?;
    machine.write(
        "etc/systemd/system/mosquitto.service.d/override.conf",
        "[Service]\nUser=mosquitto\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n",
    )?;
    machine.sh("systemctl daemon-reload && systemctl stop mosquitto && rm -r /run/mosquitto")?;
    machine.sh("systemctl start mosquitto")?;
    publish(machine, "mosquitto_pub -p 883", "low")
}

/// What Mosquitto 2.1 has kept by its plugin for SQLite comes along. Debian 12 has an older one, so the file is made here.
pub(super) fn sqlite(machine: &Machine) -> Result<(), String> {
    machine.apt("install mosquitto sqlite3")?;
    machine.write("packages/tables.sql", include_str!("mosquitto.sql"))?;
    machine.sh(
        "systemctl stop mosquitto && sqlite3 /var/lib/mosquitto/mosquitto.sqlite3 < /packages/tables.sql
        chown mosquitto:mosquitto /var/lib/mosquitto/mosquitto.sqlite3",
    )?;
    let told = machine.install("first/*.deb")?;
    expect_words(&told, "mosquitto.sqlite3 has been taken over")?;
    has_kept(machine, "mosquitto_sub", "theirs")
}
