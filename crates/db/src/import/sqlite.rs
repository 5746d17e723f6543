//! The database of Mosquitto's plugin `persist_sqlite`, schemas 1.0 and 1.1.
//!
//! Some columns of text are declared so that SQLite keeps what looks like a number as a number. It is read as Mosquitto
//! reads it, by a conversion to text: `7` where the topic was `007`.

mod properties;

use core::fmt::Write as _;
use std::fs;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use super::found::{Found, RawClient, RawDelivery, RawMessage, RawSubscription, RawWill};
use super::problem::{Problems, SourceError, SourcePlace, SourceProblem};

/// Reads the rows of all tables, and answers the version of the schema.
pub(super) fn read(
    file: &Path,
    found: &mut Found,
    problems: &mut Problems,
) -> Result<(u32, u32), SourceError> {
    let database = open(file).map_err(|error| of_sqlite(&error))?;
    let schema = schema(&database)?;
    let mut reader = Reader { database: &database, problems };
    reader.table("base_msgs", MESSAGES, |row| message(row, found))?;
    reader.table("clients", CLIENTS, |row| client(row, found))?;
    reader.table("subscriptions", SUBSCRIPTIONS, |row| subscription(row, found))?;
    reader.table("client_msgs", DELIVERIES, |row| delivery(row, found))?;
    reader.table("retains", RETAINED, |row| {
        found.retained(row.id(1)?);
        Ok(())
    })?;
    if schema >= (1, 1) {
        reader.table("wills", WILLS, |row| will(row, found))?;
    }
    Ok(schema)
}

/// Opens the database for reading. Where no crash has left something in its write-ahead log, no file is made beside it, so that
/// it may be in a folder that cannot be written to.
fn open(file: &Path) -> rusqlite::Result<Connection> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    if fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        return Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
    }
    let mut uri = String::from("file:");
    for byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte));
            }
            other => _ = write!(uri, "%{other:02X}"),
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

const MESSAGES: &str = "SELECT rowid, store_id, expiry_time, CAST(topic AS TEXT), payload, \
                        CAST(source_id AS TEXT), qos, retain, properties FROM base_msgs ORDER BY rowid";
const CLIENTS: &str = "SELECT rowid, client_id, username, session_expiry_time, session_expiry_interval \
                       FROM clients ORDER BY rowid";
const SUBSCRIPTIONS: &str = "SELECT rowid, client_id, topic, subscription_options, subscription_identifier \
                             FROM subscriptions ORDER BY rowid";
const DELIVERIES: &str = "SELECT rowid, client_id, store_id, dup, direction, mid, qos, retain, state, \
                          subscription_identifier FROM client_msgs ORDER BY rowid";
const RETAINED: &str = "SELECT rowid, store_id FROM retains ORDER BY rowid";
const WILLS: &str = "SELECT wills.rowid, wills.client_id, CAST(wills.topic AS TEXT), wills.payload, wills.qos, \
                     wills.retain, wills.properties, clients.will_delay_interval \
                     FROM wills LEFT JOIN clients USING (client_id) ORDER BY wills.rowid";

fn of_sqlite(error: &rusqlite::Error) -> SourceError {
    SourceError { place: SourcePlace::Whole, problem: SourceProblem::Sqlite(error.to_string()) }
}

fn schema(database: &Connection) -> Result<(u32, u32), SourceError> {
    let query = "SELECT major, minor FROM version_info WHERE component = 'database_schema'";
    let schema = database
        .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(|error| of_sqlite(&error))?;
    match schema {
        (1, 0 | 1) => Ok(schema),
        (major, minor) => {
            let problem = SourceProblem::Schema(major, minor);
            Err(SourceError { place: SourcePlace::Whole, problem })
        }
    }
}

struct Reader<'a> {
    database: &'a Connection,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    /// Reads the rows of a query whose first column is their number. Damage within the table ends it.
    fn table(
        &mut self,
        table: &'static str,
        query: &str,
        mut take: impl FnMut(&Columns<'_>) -> Result<(), SourceProblem>,
    ) -> Result<(), SourceError> {
        let mut last = 0;
        let mut read = |problems: &mut Problems, last: &mut i64| {
            let mut statement = self.database.prepare(query)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                *last = row.get(0)?;
                if let Err(problem) = take(&Columns(row))
                    && let Err(error) = problems.meet(SourcePlace::Row { table, row: *last }, problem)
                {
                    return Ok(Err(error));
                }
            }
            Ok::<_, rusqlite::Error>(Ok(()))
        };
        match read(self.problems, &mut last) {
            Ok(outcome) => outcome,
            Err(error) => {
                let place = SourcePlace::Row { table, row: last };
                self.problems.meet(place, SourceProblem::Sqlite(error.to_string()))
            }
        }
    }
}

