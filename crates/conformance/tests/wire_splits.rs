//! Bytes arrive split anyhow: a conversation gets the same answers whether it comes byte by byte, in random
//! pieces, in two, or all at once.

use conformance::prelude::*;
use conformance::random::Random;
use conformance::{Transport, run};
use martlet_wire::Ack;

const VERSIONS: [ProtocolVersion; 3] =
    [ProtocolVersion::Mqtt31, ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5];

/// What came of a conversation. Of packets of one kind the order counts; between PUBACK and PINGRESP, or two
/// topics, it does not: what waits for the log may come behind what does not.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    /// The packets that the client got: to the first half, and to the second.
    answers: [Vec<Vec<u8>>; 2],
    /// What another client got: topic, QoS, RETAIN, the length of the payload and its start.
    messages: Vec<(String, QoS, bool, usize, Vec<u8>)>,
}

/// All that a client says before its DISCONNECT, in two halves, one packet an entry. Before it goes on it
/// waits for all answers to the first half.
fn conversation(version: ProtocolVersion) -> [Vec<Vec<u8>>; 2] {
    let connect = match version {
        ProtocolVersion::Mqtt31 => connect31("talker"),
        ProtocolVersion::Mqtt311 => connect311("talker"),
        ProtocolVersion::Mqtt5 => connect5("talker").property(Property::UserProperty("name", "value")),
    };
    let connect = connect.keep_alive(600).will("t/will", b"gone").will_qos(QoS::AtLeastOnce).user("user");
    // The Remaining Length of the large one takes two bytes, that of the huge one three.
    let (large, huge) = (vec![b'l'; 150], vec![b'h'; 17_000]);
    let unknown = Ack::success(packet_id(77));
    let encode = |packets: &[Packet<'_>]| packets.iter().map(|packet| raw::encode(version, packet)).collect();
    [
        encode(&[
            connect.password(b"password").packet(),
            subscribe(1).filter("t/#", QoS::AtMostOnce).filter("\u{20ac}/+", QoS::ExactlyOnce).packet(),
            publish("t/0").payload(b"zero").packet(),
            publish("t/1").payload(b"one").qos1(2).packet(),
            publish("t/2").payload(b"two").qos2(3).retain().packet(),
            publish("t/0").payload(b"").packet(),
            publish("t/huge").payload(&huge).packet(),
            publish("t/large").payload(&large).qos1(4).packet(),
            Packet::PubAck(unknown),
            Packet::PubComp(unknown),
            Packet::PubRel(unknown),
            Packet::PingReq,
        ]),
        encode(&[
            pubrel(3).packet(),
            publish("t/2").payload(b"three").qos2(3).packet(),
            subscribe(5).filter("t/2", QoS::AtMostOnce).packet(),
            unsubscribe(6).filter("t/3").filter("t/4").packet(),
            publish("t/0").payload(b"last").packet(),
            Packet::PingReq,
        ]),
    ]
}

/// Has the conversation with a new broker, the bytes cut at these places.
fn converse(transport: Transport, version: ProtocolVersion, cuts: &[usize]) -> Heard {
    let mut heard = None;
    run(
        transport,
        |setup| setup.config.seed = cuts.iter().fold(0, |sum, cut| sum * 31 % 0xffff_fffb + *cut as u64),
        |broker| heard = Some(converse_with(broker, version, cuts)),
    );
    heard.expect("the test has run")
}

fn converse_with(broker: &mut Broker, version: ProtocolVersion, cuts: &[usize]) -> Heard {
    let mut listener = broker.connect(connect5("listener"));
    listener.subscribe("t/#", QoS::ExactlyOnce);
    // Accepted here or there, the CONNECT decides about the shard.
    let _odd = (cuts.len() % 2 == 1).then(|| broker.open());
    let mut talker = broker.open();
    talker.set_version(version);

    let mut start = 0;
    let mut expected = ANSWERS.iter().map(|types| types.len());
    let answers = conversation(version).map(|half| {
        let bytes = half.concat();
        let here = cuts.iter().filter_map(|cut| cut.checked_sub(start)).filter(|cut| *cut < bytes.len());
        let mut from = 0;
        for to in here.chain([bytes.len()]) {
            talker.send_bytes(&bytes[from..to]);
            from = to;
            if broker.transport() == Transport::Memory {
                broker.settle();
            }
        }
        start += bytes.len();
        let mut heard: Vec<Vec<u8>> =
            (0..expected.next().unwrap_or(0)).map(|_| talker.receive_raw()).collect();
        heard.sort_by_key(|packet| kind(version, packet));
        heard
    });
    for byte in raw::encode(version, &disconnect(ReasonCode::NORMAL_DISCONNECTION).packet()) {
        talker.send_bytes(&[byte]);
    }
    talker.expect_closed();
    broker.settle();
    let mut messages: Vec<_> = listener.drain_publishes().into_iter().map(summary).collect();
    messages.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    Heard { answers, messages }
}

/// The types of the answers to both halves, sorted.
const ANSWERS: [&[u8]; 2] = [&[2, 3, 3, 3, 3, 3, 3, 4, 4, 5, 7, 9, 13], &[3, 3, 3, 5, 7, 9, 11, 13]];

/// What tells packets apart whose order counts: their type, for a PUBLISH its topic and its first byte.
fn kind(version: ProtocolVersion, packet: &[u8]) -> (u8, String, u8) {
    match OwnedPacket::decode(version, packet) {
        OwnedPacket::Publish(message) => (3, message.topic, packet[0]),
        _ => (packet[0] >> 4, String::new(), 0),
    }
}

fn summary(message: OwnedPublish) -> (String, QoS, bool, usize, Vec<u8>) {
    let start = message.payload.iter().copied().take(5).collect();
    (message.topic, message.qos, message.retain, message.payload.len(), start)
}
/// What comes of the conversation if each packet comes alone.
fn reference(version: ProtocolVersion) -> Heard {
    let mut end = 0;
    let mut cuts = Vec::new();
    for packet in conversation(version).concat() {
        end += packet.len();
        cuts.push(end);
    }
    converse(Transport::Memory, version, &cuts)
}

/// The places where the conversation can be cut; within its huge message, only some.
fn places(version: ProtocolVersion) -> Vec<usize> {
    let mut end = 0;
    let mut places = Vec::new();
    for packet in conversation(version).concat() {
        places.extend(
            (end + 1..=end + packet.len()).filter(|place| packet.len() < 1_000 || place % 1_000 < 10),
        );
        end += packet.len();
    }
    places
}

#[test]
fn the_conversation_is_what_it_should_be() {
    for version in VERSIONS {
        let heard = reference(version);
        let types = heard.answers.map(|half| half.iter().map(|packet| packet[0] >> 4).collect::<Vec<u8>>());
        assert_eq!(types, ANSWERS.map(<[u8]>::to_vec), "{version:?}");
        let topics: Vec<&str> = heard.messages.iter().map(|(topic, ..)| &**topic).collect();
        let expected = ["t/0", "t/0", "t/0", "t/1", "t/2", "t/2", "t/huge", "t/large"];
        assert_eq!(topics, expected, "{version:?}");
    }
}

#[test]
fn all_at_once_is_the_same() {
    for version in VERSIONS {
        assert!(converse(Transport::Memory, version, &[]) == reference(version), "{version:?}");
    }
}

#[test]
fn byte_by_byte_is_the_same() {
    for version in VERSIONS {
        assert!(converse(Transport::Memory, version, &places(version)) == reference(version), "{version:?}");
    }
}

#[test]
fn byte_by_byte_over_a_socket_is_the_same() {
    for version in VERSIONS {
        assert!(converse(Transport::Socket, version, &places(version)) == reference(version), "{version:?}");
    }
}

#[test]
fn any_two_pieces_are_the_same() {
    for version in VERSIONS {
        let reference = reference(version);
        for place in places(version) {
            let heard = converse(Transport::Memory, version, &[place]);
            assert!(heard == reference, "{version:?}, cut at {place}: {heard:?} and not {reference:?}");
        }
    }
}

#[test]
fn random_pieces_are_the_same() {
    let mut random = Random::new(0x5eed);
    for version in VERSIONS {
        let (reference, places) = (reference(version), places(version));
        for _ in 0..150 {
            let mut cuts: Vec<usize> =
                (0..random.below(40)).map(|_| places[random.below(places.len())]).collect();
            cuts.sort_unstable();
            cuts.dedup();
            let heard = converse(Transport::Memory, version, &cuts);
            assert!(heard == reference, "{version:?}, cut at {cuts:?}: {heard:?} and not {reference:?}");
        }
    }
}
