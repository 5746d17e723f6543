//! The run: clients, network and broker on one clock, through faults, healing and farewell.

mod outage;

use martlet_engine::{Config, Features, Limits};
use martlet_store::MemoryDisk;
use martlet_wire::ReasonCode;

use crate::broker::{Broker, Pace, Setup, Surroundings, Task};
use crate::checker::{Checker, Terms};
use crate::client::{Client, Kind, Opening};
use crate::clock::{Clock, Millis};
use crate::ledger::Ledger;
use crate::network::{LinkId, Network, Weather};
use crate::random::Random;
use crate::sabotage::Saboteur;
use crate::trace::Trace;
use crate::workload::{Action, PACKET_SIZE_MAX, Workload};
use crate::{Options, Report};
use outage::Outages;

/// In how many of a thousand cases an operator sends a client away before it does something.
const SENT_AWAY_PERMILLE: u64 = 3;
/// How long after healing all has to be settled.
const PROGRESS_MAX: Millis = 60_000;
/// How long the healed world runs at least: longer than any Will waits.
const CALM_MIN: Millis = 12_000;
/// How long clients may take to leave.
const FAREWELL_MAX: Millis = 10_000;
/// Events of one part above which nothing ever comes to rest.
const EVENTS_MAX: u64 = 3_000_000;

#[derive(Debug)]
enum Event {
    /// The broker has something to do.
    Broker(Task),
    /// The broker starts.
    Start,
    /// A client has something to do.
    Client(usize),
}

/// What the clients are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Faults,
    Healing,
    Farewell,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct World {
    seed: u64,
    steps_max: u64,
    steps: u64,
    part: Part,
    clock: Clock<Event>,
    random: Random,
    disk: MemoryDisk,
    setup: Setup,
    /// The broker, unless it is down.
    broker: Option<Broker>,
    outages: Outages,
    around: Surroundings,
    clients: Vec<Client>,
    workload: Workload,
    shards: u16,
}

impl World {
    pub(crate) fn new(seed: u64, options: &Options) -> Self {
        let mut random = Random::new(seed);
        let shards = random.short(1, 4);
        let shards = options.shards.unwrap_or(shards);
        let count = random.len(3, 14);
        let count = options.clients.unwrap_or(count);
        let config = config(&mut random);
        let mut workload = Workload::new(random.fork());
        let weather = Weather::from_seed(&mut random);
        let pace = Pace::from_seed(&mut random);
        let clients = workload.clients(count);
        let terms = Terms {
            shards,
            names: clients.iter().map(|client| client.name.clone()).collect(),
            receive_maximum: config.limits.receive_maximum,
            topic_alias_maximum: config.limits.topic_alias_maximum,
            at_release: config.features.exactly_once_at_release,
        };
        let mut trace = Trace::new(options.prints_trace);
        trace.line(0, &format!("{shards} shards, {count} clients, {weather:?}, {pace:?}"));
        let around = Surroundings {
            network: Network::new(weather, random.fork()),
            checker: Checker::new(terms, trace, options.ignored.clone()),
            ledger: Ledger::new(shards),
            saboteur: Saboteur::new(options.sabotage, random.fork()),
            random: random.fork(),
            pace,
            disk: options.disk,
            is_damaged: false,
            written: std::collections::BTreeSet::new(),
        };
        let segment_bytes = *random.pick(&[2000, 20_000, 200_000]);
        let mut world = Self {
            seed,
            steps_max: options.steps,
            steps: 0,
            part: Part::Faults,
            clock: Clock::new(),
            disk: MemoryDisk::new(random.next()),
            setup: Setup { shards, config, segment_bytes },
            broker: None,
            outages: Outages::from_seed(random.fork(), options.steps, options.disk),
            around,
            clients,
            workload,
            random,
            shards,
        };
        world.start();
        world
    }

    pub(crate) fn run(mut self) -> Report {
        for number in 0..self.clients.len() {
            let at = self.random.between(0, 200);
            self.clients[number].acts_at = at;
            self.wake_client(number, at);
        }
        self.plan();
        while self.steps < self.steps_max && self.is_sound() {
            self.trouble();
            self.step(Millis::MAX);
        }
        self.heal();
        if self.is_sound() && self.random.percent(50) {
            self.around.checker.note("once more, from what is there now");
            self.crash();
            self.settle();
        }
        self.farewell();
        self.report()
    }

    fn is_sound(&self) -> bool {
        self.around.checker.violation().is_none()
    }

