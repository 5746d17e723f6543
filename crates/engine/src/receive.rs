//! From bytes to packets: one connection's input, packet by packet.

use martlet_proto::PeerMisbehaved;
use martlet_proto::connection::Phase;
use martlet_wire::{Ack, Packet, PacketType, QoS};

use crate::characters::packet_has_forbidden;
use crate::connect::Admission;
use crate::connections::Connection;
use crate::deadlines::Due;
use crate::held::Waiting;
use crate::notice::Cause;
use crate::{BatchId, ConnectionId, Engine, Output, Peer};

impl Connection {
    /// Whether packets have to wait for an answer from outside: a verdict, the log, or what a request asked for.
    pub(crate) fn waits(&self) -> bool {
        self.awaits_control
            || (self.protocol.phase == Phase::Connecting && (self.awaits_verdict || self.connack.is_some()))
    }
}

impl Engine {
    pub(crate) fn opened(&mut self, id: ConnectionId, peer: Peer) {
        let deadline = self.now + self.config.limits.connect_timeout;
        let connection = self.connections.insert(id, peer, self.now);
        connection.connect_deadline = Some(deadline);
        self.deadlines.set(deadline, Due::Connect(id));
    }

    pub(crate) fn received(&mut self, id: ConnectionId, bytes: &[u8]) {
        self.status.bytes_received += bytes.len() as u64;
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.received.is_empty() {
            let used = self.take_packets(id, bytes);
            if let Some(connection) = self.connections.get_mut(id) {
                connection.received.extend_from_slice(&bytes[used..]);
            }
        } else {
            connection.received.extend_from_slice(bytes);
            self.resume(id);
        }
    }

    /// Goes on with the bytes of a connection that had to wait, or that were no whole packet.
    pub(crate) fn resume(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let mut bytes = core::mem::take(&mut connection.received);
        let used = self.take_packets(id, &bytes);
        if let Some(connection) = self.connections.get_mut(id) {
            if used == bytes.len() {
                return; // gives the memory back
            }
            bytes.drain(..used);
            connection.received = bytes;
        }
    }

