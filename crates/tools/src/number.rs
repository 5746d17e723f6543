//! Numbers as C's library reads and prints them: a number is what the text starts with, and the rest is ignored.

/// Reads the integer at the start of a text as `atoi` does; 0 if there is none, and the nearest bound if it is too large.
pub(crate) fn leading_integer(text: &str) -> i64 {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = digits
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -magnitude } else { magnitude }
}

/// Reads a whole text as an integer as `strtoll` with base 0 does: decimal, `0x` hexadecimal or `0` octal.
pub(crate) fn whole_integer(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = magnitude.to_ascii_lowercase();
    let (digits, radix) = match (lower.strip_prefix("0x"), lower.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (lower.as_str(), 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let number = i64::from_str_radix(digits, radix).unwrap_or(i64::MAX);
    Some(if negative { -number } else { number })
}

/// Reads the decimal fraction at the start of a text as `atof` does; 0 if there is none.
pub(crate) fn leading_fraction(text: &str) -> f64 {
    let text = text.trim_start();
    let plausible = text.bytes().take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)).count();
    (1..=plausible).rev().find_map(|end| text[..end].parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_what_the_text_starts_with() {
        for (text, number) in
            [("12x", 12), (" -3", -3), ("x", 0), ("", 0), ("+7", 7), ("99999999999999999999", i64::MAX)]
        {
            assert_eq!(leading_integer(text), number, "{text:?}");
        }
    }

    #[test]
    fn a_whole_integer_takes_no_rest() {
        for (text, number) in
            [("12", Some(12)), ("0x10", Some(16)), ("010", Some(8)), ("0", Some(0)), ("-2", Some(-2))]
        {
            assert_eq!(whole_integer(text), number, "{text:?}");
        }
        for text in ["", "A", "1x", "--1", "0x", "09"] {
            assert_eq!(whole_integer(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_fraction_is_what_the_text_starts_with() {
        for (text, number) in [("1.5s", 1.5), ("-1", -1.0), ("x", 0.0), ("2e1", 20.0), (".5-", 0.5)] {
            assert!((leading_fraction(text) - number).abs() < 1e-9, "{text:?}");
        }
    }
}