    fn report(self) -> Report {
        Report {
            seed: self.seed,
            steps: self.steps,
            millis: self.clock.now(),
            size: (self.shards, self.clients.len()),
            totals: self.around.checker.totals,
            violation: self.around.checker.violation().map(str::to_owned),
            hash: self.around.checker.trace.sum(),
            lines: self.around.checker.trace.into_lines(),
        }
    }

    /// Lets the next event happen, if it comes until `limit`.
    fn step(&mut self, limit: Millis) -> bool {
        let Some(event) = self.clock.next(limit) else { return false };
        self.steps += 1;
        let now = self.clock.now();
        match event {
            Event::Broker(task) => {
                if let Some(broker) = &mut self.broker {
                    broker.act(now, task, &mut self.around);
                }
                for link in core::mem::take(&mut self.around.written) {
                    self.rouse(link);
                }
            }
            Event::Start => self.start(),
            Event::Client(number) => {
                if self.clients[number].wakes_at == Some(now) {
                    self.clients[number].wakes_at = None;
                    self.client_turn(number);
                }
            }
        }
        if self.broker.is_some() && self.is_down() {
            self.crash();
        }
        self.plan();
        true
    }

    fn plan(&mut self) {
        let Some(broker) = &mut self.broker else { return };
        for (task, at) in broker.plan(self.clock.now(), &mut self.around) {
            self.clock.at(at, Event::Broker(task));
        }
    }

    /// A client has something to read.
    fn rouse(&mut self, link: LinkId) {
        let network = &mut self.around.network;
        let (number, at) = (network.link(link).client, network.link(link).down.next());
        let frozen_until = self.clients[number].frozen_until;
        if self.clients[number].link == Some(link)
            && let Some(at) = at
        {
            self.wake_client(number, at.max(frozen_until));
        }
    }

    fn wake_client(&mut self, number: usize, at: Millis) {
        let at = at.max(self.clock.now());
        let client = &mut self.clients[number];
        if client.wakes_at.is_none_or(|planned| planned > at) {
            client.wakes_at = Some(at);
            self.clock.at(at, Event::Client(number));
        }
    }

    fn client_turn(&mut self, number: usize) {
        let now = self.clock.now();
        if self.clients[number].frozen_until <= now {
            self.read(number);
            if self.clients[number].acts_at <= now {
                self.act(number);
                if self.part == Part::Faults && self.random.below(1000) < SENT_AWAY_PERMILLE {
                    let name = self.clients[number].name.clone();
                    if let Some(broker) = &mut self.broker {
                        broker.send_away(now, &name);
                    }
                }
                let pause = if self.part == Part::Faults { self.workload.pause() } else { 20 };
                self.clients[number].acts_at = now + pause;
            }
            let most = if self.part == Part::Faults { self.random.len(0, 8) } else { usize::MAX };
            self.clients[number].acknowledge(most);
            self.keep_alive(number);
            self.flush(number);
        }
        self.plan_client(number);
    }

    fn plan_client(&mut self, number: usize) {
        let now = self.clock.now();
        let client = &self.clients[number];
        let mut at = client.acts_at;
        if client.keep_alive > 0 && client.is_online {
            at = at.min(client.last_sent + u64::from(client.keep_alive) * 700);
        }
        if client.has_acks() {
            at = at.min(now + self.random.between(1, 30));
        }
        if let Some(link) = client.link
            && let down = &mut self.around.network.link(link).down
            && let Some(next) = if down.has_bytes(now) { Some(now + 3) } else { down.next() }
        {
            at = at.min(next.max(now + 1));
        }
        let at = at.max(client.frozen_until).max(now + 1);
        self.wake_client(number, at);
    }

    fn read(&mut self, number: usize) {
        let now = self.clock.now();
        let Some(id) = self.clients[number].link else { return };
        let most = match self.part {
            Part::Faults => *self.random.pick(&[1, 30, 500, 100_000]),
            _ => usize::MAX,
        };
        let link = self.around.network.link(id);
        let bytes = link.down.read(now, most);
        let is_over = link.down.is_at_end(now);
        let session = self.around.checker.session(id);
        match self.clients[number].read(&bytes, session) {
            Ok(taken) => {
                for taken in taken {
                    let checker = &mut self.around.checker;
                    checker.accepted(id, &taken.topic, taken.qos, taken.retain, &taken.payload);
                }
            }
            Err(error) => self.around.checker.fail(&format!("c{number} cannot read: {error}")),
        }
        if is_over {
            self.around.network.leave(now, id, false);
            self.clients[number].drop_connection();
        }
    }

