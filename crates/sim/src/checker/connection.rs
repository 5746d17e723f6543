//! Connections and Sessions: who takes over whom, and what survives.

use martlet_wire::Connect;

use super::{Checker, Facts, Phase, Present, WAKE_SLACK};
use crate::network::LinkId;

impl Checker {
    /// CONNECT.
    pub(super) fn connect(&mut self, id: LinkId, connect: &Connect<'_>) {
        let moves = self.moves(id, connect.client_identifier);
        let properties = &connect.properties;
        let facts = Facts {
            version: connect.version,
            clean_start: connect.clean_start,
            expiry: connect.session_expiry_interval(),
            keep_alive: connect.keep_alive,
            receive_maximum: properties.receive_maximum().map_or(u16::MAX, core::num::NonZero::get),
            packet_size_max: properties.maximum_packet_size().map_or(u32::MAX, core::num::NonZero::get),
            topic_alias_maximum: properties.topic_alias_maximum().unwrap_or(0),
            asks: connect.user_name == Some(super::ASKING_USER),
        };
        let asks = facts.asks;
        let check = &mut self.links[id.0];
        check.facts = Some(facts);
        check.phase = if moves {
            Phase::Moves
        } else if asks {
            Phase::AwaitsVerdict
        } else {
            Phase::Admitted
        };
        if check.phase == Phase::Moves {
            return;
        }
        if let Some(will) = &connect.will {
            let Some(message) = crate::reference::named(will.payload) else {
                self.fail_on(id, "a Will without a name");
                return;
            };
            let delay = will.properties.will_delay_interval().unwrap_or(0);
            self.links[id.0].will = Some((message, delay));
        }
        if !asks {
            self.admit(id);
        }
    }

    /// The CONNECT takes effect.
    pub(super) fn admit(&mut self, id: LinkId) {
        let client = self.identity(id);
        let Some(facts) = self.links[id.0].facts.clone() else { return };
        if let Some(old) = self.reference.current(client)
            && let Some(link) = self.reference.sessions[old].connection
        {
            self.note(&format!("l{} is taken over by l{}", link.0, id.0));
            self.end_connection(link, false); // [MQTT-3.1.4-3]
        }
        let mut present = Present::No;
        if let Some(old) = self.reference.current(client) {
            let session = &self.reference.sessions[old];
            let ends_at = end_of(session.disconnected_at, session.expiry);
            if facts.clean_start || self.now > ends_at.saturating_add(WAKE_SLACK) {
                self.session_ends(old); // [MQTT-3.1.2-4]
            } else {
                present = if self.now < ends_at { Present::Yes } else { Present::Either };
                self.cancel_will(old, present == Present::Either);
            }
        }
        let session = match self.reference.current(client) {
            Some(session) => session,
            None => self.reference.begin_session(client),
        };
        let check = &mut self.links[id.0];
        check.phase = Phase::Admitted;
        check.session = Some(session);
        check.present = present;
        let session = &mut self.reference.sessions[session];
        session.connection = Some(id);
        session.expiry = facts.expiry;
        session.has_size_limit |= facts.packet_size_max < u32::MAX;
    }

    /// CONNACK tells whether a Session that expires at this very moment is still there.
    pub(super) fn resolve(&mut self, id: LinkId, is_present: bool) {
        let check = &self.links[id.0];
        if check.present != Present::Either || is_present {
            return;
        }
        let (client, Some(old)) = (self.identity(id), check.session) else { return };
        let has_size_limit = check.facts.as_ref().is_some_and(|facts| facts.packet_size_max < u32::MAX);
        let expiry = self.reference.sessions[old].expiry;
        self.session_ends(old);
        let session = self.reference.begin_session(client);
        self.links[id.0].session = Some(session);
        let session = &mut self.reference.sessions[session];
        session.connection = Some(id);
        session.expiry = expiry;
        session.has_size_limit = has_size_limit;
    }

    /// A connection ends. In good order means: by DISCONNECT 0x00.
    pub(super) fn end_connection(&mut self, id: LinkId, in_good_order: bool) {
        let check = &mut self.links[id.0];
        if check.phase == Phase::Ended {
            return;
        }
        check.phase = Phase::Ended;
        let will = check.will.take();
        let Some(session) = check.session else { return };
        if self.reference.sessions[session].connection == Some(id) {
            self.reference.sessions[session].connection = None;
            self.reference.sessions[session].disconnected_at = self.now;
        }
        if let Some((message, delay)) = will {
            let publisher = self.identity(id);
            self.reference.messages[message].publisher = publisher;
            self.will_after(session, message, delay, in_good_order);
        }
        if self.reference.sessions[session].expiry == 0 {
            self.session_ends(session);
        }
    }

    /// A Session ends, and with it the delay of its Will.
    pub(super) fn session_ends(&mut self, session: usize) {
        if self.reference.sessions[session].is_over {
            return;
        }
        self.note(&format!("the Session of c{} ends", self.reference.sessions[session].client));
        self.reference.end_session(session);
        self.publish_will_of(session);
    }

    /// Ends Sessions whose time is over [MQTT-3.1.2-23].
    pub(super) fn expire_sessions(&mut self) {
        let current: Vec<usize> = self.reference.current.values().copied().collect();
        for number in current {
            let session = &self.reference.sessions[number];
            let ends_at = end_of(session.disconnected_at, session.expiry);
            if session.connection.is_none() && self.now > ends_at.saturating_add(WAKE_SLACK) {
                self.session_ends(number);
            }
        }
    }
}

/// When a Session without a connection ends.
fn end_of(disconnected_at: u64, expiry: u32) -> u64 {
    if expiry == u32::MAX { u64::MAX } else { disconnected_at + u64::from(expiry) * 1000 }
}
