//! The broker as a process: called as `mosquitto`, in the background, told to read its configuration again, and explained.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::sync::atomic::{AtomicBool, Ordering};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;

use common::process::{ACCEPTED, Running, answer, free_port, lines, mosquitto, run_mosquitto, signal, until};
use common::{Done, Folder, run};

const NOT_AUTHORIZED: [u8; 4] = [0x20, 2, 0, 5];

#[test]
fn arguments_of_mosquitto() {
    let folder = Folder::new("arguments");
    let help = run_mosquitto(&folder, "-h");
    assert_eq!((help.status, help.err.as_str()), (Some(0), ""));
    assert!(help.out.contains("Usage: mosquitto [-c config_file] [-d] [-h] [-p port] [-v]"), "{}", help.out);
    assert!(run_mosquitto(&folder, "--version").out.starts_with("martlet 0.1.0"));
    let wrong = run_mosquitto(&folder, "-p 0");
    assert_eq!((wrong.status, lines(&wrong.err)), (Some(3), vec!["Error: Invalid port specified (0)."]));
    let unknown = run_mosquitto(&folder, "--unknown");
    assert_eq!((unknown.status, unknown.err.as_str()), (Some(3), "Error: Unknown option '--unknown'.\n"));
    let missing = run_mosquitto(&folder, "-c nowhere.conf");
    assert_eq!(missing.status, Some(3));
    assert_eq!(lines(&missing.err), ["Error: Unable to open config file 'nowhere.conf'."]);
}

#[test]
fn a_configuration_is_tested_in_the_words_of_mosquitto() {
    let folder = Folder::new("test-config");
    folder.file_of("good.conf", "max_qos 1\n");
    let good = run_mosquitto(&folder, "-c good.conf --test-config");
    assert_eq!(good.status, Some(0));
    assert_eq!(lines(&good.err).last(), Some(&"Configuration file is OK."));
    folder.file_of("bad.conf", "listener 1\nprotocol test\n");
    let bad = run_mosquitto(&folder, "-c bad.conf --test-config");
    assert_eq!(bad.status, Some(3));
    assert_eq!(lines(&bad.err), ["Error: Invalid 'protocol' value (test).", "Error found at bad.conf:2."]);
    assert_eq!(
        lines(&run_mosquitto(&folder, "--test-config").err),
        ["Please provide a configuration file to test."]
    );

    let good = run(&format!("-c {} --test-config", folder.file("good.conf")));
    assert_eq!((good.status, good.out), (Some(0), format!("{} is good\n", folder.file("good.conf"))));
}

#[test]
fn it_speaks_as_mosquitto_and_lets_in_whom_mosquitto_would() {
    let folder = Folder::new("words");
    let (open, closed) = (free_port(), free_port());
    let text = format!(
        "user root\nlistener {open} 127.0.0.1\nlistener_allow_anonymous true\nlistener {closed} 127.0.0.1\n"
    );
    folder.file_of("m.conf", &text);
    let broker = Running::start(mosquitto(&folder).args(["-c", "m.conf", "-p", &open.to_string()]));
    assert_eq!(answer(open), ACCEPTED);
    assert_eq!(answer(closed), NOT_AUTHORIZED);
    let (code, log) = broker.end();
    assert_eq!(code, Some(0));
    let lines = lines(&log);
    let has =
        |begin: &str, end: &str| lines.iter().any(|line| line.starts_with(begin) && line.ends_with(end));
    for line in [
        "martlet version 0.1.0 starting".to_owned(),
        "Config loaded from m.conf.".to_owned(),
        format!("Opening ipv4 listen socket on port {open}."),
        "martlet version 0.1.0 running".to_owned(),
        "martlet version 0.1.0 terminating".to_owned(),
    ] {
        assert!(has(&line, ""), "{line} is not in {log}");
    }
    assert!(has("New client connected from 127.0.0.1:", " as a (p4, c1, k60)."), "{log}");
    assert!(has("Client a [127.0.0.1:", "] disconnected: not authorised."), "{log}");
    // Nothing is kept unless it is asked for.
    assert!(!folder.0.join("martlet").exists());
}

#[test]
fn a_privileged_port_is_exit_code_1() {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if first.trim().parse::<u16>().is_ok_and(|first| first <= 1) {
        println!("this machine has no privileged ports");
        return;
    }
    let folder = Folder::new("privileged");
    let done = run_mosquitto(&folder, "-p 1");
    assert_eq!(done.status, Some(1));
    assert!(lines(&done.err).iter().any(|line| line.starts_with("Error: Permission denied")), "{}", done.err);
}

