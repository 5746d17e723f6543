//! CONNECT, and the Will in it.

use core::fmt;

use super::{PacketType, QoS};
use crate::decode::fixed_header;
use crate::encode::{Body, Sink, Writer, encodable, first_byte};
use crate::error::{DecodeError, EncodeError};
use crate::primitive::{Hidden, Reader};
use crate::property::properties::Properties;
use crate::property::{PropertyOwner, check_binary, check_text};
use crate::topic::TopicName;
use crate::version::ProtocolVersion;

const OWNER: PropertyOwner = PropertyOwner::Packet(PacketType::Connect);

/// The bit of the protocol level by which a bridge gives itself away.
const BRIDGE: u8 = 0x80;

// The CONNECT flags.
const RESERVED: u8 = 0x01;
const CLEAN_START: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_QOS_SHIFT: u32 = 3;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USER_NAME: u8 = 0x80;

/// The client opens the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The version that the connection will use.
    pub version: ProtocolVersion,
    /// Whether a bridge connects: another broker, by the custom of setting the highest bit of the protocol level. Only in
    /// MQTT 3.1 and 3.1.1.
    pub bridge: bool,
    /// Whether a stored Session is thrown away first. It is the Clean Session of MQTT 3.1 and 3.1.1, whose second half is
    /// in [`Self::session_expiry_interval`].
    pub clean_start: bool,
    /// The longest gap between two packets of the client, in seconds; 0 means any.
    pub keep_alive: u16,
    /// Empty in MQTT 3.1 and 3.1.1.
    pub properties: Properties<'a>,
    /// The name of the Session; may be empty.
    pub client_identifier: &'a str,
    /// The message to publish when the connection is lost.
    pub will: Option<Will<'a>>,
    /// Who connects.
    pub user_name: Option<&'a str>,
    /// A secret. Without a user name only in MQTT 5.0 [MQTT311-3.1.2-22].
    pub password: Option<&'a [u8]>,
}

/// The message that a server publishes when a client is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    /// Where it is published.
    pub topic: TopicName<'a>,
    /// The message itself; may be empty, and at most 65,535 bytes.
    pub payload: &'a [u8],
    /// The QoS to publish it with.
    pub qos: QoS,
    /// Whether it is kept for later subscribers.
    pub retain: bool,
    /// Empty in MQTT 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

/// A part of a CONNECT, in the order in which they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectPart {
    /// The fixed header, protocol name and level, flags, Keep Alive.
    Header,
    /// The properties, not those of the Will.
    Properties,
    /// The Client Identifier.
    ClientIdentifier,
    /// The Will with its properties.
    Will,
    /// The user name.
    UserName,
    /// The password.
    Password,
    /// What follows the last part, which has to be nothing.
    End,
}

impl ConnectPart {
    /// The part of a CONNECT that could not be decoded in which the error is. `packet` begins with the CONNECT.
    pub fn at_fault(packet: &[u8]) -> Self {
        let mut part = Self::Header;
        if let Ok(Some(header)) = fixed_header(None, packet)
            && let Some(body) = packet.get(header.header_len..header.packet_len())
        {
            // The error itself is known.
            let _ = Connect::read_parts(header.flags, &mut Reader::new(body), &mut part);
        }
        part
    }
}

impl<'a> Connect<'a> {
    /// How long the Session outlives its connection, in seconds; `u32::MAX` means for ever.
    ///
    /// The property of MQTT 5.0, or 0 without it. In MQTT 3.1 and 3.1.1: 0 with Clean Session [MQTT311-3.1.2-6], else for
    /// ever [MQTT311-3.1.2-4].
    pub fn session_expiry_interval(&self) -> u32 {
        match self.version {
            ProtocolVersion::Mqtt5 => self.properties.session_expiry_interval().unwrap_or(0),
            _ if self.clean_start => 0,
            _ => u32::MAX,
        }
    }

    /// Reads what follows the fixed header, whose `header_flags` MQTT 3.1 has no use for. The order of the payload is that of
    /// [MQTT-3.1.3-1].
    pub(crate) fn read(header_flags: u8, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Self::read_parts(header_flags, reader, &mut ConnectPart::Header)
    }

