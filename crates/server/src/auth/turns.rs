//! Whose password is looked at next: one of each address in turn, so that nobody waits behind all that another one tries.

use core::net::{IpAddr, Ipv6Addr};
use std::collections::{HashMap, VecDeque};

/// Checks that may wait altogether.
pub(super) const CHECKS_WAITING_MAX: usize = 10_000;
/// Checks that may wait for one address.
pub(super) const CHECKS_OF_ADDRESS_WAITING_MAX: usize = 250;

/// What is one peer for these purposes: an address, of IPv6 its first 64 bits, which one customer gets as a whole. All that
/// have no address are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin(Option<IpAddr>);

impl Origin {
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        const NETWORK: u128 = !0 << 64;
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
            address @ IpAddr::V4(_) => address,
        }))
    }
}

/// What waits, by origin.
#[derive(Debug)]
pub(super) struct Turns<T> {
    waiting: HashMap<Origin, VecDeque<T>>,
    /// Those for which something waits, each once, in the order of their turns.
    order: VecDeque<Origin>,
    count: usize,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), order: VecDeque::new(), count: 0 }
    }
}

impl<T> Turns<T> {
    /// Adds something; `false` if there is no room for it.
    pub(super) fn push(&mut self, origin: Origin, item: T) -> bool {
        if self.count >= CHECKS_WAITING_MAX {
            return false;
        }
        let queue = self.waiting.entry(origin).or_default();
        if queue.len() >= CHECKS_OF_ADDRESS_WAITING_MAX {
            return false;
        }
        if queue.is_empty() {
            self.order.push_back(origin);
        }
        queue.push_back(item);
        self.count += 1;
        true
    }

    /// Takes what is next.
    pub(super) fn pop(&mut self) -> Option<T> {
        let origin = self.order.pop_front()?;
        let queue = self.waiting.get_mut(&origin)?;
        let item = queue.pop_front()?;
        self.count -= 1;
        if queue.is_empty() {
            self.waiting.remove(&origin);
        } else {
            self.order.push_back(origin);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str) -> Origin {
        Origin::of(Some(address.parse().unwrap()))
    }

    #[test]
    fn each_address_has_its_turn() {
        let mut turns = Turns::default();
        for number in 0..100 {
            assert!(turns.push(origin("192.0.2.1"), ("noisy", number)));
        }
        assert!(turns.push(origin("192.0.2.2"), ("other", 0)));
        assert!(turns.push(Origin::of(None), ("local", 0)));
        assert!(turns.push(origin("192.0.2.2"), ("other", 1)));
        let first: Vec<_> = core::iter::from_fn(|| turns.pop()).take(6).collect();
        assert_eq!(
            first,
            [("noisy", 0), ("other", 0), ("local", 0), ("noisy", 1), ("other", 1), ("noisy", 2)]
        );
        assert_eq!(core::iter::from_fn(|| turns.pop()).count(), 97);
        assert!(turns.waiting.is_empty() && turns.order.is_empty() && turns.count == 0);
    }

    #[test]
    fn one_address_has_no_more_room_than_it_may() {
        let mut turns = Turns::default();
        for number in 0..CHECKS_OF_ADDRESS_WAITING_MAX {
            assert!(turns.push(origin("192.0.2.1"), number));
        }
        assert!(!turns.push(origin("192.0.2.1"), 0));
        assert!(!turns.push(origin("::ffff:192.0.2.1"), 0), "the same address");
        assert!(turns.push(origin("192.0.2.2"), 0));
        turns.pop();
        assert!(turns.push(origin("192.0.2.1"), 0));
    }

    #[test]
    fn all_together_have_no_more_room_than_they_may() {
        let mut turns = Turns::default();
        for number in 0..CHECKS_WAITING_MAX {
            let network = u32::try_from(number / CHECKS_OF_ADDRESS_WAITING_MAX).unwrap();
            let address = core::net::Ipv4Addr::from_bits(network).into();
            assert!(turns.push(Origin::of(Some(address)), number));
        }
        assert!(!turns.push(origin("192.0.2.1"), 0));
        turns.pop();
        assert!(turns.push(origin("192.0.2.1"), 0));
    }

    #[test]
    fn a_network_of_ipv6_is_one() {
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:0:0:2"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
    }
}
