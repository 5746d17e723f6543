//! A point in time with its time zone, and the letters of `strftime` in the C locale.

use core::fmt;

use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// When something happened, on the local clock.
#[derive(Clone, PartialEq, Eq)]
pub struct Moment(Zoned);

impl Moment {
    /// The present, in the system's time zone, or in UTC if that is unknown. The only thing here that reads a clock.
    pub fn now() -> Self {
        Self(Timestamp::now().to_zoned(TimeZone::try_system().unwrap_or(TimeZone::UTC)))
    }

    /// The moment so long after the start of 1970, on a clock that is so many seconds ahead of UTC.
    ///
    /// `None` beyond the years -9999 to 9999, 999,999,999 nanoseconds or a day ahead.
    pub fn new(unix_seconds: i64, nanoseconds: u32, seconds_ahead: i32) -> Option<Self> {
        let nanoseconds = i32::try_from(nanoseconds).ok()?;
        let timestamp = Timestamp::new(unix_seconds, nanoseconds).ok()?;
        let offset = Offset::from_seconds(seconds_ahead).ok()?;
        Some(Self(timestamp.to_zoned(TimeZone::fixed(offset))))
    }

    /// ISO 8601 to the second, as `2026-01-02T03:04:05+0100`.
    pub(super) fn iso(&self) -> String {
        self.strftime("%Y-%m-%dT%H:%M:%S%z")
    }

    /// ISO 8601 to the microsecond.
    pub(super) fn iso_micros(&self) -> String {
        let micros = self.0.subsec_nanosecond() / 1_000;
        format!("{}.{micros:06}{}", self.strftime("%Y-%m-%dT%H:%M:%S"), self.strftime("%z"))
    }

    /// Seconds and nanoseconds since the start of 1970.
    pub(super) fn unix(&self) -> String {
        format!("{}.{:09}", self.0.timestamp().as_second(), self.0.subsec_nanosecond())
    }

    /// What `@` and a letter print. A letter that means nothing prints itself after a percent sign, as in C.
    pub(super) fn write(&self, letter: u8, out: &mut Vec<u8>) {
        let text = match letter {
            b'N' => format!("{:09}", self.0.subsec_nanosecond()),
            b'c' => self.strftime("%a %b %e %H:%M:%S %Y"),
            b'D' | b'x' => self.strftime("%m/%d/%y"),
            b'F' => self.strftime("%Y-%m-%d"),
            b'X' | b'T' => self.strftime("%H:%M:%S"),
            b'r' => self.strftime("%I:%M:%S %p"),
            b'R' => self.strftime("%H:%M"),
            b'n' => "\n".to_owned(),
            b't' => "\t".to_owned(),
            b'%' => "%".to_owned(),
            letter if b"aAbBCdegGhHIjklmMpPsSuUVwWyYzZ".contains(&letter) => {
                self.strftime(&format!("%{}", char::from(letter)))
            }
            _ => {
                out.extend_from_slice(&[b'%', letter]);
                return;
            }
        };
        out.extend_from_slice(text.as_bytes());
    }

    fn strftime(&self, format: &str) -> String {
        strtime::format(format, &self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_strftime() {
        let moment = Moment::new(1_767_319_445, 7, 3_600).unwrap();
        for (letter, text) in [
            ('a', "Fri"),
            ('A', "Friday"),
            ('b', "Jan"),
            ('c', "Fri Jan  2 03:04:05 2026"),
            ('C', "20"),
            ('D', "01/02/26"),
            ('e', " 2"),
            ('F', "2026-01-02"),
            ('G', "2026"),
            ('I', "03"),
            ('j', "002"),
            ('k', " 3"),
            ('N', "000000007"),
            ('p', "AM"),
            ('r', "03:04:05 AM"),
            ('s', "1767319445"),
            ('T', "03:04:05"),
            ('u', "5"),
            ('V', "01"),
            ('z', "+0100"),
            ('Q', "%Q"),
        ] {
            let mut out = Vec::new();
            moment.write(u8::try_from(letter).unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text, "@{letter}");
        }
        assert_eq!(moment.iso_micros(), "2026-01-02T03:04:05.000000+0100");
        assert_eq!(moment.unix(), "1767319445.000000007");
    }
}
