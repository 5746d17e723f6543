//! What is wrong is told: in our words with file and line, and in the words of Mosquitto.

use super::*;

/// Lines, our message, Mosquitto's first line.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "# x\n\nfrobnicate 1",
        "a.conf:3: there is no option `frobnicate`",
        "Error: Unknown configuration variable 'frobnicate'.",
    ),
    (
        "listner 1883",
        "a.conf:1: there is no option `listner`; is `listener` meant?",
        "Error: Unknown configuration variable 'listner'.",
    ),
    (
        "\u{1b}[2J 1",
        "a.conf:1: there is no option `\\u{1b}[2J`",
        "Error: Unknown configuration variable '\u{1b}[2J'.",
    ),
    (
        "user",
        "a.conf:1: `user` takes a text, and there is nothing",
        "Error: Empty 'user' value in configuration.",
    ),
    (
        "user  ",
        "a.conf:1: `user` takes a text, and there is nothing",
        "Error: Empty 'user' value in configuration.",
    ),
    (
        "pid_file /a\npid_file /b",
        "a.conf:2: `pid_file` stands here a second time",
        "Error: Duplicate 'pid_file' value in configuration.",
    ),
    (
        "accept_protocol_versions 3",
        "a.conf:1: `accept_protocol_versions` needs a `listener` above it",
        "Error: The 'accept_protocol_versions' option requires a listener to be defined first.",
    ),
    (
        "port 1\naccept_protocol_versions 3",
        "a.conf:2: `accept_protocol_versions` needs a `listener` above it",
        "Error: The 'accept_protocol_versions' option requires a listener to be defined first.",
    ),
    (
        "allow_anonymous falst",
        "a.conf:1: `allow_anonymous` takes `true` or `false`, not `falst`",
        "Error: Invalid 'allow_anonymous' value (falst).",
    ),
    (
        "autosave_interval string",
        "a.conf:1: `autosave_interval` takes a number from -2147483648 to 2147483647, not `string`",
        "Error: 'autosave_interval' value not a number.",
    ),
    (
        "max_queued_messages 99999999999999999999",
        "a.conf:1: `max_queued_messages` takes a number from 0, not `99999999999999999999`",
        "Error: 'max_queued_messages' value out of range.",
    ),
    (
        "listener",
        "a.conf:1: `listener` takes a port and, if not all, the address to listen on; or 0 and the path of a Unix socket, and there is nothing",
        "Error: Empty 'listener port' value in configuration.",
    ),
    (
        "listener 100000",
        "a.conf:1: `listener` takes a port and, if not all, the address to listen on; or 0 and the path of a Unix socket, not `100000`",
        "Error: Invalid 'port' value (100000).",
    ),
    (
        "listener 0",
        "a.conf:1: `listener` takes a port and, if not all, the address to listen on; or 0 and the path of a Unix socket, not `0`",
        "Error: A listener with port 0 must provide a Unix socket path.",
    ),
    (
        "listener 1\nprotocol test",
        "a.conf:2: `protocol` takes `mqtt`, `websockets` or `http_api`, not `test`",
        "Error: Invalid 'protocol' value (test).",
    ),
    (
        "listener 1\nmount_point test/+/",
        "a.conf:2: `mount_point` takes a topic without wildcards, not `test/+/`",
        "Error: Invalid 'mount_point' value (test/+/). Does it contain a wildcard character?",
    ),
    (
        "plugin_opt_inval string",
        "a.conf:1: `plugin_opt_inval` needs a `plugin`, `global_plugin` or `plugin_load` above it",
        "Error: The 'plugin_opt_inval' option requires plugin/global_plugin/plugin_load to be defined first.",
    ),
    (
        "plugin a.so\nplugin_opt_ x",
        "a.conf:2: `plugin_opt_` takes a name of at least three characters behind the underscore, not ``",
        "Error: Invalid 'plugin_opt_' config option.",
    ),
    (
        "plugin a.so\nplugin_opt_test",
        "a.conf:2: `plugin_opt_test` takes a text, and there is nothing",
        "Error: Empty 'test' value in configuration.",
    ),
    (
        "plugin_load p",
        "a.conf:1: `plugin_load` takes a name, and the path of a library, not ``",
        "Error: Missing plugin path for plugin name 'p'.",
    ),
    (
        "auth_plugin_deny_special_chars true",
        "a.conf:1: `auth_plugin_deny_special_chars` needs a `plugin`, `global_plugin` or `plugin_load` above it",
        "Error: An auth_plugin_deny_special_chars option exists in the config file without a plugin.",
    ),
    (
        "connection a\naddress b\ntopic \"missing quote",
        "a.conf:3: `topic` takes a topic; then `out`, `in` or `both`; a QoS; what stands before it here; what stands before it there, not `quote`",
        "Error: Missing closing quote in topic value (quote).",
    ),
    (
        "connection a\nconnection a",
        "a.conf:2: the name of a bridge, `a` is taken",
        "Error: Duplicate bridge name 'a'.",
    ),
    (
        "connection a\naddress b\naddress c",
        "a.conf:3: `address` stands here a second time",
        "Error: Invalid bridge configuration, 'address' only allowed once.",
    ),
    (
        "connection a\naddress",
        "a.conf:2: `address` takes addresses or names, each with `:PORT` behind it if that is not 1883, and there is nothing",
        "Error: Empty address value in configuration.",
    ),
    (
        "\n\nconnection a",
        "a.conf:3: the bridge has no `address`",
        "Error: Invalid bridge configuration: no remote addresses defined.",
    ),
    (
        "connection a\naddress b",
        "a.conf:1: the bridge has no `topic`",
        "Error: Invalid bridge configuration: no topics defined.",
    ),
    (
        "connection a\naddress b\ntopic c\nbridge_psk 0",
        "a.conf:1: `bridge_psk` needs a `bridge_identity`",
        "Error: Invalid bridge configuration: missing bridge_identity.",
    ),
    (
        "connection a\nbridge_psk 0\nbridge_cafile c",
        "a.conf:3: `bridge_cafile`: the bridge uses a pre-shared key, so it cannot use certificates",
        "Error: 'bridge_cafile': Cannot use both certificate and psk encryption in a single bridge.",
    ),
    (
        "connection a\naddress b\ntopic c\nremote_clientid x\nconnection d\naddress b\ntopic c\nremote_clientid x",
        "a.conf:5: a bridge's Client Identifier at this broker, `local_clientid` `local.x` is taken",
        "Error: Bridge local_clientid 'local.x' is not unique. Try changing or setting the local_clientid value for one of the bridges.",
    ),
    (
        "listener 1\nkeyfile k",
        "a.conf:1: `certfile` and `keyfile` belong together",
        "Error: Both certfile and keyfile must be provided to enable a TLS listener.",
    ),
    (
        "listener 1\ncafile k",
        "a.conf:1: `cafile` needs `certfile` and `keyfile`",
        "Error: cafile specified without certfile and keyfile.",
    ),
    (
        "listener 1\npsk_hint h\ncertfile c",
        "a.conf:3: a listener uses either certificates or pre-shared keys",
        "Error: Cannot use both certificate and psk encryption in a single listener.",
    ),
    (
        "listener 1\nenable_proxy_protocol 3",
        "a.conf:2: `enable_proxy_protocol` takes a number from 1 to 2, not `3`",
        "Error: enable_proxy_protocol must be 1 or 2.",
    ),
    (
        "listener 1\nenable_proxy_protocol 2\ncertfile c\nkeyfile k",
        "a.conf:1: with `enable_proxy_protocol 2` the proxy has the TLS, not `certfile` and `keyfile`",
        "Error: certfile and keyfile cannot be used with `enable_proxy_protocol 2`.",
    ),
    (
        "maximum_qos 3",
        "a.conf:1: `maximum_qos` takes a number from 0 to 2, not `3`",
        "Error: 'max_qos' must be between 0 and 2 inclusive.",
    ),
    (
        "max_packet_size 19",
        "a.conf:1: `max_packet_size` takes a number from 20 to 268435460, not `19`",
        "Error: 'max_packet_size' must be >= 20.",
    ),
    (
        "max_keepalive -1",
        "a.conf:1: `max_keepalive` takes a number from 0 to 65535, not `-1`",
        "Error: Invalid 'max_keepalive' value (-1).",
    ),
    (
        "message_size_limit 556000000",
        "a.conf:1: `message_size_limit` takes a number from 0 to 268435455, not `556000000`",
        "Error: Invalid 'message_size_limit' value (556000000).",
    ),
    (
        "websockets_headers_size 65536",
        "a.conf:1: `websockets_headers_size` takes a number from 0 to 65535, not `65536`",
        "Error: Packet buffer size must be between 0 and 65535 inclusive.",
    ),
    (
        "allow_anonymous true\nper_listener_settings true",
        "a.conf:2: `per_listener_settings` has to stand above all options for security",
        "Error: per_listener_settings must be set before any other security settings.",
    ),
    (
        "per_listener_settings true\npassword_file p",
        "a.conf:2: `password_file` needs a `listener` above it",
        "Error: The 'password_file' option requires a listener to be defined first.",
    ),
    (
        "listener 1\nplugin_use p",
        "a.conf:2: no `plugin_load` above gives the name `p`",
        "Error: Plugin 'p' not previously loaded.",
    ),
    (
        "include_dir /nonexistent/x",
        "a.conf:1: `include_dir`: /nonexistent/x cannot be read: No such file or directory (os error 2)",
        "Error: Unable to open include_dir '/nonexistent/x'.",
    ),
    (
        "log_dest file\n",
        "a.conf:1: `log_dest` takes `stdout`, `stderr`, `syslog`, `topic`, `file` with a path behind it, or `none`, and there is nothing",
        "Error: Empty \"log_dest file\" value in configuration.",
    ),
];

