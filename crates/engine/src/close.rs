//! The end of a connection, of a Session, and what becomes of the Will.

use std::sync::Arc;

use martlet_proto::PeerMisbehaved;
use martlet_wire::{Disconnect, QoS, ReasonCode};

use crate::clients::{ClientSession, SessionId, Will};
use crate::deadlines::Due;
use crate::message::{Message, Queued};
use crate::notice::{Cause, Notice};
use crate::records::Record;
use crate::refuse::explain;
use crate::{ConnectionId, Engine, Output};

impl Engine {
    /// DISCONNECT came.
    pub(crate) fn disconnected(
        &mut self,
        id: ConnectionId,
        disconnect: &Disconnect<'_>,
    ) -> Result<(), PeerMisbehaved> {
        let Some(connection) = self.connections.get(id) else { return Ok(()) };
        if let Some(session_id) = connection.session
            && let Some(session) = self.clients.get_mut(session_id)
        {
            let expiry = connection.protocol.expiry_after(disconnect, session.expiry_interval)?;
            session.expiry_interval = expiry.min(self.config.limits.session_expiry_interval_max);
            if disconnect.reason == ReasonCode::NORMAL_DISCONNECTION {
                self.drop_will(session_id); // [MQTT-3.14.4-3] [MQTT311-3.14.4-3]
            }
        }
        self.end_connection(id, Cause::Client(disconnect.reason), None);
        Ok(())
    }

    /// The network is gone.
    pub(crate) fn lost(&mut self, id: ConnectionId) {
        self.detach(id, Cause::Lost);
    }

    /// Ends a connection from this side, with a last packet.
    pub(crate) fn end_connection(&mut self, id: ConnectionId, cause: Cause, farewell: Option<Vec<u8>>) {
        if self.connections.get(id).is_none() {
            return;
        }
        self.status.packets_sent += u64::from(farewell.is_some());
        if let Some(farewell) = &farewell {
            self.trace_farewell(id, farewell);
        }
        let Some(connection) = self.connections.get(id) else { return };
        let mut bytes = connection.out.collect(&self.turn);
        bytes.extend(farewell.unwrap_or_default());
        self.outputs.push_back(Output::Close { connection: id, farewell: bytes });
        self.detach(id, cause);
    }

    /// Every client is sent away.
    pub(crate) fn shut_down(&mut self) {
        for id in self.connections.ids() {
            let farewell = self.disconnect_packet(id, ReasonCode::ServerShuttingDown, None);
            // The Will of a client that the broker itself sends away for its own end is not published.
            if let Some(session) = self.connections.get(id).and_then(|connection| connection.session) {
                self.drop_will(session);
            }
            self.end_connection(id, Cause::Broker(ReasonCode::ServerShuttingDown), farewell);
        }
    }

    /// The Will of a Session is not to be published.
    fn drop_will(&mut self, id: SessionId) {
        if let Some(session) = self.clients.get_mut(id)
            && session.will.take().is_some()
        {
            self.journal.write(self.now, &session.will_record());
        }
    }

    /// The Will of a Session is not to be published, if the Session goes on when its connection ends.
    pub(crate) fn drop_will_of_lasting_session(&mut self, client_identifier: &str) {
        let is_lasting =
            |id: &SessionId| self.clients.get(*id).is_some_and(ClientSession::outlives_connection);
        if let Some(id) = self.clients.find(client_identifier).filter(is_lasting) {
            self.drop_will(id);
        }
    }

    /// An operator sends a client away.
    pub(crate) fn send_away(&mut self, client_identifier: &str, reason: ReasonCode) {
        let session = self.clients.find(client_identifier).and_then(|session| self.clients.get(session));
        if let Some(connection) = session.and_then(|session| session.connection) {
            let farewell = self.disconnect_packet(connection, reason, None);
            self.end_connection(connection, Cause::Broker(reason), farewell);
        }
    }

    /// Clients are sent away that may not stay.
    pub(crate) fn send_away_unwelcome(&mut self) {
        for id in self.connections.ids() {
            let Some(connection) = self.connections.get(id) else { continue };
            let session = connection.session.and_then(|session| self.clients.get(session));
            let stays = session.is_none_or(|session| self.access.stays(&connection.peer, session.client()));
            if !stays {
                self.send_away_from(id, ReasonCode::NotAuthorized);
            }
        }
    }

    /// A client is told to go, with a reason.
    pub(crate) fn send_away_from(&mut self, id: ConnectionId, reason: ReasonCode) {
        let farewell = self.disconnect_packet(id, reason, explain(reason));
        self.end_connection(id, Cause::Broker(reason), farewell);
    }

    /// Takes a connection out, and leaves its Session behind as the standard says.
    fn detach(&mut self, id: ConnectionId, cause: Cause) {
        let Some(connection) = self.connections.remove(id) else { return };
        self.status.unsent_bytes -= connection.out.len();
        if let Some(at) = connection.connect_deadline {
            self.deadlines.cancel(at, Due::Connect(id));
        }
        if let Some(at) = connection.keep_alive_deadline {
            self.deadlines.cancel(at, Due::KeepAlive(id));
        }
        let session = connection.session.filter(|session| {
            self.clients.get(*session).is_some_and(|session| session.connection == Some(id))
        });
        if let Some(session) = session.and_then(|session| self.clients.get_mut(session)) {
            session.never_sent.extend(connection.held.iter().flat_map(|held| held.in_flight()));
        }
        let client_identifier =
            session.and_then(|session| Some(self.clients.get(session)?.client_identifier.to_string()));
        let peer = connection.peer;
        self.notice(Notice::Disconnected { connection: id, peer, client_identifier, cause });
        if let Some(session) = session {
            self.leave_session(session);
        }
    }

