//! Losses of power, killed brokers, faults of the disk, and the start after them.

use martlet_store::{MemoryDisk, Operation, Unsynced};

use super::{Event, Part, World};
use crate::Disk;
use crate::broker::Broker;
use crate::clock::Millis;
use crate::random::Random;

/// How often in a row the broker may fail to start before its disk is left in peace.
const FAILED_STARTS_MAX: u32 = 3;
/// How long a disk stays full, at most.
const FULL_MAX: Millis = 4000;
/// How many operations of the disk pass at most until the broker goes down in the middle of one.
const OPERATIONS_MAX: u64 = 60;

/// What happens to the broker's machine, and when.
#[derive(Debug)]
pub(super) struct Outages {
    random: Random,
    /// Steps at which the broker goes down, or is about to, last first.
    crashes: Vec<u64>,
    /// How many steps there are between two faults of the disk, at most; 0 for none.
    fault_gap: u64,
    next_fault: u64,
    /// When a full disk has room again.
    room_at: Option<Millis>,
    /// The operation of the disk at which the broker goes down.
    halts_at: Option<u64>,
    failed_starts: u32,
}

impl Outages {
    pub(super) fn from_seed(mut random: Random, steps: u64, disk: Disk) -> Self {
        let count = *random.pick(&[0, 1, 2, 3, 5]);
        let mut crashes = Vec::new();
        for _ in 0..count {
            let at = random.below(steps);
            crashes.push(at);
        }
        crashes.sort_unstable_by(|one, other| other.cmp(one));
        let fault_gap = if disk == Disk::Lying { 800 } else { *random.pick(&[0, 0, 3000, 800]) };
        let next_fault = random.between(1, fault_gap.max(1));
        Self { crashes, fault_gap, next_fault, room_at: None, halts_at: None, failed_starts: 0, random }
    }
}

impl World {
    /// Lets happen to the machine what is due before the next event.
    pub(super) fn trouble(&mut self) {
        if self.part != Part::Faults {
            return;
        }
        if self.around.saboteur.loses_sync() {
            self.disk.skip_sync_after(0);
        }
        if self.outages.room_at.is_some_and(|at| at <= self.clock.now()) {
            self.outages.room_at = None;
            self.disk.set_capacity(None);
            self.around.checker.note("the disk has room again");
        }
        if self.broker.is_none() {
            return;
        }
        if self.outages.crashes.pop_if(|at| *at <= self.steps).is_some() {
            if self.outages.random.percent(50) {
                self.crash();
                return;
            }
            self.halt_soon();
        }
        if self.outages.fault_gap > 0 && self.outages.next_fault <= self.steps {
            self.outages.next_fault = self.steps + self.outages.random.between(1, self.outages.fault_gap);
            self.fault();
        }
    }

    /// The broker is going to go down in the middle of an operation of the disk.
    fn halt_soon(&mut self) {
        let at = self.disk.operations() + self.outages.random.between(0, OPERATIONS_MAX);
        self.disk.halt_at(at);
        self.outages.halts_at = Some(at);
    }

    fn fault(&mut self) {
        let random = &mut self.outages.random;
        if self.around.disk == Disk::Lying && random.percent(50) {
            let is_lying = random.percent(50);
            self.disk.set_lying(is_lying);
            self.around.checker.note(if is_lying { "the disk lies" } else { "the disk tells the truth" });
            return;
        }
        if random.percent(25) {
            let room = random.between(0, 3000);
            self.outages.room_at = Some(self.clock.now() + random.between(1, FULL_MAX));
            self.disk.set_capacity(Some(self.disk.used() + room));
            self.around.checker.note(&format!("the disk is full but for {room} bytes"));
            return;
        }
        let operations = [
            Operation::Write,
            Operation::Write,
            Operation::Sync,
            Operation::Sync,
            Operation::SyncDir,
            Operation::Create,
            Operation::Rename,
            Operation::Remove,
            Operation::Truncate,
        ];
        let (operation, count) = (*random.pick(&operations), random.between(1, 3));
        self.disk.fail_next(operation, count);
        self.around.checker.note(&format!("the disk fails to {operation:?}, {count} times"));
    }

    /// Whether the broker went down in the middle of the last event.
    pub(super) fn is_down(&self) -> bool {
        self.outages.halts_at.is_some_and(|at| self.disk.operations() > at)
    }

