//! What the broker tells of itself: its own messages, and how the shard is.

use martlet_engine::{Announcement, Input};
use martlet_wire::TopicName;

use super::Shard;
use crate::operator::{SUBSCRIPTIONS_SHOWN_MAX, SubscriptionsTo};
use crate::publisher::Parcel;
use crate::reports::{Report, ReportTo};

impl Shard {
    /// Publishes messages of the broker itself. Answers their bytes.
    pub(super) fn publish(&mut self, parcel: &Parcel) -> usize {
        let mut bytes = 0;
        for message in &parcel.messages {
            let Ok(topic) = TopicName::parse(&message.topic) else { continue };
            bytes += message.topic.len() + message.payload.len();
            let announcement = Announcement {
                topic,
                payload: &message.payload,
                qos: message.qos,
                expiry_interval: message.expiry_interval,
                retain: message.retain,
            };
            self.parts.engine.handle(self.now, Input::Publish(announcement));
        }
        bytes
    }

    /// Tells of the subscriptions.
    pub(super) fn tell_subscriptions(&self, to: &SubscriptionsTo) {
        // Who asked may have given up.
        let _ = to.send(self.parts.engine.subscription_facts(SUBSCRIPTIONS_SHOWN_MAX));
    }

    /// Tells how the shard is.
    pub(super) fn report(&self, to: &ReportTo) {
        let report = Report {
            shard: self.parts.id,
            status: self.parts.engine.status(),
            accepted: self.counters.accepted,
            stalled_since: self.parts.log.as_ref().and_then(crate::persist::ShardLog::stalled_since),
        };
        // Who asked may have given up.
        let _ = to.send(report);
    }
}
