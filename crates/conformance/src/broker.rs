//! The broker under test, whatever carries its bytes.

use core::ops::{Deref, DerefMut};
use core::time::Duration;

use martlet_engine::Config;
use martlet_wire::ReasonCode;

use crate::build::ConnectBuilder;
use crate::client::{Client, Link};
use crate::memory::Memory;
use crate::owned::OwnedConnAck;
use crate::socket::Socket;

/// What carries the bytes between clients and broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Function calls in one thread; the clock stands still unless [`Broker::advance`] moves it.
    Memory,
    /// TCP on the loopback interface; the clock is the real one.
    Socket,
}

/// How the broker is set up: the engine's [`Config`] (its fields are reached directly), and who may do what.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The configuration of every engine.
    pub config: Config,
    /// Whether the rules of [`TestAccess`](crate::TestAccess) apply; without, everyone may do everything.
    pub access: bool,
    /// How many shards there are.
    pub shards: u16,
}

impl Default for Setup {
    fn default() -> Self {
        Self { config: Config::default(), access: false, shards: 2 }
    }
}

impl Deref for Setup {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}

impl DerefMut for Setup {
    fn deref_mut(&mut self) -> &mut Config {
        &mut self.config
    }
}

/// What a transport can do.
pub(crate) trait Network {
    fn open(&mut self) -> Box<dyn Link>;
    fn advance(&mut self, duration: Duration);
    fn settle(&mut self);
    fn turn(&mut self, passing: Duration);
    fn connections(&mut self) -> usize;
    fn shut_down(&mut self);
}

/// A broker with several shards, and the clock.
pub struct Broker {
    network: Box<dyn Network>,
    transport: Transport,
}

impl Broker {
    /// A broker with this setup.
    pub fn new(transport: Transport, setup: &Setup) -> Self {
        let network: Box<dyn Network> = match transport {
            Transport::Memory => Box::new(Memory::new(setup)),
            Transport::Socket => Box::new(Socket::new(setup)),
        };
        Self { network, transport }
    }

    /// What carries the bytes.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// A connection on which nothing has been sent.
    pub fn open(&mut self) -> Client {
        Client::new(self.network.open())
    }

    /// A client whose CONNECT was accepted.
    ///
    /// # Panics
    /// If it was not.
    pub fn connect(&mut self, connect: ConnectBuilder<'_>) -> Client {
        self.connect_full(connect).0
    }

    /// A client whose CONNECT was accepted, and the CONNACK.
    ///
    /// # Panics
    /// If it was not.
    #[expect(clippy::needless_pass_by_value, reason = "tests read better without a borrow at every call")]
    pub fn connect_full(&mut self, connect: ConnectBuilder<'_>) -> (Client, OwnedConnAck) {
        let mut client = self.open();
        let connack = client.handshake(&connect);
        assert_eq!(connack.reason, ReasonCode::Success, "the reason of CONNACK");
        (client, connack)
    }

    /// Lets time pass. In memory that takes none; over a socket the test waits, so no test spends more than two
    /// seconds in all.
    pub fn advance(&mut self, duration: Duration) {
        self.network.advance(duration);
    }

    /// Waits until everything that the broker has read by now has arrived wherever it goes, across all shards.
    ///
    /// A sender of what is not acknowledged (QoS 0, DISCONNECT) calls [`Client::barrier`] before.
    pub fn settle(&mut self) {
        self.network.settle();
    }

    /// In memory, lets this time pass and every shard do one turn, at rest afterwards or not; over a socket time and
    /// shards go on by themselves. For clients that [`Client::poll`].
    pub fn turn(&mut self, passing: Duration) {
        self.network.turn(passing);
    }

    /// The number of connections that the broker counts, those of the harness itself left out.
    pub fn connections(&mut self) -> usize {
        self.network.connections()
    }

    /// Tells the broker to shut down.
    pub fn shut_down(&mut self) {
        self.network.shut_down();
    }
}

/// Runs a test against a fresh broker.
pub fn run(transport: Transport, edit: impl FnOnce(&mut Setup), test: impl FnOnce(&mut Broker)) {
    let mut setup = Setup::default();
    edit(&mut setup);
    test(&mut Broker::new(transport, &setup));
}
