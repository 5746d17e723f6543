//! The states of QoS 1 and 2 against a plain list.

use std::collections::BTreeMap;

use martlet_proto::{Acknowledgement, Outbound, Resend};
use martlet_wire::{PacketId, QoS};

/// Any order of operations keeps the states of outgoing messages in step with a plain map of what is unfinished.
///
/// # Panics
/// If they differ.
pub fn delivery(data: &[u8]) {
    let mut outbound = Outbound::<u32>::default();
    let mut model: BTreeMap<u16, (QoS, u32, bool)> = BTreeMap::new();
    for (number, pair) in (0_u32..).zip(data.chunks_exact(2)) {
        let id = PacketId::new(u16::from(pair[1]) + 1).unwrap_or(PacketId::MIN);
        match pair[0] % 8 {
            0 | 1 => push(&mut outbound, &mut model, QoS::AtLeastOnce, number),
            2 | 3 => push(&mut outbound, &mut model, QoS::ExactlyOnce, number),
            4 => {
                let is_due = matches!(model.get(&id.get()), Some((QoS::AtLeastOnce, ..)));
                assert_eq!(matches!(outbound.puback(id), Acknowledgement::Finished(_)), is_due);
                if is_due {
                    model.remove(&id.get());
                }
            }
            5 => {
                let is_due = matches!(model.get(&id.get()), Some((QoS::ExactlyOnce, ..)));
                assert_eq!(matches!(outbound.pubrec(id, false), Acknowledgement::Received(_)), is_due);
                if is_due {
                    assert!(outbound.release(id, true));
                    model.entry(id.get()).and_modify(|entry| entry.2 = true);
                }
            }
            6 => {
                let is_due = matches!(model.get(&id.get()), Some((QoS::ExactlyOnce, _, true)));
                assert_eq!(matches!(outbound.pubcomp(id), Acknowledgement::Finished(_)), is_due);
                if is_due {
                    model.remove(&id.get());
                }
            }
            _ => restart(&mut outbound, &model),
        }
        assert_eq!((outbound.len(), outbound.in_flight()), (model.len(), model.len()));
    }
}

fn push(outbound: &mut Outbound<u32>, model: &mut BTreeMap<u16, (QoS, u32, bool)>, qos: QoS, number: u32) {
    let id = outbound.push(qos, number).expect("there are identifiers enough");
    assert!(model.insert(id.get(), (qos, number, false)).is_none(), "{id} is in use");
}

/// A new connection gets everything unfinished, and each message in the state that it has.
fn restart(outbound: &mut Outbound<u32>, model: &BTreeMap<u16, (QoS, u32, bool)>) {
    outbound.restart();
    let mut numbers = Vec::new();
    let mut count = 0;
    while let Some(resend) = outbound.next_resend() {
        count += 1;
        match resend {
            Resend::Publish(id, qos, number) => {
                assert_eq!(model.get(&id.get()), Some(&(qos, number, false)));
                numbers.push(number);
            }
            Resend::PubRel(id) => assert!(matches!(model.get(&id.get()), Some((_, _, true)))),
        }
    }
    assert_eq!(count, model.len());
    assert!(numbers.is_sorted(), "messages keep their order");
}
