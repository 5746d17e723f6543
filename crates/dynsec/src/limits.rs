//! How much there may be of everything that a command or a file can make grow.

/// The longest name of a client, group or role, the longest Client Identifier and the longest topic, in bytes: what MQTT
/// can carry.
pub const NAME_BYTES_MAX: usize = 65_535;
/// The longest text that describes a client, a group or a role, in bytes.
pub const TEXT_BYTES_MAX: usize = 65_535;
/// The longest password, in bytes: what MQTT can carry.
pub const PASSWORD_BYTES_MAX: usize = 65_535;
/// The longest hash of a password, in bytes.
pub const HASH_BYTES_MAX: usize = 4_096;
/// How many levels a topic of an access rule may have: as in Mosquitto, which lets 200 slashes pass.
pub const TOPIC_LEVELS_MAX: usize = 201;
/// How many clients there may be.
pub const CLIENTS_MAX: usize = 1_000_000;
/// How many groups there may be.
pub const GROUPS_MAX: usize = 100_000;
/// How many roles there may be.
pub const ROLES_MAX: usize = 100_000;
/// How many access rules a role may have.
pub const ACLS_PER_ROLE_MAX: usize = 100_000;
/// How many roles a client or a group may have, and in how many groups a client may be.
pub const RANKING_MAX: usize = 10_000;
/// The highest priority; the lowest is its negative, as in Mosquitto. What lies beyond is taken for the nearest.
pub const PRIORITY_MAX: i32 = 100_000;
/// How many commands of one request are done. Further ones are refused.
pub const COMMANDS_PER_REQUEST_MAX: usize = 10_000;
/// How long the answer to one request may become, in bytes. Commands beyond get an error for an answer.
pub const RESPONSE_BYTES_MAX: usize = 16 << 20;

const _: () = assert!(RESPONSE_BYTES_MAX < 268_435_455); // what a packet can carry
