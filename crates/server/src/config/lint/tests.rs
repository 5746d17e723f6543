use std::collections::BTreeSet;

use super::*;

/// A machine where files are as their names say.
struct Machine;

impl Files for Machine {
    fn look(&self, path: &std::path::Path) -> std::io::Result<FileFacts> {
        let name = path.display().to_string();
        if name.contains("missing") {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        let mode = if name.contains("open") {
            0o644
        } else if name.contains("changed") {
            0o622
        } else {
            0o600
        };
        Ok(FileFacts { mode })
    }

    fn content(&self, path: &std::path::Path) -> std::io::Result<Vec<u8>> {
        let text = match path.to_str().unwrap_or_default() {
            "/all" => "topic #",
            "/wrong" => "frob",
            "/joe" => "user joe\ntopic a",
            "/plain" => "joe:secret",
            "/p" | "/open" => "ann",
            "/joes" => "joe",
            "/missing" => return Err(std::io::ErrorKind::NotFound.into()),
            "/shut" => return Err(std::io::ErrorKind::PermissionDenied.into()),
            _ => "topic read #",
        };
        Ok(text.into())
    }

    fn may_read(&self, user: &str, path: &std::path::Path) -> Option<bool> {
        (user == "broker").then(|| !path.starts_with("/roots"))
    }
}

fn found_as(text: &str, dialect: Dialect) -> Vec<&'static str> {
    let mut notes = Vec::new();
    let configuration = Configuration::parse("a.conf", text.as_bytes(), dialect, &mut notes);
    let configuration = configuration.unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let report = lint(&configuration, &notes, dialect, &Machine);
    report.findings.iter().map(|finding| finding.rule.id()).collect()
}

fn found(text: &str) -> Vec<&'static str> {
    found_as(text, Dialect::Martlet)
}

const TLS: &str = "certfile /c\nkeyfile /k\n";
const BRIDGE: &str = "connection b\naddress b.example\ntopic a\nremote_username u\n";

