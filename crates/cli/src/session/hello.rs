//! What CONNECT and DISCONNECT say, from the flags.

use core::num::NonZeroU16;
use core::time::Duration;

use martlet_tools::flags::{self, ClientId, Connection, Version};
use martlet_tools::property::{Property, PropertyId, Value};
use martlet_wire::{Connect, PacketType, PropertyOwner, ProtocolVersion, QoS, TopicName, Will};

use super::properties::Section;
use crate::connect;

/// The characters of Client Identifiers that are made up.
const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// How many of them.
const RANDOM_CHARACTERS: usize = 18;

/// Everything that goes into CONNECT, checked.
#[derive(Debug)]
pub(super) struct Hello {
    version: ProtocolVersion,
    client_id: String,
    clean_start: bool,
    keep_alive_seconds: u16,
    properties: Section,
    credentials: flags::Credentials,
    will: Option<(flags::Will, Section)>,
}

impl Hello {
    /// From the flags; the error is a text that ends in a newline.
    pub(super) fn of(connection: &Connection, receive_maximum: NonZeroU16) -> Result<Self, String> {
        let version = connect::version(connection.version);
        let credentials = connection.credentials.clone();
        if !version.has_properties() && credentials.password.is_some() && credentials.username.is_none() {
            return Err("Error: Problem setting username and/or password.\n\
                        Before MQTT 5 a password needs a username.\n"
                .to_owned());
        }
        let hello = Self {
            version,
            client_id: client_id(&connection.client_id, version),
            clean_start: connection.clean_start,
            keep_alive_seconds: u16::try_from(connection.keep_alive.as_secs()).unwrap_or(u16::MAX),
            properties: properties(connection, receive_maximum)?,
            credentials,
            will: will(connection)?,
        };
        match hello.packet().encoded_len(version) {
            Ok(_) => Ok(hello),
            Err(error) => Err(format!("Error: CONNECT cannot be sent: {error}\n")),
        }
    }

    pub(super) const fn version(&self) -> ProtocolVersion {
        self.version
    }

    pub(super) fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_seconds.into())
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Takes the name that the broker gave.
    pub(super) fn set_client_id(&mut self, name: &str) {
        name.clone_into(&mut self.client_id);
    }

    /// The packet.
    pub(super) fn packet(&self) -> Connect<'_> {
        Connect {
            version: self.version,
            bridge: false,
            clean_start: self.clean_start,
            keep_alive: self.keep_alive_seconds,
            properties: self.properties.get(),
            client_identifier: &self.client_id,
            will: self.will.as_ref().and_then(|(will, properties)| {
                Some(Will {
                    topic: TopicName::parse(&will.topic).ok()?,
                    payload: &will.payload,
                    qos: QoS::from_u8(will.qos).unwrap_or_default(),
                    retain: will.retain,
                    properties: properties.get(),
                })
            }),
            user_name: self.credentials.username.as_deref(),
            password: self.credentials.password.as_deref(),
        }
    }
}

/// Only MQTT 3.1 needs a name when none is given; else the broker finds one.
fn client_id(given: &ClientId, version: ProtocolVersion) -> String {
    match given {
        ClientId::Given(name) => name.clone(),
        ClientId::Prefix(prefix) => format!("{prefix}{}", std::process::id()),
        ClientId::Chosen if version == ProtocolVersion::Mqtt31 => {
            let mut name = "mosq-".to_owned();
            for _ in 0..RANDOM_CHARACTERS {
                let place = super::random_below(ALPHABET.len() as u64);
                name.push(ALPHABET.get(usize::try_from(place).unwrap_or(0)).copied().unwrap_or(b'a').into());
            }
            name
        }
        ClientId::Chosen => String::new(),
    }
}

fn properties(connection: &Connection, receive_maximum: NonZeroU16) -> Result<Section, String> {
    let mut list = connection.properties.connect.clone();
    let add = |list: &mut Vec<Property>, id, number| list.push(Property { id, value: Value::Number(number) });
    if connection.version == Version::V5 {
        if connection.session_expiry_seconds > 0 {
            add(&mut list, PropertyId::SessionExpiryInterval, connection.session_expiry_seconds);
        }
        if list.iter().all(|property| property.id != PropertyId::ReceiveMaximum) {
            add(&mut list, PropertyId::ReceiveMaximum, receive_maximum.get().into());
        }
    } else if !list.is_empty() {
        return Err("Unable to connect (This feature is not supported).\n\
                    Properties of CONNECT need MQTT 5.\n"
            .to_owned());
    }
    Section::of(PropertyOwner::Packet(PacketType::Connect), &list)
        .map_err(|unsendable| format!("Unable to connect ({}).\n", unsendable.words()))
}

fn will(connection: &Connection) -> Result<Option<(flags::Will, Section)>, String> {
    let list = &connection.properties.will;
    let failed = |why: &str| format!("Error: Problem setting will.\n{why}\n");
    let Some(will) = &connection.will else {
        return if list.is_empty() {
            Ok(None)
        } else {
            Err(failed("Its properties are given, but no topic."))
        };
    };
    if connection.version != Version::V5 && !list.is_empty() {
        return Err(failed("Properties of the will need MQTT 5."));
    }
    TopicName::parse(&will.topic).map_err(|error| failed(&error.to_string()))?;
    let properties = Section::of(PropertyOwner::Will, list).map_err(|error| failed(error.words()))?;
    Ok(Some((will.clone(), properties)))
}
