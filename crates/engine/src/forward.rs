//! Messages between shards, as batches of bytes. A batch could as well cross a network.
//!
//! A batch holds items, each with a byte that names its kind. A message: its number (8 bytes, 0 for one that need not be
//! confirmed), flags (1 byte: QoS, 0x04 RETAIN, 0x08 for plain subscriptions, 0x10 expires), hops (1), then with lengths of
//! 4 bytes each publisher, Topic Name, properties, payload, the number of groups (4), each group, and 8 bytes of expiry
//! where it expires. A confirmation: the number (8) up to which all messages came and are durable.
//!
//! What tells of something that is not durable yet waits for that, and what comes behind it from the same publisher.

use std::collections::VecDeque;
use std::sync::Arc;

use martlet_wire::{QoS, TopicName};

use crate::awaited::Awaited;
use crate::bytes::{Reader, put, put_len};
use crate::message::{Publication, section};
use crate::{BatchId, Engine, Instant, ShardId};

/// Batches for the other shards.
#[derive(Debug)]
pub(crate) struct Forwards {
    /// What goes at once, one batch for each other shard.
    filling: Vec<Vec<u8>>,
    filled: Vec<u16>,
    /// What waits until a batch of the log is durable.
    held: VecDeque<(BatchId, u16, Vec<u8>)>,
    /// What has waited, and goes before all that is being filled.
    freed: VecDeque<(ShardId, Vec<u8>)>,
    /// Publishers of which something is held.
    publishers: Awaited,
}

/// Where a message goes on another shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination<'a> {
    /// Whether it is for the plain subscriptions.
    pub(crate) plain: bool,
    /// The Shared Subscriptions of which one member gets it.
    pub(crate) groups: &'a [Arc<str>],
    /// How many shards it was sent to that had no member for it.
    pub(crate) hops: u8,
}

const MESSAGE: u8 = 1;
const CONFIRMATION: u8 = 2;

const RETAIN: u8 = 0x04;
const PLAIN: u8 = 0x08;
const EXPIRES: u8 = 0x10;

impl Forwards {
    pub(crate) fn new(shards: u16, seed: u64) -> Self {
        Self {
            filling: vec![Vec::new(); usize::from(shards)],
            filled: Vec::new(),
            held: VecDeque::new(),
            freed: VecDeque::new(),
            publishers: Awaited::new(seed),
        }
    }

    /// Appends a message for another shard, with its number, or 0 if it need not be confirmed. With a batch it waits until
    /// that is durable.
    pub(crate) fn push(
        &mut self,
        shard: u16,
        publication: &Publication<'_>,
        destination: Destination<'_>,
        number: u64,
        hold: Option<BatchId>,
    ) {
        if let Some(batch) = hold {
            self.publishers.insert(publication.publisher.client_identifier, batch);
        }
        if let Some(bytes) = self.place(shard, hold) {
            put_message(bytes, publication, destination, number);
        }
    }

    /// Tells another shard that all its messages up to `number` came.
    pub(crate) fn confirm(&mut self, shard: u16, number: u64, hold: Option<BatchId>) {
        if let Some(bytes) = self.place(shard, hold) {
            bytes.push(CONFIRMATION);
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Whether something of this publisher is held.
    pub(crate) fn holds(&self, publisher: &str) -> bool {
        self.publishers.contains(publisher)
    }

    /// How many bytes wait for the log. Takes time in proportion to the batches that they wait for.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.iter().map(|(_, _, bytes)| bytes.len()).sum()
    }

    fn place(&mut self, shard: u16, hold: Option<BatchId>) -> Option<&mut Vec<u8>> {
        if let Some(batch) = hold {
            let is_it = |(of, to, _): &(BatchId, u16, Vec<u8>)| *of == batch && *to == shard;
            let place = self.held.iter().rposition(is_it).unwrap_or_else(|| {
                self.held.push_back((batch, shard, Vec::new()));
                self.held.len() - 1
            });
            return self.held.get_mut(place).map(|(_, _, bytes)| bytes);
        }
        let bytes = self.filling.get_mut(usize::from(shard))?;
        if bytes.is_empty() {
            self.filled.push(shard);
        }
        Some(bytes)
    }

    /// What waited for batches that are durable may go.
    pub(crate) fn release(&mut self, is_durable: impl Fn(BatchId) -> bool) {
        while let Some((_, shard, bytes)) = self.held.pop_front_if(|(batch, ..)| is_durable(*batch)) {
            self.freed.push_back((ShardId(shard), bytes));
        }
        self.publishers.release(is_durable);
    }

    /// Takes a batch that may go.
    pub(crate) fn take(&mut self) -> Option<(ShardId, Vec<u8>)> {
        if let Some(freed) = self.freed.pop_front() {
            return Some(freed);
        }
        let shard = self.filled.pop()?;
        let batch = self.filling.get_mut(usize::from(shard))?;
        Some((ShardId(shard), core::mem::take(batch)))
    }
}

fn put_message(to: &mut Vec<u8>, publication: &Publication<'_>, destination: Destination<'_>, number: u64) {
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    to.push(MESSAGE);
    to.extend_from_slice(&number.to_le_bytes());
    to.push(
        publication.qos as u8
            | flag(publication.retain, RETAIN)
            | flag(destination.plain, PLAIN)
            | flag(publication.expires_at.is_some(), EXPIRES),
    );
    to.push(destination.hops);
    put(to, publication.publisher.client_identifier.as_bytes());
    put(to, publication.topic.as_str().as_bytes());
    put(to, publication.properties.wire_section().unwrap_or_default());
    put(to, publication.payload);
    put_len(to, destination.groups.len());
    for group in destination.groups {
        put(to, group.as_bytes());
    }
    if let Some(at) = publication.expires_at {
        to.extend_from_slice(&at.as_millis().to_le_bytes());
    }
}

/// One item of a batch.
#[derive(Debug)]
enum Item<'a> {
    Message(Forwarded<'a>),
    Confirmation(u64),
}

/// One message of a batch.
#[derive(Debug)]
struct Forwarded<'a> {
    number: u64,
    publication: Publication<'a>,
    plain: bool,
    groups: Vec<Arc<str>>,
    hops: u8,
}

