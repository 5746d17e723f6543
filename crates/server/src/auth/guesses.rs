//! Addresses from which wrong passwords come. Where there are too many, whoever comes from there waits at the door: neither the
//! hashing nor the coming and going of a guesser then takes much from those who are connected.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use martlet_engine::{Instant, Peer};

use super::turns::Origin;

/// How much time's worth of wrong passwords an address may try at once.
const CREDIT: Duration = Duration::from_secs(1);
/// How long a connection waits at the door at most.
const WAIT_TIME_MAX: Duration = Duration::from_secs(2);
/// Addresses that are remembered; of more than so many that guess at a time, the others are let in.
const ORIGINS_MAX: usize = 10_000;
/// How often the log tells of an address.
const COMPLAINT_INTERVAL: Duration = Duration::from_mins(1);

/// What happens at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Come in.
    Now,
    /// Come in then.
    At(Instant),
    /// Too many wait already.
    Never,
}

/// The wrong passwords of each address.
#[derive(Debug)]
pub(crate) struct Guesses {
    /// How many milliseconds an address pays for a wrong password, and for a connection that has to wait; 0: there is no limit.
    price: AtomicU64,
    /// From this time on, in milliseconds of [`Instant`], nobody has to wait.
    quiet_at: AtomicU64,
    debts: Mutex<HashMap<Origin, Debt>>,
}

/// What an address owes.
#[derive(Clone, Copy, Debug)]
struct Debt {
    /// When all is paid.
    paid_at: Instant,
    /// When the log told of it.
    told_at: Option<Instant>,
}

impl Debt {
    /// From when on who comes may come in at once.
    fn let_in_at(&self) -> Instant {
        self.paid_at - CREDIT
    }
}

impl Guesses {
    /// Allows so many wrong passwords a second from each address; as many as there may be for 0.
    pub(crate) fn new(wrong_passwords_max: u16) -> Self {
        let guesses = Self { price: 0.into(), quiet_at: 0.into(), debts: Mutex::default() };
        guesses.allow(wrong_passwords_max);
        guesses
    }

    /// Allows another number from now on.
    pub(crate) fn allow(&self, wrong_passwords_max: u16) {
        let price = 1_000_u64.checked_div(wrong_passwords_max.into()).unwrap_or_default();
        self.price.store(price, Ordering::Relaxed);
    }

    fn price(&self) -> Option<Duration> {
        Some(self.price.load(Ordering::Relaxed)).filter(|millis| *millis > 0).map(Duration::from_millis)
    }

    /// Notes a wrong password.
    pub(crate) fn note(&self, now: Instant, peer: &Peer) {
        let (Some(price), Some(origin)) = (self.price(), origin(peer)) else { return };
        let mut debts = self.lock();
        if debts.len() >= ORIGINS_MAX && !debts.contains_key(&origin) {
            debts.retain(|_, debt| debt.paid_at > now);
            if debts.len() >= ORIGINS_MAX {
                return;
            }
        }
        let debt = debts.entry(origin).or_insert(Debt { paid_at: now, told_at: None });
        self.charge(now, debt, price);
        if debt.let_in_at() <= now {
            return;
        }
        if debt.told_at.is_none_or(|at| now.saturating_duration_since(at) >= COMPLAINT_INTERVAL) {
            debt.told_at = Some(now);
            drop(debts);
            let address = peer.address.map(|address| address.ip().to_canonical());
            tracing::warn!(
                address = address.map(tracing::field::display),
                "more wrong passwords than wrong_passwords_max; who comes from there waits, or is closed where too many wait"
            );
        }
    }

    /// What happens to someone who comes.
    pub(crate) fn at_door(&self, now: Instant, peer: &Peer) -> Entry {
        if now.as_millis() >= self.quiet_at.load(Ordering::Relaxed) {
            return Entry::Now;
        }
        let (Some(price), Some(origin)) = (self.price(), origin(peer)) else { return Entry::Now };
        let mut debts = self.lock();
        let Some(debt) = debts.get_mut(&origin).filter(|debt| debt.let_in_at() > now) else {
            return Entry::Now;
        };
        let at = debt.let_in_at();
        if at > now + WAIT_TIME_MAX {
            return Entry::Never;
        }
        self.charge(now, debt, price);
        Entry::At(at)
    }

