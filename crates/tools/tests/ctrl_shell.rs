//! The shell: what lines ask for, what answers print, which words complete.

use martlet_tools::ctrl::shell::{Query, Shell, Step, Style, Target};
use martlet_tools::ctrl::{BrokerCommand, Module, PasswordNeed};

fn connected() -> Shell {
    let mut shell = Shell::new();
    shell.connected("mqtt://localhost:1883");
    shell
}

fn within(module: Module) -> Shell {
    let mut shell = connected();
    shell.entered(module);
    shell
}

/// The request that a line of the module `dynsec` becomes.
fn request(line: &str) -> String {
    match within(Module::Dynsec).line(line) {
        Step::Ask(Query::Dynsec(command)) => {
            assert_eq!(command.password_need, PasswordNeed::None, "{line}");
            let body = String::from_utf8(command.body()).expect("JSON is UTF-8");
            let command = body.strip_prefix(r#"{"commands":["#).and_then(|rest| rest.strip_suffix("]}"));
            command.expect("one command").to_owned()
        }
        other => panic!("{line}: {other:?}"),
    }
}

fn complaint(shell: &mut Shell, line: &str) -> String {
    match shell.line(line) {
        Step::Complain(text) => text,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn before_a_connection_one_can_only_log_in_and_connect() {
    let mut shell = Shell::new();
    assert_eq!(shell.prompt(), "> ");
    assert_eq!(shell.line("  "), Step::Nothing);
    assert_eq!(shell.line("AUTH"), Step::Login { username: None });
    assert_eq!(shell.line("auth me"), Step::Login { username: Some("me".to_owned()) });
    assert_eq!(shell.line("connect"), Step::Connect(None));
    let target = Target { host: "h".to_owned(), port: 8883, web_socket: false, encrypted: true };
    assert_eq!(shell.line("connect mqtts://h"), Step::Connect(Some(target)));
    assert_eq!(shell.line("exit"), Step::Exit);
    for line in ["dynsec", "disconnect", "return", "listClients", "x y"] {
        let name = line.split(' ').next().unwrap();
        assert_eq!(complaint(&mut shell, line), format!("Unknown command '{name}'\n"));
    }
    assert!(complaint(&mut shell, "connect ftp://h").starts_with("connect "));
}

#[test]
fn modules_are_entered_and_left() {
    let mut shell = connected();
    assert_eq!(shell.prompt(), "mqtt://localhost:1883> ");
    assert_eq!(shell.line("Broker now"), Step::Enter(Module::Broker));
    assert!(shell.entered(Module::Broker).is_empty());
    assert_eq!(shell.prompt(), "mqtt://localhost:1883|broker> ");
    assert_eq!(shell.line("listplugins"), Step::Ask(Query::Broker(BrokerCommand::ListPlugins)));
    assert_eq!(complaint(&mut shell, "listClients"), "Unknown command 'listClients'\n");
    assert_eq!(shell.line("return"), Step::Leave);
    assert_eq!(shell.prompt(), "mqtt://localhost:1883> ");
    assert_eq!(shell.line("disconnect"), Step::Disconnect);
    shell.disconnected();
    assert_eq!(shell.prompt(), "> ");
}

#[test]
fn lines_become_requests() {
    for (line, expected) in [
        ("getDetails", r#"{"command":"getDetails"}"#),
        ("listclients 2 3", r#"{"command":"listClients","count":2,"offset":3}"#),
        ("createClient a b c", r#"{"command":"createClient","username":"a","password":"b","clientid":"c"}"#),
        ("setClientId a", r#"{"command":"setClientId","username":"a"}"#),
        (
            "addGroupClient g u 5",
            r#"{"command":"addGroupClient","groupname":"g","username":"u","priority":5}"#,
        ),
        (
            "addRoleACL r SUBSCRIBEliteral Deny a b",
            r#"{"command":"addRoleACL","rolename":"r","acltype":"subscribeLiteral","allow":false,"topic":"a b"}"#,
        ),
        (
            "addRoleACL r subscribeLiteral allow -7  d",
            r#"{"command":"addRoleACL","rolename":"r","acltype":"subscribeLiteral","allow":true,"topic":"d","priority":-7}"#,
        ),
        (
            "addRoleACL r subscribeLiteral allow 7",
            r#"{"command":"addRoleACL","rolename":"r","acltype":"subscribeLiteral","allow":true,"topic":"7"}"#,
        ),
        (
            "removeRoleACL r subscribePattern a/#",
            r#"{"command":"removeRoleACL","rolename":"r","acltype":"subscribePattern","topic":"a/#"}"#,
        ),
        (
            "setDefaultACLAccess subscribe allow",
            r#"{"command":"setDefaultACLAccess","acls":[{"acltype":"subscribe","allow":true}]}"#,
        ),
        (
            "modifyClient u textname The  one",
            r#"{"command":"modifyClient","username":"u","textName":"The  one"}"#,
        ),
        (
            "modifyGroup g textDescription",
            r#"{"command":"modifyGroup","groupname":"g","textDescription":""}"#,
        ),
        (
            "modifyRole r allowWildcardSubs false",
            r#"{"command":"modifyRole","rolename":"r","allowWildcardSubs":false}"#,
        ),
    ] {
        assert_eq!(request(line), expected, "{line}");
    }
}

#[test]
fn wrong_arguments_are_answered_with_the_right_form() {
    let mut shell = within(Module::Dynsec);
    for (line, expected) in [
        ("getClient", "getClient username\n"),
        ("getClient a b", "getClient username\n"),
        ("createClient", "createClient username [password] [clientid]\n"),
        (
            "addRoleACL r subscribeLiteral allow",
            "addRoleACL rolename acltype {allow | deny} [priority] topic\n",
        ),
        ("removeRoleACL r subscribeLiteral", "removeRoleACL rolename acltype topic\n"),
        ("modifyClient a", "modifyClient username property text\n"),
        ("init a b", "Unknown command 'init'\n"),
    ] {
        assert_eq!(complaint(&mut shell, line), expected, "{line}");
    }
    for (line, expected) in [
        ("addRoleACL r bad allow x", "Unknown acltype 'bad'.\n"),
        ("addRoleACL r subscribeLiteral bad x", "Unknown access 'bad'.\n"),
        ("setDefaultACLAccess subscribeLiteral allow", "Unknown acltype 'subscribeLiteral'.\n"),
        ("modifyClient a bad x", "Unknown property 'bad'\n"),
        ("modifyClient a allowWildcardSubs true", "Unknown property 'allowWildcardSubs'\n"),
        ("modifyRole a allowWildcardSubs x", "Invalid value 'x'\n"),
    ] {
        assert!(complaint(&mut shell, line).ends_with(expected), "{line}");
    }
}

#[test]
fn a_password_that_is_missing_is_asked_for() {
    for (line, need) in [
        ("createClient a", PasswordNeed::Optional),
        ("createClient a b", PasswordNeed::None),
        ("setClientPassword a", PasswordNeed::Required),
        ("setClientPassword a b", PasswordNeed::None),
    ] {
        let Step::Ask(Query::Dynsec(command)) = within(Module::Dynsec).line(line) else { panic!("{line}") };
        assert_eq!(command.password_need, need, "{line}");
    }
}

#[test]
fn a_change_says_which_list_is_outdated() {
    let mut shell = within(Module::Dynsec);
    for (line, list) in [
        ("createClient a b", Some("listClients")),
        ("deleteGroup a", Some("listGroups")),
        ("createRole a", Some("listRoles")),
        ("addClientRole a b", None),
    ] {
        let Step::Ask(query) = shell.line(line) else { panic!("{line}") };
        let expected = list.map(|list| format!(r#"{{"commands":[{{"command":"{list}"}}]}}"#).into_bytes());
        assert_eq!(query.changed_list().map(|query| query.body()), expected, "{line}");
    }
}

#[test]
fn words_are_completed_where_they_stand() {
    let mut shell = within(Module::Dynsec);
    let lists: Vec<_> = shell.entered(Module::Dynsec).iter().map(Query::body).collect();
    assert_eq!(lists.len(), 3);
    shell.learn(br#"{"responses":[{"command":"listClients","data":{"clients":["alice","bob"]}}]}"#);
    shell.learn(br#"{"responses":[{"command":"listRoles","data":{"roles":["admin","all"]}}]}"#);
    shell.learn(br#"{"responses":[{"command":"listGroups","error":"no"}]}"#);
    let complete = |shell: &Shell, line: &str| {
        let (start, words) = shell.complete(line);
        (start, words.join(" "))
    };
    assert_eq!(complete(&shell, "a"), (0, "addClientRole addGroupClient addGroupRole addRoleACL".to_owned()));
    assert_eq!(complete(&shell, "help addr"), (5, "addRoleACL".to_owned()));
    assert_eq!(complete(&shell, "getClient A"), (10, "alice".to_owned()));
    assert_eq!(complete(&shell, "addClientRole bob "), (18, "admin all".to_owned()));
    assert_eq!(
        complete(&shell, "addRoleACL all publish"),
        (15, "publishClientSend publishClientReceive".to_owned())
    );
    assert_eq!(complete(&shell, "setDefaultACLAccess s"), (20, "subscribe".to_owned()));
    assert_eq!(complete(&shell, "addRoleACL all subscribeLiteral d"), (32, "deny".to_owned()));
    assert_eq!(complete(&shell, "modifyRole all a"), (15, "allowWildcardSubs".to_owned()));
    assert_eq!(complete(&shell, "getGroup "), (9, String::new()));
    assert_eq!(complete(&shell, "getClient é"), (10, String::new()));
    assert_eq!(complete(&Shell::new(), "").1, "auth connect exit help");
    assert_eq!(complete(&connected(), "d").1, "disconnect dynsec");
}

#[test]
fn help_is_there_for_every_command() {
    for mut shell in [Shell::new(), connected(), within(Module::Broker), within(Module::Dynsec)] {
        let Step::Say(overview) = shell.line("help") else { panic!("no help") };
        for name in shell.complete("").1 {
            assert!(overview.contains(&name), "{name}: {overview}");
            let Step::Say(text) = shell.line(&format!("help {name}")) else { panic!("{name}") };
            assert!(text.starts_with(&name) && text.trim_end().ends_with('.'), "{text}");
        }
        assert_eq!(complaint(&mut shell, "help nothing"), "Unknown command 'nothing'\n");
    }
}

#[test]
fn answers_are_printed_with_labels_and_indentation() {
    let shell = within(Module::Dynsec);
    let heard = |payload: &str| shell.heard(payload.as_bytes(), Style::Plain);
    let data = |command: &str, data: &str| {
        let heard = heard(&format!(r#"{{"responses":[{{"command":"{command}","data":{data}}}]}}"#));
        assert!(!heard.is_failure, "{command}");
        heard.text
    };
    let client = r#"{"client":{"username":"one","disabled":true,"textname":"","roles":[{"rolename":"r1","priority":7}],"groups":[{"groupname":"g2"}]}}"#;
    let expected = "Username:\n  one\nDisabled:\n  true\nText name:\n  \nRoles:\n  r1 (priority: 7)\nGroups:\n  g2 (priority: -1)\n";
    assert_eq!(data("getClient", client), expected);
    let role = r#"{"role":{"rolename":"r1","allowwildcardsubs":false,"acls":[{"acltype":"publishClientSend","topic":"a","priority":-2,"allow":false}]}}"#;
    let expected = "Role name:\n  r1\nAllow wildcard subscriptions:\n  false\nACLs:\n  publishClientSend    deny a (priority -2)\n";
    assert_eq!(data("getRole", role), expected);
    let details = r#"{"clientCount":5,"groupCount":2,"roleCount":3,"changeIndex":27}"#;
    let expected = "Client count:   5\nGroup count:    2\nRole count:     3\nChange index:   27\n";
    assert_eq!(data("getDetails", details), expected);
    assert_eq!(data("getAnonymousGroup", r#"{"group":{"groupname":"g"}}"#), "g\n");
    let listeners = r#"{"listeners":[{"port":1883,"protocol":"mqtt","tls":false}]}"#;
    assert_eq!(
        data("listListeners", listeners),
        "Listener:\n  Port:\n    1883\n  Protocol:\n    mqtt\n  TLS:\n    false\n\n"
    );
    let plugins = r#"{"plugins":[{"name":"p","control-endpoints":["$CONTROL/x"]}]}"#;
    assert_eq!(data("listPlugins", plugins), "Plugin:\n  p\nControl endpoints:\n  $CONTROL/x\n\n");
    assert_eq!(heard(r#"{"responses":[{"command":"createRole"}]}"#).text, "OK\n");
    for (payload, text) in [
        (r#"{"responses":[{"command":"x","error":"Role not found"}]}"#, "Role not found\n"),
        (r#"{"error": "endpoint not available"}"#, "$CONTROL endpoint for this module not available.\n"),
        ("", "Invalid response from broker.\n"),
        (r#"{"responses":[{"command":"getRole","data":{}}]}"#, "Invalid response from broker.\n"),
    ] {
        let heard = heard(payload);
        assert!(heard.is_failure && heard.text == text, "{heard:?}");
    }
    let coloured = shell.heard(br#"{"responses":[{"command":"x","error":"no"}]}"#, Style::Coloured);
    assert_eq!(coloured.text, "\x1b[31mno\x1b[0m\n");
}
