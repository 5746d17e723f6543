//! Chunks of the formats 5 and 6, of Mosquitto 1.6 and later: with MQTT 5. A chunk begins with fields of fixed length; format 6
//! adds the user name and the listener of a client.

use martlet_wire::{PacketType, Properties, PropertyOwner};

use super::cursor::Cursor;
use super::{ID_BYTES, Kind, Trouble};
use crate::import::found::{Found, RawClient, RawDelivery, RawMessage, RawSubscription};
use crate::import::problem::SourceProblem;

/// Bytes that fill up the fixed fields of the configuration.
const CONFIGURATION_FILL: usize = 6;
/// Bytes that fill up the fixed fields of a client in format 6.
const CLIENT_FILL: usize = 4;
/// Bytes that fill up the fixed fields of a subscription.
const SUBSCRIPTION_FILL: usize = 2;

/// What chunks say of those behind them.
#[derive(Debug, Default)]
pub(super) struct Context<'a> {
    /// The user name of the last client, as it stands in the file.
    user_name: &'a [u8],
}

/// Reads what is behind the header of a chunk.
pub(super) fn chunk<'a>(
    cursor: &mut Cursor<'a>,
    (kind, length): (Kind, usize),
    format: u32,
    context: &mut Context<'a>,
    found: &mut Found,
) -> Result<(), Trouble> {
    let taken = match kind {
        Kind::Configuration => return configuration(cursor).map_err(Trouble::Shape),
        Kind::Message => {
            let (mut raw, properties) = message(cursor, length).map_err(Trouble::Shape)?;
            section(properties).and_then(|properties| {
                raw.properties = properties;
                found.message(&raw)
            })
        }
        Kind::Delivery => {
            let (mut raw, properties) = delivery(cursor, length).map_err(Trouble::Shape)?;
            subscription_identifier(properties).and_then(|identifier| {
                raw.identifier = identifier;
                found.delivery(&raw)
            })
        }
        Kind::Retained => {
            found.retained(cursor.id().map_err(Trouble::Shape)?);
            Ok(())
        }
        Kind::Subscription => found.subscription(&subscription(cursor).map_err(Trouble::Shape)?),
        Kind::Client => found.client(&client(cursor, format, context).map_err(Trouble::Shape)?),
    };
    taken.map_err(Trouble::Content)
}

fn configuration(cursor: &mut Cursor<'_>) -> Result<(), SourceProblem> {
    let (_last, _was_shut_down, bytes) = (cursor.id()?, cursor.u8()?, cursor.u8()?);
    cursor.take(CONFIGURATION_FILL)?;
    if bytes == ID_BYTES { Ok(()) } else { Err(SourceProblem::IdBytes(bytes)) }
}

/// A message without its properties, and these behind their length.
fn message<'a>(cursor: &mut Cursor<'a>, length: usize) -> Result<(RawMessage<'a>, &'a [u8]), SourceProblem> {
    let start = cursor.at();
    let (id, expires_at, payload) = (cursor.id()?, cursor.time()?, cursor.length()?);
    let (_packet_id, publisher, user_name) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    let (topic, _port, qos, retain) = (cursor.u16()?, cursor.u16()?, cursor.u8()?.into(), cursor.u8()? != 0);
    let publisher = cursor.take(publisher.into())?;
    cursor.take(user_name.into())?;
    let (topic, payload) = (cursor.take(topic.into())?, cursor.take(payload)?);
    let raw = RawMessage { id, topic, properties: &[], payload, qos, retain, publisher, expires_at };
    Ok((raw, cursor.rest(start, length)?))
}

/// A message of a client without its Subscription Identifier, and the properties that may have it, behind their length.
fn delivery<'a>(
    cursor: &mut Cursor<'a>,
    length: usize,
) -> Result<(RawDelivery<'a>, &'a [u8]), SourceProblem> {
    let start = cursor.at();
    let (message, packet_id, client) = (cursor.id()?, cursor.u16()?, cursor.u16()?);
    let (qos, state) = (cursor.u8()?.into(), cursor.u8()?.into());
    let (flags, direction) = (cursor.u8()?, cursor.u8()?.into());
    let raw = RawDelivery {
        client_identifier: cursor.take(client.into())?,
        message,
        packet_id,
        qos,
        retain: flags & 0xf0 != 0,
        dup: flags & 0x0f != 0,
        direction,
        state,
        identifier: 0,
    };
    Ok((raw, cursor.rest(start, length)?))
}

