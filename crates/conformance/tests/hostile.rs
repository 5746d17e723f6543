//! Bytes that no client sends: the broker must neither fall nor keep anything of them, and others must not notice.

use std::time::Instant;

use conformance::Transport;
use conformance::prelude::*;
use conformance::random::Random;

/// How many random byte strings a run sends, each on a connection of its own.
const RANDOM_STRINGS: usize = 10_000;
/// How many packets with a few changed bytes.
const MUTATED_PACKETS: usize = 1_000;
/// How many of these connections are open at once.
const BATCH: usize = 50;
/// How much the resident memory may have grown in the end.
const GROWTH_KIB_MAX: u64 = 48 << 10;
/// The topic of the client that must not notice.
const TOPIC: &str = "undisturbed/0d9c41f2";

/// Random bytes; every other string begins like a packet, so that more than its first byte is looked at.
fn random_string(random: &mut Random) -> Vec<u8> {
    let length = random.below(300);
    let mut bytes = random.bytes(length);
    if random.one_in(2) && length > 4 {
        let rest = u8::try_from(length - 2).unwrap_or(u8::MAX).min(127);
        let kind = bytes[0] & 0xf0;
        let flags = if matches!(kind, 0x60 | 0x80 | 0xa0) { 2 } else { 0 };
        bytes[..2].copy_from_slice(&[kind | flags, rest]);
    }
    bytes
}

/// A conversation of real packets in bytes: CONNECT first.
fn conversation(random: &mut Random, number: usize) -> Vec<Vec<u8>> {
    let id = format!("hostile{number}");
    let topic = format!("a/b{}", random.below(10));
    let payload = random.bytes(40);
    let connect = connect5(&id)
        .keep_alive(60)
        .session_expiry(5)
        .will("gone/b", b"x")
        .will_qos(QoS::AtLeastOnce)
        .will_property(Property::UserProperty("name", "value"))
        .user("user")
        .password(b"password");
    let mut packets = vec![raw::encode(ProtocolVersion::Mqtt5, &connect.packet())];
    for packet in [
        subscribe(1)
            .filter("a/+", QoS::ExactlyOnce)
            .filter("$share/g/b", QoS::AtMostOnce)
            .identifier(300)
            .packet(),
        publish(&topic)
            .payload(&payload)
            .qos1(2)
            .retain()
            .property(Property::MessageExpiryInterval(5))
            .property(Property::TopicAlias(3))
            .property(Property::UserProperty("name", "value"))
            .property(Property::CorrelationData(b"data"))
            .packet(),
        publish(&topic).payload(&payload).qos2(3).property(Property::ContentType("text")).packet(),
        pubrel(3).packet(),
        puback(1).packet(),
        pubrec(2).reason(ReasonCode::UnspecifiedError).property(Property::ReasonString("why")).packet(),
        pubcomp(3).packet(),
        unsubscribe(4).filter("a/+").packet(),
        auth(ReasonCode::ReAuthenticate).property(Property::AuthenticationMethod("TEST")).packet(),
        Packet::PingReq,
        disconnect(ReasonCode::DisconnectWithWillMessage)
            .property(Property::SessionExpiryInterval(1))
            .packet(),
    ] {
        packets.push(raw::encode(ProtocolVersion::Mqtt5, &packet));
    }
    packets
}

/// Some packets of a conversation, one of them changed in a few places.
fn mutated(random: &mut Random, number: usize) -> Vec<u8> {
    let mut packets = conversation(random, number);
    // The CONNECT is the victim in a quarter of the cases; else it is good, so that the victim is looked at.
    let victim = if random.one_in(4) { 0 } else { 1 + random.below(packets.len() - 1) };
    for _ in 0..=random.below(3) {
        let packet = &mut packets[victim];
        let place = random.below(packet.len());
        let byte = random.bytes(1)[0];
        match random.below(6) {
            0 => packet[place] ^= 1 << random.below(8),
            1 => packet[place] = byte,
            2 => packet[place] = [0, 0xff, 0x80, 0x7f][random.below(4)],
            3 => packet.insert(place, byte),
            4 if packet.len() > 1 => drop(packet.remove(place)),
            _ => packet.truncate(place + 1),
        }
    }
    let victim = packets.swap_remove(victim);
    let mut bytes = if victim[0] >> 4 == 1 { Vec::new() } else { packets.swap_remove(0) };
    bytes.extend(victim);
    while random.one_in(2) {
        bytes.extend(&packets[random.below(packets.len())]);
    }
    bytes
}

/// The resident memory of this process in KiB; 0 where that cannot be told.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

/// Waits until the broker counts so many connections.
fn expect_connections(broker: &mut Broker, wanted: usize) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while broker.connections() != wanted {
        assert!(Instant::now() < deadline, "{} connections, {wanted} expected", broker.connections());
        broker.settle();
    }
}

/// Sends all strings, a batch at a time, while `other` goes on with its life.
fn attack(broker: &mut Broker, other: &mut Client, strings: impl Iterator<Item = Vec<u8>>) {
    let mut count = 0_usize;
    let mut open = Vec::with_capacity(BATCH);
    for bytes in strings {
        let mut client = broker.open();
        client.send_bytes(&bytes);
        open.push(client);
        count += 1;
        if open.len() == BATCH {
            other.publish(TOPIC, count.to_string(), QoS::ExactlyOnce);
            let message = other.expect_publish();
            assert_eq!(message.payload, count.to_string().into_bytes());
            other.acknowledge(&message);
            for mut client in open.drain(..) {
                client.drop_connection();
            }
        }
    }
    drop(open);
    expect_connections(broker, 1);
    other.barrier();
}

/// The whole attack; `seed` decides about everything.
fn survives(transport: Transport, seed: u64) {
    let mut broker = Broker::new(transport, &Setup::default());
    let mut other = broker.connect(connect5("undisturbed-5b6e"));
    other.subscribe(TOPIC, QoS::ExactlyOnce);
    let mut random = Random::new(seed);
    // The first round fills what is kept for reuse.
    attack(&mut broker, &mut other, (0..1_000).map(|_| random_string(&mut random)));
    let before = resident_kib();
    attack(&mut broker, &mut other, (0..RANDOM_STRINGS).map(|_| random_string(&mut random)));
    attack(&mut broker, &mut other, (0..MUTATED_PACKETS).map(|number| mutated(&mut random, number)));
    broker.advance(Duration::from_secs(2));
    let after = resident_kib();
    println!("{transport:?}: resident memory {before} KiB before, {after} KiB after");
    assert!(after <= before + GROWTH_KIB_MAX, "resident memory grew from {before} to {after} KiB");
}

#[test]
fn memory_survives_random_bytes_and_mutated_packets() {
    for seed in [1, 2] {
        survives(Transport::Memory, seed);
    }
}

#[test]
fn socket_survives_random_bytes_and_mutated_packets() {
    survives(Transport::Socket, 3);
}

/// Whoever says nothing sensible and stays is closed by the time for CONNECT.
#[test]
fn memory_closes_silent_connections_in_time() {
    let setup = Setup::default();
    let mut broker = Broker::new(Transport::Memory, &setup);
    let mut random = Random::new(4);
    let mut clients = Vec::new();
    for _ in 0..1_000 {
        let mut client = broker.open();
        client.send_bytes(&random_string(&mut random));
        clients.push(client);
    }
    broker.advance(setup.limits.connect_timeout + Duration::from_secs(2));
    expect_connections(&mut broker, 0);
}
