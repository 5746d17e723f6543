//! When a recorded message is due.

use core::time::Duration;

/// Turns the times of a record into times since the start of playing.
pub(super) struct Pace {
    speed: f64,
    /// The time of the message before, in microseconds since the record began.
    before: Option<u64>,
    due: Duration,
}

impl Pace {
    /// A pace so many times faster than the record; 0 is as fast as it goes.
    pub(super) const fn new(speed: f64) -> Self {
        Self { speed, before: None, due: Duration::ZERO }
    }

    /// When a message of this time is due. The first one is at once.
    ///
    /// A time before that of the message before begins another record, as where files were joined: it is due at once.
    pub(super) fn due(&mut self, time_micros: u64) -> Duration {
        let gap = Duration::from_micros(time_micros.saturating_sub(self.before.unwrap_or(time_micros)));
        self.before = Some(time_micros);
        if self.speed > 0.0 {
            let gap = Duration::try_from_secs_f64(gap.as_secs_f64() / self.speed).unwrap_or(Duration::MAX);
            self.due = self.due.saturating_add(gap);
        }
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(speed: f64, times: &[u64]) -> Vec<u128> {
        let mut pace = Pace::new(speed);
        times.iter().map(|time| pace.due(time * 1_000).as_millis()).collect()
    }

    #[test]
    fn gaps_are_kept_at_the_speed() {
        assert_eq!(due(1.0, &[500, 700, 1_700]), [0, 200, 1_200]);
        assert_eq!(due(2.0, &[0, 1_000, 3_000]), [0, 500, 1_500]);
        assert_eq!(due(0.5, &[0, 1_000]), [0, 2_000]);
        assert_eq!(due(0.0, &[0, 1_000, 3_600_000]), [0, 0, 0]);
    }

    #[test]
    fn a_time_that_goes_back_begins_anew() {
        assert_eq!(due(1.0, &[0, 1_000, 0, 300]), [0, 1_000, 1_000, 1_300]);
    }

    #[test]
    fn a_pace_without_end_is_no_panic() {
        assert_eq!(due(1e-300, &[0, 1])[1], Duration::MAX.as_millis());
    }
}
