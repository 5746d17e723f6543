//! Shards with clients, whose logs go to a store on the disk as a broker writes it.

use std::path::Path;

use martlet_engine::{
    BatchId, Commons, Config, ConnectionId, Engine, Input, Instant, Output, Peer, ShardId, shard_of,
};
use martlet_store::{Identity, LocalDisk, Log, Options, SEGMENT_BYTES, Store};
use martlet_wire::{
    Connect, Delivery, Packet, PacketId, Properties, Property, ProtocolVersion, Publish, QoS, RetainHandling,
    Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionOptions, TopicFilter, TopicName,
};

/// The wall time in all of these tests.
pub(crate) const NOW: Instant = Instant::from_millis(1_700_000_000_000);

/// Shards, each with its log. What one forwards to another is lost, as it is in a crash.
pub(crate) struct Node {
    engines: Vec<(Engine, Log<LocalDisk>)>,
    next_index: u32,
    _store: Store<LocalDisk>,
}

/// A client that is connected.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    shard: usize,
    connection: ConnectionId,
}

impl Node {
    pub(crate) fn new(location: &Path, shards: u16) -> Self {
        let disk = LocalDisk::create(location).unwrap();
        let identity = Identity { node: 0, shards, created_ms: NOW.as_millis() };
        let store = Store::open(disk, Options { identity, seed: 7, segment_bytes: SEGMENT_BYTES }).unwrap();
        let config = Config::default();
        let commons = Commons::new(shards, &config);
        let mut engines = Vec::new();
        for shard in 0..shards {
            let mut engine = Engine::new(config.clone(), ShardId(shard), commons.clone());
            engine.restored(NOW, BatchId(0));
            let (log, _) = store.log(store.recover(shard).unwrap());
            engines.push((engine, log));
        }
        Self { engines, next_index: 0, _store: store }
    }

    /// A client whose Session never ends, on the shard that it belongs to.
    pub(crate) fn connect(&mut self, client_identifier: &str) -> Client {
        let shards = u16::try_from(self.engines.len()).unwrap();
        let shard = usize::from(shard_of(client_identifier, shards));
        let client = Client { shard, connection: ConnectionId { index: self.next_index, generation: 1 } };
        self.next_index += 1;
        let properties = [Property::SessionExpiryInterval(u32::MAX)];
        self.handle(client, Input::Opened { connection: client.connection, peer: Peer::default() });
        let connect = Connect {
            version: ProtocolVersion::Mqtt5,
            bridge: false,
            clean_start: false,
            keep_alive: 0,
            properties: Properties::list(&properties),
            client_identifier,
            will: None,
            user_name: Some("ann"),
            password: None,
        };
        self.send(client, &Packet::Connect(connect));
        client
    }

    pub(crate) fn subscribe(&mut self, client: Client, filter: &str) {
        let options = SubscriptionOptions {
            maximum_qos: QoS::ExactlyOnce,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::SendAtSubscribe,
        };
        let requests = [SubscribeRequest { filter: TopicFilter::parse(filter).unwrap(), options }];
        let requests = SubscribeRequests::list(&requests);
        let id = PacketId::new(9).unwrap();
        self.send(client, &Packet::Subscribe(Subscribe { id, properties: Properties::EMPTY, requests }));
    }

    pub(crate) fn publish(&mut self, client: Client, topic: &str, payload: &str, retain: bool) {
        let id = PacketId::new(10).unwrap();
        let publish = Publish {
            topic: Some(TopicName::parse(topic).unwrap()),
            delivery: Delivery::AtLeastOnce { dup: false, id },
            retain,
            properties: Properties::EMPTY,
            payload: payload.as_bytes(),
        };
        self.send(client, &Packet::Publish(publish));
    }

    pub(crate) fn leave(&mut self, client: Client) {
        self.handle(client, Input::Closed { connection: client.connection });
    }

    /// Ends in good order.
    pub(crate) fn close(self) {
        for (_, log) in self.engines {
            log.close().unwrap();
        }
    }

    fn send(&mut self, client: Client, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(ProtocolVersion::Mqtt5, &mut bytes).unwrap();
        self.handle(client, Input::Received { connection: client.connection, bytes: &bytes });
    }

    fn handle(&mut self, client: Client, input: Input<'_>) {
        let (engine, log) = &mut self.engines[client.shard];
        engine.handle(NOW, input);
        loop {
            match engine.poll() {
                Output::Persist { batch, records } => {
                    log.append([&records[..]]).unwrap();
                    log.sync().unwrap();
                    engine.handle(NOW, Input::Persisted(batch));
                }
                Output::Transmit(connection) => {
                    let mut slices = Vec::new();
                    engine.outgoing(connection, &mut slices);
                    let bytes = slices.iter().map(|slice| slice.len()).sum();
                    engine.handle(NOW, Input::Sent { connection, bytes });
                }
                Output::WakeAt(_) => break,
                _ => {}
            }
        }
        engine.end_turn();
    }
}