#[test]
fn it_goes_into_the_background_and_leaves_its_number() {
    for as_mosquitto in [false, true] {
        let folder = Folder::new(if as_mosquitto { "background-m" } else { "background" });
        let port = free_port();
        let pid_file = folder.file("pid");
        let text = format!(
            "user root\npid_file {pid_file}\nlistener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n\
             log_dest file {}\n",
            folder.file("log")
        );
        let file = folder.file_of("m.conf", &text);
        let mut command = if as_mosquitto { mosquitto(&folder) } else { common::martlet() };
        let done: Done = command.args(["-d", "-c", &file]).output().unwrap().into();
        assert_eq!(done.status, Some(0), "{done:?}");
        assert_eq!(done.out, "");
        // It runs by the time that the first process ends.
        let process = fs::read_to_string(&pid_file).unwrap();
        assert_eq!(answer(port), ACCEPTED);
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap();
        assert_eq!(session, process, "it leads a session of its own");
        signal("-TERM", &process);
        until("the file stays", || (!std::path::Path::new(&pid_file).exists()).then_some(()));
    }
}

#[test]
fn what_fails_in_the_background_is_told_in_the_foreground() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let done = run(&format!("-d -p {port}"));
    assert_eq!(done.status, Some(1));
    assert!(done.err.contains(&format!("Error: Address already in use (127.0.0.1:{port})")), "{}", done.err);
    let folder = Folder::new("no-pid-file");
    let file = folder.file_of("m.conf", "pid_file /nonexistent/pid\n");
    let done = run(&format!("-d -p 0 -c {file}"));
    assert_eq!(done.status, Some(1));
    assert!(done.err.starts_with("Error: Unable to write pid file /nonexistent/pid: "), "{}", done.err);
}

#[test]
fn sighup_changes_what_can_be_changed_and_tells_of_the_rest() {
    let folder = Folder::new("reload");
    let port = free_port();
    let log = folder.file("log");
    let text = |more: &str| {
        format!(
            "log_dest file {log}\nlog_timestamp false\npersistence false\nlistener {port} 127.0.0.1\n\
             allow_anonymous true\n{more}"
        )
    };
    let file = folder.file_of("m.conf", &text("log_type error\nlog_type warning\n"));
    let broker = Running::start(common::martlet().args(["-c", &file]));
    assert_eq!(answer(port), ACCEPTED);
    let logged = |what: &str| fs::read_to_string(&log).unwrap_or_default().contains(what);

    // Clients that come are not logged, and then they are; the file was moved away.
    fs::rename(&log, folder.file("old-log")).unwrap();
    folder.file_of("m.conf", &text("connections_max 60\n"));
    broker.signal("-HUP");
    until("it does not open the file", || std::path::Path::new(&log).exists().then_some(()));
    until("clients are not logged", || {
        answer(port);
        logged("NOTICE client connected").then_some(())
    });
    let old = fs::read_to_string(folder.file("old-log")).unwrap();
    let expected =
        "WARNING changed, and takes effect after a restart option=\"connections_max\" section=\"\"\n";
    assert_eq!(old, expected);

    // So do limits: the client asks for a longer Keep Alive.
    folder.file_of("m.conf", &text("max_keepalive 59\n"));
    broker.signal("-HUP");
    until("the limit does not count", || (answer(port) == [0x20, 2, 0, 2]).then_some(()));
    folder.file_of("m.conf", &text("max_keepalive 60\n"));
    broker.signal("-HUP");
    until("the limit does not go", || (answer(port) == ACCEPTED).then_some(()));

    // One with an error changes nothing.
    folder.file_of("m.conf", &text("log_type none\nfoo bar\n"));
    broker.signal("-HUP");
    until("it does not tell", || {
        logged("there is no option `foo`; everything stays as it was").then_some(())
    });
    assert_eq!(answer(port), ACCEPTED);
    for name in ["-USR1", "-USR2"] {
        broker.signal(name);
    }
    until("it does not go on", || logged("SIGUSR2").then_some(()));
    assert_eq!(broker.end().0, Some(0));
}

