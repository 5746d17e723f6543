//! Messages between shards, as batches of bytes. A batch could as well cross a network.
//!
//! Each message: flags (1 byte: QoS, 0x04 RETAIN, 0x08 for plain subscriptions, 0x10 expires), hops (1), then with
//! lengths of 4 bytes each publisher, Topic Name, properties, payload, the number of groups (4), each group, and 8 bytes
//! of expiry where it expires. All numbers are little-endian.

use std::sync::Arc;

use martlet_wire::{QoS, TopicName};

use crate::entry::Entry;
use crate::message::{Publication, section};
use crate::{Engine, Instant, ShardId};

/// Batches that are being filled, one for each other shard.
#[derive(Debug)]
pub(crate) struct Forwards {
    batches: Vec<Vec<u8>>,
    filled: Vec<u16>,
}

const RETAIN: u8 = 0x04;
const PLAIN: u8 = 0x08;
const EXPIRES: u8 = 0x10;

impl Forwards {
    pub(crate) fn new(shards: u16) -> Self {
        Self { batches: vec![Vec::new(); usize::from(shards)], filled: Vec::new() }
    }

    /// Appends a message for another shard: for its plain subscriptions or not, and for one member of each group.
    pub(crate) fn push(
        &mut self,
        shard: u16,
        publication: &Publication<'_>,
        plain: bool,
        groups: &[Arc<str>],
        hops: u8,
    ) {
        let Some(batch) = self.batches.get_mut(usize::from(shard)) else { return };
        if batch.is_empty() {
            self.filled.push(shard);
        }
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        batch.push(
            publication.qos as u8
                | flag(publication.retain, RETAIN)
                | flag(plain, PLAIN)
                | flag(publication.expires_at.is_some(), EXPIRES),
        );
        batch.push(hops);
        put(batch, publication.publisher.as_bytes());
        put(batch, publication.topic.as_str().as_bytes());
        put(batch, publication.properties.wire_section().unwrap_or_default());
        put(batch, publication.payload);
        put_len(batch, groups.len());
        for group in groups {
            put(batch, group.as_bytes());
        }
        if let Some(at) = publication.expires_at {
            batch.extend_from_slice(&at.as_millis().to_le_bytes());
        }
    }

    /// Takes a filled batch.
    pub(crate) fn take(&mut self) -> Option<(ShardId, Vec<u8>)> {
        let shard = self.filled.pop()?;
        let batch = self.batches.get_mut(usize::from(shard))?;
        Some((ShardId(shard), core::mem::take(batch)))
    }
}

fn put_len(batch: &mut Vec<u8>, len: usize) {
    // No field of a packet is longer than its remaining length, which four bytes hold.
    batch.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
}

fn put(batch: &mut Vec<u8>, bytes: &[u8]) {
    put_len(batch, bytes.len());
    batch.extend_from_slice(bytes);
}

/// Reads what [`Forwards`] wrote. `None` where a batch is damaged.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    fn len(&mut self) -> Option<usize> {
        let bytes = self.bytes(4)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    }

    fn field(&mut self) -> Option<&'a [u8]> {
        let len = self.len()?;
        self.bytes(len)
    }

    fn text(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.field()?).ok()
    }

    fn message(&mut self) -> Option<Forwarded<'a>> {
        let &[flags, hops] = self.bytes(2)? else { return None };
        let publisher = self.text()?;
        let topic = TopicName::parse(self.text()?).ok()?;
        let properties = section(self.field()?);
        let payload = self.field()?;
        let mut groups = Vec::new();
        for _ in 0..self.len()? {
            groups.push(self.text()?.into());
        }
        let expires_at = if flags & EXPIRES == 0 {
            None
        } else {
            Some(Instant::from_millis(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?)))
        };
        let publication = Publication {
            topic,
            properties,
            payload,
            qos: QoS::try_from(flags & 0x03).ok()?,
            retain: flags & RETAIN != 0,
            expires_at,
            publisher,
            shared: None,
        };
        Some(Forwarded { publication, plain: flags & PLAIN != 0, groups, hops })
    }
}

/// One message of a batch.
#[derive(Debug)]
struct Forwarded<'a> {
    publication: Publication<'a>,
    plain: bool,
    groups: Vec<Arc<str>>,
    hops: u8,
}

impl Engine {
    /// A batch came from another shard.
    pub(crate) fn forwarded(&mut self, _from: ShardId, batch: &[u8]) {
        let mut reader = Reader(batch);
        while let Some(Forwarded { mut publication, plain, groups, hops }) = reader.message() {
            let is_durable = publication.qos > QoS::AtMostOnce;
            if is_durable || self.log.has_waiting(publication.publisher) {
                let message = publication.share();
                let entry = Entry::Forwarded { message, plain, groups, hops };
                self.commit(publication.publisher, entry, is_durable);
            } else {
                self.deliver_forwarded(&mut publication, plain, &groups, hops);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_the_way() {
        let mut forwards = Forwards::new(2);
        let publication = Publication {
            topic: TopicName::parse("a/b").unwrap(),
            properties: section(&[1, 1]),
            payload: b"payload",
            qos: QoS::ExactlyOnce,
            retain: true,
            expires_at: Some(Instant::from_millis(77)),
            publisher: "me",
            shared: None,
        };
        forwards.push(1, &publication, true, &["$share/g/a".into(), "$share/h/a".into()], 3);
        forwards.push(1, &Publication { expires_at: None, retain: false, ..publication }, false, &[], 0);
        let (shard, batch) = forwards.take().unwrap();
        assert_eq!((shard, forwards.take()), (ShardId(1), None));
        let mut reader = Reader(&batch);
        let first = reader.message().unwrap();
        assert_eq!(first.publication.payload, b"payload");
        assert_eq!(first.publication.properties.payload_format_indicator(), Some(true));
        assert_eq!(first.publication.expires_at, Some(Instant::from_millis(77)));
        assert_eq!(
            (first.plain, first.hops, first.groups.len(), first.publication.retain),
            (true, 3, 2, true)
        );
        let second = reader.message().unwrap();
        assert_eq!(
            (second.plain, second.publication.retain, second.publication.qos),
            (false, false, QoS::ExactlyOnce)
        );
        assert!(reader.0.is_empty());
        for len in 0..batch.len() {
            let mut cut = Reader(&batch[..len]);
            while cut.message().is_some() {}
        }
    }
}
