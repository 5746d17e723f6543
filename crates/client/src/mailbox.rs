//! Where messages wait for the application: one for each subscription, bounded.
//!
//! A mailbox takes every message that comes. When one is full the task reads nothing more from the server, so what waits
//! beyond the bound is at most what one read brought. Reading goes on when the mailbox is half empty.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use martlet_wire::{QoS, ReasonCode};
use tokio::sync::Notify;

use crate::message::Message;

/// What happens to messages of QoS 0 for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The client stops reading from the server until there is room. Everything else from the server waits too:
    /// acknowledgements, and the messages of other subscriptions.
    #[default]
    Wait,
    /// They are dropped, and counted: see [`Subscription::dropped_messages`](crate::Subscription::dropped_messages).
    DropNewest,
}

/// Why a subscription brings no more messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionEnd {
    /// The application ended it.
    Unsubscribed,
    /// The server lost the Session, and did not want the subscription again.
    Refused {
        /// Why.
        code: ReasonCode,
    },
    /// The client has ended.
    Closed,
}

/// How many mailboxes are full.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    full: AtomicUsize,
    drained: Notify,
}

impl Gauge {
    pub(crate) fn has_room(&self) -> bool {
        self.full.load(Ordering::Acquire) == 0
    }

    /// Waits until no mailbox is full. May come early.
    pub(crate) async fn drained(&self) {
        self.drained.notified().await;
    }

    fn filled(&self) {
        self.full.fetch_add(1, Ordering::AcqRel);
    }

    fn emptied(&self) {
        if self.full.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.drained.notify_one();
        }
    }
}

/// The messages of one subscription that the application has not taken yet.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    gauge: Arc<Gauge>,
    capacity: usize,
    overflow: Overflow,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Message>,
    waker: Option<Waker>,
    end: Option<SubscriptionEnd>,
    is_full: bool,
    /// Whether the application can take messages: before SUBACK it has no stream yet, and must not be waited for.
    is_open: bool,
    /// Whether nobody will ever take messages again.
    is_abandoned: bool,
    dropped: u64,
}

impl Mailbox {
    pub(crate) fn new(gauge: Arc<Gauge>, capacity: usize, overflow: Overflow) -> Self {
        Self { inner: Mutex::default(), gauge, capacity: capacity.max(1), overflow }
    }

    pub(crate) fn push(&self, mut message: Message) {
        let mut inner = self.lock();
        if inner.end.is_some() || inner.is_abandoned {
            return message.acknowledge(); // nobody wants it any more
        }
        let is_droppable = self.overflow == Overflow::DropNewest && message.qos() == QoS::AtMostOnce;
        if is_droppable && inner.queue.len() >= self.capacity {
            inner.dropped += 1;
            return;
        }
        inner.queue.push_back(message);
        self.measure(&mut inner);
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn poll_pop(&self, context: &mut Context<'_>) -> Poll<Option<Message>> {
        let mut inner = self.lock();
        if let Some(message) = self.take(&mut inner) {
            return Poll::Ready(Some(message));
        }
        if inner.end.is_some() {
            return Poll::Ready(None);
        }
        inner.waker = Some(context.waker().clone());
        Poll::Pending
    }

    pub(crate) fn try_pop(&self) -> Option<Message> {
        self.take(&mut self.lock())
    }

    /// SUBACK came: from here on the application can take messages.
    pub(crate) fn open(&self) {
        let mut inner = self.lock();
        inner.is_open = true;
        self.measure(&mut inner);
    }

    /// No more messages come. Those that wait can still be taken.
    pub(crate) fn end(&self, end: SubscriptionEnd) {
        let mut inner = self.lock();
        inner.end.get_or_insert(end);
        self.measure(&mut inner);
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Nobody takes messages any more. Those that wait count as taken.
    pub(crate) fn abandon(&self) {
        let mut inner = self.lock();
        inner.is_abandoned = true;
        let mut queue = core::mem::take(&mut inner.queue);
        self.measure(&mut inner);
        drop(inner);
        queue.iter_mut().for_each(Message::acknowledge);
    }

    pub(crate) fn ended(&self) -> Option<SubscriptionEnd> {
        self.lock().end
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().queue.len()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn take(&self, inner: &mut Inner) -> Option<Message> {
        let message = inner.queue.pop_front()?;
        self.measure(inner);
        Some(message.taken())
    }

    /// Says whether the mailbox holds up the reading.
    fn measure(&self, inner: &mut Inner) {
        let len = inner.queue.len();
        let can_be_full = inner.is_open && !inner.is_abandoned && inner.end.is_none();
        // Where messages may be dropped only those wait beyond the capacity that must not be.
        let least = self.capacity + usize::from(self.overflow == Overflow::DropNewest);
        let is_full = can_be_full && (len >= least || inner.is_full && len > self.capacity / 2);
        match (inner.is_full, is_full) {
            (false, true) => self.gauge.filled(),
            (true, false) => self.gauge.emptied(),
            _ => {}
        }
        inner.is_full = is_full;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
