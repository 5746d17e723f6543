//! The numbers of Mosquitto's `$SYS` topics, which its HTTP API tells, too.

use std::fs;

use crate::reports::Reports;

/// One number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Metric {
    /// The topic below `$SYS/broker/`.
    pub(crate) topic: &'static str,
    /// An older topic with the same value.
    pub(crate) alias: Option<&'static str>,
    pub(crate) value: u64,
}

/// All numbers, from what the shards tell.
pub(crate) fn values(reports: &Reports) -> Vec<Metric> {
    let status = reports.status();
    let count = |number: usize| number as u64;
    let dropped =
        status.dropped_out_buffer_full + status.dropped_queue_full + status.dropped_packet_too_large;
    let (retained, retained_bytes) = reports.retained;
    let metric = |topic, value| Metric { topic, alias: None, value };
    let mut values = vec![
        metric("clients/total", count(status.sessions)),
        metric("clients/maximum", count(reports.sessions_max)),
        Metric {
            topic: "clients/disconnected",
            alias: Some("clients/inactive"),
            value: count(status.sessions.saturating_sub(status.sessions_connected)),
        },
        Metric {
            topic: "clients/connected",
            alias: Some("clients/active"),
            value: count(status.sessions_connected),
        },
        metric("clients/expired", status.sessions_expired),
        Metric {
            topic: "messages/stored",
            alias: Some("store/messages/count"),
            value: count(retained + status.queued_messages),
        },
        metric("store/messages/bytes", count(retained_bytes + status.queued_bytes)),
        metric("subscriptions/count", count(status.subscriptions)),
        metric("shared_subscriptions/count", count(status.shared_subscriptions)),
        metric("retained messages/count", count(retained)),
        metric("messages/received", status.packets_received),
        metric("messages/sent", status.packets_sent),
        metric("bytes/received", status.bytes_received),
        metric("bytes/sent", status.bytes_sent),
        metric("publish/bytes/received", status.publish_bytes_received),
        metric("publish/bytes/sent", status.publish_bytes_sent),
        metric("packet/out/count", unsent_packets(count(status.unsent_bytes), &status)),
        metric("packet/out/bytes", count(status.unsent_bytes)),
        metric("connections/socket/count", reports.accepted()),
        metric("publish/messages/dropped", dropped),
        metric("publish/messages/received", status.publish_received),
        metric("publish/messages/sent", status.publish_sent),
    ];
    if let Some((current, maximum)) = heap().or_else(resident) {
        values.extend([metric("heap/current", current), metric("heap/maximum", maximum)]);
    }
    values
}

/// About how many packets the unsent bytes are, if they are as long as all so far were on average.
fn unsent_packets(bytes: u64, status: &martlet_engine::Status) -> u64 {
    let of_one = (status.bytes_sent / status.packets_sent.max(1)).max(1);
    bytes.div_ceil(of_one)
}

/// The bytes on the heap, and the most that there were; `None` if the program does not count them.
fn heap() -> Option<(u64, u64)> {
    (martlet_heap::used() > 0).then(|| (martlet_heap::used() as u64, martlet_heap::peak() as u64))
}

/// The bytes of memory that the process has, and the most that it had; `None` where the system does not tell.
pub(super) fn resident() -> Option<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some((kibibytes(&status, "VmRSS:")?, kibibytes(&status, "VmHWM:")?))
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::Report;
    use martlet_engine::{ShardId, Status};

    fn reports(sessions: &[usize]) -> Reports {
        let report = |(number, sessions): (u16, &usize)| {
            let status = Status {
                sessions: *sessions,
                sessions_connected: 1,
                queued_messages: 2,
                queued_bytes: 10,
                packets_sent: 10,
                bytes_sent: 100,
                unsent_bytes: 15,
                dropped_queue_full: 1,
                ..Status::default()
            };
            Some(Report { shard: ShardId(number), status, accepted: 3, stalled_since: None })
        };
        Reports { shards: (0..).zip(sessions).map(report).collect(), retained: (4, 40), sessions_max: 11 }
    }

    #[test]
    fn values_of_all_shards_are_summed_up() {
        let metrics = values(&reports(&[2, 3]));
        for (topic, value) in [
            ("clients/total", 5),
            ("clients/maximum", 11),
            ("clients/connected", 2),
            ("clients/disconnected", 3),
            ("messages/stored", 8),
            ("store/messages/bytes", 60),
            ("packet/out/bytes", 30),
            ("packet/out/count", 3),
            ("connections/socket/count", 6),
            ("publish/messages/dropped", 2),
        ] {
            let found = metrics.iter().find(|metric| metric.topic == topic).unwrap();
            assert_eq!(found.value, value, "{topic}");
        }
    }

    #[test]
    fn memory_is_read_from_what_the_system_tells() {
        let text = "Name:\tmartlet\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kibibytes(text, "VmRSS:"), Some(1 << 20));
        assert_eq!(kibibytes(text, "VmHWM:"), Some(2 << 20));
        assert_eq!(kibibytes(text, "VmData:"), None);
    }
}
