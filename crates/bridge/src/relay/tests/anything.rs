//! Whatever either side sends, in whatever order and pieces: nothing panics, and what the other side is told is MQTT.

use martlet_wire::Disconnect;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Something that one side sends.
#[derive(Clone, Debug)]
enum Said {
    /// A packet with this identifier, if it has one.
    Packet(Kind, u16),
    /// Any bytes.
    Bytes(Vec<u8>),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    ConnAck,
    Publish(QoS),
    Answer(PacketType),
    SubAck,
    UnsubAck,
    Disconnect,
}

const KINDS: [Kind; 11] = [
    Kind::ConnAck,
    Kind::Publish(QoS::AtMostOnce),
    Kind::Publish(QoS::AtLeastOnce),
    Kind::Publish(QoS::ExactlyOnce),
    Kind::Answer(PacketType::PubAck),
    Kind::Answer(PacketType::PubRec),
    Kind::Answer(PacketType::PubRel),
    Kind::Answer(PacketType::PubComp),
    Kind::SubAck,
    Kind::UnsubAck,
    Kind::Disconnect,
];

impl Said {
    fn bytes(&self, version: ProtocolVersion, topic: &str) -> Vec<u8> {
        let (kind, number) = match self {
            Self::Bytes(bytes) => return bytes.clone(),
            Self::Packet(kind, number) => (*kind, id(*number)),
        };
        let (properties, codes) = (Properties::EMPTY, ReasonCodes::list(&[ReasonCode::Success]));
        let packet = match kind {
            Kind::ConnAck => {
                Packet::ConnAck(ConnAck { session_present: true, reason: ReasonCode::Success, properties })
            }
            Kind::Publish(qos) => publish(topic, Delivery::new(qos, false, number)),
            Kind::Answer(kind) => {
                let mut bytes = Vec::new();
                Ack::success(number).encode(kind, version, &mut bytes).unwrap();
                return bytes;
            }
            Kind::SubAck => Packet::SubAck(SubAck { id: number, properties, codes }),
            Kind::UnsubAck => Packet::UnsubAck(UnsubAck { id: number, properties, codes }),
            Kind::Disconnect => {
                Packet::Disconnect(Disconnect { reason: ReasonCode::NORMAL_DISCONNECTION, properties })
            }
        };
        encoded(version, &packet)
    }
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        12 => (select(&KINDS[..]), 1_u16..6).prop_map(|(kind, number)| Said::Packet(kind, number)),
        1 => vec(any::<u8>(), 0..12).prop_map(Said::Bytes),
    ]
}

/// What happens: the far end says something, or the near end, or a PINGREQ is due.
#[derive(Clone, Debug)]
enum Step {
    Far(Said),
    Near(Said),
    Ping,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => said().prop_map(Step::Far),
        8 => said().prop_map(Step::Near),
        1 => Just(Step::Ping),
    ]
}

/// Hands bytes in by pieces, until the connection is over.
fn by_pieces(bytes: &[u8], piece: usize, take: impl FnMut(&[u8]) -> Result<(), End>) -> bool {
    bytes.chunks(piece).try_for_each(take).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_that_is_said_panics_and_all_that_is_told_is_mqtt(
        version in select(&[V5, V311][..]),
        qos in select(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][..]),
        is_let_in in any::<bool>(),
        takes_exactly_once in any::<bool>(),
        steps in vec((step(), 1_usize..40), 0..40),
    ) {
        let mut bench = Bench::listening(options(version, qos), Memory::default());
        bench.far();
        if is_let_in {
            let lower = [Property::MaximumQos(QoS::AtLeastOnce)];
            bench.let_in(true, if takes_exactly_once || version == V311 { &[] } else { &lower });
        }
        for (step, piece) in steps {
            let goes_on = match step {
                Step::Far(said) => {
                    by_pieces(&said.bytes(version, "there/a"), piece, |it| bench.relay.take_far(it))
                }
                Step::Near(said) => {
                    by_pieces(&said.bytes(NEAR, "out/a"), piece, |it| bench.relay.take_near(it))
                }
                Step::Ping => bench.relay.ping(),
            };
            // Each of them is decoded.
            bench.far();
            bench.near();
            if bench.relay.take_near_end().is_some() {
                bench.relay.early_end_is_over();
            }
            if !goes_on {
                break;
            }
        }
        bench.relay.leave();
        bench.far();
    }
}
