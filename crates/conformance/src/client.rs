//! One end of a connection in the hands of a test.

use core::task::Poll;
use std::collections::{HashMap, VecDeque};

use martlet_wire::{Packet, ProtocolVersion, QoS, ReasonCode};

use crate::build::{self, ConnectBuilder, Wanted};
use crate::owned::{OwnedAck, OwnedCodes, OwnedConnAck, OwnedPacket, OwnedPublish, OwnedReason};
use crate::raw;

/// What a wait for bytes brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Some bytes were added.
    Bytes,
    /// The broker closed the connection, and all that it sent before has been read.
    Closed,
    /// Nothing came: in memory the engines are at rest, on a socket the deadline passed.
    Nothing,
}

/// The client's end of a byte stream to the broker.
pub(crate) trait Link {
    /// Sends; bytes for a connection that is closed already vanish.
    fn write(&mut self, bytes: &[u8]);

    /// Adds what has arrived to `buffer`, waiting for it if need be.
    fn read(&mut self, buffer: &mut Vec<u8>) -> Arrival;

    /// Adds what has arrived to `buffer`, without waiting and without moving the broker on.
    fn poll(&mut self, buffer: &mut Vec<u8>) -> Arrival;

    /// Ends the connection without a word. What was sent arrives.
    fn close(&mut self);

    /// Ends the connection without a word. What is under way may be lost, in both directions.
    fn abort(&mut self);
}

/// Packet Identifiers that [`Client::publish`] and [`Client::subscribe`] use begin above this; tests that
/// choose their own stay below.
pub const HELPER_IDS_BEGIN: u16 = 1000;

/// Where the harness sends marks that tell it how far the broker is. Clients that subscribe to `#` get them too;
/// [`Client`] leaves them out.
pub(crate) const MARKER_TOPIC: &str = "settle/marker";

/// A client of the broker under test: sends packets or bytes, and expects packets.
///
/// All `expect_` functions panic with what came in place of the expected.
pub struct Client {
    link: Box<dyn Link>,
    version: ProtocolVersion,
    /// Bytes that arrived and are not yet whole packets.
    buffer: Vec<u8>,
    /// Whole packets that arrived and that nobody took yet.
    waiting: VecDeque<Vec<u8>>,
    /// Topic Aliases that the broker has set on this connection.
    aliases: HashMap<u16, String>,
    next_id: u16,
    takes_markers: bool,
}

impl Client {
    pub(crate) fn new(link: Box<dyn Link>) -> Self {
        Self {
            link,
            version: ProtocolVersion::Mqtt5,
            buffer: Vec::new(),
            waiting: VecDeque::new(),
            aliases: HashMap::new(),
            next_id: HELPER_IDS_BEGIN,
            takes_markers: false,
        }
    }

    /// Whether this is a client of the harness, which gets its marks.
    pub(crate) fn takes_markers(&mut self, takes_markers: bool) {
        self.takes_markers = takes_markers;
    }

    /// Sends a packet. A CONNECT sets the version of the connection.
    pub fn send(&mut self, packet: &Packet<'_>) {
        if let Packet::Connect(connect) = packet {
            self.version = connect.version;
        }
        self.link.write(&raw::encode(self.version, packet));
    }

