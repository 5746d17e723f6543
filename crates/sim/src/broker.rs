//! The broker under test: engines as shards, the mail between them, their logs, and the driver of each.
//!
//! A turn of a shard goes as the engine's documentation says. What chance decides is when a turn comes, how much is read
//! from a socket, in which order the inputs of a turn are taken, how long mail and log take, and how much a socket takes
//! at once. Everything that goes in and comes out passes the judge.

use std::collections::{BTreeSet, VecDeque};

use martlet_engine::{
    Access, BatchId, Commons, Config, ConnectionId, Decision, Engine, Input, Instant, Notice, Output, Peer,
    ShardId, Status, Verdict, shard_of,
};
use martlet_wire::{Connect, ProtocolVersion, ReasonCode};

use crate::checker::{ASKING_USER, Checker};
use crate::clock::Millis;
use crate::network::{LinkId, Network, Place};
use crate::random::Random;
use crate::sabotage::Saboteur;

/// The wall time at which every run begins.
const START: Millis = 1_700_000_000_000;

/// How fast the insides of the broker are.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    /// How long the log takes at most for a batch.
    pub(crate) log_max: Millis,
    /// In how many of a thousand cases the log takes much longer.
    pub(crate) stall_permille: u64,
    /// How long mail between shards takes at most.
    pub(crate) mail_max: Millis,
    /// How long a shard is busy with other things between two turns, at most.
    pub(crate) busy_max: Millis,
    /// How many bytes are read from a socket at once, at most.
    pub(crate) read_max: usize,
}

impl Pace {
    pub(crate) fn from_seed(random: &mut Random) -> Self {
        Self {
            log_max: *random.pick(&[0, 2, 20, 200]),
            stall_permille: *random.pick(&[0, 0, 5]),
            mail_max: *random.pick(&[0, 1, 10, 100]),
            busy_max: *random.pick(&[0, 3, 10]),
            read_max: *random.pick(&[16, 500, 65_536]),
        }
    }

    /// Everything is done at once.
    pub(crate) fn calm() -> Self {
        Self { log_max: 0, stall_permille: 0, mail_max: 0, busy_max: 0, read_max: 65_536 }
    }
}

/// What surrounds the broker.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) network: Network,
    pub(crate) checker: Checker,
    pub(crate) saboteur: Saboteur,
    pub(crate) random: Random,
    pub(crate) pace: Pace,
    /// Connections on which the broker wrote or which it closed: their clients may have something to read.
    pub(crate) written: BTreeSet<LinkId>,
}

/// All shards.
#[derive(Debug)]
pub(crate) struct Broker {
    shards: Vec<Shard>,
    accepts_next: usize,
}

#[derive(Debug)]
struct Shard {
    engine: Engine,
    slots: Vec<Slot>,
    inbox: VecDeque<(Millis, Mail)>,
    log: VecDeque<(Millis, BatchId)>,
    verdicts: VecDeque<(Millis, ConnectionId)>,
    /// When the engine wants to be woken.
    wake: Option<Millis>,
    /// When the shard has time for its next turn.
    free_at: Millis,
    /// The next turn, as it is planned.
    turn_at: Option<Millis>,
    /// Connections with unsent bytes.
    blocked: BTreeSet<ConnectionId>,
    /// Where its clock stands, if it does.
    stands_at: Option<Millis>,
}

/// A place for a connection.
#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    link: Option<LinkId>,
    /// The connection that was here last, for notices that come late.
    last: Option<LinkId>,
    /// How many of the unsent bytes the judge has seen.
    shown: usize,
    /// Altered bytes that wait for the socket; only under sabotage.
    altered: Vec<u8>,
}

#[derive(Debug)]
enum Mail {
    Connection {
        link: LinkId,
        received: Vec<u8>,
    },
    Forwarded {
        from: ShardId,
        batch: Vec<u8>,
    },
    /// An operator sends a client away.
    SendAway(String),
}

/// Lets everyone in, some after a question.
struct Doorkeeper;

