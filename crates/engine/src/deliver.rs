//! A message on its way to one Session: at once, or from its queue when there is room.

use std::sync::Arc;

use martlet_proto::connection::Phase;
use martlet_proto::delivery::{Acknowledgement, Resend};
use martlet_proto::{Outbound, PeerMisbehaved};
use martlet_wire::{
    Ack, Delivery, PacketId, PacketType, Property, Publish, QoS, ReasonCode, SubscriptionIdentifier,
};

use crate::clients::SessionId;
use crate::connections::Connection;
use crate::held::Waiting;
use crate::message::{Publication, Queued, SHARED_PAYLOAD_BYTES_MIN};
use crate::notice::Notice;
use crate::outgoing::{Header, fits_publish, write_publish};
use crate::records::Record;
use crate::subscriptions::Receiver;
use crate::{BatchId, ConnectionId, Engine, Limits};

/// What a subscription, or several of one Session together, grant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant<'a> {
    pub(crate) qos: QoS,
    pub(crate) retain_as_published: bool,
    pub(crate) identifiers: &'a [SubscriptionIdentifier],
    pub(crate) group: Option<&'a Arc<str>>,
}

impl<'a> From<&'a Receiver> for Grant<'a> {
    fn from(receiver: &'a Receiver) -> Self {
        Self {
            qos: receiver.qos,
            retain_as_published: receiver.retain_as_published,
            identifiers: &receiver.identifiers,
            group: None,
        }
    }
}

/// Where the turn buffer holds a message as QoS 0 packet: by version (with properties or not) and RETAIN.
#[derive(Debug, Default)]
pub(crate) struct Copies([Option<(usize, usize)>; 4]);

impl Engine {
    /// Delivers a message to a Session [MQTT-4.5.0-1].
    pub(crate) fn deliver(
        &mut self,
        publication: &mut Publication<'_>,
        session_id: SessionId,
        grant: Grant<'_>,
        copies: &mut Copies,
    ) {
        let qos = publication.qos.min(grant.qos); // [MQTT-3.8.4-8]
        let retain = publication.retain && grant.retain_as_published; // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
        let Some(session) = self.clients.get(session_id) else { return };
        let connection = session.connection;
        if qos == QoS::AtMostOnce && !self.has_to_queue(session_id) {
            let Some(id) = connection else { return };
            let is_stalled = self.journal.is_stalled();
            if publication.retain && !is_stalled {
                self.hold(id); // nobody sees a retained value that a crash would take back
            }
            if self.connections.get(id).is_some_and(|connection| connection.held.is_none() || is_stalled) {
                let header =
                    Header { delivery: Delivery::AtMostOnce, retain, identifiers: grant.identifiers };
                self.send_at_most_once(id, publication, header, copies);
                return;
            }
        }
        let queued = Queued {
            message: publication.share(),
            qos,
            retain,
            identifiers: (!grant.identifiers.is_empty()).then(|| grant.identifiers.into()),
            group: grant.group.cloned(),
            number: 0,
        };
        match connection {
            Some(id) if qos == QoS::AtMostOnce && !self.has_to_queue(session_id) => {
                self.send_behind(id, queued);
            }
            _ => self.enqueue(session_id, publication, queued),
        }
    }

    /// Whether a QoS 0 message waits in the Session: for a connection, or behind others that waited for that.
    fn has_to_queue(&self, session_id: SessionId) -> bool {
        self.config.features.queue_qos0
            && self.clients.get(session_id).is_some_and(|session| {
                let is_writable = !(self.journal.is_stalled() && session.record.is_some());
                is_writable && (session.connection.is_none() || session.has_pending())
            })
    }

