//! What the broker itself publishes: values about itself, and answers to control requests.

use martlet_wire::{Properties, QoS, TopicName};

use crate::Engine;
use crate::message::Publication;

/// The publisher of what the broker itself publishes. No client has this Client Identifier: whoever sends it gets one assigned.
pub(crate) const BROKER: &str = "";

/// A message that the broker itself publishes.
///
/// No rule of [`Access`](crate::Access) and no limit applies to its publication; its receivers need the permission to receive
/// it, as always. While the log cannot be written to it goes out with QoS 0, so that it depends on no log.
#[derive(Clone, Copy, Debug)]
pub struct Announcement<'a> {
    /// The Topic Name.
    pub topic: TopicName<'a>,
    /// The payload.
    pub payload: &'a [u8],
    /// The QoS.
    pub qos: QoS,
    /// After how many seconds it expires.
    pub expiry_interval: Option<u32>,
    /// Whether it is retained. What is retained below `$SYS/` tells of this run of the broker: it is not in the log.
    pub retain: bool,
}

impl Engine {
    /// The broker itself publishes a message.
    pub(crate) fn announce(&mut self, announcement: Announcement<'_>) {
        let Announcement { topic, payload, qos, expiry_interval, retain } = announcement;
        let expires_at = expiry_interval.map(|seconds| self.now.plus_seconds(seconds));
        self.take_effect(&mut Publication {
            topic,
            properties: Properties::EMPTY,
            payload,
            qos: if self.journal.is_stalled() { QoS::AtMostOnce } else { qos },
            retain,
            expires_at,
            publisher: BROKER.into(),
            shared: None,
            record: None,
        });
    }
}

/// Whether messages on a topic tell of this run of the broker, so that they are nothing to the next: the broker's own, and what
/// bridges of others tell of themselves, which they tell again when they come back.
pub(crate) fn is_of_this_run(topic: &str) -> bool {
    topic.starts_with("$SYS/")
}

/// Whether no client may publish to this topic [s4.7.2]. Bridges tell below `$SYS/broker/connection/` of their state.
pub(crate) fn is_reserved(topic: &str) -> bool {
    let mut levels = topic.split('/');
    match levels.next() {
        Some("$share") => true,
        Some("$SYS") => {
            let levels: Vec<&str> = levels.take(5).collect();
            !matches!(levels[..], ["broker", "connection", _, "state"])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_topics() {
        for topic in ["$SYS", "$SYS/broker/uptime", "$SYS/broker/connection/a/state/b", "$share/g/t"] {
            assert!(is_reserved(topic), "{topic}");
        }
        for topic in ["$SYS/broker/connection/a/state", "$CONTROL/broker/v1", "$other", "a/$SYS", "$SYSTEM/a"]
        {
            assert!(!is_reserved(topic), "{topic}");
        }
    }
}