impl Access for Doorkeeper {
    fn connect(&mut self, _peer: &Peer, connect: &Connect<'_>) -> Decision {
        if connect.user_name == Some(ASKING_USER) { Decision::Ask } else { Decision::Accept }
    }
}

impl Broker {
    pub(crate) fn new(shards: u16, config: &Config) -> Self {
        let commons = Commons::new(shards, config);
        let shards = (0..shards).map(|shard| Shard {
            engine: Engine::new(config.clone(), ShardId(shard), commons.clone())
                .with_access(Box::new(Doorkeeper)),
            slots: Vec::new(),
            inbox: VecDeque::new(),
            log: VecDeque::new(),
            verdicts: VecDeque::new(),
            wake: None,
            free_at: 0,
            turn_at: None,
            blocked: BTreeSet::new(),
            stands_at: None,
        });
        let mut shards: Vec<Shard> = shards.collect();
        for shard in &mut shards {
            shard.engine.restored(Instant::from_millis(START), BatchId(0));
        }
        Self { shards, accepts_next: 0 }
    }

    /// A client opens a connection: some shard accepts it.
    pub(crate) fn accept(&mut self, now: Millis, link: LinkId) {
        let shard = self.accepts_next;
        self.accepts_next = (shard + 1) % self.shards.len();
        self.shards[shard].inbox_push(now, Mail::Connection { link, received: Vec::new() });
    }

    /// An operator sends a client away.
    pub(crate) fn send_away(&mut self, now: Millis, name: &str) {
        let shards = u16::try_from(self.shards.len()).unwrap_or(u16::MAX);
        let shard = usize::from(shard_of(name, shards));
        self.shards[shard].inbox_push(now, Mail::SendAway(name.to_owned()));
    }

    /// The turns that are to be planned: each shard with its time.
    pub(crate) fn plan(&mut self, now: Millis, around: &mut Surroundings) -> Vec<(usize, Millis)> {
        let mut turns = Vec::new();
        for (number, shard) in self.shards.iter_mut().enumerate() {
            let Some(ready) = shard.ready_at(now, number, around) else { continue };
            let at = ready.max(shard.free_at).max(now);
            if shard.turn_at.is_none_or(|planned| planned > at) {
                shard.turn_at = Some(at);
                turns.push((number, at));
            }
        }
        turns
    }

    /// Runs a turn of a shard, if it is still planned for this time.
    pub(crate) fn turn(&mut self, now: Millis, number: usize, around: &mut Surroundings) {
        let shard = &mut self.shards[number];
        if shard.turn_at != Some(now) {
            return;
        }
        shard.turn_at = None;
        shard.free_at = now + around.random.between(0, around.pace.busy_max);
        if around.saboteur.stops_clock(number) {
            shard.stands_at.get_or_insert(now);
        }
        let mut turn = Turn { broker: self, number, now, around, transmits: Vec::new() };
        turn.run();
    }

    /// The counters of all shards.
    pub(crate) fn statuses(&self) -> Vec<Status> {
        self.shards.iter().map(|shard| shard.engine.status()).collect()
    }

    /// Whether nothing is on its way inside the broker.
    pub(crate) fn is_quiet(&self) -> bool {
        self.shards.iter().all(|shard| {
            shard.inbox.is_empty()
                && shard.log.is_empty()
                && shard.verdicts.is_empty()
                && shard.blocked.is_empty()
        })
    }
}

impl Shard {
    fn inbox_push(&mut self, at: Millis, mail: Mail) {
        let at = self.inbox.back().map_or(at, |(last, _)| at.max(*last));
        self.inbox.push_back((at, mail));
    }