    /// A QoS 0 message goes out behind what waits for the log, or not at all if that is too much.
    fn send_behind(&mut self, id: ConnectionId, queued: Queued) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Some(held) = connection.held.as_mut() else { return };
        if self.config.is_too_much_unsent(held.messages_bytes(), &connection.peer) {
            self.status.dropped_out_buffer_full += 1;
        } else {
            held.push(BatchId::default(), Waiting::AtMostOnce(queued));
        }
    }

    fn send_at_most_once(
        &mut self,
        id: ConnectionId,
        publication: &mut Publication<'_>,
        header: Header<'_>,
        copies: &mut Copies,
    ) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let mount_point = self.config.mount_point(connection.peer.listener);
        if connection.protocol.phase != Phase::Open {
            return;
        }
        if self.config.is_too_much_unsent(connection.out.len(), &connection.peer) {
            self.status.dropped_out_buffer_full += 1;
            return;
        }
        let version = connection.protocol.version;
        let is_alike = header.identifiers.is_empty()
            && mount_point.is_empty()
            && !connection.protocol.outgoing_aliases.is_enabled()
            && publication.payload.len() < SHARED_PAYLOAD_BYTES_MIN;
        let sent = if is_alike {
            let place = usize::from(version.has_properties()) * 2 + usize::from(header.retain);
            let (start, end) = *copies.0[place].get_or_insert_with(|| {
                let start = self.turn.len();
                let expiry = publication.expiry_left(self.now).map(Property::MessageExpiryInterval);
                // Nothing is written on an error; an empty range is then sent.
                let _ = Publish {
                    topic: Some(publication.topic),
                    delivery: Delivery::AtMostOnce,
                    retain: header.retain,
                    properties: publication.properties.with(expiry.as_slice()),
                    payload: publication.payload,
                }
                .encode(version, &mut self.turn);
                (start, self.turn.len())
            });
            let fits = connection.protocol.fits(end - start);
            if fits && connection.out.append_run(start, end) {
                self.touched.push(id);
            }
            fits.then_some(end - start)
        } else {
            write_publish(connection, mount_point, self.now, publication, header)
        };
        self.count_sent(id, sent, publication, header);
    }

    /// Counts a PUBLISH of so many bytes, if it fitted, and sees to it that it is sent.
    fn count_sent(
        &mut self,
        id: ConnectionId,
        sent: Option<usize>,
        publication: &Publication<'_>,
        header: Header<'_>,
    ) {
        if let Some(bytes) = sent {
            self.trace_publish(id, true, header.delivery, header.retain, publication);
            self.status.packets_sent += 1;
            self.status.publish_sent += 1;
            self.status.publish_bytes_sent += publication.payload.len() as u64;
            self.status.unsent_bytes += bytes;
            self.schedule(id);
        } else {
            self.status.dropped_packet_too_large += 1; // [MQTT-3.1.2-25]
        }
    }

    /// Sends a QoS 1 or 2 message if nothing stands before it, else lets it wait.
    fn enqueue(&mut self, session_id: SessionId, publication: &mut Publication<'_>, mut queued: Queued) {
        let Some(session) = self.clients.get_mut(session_id) else { return };
        if let Some(id) = session.connection
            && !(self.journal.is_stalled() && session.record.is_some())
            && !session.has_pending()
            && let Some(connection) = self.connections.get_mut(id)
            && connection.can_take(&session.state.outbound, &self.config.limits)
        {
            self.record_queued(session_id, publication, &mut queued);
            self.send_queued(session_id, id, queued);
            return;
        }
        let limits = &self.config.limits;
        // The publisher of a QoS 0 message cannot be told that there is no memory for it.
        let is_welcome = queued.qos > QoS::AtMostOnce || !self.memory_is_short;
        if is_welcome && session.queue.has_room(&queued, limits.queued_messages_max, limits.queued_bytes_max)
        {
            self.record_queued(session_id, publication, &mut queued);
            if let Some(session) = self.clients.get_mut(session_id) {
                self.status.queued_bytes += queued.message.size();
                session.queue.push(queued);
            }
            self.status.queued_messages += 1;
            return;
        }
        self.status.dropped_queue_full += 1;
        if !session.queue_full_noticed {
            session.queue_full_noticed = true;
            let client_identifier = session.client_identifier.to_string();
            self.notice(Notice::QueueFull { client_identifier });
        }
    }

    /// Begins the delivery of a message; its connection has just said that it can take it. QoS 0 stands here for retained
    /// messages, for what waited without a connection, and for what waited in the store of another broker.
    pub(crate) fn send_queued(&mut self, session_id: SessionId, id: ConnectionId, queued: Queued) {
        if queued.qos == QoS::AtMostOnce && queued.number > 0 {
            // It goes out once the log knows that it is gone, so that no crash brings it back.
            let number = queued.number;
            self.record(session_id, |session| Record::Dropped { session, number });
            self.hold(id);
        }
        let Some(session) = self.clients.get_mut(session_id) else { return };
        let Some(connection) = self.connections.get_mut(id) else { return };
        let mount_point = self.config.mount_point(connection.peer.listener);
        let (message, identifiers) = (Arc::clone(&queued.message), queued.identifiers.clone());
        let Some(mut publication) = message.publication() else { return };
        let mut header = Header {
            delivery: Delivery::AtMostOnce,
            retain: queued.retain,
            identifiers: identifiers.as_deref().unwrap_or_default(),
        };
        if queued.qos == QoS::AtMostOnce && connection.held.is_some() {
            self.send_behind(id, queued);
            return;
        }
        if queued.qos == QoS::AtMostOnce {
            let sent = write_publish(connection, mount_point, self.now, &mut publication, header);
            self.count_sent(id, sent, &publication, header);
            return;
        }
        // The size does not depend on the value of the Packet Identifier.
        header.delivery = Delivery::new(queued.qos, false, PacketId::MIN);
        if !fits_publish(connection, mount_point, self.now, &publication, header) {
            session.state.outbound.skip();
            self.status.dropped_packet_too_large += 1; // [MQTT-3.1.2-25]
            let number = queued.number;
            self.record(session_id, |session| Record::Dropped { session, number });
            return;
        }
        let (qos, retain, number) = (queued.qos, queued.retain, queued.number);
        match session.state.outbound.push(qos, queued) {
            Ok(packet_id) => {
                if session.record.is_some() {
                    // Once it is durable, so that it has this Packet Identifier after a restart too.
                    self.record(session_id, |session| Record::Sent { session, number, id: packet_id });
                    self.hold(id);
                }
                let Some(connection) = self.connections.get_mut(id) else { return };
                let mount_point = self.config.mount_point(connection.peer.listener);
                if let Some(held) = &mut connection.held {
                    held.push(BatchId::default(), Waiting::InFlight(packet_id));
                    return;
                }
                header = Header { delivery: Delivery::new(qos, false, packet_id), retain, ..header };
                let sent = write_publish(connection, mount_point, self.now, &mut publication, header);
                self.count_sent(id, sent, &publication, header);
            }
            Err(queued) => {
                // Every Packet Identifier is taken: the message goes to the head of the queue.
                self.status.queued_bytes += queued.message.size();
                session.queue.push_front(queued);
                self.status.queued_messages += 1;
            }
        }
    }

    /// Sends the PUBLISH of a message in flight that waited for the log.
    pub(crate) fn send_durable(&mut self, id: ConnectionId, packet_id: PacketId) {
        let Some(session) = self.connections.get(id).and_then(|connection| connection.session) else {
            return;
        };
        let Some(session) = self.clients.get(session) else { return };
        if let Some((qos, queued)) = session.state.outbound.get(packet_id) {
            let queued = queued.clone();
            self.send_first(id, Delivery::new(qos, false, packet_id), &queued);
        }
    }

    /// Sends a QoS 0 message that had to wait behind others.
    pub(crate) fn send_late(&mut self, id: ConnectionId, queued: &Queued) {
        let Some(mut publication) = queued.message.publication() else { return };
        if queued.message.is_expired(self.now) {
            self.status.dropped_expired += 1;
            return;
        }
        let identifiers = queued.identifiers.as_deref().unwrap_or_default();
        let header = Header { delivery: Delivery::AtMostOnce, retain: queued.retain, identifiers };
        self.send_at_most_once(id, &mut publication, header, &mut Copies::default());
    }

    /// Sends a message that was never sent, unless it expired meanwhile [MQTT-3.3.2-5].
    fn send_first(&mut self, id: ConnectionId, delivery: Delivery, queued: &Queued) {
        if queued.message.is_expired(self.now) {
            self.status.dropped_expired += 1;
            self.give_up(id, delivery);
        } else {
            self.send_in_flight(id, delivery, queued);
        }
    }

    /// A message that has its Packet Identifier is not sent, and counts as delivered.
    fn give_up(&mut self, id: ConnectionId, delivery: Delivery) {
        let Some(packet_id) = delivery.packet_id() else { return };
        let Some(session_id) = self.connections.get(id).and_then(|connection| connection.session) else {
            return;
        };
        let Some(session) = self.clients.get_mut(session_id) else { return };
        session.state.outbound.abandon(packet_id);
        self.record(session_id, |session| Record::Acknowledged { session, id: packet_id });
    }

    /// Sends what a Session is owed, as far as quota and unsent bytes allow.
    pub(crate) fn pump(&mut self, session_id: SessionId) {
        loop {
            let limits = &self.config.limits;
            let Some(session) = self.clients.get_mut(session_id) else { return };
            let Some(id) = session.connection else { return };
            let Some(connection) = self.connections.get_mut(id) else { return };
            if connection.protocol.phase != Phase::Open || connection.out.len() >= limits.out_buffer_bytes_max
            {
                return;
            }
            if connection.resends_after.is_some_and(|batch| !self.journal.is_durable(batch)) {
                return; // the log may not have it yet
            }
            if session.state.outbound.has_resends() {
                let outbound = &session.state.outbound;
                if outbound.resends_publish() && !connection.has_quota(outbound, limits) {
                    return; // [MQTT-3.3.4-9]
                }
                self.resend(session_id, id);
                continue;
            }
            if self.journal.is_stalled() && session.record.is_some() {
                return;
            }
            let next = self.next_waiting(session_id);
            let limits = &self.config.limits;
            let Some(session) = self.clients.get_mut(session_id) else { return };
            let Some(connection) = self.connections.get_mut(id) else { return };
            match next {
                Some(QoS::AtMostOnce) if connection.is_behind(limits) => return,
                Some(_) if connection.can_take(&session.state.outbound, limits) => {
                    if session.state.outbound.is_exhausted() {
                        return;
                    }
                    if let Some(queued) = session.queue.pop() {
                        self.status.queued_messages -= 1;
                        self.status.queued_bytes -= queued.message.size();
                        self.send_if_permitted(session_id, id, queued);
                    }
                }
                Some(_) => return,
                None => {
                    session.queue_full_noticed = false;
                    if !self.replay(session_id, id) {
                        return;
                    }
                }
            }
        }
    }

    /// Sends the next packet again that a Session was sent on an earlier connection [MQTT-4.4.0-1].
    fn resend(&mut self, session_id: SessionId, id: ConnectionId) {
        let Some(session) = self.clients.get_mut(session_id) else { return };
        match session.state.outbound.next_resend() {
            Some(Resend::Publish(packet_id, qos, queued)) => {
                let before = session.never_sent.len();
                session.never_sent.retain(|other| *other != packet_id);
                let was_sent = session.never_sent.len() == before;
                let delivery = Delivery::new(qos, was_sent, packet_id); // [MQTT-3.3.1-1]
                if !self.may_have(session_id, &queued) {
                    self.give_up(id, delivery);
                } else if was_sent {
                    self.send_in_flight(id, delivery, &queued);
                } else {
                    self.send_first(id, delivery, &queued);
                }
            }
            Some(Resend::PubRel(packet_id)) => {
                self.send_ack(id, PacketType::PubRel, Ack::success(packet_id));
            }
            None => {}
        }
    }

    /// The QoS of the message that waits first. Those that have expired are gone.
    fn next_waiting(&mut self, session_id: SessionId) -> Option<QoS> {
        let session = self.clients.get_mut(session_id)?;
        let mut expired = Vec::new();
        let before = session.queue.bytes();
        let next = session.queue.front(self.now, &mut expired).map(|queued| queued.qos);
        for _ in expired.iter().filter(|queued| queued.qos > QoS::AtMostOnce) {
            session.state.outbound.skip();
        }
        self.status.queued_messages -= expired.len();
        self.status.queued_bytes -= before - session.queue.bytes();
        self.status.dropped_expired += expired.len() as u64;
        for Queued { number, .. } in expired {
            self.record(session_id, |session| Record::Dropped { session, number });
        }
        next
    }

    /// Sends the next retained message that a Session is owed; `false` if there is none, or no room for it.
    fn replay(&mut self, session_id: SessionId, id: ConnectionId) -> bool {
        let Some(session) = self.clients.get_mut(session_id) else { return false };
        let Some(connection) = self.connections.get(id) else { return false };
        let Some(replay) = session.replays.front_mut() else { return false };
        // A message may need quota, or room behind others: without any, the walk does not go on.
        let limits = &self.config.limits;
        if !connection.has_quota(&session.state.outbound, limits) || connection.is_behind(limits) {
            return false;
        }
        let Some(message) = self.commons.next_retained(&replay.filter, &mut replay.cursor) else {
            session.replays.pop_front();
            self.record(session_id, |session| Record::Replayed { session, key: None });
            return true;
        };
        let is_own = replay.no_local && *message.publisher.client_identifier == *session.client_identifier;
        if message.is_expired(self.now) || is_own {
            return true;
        }
        let mut queued = Queued {
            number: 0,
            qos: message.qos.min(replay.qos),
            retain: true, // [s3.3.1.3] [MQTT311-3.3.1-8]
            identifiers: replay.identifier.map(|identifier| [identifier].into()),
            group: None,
            message,
        };
        let key = replay.cursor.key().map(str::to_owned);
        if !self.may_still_be_published(&queued.message) || !self.may_have(session_id, &queued) {
            return true;
        }
        if queued.qos > QoS::AtMostOnce {
            let message = Arc::clone(&queued.message);
            let Some(mut publication) = message.publication() else { return true };
            self.record(session_id, |session| Record::Replayed { session, key: key.as_deref() });
            self.record_queued(session_id, &mut publication, &mut queued);
        }
        self.send_queued(session_id, id, queued);
        true
    }

    /// Sends the PUBLISH of a message that has its Packet Identifier.
    fn send_in_flight(&mut self, id: ConnectionId, delivery: Delivery, queued: &Queued) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Some(mut publication) = queued.message.publication() else { return };
        let header = Header {
            delivery,
            retain: queued.retain,
            identifiers: queued.identifiers.as_deref().unwrap_or_default(),
        };
        let mount_point = self.config.mount_point(connection.peer.listener);
        let sent = write_publish(connection, mount_point, self.now, &mut publication, header);
        if sent.is_some() {
            self.count_sent(id, sent, &publication, header);
            return;
        }
        // The client takes smaller packets than it used to: the message counts as delivered [MQTT-3.1.2-25].
        self.status.dropped_packet_too_large += 1;
        self.give_up(id, delivery);
    }

    /// PUBACK came.
    pub(crate) fn puback(&mut self, id: ConnectionId, ack: Ack<'_>) -> Result<(), PeerMisbehaved> {
        self.finish(id, PacketType::PubAck, ack.id, |outbound| outbound.puback(ack.id))
    }

    /// PUBCOMP came.
    pub(crate) fn pubcomp(&mut self, id: ConnectionId, ack: Ack<'_>) -> Result<(), PeerMisbehaved> {
        self.finish(id, PacketType::PubComp, ack.id, |outbound| outbound.pubcomp(ack.id))
    }

    /// PUBREC came: PUBREL goes out [MQTT-4.3.3-4].
    pub(crate) fn pubrec(&mut self, id: ConnectionId, ack: Ack<'_>) -> Result<(), PeerMisbehaved> {
        let kind = PacketType::PubRec;
        if ack.reason.is_error() {
            return self.finish(id, kind, ack.id, |outbound| outbound.pubrec(ack.id, true)); // [MQTT-4.4.0-2]
        }
        let Some(session_id) = self.connections.get(id).and_then(|connection| connection.session) else {
            return Ok(());
        };
        let Some(session) = self.clients.get_mut(session_id) else { return Ok(()) };
        match session.state.outbound.pubrec(ack.id, false) {
            Acknowledgement::Received(_) => {
                session.state.outbound.release(ack.id, true);
                if session.record.is_some() {
                    self.record(session_id, |session| Record::Received { session, id: ack.id });
                    self.hold(id);
                }
                self.send_ack(id, PacketType::PubRel, Ack::success(ack.id));
            }
            Acknowledgement::Finished(_) | Acknowledgement::Unknown => {
                check_kind(&session.state.outbound, kind, ack.id)?;
                let theirs = self.config.features.mosquitto_behaviour;
                let own = ReasonCode::PacketIdentifierNotFound; // [s3.6.2.1]
                let reason = if theirs { ReasonCode::Success } else { own };
                let ack = Ack { id: ack.id, reason, properties: martlet_wire::Properties::EMPTY };
                self.send_ack(id, PacketType::PubRel, ack);
            }
        }
        Ok(())
    }

    fn finish(
        &mut self,
        id: ConnectionId,
        kind: PacketType,
        packet_id: PacketId,
        acknowledge: impl FnOnce(&mut Outbound<Queued>) -> Acknowledgement<Queued>,
    ) -> Result<(), PeerMisbehaved> {
        let Some(connection) = self.connections.get_mut(id) else { return Ok(()) };
        let Some(session_id) = connection.session else { return Ok(()) };
        let Some(session) = self.clients.get_mut(session_id) else { return Ok(()) };
        if matches!(acknowledge(&mut session.state.outbound), Acknowledgement::Finished(_)) {
            // After a crash it may have been sent after all.
            session.never_sent.retain(|other| *other != packet_id);
            let has_pending = session.has_pending();
            self.record(session_id, |session| Record::Acknowledged { session, id: packet_id });
            if has_pending {
                self.pump(session_id);
            }
            return Ok(());
        }
        check_kind(&session.state.outbound, kind, packet_id)
    }

    /// The socket took bytes: there may be room for what waits.
    pub(crate) fn sent(&mut self, id: ConnectionId, bytes: usize) {
        self.status.bytes_sent += bytes as u64;
        let Some(connection) = self.connections.get_mut(id) else { return };
        let before = connection.out.len();
        connection.out.sent(bytes);
        self.status.unsent_bytes -= before - connection.out.len();
        if connection.out.len() <= self.config.limits.out_buffer_bytes_max / 2
            && let Some(session_id) = connection.session
            && self.clients.get(session_id).is_some_and(crate::clients::ClientSession::has_pending)
        {
            self.pump(session_id);
        }
    }
}

