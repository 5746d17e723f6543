//! Waiting for rules that are being read, so that they count for whatever clients send from then on.

use core::time::Duration;

use martlet_engine::Instant;

/// How long clients wait at most.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// Whether a shard leaves what clients send in their sockets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    state: State,
    /// It was heard that rules may come.
    has_heard: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// No rules are on their way.
    #[default]
    NotNeeded,
    /// It waits, but no longer than this.
    Until(Instant),
    /// It has waited for long enough.
    Over,
}

impl Patience {
    /// Hears that rules may come.
    pub(super) fn hear(&mut self) {
        self.has_heard = true;
    }

    /// Whether it does not know by itself what to [`Patience::look`] at.
    pub(super) fn has_to_ask(&mut self) -> bool {
        core::mem::take(&mut self.has_heard) || self.until().is_some()
    }

    /// Looks whether rules are on their way.
    pub(super) fn look(&mut self, announced: bool, now: Instant) {
        self.state = match self.state {
            _ if !announced => State::NotNeeded,
            State::NotNeeded => State::Until(now + WAIT_MAX),
            State::Until(at) if at <= now => State::Over,
            other => other,
        };
    }

    /// Until when nothing is read, if anything is waited for.
    pub(super) const fn until(self) -> Option<Instant> {
        match self.state {
            State::Until(at) => Some(at),
            State::NotNeeded | State::Over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_when_the_rules_are_there_or_late() {
        let at = Instant::from_millis;
        let mut patience = Patience::default();
        patience.look(false, at(0));
        assert_eq!(patience.until(), None);
        patience.look(true, at(10));
        assert_eq!(patience.until(), Some(at(510)));
        patience.look(true, at(100));
        assert_eq!(patience.until(), Some(at(510)));
        patience.look(true, at(510));
        assert_eq!(patience.until(), None);
        patience.look(true, at(600));
        assert_eq!(patience.until(), None, "once for each time that rules are announced");
        patience.look(false, at(700));
        patience.look(true, at(800));
        assert_eq!(patience.until(), Some(at(1300)));
        patience.look(false, at(801));
        assert_eq!(patience.until(), None);
    }
}