    /// When there is something to do.
    fn ready_at(&self, now: Millis, number: usize, around: &mut Surroundings) -> Option<Millis> {
        let mail = self.inbox.front().map(|(at, _)| *at);
        let verdict = self.verdicts.front().map(|(at, _)| *at);
        let log = if around.saboteur.stops_log(number) { None } else { self.log.front().map(|(at, _)| *at) };
        let wake = if self.stands_at.is_some() { None } else { self.wake };
        let mut ready = [mail, verdict, log, wake].into_iter().flatten().min();
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(id) = slot.link else { continue };
            let connection = connection_id(index, slot.generation);
            let link = around.network.link(id);
            let at = if link.up.has_bytes(now) {
                (self.engine.accepts(connection) || link.up.is_reset(now, link.is_reset)).then_some(now)
            } else {
                link.up.next()
            };
            let writable = (self.blocked.contains(&connection) && link.takes_more()).then_some(now);
            ready = [ready, at, writable].into_iter().flatten().min();
        }
        ready
    }

    fn time(&self, now: Millis) -> Instant {
        Instant::from_millis(START + self.stands_at.unwrap_or(now))
    }
}

fn connection_id(index: usize, generation: u32) -> ConnectionId {
    ConnectionId { index: u32::try_from(index).unwrap_or(u32::MAX), generation }
}

/// One turn of one shard.
struct Turn<'a> {
    broker: &'a mut Broker,
    number: usize,
    now: Millis,
    around: &'a mut Surroundings,
    /// Connections that the engine wants to write to.
    transmits: Vec<ConnectionId>,
}

