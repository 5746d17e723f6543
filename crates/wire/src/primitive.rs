//! The data types that packets are made of: integers, the variable byte integer, UTF-8 strings, binary data.
//!
//! [`Reader`] walks over the bytes of one packet and never beyond them. What the values mean is not known here.

use core::fmt;

use crate::error::DecodeError;

/// The longest UTF-8 string and the longest binary data, in bytes: a two-byte length goes before it.
pub(crate) const FIELD_BYTES_MAX: usize = u16::MAX as usize;

/// Reads a variable byte integer at the start of `bytes`: its value and the number of bytes it takes, 1 to 4.
///
/// Answers `None` when the bytes end before the integer does.
#[inline]
pub(crate) fn variable(bytes: &[u8]) -> Result<Option<(u32, usize)>, DecodeError> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            // A last byte of zero adds nothing: the value has a shorter form [MQTT-1.5.5-1].
            if byte == 0 && index > 0 {
                return Err(DecodeError::VariableByteIntegerNotMinimal);
            }
            return Ok(Some((value, index + 1)));
        }
    }
    if bytes.len() >= 4 { Err(DecodeError::VariableByteIntegerTooLong) } else { Ok(None) }
}

/// The number of bytes that `value` takes as a variable byte integer. Values beyond four bytes count as four.
pub(crate) const fn variable_len(value: usize) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

/// Reads bytes as a UTF-8 string without U+0000 [MQTT-1.5.4-1] [MQTT-1.5.4-2].
///
/// A leading U+FEFF is kept like any other character [MQTT-1.5.4-3].
pub(crate) fn string(bytes: &[u8]) -> Result<&str, DecodeError> {
    let text = utf8(bytes)?;
    if bytes.contains(&0) { Err(DecodeError::NullCharacter) } else { Ok(text) }
}

/// Reads bytes as UTF-8, surrogates refused [MQTT-1.5.4-1]. U+0000 is left to the caller.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    core::str::from_utf8(bytes).map_err(|_| DecodeError::Utf8)
}

/// Stands for a secret in debug output and shows only its length in bytes.
pub(crate) struct Hidden(pub(crate) usize);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0)
    }
}

/// What is left to read of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        let (&byte, rest) = self.bytes.split_first().ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(byte)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.chunk().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.chunk().map(u32::from_be_bytes)
    }

    pub(crate) fn variable(&mut self) -> Result<u32, DecodeError> {
        if let [byte @ ..0x80, rest @ ..] = self.bytes {
            self.bytes = rest; // by far the most
            return Ok(u32::from(*byte));
        }
        let (value, len) = variable(self.bytes)?.ok_or(DecodeError::Truncated)?;
        self.take(len)?;
        Ok(value)
    }

    /// Takes the next `len` bytes as they are.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// Takes binary data: a two-byte length, then so many bytes.
    #[inline]
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    pub(crate) fn string(&mut self) -> Result<&'a str, DecodeError> {
        string(self.binary()?)
    }

    /// Takes all that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number of bytes left.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (chunk, rest) = self.bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(*chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mqtt5_1_5_5_1_a_variable_byte_integer_takes_as_few_bytes_as_it_can() {
        let cases: [(&[u8], u32); 8] = [
            (&[0x00], 0),
            (&[0x7F], 127),
            (&[0x80, 0x01], 128),
            (&[0xFF, 0x7F], 16_383),
            (&[0x80, 0x80, 0x01], 16_384),
            (&[0xFF, 0xFF, 0x7F], 2_097_151),
            (&[0x80, 0x80, 0x80, 0x01], 2_097_152),
            (&[0xFF, 0xFF, 0xFF, 0x7F], 268_435_455),
        ];
        for (bytes, value) in cases {
            assert_eq!(variable(bytes), Ok(Some((value, bytes.len()))));
            assert_eq!(variable_len(value as usize), bytes.len());
        }
        for bytes in [&[0x80, 0x00][..], &[0xFF, 0x80, 0x00], &[0x81, 0x80, 0x80, 0x00]] {
            assert_eq!(variable(bytes), Err(DecodeError::VariableByteIntegerNotMinimal));
        }
    }

    #[test]
    fn mqtt5_s1_5_5_a_fourth_byte_that_goes_on_is_wrong_at_once() {
        assert_eq!(variable(&[0x80; 3]), Ok(None));
        assert_eq!(variable(&[0x80; 4]), Err(DecodeError::VariableByteIntegerTooLong));
        assert_eq!(variable(&[0xFF; 5]), Err(DecodeError::VariableByteIntegerTooLong));
    }

    #[test]
    fn mqtt5_1_5_4_1_surrogates_are_not_utf8() {
        assert_eq!(string(&[0xED, 0xA0, 0x80]), Err(DecodeError::Utf8));
        assert_eq!(string(&[0xED, 0xBF, 0xBF]), Err(DecodeError::Utf8));
        assert_eq!(string(&[0xC0, 0x80]), Err(DecodeError::Utf8));
    }

    #[test]
    fn mqtt5_1_5_4_2_a_null_character_is_refused() {
        assert_eq!(string(b"a\0b"), Err(DecodeError::NullCharacter));
    }

    #[test]
    fn mqtt5_1_5_4_3_a_byte_order_mark_is_kept() {
        assert_eq!(string(&[0xEF, 0xBB, 0xBF, b'a', 0xEF, 0xBB, 0xBF]), Ok("\u{FEFF}a\u{FEFF}"));
    }
}
