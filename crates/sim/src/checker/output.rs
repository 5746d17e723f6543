//! What the broker hands out, save PUBLISH.

use martlet_wire::{Ack, ConnAck, Packet, PacketType, ProtocolVersion, QoS, ReasonCode, SubAck, UnsubAck};

use super::{Checker, Due, Phase, Present};
use crate::network::LinkId;

impl Checker {
    pub(super) fn output(&mut self, id: LinkId, packet: &Packet<'_>, len: usize) {
        let check = &self.links[id.0];
        if check.says_goodbye {
            self.fail_on(id, "a packet after DISCONNECT [MQTT-3.14.4-1]");
        }
        let check = &self.links[id.0];
        let limit = check.facts.as_ref().map_or(u32::MAX, |facts| facts.packet_size_max);
        if len > usize::try_from(limit).unwrap_or(usize::MAX) {
            self.fail_on(id, "a packet above the client's Maximum Packet Size [MQTT-3.1.2-24]");
        }
        if let Packet::ConnAck(connack) = packet {
            self.connack_out(id, connack);
            return;
        }
        // A connection that ended in this very turn may have had its CONNACK in it.
        if self.links[id.0].connacks != 1 {
            self.fail_on(id, "a packet before CONNACK [MQTT-3.2.0-1]");
        }
        let Some(session) = self.links[id.0].session else {
            self.fail_on(id, "a packet before CONNECT");
            return;
        };
        match packet {
            Packet::Publish(publish) => self.publish_out(id, session, publish),
            Packet::PubAck(ack) => {
                let due = self.links[id.0].pubacks.remove(&ack.id.get());
                self.publish_acknowledged(id, due, ack, "PUBACK");
            }
            Packet::PubRec(ack) => {
                let due = self.links[id.0].pubrecs.remove(&ack.id.get());
                let inbound = &mut self.reference.sessions[session].inbound;
                if ack.reason.is_error() {
                    inbound.remove(&ack.id.get());
                } else if let Some(incoming) = inbound.get_mut(&ack.id.get()) {
                    incoming.may_be_new = false;
                }
                self.promise_packet(session, ack.id.get(), true);
                self.publish_acknowledged(id, due, ack, "PUBREC");
            }
            Packet::PubRel(ack) => self.pubrel_out(id, session, ack),
            Packet::PubComp(ack) => {
                match self.links[id.0].pubcomps.remove(&ack.id.get()) {
                    None => self.fail_on(id, "PUBCOMP without PUBREL"),
                    Some(Some(_)) if ack.reason.is_error() => {
                        self.fail_on(id, "PUBCOMP does not know a message whose PUBREC was sent");
                    }
                    Some(Some(due)) => self.is_sure(due),
                    Some(None) => {}
                }
                self.promise_packet(session, ack.id.get(), true);
            }
            Packet::SubAck(suback) => self.suback_out(id, session, suback),
            Packet::UnsubAck(unsuback) => self.unsuback_out(id, session, unsuback),
            Packet::PingResp => match self.links[id.0].pings.checked_sub(1) {
                Some(pings) => self.links[id.0].pings = pings,
                None => self.fail_on(id, "PINGRESP without PINGREQ"),
            },
            Packet::Disconnect(_) => {
                self.links[id.0].says_goodbye = true;
                if !self.links[id.0].version().has_properties() {
                    self.fail_on(id, "DISCONNECT to a client before 5.0");
                }
            }
            other => self.fail_on(id, &format!("the broker sent {}", other.packet_type())),
        }
    }

    fn connack_out(&mut self, id: LinkId, connack: &ConnAck<'_>) {
        self.totals.connections += 1;
        let check = &mut self.links[id.0];
        check.connacks += 1;
        check.last_bytes_at = self.now;
        check.last_packet_at = self.now;
        let (phase, is_repeated) = (check.phase, check.connacks > 1);
        if !matches!(phase, Phase::Admitted | Phase::Refused | Phase::Ended) || is_repeated {
            self.fail_on(id, "a CONNACK that nobody waits for");
        }
        if connack.reason != ReasonCode::Success {
            if phase != Phase::Refused || connack.reason != ReasonCode::ServerUnavailable {
                self.fail_on(id, &format!("refused with {:?}", connack.reason));
            }
            return;
        }
        if phase == Phase::Refused {
            self.fail_on(id, "let in, though the log cannot be written to");
            return;
        }
        self.promise_connect(id);
        self.links[id.0].connack_at = Some(self.now);
        if phase == Phase::Admitted {
            self.links[id.0].phase = Phase::Open;
        }
        let check = &self.links[id.0];
        let is_shown = check.version() != ProtocolVersion::Mqtt31;
        let expected = match check.present {
            Present::Yes => is_shown,
            Present::No => false,
            Present::Either => connack.session_present,
        };
        if connack.session_present != expected {
            self.fail_on(id, &format!("Session Present should be {expected} [MQTT-3.2.2-2] [MQTT-3.2.2-3]"));
        }
        if is_shown {
            self.resolve(id, connack.session_present);
        }
        self.connack_properties(id, connack);
    }

