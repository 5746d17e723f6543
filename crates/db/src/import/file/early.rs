//! Chunks of the formats 2 to 4, of Mosquitto 1.0 to 1.5: without MQTT 5.
//!
//! Format 3 tells since when a client is away, and format 4 the user name and the listener of a publisher.

use super::cursor::Cursor;
use super::{ID_BYTES, Kind, Trouble};
use crate::import::found::{Found, RawClient, RawDelivery, RawMessage, RawSubscription};
use crate::import::problem::SourceProblem;

/// Reads what is behind the header of a chunk.
pub(super) fn chunk(
    cursor: &mut Cursor<'_>,
    (kind, length): (Kind, usize),
    format: u32,
    found: &mut Found,
) -> Result<(), Trouble> {
    let taken = match kind {
        Kind::Configuration => return configuration(cursor).map_err(Trouble::Shape),
        Kind::Message => found.message(&message(cursor, format).map_err(Trouble::Shape)?),
        Kind::Delivery => found.delivery(&delivery(cursor).map_err(Trouble::Shape)?),
        Kind::Retained => {
            found.retained(cursor.id().map_err(Trouble::Shape)?);
            Ok(())
        }
        Kind::Subscription => found.subscription(&subscription(cursor).map_err(Trouble::Shape)?),
        Kind::Client => found.client(&client(cursor, length).map_err(Trouble::Shape)?),
    };
    taken.map_err(Trouble::Content)
}

fn configuration(cursor: &mut Cursor<'_>) -> Result<(), SourceProblem> {
    let _was_shut_down = cursor.u8()?;
    match cursor.u8()? {
        ID_BYTES => cursor.id().map(|_last| ()),
        other => Err(SourceProblem::IdBytes(other)),
    }
}

fn message<'a>(cursor: &mut Cursor<'a>, format: u32) -> Result<RawMessage<'a>, SourceProblem> {
    let (id, publisher) = (cursor.id()?, cursor.field()?);
    if format == 4 {
        let (_user_name, _port) = (cursor.field()?, cursor.u16()?);
    }
    let (_packet_id, _unused) = (cursor.u16()?, cursor.u16()?);
    let (topic, qos, retain) = (cursor.field()?, cursor.u8()?.into(), cursor.u8()? != 0);
    let length = cursor.length()?;
    let payload = cursor.take(length)?;
    Ok(RawMessage { id, topic, properties: &[], payload, qos, retain, publisher, expires_at: 0 })
}

fn delivery<'a>(cursor: &mut Cursor<'a>) -> Result<RawDelivery<'a>, SourceProblem> {
    Ok(RawDelivery {
        client_identifier: cursor.field()?,
        message: cursor.id()?,
        packet_id: cursor.u16()?,
        qos: cursor.u8()?.into(),
        retain: cursor.u8()? != 0,
        direction: cursor.u8()?.into(),
        state: cursor.u8()?.into(),
        dup: cursor.u8()? != 0,
        identifier: 0,
    })
}

fn subscription<'a>(cursor: &mut Cursor<'a>) -> Result<RawSubscription<'a>, SourceProblem> {
    let (client_identifier, filter) = (cursor.field()?, cursor.field()?);
    Ok(RawSubscription { client_identifier, filter, qos: cursor.u8()?.into(), options: 0, identifier: 0 })
}

/// Behind the Packet Identifier stands when the client left: nothing in format 2, and then as many bytes as a time had.
fn client<'a>(cursor: &mut Cursor<'a>, length: usize) -> Result<RawClient<'a>, SourceProblem> {
    let start = cursor.at();
    let (client_identifier, _last_packet_id) = (cursor.field()?, cursor.u16()?);
    cursor.rest(start, length)?;
    // Before MQTT 5, a Session that was kept was kept for ever.
    Ok(RawClient { client_identifier, user_name: None, expiry_interval: u32::MAX, ends_at: 0 })
}
