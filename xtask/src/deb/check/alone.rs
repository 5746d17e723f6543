//! The package `martlet` on a machine without Mosquitto.

use super::machine::Machine;
use super::{BY_HAND, expect, expect_state, has_kept, publish, same_files};

/// How exposed a service may be at most, in tenths of what `systemd-analyze security` tells.
const EXPOSURE_MAX: u32 = 20;

const SUBSCRIBE: &str = "martlet sub -u hub -P secret";

/// Installed, upgraded, removed and purged.
pub(super) fn life(machine: &Machine) -> Result<(), String> {
    let before = machine.files()?;
    machine.install("first/martlet_*.deb")?;
    machine.sh("test $(stat -c %U:%a /var/lib/martlet) = martlet:750")?;
    expect_state(machine, "martlet", "active")?;
    expect(&machine.sh("stat -c %U /proc/$(pidof martlet)")?, "martlet")?;
    publish(machine, "martlet pub", "kept")?;
    has_kept(machine, "martlet sub", "kept")?;
    let manual = manual_pages("martlet");
    expect(&machine.sh(&format!("man -w martlet.conf martlet-pub >/tmp/pages && {manual}"))?, "")?;

    machine.sh(&format!("echo '{BY_HAND}' >> /etc/martlet/martlet.conf"))?;
    machine.sh("pidof martlet > /tmp/first")?;
    machine.install("second/martlet_*.deb")?;
    let configuration = machine.read("etc/martlet/martlet.conf")?;
    if !configuration.ends_with(&format!("{BY_HAND}\n")) || configuration.contains("second version") {
        return Err("the upgrade has not kept the configuration of the user".into());
    }
    if !machine.read("etc/martlet/martlet.conf.dpkg-dist")?.contains("second version") {
        return Err("the upgrade has not laid the new configuration beside it".into());
    }
    machine.sh("test $(pidof martlet) != $(cat /tmp/first)")?;
    has_kept(machine, "martlet sub", "kept")?;
    machine.sh("systemctl disable --now --quiet martlet")?;
    machine.apt("reinstall /packages/second/martlet_*.deb")?;
    expect(&machine.sh("systemctl is-enabled martlet || true")?, "disabled")?;

    machine.sh("systemctl start martlet")?;
    machine.apt("remove martlet")?;
    expect_state(machine, "martlet", "inactive")?;
    machine.sh("test -e /var/lib/martlet/martlet && test -e /etc/martlet/martlet.conf")?;
    machine.apt("purge martlet")?;
    machine.sh("! getent passwd martlet && ! test -e /etc/martlet && ! test -e /var/lib/martlet")?;
    machine.sh("rm /tmp/first /tmp/pages")?;
    same_files(&before, &machine.files()?)
}

/// What the unit allows is what a broker needs, and it is started again when it hangs.
pub(super) fn unit(machine: &Machine) -> Result<(), String> {
    machine.install("first/martlet_*.deb")?;
    is_sound(machine, "martlet", EXPOSURE_MAX)?;
    machine.sh("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost -addext basicConstraints=CA:FALSE \
            -keyout /etc/martlet/key.pem -out /etc/martlet/certificate.pem 2>/dev/null
        martlet passwd -c -b /etc/martlet/passwords hub secret
        chgrp martlet /etc/martlet/key.pem /etc/martlet/passwords
        chmod 640 /etc/martlet/key.pem /etc/martlet/passwords
        mkdir /etc/systemd/system/martlet.service.d
        printf '[Service]\\nWatchdogSec=1\\n' > /etc/systemd/system/martlet.service.d/fast.conf
        systemctl daemon-reload")?;
    machine.write(
        "etc/martlet/conf.d/site.conf",
        "listener 1883 127.0.0.1\nlistener 0 /run/martlet/socket\nlistener 883 127.0.0.1\n\
         certfile /etc/martlet/certificate.pem\nkeyfile /etc/martlet/key.pem\n\
         allow_anonymous false\npassword_file /etc/martlet/passwords\npid_file /run/martlet/martlet.pid\n\
         log_dest file /var/log/martlet/martlet.log\n",
    )?;
    machine.sh("systemctl restart martlet && test $(cat /run/martlet/martlet.pid) = $(pidof martlet)")?;
    publish(
        machine,
        "martlet pub -u hub -P secret -p 883 -h localhost --cafile /etc/martlet/certificate.pem",
        "low",
    )?;
    has_kept(machine, &format!("{SUBSCRIBE} --unix /run/martlet/socket"), "low")?;

    machine.sh("systemctl reload martlet && logrotate --force /etc/logrotate.d/martlet")?;
    machine.sh("test -s /var/log/martlet/martlet.log.1")?;
    has_kept(machine, SUBSCRIBE, "low")?;
    machine.sh("test -s /var/log/martlet/martlet.log")?;

    machine.sh("kill -STOP $(pidof martlet)
        timeout 60 sh -c 'until [ $(systemctl show -P NRestarts martlet) = 1 ]; do sleep 0.1; done'
        timeout 60 sh -c 'until systemctl is-active --quiet martlet; do sleep 0.1; done'")?;
    has_kept(machine, SUBSCRIBE, "low")?;

    // What nobody can start is not tried again and again.
    machine.sh("echo nonsense >> /etc/martlet/conf.d/site.conf; ! systemctl restart martlet")?;
    expect_state(machine, "martlet", "failed")
}

/// systemd has nothing to say against a unit, and finds it no more exposed than so.
pub(super) fn is_sound(machine: &Machine, unit: &str, exposure_max: u32) -> Result<(), String> {
    expect(&machine.sh(&format!("systemd-analyze verify {unit}.service 2>&1"))?, "")?;
    let security = format!("systemd-analyze security --no-pager --threshold={exposure_max} {unit}.service");
    machine.sh(&format!("{security} > /tmp/security || {{ cat /tmp/security >&2; exit 1; }}")).map(drop)
}

/// A script that prints what `man` has to say against the manual pages of a package.
pub(super) fn manual_pages(package: &str) -> String {
    let pages = format!("dpkg -L {package} | grep /usr/share/man/.*gz");
    format!("for page in $({pages}); do man --warnings -E UTF-8 -l $page 2>&1 >/dev/null; done")
}
