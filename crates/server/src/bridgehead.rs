//! Where bridges to other brokers begin.

use core::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use martlet_engine::{BridgeEnd, Peer, ShardId};
use martlet_transport::Stream;

use crate::inbox::{HandedOver, Inboxes, Mail};

/// The shard that a near end comes to first; its CONNECT tells where it belongs.
const SHARD: ShardId = ShardId(0);

/// Lets the near ends of bridges in, from any thread.
#[derive(Clone)]
pub struct Bridgehead {
    inboxes: Arc<Inboxes>,
}

impl Bridgehead {
    pub(crate) const fn new(inboxes: Arc<Inboxes>) -> Self {
        Self { inboxes }
    }

    /// A non-blocking socket whose other end is a connection of the broker: it expects a CONNECT, and neither asks who that is
    /// nor what it may do. A broker that is shutting down closes it at once.
    ///
    /// # Errors
    /// The operating system has no sockets left.
    pub fn open(&self, end: BridgeEnd) -> io::Result<UnixStream> {
        let (near, far) = UnixStream::pair()?;
        far.set_nonblocking(true)?;
        let handed =
            HandedOver { stream: Stream::unix(near)?, peer: Peer::of_bridge(end), received: Vec::new() };
        self.inboxes.send(SHARD, Mail::HandedOver(handed));
        Ok(far)
    }
}

impl fmt::Debug for Bridgehead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridgehead").finish_non_exhaustive()
    }
}
