//! A client that sends and takes single packets, and notes all that comes.

use core::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use interop::DEADLINE;
use martlet_wire::{
    Ack, Connect, Delivery, Packet, PacketId, Properties, Property, ProtocolVersion, Publish, QoS,
    RetainHandling, Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionIdentifier,
    SubscriptionOptions, TopicFilter, TopicName, decode, fixed_header,
};

/// What a subscription asks for.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) qos: QoS,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) retain_handling: RetainHandling,
    pub(crate) identifier: Option<SubscriptionIdentifier>,
}

/// Something that came.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Received(String);

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A connected client.
pub(crate) struct Client {
    stream: TcpStream,
    version: ProtocolVersion,
    unread: Vec<u8>,
    session_present: bool,
}

impl Client {
    /// Connects to a Session that is there, or makes one. `expiry` is for MQTT 5.
    pub(crate) fn connect(port: u16, name: &str, version: ProtocolVersion, expiry: u32) -> Self {
        Self::with(port, name, version, &[Property::SessionExpiryInterval(expiry)])
    }

    pub(crate) fn with_receive_maximum(port: u16, name: &str, maximum: u16) -> Self {
        let maximum = core::num::NonZeroU16::new(maximum).unwrap();
        let properties = [Property::SessionExpiryInterval(1_000), Property::ReceiveMaximum(maximum)];
        Self::with(port, name, ProtocolVersion::Mqtt5, &properties)
    }

