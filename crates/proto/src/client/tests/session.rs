//! The changes of a Session, and the client that is made of them.

use alloc::collections::BTreeSet;

use super::*;

const TELLS: Settings = Settings {
    inflight_messages_max: 65_535,
    topic_alias_maximum_outgoing: 16,
    acknowledges_itself: false,
    tells_changes: true,
};

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

fn kept(qos: QoS, payload: &[u8]) -> Arc<KeptMessage> {
    let topic = TopicName::parse("t").unwrap();
    let outgoing = Outgoing { topic, payload, qos, retain: false, properties: Properties::EMPTY };
    Arc::new(KeptMessage::from(&outgoing))
}

fn taken(number: u16, qos: QoS, payload: &[u8]) -> SessionChange {
    SessionChange::OutgoingTaken { id: id(number), message: kept(qos, payload) }
}

/// What the changes so far add up to.
fn stored(changes: &[SessionChange]) -> StoredSession {
    let mut session = StoredSession::default();
    for change in changes {
        session.apply(change);
    }
    session
}

/// A client of a later process; its tokens are 100 and the Packet Identifier.
fn restored(session: &StoredSession) -> Pair {
    Pair::of(Client::restore(TELLS, session, |id, _| 100 + u32::from(id.get())))
}

#[test]
fn a_publish_is_told_when_it_is_taken_up_and_when_it_ends() {
    let mut pair = Pair::new(TELLS);
    pair.publish(QoS::AtMostOnce, b"0", 0);
    pair.publish(QoS::AtLeastOnce, b"1", 1);
    pair.publish(QoS::ExactlyOnce, b"2", 2);
    let without_connection = [taken(1, QoS::AtLeastOnce, b"1"), taken(2, QoS::ExactlyOnce, b"2")];
    assert_eq!(pair.client.take_changes(), without_connection);
    pair.connect(false, &[]);
    assert_eq!(pair.sent_summary().len(), 3);
    assert!(!pair.client.has_changes());
    pair.ack(Packet::PubAck, 1);
    pair.ack(Packet::PubRec, 2);
    pair.ack(Packet::PubRec, 2);
    let ends = [SessionChange::OutgoingFinished { id: id(1) }, SessionChange::OutgoingReceived { id: id(2) }];
    assert_eq!(pair.client.take_changes(), ends);
    pair.ack(Packet::PubComp, 2);
    assert_eq!(pair.client.take_changes(), [SessionChange::OutgoingFinished { id: id(2) }]);
}

#[test]
fn a_message_that_cannot_be_sent_ends_too() {
    let mut pair = Pair::new(TELLS);
    pair.connect(false, &[Property::MaximumQos(QoS::AtLeastOnce)]);
    pair.publish(QoS::ExactlyOnce, b"", 1);
    let changes = [taken(1, QoS::ExactlyOnce, b""), SessionChange::OutgoingFinished { id: id(1) }];
    assert_eq!(pair.client.take_changes(), changes);
}

#[test]
fn a_client_that_is_not_asked_tells_nothing() {
    let mut pair = Pair::new(Settings::default());
    pair.connect(false, &[]);
    pair.publish(QoS::ExactlyOnce, b"", 1);
    pair.message(1, QoS::ExactlyOnce, false).unwrap();
    assert!(!pair.client.has_changes());
}

#[test]
fn what_comes_with_qos_2_is_told_until_it_is_released() {
    let mut pair = Pair::new(TELLS);
    pair.connect(false, &[]);
    let other = pair.message(9, QoS::AtLeastOnce, false).unwrap();
    let first = pair.message(1, QoS::ExactlyOnce, false).unwrap();
    let second = pair.message(2, QoS::ExactlyOnce, false).unwrap();
    assert!(!pair.client.has_changes(), "what the application has not acknowledged comes again");
    pair.client.acknowledge(second);
    pair.client.acknowledge(other);
    assert_eq!(pair.client.take_changes(), [SessionChange::IncomingAcknowledged { id: id(2) }]);
    pair.client.acknowledge(first);
    let received = [1, 2].map(|number| SessionChange::IncomingReceived { id: id(number) });
    assert_eq!(pair.client.take_changes(), received);
    pair.ack(Packet::PubRel, 1);
    assert_eq!(pair.client.take_changes(), [SessionChange::IncomingReleased { id: id(1) }]);
    pair.ack(Packet::PubRel, 1);
    assert!(!pair.client.has_changes());
}

