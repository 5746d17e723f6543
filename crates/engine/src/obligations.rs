//! Messages that other shards have to take over before this one may forget them, and which of theirs came.
//!
//! A message of QoS 1 or 2 that another shard wants for Sessions that survive a crash is acknowledged to its publisher when
//! it is durable here. From then on this shard owes it to the other one, until that confirms that it is durable there. After
//! a crash all that is owed is sent again; the other shard knows by its number whether it came before.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::forward::Destination;
use crate::interest::Demand;
use crate::message::{Message, Publication};
use crate::own::is_of_this_run;
use crate::records::{Record, RecordId};
use crate::{Engine, QoS, ShardId};

/// What this shard owes to others, and what it heard of them.
#[derive(Debug)]
pub(crate) struct Obligations {
    owed: Vec<VecDeque<Owed>>,
    heard: Vec<u64>,
}

/// A message that is owed to a shard.
#[derive(Debug)]
pub(crate) struct Owed {
    pub(crate) number: u64,
    pub(crate) message: Arc<Message>,
    pub(crate) plain: bool,
    pub(crate) hops: u8,
    pub(crate) groups: Vec<Arc<str>>,
}

impl Owed {
    /// The record of it, where the message has this name.
    pub(crate) fn record(&self, shard: u16, message: RecordId) -> Record<'_> {
        Record::Forwarded {
            shard,
            number: self.number,
            message,
            plain: self.plain,
            hops: self.hops,
            groups: self.groups.iter().map(|group| &**group).collect(),
        }
    }
}

impl Obligations {
    pub(crate) fn new(shards: u16) -> Self {
        Self { owed: (0..shards).map(|_| VecDeque::new()).collect(), heard: vec![0; usize::from(shards)] }
    }

    /// A message is owed. Numbers only grow; one that is known is not taken twice.
    pub(crate) fn add(&mut self, shard: u16, owed: Owed) {
        if let Some(list) = self.owed.get_mut(usize::from(shard))
            && list.back().is_none_or(|last| last.number < owed.number)
        {
            list.push_back(owed);
        }
    }

    /// All up to this number is with the other shard.
    pub(crate) fn settle(&mut self, shard: u16, number: u64) {
        if let Some(list) = self.owed.get_mut(usize::from(shard)) {
            while list.pop_front_if(|owed| owed.number <= number).is_some() {}
        }
    }

    /// A message with this number came; `false` if it came before. 0 is no number.
    pub(crate) fn hear(&mut self, from: ShardId, number: u64) -> bool {
        let Some(heard) = self.heard.get_mut(usize::from(from.0)) else { return number == 0 };
        let is_new = number == 0 || number > *heard;
        *heard = number.max(*heard);
        is_new
    }

    /// The number up to which all messages of a shard came.
    pub(crate) fn heard(&self, from: ShardId) -> u64 {
        self.heard.get(usize::from(from.0)).copied().unwrap_or_default()
    }

    /// What is owed, by shard, in order.
    pub(crate) fn owed(&self) -> impl Iterator<Item = (u16, &Owed)> {
        (0..).zip(&self.owed).flat_map(|(shard, list)| list.iter().map(move |owed| (shard, owed)))
    }
}

impl Engine {
    /// Sends a message to another shard, and owes it to that where it may not be lost.
    pub(crate) fn forward(
        &mut self,
        shard: u16,
        publication: &mut Publication<'_>,
        destination: Destination<'_>,
        demand: Demand,
    ) {
        let is_owed = demand == Demand::Lasting && publication.qos > QoS::AtMostOnce && self.journal.is_on();
        if !is_owed {
            let publisher = publication.publisher.client_identifier;
            let is_stalled = self.journal.is_stalled();
            let is_passing = is_of_this_run(publication.topic.as_str());
            // Whatever the other shard makes durable of a QoS 2 message may not come again.
            let is_once = publication.qos == QoS::ExactlyOnce;
            let is_kept = (publication.retain || is_once) && !is_stalled && !is_passing;
            // What the broker tells of itself has to get through above all while the log cannot be written to.
            let passes_by = is_passing && is_stalled;
            let waits = is_kept || (!passes_by && self.forwards.holds(publisher));
            if waits && publication.qos == QoS::AtMostOnce && !is_kept && self.has_no_room_behind(publisher) {
                self.status.dropped_queue_full += 1;
                return;
            }
            let hold = if waits { self.journal.pending() } else { None };
            self.forwards.push(shard, publication, destination, 0, hold);
            return;
        }
        let record = self.record_message(publication);
        let number = self.journal.next_order(self.now);
        let owed = Owed {
            number,
            message: publication.share(),
            plain: destination.plain,
            hops: destination.hops,
            groups: destination.groups.to_vec(),
        };
        self.journal.write(self.now, &owed.record(shard, record));
        self.obligations.add(shard, owed);
        let hold = self.journal.pending();
        self.forwards.push(shard, publication, destination, number, hold);
    }

    /// Whether nothing more of a publisher may wait behind what does: the log cannot be written to, and too much waits.
    pub(crate) fn has_no_room_behind(&self, publisher: &str) -> bool {
        self.journal.is_stalled()
            && self.forwards.held_bytes() > self.config.limits.unpersisted_bytes_max
            && self.forwards.holds(publisher)
    }

    /// Another shard has all messages up to this number.
    pub(crate) fn confirmed(&mut self, by: ShardId, number: u64) {
        self.obligations.settle(by.0, number);
        self.journal.write(self.now, &Record::Confirmed { shard: by.0, number });
    }

    /// Tells another shard which of its messages came, as soon as they are durable here.
    pub(crate) fn confirm(&mut self, from: ShardId) {
        let number = self.obligations.heard(from);
        self.journal.write(self.now, &Record::Heard { shard: from.0, number });
        let hold = self.journal.pending();
        self.forwards.confirm(from.0, number, hold);
    }

    /// Sends everything again that is owed, after a restart.
    pub(crate) fn send_owed(&mut self) {
        let Self { obligations, forwards, journal, .. } = self;
        for (shard, owed) in obligations.owed() {
            if let Some(publication) = owed.message.publication() {
                let destination = Destination { plain: owed.plain, groups: &owed.groups, hops: owed.hops };
                forwards.push(shard, &publication, destination, owed.number, journal.pending());
            }
        }
    }
}
