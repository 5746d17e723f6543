//! What the connections of one listener have in common.

use core::net::SocketAddr;
use std::sync::Arc;

use martlet_engine::{Peer, PeerDetails};
use martlet_transport::{Setup, Stream};

use crate::options::{ListenerOptions, Place};

/// One listener, as all shards share it.
pub(crate) struct Entrance {
    /// The number of the listener.
    number: u16,
    /// What is known of every peer; only a Unix socket tells something.
    details: Option<Arc<PeerDetails>>,
    setup: Setup,
}

impl Entrance {
    pub(crate) fn new(number: u16, options: &ListenerOptions) -> Self {
        let details = match &options.place {
            Place::Tcp(_) => None,
            Place::Unix(address) => {
                let path = Some(address.path.display().to_string());
                Some(Arc::new(PeerDetails { path, ..PeerDetails::default() }))
            }
        };
        Self { number, details, setup: Setup { proxy: options.proxy } }
    }

    /// Puts the layers of the listener onto an accepted stream.
    pub(crate) fn wrap(&self, stream: Stream) -> Stream {
        self.setup.wrap(stream)
    }

    /// Where a connection comes from, as far as its socket tells.
    pub(crate) fn peer(&self, address: Option<SocketAddr>) -> Peer {
        Peer { address, listener: self.number, details: self.details.clone() }
    }
}
