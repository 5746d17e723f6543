//! The broker program as a value in this process.

use core::net::SocketAddr;
use core::num::NonZeroU16;
use std::sync::Arc;

use martlet_server::{Broker, Host, Options, Rules};

use crate::access::TestAccess;
use crate::broker::Setup;

/// A running broker; dropping it shuts it down.
pub(crate) struct Server(Broker);

impl Server {
    /// Starts a broker on a free port of the loopback interface.
    pub(crate) fn start(setup: &Setup) -> Self {
        let rules = if setup.access {
            Rules {
                access: Some(Arc::new(|_| Box::new(TestAccess))),
                authenticator: Some(Arc::new(TestAccess::verdict)),
            }
        } else {
            Rules::default()
        };
        let options = Options {
            shards: NonZeroU16::new(setup.shards),
            engine: setup.config.clone(),
            rules,
            ..Options::listening_on(Host::Named("127.0.0.1".into()), 0)
        };
        Self(Broker::start(options).expect("a broker starts on the loopback interface"))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addrs()[0]
    }

    /// How many connections it counts.
    pub(crate) fn connections(&self) -> usize {
        self.0.connections()
    }

    /// Tells it to shut down.
    pub(crate) fn shut_down(&self) {
        self.0.stopper().stop();
    }
}
