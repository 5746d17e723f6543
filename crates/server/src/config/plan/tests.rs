use super::*;

use martlet_transport::{
    ClientCertificates, LocalCommand, ProxyOptions, ProxyVersion, Refusal, TlsOptions, TlsVersion,
    WebSocketOptions,
};
use martlet_wire::QoS;

use crate::options::{Conditions, Family, Security, UnixAddress};

fn read(text: &str) -> Configuration {
    Configuration::parse("a.conf", text.as_bytes(), Dialect::Martlet, &mut Vec::new()).unwrap()
}

fn planned(text: &str, dialect: Dialect, ports: &[u16]) -> Result<Options, PlanError> {
    Plan { dialect, ports: ports.into(), file: Some("a.conf".into()), key_log: None }.options(&read(text))
}

fn options(text: &str) -> Options {
    planned(text, Dialect::Martlet, &[]).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn problem(text: &str) -> String {
    planned(text, Dialect::Martlet, &[]).map(|_| ()).expect_err(text).to_string()
}

fn listen(host: Host, port: u16) -> options::Place {
    options::Place::Tcp(ListenAddress { host, port })
}

fn places(options: &Options) -> Vec<options::Place> {
    options.listeners.iter().map(|listener| listener.place.clone()).collect()
}

/// The only listener that a text makes, in the words of either dialect.
fn listener_as(text: &str, dialect: Dialect) -> ListenerOptions {
    let text = format!("allow_anonymous true\n{text}");
    let options = planned(&text, dialect, &[]).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(options.listeners.len(), 1, "{text:?}");
    options.listeners[0].clone()
}

fn listener(text: &str) -> ListenerOptions {
    listener_as(text, Dialect::Martlet)
}

#[test]
fn without_a_listener_it_listens_on_the_loopback_addresses() {
    assert_eq!(places(&options("")), [listen(Host::Loopback, 1883)]);
    assert_eq!(places(&options("max_qos 1")), [listen(Host::Loopback, 1883)]);
    let ports = places(&planned("", Dialect::Martlet, &[1884, 1885]).unwrap());
    assert_eq!(ports, [listen(Host::Loopback, 1884), listen(Host::Loopback, 1885)]);
}

#[test]
fn listeners() {
    let named = |name: &str| Host::Named(name.into());
    let open = "allow_anonymous true\n";
    let chosen = |host: Option<&str>, family, interface: Option<&str>| {
        let (host, interface) = (host.map(Into::into), interface.map(Into::into));
        listen(Host::Chosen(Conditions { host, family, interface }), 1884)
    };
    let table: &[(&str, &[options::Place])] = &[
        ("listener 1884 127.0.0.1", &[listen(named("127.0.0.1"), 1884)]),
        ("listener 1884", &[listen(Host::Any, 1884)]),
        ("listener 1884\nsocket_domain ipv4", &[chosen(None, Some(Family::V4), None)]),
        ("listener 1884 a.example\nsocket_domain ipv6", &[chosen(Some("a.example"), Some(Family::V6), None)]),
        ("listener 1884\nbind_interface lo", &[chosen(None, None, Some("lo"))]),
        ("port 5\nlistener 6 ::1", &[listen(Host::Any, 5), listen(named("::1"), 6)]),
    ];
    for (text, expected) in table {
        assert_eq!(places(&options(&format!("{open}{text}"))), *expected, "{text:?}");
    }
}

#[test]
fn a_port_of_the_command_line_beside_listeners() {
    let text = "listener 1884\nallow_anonymous true";
    assert!(planned(text, Dialect::Martlet, &[1884]).is_ok());
    let error = planned(text, Dialect::Martlet, &[1885]).unwrap_err();
    assert!(error.to_string().starts_with("-p 1885: "), "{error}");
    // Mosquitto passes it over.
    assert_eq!(places(&planned(text, Dialect::Mosquitto, &[1885]).unwrap()), [listen(Host::Any, 1884)]);
}

#[test]
fn programs_of_this_machine_have_the_http_api_where_mosquitto_offers_it() {
    let theirs = |text: &str, ports: &[u16]| planned(text, Dialect::Mosquitto, ports).unwrap();
    let local = theirs("max_qos 1", &[1884, 1885]);
    let api = listen(Host::Named("127.0.0.1".into()), 9883);
    assert_eq!(places(&local), [listen(Host::Loopback, 1884), listen(Host::Loopback, 1885), api]);
    let http: Vec<_> = local.listeners.iter().map(|listener| listener.http.clone()).collect();
    let optional = options::HttpOptions { folder: None, is_optional: true };
    assert_eq!(http, [None, None, Some(optional)]);
    assert_eq!((local.listener_facts[2].port, local.listener_facts[2].allows_anonymous), (9883, true));
    assert!(!theirs("allow_anonymous false", &[]).listener_facts[1].allows_anonymous);
    let said = theirs("listener 1\nprotocol http_api", &[]);
    assert_eq!(said.listeners.len(), 1);
    assert!(!said.listeners[0].http.as_ref().unwrap().is_optional);
}

#[test]
fn tls_of_a_listener() {
    let tls = |text: &str, dialect| match listener_as(text, dialect).security {
        Some(Security::Tls(tls)) => tls,
        other => panic!("{text:?}: {other:?}"),
    };
    let text = "listener 1\ncertfile /c\nkeyfile /k";
    assert_eq!(tls(text, Dialect::Martlet), TlsOptions::new("/c", "/k"));
    let more = "cafile /a\ncapath /f\nrequire_certificate true\ncrlfile /r\n\
                disable_client_cert_date_checks true\ntls_version tlsv1.3\nciphers x\nciphers_tls1.3 y\ntls_alpn mqtt";
    let expected = TlsOptions {
        authority_file: Some("/a".into()),
        authority_directory: Some("/f".into()),
        clients: Some(ClientCertificates { revocation_file: Some("/r".into()), ignores_dates: true }),
        version_min: TlsVersion::Tls13,
        ciphers: Some("x".into()),
        ciphers_tls13: Some("y".into()),
        protocols: vec!["mqtt".into()],
        ..TlsOptions::new("/c", "/k")
    };
    assert_eq!(tls(&format!("{text}\n{more}"), Dialect::Martlet), expected);
    assert_eq!(tls(&format!("{text}\ntls_version tlsv1.1"), Dialect::Martlet).version_min, TlsVersion::Tls12);
    let unknown = format!("allow_anonymous true\n{text}\ntls_version sslv3");
    let error = planned(&unknown, Dialect::Mosquitto, &[]).unwrap_err();
    assert!(error.is_late());
    assert_eq!(error.to_string(), "Unsupported tls_version \"sslv3\".");
    let missing = format!("allow_anonymous true\n{text}\ncrlfile /nonexistent");
    let error = planned(&missing, Dialect::Mosquitto, &[]).unwrap_err();
    assert!(error.is_late());
    let expected = "Unable to load certificate revocation file \"/nonexistent\". Check crlfile.";
    assert_eq!(error.to_string(), expected);
    let plan = Plan { key_log: Some("/keys".into()), ..Plan::default() };
    let planned = plan.options(&read(&format!("allow_anonymous true\n{text}"))).unwrap();
    let Some(Security::Tls(tls)) = &planned.listeners[0].security else { panic!("{planned:?}") };
    assert_eq!(tls.key_log, Some("/keys".into()));
}

#[test]
fn what_comes_before_mqtt() {
    let web = "listener 1\nprotocol websockets\nwebsockets_origin https://a\nwebsockets_origin https://b\n\
               websockets_headers_size 8192\nwebsockets_path /mqtt\nwebsockets_trusted_proxies 1";
    let expected = WebSocketOptions {
        path: Some("/mqtt".into()),
        origins: vec!["https://a".into(), "https://b".into()],
        head_bytes_max: 8192,
        trusted_proxies: 1,
        ..WebSocketOptions::new(ListenerOptions::WEB_SOCKET_PROTOCOLS)
    };
    assert_eq!(listener(web).websocket, Some(expected.clone()));
    let refusing = WebSocketOptions { refusal: Refusal::Close, ..expected };
    assert_eq!(listener_as(web, Dialect::Mosquitto).websocket, Some(refusing));

    let proxy =
        "listener 1\nenable_proxy_protocol 2\nproxy_protocol_v2_require_tls true\nrequire_certificate true";
    let expected =
        ProxyOptions { require_tls: true, require_certificate: true, ..ProxyOptions::new(ProxyVersion::V2) };
    assert_eq!(listener(proxy).proxy, Some(expected));
    assert_eq!(listener_as(proxy, Dialect::Mosquitto).proxy.unwrap().local, LocalCommand::Close);
    let first = listener("listener 1\nenable_proxy_protocol 1\nproxy_protocol_v2_require_tls true").proxy;
    assert_eq!(first, Some(ProxyOptions::new(ProxyVersion::V1)));

    let unix = listener("listener 0 /run/m.sock\nunix_socket_mode 660").place;
    assert_eq!(unix, options::Place::Unix(UnixAddress { path: "/run/m.sock".into(), mode: 0o660 }));
    assert_eq!(options("handshake_timeout 7").handshake_time_max.as_secs(), 7);
}

#[test]
fn limits_on_connections() {
    let options =
        options("listener 1\nmax_connections 5\nlistener 2\nallow_anonymous true\nglobal_max_connections 9");
    let most: Vec<Option<usize>> =
        options.listeners.iter().map(|listener| listener.connections_max).collect();
    assert_eq!(most, [Some(5), None]);
    assert_eq!(options.connections_of_node_max, Some(9));
    assert_eq!(listener("listener 1\nmax_connections 0").connections_max, None);
}

#[cfg(feature = "psk")]
#[test]
fn pre_shared_keys_come_from_their_file() {
    let path = env::temp_dir().join(format!("martlet-plan-psk-{}", std::process::id()));
    std::fs::write(&path, "me:00ff\n").unwrap();
    let text = format!("psk_file {}\nlistener 1\npsk_hint h\nciphers x", path.display());
    let Some(Security::Psk(psk)) = listener(&text).security else { panic!("{text:?}") };
    assert_eq!((psk.keys)("me"), Some(vec![0, 255]));
    assert_eq!(psk.ciphers.as_deref(), Some("x"));
    std::fs::write(&path, "me\n").unwrap();
    let wrong = planned(&format!("allow_anonymous true\n{text}"), Dialect::Martlet, &[]).unwrap_err();
    assert!(wrong.is_late() && wrong.to_string().starts_with("Unable to open psk file "), "{wrong}");
    std::fs::remove_file(&path).unwrap();
    let Some(Security::Psk(psk)) = listener("listener 1\npsk_hint h").security else { panic!() };
    assert_eq!((psk.keys)("me"), None);
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
    assert!(!is_open(&theirs("listener 1")));
    assert_eq!(theirs("").wording, Wording::Mosquitto);
    assert_eq!(theirs("log_format json").wording, Wording::Own);
    assert_eq!(options("").wording, Wording::Own);
    assert_eq!(options("log_format mosquitto").wording, Wording::Mosquitto);
}

/// Whether everyone may come in and do everything.
fn is_open(options: &Options) -> bool {
    options.authority.as_ref().is_some_and(|authority| authority.is_open())
}

#[test]
fn who_may_come_in_becomes_rules() {
    assert!(is_open(&options("")));
    assert!(is_open(&options("listener 1\nallow_anonymous true")));
    assert!(!is_open(&options("listener 1\nlistener_allow_anonymous true\nlistener 2")));
    assert!(!is_open(&options("listener 1\nallow_anonymous true\nclientid_prefixes a-")));
    let nobody = "nobody could connect: there are no passwords, and there is no `allow_anonymous true`";
    assert_eq!(problem("listener 1"), format!("a.conf:1: {nobody}"));
    assert_eq!(problem("\nallow_anonymous false"), format!("a.conf:2: {nobody}"));
}

#[test]
fn what_is_not_there_yet_is_an_error() {
    let table: &[(&str, &str)] = &[
        (
            "memory_limit 10",
            "a.conf:1: `memory_limit` is not supported: this version does not have an allocator that counts memory; \
             let the program make `martlet_heap::Counted` its allocator",
        ),
        (
            "log_dest dlt",
            "a.conf:1: `log_dest dlt` is not supported: this version does not have a log for Diagnostic Log and Trace; \
             use `log_dest syslog` or `log_dest file`",
        ),
        (
            "connection a\naddress b\ntopic c\nbridge_require_ocsp true",
            "a.conf:4: `bridge_require_ocsp` is not supported: this version does not have OCSP; without it the \
             certificate counts as long as `bridge_cafile` vouches for it",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(problem(text), *expected, "{text:?}");
    }
    // Each line is told; but of a plugin that is not there the first.
    let digest = "0123456789abcdef0123456789abcdef01234567";
    let all = problem(&format!(
        "listener 1\ntls_keyform engine\ntls_engine e\ntls_engine_kpass_sha1 {digest}\nplugin a.so\nplugin_opt_abc d"
    ));
    let instead =
        "this version does not have OpenSSL engines; keep the key in a file, and name that by `keyfile`";
    let lines: Vec<&str> = all.lines().collect();
    for (number, option) in [(2, "tls_keyform"), (3, "tls_engine"), (4, "tls_engine_kpass_sha1")] {
        assert_eq!(lines[number - 2], format!("a.conf:{number}: `{option}` is not supported: {instead}"));
    }
    assert!(lines[3].starts_with("a.conf:5: `plugin` is not supported: ") && lines.len() == 4, "{all}");
}

#[test]
fn dynamic_security_can_be_there_only_once() {
    let load = |name: &str| {
        format!("plugin_load {name} mosquitto_dynamic_security.so\nplugin_opt_config_file /{name}\n")
    };
    let once = format!("{}listener 1\nplugin_use a\nlistener 2\nplugin_use a\n", load("a"));
    assert_eq!(options(&once).listeners.len(), 2);
    let expected = "dynamic security can be there only once; for several listeners there is `plugin_use`";
    let twice = format!("{}{}listener 1\nplugin_use a\nlistener 2\nplugin_use b\n", load("a"), load("b"));
    assert_eq!(problem(&twice), format!("a.conf:3: {expected}"));
    let plugin = "plugin mosquitto_dynamic_security.so\nplugin_opt_config_file /a\n";
    let global = format!("listener 1\nglobal_{plugin}{plugin}");
    assert_eq!(problem(&global), format!("a.conf:4: {expected}"));
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

#[test]
fn a_mount_point_belongs_to_its_listener() {
    let options = options("allow_anonymous true\nlistener 1\nmount_point a/\nlistener 2");
    let mount_points: Vec<_> =
        options.engine.listeners.iter().map(|rules| rules.mount_point.as_deref()).collect();
    assert_eq!(mount_points, [Some("a/"), None]);
}

#[test]
fn what_people_depend_on_is_as_in_mosquitto_under_its_name() {
    let features = |text: &str, dialect| planned(text, dialect, &[]).unwrap().engine.features;
    assert!(!features("", Dialect::Martlet).mosquitto_behaviour);
    assert!(features("mosquitto_behaviour true", Dialect::Martlet).mosquitto_behaviour);
    assert!(features("", Dialect::Mosquitto).mosquitto_behaviour);
    assert!(!features("mosquitto_behaviour false", Dialect::Mosquitto).mosquitto_behaviour);
}
