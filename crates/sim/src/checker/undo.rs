//! What the books would lose with the newest batches of the log.
//!
//! Whatever the broker was handed before it closed a batch is in that batch, or in an earlier one. So when a crash costs
//! batches, it is known what they held: the books are turned back as far as the log is. What was promised before, by CONNACK or
//! PUBREC for example, is not turned back: if the log has lost that, the broker has broken its word, and what follows shows it.

use std::collections::BTreeMap;

use martlet_engine::BatchId;

use super::Checker;
use crate::clock::Millis;
use crate::network::LinkId;
use crate::reference::{Incoming, Life, MessageId, Outgoing, Reference, WillState};

/// One change of the books, and how they were before.
#[derive(Debug)]
pub(super) enum Undo {
    /// A connection came or went.
    Life { session: usize, before: Life },
    /// A Session ended.
    Ended { session: usize },
    /// A Session began.
    Began { session: usize },
    /// The fate of a Will changed.
    Will { message: MessageId, before: WillState },
    /// A QoS 2 message of the client was taken over.
    TakenOver { session: usize, packet_id: u16 },
    /// PUBREL came from the client.
    Released { session: usize, packet_id: u16, incoming: Incoming },
    /// PUBREC came from the client.
    Received { session: usize, packet_id: u16 },
    /// The client finished a message.
    Acknowledged { session: usize, packet_id: u16, outgoing: Outgoing },
}

impl Undo {
    /// The client of whom a Session that has to survive began or ended.
    fn turn_of_session(&self, reference: &Reference) -> Option<usize> {
        let (Self::Began { session } | Self::Ended { session }) = self else { return None };
        let session = &reference.sessions[*session];
        session.survives.then_some(session.client)
    }
}

/// A change with the batch that has it.
#[derive(Debug)]
struct Entry {
    batch: BatchId,
    /// The connection whose CONNECT it comes from.
    link: Option<LinkId>,
    undo: Undo,
}

/// The log of one shard, as far as it is not durable.
#[derive(Debug, Default)]
pub(super) struct LogCheck {
    /// The newest batch that the shard handed out.
    written: BatchId,
    /// When the newest durable batch, and those that are not, were handed out.
    times: BTreeMap<BatchId, Millis>,
    /// In order.
    entries: Vec<Entry>,
    /// The engine knows that the log cannot be written to.
    pub(super) is_stalled: bool,
    /// What is durable and what the engine knows of that may differ.
    pub(super) is_news_due: bool,
}

impl Checker {
    /// Notes how something was before it changes, on the shard of a Session.
    pub(super) fn remember(&mut self, session: usize, undo: Undo) {
        let log = &mut self.logs[self.reference.sessions[session].shard];
        let batch = BatchId(log.written.0 + 1);
        log.entries.push(Entry { batch, link: self.connecting, undo });
    }

    /// The same for what only a Session that survives has in the log.
    pub(super) fn remember_lasting(&mut self, session: usize, undo: Undo) {
        if self.reference.sessions[session].survives {
            self.remember(session, undo);
        }
    }

    pub(super) fn remember_life(&mut self, session: usize) {
        let before = self.reference.sessions[session].life.clone();
        self.remember(session, Undo::Life { session, before });
    }

    /// The broker told that a CONNECT took effect, and so that no Session of before is left.
    pub(super) fn promise_connect(&mut self, link: LinkId) {
        let log = &mut self.logs[self.links[link.0].shard];
        log.entries.retain(|entry| entry.link != Some(link));
        if self.is_unsettled(link) {
            self.fail_on(link, "CONNACK before the log has what became of the Session before");
        }
    }

    /// Whether a Session of the client that has to survive began or ended, and the log may not have it.
    pub(super) fn is_unsettled(&self, link: LinkId) -> bool {
        let client = self.identity(link);
        let entries = &self.logs[self.links[link.0].shard].entries;
        entries.iter().any(|entry| entry.undo.turn_of_session(&self.reference) == Some(client))
    }

    /// The broker told that it knows what came with this Packet Identifier.
    pub(super) fn promise_packet(&mut self, session: usize, packet_id: u16, is_from_client: bool) {
        let log = &mut self.logs[self.reference.sessions[session].shard];
        log.entries.retain(|entry| {
            let about = match &entry.undo {
                Undo::TakenOver { session, packet_id } | Undo::Released { session, packet_id, .. } => {
                    Some((*session, *packet_id, true))
                }
                Undo::Received { session, packet_id } => Some((*session, *packet_id, false)),
                _ => None,
            };
            about != Some((session, packet_id, is_from_client))
        });
    }

