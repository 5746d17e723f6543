use super::*;

use martlet_wire::QoS;

fn read(text: &str) -> Configuration {
    Configuration::parse("a.conf", text.as_bytes(), Dialect::Martlet, &mut Vec::new()).unwrap()
}

fn planned(text: &str, dialect: Dialect, ports: &[u16]) -> Result<Options, PlanError> {
    Plan { dialect, ports: ports.into(), file: Some("a.conf".into()) }.options(&read(text))
}

fn options(text: &str) -> Options {
    planned(text, Dialect::Martlet, &[]).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn problem(text: &str) -> String {
    planned(text, Dialect::Martlet, &[]).map(|_| ()).expect_err(text).to_string()
}

fn listen(host: Host, port: u16) -> ListenAddress {
    ListenAddress { host, port }
}

#[test]
fn without_a_listener_it_listens_on_the_loopback_addresses() {
    assert_eq!(options("").listeners, [listen(Host::Loopback, 1883)]);
    assert_eq!(options("max_qos 1").listeners, [listen(Host::Loopback, 1883)]);
    let ports = planned("", Dialect::Martlet, &[1884, 1885]).unwrap().listeners;
    assert_eq!(ports, [listen(Host::Loopback, 1884), listen(Host::Loopback, 1885)]);
}

#[test]
fn listeners() {
    let named = |name: &str| Host::Named(name.into());
    let open = "allow_anonymous true\n";
    let table: &[(&str, &[ListenAddress])] = &[
        ("listener 1884 127.0.0.1", &[listen(named("127.0.0.1"), 1884)]),
        ("listener 1884", &[listen(Host::Any, 1884)]),
        ("listener 1884\nsocket_domain ipv4", &[listen(named("0.0.0.0"), 1884)]),
        ("listener 1884\nsocket_domain ipv6", &[listen(named("::"), 1884)]),
        ("port 5\nlistener 6 ::1", &[listen(Host::Any, 5), listen(named("::1"), 6)]),
    ];
    for (text, expected) in table {
        assert_eq!(options(&format!("{open}{text}")).listeners, *expected, "{text:?}");
    }
}

#[test]
fn a_port_of_the_command_line_beside_listeners() {
    let text = "listener 1884\nallow_anonymous true";
    assert!(planned(text, Dialect::Martlet, &[1884]).is_ok());
    let error = planned(text, Dialect::Martlet, &[1885]).unwrap_err();
    assert!(error.to_string().starts_with("-p 1885: "), "{error}");
    // Mosquitto passes it over.
    assert_eq!(planned(text, Dialect::Mosquitto, &[1885]).unwrap().listeners, [listen(Host::Any, 1884)]);
}

#[test]
fn each_listener_has_rules_of_its_own() {
    let text = "auto_id_prefix all-\nallow_anonymous true\nlistener 1\nmax_qos 1\naccept_protocol_versions 5\n\
                listener 2\nmax_topic_alias 3\nlistener_auto_id_prefix two-";
    let listeners = options(text).engine.listeners;
    let first = ListenerRules {
        refused_versions: vec![ProtocolVersion::Mqtt31, ProtocolVersion::Mqtt311],
        maximum_qos: Some(QoS::AtLeastOnce),
        allow_zero_length_client_identifier: Some(true),
        client_identifier_prefix: Some("all-".into()),
        ..ListenerRules::default()
    };
    let second = ListenerRules {
        topic_alias_maximum: Some(3),
        allow_zero_length_client_identifier: Some(true),
        client_identifier_prefix: Some("two-".into()),
        ..ListenerRules::default()
    };
    assert_eq!(listeners, [first, second]);
    let local = planned("max_qos 0\nallow_zero_length_clientid false", Dialect::Martlet, &[1, 2]).unwrap();
    let rules = ListenerRules {
        maximum_qos: Some(QoS::AtMostOnce),
        allow_zero_length_client_identifier: Some(false),
        ..ListenerRules::default()
    };
    assert_eq!(local.engine.listeners, [rules.clone(), rules]);
}

#[test]
fn what_mosquitto_does_by_default() {
    let theirs = |text: &str| planned(text, Dialect::Mosquitto, &[]).unwrap();
    assert!(options("").engine.features.reason_strings);
    assert!(!theirs("").engine.features.reason_strings);
    assert!(theirs("reason_strings true").engine.features.reason_strings);
    assert!(!options("").engine.features.exactly_once_at_release);
    assert!(theirs("").engine.features.exactly_once_at_release);
    assert!(!theirs("exactly_once_at_release false").engine.features.exactly_once_at_release);
    assert!(theirs("").persistence.is_none());
    // It starts, and turns everyone away.
    assert!(theirs("listener 1").rules.access.is_some());
    assert_eq!(theirs("").wording, Wording::Mosquitto);
    assert_eq!(theirs("log_format json").wording, Wording::Own);
    assert_eq!(options("").wording, Wording::Own);
    assert_eq!(options("log_format mosquitto").wording, Wording::Mosquitto);
}

#[test]
fn who_may_come_in_becomes_rules() {
    assert!(options("").rules.access.is_none());
    assert!(options("listener 1\nallow_anonymous true").rules.access.is_none());
    assert!(options("listener 1\nlistener_allow_anonymous true\nlistener 2").rules.access.is_some());
    let nobody = "nobody could connect: there are no passwords, and there is no `allow_anonymous true`";
    assert_eq!(problem("listener 1"), format!("a.conf:1: {nobody}"));
    assert_eq!(problem("\nallow_anonymous false"), format!("a.conf:2: {nobody}"));
}

#[test]
fn what_is_not_there_yet_is_an_error() {
    let table: &[(&str, &str)] = &[
        (
            "\npassword_file /etc/p",
            "a.conf:2: `password_file` is not supported: this version does not have passwords",
        ),
        (
            "listener 0 /run/m.sock",
            "a.conf:1: `listener 0` is not supported: this version does not have Unix sockets",
        ),
        (
            "message_size_limit 10",
            "a.conf:1: `message_size_limit` is not supported: this version does not have limits on the size of messages apart from that of packets",
        ),
        (
            "log_dest topic",
            "a.conf:1: `log_dest topic` is not supported: this version does not have a log in topics",
        ),
        (
            "listener 1\nprotocol http_api",
            "a.conf:2: `protocol http_api` is not supported: this version does not have an HTTP API",
        ),
        (
            "listener 1\nprotocol websockets",
            "a.conf:2: `protocol websockets` is not supported: this version does not have WebSocket",
        ),
        (
            "listener 1 example.org\nsocket_domain ipv4",
            "a.conf:2: `socket_domain ipv4` is not supported: this version does not have listeners on one network interface",
        ),
        (
            "connection a\naddress b\ntopic c",
            "a.conf:1: `connection` is not supported: this version does not have bridges",
        ),
        (
            "connection a\naddress b\ntopic c\nremote_password s3cret",
            "a.conf:1: `connection` is not supported: this version does not have bridges",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(problem(text), *expected, "{text:?}");
    }
    let all = problem("listener 1\nmax_connections 5\nlistener 2\ncertfile c\nkeyfile k\nacl_file a");
    assert_eq!(all.lines().count(), 3, "{all}");
}

#[test]
fn what_says_what_is_so_anyway_is_no_error() {
    let text = "allow_anonymous true\nlistener 1\nprotocol mqtt\nrequire_certificate false\nmax_connections -1\n\
                tls_keyform pem\naccept_protocol_versions 3,4,5\nmessage_size_limit 0\nmemory_limit 0\n\
                enable_control_api false\nqueue_qos0_messages false\nsys_interval 60\nautosave_interval 60";
    assert_eq!(options(text).listeners.len(), 1);
}

#[test]
fn what_is_kept_has_a_place_of_its_own() {
    let environment = |name: &str| (name == "HOME").then(|| "/home/me".into());
    let place_as = |dialect, keeping: Keeping, port| {
        let plan = Plan { dialect, ..Plan::default() };
        plan.persistence(&keeping, port, environment).map(|it| it.location)
    };
    let place = |keeping, port| place_as(Dialect::Martlet, keeping, port);
    let keeping = Keeping::default;
    assert_eq!(place(keeping(), 1883), Some("/home/me/.local/state/martlet/1883".into()));
    assert_eq!(place(keeping(), 0), None);
    assert_eq!(place(Keeping { is_on: Some(false), ..keeping() }, 1883), None);
    assert_eq!(place(Keeping { durability: Durability::None, ..keeping() }, 1883), None);
    let located = Keeping { location: Some("/data".into()), ..keeping() };
    assert_eq!(place(located.clone(), 0), Some("/data/martlet".into()));
    let named = Keeping { file: Some("7.db".into()), is_on: Some(true), ..located };
    assert_eq!(place(named.clone(), 0), Some("/data/7.db.martlet".into()));
    assert_eq!(place_as(Dialect::Mosquitto, named, 1), Some("/data/7.db.martlet".into()));
    let on = Keeping { is_on: Some(true), ..keeping() };
    assert_eq!(place_as(Dialect::Mosquitto, on.clone(), 1), Some("./martlet".into()));
    let plan = Plan { dialect: Dialect::Mosquitto, ..Plan::default() };
    let located =
        plan.persistence(&on, 1, |name| (name == "MOSQUITTO_PERSISTENCE_LOCATION").then(|| "/volume".into()));
    assert_eq!(located.map(|it| it.location), Some("/volume/martlet".into()));
    let of_the_system = Plan::default().persistence(&keeping(), 1883, |_| None).map(|it| it.location);
    assert_eq!(of_the_system, Some("/var/lib/martlet/1883".into()));
}
