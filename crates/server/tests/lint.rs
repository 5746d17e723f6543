//! What `martlet lint` says of configurations as people have them: all that is unsafe, and nothing false.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::io;
use std::path::Path;

use martlet_server::config::lint::Rule::{
    AclWritesAll, AnonymousPublic, BridgeInsecure, BridgeUnprotected, Deprecated, IdentityUnproven,
    MountPoint, NoEffect, NoLimit, OldTls, Overridden, PasswordsUnprotected, ProxyPublic, ReadableSecret,
    Root,
};
use martlet_server::config::lint::{FileFacts, Files, Report, Rule, lint};
use martlet_server::config::{Configuration, Dialect};

/// A machine that has all files that are named, with permissions as they should be but for two.
struct Machine;

impl Files for Machine {
    fn look(&self, path: &Path) -> io::Result<FileFacts> {
        let is_open = path.ends_with("grown-old/passwd") || path.ends_with("mosquitto/server.key");
        let is_public =
            path.extension().is_some_and(|it| it == "pem" || it == "crt") && !path.ends_with("privkey.pem");
        Ok(FileFacts { mode: if is_open || is_public { 0o644 } else { 0o640 } })
    }

    fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = if path.ends_with("aclfile") {
            "topic readwrite #\nuser admin\ntopic readwrite #\n"
        } else if path.to_str().is_some_and(|path| path.contains("acl")) {
            "user admin\ntopic readwrite #\npattern readwrite devices/%u/#\n"
        } else if path.extension().is_some_and(|it| it == "json") {
            "{}"
        } else {
            "# users\nadmin\nhouse\n"
        };
        Ok(text.into())
    }

    fn may_read(&self, _: &str, _: &Path) -> Option<bool> {
        Some(true)
    }
}

/// Each configuration with the lines that have findings.
const CONFIGS: &[(&str, &[(usize, Rule)])] = &[
    ("home-assistant", &[(2, Root), (14, PasswordsUnprotected), (17, PasswordsUnprotected)]),
    ("zigbee2mqtt", &[(5, AnonymousPublic)]),
    ("node-red", &[(9, PasswordsUnprotected)]),
    ("letsencrypt", &[]),
    ("websockets-nginx", &[]),
    ("cloud-bridge", &[(2, AnonymousPublic)]),
    ("client-certificates", &[]),
    ("docker", &[(7, PasswordsUnprotected), (8, PasswordsUnprotected)]),
    (
        "tasmota-frigate",
        &[
            (2, Deprecated),
            (3, PasswordsUnprotected),
            (11, Deprecated),
            (13, NoLimit),
            (14, NoLimit),
            (19, NoEffect),
        ],
    ),
    (
        "open-relay",
        &[
            (2, Root),
            (3, AnonymousPublic),
            (6, AnonymousPublic),
            (9, AnonymousPublic),
            (11, ReadableSecret),
            (14, OldTls),
            (16, AnonymousPublic),
            (17, MountPoint),
            (25, BridgeInsecure),
        ],
    ),
    ("dynamic-security", &[(2, Deprecated)]),
    ("haproxy", &[(10, ProxyPublic)]),
    (
        "grown-old",
        &[
            (2, Deprecated),
            (2, AnonymousPublic),
            (2, PasswordsUnprotected),
            (4, NoEffect),
            (5, Deprecated),
            (6, Overridden),
            (8, NoLimit),
            (9, NoEffect),
            (10, Deprecated),
            (10, NoEffect),
            (11, Deprecated),
            (13, NoEffect),
            (18, AnonymousPublic),
            (21, ReadableSecret),
            (22, OldTls),
            (23, IdentityUnproven),
            (24, NoEffect),
            (30, BridgeUnprotected),
            (31, NoEffect),
            (32, NoEffect),
            // in the list
            (1, AclWritesAll),
        ],
    ),
];

fn report(name: &str) -> Report {
    let path = format!("{}/tests/configs/{name}.conf", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap();
    let mut notes = Vec::new();
    let configuration =
        Configuration::parse(&format!("{name}.conf"), &text, Dialect::Mosquitto, &mut notes).unwrap();
    lint(&configuration, &notes, Dialect::Mosquitto, &Machine)
}

#[test]
fn findings_are_all_that_is_unsafe_and_nothing_false() {
    for (name, expected) in CONFIGS {
        let report = report(name);
        let mut found: Vec<(usize, Rule)> = report
            .findings
            .iter()
            .map(|finding| (finding.at.as_ref().map_or(0, |at| at.line), finding.rule))
            .collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}:\n{report}");
    }
}

#[test]
fn every_configuration_of_the_folder_is_tested() {
    let folder = format!("{}/tests/configs", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    let mut tested: Vec<String> = CONFIGS.iter().map(|(name, _)| format!("{name}.conf")).collect();
    tested.sort_unstable();
    assert_eq!(names, tested);
}

#[test]
fn a_report_explains_where_and_who_and_when() {
    let text = report("letsencrypt").to_string();
    let expected = "\
What listens
  port 1883 of localhost: MQTT, not encrypted (letsencrypt.conf:5)
    clients: passwords are in /etc/mosquitto/passwd; without a user name nobody comes in
  port 8883 of all addresses: MQTT over TLS 1.2 or newer (letsencrypt.conf:7)
    clients: passwords are in /etc/mosquitto/passwd; without a user name nobody comes in
What is kept
  nothing: Sessions and messages end with the broker
";
    assert!(text.starts_with(expected), "{text}");
    assert!(
        text.contains(
            "takes effect on SIGHUP: allow_anonymous, certfile, keyfile, password_file, tls_version\n"
        ),
        "{text}"
    );
    let text = report("home-assistant").to_string();
    assert!(
        text.contains(
            "takes effect on SIGHUP: acl_file, allow_anonymous, certfile, keyfile, log_dest, log_type, password_file, \
             require_certificate\n"
        ),
        "{text}"
    );
    let text = report("client-certificates").to_string();
    assert!(
        text.contains("clients: they need a certificate, which is who they are; whoever has no name by that does not come in"),
        "{text}"
    );
    let text = report("cloud-bridge").to_string();
    assert!(
        text.contains(
            "  cloud to endpoint.iot.example.com:8883, over TLS: `sensors/#` out, `commands/#` in ("
        ),
        "{text}"
    );
}

/// Bridges are all that is not there yet.
#[test]
fn nothing_keeps_the_broker_from_starting() {
    for (name, _) in CONFIGS {
        let errors: Vec<String> = report(name).errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors, [""; 0], "{name}");
    }
}
