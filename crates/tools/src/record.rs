//! A file format for messages that were seen, so that they can be looked at, kept and sent again.
//!
//! A record is text in UTF-8, a line for each message, and each line is one JSON object:
//!
//! ```text
//! {"martlet-record":1}
//! {"time_us":0,"topic":"a/b","qos":0,"retain":false,"payload":"21.5"}
//! {"time_us":1500,"topic":"c","qos":1,"retain":true,"payload_base64":"/wA=","properties":[{"content-type":"x/y"}]}
//! ```
//!
//! * The first line says the version of the format, which is 1.
//! * `time_us`: microseconds since the record began. Lines need not be in this order.
//! * `topic`: the Topic Name. `qos`: 0 to 2. `retain`: the flag. Both may be missing, and are then 0 and false.
//! * `payload` if it is UTF-8, else `payload_base64` with padding. Without either the payload is empty.
//! * `properties`: an array, since order and repetition matter. Each is an object of one member: the property's name,
//!   and a number, a text, base64 for bytes, or an array of two texts for a user property. Missing if there is none.
//!
//! Readers pass over members that they do not know, and over lines that are empty or begin with `#`. So files can be
//! joined by hand if their first lines are kept apart or left out after the first.

use core::fmt;
use std::io::{self, BufRead, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::{self, Json, Layout};
use crate::property::{Kind, Property, PropertyId, Value};

/// The version of the format.
const VERSION: u32 = 1;
const VERSION_MEMBER: &str = "martlet-record";
/// The longest line that is read, in bytes: room for the longest payload in base64.
const LINE_BYTES_MAX: u64 = 1 << 29;
/// The largest time: 2^53 microseconds, which is 285 years and the last number that JSON readers have exactly.
const TIME_MICROS_MAX: u64 = 1 << 53;

/// A message in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedMessage {
    /// Microseconds since the record began, up to 2^53.
    pub time_micros: u64,
    /// The Topic Name.
    pub topic: String,
    /// 0 to 2.
    pub qos: u8,
    /// The retain flag.
    pub retain: bool,
    /// The payload.
    pub payload: Vec<u8>,
    /// The properties of MQTT 5, in order.
    pub properties: Vec<Property>,
}

/// Writes a record.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

/// Reads a record, message by message.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    line: u64,
    version_seen: bool,
    ended: bool,
}

/// A line is not as it should be. Reading goes on after it, except after [`RecordErrorKind::Io`] and
/// [`RecordErrorKind::Version`], which end it.
#[derive(Debug)]
pub struct RecordError {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong.
    pub kind: RecordErrorKind,
}

