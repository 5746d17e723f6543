//! The connections of one shard, in a slab.
//!
//! A slot is small and holds no buffer: what an idle connection costs here is 24 bytes. The index of a slot is the
//! token of its socket; the generation tells one user of a slot from the next.

use std::sync::Arc;

use martlet_engine::ConnectionId;
use martlet_transport::Stream;

use crate::seats::Seats;

/// One connection and what is known of its socket.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    /// The number of its listener.
    listener: u16,
    pub(crate) flags: Flags,
    /// Which user of its slot this is.
    generation: u32,
}

impl Connection {
    pub(crate) const fn new(stream: Stream, listener: u16, flags: Flags) -> Self {
        Self { stream, listener, flags, generation: 0 }
    }
}

/// What edge-triggered events and earlier calls have told about a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// It stands in the queue of sockets that may have something to read.
    pub(crate) const QUEUED: Self = Self(1);
    /// The peer has ended its direction: read until the end comes, a short read does not mean that nothing is left.
    pub(crate) const ENDING: Self = Self(2);
    /// The last write did not fit; a writable event will tell when to go on.
    pub(crate) const BLOCKED: Self = Self(4);
    /// Writing has failed for good. What the peer sent before is still read.
    pub(crate) const BROKEN: Self = Self(8);
    /// The engine has forgotten the connection; only its [`Farewell`](crate::farewell::Farewell) goes on.
    pub(crate) const LEAVING: Self = Self(16);
    /// The engine does not know the connection yet: its layers are not through with their handshakes.
    pub(crate) const OPENING: Self = Self(32);

    pub(crate) const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    pub(crate) const fn set(&mut self, flag: Self) {
        self.0 |= flag.0;
    }

    /// Clears the flag and answers whether it was set.
    pub(crate) const fn clear(&mut self, flag: Self) -> bool {
        let was = self.has(flag);
        self.0 &= !flag.0;
        was
    }
}

// With debug assertions, mio keeps more in each socket.
const _: () = assert!(cfg!(debug_assertions) || size_of::<Slot>() <= 24);

/// A slab of connections.
#[derive(Default)]
pub(crate) struct Connections {
    slots: Vec<Slot>,
    /// Indices of empty slots, the one that was emptied last on top.
    free: Vec<u32>,
    seats: Arc<Seats>,
}

enum Slot {
    /// Nobody is here; the next one will have this generation.
    Empty {
        generation: u32,
    },
    Taken(Connection),
}

impl Slot {
    const fn generation(&self) -> u32 {
        match self {
            Self::Empty { generation } | Self::Taken(Connection { generation, .. }) => *generation,
        }
    }
}

impl Connections {
    /// An empty slab, whose connections give their seats back when they go.
    pub(crate) fn new(seats: Arc<Seats>) -> Self {
        Self { seats, ..Self::default() }
    }

    /// Takes a seat for a connection that has just been accepted, if one is free.
    pub(crate) fn take_seat(&self, listener: u16) -> bool {
        self.seats.take(listener)
    }

    /// Finds a place for a connection that has a seat, lets `register` make the socket known under it, and keeps the connection there.
    ///
    /// # Errors
    /// Those of `register`; the connection is dropped then.
    pub(crate) fn insert<E>(
        &mut self,
        mut connection: Connection,
        register: impl FnOnce(&mut Stream, ConnectionId) -> Result<(), E>,
    ) -> Result<ConnectionId, E> {
        let index = self.free.last().copied().unwrap_or_else(|| {
            let index = u32::try_from(self.slots.len()).expect("a process has fewer than 2^32 sockets");
            self.slots.push(Slot::Empty { generation: 0 });
            self.free.push(index);
            index
        });
        let slot = &mut self.slots[index as usize];
        let id = ConnectionId { index, generation: slot.generation() };
        register(&mut connection.stream, id).inspect_err(|_| self.seats.give_back(connection.listener))?;
        connection.generation = id.generation;
        *slot = Slot::Taken(connection);
        self.free.pop();
        Ok(id)
    }

