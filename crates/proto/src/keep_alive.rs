//! Keep Alive: how long a silent peer is believed to be there.

use core::time::Duration;

use crate::time::Instant;

/// The Keep Alive of a connection, in seconds; 0 turns the mechanism off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive(u16);

impl KeepAlive {
    /// A Keep Alive of `seconds`.
    pub const fn new(seconds: u16) -> Self {
        Self(seconds)
    }

    /// Seconds; 0 if off.
    pub const fn seconds(self) -> u16 {
        self.0
    }

    /// When a server gives up on a client last heard at `last_received`: after one and a half times the Keep Alive
    /// [MQTT-3.1.2-22] [MQTT311-3.1.2-24]. `None` if the mechanism is off.
    pub fn server_deadline(self, last_received: Instant) -> Option<Instant> {
        (self.0 > 0).then(|| last_received + Duration::from_millis(u64::from(self.0) * 1500))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_a_half_times() {
        let start = Instant::from_millis(1000);
        assert_eq!(KeepAlive::new(10).server_deadline(start), Some(Instant::from_millis(16_000)));
        assert_eq!(KeepAlive::new(0).server_deadline(start), None);
    }
}
