use alloc::vec::Vec;

use super::*;

fn id(value: u16) -> PacketId {
    PacketId::new(value).unwrap()
}

#[test]
fn identifiers_go_round_past_those_in_use() {
    let mut outbound = Outbound::default();
    for n in 1..=u16::MAX {
        assert_eq!(outbound.push(QoS::AtLeastOnce, n), Ok(id(n)));
    }
    assert_eq!(outbound.push(QoS::AtLeastOnce, 0), Err(0), "all 65,535 are taken");
    assert_eq!(outbound.puback(id(2)), Acknowledgement::Finished(Some(2)));
    assert_eq!(outbound.push(QoS::AtLeastOnce, 7), Ok(id(2)), "1 is still taken");
    assert_eq!(outbound.puback(id(9)), Acknowledgement::Finished(Some(9)));
    assert_eq!(outbound.push(QoS::ExactlyOnce, 8), Ok(id(9)));
    assert_eq!(outbound.len(), 65_535);
    assert_eq!(outbound.puback(id(2)), Acknowledgement::Finished(Some(7)));
    assert_eq!(outbound.puback(id(2)), Acknowledgement::Unknown);
}

#[test]
fn one_message_that_is_never_acknowledged_holds_up_nothing() {
    let mut outbound = Outbound::default();
    let held = outbound.push(QoS::AtLeastOnce, 0).unwrap();
    for n in 1..200_000 {
        let next = outbound.push(QoS::AtLeastOnce, n).unwrap();
        assert_ne!(next, held);
        assert_eq!(outbound.puback(next), Acknowledgement::Finished(Some(n)));
        assert!(outbound.entries.len() < 100, "what is done does not pile up");
    }
    outbound.restart();
    assert_eq!(outbound.next_resend(), Some(Resend::Publish(held, QoS::AtLeastOnce, 0)));
    assert_eq!(outbound.next_resend(), None);
}

#[test]
fn qos_2_goes_through_all_its_states() {
    let mut outbound = Outbound::default();
    let first = outbound.push(QoS::ExactlyOnce, 'a').unwrap();
    assert_eq!(outbound.puback(first), Acknowledgement::Unknown);
    assert_eq!(outbound.pubcomp(first), Acknowledgement::Unknown);
    assert_eq!(outbound.pubrec(first, false), Acknowledgement::Received(Some('a')));
    assert!(outbound.release(first, true));
    assert_eq!(outbound.pubrec(first, false), Acknowledgement::Received(None));
    assert_eq!(outbound.pubcomp(first), Acknowledgement::Finished(None));
    assert!(!outbound.release(first, true));
    assert!(outbound.is_empty());
}

#[test]
fn a_failing_pubrec_finishes_the_message() {
    let mut outbound = Outbound::default();
    let first = outbound.push(QoS::ExactlyOnce, 'a').unwrap();
    assert_eq!(outbound.pubrec(first, true), Acknowledgement::Finished(Some('a')));
    outbound.restart();
    assert_eq!(outbound.next_resend(), None);
}

#[test]
#[expect(clippy::many_single_char_names, reason = "they name the messages")]
fn a_restart_repeats_what_is_unfinished_in_order() {
    let mut outbound = Outbound::default();
    let a = outbound.push(QoS::AtLeastOnce, 'a').unwrap();
    let b = outbound.push(QoS::ExactlyOnce, 'b').unwrap();
    let c = outbound.push(QoS::AtLeastOnce, 'c').unwrap();
    let d = outbound.push(QoS::ExactlyOnce, 'd').unwrap();
    assert!(!outbound.has_resends());
    outbound.pubrec(b, false);
    assert!(outbound.release(b, true));
    outbound.puback(c);
    outbound.restart();
    assert_eq!(outbound.in_flight(), 0);
    assert!(!outbound.resends_publish(), "PUBREL comes first");
    assert_eq!(outbound.next_resend(), Some(Resend::PubRel(b)));
    assert!(outbound.resends_publish());
    assert_eq!(outbound.next_resend(), Some(Resend::Publish(a, QoS::AtLeastOnce, 'a')));
    assert_eq!(outbound.in_flight(), 2);
    outbound.puback(a);
    assert_eq!(outbound.in_flight(), 1);
    assert_eq!(outbound.pubcomp(b), Acknowledgement::Finished(None));
    assert_eq!(outbound.in_flight(), 0);
    assert_eq!(outbound.next_resend(), Some(Resend::Publish(d, QoS::ExactlyOnce, 'd')));
    assert_eq!(outbound.next_resend(), None);
    let e = outbound.push(QoS::AtLeastOnce, 'e').unwrap();
    assert_eq!(outbound.next_resend(), None, "a new message is sent by whoever pushes it");
    assert_eq!(outbound.puback(e), Acknowledgement::Finished(Some('e')));
}

#[test]
fn an_inbound_identifier_means_one_message_until_pubrel() {
    let mut inbound = Inbound::default();
    assert_eq!(inbound.publish(id(1)), Arrival::New);
    assert_eq!(inbound.publish(id(1)), Arrival::Pending);
    inbound.taken_over(id(1));
    assert_eq!(inbound.publish(id(1)), Arrival::Repeated);
    assert!(inbound.release(id(1)));
    assert!(!inbound.release(id(1)));
    assert_eq!(inbound.publish(id(1)), Arrival::New);
    inbound.refused(id(1));
    assert_eq!(inbound.publish(id(1)), Arrival::New);
    assert_eq!(inbound.len(), 1);
}

#[test]
fn a_pubrel_that_could_not_be_sent_comes_with_the_next_connection() {
    let mut outbound = Outbound::default();
    let first = outbound.push(QoS::ExactlyOnce, 'a').unwrap();
    outbound.pubrec(first, false);
    outbound.restart();
    assert!(outbound.release(first, false), "the log answers before the new connection is open");
    assert_eq!((outbound.in_flight(), outbound.has_resends()), (0, true));
    assert_eq!(outbound.next_resend(), Some(Resend::PubRel(first)));
    assert_eq!(outbound.pubcomp(first), Acknowledgement::Finished(None));
}

#[test]
fn what_an_earlier_life_sent_can_be_listed() {
    let mut outbound = Outbound::default();
    outbound.restore(id(7), Some((QoS::AtLeastOnce, 1)));
    outbound.restore(id(8), None);
    let unfinished: Vec<_> = outbound.unfinished().collect();
    assert_eq!(unfinished, [(id(7), Some((QoS::AtLeastOnce, &1))), (id(8), None)]);
    assert_eq!((outbound.get(id(7)), outbound.get(id(8))), (Some((QoS::AtLeastOnce, &1)), None));
    let mut inbound = Inbound::default();
    inbound.restore(id(5));
    assert_eq!(inbound.taken_over_ids().collect::<Vec<_>>(), [id(5)]);
}