    /// Sends bytes as they are. After a CONNECT in bytes that is not of MQTT 5.0, call [`Client::set_version`].
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.link.write(bytes);
    }

    /// Sets the version in which packets are written and read; MQTT 5.0 until a CONNECT is sent by [`Client::send`].
    pub fn set_version(&mut self, version: ProtocolVersion) {
        self.version = version;
    }

    /// The version of the connection.
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// A Packet Identifier that this client has not used yet, above [`HELPER_IDS_BEGIN`].
    pub fn fresh_id(&mut self) -> u16 {
        self.next_id += 1;
        self.next_id
    }

    /// Closes the connection without DISCONNECT, as a failing network does. What was sent still arrives.
    pub fn drop_connection(&mut self) {
        self.link.close();
    }

    /// Breaks the connection: what was sent last may be lost, and nothing waits for the broker to notice.
    pub fn abort(&mut self) {
        self.link.abort();
    }

    /// The next packet if there is one already; `Ready(None)` if the connection has ended. The rest of a packet that
    /// was cut off by the end is left out.
    ///
    /// In memory the broker moves on by [`Broker::turn`](crate::Broker::turn) only.
    pub fn poll(&mut self) -> Poll<Option<OwnedPacket>> {
        loop {
            if let Some(bytes) = self.waiting.pop_front().or_else(|| self.split()) {
                if self.takes_markers || !is_marker(&bytes) {
                    return Poll::Ready(Some(self.decode(&bytes)));
                }
                continue;
            }
            match self.link.poll(&mut self.buffer) {
                Arrival::Bytes => {}
                Arrival::Closed => return Poll::Ready(None),
                Arrival::Nothing => return Poll::Pending,
            }
        }
    }

    /// Sends DISCONNECT with reason 0x00 and closes the connection.
    pub fn disconnect(&mut self) {
        self.send(&build::disconnect(ReasonCode::NORMAL_DISCONNECTION).packet());
        self.link.close();
    }

    /// The bytes of the next packet, or `None` if the connection was closed.
    ///
    /// # Panics
    /// If nothing comes, or the connection ends in the middle of a packet.
    pub fn receive_raw_or_closed(&mut self) -> Option<Vec<u8>> {
        if let Some(packet) = self.waiting.pop_front() {
            return Some(packet);
        }
        self.pull().expect("nothing came from the broker, and the connection is still open")
    }

    /// The next packet, or `None` if the connection was closed.
    ///
    /// # Panics
    /// As [`Client::receive_raw_or_closed`].
    pub fn receive_or_closed(&mut self) -> Option<OwnedPacket> {
        let bytes = self.receive_raw_or_closed()?;
        Some(self.decode(&bytes))
    }

    /// The bytes of the next packet.
    ///
    /// # Panics
    /// If the connection was closed, and as [`Client::receive_raw_or_closed`].
    pub fn receive_raw(&mut self) -> Vec<u8> {
        self.receive_raw_or_closed().expect("the broker closed the connection and sent no packet")
    }

    /// The next packet.
    ///
    /// # Panics
    /// As [`Client::receive_raw`].
    pub fn receive(&mut self) -> OwnedPacket {
        let bytes = self.receive_raw();
        self.decode(&bytes)
    }

    /// All packets up to the answers to two PINGREQ. The first one may be answered while what came before it waits
    /// for the log of the broker; when the second one is, that has arrived.
    ///
    /// # Panics
    /// If the connection is closed.
    pub fn drain(&mut self) -> Vec<OwnedPacket> {
        let mut packets = Vec::new();
        for _ in 0..2 {
            self.send(&Packet::PingReq);
            loop {
                match self.receive() {
                    OwnedPacket::PingResp => break,
                    packet => packets.push(packet),
                }
            }
        }
        packets
    }

    /// Sends PINGREQ and expects the PINGRESP as the very next packet: the broker has read all that was sent before.
    ///
    /// # Panics
    /// If another packet comes.
    pub fn barrier(&mut self) {
        self.send(&Packet::PingReq);
        self.expect_pingresp();
    }

    /// Expects that no packet waits, and that the connection lives: nothing came before the PINGRESP.
    ///
    /// What other clients caused is waited for by [`Broker::settle`](crate::Broker::settle) before.
    ///
    /// # Panics
    /// If a packet came.
    pub fn expect_nothing(&mut self) {
        let packets = self.drain();
        assert!(packets.is_empty(), "nothing was expected, but there came {packets:?}");
    }

    /// Expects that the broker closed the connection and sent nothing before.
    ///
    /// # Panics
    /// If a packet came, or the connection is open.
    pub fn expect_closed(&mut self) {
        if let Some(packet) = self.receive_or_closed() {
            panic!("the end of the connection was expected, but there came {packet:?}");
        }
    }

    /// Expects a DISCONNECT with this reason, and the end of the connection.
    ///
    /// # Panics
    /// If anything else came.
    pub fn expect_disconnect(&mut self, reason: ReasonCode) -> OwnedReason {
        match self.receive_or_closed() {
            Some(OwnedPacket::Disconnect(disconnect)) => {
                assert_eq!(disconnect.reason, reason, "the reason of DISCONNECT");
                self.expect_closed();
                disconnect
            }
            Some(packet) => panic!("DISCONNECT ({reason}) was expected, but there came {packet:?}"),
            None => panic!("DISCONNECT ({reason}) was expected, but the connection was closed"),
        }
    }

    /// Expects a CONNACK with this reason and without Session Present, and the end of the connection.
    ///
    /// # Panics
    /// If anything else came.
    pub fn expect_refused(&mut self, reason: ReasonCode) -> OwnedConnAck {
        match self.receive_or_closed() {
            Some(OwnedPacket::ConnAck(connack)) => {
                assert_eq!(connack.reason, reason, "the reason of CONNACK");
                assert!(!connack.session_present, "no Session Present in a refusal");
                self.expect_closed();
                connack
            }
            Some(packet) => panic!("CONNACK ({reason}) was expected, but there came {packet:?}"),
            None => panic!("CONNACK ({reason}) was expected, but the connection was closed"),
        }
    }

    /// Expects the end of the connection, with or without a DISCONNECT of an error, or a refusing CONNACK, before.
    ///
    /// For rules that demand the closing only.
    ///
    /// # Panics
    /// If anything else came.
    pub fn expect_ended(&mut self) {
        match self.receive_or_closed() {
            None => return,
            Some(OwnedPacket::Disconnect(end)) if end.reason.is_error() => {}
            Some(OwnedPacket::ConnAck(connack)) if connack.reason.is_error() => {}
            Some(packet) => panic!("the end of the connection was expected, but there came {packet:?}"),
        }
        self.expect_closed();
    }

    /// Expects that the client is not let in: the end of the connection, with or without a CONNACK of an error
    /// before. A DISCONNECT must not come before a CONNACK of success [MQTT-3.14.0-1].
    ///
    /// # Panics
    /// If anything else came.
    pub fn expect_turned_away(&mut self) -> Option<OwnedConnAck> {
        match self.receive_or_closed() {
            None => None,
            Some(OwnedPacket::ConnAck(connack)) if connack.reason.is_error() => {
                assert!(!connack.session_present, "no Session Present in a refusal");
                self.expect_closed();
                Some(connack)
            }
            Some(packet) => panic!("a refusal was expected, but there came {packet:?}"),
        }
    }

    /// Subscribes to one filter and returns the reason codes. PUBLISH packets that come before the SUBACK
    /// are kept for later.
    ///
    /// # Panics
    /// If no fitting SUBACK comes.
    pub fn subscribe(&mut self, filter: &str, wanted: impl Into<Wanted>) -> Vec<ReasonCode> {
        let id = self.fresh_id();
        self.send(&build::subscribe(id).filter(filter, wanted).packet());
        self.later(|packet| match packet {
            OwnedPacket::SubAck(suback) if suback.id == id => Some(suback.codes),
            _ => None,
        })
    }

    /// Unsubscribes from one filter and returns the reason codes (none in 3.1.1).
    ///
    /// # Panics
    /// If no fitting UNSUBACK comes.
    pub fn unsubscribe(&mut self, filter: &str) -> Vec<ReasonCode> {
        let id = self.fresh_id();
        self.send(&build::unsubscribe(id).filter(filter).packet());
        self.later(|packet| match packet {
            OwnedPacket::UnsubAck(unsuback) if unsuback.id == id => Some(unsuback.codes),
            _ => None,
        })
    }

    /// Publishes one message with the full handshake of its QoS, and returns the reason of PUBACK or PUBREC
    /// (on QoS 0 Success at once). Other packets that come meanwhile are kept for later.
    ///
    /// # Panics
    /// If a handshake does not complete.
    pub fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>, qos: QoS) -> ReasonCode {
        let publish = build::publish(topic).payload(payload.as_ref());
        self.publish_packet(publish, qos)
    }

    /// Publishes a retained message with the full handshake, as [`Client::publish`].
    ///
    /// # Panics
    /// If a handshake does not complete.
    pub fn publish_retained(&mut self, topic: &str, payload: impl AsRef<[u8]>, qos: QoS) -> ReasonCode {
        let publish = build::publish(topic).payload(payload.as_ref()).retain();
        self.publish_packet(publish, qos)
    }

    /// Sends this PUBLISH with the given QoS and a fresh Packet Identifier, and completes the handshake.
    ///
    /// # Panics
    /// If a handshake does not complete.
    pub fn publish_packet(&mut self, publish: build::PublishBuilder<'_>, qos: QoS) -> ReasonCode {
        let id = self.fresh_id();
        self.send(&publish.qos(qos, id).packet());
        match qos {
            QoS::AtMostOnce => ReasonCode::Success,
            QoS::AtLeastOnce => self.later(|packet| match packet {
                OwnedPacket::PubAck(ack) if ack.id == id => Some(ack.reason),
                _ => None,
            }),
            QoS::ExactlyOnce => {
                let reason = self.later(|packet| match packet {
                    OwnedPacket::PubRec(ack) if ack.id == id => Some(ack.reason),
                    _ => None,
                });
                if !reason.is_error() {
                    self.send(&build::pubrel(id).packet());
                    let end = self.later(|packet| match packet {
                        OwnedPacket::PubComp(ack) if ack.id == id => Some(ack.reason),
                        _ => None,
                    });
                    assert_eq!(end, ReasonCode::Success, "the reason of PUBCOMP");
                }
                reason
            }
        }
    }

    /// Does the receiver's part for a message of QoS 1 or 2, to its end.
    ///
    /// # Panics
    /// If the PUBREL does not come.
    pub fn acknowledge(&mut self, publish: &OwnedPublish) {
        match publish.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => self.send(&build::puback(publish.id).packet()),
            QoS::ExactlyOnce => {
                self.send(&build::pubrec(publish.id).packet());
                self.later(|packet| match packet {
                    OwnedPacket::PubRel(ack) if ack.id == publish.id => Some(()),
                    _ => None,
                });
                self.send(&build::pubcomp(publish.id).packet());
            }
        }
    }

    /// Waits for a packet that `wanted` takes. All others that come before stay, in their order, for later calls.
    fn later<T>(&mut self, wanted: impl Fn(OwnedPacket) -> Option<T>) -> T {
        let mut index = 0;
        loop {
            while let Some(bytes) = self.waiting.get(index) {
                if let Some(found) = wanted(OwnedPacket::decode(self.version, bytes)) {
                    self.waiting.remove(index);
                    return found;
                }
                index += 1;
            }
            match self.pull() {
                Some(Some(packet)) => self.waiting.push_back(packet),
                Some(None) => panic!("the connection was closed; unread: {:?}", self.unread()),
                None => panic!("an acknowledgement did not come; unread: {:?}", self.unread()),
            }
        }
    }

    fn unread(&self) -> Vec<OwnedPacket> {
        self.waiting.iter().map(|bytes| OwnedPacket::decode(self.version, bytes)).collect()
    }

    /// The next packet from the link: `None` if nothing comes, `Some(None)` if the connection is closed.
    #[expect(clippy::option_option, reason = "nothing yet, and nothing ever, are two things")]
    fn pull(&mut self) -> Option<Option<Vec<u8>>> {
        loop {
            if let Some(packet) = self.split() {
                if self.takes_markers || !is_marker(&packet) {
                    return Some(Some(packet));
                }
                continue;
            }
            match self.link.read(&mut self.buffer) {
                Arrival::Bytes => {}
                Arrival::Closed => {
                    assert!(self.buffer.is_empty(), "the end within a packet: {:02x?}", self.buffer);
                    return Some(None);
                }
                Arrival::Nothing => {
                    assert!(self.buffer.is_empty(), "the start of a packet only: {:02x?}", self.buffer);
                    return None;
                }
            }
        }
    }

    /// Takes the first whole packet off the buffer.
    fn split(&mut self) -> Option<Vec<u8>> {
        let (remaining, length) = raw::read_variable_byte_integer(self.buffer.get(1..)?)?;
        let whole = 1 + length + remaining;
        (self.buffer.len() >= whole).then(|| self.buffer.drain(..whole).collect())
    }

    /// Reads a packet, and fills in the Topic Name that a Topic Alias stands for.
    fn decode(&mut self, bytes: &[u8]) -> OwnedPacket {
        let mut packet = OwnedPacket::decode(self.version, bytes);
        if let OwnedPacket::Publish(publish) = &mut packet
            && let Some(alias) = publish.properties.topic_alias()
        {
            if publish.topic.is_empty() {
                publish.topic.clone_from(self.aliases.get(&alias).expect("the alias was set before"));
            } else {
                self.aliases.insert(alias, publish.topic.clone());
            }
        }
        packet
    }
}