impl Turn<'_> {
    fn run(&mut self) {
        self.note_unread();
        self.around.checker.advance(self.now);
        let first = self.around.random.below(4);
        for step in 0..4 {
            match (first + step) % 4 {
                0 => self.take_mail(),
                1 => self.take_log(),
                2 => self.take_verdicts(),
                _ => self.read(),
            }
        }
        if self.shard().wake.is_some_and(|at| at <= self.now) {
            self.handle(Input::WakeUp);
        }
        self.drain();
        self.shard().engine.end_turn();
    }

    fn note_unread(&mut self) {
        let shard = &self.broker.shards[self.number];
        for (index, slot) in shard.slots.iter().enumerate() {
            if let Some(link) = slot.link
                && !shard.engine.accepts(connection_id(index, slot.generation))
            {
                self.around.checker.unread(self.now, link);
            }
        }
    }

    fn shard(&mut self) -> &mut Shard {
        &mut self.broker.shards[self.number]
    }

    fn handle(&mut self, input: Input<'_>) {
        let shard = &mut self.broker.shards[self.number];
        shard.engine.handle(shard.time(self.now), input);
    }

    fn take_mail(&mut self) {
        let now = self.now;
        while self.shard().inbox.front().is_some_and(|(at, _)| *at <= now) {
            match self.shard().inbox.pop_front() {
                Some((_, Mail::Forwarded { from, batch })) => {
                    self.handle(Input::Forwarded { from, batch: &batch });
                }
                Some((_, Mail::SendAway(name))) => self.handle(Input::Disconnect {
                    client_identifier: &name,
                    reason: ReasonCode::AdministrativeAction,
                }),
                Some((_, Mail::Connection { link, received })) => self.open(link, &received),
                None => {}
            }
        }
    }

    fn open(&mut self, link: LinkId, received: &[u8]) {
        let shard = self.shard();
        let index = shard.slots.iter().position(|slot| slot.link.is_none()).unwrap_or_else(|| {
            shard.slots.push(Slot::default());
            shard.slots.len() - 1
        });
        let slot = &mut shard.slots[index];
        *slot =
            Slot { generation: slot.generation + 1, link: Some(link), last: Some(link), ..Slot::default() };
        let connection = connection_id(index, slot.generation);
        self.around.network.link(link).place = Some(Place { shard: self.number, connection });
        self.around.checker.opened(link, self.number);
        self.handle(Input::Opened { connection, peer: Peer::default() });
        if !received.is_empty() {
            self.receive(connection, link, received);
        }
    }

    fn receive(&mut self, connection: ConnectionId, link: LinkId, bytes: &[u8]) {
        self.around.checker.received(link, bytes);
        let version = self.around.checker.version(link);
        let bytes = self.around.saboteur.input(link, version, bytes);
        self.handle(Input::Received { connection, bytes: &bytes });
    }

    fn take_log(&mut self) {
        let (now, number) = (self.now, self.number);
        if self.around.saboteur.stops_log(number) {
            return;
        }
        while self.shard().log.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, batch)) = self.shard().log.pop_front() {
                self.handle(Input::Persisted(batch));
            }
        }
    }

    fn take_verdicts(&mut self) {
        let now = self.now;
        while self.shard().verdicts.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, connection)) = self.shard().verdicts.pop_front() else { return };
            if let Some(link) = self.link_of(connection) {
                self.around.checker.verdict(link);
                self.handle(Input::Authenticated { connection, verdict: Verdict::Accept { data: None } });
            }
        }
    }

    /// The link of a connection that is still there.
    fn link_of(&mut self, connection: ConnectionId) -> Option<LinkId> {
        let slot = self.shard().slots.get(connection.index as usize)?;
        slot.link.filter(|_| slot.generation == connection.generation)
    }

    fn read(&mut self) {
        for index in 0..self.shard().slots.len() {
            let slot = &self.broker.shards[self.number].slots[index];
            let Some(id) = slot.link else { continue };
            let connection = connection_id(index, slot.generation);
            let accepts = self.broker.shards[self.number].engine.accepts(connection);
            let link = self.around.network.link(id);
            if link.up.is_at_end(self.now) || link.up.is_reset(self.now, link.is_reset) {
                self.lose(connection, id);
            } else if accepts && link.up.has_bytes(self.now) {
                let most = self.around.random.len(1, self.around.pace.read_max);
                let bytes = self.around.network.link(id).up.read(self.now, most);
                self.receive(connection, id, &bytes);
            }
        }
    }

    fn lose(&mut self, connection: ConnectionId, id: LinkId) {
        self.poll(); // the engine may have closed it in this very turn
        if self.link_of(connection).is_none() {
            return;
        }
        self.show(connection, id);
        self.around.checker.closed_by_network(id);
        self.around.network.link(id).place = None;
        self.shard().slots[connection.index as usize].link = None;
        self.shard().blocked.remove(&connection);
        if !self.around.saboteur.hides_loss() {
            self.handle(Input::Closed { connection });
        }
    }

    /// Polls and writes until nothing is new.
    fn drain(&mut self) {
        const ROUNDS_MAX: usize = 100_000;
        let blocked: Vec<ConnectionId> = self.shard().blocked.iter().copied().collect();
        self.transmits.extend(blocked);
        for _ in 0..ROUNDS_MAX {
            self.poll();
            if self.transmits.is_empty() {
                return;
            }
            for connection in core::mem::take(&mut self.transmits) {
                self.write(connection);
            }
        }
        self.around.checker.fail("a shard does not come to rest");
    }

    fn poll(&mut self) {
        let (now, number) = (self.now, self.number);
        loop {
            match self.shard().engine.poll() {
                Output::Transmit(connection) => self.transmits.push(connection),
                Output::Close { connection, farewell } => self.close(connection, &farewell),
                Output::HandOver { connection, shard, received, .. } => {
                    if let Some(link) = self.link_of(connection) {
                        self.shard().slots[connection.index as usize].link = None;
                        self.around.network.link(link).place = None;
                        self.mail(usize::from(shard.0), Mail::Connection { link, received });
                    }
                }
                Output::Persist { batch, .. } => self.persist(batch),
                Output::Forward { to, batch } => {
                    let from = ShardId(u16::try_from(number).unwrap_or(u16::MAX));
                    let to = usize::from(to.0);
                    for batch in self.around.saboteur.forward(to, batch) {
                        self.mail(to, Mail::Forwarded { from, batch });
                    }
                }
                Output::Authenticate { connection, .. } => {
                    let at = now + self.around.random.between(0, self.around.pace.log_max);
                    let verdicts = &mut self.shard().verdicts;
                    let at = verdicts.back().map_or(at, |(last, _)| at.max(*last));
                    verdicts.push_back((at, connection));
                }
                Output::Notice(notice) => self.notice(&notice),
                Output::WakeAt(at) => {
                    self.shard().wake = at.map(|at| at.as_millis().saturating_sub(START));
                    return;
                }
            }
        }
    }

    fn mail(&mut self, to: usize, mail: Mail) {
        let at = self.now + self.around.random.between(0, self.around.pace.mail_max);
        self.broker.shards[to].inbox_push(at, mail);
    }

    fn persist(&mut self, batch: BatchId) {
        let pace = &self.around.pace;
        let longest = if self.around.random.below(1000) < pace.stall_permille { 3000 } else { pace.log_max };
        let at = self.now + self.around.random.between(0, longest);
        if self.around.saboteur.persists_early() {
            self.handle(Input::Persisted(batch));
        }
        let log = &mut self.shard().log;
        let at = log.back().map_or(at, |(last, _)| at.max(*last));
        log.push_back((at, batch));
    }

    fn notice(&mut self, notice: &Notice) {
        let link = match notice {
            Notice::Connected { connection, .. } | Notice::Disconnected { connection, .. } => {
                self.shard().slots.get(connection.index as usize).and_then(|slot| slot.last)
            }
            _ => None,
        };
        self.around.checker.notice(link, notice);
    }

    fn close(&mut self, connection: ConnectionId, farewell: &[u8]) {
        let Some(link) = self.link_of(connection) else { return };
        let version = self.around.checker.version(link);
        let slot = &mut self.shard().slots[connection.index as usize];
        let shown = slot.shown.min(farewell.len());
        let mut last = farewell.to_vec();
        if self.around.saboteur.is_at_output() {
            let new = self.around.saboteur.output(link, version, farewell);
            let slot = &mut self.shard().slots[connection.index as usize];
            last = core::mem::take(&mut slot.altered);
            last.extend_from_slice(&new);
            self.around.checker.sent(link, &new);
        } else {
            self.around.checker.sent(link, &farewell[shown..]);
        }
        self.around.checker.closed_by_broker(link);
        self.shard().slots[connection.index as usize].link = None;
        self.shard().blocked.remove(&connection);
        self.around.network.finish_down(self.now, link, &last);
        self.around.written.insert(link);
    }

    fn unsent(&mut self, connection: ConnectionId) -> Vec<u8> {
        let mut slices = Vec::new();
        self.shard().engine.outgoing(connection, &mut slices);
        slices.concat()
    }

    /// Shows the judge what the engine has added to the unsent bytes of a connection.
    fn show(&mut self, connection: ConnectionId, link: LinkId) -> Vec<u8> {
        let unsent = self.unsent(connection);
        let index = connection.index as usize;
        if self.around.saboteur.is_at_output() {
            let version: ProtocolVersion = self.around.checker.version(link);
            let altered = self.around.saboteur.output(link, version, &unsent);
            self.around.checker.sent(link, &altered);
            self.shard().slots[index].altered.extend_from_slice(&altered);
            self.handle(Input::Sent { connection, bytes: unsent.len() });
            return self.shard().slots[index].altered.clone();
        }
        let shown = core::mem::replace(&mut self.shard().slots[index].shown, unsent.len());
        self.around.checker.sent(link, &unsent[shown.min(unsent.len())..]);
        unsent
    }

    fn write(&mut self, connection: ConnectionId) {
        let Some(link) = self.link_of(connection) else { return };
        let unsent = self.show(connection, link);
        let taken = self.around.network.send_down(self.now, link, &unsent);
        if taken > 0 {
            self.around.written.insert(link);
        }
        let slot = &mut self.broker.shards[self.number].slots[connection.index as usize];
        if self.around.saboteur.is_at_output() {
            slot.altered.drain(..taken);
        } else {
            slot.shown -= taken;
            if taken > 0 {
                self.handle(Input::Sent { connection, bytes: taken });
            }
        }
        let is_blocked = taken < unsent.len();
        let blocked = &mut self.shard().blocked;
        if is_blocked {
            blocked.insert(connection);
        } else {
            blocked.remove(&connection);
        }
    }
}
