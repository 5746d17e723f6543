//! Limits that change while the broker runs.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;

use common::{Client, name_on, options, publish};
use martlet_engine::Config;
use martlet_server::Broker;

/// Reads until a value is told.
fn await_value(client: &mut Client, topic: &str, value: &[u8]) {
    let expected = publish(topic, value);
    while client.receive().unwrap() != expected {}
}

#[test]
fn other_limits_count_on_every_shard_and_are_told() {
    let options = options(2);
    let mut config = Config::clone(&options.engine);
    let broker = Broker::start(options).unwrap();
    let topic = "$SYS/broker/martlet/limits/packet_size_bytes_max";
    let mut observer = Client::subscribed(&broker, "observer", topic, 0);

    config.limits.packet_size_bytes_max = 100;
    // What all shards share stays.
    config.limits.retained_messages_max = 0;
    let changer = broker.limits_changer();
    changer.replace(&config, Some(Duration::from_hours(1)));
    await_value(&mut observer, topic, b"100");
    for shard in 0..2 {
        let mut client = Client::connect(&broker, &name_on(shard, 2, "client"));
        client.send(&publish("t", &[0; 50]));
        client.settle();
        client.send(&publish("t", &[0; 100]));
        assert_eq!(client.receive(), None, "shard {shard}");
    }

    // Nothing is told any more, but the change is, once telling begins again.
    config.limits.packet_size_bytes_max = 200;
    changer.replace(&config, None);
    config.limits.packet_size_bytes_max = 300;
    changer.replace(&config, Some(Duration::from_hours(1)));
    let next = observer.receive().unwrap();
    assert_eq!(next, publish(topic, b"300"));
}
