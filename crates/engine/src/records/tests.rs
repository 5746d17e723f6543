use super::*;

fn fields() -> MessageFields<'static> {
    MessageFields {
        topic: "a/b",
        properties: &[1, 1],
        payload: b"payload",
        qos: QoS::ExactlyOnce,
        retain: true,
        expires_at: Some(Instant::from_millis(77)),
        publisher: Client { client_identifier: "me", user_name: Some("user"), listener: Some(3) },
    }
}

/// One record of each kind, and further ones where a field may be missing.
fn all() -> Vec<Record<'static>> {
    let id = PacketId::new(515).unwrap();
    let identifier = SubscriptionIdentifier::new(9).unwrap();
    let stamp = Stamp { order: 5, shard: 2 };
    let at = Instant::from_millis(1 << 40);
    let message = fields();
    let options = SubscriptionOptions {
        maximum_qos: QoS::AtLeastOnce,
        no_local: true,
        retain_as_published: false,
        retain_handling: RetainHandling::DoNotSend,
    };
    vec![
        Record::Time(at),
        Record::AsOf(BatchId(9)),
        Record::Session {
            session: 1,
            client_identifier: "c",
            user_name: Some("u"),
            expiry_interval: u32::MAX,
            detached_at: None,
        },
        Record::Session {
            session: 1,
            client_identifier: "c",
            user_name: None,
            expiry_interval: 0,
            detached_at: Some(at),
        },
        Record::Attached { session: 2, user_name: None, expiry_interval: 7 },
        Record::Detached { session: 2, at, expiry_interval: 7 },
        Record::Ended { session: 3 },
        Record::Subscribed { session: 1, filter: "a/#", options, identifier: Some(identifier), owes: true },
        Record::Unsubscribed { session: 1, filter: "$share/g/a/#" },
        Record::Replayed { session: 1, key: Some("a\0b") },
        Record::Replayed { session: 1, key: None },
        Record::Message { id: 4, message },
        Record::Queued {
            session: 1,
            number: 1 << 40,
            message: 4,
            qos: QoS::AtLeastOnce,
            retain: false,
            group: Some("$share/g/a"),
            identifiers: vec![identifier, identifier],
        },
        Record::Sent { session: 1, number: 6, id },
        Record::Dropped { session: 1, number: 7 },
        Record::Received { session: 1, id },
        Record::Acknowledged { session: 1, id },
        Record::TakenOver { session: 1, id },
        Record::Stored { session: 1, id, message: 4 },
        Record::Released { session: 1, id },
        Record::Will {
            client_identifier: "c",
            delay: 3,
            expiry_interval: Some(4),
            due_at: Some(at),
            message,
        },
        Record::WillGone { client_identifier: "c" },
        Record::Retained { stamp, message: 4 },
        Record::Cleared { stamp, topic: "a/b" },
        Record::Forwarded {
            shard: 1,
            number: 8,
            message: 4,
            plain: true,
            hops: 2,
            groups: vec!["$share/g/a"],
        },
        Record::Confirmed { shard: 1, number: 8 },
        Record::Heard { shard: 1, number: 8 },
    ]
}

#[test]
fn what_is_written_is_read() {
    let mut bytes = Vec::new();
    for record in all() {
        record.encode(&mut bytes);
    }
    let mut reader = Reader(&bytes);
    for record in all() {
        assert_eq!(reader.record(), Some(record));
    }
    assert!(reader.is_at_end());
}

#[test]
fn a_record_that_was_cut_is_none() {
    for record in all() {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        for len in 0..bytes.len() {
            assert_eq!(Reader(&bytes[..len]).record(), None, "{record:?} cut to {len}");
        }
    }
    assert_eq!(Reader(&[0]).record(), None);
    assert_eq!(Reader(&[255]).record(), None);
}
