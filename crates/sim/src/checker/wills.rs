//! Wills: published when they have to be, and never when they may not.

use martlet_wire::QoS;

use super::{Checker, WAKE_SLACK};
use crate::reference::{MessageId, SessionWill, WillState};

impl Checker {
    /// The connection of a Will ended, and not in good order.
    pub(super) fn will_waits(&mut self, session: usize, will: SessionWill) {
        let Some((earliest, latest)) = will.due else { return };
        let message = &mut self.reference.messages[will.message];
        message.publisher = self.reference.sessions[session].client;
        // Which end of a connection came first in a turn of the broker is not seen from here.
        message.sent = Some(self.turn);
        message.copies = match message.qos {
            QoS::ExactlyOnce => 1,
            _ => 1 + message.let_out,
        };
        message.first_at = self.now;
        message.sent_at = self.now;
        self.set_will(session, will.message, WillState::Pending(earliest));
        if latest == self.now {
            self.publish_will_of(session);
        }
    }

    /// The Will of a Session is published now [MQTT-3.1.2-8] [MQTT-3.1.2-10].
    pub(super) fn publish_will_of(&mut self, session: usize) {
        if self.reference.sessions[session].life.will.is_none() {
            return;
        }
        self.remember_life(session);
        let Some(will) = self.reference.sessions[session].life.will.take() else { return };
        self.totals.wills += 1;
        self.note(&format!("the Will m{} is to be published", will.message));
        self.set_will(session, will.message, WillState::Published);
        self.reference.owe(will.message);
    }

    /// DISCONNECT came: the Will is not published [MQTT-3.14.4-3].
    pub(super) fn drop_will(&mut self, session: usize) {
        if let Some(will) = self.reference.sessions[session].life.will.take() {
            self.set_will(session, will.message, WillState::Never);
        }
    }

    /// A new connection resumes the Session before the Will is due: it is not sent [MQTT-3.1.3-9].
    pub(super) fn cancel_will(&mut self, session: usize, is_unknown: bool) {
        let Some(will) = self.reference.sessions[session].life.will.take() else { return };
        let is_unknown = is_unknown || will.due.is_none_or(|(earliest, _)| self.now >= earliest);
        let state = if is_unknown { WillState::Unknown } else { WillState::Never };
        self.set_will(session, will.message, state);
    }

    /// Wills whose delay is over are published.
    pub(super) fn advance_wills(&mut self) {
        let sessions: Vec<usize> = self.reference.current.values().copied().collect();
        for session in sessions {
            let will = self.reference.sessions[session].life.will;
            let due = will.and_then(|will| will.due);
            if due.is_some_and(|(_, latest)| latest + WAKE_SLACK < self.now) {
                self.publish_will_of(session);
            }
        }
    }

    /// Whether a Will may be on its way.
    pub(super) fn may_be_published(&self, id: MessageId) -> bool {
        let message = &self.reference.messages[id];
        match message.will {
            _ if message.let_out > 0 => true,
            None | Some(WillState::Published | WillState::Unknown) => true,
            Some(WillState::Pending(due)) => self.now >= due,
            Some(WillState::Armed | WillState::Never) => false,
        }
    }
}
