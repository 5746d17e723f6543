//! The end of the broker without a word, and its start.

use martlet_engine::BatchId;

use super::undo::Undo;
use super::{Checker, Phase};
use crate::clock::Millis;
use crate::reference::{MessageId, WillState};

impl Checker {
    /// The broker is gone, and all connections with it; nothing in it knows of that.
    pub(crate) fn crashed(&mut self, now: Millis) {
        self.now = now;
        self.crashed_at = now;
        self.totals.crashes += 1;
        self.note("the broker is gone");
        for check in &mut self.links {
            check.is_closed = true;
            check.phase = Phase::Ended;
        }
    }

    /// All shards are back from their logs, and the books are turned back as far: what the crash does to all, and what
    /// the broker makes of its last sign of life.
    pub(crate) fn restarted(&mut self, now: Millis) {
        self.now = now;
        self.turn = self.reference.tick();
        self.started = self.turn;
        self.note("the broker is back");
        self.release_groups();
        for session in 0..self.reference.sessions.len() {
            if self.reference.sessions[session].is_over {
                continue;
            }
            self.forgive(session);
            if self.reference.sessions[session].life.connection.is_some() {
                self.lose_by_crash(session);
            }
            if !self.reference.sessions[session].survives {
                self.discount_groups(session);
            }
            if self.reference.sessions[session].life.expiry == 0 {
                self.session_ends(session);
            }
        }
    }

    /// The disk has lost something that it said it had: nothing is known of what there was. Clients begin anew.
    pub(crate) fn loosen(&mut self) {
        self.note("the disk has lost something");
        self.loose = self.reference.messages.len();
        self.reference.registers.clear();
        self.reference.current.clear();
        self.named.clear();
        self.forget_logs();
        let stamp = self.reference.tick();
        for session in &mut self.reference.sessions {
            session.end(stamp);
        }
        for message in &mut self.reference.messages {
            message.group_debts.clear();
        }
    }

    /// A checkpoint was finished.
    pub(crate) fn checkpointed(&mut self, shard: u16, behind: BatchId) {
        self.totals.checkpoints += 1;
        self.note(&format!("s{shard}: checkpoint behind batch {}", behind.0));
    }

    /// A connection was there: it counts as gone since the last sign of life in the log at the earliest.
    fn lose_by_crash(&mut self, session: usize) {
        let gone = (self.last_sign(self.reference.sessions[session].shard), self.crashed_at);
        self.remember_life(session);
        let life = &mut self.reference.sessions[session].life;
        life.lose(gone);
        if let Some(will) = life.will {
            self.will_waits(session, will);
        }
    }

    /// What was shown and needed not be in the log may be shown again.
    fn forgive(&mut self, session: usize) {
        use martlet_wire::QoS::AtMostOnce;
        let state = &mut self.reference.sessions[session];
        state.is_unresolved = false;
        state.unseen = Some(self.started);
        let passing = state.fresh.iter().filter(|((_, qos), _)| *qos == AtMostOnce);
        state.forgiven = passing.map(|((message, _), count)| (*message, *count)).collect();
        for (count, passing) in state.replays.values_mut() {
            *count -= core::mem::take(passing);
        }
        state.delivered.retain(|(_, qos), _| *qos != AtMostOnce);
        for ((topic, _), seen) in &mut state.seen {
            // A retained message that was not acknowledged may be gone.
            let register = self.reference.registers.get(topic);
            let sure = register.and_then(|register| register.newest_acknowledged(self.turn));
            *seen = (*seen).min(sure.unwrap_or(0));
        }
    }

    /// What a Shared Subscription gave to a Session that ends with the power is lost, and nobody knows to which it gave what.
    fn release_groups(&mut self) {
        let passing: Vec<(String, Option<u64>)> = self
            .reference
            .sessions
            .iter()
            .filter(|session| !session.survives)
            .flat_map(|session| &session.subscriptions)
            .filter(|subscription| subscription.is_shared)
            .map(|subscription| (subscription.text.clone(), subscription.gone))
            .collect();
        for message in &mut self.reference.messages {
            let sent = message.sent.unwrap_or_default();
            message.group_debts.retain(|debt| {
                let may_have = |(text, gone): &(String, Option<u64>)| {
                    *text == debt.text && gone.is_none_or(|gone| gone > sent)
                };
                !passing.iter().any(may_have)
            });
        }
    }

    /// What such a Session was given does not count: nobody has it any more.
    fn discount_groups(&mut self, session: usize) {
        let begun = core::mem::take(&mut self.reference.sessions[session].group_begun);
        for (message, count) in begun {
            self.reference.messages[message].group_begun -= count;
        }
    }

    /// The fate of a Will changes.
    pub(super) fn set_will(&mut self, session: usize, message: MessageId, state: WillState) {
        let before = self.reference.messages[message].will.replace(state);
        if let Some(before) = before.filter(|before| *before != state) {
            self.remember(session, Undo::Will { message, before });
        }
    }
}
