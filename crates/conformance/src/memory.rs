//! Several engines in one thread, with a clock that the test moves.
//!
//! Each shard is driven turn by turn as a driver does it: read what has arrived, take the inbox, wake up if it is time,
//! poll until nothing comes, write, end the turn. As with real sockets, reads may be split anywhere and writes may be
//! taken in part, mail and the answers of the log may come late, and a connection that nobody reads fills up: all from
//! one seed, which the environment variable `CONFORMANCE_SEED` changes.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use martlet_engine::{
    BatchId, Commons, ConnectionId, ControlAnswer, Engine, Input, Instant, Output, Peer, ShardId, Verdict,
};

use crate::access::TestAccess;
use crate::broker::{Network, Setup};
use crate::client::{Arrival, Link};
use crate::random::Random;

/// The time at which every test begins.
const START: Instant = Instant::from_millis(1_700_000_000_000);
/// How much the broker reads at once.
const READ_BYTES_MAX: usize = 64 << 10;
/// How much a client may leave unread before the broker's writes come to a stop.
const UNREAD_BYTES_MAX: usize = 4 << 20;
/// Turns after which engines that never come to rest fail the test.
const TURNS_MAX: usize = 1_000_000;
/// Calls of `WakeUp` at one instant after which an engine is thought to run in circles.
const WAKES_AT_ONE_INSTANT_MAX: usize = 100_000;

/// The engines and their clients.
pub(crate) struct Memory(Rc<RefCell<World>>);

struct World {
    now: Instant,
    shards: Vec<Shard>,
    pipes: Vec<Pipe>,
    random: Random,
    /// The shard that takes the next connection.
    accepts_next: usize,
}

/// An engine and what its driver keeps for it.
struct Shard {
    engine: Engine,
    slots: Vec<Slot>,
    inbox: VecDeque<Mail>,
    /// Batches that the log has and has not yet told.
    persisted: VecDeque<BatchId>,
    /// Connections with unsent bytes.
    unsent: BTreeSet<ConnectionId>,
    wake: Option<Instant>,
}

/// A place for a connection; the generation tells one user of the place from the next.
struct Slot {
    generation: u32,
    pipe: Option<usize>,
}

/// What comes to a shard from others than its sockets.
enum Mail {
    Forwarded { from: ShardId, batch: Vec<u8> },
    Connection { pipe: usize, received: Vec<u8> },
    Authenticated { connection: ConnectionId, verdict: Verdict },
}

/// The two byte streams of a connection.
#[derive(Default)]
struct Pipe {
    to_broker: VecDeque<u8>,
    to_client: Vec<u8>,
    /// The client closed; the broker learns it after the bytes.
    closed_by_client: bool,
    closed_by_broker: bool,
}

impl Pipe {
    /// What has arrived at the client.
    fn take(&mut self, buffer: &mut Vec<u8>) -> Arrival {
        if !self.to_client.is_empty() {
            buffer.append(&mut self.to_client);
            Arrival::Bytes
        } else if self.closed_by_broker || self.closed_by_client {
            Arrival::Closed
        } else {
            Arrival::Nothing
        }
    }
}

impl Memory {
    pub(crate) fn new(setup: &Setup) -> Self {
        let commons = Commons::new(setup.shards, &setup.config);
        let mut shards: Vec<Shard> = (0..setup.shards)
            .map(|shard| {
                let mut engine = Engine::new(setup.config.clone(), ShardId(shard), commons.clone());
                if setup.access {
                    engine = engine.with_access(Box::new(TestAccess));
                }
                Shard {
                    engine,
                    slots: Vec::new(),
                    inbox: VecDeque::new(),
                    persisted: VecDeque::new(),
                    unsent: BTreeSet::new(),
                    wake: None,
                }
            })
            .collect();
        for shard in &mut shards {
            shard.engine.restored(START, BatchId(0));
        }
        let random = Random::new(setup.config.seed ^ environment_seed());
        let world = World { now: START, shards, pipes: Vec::new(), random, accepts_next: 0 };
        Self(Rc::new(RefCell::new(world)))
    }
}