/// Each client comes right behind a SIGHUP, while all processors are busy.
#[test]
fn whoever_comes_behind_a_sighup_meets_what_is_read_on_it() {
    let folder = Folder::new("behind-sighup");
    let port = free_port();
    let write = |allows: bool| {
        folder.file_of(
            "m.conf",
            &format!(
                "user root\nlog_dest none\npersistence false\nlistener {port} 127.0.0.1\n\
                 allow_anonymous {allows}\n"
            ),
        )
    };
    let broker = Running::start(mosquitto(&folder).args(["-c", &write(true)]));
    assert_eq!(answer(port), ACCEPTED);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    core::hint::spin_loop();
                }
            });
        }
        let wrong: Vec<_> = (0..100)
            .filter(|round| {
                let allows = round % 2 == 1;
                write(allows);
                broker.signal("-HUP");
                answer(port) != if allows { ACCEPTED } else { NOT_AUTHORIZED }
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(wrong, [0_u32; 0]);
    });
    assert_eq!(broker.end().0, Some(0));
}

#[test]
fn with_log_type_all_it_says_what_mosquitto_would_say_and_nothing_else() {
    let folder = Folder::new("all-words");
    let port = free_port();
    let text = format!(
        "user root\nlog_type all\npersistence true\nlistener {port} 127.0.0.1\nallow_anonymous true\n"
    );
    folder.file_of("m.conf", &text);
    let broker = Running::start(mosquitto(&folder).args(["-c", "m.conf"]));
    assert_eq!(answer(port), ACCEPTED);
    for name in ["-USR1", "-USR2"] {
        broker.signal(name);
    }
    let (code, log) = broker.end();
    assert_eq!(code, Some(0));
    let known = [
        "Info: running mosquitto as user: ",
        "Warning: Mosquitto should not be run as root/administrator.",
        "Config loaded from m.conf.",
        "Bridge support available.",
        "Persistence support available.",
        "TLS support available.",
        "TLS-PSK support ",
        "Websockets support available.",
        "Opening ipv4 listen socket on port ",
        "martlet version 0.1.0 ",
        "New connection from 127.0.0.1:",
        "New client connected from 127.0.0.1:",
        "No will message specified.",
        "Sending CONNACK to a (0, 0)",
        "Client a [127.0.0.1:",
    ];
    for line in lines(&log) {
        assert!(known.iter().any(|begin| line.starts_with(begin)), "{line:?} in {log}");
    }
    assert!(log.contains("Sending CONNACK to a (0, 0)"), "{log}");
}

/// What decides goes on to decide until then, both ways.
#[test]
fn dynamic_security_comes_and_goes_with_a_restart_alone() {
    let folder = Folder::new("reload-dynamic");
    let port = free_port();
    let log = folder.file("log");
    let (with, without) = (
        format!(
            "log_dest file {log}\npersistence false\nlistener {port} 127.0.0.1\nallow_anonymous true\n\
             plugin mosquitto_dynamic_security.so\nplugin_opt_config_file {}\n",
            folder.file("dynamic.json")
        ),
        format!("log_dest file {log}\npersistence false\nlistener {port} 127.0.0.1\nallow_anonymous true\n"),
    );
    for (before, after, may_publish) in [(&without, &with, true), (&with, &without, false)] {
        let _ = fs::remove_file(&log);
        let file = folder.file_of("m.conf", before);
        let broker = Running::start(common::martlet().args(["-c", &file]));
        let may = || {
            let words = ["pub", "-p", &port.to_string(), "-V", "5", "-q", "1", "-t", "a", "-m", "1"];
            !common::run_words(&words).err.contains("Not authorized")
        };
        assert_eq!(answer(port), ACCEPTED);
        assert_eq!(may(), may_publish);
        folder.file_of("m.conf", after);
        broker.signal("-HUP");
        until("it does not tell", || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.contains("changed, and takes effect after a restart option=\"plugin\"").then_some(())
        });
        assert_eq!(may(), may_publish);
        assert_eq!(broker.end().0, Some(0));
    }
}

#[test]
fn sighup_reads_certificates_again() {
    let folder = Folder::new("certificates");
    sighup_reads_certificates_of(common::martlet(), &folder, "certificates stay as they were");
    let folder = Folder::new("certificates-of-mosquitto");
    let (certificate, key) = (folder.file("cert.pem"), folder.file("key.pem"));
    let expected = format!("Error when reloading certificate '{certificate}' or key '{key}'.\n");
    sighup_reads_certificates_of(mosquitto(&folder), &folder, &expected);
}

