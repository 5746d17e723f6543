//! When to try again after a connection was lost.

use core::hash::{BuildHasher, Hasher};
use core::time::Duration;
use std::hash::RandomState;

use martlet_wire::ReasonCode;

use crate::error::{ConnectError, Lost};

/// How a client comes back after its connection was lost.
///
/// The pause before each attempt is twice the one before, from `delay_min` to `delay_max`, and somewhere between half of
/// that and all of it, so that many clients do not come back at the same moment.
///
/// ```
/// use core::time::Duration;
/// use martlet_client::{Options, Reconnect};
///
/// let patient = Reconnect::default().delay_max(Duration::from_secs(300));
/// let options = Options::tcp("localhost", 1883).reconnect(patient);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconnect {
    delay_min: Duration,
    delay_max: Duration,
    attempts_max: Option<u32>,
}

impl Default for Reconnect {
    /// For ever, with pauses from 250 milliseconds to 30 seconds.
    fn default() -> Self {
        Self { delay_min: Duration::from_millis(250), delay_max: Duration::from_secs(30), attempts_max: None }
    }
}

impl Reconnect {
    /// Never: the client is closed when its connection is lost.
    pub fn never() -> Self {
        Self { attempts_max: Some(0), ..Self::default() }
    }

    /// The pause before the first attempt; by default 250 milliseconds.
    #[must_use]
    pub fn delay_min(mut self, delay: Duration) -> Self {
        self.delay_min = delay;
        self
    }

    /// The longest pause; by default 30 seconds.
    #[must_use]
    pub fn delay_max(mut self, delay: Duration) -> Self {
        self.delay_max = delay;
        self
    }

    /// How many attempts in a row may fail; by default any number. After that the client is closed.
    #[must_use]
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = Some(attempts);
        self
    }
}

/// Counts attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    reconnect: Reconnect,
    attempts: u32,
}

impl Backoff {
    pub(crate) const fn new(reconnect: Reconnect) -> Self {
        Self { reconnect, attempts: 0 }
    }

    /// A connection came about.
    pub(crate) const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// How many attempts were begun since the last connection.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The pause before the next attempt; `None` if there is to be none. `random` is any number.
    pub(crate) fn next(&mut self, random: u64) -> Option<Duration> {
        if self.reconnect.attempts_max.is_some_and(|maximum| self.attempts >= maximum) {
            return None;
        }
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        self.attempts = self.attempts.saturating_add(1);
        let longest = self.reconnect.delay_min.saturating_mul(factor).min(self.reconnect.delay_max);
        let part = u32::try_from(random % 1001).unwrap_or(0);
        Some(longest / 2 + (longest / 2).saturating_mul(part) / 1000)
    }
}

/// A number that nobody can foresee, though not good enough for secrets.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Whether trying again can help.
pub(crate) fn is_worth_retrying(lost: &Lost) -> bool {
    match lost {
        Lost::Io(_) | Lost::Closed | Lost::Misbehaved(_) | Lost::Store(_) => true,
        Lost::Authentication(_) => false,
        Lost::Disconnected(reason) => is_passing(reason.code),
        Lost::Connect(error) => match error {
            ConnectError::Lookup { .. }
            | ConnectError::Io(_)
            | ConnectError::Timeout { .. }
            | ConnectError::Closed => true,
            ConnectError::Refused(reason) => is_passing(reason.code),
            #[cfg(feature = "websocket")]
            ConnectError::WebSocket(_) => true,
            #[cfg(feature = "socks")]
            ConnectError::Socks(error) => error.is_passing(),
            _ => false,
        },
    }
}

/// Whether the same client may be welcome later.
const fn is_passing(code: ReasonCode) -> bool {
    use ReasonCode as R;
    !matches!(
        code,
        R::MalformedPacket
            | R::ProtocolError
            | R::UnsupportedProtocolVersion
            | R::ClientIdentifierNotValid
            | R::BadUserNameOrPassword
            | R::NotAuthorized
            | R::Banned
            | R::BadAuthenticationMethod
            | R::SessionTakenOver
            | R::AdministrativeAction
            | R::UseAnotherServer
            | R::ServerMoved
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let reconnect =
            Reconnect::default().delay_min(Duration::from_secs(1)).delay_max(Duration::from_secs(5));
        let mut backoff = Backoff::new(reconnect);
        let longest: Vec<_> = (0..5).map(|_| backoff.next(1000).unwrap().as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 5, 5]);
        backoff.reset();
        assert_eq!(backoff.next(0), Some(Duration::from_millis(500)));
    }

    #[test]
    fn pauses_stay_in_bounds_for_ever() {
        let mut backoff = Backoff::new(Reconnect::default());
        for _ in 0..100 {
            let pause = backoff.next(random()).unwrap();
            assert!(pause >= Duration::from_millis(125) && pause <= Duration::from_secs(30));
        }
    }

    #[test]
    fn attempts_end() {
        let mut backoff = Backoff::new(Reconnect::default().attempts_max(2));
        assert!(backoff.next(0).is_some() && backoff.next(0).is_some());
        assert_eq!(backoff.next(0), None);
        assert_eq!(Backoff::new(Reconnect::never()).next(0), None);
    }
}