impl Network for Memory {
    fn open(&mut self) -> Box<dyn Link> {
        let pipe = self.0.borrow_mut().open();
        Box::new(MemoryLink { world: self.0.clone(), pipe })
    }

    fn advance(&mut self, duration: Duration) {
        self.0.borrow_mut().advance(duration);
    }

    fn settle(&mut self) {
        self.0.borrow_mut().pump();
    }

    fn turn(&mut self, passing: Duration) {
        let mut world = self.0.borrow_mut();
        world.now = world.now + passing;
        for index in 0..world.shards.len() {
            world.turn(index);
        }
    }

    fn connections(&mut self) -> usize {
        let mut world = self.0.borrow_mut();
        world.pump();
        world.shards.iter().map(|shard| shard.engine.status().connections).sum()
    }

    fn shut_down(&mut self) {
        let mut world = self.0.borrow_mut();
        world.pump();
        let now = world.now;
        for shard in &mut world.shards {
            shard.engine.handle(now, Input::Shutdown);
        }
        world.pump();
    }
}

/// A client's end in memory.
struct MemoryLink {
    world: Rc<RefCell<World>>,
    pipe: usize,
}

impl Link for MemoryLink {
    fn write(&mut self, bytes: &[u8]) {
        let pipe = &mut self.world.borrow_mut().pipes[self.pipe];
        if !pipe.closed_by_client && !pipe.closed_by_broker {
            pipe.to_broker.extend(bytes);
        }
    }

    fn read(&mut self, buffer: &mut Vec<u8>) -> Arrival {
        let mut world = self.world.borrow_mut();
        world.pump();
        world.pipes[self.pipe].take(buffer)
    }

    fn poll(&mut self, buffer: &mut Vec<u8>) -> Arrival {
        self.world.borrow_mut().pipes[self.pipe].take(buffer)
    }

    fn close(&mut self) {
        let mut world = self.world.borrow_mut();
        world.pipes[self.pipe].closed_by_client = true;
        world.pump();
    }

    fn abort(&mut self) {
        let mut world = self.world.borrow_mut();
        let world = &mut *world;
        let pipe = &mut world.pipes[self.pipe];
        let arrives = world.random.below(pipe.to_broker.len() + 1);
        pipe.to_broker.truncate(arrives);
        pipe.to_client = Vec::new();
        pipe.closed_by_client = true;
    }
}

impl Drop for MemoryLink {
    fn drop(&mut self) {
        if let Ok(mut world) = self.world.try_borrow_mut() {
            world.pipes[self.pipe].closed_by_client = true;
        }
    }
}

impl World {
    fn open(&mut self) -> usize {
        self.pipes.push(Pipe::default());
        let (pipe, shard) = (self.pipes.len() - 1, self.accepts_next);
        self.accepts_next = (shard + 1) % self.shards.len();
        self.shards[shard].inbox.push_back(Mail::Connection { pipe, received: Vec::new() });
        pipe
    }

    /// Moves the clock, and stops at every time at which a shard wants to be woken.
    fn advance(&mut self, duration: Duration) {
        self.pump();
        let target = self.now + duration;
        let mut wakes_here = 0;
        while let Some(due) = self.shards.iter().filter_map(|shard| shard.wake).min()
            && due <= target
        {
            if due > self.now {
                self.now = due;
                wakes_here = 0;
            }
            wakes_here += 1;
            assert!(wakes_here < WAKES_AT_ONE_INSTANT_MAX, "an engine wants to be woken again and again");
            for index in 0..self.shards.len() {
                if self.shards[index].wake.is_some_and(|wake| wake <= self.now) {
                    self.turn(index);
                }
            }
            self.pump();
        }
        self.now = target;
        self.pump();
    }

    /// Runs turns until nothing moves any more.
    fn pump(&mut self) {
        for _ in 0..TURNS_MAX {
            let mut moved = false;
            for index in 0..self.shards.len() {
                moved |= self.turn(index);
            }
            if !moved {
                return;
            }
        }
        panic!("the engines do not come to rest");
    }

