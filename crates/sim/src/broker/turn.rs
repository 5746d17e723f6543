//! One turn of one shard: what came in goes to the engine, and what the engine wants done is done.

use martlet_engine::{BatchId, ConnectionId, ControlAnswer, Input, Notice, Output, Peer, ShardId, Verdict};
use martlet_store::Seq;
use martlet_wire::{ProtocolVersion, ReasonCode};

use super::keeper::{Job, News};
use super::{Broker, Mail, START, Shard, Slot, Surroundings, connection_id};
use crate::clock::Millis;
use crate::network::{LinkId, Place};

/// How long a checkpoint waits between two parts, at most.
const PART_PAUSE_MAX: Millis = 20;

/// One turn of one shard.
pub(super) struct Turn<'a> {
    broker: &'a mut Broker,
    number: usize,
    now: Millis,
    around: &'a mut Surroundings,
    /// Connections that the engine wants to write to.
    transmits: Vec<ConnectionId>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        broker: &'a mut Broker,
        number: usize,
        now: Millis,
        around: &'a mut Surroundings,
    ) -> Self {
        Self { broker, number, now, around, transmits: Vec::new() }
    }

    pub(super) fn run(&mut self) {
        self.note_unread();
        self.around.checker.advance(self.now);
        let first = self.around.random.below(4);
        for step in 0..4 {
            match (first + step) % 4 {
                0 => self.take_mail(),
                1 => self.take_news(),
                2 => self.take_verdicts(),
                _ => self.read(),
            }
        }
        if self.shard().wake.is_some_and(|at| at <= self.now) {
            self.handle(Input::WakeUp);
        }
        self.drain();
        self.shard().engine.end_turn();
        self.keep();
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

    fn take_news(&mut self) {
        while let Some(news) = self.shard().news.pop_front() {
            match news {
                News::Durable(batch) => {
                    self.around.checker.flows(self.number);
                    self.handle(Input::Persisted(batch));
                }
                News::Stalled => {
                    self.around.checker.stalls(self.number);
                    self.handle(Input::LogStalled);
                }
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
                Output::Persist { batch, records } => self.persist(batch, records),
                Output::Forward { to, batch } => {
                    let from = ShardId(u16::try_from(number).unwrap_or(u16::MAX));
                    let to = usize::from(to.0);
                    for batch in self.around.saboteur.forward(number, to, batch) {
                        self.mail(to, Mail::Forwarded { from, batch });
                    }
                }
                Output::Authenticate { connection, .. } => {
                    let at = now + self.around.random.between(0, self.around.pace.log_max);
                    let verdicts = &mut self.shard().verdicts;
                    let at = verdicts.back().map_or(at, |(last, _)| at.max(*last));
                    verdicts.push_back((at, connection));
                }
                Output::Control(request) => {
                    let answer = ControlAnswer::Unavailable;
                    let input = Input::Controlled { request: request.id, answer };
                    self.handle(input);
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

    fn persist(&mut self, batch: BatchId, records: Vec<u8>) {
        let records = self.around.saboteur.written(records);
        self.around.checker.written(self.number, batch);
        self.around.ledger.written(self.name(), batch, &records);
        self.shard().keeper.submit(batch, records);
        if self.around.saboteur.persists_early() {
            self.handle(Input::Persisted(batch));
        }
    }

    fn name(&self) -> u16 {
        u16::try_from(self.number).unwrap_or(u16::MAX)
    }

    /// Begins a checkpoint now and then, and writes a part of it.
    fn keep(&mut self) {
        let name = self.name();
        let is_time = self.around.random.below(1000) < self.around.pace.checkpoint_permille;
        let shard = &mut self.broker.shards[self.number];
        shard.needs_checkpoint |= shard.engine.needs_checkpoint();
        let is_free = shard.job.is_none() && !shard.keeper.is_stalled();
        if is_free
            && (is_time || shard.needs_checkpoint)
            && let Some(behind) = shard.engine.begin_checkpoint()
        {
            match self.broker.store.checkpoint(name, Seq(behind.0 + 1)) {
                Ok(writer) => {
                    shard.needs_checkpoint = false;
                    shard.job = Some(Job { behind, writer, waits_for: None, at: self.now });
                    self.around.ledger.begun(name, behind);
                    self.around.saboteur.begun(name);
                }
                Err(error) => self.around.checker.note(&format!("s{name}: no checkpoint: {error}")),
            }
        }
        let Some(mut job) = self.shard().job.take() else { return };
        if self.advance(&mut job) {
            self.finish_or_keep(job);
        } else {
            job.writer.abandon();
        }
    }

    /// Writes the next part of a checkpoint if it is time for it; `false` if the checkpoint is given up.
    fn advance(&mut self, job: &mut Job) -> bool {
        let (name, now) = (self.name(), self.now);
        if job.waits_for.is_some() || job.at > now {
            return true;
        }
        let shard = &mut self.broker.shards[self.number];
        match shard.engine.checkpoint_part(self.around.pace.part_bytes) {
            Some(part) if part.is_empty() => {}
            Some(part) => {
                self.around.ledger.part(name, &part);
                self.around.saboteur.part(name, &part);
                if let Err(error) = job.writer.write(&part) {
                    self.around.checker.note(&format!("s{name}: a checkpoint fails: {error}"));
                    return false;
                }
            }
            None => job.waits_for = Some(shard.engine.last_batch()),
        }
        job.at = now + self.around.random.between(1, PART_PAUSE_MAX);
        true
    }

    /// Finishes a checkpoint once all that it shows is durable.
    fn finish_or_keep(&mut self, job: Job) {
        let name = self.name();
        let shard = &mut self.broker.shards[self.number];
        if job.waits_for.is_none_or(|batch| batch > shard.keeper.durable()) {
            shard.job = Some(job);
            return;
        }
        self.around.ledger.finishing(name);
        let behind = job.behind;
        match job.writer.finish() {
            Ok(_) => {
                self.around.ledger.finished(name);
                self.around.saboteur.checkpointed(name);
                self.around.checker.checkpointed(name, behind);
                shard.engine.checkpoint_is_durable();
                // What is left is removed the next time.
                let _ = shard.keeper.log().trim(Seq(behind.0 + 1));
            }
            Err(error) => self.around.checker.note(&format!("s{name}: a checkpoint fails: {error}")),
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let link = match notice {
            Notice::Connected { connection, .. }
            | Notice::Refused { connection, .. }
            | Notice::Disconnected { connection, .. } => {
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