fn sighup_reads_certificates_of(mut command: Command, folder: &Folder, complaint: &str) {
    let port = free_port();
    let log = folder.file("log");
    let renew = || {
        let made = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
        folder.file_of("cert.pem", &made.cert.pem());
        folder.file_of("key.pem", &made.signing_key.serialize_pem());
    };
    renew();
    let text = format!(
        "user root\nlog_dest file {log}\npersistence false\nlistener {port} 127.0.0.1\nallow_anonymous true\n\
         certfile {}\nkeyfile {}\n",
        folder.file("cert.pem"),
        folder.file("key.pem")
    );
    let file = folder.file_of("m.conf", &text);
    let broker = Running::start(command.args(["-c", &file]));
    until("nobody listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    let says = |what: &str| fs::read_to_string(&log).unwrap_or_default().contains(what);
    renew();
    broker.signal("-HUP");
    until("nothing is read", || says("certificates were read again").then_some(()));
    folder.file_of("key.pem", "no key");
    broker.signal("-HUP");
    until("nothing is told", || says(complaint).then_some(()));
    assert_eq!(broker.end().0, Some(0));
}

#[test]
fn secrets_come_from_the_environment() {
    let folder = Folder::new("environment");
    let port = free_port();
    let secret = folder.file_of("port", &format!("{port}\n"));
    let file =
        folder.file_of("m.conf", "listener ${PORT} 127.0.0.1\nallow_anonymous true\npersistence false\n");
    let broker =
        Running::start(common::martlet().args(["-c", &file]).env_remove("PORT").env("PORT_FILE", secret));
    assert_eq!(answer(port), ACCEPTED);
    assert_eq!(broker.end().0, Some(0));
}

#[test]
fn lint_explains_and_tells_by_its_exit_code() {
    let folder = Folder::new("lint");
    let lint = |text: &str, flag: &str| run(&format!("lint {flag} {}", folder.file_of("m.conf", text)));
    let clean = lint("max_keepalive 60\n", "");
    assert_eq!(clean.status, Some(0), "{clean:?}");
    assert!(clean.out.starts_with("What listens\n  port 1883 of 127.0.0.1 and ::1: MQTT"), "{}", clean.out);
    let open = lint("listener 1883\nallow_anonymous true\n", "");
    assert_eq!(open.status, Some(1), "{open:?}");
    assert!(open.out.contains("m.conf:1: whoever reaches port 1883 may connect"), "{}", open.out);
    assert_eq!(lint("persistence_location /x\n", "--mosquitto").status, Some(1));
    assert_eq!(lint("foo bar\n", "").status, Some(3));
    assert_eq!(lint("listener 1883\n", "").status, Some(3));
    let help = run("lint --help");
    assert!(help.out.contains("anonymous-public"), "{}", help.out);
    assert_eq!(run("lint").status, Some(3));
}

#[test]
fn lint_looks_into_the_files_that_a_configuration_names() {
    let folder = Folder::new("lint-files");
    let open = |name: &str, content: &str, mode: u32| {
        let path = folder.file_of(name, content);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let passwords = open("passwords", "# users\nann:secret\n", 0o644);
    let list = open("list", "user joe\ntopic a\ntopics b\n", 0o600);
    let missing = folder.file("missing");
    let text = format!(
        "listener 1 ::1\npassword_file {passwords}\nacl_file {list}\ncertfile {missing}\nkeyfile {list}\n"
    );
    let done = run(&format!("lint {}", folder.file_of("m.conf", &text)));
    assert_eq!(done.status, Some(3), "{done:?}");
    let file = folder.file("m.conf");
    for finding in [
        format!("{file}:2: everyone on this machine can read {passwords} [readable-secret]\n"),
        format!("{file}:4: {missing}: No such file or directory (os error 2) [missing-file]\n"),
        format!(
            "{passwords}:2: what follows the user name is no hash of a password, as `martlet passwd` makes them"
        ),
        format!("{list}:1: no password file has the user joe [unknown-user]\n"),
        format!("{list}:3: `topics` is neither `user`, `topic` nor `pattern` [wrong-file]\n"),
    ] {
        assert!(done.out.contains(&finding), "{finding} is missing: {}", done.out);
    }
}
