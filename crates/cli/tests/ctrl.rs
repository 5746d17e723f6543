//! `martlet ctrl` as it is run, against modules that answer as Mosquitto's do.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use common::modules::Modules;
use common::{Done, Folder, martlet, run, run_with};
use martlet_wire::ReasonCode;

const LISTENERS: &str = r#"{"responses":[{"command":"listListeners","data":{"listeners":[
    {"port":1883,"protocol":"mqtt","bind-address":"127.0.0.1","tls":false}]}}]}"#;

fn done(out: &str) -> Done {
    Done { status: Some(0), out: out.to_owned(), err: String::new() }
}

fn failed(status: i32, err: &str) -> Done {
    Done { status: Some(status), out: String::new(), err: err.to_owned() }
}

/// A server with both modules; answers its port.
fn modules() -> u16 {
    Modules { answer: |_, command| Some(answer(command)), ..Modules::default() }.start()
}

fn answer(command: &str) -> String {
    match command {
        r#"{"command":"listListeners"}"# => LISTENERS.to_owned(),
        r#"{"command":"createClient","username":"one","password":"pw","clientid":"cid"}"#
        | r#"{"command":"createClient","username":"two"}"#
        | r#"{"command":"setClientPassword","username":"one","password":"new"}"# => {
            r#"{"responses":[{"command":"createClient"}]}"#.to_owned()
        }
        r#"{"command":"listClients"}"# => {
            r#"{"responses":[{"command":"listClients","data":{"clients":["admin","one"]}}]}"#.to_owned()
        }
        r#"{"command":"listGroups"}"# => {
            r#"{"responses":[{"command":"listGroups","data":{"groups":[]}}]}"#.to_owned()
        }
        r#"{"command":"listRoles"}"# => {
            r#"{"responses":[{"command":"listRoles","data":{"roles":["admin"]}}]}"#.to_owned()
        }
        r#"{"command":"getClient","username":"admin"}"# => {
            let data = r#"{"client":{"username":"admin","roles":[{"rolename":"admin"}]}}"#;
            format!(r#"{{"responses":[{{"command":"getClient","data":{data}}}]}}"#)
        }
        other => {
            let error = format!("not foreseen: {}", other.replace('"', "'"));
            format!(r#"{{"responses":[{{"command":"getClient","error":"{error}"}}]}}"#)
        }
    }
}

#[test]
fn a_command_becomes_a_request_and_the_answer_is_printed() {
    let port = modules();
    let flags = format!("ctrl -h 127.0.0.1 -p {port}");
    let listeners = "Listener 1:\n  Port:              1883\n  Protocol:          mqtt\n  \
                     Bind address:      127.0.0.1\n  TLS:               false\n\n";
    assert_eq!(run(&format!("{flags} broker listListeners")), done(listeners));
    assert_eq!(run(&format!("{flags} -q 2 dynsec listClients")), done("admin\none\n"));
    let client = "Username:    admin\nClientid:\nRoles:       admin (priority: -1)\n";
    assert_eq!(run(&format!("{flags} -V 311 dynsec getClient admin")), done(client));
    assert_eq!(run(&format!("{flags} dynsec createClient one -p pw -c cid")), done(""));
    let refused = "getClient: Error: not foreseen: {'command':'getClient','username':'nobody'}.\n";
    assert_eq!(run(&format!("{flags} dynsec getClient nobody")), failed(0, refused));
    assert_eq!(run(&format!("{flags} --quiet dynsec getClient nobody")), failed(0, ""));
}

#[test]
fn the_link_of_mosquittos_name_does_the_same() {
    let port = modules();
    let folder = Folder::new("ctrl-link");
    assert_eq!(run(&format!("install-links {}", folder.0.display())).status, Some(0));
    let mut command = Command::new(folder.file("mosquitto_ctrl"));
    command.args(["-p", &port.to_string(), "-h", "127.0.0.1", "dynsec", "listClients"]);
    assert_eq!(
        Done::from(command.env("XDG_CONFIG_HOME", "/nonexistent").output().unwrap()),
        done("admin\none\n")
    );
}

