//! Right arguments: what they come to.

use core::time::Duration;
use std::ffi::OsString;

use martlet_tools::flags::{
    self, Address, ClientId, Environment, Output, PayloadOption, PlayOptions, ProbeOptions, PublishOptions,
    Request, RequestOptions, RetainHandling, SubscribeOptions, Version,
};
use martlet_tools::property::{Property, PropertyId, Value};
use proptest::prelude::*;

fn words(arguments: &str) -> Vec<OsString> {
    arguments.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect()
}

fn publish(arguments: &str) -> PublishOptions {
    match flags::publish(&words(arguments), &Environment::default()) {
        Ok(Request::Run(options)) => *options,
        other => panic!("{arguments}: {other:?}"),
    }
}

fn subscribe(arguments: &str) -> SubscribeOptions {
    match flags::subscribe(&words(arguments), &Environment::default()) {
        Ok(Request::Run(options)) => *options,
        other => panic!("{arguments}: {other:?}"),
    }
}

fn request(arguments: &str) -> RequestOptions {
    match flags::request(&words(arguments), &Environment::default()) {
        Ok(Request::Run(options)) => *options,
        other => panic!("{arguments}: {other:?}"),
    }
}

fn tcp(host: &str, port: u16) -> Address {
    Address::Tcp { host: host.to_owned(), port }
}

#[test]
fn defaults() {
    let options = publish("");
    let connection = &options.connection;
    assert_eq!(connection.address, tcp("localhost", 1883));
    assert_eq!((connection.version, connection.keep_alive), (Version::V311, Duration::from_mins(1)));
    assert_eq!((connection.client_id.clone(), connection.clean_start), (ClientId::Chosen, true));
    assert_eq!((connection.session_expiry_seconds, connection.in_flight_max), (0, 20));
    assert!(!connection.tls.enabled && connection.will.is_none() && connection.proxy.is_none());
    assert_eq!((options.repeat_count, options.repeat_delay), (1, Duration::ZERO));
    assert_eq!(request("").connection.version, Version::V5);
    assert_eq!(subscribe("-t a").output, Output::default());
    let control = flags::control(&[], &Environment::default()).unwrap();
    let Request::Run(control) = control else { panic!("{control:?}") };
    assert_eq!((control.qos, control.connection.version), (1, Version::V5));
}

#[test]
fn where_the_broker_is() {
    for (arguments, address, encrypted) in [
        ("-h host -p 5", tcp("host", 5), false),
        ("--cafile f", tcp("localhost", 8883), true),
        ("--psk 00 --psk-identity i", tcp("localhost", 8883), true),
        ("-p 8883", tcp("localhost", 8883), true),
        ("-p 8883 --no-tls", tcp("localhost", 8883), false),
        ("--tls-use-os-certs", tcp("localhost", 1883), true),
        ("-L mqtts://host/t", tcp("host", 8883), true),
        ("-L wss://host:99/t", tcp("host", 99), true),
        ("--unix /a/b", Address::Unix("/a/b".into()), false),
    ] {
        let connection = publish(arguments).connection;
        assert_eq!(connection.address, address, "{arguments}");
        assert_eq!(connection.tls.enabled, encrypted, "{arguments}");
    }
    let connection = publish("-p 8883 --cafile f").connection;
    assert!(!connection.tls.roots.system, "a file replaces the system's certificates");
}

#[test]
fn sessions() {
    for (arguments, clean_start, expiry, version) in [
        ("-c -i me", false, u32::MAX, Version::V311),
        ("-c -i me -V 5", false, u32::MAX, Version::V5),
        ("-c -i me -x 60", false, 60, Version::V5),
        ("-x 0x10", true, 16, Version::V5),
        ("-x -1 -i me", true, u32::MAX, Version::V5),
        ("-x ∞ -i me", true, u32::MAX, Version::V5),
        ("-V 31", true, 0, Version::V31),
        ("-D connect receive-maximum 5", true, 0, Version::V5),
    ] {
        let connection = publish(arguments).connection;
        assert_eq!(connection.clean_start, clean_start, "{arguments}");
        assert_eq!(connection.session_expiry_seconds, expiry, "{arguments}");
        assert_eq!(connection.version, version, "{arguments}");
    }
    assert_eq!(publish("-I pre").connection.client_id, ClientId::Prefix("pre".to_owned()));
}

