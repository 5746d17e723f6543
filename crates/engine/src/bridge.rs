//! The near end of a bridge: its Session is at the same time that of a client of another broker.

use crate::clients::SessionId;
use crate::message::Message;
use crate::records::Record;
use crate::{BridgeEnd, Config, Engine, Peer};

impl Engine {
    /// The Session goes on as that of a bridge at the other broker does.
    pub(crate) fn attach_bridge(&mut self, session_id: SessionId, bridge: BridgeEnd) {
        let Some(session) = self.clients.get_mut(session_id) else { return };
        if session.state.outbound.is_empty() {
            session.state.outbound.go_on_behind(bridge.last_packet_id);
        }
        if !bridge.has_new_session {
            return;
        }
        let void: Vec<_> = session.state.inbound.taken_over_ids().collect();
        for id in void {
            let Some(session) = self.clients.get_mut(session_id) else { return };
            session.state.inbound.release(id);
            // What was to take effect at its PUBREL takes effect now: there will be none.
            if let Some(mut publication) = session.unreleased.take(id).as_ref().and_then(Message::publication)
            {
                self.begin_exactly_once(session_id, publication.qos);
                self.take_effect(&mut publication);
            }
            self.record(session_id, |session| Record::Released { session, id });
        }
    }
}

impl Config {
    /// Whether so many bytes are unsent that QoS 0 messages to a peer are dropped. A bridge, which stands for many, has the room
    /// of a Session.
    pub(crate) fn is_too_much_unsent(&self, bytes: usize, peer: &Peer) -> bool {
        let limits = &self.limits;
        bytes >= limits.out_buffer_bytes_max && (peer.bridge().is_none() || bytes >= limits.queued_bytes_max)
    }
}

#[cfg(test)]
mod tests {
    use martlet_wire::{
        Ack, Connect, Delivery, Packet, PacketId, Properties, Property, ProtocolVersion, Publish, QoS,
        Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionOptions, TopicFilter, TopicName, decode,
        fixed_header,
    };

    use crate::access::{Access, Decision, Newcomer};
    use crate::{
        BridgeEnd, Commons, Config, ConnectionId, Engine, Input, Instant, Output, Peer, ReasonCode, ShardId,
    };

    const NOW: Instant = Instant::from_millis(0);

    /// More than may be unsent to others.
    const QUEUED_BYTES_MAX: usize = 1 << 20;

    /// Lets nobody in and nothing through.
    struct Nobody;

    impl Access for Nobody {
        fn connect(&mut self, _: &Newcomer<'_>) -> Decision {
            Decision::Refuse(ReasonCode::NotAuthorized)
        }
    }

    struct Shard {
        engine: Engine,
        connections: u32,
    }

    impl Shard {
        fn new() -> Self {
            let mut config = Config::default();
            config.limits.queued_bytes_max = QUEUED_BYTES_MAX;
            let engine = Engine::new(config.clone(), ShardId(0), Commons::new(1, &config));
            Self { engine: engine.with_access(Box::new(Nobody)), connections: 0 }
        }

        /// A bridge connects; what it is sent.
        fn connect(&mut self, end: BridgeEnd) -> (ConnectionId, Vec<String>) {
            let connection = ConnectionId { index: self.connections, generation: 1 };
            self.connections += 1;
            self.engine.handle(NOW, Input::Opened { connection, peer: Peer::of_bridge(end) });
            let properties = [Property::SessionExpiryInterval(u32::MAX)];
            let connect = Connect {
                version: ProtocolVersion::Mqtt5,
                bridge: false,
                clean_start: false,
                keep_alive: 0,
                properties: Properties::list(&properties),
                client_identifier: "near",
                will: None,
                user_name: None,
                password: None,
            };
            (connection, self.send(connection, &Packet::Connect(connect)))
        }

        fn send(&mut self, connection: ConnectionId, packet: &Packet<'_>) -> Vec<String> {
            let mut bytes = Vec::new();
            packet.encode(ProtocolVersion::Mqtt5, &mut bytes).unwrap();
            self.engine.handle(NOW, Input::Received { connection, bytes: &bytes });
            let mut all = Vec::new();
            loop {
                match self.engine.poll() {
                    Output::Transmit(to) => {
                        let mut slices = Vec::new();
                        self.engine.outgoing(to, &mut slices);
                        let bytes = slices.concat();
                        if to == connection {
                            all.extend(words(&bytes));
                        }
                        self.engine.handle(NOW, Input::Sent { connection: to, bytes: bytes.len() });
                    }
                    Output::WakeAt(_) => return all,
                    _ => {}
                }
            }
        }
    }

