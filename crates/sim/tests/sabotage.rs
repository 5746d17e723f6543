//! The judge bites: every fault that is put between broker and world on purpose is found, and called by its name.

use sim::{Options, Sabotage, run};

/// Seeds that are tried for each fault.
const SEEDS: core::ops::Range<u64> = 1..101;
/// Events of a run.
const STEPS: u64 = 6_000;

/// Parts of the sentences by which the judge may call a fault.
fn names(sabotage: Sabotage) -> &'static [&'static str] {
    match sabotage {
        Sabotage::LoseForward => &["is lost: owed"],
        Sabotage::RepeatForward => &["out of order", "times", "several members"],
        Sabotage::SwapForwards => &["out of order", "is lost: owed"],
        Sabotage::SkipSync | Sabotage::LoseSync => {
            &["the acknowledged m", "the acknowledged retained message"]
        }
        Sabotage::PersistEarly | Sabotage::LoseBatch | Sabotage::LoseRecords | Sabotage::OldCheckpoint => {
            LOST
        }
        Sabotage::PersistNever => &["is lost: owed", "has no answer", "something unfinished"],
        Sabotage::StopClock => &["is lost: owed", "silent client", "Session Present"],
        Sabotage::HideLoss => &["connections, not", "Sessions, not", "is lost: owed", "silent client"],
        Sabotage::RepeatOwed | Sabotage::RepeatPublishIn => &["times", "out of order"],
        Sabotage::LosePublishIn => &["has no answer", "is lost: owed"],
        Sabotage::AlterUnsubscribe => &["without a subscription", "UNSUBACK says", "subscriptions, not"],
        Sabotage::AlterDisconnect => &["against DISCONNECT"],
        Sabotage::LosePublishOut => &["DUP on a message that was not sent", "in flight to", "is lost: owed"],
        Sabotage::RepeatPublishOut => &["times", "out of order", "was not asked for"],
        Sabotage::SwapPublishesOut => &["out of order", "another order", "before"],
        Sabotage::ClearDup => &["DUP is missing"],
        Sabotage::FlipRetain => &["RETAIN", "retained"],
        Sabotage::AlterPayload => &["the payload", "nobody published"],
        Sabotage::LosePubAck => &["has no answer"],
        Sabotage::LosePubRel => &["in flight to", "something unfinished"],
        Sabotage::FlipSessionPresent => &["Session Present"],
    }
}

/// What was acknowledged before a crash is lost: a message, the newest retained one, a Session, a QoS 2 message that was taken
/// over.
const LOST: &[&str] = &[
    "is lost: owed",
    "is not the newest retained message",
    "Session Present should be true",
    "PUBCOMP does not know a message whose PUBREC was sent",
];

/// The first seed that is clean without the fault, and with it fails as it should.
fn find(sabotage: Sabotage) -> Option<(u64, String)> {
    let clean = Options { steps: STEPS, ..Options::default() };
    let faulty = Options { sabotage: Some(sabotage), ..clean.clone() };
    SEEDS.into_iter().find_map(|seed| {
        let violation = run(seed, &faulty).violation?;
        let is_named = names(sabotage).iter().any(|name| violation.contains(name));
        (is_named && run(seed, &clean).violation.is_none()).then_some((seed, violation))
    })
}

#[test]
fn every_fault_is_found() {
    let mut missed = Vec::new();
    for sabotage in Sabotage::ALL {
        match find(sabotage) {
            Some((seed, violation)) => println!("{sabotage:?}: seed {seed}: {violation}"),
            None => missed.push(sabotage),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