#[test]
fn what_is_wrong_is_told_with_file_and_line_and_in_the_words_of_mosquitto() {
    for (text, ours, theirs) in TABLE {
        let error = error(text);
        assert_eq!(error.to_string(), *ours, "{text:?}");
        assert_eq!(error.mosquitto_lines()[0], *theirs, "{text:?}");
    }
}

#[test]
fn a_line_is_told_as_mosquitto_tells_it() {
    let lines = error("\nfoo 1").mosquitto_lines();
    assert_eq!(lines, ["Error: Unknown configuration variable 'foo'.", "Error found at a.conf:2."]);
    // What all lines together show has no line there.
    assert_eq!(error("connection a").mosquitto_lines().len(), 1);
}

#[test]
fn secrets_are_not_told() {
    let text =
        "connection a\naddress b\ntopic c\nbridge_psk s3cret\nremote_password s3cret\nremote_password s3cret";
    let error = error(text);
    assert!(!error.to_string().contains("s3cret") && !format!("{error:?}").contains("s3cret"), "{error:?}");
    let read = read("connection a\naddress b\ntopic c\nremote_password s3cret\nlocal_password s3cret");
    assert!(!format!("{:?}", read.settings).contains("s3cret"), "{read:?}");
    assert!(read.given.iter().all(|given| !given.shown().contains("s3cret")));
}

