//! How received messages are printed: `-F`, `-v`, `-N`, `--pretty`, `-w`.
//!
//! A format is checked and taken apart once, when the arguments are read. Printing turns a message into bytes and
//! touches neither clock nor terminal.

use core::fmt;

use crate::property::Property;

mod field;
mod message_json;
mod parse;
mod printer;
mod time;

pub use printer::Printer;
pub use time::Moment;

/// A message as it came from the broker.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The Topic Name.
    pub topic: &'a str,
    /// The payload.
    pub payload: &'a [u8],
    /// 0 to 2.
    pub qos: u8,
    /// The retain flag.
    pub retain: bool,
    /// The Packet Identifier; 0 if the QoS is 0.
    pub packet_id: u16,
    /// The properties of MQTT 5, in the order of the packet.
    pub properties: &'a [Property],
    /// When it arrived.
    pub time: &'a Moment,
}

/// A format of `-F`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    pieces: Vec<Piece>,
}

/// What is wrong with a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// It ends within a `%` or after an `@`.
    IncompleteSpecifier,
    /// It ends after a backslash.
    IncompleteEscape,
    /// No such `%`.
    InvalidSpecifier(char),
    /// No such escape.
    InvalidEscape(char),
}

/// What a message could not be printed as. The rest of it is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// `%J`, but the payload is no JSON.
    NotJson {
        /// The message's topic.
        topic: String,
    },
    /// `%f`, but the payload is not four bytes long.
    NotFloat,
    /// `%d`, but the payload is not eight bytes long.
    NotDouble,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// These bytes.
    Literal(Vec<u8>),
    /// `%`
    Field(Field),
    /// `@` and a letter of `strftime`.
    Time(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    code: Code,
    /// The least width, in bytes.
    width: usize,
    precision: Option<usize>,
    left: bool,
    zeros: bool,
    /// What stands between groups of hexadecimal digits.
    separator: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    TopicAlias,
    ContentType,
    CorrelationData,
    Double,
    MessageExpiry,
    PayloadFormat,
    Float,
    IsoTime,
    Json { embed: bool },
    Length,
    PacketId,
    UserProperties,
    Payload,
    Qos,
    ResponseTopic,
    Retain,
    SubscriptionId,
    Topic,
    UnixTime,
    Hex { upper: bool },
}

impl Format {
    /// Takes a format apart.
    ///
    /// # Errors
    /// Every variant of [`FormatError`], for the first mistake.
    pub fn parse(text: &[u8]) -> Result<Self, FormatError> {
        parse::pieces(text).map(|pieces| Self { pieces })
    }

    /// Appends the message in this format, without a newline.
    pub fn write(&self, message: &Message<'_>, pretty: bool, out: &mut Vec<u8>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(bytes) => out.extend_from_slice(bytes),
                Piece::Time(letter) => message.time.write(*letter, out),
                Piece::Field(field) => warnings.extend(field.write(message, pretty, out).err()),
            }
        }
        warnings
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IncompleteSpecifier => f.write_str("Error: Incomplete format specifier."),
            Self::IncompleteEscape => f.write_str("Error: Incomplete escape specifier."),
            Self::InvalidSpecifier(code) => write!(f, "Error: Invalid format specifier '{code}'."),
            Self::InvalidEscape(code) => write!(f, "Error: Invalid escape specifier '{code}'."),
        }
    }
}

impl core::error::Error for FormatError {}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { topic } => {
                write!(f, "Error: Message payload is not valid JSON on topic {topic}.")
            }
            Self::NotFloat => f.write_str("requested float printing, but non-float data received"),
            Self::NotDouble => f.write_str("requested double printing, but non-double data received"),
        }
    }
}
