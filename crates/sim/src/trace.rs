//! What happened, line by line: the last lines for a report, and a hash of all of them that tells two runs apart.

use std::collections::VecDeque;

use martlet_wire::{Packet, Publish};

use crate::clock::Millis;

/// How many lines are kept.
const LINES_MAX: usize = 400;
/// How many bytes of a payload a line shows.
const PAYLOAD_BYTES_SHOWN: usize = 12;

/// The record of a run.
#[derive(Debug)]
pub(crate) struct Trace {
    lines: VecDeque<String>,
    hash: u64,
    /// Whether each line is printed at once.
    is_printed: bool,
}

impl Trace {
    pub(crate) fn new(is_printed: bool) -> Self {
        Self { lines: VecDeque::new(), hash: 0xCBF2_9CE4_8422_2325, is_printed }
    }

    pub(crate) fn line(&mut self, now: Millis, text: &str) {
        let line = format!("{now:>7} {text}");
        self.hash(line.as_bytes());
        if self.is_printed {
            println!("{line}");
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Mixes bytes into the hash that no line shows (FNV-1a).
    pub(crate) fn hash(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }

    pub(crate) fn sum(&self) -> u64 {
        self.hash
    }

    /// The last lines, oldest first.
    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}

/// A packet in one line.
pub(crate) fn describe(packet: &Packet<'_>) -> String {
    match packet {
        Packet::Publish(publish) => describe_publish(publish),
        Packet::Connect(connect) => format!(
            "CONNECT {} {:?} clean {} expiry {} keep-alive {} will {}",
            connect.version,
            connect.client_identifier,
            connect.clean_start,
            connect.session_expiry_interval(),
            connect.keep_alive,
            connect.will.map_or_else(
                || "none".to_owned(),
                |will| format!(
                    "{} q{} delay {:?} {}",
                    will.topic,
                    u8::from(will.qos),
                    will.properties.iter().next(),
                    text(will.payload)
                )
            ),
        ),
        Packet::ConnAck(connack) => {
            format!("CONNACK {:?} present {}", connack.reason, connack.session_present)
        }
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            format!("{} {} {:?}", packet.packet_type(), ack.id, ack.reason)
        }
        Packet::Subscribe(subscribe) => {
            let filters: Vec<String> = subscribe
                .iter()
                .map(|request| {
                    let options = request.options;
                    format!(
                        "{} q{}{}{} rh{}",
                        request.filter,
                        u8::from(options.maximum_qos),
                        if options.no_local { " nl" } else { "" },
                        if options.retain_as_published { " rap" } else { "" },
                        options.retain_handling as u8
                    )
                })
                .collect();
            format!("SUBSCRIBE {} [{}]", subscribe.id, filters.join(", "))
        }
        Packet::SubAck(suback) => format!("SUBACK {} {:?}", suback.id, suback.codes),
        Packet::Unsubscribe(unsubscribe) => {
            let filters: Vec<&str> = unsubscribe.iter().map(|filter| filter.as_str()).collect();
            format!("UNSUBSCRIBE {} {filters:?}", unsubscribe.id)
        }
        Packet::UnsubAck(unsuback) => format!("UNSUBACK {} {:?}", unsuback.id, unsuback.codes),
        Packet::Disconnect(disconnect) => format!("DISCONNECT {:?}", disconnect.reason),
        Packet::PingReq | Packet::PingResp | Packet::Auth(_) => packet.packet_type().to_string(),
    }
}

fn describe_publish(publish: &Publish<'_>) -> String {
    format!(
        "PUBLISH {} q{}{}{}{} {}",
        publish.topic.map_or_else(
            || format!("alias {}", publish.properties.topic_alias().unwrap_or_default()),
            |topic| topic.to_string()
        ),
        u8::from(publish.delivery.qos()),
        publish.delivery.packet_id().map_or_else(String::new, |id| format!(" id {id}")),
        if publish.delivery.dup() { " dup" } else { "" },
        if publish.retain { " retain" } else { "" },
        text(publish.payload),
    )
}

/// The beginning of a payload.
fn text(payload: &[u8]) -> String {
    let shown = &payload[..payload.len().min(PAYLOAD_BYTES_SHOWN)];
    let shown = shown.split_inclusive(|byte| *byte == b';').next().unwrap_or_default();
    format!("{} ({})", String::from_utf8_lossy(shown), payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_every_line_and_old_lines_go() {
        let (mut one, mut other) = (Trace::new(false), Trace::new(false));
        for n in 0..500 {
            one.line(n, "x");
            other.line(n, if n == 3 { "y" } else { "x" });
        }
        assert_ne!(one.sum(), other.sum());
        let lines = one.into_lines();
        assert_eq!((lines.len(), lines[0].trim_start()), (LINES_MAX, "100 x"));
    }
}
