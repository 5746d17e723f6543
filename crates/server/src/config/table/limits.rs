//! Limits: those of Mosquitto, and one option for each limit of the engine with the name that it has there.

use core::time::Duration;

use martlet_engine::{Limits, PACKET_SIZE_BYTES_MAX_LEAST};
use martlet_wire::REMAINING_LENGTH_MAX;

use super::Part;
use super::general::{COUNT, INT};
use crate::config::number::fit;
use crate::config::option::Field::{Flag, Number};
use crate::config::option::Scope::{Engine, General};
use crate::config::option::{Beyond, ConfigOption, Range};

/// The largest packet that MQTT can express: the first byte, four bytes of length, and the rest.
const PACKET_SIZE_BYTES_MAX_MOST: u32 = 1 + 4 + REMAINING_LENGTH_MAX;

const SHORT: i64 = u16::MAX as i64;
const WORD: i64 = u32::MAX as i64;
const ANY: i64 = i64::MAX;

pub(super) const OF_MOSQUITTO: Part = Part {
    title: "Limits with the names of Mosquitto",
    about: "Anywhere in a file. What is not limited is limited all the same by an option of the next part.",
    options: &[
        ConfigOption::own(
            "control_payload_bytes_max",
            Engine(Number(Range::new(0, ANY), |it, n| it.limits.control_payload_bytes_max = fit(n))),
            "bytes of the payload of a request below `$CONTROL/`; a larger one gets 0x97",
        )
        .default("1048576"),
        ConfigOption::own(
            "control_requests_max",
            Engine(Number(Range::new(0, ANY), |it, n| it.limits.control_requests_max = fit(n))),
            "requests of one shard below `$CONTROL/` that wait for their answers; further ones get 0x97",
        )
        .default("100")
        .restart(),
        ConfigOption::new(
            "global_max_clients",
            Engine(Number(INT, |it, n| {
                it.limits.sessions_of_node_max = if n > 0 { fit(n) } else { usize::MAX };
            })),
            "Sessions of the whole broker, connected or not, as `sessions_of_node_max`; 0 and less is no limit",
        )
        .default("-1"),
        ConfigOption::new(
            "global_max_connections",
            General(Number(INT, |it, n| it.connections_max = at_least_one(n))),
            "connections of the whole broker; 0 and less is no limit",
        )
        .default("-1")
        .live(),
        ConfigOption::new(
            "max_inflight_bytes",
            Engine(Number(COUNT, |it, n| it.limits.inflight_bytes_max = unlimited(n))),
            "bytes of payloads towards one client that are not acknowledged, as `inflight_bytes_max`; 0 is no limit",
        )
        .default("0"),
        ConfigOption::new(
            "max_inflight_messages",
            Engine(Number(
                Range::new(0, SHORT)
                    .below(Beyond::Clamp)
                    .above(Beyond::Refuse("Error: 'max_inflight_messages' must be <= 65535.")),
                |it, n| {
                    set_inflight(&mut it.limits, if n == 0 { u16::MAX } else { fit(n) });
                },
            )),
            "unfinished messages of QoS 1 and 2, as `inflight_messages_max` and `receive_maximum`; 0 is 65535",
        )
        .default("20"),
        ConfigOption::new(
            "max_keepalive",
            Engine(Number(Range::new(0, SHORT), |it, n| it.limits.keep_alive_max = fit(n))),
            "the longest Keep Alive in seconds, as `keep_alive_max`; 0 is no limit",
        )
        .default("0"),
        ConfigOption::new(
            "max_packet_size",
            Engine(Number(
                Range::new(PACKET_SIZE_BYTES_MAX_LEAST as i64, PACKET_SIZE_BYTES_MAX_MOST as i64)
                    .below(Beyond::Refuse("Error: 'max_packet_size' must be >= 20."))
                    .above(Beyond::Clamp),
                |it, n| it.limits.packet_size_bytes_max = fit(n),
            )),
            "bytes of a packet from a client, as `packet_size_bytes_max`",
        )
        .default("2000000"),
        ConfigOption::new(
            "max_queued_bytes",
            Engine(Number(COUNT, |it, n| it.limits.queued_bytes_max = unlimited(n))),
            "bytes that wait for one Session, as `queued_bytes_max`; 0 is no limit",
        )
        .default("16777216"),
        ConfigOption::new(
            "max_queued_messages",
            Engine(Number(COUNT, |it, n| it.limits.queued_messages_max = unlimited(n))),
            "messages that wait for one Session, as `queued_messages_max`; 0 is no limit",
        )
        .default("1000"),
        ConfigOption::new(
            "memory_limit",
            General(Number(Range::new(0, ANY), |it, n| it.memory_bytes_max = positive(n))),
            "bytes on the heap of the process; 0 is no limit. Beyond, messages of QoS 1 and 2, retained messages, and new \
             Sessions and subscriptions get 0x97; clients of earlier versions cannot connect (return code 3), and get no \
             acknowledgement until there is memory again. All else goes on, and nothing that is there is given up. What the \
             broker needs for itself counts, too; that is about 1 MB",
        )
        .default("0")
        .live(),
        ConfigOption::new(
            "message_size_limit",
            Engine(Number(Range::new(0, REMAINING_LENGTH_MAX as i64), |it, n| {
                it.limits.payload_bytes_max = unlimited(n);
            })),
            "bytes of a payload, as `payload_bytes_max`; 0 is no limit",
        )
        .default("0"),
        ConfigOption::new(
            "packet_buffer_size",
            General(Number(
                Range::new(0, SHORT)
                    .below(Beyond::Refuse(BUFFER_SIZE))
                    .above(Beyond::Refuse(BUFFER_SIZE)),
                |it, n| it.packet_buffer_bytes = fit(n),
            )),
            "bytes of the head of a WebSocket request",
        )
        .or(&["websockets_headers_size"])
        .default("4096"),
        ConfigOption::new(
            "queue_qos0_messages",
            Engine(Flag(|it| &mut it.features.queue_qos0)),
            "whether messages of QoS 0, too, wait for clients that are away",
        )
        .default("false"),
    ],
};

