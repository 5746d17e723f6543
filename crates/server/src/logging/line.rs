//! How a line of the log looks.

use core::fmt::{self, Write as _};

use jiff::Timestamp;
use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use jiff::tz::TimeZone;
use tracing::Event;
use tracing::field::{Field, Visit};

use crate::config::{LogFormat, LogType};

/// What a line begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// Nothing.
    None,
    /// The seconds since 1970.
    UnixSeconds,
    /// The time of RFC 3339 in UTC, to the microsecond.
    Rfc3339,
    /// The local time in the letters of `strftime`.
    Letters(String),
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) format: LogFormat,
    /// For terminals.
    pub(super) colours: bool,
}

impl Stamp {
    /// Begins a line.
    pub(super) fn begin(&self, style: Style, line: &mut String) {
        let time = self.text(Timestamp::now());
        match style.format {
            LogFormat::Json => {
                line.push('{');
                if let Some(time) = time {
                    line.push_str("\"time\":");
                    write_json(&time, line);
                    line.push(',');
                }
            }
            LogFormat::Text => {
                if let Some(time) = time {
                    line.push_str(&painted(&time, "2", style));
                    line.push(' ');
                }
            }
            LogFormat::Mosquitto => {
                if let Some(time) = time {
                    line.push_str(&time);
                    line.push_str(": ");
                }
            }
        }
    }

    fn text(&self, now: Timestamp) -> Option<String> {
        match self {
            Self::None => None,
            Self::UnixSeconds => Some(now.as_second().to_string()),
            Self::Rfc3339 => Some(format!("{now:.6}")),
            Self::Letters(letters) => {
                let local = now.to_zoned(TimeZone::try_system().unwrap_or(TimeZone::UTC));
                // As in the C locale.
                let config = Config::new().custom(PosixCustom::new());
                let text = BrokenDownTime::from(&local).to_string_with_config(&config, letters);
                Some(text.unwrap_or_else(|_| "Time error".into()))
            }
        }
    }
}

/// Writes the rest of a line, without its end.
pub(super) fn write(event: &Event<'_>, kind: LogType, style: Style, line: &mut String) {
    let name = name(kind);
    match style.format {
        LogFormat::Json => {
            line.push_str("\"level\":");
            write_json(name, line);
            event.record(&mut Object { line });
            line.push('}');
        }
        LogFormat::Text => {
            let colour = match kind {
                LogType::Error => "31",
                LogType::Warning => "33",
                LogType::Notice | LogType::Information => "32",
                _ => "34",
            };
            line.push_str(&painted(&format!("{:>7}", name.to_ascii_uppercase()), colour, style));
            event.record(&mut Words { line, is_first: true, separator: true });
        }
        LogFormat::Mosquitto => event.record(&mut Words { line, is_first: true, separator: false }),
    }
}

/// What a kind of message is called.
const fn name(kind: LogType) -> &'static str {
    match kind {
        LogType::Error => "error",
        LogType::Warning => "warning",
        LogType::Notice => "notice",
        LogType::Information => "info",
        LogType::Debug => "debug",
        LogType::Subscribe => "subscribe",
        LogType::Unsubscribe => "unsubscribe",
        LogType::WebSockets => "websockets",
        LogType::Internal => "trace",
    }
}

fn painted(text: &str, colour: &str, style: Style) -> String {
    if style.colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.into() }
}

/// A message and `name=value` behind it.
struct Words<'a> {
    line: &'a mut String,
    is_first: bool,
    /// A blank goes before the first word, too.
    separator: bool,
}

impl Words<'_> {
    fn name(&mut self, field: &Field) {
        if !self.is_first || self.separator {
            self.line.push(' ');
        }
        self.is_first = false;
        if field.name() != "message" {
            self.line.push_str(field.name());
            self.line.push('=');
        }
    }
}

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        let _ = write!(self.line, "{value:?}");
    }
}

/// The members of a JSON object, each with a comma before it.
struct Object<'a> {
    line: &'a mut String,
}

impl Object<'_> {
    fn name(&mut self, field: &Field) {
        self.line.push(',');
        write_json(field.name(), self.line);
        self.line.push(':');
    }
}

impl Visit for Object<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        write_json(value, self.line);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(field);
        let _ = write!(self.line, "{value}");
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field);
        let _ = write!(self.line, "{value}");
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field);
        let _ = write!(self.line, "{value}");
    }
}

/// Writes a text as a JSON string.
fn write_json(text: &str, line: &mut String) {
    line.push('"');
    for character in text.chars() {
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            character if character.is_control() => {
                let _ = write!(line, "\\u{:04x}", u32::from(character));
            }
            character => line.push(character),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps() {
        let time: Timestamp = "2026-01-02T03:04:05.123456789Z".parse().unwrap();
        assert_eq!(Stamp::None.text(time), None);
        assert_eq!(Stamp::UnixSeconds.text(time).as_deref(), Some("1767323045"));
        assert_eq!(Stamp::Rfc3339.text(time).as_deref(), Some("2026-01-02T03:04:05.123456Z"));
        let letters = |letters: &str| Stamp::Letters(letters.into()).text(time).unwrap();
        assert_eq!(letters("at %s"), "at 1767323045");
        assert!(letters("%Y-%m-%dT%H:%M:%S").starts_with("2026-01-0"), "{}", letters("%Y-%m-%dT%H:%M:%S"));
        assert_eq!(letters("%"), "Time error");
    }

    #[test]
    fn json_strings_hold_anything() {
        let mut line = String::new();
        write_json("a\"b\\c\nd\u{1b}[é\u{85}", &mut line);
        assert_eq!(line, r#""a\"b\\c\nd\u001b[é\u0085""#);
    }
}
