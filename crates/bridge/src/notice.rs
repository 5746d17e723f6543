//! What a bridge has to tell.

use core::time::Duration;

use martlet_wire::{ProtocolVersion, ReasonCode};

/// Something that happened to a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It begins to connect.
    Connecting {
        /// Where to.
        host: String,
        /// Which port.
        port: u16,
    },
    /// It is connected.
    Connected {
        /// What it speaks.
        version: ProtocolVersion,
        /// Whether the other broker still has its Session.
        session_present: bool,
    },
    /// The other broker, or the way to it, could not be reached.
    Unreachable {
        /// Why.
        cause: String,
    },
    /// The other broker refused the connection.
    Refused {
        /// What it said.
        reason: ReasonCode,
        /// What it speaks.
        version: ProtocolVersion,
        /// What is done differently the next time.
        remedy: Option<Refusal>,
    },
    /// The connection is lost.
    Lost {
        /// Why.
        cause: String,
    },
    /// The next attempt comes in this time.
    Waiting {
        /// How long.
        time: Duration,
    },
    /// One of the brokers refuses a subscription: what fits it does not go over the bridge.
    SubscriptionRefused {
        /// The Topic Filter.
        filter: String,
        /// Whether it was the other broker.
        by_far: bool,
        /// What it said.
        reason: ReasonCode,
    },
    /// A message does not go over the bridge.
    Dropped {
        /// Its topic.
        topic: String,
        /// Why.
        cause: &'static str,
    },
}

/// What a bridge does differently after it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not say any more that it is a bridge.
    WithoutBridgeBit,
    /// It speaks 3.1.1 instead of 5.0.
    WithMqtt311,
    /// Nothing is retained.
    WithoutRetain,
    /// The highest QoS is lower.
    WithLowerQos,
}
