//! What the broker itself publishes, from any thread.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use martlet_engine::ShardId;
use martlet_wire::QoS;

use crate::inbox::{Inboxes, Mail};

/// Bytes of topics and payloads that may wait to be published; more are not taken.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// The shard that publishes for the broker.
const SHARD: ShardId = ShardId(0);

/// A message that the broker itself publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnMessage {
    /// The Topic Name; one that is none is not published.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The QoS.
    pub qos: QoS,
    /// After how many seconds it expires.
    pub expiry_interval: Option<u32>,
    /// Whether it is retained. What is retained below `$SYS/` is gone when the broker ends.
    pub retain: bool,
}

impl OwnMessage {
    fn bytes(&self) -> usize {
        self.topic.len() + self.payload.len()
    }
}

/// Publishes messages of the broker itself. No rule about who may publish applies to them.
#[derive(Clone)]
pub struct Publisher {
    inboxes: Arc<Inboxes>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Publisher {
    pub(crate) fn new(inboxes: Arc<Inboxes>) -> Self {
        Self { inboxes, waiting_bytes: Arc::default() }
    }

    /// Publishes messages, in their order, and returns at once.
    ///
    /// # Errors
    /// The messages come back: more than 1 MiB waits to be published.
    pub fn publish(&self, messages: Vec<OwnMessage>) -> Result<(), Vec<OwnMessage>> {
        let bytes: usize = messages.iter().map(OwnMessage::bytes).sum();
        let more = |waiting: usize| (waiting <= WAITING_BYTES_MAX).then(|| waiting + bytes);
        if self.waiting_bytes.try_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            return Err(messages);
        }
        let parcel = Parcel { messages, bytes, waiting_bytes: Arc::clone(&self.waiting_bytes) };
        self.inboxes.send(SHARD, Mail::Publish(parcel));
        Ok(())
    }
}

impl core::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}

/// Messages on their way to the shard that publishes them; its end makes room for others.
pub(crate) struct Parcel {
    pub(crate) messages: Vec<OwnMessage>,
    bytes: usize,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Drop for Parcel {
    fn drop(&mut self) {
        self.waiting_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use mio::{Poll, Token, Waker};

    use super::*;
    use crate::inbox::Inbox;

    #[test]
    fn what_waits_has_a_bound() {
        let poll = Poll::new().unwrap();
        let inbox = Inbox::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let inboxes = Arc::new(Inboxes::new(vec![inbox]));
        let publisher = Publisher::new(Arc::clone(&inboxes));
        let message = |bytes: usize| {
            vec![OwnMessage {
                topic: String::new(),
                payload: vec![0; bytes],
                qos: QoS::AtMostOnce,
                expiry_interval: None,
                retain: false,
            }]
        };
        assert!(publisher.publish(message(WAITING_BYTES_MAX)).is_ok());
        assert!(publisher.publish(message(1)).is_ok());
        assert_eq!(publisher.publish(message(1)), Err(message(1)));
        let mut mail = std::collections::VecDeque::new();
        inboxes.take(SHARD, &mut mail);
        mail.clear();
        assert!(publisher.publish(message(1)).is_ok());
    }
}
