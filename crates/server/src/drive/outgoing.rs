//! What the engine wants done: bytes for clients, for other shards and for the log.

use std::io::IoSlice;

use martlet_engine::{ConnectionId, ControlAnswer, Input, Output, Question, ShardId, Verdict};
use martlet_transport::{Scratch, Stream};
use martlet_wire::ReasonCode;

use super::Shard;
use crate::connections::Flags;
use crate::farewell::{Farewell, Progress};
use crate::inbox::{HandedOver, Mail};
use crate::notices;

/// Slices that one write takes.
const SLICES_PER_WRITE_MAX: usize = 64;
/// How often a turn drains the engine and writes. What a write made room for comes up in the next round; what is left
/// after the last one comes in the next turn, so that reading has its share.
const ROUNDS_PER_TURN_MAX: usize = 4;

impl Shard {
    /// Drains the engine and writes, until nothing is new or the bound of a turn is reached.
    pub(super) fn flush(&mut self) {
        self.is_unfinished = true;
        for _ in 0..ROUNDS_PER_TURN_MAX {
            self.drain();
            if self.transmits.is_empty() && self.closes.is_empty() {
                self.is_unfinished = false;
                break;
            }
            let mut transmits = core::mem::take(&mut self.transmits);
            for id in transmits.drain(..) {
                self.transmit(id);
            }
            self.transmits = transmits;
            let mut closes = core::mem::take(&mut self.closes);
            for (id, farewell) in closes.drain(..) {
                self.close(id, farewell);
            }
            self.closes = closes;
        }
        self.parts.engine.end_turn();
    }

    /// Does what the engine wants done, except for writing, which comes after everything else.
    fn drain(&mut self) {
        loop {
            match self.parts.engine.poll() {
                Output::Transmit(id) => {
                    if self.takes_bytes(id) {
                        self.transmits.push(id);
                    }
                }
                Output::Close { connection, farewell } => self.closes.push((connection, farewell)),
                Output::HandOver { connection, peer, shard, received } => {
                    self.hand_over(connection, shard, |stream| HandedOver { stream, peer, received });
                }
                Output::Persist { batch, records } => match &mut self.parts.log {
                    Some(log) => log.append(batch, &records),
                    None => self.parts.engine.handle(self.now, Input::Persisted(batch)),
                },
                Output::Forward { to, batch } => {
                    let node = self.parts.members.view().owner(to);
                    self.parts.fabric.send(node, to, batch);
                }
                Output::Authenticate { connection, question } => {
                    let verdict = self.answer(&question);
                    self.parts.engine.handle(self.now, Input::Authenticated { connection, verdict });
                }
                Output::Control(request) => {
                    if let Err(request) = self.parts.control.hand_in(self.parts.id, request) {
                        let answer = ControlAnswer::Unavailable;
                        self.parts.engine.handle(self.now, Input::Controlled { request: request.id, answer });
                    }
                }
                Output::Notice(notice) => notices::log(&notice, self.parts.wording),
                Output::WakeAt(at) => {
                    self.wake_at = at;
                    return;
                }
            }
        }
    }

    /// Whether a write has a chance: otherwise a writable event will come, or the end.
    fn takes_bytes(&self, id: ConnectionId) -> bool {
        self.connections.peek(id).is_some_and(|connection| {
            !connection.flags.has(Flags::BLOCKED) && !connection.flags.has(Flags::BROKEN)
        })
    }

    fn answer(&self, question: &Question) -> Verdict {
        match &self.parts.authenticator {
            Some(authenticator) => authenticator(question),
            None => Verdict::Refuse(ReasonCode::NotAuthorized),
        }
    }

    fn hand_over(&mut self, id: ConnectionId, shard: ShardId, pack: impl FnOnce(Stream) -> HandedOver) {
        let Some(connection) = self.connections.with_id(id) else { return };
        if let Err(error) = self.parts.poll.registry().deregister(&mut connection.stream) {
            tracing::warn!(%error, "cannot hand a connection over; it is closed");
            self.connections.remove(id);
            return;
        }
        let Some(connection) = self.connections.hand_over(id) else { return };
        self.parts.inboxes.send(shard, Mail::HandedOver(pack(connection.stream)));
    }