#[test]
fn properties_go_to_their_packets() {
    let options = publish(
        "-D publish content-type text -D PUBLISH user-property a b -D will will-delay-interval 7 \
         -D connect authentication-data xyz -D disconnect session-expiry-interval 4294967295 --will-topic w",
    );
    let lists = options.connection.properties;
    let property = |id, value| Property { id, value };
    assert_eq!(
        lists.publish,
        [
            property(PropertyId::ContentType, Value::Text("text".to_owned())),
            property(PropertyId::UserProperty, Value::Pair("a".to_owned(), "b".to_owned())),
        ]
    );
    assert_eq!(lists.will, [property(PropertyId::WillDelayInterval, Value::Number(7))]);
    assert_eq!(lists.connect, [property(PropertyId::AuthenticationData, Value::Binary(b"xyz".to_vec()))]);
    assert_eq!(lists.disconnect, [property(PropertyId::SessionExpiryInterval, Value::Number(u32::MAX))]);
    assert!(lists.subscribe.is_empty() && lists.unsubscribe.is_empty());
}

#[test]
fn what_is_published() {
    let options = publish("-t a/b -m hello -q 2 -r --repeat 3 --repeat-delay 0.5 -u me -P pw --will-topic w");
    assert_eq!((options.topic.as_deref(), options.qos, options.retain), (Some("a/b"), 2, true));
    assert_eq!(options.payload, Some(PayloadOption::Text(b"hello".to_vec())));
    assert_eq!((options.repeat_count, options.repeat_delay), (3, Duration::from_millis(500)));
    assert!(!format!("{options:?}").contains("pw"), "passwords are hidden");
    assert!(options.connection.will.is_some_and(|will| will.payload.is_empty()));
    assert_eq!(publish("-l").payload, Some(PayloadOption::Lines));
    assert_eq!(publish("--null-message").payload, Some(PayloadOption::Null));
}

#[test]
fn what_is_subscribed_to() {
    let options = subscribe(
        "-t a/# -t +/b -U c -T a/x -C 5 -W 3 -v -N -E --retain-handling new --retain-as-published --random-filter 12.5",
    );
    assert_eq!(options.topics, ["a/#", "+/b"]);
    assert_eq!((options.unsubscribe.len(), options.filter_out.len()), (1, 1));
    assert_eq!((options.count, options.timeout), (Some(5), Some(Duration::from_secs(3))));
    assert!(options.output.verbose && options.output.no_newline && options.exit_after_subscribe);
    assert!(options.retain_as_published && options.retain_handling == RetainHandling::New);
    assert_eq!(options.random_filter, 125);
    assert_eq!(subscribe("-L mqtt://h/a -t b").topics, ["a", "b"]);
    assert_eq!(subscribe("-t a -R").retain_handling, RetainHandling::Never);
}

#[test]
fn what_is_requested() {
    let options = request("-t a -e b -n --latency -F %p");
    assert!(options.latency && options.connection.no_delay && options.output.format.is_some());
    let (topic, _, response) = options.message(&b""[..]).unwrap();
    assert_eq!((topic, response), ("a", "b"));
}

#[test]
fn help_and_version_end_the_arguments() {
    for (arguments, expected) in [
        ("--help --unknown", Request::Help),
        ("--version -h", Request::Version),
        ("-d --help", Request::Help),
    ] {
        let parsed = flags::publish(&words(arguments), &Environment::default()).unwrap();
        assert_eq!(parsed, expected, "{arguments}");
    }
}

/// A flag, or something that may follow one.
fn argument() -> impl Strategy<Value = OsString> {
    let names: Vec<_> = flags::FLAGS.iter().flat_map(flags::Flag::names).collect();
    let values = ["1", "connect", "receive-maximum", "mqtt://a:b@c:1/d", "socks5h://a:b@c:1", "broker"];
    prop_oneof![
        prop::sample::select(names).prop_map(OsString::from),
        prop::sample::select(values.to_vec()).prop_map(OsString::from),
        "\\PC{0,8}".prop_map(OsString::from),
        "(mqtt|wss)://[a@:/%\\[\\]0-9]{0,8}".prop_map(OsString::from),
        "socks5h://[a@:/%\\[\\]0-9]{0,8}".prop_map(OsString::from),
        "[%@\\\\.0-9a-zA-Zé-]{0,8}".prop_map(OsString::from),
    ]
}

