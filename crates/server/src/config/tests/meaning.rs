//! What lines mean: which place an option concerns, and what becomes of its value.

use core::time::Duration;

use martlet_engine::Limits;
use martlet_wire::QoS;

use super::*;

fn tcp(port: u16, host: Option<&str>) -> ListenPlace {
    ListenPlace::Tcp { port, host: host.map(Into::into) }
}

fn places(text: &str) -> Vec<ListenPlace> {
    settings(text).listeners.into_iter().map(|listener| listener.place).collect()
}

#[test]
fn an_empty_file_and_comments_change_nothing() {
    for text in ["", "\n\n", "# listener 1883\n", "#\r\n  \r\n\t\n", "   # indented\n"] {
        assert_eq!(settings(text), Settings::default(), "{text:?}");
    }
}

#[test]
fn blanks_and_line_ends_do_not_matter() {
    let expected = settings("max_keepalive 60\nuser a b");
    for text in [
        "  max_keepalive   60  \r\nuser    a b  \r\n",
        "max_keepalive\t60\nuser\ta b\t",
        "\nmax_keepalive 60\n\nuser a b",
    ] {
        assert_eq!(settings(text), expected, "{text:?}");
    }
}

#[test]
fn listeners_are_in_the_order_of_the_file() {
    let table: &[(&str, &[ListenPlace])] = &[
        ("listener 1884 127.0.0.1", &[tcp(1884, Some("127.0.0.1"))]),
        ("listener 1884 ::1\r\n", &[tcp(1884, Some("::1"))]),
        ("listener 1884", &[tcp(1884, None)]),
        ("listener 0 /run/m.sock", &[ListenPlace::Unix("/run/m.sock".into())]),
        ("port 1885", &[tcp(1885, None)]),
        ("bind_address 127.0.0.1", &[tcp(1883, Some("127.0.0.1"))]),
        ("bind_address ::1\nport 1885", &[tcp(1885, Some("::1"))]),
        ("listener 5\nport 6\nlistener 7 ::1", &[tcp(5, None), tcp(6, None), tcp(7, Some("::1"))]),
    ];
    for (text, expected) in table {
        assert_eq!(places(text), *expected, "{text:?}");
        assert!(!settings(text).is_local_only(), "{text:?}");
    }
    assert!(settings("max_qos 1").is_local_only());
    assert!(!settings("max_qos 1\nlistener 5").is_local_only());
    assert_eq!(places("max_qos 1\nlistener 5"), [tcp(1883, None), tcp(5, None)]);
}

#[test]
fn options_concern_the_listener_above_them() {
    let listeners =
        settings("listener 1\nmax_qos 1\nlistener 2\nmax_topic_alias 7\nport 3\nmax_qos 0").listeners;
    let qos: Vec<QoS> = listeners.iter().map(|listener| listener.maximum_qos).collect();
    assert_eq!(qos, [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtMostOnce]);
    let aliases: Vec<u16> = listeners.iter().map(|listener| listener.topic_alias_maximum).collect();
    assert_eq!(aliases, [10, 7, 10]);
}

#[test]
fn security_belongs_to_all_listeners_or_to_one() {
    let all =
        settings("listener 1\npassword_file /a\nlistener 2\npassword_file /b\nlistener_allow_anonymous true");
    assert_eq!(all.security.password_file, Some("/b".into()));
    let effective: Vec<Security> = all.listeners.iter().map(|listener| all.security_at(listener)).collect();
    assert!(effective.iter().all(|security| security.password_file == Some("/b".into())));
    assert_eq!(effective[1].allow_anonymous, Some(true));

    let each = settings("per_listener_settings true\nlistener 1\npassword_file /a\nlistener 2\nacl_file /b");
    assert_eq!(each.security, Security::default());
    assert_eq!(each.security_at(&each.listeners[0]).password_file, Some("/a".into()));
    assert_eq!(each.security_at(&each.listeners[1]).password_file, None);
    assert_eq!(each.security_at(&each.listeners[1]).acl_file, Some("/b".into()));
}

#[test]
fn who_may_come_in_without_a_user_name() {
    let table: &[(&str, &[bool])] = &[
        ("", &[true]),
        ("max_qos 1", &[true]),
        ("allow_anonymous false", &[false]),
        ("listener 1", &[false]),
        ("port 1", &[false]),
        ("listener 1\nallow_anonymous true", &[true]),
        ("allow_anonymous false\nlistener 1\nlistener_allow_anonymous true\nlistener 2", &[true, false]),
        ("allow_anonymous true\nlistener 1\nlistener_allow_anonymous false\nlistener 2", &[false, true]),
        ("per_listener_settings true\nlistener 1\nallow_anonymous true\nlistener 2", &[true, false]),
    ];
    for (text, expected) in table {
        let settings = settings(text);
        let mut listeners = settings.listeners.clone();
        if settings.is_local_only() {
            listeners = vec![ListenerSettings::default()];
        }
        let admits: Vec<bool> =
            listeners.iter().map(|listener| settings.admits_anonymous(listener)).collect();
        assert_eq!(admits, *expected, "{text:?}");
    }
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
        assert_ne!(settings(&format!("{name} 77")).engine.limits, Limits::default(), "{name}");
    }
    assert_eq!(settings("connect_timeout 5").engine.limits.connect_timeout, Duration::from_secs(5));
}

