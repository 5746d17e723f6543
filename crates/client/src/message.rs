//! A message that came, and its acknowledgement.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use martlet_proto::client::{Incoming, Receipt};
use martlet_wire::{Properties, QoS};
use tokio::sync::mpsc::UnboundedSender;

use crate::command::Notice;

/// A message that came.
///
/// A copy costs little: copies share topic, payload and properties.
#[derive(Clone)]
pub struct Message {
    content: Arc<Incoming>,
    claim: Option<Arc<Claim>>,
}

impl Message {
    pub(crate) fn new(content: Arc<Incoming>, claim: Option<Arc<Claim>>) -> Self {
        Self { content, claim }
    }

    /// The Topic Name.
    pub fn topic(&self) -> &str {
        &self.content.topic
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.content.payload
    }

    /// The payload as text, if it is text.
    pub fn text(&self) -> Option<&str> {
        str::from_utf8(&self.content.payload).ok()
    }

    /// The QoS that the message came with.
    pub fn qos(&self) -> QoS {
        self.content.qos
    }

    /// Whether it was a retained message when the subscription was made; see also
    /// [`Subscribe::retain_as_published`](crate::Subscribe::retain_as_published).
    pub fn retain(&self) -> bool {
        self.content.retain
    }

    /// Whether the server sent it before, so that the application may have seen it.
    pub fn dup(&self) -> bool {
        self.content.dup
    }

    /// The properties; none before MQTT 5.0.
    pub fn properties(&self) -> Properties<'_> {
        self.content.properties()
    }

    /// Where the sender wants an answer: see [`Client::reply`](crate::Client::reply).
    pub fn response_topic(&self) -> Option<&str> {
        self.properties().response_topic().map(|topic| topic.as_str())
    }

    /// What an answer has to repeat.
    pub fn correlation_data(&self) -> Option<&[u8]> {
        self.properties().correlation_data()
    }

    /// The user properties, in their order.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.properties().user_properties()
    }

    /// Takes the message over, with [`Options::manual_acknowledgement`](crate::Options::manual_acknowledgement): the server
    /// may forget it. Without that option, and for QoS 0, there is nothing to do, and this does nothing.
    ///
    /// Acknowledgements are sent in the order in which the messages came [MQTT-4.6.0-2], so one that is missing holds up
    /// those behind it. A message that is dropped without being acknowledged comes again after the next reconnect.
    pub fn acknowledge(&mut self) {
        if let Some(claim) = self.claim.take() {
            claim.is_accepted.store(true, Ordering::Relaxed);
        }
    }

    /// The application takes the message out of its stream.
    pub(crate) fn taken(mut self) -> Self {
        if self.claim.as_ref().is_some_and(|claim| !claim.is_manual) {
            self.claim = None;
        }
        self
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic())
            .field("payload_bytes", &self.payload().len())
            .field("qos", &self.qos())
            .field("retain", &self.retain())
            .finish_non_exhaustive()
    }
}

/// That a message of QoS 1 or 2 is with the application. The last one to let go of it settles the matter.
pub(crate) struct Claim {
    receipt: Receipt,
    is_manual: bool,
    is_accepted: AtomicBool,
    notices: UnboundedSender<Notice>,
}

impl Claim {
    pub(crate) fn new(receipt: Receipt, is_manual: bool, notices: UnboundedSender<Notice>) -> Self {
        Self { receipt, is_manual, is_accepted: AtomicBool::new(!is_manual), notices }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let is_accepted = *self.is_accepted.get_mut();
        let notice =
            if is_accepted { Notice::Acknowledge(self.receipt) } else { Notice::Abandon(self.receipt) };
        // Without a task there is no connection either.
        let _ = self.notices.send(notice);
    }
}