    fn connack_properties(&mut self, id: LinkId, connack: &ConnAck<'_>) {
        let check = &self.links[id.0];
        if !check.version().has_properties() {
            return;
        }
        let client = check.client;
        let is_nameless = self.terms.names[client].is_empty();
        let assigned = connack.properties.assigned_client_identifier();
        if is_nameless != assigned.is_some() {
            self.fail_on(id, "an Assigned Client Identifier where none is due, or none where it is");
        }
        let maximum = connack.properties.receive_maximum().map_or(u16::MAX, core::num::NonZero::get);
        if maximum != self.terms.receive_maximum {
            self.fail_on(id, "another Receive Maximum than configured");
        }
        if connack.properties.topic_alias_maximum().unwrap_or(0) != self.terms.topic_alias_maximum {
            self.fail_on(id, "another Topic Alias Maximum than configured");
        }
    }

    /// PUBACK or PUBREC.
    fn publish_acknowledged(&mut self, id: LinkId, due: Option<Due>, ack: &Ack<'_>, what: &str) {
        let Some(due) = due else {
            self.fail_on(id, &format!("{what} without PUBLISH"));
            return;
        };
        if ack.reason.is_error() {
            // Messages that wait for their PUBREL have a bound of their own.
            let may_be_full = due.is_stalled || (self.terms.at_release && what == "PUBREC");
            let is_put_off = may_be_full && ack.reason == ReasonCode::QuotaExceeded;
            let messages = &mut self.reference.messages;
            match due.message.filter(|message| !messages[*message].is_forbidden) {
                Some(message) if is_put_off => {
                    messages[message].copies = messages[message].copies.saturating_sub(1);
                }
                Some(_) => {
                    self.fail_on(id, &format!("{what} refuses a good message: {:?}", ack.reason));
                }
                None => {}
            }
        } else {
            self.is_sure(due);
        }
    }

    /// A message may not get lost any more.
    fn is_sure(&mut self, due: Due) {
        if let Some(message) = due.message {
            self.reference.owe(message);
        }
        let stamp = self.reference.tick();
        if let Some((topic, place)) = due.value
            && let Some(register) = self.reference.registers.get_mut(&topic)
        {
            let message = register.values[place].message;
            for value in &mut register.values[..=place] {
                if value.message == message {
                    value.acknowledged.get_or_insert(stamp);
                }
            }
        }
    }

    fn pubrel_out(&mut self, id: LinkId, session: usize, ack: &Ack<'_>) {
        let out = self.reference.sessions[session].outbound.get(&ack.id.get());
        let is_due = out.is_some_and(|out| out.is_received && out.qos == QoS::ExactlyOnce);
        if !is_due && ack.reason != ReasonCode::PacketIdentifierNotFound {
            self.fail_on(id, "PUBREL without PUBREC");
        }
        self.promise_packet(session, ack.id.get(), false);
    }

    fn suback_out(&mut self, id: LinkId, session: usize, suback: &SubAck<'_>) {
        let Some(due) = self.links[id.0].subacks.remove(&suback.id.get()) else {
            self.fail_on(id, "SUBACK without SUBSCRIBE");
            return;
        };
        if due.places.len() != suback.codes.len() {
            self.fail_on(id, "SUBACK with another number of codes [MQTT-3.8.4-6]");
            return;
        }
        for (place, code) in due.places.into_iter().zip(suback.codes.iter()) {
            let granted = self.reference.sessions[session].subscriptions[place].qos();
            let stamp = self.reference.tick();
            if due.is_stalled && code.is_error() {
                self.reference.sessions[session].subscriptions[place].gone = Some(stamp);
                continue;
            }
            if code != ReasonCode::granted(granted) {
                self.fail_on(id, &format!("SUBACK grants {code:?} for QoS {granted:?}"));
            }
            self.reference.sessions[session].acknowledge(place, stamp);
            self.owe_retained(session, place);
        }
    }

    fn unsuback_out(&mut self, id: LinkId, session: usize, unsuback: &UnsubAck<'_>) {
        let Some(due) = self.links[id.0].unsubacks.remove(&unsuback.id.get()) else {
            self.fail_on(id, "UNSUBACK without UNSUBSCRIBE");
            return;
        };
        let stamp = self.reference.tick();
        let refused = ReasonCode::ImplementationSpecificError;
        if due.is_stalled && unsuback.codes.iter().any(|code| code == refused) {
            return; // they may be there, or not
        }
        for (text, _) in &due.filters {
            self.reference.sessions[session].gone(text, due.requested, stamp);
        }
        if !self.links[id.0].version().has_properties() {
            return;
        }
        if unsuback.codes.len() != due.filters.len() {
            self.fail_on(id, "UNSUBACK with another number of codes [MQTT-3.11.3-1]");
            return;
        }
        for ((text, existed), code) in due.filters.iter().zip(unsuback.codes.iter()) {
            let existed_really = code == ReasonCode::Success;
            if existed.is_some_and(|existed| existed != existed_really) {
                self.fail_on(id, &format!("UNSUBACK says {code:?} for {text}"));
            }
        }
    }

    /// What a connection still has to be answered.
    pub(super) fn unanswered(&self, id: LinkId) -> Option<String> {
        let check = &self.links[id.0];
        if check.phase != Phase::Open || check.is_closed {
            return None;
        }
        let first = [
            (PacketType::Publish, check.pubacks.keys().chain(check.pubrecs.keys()).next()),
            (PacketType::PubRel, check.pubcomps.keys().next()),
            (PacketType::Subscribe, check.subacks.keys().next()),
            (PacketType::Unsubscribe, check.unsubacks.keys().next()),
        ];
        let (kind, packet_id) =
            first.into_iter().find_map(|(kind, packet_id)| packet_id.map(|packet_id| (kind, packet_id)))?;
        Some(format!("{kind} {packet_id} of l{} c{} has no answer", id.0, check.client))
    }
}
