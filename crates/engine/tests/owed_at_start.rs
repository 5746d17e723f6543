//! What a start brings about on another shard goes there once it is durable here, and once.

use std::sync::Arc;

use martlet_engine::{
    BatchId, Commons, Config, ConnectionId, Engine, Input, Instant, Output, Peer, ShardId, Stored, shard_of,
};
use martlet_wire::{
    Ack, Connect, Delivery, Packet, PacketId, Properties, Property, ProtocolVersion, Publish, QoS, Subscribe,
    SubscribeRequest, SubscribeRequests, SubscriptionOptions, TopicFilter, TopicName, Will,
};

const CONNECTION: ConnectionId = ConnectionId { index: 1, generation: 1 };

fn engines(config: &Config) -> [Engine; 2] {
    let commons = Commons::new(2, config);
    [0, 1].map(|shard| Engine::new(config.clone(), ShardId(shard), Arc::clone(&commons)))
}

/// A client of a shard.
fn name(shard: u16) -> String {
    (0..1000)
        .map(|number| format!("client-{number}"))
        .find(|name| shard_of(name, 2) == shard)
        .expect("a name for each of two shards")
}

/// What the shard wants written and forwarded, until it has nothing more to say.
fn poll(engine: &mut Engine) -> (Vec<(BatchId, Vec<u8>)>, usize) {
    let (mut batches, mut forwards) = (Vec::new(), 0);
    loop {
        match engine.poll() {
            Output::Persist { batch, records } => batches.push((batch, records)),
            Output::Forward { .. } => forwards += 1,
            Output::WakeAt(_) => return (batches, forwards),
            _ => {}
        }
    }
}

fn send(engine: &mut Engine, packet: &Packet<'_>) -> Vec<(BatchId, Vec<u8>)> {
    let mut bytes = Vec::new();
    packet.encode(ProtocolVersion::Mqtt5, &mut bytes).expect("a packet that can be encoded");
    let now = Instant::from_millis(2_000);
    engine.handle(now, Input::Received { connection: CONNECTION, bytes: &bytes });
    let (batches, _) = poll(engine);
    for (batch, _) in &batches {
        engine.handle(now, Input::Persisted(*batch));
    }
    poll(engine);
    batches
}

fn connect(engine: &mut Engine, shard: u16, expiry: u32, will: Option<Will<'_>>) -> Vec<(BatchId, Vec<u8>)> {
    engine.restored(Instant::from_millis(1_000), BatchId(0));
    engine
        .handle(Instant::from_millis(2_000), Input::Opened { connection: CONNECTION, peer: Peer::default() });
    let properties = [Property::SessionExpiryInterval(expiry)];
    let name = name(shard);
    send(
        engine,
        &Packet::Connect(Connect {
            version: ProtocolVersion::Mqtt5,
            bridge: false,
            clean_start: true,
            keep_alive: 0,
            properties: Properties::list(&properties),
            client_identifier: &name,
            will,
            user_name: None,
            password: None,
        }),
    )
}

fn subscribe(engine: &mut Engine) -> Vec<(BatchId, Vec<u8>)> {
    let filter = TopicFilter::parse("w").expect("a Topic Filter");
    let options = SubscriptionOptions { maximum_qos: QoS::ExactlyOnce, ..SubscriptionOptions::default() };
    let requests = [SubscribeRequest { filter, options }];
    let requests = SubscribeRequests::list(&requests);
    let subscribe = Subscribe { id: PacketId::MIN, properties: Properties::EMPTY, requests };
    send(engine, &Packet::Subscribe(subscribe))
}

/// Hands a packet over. Tells how much is forwarded before what is to be written is durable, and after.
fn forwards(engine: &mut Engine, packet: &Packet<'_>) -> (usize, usize) {
    let mut bytes = Vec::new();
    packet.encode(ProtocolVersion::Mqtt5, &mut bytes).expect("a packet that can be encoded");
    let now = Instant::from_millis(3_000);
    engine.handle(now, Input::Received { connection: CONNECTION, bytes: &bytes });
    let (batches, before) = poll(engine);
    for (batch, _) in &batches {
        engine.handle(now, Input::Persisted(*batch));
    }
    (before, poll(engine).1)
}

#[test]
fn a_qos_2_message_goes_to_another_shard_once_a_crash_does_not_let_it_come_again() {
    for is_at_release in [false, true] {
        let mut config = Config::default();
        config.features.exactly_once_at_release = is_at_release;
        let [mut one, mut other] = engines(&config);
        connect(&mut one, 0, 100, None);
        // By the time that it arrives there may be a Session that survives, though there is none now.
        connect(&mut other, 1, 0, None);
        subscribe(&mut other);
        let id = PacketId::MIN;
        let publish = Publish {
            topic: Some(TopicName::parse("w").unwrap()),
            delivery: Delivery::new(QoS::ExactlyOnce, false, id),
            retain: false,
            properties: Properties::EMPTY,
            payload: b"once",
        };
        let publish = forwards(&mut one, &Packet::Publish(publish));
        let release = forwards(&mut one, &Packet::PubRel(Ack::success(id)));
        assert_eq!([publish, release], if is_at_release { [(0, 0), (0, 1)] } else { [(0, 1), (0, 0)] });
    }
}