    /// Reads the same, and leaves the part that it was at when it stopped.
    fn read_parts(
        header_flags: u8,
        reader: &mut Reader<'a>,
        part: &mut ConnectPart,
    ) -> Result<Self, DecodeError> {
        let (version, bridge) = read_version(reader)?;
        if header_flags != 0 && version != ProtocolVersion::Mqtt31 {
            return Err(DecodeError::FixedHeaderFlags {
                packet_type: PacketType::Connect,
                flags: header_flags,
            });
        }
        let flags = Flags::read(version, reader)?;
        let keep_alive = reader.u16()?;
        *part = ConnectPart::Properties;
        let properties = Properties::read(version, OWNER, reader)?;
        *part = ConnectPart::ClientIdentifier;
        let client_identifier = reader.string()?;
        *part = ConnectPart::Will;
        let will = match flags.will {
            Some((qos, retain)) => Some(Will::read(version, qos, retain, reader)?),
            None => None,
        };
        *part = ConnectPart::UserName;
        let user_name = if flags.user_name { Some(reader.string()?) } else { None };
        *part = ConnectPart::Password;
        let password = if flags.password { Some(reader.binary()?) } else { None };
        *part = ConnectPart::End;
        let clean_start = flags.clean_start;
        Ok(Self {
            version,
            bridge,
            clean_start,
            keep_alive,
            properties,
            client_identifier,
            will,
            user_name,
            password,
        })
    }

    fn flags(&self) -> u8 {
        let mut flags = 0;
        if self.clean_start {
            flags |= CLEAN_START;
        }
        if let Some(will) = &self.will {
            flags |= WILL | (will.qos as u8) << WILL_QOS_SHIFT;
            if will.retain {
                flags |= WILL_RETAIN;
            }
        }
        if self.password.is_some() {
            flags |= PASSWORD;
        }
        if self.user_name.is_some() {
            flags |= USER_NAME;
        }
        flags
    }
}

/// Reads protocol name and level, the bridge's bit apart.
fn read_version(reader: &mut Reader<'_>) -> Result<(ProtocolVersion, bool), DecodeError> {
    let name = reader.binary()?;
    let versions = [ProtocolVersion::Mqtt5, ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt31];
    if !versions.iter().any(|version| version.name().as_bytes() == name) {
        return Err(DecodeError::ProtocolName);
    }
    let level = reader.u8()?;
    for version in versions {
        let bridge = !version.has_properties() && level == version.level() | BRIDGE;
        if version.name().as_bytes() == name && (level == version.level() || bridge) {
            return Ok((version, bridge));
        }
    }
    Err(DecodeError::UnsupportedProtocolVersion { level })
}

/// The CONNECT flags, checked.
struct Flags {
    clean_start: bool,
    will: Option<(QoS, bool)>,
    user_name: bool,
    password: bool,
}

impl Flags {
    fn read(version: ProtocolVersion, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let byte = reader.u8()?;
        // MQTT 3.1 ignores what it has no use for.
        let lenient = version == ProtocolVersion::Mqtt31;
        if byte & RESERVED != 0 && !lenient {
            return Err(DecodeError::ConnectFlagsReserved);
        }
        let will_qos = byte >> WILL_QOS_SHIFT & 0b11;
        let will_retain = byte & WILL_RETAIN != 0;
        let will = if byte & WILL != 0 {
            Some((QoS::from_u8(will_qos).ok_or(DecodeError::WillQosThree)?, will_retain))
        } else if (will_qos != 0 || will_retain) && !lenient {
            return Err(DecodeError::WillFlagsWithoutWill);
        } else {
            None
        };
        let user_name = byte & USER_NAME != 0;
        let password = byte & PASSWORD != 0;
        if password && !user_name && !version.has_properties() {
            return Err(DecodeError::PasswordWithoutUserName);
        }
        Ok(Self { clean_start: byte & CLEAN_START != 0, will, user_name, password })
    }
}

impl<'a> Will<'a> {
    fn read(
        version: ProtocolVersion,
        qos: QoS,
        retain: bool,
        reader: &mut Reader<'a>,
    ) -> Result<Self, DecodeError> {
        let properties = Properties::read(version, PropertyOwner::Will, reader)?;
        let topic = TopicName::read(reader.binary()?)?;
        let payload = reader.binary()?;
        Ok(Self { topic, payload, qos, retain, properties })
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        check_binary(self.payload)?;
        let properties_len = self.properties.encoded_len(version, PropertyOwner::Will)?;
        Ok(properties_len.saturating_add(2 + self.topic.as_str().len() + 2 + self.payload.len()))
    }

