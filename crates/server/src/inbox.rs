//! What shards of one process send each other.
//!
//! Each shard has one inbox, filled in the order of sending by all others, and a waker that interrupts its wait. Only
//! the first mail into an empty inbox wakes: the receiver takes all there is.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Instant;

use martlet_dynsec::Kicked;
use martlet_engine::{Access, Config, ConnectionId, ControlId, Peer, ShardId, Verdict};
use martlet_transport::Stream;
use mio::Waker;

use crate::control::ControlReply;
use crate::doors::{Fabric, NodeId};
use crate::operator::SubscriptionsTo;
use crate::persist::News;
use crate::publisher::Parcel;
use crate::reports::ReportTo;

/// Bytes of forwarded batches that may wait in one inbox before the senders stop reading from their clients.
const INBOX_BYTES_MAX: usize = 8 << 20;

/// One message to a shard.
pub(crate) enum Mail {
    /// A batch for its engine.
    Forwarded { from: ShardId, batch: Vec<u8> },
    /// A connection whose client belongs to this shard.
    HandedOver(HandedOver),
    /// What the shard's log has to say.
    Log(News),
    /// The answer to a control request.
    Controlled { request: ControlId, reply: ControlReply },
    /// Messages that the broker itself publishes.
    Publish(Parcel),
    /// Clients that have waited outside may come in.
    LetIn,
    /// An operator wants a checkpoint.
    Save,
    /// An operator wants to see the subscriptions.
    Subscriptions(SubscriptionsTo),
    /// An operator wants to know how many messages wait for a Client Identifier.
    Waiting(Arc<str>, mpsc::Sender<usize>),
    /// Someone wants to know how it is.
    Report(ReportTo),
    /// The answer to a question about a connection, which may be gone, and where that came from.
    Authenticated { connection: ConnectionId, peer: Peer, verdict: Verdict },
    /// Others decide from now on who may do what; `None` if all stays as it was.
    Rules(Option<Box<dyn Access>>),
    /// Other bounds and features count from now on.
    Configured(Arc<Config>),
    /// Somebody wants to know whether the shard is alive.
    Pulse(mpsc::Sender<()>),
    /// What these clients may do has changed. Those that came in before that have to go, as soon as [`Self::SendAway`] comes.
    Changed(Arc<Kicked>),
    /// The answer to the one who changed something is on its way.
    SendAway,
    /// The broker shuts down.
    Shutdown,
}

/// A connection on its way from one shard to another.
pub(crate) struct HandedOver {
    pub(crate) stream: Stream,
    pub(crate) peer: Peer,
    /// What was read from it, from its first byte on.
    pub(crate) received: Vec<u8>,
}

/// The mail that waits for one shard.
pub(crate) struct Inbox {
    mail: Mutex<VecDeque<Mail>>,
    /// Bytes of the batches in `mail`; changed only while `mail` is locked.
    bytes: AtomicUsize,
    waker: Waker,
}

impl Inbox {
    /// An empty inbox whose owner waits where `waker` is registered.
    pub(crate) fn new(waker: Waker) -> Self {
        Self { mail: Mutex::new(VecDeque::new()), bytes: AtomicUsize::new(0), waker }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Mail>> {
        // A push or a swap is whole or has not begun, so what a panicking thread left is sound.
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mail: Mail) {
        let mut waiting = self.lock();
        let was_empty = waiting.is_empty();
        if let Mail::Forwarded { batch, .. } = &mail {
            self.bytes.fetch_add(batch.len(), Ordering::Relaxed);
        }
        waiting.push_back(mail);
        drop(waiting);
        if was_empty {
            self.wake();
        }
    }

    /// Exchanges the waiting mail for `spare`, which is empty. Answers whether the inbox was crowded.
    fn swap(&self, spare: &mut VecDeque<Mail>) -> bool {
        let mut waiting = self.lock();
        core::mem::swap(&mut *waiting, spare);
        self.bytes.swap(0, Ordering::Relaxed) > INBOX_BYTES_MAX
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "cannot wake a shard");
        }
    }
}

/// The inboxes of all shards, by shard.
pub(crate) struct Inboxes(Box<[Inbox]>);

impl Inboxes {
    pub(crate) fn new(inboxes: Vec<Inbox>) -> Self {
        Self(inboxes.into())
    }

    /// Sends mail to a shard. Mail for a shard that does not exist or has ended is dropped.
    pub(crate) fn send(&self, to: ShardId, mail: Mail) {
        if let Some(inbox) = self.0.get(usize::from(to.0)) {
            inbox.push(mail);
        }
    }

    /// Wakes a shard that may be waiting for events.
    pub(crate) fn wake(&self, shard: ShardId) {
        if let Some(inbox) = self.0.get(usize::from(shard.0)) {
            inbox.wake();
        }
    }

