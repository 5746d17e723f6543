//! One engine with connections in memory, whose sockets take everything at once.

use martlet_engine::{Commons, Config, ConnectionId, Engine, Input, Instant, Output, Peer, ShardId, Status};
use martlet_wire::{Connect, Packet, Properties, ProtocolVersion};

/// An engine of one shard and its driver.
pub(crate) struct Driver {
    engine: Engine,
    now: Instant,
    /// Bytes sent to all clients.
    pub(crate) sent: usize,
}

impl Driver {
    pub(crate) fn new(config: Config) -> Self {
        let commons = Commons::new(1, &config);
        Self { engine: Engine::new(config, ShardId(0), commons), now: Instant::from_millis(1), sent: 0 }
    }

    /// Opens connection number `index` and lets its client in.
    pub(crate) fn connect(&mut self, index: u32) {
        self.engine.handle(self.now, Input::Opened { connection: name(index), peer: Peer::default() });
        let client_identifier = format!("client-{index}");
        self.send(
            index,
            &Packet::Connect(Connect {
                version: ProtocolVersion::Mqtt5,
                bridge: false,
                clean_start: true,
                keep_alive: 0,
                properties: Properties::EMPTY,
                client_identifier: &client_identifier,
                will: None,
                user_name: None,
                password: None,
            }),
        );
    }

    /// A client sends a packet.
    pub(crate) fn send(&mut self, index: u32, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        if packet.encode(ProtocolVersion::Mqtt5, &mut bytes).is_ok() {
            self.engine.handle(self.now, Input::Received { connection: name(index), bytes: &bytes });
            self.settle();
        }
    }

    /// The network of a client fails.
    pub(crate) fn close(&mut self, index: u32) {
        self.engine.handle(self.now, Input::Closed { connection: name(index) });
        self.settle();
    }

    pub(crate) fn status(&self) -> Status {
        self.engine.status()
    }

    fn settle(&mut self) {
        loop {
            match self.engine.poll() {
                Output::Transmit(connection) => {
                    let mut slices = Vec::new();
                    self.engine.outgoing(connection, &mut slices);
                    let bytes = slices.iter().map(|slice| slice.len()).sum();
                    self.sent += bytes;
                    self.engine.handle(self.now, Input::Sent { connection, bytes });
                }
                Output::Persist { batch, .. } => self.engine.handle(self.now, Input::Persisted(batch)),
                Output::WakeAt(_) => break,
                _ => {}
            }
        }
        self.engine.end_turn();
    }
}

fn name(index: u32) -> ConnectionId {
    ConnectionId { index, generation: 0 }
}
