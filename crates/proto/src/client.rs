//! The client's end as a value: between the wishes of an application and the bytes of a connection.
//!
//! A [`Client`] keeps the Session while connections come and go. It takes what happened ([`Input`]) and what the
//! application wants (the methods), and tells what to do ([`Client::poll`]). It opens no socket and reads no clock. `T` is
//! a token by which the owner recognises an operation when its answer comes.

mod event;
mod incoming;
mod kept;
mod outgoing;
mod record;
mod stored;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use martlet_wire::{Connect, Disconnect, Packet, PacketId, Properties, ReasonCode};

use crate::connection::ClientConnection;
use crate::error::PeerMisbehaved;
use crate::keep_alive::KeepAlive;
use crate::session::Session;
use crate::time::Instant;

pub use event::{Event, Failure, Incoming, Outgoing, PublishError, Receipt};
pub use kept::KeptMessage;
pub use record::InvalidRecord;
pub use stored::{SessionChange, StoredSession};

use incoming::Held;
use outgoing::Waiting;

/// What a client does on its own account, apart from what CONNECT says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Unfinished QoS 1 and 2 messages at most; the server's Receive Maximum may lower this. At least 1.
    pub inflight_messages_max: u16,
    /// Topic Aliases used at most; the server's Topic Alias Maximum may lower this.
    pub topic_alias_maximum_outgoing: u16,
    /// Whether messages are acknowledged as soon as they were handed over. If not, [`Client::acknowledge`] does it.
    pub acknowledges_itself: bool,
    /// Whether the changes of the Session are told by [`Client::take_changes`].
    pub tells_changes: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            inflight_messages_max: 65_535,
            topic_alias_maximum_outgoing: 16,
            acknowledges_itself: true,
            tells_changes: false,
        }
    }
}

/// Something that happened to the connection.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Bytes came in.
    Received(&'a [u8]),
    /// The connection is gone.
    Closed,
    /// Time has passed: see [`Client::wake_at`]. Early or repeated calls do no harm.
    WakeUp,
}

/// One client, with its Session.
#[derive(Debug)]
pub struct Client<T> {
    settings: Settings,
    connection: Option<ClientConnection>,
    session: Session<Arc<KeptMessage>>,
    /// Publishes that wait for a connection, or for quota.
    waiting: VecDeque<Waiting<T>>,
    /// How many of them will get a Packet Identifier as soon as one is free.
    unnamed: usize,
    /// Who waits for the end of a publish that has a Packet Identifier.
    publishes: BTreeMap<PacketId, T>,
    /// Who waits for SUBACK or UNSUBACK, each with its number in the order of sending.
    requests: BTreeMap<PacketId, (u64, T)>,
    last_request: u64,
    /// Messages that came on this connection and are not acknowledged, in the order in which they came [MQTT-4.6.0-2].
    unacknowledged: VecDeque<Held>,
    /// Messages of earlier connections that the application has, and that the server has to send again.
    earlier: BTreeMap<PacketId, Held>,
    last_receipt: Receipt,
    out: Vec<u8>,
    received: Vec<u8>,
    events: VecDeque<Event<T>>,
    changes: Vec<SessionChange>,
    now: Instant,
    last_sent: Instant,
    /// When a PINGREQ was sent whose PINGRESP has not come.
    pinged_at: Option<Instant>,
    /// Whether the owner reads from the connection, so that silence means something.
    is_reading: bool,
}

