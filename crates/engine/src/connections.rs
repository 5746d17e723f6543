//! The connections of one shard, by the number that the driver gave them.

use std::collections::BTreeSet;

use martlet_proto::{Instant, ServerConnection};
use martlet_wire::PacketId;

use crate::clients::SessionId;
use crate::held::Held;
use crate::identity::Identity;
use crate::out_buffer::OutBuffer;
use crate::{BatchId, ConnectionId, Peer};

/// One connection.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that hold independently of each other")]
pub(crate) struct Connection {
    generation: u32,
    pub(crate) peer: Peer,
    pub(crate) protocol: ServerConnection,
    /// Received bytes that are no whole packet yet, or that have to wait.
    pub(crate) received: Vec<u8>,
    pub(crate) out: OutBuffer,
    pub(crate) session: Option<SessionId>,
    /// The CONNACK, while it waits for the log.
    pub(crate) connack: Option<Box<[u8]>>,
    /// What waits for the log to be sent.
    pub(crate) held: Option<Box<Held>>,
    pub(crate) last_received: Instant,
    /// Whether a [`crate::Output::Transmit`] is on its way.
    pub(crate) is_scheduled: bool,
    /// A CONNECT that waits for an answer from outside.
    pub(crate) pending: Option<Box<PendingConnect>>,
    /// Whether a re-authentication is under way.
    pub(crate) re_authenticates: bool,
    /// Whether the answer to an authentication question is awaited.
    pub(crate) awaits_verdict: bool,
    /// Whether the answer to a control request is awaited.
    pub(crate) awaits_control: bool,
    /// A message was put off without a word: so are all that follow, until the connection ends.
    pub(crate) puts_off: bool,
    /// A PUBREL was left without an answer: so are all that follow, until the connection ends.
    pub(crate) puts_off_releases: bool,
    /// QoS 2 messages whose PUBLISH was repeated on this connection, where that may happen once.
    pub(crate) repeated: BTreeSet<PacketId>,
    /// The batch before which nothing is sent again: the log could not be written to when the client connected.
    pub(crate) resends_after: Option<BatchId>,
    /// When the connection is given up unless CONNECT is complete.
    pub(crate) connect_deadline: Option<Instant>,
    /// When the Keep Alive is looked at next.
    pub(crate) keep_alive_deadline: Option<Instant>,
}

/// A CONNECT that waits for a verdict.
#[derive(Debug)]
pub(crate) struct PendingConnect {
    /// The packet itself, to be decoded again.
    pub(crate) packet: Vec<u8>,
    /// Who it would be.
    pub(crate) identity: Identity,
}

/// All connections of one shard.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    slots: Vec<Option<Box<Connection>>>,
    count: usize,
}

impl Connections {
    /// Adds a connection. One that still stands at this place is replaced.
    pub(crate) fn insert(&mut self, id: ConnectionId, peer: Peer, now: Instant) -> &mut Connection {
        let index = id.index as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        self.count += usize::from(self.slots[index].is_none());
        self.slots[index].insert(Box::new(Connection {
            generation: id.generation,
            peer,
            protocol: ServerConnection::default(),
            received: Vec::new(),
            out: OutBuffer::default(),
            session: None,
            connack: None,
            held: None,
            last_received: now,
            is_scheduled: false,
            pending: None,
            re_authenticates: false,
            awaits_verdict: false,
            awaits_control: false,
            puts_off: false,
            puts_off_releases: false,
            repeated: BTreeSet::new(),
            resends_after: None,
            connect_deadline: None,
            keep_alive_deadline: None,
        }))
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.slots
            .get(id.index as usize)?
            .as_deref()
            .filter(|connection| connection.generation == id.generation)
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slots
            .get_mut(id.index as usize)?
            .as_deref_mut()
            .filter(|connection| connection.generation == id.generation)
    }

    /// Takes a connection out.
    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Box<Connection>> {
        self.get(id)?;
        self.count -= 1;
        self.slots[id.index as usize].take()
    }

    /// All that are there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.slots.iter().filter_map(|slot| slot.as_deref())
    }

    /// The numbers of all, in order.
    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        let id = |(index, connection): (usize, &Connection)| ConnectionId {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            generation: connection.generation,
        };
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| slot.as_deref().map(|c| id((index, c))))
            .collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }
}
