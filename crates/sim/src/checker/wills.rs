//! Wills: published when they have to be, and never when they may not.

use super::{Checker, WAKE_SLACK};
use crate::clock::Millis;
use crate::reference::{MessageId, WillState};

/// A Will whose delay runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingWill {
    session: usize,
    message: MessageId,
    due: Millis,
}

impl Checker {
    /// The connection of a Will ended.
    pub(super) fn will_after(&mut self, session: usize, id: MessageId, delay: u32, in_good_order: bool) {
        let expiry = self.reference.sessions[session].expiry;
        let message = &mut self.reference.messages[id];
        if in_good_order {
            message.will = Some(WillState::Never); // [MQTT-3.14.4-3]
            return;
        }
        // Which end of a connection came first in a turn of the broker is not seen from here.
        message.sent = Some(self.turn);
        message.copies = 1;
        message.first_at = self.now;
        message.sent_at = self.now;
        let due = self.now + u64::from(delay.min(expiry)) * 1000;
        message.will = Some(WillState::Pending(due));
        self.wills.push(PendingWill { session, message: id, due });
        if due == self.now {
            self.publish_will_of(session);
        }
    }

    /// The Will of a Session is published now [MQTT-3.1.2-8] [MQTT-3.1.2-10].
    pub(super) fn publish_will_of(&mut self, session: usize) {
        let due: Vec<PendingWill> = self.wills.extract_if(.., |will| will.session == session).collect();
        for will in due {
            self.publish_will(will.message);
        }
    }

    /// A new connection resumes the Session before the Will is due: it is not sent [MQTT-3.1.3-9].
    pub(super) fn cancel_will(&mut self, session: usize, is_unknown: bool) {
        let now = self.now;
        let cancelled: Vec<PendingWill> = self.wills.extract_if(.., |will| will.session == session).collect();
        for will in cancelled {
            let is_unknown = is_unknown || now >= will.due;
            let state = if is_unknown { WillState::Unknown } else { WillState::Never };
            self.reference.messages[will.message].will = Some(state);
        }
    }

    /// Wills whose delay is over are published.
    pub(super) fn advance_wills(&mut self) {
        let now = self.now;
        let due: Vec<PendingWill> = self.wills.extract_if(.., |will| will.due + WAKE_SLACK < now).collect();
        for will in due {
            self.publish_will(will.message);
        }
    }

    fn publish_will(&mut self, id: MessageId) {
        self.totals.wills += 1;
        self.note(&format!("the Will m{id} is to be published"));
        self.reference.messages[id].will = Some(WillState::Published);
        self.reference.owe(id);
    }

    /// Whether a Will may be on its way.
    pub(super) fn may_be_published(&self, id: MessageId) -> bool {
        match self.reference.messages[id].will {
            None | Some(WillState::Published | WillState::Unknown) => true,
            Some(WillState::Pending(due)) => self.now >= due,
            Some(WillState::Armed | WillState::Never) => false,
        }
    }
}
