//! What differs between listeners: versions, Maximum QoS, Topic Aliases, assigned Client Identifiers. And the one limit
//! that all shards share.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use common::{CONNACK_311, Client, connect_5, connect_311, options, publish, suback, subscribe};
use martlet_engine::ListenerRules;
use martlet_server::{Broker, Host, ListenAddress, Options};
use martlet_wire::{ProtocolVersion, QoS};

/// A broker with two listeners, of which the first has rules of its own.
fn broker(rules: ListenerRules) -> Broker {
    let mut options = options(2);
    options.listeners.push(ListenAddress { host: Host::Named("127.0.0.1".into()), port: 0 }.into());
    options.engine.listeners = vec![rules];
    Broker::start(options).unwrap()
}

/// The answer to a packet at a listener.
fn answer(broker: &Broker, listener: usize, packet: &[u8]) -> Vec<u8> {
    let mut client = Client::open(broker.local_addrs()[listener]);
    client.send(packet);
    client.receive().unwrap()
}

#[test]
fn versions_are_refused_at_one_listener() {
    let refused_versions = vec![ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5];
    let broker = broker(ListenerRules { refused_versions, ..ListenerRules::default() });
    assert_eq!(answer(&broker, 0, &connect_311("a")), [0x20, 2, 0, 1]);
    assert_eq!(answer(&broker, 0, &connect_5("a"))[3], 0x84);
    assert_eq!(answer(&broker, 1, &connect_311("a")), CONNACK_311);
    assert_eq!(answer(&broker, 1, &connect_5("a"))[3], 0);
    let of_31 = [&[0x10, 15, 0, 6][..], b"MQIsdp", &[3, 2, 0, 60, 0, 1], b"a"].concat();
    assert_eq!(answer(&broker, 0, &of_31), CONNACK_311);
}

#[test]
fn what_is_announced_differs_between_listeners() {
    const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
    const MAXIMUM_QOS: u8 = 0x24;
    let rules = ListenerRules {
        maximum_qos: Some(QoS::AtMostOnce),
        topic_alias_maximum: Some(3),
        ..ListenerRules::default()
    };
    let broker = broker(rules);
    let properties = |listener| answer(&broker, listener, &connect_5("a"))[5..].to_vec();
    assert!(properties(0).starts_with(&[TOPIC_ALIAS_MAXIMUM, 0, 3]), "{:?}", properties(0));
    assert!(properties(0).ends_with(&[MAXIMUM_QOS, 0]), "{:?}", properties(0));
    assert!(properties(1).starts_with(&[TOPIC_ALIAS_MAXIMUM, 0, 10]), "{:?}", properties(1));
    assert_eq!(properties(1).len(), properties(0).len() - 2, "{:?}", properties(1));

    // A PUBLISH above it ends the connection at the one, and is acknowledged at the other.
    let publish = [0x32, 6, 0, 1, b't', 0, 7, 0];
    for (listener, expected) in [(0, [0xE0, 0x9B]), (1, [0x40, 0x10])] {
        let mut client = Client::open(broker.local_addrs()[listener]);
        client.send(&connect_5("b"));
        client.receive().unwrap();
        client.send(&publish);
        let answer = client.receive().unwrap();
        let code = if answer[0] == 0x40 { answer[4] } else { answer[2] };
        assert_eq!([answer[0], code], expected, "{answer:?}");
    }
}

