//! What comes in: connections and their bytes.

use martlet_engine::{ConnectionId, Input, Peer};
use martlet_transport::{READ_BYTES_MAX, ReadError, Received, Stream};
use mio::{Interest, Token};

use super::Shard;
use crate::connections::{Connection, Flags};
use crate::farewell::Farewell;
use crate::handshakes;

/// Bytes that all reads of a turn bring together, or all mail; what goes beyond is the last one.
///
/// All of it may be for one receiver, and what its connection has no room for in the turn is lost if it is QoS 0, although
/// the socket would take it. So this stays well below the default of `Limits::out_buffer_bytes_max`.
pub(super) const BYTES_PER_TURN_MAX: usize = 128 << 10;
/// Sockets that are looked at in one turn.
const READS_PER_TURN_MAX: usize = 512;
const _: () = assert!(READ_BYTES_MAX <= BYTES_PER_TURN_MAX);

impl Shard {
    /// Takes in a connection and tells the engine.
    pub(super) fn open(&mut self, stream: Stream, peer: Peer) -> Option<ConnectionId> {
        let mut flags = Flags::default();
        if stream.has_unsent() {
            flags.set(Flags::BLOCKED); // by the socket, on the shard that it comes from
        }
        let connection = self.watch(stream, peer.listener, flags)?;
        self.parts.engine.handle(self.now, Input::Opened { connection, peer });
        Some(connection)
    }

    /// Gives a connection its place and has its events told.
    pub(super) fn watch(&mut self, stream: Stream, listener: u16, flags: Flags) -> Option<ConnectionId> {
        let connection = Connection::new(stream, listener, flags);
        let registry = self.parts.poll.registry();
        let registered = self.connections.insert(connection, |stream, id| {
            registry.register(stream, Token(id.index as usize), Interest::READABLE | Interest::WRITABLE)
        });
        registered.inspect_err(|error| tracing::warn!(%error, "cannot watch a connection; it is closed")).ok()
    }

    /// Reads from each socket that may have something, once, as far as the bounds of a turn allow.
    pub(super) fn read(&mut self) {
        if self.parts.fabric.is_crowded() {
            return;
        }
        let mut left = BYTES_PER_TURN_MAX;
        for _ in 0..self.readable.open.len().min(READS_PER_TURN_MAX) {
            if self.waits_for_rules() {
                return;
            }
            let Some(id) = self.readable.open.pop_front() else { return };
            left = left.saturating_sub(self.read_one(id));
            if left == 0 {
                return;
            }
        }
    }

    /// Looks whether other rules are about to count. To be called before the mail is taken: once nothing is announced any
    /// more, the rules are in it.
    pub(super) fn look_for_rules(&mut self) {
        let announcement = &self.parts.rules_announced;
        let asks = self.patience.has_to_ask();
        let comes = if asks { announcement.is_made_or_due() } else { announcement.is_made() };
        self.patience.look(comes, self.now);
    }

    /// Whether nobody is let in for now, since other rules, or certificates, are about to count.
    pub(super) fn rules_are_due(&mut self) -> bool {
        self.waits_if(self.parts.rules_announced.is_made_or_due())
    }

    /// Whether what comes in is left in the sockets for now, since other rules are about to count. Looked at again and again,
    /// since a turn may take long where the machine is busy.
    pub(super) fn waits_for_rules(&mut self) -> bool {
        self.waits_if(self.parts.rules_announced.is_made())
    }

    fn waits_if(&mut self, rules_come: bool) -> bool {
        if rules_come {
            self.patience.look(true, self.now);
        }
        self.patience.until().is_some()
    }

    /// Reads from those sockets first whose peers have ended their direction, so that a message that another shard hands over
    /// is not given to who had left before it was published.
    pub(super) fn read_ending(&mut self) {
        if !core::mem::take(&mut self.some_end) || self.parts.fabric.is_crowded() || self.waits_for_rules() {
            return;
        }
        // Twice around, since the end may stand behind some bytes, and each is read by itself.
        for _ in 0..2 * self.readable.open.len() {
            let Some(id) = self.readable.open.pop_front() else { return };
            if self.connections.peek(id).is_some_and(|connection| connection.flags.has(Flags::ENDING)) {
                self.read_one(id);
            } else {
                self.readable.open.push_back(id);
            }
        }
    }

    /// Whether there is a socket that [`Shard::read`] would read from.
    pub(super) fn can_read(&self) -> bool {
        !self.parts.fabric.is_crowded()
            && self.patience.until().is_none()
            && self.readable.open.iter().any(|id| self.may_read(*id))
    }

    fn may_read(&self, id: ConnectionId) -> bool {
        self.connections.peek(id).is_some_and(|connection| {
            connection.flags.has(Flags::LEAVING)
                || connection.flags.has(Flags::BROKEN)
                || self.parts.engine.accepts(id)
        })
    }

    /// Reads once from a connection that was taken from the queue, if it is still there. Answers the number of bytes.
    fn read_one(&mut self, id: ConnectionId) -> usize {
        let may_read = self.may_read(id);
        let Some(connection) = self.connections.with_id(id) else { return 0 };
        connection.flags.clear(Flags::QUEUED);
        if !may_read {
            self.readable.push(id, &mut connection.flags);
            return 0;
        }
        if connection.flags.has(Flags::LEAVING) {
            self.advance_farewell(id);
            return 0;
        }
        self.counters.reads += 1;
        let received = connection.stream.read(&mut self.read_buffer, &mut self.scratch);
        if connection.stream.has_unsent() {
            connection.flags.set(Flags::BLOCKED); // a layer has something to say that the socket did not take
        }
        match received {
            Ok(Received::Some { bytes: count, is_all }) => {
                let is_last =
                    is_all && !connection.flags.has(Flags::ENDING) && !connection.flags.has(Flags::BROKEN);
                if !is_last {
                    self.readable.push(id, &mut connection.flags);
                }
                if count > 0 {
                    let bytes = &self.read_buffer[..count];
                    tracing::trace!(?id, bytes = count, "received");
                    self.parts.engine.handle(self.now, Input::Received { connection: id, bytes });
                }
                count
            }
            Ok(Received::Nothing) if !connection.flags.has(Flags::BROKEN) => 0,
            Ok(Received::End) if connection.stream.has_layers() => self.leave_layered(id, Farewell::mutual()),
            Err(ReadError::Fault(fault)) => {
                if let Some(peer) = self.parts.engine.peer(id) {
                    handshakes::log_broken(peer, &fault);
                }
                self.leave_layered(id, Farewell::new(Vec::new()))
            }
            // The end, a failure, or a connection that cannot be written to and has nothing left to read.
            Ok(Received::Nothing | Received::End) | Err(ReadError::Io(_)) => {
                self.connections.remove(id);
                self.parts.engine.handle(self.now, Input::Closed { connection: id });
                0
            }
        }
    }

    /// Ends a connection that has nothing more to say, in the words of its layers. Answers that it brought no bytes.
    fn leave_layered(&mut self, id: ConnectionId, farewell: Farewell) -> usize {
        self.parts.engine.handle(self.now, Input::Closed { connection: id });
        self.leave(id, farewell);
        0
    }
}
