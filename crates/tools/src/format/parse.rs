//! Taking a format apart.

use super::{Code, Field, FormatError, Piece};

/// Widths and precisions beyond this are no use, and would only fill the memory.
const WIDTH_MAX: usize = 1_000_000;
/// What can stand between groups of hexadecimal digits.
const SEPARATORS: &[u8] = b"!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~ ";

pub(super) fn pieces(text: &[u8]) -> Result<Vec<Piece>, FormatError> {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut rest = Rest(text);
    while let Some(byte) = rest.next() {
        let piece = match byte {
            b'%' => match field(&mut rest)? {
                None => {
                    literal.push(b'%');
                    continue;
                }
                Some(field) => Piece::Field(field),
            },
            b'@' => match rest.next().ok_or(FormatError::IncompleteSpecifier)? {
                b'@' => {
                    literal.push(b'@');
                    continue;
                }
                letter => Piece::Time(letter),
            },
            b'\\' => {
                literal.push(escape(&mut rest)?);
                continue;
            }
            byte => {
                literal.push(byte);
                continue;
            }
        };
        if !literal.is_empty() {
            pieces.push(Piece::Literal(core::mem::take(&mut literal)));
        }
        pieces.push(piece);
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// What follows a `%`: flag, width, precision, separator, code. `None` for a second `%`.
fn field(rest: &mut Rest<'_>) -> Result<Option<Field>, FormatError> {
    let left = rest.take_if(|byte| byte == b'-').is_some();
    let zeros = rest.take_if(|byte| byte == b'0').is_some();
    let width = number(rest).unwrap_or(0);
    let precision = rest.take_if(|byte| byte == b'.').map(|_| number(rest).unwrap_or(0));
    let separator = rest.take_if(|byte| SEPARATORS.contains(&byte)).unwrap_or(b' ');
    let code = match rest.character().ok_or(FormatError::IncompleteSpecifier)? {
        '%' => return Ok(None),
        letter => code(letter).ok_or(FormatError::InvalidSpecifier(letter))?,
    };
    Ok(Some(Field { code, width, precision, left, zeros, separator }))
}

const fn code(letter: char) -> Option<Code> {
    Some(match letter {
        'A' => Code::TopicAlias,
        'C' => Code::ContentType,
        'D' => Code::CorrelationData,
        'd' => Code::Double,
        'E' => Code::MessageExpiry,
        'F' => Code::PayloadFormat,
        'f' => Code::Float,
        'I' => Code::IsoTime,
        'j' => Code::Json { embed: false },
        'J' => Code::Json { embed: true },
        'l' => Code::Length,
        'm' => Code::PacketId,
        'P' => Code::UserProperties,
        'p' => Code::Payload,
        'q' => Code::Qos,
        'R' => Code::ResponseTopic,
        'r' => Code::Retain,
        'S' => Code::SubscriptionId,
        't' => Code::Topic,
        'U' => Code::UnixTime,
        'x' => Code::Hex { upper: false },
        'X' => Code::Hex { upper: true },
        _ => return None,
    })
}

fn escape(rest: &mut Rest<'_>) -> Result<u8, FormatError> {
    match rest.character().ok_or(FormatError::IncompleteEscape)? {
        '\\' => Ok(b'\\'),
        '0' => Ok(0),
        'a' => Ok(0x07),
        'e' => Ok(0x1b),
        'n' => Ok(b'\n'),
        'r' => Ok(b'\r'),
        't' => Ok(b'\t'),
        'v' => Ok(0x0b),
        letter => Err(FormatError::InvalidEscape(letter)),
    }
}

fn number(rest: &mut Rest<'_>) -> Option<usize> {
    let mut number = None;
    while let Some(digit) = rest.take_if(|byte| byte.is_ascii_digit()) {
        let value = number.unwrap_or(0) * 10 + usize::from(digit - b'0');
        number = Some(value.min(WIDTH_MAX));
    }
    number
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn next(&mut self) -> Option<u8> {
        self.take_if(|_| true)
    }

    fn take_if(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !wanted(*first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }

    /// A character of UTF-8, or the byte's value if it is none.
    fn character(&mut self) -> Option<char> {
        let bytes = self.0;
        let first = self.next()?;
        let character = (1..=bytes.len().min(4))
            .find_map(|length| core::str::from_utf8(&bytes[..length]).ok()?.chars().next());
        if let Some(character) = character {
            self.0 = &bytes[character.len_utf8()..];
        }
        Some(character.unwrap_or(char::from(first)))
    }
}
