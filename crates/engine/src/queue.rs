//! What waits for one Session: QoS 1 and QoS 2 messages that are not in flight yet, bounded in number and bytes.

use std::collections::VecDeque;

use martlet_proto::Instant;

use crate::message::Queued;

/// Messages that wait, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    messages: VecDeque<Queued>,
    bytes: usize,
}

impl Queue {
    /// Whether the bounds leave room for a message. A single message always finds room in an empty queue.
    pub(crate) fn has_room(&self, queued: &Queued, messages_max: usize, bytes_max: usize) -> bool {
        let bytes = self.bytes.saturating_add(queued.message.size());
        self.messages.len() < messages_max && (self.messages.is_empty() || bytes <= bytes_max)
    }

    /// Appends a message.
    pub(crate) fn push(&mut self, queued: Queued) {
        self.bytes += queued.message.size();
        self.messages.push_back(queued);
    }

    /// Puts a message back in front of all others.
    pub(crate) fn push_front(&mut self, queued: Queued) {
        self.bytes += queued.message.size();
        self.messages.push_front(queued);
    }

    /// The oldest message that has not expired at `now`; older expired ones are taken out [MQTT-3.3.2-5].
    pub(crate) fn front(&mut self, now: Instant, expired: &mut Vec<Queued>) -> Option<&Queued> {
        while self.messages.front().is_some_and(|queued| queued.message.is_expired(now)) {
            expired.extend(self.pop());
        }
        self.messages.front()
    }

    /// Takes the message with this number, which mostly is the oldest.
    pub(crate) fn take(&mut self, number: u64) -> Option<Queued> {
        let place = self.messages.iter().position(|queued| queued.number == number)?;
        let queued = self.messages.remove(place)?;
        self.bytes -= queued.message.size();
        Some(queued)
    }

    /// Numbers all messages anew, and tells the last number.
    pub(crate) fn number(&mut self) -> u64 {
        let mut last = 0;
        for queued in &mut self.messages {
            last += 1;
            queued.number = last;
        }
        last
    }

    /// Takes the oldest message.
    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let queued = self.messages.pop_front()?;
        self.bytes -= queued.message.size();
        if self.messages.is_empty() {
            *self = Self::default(); // an empty queue takes no memory
        }
        Some(queued)
    }

    /// The messages, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Queued> {
        self.messages.iter()
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use martlet_wire::QoS;

    use super::*;
    use crate::message::Message;

    fn queued(payload: usize, expires_at: Option<u64>) -> Queued {
        Queued {
            message: Arc::new(Message {
                topic: "t".into(),
                properties: Box::default(),
                payload: vec![0; payload].into(),
                qos: QoS::AtLeastOnce,
                retain: false,
                expires_at: expires_at.map(Instant::from_millis),
                publisher: "p".into(),
            }),
            qos: QoS::AtLeastOnce,
            retain: false,
            identifiers: None,
            group: None,
            number: 0,
        }
    }

    #[test]
    fn both_bounds_hold() {
        let mut queue = Queue::default();
        assert!(queue.has_room(&queued(99, None), 2, 50), "a single message always finds room");
        queue.push(queued(99, None));
        assert!(!queue.has_room(&queued(1, None), 2, 50));
        assert!(queue.has_room(&queued(1, None), 2, 200));
        queue.push(queued(1, None));
        assert!(!queue.has_room(&queued(1, None), 2, 200));
        assert_eq!((queue.len(), queue.bytes()), (2, 102));
        queue.pop();
        queue.pop();
        assert_eq!((queue.len(), queue.bytes(), queue.is_empty()), (0, 0, true));
    }

    #[test]
    fn expired_messages_are_passed_over() {
        let mut queue = Queue::default();
        let mut expired = Vec::new();
        for at in [Some(5), Some(5), None] {
            queue.push(queued(1, at));
        }
        assert!(
            queue
                .front(Instant::from_millis(5), &mut expired)
                .is_some_and(|q| q.message.expires_at.is_none())
        );
        assert_eq!(expired.len(), 2);
    }
}
