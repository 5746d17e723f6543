//! CONNECT: who may come in, under which name, to which Session.

use martlet_proto::connection::Phase;
use martlet_proto::{KeepAlive, PeerMisbehaved};
use martlet_wire::{
    ConnAck, Connect, Packet, Properties, Property, ProtocolVersion, QoS, ReasonCode, TopicName,
};

use crate::access::{AuthenticationStage, Client, Decision, Newcomer, Question};
use crate::clients::{ClientSession, SessionId, Will};
use crate::connections::PendingConnect;
use crate::control::is_control;
use crate::deadlines::Due;
use crate::hashing::shard_of;
use crate::identity::Identity;
use crate::limits::Config;
use crate::message::Message;
use crate::mount;
use crate::notice::{Cause, Notice, WillFacts};
use crate::own::is_reserved;
use crate::records::Record;
use crate::refuse::explain;
use crate::{ConnectionId, Engine, Output, Peer, ShardId};

/// Where a CONNECT is handled.
pub(crate) enum Admission {
    Here,
    /// The Session belongs to another shard.
    Elsewhere(ShardId),
}

impl Engine {
    pub(crate) fn connect(&mut self, id: ConnectionId, connect: &Connect<'_>, packet: &[u8]) -> Admission {
        let Some(connection) = self.connections.get_mut(id) else { return Admission::Here };
        let identity = self.config.identity(&connection.peer, connect);
        if let Ok(Identity { client_identifier, .. }) = &identity
            && !client_identifier.is_empty()
        {
            let shard = ShardId(shard_of(client_identifier, self.commons.shards()));
            if shard != self.shard {
                return Admission::Elsewhere(shard);
            }
        }
        let limits = &self.config.limits;
        let listener = connection.peer.listener;
        connection.protocol.connect(connect, limits.receive_maximum);
        let aliases = self.config.topic_alias_maximum_outgoing(listener);
        connection.protocol.lower(limits.inflight_messages_max, aliases);
        if connection.peer.bridge().is_some_and(|bridge| bridge.only_subscribes) {
            connection.protocol.inflight_messages_max = 0;
        }
        let identity = match identity {
            Ok(identity) => identity,
            Err(reason) => {
                self.refuse(id, connect.client_identifier, reason);
                return Admission::Here;
            }
        };
        match self.objection(connect, &identity.client_identifier, listener) {
            Some(reason) => self.refuse(id, connect.client_identifier, reason),
            None => self.decide(id, connect, packet, identity),
        }
        Admission::Here
    }

    /// Asks whether a client may connect that follows the standard, and goes on as the answer says.
    fn decide(&mut self, id: ConnectionId, connect: &Connect<'_>, packet: &[u8], mut identity: Identity) {
        let Some(listener) = self.connections.get(id).map(|connection| connection.peer.listener) else {
            return;
        };
        if identity.client_identifier.is_empty() {
            identity.client_identifier = self.assign_client_identifier(listener);
        }
        let Some(connection) = self.connections.get_mut(id) else { return };
        let peer = &connection.peer;
        if peer.bridge().is_some() {
            self.admit(id, connect, &identity, None);
            return;
        }
        let newcomer =
            Newcomer { client: identity.client(listener), is_proven: identity.is_proven, peer, connect };
        match self.access.connect(&newcomer) {
            Decision::Accept => self.admit(id, connect, &identity, None),
            Decision::Refuse(reason) => self.refuse(id, &identity.client_identifier, reason),
            Decision::Ask => {
                let question = Question {
                    peer: peer.clone(),
                    client_identifier: identity.client_identifier.clone(),
                    user_name: identity.user_name.clone(),
                    password: connect.password.map(<[u8]>::to_vec),
                    method: connect.properties.authentication_method().map(str::to_owned),
                    data: connect.properties.authentication_data().map(<[u8]>::to_vec),
                    stage: AuthenticationStage::Connect,
                };
                connection.awaits_verdict = true;
                connection.pending = Some(Box::new(PendingConnect { packet: packet.to_vec(), identity }));
                self.outputs.push_back(Output::Authenticate { connection: id, question });
            }
        }
    }