/// The columns of a row, as SQLite converts them.
struct Columns<'a>(&'a Row<'a>);

impl Columns<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, SourceProblem> {
        self.0.get_ref(column).map_err(|error| SourceProblem::Sqlite(error.to_string()))
    }

    fn integer(&self, column: usize) -> Result<i64, SourceProblem> {
        Ok(match self.value(column)? {
            ValueRef::Integer(number) => number,
            ValueRef::Null => 0,
            other => {
                let type_name = other.data_type();
                return Err(SourceProblem::Sqlite(format!("column {column} is {type_name}, not a number")));
            }
        })
    }

    /// The number of a message: the bits count, whatever the sign.
    fn id(&self, column: usize) -> Result<u64, SourceProblem> {
        self.integer(column).map(i64::cast_unsigned)
    }

    /// A number that is not negative in a sound database. A negative one is too large for whatever it is.
    fn number(&self, column: usize) -> Result<u64, SourceProblem> {
        self.integer(column).map(|number| u64::try_from(number).unwrap_or(u64::MAX))
    }

    /// A number of four bytes, which the plugin writes with a sign.
    fn seconds(&self, column: usize) -> Result<u32, SourceProblem> {
        let number = self.integer(column)?;
        let number =
            u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned));
        number.ok_or_else(|| SourceProblem::Sqlite(format!("column {column} has more than 32 bits")))
    }

    /// Text, or a payload.
    fn bytes(&self, column: usize) -> Result<&[u8], SourceProblem> {
        match self.value(column)? {
            ValueRef::Null => Ok(&[]),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes),
            other => {
                let type_name = other.data_type();
                Err(SourceProblem::Sqlite(format!("column {column} is {type_name}, not text")))
            }
        }
    }

    fn is_null(&self, column: usize) -> Result<bool, SourceProblem> {
        Ok(self.value(column)? == ValueRef::Null)
    }
}

fn message(row: &Columns<'_>, found: &mut Found) -> Result<(), SourceProblem> {
    let properties = properties::read(row.bytes(8)?)?;
    found.message(&RawMessage {
        id: row.id(1)?,
        expires_at: row.integer(2)?,
        topic: row.bytes(3)?,
        payload: row.bytes(4)?,
        publisher: row.bytes(5)?,
        qos: row.number(6)?,
        retain: row.integer(7)? != 0,
        properties: &properties.section,
    })
}

fn client(row: &Columns<'_>, found: &mut Found) -> Result<(), SourceProblem> {
    found.client(&RawClient {
        client_identifier: row.bytes(1)?,
        user_name: if row.is_null(2)? { None } else { Some(row.bytes(2)?) },
        ends_at: row.integer(3)?,
        expiry_interval: row.seconds(4)?,
    })
}

fn subscription(row: &Columns<'_>, found: &mut Found) -> Result<(), SourceProblem> {
    let options = row.number(3)?;
    found.subscription(&RawSubscription {
        client_identifier: row.bytes(1)?,
        filter: row.bytes(2)?,
        qos: options & 3,
        options,
        identifier: row.number(4)?,
    })
}

fn delivery(row: &Columns<'_>, found: &mut Found) -> Result<(), SourceProblem> {
    found.delivery(&RawDelivery {
        client_identifier: row.bytes(1)?,
        message: row.id(2)?,
        dup: row.integer(3)? != 0,
        direction: row.number(4)?,
        packet_id: u16::try_from(row.integer(5)?).unwrap_or(0),
        qos: row.number(6)?,
        retain: row.integer(7)? != 0,
        state: row.number(8)?,
        identifier: row.number(9)?,
    })
}

fn will(row: &Columns<'_>, found: &mut Found) -> Result<(), SourceProblem> {
    let properties = properties::read(row.bytes(6)?)?;
    let message = RawMessage {
        id: 0,
        expires_at: 0,
        publisher: row.bytes(1)?,
        topic: row.bytes(2)?,
        payload: row.bytes(3)?,
        qos: row.number(4)?,
        retain: row.integer(5)? != 0,
        properties: &properties.section,
    };
    found.will(&RawWill { message, expiry_interval: properties.expiry_interval, delay: row.seconds(7)? })
}