    fn write<S: Sink>(&self, version: ProtocolVersion, writer: &mut Writer<'_, S>) {
        self.properties.write(version, writer);
        writer.field(self.topic.as_str().as_bytes());
        writer.field(self.payload);
    }
}

impl Body for Connect<'_> {
    fn first_byte(&self) -> u8 {
        first_byte(PacketType::Connect)
    }

    fn body_len(&self, _: ProtocolVersion) -> Result<usize, EncodeError> {
        let version = self.version;
        let nameless = self.password.is_some() && self.user_name.is_none();
        if version.has_properties() && self.bridge || !version.has_properties() && nameless {
            return Err(EncodeError::Invalid);
        }
        check_text(self.client_identifier)?;
        // Protocol name, level, flags, Keep Alive, Client Identifier.
        let mut len = 2 + version.name().len() + 1 + 1 + 2 + 2 + self.client_identifier.len();
        len = len.saturating_add(self.properties.encoded_len(version, OWNER)?);
        if let Some(will) = &self.will {
            len = len.saturating_add(will.body_len(version)?);
        }
        if let Some(user_name) = self.user_name {
            check_text(user_name)?;
            len = len.saturating_add(2 + user_name.len());
        }
        if let Some(password) = self.password {
            check_binary(password)?;
            len = len.saturating_add(2 + password.len());
        }
        Ok(len)
    }

    fn write_body<S: Sink>(&self, _: ProtocolVersion, writer: &mut Writer<'_, S>) {
        let version = self.version;
        writer.field(version.name().as_bytes());
        writer.u8(version.level() | if self.bridge { BRIDGE } else { 0 });
        writer.u8(self.flags());
        writer.u16(self.keep_alive);
        self.properties.write(version, writer);
        writer.field(self.client_identifier.as_bytes());
        if let Some(will) = &self.will {
            will.write(version, writer);
        }
        if let Some(user_name) = self.user_name {
            writer.field(user_name.as_bytes());
        }
        if let Some(password) = self.password {
            writer.field(password);
        }
    }
}

encodable!(Connect);

/// Shows of the password only its length.
impl fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("bridge", &self.bridge)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("properties", &self.properties)
            .field("client_identifier", &self.client_identifier)
            .field("will", &self.will)
            .field("user_name", &self.user_name)
            .field("password", &self.password.map(|password| Hidden(password.len())))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_at_fault_is_the_first_that_cannot_be_read() {
        let cases: [(&[u8], ConnectPart); 9] = [
            (b"\x10\xFF\xFF\xFF\xFF", ConnectPart::Header),
            (b"\x11\x0E\0\x04MQTT\x05\x02\0\0\0\0\x01c", ConnectPart::Header),
            (b"\x10\x0E\0\x04MQTT\x05\x03\0\0\0\0\x01c", ConnectPart::Header),
            (b"\x10\x0E\0\x04MQTT\x05\x02\0\0\x09\0\x01c", ConnectPart::Properties),
            (b"\x10\x0E\0\x04MQTT\x05\x02\0\0\0\0\x01\0", ConnectPart::ClientIdentifier),
            (b"\x10\x0E\0\x04MQTT\x05\x06\0\0\0\0\x01c", ConnectPart::Will),
            (b"\x10\x0E\0\x04MQTT\x05\x82\0\0\0\0\x01c", ConnectPart::UserName),
            (b"\x10\x0E\0\x04MQTT\x05\x42\0\0\0\0\x01c", ConnectPart::Password),
            (b"\x10\x0F\0\x04MQTT\x05\x02\0\0\0\0\x01cc", ConnectPart::End),
        ];
        for (packet, part) in cases {
            assert_eq!(ConnectPart::at_fault(packet), part, "{packet:x?}");
            // What came behind it does not matter.
            assert_eq!(ConnectPart::at_fault(&[packet, b"\xC0\0"].concat()), part, "{packet:x?}");
        }
    }
}