#[test]
fn limits_of_mosquitto_mean_ours() {
    let limits = |text: &str| settings(text).engine.limits;
    let inflight = limits("max_inflight_messages 7");
    assert_eq!((inflight.inflight_messages_max, inflight.receive_maximum), (7, 7));
    assert_eq!(limits("max_inflight_messages 0").inflight_messages_max, u16::MAX);
    assert_eq!(limits("max_inflight_messages 7\nreceive_maximum 9").receive_maximum, 9);
    assert_eq!(limits("max_queued_messages 0").queued_messages_max, usize::MAX);
    assert_eq!(limits("max_queued_messages -5").queued_messages_max, usize::MAX);
    assert_eq!(limits("max_queued_bytes 0x1000").queued_bytes_max, 4096);
    assert_eq!(limits("max_packet_size 999999999").packet_size_bytes_max, 268_435_460);
    assert_eq!(limits("max_keepalive 5\nmax_keepalive 60").keep_alive_max, 60);
    assert_eq!(limits("global_max_clients 9").sessions_of_node_max, 9);
    assert_eq!(limits("global_max_clients -1").sessions_of_node_max, usize::MAX);
}

#[test]
fn durations_and_sizes_are_typed() {
    let general = |text: &str| settings(text).general;
    let limits = |text: &str| settings(text).engine.limits;
    let expiration = |text| limits(text).session_expiry_interval_max;
    assert_eq!(expiration("persistent_client_expiration 14d"), 14 * 86_400);
    assert_eq!(expiration("persistent_client_expiration 2m"), 60 * 86_400);
    assert_eq!(expiration("persistent_client_expiration 999y"), u32::MAX, "for ever");
    assert_eq!(general("retain_expiry_interval 5").retain_expiry_interval, Some(Duration::from_mins(5)));
    assert_eq!(general("sys_interval 0").sys_interval, Duration::ZERO);
    assert_eq!(general("global_max_connections -1").connections_max, None);
    assert_eq!(general("global_max_connections 9").connections_max, Some(9));
    assert_eq!(limits("message_size_limit 0").payload_bytes_max, usize::MAX);
    assert_eq!(limits("message_size_limit 9").payload_bytes_max, 9);
    assert_eq!(limits("max_inflight_bytes 0").inflight_bytes_max, usize::MAX);
    assert_eq!(limits("max_inflight_bytes 9").inflight_bytes_max, 9);
}

#[test]
fn a_bridge_is_read_whole() {
    let text = "connection cloud\naddress a.example:8883 b.example\ntopic \"my home/#\" both 1 here/ there/\n\
                topic # in 2 \"\" far/\nremote_username u\nremote_password p w\nrestart_timeout 10 60 30\n\
                bridge_protocol_version mqttv50\ncleansession true\nkeepalive_interval 1\nstart_type lazy\n\
                bridge_tcp_keepalive 1 2 3\nbridge_cafile /ca\n";
    let bridges = settings(text).bridges;
    let bridge = &bridges[0];
    let address = |host: &str, port| BridgeAddress { host: host.into(), port };
    assert_eq!(bridge.addresses, [address("a.example", 8883), address("b.example", 1883)]);
    let home = BridgeTopic {
        pattern: Some("my home/#".into()),
        direction: Direction::Both,
        qos: QoS::AtLeastOnce,
        local_prefix: Some("here/".into()),
        remote_prefix: Some("there/".into()),
    };
    assert_eq!(bridge.topics[0], home);
    assert_eq!(bridge.topics[1].local_prefix, None);
    assert_eq!(bridge.remote_password.as_ref().unwrap().expose(), "p w");
    let seconds = Duration::from_secs;
    assert_eq!(bridge.restart, Restart::Backoff { base: seconds(10), cap: seconds(60), stable: seconds(30) });
    assert_eq!(bridge.keep_alive, seconds(5));
    assert_eq!(bridge.tcp_keep_alive, Some((seconds(1), seconds(2), 3)));
    assert!(bridge.tls.is_on() && bridge.clean_start);
    assert_eq!((bridge.version, bridge.start_type), (BridgeProtocol::Mqtt5, StartType::Lazy));
    assert_eq!(bridge.remote_name("host"), "host.cloud");
    assert_eq!(bridge.local_name("host"), "local.host.cloud");
}

#[test]
fn plugins_belong_to_all_listeners_or_to_one() {
    let text = "per_listener_settings true\nglobal_plugin /lib/mosquitto_dynamic_security.so\n\
                plugin_opt_config_file /d.json\nlistener 1\nplugin /lib/mosquitto_password_file.so\n\
                plugin_load named other.so\nlistener 2\nplugin_use named\nplugin_opt_more yes";
    let settings = settings(text);
    let bundled: Vec<Option<BundledPlugin>> = settings.plugins.iter().map(PluginSettings::bundled).collect();
    assert_eq!(bundled, [Some(BundledPlugin::DynamicSecurity), Some(BundledPlugin::PasswordFile), None]);
    assert_eq!(settings.security.plugins, [0]);
    assert_eq!(settings.listeners[0].security.plugins, [1]);
    assert_eq!(settings.listeners[1].security.plugins, [2]);
    assert_eq!(settings.plugins[0].options, [("config_file".to_owned(), "/d.json".to_owned())]);
    assert_eq!(settings.plugins[2].options, [("more".to_owned(), "yes".to_owned())]);
}

