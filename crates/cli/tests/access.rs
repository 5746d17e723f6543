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

/// What is said of reading, writing and subscribing at the last of the listeners, or of coming in.
fn answers(answer: &Done) -> Vec<String> {
    let listener = answer.out.split("port ").last().unwrap();
    let lines = listener.lines().filter_map(|line| line.strip_prefix("  "));
    lines.map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn it_knows_of_mount_points_and_of_names_that_take_the_place_of_others() {
    let folder = Folder::new("acl-listeners");
    let acl = folder.file_of("acl", "topic mine\npattern write own/%c\nuser joe\ntopic read m/a\n");
    let file = |options: &str| {
        folder.file_of("m.conf", &format!("listener 1\nallow_anonymous true\nacl_file {acl}\n{options}\n"))
    };
    let mounted = file("mount_point m/");
    let answer = ask(&mounted, "joe", "a");
    assert!(answer.out.starts_with("port 1, where it is `m/a`\n"), "{}", answer.out);
    assert_eq!(answers(&answer)[1..3], ["read allowed", "write denied"]);
    assert_eq!(answers(&ask(&mounted, "joe", "m/a"))[1], "read denied");

    let named = file("use_username_as_clientid true");
    assert_eq!(answers(&ask(&named, "joe", "own/joe"))[2], "write allowed");
    assert_eq!(answers(&ask(&named, "joe", "own/phone"))[2], "write denied");
    assert_eq!(answers(&ask(&named, "", "mine")), ["connect denied"]);
    let prefixed = file("clientid_prefixes tele");
    assert_eq!(answers(&ask(&prefixed, "joe", "m/a")), ["connect denied"]);
    assert_eq!(answers(&ask(&file("clientid_prefixes ph"), "joe", "m/a"))[0], "connect allowed");
}

#[test]
fn nobody_may_write_to_what_the_broker_publishes() {
    let folder = Folder::new("acl-reserved");
    let file = folder.file_of("acl", "topic $SYS/#\n");
    let expected = format!(
        "read       allowed  {file}:1: topic $SYS/#\nwrite      denied   only the broker itself publishes to it\n"
    );
    assert!(ask(&file, "", "$SYS/broker/uptime").out.starts_with(&expected));
    assert_eq!(ask(&file, "", "$share/g/t").err, "Error: `$share/g/t` is no Topic Name\n");
}

#[test]
fn it_asks_dynamic_security() {
    let folder = Folder::new("acl-dynsec");
    let rules = folder.file_of(
        "rules.json",
        r#"{"defaultACLAccess": {"publishClientReceive": true},
            "clients": [{"username": "joe", "clientid": "phone", "roles": [{"rolename": "r"}],
                         "encoded_password": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$7/SSU9/0Iw3ZSk+1oeFHBw"}],
            "roles": [{"rolename": "r", "acls": [
                {"acltype": "publishClientSend", "topic": "a", "priority": 0, "allow": true},
                {"acltype": "subscribePattern", "topic": "a", "priority": 0, "allow": true}]}]}"#,
    );
    let text = format!("listener 1\nplugin mosquitto_dynamic_security.so\nplugin_opt_config_file {rules}\n");
    let file = folder.file_of("m.conf", &text);
    let all = ["connect allowed", "read allowed", "write allowed", "subscribe allowed"];
    assert_eq!(answers(&ask(&file, "joe", "a")), all);
    let some = ["connect allowed", "read allowed", "write denied", "subscribe denied"];
    assert_eq!(answers(&ask(&file, "joe", "b")), some);
    assert_eq!(answers(&ask(&file, "eve", "a")), ["connect denied"]);
    let other = run_words(&["acl", &file, "joe", "a", "--client-id", "tablet"]);
    assert_eq!(answers(&other), ["connect denied"]);
    std::fs::remove_file(&rules).unwrap();
    assert_eq!(ask(&file, "joe", "a").status, Some(3));
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
