//! Numbers as Mosquitto reads them: in base ten, in base sixteen behind `0x`, in base eight behind `0`.

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberError {
    NotANumber,
    /// It does not fit into 64 bits.
    TooLarge,
}

/// Reads a number.
pub(super) fn integer(text: &str) -> Result<i64, NumberError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (radix, digits) = match hexadecimal {
        Some(digits) => (16, digits),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(NumberError::NotANumber);
    }
    let value = i128::from_str_radix(digits, radix).map_err(|_| NumberError::TooLarge)?;
    i64::try_from(if negative { -value } else { value }).map_err(|_| NumberError::TooLarge)
}

/// A number that is known to fit; the nearest that does, otherwise.
pub(super) fn fit<N: TryFrom<i64> + Bounds>(number: i64) -> N {
    N::try_from(number).unwrap_or(if number < 0 { N::LEAST } else { N::MOST })
}

/// The ends of a type of numbers.
pub(super) trait Bounds {
    const LEAST: Self;
    const MOST: Self;
}

macro_rules! bounds {
    ($($number:ty),*) => {
        $(impl Bounds for $number {
            const LEAST: Self = Self::MIN;
            const MOST: Self = Self::MAX;
        })*
    };
}

bounds!(u8, u16, u32, u64, usize, i32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let table: &[(&str, Result<i64, NumberError>)] = &[
            ("0", Ok(0)),
            ("17", Ok(17)),
            ("+17", Ok(17)),
            ("-17", Ok(-17)),
            ("0x1F", Ok(31)),
            ("-0X1f", Ok(-31)),
            ("017", Ok(15)),
            ("00", Ok(0)),
            ("9223372036854775807", Ok(i64::MAX)),
            ("-9223372036854775808", Ok(i64::MIN)),
            ("9223372036854775808", Err(NumberError::TooLarge)),
            ("999999999999999999999999999999999999999999", Err(NumberError::TooLarge)),
            ("", Err(NumberError::NotANumber)),
            ("-", Err(NumberError::NotANumber)),
            ("0x", Err(NumberError::NotANumber)),
            ("08", Err(NumberError::NotANumber)),
            ("1s", Err(NumberError::NotANumber)),
            ("--1", Err(NumberError::NotANumber)),
            ("1.5", Err(NumberError::NotANumber)),
            ("١", Err(NumberError::NotANumber)),
        ];
        for (text, expected) in table {
            assert_eq!(integer(text), *expected, "{text:?}");
        }
    }

    #[test]
    fn what_does_not_fit_becomes_the_nearest() {
        assert_eq!(fit::<u16>(70_000), u16::MAX);
        assert_eq!(fit::<u16>(-1), 0);
        assert_eq!(fit::<u32>(7), 7);
    }
}