    /// A shard hands a batch to its log.
    pub(crate) fn written(&mut self, shard: usize, batch: BatchId) {
        let log = &mut self.logs[shard];
        log.written = batch;
        log.times.insert(batch, self.now);
    }

    /// All batches up to this one are durable.
    pub(crate) fn durable(&mut self, shard: usize, batch: BatchId) {
        let log = &mut self.logs[shard];
        log.is_news_due = true;
        log.times = log.times.split_off(&batch);
        log.entries.retain(|entry| entry.batch > batch);
    }

    /// The engine of a shard is told that its log cannot be written to.
    pub(crate) fn stalls(&mut self, shard: usize) {
        self.note(&format!("s{shard}: the log cannot be written to"));
        self.totals.stalls += 1;
        self.logs[shard].is_stalled = true;
    }

    /// The engine of a shard is told that something is durable.
    pub(crate) fn flows(&mut self, shard: usize) {
        self.logs[shard].is_stalled = false;
        self.logs[shard].is_news_due = false;
    }

    /// When a shard gave its last sign of life to the log.
    pub(super) fn last_sign(&self, shard: usize) -> Millis {
        self.logs[shard].times.last_key_value().map_or(0, |(_, at)| *at)
    }

    /// A shard has come back from its log, with all batches up to this one. What is not settled may still get lost, and the
    /// engine goes on as with a log that cannot be written to.
    pub(crate) fn recovered(&mut self, shard: usize, last: BatchId, is_settled: bool) {
        let log = &mut self.logs[shard];
        log.written = last;
        log.is_stalled = !is_settled;
        log.is_news_due = !is_settled;
        log.times.split_off(&BatchId(last.0 + 1));
        let entries = core::mem::take(&mut log.entries);
        let (mut there, gone): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.batch <= last);
        if is_settled {
            there.clear();
        }
        log.entries = there;
        self.totals.unsettled += u64::from(!is_settled);
        for entry in gone.into_iter().rev() {
            self.turn_back(entry.undo);
        }
    }

    /// Nothing that was is turned back any more.
    pub(super) fn forget_logs(&mut self) {
        for log in &mut self.logs {
            log.entries.clear();
        }
    }

    fn turn_back(&mut self, undo: Undo) {
        self.note(&format!("lost: {undo:?}"));
        self.totals.turned_back += 1;
        match undo {
            Undo::Life { session, before } => {
                let lost = self.reference.sessions[session].life.will;
                let kept = before.will.map(|will| will.message);
                if let Some(will) = lost.filter(|will| Some(will.message) != kept) {
                    self.reference.messages[will.message].will = Some(WillState::Never);
                }
                self.reference.sessions[session].life = before;
            }
            Undo::Ended { session } => self.reference.revive_session(session),
            Undo::Began { session } => {
                if let Some(will) = self.reference.sessions[session].life.will.take() {
                    self.reference.messages[will.message].will = Some(WillState::Never);
                }
                self.reference.end_session(session);
            }
            Undo::Will { message, before } => {
                if self.reference.messages[message].will.replace(before) == Some(WillState::Published) {
                    self.reference.disown(message);
                    self.reference.messages[message].let_out += 1;
                }
            }
            Undo::TakenOver { session, packet_id } => {
                let incoming = self.reference.sessions[session].inbound.remove(&packet_id);
                if let Some(message) = incoming.and_then(|incoming| incoming.message)
                    && !self.terms.at_release
                {
                    self.reference.messages[message].copies -= 1;
                }
            }
            Undo::Released { session, packet_id, incoming } => {
                if let Some(message) = incoming.message
                    && self.terms.at_release
                {
                    self.reference.messages[message].copies -= 1;
                }
                self.reference.sessions[session].inbound.insert(packet_id, incoming);
            }
            Undo::Received { session, packet_id } => {
                if let Some(out) = self.reference.sessions[session].outbound.get_mut(&packet_id) {
                    out.is_received = false;
                }
            }
            Undo::Acknowledged { session, packet_id, outgoing } => {
                self.reference.sessions[session].outbound.insert(packet_id, outgoing);
            }
        }
    }
}
