//! A broker of several shards whose log, mail and sockets take their time.

use core::time::Duration;
use std::collections::VecDeque;

use martlet_engine::{
    BatchId, Commons, Config, ConnectionId, ControlAnswer, Engine, Input, Instant, Limits, Output, Peer,
    ShardId, Verdict,
};
use martlet_wire::{Packet, ProtocolVersion, ReasonCode, decode, fixed_header};

use crate::source::Source;
use crate::templates;

/// Places for connections on each shard.
const PLACES: usize = 4;
/// Operations of one run.
const OPERATIONS_MAX: usize = 2_000;
/// Calls of `poll` after which a shard is thought to run in circles.
const POLLS_MAX: usize = 100_000;
/// The largest packet that a client may send.
const PACKET_SIZE_BYTES_MAX: u32 = 10_000;

/// Runs operations on the shards of a broker: connections open and close, clients send good and bad packets in any pieces,
/// sockets take some bytes, time passes, the log and the mail come when they come, some mail damaged.
///
/// # Panics
/// If a shard goes on for ever, a client is sent what is no whole packet of its version, or something is left of a
/// connection that is closed.
pub fn shards(data: &[u8]) {
    let mut source = Source::new(data);
    let mut broker = Broker::new(&mut source);
    for _ in 0..OPERATIONS_MAX {
        if source.is_empty() {
            break;
        }
        broker.step(&mut source);
    }
    broker.finish();
}

struct Broker {
    now: Instant,
    shards: Vec<Shard>,
}

struct Shard {
    engine: Engine,
    /// The time that the engine was told last.
    told: Instant,
    places: [Place; PLACES],
    mail: VecDeque<Mail>,
    log: VecDeque<BatchId>,
}

/// A place for a connection.
#[derive(Default)]
struct Place {
    generation: u32,
    is_open: bool,
    /// What the client sent, up to the end of its CONNECT, which tells the version.
    received: Vec<u8>,
    version: Option<ProtocolVersion>,
    /// What it was sent, as far as it is no whole packet yet.
    sent: Vec<u8>,
}

enum Mail {
    Forwarded { from: ShardId, batch: Vec<u8> },
    Connection(Vec<u8>),
}

impl Broker {
    fn new(source: &mut Source<'_>) -> Self {
        let setup = source.u8();
        let either = |bit: u8, usual: usize, small: usize| if setup & bit == 0 { usual } else { small };
        let limits = Limits {
            packet_size_bytes_max: PACKET_SIZE_BYTES_MAX,
            queued_messages_max: either(1, 1000, 2),
            inflight_messages_max: if setup & 2 == 0 { 20 } else { 1 },
            receive_maximum: if setup & 4 == 0 { 20 } else { 1 },
            out_buffer_bytes_max: either(8, 1 << 18, 10),
            unpersisted_bytes_max: either(16, 1 << 24, 10),
            sessions_max: either(32, 1000, 2),
            subscriptions_per_session_max: either(32, 1000, 2),
            retained_messages_max: either(32, 1000, 2),
            ..Limits::default()
        };
        let config = Config { limits, seed: 7, ..Config::default() };
        let count = u16::from(setup >> 6) + 1;
        let commons = Commons::new(count, &config);
        let shards = (0..count).map(|shard| Shard {
            engine: Engine::new(config.clone(), ShardId(shard), commons.clone()),
            told: Instant::default(),
            places: Default::default(),
            mail: VecDeque::new(),
            log: VecDeque::new(),
        });
        let now = Instant::from_millis(1_000_000);
        let mut shards: Vec<_> = shards.collect();
        for shard in &mut shards {
            shard.engine.restored(now, BatchId(0));
        }
        Self { now, shards }
    }

    fn step(&mut self, source: &mut Source<'_>) {
        let number = source.below(self.shards.len());
        let place = source.below(PLACES);
        match source.below(16) {
            0 => self.open(number, place),
            1..=7 => {
                let bytes = templates::packets(source);
                self.receive(number, place, &bytes);
            }
            8 => self.receive(number, place, source.bytes()),
            9 => self.lose(number, place),
            10 => self.sent(number, place, usize::from(source.u8())),
            11 => self.persisted(number, 1 + source.below(4)),
            12 => self.mail(number, source),
            13 => {
                self.now = self.now + Duration::from_millis(u64::from(source.u16()) * 10);
                self.handle(number, Input::WakeUp);
            }
            14 => self.shards[number].engine.end_turn(),
            _ => self.rare(number, place, source),
        }
        self.poll(number);
    }

