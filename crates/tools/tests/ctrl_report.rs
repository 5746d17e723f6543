//! Answers of a broker, and what is printed about them after a command.

use martlet_tools::ctrl::{Report, report};

fn printed(command: &str, data: &str) -> String {
    let payload = format!(r#"{{"responses":[{{"command":"{command}","data":{data}}}]}}"#);
    let Report { out, err } = report(payload.as_bytes());
    assert_eq!(err, "", "{payload}");
    out
}

#[test]
fn a_client_is_printed_with_roles_and_groups_below_each_other() {
    let text = printed(
        "getClient",
        r#"{"client":{"username":"one","clientid":"cid","disabled":true,"textname":"not shown",
            "roles":[{"rolename":"r1","priority":7},{"rolename":"r2"}],
            "groups":[{"groupname":"g1","priority":3}],"connections":[{"address":"127.0.0.1"}]}}"#,
    );
    let expected = "\
Username:    one
Clientid:    cid
Disabled:    true
Roles:       r1 (priority: 7)
             r2 (priority: -1)
Groups:      g1 (priority: 3)
Connections: 127.0.0.1
";
    assert_eq!(text, expected);
    let text = printed("getClient", r#"{"client":{"username":"one","roles":[],"groups":[]}}"#);
    assert_eq!(text, "Username:    one\nClientid:\n");
}

#[test]
fn a_group_and_a_role_are_printed() {
    let text = printed(
        "getGroup",
        r#"{"group":{"groupname":"g1","clients":[{"username":"one"}],"roles":[{"rolename":"r2","priority":9},{"rolename":"r1"}]}}"#,
    );
    let expected = "\
Groupname: g1
Roles:     r2 (priority: 9)
           r1 (priority: -1)
Clients:   one
";
    assert_eq!(text, expected);
    let text = printed(
        "getRole",
        r##"{"role":{"rolename":"role1","acls":[
            {"acltype":"publishClientSend","topic":"#","priority":1,"allow":true},
            {"acltype":"unsubscribeLiteral","topic":"a b","allow":false}]}}"##,
    );
    let expected = "\
Rolename: role1
ACLs:     publishClientSend    : allow : # (priority: 1)
          unsubscribeLiteral   : deny  : a b (priority: 0)
";
    assert_eq!(text, expected);
    assert_eq!(printed("getRole", r#"{"role":{"rolename":"role1","acls":[]}}"#), "Rolename: role1\n");
}

#[test]
fn lists_have_a_name_a_line() {
    assert_eq!(printed("listClients", r#"{"totalCount":2,"clients":["admin","one"]}"#), "admin\none\n");
    assert_eq!(printed("listGroups", r#"{"groups":[{"groupname":"g"}]}"#), "g\n");
    assert_eq!(printed("listRoles", r#"{"roles":[]}"#), "");
    assert_eq!(printed("getAnonymousGroup", r#"{"group":{"groupname":""}}"#), "\n");
    let access =
        r#"{"acls":[{"acltype":"publishClientSend","allow":false},{"acltype":"subscribe","allow":true}]}"#;
    let expected = "publishClientSend    : deny\nsubscribe            : allow\n";
    assert_eq!(printed("getDefaultACLAccess", access), expected);
}

#[test]
fn listeners_and_plugins_are_printed() {
    let text = printed(
        "listListeners",
        r#"{"listeners":[{"port":1883,"protocol":"mqtt","bind-address":"::1","tls":false},
            {"protocol":"mqtt","socket-path":"/run/mqtt","tls":true}]}"#,
    );
    let expected = "\
Listener 1:
  Port:              1883
  Protocol:          mqtt
  Bind address:      ::1
  TLS:               false

Listener 2:
  Protocol:          mqtt
  Socket path:       /run/mqtt
  TLS:               true

";
    assert_eq!(text, expected);
    let text = printed(
        "listPlugins",
        r#"{"plugins":[{"name":"dynamic-security","version":"2","control-endpoints":["$CONTROL/a","$CONTROL/b"]}]}"#,
    );
    let expected = "\
Plugin:            dynamic-security
Version:           2
Control endpoints: $CONTROL/a
                   $CONTROL/b
";
    assert_eq!(text, expected);
}

#[test]
fn what_was_done_prints_nothing_and_errors_go_to_standard_error() {
    let done = report(br#"{"responses":[{"command":"createRole"}]}"#);
    assert_eq!(done, Report::default());
    for (payload, err) in [
        (
            r#"{"responses":[{"command":"getClient","error":"Client not found"}]}"#,
            "getClient: Error: Client not found.\n",
        ),
        ("x", "Error: Payload not JSON.\n"),
        (r#"{"responses":[]}"#, "Error: Payload missing data.\n"),
        (r#"{"error": "endpoint not available"}"#, "Error: The broker does not have this module.\n"),
        (r#"{"responses":[{"command":"getClient","data":{}}]}"#, "Error: Invalid response from server.\n"),
        (
            r#"{"responses":[{"command":"listListeners","data":{}}]}"#,
            "Error: Invalid response from server.\n",
        ),
        (
            r#"{"responses":[{"command":"getRole","data":{"role":{"rolename":"r","acls":[{}]}}}]}"#,
            "Error: Invalid response from server.\n",
        ),
    ] {
        assert_eq!(
            report(payload.as_bytes()),
            Report { out: String::new(), err: err.to_owned() },
            "{payload}"
        );
    }
}
