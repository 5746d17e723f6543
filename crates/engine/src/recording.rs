//! Writing down what has to survive: single changes, and whole Sessions.

use std::sync::Arc;

use crate::clients::{ClientSession, SessionId};
use crate::held::Waiting;
use crate::interest::Demand;
use crate::journal::Mark;
use crate::message::{Message, Publication, Queued};
use crate::records::{Record, RecordId};
use crate::subscriptions::Subscriptions;
use crate::{ConnectionId, Engine};

impl Engine {
    /// Writes a record about a Session, if that has to survive.
    pub(crate) fn record<'r>(&mut self, session: SessionId, record: impl FnOnce(RecordId) -> Record<'r>) {
        if let Some(name) = self.clients.get(session).and_then(|session| session.record) {
            self.journal.write(self.now, &record(name));
        }
    }

    /// Writes a message down, once, and tells its name.
    pub(crate) fn record_message(&mut self, publication: &mut Publication<'_>) -> RecordId {
        if let Some(id) = publication.record {
            return id;
        }
        let id = self.journal.next_id();
        self.journal.write(self.now, &Record::Message { id, message: publication.fields() });
        publication.record = Some(id);
        id
    }

    /// Writes down that a message waits for a Session, if that has to survive.
    pub(crate) fn record_queued(
        &mut self,
        session: SessionId,
        publication: &mut Publication<'_>,
        queued: &mut Queued,
    ) {
        let Some(session) = self.clients.get_mut(session) else { return };
        let Some(name) = session.record else { return };
        session.last_number += 1;
        queued.number = session.last_number;
        let message = self.record_message(publication);
        self.journal.write(self.now, &queued_record(name, message, queued));
    }

    /// What is sent on this connection from here on waits until all that was written so far is durable.
    pub(crate) fn hold(&mut self, id: ConnectionId) {
        let Some(batch) = self.journal.pending() else { return };
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.held.get_or_insert_default().push(batch, Waiting::Packets(Vec::new())) {
            self.await_journal(id);
        }
    }

    /// The same, if something was written since.
    pub(crate) fn hold_if_written(&mut self, id: ConnectionId, since: Mark) {
        if self.journal.has_grown(since) {
            self.hold(id);
        }
    }

    /// Something on this connection waits until all that was written so far is durable.
    pub(crate) fn await_journal(&mut self, id: ConnectionId) {
        if let Some(batch) = self.journal.pending() {
            self.journal.hold(batch, id);
        }
    }

    /// Something that this connection waited for is durable: what waited for that goes out.
    pub(crate) fn free(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if let Some(connack) = connection.connack.take() {
            self.open_connection(id, &connack);
        }
        while let Some(item) = self.next_durable(id) {
            match item {
                Waiting::Packets(packets) => {
                    if let Some(connection) = self.connections.get_mut(id) {
                        connection.out.append(|bytes| bytes.extend_from_slice(&packets));
                        self.status.unsent_bytes += packets.len();
                        self.schedule(id);
                    }
                }
                Waiting::InFlight(packet_id) => self.send_durable(id, packet_id),
                Waiting::AtMostOnce(queued) => self.send_late(id, &queued),
            }
        }
        if let Some(session) = self.connections.get(id).and_then(|connection| connection.session) {
            self.pump(session); // there may be room for what waits in the Session
        }
    }

    fn next_durable(&mut self, id: ConnectionId) -> Option<Waiting> {
        let connection = self.connections.get_mut(id)?;
        let held = connection.held.as_mut()?;
        let item = held.pop(|batch| self.journal.is_durable(batch));
        if held.is_empty() {
            connection.held = None; // from here on nothing has to wait behind it
        }
        item
    }

    /// A Session of this client began or ended: whoever comes by that name waits until that is durable.
    pub(crate) fn unsettle(&mut self, client_identifier: &str) {
        if let Some(batch) = self.journal.pending() {
            self.unsettled.insert(client_identifier, batch);
        }
    }

    /// A Session begins to have to survive: all that it has is written down.
    pub(crate) fn begin_to_survive(&mut self, session_id: SessionId) {
        if !self.journal.is_on() {
            return;
        }
        let name = self.journal.next_id();
        let Some(session) = self.clients.get_mut(session_id) else { return };
        session.record = Some(name);
        session.last_number = session.queue.number();
        let nodes: Vec<_> = session.subscriptions.iter().copied().collect();
        let shared = session.shared.clone();
        for node in nodes {
            if let Some(demand) = self.subscriptions.set_survives(node, session_id) {
                self.tell_interest(&self.subscriptions.filter(node), demand);
            }
        }
        for text in shared {
            if let Some(group) = self.subscriptions.group_mut(&text) {
                group.set_survives(session_id);
            }
            self.tell_group(&text);
        }
        let Some(session) = self.clients.get(session_id) else { return };
        let client_identifier = Arc::clone(&session.client_identifier);
        let mut records = Vec::new();
        let journal = &mut self.journal;
        let name_message = &mut |_: &Arc<Message>| (journal.next_id(), true);
        write_session(session_id, session, &self.subscriptions, name_message, &mut records);
        self.journal.write_encoded(self.now, &records);
        self.unsettle(&client_identifier);
    }

    /// Tells the other shards what this one wants of a filter.
    pub(crate) fn tell_interest(&self, filter: &str, demand: Demand) {
        if self.commons.shards() > 1 {
            let shard = self.shard.0;
            self.commons.change_interest(|interest| interest.set(filter, shard, demand));
        }
    }
}

