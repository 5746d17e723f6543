//! A whole broker in one thread from one seed: its shards, the mail between them, its logs, a lossy network and many
//! clients, with a judge at the door.
//!
//! A run has three parts. First everything goes wrong that may go wrong, and the judge checks safety: nothing is lost that
//! was acknowledged, nothing comes twice that may come once, nothing is out of order. Then the world heals, and the
//! judge demands progress: what is owed arrives, nothing stays in flight, counters agree. At last all clients leave for good, and
//! nothing may be left of them. The same seed gives the same run, byte for byte.

#![forbid(unsafe_code)]

mod broker;
mod checker;
mod client;
mod clock;
mod ledger;
mod network;
mod random;
mod reference;
mod sabotage;
mod trace;
mod workload;
mod world;

pub use checker::Totals;
pub use sabotage::Sabotage;

use world::World;

/// How a run is done, apart from its seed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Events of the first part.
    pub steps: u64,
    /// Number of clients; chosen by the seed if `None`.
    pub clients: Option<usize>,
    /// Number of shards; chosen by the seed if `None`.
    pub shards: Option<u16>,
    /// A fault to be found.
    pub sabotage: Option<Sabotage>,
    /// What the disk is like.
    pub disk: Disk,
    /// Broken rules that do not end the run, by a part of their text: for going on past what is known.
    pub ignored: Vec<String>,
    /// Whether each line of the trace is printed at once.
    pub prints_trace: bool,
}

/// What the broker's disk is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disk {
    /// It fails and fills up, and keeps what it said it has.
    #[default]
    Sound,
    /// It says that something is durable when it is not. What was acknowledged may be lost in a crash.
    Lying,
    /// What it has changes. What was acknowledged may be lost in a crash, but not without a word.
    Rotting,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            steps: 50_000,
            clients: None,
            shards: None,
            sabotage: None,
            disk: Disk::Sound,
            ignored: Vec::new(),
            prints_trace: false,
        }
    }
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Events that happened.
    pub steps: u64,
    /// Virtual time that passed, in milliseconds.
    pub millis: u64,
    /// Shards and clients.
    pub size: (u16, usize),
    /// What was counted.
    pub totals: Totals,
    /// A hash of all that happened: the same for the same seed.
    pub hash: u64,
    /// The first broken rule.
    pub violation: Option<String>,
    /// The last lines of the trace.
    pub lines: Vec<String>,
}

/// Runs one seed.
pub fn run(seed: u64, options: &Options) -> Report {
    World::new(seed, options).run()
}

impl core::fmt::Display for Report {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [p0, p1, p2] = self.totals.published;
        let [d0, d1, d2] = self.totals.delivered;
        write!(
            f,
            "seed {} steps {} time {} s shards {} clients {} connections {} published {p0}/{p1}/{p2} delivered \
             {d0}/{d1}/{d2} repeated {} settled {} wills {} crashes {} turned back {} checkpoints {} stalls {} \
             unsettled {} ignored {} hash {:016x}: {}",
            self.seed,
            self.steps,
            self.millis / 1000,
            self.size.0,
            self.size.1,
            self.totals.connections,
            self.totals.repeated,
            self.totals.settled,
            self.totals.wills,
            self.totals.crashes,
            self.totals.turned_back,
            self.totals.checkpoints,
            self.totals.stalls,
            self.totals.unsettled,
            self.totals.ignored,
            self.hash,
            self.violation
                .as_deref()
                .map_or_else(|| "ok".to_owned(), |violation| format!("FAILED: {violation}")),
        )
    }
}
