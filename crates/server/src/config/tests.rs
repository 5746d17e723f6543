use core::time::Duration;

use martlet_engine::Limits;
use martlet_wire::QoS;

use super::*;
use crate::options::Host;

/// Reads the lines, which have to be right.
fn read(text: &str) -> Settings {
    Settings::parse("a.conf", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// The message about lines that are wrong.
fn error(text: &str) -> String {
    match Settings::parse("a.conf", text.as_bytes()) {
        Ok(settings) => panic!("{text:?} gave {settings:?}"),
        Err(error) => error.to_string(),
    }
}

fn listen(host: Host, port: u16) -> ListenAddress {
    ListenAddress { host, port }
}

#[test]
fn an_empty_file_and_comments_change_nothing() {
    for text in ["", "\n\n", "# listener 1883\n", "#\r\n  \r\n\t\n"] {
        assert_eq!(read(text), Settings::default(), "{text:?}");
    }
}

#[test]
fn listeners() {
    let named = |name: &str| Host::Named(name.into());
    let table: &[(&str, &[ListenAddress])] = &[
        ("listener 1884 127.0.0.1", &[listen(named("127.0.0.1"), 1884)]),
        ("listener 1884 ::1\r\n", &[listen(named("::1"), 1884)]),
        ("listener 1884 localhost", &[listen(named("localhost"), 1884)]),
        ("listener 1884\nallow_anonymous true", &[listen(Host::Any, 1884)]),
        ("allow_anonymous 1\nlistener 1 192.0.2.1", &[listen(named("192.0.2.1"), 1)]),
        ("port 1885\nallow_anonymous true", &[listen(Host::Any, 1885)]),
        ("bind_address 127.0.0.1", &[listen(named("127.0.0.1"), 1883)]),
        ("bind_address ::1\nport 1885", &[listen(named("::1"), 1885)]),
        (
            "listener 5 127.0.0.1\nport 6\nbind_address localhost\nlistener 7 127.0.0.2",
            &[listen(named("localhost"), 6), listen(named("127.0.0.1"), 5), listen(named("127.0.0.2"), 7)],
        ),
    ];
    for (text, listeners) in table {
        assert_eq!(read(text).listeners, *listeners, "{text:?}");
    }
}

#[test]
fn options_of_mosquitto() {
    type Edit = fn(&mut Config);
    let table: &[(&str, Edit)] = &[
        ("max_packet_size 1000", |config| config.limits.packet_size_bytes_max = 1000),
        ("message_size_limit 0", |_| {}),
        ("max_inflight_messages 7", |config| config.limits.inflight_messages_max = 7),
        ("max_inflight_messages 0", |config| config.limits.inflight_messages_max = u16::MAX),
        ("max_queued_messages 7", |config| config.limits.queued_messages_max = 7),
        ("max_queued_messages 0", |config| config.limits.queued_messages_max = usize::MAX),
        ("max_queued_bytes 7", |config| config.limits.queued_bytes_max = 7),
        ("max_queued_bytes 0", |config| config.limits.queued_bytes_max = usize::MAX),
        ("max_keepalive 60", |config| config.limits.keep_alive_max = 60),
        ("max_keepalive 0", |config| config.limits.keep_alive_max = 0),
        ("retain_available false", |config| config.features.retain_available = false),
        ("retain_available true", |_| {}),
        ("reason_strings false", |config| config.features.reason_strings = false),
        ("response_information r/", |config| config.features.response_information = Some("r/".into())),
        ("server_reference b:1883", |config| config.features.server_reference = Some("b:1883".into())),
        ("allow_zero_length_clientid false", |config| {
            config.features.allow_zero_length_client_identifier = false;
        }),
        ("maximum_qos 1", |config| config.features.maximum_qos = QoS::AtLeastOnce),
        ("max_qos 0", |config| config.features.maximum_qos = QoS::AtMostOnce),
        ("  max_keepalive   60  ", |config| config.limits.keep_alive_max = 60),
        ("max_keepalive 5\nmax_keepalive 60", |config| config.limits.keep_alive_max = 60),
    ];
    for (text, edit) in table {
        let mut expected = Config::default();
        edit(&mut expected);
        assert_eq!(read(text).engine, expected, "{text:?}");
    }
}

#[test]
fn maximum_qos_belongs_to_the_listener_above_it() {
    let settings = read("listener 1 ::1\nmax_qos 1\nlistener 2 ::1\nmax_qos 1");
    assert_eq!(settings.engine.features.maximum_qos, QoS::AtLeastOnce);
    let settings = read("max_qos 0\nlistener 1 ::1\nlistener 2 ::1");
    assert_eq!(settings.engine.features.maximum_qos, QoS::AtMostOnce);
    let message = error("listener 1 ::1\nmax_qos 1\nlistener 2 ::1");
    assert_eq!(
        message,
        "a.conf:3: `maximum_qos that differs between listeners` is not supported in this version"
    );
}

#[test]
fn every_limit_has_an_option() {
    let shown = format!("{:?}", Limits::default());
    let names: Vec<&str> = shown
        .trim_start_matches("Limits {")
        .split(", ")
        .filter_map(|field| field.split_once(':'))
        .map(|(name, _)| name.trim())
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let settings = read(&format!("{name} 77"));
        assert_ne!(settings.engine.limits, Limits::default(), "{name}");
        assert!(error(&format!("{name} x")).contains(name));
    }
    assert_eq!(read("connect_timeout 5").engine.limits.connect_timeout, Duration::from_secs(5));
}

#[test]
fn shards() {
    assert_eq!(read("shards 4").shards.map(NonZeroU16::get), Some(4));
    assert_eq!(read("").shards, None);
}

#[test]
fn what_is_wrong_is_told_with_file_line_and_option() {
    let nobody =
        "nobody could connect: this version has no authentication, and there is no `allow_anonymous true`";
    let table: &[(&str, &str)] = &[
        ("# x\n\npassword_file /etc/p", "a.conf:3: `password_file` is not supported in this version"),
        ("per_listener_settings true", "a.conf:1: `per_listener_settings` is not supported in this version"),
        ("no_such_thing", "a.conf:1: `no_such_thing` is not supported in this version"),
        ("\u{1b}[2J 1", "a.conf:1: `\\u{1b}[2J` is not supported in this version"),
        ("listener 0 /run/m.sock", "a.conf:1: `listener 0` is not supported in this version"),
        ("message_size_limit 10", "a.conf:1: `message_size_limit 10` is not supported in this version"),
        ("listener", "a.conf:1: `listener` takes a port and, if not all, the address to listen on"),
        ("listener 1 2 3", "a.conf:1: `listener` takes a port and, if not all, the address to listen on"),
        ("listener 70000", "a.conf:1: `listener` takes a number from 1 to 65535, not `70000`"),
        ("port x", "a.conf:1: `port` takes a number from 1 to 65535, not `x`"),
        ("port", "a.conf:1: `port` takes one value"),
        ("shards 0", "a.conf:1: `shards` takes a number from 1 to 65535, not `0`"),
        ("max_qos 3", "a.conf:1: `max_qos` takes a number from 0 to 2, not `3`"),
        ("max_packet_size 20", "a.conf:1: `max_packet_size` takes a number from 64 to 268435460, not `20`"),
        (
            "max_inflight_messages 65536",
            "a.conf:1: `max_inflight_messages` takes a number from 0 to 65535, not `65536`",
        ),
        ("max_keepalive -1", "a.conf:1: `max_keepalive` takes a number from 0 to 65535, not `-1`"),
        ("receive_maximum 0", "a.conf:1: `receive_maximum` takes a number from 1 to 65535, not `0`"),
        ("retain_available yes", "a.conf:1: `retain_available` takes `true` or `false`, not `yes`"),
        ("allow_anonymous", "a.conf:1: `allow_anonymous` takes one value"),
        ("allow_anonymous false", &format!("a.conf:1: {nobody}")),
        ("listener 1 ::1\nlistener 2", &format!("a.conf:2: {nobody}")),
        ("port 1885", &format!("a.conf:1: {nobody}")),
        ("listener 2 example.org", &format!("a.conf:1: {nobody}")),
    ];
    for (text, message) in table {
        assert_eq!(error(text), *message, "{text:?}");
    }
}

#[test]
fn files() {
    let error = Settings::parse("a.conf", b"# \xff\n").unwrap_err().to_string();
    assert_eq!(error, "a.conf:1: not UTF-8");
    let error = Settings::read(Path::new("/nonexistent/a.conf")).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/a.conf: cannot be read: "), "{error}");
}