const BUFFER_SIZE: &str = "Error: Packet buffer size must be between 0 and 65535 inclusive.";

pub(super) const OWN: Part = Part {
    title: "Limits",
    about: "Anywhere in a file. Everything that a client can make grow has a bound; each is an option.",
    options: &[
        ConfigOption::own(
            "connect_timeout",
            Engine(Number(Range::new(1, WORD), |it, n| {
                it.limits.connect_timeout = Duration::from_secs(fit(n));
            })),
            "seconds from the opening of a connection to the end of its CONNECT; then it is closed",
        )
        .default("30"),
        ConfigOption::own(
            "connections_max",
            Engine(Number(Range::new(1, ANY), |it, n| it.limits.connections_max = fit(n))),
            "connections of one shard; further ones are closed",
        )
        .default("1000000")
        .restart(),
        ConfigOption::own(
            "handshake_timeout",
            General(Number(Range::new(1, WORD), |it, n| it.handshake_timeout = Duration::from_secs(fit(n)))),
            "seconds for what comes before MQTT: the header of the PROXY protocol, the handshakes of TLS and WebSocket",
        )
        .default("10"),
        ConfigOption::own(
            "inflight_bytes_max",
            Engine(Number(Range::new(1, ANY), |it, n| it.limits.inflight_bytes_max = fit(n))),
            "bytes of payloads of QoS 1 and 2 towards one client whose PUBLISH is not acknowledged; from there on further \
             messages wait",
        )
        .default("no limit"),
        ConfigOption::own(
            "inflight_messages_max",
            Engine(Number(Range::new(1, SHORT), |it, n| it.limits.inflight_messages_max = fit(n))),
            "unfinished messages of QoS 1 and 2 towards one client; further ones wait; the client's Receive Maximum may \
             lower it",
        )
        .default("20"),
        ConfigOption::own(
            "keep_alive_max",
            Engine(Number(Range::new(0, SHORT), |it, n| it.limits.keep_alive_max = fit(n))),
            "the longest Keep Alive in seconds, 0 is no limit; a client of MQTT 5.0 is told a Server Keep Alive, an older \
             one is refused",
        )
        .default("0"),
        ConfigOption::own(
            "out_buffer_bytes_max",
            Engine(Number(Range::new(1, ANY), |it, n| it.limits.out_buffer_bytes_max = fit(n))),
            "unsent bytes of one connection; beyond, messages of QoS 0 to it are dropped, others wait, and nothing more \
             is read from it. For a bridge, messages of QoS 0 are dropped beyond `queued_bytes_max`, if that is more",
        )
        .default("262144"),
        ConfigOption::own(
            "packet_size_bytes_max",
            Engine(Number(
                Range::new(PACKET_SIZE_BYTES_MAX_LEAST as i64, PACKET_SIZE_BYTES_MAX_MOST as i64),
                |it, n| it.limits.packet_size_bytes_max = fit(n),
            )),
            "bytes of a whole packet from a client; larger ones get DISCONNECT 0x95",
        )
        .default("2000000"),
        ConfigOption::own(
            "payload_bytes_max",
            Engine(Number(Range::new(1, ANY), |it, n| it.limits.payload_bytes_max = fit(n))),
            "bytes of the payload of a PUBLISH or a Will; a larger PUBLISH gets 0x97 and goes nowhere, a CONNECT with a larger \
             Will gets 0x95",
        )
        .default("no limit"),
        ConfigOption::own(
            "queued_bytes_max",
            Engine(Number(Range::new(0, ANY), |it, n| it.limits.queued_bytes_max = fit(n))),
            "bytes that wait for one Session (topics, properties, payloads); further messages for it are dropped",
        )
        .default("16777216"),
        ConfigOption::own(
            "queued_messages_max",
            Engine(Number(Range::new(0, ANY), |it, n| it.limits.queued_messages_max = fit(n))),
            "messages that wait for one Session, those in flight not counted; further messages for it are dropped",
        )
        .default("1000"),
        ConfigOption::own(
            "receive_maximum",
            Engine(Number(Range::new(1, SHORT), |it, n| it.limits.receive_maximum = fit(n))),
            "unfinished messages of QoS 1 and 2 from one client of MQTT 5.0; more get DISCONNECT 0x93",
        )
        .default("20"),
        ConfigOption::own(
            "retained_bytes_max",
            Engine(Number(Range::new(0, ANY), |it, n| it.limits.retained_bytes_max = fit(n))),
            "bytes of all retained messages (topics, properties, payloads); further ones get 0x97",
        )
        .default("268435456")
        .restart(),
        ConfigOption::own(
            "retained_messages_max",
            Engine(Number(Range::new(0, ANY), |it, n| it.limits.retained_messages_max = fit(n))),
            "retained messages of the whole broker; further ones get 0x97",
        )
        .default("1000000")
        .restart(),
        ConfigOption::own(
            "route_cache_entries_max",
            Engine(Number(Range::new(0, ANY), |it, n| it.limits.route_cache_entries_max = fit(n))),
            "Topic Names whose receivers one shard remembers; others are looked up each time",
        )
        .default("4096")
        .restart(),
        ConfigOption::own(
            "session_expiry_interval_max",
            Engine(Number(Range::new(0, WORD), |it, n| it.limits.session_expiry_interval_max = fit(n))),
            "the longest Session Expiry Interval in seconds, 4294967295 is for ever; a shorter one is granted and told",
        )
        .default("4294967295"),
        ConfigOption::own(
            "sessions_max",
            Engine(Number(Range::new(1, ANY), |it, n| it.limits.sessions_max = fit(n))),
            "Sessions of one shard, connected or not; further ones get CONNACK 0x97",
        )
        .default("1000000"),
        ConfigOption::own(
            "sessions_of_node_max",
            Engine(Number(Range::new(1, ANY), |it, n| it.limits.sessions_of_node_max = fit(n))),
            "Sessions of the whole broker, connected or not; further ones get CONNACK 0x89",
        )
        .default("those of all shards"),
        ConfigOption::own(
            "subscriptions_per_session_max",
            Engine(Number(Range::new(0, ANY), |it, n| it.limits.subscriptions_per_session_max = fit(n))),
            "subscriptions of one Session; further ones get SUBACK 0x97",
        )
        .default("10000"),
        ConfigOption::own(
            "topic_alias_maximum",
            Engine(Number(Range::new(0, SHORT), |it, n| it.limits.topic_alias_maximum = fit(n))),
            "Topic Aliases that one client may use; others get DISCONNECT 0x94",
        )
        .default("10")
        .restart(),
        ConfigOption::own(
            "topic_alias_maximum_outgoing",
            Engine(Number(Range::new(0, SHORT), |it, n| it.limits.topic_alias_maximum_outgoing = fit(n))),
            "Topic Aliases towards one client; the client's own maximum may lower it",
        )
        .default("10"),
        ConfigOption::own(
            "topic_levels_max",
            Engine(Number(Range::new(1, ANY), |it, n| it.limits.topic_levels_max = fit(n))),
            "levels of a Topic Name or Topic Filter; more get 0x90 or 0x8F",
        )
        .default("201"),
        ConfigOption::own(
            "unpersisted_bytes_max",
            Engine(Number(Range::new(1, ANY), |it, n| it.limits.unpersisted_bytes_max = fit(n))),
            "bytes of messages of one shard that wait for the log; beyond, the shard stops reading",
        )
        .default("16777216"),
        ConfigOption::own(
            "wrong_passwords_max",
            General(Number(Range::new(0, 1000), |it, n| it.wrong_passwords_max = fit(n))),
            "wrong passwords a second from one address (of IPv6, its first 64 bits); beyond, who comes from there is let in one \
             after the other within two seconds, and closed where that is not enough; 0 is no limit. Whoever comes through a proxy \
             that tells where clients are never waits",
        )
        .default("20")
        .live(),
    ],
};

/// A number where 0 and less is no limit, for a limit that may be missing.
pub(super) fn at_least_one(number: i64) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number > 0)
}

/// A number where 0 is no limit, for a limit that may be missing.
fn positive(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|number| *number > 0)
}

/// A number where 0 is no limit, for a limit that is always there.
fn unlimited(number: i64) -> usize {
    if number == 0 { usize::MAX } else { fit(number) }
}

/// Mosquitto has one limit for both directions, and tells it to clients of MQTT 5.0.
fn set_inflight(limits: &mut Limits, maximum: u16) {
    limits.inflight_messages_max = maximum;
    limits.receive_maximum = maximum;
}
