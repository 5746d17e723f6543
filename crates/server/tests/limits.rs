//! Limits that change while the broker runs.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::io::Write;

use common::house::House;
use common::{
    CONNACK_311, Client, connect_5, connect_311, name_on, options, packet, publish, text, wait_until,
};
use martlet_server::Broker;
use martlet_server::config::Plan;

/// Reads until a value is told.
fn await_value(client: &mut Client, topic: &str, value: &[u8]) {
    let expected = publish(topic, value);
    while client.receive().unwrap() != expected {}
}

#[test]
fn other_limits_count_on_every_shard_and_are_told() {
    let broker = Broker::start(options(2)).unwrap();
    let mut new = options(2);
    let topic = "$SYS/broker/martlet/limits/packet_size_bytes_max";
    let mut observer = Client::subscribed(&broker, "observer", topic, 0);

    new.engine.limits.packet_size_bytes_max = 100;
    // What all shards share stays.
    new.engine.limits.retained_messages_max = 0;
    let changer = broker.limits_changer();
    new.sys_interval = Some(Duration::from_hours(1));
    changer.replace(&new, &[Some(0)]);
    await_value(&mut observer, topic, b"100");
    for shard in 0..2 {
        let mut client = Client::connect(&broker, &name_on(shard, 2, "client"));
        client.send(&publish("t", &[0; 50]));
        client.settle();
        client.send(&publish("t", &[0; 100]));
        assert_eq!(client.receive(), None, "shard {shard}");
    }

    // Nothing is told any more, but the change is, once telling begins again.
    new.engine.limits.packet_size_bytes_max = 200;
    new.sys_interval = None;
    changer.replace(&new, &[Some(0)]);
    new.engine.limits.packet_size_bytes_max = 300;
    new.sys_interval = Some(Duration::from_hours(1));
    changer.replace(&new, &[Some(0)]);
    let next = observer.receive().unwrap();
    assert_eq!(next, publish(topic, b"300"));
}

#[test]
fn what_counts_at_a_listener_changes_too() {
    let common = "listener 1 127.0.0.1\nallow_anonymous true\n";
    let house = House::new("renewed", common);
    let broker = house.start();
    let address = broker.local_addrs()[0];
    let reload = |lines: &str| {
        let new = House::new("renewed-other", &format!("{common}{lines}"));
        let options = Plan::default().options(&new.configuration()).unwrap();
        broker.limits_changer().replace(&options, &[Some(0)]);
    };
    let answer = |connect: &[u8]| {
        let mut client = Client::open(address);
        client.send(connect);
        let answer = client.receive();
        (client, answer)
    };
    let anonymous = packet(0x10, &[&text("MQTT")[..], &[4, 2, 0, 0, 0, 0]].concat());
    let mut stays = Client::connect(&broker, "stays");
    assert_eq!(answer(&anonymous).1.as_deref(), Some(CONNACK_311));
    reload("allow_zero_length_clientid false\n");
    assert_eq!(answer(&anonymous).1.as_deref(), Some(&[0x20, 2, 0, 2][..]));
    reload("accept_protocol_versions 5\n");
    assert_eq!(answer(&connect_311("old")).1.as_deref(), Some(&[0x20, 2, 0, 1][..]));
    stays.settle();
    assert!(answer(&connect_5("new")).1.is_some());

    reload("max_connections 2\n");
    let second = answer(&anonymous);
    assert_eq!(second.1.as_deref(), Some(CONNACK_311));
    // It may find the connections before still there, and waits for their end.
    wait_until("there is no third", || {
        let mut client = Client::open(address);
        let _ = client.socket.write_all(&anonymous);
        client.receive().is_none()
    });
    reload("global_max_connections 3\n");
    let third = answer(&anonymous);
    assert_eq!(third.1.as_deref(), Some(CONNACK_311));
    assert_eq!(Client::open(address).receive(), None);

    let ask = publish("$CONTROL/broker/v1", br#"{"commands":[{"command":"listListeners"}]}"#);
    let told = |lines: &str| {
        reload(lines);
        let mut asks = Client::subscribed(&broker, "asks", "$CONTROL/broker/v1/response", 0);
        asks.send(&ask);
        String::from_utf8_lossy(&asks.receive().unwrap()).into_owned()
    };
    assert!(told("enable_control_api true\n").contains("\"listeners\":["));
    assert!(told("").contains("endpoint not available"));
}
