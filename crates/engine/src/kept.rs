//! What has to survive, for programs that look at a store or make one: [`Engine::kept`](crate::Engine::kept) tells what a
//! restored shard has, [`Engine::keep`](crate::Engine::keep) gives it something that another shard, or another broker, had.
//!
//! Both belong between [`Engine::restore`](crate::Engine::restore) and [`Engine::restored`](crate::Engine::restored). What is
//! given goes the way of records that are read. The records themselves stay private; [`describe`] says what they say.

mod describe;
mod give;
mod tell;

use std::sync::Arc;

use martlet_proto::Instant;
use martlet_wire::{PacketId, QoS, SubscriptionIdentifier, SubscriptionOptions};

use crate::{Message, ShardId};

pub use describe::{Described, Records, Value, describe};

/// One thing that a shard keeps.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// A Session.
    Session(KeptSession),
    /// A Will that was not published.
    Will(KeptWill),
    /// The retained message of its topic.
    Retained(Arc<Message>),
    /// A message that another shard has to take over. [`Engine::keep`](crate::Engine::keep) does not take it.
    Owed(KeptOwed),
}

/// A Session that outlives its connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeptSession {
    /// Whose it is.
    pub client_identifier: String,
    /// The user name that the client gave when it connected last.
    pub user_name: Option<String>,
    /// Session Expiry Interval in seconds; `u32::MAX` never expires.
    pub expiry_interval: u32,
    /// Since when it has no connection. `None` if it had one at the end.
    pub detached_at: Option<Instant>,
    /// The subscriptions, those last that are owed retained messages, in the order in which they are served.
    pub subscriptions: Vec<KeptSubscription>,
    /// The topic of the last retained message that was sent for the first subscription that is owed some.
    pub replayed_to: Option<String>,
    /// QoS 2 messages from the client whose PUBREL has not come.
    pub incoming: Vec<KeptIncoming>,
    /// Messages towards the client that were sent and are not finished, in the order in which they were sent.
    pub in_flight: Vec<KeptInFlight>,
    /// Messages that wait to be sent, oldest first.
    pub queued: Vec<KeptDelivery>,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptSubscription {
    /// Its filter, with `$share/NAME/` if it is shared.
    pub filter: String,
    /// Its options.
    pub options: SubscriptionOptions,
    /// Its Subscription Identifier.
    pub identifier: Option<SubscriptionIdentifier>,
    /// Whether retained messages are still to be sent for it.
    pub owes_retained: bool,
}

/// A QoS 2 message from a client whose PUBREL has not come.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptIncoming {
    /// Its Packet Identifier.
    pub id: PacketId,
    /// The message, if it takes effect with PUBREL. `None` if it did before.
    pub message: Option<Arc<Message>>,
}

/// A message towards a client that was sent and is not finished.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptInFlight {
    /// Its Packet Identifier.
    pub id: PacketId,
    /// What was sent. `None` after PUBREC: PUBCOMP is due.
    pub delivery: Option<KeptDelivery>,
}

/// A message for a Session.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptDelivery {
    /// The message.
    pub message: Arc<Message>,
    /// The QoS of this delivery. 0 only from another broker, for what waits.
    pub qos: QoS,
    /// RETAIN of this delivery.
    pub retain: bool,
    /// The Subscription Identifiers of the subscriptions that it matched.
    pub identifiers: Vec<SubscriptionIdentifier>,
    /// The Shared Subscription that it came by: `$share/NAME/FILTER`.
    pub group: Option<String>,
}

/// A Will that was not published.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptWill {
    /// Whose it is.
    pub client_identifier: String,
    /// What is published, apart from the Message Expiry Interval.
    pub message: Arc<Message>,
    /// Message Expiry Interval in seconds: it starts when the Will is published.
    pub expiry_interval: Option<u32>,
    /// Will Delay Interval in seconds.
    pub delay: u32,
}

/// A message that another shard has to take over.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptOwed {
    /// Which shard.
    pub to: ShardId,
    /// The message.
    pub message: Arc<Message>,
    /// The Shared Subscriptions for which that shard is to choose a member.
    pub groups: Vec<String>,
}

#[cfg(test)]
mod tests;
