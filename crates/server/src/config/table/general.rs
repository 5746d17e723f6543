//! What concerns the whole broker.

use core::time::Duration;

use martlet_engine::Config;
use martlet_store::Durability;

use super::Part;
use crate::config::number::fit;
use crate::config::option::Again::{IsAnError, Replaces};
use crate::config::option::Field::{Choice, Flag, Number, OptionalFlag, Path, Special, Text};
use crate::config::option::Scope::{Engine, General, Keeping, Process, Structure};
use crate::config::option::{Beyond, ConfigOption, Range, Structure as S};
use crate::config::problem::Problem;
use crate::config::settings::ReloadErrors;
use crate::config::value::Value;

/// All numbers that Mosquitto reads.
pub(super) const INT: Range = Range::new(i32::MIN as i64, i32::MAX as i64);
/// All that are not negative; negative ones mean 0.
pub(super) const COUNT: Range = Range::new(0, i64::MAX).below(Beyond::Clamp);

const SAVED_AT_ONCE: &str = "everything is saved at once";

pub(super) const PART: Part = Part {
    title: "The whole broker",
    about: "Anywhere in a file.",
    options: &[
        ConfigOption::new(
            "allow_duplicate_messages",
            General(Flag(|it| &mut it.allow_duplicate_messages)),
            "whether a client with several matching subscriptions gets a message once for each",
        )
        .default("true")
        .deprecated("The behaviour will default to true.")
        .no_effect("a client gets each message once, with the highest QoS of its subscriptions"),
        ConfigOption::new(
            "autosave_interval",
            Keeping(Number(INT, |it, n| it.autosave_interval = Duration::from_secs(fit(n)))),
            "seconds between two times that everything is saved",
        )
        .default("1800")
        .no_effect(SAVED_AT_ONCE),
        ConfigOption::new(
            "autosave_on_changes",
            Keeping(Flag(|it| &mut it.autosave_on_changes)),
            "whether `autosave_interval` counts changes, not seconds",
        )
        .default("false")
        .no_effect(SAVED_AT_ONCE),
        ConfigOption::own(
            "durability",
            Keeping(Choice(&[
                ("strict", |it| it.durability = Durability::Strict),
                ("os", |it| it.durability = Durability::Os),
                ("none", |it| it.durability = Durability::None),
            ])),
            "what an acknowledgement promises: `strict` that the message survives a power cut, `os` that it survives \
             the end of the broker, `none` nothing: nothing is kept",
        )
        .default("strict"),
        ConfigOption::new(
            "enable_control_api",
            General(Flag(|it| &mut it.control_api)),
            "whether clients may ask about the broker below `$CONTROL/broker/v1`",
        )
        .default("false")
        .live(),
        ConfigOption::own(
            "exactly_once_at_release",
            Engine(Flag(|it| &mut it.features.exactly_once_at_release)),
            "whether a message of QoS 2 takes effect when its PUBREL comes, and not when its PUBLISH does",
        )
        .default("`false`; `true` when called as `mosquitto`")
        .restart(),
        ConfigOption::new(
            "include_dir",
            Structure(S::IncludeFolder),
            "reads all files of a folder whose names end with `.conf`, in the order of the alphabet; upper case goes \
             before lower case of the same letter. Only in the main file",
        ),
        ConfigOption::own(
            "mosquitto_behaviour",
            Engine(Flag(|it| &mut it.features.mosquitto_behaviour)),
            "whether the broker behaves as Mosquitto where the standard has it otherwise: 0x80, not 0x85, for a missing Client \
             Identifier that is needed; 0x95, not 0x97, for a payload that is too large; the end of the connection with \
             0x81 for a topic with too many levels; success, not 0x92, for a PUBREC or PUBREL that there is nothing for; its \
             reason codes for what breaks the standard, mostly 0x82 where it should be 0x81, or the end of the connection \
             without a word, above all for a CONNECT; a CONNACK of MQTT 5.0 for a protocol level below 3; the end of the \
             connection for a string with control characters or non-characters, and for a PUBLISH of QoS 2 that comes for \
             the third time; no expiry for a Message Expiry Interval of 0; no Will when a client takes over its own \
             Session, which goes on; DUP 0 for a QoS 1 message in flight when the broker crashed",
        )
        .default("`false`; `true` when called as `mosquitto`")
        .restart(),
        ConfigOption::new(
            "persistence",
            Keeping(OptionalFlag(|it| &mut it.is_on)),
            "whether Sessions, queued and retained messages survive the broker",
        )
        .or(&["retained_persistence"])
        .default("`true`; `false` when called as `mosquitto`"),
        ConfigOption::new(
            "persistence_file",
            Keeping(Text(IsAnError, |it| &mut it.file)),
            "the name of what everything is kept in: the folder `NAME.martlet` in `persistence_location`",
        )
        .default("`martlet`, a folder"),
        ConfigOption::new(
            "persistence_location",
            Keeping(Path(IsAnError, |it| &mut it.location)),
            "the folder for all that is kept",
        )
        .default("a folder of the user's; the current one when called as `mosquitto`"),
        ConfigOption::new(
            "persistent_client_expiration",
            Engine(Special("a number with `s`, `h`, `d`, `w`, `m` or `y` behind it", expiration)),
            "how long a Session without a connection lives at most, in seconds, hours, days, weeks, months or years, as \
             `session_expiry_interval_max`",
        )
        .default("for ever"),
        ConfigOption::new(
            "pid_file",
            Process(Path(IsAnError, |it| &mut it.pid_file)),
            "a file for the number of the process; it is there as long as the broker runs",
        ),
        ConfigOption::own(
            "reason_strings",
            Engine(Flag(|it| &mut it.features.reason_strings)),
            "whether failures are explained to clients of MQTT 5.0 by a Reason String",
        )
        .default("`true`; `false` when called as `mosquitto`"),
        ConfigOption::own(
            "reload_errors",
            General(Choice(&[
                ("keep", |it| it.reload_errors = Some(ReloadErrors::Keep)),
                ("fatal", |it| it.reload_errors = Some(ReloadErrors::Fatal)),
            ])),
            "what becomes of a file of passwords, rules or keys that is wrong when it is read again: `keep` goes on with what \
             was read before, `fatal` ends the broker",
        )
        .default("`keep`; `fatal` when called as `mosquitto`"),
        ConfigOption::own(
            "reload_on_change",
            General(Flag(|it| &mut it.reload_on_change)),
            "whether the configuration is read again, as on SIGHUP, when one of its files changes: itself, certificates, keys, \
             passwords, lists",
        )
        .default("false"),
        ConfigOption::own(
            "response_information",
            Engine(Text(Replaces, |it| &mut it.features.response_information)),
            "Response Information for clients that ask for it: the beginning of their Response Topics",
        ),
        ConfigOption::new(
            "retain_available",
            Engine(Flag(|it| &mut it.features.retain_available)),
            "whether clients may publish retained messages",
        )
        .default("true"),
        ConfigOption::new(
            "retain_expiry_interval",
            General(Number(Range::new(1, 10_000_000).below(Beyond::Refuse("Error: retain_expiry_interval must be >= 1.")).above(Beyond::ClampSaying(
                "Warning: retain_expiry_interval being capped at 19 years.",
            )), |it, n| it.retain_expiry_interval = Some(Duration::from_secs(fit(n * 60))))),
            "minutes between two looks for retained messages that have expired",
        )
        .no_effect("retained messages that have expired are found without it"),
        ConfigOption::new("retry_interval", Structure(S::Gone), "what Mosquitto had once"),
        ConfigOption::own(
            "server_reference",
            Engine(Text(Replaces, |it| &mut it.features.server_reference)),
            "Server Reference for clients that are sent to another server",
        )
        .no_effect("this version sends nobody to another server"),
        ConfigOption::new(
            "set_tcp_nodelay",
            General(Flag(|it| &mut it.tcp_no_delay)),
            "whether the operating system may not wait for more to send",
        )
        .default("false")
        .no_effect("the operating system never waits: the broker itself sends all it has at once"),
        ConfigOption::own(
            "shards",
            General(Number(Range::new(1, u16::MAX as i64), |it, n| it.shards = core::num::NonZero::new(fit(n)))),
            "threads that serve clients",
        )
        .default("number of cores"),
        ConfigOption::new(
            "sys_interval",
            General(Number(Range::new(0, u16::MAX as i64), |it, n| it.sys_interval = Duration::from_secs(fit(n)))),
            "seconds between two updates of the topics below `$SYS`; 0 is never",
        )
        .default("10")
        .live(),
        ConfigOption::new(
            "upgrade_outgoing_qos",
            Engine(Flag(|it| &mut it.features.upgrade_outgoing_qos)),
            "whether messages go out with the QoS of the subscription, even if they came with a lower one",
        )
        .default("false"),
        ConfigOption::new(
            "user",
            Process(Text(Replaces, |it| &mut it.user)),
            "who to become when started as root",
        )
        .default("none; `mosquitto` when called as `mosquitto`, or `nobody` where there is no such user"),
    ],
};

/// `persistent_client_expiration`
fn expiration(engine: &mut Config, value: &mut Value<'_>) -> Result<(), Problem> {
    const WRONG: &str = "Error: Invalid 'persistent_client_expiration' duration in configuration.";
    const DAY: u32 = 86_400;
    let word = value.word()?;
    let refused = |value: &Value<'_>| value.refused(word, WRONG);
    let (unit_at, unit) = word.char_indices().last().ok_or_else(|| value.empty())?;
    let seconds = match unit {
        's' => 1,
        'h' => 3_600,
        'd' => DAY,
        'w' => 7 * DAY,
        'm' => 30 * DAY,
        'y' => 365 * DAY,
        _ => return Err(refused(value)),
    };
    let count: u32 = word[..unit_at].parse().map_err(|_| refused(value))?;
    if count == 0 {
        return Err(refused(value));
    }
    value.finish();
    engine.limits.session_expiry_interval_max = count.saturating_mul(seconds);
    Ok(())
}
