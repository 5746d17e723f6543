//! What is logged, and where to.

use core::ops::BitOr;
use std::path::PathBuf;

/// What is logged, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// `log_dest`; standard error unless it is set.
    pub destinations: Option<Destinations>,
    /// `log_type`; [`LogTypes::default`] unless it is set.
    pub types: Option<LogTypes>,
    /// `log_format`; it depends on how the program is called unless it is set.
    pub format: Option<LogFormat>,
    /// `log_timestamp`
    pub timestamp: bool,
    /// `log_timestamp_format`, in the letters of `strftime`; the format has its own unless it is set.
    pub timestamp_format: Option<String>,
    /// `log_facility`: a number from 0 to 7 for `local0` to `local7`; `daemon` unless it is set.
    pub facility: Option<u8>,
    /// `connection_messages`: whether clients that come and go are logged.
    pub connection_messages: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            destinations: None,
            types: None,
            format: None,
            timestamp: true,
            timestamp_format: None,
            facility: None,
            connection_messages: true,
        }
    }
}

/// Where the log goes to: any number of places, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a place of its own")]
pub struct Destinations {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
    /// The system's log.
    pub syslog: bool,
    /// Topics below `$SYS/broker/log`.
    pub topic: bool,
    /// The Diagnostic Log and Trace of cars.
    pub dlt: bool,
    /// A file.
    pub file: Option<PathBuf>,
}

impl Destinations {
    /// Standard error alone.
    pub fn stderr() -> Self {
        Self { stderr: true, ..Self::default() }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `TIME LEVEL MESSAGE NAME=VALUE ...`
    Text,
    /// One JSON object on each line.
    Json,
    /// `TIME: MESSAGE`, in the words of Mosquitto.
    Mosquitto,
}

/// A kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogType {
    /// Something was to be done, and was not.
    Error,
    /// Something is not as it should be.
    Warning,
    /// Someone comes or goes.
    Notice,
    /// What the broker does.
    Information,
    /// What happens inside.
    Debug,
    /// A client subscribes.
    Subscribe,
    /// A client unsubscribes.
    Unsubscribe,
    /// What the library for WebSocket says; there is none.
    WebSockets,
    /// Every read and write.
    Internal,
}

/// Some kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTypes(u16);

impl LogTypes {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(u16::MAX);

    /// All but every read and write.
    pub const fn verbose() -> Self {
        Self(Self::ALL.0 & !Self::of(LogType::Internal).0)
    }

    /// One kind.
    pub const fn of(kind: LogType) -> Self {
        Self(1 << kind as u8)
    }

    /// As a number.
    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    /// From what [`LogTypes::bits`] gave.
    pub(crate) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Whether a kind is among them.
    pub const fn has(self, kind: LogType) -> bool {
        self.0 & Self::of(kind).0 != 0
    }
}

impl Default for LogTypes {
    fn default() -> Self {
        Self::of(LogType::Error)
            | Self::of(LogType::Warning)
            | Self::of(LogType::Notice)
            | Self::of(LogType::Information)
    }
}

impl BitOr for LogTypes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
