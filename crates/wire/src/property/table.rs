//! The table of section 2.2.2.2 of MQTT 5.0.

use super::PropertyOwner;
use crate::error::DecodeError;
use crate::packet::PacketType;
use crate::primitive::Reader;

/// The data type of a property's value, as far as it tells where the value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// So many bytes.
    Fixed(u8),
    /// A variable byte integer.
    Variable,
    /// A two-byte length and so many bytes: a string or binary data.
    Field,
    /// Two strings.
    Pair,
}

/// What the table says about one property.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The data type of the value.
    pub(crate) kind: Kind,
    /// Who may carry it, a bit each.
    owners: u16,
    /// Who may carry it more than once.
    repeated: u16,
}

impl Entry {
    /// Tells whether `owner` may carry the property.
    pub(crate) const fn allows(self, owner: PropertyOwner) -> bool {
        self.owners & bit(owner) != 0
    }

    /// Tells whether `owner` may carry the property more than once.
    pub(crate) const fn allows_repeats(self, owner: PropertyOwner) -> bool {
        self.repeated & bit(owner) != 0
    }

    /// Takes a value from the front of the bytes, in the form that it has there.
    pub(crate) fn take<'a>(self, reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
        let mut end = *reader;
        match self.kind {
            Kind::Fixed(len) => return reader.take(usize::from(len)),
            Kind::Variable => {
                end.variable()?;
            }
            Kind::Field => {
                end.binary()?;
            }
            Kind::Pair => {
                end.binary()?;
                end.binary()?;
            }
        }
        reader.take(reader.len() - end.len())
    }
}

/// What the table says about the property of this identifier, if there is one.
pub(crate) fn entry(identifier: u32) -> Option<Entry> {
    *BY_IDENTIFIER.get(usize::try_from(identifier).ok()?)?
}

/// The bit of an owner; no packet type has the number 0, which leaves that bit for the Will.
const fn bit(owner: PropertyOwner) -> u16 {
    match owner {
        PropertyOwner::Packet(packet_type) => 1 << packet_type as u16,
        PropertyOwner::Will => 1,
    }
}

const WILL: u16 = bit(PropertyOwner::Will);
const CONNECT: u16 = bit(PropertyOwner::Packet(PacketType::Connect));
const CONNACK: u16 = bit(PropertyOwner::Packet(PacketType::ConnAck));
const PUBLISH: u16 = bit(PropertyOwner::Packet(PacketType::Publish));
const PUBACK: u16 = bit(PropertyOwner::Packet(PacketType::PubAck));
const PUBREC: u16 = bit(PropertyOwner::Packet(PacketType::PubRec));
const PUBREL: u16 = bit(PropertyOwner::Packet(PacketType::PubRel));
const PUBCOMP: u16 = bit(PropertyOwner::Packet(PacketType::PubComp));
const SUBSCRIBE: u16 = bit(PropertyOwner::Packet(PacketType::Subscribe));
const SUBACK: u16 = bit(PropertyOwner::Packet(PacketType::SubAck));
const UNSUBSCRIBE: u16 = bit(PropertyOwner::Packet(PacketType::Unsubscribe));
const UNSUBACK: u16 = bit(PropertyOwner::Packet(PacketType::UnsubAck));
const DISCONNECT: u16 = bit(PropertyOwner::Packet(PacketType::Disconnect));
const AUTH: u16 = bit(PropertyOwner::Packet(PacketType::Auth));

/// All that answer something.
const ANSWERS: u16 = CONNACK | PUBACK | PUBREC | PUBREL | PUBCOMP | SUBACK | UNSUBACK | DISCONNECT | AUTH;
/// All that have a property section.
const ALL: u16 = ANSWERS | WILL | CONNECT | PUBLISH | SUBSCRIBE | UNSUBSCRIBE;

/// Identifier, data type, who may carry it, who may carry it more than once.
const TABLE: [(u8, Kind, u16, u16); 27] = [
    (0x01, Kind::Fixed(1), PUBLISH | WILL, 0), // Payload Format Indicator
    (0x02, Kind::Fixed(4), PUBLISH | WILL, 0), // Message Expiry Interval
    (0x03, Kind::Field, PUBLISH | WILL, 0),    // Content Type
    (0x08, Kind::Field, PUBLISH | WILL, 0),    // Response Topic
    (0x09, Kind::Field, PUBLISH | WILL, 0),    // Correlation Data
    (0x0B, Kind::Variable, PUBLISH | SUBSCRIBE, PUBLISH), // Subscription Identifier
    (0x11, Kind::Fixed(4), CONNECT | CONNACK | DISCONNECT, 0), // Session Expiry Interval
    (0x12, Kind::Field, CONNACK, 0),           // Assigned Client Identifier
    (0x13, Kind::Fixed(2), CONNACK, 0),        // Server Keep Alive
    (0x15, Kind::Field, CONNECT | CONNACK | AUTH, 0), // Authentication Method
    (0x16, Kind::Field, CONNECT | CONNACK | AUTH, 0), // Authentication Data
    (0x17, Kind::Fixed(1), CONNECT, 0),        // Request Problem Information
    (0x18, Kind::Fixed(4), WILL, 0),           // Will Delay Interval
    (0x19, Kind::Fixed(1), CONNECT, 0),        // Request Response Information
    (0x1A, Kind::Field, CONNACK, 0),           // Response Information
    (0x1C, Kind::Field, CONNACK | DISCONNECT, 0), // Server Reference
    (0x1F, Kind::Field, ANSWERS, 0),           // Reason String
    (0x21, Kind::Fixed(2), CONNECT | CONNACK, 0), // Receive Maximum
    (0x22, Kind::Fixed(2), CONNECT | CONNACK, 0), // Topic Alias Maximum
    (0x23, Kind::Fixed(2), PUBLISH, 0),        // Topic Alias
    (0x24, Kind::Fixed(1), CONNACK, 0),        // Maximum QoS
    (0x25, Kind::Fixed(1), CONNACK, 0),        // Retain Available
    (0x26, Kind::Pair, ALL, ALL),              // User Property
    (0x27, Kind::Fixed(4), CONNECT | CONNACK, 0), // Maximum Packet Size
    (0x28, Kind::Fixed(1), CONNACK, 0),        // Wildcard Subscription Available
    (0x29, Kind::Fixed(1), CONNACK, 0),        // Subscription Identifier Available
    (0x2A, Kind::Fixed(1), CONNACK, 0),        // Shared Subscription Available
];

/// The largest identifier, and thus the last index of [`BY_IDENTIFIER`]. A set of identifiers fits into 64 bits.
const IDENTIFIER_MAX: usize = 0x2A;

const _: () = assert!(IDENTIFIER_MAX < u64::BITS as usize);

/// The table, with the identifier as index.
static BY_IDENTIFIER: [Option<Entry>; IDENTIFIER_MAX + 1] = {
    let mut entries = [None; IDENTIFIER_MAX + 1];
    let mut index = 0;
    while index < TABLE.len() {
        let (identifier, kind, owners, repeated) = TABLE[index];
        entries[identifier as usize] = Some(Entry { kind, owners, repeated });
        index += 1;
    }
    entries
};