/// Whether this is a PUBLISH of QoS 0 to the topic of the harness.
fn is_marker(packet: &[u8]) -> bool {
    let topic =
        raw::read_variable_byte_integer(&packet[1..]).and_then(|(_, length)| packet.get(3 + length..));
    packet[0] & 0xf6 == 0x30 && topic.is_some_and(|topic| topic.starts_with(MARKER_TOPIC.as_bytes()))
}

macro_rules! expectations {
    ($($(#[$meta:meta])* $name:ident: $variant:ident -> $kind:ty;)*) => {
        impl Client {
            $($(#[$meta])*
            ///
            /// # Panics
            /// If another packet comes, none, or the end of the connection.
            pub fn $name(&mut self) -> $kind {
                match self.receive_or_closed() {
                    Some(OwnedPacket::$variant(packet)) => packet,
                    Some(packet) => panic!("{} was expected, but there came {packet:?}", stringify!($variant)),
                    None => panic!("{} was expected, but the connection was closed", stringify!($variant)),
                }
            })*
        }
    };
}

expectations! {
    /// Expects a CONNACK.
    expect_connack: ConnAck -> OwnedConnAck;
    /// Expects a PUBLISH.
    expect_publish: Publish -> OwnedPublish;
    /// Expects a SUBACK.
    expect_suback: SubAck -> OwnedCodes;
    /// Expects an UNSUBACK.
    expect_unsuback: UnsubAck -> OwnedCodes;
    /// Expects an AUTH.
    expect_auth: Auth -> OwnedReason;
}

macro_rules! acknowledgements {
    ($($(#[$meta:meta])* $name:ident: $variant:ident;)*) => {
        impl Client {
            $($(#[$meta])*
            ///
            /// # Panics
            /// If another packet comes, none, or the end of the connection.
            pub fn $name(&mut self, id: u16) -> OwnedAck {
                match self.receive_or_closed() {
                    Some(OwnedPacket::$variant(ack)) => {
                        assert_eq!(ack.id, id, "the Packet Identifier of {}", stringify!($variant));
                        ack
                    }
                    Some(packet) => panic!("{} was expected, but there came {packet:?}", stringify!($variant)),
                    None => panic!("{} was expected, but the connection was closed", stringify!($variant)),
                }
            })*
        }
    };
}

acknowledgements! {
    /// Expects a PUBACK with this Packet Identifier.
    expect_puback: PubAck;
    /// Expects a PUBREC with this Packet Identifier.
    expect_pubrec: PubRec;
    /// Expects a PUBREL with this Packet Identifier.
    expect_pubrel: PubRel;
    /// Expects a PUBCOMP with this Packet Identifier.
    expect_pubcomp: PubComp;
}

impl Client {
    /// Expects a PINGRESP.
    ///
    /// # Panics
    /// If another packet comes, none, or the end of the connection.
    pub fn expect_pingresp(&mut self) {
        match self.receive_or_closed() {
            Some(OwnedPacket::PingResp) => {}
            Some(packet) => panic!("PINGRESP was expected, but there came {packet:?}"),
            None => panic!("PINGRESP was expected, but the connection was closed"),
        }
    }

    /// Sends a CONNECT and expects a CONNACK, whatever its reason.
    ///
    /// # Panics
    /// If another packet comes, none, or the end of the connection.
    pub fn handshake(&mut self, connect: &ConnectBuilder<'_>) -> OwnedConnAck {
        self.send(&connect.packet());
        self.expect_connack()
    }

    /// Sends a CONNECT and expects the refusal of [`Client::expect_refused`].
    ///
    /// # Panics
    /// If anything else comes.
    pub fn handshake_refused(&mut self, connect: &ConnectBuilder<'_>, reason: ReasonCode) -> OwnedConnAck {
        self.send(&connect.packet());
        self.expect_refused(reason)
    }
}
