//! A running broker: its listeners and the threads of its shards.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use martlet_engine::{Commons, Config, Engine, ShardId};
use martlet_transport::Listener;
use mio::{Poll, Waker};

use crate::binding;
use crate::clock::Clock;
use crate::doors::{Members, SingleNode};
use crate::drive::{INBOX, Parts, Shard};
use crate::errors::{ShardFailed, StartError};
use crate::inbox::{Inbox, Inboxes, LocalFabric};
use crate::options::{Options, Rules, Wording};
use crate::persist::{self, Opened, Persistence, Recovered, ShardLog};

/// A running broker. Dropping it shuts it down.
///
/// Nothing of a broker is global: a process may run many.
#[derive(Debug)]
pub struct Broker {
    threads: Vec<JoinHandle<io::Result<()>>>,
    stopper: Stopper,
    addresses: Vec<SocketAddr>,
    /// The connections of each shard.
    gauges: Vec<Arc<AtomicUsize>>,
}

impl Broker {
    /// Starts a broker. When this returns, clients can connect.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(options: Options) -> Result<Self, StartError> {
        let listeners = bind_all(&options)?;
        let addresses = local_addresses(&listeners)?;
        let opened = match &options.persistence {
            Some(persistence) => Some(open(persistence, options.shard_count())?),
            None => None,
        };
        let shards = opened.as_ref().map_or_else(|| options.shard_count(), |opened| opened.shards);
        let members: Arc<dyn Members> = Arc::new(SingleNode { shards });
        let (polls, inboxes) = inboxes(shards).map_err(StartError::Shard)?;
        let common = Common {
            commons: Commons::new(shards, &options.engine),
            config: options.engine,
            rules: options.rules,
            wording: options.wording,
            clock: Clock::start(),
            members: Arc::clone(&members),
            inboxes: Arc::clone(&inboxes),
        };
        // Dropped on an error further down, it ends the threads that run already.
        let mut broker =
            Self { threads: Vec::new(), stopper: Stopper { inboxes }, addresses, gauges: Vec::new() };
        let engines = common.engines(opened.as_ref(), options.persistence.as_ref())?;
        for ((id, poll), (engine, log)) in members.view().shards_here().zip(polls).zip(engines) {
            let gauge = Arc::new(AtomicUsize::new(0));
            broker.gauges.push(Arc::clone(&gauge));
            let parts = common.parts(id, poll, &listeners, gauge, engine).map_err(StartError::Shard)?;
            broker.spawn(Parts { log, ..parts }).map_err(StartError::Shard)?;
        }
        for address in &broker.addresses {
            match options.wording {
                Wording::Own => tracing::info!(%address, shards, "listening"),
                Wording::Mosquitto => {
                    let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
                    tracing::info!("Opening {family} listen socket on port {}.", address.port());
                }
            }
        }
        Ok(broker)
    }

    fn spawn(&mut self, parts: Parts) -> io::Result<()> {
        let id = parts.id;
        let shard = Shard::new(parts)?;
        let all = EndsAll(self.stopper.clone());
        let thread = thread::Builder::new().name(format!("shard-{}", id.0)).spawn(move || {
            let _all = all;
            let end = shard.run();
            if let Err(error) = &end {
                tracing::error!(shard = id.0, %error, "a shard cannot go on");
            }
            end
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// The addresses that the broker listens on, with the ports that were chosen.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The open connections, those that are being closed included. As of each shard's last turn.
    pub fn connections(&self) -> usize {
        self.gauges.iter().map(|gauge| gauge.load(Ordering::Relaxed)).sum()
    }

    /// What tells the broker to shut down, for another thread.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Shuts the broker down: clients of MQTT 5.0 are told [DISCONNECT 0x8B], all connections are closed. Takes no
    /// longer than five seconds, and that only if clients do not take what they are sent.
    ///
    /// # Errors
    /// A shard had failed before.
    pub fn shutdown(self) -> Result<(), ShardFailed> {
        self.stopper.stop();
        self.wait()
    }

    /// Waits until the broker has ended: by its [`Stopper`], or because a shard failed.
    ///
    /// # Errors
    /// A shard failed.
    pub fn wait(mut self) -> Result<(), ShardFailed> {
        self.join()
    }

    fn join(&mut self) -> Result<(), ShardFailed> {
        let mut end = Ok(());
        for thread in self.threads.drain(..) {
            if !matches!(thread.join(), Ok(Ok(()))) {
                end = Err(ShardFailed);
            }
        }
        end
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stopper.stop();
        // Nobody is left to be told of a failure; the log has it.
        let _ = self.join();
    }
}

/// Tells a broker to shut down.
#[derive(Clone)]
pub struct Stopper {
    inboxes: Arc<Inboxes>,
}

impl Stopper {
    /// Tells the broker to shut down, and returns at once. Repeating it does no harm.
    pub fn stop(&self) {
        self.inboxes.shut_down();
    }
}

impl core::fmt::Debug for Stopper {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stopper").finish_non_exhaustive()
    }
}

/// Ends all shards when one ends: what is left when one has failed is no broker.
struct EndsAll(Stopper);

impl Drop for EndsAll {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// What the shards of a broker have in common.
struct Common {
    commons: Arc<Commons>,
    config: Config,
    rules: Rules,
    wording: Wording,
    clock: Clock,
    members: Arc<dyn Members>,
    inboxes: Arc<Inboxes>,
}

impl Common {
    /// The engines of all shards, as they were when they ended last, each with its log.
    fn engines(
        &self,
        opened: Option<&Opened>,
        persistence: Option<&Persistence>,
    ) -> Result<Vec<(Engine, Option<ShardLog>)>, StartError> {
        let (Some(opened), Some(persistence)) = (opened, persistence) else {
            return Ok(self.members.view().shards_here().map(|id| (self.engine(id), None)).collect());
        };
        let failed = |cause| StartError::Persistence { location: persistence.location.clone(), cause };
        let mut recovered = Vec::new();
        for id in self.members.view().shards_here() {
            let mut engine = self.engine(id);
            let shard = opened.recover(id, &mut engine).map_err(failed)?;
            recovered.push((id, engine, shard));
        }
        // Only when all are there can one begin to live: what it has to say goes to all others.
        let mut engines = Vec::new();
        for (id, mut engine, Recovered { store, log, last }) in recovered {
            engine.restored(self.clock.now(), last);
            let log = ShardLog::start(id, persistence, store, log, Arc::clone(&self.inboxes));
            engines.push((engine, Some(log.map_err(StartError::Shard)?)));
        }
        Ok(engines)
    }

    fn engine(&self, id: ShardId) -> Engine {
        let engine = Engine::new(self.config.clone(), id, Arc::clone(&self.commons));
        match &self.rules.access {
            Some(access) => engine.with_access(access(id)),
            None => engine,
        }
    }

    fn parts(
        &self,
        id: ShardId,
        poll: Poll,
        listeners: &[(u16, Listener)],
        gauge: Arc<AtomicUsize>,
        engine: Engine,
    ) -> io::Result<Parts> {
        let acceptors = listeners.iter().map(|(number, listener)| Ok((*number, listener.acceptor()?)));
        let inboxes = Arc::clone(&self.inboxes);
        Ok(Parts {
            id,
            poll,
            engine,
            connections_max: self.config.limits.connections_max,
            clock: self.clock,
            acceptors: acceptors.collect::<io::Result<_>>()?,
            inboxes: Arc::clone(&inboxes),
            fabric: Box::new(LocalFabric { from: id, this: self.members.view().this, inboxes }),
            members: Arc::clone(&self.members),
            log: None,
            authenticator: self.rules.authenticator.clone(),
            wording: self.wording,
            gauge,
        })
    }
}

/// Opens the store.
fn open(persistence: &Persistence, shards: u16) -> Result<Opened, StartError> {
    persist::open(persistence, shards)
        .map_err(|cause| StartError::Persistence { location: persistence.location.clone(), cause })
}

/// Binds every place to listen on. Each listener has the number of its place.
fn bind_all(options: &Options) -> Result<Vec<(u16, Listener)>, StartError> {
    let mut listeners = Vec::new();
    for (number, place) in (0..).zip(&options.listeners) {
        listeners.extend(binding::bind(place)?.into_iter().map(|listener| (number, listener)));
    }
    if listeners.is_empty() { Err(StartError::NoListener) } else { Ok(listeners) }
}

fn local_addresses(listeners: &[(u16, Listener)]) -> Result<Vec<SocketAddr>, StartError> {
    let addresses = listeners.iter().map(|(_, listener)| listener.local_addr());
    addresses.collect::<io::Result<_>>().map_err(StartError::Shard)
}

/// An event queue for each shard, and the inbox that wakes it.
fn inboxes(shards: u16) -> io::Result<(Vec<Poll>, Arc<Inboxes>)> {
    let mut polls = Vec::new();
    let mut inboxes = Vec::new();
    for _ in 0..shards {
        let poll = Poll::new()?;
        inboxes.push(Inbox::new(Waker::new(poll.registry(), INBOX)?));
        polls.push(poll);
    }
    Ok((polls, Arc::new(Inboxes::new(inboxes))))
}
