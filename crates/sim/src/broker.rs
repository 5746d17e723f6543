//! The broker under test: engines as shards, the mail between them, their logs, and the driver of each.
//!
//! A turn of a shard goes as the engine's documentation says. What chance decides is when a turn comes, how much is read
//! from a socket, in which order the inputs of a turn are taken, how long mail and log take, and how much a socket takes
//! at once. Everything that goes in and comes out passes the judge.

mod keeper;
mod start;
mod turn;

use std::collections::{BTreeSet, VecDeque};

use martlet_engine::{Access, ConnectionId, Decision, Engine, Instant, Peer, ShardId, Status, shard_of};
use martlet_store::{MemoryDisk, Store};
use martlet_wire::Connect;

use crate::Disk;
use crate::checker::{ASKING_USER, Checker};
use crate::clock::Millis;
use crate::ledger::Ledger;
use crate::network::{LinkId, Network};
use crate::random::Random;
use crate::sabotage::Saboteur;
use keeper::{Job, Keeper, News};
pub(crate) use start::Setup;
use turn::Turn;

/// The wall time at which every run begins.
const START: Millis = 1_700_000_000_000;

/// How fast the insides of the broker are.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    /// How long the log takes at most for a sync.
    pub(crate) log_max: Millis,
    /// In how many of a thousand cases the log takes much longer.
    pub(crate) stall_permille: u64,
    /// How long mail between shards takes at most.
    pub(crate) mail_max: Millis,
    /// How long a shard is busy with other things between two turns, at most.
    pub(crate) busy_max: Millis,
    /// How many bytes are read from a socket at once, at most.
    pub(crate) read_max: usize,
    /// In how many of a thousand turns a checkpoint begins.
    pub(crate) checkpoint_permille: u64,
    /// Bytes of a part of a checkpoint.
    pub(crate) part_bytes: usize,
}

impl Pace {
    pub(crate) fn from_seed(random: &mut Random) -> Self {
        Self {
            log_max: *random.pick(&[0, 2, 20, 200]),
            stall_permille: *random.pick(&[0, 0, 5]),
            mail_max: *random.pick(&[0, 1, 10, 100]),
            busy_max: *random.pick(&[0, 3, 10]),
            read_max: *random.pick(&[16, 500, 65_536]),
            checkpoint_permille: *random.pick(&[0, 1, 5, 30]),
            part_bytes: *random.pick(&[1, 500, 10_000]),
        }
    }

    /// Everything is done at once.
    pub(crate) fn calm() -> Self {
        Self {
            log_max: 0,
            stall_permille: 0,
            mail_max: 0,
            busy_max: 0,
            read_max: 65_536,
            checkpoint_permille: 2,
            part_bytes: 10_000,
        }
    }
}

/// What surrounds the broker.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) network: Network,
    pub(crate) checker: Checker,
    pub(crate) ledger: Ledger,
    pub(crate) saboteur: Saboteur,
    pub(crate) random: Random,
    pub(crate) pace: Pace,
    pub(crate) disk: Disk,
    /// The disk has lost something that it said it had, and the clients do not know yet.
    pub(crate) is_damaged: bool,
    /// Connections on which the broker wrote or which it closed: their clients may have something to read.
    pub(crate) written: BTreeSet<LinkId>,
}

/// All shards.
#[derive(Debug)]
pub(crate) struct Broker {
    shards: Vec<Shard>,
    accepts_next: usize,
    store: Store<MemoryDisk>,
}

/// Something that the broker has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// A turn of a shard.
    Turn(usize),
    /// The log of a shard goes on.
    Log(usize),
}

#[derive(Debug)]
struct Shard {
    engine: Engine,
    slots: Vec<Slot>,
    inbox: VecDeque<(Millis, Mail)>,
    keeper: Keeper,
    /// What the log has to say.
    news: VecDeque<News>,
    /// The checkpoint that is being written.
    job: Option<Job>,
    /// Something was not written down: the next checkpoint is due.
    needs_checkpoint: bool,
    verdicts: VecDeque<(Millis, ConnectionId)>,
    /// When the engine wants to be woken.
    wake: Option<Millis>,
    /// When the shard has time for its next turn.
    free_at: Millis,
    /// The next turn, as it is planned.
    turn_at: Option<Millis>,
    /// When the log goes on, as it is planned.
    log_at: Option<Millis>,
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

    /// What is to be planned: each task with its time.
    pub(crate) fn plan(&mut self, now: Millis, around: &mut Surroundings) -> Vec<(Task, Millis)> {
        let mut tasks = Vec::new();
        for (number, shard) in self.shards.iter_mut().enumerate() {
            if let Some(at) = shard.keeper.next().filter(|_| !around.saboteur.stops_log(number)) {
                let at = at.max(now);
                if shard.log_at.is_none_or(|planned| planned > at) {
                    shard.log_at = Some(at);
                    tasks.push((Task::Log(number), at));
                }
            }
            let Some(ready) = shard.ready_at(now, around) else { continue };
            let at = ready.max(shard.free_at).max(now);
            if shard.turn_at.is_none_or(|planned| planned > at) {
                shard.turn_at = Some(at);
                tasks.push((Task::Turn(number), at));
            }
        }
        tasks
    }

    /// Does a task, if it is still planned for this time.
    pub(crate) fn act(&mut self, now: Millis, task: Task, around: &mut Surroundings) {
        match task {
            Task::Turn(number) => self.turn(now, number, around),
            Task::Log(number) => {
                let shard = &mut self.shards[number];
                if shard.log_at == Some(now) {
                    shard.log_at = None;
                    let news = shard.keeper.act(now, around);
                    shard.news.extend(news);
                }
            }
        }
    }

    fn turn(&mut self, now: Millis, number: usize, around: &mut Surroundings) {
        let shard = &mut self.shards[number];
        if shard.turn_at != Some(now) {
            return;
        }
        shard.turn_at = None;
        shard.free_at = now + around.random.between(0, around.pace.busy_max);
        if around.saboteur.stops_clock(number) {
            shard.stands_at.get_or_insert(now);
        }
        Turn::new(self, number, now, around).run();
    }

    /// The counters of all shards.
    pub(crate) fn statuses(&self) -> Vec<Status> {
        self.shards.iter().map(|shard| shard.engine.status()).collect()
    }

    /// Whether nothing is on its way inside the broker.
    pub(crate) fn is_quiet(&self) -> bool {
        self.shards.iter().all(|shard| {
            shard.inbox.is_empty()
                && shard.keeper.is_idle()
                && shard.news.is_empty()
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
    fn ready_at(&self, now: Millis, around: &mut Surroundings) -> Option<Millis> {
        let mail = self.inbox.front().map(|(at, _)| *at);
        let verdict = self.verdicts.front().map(|(at, _)| *at);
        let news = (!self.news.is_empty()).then_some(now);
        let job = self.job.as_ref().and_then(Job::next);
        let wake = if self.stands_at.is_some() { None } else { self.wake };
        let mut ready = [mail, verdict, news, job, wake].into_iter().flatten().min();
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
