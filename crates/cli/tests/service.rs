//! The broker as a service: what the service manager is told, and who the process becomes.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;

use common::process::{ACCEPTED, Running, answer, free_port, mosquitto, run_mosquitto, until};
use common::{DEADLINE, Folder};

#[test]
fn the_service_manager_is_told() {
    let folder = Folder::new("service");
    let port = free_port();
    let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n");
    let file = folder.file_of("m.conf", &text);
    let socket = UnixDatagram::bind(folder.file("notify")).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let heard = || {
        let mut buffer = [0; 200];
        let len = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    };
    // What comes besides the signs of life.
    let next = || until("nothing is told", || Some(heard()).filter(|text| text != "WATCHDOG=1"));
    let mut command = common::martlet();
    command.args(["-c", &file]).env("NOTIFY_SOCKET", folder.file("notify")).env("WATCHDOG_USEC", "50000");
    let broker = Running::start(&mut command);
    assert_eq!(next(), "READY=1");
    assert_eq!(answer(port), ACCEPTED);
    for _ in 0..3 {
        until("it does not tell that it is alive", || (heard() == "WATCHDOG=1").then_some(()));
    }
    broker.signal("-HUP");
    assert!(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(next(), "READY=1");
    assert_eq!(broker.end().0, Some(0));
    assert_eq!(next(), "STOPPING=1");
}

/// The numbers of user and group, and the groups besides, that a process has.
fn identity(broker: &Running) -> (u32, u32, String) {
    let status = fs::read_to_string(format!("/proc/{}/status", broker.0.id())).unwrap();
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    // All four: real, effective, saved, and that of the file system.
    let only = |name: &str| {
        let numbers = line(name);
        assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
        numbers[0].parse().unwrap()
    };
    (only("Uid:"), only("Gid:"), line("Groups:").join(" "))
}

/// Whether the tests run as root, without which nobody can become someone else.
fn is_root() -> bool {
    let is_root = fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("\nUid:\t0\t0"));
    if !is_root {
        eprintln!("SKIPPED: only root can become another user");
    }
    is_root
}

#[test]
fn it_becomes_who_the_environment_or_the_configuration_says() {
    if !is_root() {
        return;
    }
    let folder = Folder::new("privileges");
    let start = |user: &str, numbers: &[(&str, &str)]| {
        let port = free_port();
        let file =
            folder.file_of("m.conf", &format!("listener {port} 127.0.0.1\nallow_anonymous true\n{user}"));
        let broker = Running::start(mosquitto(&folder).args(["-c", &file]).envs(numbers.iter().copied()));
        assert_eq!(answer(port), ACCEPTED);
        broker
    };
    let numbers = start("", &[("PUID", "12345"), ("PGID", "54321")]);
    assert_eq!(identity(&numbers), (12_345, 54_321, "54321".into()));
    let (_, log) = numbers.end();
    assert!(log.contains("Info: running mosquitto as user: 12345."), "{log}");
    assert!(!log.contains("should not be run as root"), "{log}");

    let group = start("user root\n", &[("PGID", "54321")]);
    assert_eq!(identity(&group), (0, 54_321, "54321".into()));
    let (_, log) = group.end();
    assert!(log.contains("Warning: Mosquitto should not be run as root/administrator."), "{log}");

    let named = start("user nobody\n", &[]);
    let (user, group, groups) = identity(&named);
    assert!(user != 0 && group != 0, "{user} {group}");
    assert!(!groups.split(' ').any(|group| group == "0"), "{groups}");
    let (_, log) = named.end();
    assert!(log.contains("Info: running mosquitto as user: nobody."), "{log}");
}

#[test]
fn what_only_root_may_read_is_not_read() {
    if !is_root() {
        return;
    }
    let folder = Folder::new("unreadable");
    let passwords = folder.file_of("passwords", "");
    fs::set_permissions(&passwords, fs::Permissions::from_mode(0o600)).unwrap();
    let listener = format!("listener {} 127.0.0.1", free_port());
    folder.file_of("m.conf", &format!("user nobody\n{listener}\npassword_file {passwords}\n"));
    let done = run_mosquitto(&folder, "-c m.conf");
    assert_eq!(done.status, Some(3), "{done:?}");
    let expected = format!("password-file: Error: Unable to open pwfile \"{passwords}\".");
    assert!(done.err.contains(&expected), "{done:?}");
    assert_eq!(run_mosquitto(&folder, "-c m.conf --test-config").status, Some(0));
}
