//! One option for each limit of the engine, with the name that the limit has there.

use core::time::Duration;

use martlet_engine::{Limits, PACKET_SIZE_BYTES_MAX_LEAST};
use martlet_wire::REMAINING_LENGTH_MAX;

use super::Problem;
use super::number::number;

/// The largest packet that MQTT can express: the first byte, four bytes of length, and the rest.
pub(super) const PACKET_SIZE_BYTES_MAX_MOST: u32 = 1 + 4 + REMAINING_LENGTH_MAX;

/// Where the value of an option goes, and what it may be at least.
pub(super) enum Field<'a> {
    Short(&'a mut u16, u16),
    Word(&'a mut u32, u32, u32),
    Count(&'a mut usize, usize),
    Seconds(&'a mut Duration),
}

impl Field<'_> {
    pub(super) fn set(self, option: &str, value: &str) -> Result<(), Problem> {
        match self {
            Self::Short(field, least) => *field = number(option, value, least, u16::MAX)?,
            Self::Word(field, least, most) => *field = number(option, value, least, most)?,
            Self::Count(field, least) => *field = number(option, value, least, usize::MAX)?,
            Self::Seconds(field) => *field = Duration::from_secs(number(option, value, 1, u32::MAX)?.into()),
        }
        Ok(())
    }
}

/// The limit that an option sets.
pub(super) fn field<'a>(limits: &'a mut Limits, option: &str) -> Option<Field<'a>> {
    Some(match option {
        "packet_size_bytes_max" => Field::Word(
            &mut limits.packet_size_bytes_max,
            PACKET_SIZE_BYTES_MAX_LEAST,
            PACKET_SIZE_BYTES_MAX_MOST,
        ),
        "queued_messages_max" => Field::Count(&mut limits.queued_messages_max, 0),
        "queued_bytes_max" => Field::Count(&mut limits.queued_bytes_max, 0),
        "inflight_messages_max" => Field::Short(&mut limits.inflight_messages_max, 1),
        "receive_maximum" => Field::Short(&mut limits.receive_maximum, 1),
        "topic_alias_maximum" => Field::Short(&mut limits.topic_alias_maximum, 0),
        "topic_alias_maximum_outgoing" => Field::Short(&mut limits.topic_alias_maximum_outgoing, 0),
        "out_buffer_bytes_max" => Field::Count(&mut limits.out_buffer_bytes_max, 1),
        "connections_max" => Field::Count(&mut limits.connections_max, 1),
        "sessions_max" => Field::Count(&mut limits.sessions_max, 1),
        "subscriptions_per_session_max" => Field::Count(&mut limits.subscriptions_per_session_max, 0),
        "topic_levels_max" => Field::Count(&mut limits.topic_levels_max, 1),
        "retained_messages_max" => Field::Count(&mut limits.retained_messages_max, 0),
        "retained_bytes_max" => Field::Count(&mut limits.retained_bytes_max, 0),
        "connect_timeout" => Field::Seconds(&mut limits.connect_timeout),
        "session_expiry_interval_max" => Field::Word(&mut limits.session_expiry_interval_max, 0, u32::MAX),
        "keep_alive_max" => Field::Short(&mut limits.keep_alive_max, 0),
        "unpersisted_bytes_max" => Field::Count(&mut limits.unpersisted_bytes_max, 1),
        "route_cache_entries_max" => Field::Count(&mut limits.route_cache_entries_max, 0),
        _ => return None,
    })
}
