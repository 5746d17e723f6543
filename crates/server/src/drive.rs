//! The loop of a shard: sockets and clock on one side, the engine on the other.
//!
//! A shard is a thread with one event loop. It owns its connections and one [`Engine`]; nothing is shared with
//! other shards but their inboxes. A turn of the loop goes
//!
//! 1. wait for events, mail, or the time that the engine asked to be woken at;
//! 2. take the mail, accept, and read: each socket at most once, all together a bounded number of bytes, then those
//!    that are still in a handshake;
//! 3. drain the engine: forward to other shards, append to the log;
//! 4. write, one vectored write for each connection that has unsent bytes; then drain again, until nothing is new.
//!
//! The depth of the batch makes it fast: what arrived in one turn leaves in one write for each receiver.

mod incoming;
mod keeping;
mod opening;
mod outgoing;
mod patience;
mod telling;

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use martlet_engine::{BatchId, ConnectionId, Engine, Input, Instant, Peer, ShardId, Verdict};
use martlet_transport::{Acceptor, READ_BYTES_MAX, Scratch};
use martlet_wire::ReasonCode;
use mio::event::Event;
use mio::{Events, Poll, Token};

use self::patience::Patience;
use crate::auth::{Announcement, Entry, Guesses, Pool};
use crate::clock::Clock;
use crate::connections::{Connections, Flags};
use crate::control::ControlDoor;
use crate::doors::{Fabric, Members};
use crate::dynsec::Roster;
use crate::entrance::Entrance;
use crate::errors::EndError;
use crate::farewell::Farewells;
use crate::inbox::{HandedOver, Inboxes, Mail};
use crate::lobby::Lobby;
use crate::memory::MemoryLimit;
use crate::notices;
use crate::openings::Openings;
use crate::options::Wording;
use crate::persist::ShardLog;
use crate::porch::Porch;
use crate::readable::Readable;
use crate::reception::{Arrival, Reception};
use crate::seats::Seats;

/// Events that one wait brings at most; further ones come with the next.
const EVENTS_PER_TURN_MAX: usize = 1024;
/// Connections that one shard accepts in one turn.
const ACCEPTS_PER_TURN_MAX: usize = 64;
/// How long a shard that shuts down waits for its clients to have their last bytes.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(5);

/// What is left to do when the end was asked for.
struct WindingUp {
    /// A turn has begun since then: the one that went on may have begun before something came that the end came behind.
    has_begun_turn: bool,
    /// How long acknowledgements of what was sent are waited for.
    until: Instant,
}

/// The token of the inbox. A connection's token is its index in the slab, which never comes near.
pub(crate) const INBOX: Token = Token(usize::MAX);
/// The token of what announces other rules.
const RULES: Token = Token(usize::MAX - 1);

/// The token of a share of a listener, and the way back.
const fn door(number: usize) -> Token {
    Token(usize::MAX - 2 - number)
}

/// What a shard is made of.
pub(crate) struct Parts {
    pub(crate) id: ShardId,
    /// Where the waker of the shard's inbox is registered.
    pub(crate) poll: Poll,
    pub(crate) engine: Engine,
    /// The most connections that the shard takes.
    pub(crate) connections_max: usize,
    /// Those that all shards have together.
    pub(crate) seats: Arc<Seats>,
    /// How long acknowledgements are waited for when the broker shuts down.
    pub(crate) last_acknowledgements_time_max: Duration,
    /// How long the layers of a connection may take for their handshakes.
    pub(crate) handshake_time_max: Duration,
    pub(crate) clock: Clock,
    pub(crate) acceptors: Vec<(Arc<Entrance>, Acceptor)>,
    pub(crate) inboxes: Arc<Inboxes>,
    pub(crate) fabric: Box<dyn Fabric>,
    pub(crate) members: Arc<dyn Members>,
    /// The log, if anything has to survive.
    pub(crate) log: Option<ShardLog>,
    /// Whether clients wait until [`Mail::LetIn`].
    pub(crate) waits_to_let_in: bool,
    /// Whether other rules are about to come.
    pub(crate) rules_announced: Arc<Announcement>,
    /// Who finds out what takes long.
    pub(crate) auth: Arc<Pool>,
    /// From where wrong passwords come.
    pub(crate) guesses: Arc<Guesses>,
    /// Where requests to the broker go.
    pub(crate) control: ControlDoor,
    pub(crate) wording: Wording,
    /// Who has to know who is connected, if anyone.
    pub(crate) roster: Option<Arc<Roster>>,
    /// How much memory all shards may take.
    pub(crate) memory: Arc<MemoryLimit>,
    /// Where the shard tells how many connections it has.
    pub(crate) gauge: Arc<AtomicUsize>,
}