    fn rare(&mut self, number: usize, place: usize, source: &mut Source<'_>) {
        match source.below(8) {
            0 => {
                for shard in 0..self.shards.len() {
                    self.handle(shard, Input::Shutdown);
                    self.poll(shard);
                }
            }
            1..=3 => {
                let client_identifier = source.text(&templates::NAMES);
                let reason = *source.pick(&[ReasonCode::AdministrativeAction, ReasonCode::ServerMoved]);
                self.handle(number, Input::Disconnect { client_identifier, reason });
            }
            4 => self.handle(number, Input::Memory { is_short: source.below(2) == 1 }),
            _ => {
                // Nobody was asked, so the answer comes too late at best.
                let connection = self.shards[number].id(place);
                let verdict = match source.below(3) {
                    0 => Verdict::Accept { data: None },
                    1 => Verdict::Continue { data: Some(vec![1]) },
                    _ => Verdict::Refuse(ReasonCode::NotAuthorized),
                };
                self.handle(number, Input::Authenticated { connection, verdict });
            }
        }
    }

    fn handle(&mut self, number: usize, input: Input<'_>) {
        self.shards[number].told = self.now;
        self.shards[number].engine.handle(self.now, input);
    }

    fn open(&mut self, number: usize, place: usize) {
        let shard = &mut self.shards[number];
        if shard.places[place].is_open {
            return;
        }
        let generation = shard.places[place].generation + 1;
        shard.places[place] = Place { generation, is_open: true, ..Place::default() };
        let connection = shard.id(place);
        self.handle(number, Input::Opened { connection, peer: Peer::default() });
    }

    fn receive(&mut self, number: usize, place: usize, bytes: &[u8]) {
        let shard = &mut self.shards[number];
        let connection = shard.id(place);
        if shard.places[place].is_open && shard.engine.accepts(connection) {
            shard.places[place].note(bytes);
            self.handle(number, Input::Received { connection, bytes });
        }
    }

    fn lose(&mut self, number: usize, place: usize) {
        let shard = &mut self.shards[number];
        let connection = shard.id(place);
        if core::mem::take(&mut shard.places[place].is_open) {
            self.handle(number, Input::Closed { connection });
        }
    }

    /// The socket takes some bytes.
    fn sent(&mut self, number: usize, place: usize, most: usize) {
        let shard = &mut self.shards[number];
        let connection = shard.id(place);
        let mut slices = Vec::new();
        shard.engine.outgoing(connection, &mut slices);
        let unsent: Vec<u8> = slices.concat();
        let bytes = unsent.len().min(most);
        shard.places[place].take(&unsent[..bytes]);
        self.handle(number, Input::Sent { connection, bytes });
    }

    fn persisted(&mut self, number: usize, count: usize) {
        let log = &mut self.shards[number].log;
        let last = log.drain(..count.min(log.len())).next_back();
        if let Some(last) = last {
            self.handle(number, Input::Persisted(last));
        }
    }

    fn mail(&mut self, number: usize, source: &mut Source<'_>) {
        match self.shards[number].mail.pop_front() {
            Some(Mail::Forwarded { from, mut batch }) => {
                if source.u8() == 0xFF {
                    let place = usize::from(source.u16()) % batch.len();
                    batch[place] ^= source.u8();
                }
                self.handle(number, Input::Forwarded { from, batch: &batch });
            }
            Some(Mail::Connection(received)) => {
                let place = (0..PLACES).find(|place| !self.shards[number].places[*place].is_open);
                if let Some(place) = place {
                    self.open(number, place);
                    self.receive(number, place, &received);
                }
            }
            None => {}
        }
    }

