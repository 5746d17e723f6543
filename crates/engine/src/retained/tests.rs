use martlet_wire::{QoS, TopicFilter, TopicName};
use proptest::prelude::*;

use super::*;

fn message(topic: &str, payload: &[u8], expires_at: Option<u64>) -> Arc<Message> {
    Arc::new(Message {
        topic: topic.into(),
        properties: Box::default(),
        payload: payload.into(),
        qos: QoS::AtMostOnce,
        retain: true,
        expires_at: expires_at.map(Instant::from_millis),
        publisher: "p".into(),
    })
}

/// Keeps or deletes, as a PUBLISH with RETAIN does. Every call is later than the one before.
fn set(retained: &mut Retained, message: &Arc<Message>) {
    use core::sync::atomic::{AtomicU64, Ordering};
    static ORDER: AtomicU64 = AtomicU64::new(1);
    let stamp = Stamp { order: ORDER.fetch_add(1, Ordering::Relaxed), shard: 0 };
    if message.payload.is_empty() {
        retained.clear(stamp, &message.topic);
    } else {
        retained.set(stamp, message);
    }
}

fn found(retained: &Retained, filter: &str) -> Vec<String> {
    let mut cursor = Cursor::default();
    core::iter::from_fn(|| retained.next(filter, &mut cursor))
        .map(|message| message.topic.to_string())
        .collect()
}

#[test]
fn an_empty_payload_deletes() {
    let mut retained = Retained::default();
    set(&mut retained, &message("a", b"1", None));
    set(&mut retained, &message("a", b"22", None));
    assert_eq!((retained.len(), retained.bytes()), (1, 3));
    assert_eq!(retained.get("a").map(|m| m.payload.len()), Some(2));
    set(&mut retained, &message("a", b"", None));
    set(&mut retained, &message("b", b"", None));
    assert_eq!((retained.len(), retained.bytes()), (0, 0));
}

#[test]
fn the_expired_are_swept_a_few_at_a_time() {
    let mut retained = Retained::default();
    for n in 0..10 {
        set(&mut retained, &message(&n.to_string(), b"x", (n % 2 == 0).then_some(5)));
    }
    let mut cursor = Cursor::default();
    retained.sweep(&mut cursor, Instant::from_millis(5), 4);
    assert_eq!(retained.len(), 8);
    retained.sweep(&mut cursor, Instant::from_millis(5), 100);
    assert_eq!(retained.len(), 5);
    assert!(!retained.has_expiring());
}

#[test]
fn a_walk_goes_on_after_changes() {
    let mut retained = Retained::default();
    for topic in ["a/1", "a/2", "a/3"] {
        set(&mut retained, &message(topic, b"x", None));
    }
    let mut cursor = Cursor::default();
    assert_eq!(retained.next("a/+", &mut cursor).map(|m| m.topic.to_string()).as_deref(), Some("a/1"));
    set(&mut retained, &message("a/2", b"", None));
    set(&mut retained, &message("a/1", b"", None));
    assert_eq!(retained.next("a/+", &mut cursor).map(|m| m.topic.to_string()).as_deref(), Some("a/3"));
}

fn level() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(""), Just("a"), Just("b"), Just("a b"), Just("$x"), Just("é"), Just("\u{1}"), Just("~")]
}

proptest! {
    #[test]
    fn a_walk_finds_what_the_naive_matcher_finds_in_order(
        topics in prop::collection::btree_set(prop::collection::vec(level(), 1..5), 0..40),
        mut filter in prop::collection::vec(prop_oneof![2 => level(), 1 => Just("+")], 0..5),
        hash in any::<bool>(),
    ) {
        if hash {
            filter.push("#");
        }
        let filter = filter.join("/");
        prop_assume!(!filter.is_empty());
        let mut retained = Retained::default();
        let topics: Vec<String> = topics.iter().map(|levels| levels.join("/")).filter(|t| !t.is_empty()).collect();
        for topic in &topics {
            set(&mut retained, &message(topic, b"x", None));
        }
        let wanted = TopicFilter::parse(&filter).unwrap();
        let expected: Vec<String> =
            topics.iter().filter(|topic| wanted.matches(TopicName::parse(topic).unwrap())).cloned().collect();
        prop_assert_eq!(found(&retained, &filter), expected);
    }
}

#[test]
fn the_later_stays_in_whichever_order_they_come() {
    let stamp = |order, shard| Stamp { order, shard };
    let mut retained = Retained::default();
    retained.keep_cleared();
    retained.set(stamp(5, 1), &message("a", b"new", None));
    retained.set(stamp(5, 0), &message("a", b"old", None));
    retained.clear(stamp(4, 9), "a");
    assert_eq!(retained.get("a").map(|m| m.payload.to_vec()), Some(b"new".to_vec()));
    retained.clear(stamp(6, 0), "a");
    retained.set(stamp(5, 9), &message("a", b"old", None));
    assert_eq!((retained.len(), retained.bytes(), retained.cleared_len()), (0, 0, 1));
    retained.forget_cleared(6);
    assert_eq!(retained.cleared_len(), 1);
    retained.forget_cleared(7);
    assert_eq!(retained.cleared_len(), 0);
}
