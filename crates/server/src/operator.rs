//! What an operator may ask a running broker for.

use core::fmt::Write as _;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use martlet_engine::SubscriptionFacts;

use crate::inbox::{Inboxes, Mail};

/// How long the shards have for their answers.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// Subscriptions of one shard that are shown.
pub(crate) const SUBSCRIPTIONS_SHOWN_MAX: usize = 10_000;

/// Asks a running broker for things, from another thread.
#[derive(Clone)]
pub struct Operator {
    inboxes: Arc<Inboxes>,
}

impl Operator {
    pub(crate) fn new(inboxes: Arc<Inboxes>) -> Self {
        Self { inboxes }
    }

    /// Begins a checkpoint of each shard, which makes the next start shorter, and returns at once. All that has to survive is in
    /// the log without it.
    pub fn save(&self) {
        self.inboxes.send_to_all(|_| Mail::Save);
    }

    /// How many messages of QoS 1 and 2, and of QoS 0 where these are queued, wait in the Session of a Client Identifier, those on
    /// their way included. Takes five seconds at most.
    pub fn waiting_messages(&self, client_identifier: &str) -> usize {
        let name: Arc<str> = client_identifier.into();
        self.inboxes.ask_all(ANSWER_TIME_MAX, |to| Mail::Waiting(Arc::clone(&name), to)).sum()
    }

    /// All subscriptions as a tree of topic levels, each with its clients, as Mosquitto prints it; of many only the first 10,000
    /// of each shard. Takes five seconds at most.
    pub fn subscription_tree(&self) -> String {
        let mut all = Vec::new();
        let mut are_more = false;
        for some in self.inboxes.ask_all(ANSWER_TIME_MAX, Mail::Subscriptions) {
            are_more |= some.len() >= SUBSCRIPTIONS_SHOWN_MAX;
            all.extend(some);
        }
        let mut text = tree(&all);
        if are_more {
            text.push_str("(there are more)\n");
        }
        text
    }
}

impl core::fmt::Debug for Operator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Operator").finish_non_exhaustive()
    }
}

/// Where a shard sends its subscriptions.
pub(crate) type SubscriptionsTo = Sender<Vec<SubscriptionFacts>>;

/// A topic level, and what is below it.
#[derive(Default)]
struct Level {
    clients: Vec<(String, u8)>,
    below: BTreeMap<String, Level>,
}

fn tree(subscriptions: &[SubscriptionFacts]) -> String {
    let (mut plain, mut shared) = (Level::default(), Level::default());
    for SubscriptionFacts { filter, share, client_identifier, qos } in subscriptions {
        let root = match share {
            None => &mut plain,
            Some(share) => shared.below.entry(format!("$share/{share}")).or_default(),
        };
        let level = filter.split('/').fold(root, |level, name| level.below.entry(name.into()).or_default());
        level.clients.push((client_identifier.clone(), *qos as u8));
    }
    let mut text = String::new();
    plain.write(0, &mut text);
    shared.write(0, &mut text);
    text
}

impl Level {
    fn write(&self, depth: usize, text: &mut String) {
        for (name, level) in &self.below {
            let _ = write!(text, "{:indent$}{}", "", name.escape_debug(), indent = (depth + 1) * 2);
            for (client, qos) in &level.clients {
                let _ = write!(text, " ({}, {qos})", client.escape_debug());
            }
            text.push('\n');
            level.write(depth + 1, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use martlet_wire::QoS;

    use super::*;

    #[test]
    fn a_tree_of_subscriptions() {
        let facts = |filter: &str, share: Option<&str>, client: &str| SubscriptionFacts {
            filter: filter.into(),
            share: share.map(Into::into),
            client_identifier: client.into(),
            qos: QoS::AtLeastOnce,
        };
        let all = [
            facts("a/+/c", None, "x"),
            facts("a/b", None, "y\n"),
            facts("a/b", None, "z"),
            facts("d/#", Some("g"), "x"),
        ];
        let expected =
            "  a\n    +\n      c (x, 1)\n    b (y\\n, 1) (z, 1)\n  $share/g\n    d\n      # (x, 1)\n";
        assert_eq!(tree(&all), expected);
    }
}