    /// Takes a connection out of its place for good, if it is still there. The next one may have the place and the seat.
    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.hand_over(id)?;
        self.seats.give_back(connection.listener);
        Some(connection)
    }

    /// Takes a connection out of its place, if it is still there. It keeps its seat, for another shard.
    pub(crate) fn hand_over(&mut self, id: ConnectionId) -> Option<Connection> {
        self.peek(id)?;
        let empty = Slot::Empty { generation: id.generation.wrapping_add(1) };
        let Slot::Taken(connection) = core::mem::replace(&mut self.slots[id.index as usize], empty) else {
            unreachable!("a connection has just been seen here")
        };
        self.free.push(id.index);
        Some(connection)
    }

    /// The connection at a place, and its whole id.
    pub(crate) fn at(&mut self, index: u32) -> Option<(ConnectionId, &mut Connection)> {
        match self.slots.get_mut(index as usize)? {
            Slot::Taken(connection) => {
                Some((ConnectionId { index, generation: connection.generation }, connection))
            }
            Slot::Empty { .. } => None,
        }
    }

    /// The connection with this id, if it is still there, to look at.
    pub(crate) fn peek(&self, id: ConnectionId) -> Option<&Connection> {
        match self.slots.get(id.index as usize)? {
            Slot::Taken(connection) => Some(connection).filter(|found| found.generation == id.generation),
            Slot::Empty { .. } => None,
        }
    }

    /// The connection with this id, if it is still there.
    pub(crate) fn with_id(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.at(id.index).filter(|(found, _)| *found == id).map(|(_, connection)| connection)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use martlet_transport::Listener;

    /// Connected streams; the peers are kept open by the vector beside them.
    fn streams(count: usize) -> (Vec<std::net::TcpStream>, Vec<Stream>) {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let acceptor = listener.acceptor().unwrap();
        let address = listener.local_addr().unwrap().unwrap();
        let peers = (0..count).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let mut accepted = Vec::new();
        while accepted.len() < count {
            accepted.extend(acceptor.accept().unwrap().map(|(stream, _)| stream));
        }
        (peers, accepted)
    }

    /// So many that nobody is refused, all taken, as if everyone in the tests had been accepted.
    fn seats() -> Arc<Seats> {
        let seats = Arc::new(Seats::default());
        for _ in 0..100 {
            assert!(seats.take(0));
        }
        seats
    }

    fn insert(connections: &mut Connections, stream: Stream) -> ConnectionId {
        connections
            .insert(Connection::new(stream, 0, Flags::default()), |_, _| Ok::<(), Infallible>(()))
            .unwrap()
    }

    #[test]
    fn a_place_is_used_again_with_another_generation() {
        let (_peers, streams) = streams(3);
        let mut connections = Connections::new(seats());
        let ids: Vec<ConnectionId> =
            streams.into_iter().map(|stream| insert(&mut connections, stream)).collect();
        assert_eq!(ids.iter().map(|id| id.index).collect::<Vec<_>>(), [0, 1, 2]);

        let removed = connections.remove(ids[1]).unwrap();
        assert!(connections.remove(ids[1]).is_none());
        assert!(connections.with_id(ids[1]).is_none());
        assert_eq!(connections.len(), 2);

        let again = insert(&mut connections, removed.stream);
        assert_eq!((again.index, again.generation), (1, 1));
        assert!(connections.with_id(ids[1]).is_none());
        assert!(connections.with_id(again).is_some());
        assert_eq!(connections.len(), 3);
    }

    #[test]
    fn a_connection_that_cannot_be_registered_leaves_no_trace() {
        let (_peers, mut streams) = streams(2);
        let mut connections = Connections::new(seats());
        let connection = Connection::new(streams.remove(0), 0, Flags::default());
        assert_eq!(connections.insert(connection, |_, _| Err("no")).unwrap_err(), "no");
        assert!(connections.is_empty());
        assert_eq!(insert(&mut connections, streams.remove(0)).index, 0);
    }

    #[test]
    fn flags_are_told_apart() {
        let mut flags = Flags::default();
        flags.set(Flags::BLOCKED);
        assert!(flags.has(Flags::BLOCKED) && !flags.has(Flags::QUEUED));
        assert!(flags.clear(Flags::BLOCKED));
        assert!(!flags.clear(Flags::BLOCKED));
    }
}
