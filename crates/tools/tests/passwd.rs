//! Password files: hashes made elsewhere, and the tool from its arguments to the file.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use martlet_tools::passwd::{PipedSecrets, Scheme, hash, main, verify};

/// Made by `mosquitto_passwd` 2.0.11 (`$6$`, `$7$`) and by the reference implementation of Argon2.
const KNOWN: [(&str, &str); 5] = [
    (
        "pass1",
        "$7$101$GEQUOuArT2HThOQ3$Gm+CAitz4vfI21tsiJoXN/DfMXV7orBSSJO9D5xtDnLRSAkpMxHdzgdhZZ+kckB6qv+bzdPMFGwYYqnLsGTMMg==",
    ),
    (
        "changed",
        "$7$101$EvQfX+3hoBVG/e+l$OPlPwEKcdIRsQ9CwqMXLMGjeRp3y7qqoukkXgvft6LRslsFeDGfJG+Nus1Oh/2/m+GJ6y2hlmwonwOUSJbfBbQ==",
    ),
    (
        "pässword",
        "$6$D3XNB4ACc1UWbe1H$KkjaMT3yEJlZPniFafvkPqVAPrDaWssRU67QrvaaJtQ9B/k9EdjKMXClNJ3XZSlwzYmkKq3tLLf9t9boM5Jljg==",
    ),
    (
        "password",
        "$argon2id$v=19$m=47104,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$InPL+lWBkVPA1YeFzIiopdm66tH+LsoPsJ6OthF+HcF45VzUhYI3uzvb6WQ/Bhh5W5xUw8MAflw3Wc9KGWP/1g",
    ),
    (
        "pässword",
        "$argon2id$v=19$m=1024,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$gmP3F4VspV3a6sVuyd9htlMy/hPXC3lrzSn7SVhVdEo",
    ),
];

#[test]
fn hashes_made_elsewhere_are_known() {
    for (password, hash) in KNOWN {
        assert!(verify(hash, password.as_bytes()), "{hash}");
        assert!(verify(&format!("{hash}\n"), password.as_bytes()), "{hash}");
        assert!(!verify(hash, b"other"), "{hash}");
        assert!(!verify(hash, b""), "{hash}");
        let other = hash.replace("$7$101$", "$7$102$").replace("t=1", "t=2").replace("$6$D", "$6$E");
        assert!(other == hash || !verify(&other, password.as_bytes()), "{other}");
    }
}

#[test]
fn what_is_no_hash_fits_no_password() {
    for hash in [
        "",
        "plain",
        "$",
        "$5$a$b",
        "$6$",
        "$6$AAAA$",
        "$6$AAAA",
        "$7$0$AAAA$AAAA",
        "$7$x$AAAA$AAAA",
        "$7$1$!$AAAA",
        "$7$1$AAAA$AAAA$AAAA",
        "$argon2id$v=19$m=1,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAA",
        "$argon2id$v=18$m=1024,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAA",
        "$argon2id$v=19$t=1,m=1024,p=1$c29tZXNhbHQ$AAAAAAAAAAA",
        "$argon2i$v=19$m=1024,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAA",
    ] {
        assert!(!verify(hash, b"plain") && !verify(hash, b""), "{hash}");
    }
}

#[test]
fn what_is_hashed_is_known_again() {
    for scheme in [Scheme::Argon2id, Scheme::Sha512Pbkdf2 { iterations: 3 }, Scheme::Sha512] {
        let one = hash(scheme, b"secret\xff").unwrap();
        let other = hash(scheme, b"secret\xff").unwrap();
        assert_ne!(one, other, "the salts differ");
        assert!(verify(&one, b"secret\xff") && verify(&other, b"secret\xff"));
        assert!(!verify(&one, b"secret"));
    }
}

struct Outcome {
    status: u8,
    out: String,
    err: String,
}

fn text(output: Vec<u8>) -> String {
    String::from_utf8(output).expect("the output is UTF-8")
}

fn run(arguments: &[&str], input: &str) -> Outcome {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = main(&arguments, &mut PipedSecrets(input.as_bytes()), &mut out, &mut err);
    Outcome { status, out: text(out), err: text(err) }
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("martlet-passwd-{}-{name}", std::process::id()))
}

/// Whether the file lets this user in with this password.
fn lets_in(file: &PathBuf, user: &str, password: &str) -> bool {
    let content = fs::read_to_string(file).expect("the password file is there");
    let line = content.lines().find_map(|line| line.strip_prefix(user)?.strip_prefix(':'));
    line.is_some_and(|hash| verify(hash, password.as_bytes()))
}

