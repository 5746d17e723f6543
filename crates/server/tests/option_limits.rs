//! Options for limits, and for what is offered to clients: each has its effect when it stands in a configuration.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::num::{NonZeroU16, NonZeroU32};

use common::house::House;
use common::{
    CONNACK_311, Client, DISCONNECT, connect_5, connect_311, connect_311_lasting, packet, puback, publish,
    publish_1, suback, subscribe, text,
};
use martlet_server::Broker;
use martlet_wire::{ConnAck, Packet, ProtocolVersion, QoS, decode};

/// A broker that lets everyone in, with a line more.
fn broker(line: &str) -> Broker {
    House::new("limits", &format!("listener 1 127.0.0.1\nallow_anonymous true\n{line}\n")).start()
}

fn client(broker: &Broker, connect: &[u8]) -> Client {
    let mut client = Client::open(broker.local_addrs()[0]);
    client.send(connect);
    client
}

/// CONNECT of MQTT 5.0 with Clean Start and these properties.
fn connect_5_with(name: &str, properties: &[u8]) -> Vec<u8> {
    let length = u8::try_from(properties.len()).unwrap();
    packet(0x10, &[&text("MQTT")[..], &[5, 2, 0, 60, length], properties, &text(name)].concat())
}

/// What a broker with a line more says to a client of MQTT 5.0.
fn announced<T>(line: &str, look: impl FnOnce(&ConnAck<'_>) -> T) -> T {
    let broker = broker(line);
    let connack = client(&broker, &connect_5_with("a", &[0x11, 0, 0, 3, 0xE8])).receive().unwrap();
    let Ok(Packet::ConnAck(connack)) = decode(ProtocolVersion::Mqtt5, &connack) else {
        panic!("{connack:?}")
    };
    look(&connack)
}

/// A client of MQTT 3.1.1 with Clean Session 0 and a subscription that goes away.
fn away(broker: &Broker, qos: u8) {
    let mut client = client(broker, &connect_311_lasting("away"));
    client.expect(CONNACK_311);
    client.send(&subscribe("t", qos));
    client.expect(&suback(qos));
    client.send(DISCONNECT);
    client.expect_end();
}

/// How many messages that client has when it comes back. It acknowledges none.
fn waiting(broker: &Broker) -> usize {
    let mut client = client(broker, &connect_311_lasting("away"));
    client.expect(&[0x20, 2, 1, 0]);
    client.send(common::PINGREQ);
    let mut count = 0;
    while client.receive().unwrap() != common::PINGRESP {
        count += 1;
    }
    count
}

#[test]
fn limits_are_announced_to_clients() {
    let receive_maximum = |line| announced(line, |it| it.properties.receive_maximum().map(NonZeroU16::get));
    assert_eq!(receive_maximum(""), Some(20));
    assert_eq!(receive_maximum("max_inflight_messages 7"), Some(7));
    assert_eq!(receive_maximum("receive_maximum 8"), Some(8));
    let keep_alive = |line| announced(line, |it| it.properties.server_keep_alive());
    assert_eq!((keep_alive("max_keepalive 10"), keep_alive("")), (Some(10), None));
    assert_eq!(keep_alive("keep_alive_max 11"), Some(11));
    let packet_size = |line| announced(line, |it| it.properties.maximum_packet_size().map(NonZeroU32::get));
    assert_eq!(packet_size("max_packet_size 100"), Some(100));
    assert_eq!(packet_size("packet_size_bytes_max 101"), Some(101));
    let aliases = |line| announced(line, |it| it.properties.topic_alias_maximum());
    assert_eq!(aliases("max_topic_alias 3"), Some(3));
    assert_eq!(aliases("topic_alias_maximum 4"), Some(4));
    let qos = |line| announced(line, |it| it.properties.maximum_qos());
    assert_eq!(
        (qos("max_qos 1"), qos("maximum_qos 1"), qos("")),
        (Some(QoS::AtLeastOnce), Some(QoS::AtLeastOnce), None)
    );
    assert_eq!(announced("retain_available false", |it| it.properties.retain_available()), Some(false));
    let expiry = |line| announced(line, |it| it.properties.session_expiry_interval());
    assert_eq!(expiry("persistent_client_expiration 30s"), Some(30));
    assert_eq!((expiry("session_expiry_interval_max 31"), expiry("")), (Some(31), None));
}

#[test]
fn response_information_is_for_those_who_ask() {
    let broker = broker("response_information answers/");
    let asks = client(&broker, &connect_5_with("a", &[0x19, 1])).receive().unwrap();
    let Ok(Packet::ConnAck(connack)) = decode(ProtocolVersion::Mqtt5, &asks) else { panic!("{asks:?}") };
    assert_eq!(connack.properties.response_information(), Some("answers/"));
}

#[test]
fn a_packet_or_a_payload_has_a_largest_size() {
    let refused = |line: &str| {
        let broker = broker(&format!("{line}\nreason_strings false"));
        let mut client = client(&broker, &connect_5("a"));
        client.receive().unwrap();
        client.send(&packet(0x32, &[&text("t")[..], &[0, 1, 0], &[b'x'; 100]].concat()));
        client.receive().unwrap()
    };
    for line in ["max_packet_size 50", "packet_size_bytes_max 50"] {
        assert_eq!(refused(line)[..3], [0xE0, 1, 0x95], "{line}"); // DISCONNECT
    }
    for line in ["message_size_limit 50", "payload_bytes_max 50"] {
        assert_eq!(refused(line)[..5], [0x40, 3, 0, 1, 0x97], "{line}");
    }
    assert_eq!(refused("message_size_limit 50\nmosquitto_behaviour true")[4], 0x95);
}

#[test]
fn reason_strings_can_be_left_out() {
    let length = |line: &str| {
        let broker = broker(&format!("message_size_limit 1\n{line}"));
        let mut client = client(&broker, &connect_5("a"));
        client.receive().unwrap();
        client.send(&packet(0x32, &[&text("t")[..], &[0, 1, 0], b"xx"].concat()));
        client.receive().unwrap().len()
    };
    assert!(length("reason_strings true") > 10 && length("") > 10);
    assert!(length("reason_strings false") <= 6);
}

#[test]
fn only_so_much_waits_for_a_client_that_is_away() {
    let count = |line: &str| {
        let broker = broker(&format!("max_inflight_messages 100\n{line}"));
        away(&broker, 1);
        let mut publisher = Client::connect(&broker, "publisher");
        for id in 1..=5 {
            publisher.send(&publish_1("t", id, &[b'x'; 100]));
            publisher.expect(&puback(id));
        }
        waiting(&broker)
    };
    assert_eq!(count(""), 5);
    for line in
        ["max_queued_messages 3", "queued_messages_max 3", "max_queued_bytes 350", "queued_bytes_max 350"]
    {
        assert_eq!(count(line), 3, "{line}");
    }
}

#[test]
fn messages_of_qos_0_wait_if_they_are_to() {
    let count = |line| {
        let broker = broker(line);
        away(&broker, 1);
        let mut publisher = Client::connect(&broker, "publisher");
        publisher.send(&publish("t", b"x"));
        publisher.settle();
        waiting(&broker)
    };
    assert_eq!((count("queue_qos0_messages true"), count("")), (1, 0));
}

#[test]
fn only_so_much_is_under_way_to_a_client() {
    let count = |line: &str| {
        let broker = broker(line);
        let mut subscriber = Client::subscribed(&broker, "subscriber", "t", 1);
        let mut publisher = Client::connect(&broker, "publisher");
        for id in 1..=5 {
            publisher.send(&publish_1("t", id, &[b'x'; 100]));
            publisher.expect(&puback(id));
        }
        // Behind them, at the same shard: what is not sent by now waits for an acknowledgement.
        let mut got = 0;
        loop {
            subscriber.send(common::PINGREQ);
            let mut more = 0;
            while subscriber.receive().unwrap() != common::PINGRESP {
                more += 1;
            }
            got += more;
            if more == 0 && got > 0 {
                return got;
            }
        }
    };
    assert_eq!(count("shards 1"), 5);
    for line in [
        "max_inflight_messages 2",
        "inflight_messages_max 2",
        "max_inflight_bytes 150",
        "inflight_bytes_max 150",
    ] {
        assert_eq!(count(&format!("shards 1\n{line}")), 2, "{line}");
    }
}

#[test]
fn a_message_goes_out_with_the_qos_of_the_subscription_if_it_is_to() {
    let first = |line| {
        let broker = broker(line);
        let mut subscriber = Client::subscribed(&broker, "subscriber", "t", 1);
        Client::connect(&broker, "publisher").send(&publish("t", b"x"));
        subscriber.receive().unwrap()[0]
    };
    assert_eq!((first("upgrade_outgoing_qos true"), first("")), (0x32, 0x30));
}

#[test]
fn sessions_and_connections_of_the_broker_have_a_limit() {
    for (line, code) in
        [("global_max_clients 1", 0x89), ("sessions_of_node_max 1", 0x89), ("sessions_max 1", 0x97)]
    {
        let broker = broker(&format!("shards 1\n{line}"));
        let _first = Client::connect(&broker, "first");
        assert_eq!(client(&broker, &connect_5("second")).receive().unwrap()[3], code, "{line}");
    }
    for line in ["global_max_connections 1", "connections_max 1", "max_connections 1"] {
        let broker = broker(&format!("shards 1\n{line}"));
        let first = Client::connect(&broker, "first");
        let mut second = client(&broker, &connect_311("second"));
        second.expect_end();
        drop(first);
    }
}

#[test]
fn subscriptions_and_levels_have_a_limit() {
    let refused = |line: &str, filters: &[&str]| {
        let broker = broker(line);
        let mut client = Client::connect(&broker, "a");
        let answer = filters.iter().map(|filter| {
            client.send(&subscribe(filter, 0));
            client.receive().unwrap()[4]
        });
        answer.collect::<Vec<u8>>()
    };
    assert_eq!(refused("subscriptions_per_session_max 1", &["a", "b", "a"]), [0, 0x80, 0]);
    assert_eq!(refused("topic_levels_max 2", &["a/b", "a/b/c"]), [0, 0x80]);
}

#[test]
fn retained_messages_have_a_limit() {
    let codes = |line: &str| {
        let broker = broker(&format!("reason_strings false\nshards 1\nsys_interval 0\n{line}"));
        let mut client = client(&broker, &connect_5("a"));
        client.receive().unwrap();
        let retain =
            |id: u8| packet(0x33, &[&text(&format!("t{id}"))[..], &[0, id, 0], &[b'x'; 100]].concat());
        let code = |id| {
            client.send(&retain(id));
            client.receive().unwrap().get(4).copied().unwrap_or(0)
        };
        [1, 2, 3].map(code)
    };
    // 0x10 is that there are no subscribers.
    assert_eq!(codes(""), [0x10, 0x10, 0x10]);
    assert_eq!(codes("retained_messages_max 2"), [0x10, 0x10, 0x97]);
    assert_eq!(codes("retained_bytes_max 250"), [0x10, 0x10, 0x97]);
}

/// The Topic Names of two messages alike, as they go out to a client that takes aliases.
fn topics(line: &str) -> [String; 2] {
    let broker = broker(line);
    let mut subscriber = client(&broker, &connect_5_with("subscriber", &[0x22, 0, 10]));
    subscriber.receive().unwrap();
    subscriber.send(&packet(0x82, &[&[0, 1, 0][..], &text("topic"), &[0]].concat()));
    subscriber.receive().unwrap();
    let mut publisher = Client::connect(&broker, "publisher");
    publisher.send(&[publish("topic", b"1"), publish("topic", b"2")].concat());
    [0, 1].map(|_| {
        let bytes = subscriber.receive().unwrap();
        let Ok(Packet::Publish(publish)) = decode(ProtocolVersion::Mqtt5, &bytes) else {
            panic!("{bytes:?}")
        };
        publish.topic.map_or(String::new(), |topic| topic.as_str().to_owned())
    })
}

#[test]
fn aliases_towards_a_client_have_a_limit() {
    assert_eq!(topics(""), ["topic", ""]);
    for line in ["max_topic_alias_broker 0", "topic_alias_maximum_outgoing 0"] {
        assert_eq!(topics(line), ["topic", "topic"], "{line}");
    }
}

#[test]
fn a_message_of_qos_2_takes_effect_when_it_is_to() {
    let comes_first = |line| {
        let broker = broker(line);
        let mut subscriber = Client::subscribed(&broker, "subscriber", "t", 0);
        let mut publisher = Client::connect(&broker, "publisher");
        publisher.send(&packet(0x34, &[&text("t")[..], &[0, 1], b"2"].concat()));
        publisher.expect(&[0x50, 2, 0, 1]); // PUBREC
        publisher.send(&publish("t", b"0"));
        publisher.settle();
        publisher.send(&[0x62, 2, 0, 1]); // PUBREL
        subscriber.receive().unwrap().pop().unwrap()
    };
    assert_eq!((comes_first(""), comes_first("exactly_once_at_release true")), (b'2', b'0'));
}