    fn leave_session(&mut self, id: SessionId) {
        let now = self.now;
        let Some(session) = self.clients.get_mut(id) else { return };
        session.connection = None;
        self.status.sessions_connected -= 1;
        if !session.outlives_connection() {
            self.end_session(id); // [MQTT-4.1.0-2]
            return;
        }
        session.detached_at = Some(now);
        let expiry_interval = session.expiry_interval;
        self.record(id, |session| Record::Detached { session, at: now, expiry_interval });
        self.await_end(id);
        self.set_online(id, false);
    }

    /// Sets the timers of a Session that lost its connection: for its end and for its Will.
    pub(crate) fn await_end(&mut self, id: SessionId) {
        let Some(session) = self.clients.get_mut(id) else { return };
        let Some(detached_at) = session.detached_at else { return };
        if session.expiry_interval != u32::MAX {
            let ends_at = detached_at.plus_seconds(session.expiry_interval);
            session.ends_at = Some(ends_at);
            self.deadlines.set(ends_at, Due::SessionExpiry(id));
        }
        if let Some(will) = &mut session.will {
            let due_at = detached_at.plus_seconds(will.delay);
            will.due_at = Some(due_at);
            if due_at <= self.now {
                self.will_due(id);
            } else {
                self.deadlines.set(due_at, Due::Will(id)); // [MQTT-3.1.2-8]
            }
        }
    }

    pub(crate) fn session_expired(&mut self, id: SessionId) {
        let is_over = self.clients.get(id).is_some_and(|session| {
            session.connection.is_none() && session.ends_at.is_some_and(|at| at <= self.now)
        });
        if is_over {
            self.status.sessions_expired += 1;
            self.end_session(id);
        }
    }

    /// Ends a Session that has no connection: its subscriptions go, its Will is published, and what a Shared Subscription
    /// gave to it goes to other members.
    pub(crate) fn end_session(&mut self, id: SessionId) {
        self.drop_subscriptions(id);
        let Some(mut session) = self.clients.remove(id) else { return };
        self.commons.session_ends();
        if let Some(at) = session.ends_at {
            self.deadlines.cancel(at, Due::SessionExpiry(id));
        }
        if let Some(name) = session.record {
            self.journal.write(self.now, &Record::Ended { session: name });
            self.unsettle(&session.client_identifier);
        }
        if let Some(will) = session.will.take() {
            if let Some(at) = will.due_at {
                self.deadlines.cancel(at, Due::Will(id));
            }
            self.journal.write(self.now, &session.will_record());
            self.publish_will(will);
        }
        self.status.queued_messages -= session.queue.len();
        self.status.queued_bytes -= session.queue.bytes();
        self.notice(Notice::SessionEnded { client_identifier: session.client_identifier.to_string() });
        self.redistribute(&mut session);
    }

    /// Messages that a Shared Subscription gave to an ended Session go to other members: those of QoS 1 that were not
    /// acknowledged, and those that were never sent. A QoS 2 message whose delivery began goes to nobody else
    /// [MQTT-4.8.2-5].
    fn redistribute(&mut self, session: &mut ClientSession) {
        let begun = session.state.outbound.unfinished().filter_map(|(id, unanswered)| {
            let (qos, queued) = unanswered?;
            let may_move = qos == QoS::AtLeastOnce || session.never_sent.contains(&id);
            (may_move && queued.group.is_some()).then(|| queued.clone())
        });
        let mut orphans: Vec<Queued> = begun.collect();
        while let Some(queued) = session.queue.pop() {
            orphans.extend(queued.group.is_some().then_some(queued));
        }
        for orphan in orphans {
            if let Some(group) = orphan.group
                && let Some(mut publication) = orphan.message.publication()
            {
                self.route_to_group(&mut publication, &group);
            }
        }
    }

    pub(crate) fn will_due(&mut self, id: SessionId) {
        let now = self.now;
        let Some(session) = self.clients.get_mut(id) else { return };
        if session.connection.is_none()
            && let Some(will) = session.will.take_if(|will| will.due_at.is_some_and(|at| at <= now))
        {
            self.journal.write(now, &session.will_record());
            self.publish_will(will); // [MQTT-3.1.2-10]
        }
    }

    pub(crate) fn publish_will(&mut self, will: Will) {
        let expires_at = will.expiry_interval.map(|seconds| self.now.plus_seconds(seconds)); // [s3.1.3.2.4]
        let message = Arc::new(Message { expires_at, ..will.message });
        let Some(mut publication) = message.publication() else { return };
        match self.refusal_of_publish(&publication) {
            Some(reason) => self.notice_refused(None, &publication, reason),
            None => _ = self.take_effect(&mut publication),
        }
    }
}
