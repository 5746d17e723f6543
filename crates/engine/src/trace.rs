//! What goes in and out, packet by packet, for those who want to see it in the log.
//!
//! Nothing here is done unless [`Engine::trace_packets`] has turned it on.

use martlet_wire::{Ack, ConnAck, Packet, PacketType, Properties, QoS, ReasonCode};

use crate::message::Publication;
use crate::notice::Notice;
use crate::{ConnectionId, Engine};

/// A packet that came or goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketTrace {
    /// The Client Identifier, or the address of the client as long as no CONNECT was accepted.
    pub client: String,
    /// Whether it goes to the client.
    pub goes_out: bool,
    /// What it is.
    pub packet_type: PacketType,
    /// Its Packet Identifier; 0 where it has none.
    pub id: u16,
    /// Its reason code, the first one where it has several; 0 where it has none.
    pub reason: u8,
    /// More about some packets.
    pub details: TraceDetails,
}

/// What more is told of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceDetails {
    /// Nothing.
    None,
    /// Of a PUBLISH.
    Publish {
        /// DUP.
        dup: bool,
        /// The QoS.
        qos: QoS,
        /// RETAIN.
        retain: bool,
        /// The Topic Name.
        topic: String,
        /// Bytes of the payload.
        payload_bytes: usize,
    },
    /// Of a CONNACK: Session Present.
    ConnAck(bool),
    /// Of an AUTH: its Authentication Method.
    Auth(Option<String>),
}

impl Engine {
    /// From here on each packet is told by [`Notice::Packet`], or not. It costs a look at a flag while it is off.
    pub const fn trace_packets(&mut self, is_on: bool) {
        self.traces = is_on;
    }

    /// A packet came that is no PUBLISH.
    pub(crate) fn trace_received(&mut self, id: ConnectionId, packet: &Packet<'_>) {
        if self.traces {
            self.trace(id, false, packet);
        }
    }

    /// A packet goes out that is no PUBLISH.
    pub(crate) fn trace_sent(&mut self, id: ConnectionId, packet: &Packet<'_>) {
        if self.traces {
            self.trace(id, true, packet);
        }
    }

    /// A PUBLISH came, or goes out.
    pub(crate) fn trace_publish(
        &mut self,
        id: ConnectionId,
        goes_out: bool,
        delivery: martlet_wire::Delivery,
        retain: bool,
        publication: &Publication<'_>,
    ) {
        if !self.traces {
            return;
        }
        let details = TraceDetails::Publish {
            dup: delivery.dup(),
            qos: delivery.qos(),
            retain,
            topic: publication.topic.as_str().to_owned(),
            payload_bytes: publication.payload.len(),
        };
        let packet_id = delivery.packet_id().map_or(0, martlet_wire::PacketId::get);
        self.tell(id, goes_out, PacketType::Publish, (packet_id, 0), details);
    }

    /// CONNACK goes out, now or when the log allows.
    pub(crate) fn trace_connack(&mut self, id: ConnectionId, session_present: bool, reason: ReasonCode) {
        let properties = Properties::EMPTY;
        self.trace_sent(id, &Packet::ConnAck(ConnAck { session_present, reason, properties }));
    }

    /// The DISCONNECT that ends a connection goes out, as bytes.
    pub(crate) fn trace_farewell(&mut self, id: ConnectionId, farewell: &[u8]) {
        if self.traces && farewell.first().is_some_and(|first| first >> 4 == PacketType::Disconnect as u8) {
            let reason = farewell.get(2).copied().unwrap_or_default();
            self.tell(id, true, PacketType::Disconnect, (0, reason), TraceDetails::None);
        }
    }

    fn trace(&mut self, id: ConnectionId, goes_out: bool, packet: &Packet<'_>) {
        let of_ack = |ack: &Ack<'_>| (ack.id.get(), ack.reason as u8);
        let (numbers, details) = match packet {
            Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
                (of_ack(ack), TraceDetails::None)
            }
            Packet::Subscribe(subscribe) => ((subscribe.id.get(), 0), TraceDetails::None),
            Packet::SubAck(suback) => ((suback.id.get(), 0), TraceDetails::None),
            Packet::Unsubscribe(unsubscribe) => ((unsubscribe.id.get(), 0), TraceDetails::None),
            Packet::UnsubAck(unsuback) => ((unsuback.id.get(), 0), TraceDetails::None),
            Packet::ConnAck(connack) => {
                ((0, connack.reason as u8), TraceDetails::ConnAck(connack.session_present))
            }
            Packet::Disconnect(disconnect) => ((0, disconnect.reason as u8), TraceDetails::None),
            Packet::Auth(auth) => {
                let method = auth.properties.authentication_method().map(str::to_owned);
                ((0, auth.reason as u8), TraceDetails::Auth(method))
            }
            Packet::Connect(_) | Packet::Publish(_) | Packet::PingReq | Packet::PingResp => {
                ((0, 0), TraceDetails::None)
            }
        };
        self.tell(id, goes_out, packet.packet_type(), numbers, details);
    }

    fn tell(
        &mut self,
        id: ConnectionId,
        goes_out: bool,
        packet_type: PacketType,
        (packet_id, reason): (u16, u8),
        details: TraceDetails,
    ) {
        let Some(connection) = self.connections.get(id) else { return };
        let session = connection.session.and_then(|session| self.clients.get(session));
        let address = || connection.peer.address.map(|address| address.ip().to_string());
        let client = session.map(|session| session.client_identifier.to_string()).or_else(address);
        let trace = PacketTrace {
            client: client.unwrap_or_default(),
            goes_out,
            packet_type,
            id: packet_id,
            reason,
            details,
        };
        self.notice(Notice::Packet(Box::new(trace)));
    }
}
