//! The broker as a value.
//!
//! An [`Engine`] is one shard: it owns some connections and the Sessions whose Client Identifiers fall to it. It takes
//! what happened ([`Input`]) and tells what is to be done ([`Output`]); it knows no socket, clock, file or thread, so a
//! server, a simulation and a test all drive the same code. Shards talk to each other by batches of bytes
//! ([`Output::Forward`]), which could as well cross a network.
//!
//! Whatever has to survive a crash goes as a record to a log ([`Output::Persist`]); only when the driver says that it is
//! durable ([`Input::Persisted`]) does anyone outside see that it happened: until then acknowledgements and what depends
//! on them are held back.
//!
//! # A turn of a driver
//! Read what there is from each socket for which [`Engine::accepts`] holds, and [`Engine::handle`] it; call
//! [`Engine::poll`] until it answers [`Output::WakeAt`]; hand forwarded batches on *before* writing to any socket; write
//! what [`Engine::outgoing`] gives for each [`Output::Transmit`], say [`Input::Sent`], and poll again; when nothing new
//! comes, call [`Engine::end_turn`].

#![forbid(unsafe_code)]

mod access;
mod authenticate;
mod awaited;
mod bridge;
mod bytes;
mod characters;
mod checkpoint;
mod clients;
mod close;
mod commons;
mod connect;
mod connections;
mod control;
mod deadlines;
mod deliver;
mod forward;
mod hashing;
mod held;
mod identity;
mod interest;
mod journal;
pub mod kept;
mod limits;
mod listeners;
mod message;
mod mount;
mod notice;
mod obligations;
mod out_buffer;
mod outgoing;
mod own;
mod peer;
mod permitted;
mod publish;
mod queue;
mod receive;
mod recording;
mod records;
mod refuse;
mod restore;
mod retained;
mod route;
mod sparkplug;
mod status;
mod subscribe;
mod subscriptions;
mod trace;
mod tree;
mod unreleased;

use std::collections::VecDeque;
use std::sync::Arc;

use martlet_wire::{QoS, ReasonCode};

pub use access::{Access, AllowAll, AuthenticationStage, Client, Decision, Newcomer, Question, Verdict};
pub use commons::Commons;
pub use control::{ControlAnswer, ControlId, ControlRequest};
pub use hashing::shard_of;
pub use identity::{Publisher, UserNameSource};
pub use limits::{Config, Features, Limits, PACKET_SIZE_BYTES_MAX_LEAST};
pub use listeners::ListenerRules;
pub use martlet_proto::{Instant, PeerMisbehaved};
pub use message::Message;
pub use notice::{Cause, Notice, WillFacts};
pub use own::{Announcement, is_reserved};
pub use peer::{BridgeEnd, Peer, PeerCertificate, PeerDetails, PeerTls};
pub use restore::{Stored, UnreadableRecord};
pub use status::Status;
pub use subscriptions::SubscriptionFacts;
pub use trace::{PacketTrace, TraceDetails};

use awaited::Awaited;
use checkpoint::Checkpoint;
use clients::Clients;
use connections::Connections;
use control::Controls;
use deadlines::{Deadlines, Due};
use forward::Forwards;
use hashing::{Map, Random, hasher};
use journal::Journal;
use obligations::Obligations;
use restore::Restoring;
use retained::Cursor;
use route::Routes;
use subscriptions::Subscriptions;

/// Names a connection of one shard. The driver chooses: a small index, and a generation that tells two connections with
/// the same index apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    /// A small number, used again after the connection is gone.
    pub index: u32,
    /// Which connection with this index.
    pub generation: u32,
}

/// Names a shard of a node, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u16);

/// Names a batch of entries for the log of one shard. Later batches have greater numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(pub u64);