/// A shard on its thread.
pub(crate) struct Shard {
    parts: Parts,
    /// The time of this turn.
    now: Instant,
    connections: Connections,
    reception: Reception,
    porch: Porch,
    lobby: Lobby,
    readable: Readable,
    /// What a read fills; the same for all connections.
    read_buffer: Box<[u8]>,
    /// What the layers of connections work with.
    scratch: Scratch,
    /// Connections that have, or may have, unsent bytes that the socket takes.
    transmits: Vec<ConnectionId>,
    /// Connections that the engine closed in this round, with their last bytes.
    closes: Vec<(ConnectionId, Vec<u8>)>,
    openings: Openings,
    farewells: Farewells,
    /// Mail taken from the inbox and not yet handled.
    mail: VecDeque<Mail>,
    /// Connections that came from other shards and wait for [`Shard::take_over`].
    handed: VecDeque<HandedOver>,
    /// Connections that have to end when someone has got an answer.
    kicked: Vec<ConnectionId>,
    /// Mail is left, or may have come into the inbox since it was last emptied, without a further event.
    has_mail: bool,
    /// The events of this turn tell of a peer that has ended its direction.
    some_end: bool,
    /// An empty list whose memory is used again.
    spare_slices: Vec<&'static [u8]>,
    /// When the engine wants to be woken.
    wake_at: Option<Instant>,
    patience: Patience,
    /// The last turn ended before everything was drained.
    is_unfinished: bool,
    /// The newest batch that the log has told to be durable.
    durable: BatchId,
    /// The broker is about to shut down.
    winding_up: Option<WindingUp>,
    /// Set when the broker shuts down: when the shard ends at the latest.
    ends_at: Option<Instant>,
    counters: Counters,
}

/// What the loop did, for judging the depth of its batches.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    turns: u64,
    accepted: u64,
    reads: u64,
    writes: u64,
}

impl Shard {
    /// Puts a shard together.
    ///
    /// # Errors
    /// The operating system refuses to watch the listeners.
    pub(crate) fn new(mut parts: Parts) -> io::Result<Self> {
        let acceptors = core::mem::take(&mut parts.acceptors);
        let reception =
            Reception::open(acceptors, parts.poll.registry(), door, parts.wording, parts.waits_to_let_in)?;
        parts.rules_announced.watch(parts.poll.registry(), RULES)?;
        Ok(Self {
            now: parts.clock.now(),
            connections: Connections::new(Arc::clone(&parts.seats)),
            reception,
            porch: Porch::default(),
            lobby: Lobby::default(),
            readable: Readable::default(),
            read_buffer: vec![0; READ_BYTES_MAX].into(),
            scratch: Scratch::default(),
            transmits: Vec::new(),
            closes: Vec::new(),
            openings: Openings::new(parts.handshake_time_max),
            farewells: Farewells::default(),
            mail: VecDeque::new(),
            handed: VecDeque::new(),
            some_end: false,
            kicked: Vec::new(),
            has_mail: false,
            spare_slices: Vec::new(),
            wake_at: None,
            patience: Patience::default(),
            is_unfinished: true,
            durable: BatchId::default(),
            winding_up: None,
            ends_at: None,
            counters: Counters::default(),
            parts,
        })
    }