#[test]
fn a_mount_point_keeps_the_clients_of_a_listener_apart() {
    let broker = broker(ListenerRules { mount_point: Some("m/".into()), ..ListenerRules::default() });
    let connect = |listener: usize, name: &str| Client::open(broker.local_addrs()[listener]).handshake(name);
    let mut below = connect(0, "below");
    below.send(&subscribe("#", 1));
    below.expect(&suback(1));
    let mut all = connect(1, "all");
    all.send(&subscribe("#", 1));
    all.expect(&suback(1));

    let mut inside = connect(0, "inside");
    inside.send(&publish("a", b"1"));
    below.expect(&publish("a", b"1"));
    all.expect(&publish("m/a", b"1"));
    let mut outside = connect(1, "outside");
    for topic in ["a", "m", "m/"] {
        outside.send(&publish(topic, b"2"));
        all.expect(&publish(topic, b"2"));
    }
    outside.send(&publish("m/b", b"3"));
    all.expect(&publish("m/b", b"3"));
    below.expect(&publish("b", b"3"));

    // What a Session was subscribed to elsewhere is not seen at the mount point.
    outside.send(&subscribe("far", 1));
    outside.expect(&suback(1));
    let mut moved = connect(0, "outside");
    inside.send(&publish("far", b"4"));
    below.expect(&publish("far", b"4"));
    all.expect(&publish("m/far", b"4"));
    let mut other = connect(1, "other");
    other.send(&publish("far", b"5"));
    all.expect(&publish("far", b"5"));
    moved.settle();
}

#[test]
fn assigned_client_identifiers_begin_as_the_listener_says() {
    let rules = ListenerRules { client_identifier_prefix: Some("robot-".into()), ..ListenerRules::default() };
    let broker = broker(rules);
    for (listener, prefix) in [(0, "robot-"), (1, "auto-")] {
        let connack = answer(&broker, listener, &connect_5(""));
        let text = String::from_utf8_lossy(&connack).into_owned();
        let at = text.find(prefix).unwrap_or_else(|| panic!("{text:?}"));
        let name = &text[at + prefix.len()..at + prefix.len() + 36];
        let lengths: Vec<usize> = name.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{name}");
        assert!(name.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{name}");
    }
    let rules =
        ListenerRules { allow_zero_length_client_identifier: Some(false), ..ListenerRules::default() };
    let broker = self::broker(rules);
    assert_eq!(answer(&broker, 0, &connect_5(""))[3], 0x85);
    assert_eq!(answer(&broker, 1, &connect_5(""))[3], 0);
}

#[test]
fn sessions_of_all_shards_have_one_limit() {
    let mut options: Options = options(4);
    options.engine.limits.sessions_of_node_max = 3;
    let broker = Broker::start(options).unwrap();
    let mut clients: Vec<Client> =
        ["a", "b", "c"].iter().map(|name| Client::connect(&broker, name)).collect();
    for name in ["d", "e", "f"] {
        assert_eq!(answer(&broker, 0, &connect_311(name)), [0x20, 2, 0, 3]);
        assert_eq!(answer(&broker, 0, &connect_5(name))[3], 0x89);
    }
    // Who is known may come again; who goes makes room.
    clients.push(Client::connect(&broker, "a"));
    clients.truncate(2);
    drop(clients);
    common::wait_until("nobody makes room", || answer(&broker, 0, &connect_311("d")) == CONNACK_311);
}

#[test]
fn connections_have_a_limit_at_their_listener_and_all_together() {
    let mut options: Options = options(2);
    options.listeners.push(ListenAddress { host: Host::Named("127.0.0.1".into()), port: 0 }.into());
    options.listeners[0].connections_max = Some(2);
    options.connections_of_node_max = Some(3);
    let broker = Broker::start(options).unwrap();
    let connect = |listener: usize, name: &str| {
        let mut client = Client::open(broker.local_addrs()[listener]);
        client.send(&connect_311(name));
        client
    };
    let is_in = |client: &mut Client| client.receive().as_deref() == Some(CONNACK_311);
    // Wherever their shards are.
    let mut first = [connect(0, "a"), connect(0, "b")];
    assert!(first.iter_mut().all(is_in));
    assert!(!is_in(&mut connect(0, "c")));
    let mut other = connect(1, "c");
    assert!(is_in(&mut other));
    assert!(!is_in(&mut connect(1, "d")), "there are three in all");
    drop(first);
    common::wait_until("nobody makes room", || is_in(&mut connect(0, "e")));
    drop(other);
    common::wait_until("nobody makes room", || is_in(&mut connect(1, "f")));
}