    fn flush(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if let Some(link) = client.link
            && !client.outbox.is_empty()
        {
            client.last_sent = self.clock.now();
            let bytes = core::mem::take(&mut client.outbox);
            self.around.network.send_up(self.clock.now(), link, &bytes);
        }
    }

    fn keep_alive(&mut self, number: usize) {
        let client = &mut self.clients[number];
        let is_due = self.clock.now() >= client.last_sent + u64::from(client.keep_alive) * 700;
        if client.is_online && client.keep_alive > 0 && is_due {
            client.ping();
        }
    }

    fn act(&mut self, number: usize) {
        let reference = &mut self.around.checker.reference;
        let action = match self.part {
            Part::Faults => self.workload.act(number, &self.clients[number], reference),
            Part::Healing => self.recover(number),
            Part::Farewell => self.leave(number),
        };
        self.perform(number, action);
    }

    fn perform(&mut self, number: usize, action: Action) {
        let now = self.clock.now();
        let client = &mut self.clients[number];
        match action {
            Action::Connect(opening) => {
                let Some(broker) = &mut self.broker else { return };
                if let Some(old) = client.link {
                    self.around.network.abandon(old);
                }
                let link = self.around.network.open(number);
                self.around.checker.added(number);
                client.connect(link, &opening);
                broker.accept(now, link);
            }
            Action::Publish { draft, uses_alias } => client.publish(draft, uses_alias),
            Action::Subscribe { filters, identifier } => client.subscribe(&filters, identifier),
            Action::Unsubscribe(filters) => client.unsubscribe(&filters),
            Action::Ping => client.ping(),
            Action::Disconnect { reason, expiry } => {
                client.disconnect(reason, expiry);
                let link = client.link;
                self.flush(number);
                self.clients[number].drop_connection();
                if let Some(link) = link {
                    self.around.network.leave(now, link, true);
                }
            }
            Action::Crash => {
                let link = client.link;
                client.drop_connection();
                if let Some(link) = link {
                    self.around.network.leave(now, link, false);
                }
            }
            Action::Freeze(time) => client.frozen_until = now + time,
            Action::Nothing => {}
        }
    }

    /// After healing: whoever may have a Session comes back to it.
    fn recover(&mut self, number: usize) -> Action {
        let client = &self.clients[number];
        let session = self.around.checker.reference.current(number);
        let is_content = client.is_idle() && session.is_none() && !client.has_to_begin_anew;
        if client.link.is_some() || is_content {
            return Action::Nothing;
        }
        if client.kind == Kind::Nameless {
            return Action::Connect(plain(client, true, 0));
        }
        Action::Connect(plain(client, client.has_to_clean(session), u32::MAX))
    }

    /// At last: every Session ends.
    fn leave(&mut self, number: usize) -> Action {
        let client = &self.clients[number];
        let has_session = self.around.checker.reference.current(number).is_some();
        match (client.link, client.is_online) {
            (Some(_), true) if client.expiry == 0 => {
                Action::Disconnect { reason: ReasonCode::Success, expiry: None }
            }
            (Some(_), true) | (None, _) if has_session && client.kind != Kind::Nameless => {
                Action::Connect(plain(client, true, 0))
            }
            _ => Action::Nothing,
        }
    }

    fn heal(&mut self) {
        if !self.is_sound() {
            return;
        }
        let now = self.clock.now();
        self.around.checker.note("the world heals");
        self.part = Part::Healing;
        self.around.network.heal(now);
        self.around.pace = Pace::calm();
        self.repair();
        for number in 0..self.clients.len() {
            self.clients[number].frozen_until = 0;
            self.clients[number].acts_at = now;
            self.wake_client(number, now);
        }
        self.settle();
    }

    /// Goes on until all is settled.
    fn settle(&mut self) {
        let now = self.clock.now();
        self.plan();
        if let Some(text) = self.wait(now + CALM_MIN, now + PROGRESS_MAX, Self::unsettled) {
            for status in self.statuses() {
                self.around.checker.note(&format!("{status:?}"));
            }
            self.around.checker.fail(&format!("after healing, {text}"));
        }
        if self.is_sound() {
            if let Some(text) = self.around.checker.stale() {
                self.around.checker.fail(&format!("{text}, which is newer"));
            }
            self.compare(true);
        }
    }

