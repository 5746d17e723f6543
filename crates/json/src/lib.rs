//! JSON as Mosquitto and its tools print it.
//!
//! An object keeps its order and its duplicates. Strings are bytes, since a payload need not be UTF-8. Numbers and
//! indentation look as in Mosquitto's output: tabs, and a tab after each colon.

#![forbid(unsafe_code)]

mod number;
mod parse;

use number::general;
pub use parse::{JsonError, parse};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string.
    Text(Vec<u8>),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Vec<(Vec<u8>, Json)>),
}

/// How the text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In one line, without spaces.
    Compact,
    /// In lines, indented by tabs.
    Pretty,
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u16> for Json {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Json {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i32> for Json {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl Json {
    /// An object of these members.
    pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value)).collect())
    }

    /// The first member of this name, if it is an object and has one.
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        members.iter().find(|(other, _)| other == name.as_bytes()).map(|(_, value)| value)
    }

    /// What it says, if it is a string of UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// Its text.
    pub fn to_bytes(&self, layout: Layout) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, layout, 0);
        out
    }

    fn write(&self, out: &mut Vec<u8>, layout: Layout, depth: usize) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(number) => out.extend_from_slice(number_text(*number).as_bytes()),
            Self::Text(text) => write_string(out, text),
            Self::Array(items) => {
                out.push(b'[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.extend_from_slice(if layout == Layout::Pretty { b", " } else { b"," });
                    }
                    item.write(out, layout, depth + 1);
                }
                out.push(b']');
            }
            Self::Object(members) => write_object(members, out, layout, depth),
        }
    }
}

fn write_object(members: &[(Vec<u8>, Json)], out: &mut Vec<u8>, layout: Layout, depth: usize) {
    let pretty = layout == Layout::Pretty;
    out.push(b'{');
    if pretty {
        out.push(b'\n');
    }
    for (place, (name, value)) in members.iter().enumerate() {
        if pretty {
            out.resize(out.len() + depth + 1, b'\t');
        }
        write_string(out, name);
        out.extend_from_slice(if pretty { b":\t" } else { b":" });
        value.write(out, layout, depth + 1);
        if place + 1 < members.len() {
            out.push(b',');
        }
        if pretty {
            out.push(b'\n');
        }
    }
    if pretty {
        out.resize(out.len() + depth, b'\t');
    }
    out.push(b'}');
}

fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}

/// Fifteen digits if they are enough to read the same number back, else seventeen.
fn number_text(number: f64) -> String {
    if !number.is_finite() {
        return "null".to_owned();
    }
    let short = general(number, 15);
    let same = short.parse::<f64>().is_ok_and(|read| read.to_bits() == number.to_bits());
    if number == 0.0 {
        return "0".to_owned();
    }
    if same { short } else { general(number, 17) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let value = Json::object([
            ("a", Json::Array(vec![Json::from(1_u32), Json::object([("b", Json::Null)])])),
            ("c", Json::Object(Vec::new())),
            ("d", Json::Bool(true)),
        ]);
        assert_eq!(value.to_bytes(Layout::Compact), br#"{"a":[1,{"b":null}],"c":{},"d":true}"#);
        let pretty = "{\n\t\"a\":\t[1, {\n\t\t\t\"b\":\tnull\n\t\t}],\n\t\"c\":\t{\n\t},\n\t\"d\":\ttrue\n}";
        assert_eq!(String::from_utf8(value.to_bytes(Layout::Pretty)).unwrap(), pretty);
    }

    #[test]
    fn numbers_and_strings() {
        for (number, text) in [
            (0.1, "0.1"),
            (1e20, "1e+20"),
            (4_294_967_295.0, "4294967295"),
            (1.0 / 3.0, "0.33333333333333331"),
        ] {
            assert_eq!(Json::Number(number).to_bytes(Layout::Compact), text.as_bytes());
        }
        let text = Json::Text(b"\"\\/\x08\x01\xff\n".to_vec());
        assert_eq!(text.to_bytes(Layout::Compact), b"\"\\\"\\\\/\\b\\u0001\xff\\n\"");
        assert_eq!(Json::Number(-0.5).to_bytes(Layout::Compact), b"-0.5");
    }
}
