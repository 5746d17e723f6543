//! How many connections there may be, at each listener and at all of them together. All shards share the count.

use core::sync::atomic::{AtomicUsize, Ordering};

use martlet_engine::Peer;

use crate::options::Options;

/// The seats of a broker. A connection has one from when it is accepted until it is gone, on whatever shard it is.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    all: Row,
    /// Those of each listener, by its number.
    listeners: Box<[Row]>,
}

#[derive(Debug)]
struct Row {
    taken: AtomicUsize,
    most: AtomicUsize,
}

impl Default for Row {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Row {
    fn new(most: Option<usize>) -> Self {
        Self { taken: AtomicUsize::new(0), most: most.unwrap_or(usize::MAX).into() }
    }

    fn set_most(&self, most: Option<usize>) {
        self.most.store(most.unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        let more = |taken: usize| (taken < most).then_some(taken + 1);
        self.taken.try_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seats {
    /// As many as the options say.
    pub(crate) fn new(options: &Options) -> Self {
        let listeners = options.listeners.iter().map(|listener| Row::new(listener.connections_max));
        Self { all: Row::new(options.connections_of_node_max), listeners: listeners.collect() }
    }

    /// As many as other options say from now on; who has a seat keeps it. `order` tells the number of each listener there.
    pub(crate) fn change(&self, options: &Options, order: &[Option<u16>]) {
        self.all.set_most(options.connections_of_node_max);
        for (row, number) in self.listeners.iter().zip(order) {
            if let Some(listener) = number.and_then(|number| options.listeners.get(usize::from(number))) {
                row.set_most(listener.connections_max);
            }
        }
    }

    /// Takes a seat at a listener, if one is free there and at all. Bridges need none.
    pub(crate) fn take(&self, listener: u16) -> bool {
        if listener == Peer::BRIDGE_LISTENER {
            return true;
        }
        let row = self.listeners.get(usize::from(listener));
        if !row.is_none_or(Row::take) {
            return false;
        }
        if !self.all.take() {
            if let Some(row) = row {
                row.give_back();
            }
            return false;
        }
        true
    }

    /// Gives back what [`Seats::take`] took.
    pub(crate) fn give_back(&self, listener: u16) {
        if listener == Peer::BRIDGE_LISTENER {
            return;
        }
        self.all.give_back();
        if let Some(row) = self.listeners.get(usize::from(listener)) {
            row.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Host;

    #[test]
    fn a_seat_has_to_be_free_at_the_listener_and_at_all() {
        let mut options = Options::listening_on(Host::Loopback, 0);
        options.listeners.push(options.listeners[0].clone());
        options.listeners[0].connections_max = Some(1);
        options.connections_of_node_max = Some(2);
        let seats = Seats::new(&options);
        assert!(seats.take(0));
        assert!(!seats.take(0));
        assert!(seats.take(1));
        assert!(!seats.take(1), "there are two in all");
        seats.give_back(0);
        assert!(seats.take(1), "what was refused has left nothing behind");
        seats.give_back(1);
        assert!(seats.take(0));
    }

    #[test]
    fn there_may_be_more_or_fewer_from_now_on() {
        let mut options = Options::listening_on(Host::Loopback, 0);
        options.listeners.push(options.listeners[0].clone());
        options.listeners[0].connections_max = Some(1);
        let seats = Seats::new(&options);
        assert!(seats.take(0) && !seats.take(0) && seats.take(1));
        options.listeners.swap(0, 1);
        options.listeners[1].connections_max = Some(2);
        options.listeners[0].connections_max = Some(1);
        seats.change(&options, &[Some(1), Some(0)]);
        assert!(seats.take(0) && !seats.take(0) && !seats.take(1));
        options.listeners[1].connections_max = None;
        options.connections_of_node_max = Some(3);
        seats.change(&options, &[Some(1), None]);
        assert!(!seats.take(0), "there are three in all");
        assert!(!seats.take(1), "what is not there any more stays as it was");
    }
}
