//! What one pair of client and server remembers beyond a connection [MQTT-4.1.0-1].

use crate::delivery::{Inbound, Outbound};

/// The part of a Session that both sides of a connection have: the unfinished QoS 1 and QoS 2 messages.
///
/// `M` is whatever the owner needs to send a message again.
#[derive(Debug)]
pub struct Session<M> {
    /// Messages on their way to the peer.
    pub outbound: Outbound<M>,
    /// QoS 2 messages on their way from the peer.
    pub inbound: Inbound,
}

impl<M> Default for Session<M> {
    fn default() -> Self {
        Self { outbound: Outbound::default(), inbound: Inbound::default() }
    }
}
