//! `$SYS/broker/load/`: how much happens in a minute, as moving averages over 1, 5 and 15 minutes.

use core::time::Duration;

use crate::reports::Reports;

/// The averages, by their names and the minutes that count most.
const MINUTES: [(&str, f64); 3] = [("1min", 1.0), ("5min", 5.0), ("15min", 15.0)];
/// A change of less than this is not told.
const CHANGE_MIN: f64 = 0.01;

/// The averages of all kinds of load.
#[derive(Debug, Default)]
pub(super) struct Loads {
    loads: Vec<Load>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    /// The counter as it was last.
    counter: u64,
    averages: [f64; 3],
    /// What was told of them.
    told: [Option<f64>; 3],
}

impl Loads {
    /// Takes over what the shards tell after so much time has passed, and tells the averages that changed.
    pub(super) fn renew(&mut self, reports: &Reports, passed: Duration, mut tell: impl FnMut(String, f64)) {
        let status = reports.status();
        let dropped =
            status.dropped_out_buffer_full + status.dropped_queue_full + status.dropped_packet_too_large;
        let counters = [
            ("messages/received", status.packets_received),
            ("messages/sent", status.packets_sent),
            ("publish/dropped", dropped),
            ("publish/received", status.publish_received),
            ("publish/sent", status.publish_sent),
            ("bytes/received", status.bytes_received),
            ("bytes/sent", status.bytes_sent),
            ("sockets", reports.accepted()),
            ("connections", status.connects_received),
        ];
        self.loads.resize(counters.len(), Load::default());
        for (load, (name, counter)) in self.loads.iter_mut().zip(counters) {
            load.renew(counter, passed);
            for ((told, average), (span, _)) in load.told.iter_mut().zip(load.averages).zip(MINUTES) {
                if told.is_none_or(|told| (told - average).abs() >= CHANGE_MIN) {
                    *told = Some(average);
                    tell(format!("load/{name}/{span}"), average);
                }
            }
        }
    }
}

impl Load {
    /// What happened since the last time counts as if it went on like this; the longer ago, the less the old average counts.
    fn renew(&mut self, counter: u64, passed: Duration) {
        let more = counter.saturating_sub(self.counter);
        self.counter = counter;
        if passed.is_zero() {
            return;
        }
        let minutes = passed.as_secs_f64() / 60.0;
        #[expect(clippy::cast_precision_loss, reason = "an average need not be exact")]
        let now = more as f64 / minutes;
        for (average, (_, span)) in self.averages.iter_mut().zip(MINUTES) {
            let share = (-minutes / span).exp();
            *average = now + share * (*average - now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(left: f64, right: f64) -> bool {
        (left - right).abs() < 0.01
    }

    #[test]
    fn averages_follow_what_happens() {
        let mut load = Load::default();
        let seconds = Duration::from_secs;
        load.renew(100, seconds(60));
        // 100 a minute for one minute: 1 - 1/e of it, and less over longer spans.
        assert!(is_near(load.averages[0], 63.21), "{load:?}");
        assert!(is_near(load.averages[1], 18.13), "{load:?}");
        assert!(is_near(load.averages[2], 6.45), "{load:?}");
        load.renew(100, seconds(60));
        assert!(is_near(load.averages[0], 23.25), "{load:?}");
        for minute in 1..200 {
            load.renew(100 + minute * 60, seconds(60));
        }
        assert!(load.averages.iter().all(|average| is_near(*average, 60.0)), "{load:?}");
    }

    #[test]
    fn small_changes_are_not_told() {
        let mut loads = Loads::default();
        let mut told = Vec::new();
        loads.renew(&Reports::default(), Duration::ZERO, |topic, value| told.push((topic, value)));
        assert_eq!(told.len(), 27);
        assert!(told.iter().any(|(topic, _)| topic == "load/bytes/sent/15min"));
        loads.renew(&Reports::default(), Duration::from_secs(10), |topic, _| panic!("{topic} is as it was"));
    }
}