    fn words(bytes: &[u8]) -> Vec<String> {
        let (mut rest, mut all) = (bytes, Vec::new());
        while let Some(header) = fixed_header(Some(ProtocolVersion::Mqtt5), rest).unwrap() {
            let (packet, behind) = rest.split_at(header.packet_len());
            rest = behind;
            all.push(match decode(ProtocolVersion::Mqtt5, packet).unwrap() {
                Packet::Publish(it) => {
                    format!("PUBLISH {}", it.delivery.packet_id().map_or(0, PacketId::get))
                }
                Packet::PubComp(it) => format!("PUBCOMP {}", it.reason.name()),
                other => other.packet_type().name().to_owned(),
            });
        }
        all
    }

    fn id(number: u16) -> PacketId {
        PacketId::new(number).unwrap()
    }

    fn publish(topic: &str, qos: QoS, number: u16) -> Packet<'_> {
        Packet::Publish(Publish {
            topic: Some(TopicName::parse(topic).unwrap()),
            delivery: Delivery::new(qos, false, id(number)),
            retain: false,
            properties: Properties::EMPTY,
            payload: b"x",
        })
    }

    fn subscribe() -> Vec<u8> {
        let filter = TopicFilter::parse("out/#").unwrap();
        let options = SubscriptionOptions { maximum_qos: QoS::ExactlyOnce, ..SubscriptionOptions::default() };
        let requests = [SubscribeRequest { filter, options }];
        let requests = SubscribeRequests::list(&requests);
        let mut bytes = Vec::new();
        Packet::Subscribe(Subscribe { id: id(1), properties: Properties::EMPTY, requests })
            .encode(ProtocolVersion::Mqtt5, &mut bytes)
            .unwrap();
        bytes
    }

    #[test]
    fn it_is_let_in_unasked_and_its_identifiers_follow_those_that_were_used() {
        let mut shard = Shard::new();
        let (near, sent) = shard.connect(BridgeEnd { last_packet_id: 7, ..BridgeEnd::default() });
        assert_eq!(sent, ["CONNACK"]);
        shard.engine.handle(NOW, Input::Received { connection: near, bytes: &subscribe() });
        let sent = shard.send(near, &publish("out/a", QoS::AtLeastOnce, 1));
        assert!(sent.contains(&"PUBLISH 8".to_owned()), "{sent:?}");
    }

    #[test]
    fn one_that_only_subscribes_gets_nothing_but_qos_0() {
        let mut shard = Shard::new();
        let (near, _) = shard.connect(BridgeEnd { only_subscribes: true, ..BridgeEnd::default() });
        shard.engine.handle(NOW, Input::Received { connection: near, bytes: &subscribe() });
        let sent = shard.send(near, &publish("out/a", QoS::AtLeastOnce, 1));
        assert!(!sent.iter().any(|it| it.starts_with("PUBLISH")), "{sent:?}");
        assert_eq!(shard.send(near, &publish("out/a", QoS::AtMostOnce, 1)), ["PUBLISH 0"]);
        let (_, sent) = shard.connect(BridgeEnd { last_packet_id: 4, ..BridgeEnd::default() });
        assert_eq!(sent, ["CONNACK", "PUBLISH 5"], "it has waited");
    }

    #[test]
    fn a_burst_of_qos_0_has_the_room_of_a_session() {
        let mut shard = Shard::new();
        let (near, _) = shard.connect(BridgeEnd::default());
        shard.engine.handle(NOW, Input::Received { connection: near, bytes: &subscribe() });
        let mut one = Vec::new();
        publish("out/a", QoS::AtMostOnce, 1).encode(ProtocolVersion::Mqtt5, &mut one).unwrap();
        let count = 2 * Config::default().limits.out_buffer_bytes_max / one.len();
        shard.engine.handle(NOW, Input::Received { connection: near, bytes: &one.repeat(count) });
        let sent = shard.send(near, &publish("out/a", QoS::AtMostOnce, 1));
        assert_eq!(sent.iter().filter(|word| *word == "PUBLISH 0").count(), count + 1);

        let beyond = QUEUED_BYTES_MAX / one.len() + 2;
        shard.engine.handle(NOW, Input::Received { connection: near, bytes: &one.repeat(beyond) });
        assert!(shard.engine.status().dropped_out_buffer_full > 0, "but not more");
    }

    #[test]
    fn identifiers_of_received_messages_are_free_when_the_other_broker_begins_anew() {
        for (has_new_session, expected) in [(false, "Success"), (true, "Packet Identifier not found")] {
            let mut shard = Shard::new();
            let (near, _) = shard.connect(BridgeEnd::default());
            assert_eq!(shard.send(near, &publish("in/a", QoS::ExactlyOnce, 3)), ["PUBREC"]);
            let (near, _) = shard.connect(BridgeEnd { has_new_session, ..BridgeEnd::default() });
            let sent = shard.send(near, &Packet::PubRel(Ack::success(id(3))));
            assert_eq!(sent, [format!("PUBCOMP {expected}")]);
        }
    }
}
