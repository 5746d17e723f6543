//! Files of passwords and rules: what a broker does when they are wrong, and what `martlet acl` tells of them.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use common::{Done, Folder, run_words};

/// The answer about a user and a topic.
fn ask(file: &str, user: &str, topic: &str) -> Done {
    run_words(&["acl", file, user, topic, "--client-id", "phone"])
}

#[test]
fn a_list_tells_what_a_user_may_do_and_by_which_line() {
    let folder = Folder::new("acl-list");
    let text = "topic read news\n\nuser joe\ntopic lights/#\ntopic deny lights/x\npattern write own/%u/%c\n";
    let file = folder.file_of("acl", text);
    let table = [
        (
            "joe",
            "lights/a",
            0,
            format!(
                "read       allowed  {file}:4: topic lights/#\nwrite      allowed  {file}:4: topic lights/#\n"
            ),
        ),
        (
            "joe",
            "lights/x",
            1,
            format!(
                "read       denied   {file}:5: topic deny lights/x\nwrite      denied   {file}:5: topic deny lights/x\n"
            ),
        ),
        (
            "",
            "news",
            0,
            format!(
                "read       allowed  {file}:1: topic read news\nwrite      denied   {file}: no line allows it\n"
            ),
        ),
        (
            "joe",
            "own/joe/phone",
            0,
            format!(
                "read       denied   {file}: no line allows it\nwrite      allowed  {file}:6: pattern write own/%u/%c\n"
            ),
        ),
    ];
    for (user, topic, status, expected) in table {
        let answer = ask(&file, user, topic);
        assert_eq!(answer.status, Some(status), "{answer:?}");
        let subscribe = "subscribe  allowed  each message is looked at when it is delivered\n";
        assert_eq!(answer.out, expected + subscribe);
    }
}

#[test]
fn a_configuration_tells_of_each_listener() {
    let folder = Folder::new("acl-configuration");
    let acl = folder.file_of("acl", "user joe\ntopic read a\n");
    let passwords = folder.file("passwords");
    assert_eq!(run_words(&["passwd", "-c", "-b", &passwords, "joe", "secret"]).status, Some(0));
    let file = folder.file_of(
        "m.conf",
        &format!(
            "per_listener_settings true\nlistener 1883 127.0.0.1\npassword_file {passwords}\nacl_file {acl}\n\
             listener 1884 127.0.0.1\nlistener_allow_anonymous true\n"
        ),
    );
    let expected = format!(
        "port 1883 of 127.0.0.1\n  connect    allowed  with its password\n  read       allowed  {acl}:2: topic read a\n  \
         write      denied   {acl}: no line allows it\n  subscribe  allowed  each message is looked at when it is delivered\n\
         port 1884 of 127.0.0.1\n  connect    allowed  no password is asked for\n  \
         read       allowed  there is no access control list\n  write      allowed  there is no access control list\n  \
         subscribe  allowed  each message is looked at when it is delivered\n"
    );
    let answer = ask(&file, "joe", "a");
    assert_eq!((answer.status, answer.out.as_str()), (Some(0), expected.as_str()), "{answer:?}");
    let stranger = ask(&file, "eve", "a");
    assert!(stranger.out.starts_with("port 1883 of 127.0.0.1\n  connect    denied "), "{}", stranger.out);
}

#[test]
fn what_cannot_be_answered_is_exit_code_3() {
    let folder = Folder::new("acl-wrong");
    let broken = ask(&folder.file_of("acl", "topic a\ntopic x y\n"), "joe", "a");
    assert_eq!(broken.status, Some(3));
    assert!(
        broken.err.ends_with(":2: `x` is neither `read`, `write`, `readwrite` nor `deny`\n"),
        "{}",
        broken.err
    );
    let good = folder.file_of("acl", "topic a\n");
    assert_eq!(ask(&good, "joe", "a/#").err, "Error: `a/#` is no Topic Name\n");
    assert_eq!(run_words(&["acl", &good]).status, Some(3));
    assert_eq!(run_words(&["acl", "--help"]).status, Some(0));
    assert_eq!(ask("/nonexistent/acl", "joe", "a").status, Some(3));
}

#[test]
fn a_wrong_file_ends_the_start_with_its_line() {
    let folder = Folder::new("acl-start");
    let acl = folder.file_of("acl", "topic a\nfrob\n");
    let passwords = folder.file_of("passwords", "joe:plain text\n");
    let start = |line: &str| {
        let text = format!("listener 1883 127.0.0.1\nallow_anonymous true\npersistence false\n{line}\n");
        run_words(&["-c", &folder.file_of("m.conf", &text)])
    };
    let by_acl = start(&format!("acl_file {acl}"));
    assert_eq!(by_acl.status, Some(3));
    assert_eq!(by_acl.err, format!("Error: {acl}:2: `frob` is neither `user`, `topic` nor `pattern`\n"));
    let by_password = start(&format!("password_file {passwords}"));
    assert_eq!(by_password.status, Some(3));
    assert!(by_password.err.starts_with(&format!("Error: {passwords}:1: ")), "{}", by_password.err);
    assert!(!by_password.err.contains("plain"), "{}", by_password.err);
    assert_eq!(start("acl_file /nonexistent/acl").status, Some(3));
}