/// Something that happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// A connection was accepted, or came over from another shard.
    Opened {
        /// Its name from here on.
        connection: ConnectionId,
        /// Where it comes from.
        peer: Peer,
    },
    /// Bytes came in.
    Received {
        /// Where.
        connection: ConnectionId,
        /// The bytes, split anyhow.
        bytes: &'a [u8],
    },
    /// The socket took so many of the bytes that [`Engine::outgoing`] gave.
    Sent {
        /// Where.
        connection: ConnectionId,
        /// How many.
        bytes: usize,
    },
    /// The peer closed the connection, or the network failed.
    Closed {
        /// Where.
        connection: ConnectionId,
    },
    /// This batch is durable, and with it all before it.
    Persisted(BatchId),
    /// The log cannot be written to, a full disk for example. Until the next [`Input::Persisted`], what needs it is refused,
    /// and all else goes on.
    LogStalled,
    /// The memory that the broker may take is used up, or is not any more. While it is, what would take more of it is refused:
    /// messages of QoS 1 and 2, retained messages, new Sessions and subscriptions. All else goes on, and nothing is given up.
    /// Repeating it does no harm.
    Memory {
        /// Whether it is used up.
        is_short: bool,
    },
    /// Another shard sends a batch.
    Forwarded {
        /// Which shard.
        from: ShardId,
        /// The batch, as its [`Output::Forward`] had it.
        batch: &'a [u8],
    },
    /// The answer to [`Output::Authenticate`].
    Authenticated {
        /// The connection of the question.
        connection: ConnectionId,
        /// The answer.
        verdict: Verdict,
    },
    /// The broker itself publishes a message.
    Publish(Announcement<'a>),
    /// The answer to [`Output::Control`].
    Controlled {
        /// The request.
        request: ControlId,
        /// The answer.
        answer: ControlAnswer<'a>,
    },
    /// The time of [`Output::WakeAt`] has come. Early or repeated calls do no harm.
    WakeUp,
    /// The broker stops: every client gets DISCONNECT 0x8B and is closed.
    Shutdown,
    /// An operator sends a client away.
    Disconnect {
        /// Its Client Identifier.
        client_identifier: &'a str,
        /// The code of the DISCONNECT; with 0x9C and 0x9D goes the Server Reference of [`Features`].
        reason: ReasonCode,
    },
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// There are unsent bytes: write [`Engine::outgoing`], then say [`Input::Sent`].
    Transmit(ConnectionId),
    /// Send these last bytes as well as it goes within a bounded time, then close. The connection is forgotten here.
    Close {
        /// Which.
        connection: ConnectionId,
        /// The last bytes.
        farewell: Vec<u8>,
    },
    /// Move the connection to the shard of its client. There it is to be [`Input::Opened`] with this peer, and to have
    /// [`Input::Received`] these bytes. It is forgotten here.
    HandOver {
        /// Which.
        connection: ConnectionId,
        /// Where it comes from.
        peer: Peer,
        /// Where to.
        shard: ShardId,
        /// All bytes received so far.
        received: Vec<u8>,
    },
    /// Make these records durable, in the order of the batches, and say [`Input::Persisted`] when they are.
    Persist {
        /// The name of the batch.
        batch: BatchId,
        /// What it holds.
        records: Vec<u8>,
    },
    /// Hand this batch to another shard, in order with those before it.
    Forward {
        /// Which shard.
        to: ShardId,
        /// The batch.
        batch: Vec<u8>,
    },
    /// Find out whether this client may connect, and say [`Input::Authenticated`].
    Authenticate {
        /// Which connection.
        connection: ConnectionId,
        /// What is known of it.
        question: Question,
    },
    /// A client wants something of the broker: do it, and say [`Input::Controlled`]. Until then the client is not read from.
    Control(Box<ControlRequest>),
    /// Something worth a line in the log.
    Notice(Notice),
    /// Nothing more to do now, until this time or a new input.
    WakeAt(Option<Instant>),
}

/// One shard of a broker.
pub struct Engine {
    config: Config,
    shard: ShardId,
    commons: Arc<Commons>,
    access: Box<dyn Access>,
    now: Instant,
    connections: Connections,
    clients: Clients,
    subscriptions: Subscriptions,
    deadlines: Deadlines,
    routes: Routes,
    /// Whose turn it is in each Shared Subscription, as far as this shard chooses.
    group_turns: Map<Arc<str>, usize>,
    journal: Journal,
    /// Clients of whom a Session began or ended in a batch that is not durable.
    unsettled: Awaited,
    obligations: Obligations,
    restoring: Option<Box<Restoring>>,
    checkpoint: Option<Box<Checkpoint>>,
    forwards: Forwards,
    controls: Controls,
    /// Connections with a message that was put off without a word, and the batch that those before it may wait for.
    put_off: Vec<(ConnectionId, Option<BatchId>)>,
    /// Whether nothing is taken that takes more memory.
    memory_is_short: bool,
    /// Encoded packets that several connections send alike, for this turn.
    turn: Vec<u8>,
    /// Connections whose unsent bytes may point into `turn`.
    touched: Vec<ConnectionId>,
    transmit: VecDeque<ConnectionId>,
    outputs: VecDeque<Output>,
    retained_sweep: Cursor,
    /// Whether a timer for the next sweep is set.
    sweeps_retained: bool,
    random: Random,
    status: Status,
    /// Whether each packet is told.
    traces: bool,
}

impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine")
            .field("shard", &self.shard)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine that lets everyone in. All shards of a node share `commons` and have the same configuration.
    pub fn new(config: Config, shard: ShardId, commons: Arc<Commons>) -> Self {
        let seed = config.seed;
        Self {
            shard,
            access: Box::new(AllowAll),
            now: Instant::default(),
            connections: Connections::default(),
            clients: Clients::new(seed),
            subscriptions: Subscriptions::new(seed),
            deadlines: Deadlines::default(),
            routes: Routes::new(seed, config.limits.route_cache_entries_max),
            group_turns: Map::with_hasher(hasher(seed)),
            journal: Journal::off(shard.0),
            unsettled: Awaited::new(seed),
            obligations: Obligations::new(commons.shards()),
            restoring: None,
            checkpoint: None,
            forwards: Forwards::new(commons.shards(), seed),
            controls: Controls::default(),
            put_off: Vec::new(),
            memory_is_short: false,
            turn: Vec::new(),
            touched: Vec::new(),
            transmit: VecDeque::new(),
            outputs: VecDeque::new(),
            retained_sweep: Cursor::default(),
            sweeps_retained: false,
            random: Random::new(seed ^ u64::from(shard.0) << 48),
            status: Status::default(),
            traces: false,
            commons,
            config,
        }
    }

    /// The same engine, with rules about who may do what.
    #[must_use]
    pub fn with_access(mut self, access: Box<dyn Access>) -> Self {
        self.access = access;
        self
    }

    /// Takes other rules in place of those so far. What was found out by them is forgotten, and clients that may not stay
    /// are sent away with 0x87.
    pub fn replace_access(&mut self, now: Instant, access: Box<dyn Access>) {
        self.now = self.now.max(now);
        self.access = access;
        self.subscriptions.touch();
        self.send_away_unwelcome();
    }

    /// Takes other bounds and features in place of those so far. What was agreed upon with a client at its CONNECT stays so for its
    /// connection. What shards share or the whole engine is built on stays in any case: see [`Config::renewed`].
    pub fn reconfigure(&mut self, new: &Config) {
        self.config = self.config.renewed(new);
        self.subscriptions.touch();
    }

    /// The connections of clients that are meant.
    pub fn connections_of(&self, mut is_meant: impl FnMut(Client<'_>) -> bool) -> Vec<ConnectionId> {
        let mut meant = self.connections.ids();
        meant.retain(|id| {
            let session = self.connections.get(*id).and_then(|connection| connection.session);
            session.and_then(|session| self.clients.get(session)).is_some_and(|it| is_meant(it.client()))
        });
        meant
    }

    /// Whether a client that is connected has not acknowledged all that it was sent. Looks at every connection.
    pub fn awaits_acknowledgements(&self) -> bool {
        let mut sessions = self.connections.iter().filter_map(|connection| connection.session);
        sessions.any(|id| self.clients.get(id).is_some_and(|it| it.state.outbound.in_flight() > 0))
    }

    /// Ends a connection, if it is still there: a client of 5.0 is told the reason.
    pub fn end(&mut self, now: Instant, connection: ConnectionId, reason: ReasonCode) {
        self.now = self.now.max(now);
        if self.connections.get(connection).is_some() {
            self.send_away_from(connection, reason);
        }
    }

    /// Takes one thing that happened. Never waits.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = self.now.max(now);
        match input {
            Input::Opened { connection, peer } => self.opened(connection, peer),
            Input::Received { connection, bytes } => self.received(connection, bytes),
            Input::Sent { connection, bytes } => self.sent(connection, bytes),
            Input::Closed { connection } => self.lost(connection),
            Input::Persisted(batch) => self.persisted(batch),
            Input::LogStalled => self.log_stalled(),
            Input::Memory { is_short } => self.memory_is_short = is_short,
            Input::Forwarded { from, batch } => self.forwarded(from, batch),
            Input::Authenticated { connection, verdict } => self.authenticated(connection, verdict),
            Input::Publish(announcement) => self.announce(announcement),
            Input::Controlled { request, answer } => self.controlled(request, answer),
            Input::WakeUp => {}
            Input::Shutdown => self.shut_down(),
            Input::Disconnect { client_identifier, reason } => self.send_away(client_identifier, reason),
        }
        self.close_put_off();
        self.wake();
    }

    /// What is to be done next. Call until it answers [`Output::WakeAt`]; after that only a new input, or that time,
    /// brings more.
    pub fn poll(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        if let Some((to, batch)) = self.forwards.take() {
            return Output::Forward { to, batch };
        }
        if let Some((batch, records)) = self.journal.take_batch() {
            return Output::Persist { batch, records };
        }
        while let Some(id) = self.transmit.pop_front() {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.is_scheduled = false;
                if !connection.out.is_empty() {
                    return Output::Transmit(id);
                }
            }
        }
        Output::WakeAt(self.deadlines.next())
    }

    /// Pushes the unsent bytes of a connection, in order, for a vectored write.
    pub fn outgoing<'a>(&'a self, connection: ConnectionId, slices: &mut Vec<&'a [u8]>) {
        if let Some(connection) = self.connections.get(connection) {
            connection.out.slices(&self.turn, slices);
        }
    }

    /// Whether bytes of this connection are welcome. If not, leave them in the socket and ask again after the next turn.
    pub fn accepts(&self, connection: ConnectionId) -> bool {
        !self.is_behind()
            && self.connections.get(connection).is_some_and(|connection| {
                !connection.waits() && connection.out.len() <= self.config.limits.out_buffer_bytes_max
            })
    }

    /// Whether so much waits for the log that nobody is read from.
    pub(crate) fn is_behind(&self) -> bool {
        // While the log cannot be written to, what would need it is refused.
        !self.journal.is_stalled()
            && self.journal.unpersisted_bytes() > self.config.limits.unpersisted_bytes_max
    }

    /// Where a connection comes from; `None` if it is not known here, or not any more.
    pub fn peer(&self, connection: ConnectionId) -> Option<&Peer> {
        self.connections.get(connection).map(|connection| &connection.peer)
    }

    /// Ends a turn: what no socket took is set aside, and the memory of the turn is used again.
    pub fn end_turn(&mut self) {
        const TURN_BYTES_KEPT: usize = 1 << 20;
        for id in self.touched.drain(..) {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.out.settle(&self.turn);
            }
        }
        self.turn.clear();
        self.turn.shrink_to(TURN_BYTES_KEPT);
    }

    /// The counters.
    pub fn status(&self) -> Status {
        Status {
            connections: self.connections.len(),
            sessions: self.clients.len(),
            subscriptions: self.subscriptions.len(),
            shared_subscriptions: self.subscriptions.shared_len(),
            unpersisted_bytes: self.journal.unpersisted_bytes(),
            log_stalled: self.journal.is_stalled(),
            ..self.status
        }
    }

    /// How many messages wait in the Session of a Client Identifier, those on their way included; 0 if this shard has none.
    pub fn waiting_messages(&self, client_identifier: &str) -> usize {
        let session = self.clients.find(client_identifier).and_then(|session| self.clients.get(session));
        session.map_or(0, |session| session.queue.len() + session.state.outbound.len())
    }

    /// Up to `limit` subscriptions of this shard, client by client.
    pub fn subscription_facts(&self, limit: usize) -> Vec<SubscriptionFacts> {
        let sessions = self.clients.ids().into_iter().filter_map(|id| Some((id, self.clients.get(id)?)));
        sessions.flat_map(|(id, session)| self.subscriptions.facts(id, session)).take(limit).collect()
    }

    /// The log cannot be written to. QoS 0 messages do not wait for it any more, and those that do go before them.
    fn log_stalled(&mut self) {
        self.journal.stall();
        for id in self.connections.ids() {
            let held = self.connections.get_mut(id).and_then(|connection| connection.held.as_mut());
            for queued in held.map(|held| held.take_messages()).unwrap_or_default() {
                self.send_late(id, &queued);
            }
        }
    }

    /// What waited for these batches may be seen.
    fn persisted(&mut self, batch: BatchId) {
        let was_stalled = self.journal.persisted(batch);
        self.unsettled.release(|batch| self.journal.is_durable(batch));
        while let Some(id) = self.journal.next_freed() {
            self.free(id);
        }
        self.forwards.release(|batch| self.journal.is_durable(batch));
        if was_stalled {
            for session in self.clients.ids() {
                self.pump(session);
            }
        }
    }

    fn wake(&mut self) {
        while let Some(due) = self.deadlines.pop(self.now) {
            match due {
                Due::Connect(connection) => self.connect_timed_out(connection),
                Due::KeepAlive(connection) => self.check_keep_alive(connection),
                Due::Will(session) => self.will_due(session),
                Due::SessionExpiry(session) => self.session_expired(session),
                Due::RetainedSweep => self.sweep_retained(),
            }
        }
    }

    /// Asks for a write to a connection, once a turn.
    fn schedule(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id)
            && !connection.is_scheduled
        {
            connection.is_scheduled = true;
            self.transmit.push_back(id);
        }
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Notice(notice));
    }
}
