//! A shard tells what it was given, and records say what they are.

use martlet_wire::RetainHandling;

use super::*;
use crate::records::Record;
use crate::{BatchId, Commons, Config, Engine, Input, Output, Stored};

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

fn engine() -> Engine {
    let config = Config::default();
    Engine::new(config.clone(), ShardId(0), Commons::new(1, &config))
}

fn message(topic: &str, payload: &[u8]) -> Arc<Message> {
    Arc::new(Message {
        topic: topic.into(),
        properties: Box::default(),
        payload: payload.into(),
        qos: QoS::ExactlyOnce,
        retain: false,
        expires_at: None,
        publisher: "p".into(),
    })
}

fn delivery(message: &Arc<Message>, qos: QoS) -> KeptDelivery {
    let identifiers = SubscriptionIdentifier::new(7).into_iter().collect();
    KeptDelivery { message: Arc::clone(message), qos, retain: false, identifiers, group: None }
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

/// A Session with something of everything.
fn session() -> KeptSession {
    let shared = message("a/b", b"shared by all");
    let subscription = |filter: &str, owes_retained| KeptSubscription {
        filter: filter.to_owned(),
        options: SubscriptionOptions {
            maximum_qos: QoS::ExactlyOnce,
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::DoNotSend,
        },
        identifier: SubscriptionIdentifier::new(7),
        owes_retained,
    };
    KeptSession {
        client_identifier: "c".to_owned(),
        user_name: Some("u".to_owned()),
        expiry_interval: 100,
        detached_at: Some(NOW),
        subscriptions: vec![subscription("a/#", false), subscription("z/+", true), subscription("b", true)],
        replayed_to: Some("z/m".to_owned()),
        incoming: vec![
            KeptIncoming { id: id(3), message: None },
            KeptIncoming { id: id(5), message: Some(Arc::clone(&shared)) },
        ],
        in_flight: vec![
            KeptInFlight { id: id(9), delivery: Some(delivery(&shared, QoS::AtLeastOnce)) },
            KeptInFlight { id: id(10), delivery: None },
            KeptInFlight { id: id(2), delivery: Some(delivery(&shared, QoS::ExactlyOnce)) },
        ],
        queued: vec![
            delivery(&shared, QoS::AtMostOnce),
            delivery(&message("a/c", b"next"), QoS::AtLeastOnce),
        ],
    }
}

#[test]
fn a_shard_tells_what_it_was_given() {
    let will = KeptWill {
        client_identifier: "c".to_owned(),
        message: message("w", b"gone"),
        expiry_interval: Some(3),
        delay: 50,
    };
    let given = [Kept::Session(session()), Kept::Will(will), Kept::Retained(message("r", b"kept"))];
    let mut engine = engine();
    for kept in &given {
        engine.keep(NOW, kept);
    }
    assert_eq!(engine.kept().collect::<Vec<_>>(), given);
    let Some(Kept::Session(told)) = engine.kept().next() else { panic!("a Session") };
    let places: Vec<_> = told.in_flight.iter().flat_map(|it| &it.delivery).chain(&told.queued).collect();
    assert!(Arc::ptr_eq(&places[0].message, &places[1].message), "a message is held once");
    engine.restored(NOW, BatchId(0));
    assert_eq!(engine.kept().collect::<Vec<_>>(), given, "nothing is due yet");
}

#[test]
fn the_later_of_two_sessions_of_a_client_stays() {
    let mut engine = engine();
    engine.keep(NOW, &Kept::Session(session()));
    let later = KeptSession {
        client_identifier: "c".to_owned(),
        expiry_interval: 1,
        detached_at: Some(NOW),
        ..KeptSession::default()
    };
    engine.keep(NOW, &Kept::Session(later.clone()));
    assert_eq!(engine.kept().collect::<Vec<_>>(), [Kept::Session(later)]);
}

#[test]
fn a_checkpoint_of_what_was_given_brings_it_back() {
    let mut engine = engine();
    engine.keep(NOW, &Kept::Session(session()));
    engine.keep(NOW, &Kept::Retained(message("r", b"kept")));
    engine.restored(NOW, BatchId(0));
    loop {
        match engine.poll() {
            Output::Persist { batch, .. } => engine.handle(NOW, Input::Persisted(batch)),
            Output::WakeAt(_) => break,
            _ => {}
        }
    }
    engine.begin_checkpoint().expect("all records are taken");
    let mut again = self::engine();
    while let Some(part) = engine.checkpoint_part(1) {
        again.restore(Stored::Checkpoint, &part).unwrap();
    }
    assert!(again.kept().eq(engine.kept()));
}

#[test]
fn records_say_what_they_are_up_to_the_first_that_is_none() {
    let mut records = Vec::new();
    let will = message("w", b"gone");
    Record::Will {
        client_identifier: "c",
        delay: 5,
        expiry_interval: None,
        due_at: Some(NOW),
        message: will.fields(),
    }
    .encode(&mut records);
    Record::Sent { session: 4, number: 6, id: id(8) }.encode(&mut records);
    let offset = records.len();
    records.push(250);
    let said: Vec<_> = describe(&records).collect();
    let [Ok(first), Ok(second), Err(error)] = &said[..] else { panic!("{said:?}") };
    assert_eq!((first.kind, error.offset), ("will", offset));
    let expected = [
        ("client", Value::Text("c".to_owned())),
        ("delay", Value::Number(5)),
        ("due-at", Value::Time(NOW)),
        ("topic", Value::Text("w".to_owned())),
        ("message-qos", Value::Number(2)),
        ("message-retain", Value::Flag(false)),
        ("publisher", Value::Text("p".to_owned())),
        ("payload", Value::Payload(b"gone")),
    ];
    assert_eq!(first.fields, expected);
    assert_eq!(second.kind, "sent");
    let numbers = [("session", 4), ("packet-id", 8), ("number", 6)];
    assert_eq!(second.fields, numbers.map(|(name, number)| (name, Value::Number(number))));
}