#[test]
fn mqtt5_4_4_0_1_a_restored_client_finishes_what_was_begun() {
    let changes = [
        taken(7, QoS::ExactlyOnce, b"released"),
        taken(8, QoS::ExactlyOnce, b"two"),
        taken(3, QoS::AtLeastOnce, b"one"),
        taken(4, QoS::AtLeastOnce, b"done"),
        SessionChange::OutgoingReceived { id: id(7) },
        SessionChange::OutgoingFinished { id: id(4) },
    ];
    let mut pair = restored(&stored(&changes));
    assert_eq!(pair.client.unfinished_publishes(), 3);
    pair.publish(QoS::AtLeastOnce, b"new", 1);
    pair.connect(true, &[]);
    let resent = [
        (0x60, false, vec![]),
        (2, true, b"two".to_vec()),
        (1, true, b"one".to_vec()),
        (1, false, b"new".to_vec()),
    ];
    assert_eq!(pair.sent_summary(), resent);
    for (packet, number) in [(Packet::PubComp as fn(_) -> _, 7), (Packet::PubAck, 3), (Packet::PubAck, 4)] {
        pair.ack(packet, number);
    }
    for token in [107, 103, 1] {
        assert!(
            matches!(pair.client.poll(), Some(Event::Published { token: it, reason: ReasonCode::Success, .. }) if it == token)
        );
    }
}

#[test]
fn mqtt5_3_2_2_5_a_restored_client_publishes_anew_what_the_server_forgot() {
    let changes = [
        taken(1, QoS::ExactlyOnce, b"released"),
        taken(2, QoS::ExactlyOnce, b"two"),
        SessionChange::OutgoingReceived { id: id(1) },
        SessionChange::IncomingReceived { id: id(5) },
    ];
    let mut pair = restored(&stored(&changes));
    pair.connect(false, &[]);
    assert_eq!(pair.sent_summary(), [(2, false, b"two".to_vec())]);
    assert!(matches!(
        pair.client.poll(),
        Some(Event::Published { token: 101, reason: ReasonCode::Success, .. })
    ));
    let changes = [SessionChange::IncomingLost, SessionChange::OutgoingFinished { id: id(1) }];
    assert_eq!(pair.client.take_changes(), changes);
    assert!(pair.message(5, QoS::ExactlyOnce, false).is_some(), "the identifier means another message");
    pair.ack(Packet::PubRec, 2);
    assert_eq!(pair.client.take_changes(), [SessionChange::OutgoingReceived { id: id(2) }]);
}

#[test]
fn mqtt5_4_3_3_10_a_restored_client_knows_what_it_has() {
    let changes =
        [SessionChange::IncomingReceived { id: id(1) }, SessionChange::IncomingAcknowledged { id: id(2) }];
    let mut pair = restored(&stored(&changes));
    pair.connect(true, &[]);
    assert_eq!(pair.message(1, QoS::ExactlyOnce, true), None);
    assert_eq!(pair.message(2, QoS::ExactlyOnce, true), None);
    assert_eq!(pair.sent_summary(), [(0x50, false, vec![]), (0x50, false, vec![])]);
    assert_eq!(pair.client.take_changes(), [SessionChange::IncomingReceived { id: id(2) }]);
    pair.ack(Packet::PubRel, 1);
    assert_eq!(pair.client.take_changes(), [SessionChange::IncomingReleased { id: id(1) }]);
}

#[test]
fn what_the_server_gave_up_does_not_hide_another_message() {
    let mut pair = restored(&stored(&[SessionChange::IncomingAcknowledged { id: id(2) }]));
    pair.connect(true, &[]);
    assert!(pair.message(2, QoS::ExactlyOnce, false).is_some(), "it is no repeat");
    assert_eq!(pair.client.take_changes(), [SessionChange::IncomingReleased { id: id(2) }]);
}

#[test]
fn mqtt5_3_1_2_4_a_clean_start_forgets_what_came_before_connect_is_sent() {
    let mut pair = restored(&stored(&[SessionChange::IncomingReceived { id: id(1) }]));
    let connect = Connect { clean_start: true, ..connect() };
    pair.client.connect(pair.now, &connect).unwrap();
    assert_eq!(pair.client.take_changes(), [SessionChange::IncomingLost]);
}

#[test]
fn what_cannot_be_kept_is_given_up() {
    let mut pair = Pair::new(TELLS);
    pair.connect(false, &[Property::ReceiveMaximum(core::num::NonZero::new(1).unwrap())]);
    for token in 1..=3 {
        pair.publish(QoS::AtLeastOnce, b"x", token);
    }
    pair.client.handle(pair.now, Input::Closed);
    pair.client.not_kept(&BTreeSet::from([id(1), id(2)]));
    for token in [1, 2] {
        assert_eq!(pair.client.poll(), Some(Event::Unpublished { token, error: PublishError::NotKept }));
    }
    assert_eq!(pair.client.unfinished_publishes(), 1);
    pair.connect(true, &[]);
    assert_eq!(pair.sent_summary(), [(1, false, b"x".to_vec())]);
    pair.ack(Packet::PubAck, 3);
    assert!(matches!(
        pair.client.poll(),
        Some(Event::Published { token: 3, reason: ReasonCode::Success, .. })
    ));
}

