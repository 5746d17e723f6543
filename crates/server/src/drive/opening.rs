//! Connections that begin with work of their layers: the PROXY protocol, the handshakes of TLS and WebSocket.
//!
//! Until that is done the engine knows nothing of them. A handshake may cost a thousand times what a packet costs, so
//! all of them together have a bounded share of each turn.

use core::time::Duration;
use std::time;

use martlet_engine::{ConnectionId, Input, Peer};
use martlet_transport::{Fault, ReadError, Received, Stream};

use super::Shard;
use crate::connections::Flags;
use crate::farewell::Farewell;
use crate::handshakes;

/// How long a turn works on handshakes, not counting the last step.
const HANDSHAKE_TIME_PER_TURN_MAX: Duration = Duration::from_millis(1);

impl Shard {
    /// Takes in a connection that was just accepted.
    pub(super) fn admit(&mut self, stream: Stream, peer: Peer) {
        if stream.stage().is_none() {
            self.open(stream, peer);
        } else if let Some(id) = self.watch(stream, peer.listener, Flags::OPENING) {
            self.openings.add(self.now, id, peer);
        }
    }

    /// Goes on with handshakes, as far as the bound of a turn allows.
    pub(super) fn read_openings(&mut self) {
        let started = time::Instant::now();
        for _ in 0..self.readable.opening.len() {
            if self.waits_for_rules() {
                return;
            }
            let Some(id) = self.readable.opening.pop_front() else { return };
            self.read_opening(id);
            if started.elapsed() >= HANDSHAKE_TIME_PER_TURN_MAX {
                return;
            }
        }
    }

    /// Reads once from a connection that was taken from the queue, if it is still there.
    fn read_opening(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.with_id(id) else { return };
        connection.flags.clear(Flags::QUEUED);
        if !connection.flags.has(Flags::OPENING) {
            self.readable.push(id, &mut connection.flags);
            return;
        }
        self.counters.reads += 1;
        let received = connection.stream.read(&mut self.read_buffer, &mut self.scratch);
        if connection.stream.has_unsent() {
            connection.flags.set(Flags::BLOCKED);
        }
        match received {
            Ok(Received::Some { bytes, is_all }) => {
                let is_open = connection.stream.stage().is_none();
                if is_open {
                    connection.flags.clear(Flags::OPENING);
                }
                if !is_all || connection.flags.has(Flags::ENDING) {
                    self.readable.push(id, &mut connection.flags);
                }
                if is_open {
                    self.opened(id, bytes);
                }
            }
            Ok(Received::Nothing) if !connection.flags.has(Flags::BROKEN) => {}
            Ok(Received::Nothing | Received::End) | Err(ReadError::Io(_)) => {
                if let Some(peer) = self.openings.end(id) {
                    handshakes::log_gone(&peer, connection.stream.stage());
                }
                self.connections.remove(id);
            }
            Err(ReadError::Fault(fault)) => self.turn_away(id, &fault),
        }
    }

    /// The layers are through: the engine gets to know the connection, and the bytes that came behind the handshakes.
    fn opened(&mut self, id: ConnectionId, bytes: usize) {
        let Some(connection) = self.connections.with_id(id) else { return };
        let peer = self.openings.end(id).unwrap_or_default();
        let peer = handshakes::introduce(peer, connection.stream.introduce());
        handshakes::log_opened(&peer);
        self.parts.engine.handle(self.now, Input::Opened { connection: id, peer });
        if bytes > 0 {
            let bytes = &self.read_buffer[..bytes];
            self.parts.engine.handle(self.now, Input::Received { connection: id, bytes });
        }
    }

    fn turn_away(&mut self, id: ConnectionId, fault: &Fault) {
        if let Some(peer) = self.openings.end(id) {
            handshakes::log_fault(&peer, fault);
        }
        self.leave(id, Farewell::new(Vec::new()));
    }

    /// Sends away whoever takes too long.
    pub(super) fn end_overdue_openings(&mut self) {
        while let Some(id) = self.openings.overdue(self.now) {
            let stage = self.connections.peek(id).and_then(|connection| connection.stream.stage());
            if let Some(peer) = self.openings.end(id) {
                handshakes::log_timeout(&peer, stage, self.openings.time_max());
            }
            self.leave(id, Farewell::new(Vec::new()));
        }
    }

    /// Drops all connections that the engine does not know yet.
    pub(super) fn end_openings(&mut self) {
        for id in self.openings.end_all() {
            self.connections.remove(id);
        }
    }
}