    /// The broker is gone now: by a loss of power, or killed alone.
    pub(super) fn crash(&mut self) {
        let now = self.clock.now();
        self.broker = None;
        self.go_down();
        self.around.checker.crashed(now);
        self.around.network.break_all(now);
        for number in 0..self.clients.len() {
            if let Some(link) = self.clients[number].link {
                self.rouse(link);
            }
        }
        let downtime = *self.outages.random.pick(&[1, 30, 300, 3000, 15_000]);
        self.clock.at(now + downtime, Event::Start);
    }

    /// The power fails, or the broker alone is killed, in the middle of an operation of the disk perhaps.
    fn go_down(&mut self) {
        if self.outages.random.percent(75) {
            self.lose_power();
            return;
        }
        self.around.checker.note("the disk goes on");
        if self.is_down() {
            self.disk.halt_at(u64::MAX);
            self.outages.halts_at = None;
        }
    }

    /// What was not synced is left to chance.
    fn lose_power(&mut self) {
        let random = &mut self.outages.random;
        let unsynced = *random.pick(&[Unsynced::Lost, Unsynced::Kept, Unsynced::Torn, Unsynced::Reordered]);
        self.disk = self.disk.crashed(unsynced, random.next());
        if self.around.disk == Disk::Rotting && random.percent(50) {
            rot(&self.disk, random);
        }
        self.outages.halts_at = None;
        self.outages.room_at = None;
    }

    /// The broker starts, unless it goes down again meanwhile, or the disk fails.
    pub(super) fn start(&mut self) {
        let now = self.clock.now();
        let is_full = self.outages.room_at.is_some();
        let may_fail = self.part == Part::Faults && self.outages.failed_starts < FAILED_STARTS_MAX;
        if !may_fail && !is_full {
            self.repair();
        }
        if may_fail && self.steps > 0 && self.outages.random.percent(25) {
            self.halt_soon();
        }
        if may_fail && self.outages.random.percent(5) {
            let count = self.outages.random.between(1, 4);
            self.disk.fail_next(Operation::Sync, count);
        }
        let (disk, halts_at) = (self.disk.clone(), self.outages.halts_at);
        let is_up = || halts_at.is_none_or(|at| disk.operations() <= at);
        let unsettled = self.around.checker.totals.unsettled;
        let started = Broker::start(now, &self.setup, disk.clone(), is_up, &mut self.around);
        let is_down = self.is_down();
        match started {
            Ok(broker) if !is_down => {
                self.outages.failed_starts = 0;
                self.broker = Some(broker);
                if core::mem::take(&mut self.around.is_damaged) {
                    self.begin_anew();
                }
                let is_settled = self.around.checker.totals.unsettled == unsettled;
                let percent = if is_settled { 25 } else { 75 };
                if self.part == Part::Faults && self.clock.now() > 0 && self.outages.random.percent(percent) {
                    // Again, before much of what the start did, or found, is durable.
                    self.outages.crashes.push(self.steps + self.outages.random.between(1, 200));
                }
            }
            Err(error) if !may_fail && !is_full && !is_down => {
                self.around.checker.fail(&format!("the broker does not start: {error}"));
            }
            _ => {
                self.outages.failed_starts += 1;
                self.around.checker.note("the broker does not come up");
                if is_down {
                    self.go_down();
                }
                self.clock.at(now + 100, Event::Start);
            }
        }
    }

    /// No client may go by what it knew.
    fn begin_anew(&mut self) {
        for client in &mut self.clients {
            client.has_to_begin_anew = true;
            if let Some(link) = client.link {
                client.drop_connection();
                self.around.network.abandon(link);
            }
        }
    }

    /// From here on nothing happens to the machine.
    pub(super) fn repair(&mut self) {
        self.disk.set_capacity(None);
        self.disk.set_lying(false);
        self.disk.halt_at(u64::MAX);
        self.outages.halts_at = None;
        self.outages.room_at = None;
        for operation in ALL_OPERATIONS {
            self.disk.fail_next(operation, 0);
        }
    }
}

/// Some bytes of some files change.
fn rot(disk: &MemoryDisk, random: &mut Random) {
    let files = disk.files();
    for _ in 0..random.between(1, 4) {
        let path = random.pick(&files);
        let len = disk.contents(path).map_or(0, |contents| contents.len());
        let mask = 1 << random.below(8);
        disk.rot(path, random.below(len as u64), mask);
    }
}

const ALL_OPERATIONS: [Operation; 9] = [
    Operation::Create,
    Operation::Open,
    Operation::Read,
    Operation::Write,
    Operation::Truncate,
    Operation::Rename,
    Operation::Remove,
    Operation::Sync,
    Operation::SyncDir,
];
