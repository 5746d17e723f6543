//! What is wrong with what Mosquitto kept.

use core::fmt;

/// Something that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// Where.
    pub place: SourcePlace,
    /// What is wrong.
    pub problem: SourceProblem,
}

/// A place in what Mosquitto kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourcePlace {
    /// All of it.
    Whole,
    /// The chunk that begins at this byte of the file.
    Offset(u64),
    /// A row of a table.
    Row {
        /// The table.
        table: &'static str,
        /// Its number.
        row: i64,
    },
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceProblem {
    /// The file is none of Mosquitto's.
    Unknown,
    /// The file has a version that is not read.
    Format(u32),
    /// The numbers of messages have so many bytes instead of eight.
    IdBytes(u8),
    /// The file ends in the middle of something.
    Truncated,
    /// A chunk has fewer bytes than what is in it.
    ChunkLength,
    /// Text is not UTF-8, or holds what no text of MQTT may.
    Text(&'static str),
    /// There is no Client Identifier.
    NoClientIdentifier,
    /// A Topic Name is none.
    TopicName(String),
    /// A Topic Filter is none.
    TopicFilter(String),
    /// A QoS is not 0, 1 or 2.
    QoS(u64),
    /// A message is in a state that there is not.
    State(u64),
    /// A message goes neither in nor out.
    Direction(u64),
    /// Retain Handling is not 0, 1 or 2.
    RetainHandling(u64),
    /// A Subscription Identifier is larger than there are.
    SubscriptionIdentifier(u64),
    /// The properties of a message are none of a PUBLISH.
    Properties,
    /// Two messages have the same number.
    SameMessage(u64),
    /// The tables have a version that is not read.
    Schema(u32, u32),
    /// What SQLite says.
    Sqlite(String),
    /// This program was built without SQLite.
    SqliteNotBuiltIn,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            SourcePlace::Whole => {}
            SourcePlace::Offset(offset) => write!(f, "at byte {offset}: ")?,
            SourcePlace::Row { table, row } => write!(f, "row {row} of {table}: ")?,
        }
        self.problem.fmt(f)
    }
}

impl core::error::Error for SourceError {}

impl fmt::Display for SourceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => {
                f.write_str("this is neither a persistence file of Mosquitto nor its SQLite store")
            }
            Self::Format(format) => write!(f, "the format is {format}, and 2 to 6 are known"),
            Self::IdBytes(bytes) => write!(f, "numbers of messages have {bytes} bytes, and 8 are known"),
            Self::Truncated => f.write_str("the file ends too early"),
            Self::ChunkLength => f.write_str("a chunk is shorter than what is in it"),
            Self::Text(what) => write!(f, "the {what} is no text of MQTT"),
            Self::NoClientIdentifier => f.write_str("there is no Client Identifier"),
            Self::TopicName(topic) => write!(f, "{topic:?} is no Topic Name"),
            Self::TopicFilter(filter) => write!(f, "{filter:?} is no Topic Filter"),
            Self::QoS(qos) => write!(f, "there is no QoS {qos}"),
            Self::State(state) => write!(f, "there is no state {state} of a message"),
            Self::Direction(direction) => write!(f, "there is no direction {direction} of a message"),
            Self::RetainHandling(handling) => write!(f, "there is no Retain Handling {handling}"),
            Self::SubscriptionIdentifier(number) => write!(f, "there is no Subscription Identifier {number}"),
            Self::Properties => f.write_str("the properties are none of a PUBLISH"),
            Self::SameMessage(id) => write!(f, "there is more than one message with the number {id}"),
            Self::Schema(major, minor) => {
                write!(f, "the schema of the tables is {major}.{minor}, and 1.0 and 1.1 are known")
            }
            Self::Sqlite(message) => write!(f, "SQLite says: {message}"),
            Self::SqliteNotBuiltIn => f.write_str(
                "this is an SQLite store, and this program was built without SQLite. Build it with \
                 `cargo build --release -p martlet --features import-sqlite`",
            ),
        }
    }
}

/// How many problems are told one by one.
const LISTED_MAX: usize = 1_000;

/// The problems that were met.
#[derive(Debug)]
pub(super) struct Problems {
    keep_going: bool,
    listed: Vec<SourceError>,
    count: u64,
}

impl Problems {
    pub(super) const fn new(keep_going: bool) -> Self {
        Self { keep_going, listed: Vec::new(), count: 0 }
    }

    /// Takes note of a problem.
    ///
    /// # Errors
    /// The problem itself, if nobody asked to go on in spite of it.
    pub(super) fn meet(&mut self, place: SourcePlace, problem: SourceProblem) -> Result<(), SourceError> {
        let error = SourceError { place, problem };
        if !self.keep_going {
            return Err(error);
        }
        self.count += 1;
        if self.listed.len() < LISTED_MAX {
            self.listed.push(error);
        }
        Ok(())
    }

    /// The first problems, and how many there are.
    pub(super) fn into_list(self) -> (Vec<SourceError>, u64) {
        (self.listed, self.count)
    }
}