/// Writes a whole Session as the records that make it. `name_message` tells the name of a message, and whether the message
/// is to be written too.
pub(crate) fn write_session(
    id: SessionId,
    session: &ClientSession,
    subscriptions: &Subscriptions,
    name_message: &mut dyn FnMut(&Arc<Message>) -> (RecordId, bool),
    to: &mut Vec<u8>,
) {
    let Some(name) = session.record else { return };
    let detached_at = session.detached_at.filter(|_| session.connection.is_none());
    Record::Session {
        session: name,
        client_identifier: &session.client_identifier,
        user_name: session.user_name.as_deref(),
        expiry_interval: session.expiry_interval,
        detached_at,
    }
    .encode(to);
    write_subscriptions(id, name, session, subscriptions, to);
    for id in session.state.inbound.taken_over_ids() {
        match session.unreleased.get(id) {
            Some(stored) => {
                let (message, is_new) = name_message(stored);
                if is_new {
                    Record::Message { id: message, message: stored.fields() }.encode(to);
                }
                Record::Stored { session: name, id, message }.encode(to);
            }
            None => Record::TakenOver { session: name, id }.encode(to),
        }
    }
    let mut write_queued = |queued: &Queued, to: &mut Vec<u8>| {
        let (id, is_new) = name_message(&queued.message);
        if is_new {
            Record::Message { id, message: queued.message.fields() }.encode(to);
        }
        queued_record(name, id, queued).encode(to);
    };
    for (id, unanswered) in session.state.outbound.unfinished() {
        if let Some((_, queued)) = unanswered {
            write_queued(queued, to);
            Record::Sent { session: name, number: queued.number, id }.encode(to);
        } else {
            Record::Received { session: name, id }.encode(to);
        }
    }
    for queued in session.queue.iter() {
        write_queued(queued, to);
    }
}

/// The subscriptions that are owed retained messages come last, in the order in which they are served.
fn write_subscriptions(
    id: SessionId,
    name: RecordId,
    session: &ClientSession,
    subscriptions: &Subscriptions,
    to: &mut Vec<u8>,
) {
    let mut write = |filter: &str, options, identifier, owes| {
        Record::Subscribed { session: name, filter, options, identifier, owes }.encode(to);
    };
    let mut nodes: Vec<_> = session.subscriptions.iter().copied().collect();
    nodes.sort_unstable();
    for node in nodes {
        if let Some(subscription) = subscriptions.at(node, id) {
            let filter = subscriptions.filter(node);
            write(&filter, subscription.options(), subscription.identifier, false);
        }
    }
    for text in &session.shared {
        if let Some(member) = subscriptions.group(text).and_then(|group| group.member(id)) {
            write(text, member.options(), member.identifier, false);
        }
    }
    for replay in &session.replays {
        let found = subscriptions.find(&replay.filter).and_then(|node| subscriptions.at(node, id));
        if let Some(subscription) = found {
            write(&replay.filter, subscription.options(), subscription.identifier, true);
        }
    }
    if let Some(key) = session.replays.front().and_then(|replay| replay.cursor.key()) {
        Record::Replayed { session: name, key: Some(key) }.encode(to);
    }
}

fn queued_record(session: RecordId, message: RecordId, queued: &Queued) -> Record<'_> {
    Record::Queued {
        session,
        number: queued.number,
        message,
        qos: queued.qos,
        retain: queued.retain,
        group: queued.group.as_deref(),
        identifiers: queued.identifiers.as_deref().unwrap_or_default().to_vec(),
    }
}