    /// Sends each shard its mail, in the order of the shards.
    pub(crate) fn send_to_all(&self, mail: impl Fn(ShardId) -> Mail) {
        for (shard, inbox) in (0..).map(ShardId).zip(&self.0) {
            inbox.push(mail(shard));
        }
    }

    /// Asks all shards at once. Their answers come in any order, until all are there or this time is over.
    pub(crate) fn ask_all<T>(
        &self,
        time_max: Duration,
        question: impl Fn(mpsc::Sender<T>) -> Mail,
    ) -> impl Iterator<Item = T> {
        let until = Instant::now() + time_max;
        let (sender, answers) = mpsc::channel();
        self.send_to_all(|_| question(sender.clone()));
        // The end of all senders is the end of the answers.
        drop(sender);
        core::iter::from_fn(move || {
            answers.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
        })
    }

    /// Whether all shards answer within this time.
    pub(crate) fn all_answer(&self, time_max: Duration) -> bool {
        self.ask_all(time_max, Mail::Pulse).count() == self.0.len()
    }

    /// Tells all shards that the broker shuts down.
    pub(crate) fn shut_down(&self) {
        self.send_to_all(|_| Mail::Shutdown);
    }

    /// Takes all mail of `shard` in exchange for `spare`, which is empty.
    pub(crate) fn take(&self, shard: ShardId, spare: &mut VecDeque<Mail>) {
        let was_crowded = self.0[usize::from(shard.0)].swap(spare);
        if was_crowded {
            // Whoever stopped reading for the sake of this inbox goes on.
            self.0.iter().for_each(Inbox::wake);
        }
    }

    fn is_crowded(&self) -> bool {
        self.0.iter().any(|inbox| inbox.bytes.load(Ordering::Relaxed) > INBOX_BYTES_MAX)
    }
}

/// The fabric of one process: straight into the inbox of the other shard.
pub(crate) struct LocalFabric {
    pub(crate) from: ShardId,
    pub(crate) this: NodeId,
    pub(crate) inboxes: Arc<Inboxes>,
}

impl Fabric for LocalFabric {
    fn send(&mut self, node: NodeId, to: ShardId, batch: Vec<u8>) {
        debug_assert_eq!(node, self.this, "every shard is here");
        self.inboxes.send(to, Mail::Forwarded { from: self.from, batch });
    }

    fn is_crowded(&self) -> bool {
        self.inboxes.is_crowded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use mio::{Events, Poll, Token};

    fn inboxes(count: usize) -> (Vec<Poll>, Arc<Inboxes>) {
        let polls: Vec<Poll> = (0..count).map(|_| Poll::new().unwrap()).collect();
        let each = polls.iter().map(|poll| Inbox::new(Waker::new(poll.registry(), Token(0)).unwrap()));
        let inboxes = Arc::new(Inboxes::new(each.collect()));
        (polls, inboxes)
    }

    fn is_woken(poll: &mut Poll) -> bool {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        !events.is_empty()
    }

    #[test]
    fn only_the_first_mail_wakes_and_order_is_kept() {
        let (mut polls, inboxes) = inboxes(2);
        let mut fabric = LocalFabric { from: ShardId(0), this: NodeId(0), inboxes: Arc::clone(&inboxes) };
        fabric.send(NodeId(0), ShardId(1), vec![1]);
        assert!(is_woken(&mut polls[1]));
        fabric.send(NodeId(0), ShardId(1), vec![2]);
        assert!(!is_woken(&mut polls[1]));

        let mut taken = VecDeque::new();
        inboxes.take(ShardId(1), &mut taken);
        let batches: Vec<u8> = taken
            .iter()
            .filter_map(|mail| match mail {
                Mail::Forwarded { batch, .. } => batch.first().copied(),
                _ => None,
            })
            .collect();
        assert_eq!(batches, [1, 2]);
        fabric.send(NodeId(0), ShardId(1), vec![3]);
        assert!(is_woken(&mut polls[1]));
        assert!(!is_woken(&mut polls[0]));
    }

    #[test]
    fn a_crowded_inbox_is_seen_and_its_end_wakes_the_senders() {
        let (mut polls, inboxes) = inboxes(2);
        let mut fabric = LocalFabric { from: ShardId(0), this: NodeId(0), inboxes: Arc::clone(&inboxes) };
        fabric.send(NodeId(0), ShardId(1), vec![0; INBOX_BYTES_MAX]);
        assert!(!fabric.is_crowded());
        fabric.send(NodeId(0), ShardId(1), vec![0]);
        assert!(fabric.is_crowded());
        assert!(!is_woken(&mut polls[0]));
        inboxes.take(ShardId(1), &mut VecDeque::new());
        assert!(!fabric.is_crowded());
        assert!(is_woken(&mut polls[0]));
    }
}