    fn poll(&mut self, number: usize) {
        for _ in 0..POLLS_MAX {
            match self.shards[number].engine.poll() {
                Output::Transmit(connection) => {
                    let is_here = self.shards[number].id(connection.index as usize) == connection;
                    assert!(is_here, "a write to a connection that is gone");
                }
                Output::Close { connection, farewell } => self.shards[number].close(connection, &farewell),
                Output::HandOver { connection, shard, received, .. } => {
                    self.shards[number].places[connection.index as usize].is_open = false;
                    self.shards[usize::from(shard.0)].mail.push_back(Mail::Connection(received));
                }
                Output::Persist { batch, .. } => self.shards[number].log.push_back(batch),
                Output::Forward { to, batch } => {
                    assert!(!batch.is_empty() && usize::from(to.0) != number, "mail to nobody");
                    let from = ShardId(u16::try_from(number).expect("there are few shards"));
                    self.shards[usize::from(to.0)].mail.push_back(Mail::Forwarded { from, batch });
                }
                Output::Authenticate { .. } => panic!("nobody wants to ask"),
                Output::Control(request) => {
                    let answer = ControlAnswer::Unavailable;
                    let now = self.now;
                    let input = Input::Controlled { request: request.id, answer };
                    self.shards[number].engine.handle(now, input);
                }
                Output::Notice(_) => {}
                Output::WakeAt(at) => {
                    let is_late = at.is_some_and(|at| at <= self.shards[number].told);
                    assert!(!is_late, "a time that has come is not handled");
                    return;
                }
            }
        }
        panic!("a shard does not come to rest");
    }

    /// All connections are lost and all that is on its way arrives: nothing may be left but Sessions.
    fn finish(&mut self) {
        const ROUNDS_MAX: usize = 100;
        for _ in 0..ROUNDS_MAX {
            self.now = self.now + Duration::from_hours(1);
            for number in 0..self.shards.len() {
                for place in 0..PLACES {
                    self.sent(number, place, usize::MAX);
                    self.poll(number);
                    self.lose(number, place);
                    self.poll(number);
                }
                self.handle(number, Input::WakeUp);
                self.poll(number);
                self.persisted(number, usize::MAX);
                self.poll(number);
                self.mail(number, &mut Source::new(&[]));
                self.poll(number);
                self.shards[number].engine.end_turn();
            }
            if self.shards.iter().all(Shard::is_quiet) {
                break;
            }
        }
        for shard in self.shards.iter().filter(|shard| shard.is_quiet()) {
            let status = shard.engine.status();
            assert_eq!(status.connections, 0, "a connection is left: {status:?}");
            if status.sessions == 0 {
                assert_eq!((status.subscriptions, status.queued_messages), (0, 0), "{status:?}");
            }
        }
    }
}

impl Shard {
    fn id(&self, place: usize) -> ConnectionId {
        let index = u32::try_from(place).expect("there are few places");
        ConnectionId { index, generation: self.places[place].generation }
    }

    fn is_quiet(&self) -> bool {
        self.mail.is_empty() && self.log.is_empty() && self.places.iter().all(|place| !place.is_open)
    }

    fn close(&mut self, connection: ConnectionId, farewell: &[u8]) {
        let number = connection.index as usize;
        if self.id(number) == connection && core::mem::take(&mut self.places[number].is_open) {
            self.places[number].take(farewell);
            assert!(self.places[number].sent.is_empty(), "the last packet is not whole");
        }
        let mut slices = Vec::new();
        self.engine.outgoing(connection, &mut slices);
        assert!(slices.is_empty(), "something is left of a closed connection");
    }
}

impl Place {
    /// Remembers what the client sent until that tells the version.
    fn note(&mut self, bytes: &[u8]) {
        if self.version.is_some() {
            return;
        }
        self.received.extend_from_slice(bytes);
        let Ok(Some(header)) = fixed_header(None, &self.received) else { return };
        let Some(packet) = self.received.get(..header.packet_len()) else { return };
        if let Ok(Packet::Connect(connect)) = decode(ProtocolVersion::Mqtt5, packet) {
            self.version = Some(connect.version);
        }
    }

    /// The client gets bytes: whole packets of its version. A refusal may come before the version is known.
    fn take(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
        while let Some(header) =
            fixed_header(self.version, &self.sent).expect("what is sent has good headers")
        {
            if self.sent.len() < header.packet_len() {
                return;
            }
            let packet: Vec<u8> = self.sent.drain(..header.packet_len()).collect();
            let versions = match self.version {
                Some(version) => vec![version],
                None => vec![ProtocolVersion::Mqtt5, ProtocolVersion::Mqtt311],
            };
            let is_good = versions.iter().any(|version| decode(*version, &packet).is_ok());
            assert!(is_good, "{:?} was sent {packet:x?}", self.version);
        }
    }
}
