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

use crate::auth::{Announcement, Guesses, Judges, RulesChanger};
use crate::bridgehead::Bridgehead;
use crate::clock::Clock;
use crate::control::about::ListenerFacts;
use crate::control::{self, ControlDoor};
use crate::doors::{Members, SingleNode};
use crate::drive::{INBOX, Parts, Shard};
use crate::dynsec::{Keeper, Roster};
use crate::entrance::Entrance;
use crate::errors::{EndError, ReloadError, StartError};
use crate::http::{Gate, HttpThread, Pages};
use crate::inbox::{Inbox, Inboxes, LocalFabric, Mail};
use crate::limits_changer::LimitsChanger;
use crate::listening::{Bound, Listeners, Places, bind_all};
use crate::memory::MemoryLimit;
use crate::operator::Operator;
use crate::options::{ListenerOptions, Options, Security, Wording};
use crate::persist::{self, Growth, Opened, Persistence, Recovered, ShardLog};
use crate::publisher::Publisher;
use crate::reports::Reporter;
use crate::seats::Seats;
use crate::sys::{Sys, SysThread};

/// A running broker. Dropping it shuts it down.
///
/// Nothing of a broker is global: a process may run many.
pub struct Broker {
    threads: Vec<JoinHandle<Result<(), EndError>>>,
    /// What tells of the broker.
    sys: Option<SysThread>,
    http: Option<HttpThread>,
    publisher: Publisher,
    /// It ends after the shards.
    control: Option<JoinHandle<()>>,
    stopper: Stopper,
    places: Places,
    /// The connections of each shard.
    gauges: Vec<Arc<AtomicUsize>>,
    /// What the listeners are, several for one that has several addresses.
    entrances: Vec<Arc<Entrance>>,
    rules_changer: RulesChanger,
    /// Without [`Sys`], which begins later.
    limits_changer: LimitsChanger,
    memory: Arc<MemoryLimit>,
}