#[test]
fn identifiers_are_given_out_again_in_the_order_of_the_messages() {
    let mut pair = Pair::new(TELLS);
    for token in 1..=65_536_u32 {
        pair.publish(QoS::AtLeastOnce, alloc::format!("{token}").as_bytes(), token);
    }
    assert_eq!(pair.client.take_changes().len(), 65_535, "the last one has no identifier");
    pair.publish(QoS::AtMostOnce, b"late", 0);
    assert_eq!(pair.client.unfinished_publishes(), 65_537);
    pair.connect(false, &[]);
    assert_eq!(pair.sent().len(), 65_535);
    pair.ack(Packet::PubAck, 5);
    let changes = [SessionChange::OutgoingFinished { id: id(5) }, taken(5, QoS::AtLeastOnce, b"65536")];
    assert_eq!(pair.client.take_changes(), changes);
    assert_eq!(pair.sent_summary(), [(1, false, b"65536".to_vec()), (0, false, b"late".to_vec())]);
    assert_eq!(pair.client.unfinished_publishes(), 65_535);
}

#[test]
fn a_session_is_the_sum_of_its_changes() {
    let changes = [
        taken(1, QoS::AtLeastOnce, b"1"),
        taken(2, QoS::ExactlyOnce, b"2"),
        taken(3, QoS::ExactlyOnce, b"3"),
        SessionChange::OutgoingReceived { id: id(3) },
        SessionChange::OutgoingFinished { id: id(1) },
        taken(1, QoS::ExactlyOnce, b"4"),
        SessionChange::IncomingReceived { id: id(1) },
        SessionChange::IncomingReceived { id: id(2) },
        SessionChange::IncomingAcknowledged { id: id(3) },
        SessionChange::IncomingReleased { id: id(1) },
    ];
    let session = stored(&changes);
    let fewest = [
        taken(2, QoS::ExactlyOnce, b"2"),
        SessionChange::OutgoingReceived { id: id(3) },
        taken(1, QoS::ExactlyOnce, b"4"),
        SessionChange::IncomingReceived { id: id(2) },
        SessionChange::IncomingAcknowledged { id: id(3) },
    ];
    assert_eq!(session.changes().collect::<Vec<_>>(), fewest);
    assert_eq!(stored(&fewest).changes().collect::<Vec<_>>(), fewest);
}

#[test]
fn a_change_survives_as_bytes() {
    let properties = [Property::ContentType("text"), Property::UserProperty("k", "v")];
    let outgoing = Outgoing {
        topic: TopicName::parse("a/b").unwrap(),
        payload: b"payload",
        qos: QoS::ExactlyOnce,
        retain: true,
        properties: Properties::list(&properties),
    };
    let message = Arc::new(KeptMessage::from(&outgoing));
    let changes = [
        SessionChange::OutgoingTaken { id: id(0x1234), message },
        taken(1, QoS::AtLeastOnce, b""),
        SessionChange::OutgoingReceived { id: id(2) },
        SessionChange::OutgoingFinished { id: id(3) },
        SessionChange::IncomingAcknowledged { id: id(4) },
        SessionChange::IncomingReceived { id: id(5) },
        SessionChange::IncomingReleased { id: id(65_535) },
        SessionChange::IncomingLost,
    ];
    for change in &changes {
        let mut bytes = Vec::new();
        change.encode(&mut bytes);
        assert_eq!(bytes.len(), change.encoded_len());
        assert_eq!(SessionChange::decode(&bytes).as_ref(), Ok(change));
        for len in 0..bytes.len() {
            // A payload may end anywhere, all else may not.
            assert_ne!(SessionChange::decode(&bytes[..len]).as_ref(), Ok(change));
        }
    }
    let mut bytes = Vec::new();
    changes[0].encode(&mut bytes);
    let layout = b"\x01\x12\x34\x06\x00\x03\x00\x00\x00\x0ea/b\x03\x00\x04text\x26\x00\x01k\x00\x01vpayload";
    assert_eq!(bytes, layout, "the bytes that earlier versions wrote");
}

#[test]
fn bytes_that_are_no_change() {
    let wrong: [&[u8]; 8] = [
        b"",
        b"\x02\x00\x00",
        b"\x08\x00\x01",
        b"\x02\x00\x01x",
        b"\x01\x00\x01\x00\x00\x01\x00\x00\x00\x00t", // QoS 0
        b"\x01\x00\x01\x03\x00\x01\x00\x00\x00\x00t",
        b"\x01\x00\x01\x01\x00\x01\x00\x00\x00\x00+",
        b"\x01\x00\x01\x01\x00\x01\x00\x00\x00\x01t\xFF",
    ];
    for bytes in wrong {
        assert_eq!(SessionChange::decode(bytes), Err(InvalidRecord), "{bytes:?}");
    }
}