/// Configurations with a finding, each beside one that is almost the same and has none.
#[expect(clippy::too_many_lines, reason = "a table")]
fn pairs() -> Vec<(&'static str, String, String)> {
    let pair = |rule, with: &str, without: &str| (rule, with.to_owned(), without.to_owned());
    let local = "listener 1 ::1\nlistener_allow_anonymous true\n";
    vec![
        pair("acl-writes-all", &format!("acl_file /all\n{local}"), &format!("acl_file /some\n{local}")),
        pair(
            "anonymous-public",
            "allow_anonymous true\nlistener 1",
            "allow_anonymous true\nlistener 1 localhost",
        ),
        pair(
            "anonymous-public",
            &format!("allow_anonymous true\nlistener 1\n{TLS}"),
            &format!("allow_anonymous true\nlistener 1\n{TLS}cafile /a\nrequire_certificate true"),
        ),
        pair(
            "any-origin",
            &format!("{local}protocol websockets"),
            &format!("{local}protocol websockets\nwebsockets_origin https://a"),
        ),
        pair("api-public", "listener 1\nprotocol http_api", "listener 1 ::1\nprotocol http_api"),
        pair(
            "bridge-insecure",
            &format!("{BRIDGE}bridge_cafile /a\nbridge_insecure true"),
            &format!("{BRIDGE}bridge_cafile /a\nbridge_insecure false"),
        ),
        pair(
            "bridge-unprotected",
            &format!("{BRIDGE}remote_password p"),
            &format!("{BRIDGE}remote_password p\nbridge_tls_use_os_certs true"),
        ),
        pair(
            "default-listener",
            &format!("allow_anonymous true\nrequire_certificate true\ncapath /a\n{TLS}listener 1 ::1"),
            &format!(
                "allow_anonymous true\nlistener 2\nrequire_certificate true\ncapath /a\n{TLS}listener 1 ::1"
            ),
        ),
        pair("deprecated", "allow_duplicate_messages true", "retain_available true"),
        pair(
            "identity-unproven",
            &format!("listener 1\n{TLS}cafile /a\nuse_identity_as_username true"),
            &format!("listener 1\n{TLS}cafile /a\nuse_identity_as_username true\nrequire_certificate true"),
        ),
        pair(
            "identity-unproven",
            &format!("listener 1\n{TLS}use_subject_as_username true\nrequire_certificate true"),
            &format!("listener 1\n{TLS}cafile /a\nuse_subject_as_username true\nrequire_certificate true"),
        ),
        pair(
            "identity-unproven",
            &format!("listener 1\n{TLS}use_identity_as_username true"),
            "listener 1 ::1\nenable_proxy_protocol 2\nuse_identity_as_username true",
        ),
        pair("missing-file", &format!("acl_file /missing\n{local}"), &format!("acl_file /there\n{local}")),
        pair("mount-point", &format!("{local}mount_point m"), &format!("{local}mount_point m/")),
        pair("no-effect", "set_tcp_nodelay true", "set_tcp_nodelay false"),
        pair("no-effect", "max_keepalive 5 seconds", "max_keepalive 5 # seconds"),
        pair("no-effect", &format!("{local}ciphers x"), &format!("{local}{TLS}ciphers x")),
        pair(
            "no-effect",
            &format!("{local}unix_socket_mode 600"),
            "listener 0 /s\nlistener_allow_anonymous true\nunix_socket_mode 600",
        ),
        pair(
            "no-effect",
            &format!("{local}websockets_path /mqtt"),
            &format!("{local}protocol websockets\nwebsockets_origin o\nwebsockets_path /mqtt"),
        ),
        pair("no-effect", "persistence false\npersistence_location /d", "persistence_location /d"),
        pair(
            "no-effect",
            "connection b\naddress b\ntopic a\nremote_password p\nbridge_cafile /a",
            "connection b\naddress b\ntopic a\nremote_password p\nremote_username u\nbridge_cafile /a",
        ),
        pair("no-limit", "max_queued_bytes 0", "max_queued_bytes 100"),
        pair("mount-point", &format!("{local}mount_point house"), &format!("{local}mount_point house/")),
        pair("nobody", "listener 1", "listener 1 ::1\npassword_file /p"),
        pair("nobody", "allow_anonymous false", "allow_anonymous false\npassword_file /p"),
        pair(
            "old-tls",
            &format!("listener 1\npassword_file /p\n{TLS}tls_version tlsv1.1"),
            &format!("listener 1\npassword_file /p\n{TLS}tls_version tlsv1.2"),
        ),
        pair(
            "old-tls",
            &format!("listener 1\npassword_file /p\n{TLS}tls_version sslv3"),
            &format!("listener 1\npassword_file /p\n{TLS}tls_version tlsv1.3"),
        ),
        pair("overridden", "max_keepalive 5\nmax_keepalive 6", "max_keepalive 6"),
        pair(
            "passwords-optional",
            &format!("password_file /p\n{local}"),
            &format!("password_file /p\nacl_file /some\n{local}"),
        ),
        pair(
            "passwords-unprotected",
            "listener 1\npassword_file /p",
            &format!("listener 1\npassword_file /p\n{TLS}"),
        ),
        pair(
            "passwords-unprotected",
            "listener 1\nplugin mosquitto_dynamic_security.so",
            "listener 1 ::1\nplugin mosquitto_dynamic_security.so",
        ),
        pair(
            "proxy-public",
            "listener 1\npassword_file /p\nenable_proxy_protocol 2",
            "listener 1 ::1\npassword_file /p\nenable_proxy_protocol 2",
        ),
        pair("mount-point", &format!("{local}mount_point a"), &format!("{local}mount_point a/")),
        pair("readable-secret", "listener 1 ::1\npassword_file /open", "listener 1 ::1\npassword_file /p"),
        pair("root", "user root", "user mosquitto"),
        pair(
            "same-port",
            "password_file /p\nlistener 1 ::1\nlistener 1 ::1",
            "password_file /p\nlistener 1 ::1\nlistener 1 127.0.0.1",
        ),
        pair(
            "unknown-user",
            &format!("password_file /p\nacl_file /joe\n{local}"),
            &format!("password_file /joes\nacl_file /joe\n{local}"),
        ),
        // Without passwords everyone may have any name.
        pair(
            "unknown-user",
            "listener 1 ::1\nplugin mosquitto_acl_file.so\nplugin_opt_acl_file /joe\n\
             plugin mosquitto_password_file.so\nplugin_opt_password_file /p",
            &format!("acl_file /joe\n{local}"),
        ),
        pair(
            "unknown-user",
            &format!("password_file /p\nacl_file /joe\n{local}{TLS}cafile /a\nrequire_certificate true"),
            &format!(
                "password_file /p\nacl_file /joe\n{local}{TLS}cafile /a\nrequire_certificate true\n\
                 use_identity_as_username true"
            ),
        ),
        pair(
            "unreadable-file",
            "user broker\nlistener 1 ::1\npassword_file /roots/passwords",
            "user broker\nlistener 1 ::1\npassword_file /p",
        ),
        pair("unreadable-file", &format!("acl_file /shut\n{local}"), &format!("acl_file /some\n{local}")),
        pair("writable-file", &format!("acl_file /changed\n{local}"), &format!("acl_file /some\n{local}")),
        pair("wrong-file", &format!("acl_file /wrong\n{local}"), &format!("acl_file /some\n{local}")),
        pair("wrong-file", "listener 1 ::1\npassword_file /plain", "listener 1 ::1\npassword_file /p"),
        pair(
            "readable-secret",
            "listener 1 ::1\nplugin mosquitto_password_file.so\nplugin_opt_password_file /open",
            "listener 1 ::1\nplugin mosquitto_password_file.so\nplugin_opt_password_file /p",
        ),
        // The file of dynamic security is made when it is not there.
        pair(
            "missing-file",
            "listener 1 ::1\nplugin mosquitto_password_file.so\nplugin_opt_password_file /missing",
            "listener 1 ::1\nplugin mosquitto_dynamic_security.so\nplugin_opt_config_file /missing",
        ),
    ]
}

