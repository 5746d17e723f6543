//! What one connection is not sent yet because it tells of something that is not durable, and all that comes behind it.

use std::collections::VecDeque;

use martlet_wire::PacketId;

use crate::BatchId;
use crate::message::Queued;

/// One thing that waits.
///
/// What is published is encoded only when it leaves, so that its Message Expiry Interval is that of this moment.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// Encoded packets.
    Packets(Vec<u8>),
    /// The PUBLISH of a message in flight with this Packet Identifier.
    InFlight(PacketId),
    /// A QoS 0 message.
    AtMostOnce(Queued),
}

/// What waits, in the order in which it is to be sent, each with the batch that it waits for.
#[derive(Debug, Default)]
pub(crate) struct Held {
    waiting: VecDeque<(BatchId, Waiting)>,
    messages_bytes: usize,
}

impl Held {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The bytes of the QoS 0 messages that wait.
    pub(crate) fn messages_bytes(&self) -> usize {
        self.messages_bytes
    }

    /// Appends something that waits for this batch, or for that of the one before it if that is later. Tells whether nothing
    /// waited for this batch before.
    pub(crate) fn push(&mut self, batch: BatchId, item: Waiting) -> bool {
        if let Waiting::AtMostOnce(queued) = &item {
            self.messages_bytes += queued.message.size();
        }
        let last = self.waiting.back_mut();
        let (is_new, batch) = match &last {
            Some((last, _)) => (*last < batch, batch.max(*last)),
            None => (true, batch),
        };
        match (last, item) {
            (Some((_, Waiting::Packets(before))), Waiting::Packets(packets)) if !is_new => {
                before.extend_from_slice(&packets);
            }
            (_, item) => self.waiting.push_back((batch, item)),
        }
        is_new
    }

    /// Takes the next thing that waits for a durable batch.
    pub(crate) fn pop(&mut self, is_durable: impl Fn(BatchId) -> bool) -> Option<Waiting> {
        let (_, item) = self.waiting.pop_front_if(|(batch, _)| is_durable(*batch))?;
        if let Waiting::AtMostOnce(queued) = &item {
            self.messages_bytes -= queued.message.size();
        }
        Some(item)
    }

    /// Takes the QoS 0 messages out, in order, whatever they wait for.
    pub(crate) fn take_messages(&mut self) -> Vec<Queued> {
        self.messages_bytes = 0;
        let (messages, others) = core::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|(_, item)| matches!(item, Waiting::AtMostOnce(_)));
        self.waiting = others.into();
        let queued = messages.into_iter().filter_map(|(_, item)| match item {
            Waiting::AtMostOnce(queued) => Some(queued),
            _ => None,
        });
        queued.collect()
    }

    /// The messages in flight whose PUBLISH never left.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = PacketId> {
        self.waiting.iter().filter_map(|(_, item)| match item {
            Waiting::InFlight(id) => Some(*id),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_leave_in_order_as_their_batches_become_durable() {
        let mut held = Held::default();
        let packets = |byte| Waiting::Packets(vec![byte]);
        assert!(held.push(BatchId(3), packets(b'a')));
        assert!(!held.push(BatchId(3), packets(b'b')));
        assert!(!held.push(BatchId::default(), Waiting::InFlight(PacketId::MIN)));
        assert!(held.push(BatchId(5), packets(b'c')));
        assert!(!held.push(BatchId(4), packets(b'd')), "it waits for the one before it");
        assert_eq!(held.in_flight().count(), 1);
        assert!(held.pop(|batch| batch < BatchId(3)).is_none());
        assert!(
            matches!(held.pop(|batch| batch < BatchId(5)), Some(Waiting::Packets(bytes)) if bytes == b"ab")
        );
        assert!(matches!(held.pop(|batch| batch < BatchId(5)), Some(Waiting::InFlight(PacketId::MIN))));
        assert!(held.pop(|batch| batch < BatchId(5)).is_none());
        assert!(matches!(held.pop(|_| true), Some(Waiting::Packets(bytes)) if bytes == b"cd"));
        assert!(held.is_empty());
    }
}