    /// Writes the unsent bytes of a connection, as far as its socket takes them.
    fn transmit(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.with_id(id) else { return };
        if connection.flags.has(Flags::LEAVING) {
            self.advance_farewell(id);
            return;
        }
        let mut slices = recycle(core::mem::take(&mut self.spare_slices));
        self.parts.engine.outgoing(id, &mut slices);
        let written = write(&mut connection.stream, &slices, &mut self.scratch);
        self.spare_slices = recycle(slices);
        self.counters.writes += u64::from(written.calls);
        if let Some(flag) = written.stopped_by {
            connection.flags.set(flag);
            if flag == Flags::BROKEN {
                self.readable.push(id, &mut connection.flags);
            }
        }
        if written.bytes > 0 {
            tracing::trace!(?id, bytes = written.bytes, "sent");
            self.parts.engine.handle(self.now, Input::Sent { connection: id, bytes: written.bytes });
        }
    }

    /// Begins the farewell of a connection that the engine has forgotten.
    fn close(&mut self, id: ConnectionId, bytes: Vec<u8>) {
        let Some(connection) = self.connections.with_id(id) else { return };
        if connection.flags.has(Flags::BROKEN) {
            self.connections.remove(id);
            return;
        }
        self.leave(id, Farewell::new(bytes));
    }

    /// Begins the farewell of a connection that the engine does not know.
    pub(super) fn leave(&mut self, id: ConnectionId, farewell: Farewell) {
        let Some(connection) = self.connections.with_id(id) else { return };
        connection.flags.clear(Flags::OPENING);
        connection.flags.set(Flags::LEAVING);
        self.farewells.add(self.now, id, farewell);
        self.advance_farewell(id);
    }

    /// Goes on with a farewell, if the connection is still there and has one.
    pub(super) fn advance_farewell(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.with_id(id) else { return };
        let Some(farewell) = self.farewells.of(id) else { return };
        match farewell.advance(&mut connection.stream, &mut self.scratch) {
            Progress::Busy => self.readable.push(id, &mut connection.flags),
            Progress::Blocked => connection.flags.set(Flags::BLOCKED),
            Progress::Said if self.ends_at.is_none() => {}
            Progress::Said | Progress::Done => self.end_farewell(id),
        }
    }

    /// Drops the connections whose peers had time enough to take their last bytes.
    pub(super) fn end_overdue_farewells(&mut self) {
        while let Some(id) = self.farewells.pop_due(self.now) {
            self.end_farewell(id);
        }
    }

    fn end_farewell(&mut self, id: ConnectionId) {
        self.farewells.end(id);
        self.connections.remove(id);
    }
}

/// What came of writing to a socket.
struct Written {
    bytes: usize,
    calls: u32,
    /// [`Flags::BLOCKED`] or [`Flags::BROKEN`], if not everything was taken.
    stopped_by: Option<Flags>,
}

/// Writes slices until all are taken or the socket takes no more.
fn write(stream: &mut Stream, slices: &[&[u8]], scratch: &mut Scratch) -> Written {
    let mut written = Written { bytes: 0, calls: 0, stopped_by: None };
    match stream.flush() {
        Ok(true) => {}
        Ok(false) => return Written { stopped_by: Some(Flags::BLOCKED), ..written },
        Err(_) => return Written { stopped_by: Some(Flags::BROKEN), ..written },
    }
    for some in slices.chunks(SLICES_PER_WRITE_MAX) {
        let mut buffers = [IoSlice::new(&[]); SLICES_PER_WRITE_MAX];
        for (buffer, slice) in buffers.iter_mut().zip(some) {
            *buffer = IoSlice::new(slice);
        }
        let mut left = &mut buffers[..some.len()];
        // Slices without bytes go, so that nothing is left when everything is written.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            written.calls += 1;
            match stream.write_vectored(left, scratch) {
                Ok(Some(count)) if count > 0 => {
                    written.bytes += count;
                    IoSlice::advance_slices(&mut left, count);
                }
                Ok(_) => {
                    written.stopped_by = Some(Flags::BLOCKED);
                    return written;
                }
                Err(_) => {
                    written.stopped_by = Some(Flags::BROKEN);
                    return written;
                }
            }
        }
    }
    if stream.has_unsent() {
        written.stopped_by = Some(Flags::BLOCKED);
    }
    written
}

/// An empty list with the memory of another, whatever that one borrowed.
fn recycle<'a>(mut list: Vec<&[u8]>) -> Vec<&'a [u8]> {
    list.clear();
    list.into_iter().map(|_| -> &[u8] { &[] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recycled_list_keeps_its_memory() {
        let list: Vec<&[u8]> = Vec::with_capacity(100);
        let memory = list.as_ptr();
        let recycled = recycle(list);
        assert_eq!((recycled.as_ptr(), recycled.capacity()), (memory, 100));
    }
}
