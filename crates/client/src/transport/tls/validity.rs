//! When a certificate is valid.

use core::time::Duration;

use tokio_rustls::rustls::CertificateError;
use tokio_rustls::rustls::pki_types::UnixTime;

use super::der::{GENERALIZED_TIME, UTC_TIME, value};

/// Whether this time is in the content of a `Validity`.
pub(super) fn judge(validity: &[u8], now: UnixTime) -> Result<(), CertificateError> {
    let (begin, rest) = time(validity).ok_or(CertificateError::BadEncoding)?;
    let (end, _) = time(rest).ok_or(CertificateError::BadEncoding)?;
    if now < begin {
        return Err(CertificateError::NotValidYet);
    }
    if now > end {
        return Err(CertificateError::Expired);
    }
    Ok(())
}

/// A time, and what follows it. What was before 1970 counts as then.
fn time(bytes: &[u8]) -> Option<(UnixTime, &[u8])> {
    let (year, text, rest) = if let Some((text, rest)) = value(bytes, UTC_TIME) {
        let (year, text) = number(text, 2)?;
        // Two digits are of 1950 to 2049 (RFC 5280, 4.1.2.5.1).
        (if year < 50 { 2000 + year } else { 1900 + year }, text, rest)
    } else {
        let (text, rest) = value(bytes, GENERALIZED_TIME)?;
        let (year, text) = number(text, 4)?;
        (year, text, rest)
    };
    let (month, text) = number(text, 2)?;
    let (day, text) = number(text, 2)?;
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text, 2)?;
    let (second, text) = number(text, 2)?;
    if text != b"Z" || !(1..=12).contains(&month) {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some((UnixTime::since_unix_epoch(Duration::from_secs(seconds.try_into().unwrap_or(0))), rest))
}

/// A number of so many digits, and what follows it.
fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(digits)?;
    digits
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| (digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')), rest))
}

/// Days from the first of January 1970 to a day. Years are counted from March on, so that a leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_month = (month * 153 + 2) / 5;
    year * 365 + year / 4 - year / 100 + year / 400 + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(tag: u8, text: &str) -> Option<u64> {
        let mut bytes = vec![tag, u8::try_from(text.len()).unwrap()];
        bytes.extend(text.bytes());
        time(&bytes).map(|(time, _)| time.as_secs())
    }

    #[test]
    fn times_are_seconds_since_1970() {
        assert_eq!(seconds(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(seconds(UTC_TIME, "500101000000Z"), Some(0));
        assert_eq!(seconds(UTC_TIME, "000229235959Z"), Some(951_868_799));
        assert_eq!(seconds(UTC_TIME, "261125220000Z"), Some(1_795_644_000));
        assert_eq!(seconds(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(seconds(GENERALIZED_TIME, "21000301000000Z"), Some(4_107_542_400));
        for wrong in ["", "7001010000Z", "70010100000Z", "700101000000", "701301000000Z", "70 101000000Z"] {
            assert_eq!(seconds(UTC_TIME, wrong), None, "{wrong}");
        }
    }
}