#[test]
fn the_log_adds_up() {
    let log = |text: &str| settings(text).logging;
    assert_eq!(log("").destinations, None);
    let both = log("log_dest stdout\nlog_dest file /var/log/a b.log").destinations.unwrap();
    assert!(both.stdout && !both.stderr);
    assert_eq!(both.file, Some("/var/log/a b.log".into()));
    assert_eq!(log("log_dest stdout\nlog_dest none").destinations, Some(Destinations::default()));
    let types = log("log_type error\nlog_type debug").types.unwrap();
    assert!(types.has(LogType::Error) && types.has(LogType::Debug) && !types.has(LogType::Notice));
    assert_eq!(log("log_type error\nlog_type none").types, Some(LogTypes::NONE));
    assert_eq!(log("log_type all").types, Some(LogTypes::ALL));
}

#[test]
fn variables_of_the_environment_are_ours_alone() {
    // Cargo sets it for every test.
    let text = b"user ${CARGO_PKG_NAME}\nserver_reference $${x} $y";
    let ours = Configuration::parse("a", text, Dialect::Martlet, &mut Vec::new()).unwrap();
    assert_eq!(ours.settings.process.user.as_deref(), Some("martlet-server"));
    assert_eq!(ours.settings.engine.features.server_reference.as_deref(), Some("${x} $y"));
    let theirs = Configuration::parse("a", text, Dialect::Mosquitto, &mut Vec::new()).unwrap();
    assert_eq!(theirs.settings.process.user.as_deref(), Some("${CARGO_PKG_NAME}"));
    let message = error("max_keepalive ${CARGO_PKG_NAME}").to_string();
    assert_eq!(message, "a.conf:1: `max_keepalive` takes a number from 0 to 65535, not `...`");
    let message = error("user ${NO_SUCH_VARIABLE_ANYWHERE}").to_string();
    assert!(message.starts_with("a.conf:1: `${NO_SUCH_VARIABLE_ANYWHERE}` is no variable"), "{message}");
}

#[test]
fn the_plugin_for_persistence_has_everything_kept() {
    let with = |more: &str| {
        settings(&format!(
            "{more}plugin /usr/lib/mosquitto_persist_sqlite.so\nplugin_opt_db_file /var/lib/x/m.sqlite3\n"
        ))
        .keeping
    };
    let keeping = with("");
    assert_eq!((keeping.is_on, keeping.location), (Some(true), Some("/var/lib/x".into())));
    assert_eq!(with("persistence_location /y\n").location, Some("/y".into()));
    assert_eq!(
        settings("plugin mosquitto_persist_sqlite.so\n").keeping.is_on,
        None,
        "nor does Mosquitto keep any"
    );
}

#[test]
fn changes_are_told_by_section_and_option() {
    let changed = |old: &str, new: &str| -> Vec<String> {
        let changes = changes(&read(old), &read(new));
        changes
            .iter()
            .map(|it| format!("{}/{}{}", it.section, it.option.name, if it.is_live() { "*" } else { "" }))
            .collect()
    };
    let old = "listener 1\nmax_qos 1\nlog_type error\n# a\nmax_keepalive 0";
    assert_eq!(changed(old, "listener 1\nmax_qos 1\nlog_type error"), [""; 0]);
    assert_eq!(changed(old, "log_type error\nlistener 1\nmaximum_qos 1"), [""; 0]);
    assert_eq!(
        changed(old, "listener 1\nmax_qos 0\nlistener 2\nlog_type debug"),
        ["/log_type*", "listener on port 1/maximum_qos", "listener on port 2/listener"]
    );
    let bridge = "connection a\naddress b\ntopic c\n";
    assert_eq!(changed(bridge, &format!("{bridge}topic d")), ["bridge a/topic*"]);
    assert_eq!(changed("max_keepalive 5", ""), ["/max_keepalive*"]);
    // Files of passwords are read again, whoever reads them; dynamic security is not.
    let passwords = "plugin_load p mosquitto_password_file.so\nplugin_opt_password_file /p\nlistener 1\n";
    let use_ = "listener on port 1/plugin_use*";
    assert_eq!(changed(passwords, &format!("{passwords}plugin_use p")), [use_]);
    let dynamic = "plugin mosquitto_dynamic_security.so\nplugin_opt_config_file /d";
    let section = "plugin mosquitto_dynamic_security.so";
    let expected = [format!("{section}/plugin"), format!("{section}/plugin_opt_*")];
    assert_eq!(changed("", dynamic), expected);
    assert_eq!(changed(dynamic, ""), expected);
}