    /// One turn of one shard; whether anything happened.
    fn turn(&mut self, index: usize) -> bool {
        let mut moved = self.read(index);
        moved |= self.take_inbox(index);
        moved |= self.answer_log(index);
        let shard = &mut self.shards[index];
        if shard.wake.is_some_and(|wake| wake <= self.now) {
            shard.engine.handle(self.now, Input::WakeUp);
        }
        self.poll(index);
        let mut full = BTreeSet::new();
        while self.write(index, &mut full) {
            moved = true;
            self.poll(index);
        }
        let shard = &mut self.shards[index];
        shard.engine.end_turn();
        shard.unsent.append(&mut full);
        moved || !shard.persisted.is_empty() || !shard.inbox.is_empty()
    }

    /// Hands the engine what its connections have received, and tells it who has closed.
    fn read(&mut self, index: usize) -> bool {
        let shard = &mut self.shards[index];
        let mut moved = false;
        for place in 0..shard.slots.len() {
            let Some(pipe) = shard.slots[place].pipe else { continue };
            let pipe = &mut self.pipes[pipe];
            let connection = connection_id(place, shard.slots[place].generation);
            let stuck = !shard.engine.accepts(connection);
            if !pipe.to_broker.is_empty() && !stuck {
                let mut bytes = pipe.to_broker.len().min(READ_BYTES_MAX);
                if self.random.one_in(4) {
                    bytes = 1 + self.random.below(bytes);
                }
                let bytes: Vec<u8> = pipe.to_broker.drain(..bytes).collect();
                shard.engine.handle(self.now, Input::Received { connection, bytes: &bytes });
                moved = true;
            } else if pipe.closed_by_client
                && (pipe.to_broker.is_empty() || shard.unsent.contains(&connection))
            {
                // A stream ends behind its last byte; a write to a client that is gone fails earlier.
                shard.engine.handle(self.now, Input::Closed { connection });
                shard.free(connection);
                moved = true;
            }
        }
        moved
    }

    fn take_inbox(&mut self, index: usize) -> bool {
        let shard = &mut self.shards[index];
        let mut moved = false;
        // A driver takes a bounded amount of mail in a turn.
        let mut most = if self.random.one_in(4) { 1 + self.random.below(3) } else { usize::MAX };
        while most > 0
            && let Some(mail) = shard.inbox.pop_front()
        {
            most -= 1;
            moved = true;
            match mail {
                Mail::Forwarded { from, batch } => {
                    shard.engine.handle(self.now, Input::Forwarded { from, batch: &batch });
                }
                Mail::Connection { pipe, received } => {
                    let connection = shard.place(pipe);
                    let peer = Peer::default();
                    shard.engine.handle(self.now, Input::Opened { connection, peer });
                    if !received.is_empty() {
                        shard.engine.handle(self.now, Input::Received { connection, bytes: &received });
                    }
                }
                Mail::Authenticated { connection, verdict } => {
                    shard.engine.handle(self.now, Input::Authenticated { connection, verdict });
                }
            }
        }
        moved
    }

    /// Tells the engine what the log has. The log may be slow, and may tell of several batches by the last of them.
    fn answer_log(&mut self, index: usize) -> bool {
        let shard = &mut self.shards[index];
        if shard.persisted.is_empty() || self.random.one_in(3) {
            return false;
        }
        let told = if self.random.one_in(2) { shard.persisted.len() - 1 } else { 0 };
        for batch in shard.persisted.drain(..).skip(told) {
            shard.engine.handle(self.now, Input::Persisted(batch));
        }
        true
    }