#[test]
fn each_rule_finds_what_it_is_about_and_nothing_else() {
    let mut tested = BTreeSet::new();
    for (rule, with, without) in pairs() {
        assert_eq!(found(&with), [rule], "{with}");
        assert_eq!(found(&without), [""; 0], "{without}");
        tested.insert(rule);
    }
    let all: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(tested, all);
}

#[test]
fn the_dialect_counts() {
    let text = "persistence_location /d";
    assert_eq!(found(text), [""; 0]);
    assert_eq!(found_as(text, Dialect::Mosquitto), ["no-effect"]);
}

#[test]
fn what_stands_in_a_file_is_told_with_its_line_behind_what_stands_in_the_configuration() {
    let text = b"password_file /plain\nacl_file /joe\nlistener 1 ::1\nlistener_allow_anonymous true\nmax_keepalive 5 6\n";
    let mut notes = Vec::new();
    let configuration = Configuration::parse("z.conf", text, Dialect::Martlet, &mut notes).unwrap();
    let report = lint(&configuration, &notes, Dialect::Martlet, &Machine);
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let expected = [
        "z.conf:5: what stands behind the value of `max_keepalive` has no effect [no-effect]",
        "/joe:1: no password file has the user joe [unknown-user]",
        "/plain:1: what follows the user name is no hash of a password, as `martlet passwd` makes them [wrong-file]",
    ];
    assert_eq!(findings, expected);
    assert!(report.is_fatal());
}

#[test]
fn what_keeps_the_broker_from_starting_is_told() {
    let configuration =
        Configuration::parse("a.conf", b"listener 1\n", Dialect::Martlet, &mut Vec::new()).unwrap();
    let report = lint(&configuration, &[], Dialect::Martlet, &Machine);
    assert_eq!(report.errors.len(), 1);
    assert!(
        report.to_string().contains("does not start with it\n  a.conf:1: nobody could connect"),
        "{report}"
    );
}