/// Looks whether an acknowledgement that did nothing is of another kind than its message waits for: that is inconsistent
/// with the state of the broker [MQTT-4.13.1-1] [MQTT311-4.8.0-1].
fn check_kind(outbound: &Outbound<Queued>, kind: PacketType, id: PacketId) -> Result<(), PeerMisbehaved> {
    if outbound.contains(id) { Err(PeerMisbehaved::UnexpectedPacket(kind)) } else { Ok(()) }
}

impl Connection {
    /// Whether another QoS 1 or 2 message can be sent at once.
    fn can_take(&self, outbound: &Outbound<Queued>, limits: &Limits) -> bool {
        self.protocol.phase == Phase::Open
            && self.out.len() < limits.out_buffer_bytes_max
            && self.has_quota(outbound, limits)
    }

    /// Whether the client's Receive Maximum [MQTT-3.3.4-9] and our own limit on bytes leave room for another QoS 1 or 2
    /// message.
    pub(crate) fn has_quota(&self, outbound: &Outbound<Queued>, limits: &Limits) -> bool {
        let bytes = || outbound.sent().map(|queued| queued.message.payload.len()).sum::<usize>();
        outbound.in_flight() < usize::from(self.protocol.inflight_messages_max)
            && (limits.inflight_bytes_max == usize::MAX || bytes() < limits.inflight_bytes_max)
    }

    /// Whether as many QoS 0 messages wait behind others as may.
    fn is_behind(&self, limits: &Limits) -> bool {
        self.held.as_ref().is_some_and(|held| held.messages_bytes() >= limits.out_buffer_bytes_max)
    }
}
