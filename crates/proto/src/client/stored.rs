//! The Session as it is kept beyond the life of a process.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use martlet_wire::PacketId;

use super::kept::KeptMessage;

/// A change of a Session that its owner may want to keep: see [`super::Client::take_changes`].
///
/// For each message to the server: taken, received if it has QoS 2, finished. For each message of QoS 2 from the server:
/// acknowledged if PUBREC cannot be sent at once, received, released.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionChange {
    /// A message of QoS 1 or 2 to the server was taken up. If it is sent, it is sent after this.
    OutgoingTaken {
        /// Its Packet Identifier.
        id: PacketId,
        /// The message.
        message: Arc<KeptMessage>,
    },
    /// PUBREC came: the server has the message, which must not be sent again. PUBREL goes out after this.
    OutgoingReceived {
        /// The Packet Identifier.
        id: PacketId,
    },
    /// A message to the server came to its end, whichever. Its identifier is free.
    OutgoingFinished {
        /// The Packet Identifier.
        id: PacketId,
    },
    /// The application acknowledged a message of QoS 2 from the server, but PUBREC cannot be sent yet.
    IncomingAcknowledged {
        /// The Packet Identifier.
        id: PacketId,
    },
    /// A message of QoS 2 from the server was taken over. PUBREC goes out after this.
    IncomingReceived {
        /// The Packet Identifier.
        id: PacketId,
    },
    /// PUBREL came: the identifier is free for another message of the server. PUBCOMP goes out after this.
    IncomingReleased {
        /// The Packet Identifier.
        id: PacketId,
    },
    /// The Session of the server is another one: what came in the one before means nothing.
    IncomingLost,
}

/// A Session as it was kept: what its changes add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredSession {
    /// By their order.
    outgoing: BTreeMap<u64, (PacketId, Option<Arc<KeptMessage>>)>,
    /// The place in `outgoing` of each identifier.
    places: BTreeMap<PacketId, u64>,
    last_place: u64,
    /// Whether PUBREC was sent, or may have been.
    incoming: BTreeMap<PacketId, bool>,
}

impl StoredSession {
    /// Takes a change in.
    pub fn apply(&mut self, change: &SessionChange) {
        match change {
            SessionChange::OutgoingTaken { id, message } => {
                self.finish(*id); // a store that lost the end of the one before
                self.push(*id, Some(Arc::clone(message)));
            }
            SessionChange::OutgoingReceived { id } => match self.place(*id) {
                Some((_, message)) => *message = None,
                None => self.push(*id, None),
            },
            SessionChange::OutgoingFinished { id } => self.finish(*id),
            SessionChange::IncomingAcknowledged { id } => {
                self.incoming.insert(*id, false);
            }
            SessionChange::IncomingReceived { id } => {
                self.incoming.insert(*id, true);
            }
            SessionChange::IncomingReleased { id } => {
                self.incoming.remove(id);
            }
            SessionChange::IncomingLost => self.incoming.clear(),
        }
    }

    /// The fewest changes that make this Session of an empty one, in their order.
    pub fn changes(&self) -> impl Iterator<Item = SessionChange> {
        let outgoing = self.publishes().map(|(id, message)| match message {
            Some(message) => SessionChange::OutgoingTaken { id, message: Arc::clone(message) },
            None => SessionChange::OutgoingReceived { id },
        });
        let incoming = self.incoming.iter().map(|(id, is_received)| match is_received {
            true => SessionChange::IncomingReceived { id: *id },
            false => SessionChange::IncomingAcknowledged { id: *id },
        });
        outgoing.chain(incoming)
    }

    /// The unfinished messages to the server, oldest first; without the message where the server has it.
    pub fn publishes(&self) -> impl Iterator<Item = (PacketId, Option<&Arc<KeptMessage>>)> {
        self.outgoing.values().map(|(id, message)| (*id, message.as_ref()))
    }

    /// The messages of QoS 2 from the server that were acknowledged, each with whether PUBREC may have been sent.
    pub fn received(&self) -> impl Iterator<Item = (PacketId, bool)> {
        self.incoming.iter().map(|(id, is_received)| (*id, *is_received))
    }

    /// Whether there is nothing unfinished.
    pub fn is_empty(&self) -> bool {
        self.outgoing.is_empty() && self.incoming.is_empty()
    }

    fn place(&mut self, id: PacketId) -> Option<&mut (PacketId, Option<Arc<KeptMessage>>)> {
        self.outgoing.get_mut(self.places.get(&id)?)
    }

    fn push(&mut self, id: PacketId, message: Option<Arc<KeptMessage>>) {
        self.last_place += 1;
        self.places.insert(id, self.last_place);
        self.outgoing.insert(self.last_place, (id, message));
    }

    fn finish(&mut self, id: PacketId) {
        if let Some(place) = self.places.remove(&id) {
            self.outgoing.remove(&place);
        }
    }
}