    fn farewell(&mut self) {
        if !self.is_sound() {
            return;
        }
        let now = self.clock.now();
        self.around.checker.note("all clients leave");
        self.part = Part::Farewell;
        let gone = |world: &Self| {
            let statuses = world.statuses();
            let left: usize = statuses.iter().map(|status| status.connections + status.sessions).sum();
            (left > 0).then(|| format!("{left} connections and Sessions are left"))
        };
        if let Some(text) = self.wait(now, now + FAREWELL_MAX, gone) {
            self.around.checker.fail(&format!("after all left, {text}"));
        }
        if self.is_sound() {
            self.compare(false);
        }
    }

    /// Goes on until `check` has nothing more to say, from `least` on; what it last said if that never happens.
    fn wait(
        &mut self,
        least: Millis,
        most: Millis,
        check: impl Fn(&Self) -> Option<String>,
    ) -> Option<String> {
        let steps_max = self.steps + EVENTS_MAX;
        let mut text = None;
        while self.clock.now() < most && self.is_sound() && self.steps < steps_max {
            let until = self.clock.now() + 100;
            while self.step(until) && self.is_sound() && self.steps < steps_max {}
            self.around.checker.advance(self.clock.now());
            text = check(self);
            if text.is_none() && self.clock.now() >= least {
                return None;
            }
        }
        text
    }

    /// What is not settled yet.
    fn unsettled(&self) -> Option<String> {
        if let Some(text) = self.around.checker.outstanding() {
            return Some(text);
        }
        if let Some(number) = self.clients.iter().position(|client| !client.is_idle()) {
            let things = self.clients[number].unfinished_things();
            return Some(format!("c{number} has something unfinished: {things}"));
        }
        let has_to_come =
            |client: &&Client| client.has_to_begin_anew && client.kind != Kind::Nameless && !client.is_online;
        if let Some(client) = self.clients.iter().find(has_to_come) {
            return Some(format!("{} has not come back", client.name));
        }
        let Some(broker) = &self.broker else { return Some("the broker is not there".to_owned()) };
        let queued: usize = broker.statuses().iter().map(|status| status.queued_messages).sum();
        if queued > 0 {
            return Some(format!("{queued} messages are queued"));
        }
        (!broker.is_quiet()).then(|| "the broker is at work".to_owned())
    }

    fn statuses(&self) -> Vec<martlet_engine::Status> {
        self.broker.as_ref().map(Broker::statuses).unwrap_or_default()
    }

    /// The counters must agree with the accounts.
    fn compare(&mut self, has_clients: bool) {
        let statuses = self.statuses();
        let sum = |count: fn(&martlet_engine::Status) -> usize| statuses.iter().map(count).sum::<usize>();
        let links = self.around.network.links.iter().filter(|link| link.place.is_some()).count();
        let checker = &mut self.around.checker;
        let counts = [
            ("connections", sum(|status| status.connections), (links, links)),
            ("Sessions", sum(|status| status.sessions), (checker.sessions(), checker.sessions())),
            ("subscriptions", sum(|status| status.subscriptions), checker.subscriptions()),
            ("queued messages", sum(|status| status.queued_messages), (0, 0)),
        ];
        for (what, count, (least, most)) in counts {
            if !(least..=most).contains(&count) {
                checker.fail(&format!("{count} {what}, not {least} to {most}"));
            }
            if !has_clients && count > 0 {
                checker.fail(&format!("{count} {what} after all clients left"));
            }
        }
    }
}

/// A connection without anything special.
fn plain(client: &Client, clean_start: bool, expiry: u32) -> Opening {
    Opening {
        clean_start,
        expiry,
        keep_alive: 0,
        will: None,
        receive_maximum: None,
        packet_size_max: client.has_size_limit.then_some(PACKET_SIZE_MAX),
        topic_alias_maximum: 0,
        asks: false,
    }
}

/// A configuration with small limits, so that they are met.
fn config(random: &mut Random) -> Config {
    let defaults = Limits::default();
    let limits = Limits {
        queued_messages_max: if random.percent(15) { random.len(3, 30) } else { 100_000 },
        inflight_messages_max: random.short(1, 20),
        receive_maximum: random.short(1, 20),
        topic_alias_maximum: random.short(0, 6),
        topic_alias_maximum_outgoing: random.short(0, 6),
        out_buffer_bytes_max: *random.pick(&[100, 1000, 262_144]),
        unpersisted_bytes_max: *random.pick(&[200, 5000, 1 << 24]),
        route_cache_entries_max: *random.pick(&[1, 8, 4096]),
        ..defaults
    };
    let features = Features { exactly_once_at_release: random.percent(25), ..Features::default() };
    Config { limits, features, seed: random.next(), ..Config::default() }
}
