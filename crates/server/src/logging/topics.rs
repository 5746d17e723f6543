//! `log_dest topic`: the lines of the log as messages below `$SYS/broker/log/`.

use martlet_wire::QoS;

use crate::config::LogType;
use crate::publisher::OwnMessage;

/// As long as Mosquitto keeps them for someone who is away.
const EXPIRY_SECONDS: u32 = 20;

/// The message of a line. `None` for what tells of each packet: it would tell of its own packets without end.
pub(super) fn message(kind: LogType, line: &str) -> Option<OwnMessage> {
    let level = match kind {
        LogType::Error => "E",
        LogType::Warning => "W",
        LogType::Notice => "N",
        LogType::Information => "I",
        LogType::Subscribe => "M/subscribe",
        LogType::Unsubscribe => "M/unsubscribe",
        LogType::WebSockets => "WS",
        LogType::Debug | LogType::Internal => return None,
    };
    Some(OwnMessage {
        topic: format!("$SYS/broker/log/{level}"),
        payload: line.as_bytes().to_vec(),
        qos: QoS::ExactlyOnce,
        expiry_interval: Some(EXPIRY_SECONDS),
        retain: false,
    })
}