    /// Runs until the broker shuts down. Answers whether all is saved that has to survive.
    ///
    /// # Errors
    /// The operating system refuses to wait for events.
    pub(crate) fn run(mut self) -> io::Result<Result<(), EndError>> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN_MAX);
        while !self.has_ended() {
            let timeout = self.time_to_wait();
            match self.parts.poll.poll(&mut events, timeout) {
                Ok(()) => self.turn(&events),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.parts.gauge.store(0, Ordering::Relaxed);
        let is_saved = self.save_last();
        // Whoever waits for an answer waits in vain.
        self.mail.clear();
        self.parts.inboxes.take(self.parts.id, &mut self.mail);
        let Counters { turns, reads, writes, .. } = self.counters;
        let sent = self.parts.engine.status().publish_sent;
        tracing::debug!(shard = self.parts.id.0, turns, reads, writes, publish_sent = sent, "shard ended");
        Ok(if is_saved { Ok(()) } else { Err(EndError::NotSaved) })
    }

    fn turn(&mut self, events: &Events) {
        self.now = self.parts.clock.now();
        self.counters.turns += 1;
        if let Some(winding_up) = &mut self.winding_up {
            winding_up.has_begun_turn = true;
        }
        self.parts.engine.trace_packets(notices::wants_packets());
        for event in events {
            self.note(event);
        }
        let is_short = self.parts.memory.is_reached();
        self.parts.engine.handle(self.now, Input::Memory { is_short });
        let handed = self.handed.len();
        self.look_for_rules();
        self.read_ending();
        self.take_mail();
        self.accept();
        self.read();
        self.wind_up();
        self.take_over(handed);
        self.read_openings();
        if self.wake_at.is_some_and(|at| at <= self.now) {
            self.parts.engine.handle(self.now, Input::WakeUp);
        }
        self.flush();
        self.keep();
        self.end_overdue_openings();
        self.end_overdue_farewells();
        self.parts.gauge.store(self.connections.len(), Ordering::Relaxed);
    }

    /// Notes what an event tells; the work follows in the order of the turn.
    fn note(&mut self, event: &Event) {
        if event.token() == INBOX {
            return; // The mail is taken in every turn.
        }
        if event.token() == RULES {
            self.patience.hear();
            return;
        }
        let Some((id, connection)) =
            u32::try_from(event.token().0).ok().and_then(|index| self.connections.at(index))
        else {
            self.reception.ring(door(0).0.wrapping_sub(event.token().0));
            return;
        };
        if event.is_error() || event.is_read_closed() {
            connection.flags.set(Flags::ENDING);
            self.some_end = true;
        }
        if event.is_readable() || connection.flags.has(Flags::ENDING) {
            self.readable.push(id, &mut connection.flags);
        }
        if event.is_error() || (event.is_read_closed() && event.is_write_closed()) {
            connection.flags.set(Flags::BROKEN);
        } else if event.is_writable() && connection.flags.clear(Flags::BLOCKED) {
            self.transmits.push(id);
        }
    }

    fn take_mail(&mut self) {
        let takes_new = self.mail.is_empty();
        if takes_new {
            self.parts.inboxes.take(self.parts.id, &mut self.mail);
        }
        let mut left = incoming::BYTES_PER_TURN_MAX;
        while left > 0
            && let Some(mail) = self.mail.pop_front()
        {
            match mail {
                Mail::Forwarded { from, batch } => {
                    left = left.saturating_sub(batch.len());
                    self.parts.engine.handle(self.now, Input::Forwarded { from, batch: &batch });
                }
                Mail::HandedOver(handed) => {
                    left = left.saturating_sub(handed.received.len());
                    self.handed.push_back(handed);
                }
                Mail::Log(news) => self.hear_log(&news),
                Mail::Controlled { request, reply } => {
                    let answer = reply.answer();
                    self.parts.engine.handle(self.now, Input::Controlled { request, answer });
                }
                Mail::Publish(parcel) => left = left.saturating_sub(self.publish(&parcel)),
                Mail::Report(to) => self.report(&to),
                Mail::Authenticated { connection, peer, verdict } => {
                    self.note_guess(&peer, &verdict);
                    self.parts.engine.handle(self.now, Input::Authenticated { connection, verdict });
                }
                Mail::Rules(Some(access)) => self.parts.engine.replace_access(self.now, access),
                Mail::Rules(None) => {}
                Mail::Configured(config) => self.parts.engine.reconfigure(&config),
                Mail::Changed(kicked) => {
                    self.kicked
                        .extend(self.parts.engine.connections_of(|client| kicked.has(client.user_name)));
                }
                Mail::SendAway => {
                    for connection in core::mem::take(&mut self.kicked) {
                        self.parts.engine.end(self.now, connection, ReasonCode::AdministrativeAction);
                    }
                }
                Mail::LetIn => self.reception.let_in(),
                Mail::Save => self.save(),
                // Whoever asked may have stopped waiting.
                Mail::Waiting(name, to) => _ = to.send(self.parts.engine.waiting_messages(&name)),
                Mail::Subscriptions(to) => self.tell_subscriptions(&to),
                // Whoever asked may have stopped waiting.
                Mail::Pulse(answer) => _ = answer.send(()),
                Mail::Shutdown => {
                    let until = self.now + self.parts.last_acknowledgements_time_max;
                    self.winding_up.get_or_insert(WindingUp { has_begun_turn: false, until });
                }
            }
        }
        self.has_mail = !takes_new || !self.mail.is_empty();
    }

    /// Takes in the oldest connections that came from other shards.
    ///
    /// They came before this turn's events were asked for, and what these tell has been read. So a client that ends its
    /// connection with a DISCONNECT and then opens another is not found to be connected still.
    fn take_over(&mut self, count: usize) {
        for _ in 0..count {
            let Some(HandedOver { stream, peer, received }) = self.handed.pop_front() else { return };
            if self.ends_at.is_some() {
                continue; // Its client has been told nothing yet and will try elsewhere.
            }
            if let Some(connection) = self.open(stream, peer) {
                self.parts.engine.handle(self.now, Input::Received { connection, bytes: &received });
            }
        }
    }

    fn accept(&mut self) {
        self.seat_waiting();
        self.admit_guessers();
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            if self.reception.next(self.now).is_none() || self.rules_are_due() {
                return;
            }
            let Some(arrival) = self.reception.accept(self.now) else { return };
            self.counters.accepted += 1;
            match self.parts.guesses.at_door(self.now, &arrival.peer) {
                Entry::Now => self.seat(arrival),
                // One for whom there is no room is closed; the log tells of the address now and then.
                Entry::At(until) => _ = self.porch.enter(until, arrival),
                Entry::Never => {}
            }
        }
    }

    /// Lets those in who had to wait because of wrong passwords.
    fn admit_guessers(&mut self) {
        if self.porch.next().is_none_or(|at| at > self.now) || self.rules_are_due() {
            return;
        }
        while let Some(arrival) = self.porch.pop(self.now) {
            self.seat(arrival);
        }
    }

    /// Lets someone in who has come, if there is room.
    fn seat(&mut self, arrival: Arrival) {
        if self.connections.len() >= self.parts.connections_max {
            notices::log_crowded(&arrival.peer, self.parts.wording);
        } else if self.connections.take_seat(arrival.peer.listener) {
            self.admit(arrival.stream, arrival.peer);
        } else if let Err(arrival) = self.lobby.enter(self.now, arrival) {
            notices::log_crowded(&arrival.peer, self.parts.wording);
        }
    }

    /// Remembers from where a wrong password came, also if whoever sent it did not wait for the answer.
    fn note_guess(&self, peer: &Peer, verdict: &Verdict) {
        if let Verdict::Refuse(ReasonCode::NotAuthorized | ReasonCode::BadUserNameOrPassword) = verdict {
            self.parts.guesses.note(self.now, peer);
        }
    }

    /// Lets those in for whom there is a seat by now, and sends those away who have waited for too long.
    fn seat_waiting(&mut self) {
        loop {
            let has_seat = |arrival: &Arrival| self.connections.take_seat(arrival.peer.listener);
            let Some(Arrival { stream, peer }) = self.lobby.next_seated(has_seat) else { break };
            self.admit(stream, peer);
        }
        while let Some(arrival) = self.lobby.pop_overdue(self.now) {
            notices::log_crowded(&arrival.peer, self.parts.wording);
        }
    }

    /// Shuts down once what had come before the end was asked for is read, and what was sent is acknowledged: what is not comes
    /// again after the restart.
    fn wind_up(&mut self) {
        let Some(winding_up) = &self.winding_up else { return };
        if winding_up.has_begun_turn
            && self.ends_at.is_none()
            && (winding_up.until <= self.now || !self.parts.engine.awaits_acknowledgements())
        {
            self.shut_down();
        }
    }

    fn shut_down(&mut self) {
        if self.ends_at.is_some() {
            return;
        }
        self.ends_at = Some(self.now + SHUTDOWN_TIME_MAX);
        self.reception.close();
        self.porch.close();
        self.lobby.close();
        self.end_openings();
        self.parts.engine.handle(self.now, Input::Shutdown);
        for id in self.farewells.ids() {
            self.advance_farewell(id);
        }
    }

    fn has_ended(&self) -> bool {
        self.ends_at.is_some_and(|at| self.connections.is_empty() || at <= self.now)
    }

    /// How long nothing is to be done unless an event comes; `None` for ever.
    fn time_to_wait(&self) -> Option<Duration> {
        let waits = self.patience.until().is_some();
        let reads = self.can_read() || (!waits && !self.readable.opening.is_empty());
        let winding_up = self.winding_up.as_ref().filter(|_| self.ends_at.is_none());
        if winding_up.is_some_and(|it| !it.has_begun_turn)
            || self.is_unfinished
            || self.has_mail
            || !self.handed.is_empty()
            || reads
            || self.has_to_keep()
        {
            return Some(Duration::ZERO);
        }
        let now = self.parts.clock.now();
        let accepts = [self.reception.next(now), self.porch.next()].map(|at| at.filter(|_| !waits));
        [self.wake_at, self.patience.until(), self.openings.next(), self.farewells.next(), self.ends_at]
            .into_iter()
            .chain(accepts)
            .chain([self.lobby.next(now), winding_up.map(|it| it.until)])
            .flatten()
            .min()
            .map(|at| at.saturating_duration_since(now))
    }
}