impl<T> Client<T> {
    /// A client without a connection and with a new Session.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            connection: None,
            session: Session::default(),
            waiting: VecDeque::new(),
            unnamed: 0,
            publishes: BTreeMap::new(),
            requests: BTreeMap::new(),
            last_request: 0,
            unacknowledged: VecDeque::new(),
            earlier: BTreeMap::new(),
            last_receipt: Receipt::default(),
            out: Vec::new(),
            received: Vec::new(),
            events: VecDeque::new(),
            changes: Vec::new(),
            now: Instant::default(),
            last_sent: Instant::default(),
            pinged_at: None,
            is_reading: true,
        }
    }

    /// A client that goes on with the Session of an earlier process. `token` makes a token for each unfinished publish.
    ///
    /// Whether the server kept its part is known at CONNACK: if it did, what is unfinished is finished, with DUP; if not, it
    /// is published anew.
    pub fn restore(
        settings: Settings,
        session: &StoredSession,
        mut token: impl FnMut(PacketId, Option<&Arc<KeptMessage>>) -> T,
    ) -> Self {
        let mut client = Self::new(settings);
        for (id, message) in session.publishes() {
            let unanswered = message.map(|message| (message.qos(), Arc::clone(message)));
            client.session.outbound.restore(id, unanswered);
            client.publishes.insert(id, token(id, message));
        }
        for (id, is_received) in session.received() {
            client.restore_received(id, is_received);
        }
        client
    }

    /// A connection was opened: CONNECT goes out.
    ///
    /// # Errors
    /// CONNECT cannot be encoded: a field is too long.
    pub fn connect(&mut self, now: Instant, connect: &Connect<'_>) -> Result<(), martlet_wire::EncodeError> {
        self.closed();
        self.out.clear(); // what an earlier connection did not take
        self.is_reading = true;
        self.now = self.now.max(now);
        connect.encode(connect.version, &mut self.out)?;
        let mut connection = ClientConnection::new(connect.version, KeepAlive::new(connect.keep_alive));
        let properties = &connect.properties;
        connection.topic_alias_maximum = properties.topic_alias_maximum().unwrap_or(0);
        if let Some(bytes) = properties.maximum_packet_size() {
            connection.own_packet_size_bytes_max = bytes.get();
        }
        if connect.clean_start {
            self.forget_incoming();
        }
        self.connection = Some(connection);
        self.last_sent = self.now;
        Ok(())
    }

    /// Takes one thing that happened.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = self.now.max(now);
        match input {
            Input::Received(bytes) => self.take_bytes(bytes),
            Input::Closed => self.closed(),
            Input::WakeUp => self.keep_alive(),
        }
    }

    /// Bytes to be sent; take them with [`Client::take_outgoing`].
    pub fn outgoing(&self) -> &[u8] {
        &self.out
    }

    /// Takes the bytes to be sent.
    pub fn take_outgoing(&mut self) -> Vec<u8> {
        if !self.out.is_empty() {
            self.last_sent = self.now;
        }
        core::mem::take(&mut self.out)
    }

    /// Takes the changes of the Session since the last call, oldest first, if [`Settings::tells_changes`] says so.
    ///
    /// Each was made before the bytes that depend on it were encoded. So the owner that keeps them takes changes and bytes
    /// together, and sends these bytes, and all later ones, when the changes are kept. That is all there is to the order:
    /// nothing is sent that a restored client would not know of.
    pub fn take_changes(&mut self) -> Vec<SessionChange> {
        core::mem::take(&mut self.changes)
    }

    /// Whether [`Client::take_changes`] would tell any.
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// What the owner should know of, oldest first.
    pub fn poll(&mut self) -> Option<Event<T>> {
        self.events.pop_front()
    }

    /// When [`Input::WakeUp`] is due.
    pub fn wake_at(&self) -> Option<Instant> {
        let connection = self.connection.as_ref().filter(|connection| connection.is_open)?;
        let seconds = connection.keep_alive.seconds();
        let since = self.pinged_at.filter(|_| self.is_reading).unwrap_or(self.last_sent);
        (seconds > 0).then(|| since.plus_seconds(u32::from(seconds)))
    }

    /// Says whether the owner reads what comes in. It does at the start of each connection.
    ///
    /// While it does not, the silence of the server means nothing: PINGREQ goes out, and no PINGRESP is missed.
    pub fn set_reading(&mut self, now: Instant, is_reading: bool) {
        self.now = self.now.max(now);
        if is_reading && !self.is_reading && self.pinged_at.is_some() {
            self.pinged_at = Some(self.now);
        }
        self.is_reading = is_reading;
    }

    /// Sends DISCONNECT. The owner closes the connection once that was sent [MQTT-3.14.4-2].
    pub fn disconnect(&mut self, reason: ReasonCode, properties: Properties<'_>) {
        if let Some(connection) = &self.connection {
            let packet = Packet::Disconnect(Disconnect { reason, properties });
            let _ = packet.encode(connection.version, &mut self.out);
        }
        self.connection = None;
    }

    /// Whether CONNACK with success came, and the connection stands.
    pub fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.is_open)
    }

    /// What the server allows, while there is a connection.
    pub fn connection(&self) -> Option<&ClientConnection> {
        self.connection.as_ref()
    }

    /// Publishes that wait for quota or for a connection, and those in flight.
    pub fn unfinished_publishes(&self) -> usize {
        self.waiting.len() + self.session.outbound.len()
    }

    /// QoS 2 messages that came, and that the server has not released by PUBREL.
    pub fn unreleased_messages(&self) -> usize {
        self.session.inbound.len()
    }

    /// An idle connection has to show that it lives [MQTT-3.1.2-20].
    fn keep_alive(&mut self) {
        let Some(at) = self.wake_at() else { return };
        if at > self.now {
            return;
        }
        if self.is_reading && self.pinged_at.is_some() {
            self.fail(PeerMisbehaved::KeepAliveTimeout);
        } else {
            self.pinged_at = Some(self.now);
            self.send(&Packet::PingReq);
        }
    }

    fn send(&mut self, packet: &Packet<'_>) {
        if let Some(connection) = &self.connection {
            // What cannot be encoded was refused when the application asked for it.
            let _ = packet.encode(connection.version, &mut self.out);
        }
    }

    /// The server broke the standard, or is silent: DISCONNECT where there is one, and the end of the connection.
    fn fail(&mut self, misbehaved: PeerMisbehaved) {
        if self.connection.as_ref().is_some_and(|c| c.is_open && c.version.has_properties()) {
            self.disconnect(misbehaved.reason(), Properties::EMPTY);
        }
        self.events.push_back(Event::Failed(misbehaved));
        self.closed();
    }

    fn closed(&mut self) {
        self.connection = None;
        self.received = Vec::new();
        for held in self.unacknowledged.drain(..).filter(|held| !held.is_abandoned) {
            self.earlier.insert(held.id, held);
        }
        self.pinged_at = None;
        let mut lost: Vec<_> = core::mem::take(&mut self.requests).into_values().collect();
        lost.sort_by_key(|(number, _)| *number);
        self.events.extend(lost.into_iter().map(|(_, token)| Event::RequestLost(token)));
    }

    fn changed(&mut self, change: SessionChange) {
        if self.settings.tells_changes {
            self.changes.push(change);
        }
    }
}

/// A copy of a property section, or of a list, as the wire has it.
fn section_of(properties: Properties<'_>) -> Box<[u8]> {
    let mut section = Vec::new();
    for property in properties {
        property.encode(&mut section);
    }
    section.into()
}
