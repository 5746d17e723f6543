//! A million subscriptions over a thousand clients: memory and time of each, and whether it all comes back.

#![expect(clippy::cast_precision_loss, reason = "figures for people need no 52 bits")]

use std::time::Instant;

use martlet_engine::{Config, Limits};
use martlet_wire::{
    Delivery, Packet, PacketId, Properties, Publish, Subscribe, SubscribeRequest, SubscribeRequests,
    SubscriptionOptions, TopicFilter, TopicName,
};

use crate::driver::Driver;
use crate::resident;

/// Filters of one SUBSCRIBE.
const FILTERS_PER_PACKET: usize = 100;

pub(crate) fn run(clients: u32, each: u32) {
    let limits = Limits { subscriptions_per_session_max: usize::MAX, ..Limits::default() };
    let mut driver = Driver::new(Config { limits, ..Config::default() });
    for index in 0..clients {
        driver.connect(index);
    }
    let before = resident::bytes();
    let started = Instant::now();
    for index in 0..clients {
        subscribe(&mut driver, index, each);
    }
    let count = driver.status().subscriptions;
    let loaded = resident::bytes();
    report("load", count, started);
    println!("memory: {:.0} bytes a subscription", (loaded - before) as f64 / count.max(1) as f64);
    let started = Instant::now();
    let (topics, delivered) = publish_to_each(&mut driver, clients, each);
    report("match and deliver", topics, started);
    println!("delivered: {delivered} of {topics} topics have a subscriber each");
    let started = Instant::now();
    for index in 0..clients {
        driver.close(index);
    }
    report("unload", count, started);
    println!(
        "left: {} subscriptions, {:.1} MiB above the start",
        driver.status().subscriptions,
        resident::bytes().saturating_sub(before) as f64 / f64::from(1 << 20)
    );
}

fn subscribe(driver: &mut Driver, client: u32, each: u32) {
    let names: Vec<String> = (0..each).map(|n| filter(client, n)).collect();
    for names in names.chunks(FILTERS_PER_PACKET) {
        let requests: Vec<SubscribeRequest<'_>> = names
            .iter()
            .filter_map(|name| TopicFilter::parse(name).ok())
            .map(|filter| SubscribeRequest { filter, options: SubscriptionOptions::default() })
            .collect();
        driver.send(
            client,
            &Packet::Subscribe(Subscribe {
                id: PacketId::MIN,
                properties: Properties::EMPTY,
                requests: SubscribeRequests::list(&requests),
            }),
        );
    }
}

/// Every tenth filter has a wildcard.
fn filter(client: u32, n: u32) -> String {
    if n.is_multiple_of(10) {
        format!("site/{client}/device/{n}/+")
    } else {
        format!("site/{client}/device/{n}/state")
    }
}

/// One message to a topic of each subscription, all from the first client.
fn publish_to_each(driver: &mut Driver, clients: u32, each: u32) -> (usize, u64) {
    let before = driver.status().publish_sent;
    let mut topics = 0;
    for client in 0..clients {
        for n in 0..each {
            let name = format!("site/{client}/device/{n}/state");
            let Ok(topic) = TopicName::parse(&name) else { continue };
            topics += 1;
            driver.send(
                0,
                &Packet::Publish(Publish {
                    topic: Some(topic),
                    delivery: Delivery::AtMostOnce,
                    retain: false,
                    properties: Properties::EMPTY,
                    payload: b"on",
                }),
            );
        }
    }
    (topics, driver.status().publish_sent - before)
}

fn report(what: &str, count: usize, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {count} in {seconds:.2} s, {:.2} µs each", seconds * 1e6 / count.max(1) as f64);
}