/// What is wrong with a line.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordErrorKind {
    /// The first line does not say version 1.
    Version,
    /// It is no JSON object.
    NotJson,
    /// It is beyond 512 MiB.
    TooLong,
    /// This member is missing or has no fitting value.
    Member(&'static str),
    /// The input failed.
    Io(io::Error),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.kind {
            RecordErrorKind::Version => f.write_str("the record has another version or none"),
            RecordErrorKind::NotJson => f.write_str("no JSON object"),
            RecordErrorKind::TooLong => f.write_str("too long"),
            RecordErrorKind::Member(name) => write!(f, "\"{name}\" is missing or wrong"),
            RecordErrorKind::Io(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RecordError {}

impl<W: Write> Writer<W> {
    /// Begins a record.
    ///
    /// # Errors
    /// What writing the first line met.
    pub fn new(mut out: W) -> io::Result<Self> {
        write_line(&mut out, &Json::object([(VERSION_MEMBER, Json::from(VERSION))]))?;
        Ok(Self { out })
    }

    /// Adds a message.
    ///
    /// # Errors
    /// What writing the line met.
    pub fn write(&mut self, message: &RecordedMessage) -> io::Result<()> {
        write_line(&mut self.out, &to_json(message))
    }

    /// Writes out what waits in buffers.
    ///
    /// # Errors
    /// What that met.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Gives back what is written to, without flushing it.
    pub fn into_inner(self) -> W {
        self.out
    }
}

fn write_line(out: &mut impl Write, value: &Json) -> io::Result<()> {
    let mut line = value.to_bytes(Layout::Compact);
    line.push(b'\n');
    out.write_all(&line)
}

#[expect(clippy::cast_precision_loss, reason = "up to 2^53, which is exact")]
fn to_json(message: &RecordedMessage) -> Json {
    let mut members = vec![
        ("time_us", Json::Number(message.time_micros.min(TIME_MICROS_MAX) as f64)),
        ("topic", Json::from(message.topic.as_str())),
        ("qos", Json::from(u32::from(message.qos))),
        ("retain", Json::Bool(message.retain)),
        match core::str::from_utf8(&message.payload) {
            Ok(text) => ("payload", Json::from(text)),
            Err(_) => ("payload_base64", Json::from(STANDARD.encode(&message.payload).as_str())),
        },
    ];
    if !message.properties.is_empty() {
        members.push(("properties", Json::Array(message.properties.iter().map(property_to_json).collect())));
    }
    Json::object(members)
}

fn property_to_json(property: &Property) -> Json {
    let value = match &property.value {
        Value::Number(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Binary(bytes) => Json::from(STANDARD.encode(bytes).as_str()),
        Value::Pair(name, value) => Json::Array(vec![Json::from(name.as_str()), Json::from(value.as_str())]),
    };
    Json::object([(property.id.name(), value)])
}

impl<R: BufRead> Reader<R> {
    /// A reader at the start of a record.
    pub fn new(input: R) -> Self {
        Self { input, line: 0, version_seen: false, ended: false }
    }

    /// The number of the line that was read last, from 1.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// A line with something in it; `None` at the end.
    fn object(&mut self) -> Result<Option<Json>, RecordErrorKind> {
        loop {
            let mut line = Vec::new();
            let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
            if read.map_err(RecordErrorKind::Io)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if line.len() as u64 == LINE_BYTES_MAX {
                return Err(RecordErrorKind::TooLong);
            }
            let line = line.trim_ascii();
            if !line.is_empty() && line[0] != b'#' {
                let value = json::parse(line).map_err(|_| RecordErrorKind::NotJson)?;
                return Some(value)
                    .filter(|value| matches!(value, Json::Object(_)))
                    .map_or(Err(RecordErrorKind::NotJson), |value| Ok(Some(value)));
            }
        }
    }

    fn message(&mut self) -> Result<Option<RecordedMessage>, RecordErrorKind> {
        if !self.version_seen {
            let Some(header) = self.object()? else { return Ok(None) };
            if number(header.member(VERSION_MEMBER), VERSION.into()) != Some(u64::from(VERSION)) {
                return Err(RecordErrorKind::Version);
            }
            self.version_seen = true;
        }
        let Some(object) = self.object()? else { return Ok(None) };
        from_json(&object).map(Some).map_err(RecordErrorKind::Member)
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<RecordedMessage, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let message = self.message().transpose()?;
        Some(message.map_err(|kind| {
            self.ended = matches!(kind, RecordErrorKind::Io(_) | RecordErrorKind::Version);
            RecordError { line: self.line, kind }
        }))
    }
}

fn from_json(object: &Json) -> Result<RecordedMessage, &'static str> {
    let qos = object.member("qos").map_or(Some(0), |qos| number(Some(qos), 2));
    let retain = match object.member("retain") {
        None => false,
        Some(Json::Bool(retain)) => *retain,
        Some(_) => return Err("retain"),
    };
    Ok(RecordedMessage {
        time_micros: number(object.member("time_us"), TIME_MICROS_MAX).ok_or("time_us")?,
        topic: object.member("topic").and_then(text).ok_or("topic")?,
        qos: qos.and_then(|qos| u8::try_from(qos).ok()).ok_or("qos")?,
        retain,
        payload: payload(object)?,
        properties: match object.member("properties") {
            None => Vec::new(),
            Some(Json::Array(items)) => {
                items.iter().map(property_from_json).collect::<Option<_>>().ok_or("properties")?
            }
            Some(_) => return Err("properties"),
        },
    })
}

fn payload(object: &Json) -> Result<Vec<u8>, &'static str> {
    match (object.member("payload"), object.member("payload_base64")) {
        (Some(Json::Text(bytes)), None) => Ok(bytes.clone()),
        (None, Some(Json::Text(bytes))) => STANDARD.decode(bytes).map_err(|_| "payload_base64"),
        (None, None) => Ok(Vec::new()),
        (Some(_), _) => Err("payload"),
        (None, Some(_)) => Err("payload_base64"),
    }
}

fn property_from_json(item: &Json) -> Option<Property> {
    let Json::Object(members) = item else { return None };
    let [(name, value)] = members.as_slice() else { return None };
    let id = PropertyId::named(core::str::from_utf8(name).ok()?)?;
    let below = |max: u32| Some(Value::Number(u32::try_from(number(Some(value), max.into())?).ok()?));
    let value = match (id.kind(), value) {
        (Kind::Byte, _) => below(u8::MAX.into())?,
        (Kind::TwoBytes, _) => below(u16::MAX.into())?,
        (Kind::FourBytes, _) => below(u32::MAX)?,
        (Kind::Variable, _) => below(0x0FFF_FFFF)?,
        (Kind::Text, value) => Value::Text(text(value)?),
        (Kind::Binary, Json::Text(bytes)) => Value::Binary(STANDARD.decode(bytes).ok()?),
        (Kind::Pair, Json::Array(pair)) => match pair.as_slice() {
            [name, value] => Value::Pair(text(name)?, text(value)?),
            _ => return None,
        },
        (Kind::Binary | Kind::Pair, _) => return None,
    };
    Some(Property { id, value })
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::Text(bytes) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    }
}

/// A whole number up to a bound of at most 2^53.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "checked to be whole, not negative and below the bound"
)]
fn number(value: Option<&Json>, max: u64) -> Option<u64> {
    match value {
        Some(Json::Number(number)) if number.fract() == 0.0 && (0.0..=max as f64).contains(number) => {
            Some(*number as u64)
        }
        _ => None,
    }
}