    /// Handles the whole packets at the start of `bytes`, and tells how many bytes they were.
    fn take_packets(&mut self, id: ConnectionId, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let Some(connection) = self.connections.get_mut(id) else { return bytes.len() };
            if connection.waits() {
                break;
            }
            match connection.protocol.first_packet(rest, self.config.limits.packet_size_bytes_max) {
                Ok(None) => break,
                Ok(Some(len)) => {
                    connection.last_received = self.now;
                    if self.take_packet(id, &rest[..len], rest) == Taken::HandedOver {
                        return bytes.len();
                    }
                    at += len;
                }
                Err(misbehaved) => {
                    self.misbehaved(id, misbehaved, rest);
                    return bytes.len();
                }
            }
        }
        at
    }

    /// Handles one whole packet; `rest` begins with it and holds all that came behind it.
    fn take_packet(&mut self, id: ConnectionId, bytes: &[u8], rest: &[u8]) -> Taken {
        let Some(connection) = self.connections.get(id) else { return Taken::Here };
        let theirs = self.config.features.mosquitto_behaviour;
        let handled = match connection.protocol.decode(bytes) {
            Ok(packet) if theirs && packet_has_forbidden(&packet) => Err(PeerMisbehaved::ForbiddenCharacter),
            Ok(Packet::Connect(connect)) => match self.connect(id, &connect, bytes) {
                Admission::Elsewhere(shard) => {
                    let peer = self.forget(id);
                    self.outputs.push_back(Output::HandOver {
                        connection: id,
                        peer,
                        shard,
                        received: rest.to_vec(),
                    });
                    return Taken::HandedOver;
                }
                Admission::Here => {
                    self.status.packets_received += 1;
                    self.status.connects_received += 1;
                    Ok(())
                }
            },
            Ok(packet) => {
                self.status.packets_received += 1;
                self.packet(id, packet)
            }
            Err(misbehaved) => Err(misbehaved),
        };
        if let Err(misbehaved) = handled {
            self.misbehaved(id, misbehaved, bytes);
        }
        Taken::Here
    }

    fn packet(&mut self, id: ConnectionId, packet: Packet<'_>) -> Result<(), PeerMisbehaved> {
        let Some(connection) = self.connections.get(id) else { return Ok(()) };
        let is_open = connection.protocol.phase == Phase::Open;
        if !matches!(packet, Packet::Publish(_)) {
            self.trace_received(id, &packet);
        }
        match packet {
            Packet::Auth(auth) => self.auth(id, &auth)?,
            Packet::Disconnect(disconnect) => self.disconnected(id, &disconnect)?,
            other if !is_open => return Err(PeerMisbehaved::UnexpectedPacket(other.packet_type())), // [MQTT-3.1.2-30]
            Packet::Publish(publish) => self.publish(id, &publish)?,
            Packet::PubAck(ack) => self.puback(id, ack)?,
            Packet::PubRec(ack) => self.pubrec(id, ack)?,
            Packet::PubRel(ack) => self.pubrel(id, ack),
            Packet::PubComp(ack) => self.pubcomp(id, ack)?,
            Packet::Subscribe(subscribe) => self.subscribe(id, &subscribe)?,
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(id, &unsubscribe),
            Packet::PingReq => self.answer_ping(id),
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => return Err(PeerMisbehaved::UnexpectedPacket(packet.packet_type())),
        }
        Ok(())
    }

    /// Ends a connection whose client broke the standard. `packet` begins with the packet at fault.
    pub(crate) fn misbehaved(&mut self, id: ConnectionId, misbehaved: PeerMisbehaved, packet: &[u8]) {
        self.status.misbehaved += 1;
        let farewell = self.refusal(id, misbehaved, packet);
        self.end_connection(id, Cause::Misbehaved(misbehaved), farewell);
    }

    /// Looks whether a client was silent for too long, and when to look again.
    pub(crate) fn check_keep_alive(&mut self, id: ConnectionId) {
        let is_behind = self.is_behind();
        let Some(connection) = self.connections.get_mut(id) else { return };
        if is_behind || connection.awaits_control {
            connection.last_received = self.now; // it is not read from now, so silence says nothing
        }
        let deadline = connection.protocol.keep_alive.server_deadline(connection.last_received);
        connection.keep_alive_deadline = deadline;
        match deadline {
            Some(at) if at <= self.now => self.misbehaved(id, PeerMisbehaved::KeepAliveTimeout, &[]),
            Some(at) => self.deadlines.set(at, Due::KeepAlive(id)),
            None => {}
        }
    }

    /// Sends a packet that belongs to one connection alone. One that is larger than the client takes ends the
    /// connection, since none of these can be left out [MQTT-3.1.2-24].
    pub(crate) fn send(&mut self, id: ConnectionId, packet: &Packet<'_>) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let version = connection.protocol.version;
        let fits = packet.encoded_len(version).is_ok_and(|len| connection.protocol.fits(len));
        if !fits {
            self.end_connection(
                id,
                Cause::Misbehaved(PeerMisbehaved::PacketTooLarge { size: 0, limit: 0 }),
                None,
            );
            return;
        }
        self.status.packets_sent += 1;
        self.trace_sent(id, packet);
        let Some(connection) = self.connections.get_mut(id) else { return };
        let encode = |bytes: &mut Vec<u8>| {
            // Nothing is written on an error, and `encoded_len` has just found none.
            let _ = packet.encode(version, bytes);
        };
        match &mut connection.held {
            // In order behind those that wait for the log.
            Some(held) => {
                let mut bytes = Vec::new();
                encode(&mut bytes);
                held.push(BatchId::default(), Waiting::Packets(bytes));
            }
            None => self.send_at_once(id, packet),
        }
    }

    /// PINGRESP [MQTT-3.12.4-1]: in its turn, so that what the client sent before is durable when it comes; but a log that
    /// cannot be written to does not make a living connection look dead.
    fn answer_ping(&mut self, id: ConnectionId) {
        if self.journal.is_stalled() {
            self.status.packets_sent += 1;
            self.trace_sent(id, &Packet::PingResp);
            self.send_at_once(id, &Packet::PingResp);
        } else {
            self.send(id, &Packet::PingResp);
        }
    }

    /// Sends a packet that fits, whatever waits for the log.
    fn send_at_once(&mut self, id: ConnectionId, packet: &Packet<'_>) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let version = connection.protocol.version;
        let before = connection.out.len();
        connection.out.append(|bytes| {
            // Nothing is written on an error, and this packet has none.
            let _ = packet.encode(version, bytes);
        });
        self.status.unsent_bytes += connection.out.len() - before;
        self.schedule(id);
    }

    /// Sends PUBACK, PUBREC, PUBREL or PUBCOMP.
    pub(crate) fn send_ack(&mut self, id: ConnectionId, packet_type: PacketType, ack: Ack<'_>) {
        let packet = match packet_type {
            PacketType::PubAck => Packet::PubAck(ack),
            PacketType::PubRec => Packet::PubRec(ack),
            PacketType::PubRel => Packet::PubRel(ack),
            _ => Packet::PubComp(ack),
        };
        self.send(id, &packet);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Here,
    HandedOver,
}

/// The packet that acknowledges a PUBLISH.
pub(crate) fn acknowledges(qos: QoS) -> PacketType {
    if qos == QoS::ExactlyOnce { PacketType::PubRec } else { PacketType::PubAck }
}
