//! What is logged, and where to.

use super::Part;
use crate::config::note::NoteKind;
use crate::config::number::fit;
use crate::config::option::Again::IsAnError;
use crate::config::option::Field::{Choice, Flag, Number, Special, Text};
use crate::config::option::Scope::Logging;
use crate::config::option::{ConfigOption, Range};
use crate::config::problem::Problem;
use crate::config::settings::{Destinations, LogFormat, LogSettings, LogType, LogTypes};
use crate::config::value::Value;

pub(super) const PART: Part = Part {
    title: "The log",
    about: "Anywhere in a file.",
    options: &[
        ConfigOption::new(
            "connection_messages",
            Logging(Flag(|it| &mut it.connection_messages)),
            "whether clients that come and go are logged",
        )
        .default("true")
        .live(),
        ConfigOption::new(
            "log_dest",
            Logging(Special(
                "`stdout`, `stderr`, `syslog`, `topic`, `file` with a path behind it, or `none`",
                destination,
            )),
            "where the log goes to; each line adds a place, and `none` takes all away",
        )
        .default("`stderr`")
        .live(),
        ConfigOption::new(
            "log_facility",
            Logging(Number(Range::new(0, 7), |it, n| it.facility = Some(fit(n)))),
            "the facility for `log_dest syslog`: a number for `local0` to `local7`",
        )
        .default("`daemon`")
        .live(),
        ConfigOption::own(
            "log_format",
            Logging(Choice(&[
                ("text", |it| it.format = Some(LogFormat::Text)),
                ("json", |it| it.format = Some(LogFormat::Json)),
                ("mosquitto", |it| it.format = Some(LogFormat::Mosquitto)),
            ])),
            "how a line of the log looks: `text` is `TIME LEVEL MESSAGE NAME=VALUE ...`, `json` one object on each \
             line, `mosquitto` has the words of Mosquitto",
        )
        .default("`text`; `mosquitto` when called as `mosquitto`"),
        ConfigOption::new(
            "log_timestamp",
            Logging(Flag(|it| &mut it.timestamp)),
            "whether a line begins with the time",
        )
        .default("true")
        .live(),
        ConfigOption::new(
            "log_timestamp_format",
            Logging(Text(IsAnError, |it| &mut it.timestamp_format)),
            "how the time is written, in the letters of `strftime`",
        )
        .default("seconds since 1970 in the format of Mosquitto, RFC 3339 in the others")
        .live(),
        ConfigOption::new(
            "log_type",
            Logging(Special(
                "`error`, `warning`, `notice`, `information`, `debug`, `subscribe`, `unsubscribe`, `websockets`, \
                 `internal`, `all` or `none`",
                kind,
            )),
            "what is logged; each line adds a kind, `all` is all of them, and `none` takes all away. There is nothing of the \
             kind `websockets`, and `internal` (each read and write) is not in the format of Mosquitto",
        )
        .default("`error`, `warning`, `notice` and `information`")
        .live(),
    ],
};

/// Why there is nothing of the kind `websockets`.
pub(in crate::config) const NO_WEBSOCKETS_LOG: &str =
    "there is no library for WebSocket that would say something; faults of handshakes are `information`";

/// `log_dest`
fn destination(log: &mut LogSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    let word = value.word()?;
    let places = log.destinations.get_or_insert_default();
    match word {
        "none" => *places = Destinations::default(),
        "stdout" => places.stdout = true,
        "stderr" => places.stderr = true,
        "syslog" => places.syslog = true,
        "topic" => places.topic = true,
        "dlt" => places.dlt = true,
        "file" => return file(places, value),
        other => return Err(value.refusal(other)),
    }
    value.finish();
    Ok(())
}

/// `log_dest file`
fn file(places: &mut Destinations, value: &mut Value<'_>) -> Result<(), Problem> {
    let called = "log_dest file".to_owned();
    if places.file.is_some() {
        return Err(Problem::Duplicate { option: value.option.into(), called });
    }
    let path = value.text().map_err(|problem| match problem {
        Problem::Empty { option, takes, .. } => Problem::Empty { option, called, takes },
        other => other,
    })?;
    places.file = Some(path.into());
    Ok(())
}

/// `log_type`
fn kind(log: &mut LogSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    let kind = match value.word()? {
        "none" => LogTypes::NONE,
        "all" => LogTypes::ALL,
        "error" => LogTypes::of(LogType::Error),
        "warning" => LogTypes::of(LogType::Warning),
        "notice" => LogTypes::of(LogType::Notice),
        "information" => LogTypes::of(LogType::Information),
        "debug" => LogTypes::of(LogType::Debug),
        "subscribe" => LogTypes::of(LogType::Subscribe),
        "unsubscribe" => LogTypes::of(LogType::Unsubscribe),
        "websockets" => {
            // In Mosquitto it is for what a library of others says, and Mosquitto 2.1 by itself says nothing there.
            value.say(NoteKind::NoEffect { option: "log_type websockets".into(), reason: NO_WEBSOCKETS_LOG });
            LogTypes::of(LogType::WebSockets)
        }
        "internal" => LogTypes::of(LogType::Internal),
        other => return Err(value.refusal(other)),
    };
    value.finish();
    let before = log.types.unwrap_or(LogTypes::NONE);
    log.types = Some(if kind == LogTypes::NONE { kind } else { before | kind });
    Ok(())
}