#[test]
fn passwords_are_asked_for_twice() {
    let port = modules();
    let flags = format!("ctrl -h 127.0.0.1 -p {port} dynsec");
    let prompts = "New password for one: \nReenter password for one: \n";
    assert_eq!(run_with(&format!("{flags} setClientPassword one"), "new\nnew\n"), done(prompts));
    let mismatch = run_with(&format!("{flags} setClientPassword one"), "new\nold\n");
    assert_eq!(mismatch, Done { err: "Error: Passwords do not match.\n".to_owned(), ..done(prompts) });
    let empty = run_with(&format!("{flags} setClientPassword one"), "\n");
    assert_eq!(
        empty,
        Done { err: "Error: Empty password.\n".to_owned(), ..done("New password for one: \n") }
    );
    // A client without a password is sent without one.
    let created = run_with(&format!("{flags} createClient two"), "\n");
    assert_eq!((created.status, created.err.as_str()), (Some(0), ""));
    assert!(created.out.ends_with("New password for two: \n"), "{created:?}");
}

#[test]
fn the_password_of_the_user_is_asked_for_if_it_is_missing() {
    let port = modules();
    let flags = format!("ctrl -h 127.0.0.1 -p {port} -u me");
    let asked = run_with(&format!("{flags} dynsec listClients"), "secret\n");
    assert_eq!(asked, done("Password for me: \nadmin\none\n"));
    let empty = run_with(&format!("{flags} dynsec listClients"), "");
    assert_eq!((empty.status, empty.out.as_str()), (Some(1), "Password for me: \n"));
    assert_eq!(empty.err, "Error: Empty password.\nError getting password.\n");
}

#[test]
fn obstacles_have_the_exit_status_of_mosquitto() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = run(&format!("ctrl -h 127.0.0.1 -p {closed} dynsec listClients"));
    assert_eq!(refused, failed(14, "Error: Connection refused.\n"));
    let missing = run("ctrl --unix /nonexistent/socket dynsec listClients");
    assert_eq!(missing, failed(14, "Error: No such file or directory.\n"));
    let unsupported = run("ctrl --tls-engine e dynsec listClients");
    assert_eq!(unsupported, failed(1, "Error: Problem setting TLS engine, is e a valid engine?\n"));
    let file = run("ctrl --cafile /nonexistent dynsec listClients");
    assert_eq!(file, failed(1, "Error: Problem setting TLS options: File not found.\n"));
}

