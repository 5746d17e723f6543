//! Lines that tell one thing each: a kind, and fields with names. As text for people and `grep`, or as JSON.

use core::fmt::Write as _;

use jiff::Timestamp;
use martlet_engine::Instant;

/// What a field says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Flag(bool),
    Number(u64),
    Time(Instant),
    Text(String),
    /// Shown as hexadecimal digits.
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Object(Fields),
}

/// Fields in their order.
pub(crate) type Fields = Vec<(&'static str, Value)>;

/// One thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    kind: &'static str,
    fields: Fields,
}

impl Line {
    pub(crate) const fn new(kind: &'static str) -> Self {
        Self { kind, fields: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.fields.push((name, value));
        self
    }

    pub(crate) fn number(self, name: &'static str, number: impl Into<u64>) -> Self {
        self.with(name, Value::Number(number.into()))
    }

    pub(crate) fn flag(self, name: &'static str, flag: bool) -> Self {
        self.with(name, Value::Flag(flag))
    }

    pub(crate) fn text(self, name: &'static str, text: &str) -> Self {
        self.with(name, Value::Text(text.to_owned()))
    }

    pub(crate) fn all(mut self, fields: Fields) -> Self {
        self.fields.extend(fields);
        self
    }

    /// `kind name=value name=value`: text in quotes, as JSON has it; times, numbers and hexadecimal digits without.
    pub(crate) fn to_text(&self) -> String {
        let mut line = self.kind.to_owned();
        for (name, value) in &self.fields {
            let _ = write!(line, " {name}=");
            match value {
                Value::Time(at) => line.push_str(&time(*at)),
                Value::Bytes(bytes) => push_hex(&mut line, bytes),
                other => push_json(&mut line, other),
            }
        }
        line
    }

    /// An object whose first member is the kind.
    pub(crate) fn to_json(&self) -> String {
        let mut line = String::from("{\"kind\":");
        push_text(&mut line, self.kind);
        push_members(&mut line, &self.fields, ",");
        line.push('}');
        line
    }
}

/// A point in time as RFC 3339 has it, in UTC. One that no calendar has is told in milliseconds.
pub(crate) fn time(at: Instant) -> String {
    let millis = i64::try_from(at.as_millis()).ok();
    let timestamp = millis.and_then(|millis| Timestamp::from_millisecond(millis).ok());
    timestamp.map_or_else(|| at.as_millis().to_string(), |timestamp| format!("{timestamp:.3}"))
}

fn push_json(line: &mut String, value: &Value) {
    match value {
        Value::Flag(flag) => line.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => _ = write!(line, "{number}"),
        Value::Time(at) => push_text(line, &time(*at)),
        Value::Text(text) => push_text(line, text),
        Value::Bytes(bytes) => {
            line.push('"');
            push_hex(line, bytes);
            line.push('"');
        }
        Value::List(values) => {
            line.push('[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    line.push(',');
                }
                push_json(line, value);
            }
            line.push(']');
        }
        Value::Object(members) => {
            line.push('{');
            push_members(line, members, "");
            line.push('}');
        }
    }
}

fn push_members(line: &mut String, members: &Fields, before: &'static str) {
    let mut separator = before;
    for (name, value) in members {
        line.push_str(core::mem::replace(&mut separator, ","));
        push_text(line, name);
        line.push(':');
        push_json(line, value);
    }
}

/// Control characters are spelt out, so that nothing in a store can drive a terminal.
fn push_text(line: &mut String, text: &str) {
    line.push('"');
    for character in text.chars() {
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            control if control.is_control() => _ = write!(line, "\\u{:04x}", u32::from(control)),
            other => line.push(other),
        }
    }
    line.push('"');
}

fn push_hex(line: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(line, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let pair = vec![("name", Value::Text("k".to_owned())), ("value", Value::Text("\"".to_owned()))];
        Line::new("kind")
            .number("number", u64::MAX)
            .flag("flag", true)
            .text("text", "a\n\u{9b}\u{1b}é\\")
            .with("at", Value::Time(Instant::from_millis(1_700_000_000_012)))
            .with("hex", Value::Bytes(vec![0, 255]))
            .with("list", Value::List(vec![Value::Object(pair), Value::Bytes(vec![1])]))
    }

    #[test]
    fn text_has_a_field_behind_another() {
        assert_eq!(
            line().to_text(),
            r#"kind number=18446744073709551615 flag=true text="a\n\u009b\u001bé\\" at=2023-11-14T22:13:20.012Z hex=00ff list=[{"name":"k","value":"\""},"01"]"#
        );
        assert_eq!(Line::new("alone").to_text(), "alone");
    }

    #[test]
    fn json_is_an_object() {
        assert_eq!(
            line().to_json(),
            r#"{"kind":"kind","number":18446744073709551615,"flag":true,"text":"a\n\u009b\u001bé\\","at":"2023-11-14T22:13:20.012Z","hex":"00ff","list":[{"name":"k","value":"\""},"01"]}"#
        );
        assert_eq!(Line::new("alone").to_json(), r#"{"kind":"alone"}"#);
    }

    #[test]
    fn a_time_that_no_calendar_has_is_a_number() {
        assert_eq!(time(Instant::from_millis(u64::MAX)), u64::MAX.to_string());
    }
}