/// What stands behind the Property Length. No bytes at all are no properties.
fn section(bytes: &[u8]) -> Result<&[u8], SourceProblem> {
    let mut length = 0_usize;
    for (place, byte) in bytes.iter().enumerate().take(4) {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let section = &bytes[place + 1..];
            return if section.len() == length { Ok(section) } else { Err(SourceProblem::Properties) };
        }
    }
    if bytes.is_empty() { Ok(bytes) } else { Err(SourceProblem::Properties) }
}

/// The Subscription Identifier in the properties of a delivery, which have nothing else; 0 if there is none.
fn subscription_identifier(bytes: &[u8]) -> Result<u64, SourceProblem> {
    let owner = PropertyOwner::Packet(PacketType::Publish);
    let properties = Properties::from_section(owner, section(bytes)?);
    let properties = properties.map_err(|_| SourceProblem::Properties)?;
    Ok(properties.subscription_identifiers().last().map_or(0, |identifier| identifier.get().into()))
}

fn subscription<'a>(cursor: &mut Cursor<'a>) -> Result<RawSubscription<'a>, SourceProblem> {
    let (identifier, client, filter) = (cursor.u32()?.into(), cursor.u16()?, cursor.u16()?);
    let (qos, options) = (cursor.u8()?.into(), cursor.u8()?.into());
    cursor.take(SUBSCRIPTION_FILL)?;
    let (client_identifier, filter) = (cursor.take(client.into())?, cursor.take(filter.into())?);
    Ok(RawSubscription { client_identifier, filter, qos, options, identifier })
}

fn client<'a>(
    cursor: &mut Cursor<'a>,
    format: u32,
    context: &mut Context<'a>,
) -> Result<RawClient<'a>, SourceProblem> {
    let (ends_at, expiry_interval, _last_packet_id) = (cursor.time()?, cursor.u32()?, cursor.u16()?);
    let client = cursor.u16()?;
    let mut user_name = 0;
    if format == 6 {
        (_, user_name) = (cursor.u16()?, cursor.u16()?);
        cursor.take(CLIENT_FILL)?;
    }
    let (client_identifier, user_name) = (cursor.take(client.into())?, cursor.take(user_name.into())?);
    let before = core::mem::replace(&mut context.user_name, user_name);
    let user_name = is_own(user_name, before).then_some(user_name);
    Ok(RawClient { client_identifier, user_name, expiry_interval, ends_at })
}

/// Whether a user name is that of its client, if there is one.
///
/// By a fault of Mosquitto 2.0, a client without one gets the bytes that lie where that of the client before is, as many as
/// its length says when the two bytes of that are swapped.
fn is_own(user_name: &[u8], before: &[u8]) -> bool {
    let swapped = |name: &[u8]| u16::try_from(name.len()).map_or(0, u16::swap_bytes);
    let is_taken_over = swapped(user_name) == u16::try_from(before.len()).unwrap_or(0)
        && user_name.iter().zip(before).all(|(a, b)| a == b);
    !user_name.is_empty() && !user_name.contains(&0) && !is_taken_over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_has_the_length_that_it_says() {
        assert_eq!(section(&[]), Ok(&[][..]));
        assert_eq!(section(&[0]), Ok(&[][..]));
        assert_eq!(section(&[2, 1, 1]), Ok(&[1, 1][..]));
        for wrong in [&[1][..], &[0, 1], &[0x80], &[0xff, 0xff, 0xff, 0xff, 0x7f]] {
            assert_eq!(section(wrong), Err(SourceProblem::Properties), "{wrong:?}");
        }
    }

    #[test]
    fn the_user_name_of_a_client_before_is_told_apart() {
        let mut leaked = vec![0; 0x0300];
        leaked[..3].copy_from_slice(b"ann");
        assert!(is_own(b"ann", b"") && is_own(b"ann", b"ann") && is_own(b"bob", &leaked));
        assert!(!is_own(b"", b"") && !is_own(&leaked, b"ann") && !is_own(b"ann", &leaked));
    }
}
