//! An engine that is fed anything.

use core::time::Duration;

use martlet_engine::{
    BatchId, Commons, Config, ConnectionId, ControlAnswer, Engine, Input, Instant, Limits, Output, Peer,
    ShardId,
};
use martlet_wire::{ProtocolVersion, fixed_header};

/// How many connections there are at most.
const CONNECTIONS: u8 = 4;

struct World {
    engine: Engine,
    now: Instant,
    /// For each place, which connection has it, and the bytes that the client got.
    open: [Option<(u32, Vec<u8>)>; CONNECTIONS as usize],
    generation: u32,
}

/// Any bytes on a few connections, opened and closed in any order, make the engine neither panic nor send what is no
/// packet; and nothing is left when all are gone.
///
/// The bytes are operations: a first byte that chooses one and its connection, then what it needs.
///
/// # Panics
/// If one of these does not hold.
pub fn engine(data: &[u8]) {
    let limits = Limits { packet_size_bytes_max: 1 << 16, queued_messages_max: 50, ..Limits::default() };
    let config = Config { limits, seed: 1, ..Config::default() };
    let commons = Commons::new(1, &config);
    let mut world = World {
        engine: Engine::new(config, ShardId(0), commons),
        now: Instant::from_millis(1),
        open: [const { None }; CONNECTIONS as usize],
        generation: 0,
    };
    world.engine.restored(world.now, BatchId(0));
    let mut rest = data;
    while let [operation, length, tail @ ..] = rest {
        let place = operation % CONNECTIONS;
        rest = match operation / CONNECTIONS % 8 {
            0 => {
                world.close(place);
                tail
            }
            1 => {
                world.now = world.now + Duration::from_secs(u64::from(*length));
                world.engine.handle(world.now, Input::WakeUp);
                tail
            }
            _ => {
                let (bytes, tail) = tail.split_at(tail.len().min(usize::from(*length)));
                world.receive(place, bytes);
                tail
            }
        };
        world.settle();
    }
    for place in 0..CONNECTIONS {
        world.close(place);
    }
    world.settle();
    assert_eq!(world.engine.status().connections, 0, "no connection is left");
}

impl World {
    fn id(&self, place: u8) -> Option<ConnectionId> {
        let (generation, _) = self.open[usize::from(place)].as_ref()?;
        Some(ConnectionId { index: u32::from(place), generation: *generation })
    }

    fn close(&mut self, place: u8) {
        if let Some(connection) = self.id(place) {
            self.open[usize::from(place)] = None;
            self.engine.handle(self.now, Input::Closed { connection });
        }
    }

    fn receive(&mut self, place: u8, bytes: &[u8]) {
        if self.id(place).is_none() {
            self.generation += 1;
            self.open[usize::from(place)] = Some((self.generation, Vec::new()));
            if let Some(connection) = self.id(place) {
                self.engine.handle(self.now, Input::Opened { connection, peer: Peer::default() });
            }
        }
        if let Some(connection) = self.id(place)
            && self.engine.accepts(connection)
        {
            self.engine.handle(self.now, Input::Received { connection, bytes });
        }
    }

    fn settle(&mut self) {
        loop {
            match self.engine.poll() {
                Output::Transmit(connection) => {
                    let mut slices = Vec::new();
                    self.engine.outgoing(connection, &mut slices);
                    let bytes = slices.concat();
                    self.engine.handle(self.now, Input::Sent { connection, bytes: bytes.len() });
                    self.sent(connection, &bytes);
                }
                Output::Close { connection, farewell } => {
                    self.sent(connection, &farewell);
                    self.open[connection.index as usize] = None;
                }
                Output::Persist { batch, .. } => self.engine.handle(self.now, Input::Persisted(batch)),
                Output::HandOver { .. } | Output::Forward { .. } | Output::Authenticate { .. } => {
                    panic!("there is one shard, and no mechanism of authentication")
                }
                Output::Control(request) => {
                    let answer = ControlAnswer::Unavailable;
                    self.engine.handle(self.now, Input::Controlled { request: request.id, answer });
                }
                Output::Notice(_) => {}
                Output::WakeAt(_) => break,
            }
        }
        self.engine.end_turn();
        let status = self.engine.status();
        assert_eq!(status.unsent_bytes, 0, "every byte was taken");
        assert!(status.sessions_connected <= status.connections);
    }

    /// What a client gets is whole packets of its version.
    fn sent(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let Some((_, received)) = &mut self.open[connection.index as usize] else { return };
        received.extend_from_slice(bytes);
        let is_packet = |bytes: &[u8]| {
            [ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5]
                .iter()
                .any(|version| martlet_wire::decode(*version, bytes).is_ok())
        };
        while let Some(header) = fixed_header(None, received).expect("the engine sends packets") {
            let Some(packet) = received.get(..header.packet_len()) else { break };
            assert!(is_packet(packet), "{packet:02x?} is no packet");
            received.drain(..header.packet_len());
        }
        assert!(received.is_empty(), "the engine sends whole packets");
    }
}