    fn with(port: u16, name: &str, version: ProtocolVersion, properties: &[Property<'_>]) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut client = Self { stream, version, unread: Vec::new(), session_present: false };
        let properties = if version.has_properties() { properties } else { &[] };
        client.send(&Packet::Connect(Connect {
            version,
            bridge: false,
            clean_start: false,
            keep_alive: 60,
            properties: Properties::list(properties),
            client_identifier: name,
            will: None,
            user_name: None,
            password: None,
        }));
        let connack = client.receive();
        let Packet::ConnAck(connack) = client.decode(&connack) else { panic!("no CONNACK: {connack:?}") };
        client.session_present = connack.session_present;
        client
    }

    pub(crate) fn session_present(&self) -> bool {
        self.session_present
    }

    pub(crate) fn leave(mut self) {
        self.ping();
        // MQTT 5 and 3.1.1 have the same short DISCONNECT.
        self.stream.write_all(&[0xe0, 0]).unwrap();
        let _ = self.stream.read_to_end(&mut Vec::new());
    }

    pub(crate) fn subscribe(&mut self, filter: &str, terms: Terms) {
        let identifier = terms.identifier.map(Property::SubscriptionIdentifier);
        let is_v5 = self.version.has_properties();
        let options = SubscriptionOptions {
            maximum_qos: terms.qos,
            no_local: terms.no_local && is_v5,
            retain_as_published: terms.retain_as_published && is_v5,
            retain_handling: if is_v5 { terms.retain_handling } else { RetainHandling::SendAtSubscribe },
        };
        let requests = [SubscribeRequest { filter: TopicFilter::parse(filter).unwrap(), options }];
        self.send(&Packet::Subscribe(Subscribe {
            id: PacketId::new(1).unwrap(),
            properties: Properties::list(identifier.as_slice()),
            requests: SubscribeRequests::list(&requests),
        }));
        // A retained message may come before SUBACK. `drain` takes it.
    }

    /// Publishes a message, and has it acknowledged to the end by the next [`Client::drain`] or [`Client::ping`].
    pub(crate) fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        retain: bool,
        with: &[Property<'_>],
    ) {
        let id = PacketId::new(100).unwrap();
        self.send(&Packet::Publish(Publish {
            topic: Some(TopicName::parse(topic).unwrap()),
            delivery: Delivery::new(qos, false, id),
            retain,
            properties: Properties::list(with),
            payload,
        }));
        if qos == QoS::ExactlyOnce {
            self.release(100);
        }
    }

    pub(crate) fn publish_without_release(&mut self, topic: &str, payload: &[u8], id: u16) {
        self.send(&Packet::Publish(Publish {
            topic: Some(TopicName::parse(topic).unwrap()),
            delivery: Delivery::ExactlyOnce { dup: false, id: PacketId::new(id).unwrap() },
            retain: false,
            properties: Properties::EMPTY,
            payload,
        }));
    }

    pub(crate) fn release(&mut self, id: u16) {
        self.send(&Packet::PubRel(Ack::success(PacketId::new(id).unwrap())));
    }

    /// Takes so many messages, and sends PUBREC for the one with this topic alone.
    pub(crate) fn receive_and_answer_pubrec(&mut self, count: usize, topic: &str) {
        let mut taken = 0;
        while taken < count {
            let bytes = self.receive();
            let Packet::Publish(publish) = self.decode(&bytes) else { continue };
            taken += 1;
            if publish.topic.is_some_and(|it| it.as_str() == topic)
                && let Delivery::ExactlyOnce { id, .. } = publish.delivery
            {
                self.send(&Packet::PubRec(Ack::success(id)));
            }
        }
        self.ping();
    }

    /// Waits until the broker has taken all that was sent. What comes meanwhile is not answered.
    pub(crate) fn ping(&mut self) {
        self.send(&Packet::PingReq);
        loop {
            let bytes = self.receive();
            if matches!(self.decode(&bytes), Packet::PingResp) {
                return;
            }
        }
    }

    /// Takes and acknowledges all that comes, until nothing more does: PUBREL first, whose order does not matter, then
    /// messages in their order.
    pub(crate) fn drain(&mut self) -> Vec<Received> {
        let (mut releases, mut messages) = (Vec::new(), Vec::new());
        loop {
            self.send(&Packet::PingReq);
            let before = releases.len() + messages.len();
            loop {
                let bytes = self.receive();
                match self.decode(&bytes) {
                    Packet::Publish(publish) => {
                        messages.push(Received(describe(&publish)));
                        match publish.delivery {
                            Delivery::AtMostOnce => {}
                            Delivery::AtLeastOnce { id, .. } => self.send(&Packet::PubAck(Ack::success(id))),
                            Delivery::ExactlyOnce { id, .. } => self.send(&Packet::PubRec(Ack::success(id))),
                        }
                    }
                    Packet::PubRel(release) => {
                        self.send(&Packet::PubComp(Ack::success(release.id)));
                        releases.push(Received(format!("PUBREL {}", release.id.get())));
                    }
                    Packet::PingResp => break,
                    _ => {}
                }
            }
            if before == releases.len() + messages.len() {
                break;
            }
        }
        releases.sort();
        releases.extend(messages);
        releases
    }

    fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    /// The bytes of the next packet.
    fn receive(&mut self) -> Vec<u8> {
        loop {
            if let Some(header) = fixed_header(Some(self.version), &self.unread).unwrap()
                && self.unread.len() >= header.packet_len()
            {
                return self.unread.drain(..header.packet_len()).collect();
            }
            let mut buffer = [0; 4096];
            let count = self.stream.read(&mut buffer).expect("the broker answers in time");
            assert!(count > 0, "the broker has closed the connection");
            self.unread.extend_from_slice(&buffer[..count]);
        }
    }

    fn decode<'a>(&self, bytes: &'a [u8]) -> Packet<'a> {
        decode(self.version, bytes).unwrap()
    }
}

/// All about a message, but for how long it lives: that is told as whether it ends at all.
fn describe(publish: &Publish<'_>) -> String {
    let topic = publish.topic.map_or("", |topic| topic.as_str());
    let mut text = format!("{topic} {:?} {:?}", publish.delivery, publish.payload);
    if publish.retain {
        text.push_str(" retained");
    }
    let mut properties: Vec<_> = publish
        .properties
        .iter()
        .map(|property| match property {
            Property::MessageExpiryInterval(_) => "expires".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    // The order of User Properties counts, that of others does not.
    properties.sort_by_key(|property| !property.starts_with("UserProperty"));
    let users = properties.iter().take_while(|property| property.starts_with("UserProperty")).count();
    properties[users..].sort();
    format!("{text} {}", properties.join(" "))
}
