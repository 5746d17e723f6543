//! Virtual time, and what happens when.

use std::collections::BTreeMap;

/// Milliseconds since the run began.
pub(crate) type Millis = u64;

/// The events that are to come, in order of time and then of their making.
#[derive(Debug)]
pub(crate) struct Clock<E> {
    now: Millis,
    made: u64,
    events: BTreeMap<(Millis, u64), E>,
}

impl<E> Clock<E> {
    pub(crate) fn new() -> Self {
        Self { now: 0, made: 0, events: BTreeMap::new() }
    }

    pub(crate) fn now(&self) -> Millis {
        self.now
    }

    /// Lets an event happen at a time; one in the past happens next.
    pub(crate) fn at(&mut self, at: Millis, event: E) {
        self.made += 1;
        self.events.insert((at.max(self.now), self.made), event);
    }

    /// Goes on to the next event, if it comes until `limit`; else to `limit`.
    pub(crate) fn next(&mut self, limit: Millis) -> Option<E> {
        if self.events.first_key_value().is_none_or(|((at, _), _)| *at > limit) {
            self.now = self.now.max(limit);
            return None;
        }
        let ((at, _), event) = self.events.pop_first()?;
        self.now = at;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order_and_time_never_runs_back() {
        let mut clock = Clock::new();
        for (at, event) in [(5, 'b'), (3, 'a'), (5, 'c')] {
            clock.at(at, event);
        }
        assert_eq!((clock.next(9), clock.now()), (Some('a'), 3));
        clock.at(1, 'x');
        assert_eq!((clock.next(9), clock.now()), (Some('x'), 3));
        assert_eq!((clock.next(4), clock.now()), (None, 4));
        assert_eq!([clock.next(9), clock.next(9), clock.next(9)], [Some('b'), Some('c'), None]);
        assert_eq!(clock.now(), 9);
    }
}