#[test]
fn standard_output() {
    let outcome = run(&["-c", "-", "stdout"], "pw\npw\n");
    let start = "Password: \nReenter password: \nstdout:$7$1000$";
    assert!(outcome.status == 0 && outcome.out.starts_with(start), "{}", outcome.out);
    let outcome = run(&["-b", "-c", "-", "stdout", "pw"], "");
    assert!(outcome.status == 0 && outcome.out.starts_with("stdout:$7$1000$"), "{}", outcome.out);
}

#[test]
fn users_come_change_and_go() {
    let file = file("changes");
    let path = file.to_str().unwrap();
    assert_eq!(run(&["-H", "sha512", "-c", "-b", path, "user1", "pass1"], "").status, 0);
    assert_eq!(run(&["-H", "sha512-pbkdf2", path, "user2"], "cmd\ncmd\n").status, 0);
    assert_eq!(run(&["-H", "argon2id", path, "user3"], "pass3\npass3\n").status, 0);
    assert!(
        lets_in(&file, "user1", "pass1")
            && lets_in(&file, "user2", "cmd")
            && lets_in(&file, "user3", "pass3")
    );
    assert!(!lets_in(&file, "user1", "badpass") && !lets_in(&file, "user", "pass1"));

    assert_eq!(run(&["-I", "7", "-b", path, "user1", "newpass"], "").status, 0);
    assert!(lets_in(&file, "user1", "newpass") && !lets_in(&file, "user1", "pass1"));
    assert!(fs::read_to_string(&file).unwrap().starts_with("user1:$7$7$"));
    assert!(lets_in(&file, "user2", "cmd"));

    assert_eq!(run(&["-D", path, "user2"], "").status, 0);
    assert!(!lets_in(&file, "user2", "cmd") && lets_in(&file, "user3", "pass3"));
    let outcome = run(&["-D", path, "user2"], "");
    assert_eq!(outcome.status, 1);
    assert_eq!(outcome.err, "Warning: User user2 not found in password file.\n");
    fs::remove_file(file).unwrap();
}

#[test]
fn a_file_keeps_its_mode_its_comments_and_its_links() {
    let (file, link) = (file("mode"), file("link"));
    fs::write(&file, "# people\n\nold:$6$AAAA$AAAA").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(run(&["-b", link.to_str().unwrap(), "new", "pw"], "").status, 0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::read_to_string(&file).unwrap().starts_with("# people\n\nold:$6$AAAA$AAAA\nnew:$7$1000$"));
    assert!(lets_in(&file, "new", "pw"));
    fs::remove_file(link).unwrap();
    fs::remove_file(file).unwrap();
}

#[test]
fn a_file_that_is_open_to_everyone_is_told_of() {
    let file = file("open");
    let path = file.to_str().unwrap();
    fs::write(&file, "").unwrap();
    for (mode, is_open) in [(0o644, true), (0o602, true), (0o660, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let outcome = run(&["-b", path, "user", "pw"], "");
        assert_eq!(outcome.status, 0);
        assert_eq!(outcome.err.contains(&format!("chmod o= {path}")), is_open, "{mode:o}: {}", outcome.err);
    }
    fs::remove_file(file).unwrap();
}

#[test]
fn a_new_file_is_its_owners_alone() {
    let file = file("new");
    assert_eq!(run(&["-c", "-b", file.to_str().unwrap(), "user", "pw"], "").status, 0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(run(&["-c", "-b", file.to_str().unwrap(), "other", "pw"], "").status, 0);
    assert!(lets_in(&file, "other", "pw") && !lets_in(&file, "user", "pw"));
    fs::remove_file(file).unwrap();
}

#[test]
fn plain_text_is_hashed_in_place() {
    let file = file("plain");
    let path = file.to_str().unwrap();
    fs::write(&file, "# people\nuser1:pass:1\n\nuser2:pass2").unwrap();
    assert_eq!(run(&["-H", "sha512", "-U", path], "").status, 0);
    assert!(lets_in(&file, "user1", "pass:1") && lets_in(&file, "user2", "pass2"));
    assert!(fs::read_to_string(&file).unwrap().starts_with("# people\nuser1:$6$"));

    fs::write(&file, "user1:pass1\nnonsense\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let outcome = run(&["-U", path], "");
    assert_eq!((outcome.status, outcome.err.as_str()), (1, "Error: Corrupt password file at line 2.\n"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "user1:pass1\nnonsense\n");
    fs::remove_file(file).unwrap();
}
