//! `$SYS/broker/martlet/`: what Mosquitto has no topics for.

use std::time::SystemTime;

use jiff::Timestamp;
use martlet_engine::Limits;

use super::{Topics, metrics};
use crate::memory::MemoryLimit;
use crate::reports::{Report, Reports};

/// The bounds, each in a topic of its own.
pub(super) fn limits(limits: &Limits, topics: &mut Topics) {
    let bounds = [
        ("connections_max", limits.connections_max),
        ("control_requests_max", limits.control_requests_max),
        ("inflight_messages_max", limits.inflight_messages_max.into()),
        ("out_buffer_bytes_max", limits.out_buffer_bytes_max),
        ("packet_size_bytes_max", limits.packet_size_bytes_max as usize),
        ("queued_bytes_max", limits.queued_bytes_max),
        ("queued_messages_max", limits.queued_messages_max),
        ("receive_maximum", limits.receive_maximum.into()),
        ("retained_bytes_max", limits.retained_bytes_max),
        ("retained_messages_max", limits.retained_messages_max),
        ("sessions_max", limits.sessions_max),
        ("unpersisted_bytes_max", limits.unpersisted_bytes_max),
    ];
    for (name, bound) in bounds {
        let bound = if bound == usize::MAX { "none".into() } else { bound.to_string() };
        topics.set(&format!("martlet/limits/{name}"), bound);
    }
}

/// What the shards tell.
pub(super) fn tell(reports: &Reports, has_log: bool, topics: &mut Topics) {
    let status = reports.status();
    let stalled_since = reports.stalled_since();
    let state = match (has_log, stalled_since) {
        (false, _) => "off",
        (true, None) => "ok",
        (true, Some(_)) => "stalled",
    };
    topics.set("martlet/durability/state", state.into());
    topics.set("martlet/durability/stalled_since", stalled_since.map_or_else(|| "none".into(), time));
    topics.set("martlet/durability/put_off", status.put_off.to_string());
    topics.set("martlet/durability/waiting_bytes", status.unpersisted_bytes.to_string());

    topics.set("martlet/queued/messages", status.queued_messages.to_string());
    topics.set("martlet/queued/bytes", status.queued_bytes.to_string());
    topics.set("martlet/retained/bytes", reports.retained.1.to_string());
    for (name, count) in [
        ("out_buffer_full", status.dropped_out_buffer_full),
        ("queue_full", status.dropped_queue_full),
        ("packet_too_large", status.dropped_packet_too_large),
        ("expired", status.dropped_expired),
    ] {
        topics.set(&format!("martlet/dropped/{name}"), count.to_string());
    }
    topics.set("martlet/publish/without_subscriber", status.without_subscriber.to_string());
    topics.set("martlet/connections/misbehaved", status.misbehaved.to_string());

    topics.set("martlet/shards/count", reports.shards.len().to_string());
    for report in reports.shards.iter().flatten() {
        shard(report, topics);
    }
}

/// What is told of the limit on memory.
pub(super) fn memory(limit: &MemoryLimit, topics: &mut Topics) {
    let bytes_max = limit.bytes_max().map_or_else(|| "none".into(), |bytes| bytes.to_string());
    topics.set("martlet/limits/memory_bytes_max", bytes_max);
    let state = if limit.is_reached() { "short" } else { "ok" };
    topics.set("martlet/memory/state", state.into());
    if let Some((resident, _)) = metrics::resident() {
        topics.set("martlet/memory/resident", resident.to_string());
    }
}

fn shard(report: &Report, topics: &mut Topics) {
    let status = &report.status;
    for (name, count) in [
        ("connections", status.connections as u64),
        ("sessions", status.sessions as u64),
        ("publish/received", status.publish_received),
        ("publish/sent", status.publish_sent),
    ] {
        topics.set(&format!("martlet/shards/{}/{name}", report.shard.0), count.to_string());
    }
}

fn time(time: SystemTime) -> String {
    Timestamp::try_from(time).map(|time| format!("{time:.0}")).unwrap_or_default()
}