impl Broker {
    /// Starts a broker. When this returns, clients can connect.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(mut options: Options) -> Result<Self, StartError> {
        let bound = bind_all(&options)?;
        let places = bound.places(&options).map_err(StartError::Shard)?;
        let Bound { clients: listeners, http: http_listeners } = bound;
        let (http, wording) = (Http::of(&options), options.wording);
        let opened = match &options.persistence {
            Some(persistence) => Some(open(persistence, options.shard_count())?),
            None => None,
        };
        let shards = opened.as_ref().map_or_else(|| options.shard_count(), |opened| opened.shards);
        let members: Arc<dyn Members> = Arc::new(SingleNode { shards });
        let (polls, inboxes) = inboxes(shards).map_err(StartError::Shard)?;
        let keeper = Keeper::hired(&mut options, shards);
        let limits_changer = LimitsChanger::new(&options, Arc::clone(&inboxes));
        let judges = Judges::new(options.rules, options.authority.as_ref(), Arc::clone(&inboxes));
        let judges = judges.map_err(StartError::Shard)?;
        let announcement = Announcement::new(options.hangup);
        let rules_changer = RulesChanger::new(options.authority, &judges, announcement, Arc::clone(&inboxes));
        let roster = keeper.map(|keeper| keeper.attach(rules_changer.clone()));
        let waiting_max = options.engine.limits.control_requests_max.saturating_mul(shards.into());
        let (control, control_thread) =
            control::start(options.control.clone(), Arc::clone(&inboxes), waiting_max)
                .map_err(StartError::Shard)?;
        // Dropped on an error further down, it ends the threads that run already.
        let mut broker = Self {
            threads: Vec::new(),
            sys: None,
            http: None,
            publisher: Publisher::new(Arc::clone(&inboxes)),
            control: Some(control_thread),
            stopper: Stopper { inboxes: Arc::clone(&inboxes) },
            places,
            gauges: Vec::new(),
            entrances: entrances(&listeners, &http_listeners),
            rules_changer,
            limits_changer,
            memory: Arc::new(MemoryLimit::new(options.memory_bytes_max)),
        };
        let common = Common {
            seats: Arc::clone(&broker.limits_changer.seats),
            judges,
            rules_announced: broker.rules_changer.announcement(),
            commons: Commons::new(shards, &options.engine),
            config: options.engine,
            wording: options.wording,
            waits_to_let_in: options.waits_to_let_in,
            last_acknowledgements_time_max: options.last_acknowledgements_time_max,
            handshake_time_max: options.handshake_time_max,
            guesses: Arc::clone(&broker.limits_changer.guesses),
            clock: Clock::start(),
            members: Arc::clone(&members),
            inboxes,
            control,
            roster,
            memory: Arc::clone(&broker.memory),
        };
        let engines = common.engines(opened.as_ref(), options.persistence.as_ref())?;
        for ((id, poll), (engine, log)) in members.view().shards_here().zip(polls).zip(engines) {
            let gauge = Arc::new(AtomicUsize::new(0));
            broker.gauges.push(Arc::clone(&gauge));
            let parts = common.parts(id, poll, &listeners, gauge, engine).map_err(StartError::Shard)?;
            broker.spawn(Parts { log, ..parts }).map_err(StartError::Shard)?;
        }
        let reporter = Reporter::new(Arc::clone(&common.inboxes), Arc::clone(&common.commons));
        broker.serve(http, http_listeners, &common, reporter.clone())?;
        broker.tell(options.sys_interval, &common, reporter, opened.is_some()).map_err(StartError::Shard)?;
        drop(common); // and with it a door of the control thread, which ends when the shards have ended
        broker.places.say(shards, wording);
        Ok(broker)
    }

    /// Starts the HTTP API, if a listener is for it.
    fn serve(
        &mut self,
        http: Http,
        listeners: Listeners,
        common: &Common,
        reporter: Reporter,
    ) -> Result<(), StartError> {
        if listeners.is_empty() {
            return Ok(());
        }
        let gate = Gate::new(self.rules_changer.clone(), common.commons.shards());
        let pages = Pages::new(gate, reporter, http.facts, http.folders)
            .map_err(|(path, cause)| StartError::HttpFolder { path, cause })?;
        let acceptors =
            listeners.into_iter().map(|(entrance, listener)| Ok((entrance, listener.acceptor()?)));
        let acceptors = acceptors.collect::<io::Result<_>>().map_err(StartError::Shard)?;
        self.http = Some(HttpThread::start(acceptors, common.clock, pages).map_err(StartError::Shard)?);
        Ok(())
    }

    /// Starts what tells of the broker.
    fn tell(
        &mut self,
        interval: Option<Duration>,
        common: &Common,
        reporter: Reporter,
        has_log: bool,
    ) -> io::Result<()> {
        self.sys = Some(SysThread::start(Sys {
            interval,
            reporter,
            publisher: self.publisher.clone(),
            limits: common.config.limits.clone(),
            has_log,
            memory: Arc::clone(&common.memory),
        })?);
        Ok(())
    }

    fn spawn(&mut self, parts: Parts) -> io::Result<()> {
        let id = parts.id;
        let shard = Shard::new(parts)?;
        let all = EndsAll(self.stopper.clone());
        let thread = thread::Builder::new().name(format!("shard-{}", id.0)).spawn(move || {
            let _all = all;
            shard.run().unwrap_or_else(|error| {
                tracing::error!(shard = id.0, %error, "a shard cannot go on");
                Err(EndError::ShardFailed)
            })
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// The TCP addresses that the broker listens on, with the ports that were chosen, in the order of its listeners.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.places.addresses
    }

    /// The TCP addresses of the HTTP API, in the order of its listeners.
    pub fn local_http_addrs(&self) -> &[SocketAddr] {
        &self.places.http
    }

    /// The paths of the Unix sockets that the broker listens on.
    pub fn local_paths(&self) -> &[PathBuf] {
        &self.places.paths
    }

    /// The open connections, those that are being closed included. As of each shard's last turn.
    pub fn connections(&self) -> usize {
        self.gauges.iter().map(|gauge| gauge.load(Ordering::Relaxed)).sum()
    }

    /// What publishes messages of the broker itself, for another thread.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Reads the TLS options of a listener anew: certificates, keys, authorities, revocations. They are for connections
    /// that come from now on; those that are open go on with what they have.
    ///
    /// # Errors
    /// See [`ReloadError`]. Everything stays as it was then.
    pub fn reload_tls(&self, listener: u16, options: &TlsOptions) -> Result<(), ReloadError> {
        self.tls_reloader().reload(listener, &Security::Tls(options.clone()))
    }

    /// What reads TLS options anew, for another thread.
    pub fn tls_reloader(&self) -> TlsReloader {
        TlsReloader { entrances: self.entrances.clone() }
    }

    /// What puts other rules in place of those so far, for another thread. What [`Options::rules`] said does not count any more
    /// then.
    pub fn rules_changer(&self) -> RulesChanger {
        self.rules_changer.clone()
    }

    /// How much memory the broker may take, to be changed by another thread.
    pub fn memory_limit(&self) -> Arc<MemoryLimit> {
        Arc::clone(&self.memory)
    }

    /// Lets clients in that have to wait outside; see [`Options::waits_to_let_in`]. Repeating it does no harm.
    pub fn let_in(&self) {
        self.stopper.inboxes.send_to_all(|_| Mail::LetIn);
    }

    /// Where bridges to other brokers begin.
    pub fn bridgehead(&self) -> Bridgehead {
        Bridgehead::new(Arc::clone(&self.stopper.inboxes))
    }

    /// What puts other limits in place of those so far, for another thread.
    pub fn limits_changer(&self) -> LimitsChanger {
        self.limits_changer.clone().telling(self.sys.as_ref().map(SysThread::mail))
    }

    /// What asks the broker for things, for another thread.
    pub fn operator(&self) -> Operator {
        Operator::new(Arc::clone(&self.stopper.inboxes))
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
    /// See [`EndError`].
    pub fn shutdown(self) -> Result<(), EndError> {
        self.stopper.stop();
        self.wait()
    }

    /// Waits until the broker has ended: by its [`Stopper`], or because a shard failed.
    ///
    /// # Errors
    /// See [`EndError`].
    pub fn wait(mut self) -> Result<(), EndError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), EndError> {
        let mut end = None;
        // While the shards run it goes on; when they end, nobody answers it any more.
        for thread in self.threads.drain(..) {
            let of_shard = thread.join().unwrap_or(Err(EndError::ShardFailed));
            end = end.max(of_shard.err());
        }
        if let Some(http) = self.http.take() {
            http.stop();
        }
        if let Some(sys) = self.sys.take() {
            sys.stop();
        }
        if let Some(control) = self.control.take()
            && control.join().is_err()
        {
            end = Some(EndError::ShardFailed);
        }
        end.map_or(Ok(()), Err)
    }
}

impl core::fmt::Debug for Broker {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Broker").field("places", &self.places).finish_non_exhaustive()
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
    /// Does what [`Broker::reload_tls`] does, for pre-shared keys as well.
    ///
    /// # Errors
    /// See [`ReloadError`]. Everything stays as it was then.
    pub fn reload(&self, listener: u16, options: &Security) -> Result<(), ReloadError> {
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
    judges: Judges,
    rules_announced: Arc<Announcement>,
    wording: Wording,
    waits_to_let_in: bool,
    last_acknowledgements_time_max: Duration,
    handshake_time_max: Duration,
    guesses: Arc<Guesses>,
    clock: Clock,
    members: Arc<dyn Members>,
    inboxes: Arc<Inboxes>,
    control: ControlDoor,
    /// Who has to know who is connected, if anyone.
    roster: Option<Arc<Roster>>,
    memory: Arc<MemoryLimit>,
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
        let stalls = Arc::default();
        for (id, mut engine, Recovered { store, log, last, checkpoint_bytes }) in recovered {
            engine.restored(self.clock.now(), last);
            let slack = persistence.checkpoint_after_bytes;
            let growth = Growth::new(slack, log.bytes(), checkpoint_bytes, engine.kept_things());
            let inboxes = Arc::clone(&self.inboxes);
            let log = ShardLog::start(id, persistence, store, log, growth, inboxes, &stalls);
            engines.push((engine, Some(log.map_err(StartError::Shard)?)));
        }
        Ok(engines)
    }

    fn engine(&self, id: ShardId) -> Engine {
        let engine = Engine::new(self.config.clone(), id, Arc::clone(&self.commons));
        match self.judges.of_shard(id) {
            Some(access) => engine.with_access(access),
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
            last_acknowledgements_time_max: self.last_acknowledgements_time_max,
            handshake_time_max: self.handshake_time_max,
            clock: self.clock,
            acceptors: acceptors.collect::<io::Result<_>>()?,
            inboxes: Arc::clone(&inboxes),
            fabric: Box::new(LocalFabric { from: id, this: self.members.view().this, inboxes }),
            members: Arc::clone(&self.members),
            log: None,
            control: self.control.clone(),
            roster: self.roster.clone(),
            rules_announced: Arc::clone(&self.rules_announced),
            auth: Arc::clone(&self.judges.pool),
            guesses: Arc::clone(&self.guesses),
            wording: self.wording,
            memory: Arc::clone(&self.memory),
            waits_to_let_in: self.waits_to_let_in,
            gauge,
        })
    }
}

/// What listens, for clients and for the HTTP API.
fn entrances(clients: &Listeners, http: &Listeners) -> Vec<Arc<Entrance>> {
    clients.iter().chain(http).map(|(entrance, _)| Arc::clone(entrance)).collect()
}

/// Opens the store.
fn open(persistence: &Persistence, shards: u16) -> Result<Opened, StartError> {
    persist::open(persistence, shards)
        .map_err(|cause| StartError::Persistence { location: persistence.location.clone(), cause })
}

/// What the HTTP API is made of.
struct Http {
    facts: Vec<ListenerFacts>,
    /// The folder of each listener, by its number.
    folders: Vec<Option<PathBuf>>,
}

impl Http {
    fn of(options: &Options) -> Self {
        let folder = |listener: &ListenerOptions| listener.http.as_ref()?.folder.clone();
        let folders = options.listeners.iter().map(folder).collect();
        Self { facts: options.listener_facts.clone(), folders }
    }
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