#[test]
fn a_pubrel_while_the_log_stalls_takes_no_effect_if_a_crash_lets_it_come_again() {
    let mut config = Config::default();
    config.features.exactly_once_at_release = true;
    for (expiry, expected) in [(100, (0, 0)), (0, (1, 0))] {
        let [mut one, mut other] = engines(&config);
        connect(&mut one, 0, expiry, None);
        connect(&mut other, 1, 0, None);
        subscribe(&mut other);
        let publish = Publish {
            topic: Some(TopicName::parse("w").unwrap()),
            delivery: Delivery::new(QoS::ExactlyOnce, false, PacketId::MIN),
            retain: false,
            properties: Properties::EMPTY,
            payload: b"once",
        };
        forwards(&mut one, &Packet::Publish(publish));
        one.handle(Instant::from_millis(3_000), Input::LogStalled);
        // Without a Session that survives, nothing comes again.
        assert_eq!(forwards(&mut one, &Packet::PubRel(Ack::success(PacketId::MIN))), expected);
    }
}

#[test]
fn what_waits_behind_a_message_while_the_log_stalls_has_a_bound() {
    let mut config = Config::default();
    config.limits.unpersisted_bytes_max = 1000;
    let [mut one, mut other] = engines(&config);
    connect(&mut one, 0, 100, None);
    connect(&mut other, 1, 0, None);
    subscribe(&mut other);
    let publish = |delivery, retain, payload: &'static [u8]| {
        let topic = Some(TopicName::parse("w").unwrap());
        Packet::Publish(Publish { topic, delivery, retain, properties: Properties::EMPTY, payload })
    };
    let now = Instant::from_millis(3_000);
    let hand_over = |one: &mut Engine, packet: &Packet<'_>| {
        let mut bytes = Vec::new();
        packet.encode(ProtocolVersion::Mqtt5, &mut bytes).unwrap();
        one.handle(now, Input::Received { connection: CONNECTION, bytes: &bytes });
    };
    // It waits for the log, and so does what comes behind it.
    hand_over(&mut one, &publish(Delivery::AtMostOnce, true, b"kept"));
    poll(&mut one);
    one.handle(now, Input::LogStalled);
    for _ in 0..1000 {
        hand_over(&mut one, &publish(Delivery::AtMostOnce, false, &[b'x'; 100]));
        assert_eq!(poll(&mut one).1, 0);
    }
    let status = one.status();
    assert!(status.dropped_queue_full > 900, "{}", status.dropped_queue_full);
    let delivery = Delivery::new(QoS::AtLeastOnce, false, PacketId::MIN);
    hand_over(&mut one, &publish(delivery, false, b"later"));
    poll(&mut one);
    assert_eq!(one.status().put_off, 1, "it has to come again");
}

#[test]
fn what_is_owed_and_may_not_be_durable_waits_at_a_start_as_well() {
    let config = Config::default();
    let [mut one, mut other] = engines(&config);
    connect(&mut other, 1, 100, None);
    let others = subscribe(&mut other);
    assert!(!others.is_empty());
    let mut ones = connect(&mut one, 0, 100, None);
    let publish = Publish {
        topic: Some(TopicName::parse("w").unwrap()),
        delivery: Delivery::new(QoS::ExactlyOnce, false, PacketId::MIN),
        retain: false,
        properties: Properties::EMPTY,
        payload: b"owed",
    };
    ones.extend(send(&mut one, &Packet::Publish(publish)));
    for is_settled in [true, false] {
        let [mut engine, _] = engines(&config);
        for (batch, records) in &ones {
            engine.restore(Stored::Batch(*batch), records).unwrap();
        }
        let last = ones.last().map_or(BatchId(0), |(batch, _)| *batch);
        if !is_settled {
            engine.unsettled(last);
        }
        let now = Instant::from_millis(5_000);
        engine.restored(now, last);
        let (batches, forwards) = poll(&mut engine);
        assert_eq!((forwards, batches.len()), if is_settled { (1, 1) } else { (0, 1) });
        engine.handle(now, Input::Persisted(batches[0].0));
        assert_eq!(poll(&mut engine).1, usize::from(!is_settled));
    }
}

#[test]
fn a_will_that_a_start_publishes_goes_to_another_shard_once_it_is_durable() {
    let [mut one, mut other] = engines(&Config::default());
    let mut others = connect(&mut other, 1, 100, None);
    others.extend(subscribe(&mut other));
    let topic = TopicName::parse("w").unwrap();
    let (qos, properties) = (QoS::ExactlyOnce, Properties::EMPTY);
    let will = Will { topic, payload: b"gone", qos, retain: false, properties };
    let ones = connect(&mut one, 0, 0, Some(will));

    let mut engines = engines(&Config::default());
    for (engine, batches) in engines.iter_mut().zip([&ones, &others]) {
        for (batch, records) in batches {
            engine.restore(Stored::Batch(*batch), records).unwrap();
        }
    }
    let now = Instant::from_millis(5_000);
    for (engine, batches) in engines.iter_mut().zip([&ones, &others]) {
        engine.restored(now, batches.last().map_or(BatchId(0), |(batch, _)| *batch));
    }
    let (batches, forwards) = poll(&mut engines[0]);
    assert_eq!((batches.len(), forwards), (1, 0));
    engines[0].handle(now, Input::Persisted(batches[0].0));
    assert_eq!(poll(&mut engines[0]), (Vec::new(), 1));
}
