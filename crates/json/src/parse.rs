//! Reading JSON.

use core::fmt;

use super::Json;

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 1_000;

/// The text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Where it stops to be, in bytes.
    pub position: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not JSON at byte {}", self.position)
    }
}

impl core::error::Error for JsonError {}

/// Reads a text that is one value with white space around it.
///
/// # Errors
/// [`JsonError`] if it is anything else, or nested more than 1,000 deep.
pub fn parse(text: &[u8]) -> Result<Json, JsonError> {
    let mut reader = Reader { text, position: 0 };
    let value = reader.value(0).and_then(|value| {
        reader.skip_space();
        (reader.position == text.len()).then_some(value)
    });
    value.ok_or(JsonError { position: reader.position })
}

struct Reader<'a> {
    text: &'a [u8],
    position: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.skip_space();
        match self.peek()? {
            b'n' => self.word(b"null", Json::Null),
            b't' => self.word(b"true", Json::Bool(true)),
            b'f' => self.word(b"false", Json::Bool(false)),
            b'"' => self.string().map(Json::Text),
            b'[' => self.array(depth),
            b'{' => self.object(depth),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.position += 1;
        let mut items = Vec::new();
        if self.next_is(b']') {
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.next_is(b']') {
                return Some(Json::Array(items));
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.position += 1;
        let mut members = Vec::new();
        if self.next_is(b'}') {
            return Some(Json::Object(members));
        }
        loop {
            self.skip_space();
            let name = if self.peek()? == b'"' { self.string()? } else { return None };
            self.expect(b':')?;
            members.push((name, self.value(depth + 1)?));
            if self.next_is(b'}') {
                return Some(Json::Object(members));
            }
            self.expect(b',')?;
        }
    }

    fn number(&mut self) -> Option<Json> {
        let rest = self.text.get(self.position..)?;
        let length = rest.iter().take_while(|byte| b"+-.eE0123456789".contains(byte)).count();
        let number = core::str::from_utf8(&rest[..length]).ok()?.parse().ok()?;
        self.position += length;
        Some(Json::Number(number))
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        self.position += 1;
        let mut text = Vec::new();
        loop {
            let byte = self.peek()?;
            self.position += 1;
            match byte {
                b'"' => return Some(text),
                b'\\' => self.escape(&mut text)?,
                0..0x20 => return None,
                _ => text.push(byte),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let byte = self.peek()?;
        self.position += 1;
        text.push(match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let character = self.unicode()?;
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Some(());
            }
            _ => return None,
        });
        Some(())
    }

    /// A code point beyond 0xFFFF stands as two surrogates.
    fn unicode(&mut self) -> Option<char> {
        let first = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first);
        }
        if self.text.get(self.position..self.position + 2)? != b"\\u" {
            return None;
        }
        self.position += 2;
        let second = self.four_digits()?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + second)
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.position..self.position + 4)?;
        self.position += 4;
        digits.iter().try_fold(0, |number, digit| Some(number * 16 + char::from(*digit).to_digit(16)?))
    }

    fn word(&mut self, word: &[u8], value: Json) -> Option<Json> {
        self.text.get(self.position..)?.starts_with(word).then(|| {
            self.position += word.len();
            value
        })
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.next_is(byte).then_some(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;

    #[test]
    fn what_is_read_is_printed_again() {
        for text in ["{}", "[]", "null", "[1,-2.5,\"a\\nb\",{\"a\":true,\"a\":false}]", "1e+20"] {
            let value = parse(text.as_bytes()).unwrap();
            assert_eq!(value.to_bytes(Layout::Compact), text.as_bytes());
        }
        assert_eq!(parse(b" \"\\u00e9\\ud83d\\ude00\\/\" \n").unwrap(), Json::from("é😀/"));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1,]", "{\"a\"}", "nul", "1 2", "\"a", "\"\\x\"", "\"\\ud800\"", "'a'", "{,}"]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        let deep = [b'['; 5_000];
        assert!(parse(&deep).is_err());
    }
}