#[test]
fn text_that_is_none() {
    let parse = |bytes: &[u8]| {
        let read = Configuration::parse("a.conf", bytes, Dialect::Mosquitto, &mut Vec::new());
        read.map_err(|error| error.mosquitto_lines()[0].clone())
    };
    assert!(parse(b"# \xff in a comment\n").is_ok());
    assert_eq!(parse(b"user \xff").unwrap_err(), "Error: Malformed UTF-8 in configuration.");
    assert_eq!(parse(b"user a\0b").unwrap_err(), "Error: Malformed UTF-8 in configuration.");
    assert_eq!(
        parse(format!("user {}", "x".repeat(65_536)).as_bytes()).unwrap_err(),
        "Error: Malformed UTF-8 in configuration."
    );
    assert!(parse(format!("user {}", "x".repeat(65_535)).as_bytes()).is_ok());
}

#[test]
fn what_should_be_said_is_said() {
    let table: &[(&str, &[&str])] = &[
        ("listener 1883", &[]),
        (
            "max_qos 2",
            &["a.conf:1: `max_qos` has no `listener` above it, so it concerns the one on port 1883"],
        ),
        ("retry_interval 20", &["a.conf:1: `retry_interval` has no effect any more"]),
        (
            "max_keepalive 60 seconds",
            &["a.conf:1: what stands behind the value of `max_keepalive` has no effect"],
        ),
        ("max_keepalive 60 # seconds", &[]),
        ("autosave_interval 1800", &[]),
        (
            "autosave_interval 60",
            &["a.conf:1: `autosave_interval` has no effect: everything is saved at once"],
        ),
        (
            "retain_expiry_interval 99999999",
            &[
                "a.conf:1: `retain_expiry_interval` is taken as 10000000",
                "a.conf:1: `retain_expiry_interval` has no effect: retained messages that have expired are found without it",
            ],
        ),
        ("connection a\naddress b\ntopic c\ntopic c out 0", &["a.conf:4: the bridge has `c` already"]),
        (
            "connection a\naddress b\ntopic c\nbridge_insecure true",
            &["a.conf:4: the bridge `a` does not check whom it speaks to"],
        ),
        (
            "per_listener_settings true\nper_listener_settings false",
            &[
                "a.conf:1: `per_listener_settings` is on its way out of Mosquitto",
                "a.conf:2: `per_listener_settings` is on its way out of Mosquitto",
                "a.conf:2: `per_listener_settings` cannot be taken back",
            ],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(notes(text), *expected, "{text:?}");
    }
}