#[test]
fn refusals_are_told_and_have_no_exit_status() {
    let ask = |modules: Modules, flags: &str| {
        let port = modules.start();
        run(&format!("ctrl -h 127.0.0.1 -p {port} {flags} dynsec listClients"))
    };
    let connect = |code| Modules { connect: code, ..Modules::default() };
    let subscribe = |code| Modules { subscribe: code, ..Modules::default() };
    let told = |text: &str| failed(0, &format!("{text}\n"));
    assert_eq!(ask(connect(ReasonCode::NotAuthorized), ""), told("Connection error: Not authorized"));
    let hint = "Connection error: Unsupported Protocol Version. Try connecting to an MQTT v5 broker, or use MQTT v3.x \
                mode.";
    assert_eq!(ask(connect(ReasonCode::UnsupportedProtocolVersion), ""), told(hint));
    let old = "Connection error: Connection Refused: bad user name or password";
    assert_eq!(ask(connect(ReasonCode::BadUserNameOrPassword), "-V 311"), told(old));
    assert_eq!(ask(subscribe(ReasonCode::NotAuthorized), ""), told("Subscribe error: Not authorized"));
    let old = "Subscribe error: Subscription refused.";
    assert_eq!(ask(subscribe(ReasonCode::UnspecifiedError), "-V 311"), told(old));
    let publish = Modules { publish: ReasonCode::NotAuthorized, ..Modules::default() };
    assert_eq!(ask(publish, ""), told("Publish error: Not authorized"));
    let no_endpoint = Modules {
        answer: |_, _| Some(r#"{"error": "endpoint not available"}"#.to_owned()),
        ..Modules::default()
    };
    assert_eq!(ask(no_endpoint, ""), told("Error: The broker does not have this module."));
}

#[test]
fn wrong_commands_are_refused_before_anything_is_sent() {
    for (line, status, err) in [
        ("ctrl dynsec", 1, "Error: No command given. 'dynsec help' lists those of the module dynsec.\n"),
        ("ctrl nothing x", 10, "Error: Module 'nothing' not supported.\n"),
        ("ctrl broker x", 13, "Command 'x' not recognised.\n"),
        ("ctrl dynsec deleteRole", 3, "Usage: dynsec deleteRole rolename\nError: Invalid input.\n"),
        ("ctrl -f x dynsec listRoles", 10, "Error: listRoles does not work on a file.\n"),
    ] {
        assert_eq!(run(line), failed(status, err), "{line}");
    }
    let help = run("ctrl dynsec help");
    assert_eq!((help.status, help.err.as_str()), (Some(0), ""));
    assert!(help.out.contains("  dynsec addRoleACL rolename acltype topic {allow | deny} [priority]\n"));
    let usage = run("ctrl --help");
    assert_eq!(usage.status, Some(1));
    assert!(usage.out.contains("--cafile file"), "{usage:?}");
}

#[test]
fn a_file_gets_an_administrator_and_another_password() {
    let folder = Folder::new("ctrl-file");
    let path = folder.file("dynsec.json");
    let made = run(&format!("ctrl dynsec init {path} admin secret"));
    assert_eq!((made.status, made.err.as_str()), (Some(0), ""));
    assert!(made.out.starts_with(&format!("The client 'admin' has been created in the file '{path}'.\n")));
    let first = fs::read_to_string(&path).unwrap();
    assert!(first.contains("\"encoded_password\":\t\"$7$"), "{first}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    let again = run(&format!("ctrl dynsec init {path} admin secret"));
    assert_eq!(
        again,
        failed(0, &format!("dynsec init: Unable to open '{path}' for writing (File exists).\n"))
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), first);

    assert_eq!(run(&format!("ctrl -f {path} dynsec setClientPassword admin new -i 5000")), done(""));
    let second = fs::read_to_string(&path).unwrap();
    assert!(second.contains("\"$7$5000$") && !second.contains("$7$1000$"), "{second}");
    let unknown = run(&format!("ctrl -f {path} dynsec setClientPassword other new"));
    assert_eq!(unknown, failed(0, "Error: Client other not found.\n"));
    for (content, reason) in
        [("", "is empty"), ("{", "is not valid JSON"), ("[]", "is not a valid dynamic-security config file")]
    {
        let path = folder.file_of("wrong.json", content);
        let wrong = run(&format!("ctrl -f {path} dynsec setClientPassword admin new"));
        assert_eq!(wrong, failed(3, &format!("Error: {path} {reason}.\nError: Invalid input.\n")));
    }
    let missing = run("ctrl -f /nonexistent dynsec setClientPassword admin new");
    assert_eq!(missing, failed(3, "Error: Unable to open /nonexistent.\nError: Invalid input.\n"));
}

#[test]
fn the_shell_takes_its_lines_from_a_pipe() {
    let port = modules();
    let lines = format!(
        "connect 127.0.0.1:{port}\nbroker\nlistListeners\nreturn\ndynsec\n\nlistClients\ncreateClient one pw cid\n\
         setClientPassword one\nnew\nnew\ngetClient admin\nexit\nlistClients\n"
    );
    let expected = "Listener:\n  Port:\n    1883\n  Protocol:\n    mqtt\n  TLS:\n    false\n\n\
                    admin\none\nOK\nOK\nUsername:\n  admin\nRoles:\n  admin (priority: -1)\n";
    assert_eq!(run_with("ctrl", &lines), done(expected));
}

#[test]
fn a_line_that_fails_in_a_pipe_is_an_exit_status() {
    let port = modules();
    let flags = format!("ctrl -h 127.0.0.1 -p {port}");
    // With flags it connects at once.
    assert_eq!(run_with(&flags, "dynsec\nlistClients\n"), done("admin\none\n"));
    for (lines, text) in [
        ("nothing\n", "Unknown command 'nothing'\n"),
        ("dynsec\ngetClient\n", "getClient username\n"),
        ("dynsec\nenableClient x\n", "not foreseen: {'command':'enableClient','username':'x'}\n"),
        ("dynsec\nsetClientPassword one\na\nb\n", "Passwords do not match.\n"),
        ("disconnect\nlistClients\n", "Unknown command 'listClients'\n"),
    ] {
        let outcome = run_with(&flags, lines);
        assert_eq!((outcome.status, outcome.out.as_str()), (Some(1), text), "{lines}");
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let outcome = run_with(&format!("ctrl -h 127.0.0.1 -p {closed}"), "dynsec\n");
    assert_eq!(outcome.status, Some(1));
    assert_eq!(outcome.out, "Unable to connect: Error: Connection refused.\n");
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let port = modules();
    let mut command = martlet();
    command.args(["ctrl", "-h", "127.0.0.1", "-p", &port.to_string(), "dynsec", "listClients"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let done = Done::from(child.wait_with_output().unwrap());
    assert_eq!(done, self::done(""));
}