    fn charge(&self, now: Instant, debt: &mut Debt, price: Duration) {
        debt.paid_at = debt.paid_at.max(now) + price;
        self.quiet_at.fetch_max(debt.let_in_at().as_millis(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Debt>> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom a debt is put down to; nobody who comes by a Unix socket, which is one for all.
fn origin(peer: &Peer) -> Option<Origin> {
    peer.address.map(|address| Origin::of(Some(address.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer { address: Some(address.parse().unwrap()), ..Peer::default() }
    }

    #[test]
    fn who_guesses_waits_and_nobody_else() {
        let guesses = Guesses::new(100);
        let now = Instant::from_millis(1_000_000);
        let (mallory, other) = (peer("192.0.2.1:1000"), peer("192.0.2.2:1000"));
        for _ in 0..100 {
            assert_eq!(guesses.at_door(now, &mallory), Entry::Now);
            guesses.note(now, &mallory);
        }
        assert_eq!(guesses.at_door(now, &mallory), Entry::Now, "as many as there may be in a second");
        guesses.note(now, &mallory);
        let later = |millis| now + Duration::from_millis(millis);
        assert_eq!(guesses.at_door(now, &peer("192.0.2.1:2000")), Entry::At(later(10)));
        assert_eq!(guesses.at_door(now, &mallory), Entry::At(later(20)), "one after the other");
        assert_eq!(guesses.at_door(now, &other), Entry::Now);
        assert_eq!(guesses.at_door(now, &Peer::default()), Entry::Now);
        assert_eq!(guesses.at_door(later(30), &mallory), Entry::Now, "all is paid");
    }

    #[test]
    fn only_so_many_wait() {
        let guesses = Guesses::new(100);
        let now = Instant::from_millis(1_000_000);
        let mallory = peer("[2001:db8::1]:1000");
        for _ in 0..101 {
            guesses.note(now, &mallory);
        }
        let waiting = (0..300).map(|_| guesses.at_door(now, &peer("[2001:db8::2]:1000")));
        let waiting: Vec<_> = waiting.take_while(|entry| *entry != Entry::Never).collect();
        assert_eq!(waiting.len(), 200);
        assert_eq!(waiting.last(), Some(&Entry::At(now + WAIT_TIME_MAX)));
        assert_ne!(guesses.at_door(now + Duration::from_millis(10), &mallory), Entry::Never);
    }

    #[test]
    fn only_so_many_addresses_are_remembered() {
        let guesses = Guesses::new(1);
        let now = Instant::from_millis(1_000_000);
        let one_of_many = |number: u32| Peer {
            address: Some((core::net::Ipv4Addr::from_bits(number), 1).into()),
            ..Peer::default()
        };
        for number in 0..=u32::try_from(ORIGINS_MAX).unwrap() {
            guesses.note(now, &one_of_many(number));
        }
        assert_eq!(guesses.lock().len(), ORIGINS_MAX);
        guesses.note(now + Duration::from_secs(2), &one_of_many(u32::MAX));
        assert_eq!(guesses.lock().len(), 1, "who owes nothing any more is forgotten");
    }

    #[test]
    fn there_may_be_no_limit() {
        let guesses = Guesses::new(0);
        let now = Instant::from_millis(1_000_000);
        for _ in 0..10_000 {
            guesses.note(now, &peer("192.0.2.1:1000"));
        }
        assert_eq!(guesses.at_door(now, &peer("192.0.2.1:1000")), Entry::Now);
        guesses.allow(1);
        guesses.note(now, &peer("192.0.2.1:1000"));
        guesses.note(now, &peer("192.0.2.1:1000"));
        assert_ne!(guesses.at_door(now, &peer("192.0.2.1:1000")), Entry::Now);
        guesses.allow(0);
        assert_eq!(guesses.at_door(now, &peer("192.0.2.1:1000")), Entry::Now);
    }
}
