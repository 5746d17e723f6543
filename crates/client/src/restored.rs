//! What an earlier process left to be published.

use core::fmt;
use std::sync::Arc;

use martlet_proto::client::KeptMessage;
use martlet_wire::{Properties, QoS};

use crate::publish::Completion;

/// A message that an earlier process published and that was not finished: see
/// [`Client::take_restored`](crate::Client::take_restored).
///
/// The client finishes it by itself; this is to know of it, and to wait for its end.
pub struct RestoredPublish {
    message: Option<Arc<KeptMessage>>,
    completion: Completion,
}

impl RestoredPublish {
    pub(crate) const fn new(message: Option<Arc<KeptMessage>>, completion: Completion) -> Self {
        Self { message, completion }
    }

    /// Whether the server has the message, and only the end of the handshake of QoS 2 is missing. Then the message is not kept
    /// any more.
    pub const fn is_received(&self) -> bool {
        self.message.is_none()
    }

    /// The Topic Name, unless the server has the message.
    pub fn topic(&self) -> Option<&str> {
        self.message.as_ref().map(|message| message.topic())
    }

    /// The payload, unless the server has the message.
    pub fn payload(&self) -> Option<&[u8]> {
        self.message.as_ref().map(|message| message.payload())
    }

    /// The properties, unless the server has the message.
    pub fn properties(&self) -> Option<Properties<'_>> {
        self.message.as_ref().map(|message| message.properties())
    }

    /// The QoS: 1 or 2.
    pub fn qos(&self) -> QoS {
        self.message.as_ref().map_or(QoS::ExactlyOnce, |message| message.qos())
    }

    /// The end of the publish, as a future.
    pub fn into_completion(self) -> Completion {
        self.completion
    }
}

impl fmt::Debug for RestoredPublish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoredPublish").field("message", &self.message).finish_non_exhaustive()
    }
}
