//! Connections and Sessions: who takes over whom, and what survives.

use martlet_wire::Connect;

use super::undo::Undo;
use super::{Checker, Facts, Phase, Present, WAKE_SLACK};
use crate::network::LinkId;
use crate::reference::SessionWill;

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
        };
        let asks = connect.user_name == Some(super::ASKING_USER);
        self.links[id.0].facts = Some(facts);
        if moves {
            self.links[id.0].phase = Phase::Moves;
            return;
        }
        if let Some(will) = &connect.will {
            let Some(message) = crate::reference::named(will.payload) else {
                self.fail_on(id, "a Will without a name");
                return;
            };
            let delay = will.properties.will_delay_interval().unwrap_or(0);
            self.links[id.0].will = Some(SessionWill { message, delay, due: None });
        }
        let turned_away = self.turned_away(id);
        self.links[id.0].turned_away = turned_away;
        match turned_away {
            Some(true) => self.links[id.0].phase = Phase::Refused,
            _ if asks => self.links[id.0].phase = Phase::AwaitsVerdict,
            None => self.links[id.0].phase = Phase::Undecided,
            Some(false) => self.admit(id),
        }
    }

    /// Whether a client is turned away because the end of its Session, or a new one, could not be written down; `None` where nobody can tell.
    fn turned_away(&self, id: LinkId) -> Option<bool> {
        let check = &self.links[id.0];
        let Some(facts) = &check.facts else { return Some(false) };
        if !self.logs[check.shard].is_stalled {
            return Some(false);
        }
        let log = &self.logs[check.shard];
        if log.is_news_due {
            return None; // the engine may take what is durable for what is not
        }
        if self.is_unsettled(id) {
            return Some(true);
        }
        let without = Some(facts.expiry > 0);
        let old = self.reference.current(self.identity(id));
        if old.is_none() && self.loose > 0 {
            return None; // whatever damage has left
        }
        let Some(old) = old.filter(|old| self.reference.sessions[*old].survives) else { return without };
        let life = &self.reference.sessions[old].life;
        let with = Some(facts.clean_start || life.expiry == 0);
        let is_sure = match self.is_there(old) {
            // It may have ended in this very turn, with its connection.
            Present::Yes => life.expiry > 0,
            Present::No => return without,
            Present::Either => false,
        };
        if is_sure || with == without { with } else { None }
    }

    /// Whether a Session has not expired yet.
    fn is_there(&self, session: usize) -> Present {
        let life = &self.reference.sessions[session].life;
        let (first, last) = life.ends_at();
        if life.connection.is_some() || self.now < first {
            Present::Yes
        } else if self.now > last.saturating_add(WAKE_SLACK) {
            Present::No
        } else {
            Present::Either
        }
    }

    /// The CONNECT takes effect. Until CONNACK tells so, a crash can turn it back; where the log cannot be written to, CONNACK
    /// is no promise.
    pub(super) fn admit(&mut self, id: LinkId) {
        let is_stalled = self.logs[self.links[id.0].shard].is_stalled;
        self.connecting = Some(id).filter(|_| !is_stalled);
        self.attach(id);
        self.connecting = None;
    }

    fn attach(&mut self, id: LinkId) {
        let client = self.identity(id);
        let Some(facts) = self.links[id.0].facts.clone() else { return };
        if let Some(old) = self.reference.current(client)
            && let Some(link) = self.reference.sessions[old].life.connection
        {
            self.note(&format!("l{} is taken over by l{}", link.0, id.0));
            self.end_connection(link, false); // [MQTT-3.1.4-3]
        }
        let mut present = Present::No;
        if let Some(old) = self.reference.current(client) {
            present = if facts.clean_start { Present::No } else { self.is_there(old) };
            if present == Present::No {
                self.session_ends(old); // [MQTT-3.1.2-4]
            }
        }
        let session = match self.reference.current(client) {
            Some(session) => {
                self.remember_life(session);
                self.cancel_will(session, present == Present::Either);
                session
            }
            None => self.begin(id),
        };
        let check = &mut self.links[id.0];
        check.phase = Phase::Admitted;
        check.session = Some(session);
        check.present = present;
        let will = check.will.take();
        let state = &mut self.reference.sessions[session];
        state.is_unresolved |= present == Present::Either;
        state.life.connection = Some(id);
        state.life.expiry = facts.expiry;
        state.life.will = will;
        state.has_size_limit |= facts.packet_size_max < u32::MAX;
    }

    fn begin(&mut self, id: LinkId) -> usize {
        let (shard, client) = (self.links[id.0].shard, self.identity(id));
        let survives = self.links[id.0].facts.as_ref().is_some_and(|facts| facts.expiry > 0);
        let session = self.reference.begin_session(client, shard, survives);
        self.remember(session, Undo::Began { session });
        session
    }

    /// CONNACK tells whether a Session that expires at this very moment is still there.
    pub(super) fn resolve(&mut self, id: LinkId, is_present: bool) {
        let check = &self.links[id.0];
        let Some(session) = check.session.filter(|_| check.present == Present::Either) else { return };
        if self.reference.sessions[session].is_unresolved {
            self.reference.sessions[session].is_unresolved = false;
            if !is_present {
                self.renew(session);
            }
        }
    }

    /// A Session had expired, so that the CONNECT that seemed to resume it has made a new one.
    fn renew(&mut self, old: usize) {
        let Some(id) = self.reference.sessions[old].life.connection else { return };
        self.connecting = Some(id);
        let has_size_limit =
            self.links[id.0].facts.as_ref().is_some_and(|facts| facts.packet_size_max < u32::MAX);
        let before = self.reference.sessions[old].life.clone();
        self.remember_life(old);
        self.reference.sessions[old].life.will = None;
        self.session_ends(old);
        let session = self.begin(id);
        for check in self.links.iter_mut().filter(|check| check.session == Some(old)) {
            // Those that took this one over before it was known are of the new one too.
            if check.phase != Phase::Ended {
                check.session = Some(session);
            }
        }
        self.connecting = None;
        let state = &mut self.reference.sessions[session];
        state.life = before;
        state.has_size_limit = has_size_limit;
    }

    /// The broker says that the Session of a client has ended. What is not known already is how one that was about to expire
    /// did.
    pub(super) fn session_ended(&mut self, name: &str) {
        let Some(named) = self.session_of(name) else { return };
        let client = self.reference.sessions[named].client;
        let Some(session) = self.reference.current(client) else { return };
        let state = &self.reference.sessions[session];
        if state.life.connection.is_none() && self.now >= state.life.ends_at().0 {
            self.session_ends(session);
        } else if state.is_unresolved {
            self.reference.sessions[session].is_unresolved = false;
            self.renew(session);
        }
    }

    /// A connection ends. In good order means: by DISCONNECT 0x00.
    pub(super) fn end_connection(&mut self, id: LinkId, in_good_order: bool) {
        let check = &mut self.links[id.0];
        if check.phase == Phase::Ended {
            return;
        }
        check.phase = Phase::Ended;
        let Some(session) = check.session else { return };
        if self.reference.sessions[session].life.connection != Some(id) {
            return;
        }
        self.remember_life(session);
        if in_good_order {
            self.drop_will(session);
        }
        let now = self.now;
        let life = &mut self.reference.sessions[session].life;
        life.lose((now, now));
        let expiry = life.expiry;
        if let Some(will) = life.will {
            self.will_waits(session, will);
        }
        if expiry == 0 {
            self.session_ends(session);
        }
    }

    /// A Session ends, and with it the delay of its Will.
    pub(super) fn session_ends(&mut self, session: usize) {
        if self.reference.sessions[session].is_over {
            return;
        }
        self.note(&format!("the Session of c{} ends", self.reference.sessions[session].client));
        self.remember(session, Undo::Ended { session });
        self.reference.end_session(session);
        self.publish_will_of(session);
    }

    /// Ends Sessions whose time is over [MQTT-3.1.2-23].
    pub(super) fn expire_sessions(&mut self) {
        let current: Vec<usize> = self.reference.current.values().copied().collect();
        for session in current {
            if self.is_there(session) == Present::No {
                self.session_ends(session);
            }
        }
    }
}
