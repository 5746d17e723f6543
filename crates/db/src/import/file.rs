//! Mosquitto's persistence file, formats 2 to 6: a header, then chunks, each with its kind and its length.
//!
//! Numbers are big-endian, but for the numbers of messages and for times, which are as the machine had them; that of this
//! machine is taken to be little-endian. The length of a chunk is not always right: up to format 4, that of a message counts
//! its publisher twice. So what is in a chunk tells where it ends, and its length is looked at only where nothing else does,
//! and after damage.

mod cursor;
mod early;
mod late;

use super::found::{Found, LeftOut};
use super::problem::{Problems, SourceError, SourcePlace, SourceProblem};
use cursor::Cursor;

/// What a file begins with.
const MAGIC: &[u8] = b"\x00\xb5\x00mosquitto db";
/// The length of the numbers of messages.
const ID_BYTES: u8 = 8;

/// A kind of chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Configuration = 1,
    Message = 2,
    Delivery = 3,
    Retained = 4,
    Subscription = 5,
    Client = 6,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Configuration,
        Self::Message,
        Self::Delivery,
        Self::Retained,
        Self::Subscription,
        Self::Client,
    ];

    fn of(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number)
    }
}

/// Why a chunk is not taken.
#[derive(Debug)]
enum Trouble {
    /// Where the chunk ends is not known.
    Shape(SourceProblem),
    /// What it says cannot be; the next one follows.
    Content(SourceProblem),
}

/// Reads all of a file, and answers its format.
pub(super) fn read(bytes: &[u8], found: &mut Found, problems: &mut Problems) -> Result<u32, SourceError> {
    let whole = |problem| SourceError { place: SourcePlace::Whole, problem };
    let mut cursor = Cursor::new(bytes);
    if cursor.take(MAGIC.len()) != Ok(MAGIC) {
        return Err(whole(SourceProblem::Unknown));
    }
    let format = cursor.u32().and_then(|_checksum| cursor.u32()).map_err(whole)?;
    if !(2..=6).contains(&format) {
        return Err(whole(SourceProblem::Format(format)));
    }
    let first = cursor.at();
    let mut context = late::Context::default();
    while !cursor.is_at_end() {
        let start = cursor.at();
        let place = SourcePlace::Offset(start as u64);
        match chunk(&mut cursor, format, &mut context, found) {
            Ok(()) => {}
            Err(Trouble::Content(problem)) => problems.meet(place, problem)?,
            Err(Trouble::Shape(problem @ SourceProblem::IdBytes(_))) if start == first => {
                return Err(SourceError { place, problem }); // a file of another kind of machine
            }
            Err(Trouble::Shape(problem)) => {
                problems.meet(place, problem)?;
                if !skip(&mut cursor, start, format) {
                    break;
                }
            }
        }
    }
    Ok(format)
}

/// Reads a chunk.
fn chunk<'a>(
    cursor: &mut Cursor<'a>,
    format: u32,
    context: &mut late::Context<'a>,
    found: &mut Found,
) -> Result<(), Trouble> {
    let (kind, length) = header(cursor, format).map_err(Trouble::Shape)?;
    match Kind::of(kind) {
        Some(kind) if format < 5 => early::chunk(cursor, (kind, length), format, found),
        Some(kind) => late::chunk(cursor, (kind, length), format, context, found),
        None => {
            cursor.take(length).map_err(Trouble::Shape)?;
            found.leave_out(LeftOut::UnknownChunks);
            Ok(())
        }
    }
}

fn header(cursor: &mut Cursor<'_>, format: u32) -> Result<(u32, usize), SourceProblem> {
    let kind = if format < 5 { cursor.u16()?.into() } else { cursor.u32()? };
    Ok((kind, cursor.length()?))
}

/// Goes behind a chunk that could not be read, as far as its length tells where that is.
fn skip(cursor: &mut Cursor<'_>, start: usize, format: u32) -> bool {
    cursor.go_to(start);
    let is_behind = header(cursor, format).and_then(|(_, length)| cursor.take(length));
    format >= 5 && is_behind.is_ok()
}