    /// Takes the engine's outputs until there are none.
    fn poll(&mut self, index: usize) {
        loop {
            let from = ShardId(u16::try_from(index).expect("few shards"));
            let shard = &mut self.shards[index];
            match shard.engine.poll() {
                Output::Transmit(connection) => {
                    shard.unsent.insert(connection);
                }
                Output::Close { connection, farewell } => {
                    if let Some(pipe) = shard.free(connection) {
                        let pipe = &mut self.pipes[pipe];
                        pipe.to_client.extend(farewell);
                        pipe.closed_by_broker = true;
                    }
                }
                Output::HandOver { connection, shard: target, received, .. } => {
                    if let Some(pipe) = shard.free(connection) {
                        assert_ne!(target, from, "a hand-over goes to another shard");
                        let target = &mut self.shards[usize::from(target.0)];
                        target.inbox.push_back(Mail::Connection { pipe, received });
                    }
                }
                Output::Persist { batch, .. } => {
                    shard.persisted.push_back(batch);
                    if self.random.one_in(2) {
                        self.answer_log(index);
                    }
                }
                Output::Forward { to, batch } => {
                    assert_ne!(to, from, "a shard forwards to others only");
                    self.shards[usize::from(to.0)].inbox.push_back(Mail::Forwarded { from, batch });
                }
                Output::Authenticate { connection, question } => {
                    let verdict = TestAccess::verdict(&question);
                    shard.inbox.push_back(Mail::Authenticated { connection, verdict });
                }
                Output::Control(request) => {
                    let answer = ControlAnswer::Unavailable;
                    shard.engine.handle(self.now, Input::Controlled { request: request.id, answer });
                }
                Output::Notice(_) => {}
                Output::WakeAt(wake) => {
                    shard.wake = wake;
                    return;
                }
            }
        }
    }

    /// Writes once to every connection with unsent bytes; whether anything was taken. A connection that takes only
    /// a part is full until the next turn.
    fn write(&mut self, index: usize, full: &mut BTreeSet<ConnectionId>) -> bool {
        let shard = &mut self.shards[index];
        let mut moved = false;
        for connection in core::mem::take(&mut shard.unsent) {
            let Some(pipe) = shard.pipe(connection) else { continue };
            if full.contains(&connection) {
                continue;
            }
            let pipe = &mut self.pipes[pipe];
            let mut slices = Vec::new();
            shard.engine.outgoing(connection, &mut slices);
            let bytes = slices.concat();
            if bytes.is_empty() {
                continue;
            }
            let room = UNREAD_BYTES_MAX.saturating_sub(pipe.to_client.len());
            let mut taken = if pipe.closed_by_client { 0 } else { bytes.len().min(room) };
            if taken > 1 && self.random.one_in(4) {
                taken = 1 + self.random.below(taken);
            }
            pipe.to_client.extend_from_slice(&bytes[..taken]);
            if taken < bytes.len() {
                full.insert(connection);
            }
            if taken > 0 {
                shard.engine.handle(self.now, Input::Sent { connection, bytes: taken });
                moved = true;
            }
        }
        moved
    }
}

impl Shard {
    /// Finds a place for a connection.
    fn place(&mut self, pipe: usize) -> ConnectionId {
        let free = self.slots.iter().position(|slot| slot.pipe.is_none());
        let place = free.unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, pipe: None });
            self.slots.len() - 1
        });
        let slot = &mut self.slots[place];
        slot.generation += 1;
        slot.pipe = Some(pipe);
        connection_id(place, slot.generation)
    }

    /// The pipe of a connection, unless it is gone.
    fn pipe(&self, connection: ConnectionId) -> Option<usize> {
        let slot = self.slots.get(usize::try_from(connection.index).ok()?)?;
        if slot.generation == connection.generation { slot.pipe } else { None }
    }

    /// Gives a place free, and returns its pipe.
    fn free(&mut self, connection: ConnectionId) -> Option<usize> {
        let pipe = self.pipe(connection)?;
        self.slots[usize::try_from(connection.index).ok()?].pipe = None;
        self.unsent.remove(&connection);
        Some(pipe)
    }
}

/// What `CONFORMANCE_SEED` says, to repeat all tests with other accidents of reading, writing and logging.
fn environment_seed() -> u64 {
    std::env::var("CONFORMANCE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0)
}

fn connection_id(place: usize, generation: u32) -> ConnectionId {
    ConnectionId { index: u32::try_from(place).expect("few connections"), generation }
}