/// Reads the next item. `None` where a batch is damaged.
fn item<'a>(reader: &mut Reader<'a>) -> Option<Item<'a>> {
    match reader.u8()? {
        MESSAGE => message(reader).map(Item::Message),
        CONFIRMATION => reader.u64().map(Item::Confirmation),
        _ => None,
    }
}

fn message<'a>(reader: &mut Reader<'a>) -> Option<Forwarded<'a>> {
    let number = reader.u64()?;
    let (flags, hops) = (reader.u8()?, reader.u8()?);
    let publisher = reader.text()?.into();
    let topic = TopicName::parse(reader.text()?).ok()?;
    let properties = section(reader.field()?);
    let payload = reader.field()?;
    let mut groups = Vec::new();
    for _ in 0..reader.len()? {
        groups.push(reader.text()?.into());
    }
    let expires_at = if flags & EXPIRES == 0 { None } else { Some(Instant::from_millis(reader.u64()?)) };
    let publication = Publication {
        topic,
        properties,
        payload,
        qos: QoS::try_from(flags & 0x03).ok()?,
        retain: flags & RETAIN != 0,
        expires_at,
        publisher,
        shared: None,
        record: None,
    };
    Some(Forwarded { number, publication, plain: flags & PLAIN != 0, groups, hops })
}

impl Engine {
    /// A batch came from another shard.
    pub(crate) fn forwarded(&mut self, from: ShardId, batch: &[u8]) {
        let mut reader = Reader(batch);
        let mut is_to_be_confirmed = false;
        while let Some(item) = item(&mut reader) {
            match item {
                Item::Confirmation(number) => self.confirmed(from, number),
                Item::Message(mut forwarded) => {
                    is_to_be_confirmed |= forwarded.number > 0;
                    if self.obligations.hear(from, forwarded.number) {
                        let Forwarded { publication, plain, groups, hops, .. } = &mut forwarded;
                        self.deliver_forwarded(publication, *plain, groups, *hops);
                    }
                }
            }
        }
        if is_to_be_confirmed {
            self.confirm(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication() -> Publication<'static> {
        Publication {
            topic: TopicName::parse("a/b").unwrap(),
            properties: section(&[1, 1]),
            payload: b"payload",
            qos: QoS::ExactlyOnce,
            retain: true,
            expires_at: Some(Instant::from_millis(77)),
            publisher: "me".into(),
            shared: None,
            record: None,
        }
    }

    fn message_of(reader: &mut Reader<'static>) -> Forwarded<'static> {
        match item(reader) {
            Some(Item::Message(forwarded)) => forwarded,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_survives_the_way() {
        let mut forwards = Forwards::new(2, 1);
        let groups = ["$share/g/a".into(), "$share/h/a".into()];
        let destination = Destination { plain: true, groups: &groups, hops: 3 };
        forwards.push(1, &publication(), destination, 9, None);
        let other = Publication { expires_at: None, retain: false, ..publication() };
        forwards.push(1, &other, Destination { plain: false, groups: &[], hops: 0 }, 0, None);
        forwards.confirm(1, 44, None);
        let (shard, batch) = forwards.take().unwrap();
        assert_eq!((shard, forwards.take()), (ShardId(1), None));
        let batch: &'static [u8] = batch.leak();
        let mut reader = Reader(batch);
        let first = message_of(&mut reader);
        assert_eq!((first.number, first.publication.payload), (9, &b"payload"[..]));
        assert_eq!(first.publication.properties.payload_format_indicator(), Some(true));
        assert_eq!(first.publication.expires_at, Some(Instant::from_millis(77)));
        assert_eq!(
            (first.plain, first.hops, first.groups.len(), first.publication.retain),
            (true, 3, 2, true)
        );
        let second = message_of(&mut reader);
        assert_eq!(
            (second.number, second.plain, second.publication.retain, second.publication.qos),
            (0, false, false, QoS::ExactlyOnce)
        );
        assert!(matches!(item(&mut reader), Some(Item::Confirmation(44))));
        assert!(reader.is_at_end());
        for len in 0..batch.len() {
            let mut cut = Reader(&batch[..len]);
            while item(&mut cut).is_some() {}
        }
    }

    #[test]
    fn what_is_held_goes_when_its_batch_is_durable_and_before_what_comes_later() {
        let mut forwards = Forwards::new(2, 1);
        let destination = Destination { plain: true, groups: &[], hops: 0 };
        forwards.push(1, &publication(), destination, 9, Some(BatchId(4)));
        forwards.confirm(1, 5, Some(BatchId(5)));
        assert!(forwards.holds("me") && !forwards.holds("you"));
        assert_eq!(forwards.take(), None);
        forwards.release(|batch| batch <= BatchId(4));
        assert!(!forwards.holds("me"));
        forwards.push(1, &publication(), destination, 0, None);
        let lens: Vec<usize> =
            core::iter::from_fn(|| forwards.take()).map(|(_, bytes)| bytes.len()).collect();
        assert_eq!(lens.len(), 2);
        forwards.release(|_| true);
        assert_eq!(forwards.take().map(|(_, bytes)| bytes.len()), Some(9));
    }
}
