//! QoS 2 messages that were taken over and take effect when PUBREL comes, where the configuration wants that.

use std::collections::BTreeMap;
use std::sync::Arc;

use martlet_wire::PacketId;

use crate::message::Message;

/// The messages, by Packet Identifier.
#[derive(Debug, Default)]
pub(crate) struct Unreleased {
    messages: BTreeMap<PacketId, Arc<Message>>,
    bytes: usize,
}

impl Unreleased {
    /// Whether the bounds leave room for a message of this many bytes. A single one always finds room.
    pub(crate) fn has_room(&self, bytes: usize, messages_max: usize, bytes_max: usize) -> bool {
        self.messages.is_empty()
            || (self.messages.len() < messages_max && self.bytes.saturating_add(bytes) <= bytes_max)
    }

    /// Takes a message up.
    pub(crate) fn insert(&mut self, id: PacketId, message: Arc<Message>) {
        self.bytes += message.size();
        let old = self.messages.insert(id, message);
        self.bytes -= old.map_or(0, |old| old.size());
    }

    /// PUBREL came.
    pub(crate) fn take(&mut self, id: PacketId) -> Option<Arc<Message>> {
        let message = self.messages.remove(&id)?;
        self.bytes -= message.size();
        Some(message)
    }

    /// A message that waits.
    pub(crate) fn get(&self, id: PacketId) -> Option<&Arc<Message>> {
        self.messages.get(&id)
    }
}

#[cfg(test)]
mod tests {
    use martlet_wire::QoS;

    use super::*;

    #[test]
    fn the_bounds_hold() {
        let message = Arc::new(Message {
            topic: "t".into(),
            properties: Box::default(),
            payload: vec![0; 9].into(),
            qos: QoS::ExactlyOnce,
            retain: false,
            expires_at: None,
            publisher: "p".into(),
        });
        let mut unreleased = Unreleased::default();
        assert!(unreleased.has_room(100, 1, 50), "a single one always finds room");
        unreleased.insert(PacketId::MIN, Arc::clone(&message));
        assert!(
            !unreleased.has_room(1, 1, 50)
                && !unreleased.has_room(41, 9, 50)
                && unreleased.has_room(40, 9, 50)
        );
        unreleased.insert(PacketId::MIN, message);
        assert!(unreleased.has_room(40, 9, 50), "it took the place of the first");
        assert!(unreleased.get(PacketId::MIN).is_some() && unreleased.take(PacketId::MIN).is_some());
        assert!(unreleased.take(PacketId::MIN).is_none() && unreleased.has_room(50, 1, 50));
    }
}
