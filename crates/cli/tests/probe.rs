//! `martlet test` as it is run, against our own broker.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::sync::Arc;

use common::{DEADLINE, Done, broker, broker_options, client, port, run};
use martlet_engine::{Access, Client, Decision, Newcomer};
use martlet_server::{Broker, Rules};
use martlet_tools::json::{self, Json};
use martlet_wire::{QoS, ReasonCode, TopicName};

/// What it found out, as JSON.
fn json(done: &Done) -> Json {
    json::parse(done.out.as_bytes()).unwrap_or_else(|_| panic!("{done:?}"))
}

fn fact(report: &Json, name: &str) -> Json {
    let facts = report.member("facts").unwrap();
    facts.member(name).unwrap_or_else(|| panic!("no {name} in {facts:?}")).clone()
}

/// The outcome of a probe and what is said about it.
fn probe(report: &Json, name: &str) -> (String, String) {
    let probes = report.member("probes").unwrap();
    let probe = probes.member(name).unwrap_or_else(|| panic!("no {name} in {probes:?}"));
    let text = |member| match probe.member(member) {
        Some(Json::Text(text)) => String::from_utf8(text.clone()).unwrap(),
        _ => String::new(),
    };
    (text("outcome"), text("detail"))
}

#[test]
fn a_whole_broker_passes_every_probe_and_keeps_nothing() {
    let broker = broker();
    let done = run(&format!("test 127.0.0.1:{} --json", port(&broker)));
    assert_eq!((done.status, done.err.as_str()), (Some(0), ""));
    let report = json(&done);
    assert_eq!(report.member("works"), Some(&Json::Bool(true)));
    for name in [
        "mqtt-5.0",
        "mqtt-3.1.1",
        "mqtt-3.1",
        "connection",
        "qos-0",
        "qos-1",
        "qos-2",
        "retained",
        "wildcards",
        "shared",
        "session",
        "will",
    ] {
        assert_eq!(probe(&report, name).0, "works", "{name}");
    }
    let times = report.member("probes").unwrap().member("qos-2").unwrap().member("milliseconds").unwrap();
    assert_eq!(times.member("count"), Some(&Json::from(10_u32)));
    let config = broker_options().engine;
    assert_eq!(fact(&report, "receive-maximum"), Json::from(u32::from(config.limits.receive_maximum)));
    assert_eq!(fact(&report, "maximum-qos"), Json::from(2_u32));
    assert_eq!(fact(&report, "anonymous"), Json::from("let in"));
    assert_ne!(fact(&report, "assigned-client-identifier"), Json::Null);

    // What is retained would stand before the message that is published afterwards.
    let client = client(&broker);
    let mut all = client.subscribe("#").unwrap();
    client.publish("end", "").send().unwrap();
    assert_eq!(all.recv_timeout(DEADLINE).unwrap().topic(), "end");
}

#[test]
fn the_table_is_for_people() {
    let broker = broker();
    let done = run(&format!("test mqtt://127.0.0.1:{} -t my/own", port(&broker)));
    assert_eq!((done.status, done.err.as_str()), (Some(0), ""));
    assert!(done.out.starts_with(&format!("mqtt://127.0.0.1:{}\n\nConnection\n", port(&broker))), "{done:?}");
    assert!(done.out.contains("\n  QoS 1 round trip                 works   "), "{done:?}");
    assert!(done.out.ends_with("\nEverything works that a broker has to do.\n"), "{done:?}");
}

#[test]
fn what_a_broker_says_it_lacks_is_no_failure() {
    let mut options = broker_options();
    options.engine.features.maximum_qos = QoS::AtLeastOnce;
    options.engine.features.retain_available = false;
    options.engine.features.shared_subscription_available = false;
    options.engine.limits.session_expiry_interval_max = 0;
    let broker = Broker::start(options).unwrap();
    let done = run(&format!("test 127.0.0.1:{} --json", port(&broker)));
    assert_eq!(done.status, Some(0), "{done:?}");
    let report = json(&done);
    for (name, outcome) in [
        ("qos-1", "works"),
        ("qos-2", "absent"),
        ("retained", "absent"),
        ("shared", "absent"),
        ("session", "absent"),
        ("will", "works"),
    ] {
        assert_eq!(probe(&report, name).0, outcome, "{name}");
    }
    assert_eq!(fact(&report, "maximum-qos"), Json::from(1_u32));
    assert_eq!(fact(&report, "retain-available"), Json::Bool(false));
    assert_eq!(fact(&report, "session-expiry-interval"), Json::from(0_u32));
}

/// Lets in who has this password, and keeps everyone from publishing to one topic.
struct Strict;

impl Access for Strict {
    fn connect(&mut self, newcomer: &Newcomer<'_>) -> Decision {
        let connect = newcomer.connect;
        let is_known = connect.user_name == Some("me") && connect.password == Some(b"secret");
        if is_known { Decision::Accept } else { Decision::Refuse(ReasonCode::NotAuthorized) }
    }

    fn publish(&mut self, _: Client<'_>, topic: TopicName<'_>) -> bool {
        !topic.as_str().ends_with("/qos-1")
    }
}

#[test]
fn a_probe_that_fails_is_an_exit_status() {
    let mut options = broker_options();
    options.rules = Rules { access: Some(Arc::new(|_| Box::new(Strict))), ..Rules::default() };
    let broker = Broker::start(options).unwrap();
    let port = port(&broker);
    let done = run(&format!("test 127.0.0.1:{port} -u me -P secret --json"));
    assert_eq!(done.status, Some(1), "{done:?}");
    let report = json(&done);
    assert_eq!(report.member("works"), Some(&Json::Bool(false)));
    let Json::Text(anonymous) = fact(&report, "anonymous") else { panic!("{report:?}") };
    assert!(anonymous.starts_with(b"refused: Not authorized"), "{done:?}");
    assert_eq!(probe(&report, "qos-1").0, "fails");
    assert_eq!(probe(&report, "qos-2").0, "works");

    let done = run(&format!("test mqtt://me:wrong@127.0.0.1:{port}"));
    assert_eq!(done.status, Some(1), "{done:?}");
    assert!(
        done.out.contains(
            "\n  MQTT 5.0                         FAILS   the server refuses the connection: Not authorized"
        ),
        "{done:?}"
    );
    assert!(done.out.ends_with("\nOne thing does not work that a broker has to do.\n"), "{done:?}");
}

#[test]
fn a_broker_that_is_not_there_is_told() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let done = run(&format!("test 127.0.0.1:{closed}"));
    assert_eq!((done.status, done.err.as_str()), (Some(1), ""));
    assert!(
        done.out.contains("\n  MQTT 3.1.1                       FAILS   Connection refused\n"),
        "{done:?}"
    );
    assert!(!done.out.contains("Messages"), "{done:?}");
    let wrong = run("test http://h");
    assert_eq!(wrong.status, Some(1));
    assert!(wrong.err.starts_with("Error: Unsupported URL scheme.\n"), "{wrong:?}");
    assert_eq!(run("test --help").status, Some(0));
}
