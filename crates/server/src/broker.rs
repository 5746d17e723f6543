//! A running broker: its listeners and the threads of its shards.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use martlet_engine::{Commons, Config, Engine, ShardId};
use martlet_transport::{Listener, TlsOptions};
use mio::{Poll, Waker};

use crate::binding;
use crate::clock::Clock;
use crate::doors::{Members, SingleNode};
use crate::drive::{INBOX, Parts, Shard};
use crate::entrance::Entrance;
use crate::errors::{ReloadError, ShardFailed, StartError};
use crate::inbox::{Inbox, Inboxes, LocalFabric};
use crate::options::{ListenerOptions, Options, Place, Rules, Wording};
use crate::persist::{self, Growth, Opened, Persistence, Recovered, ShardLog};
use crate::seats::Seats;

/// A running broker. Dropping it shuts it down.
///
/// Nothing of a broker is global: a process may run many.
pub struct Broker {
    threads: Vec<JoinHandle<io::Result<()>>>,
    stopper: Stopper,
    addresses: Vec<SocketAddr>,
    paths: Vec<PathBuf>,
    /// The connections of each shard.
    gauges: Vec<Arc<AtomicUsize>>,
    /// What the listeners are, several for one that has several addresses.
    entrances: Vec<Arc<Entrance>>,
}

impl Broker {
    /// Starts a broker. When this returns, clients can connect.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(options: Options) -> Result<Self, StartError> {
        let paths = paths(&options);
        let listeners = bind_all(&options)?;
        let addresses = local_addresses(&listeners).map_err(StartError::Shard)?;
        let opened = match &options.persistence {
            Some(persistence) => Some(open(persistence, options.shard_count())?),
            None => None,
        };
        let shards = opened.as_ref().map_or_else(|| options.shard_count(), |opened| opened.shards);
        let members: Arc<dyn Members> = Arc::new(SingleNode { shards });
        let (polls, inboxes) = inboxes(shards).map_err(StartError::Shard)?;
        let seats = Arc::new(Seats::new(&options));
        let common = Common {
            seats,
            commons: Commons::new(shards, &options.engine),
            config: options.engine,
            rules: options.rules,
            wording: options.wording,
            handshake_time_max: options.handshake_time_max,
            clock: Clock::start(),
            members: Arc::clone(&members),
            inboxes: Arc::clone(&inboxes),
        };
        // Dropped on an error further down, it ends the threads that run already.
        let mut broker = Self {
            threads: Vec::new(),
            stopper: Stopper { inboxes },
            addresses,
            paths,
            gauges: Vec::new(),
            entrances: listeners.iter().map(|(entrance, _)| Arc::clone(entrance)).collect(),
        };
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
        for path in &broker.paths {
            let path = path.display();
            match options.wording {
                Wording::Own => tracing::info!(%path, shards, "listening"),
                Wording::Mosquitto => tracing::info!("Opening unix listen socket on path {path}."),
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

    /// The TCP addresses that the broker listens on, with the ports that were chosen, in the order of its listeners.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The paths of the Unix sockets that the broker listens on.
    pub fn local_paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The open connections, those that are being closed included. As of each shard's last turn.
    pub fn connections(&self) -> usize {
        self.gauges.iter().map(|gauge| gauge.load(Ordering::Relaxed)).sum()
    }

    /// Reads the TLS options of a listener anew: certificates, keys, authorities, revocations. They are for connections
    /// that come from now on; those that are open go on with what they have.
    ///
    /// # Errors
    /// See [`ReloadError`]. Everything stays as it was then.
    pub fn reload_tls(&self, listener: u16, options: &TlsOptions) -> Result<(), ReloadError> {
        self.tls_reloader().reload(listener, options)
    }

    /// What reads TLS options anew, for another thread.
    pub fn tls_reloader(&self) -> TlsReloader {
        TlsReloader { entrances: self.entrances.clone() }
    }

    /// What tells the broker to shut down, for another thread.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// What tells whether the broker is alive, for another thread.
    pub fn pulse(&self) -> Pulse {
        Pulse { inboxes: Arc::clone(&self.stopper.inboxes) }
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

impl core::fmt::Debug for Broker {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Broker").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stopper.stop();
        // Nobody is left to be told of a failure; the log has it.
        let _ = self.join();
    }
}

/// Reads the TLS options of a broker's listeners anew.
#[derive(Clone)]
pub struct TlsReloader {
    entrances: Vec<Arc<Entrance>>,
}

impl TlsReloader {
    /// Does what [`Broker::reload_tls`] does.
    ///
    /// # Errors
    /// See [`ReloadError`]. Everything stays as it was then.
    pub fn reload(&self, listener: u16, options: &TlsOptions) -> Result<(), ReloadError> {
        let entrance = self.entrances.iter().find(|entrance| entrance.number() == listener);
        entrance.ok_or(ReloadError::NoListener)?.reload_tls(options)
    }
}

impl core::fmt::Debug for TlsReloader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TlsReloader").finish_non_exhaustive()
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

/// Tells whether a broker is alive.
#[derive(Clone)]
pub struct Pulse {
    inboxes: Arc<Inboxes>,
}

impl Pulse {
    /// Whether all shards take their mail within this time. Waits for them.
    pub fn is_felt(&self, time_max: Duration) -> bool {
        self.inboxes.all_answer(time_max)
    }
}

impl core::fmt::Debug for Pulse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Pulse").finish_non_exhaustive()
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
    seats: Arc<Seats>,
    commons: Arc<Commons>,
    config: Config,
    rules: Rules,
    wording: Wording,
    handshake_time_max: Duration,
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
        for (id, mut engine, Recovered { store, log, last, checkpoint_bytes }) in recovered {
            engine.restored(self.clock.now(), last);
            let slack = persistence.checkpoint_after_bytes;
            let growth = Growth::new(slack, log.bytes(), checkpoint_bytes, engine.kept_things());
            let log = ShardLog::start(id, persistence, store, log, growth, Arc::clone(&self.inboxes));
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
        listeners: &[(Arc<Entrance>, Listener)],
        gauge: Arc<AtomicUsize>,
        engine: Engine,
    ) -> io::Result<Parts> {
        let acceptors =
            listeners.iter().map(|(entrance, listener)| Ok((Arc::clone(entrance), listener.acceptor()?)));
        let inboxes = Arc::clone(&self.inboxes);
        Ok(Parts {
            id,
            poll,
            engine,
            connections_max: self.config.limits.connections_max,
            seats: Arc::clone(&self.seats),
            handshake_time_max: self.handshake_time_max,
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

/// Binds every place to listen at.
fn bind_all(options: &Options) -> Result<Vec<(Arc<Entrance>, Listener)>, StartError> {
    let mut listeners = Vec::new();
    for (number, options) in (0..).zip(&options.listeners) {
        let entrance = Arc::new(Entrance::new(number, options)?);
        let bound = binding::bind(&options.place)?.into_iter();
        listeners.extend(bound.map(|listener| (Arc::clone(&entrance), listener)));
    }
    if listeners.is_empty() { Err(StartError::NoListener) } else { Ok(listeners) }
}

fn local_addresses(listeners: &[(Arc<Entrance>, Listener)]) -> io::Result<Vec<SocketAddr>> {
    listeners.iter().filter_map(|(_, listener)| listener.local_addr().transpose()).collect()
}

fn paths(options: &Options) -> Vec<PathBuf> {
    let path = |listener: &ListenerOptions| match &listener.place {
        Place::Unix(address) => Some(address.path.clone()),
        Place::Tcp(_) => None,
    };
    options.listeners.iter().filter_map(path).collect()
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