    /// Lets a client in whose CONNECT waited for a verdict.
    pub(crate) fn admit_pending(&mut self, id: ConnectionId, data: Option<&[u8]>) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Some(pending) = connection.pending.take() else { return };
        if let Ok(Packet::Connect(connect)) = connection.protocol.decode(&pending.packet) {
            self.admit(id, &connect, &pending.identity, data);
        }
        self.resume(id);
    }

    /// What speaks against this CONNECT, apart from authentication.
    fn objection(&self, connect: &Connect<'_>, client_identifier: &str, listener: u16) -> Option<ReasonCode> {
        if !self.config.accepts_version(listener, connect.version) {
            return Some(ReasonCode::UnsupportedProtocolVersion);
        }
        let features = &self.config.features;
        let limits = &self.config.limits;
        let is_v5 = connect.version.has_properties();
        if connect.client_identifier.is_empty() {
            // 3.1 has no empty Client Identifier; 3.1.1 only with Clean Session [MQTT311-3.1.3-8].
            let is_allowed = self.config.allows_zero_length_client_identifier(listener)
                && (is_v5 || (connect.version == ProtocolVersion::Mqtt311 && connect.clean_start));
            if !is_allowed {
                let theirs = is_v5 && features.mosquitto_behaviour;
                return Some(if theirs {
                    ReasonCode::UnspecifiedError
                } else {
                    ReasonCode::ClientIdentifierNotValid
                });
            }
        }
        if !is_v5 && limits.keep_alive_max > 0 {
            // A client that cannot be told a Server Keep Alive is turned away, as Mosquitto does.
            if connect.keep_alive == 0 || connect.keep_alive > limits.keep_alive_max {
                return Some(ReasonCode::ClientIdentifierNotValid);
            }
        }
        if let Some(will) = &connect.will {
            if will.qos > self.config.maximum_qos(listener) {
                return Some(ReasonCode::QosNotSupported); // [MQTT-3.2.2-12]
            }
            if will.retain && !features.retain_available {
                return Some(ReasonCode::RetainNotSupported); // [MQTT-3.2.2-13]
            }
            if will.payload.len() > limits.payload_bytes_max {
                return Some(if is_v5 { ReasonCode::PacketTooLarge } else { ReasonCode::NotAuthorized });
            }
            let whole = mount::whole(self.config.mount_point(listener), will.topic);
            let Ok(topic) = TopicName::parse(&whole) else { return Some(ReasonCode::TopicNameInvalid) };
            if is_control(topic) {
                return Some(ReasonCode::NotAuthorized); // a request needs someone who waits for its answer
            }
            // Whether the client may publish it is asked when it is published.
            if let Some(reason) = self.topic_objection(topic) {
                return Some(reason);
            }
        }
        let session = self.clients.find(client_identifier).and_then(|it| self.clients.get(it));
        // One with Session Expiry Interval 0 ends when this connection takes its own over.
        let goes_on = |session: &ClientSession| session.outlives_connection() && !connect.clean_start;
        // If one began or ended just now, a crash would tell another tale.
        let is_unsettled = self.unsettled.contains(client_identifier);
        let needs_log = is_unsettled
            || match session.filter(|session| session.record.is_some()) {
                Some(session) => !goes_on(session),
                None => connect.session_expiry_interval() > 0,
            };
        if self.journal.is_stalled() && needs_log {
            return Some(ReasonCode::ServerUnavailable);
        }
        let is_known = session.is_some();
        let has_room = !self.memory_is_short && self.clients.len() < limits.sessions_max;
        (!is_known && !has_room).then_some(ReasonCode::QuotaExceeded)
    }

    /// What speaks against publishing to a topic, whoever does it.
    pub(crate) fn topic_objection(&self, topic: TopicName<'_>) -> Option<ReasonCode> {
        let name = topic.as_str();
        if name.split('/').count() > self.config.limits.topic_levels_max {
            return Some(ReasonCode::TopicNameInvalid);
        }
        is_reserved(name).then_some(ReasonCode::NotAuthorized)
    }

    /// A Client Identifier that no Session of the broker has [MQTT-3.2.2-16], and that falls to this shard.
    fn assign_client_identifier(&mut self, listener: u16) -> String {
        loop {
            let name = self.random_client_identifier(listener);
            if shard_of(&name, self.commons.shards()) == self.shard.0 && self.clients.find(&name).is_none() {
                return name;
            }
        }
    }

    /// A prefix, and 128 random bits in the form of a UUID.
    fn random_client_identifier(&mut self, listener: u16) -> String {
        let (high, low) = (self.random.next(), self.random.next());
        let prefix = self.config.client_identifier_prefix(listener);
        let digits = format!("{high:016X}{low:016X}");
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        format!("{prefix}{}", parts.join("-"))
    }

    /// Lets a client in.
    fn admit(&mut self, id: ConnectionId, connect: &Connect<'_>, identity: &Identity, data: Option<&[u8]>) {
        let client_identifier = identity.client_identifier.as_str();
        let Some(listener) = self.connections.get(id).map(|connection| connection.peer.listener) else {
            return;
        };
        let mark = self.journal.mark();
        self.end_older_connection(client_identifier, connect.clean_start);
        let stored = self.clients.find(client_identifier);
        let session_id = match stored {
            Some(stored) if connect.clean_start => {
                self.end_session(stored); // [MQTT-3.1.2-4]
                self.commons.session_begins();
                self.clients.create(client_identifier)
            }
            Some(stored) => stored,
            None => {
                if !self.commons.session_may_begin(self.config.limits.sessions_of_node_max) {
                    self.refuse(id, client_identifier, ReasonCode::ServerBusy);
                    return;
                }
                self.clients.create(client_identifier)
            }
        };
        let session_present = stored == Some(session_id);
        let bridge = self.connections.get(id).and_then(|connection| connection.peer.bridge().copied());
        let (expiry_interval, keep_alive) = self.granted_times(connect, bridge.is_some());
        let client = identity.client(listener);
        let will = connect.will.as_ref().map(|will| Will::new(will, client, &self.config));
        let Some(session) = self.clients.get_mut(session_id) else { return };
        if let Some(at) = session.ends_at.take() {
            self.deadlines.cancel(at, Due::SessionExpiry(session_id));
        }
        if let Some(at) = session.will.as_ref().and_then(|will| will.due_at) {
            self.deadlines.cancel(at, Due::Will(session_id)); // [MQTT-3.1.3-9]
        }
        session.expiry_interval = expiry_interval;
        session.connection = Some(id);
        self.status.sessions_connected += 1;
        session.state.outbound.restart();
        let old_will = core::mem::replace(&mut session.will, will);
        self.name_session(session_id, client);
        self.record_connected(session_id, old_will.is_some());
        if let Some(bridge) = bridge {
            self.attach_bridge(session_id, bridge);
        }
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.session = Some(session_id);
        connection.awaits_verdict = false;
        connection.protocol.keep_alive = KeepAlive::new(keep_alive);
        let connack = self.connack(id, connect, identity, session_present, data);
        self.notice_connected(id, connect, identity, keep_alive);
        self.trace_connack(id, session_present, ReasonCode::Success);
        // Whether there was a Session may be told once nothing that a crash takes back says so.
        let is_unsettled = self.unsettled.contains(client_identifier);
        let has_grown = self.journal.has_grown(mark);
        // A Session that the log knows may be used while the log cannot be written to; see `objection` for the others.
        let Some(connection) = self.connections.get_mut(id) else { return };
        if self.journal.is_stalled() && !is_unsettled {
            connection.resends_after = self.journal.pending();
            self.open_connection(id, &connack);
        } else if has_grown || is_unsettled {
            connection.connack = Some(connack.into());
        } else {
            self.open_connection(id, &connack);
            return;
        }
        self.await_journal(id);
    }

    /// Whoever has this Client Identifier is sent away for another [MQTT-3.1.4-3].
    fn end_older_connection(&mut self, client_identifier: &str, clean_start: bool) {
        let older = self.clients.find(client_identifier).and_then(|session| self.clients.get(session));
        let Some(older) = older.and_then(|session| session.connection) else { return };
        let farewell = self.disconnect_packet(older, ReasonCode::SessionTakenOver, None);
        if self.config.features.mosquitto_behaviour && !clean_start {
            self.drop_will_of_lasting_session(client_identifier);
        }
        self.end_connection(older, Cause::TakenOver, farewell);
    }

    /// The Session belongs to this client from here on, whose user name or listener may be others than before.
    fn name_session(&mut self, session_id: SessionId, client: Client<'_>) {
        let Some(session) = self.clients.get_mut(session_id) else { return };
        let is_another = session.client() != client;
        session.user_name = client.user_name.map(Into::into);
        session.listener = client.listener;
        if is_another && self.access.checks_deliveries() {
            self.subscriptions.touch(); // it may receive other messages than before
        }
    }

    /// Writes down that a Session has a connection, and its Will.
    fn record_connected(&mut self, session_id: SessionId, had_will: bool) {
        let Some(session) = self.clients.get(session_id) else { return };
        match session.record {
            Some(session_name) => {
                let record = Record::Attached {
                    session: session_name,
                    user_name: session.user_name.as_deref(),
                    expiry_interval: session.expiry_interval,
                };
                self.journal.write(self.now, &record);
            }
            None if session.outlives_connection() => self.begin_to_survive(session_id),
            None => {}
        }
        let Some(session) = self.clients.get(session_id) else { return };
        if session.will.is_some() || had_will {
            let record = session.will_record();
            self.journal.write(self.now, &record);
        }
    }

    /// Session Expiry Interval and Keep Alive, which bridges have as they like.
    fn granted_times(&self, connect: &Connect<'_>, is_bridge: bool) -> (u32, u16) {
        let wanted = connect.session_expiry_interval();
        if is_bridge {
            return (wanted, connect.keep_alive);
        }
        (wanted.min(self.config.limits.session_expiry_interval_max), self.granted_keep_alive(connect))
    }

    fn granted_keep_alive(&self, connect: &Connect<'_>) -> u16 {
        let most = self.config.limits.keep_alive_max;
        if let Some(keep_alive) = self.config.features.server_keep_alive
            && connect.version.has_properties()
        {
            keep_alive
        } else if most > 0 && (connect.keep_alive == 0 || connect.keep_alive > most) {
            most
        } else {
            connect.keep_alive
        }
    }

    fn connack(
        &self,
        id: ConnectionId,
        connect: &Connect<'_>,
        identity: &Identity,
        session_present: bool,
        data: Option<&[u8]>,
    ) -> Vec<u8> {
        let features = &self.config.features;
        let limits = &self.config.limits;
        let Some(connection) = self.connections.get(id) else { return Vec::new() };
        let listener = connection.peer.listener;
        let (maximum_qos, aliases) =
            (self.config.maximum_qos(listener), self.config.topic_alias_maximum(listener));
        let mut properties = Vec::new();
        let mut add =
            |wanted: bool, property: Property<'static>| properties.extend(wanted.then_some(property));
        let keep_alive = connection.protocol.keep_alive.seconds();
        add(keep_alive != connect.keep_alive, Property::ServerKeepAlive(keep_alive)); // [MQTT-3.2.2-22]
        add(aliases > 0, Property::TopicAliasMaximum(aliases));
        add(!features.retain_available, Property::RetainAvailable(false));
        add(!features.wildcard_subscription_available, Property::WildcardSubscriptionAvailable(false));
        add(!features.subscription_identifier_available, Property::SubscriptionIdentifierAvailable(false));
        add(!features.shared_subscription_available, Property::SharedSubscriptionAvailable(false));
        let asked = connect.session_expiry_interval();
        let granted = asked.min(limits.session_expiry_interval_max);
        add(granted != asked, Property::SessionExpiryInterval(granted)); // [s3.2.2.3.2]
        let mut properties: Vec<Property<'_>> = properties;
        if identity.is_assigned {
            let name = &identity.client_identifier;
            properties.push(Property::AssignedClientIdentifier(name)); // [MQTT-3.1.3-7]
        }
        if connect.properties.request_response_information() == Some(true) {
            properties.extend(features.response_information.as_deref().map(Property::ResponseInformation));
        }
        if let Some(method) = connect.properties.authentication_method() {
            properties.push(Property::AuthenticationMethod(method)); // [MQTT-4.12.0-5]
            properties.extend(data.map(Property::AuthenticationData));
        }
        properties
            .extend(core::num::NonZero::new(limits.packet_size_bytes_max).map(Property::MaximumPacketSize));
        properties.extend(core::num::NonZero::new(limits.receive_maximum).map(Property::ReceiveMaximum));
        let has_highest_qos = maximum_qos == QoS::ExactlyOnce;
        properties.extend((!has_highest_qos).then_some(Property::MaximumQos(maximum_qos))); // [MQTT-3.2.2-9]
        let packet = ConnAck {
            session_present: session_present && connect.version != ProtocolVersion::Mqtt31,
            reason: ReasonCode::Success,
            properties: Properties::list(&properties),
        };
        let mut bytes = Vec::new();
        // A failure leaves nothing written, and the client without CONNACK: `open_connection` closes it.
        let _ = packet.encode(connect.version, &mut bytes);
        bytes
    }

    fn notice_connected(
        &mut self,
        id: ConnectionId,
        connect: &Connect<'_>,
        identity: &Identity,
        keep_alive: u16,
    ) {
        let Some(connection) = self.connections.get(id) else { return };
        let notice = Notice::Connected {
            connection: id,
            peer: connection.peer.clone(),
            client_identifier: identity.client_identifier.clone(),
            version: connect.version,
            clean_start: connect.clean_start,
            keep_alive,
            user_name: identity.user_name.clone(),
            will: connect.will.as_ref().map(|will| WillFacts {
                topic: will.topic.as_str().to_owned(),
                payload_bytes: will.payload.len(),
                qos: will.qos,
                retain: will.retain,
            }),
        };
        self.notice(notice);
    }

    /// CONNACK goes out, and what the Session is owed [MQTT-3.2.0-1].
    pub(crate) fn open_connection(&mut self, id: ConnectionId, connack: &[u8]) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connack.is_empty() || !connection.protocol.fits(connack.len()) {
            let limit = connection.protocol.packet_size_bytes_max;
            let misbehaved = PeerMisbehaved::PacketTooLarge { size: connack.len(), limit };
            self.end_connection(id, Cause::Misbehaved(misbehaved), None); // [MQTT-3.1.2-24]
            return;
        }
        connection.protocol.phase = Phase::Open;
        connection.out.append(|bytes| bytes.extend_from_slice(connack));
        self.status.packets_sent += 1;
        self.status.unsent_bytes += connack.len();
        connection.last_received = self.now;
        let session_id = connection.session;
        self.end_connect_deadline(id);
        self.schedule(id);
        self.check_keep_alive(id);
        if let Some(session_id) = session_id {
            self.set_online(session_id, true);
            self.pump(session_id);
        }
        // What came behind CONNECT waited for this. While CONNECT itself is being taken, nothing has been set aside.
        if self.connections.get(id).is_some_and(|connection| !connection.received.is_empty()) {
            self.resume(id);
        }
    }

    fn end_connect_deadline(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id)
            && let Some(at) = connection.connect_deadline.take()
        {
            self.deadlines.cancel(at, Due::Connect(id));
        }
    }

    /// Forgets a connection that goes to another shard. Answers where it comes from.
    pub(crate) fn forget(&mut self, id: ConnectionId) -> Peer {
        self.end_connect_deadline(id);
        self.connections.remove(id).map(|connection| connection.peer).unwrap_or_default()
    }

    pub(crate) fn connect_timed_out(&mut self, id: ConnectionId) {
        if self.connections.get(id).is_some_and(|connection| connection.protocol.phase != Phase::Open) {
            self.misbehaved(id, PeerMisbehaved::ConnectTimeout, &[]);
        }
    }

    /// Turns a client away: CONNACK with a failure where its version has one, then a close [MQTT-3.2.2-7].
    pub(crate) fn refuse(&mut self, id: ConnectionId, client_identifier: &str, reason: ReasonCode) {
        let Some(connection) = self.connections.get(id) else { return };
        let notice = Notice::Refused {
            connection: id,
            peer: connection.peer.clone(),
            client_identifier: client_identifier.to_owned(),
            reason,
        };
        let farewell = self.connack_refusal(connection, connection.protocol.version, reason, explain(reason));
        self.trace_connack(id, false, reason);
        self.notice(notice);
        self.end_connection(id, Cause::Broker(reason), farewell);
    }
}

impl Will {
    fn new(will: &martlet_wire::Will<'_>, publisher: Client<'_>, config: &Config) -> Self {
        let mount_point = publisher.listener.map_or("", |listener| config.mount_point(listener));
        let mut section = Vec::new();
        let (mut delay, mut expiry_interval) = (0, None);
        for property in will.properties {
            match property {
                Property::WillDelayInterval(seconds) => delay = seconds,
                Property::MessageExpiryInterval(seconds) => expiry_interval = config.expiry_interval(seconds),
                other => other.encode(&mut section),
            }
        }
        Self {
            message: Message {
                topic: mount::whole(mount_point, will.topic).into(),
                properties: section.into(),
                payload: will.payload.into(),
                qos: will.qos,
                retain: will.retain,
                expires_at: None,
                publisher: publisher.into(),
            },
            expiry_interval,
            delay,
            due_at: None,
        }
    }
}
