//! Which connections may have something to read.

use std::collections::VecDeque;

use martlet_engine::ConnectionId;

use crate::connections::Flags;

/// Connections that may have something to read, each once: those that have [`Flags::QUEUED`].
///
/// Those whose layers are not through with their handshakes stand apart: a storm of them must not keep the others
/// waiting.
#[derive(Default)]
pub(crate) struct Readable {
    pub(crate) open: VecDeque<ConnectionId>,
    pub(crate) opening: VecDeque<ConnectionId>,
}

impl Readable {
    /// Adds a connection behind all others of its kind, if it is not there already.
    pub(crate) fn push(&mut self, id: ConnectionId, flags: &mut Flags) {
        if !flags.has(Flags::QUEUED) {
            flags.set(Flags::QUEUED);
            let queue = if flags.has(Flags::OPENING) { &mut self.opening } else { &mut self.open };
            queue.push_back(id);
        }
    }
}