proptest! {
    #[test]
    fn no_arguments_make_a_tool_panic(arguments in prop::collection::vec(argument(), 0..8)) {
        let environment = Environment::default();
        let _ = flags::publish(&arguments, &environment);
        let _ = flags::subscribe(&arguments, &environment);
        let _ = flags::request(&arguments, &environment);
        let _ = flags::play(&arguments, &environment);
        let _ = flags::probe(&arguments, &environment);
        if let Ok(Request::Run(options)) = flags::control(&arguments, &environment) {
            let _ = martlet_tools::ctrl::parse(&options.command, None);
        }
        let _ = martlet_tools::ctrl::parse(&arguments, None);
        let _ = martlet_tools::passwd::parse(&arguments);
        let _ = martlet_tools::signal::parse(&arguments);
    }
}

fn play(arguments: &str) -> Result<PlayOptions, String> {
    match flags::play(&words(arguments), &Environment::default()) {
        Ok(Request::Run(options)) => Ok(*options),
        Ok(other) => panic!("{arguments}: {other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

fn probe(arguments: &str) -> Result<ProbeOptions, String> {
    match flags::probe(&words(arguments), &Environment::default()) {
        Ok(Request::Run(options)) => Ok(*options),
        Ok(other) => panic!("{arguments}: {other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn what_is_played() {
    let options = play("a.jsonl -h h --speed 2.5 -q").unwrap_err();
    assert_eq!(options, "Error: Unknown option '-q'.");
    let options = play("-h h a.jsonl --speed 2.5 --skip-damaged -i me").unwrap();
    assert_eq!((options.file.to_str(), options.speed, options.skip_damaged), (Some("a.jsonl"), 2.5, true));
    assert_eq!((&options.connection.address, options.connection.version), (&tcp("h", 1883), Version::V5));
    let options = play("-").unwrap();
    assert_eq!((options.file.to_str(), options.speed, options.skip_damaged), (Some("-"), 1.0, false));
    assert_eq!(play("a --speed 0").unwrap().speed.to_bits(), 0);
    for (arguments, error) in [
        ("", "Error: No file to play given."),
        ("a b", "Error: Unknown option 'b'."),
        ("a --speed -1", "Error: The speed must be a number from 0."),
        ("a --speed fast", "Error: The speed must be a number from 0."),
        ("a --speed inf", "Error: The speed must be a number from 0."),
        ("a --speed", "Error: --speed argument given but no factor specified."),
    ] {
        assert_eq!(play(arguments).unwrap_err(), error, "{arguments}");
    }
}

#[test]
fn what_is_tested() {
    let options = probe("").unwrap();
    assert_eq!(
        (options.connection.address, options.topic.as_str()),
        (tcp("localhost", 1883), "martlet-test")
    );
    for (arguments, address) in [
        ("broker.example", tcp("broker.example", 1883)),
        ("broker.example:7", tcp("broker.example", 7)),
        ("[::1]:7", tcp("::1", 7)),
        ("mqtt://h", tcp("h", 1883)),
        ("mqtts://me:secret@h/", tcp("h", 8883)),
        ("unix:/run/mqtt", Address::Unix("/run/mqtt".into())),
        ("-h h -p 7", tcp("h", 7)),
    ] {
        assert_eq!(probe(arguments).unwrap().connection.address, address, "{arguments}");
    }
    let options = probe("wss://me:secret@h:9 --json -t a/b").unwrap();
    assert!(options.json && options.connection.web_socket && options.connection.tls.enabled);
    assert_eq!(options.topic, "a/b");
    assert_eq!(options.connection.credentials.username.as_deref(), Some("me"));
    assert!(probe("h:8883").unwrap().connection.tls.enabled);
    for (arguments, error) in [
        ("http://h", "Error: Unsupported URL scheme."),
        ("h:0", "Error: Invalid port given: 0"),
        ("h:70000", "Error: Invalid port given: 70000"),
        ("a b", "Error: Unknown option 'b'."),
        ("-t a/#", "Error: Invalid publish topic 'a/#', does it contain '+' or '#'?"),
        ("h -p 1", "Error: The broker can be given as an argument or by -h, -p, -L and --unix, not by both."),
    ] {
        assert_eq!(probe(arguments).unwrap_err(), error, "{arguments}");
    }
}
