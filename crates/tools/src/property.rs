//! The properties of MQTT 5 as the tools name them, and what `-D` asks of them.
//!
//! One table says what a property is called, what its value is and which packets take it. Values are owned, since they
//! outlive the arguments they came from.

use core::fmt;

use crate::number::leading_integer;

mod table;

pub use table::{Command, Kind, PropertyId};

/// A property and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Which one.
    pub id: PropertyId,
    /// What it says.
    pub value: Value,
}

/// What a property says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A byte, a number of two or four bytes, or a variable byte integer: [`PropertyId::kind`] knows which.
    Number(u32),
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// A name and a value.
    Pair(String, String),
}

/// The properties that `-D` collected, by the packet that will carry them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertyLists {
    /// For CONNECT.
    pub connect: Vec<Property>,
    /// For PUBLISH.
    pub publish: Vec<Property>,
    /// For SUBSCRIBE.
    pub subscribe: Vec<Property>,
    /// For UNSUBSCRIBE.
    pub unsubscribe: Vec<Property>,
    /// For DISCONNECT.
    pub disconnect: Vec<Property>,
    /// For the Will.
    pub will: Vec<Property>,
}

/// What is wrong with a `-D`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropertyError {
    /// Fewer than three arguments follow, or four for a user property.
    NotEnoughArguments,
    /// No packet has this name.
    UnknownCommand {
        /// The name that was given.
        command: String,
    },
    /// No property has this name.
    UnknownName {
        /// The name that was given.
        name: String,
    },
    /// The standard does not let this packet carry it.
    NotAllowed {
        /// The packet's name as given.
        command: String,
        /// The property's name as given.
        name: String,
    },
    /// The standard would let it, but the tools do not send it.
    NotSupported {
        /// The packet's name as given.
        command: String,
        /// The property's name as given.
        name: String,
    },
    /// The number does not fit the property.
    OutOfRange {
        /// The number that was given.
        number: i64,
        /// The property's name as given.
        name: String,
    },
    /// More bytes than a property holds.
    TooLong {
        /// The property's name as given.
        name: String,
    },
    /// The value is no value of this property.
    Invalid {
        /// The property's name as given.
        name: String,
        /// What kind of value it has.
        kind: Kind,
    },
}

impl PropertyLists {
    /// Reads what follows a `-D` and adds it; answers how many arguments it took.
    ///
    /// # Errors
    /// Every variant of [`PropertyError`], in the order in which they are declared.
    pub fn add(&mut self, arguments: &[String]) -> Result<usize, PropertyError> {
        let [command_name, name, first, ..] = arguments else {
            return Err(PropertyError::NotEnoughArguments);
        };
        let command = Command::named(command_name)
            .ok_or_else(|| PropertyError::UnknownCommand { command: command_name.clone() })?;
        let id = PropertyId::named(name).ok_or_else(|| PropertyError::UnknownName { name: name.clone() })?;
        if !id.allowed_in(command) {
            return Err(PropertyError::NotAllowed { command: command_name.clone(), name: name.clone() });
        }
        let second = arguments.get(3);
        if id == PropertyId::UserProperty && second.is_none() {
            return Err(PropertyError::NotEnoughArguments);
        }
        let not_supported =
            || PropertyError::NotSupported { command: command_name.clone(), name: name.clone() };
        if command == Command::Publish && id == PropertyId::SubscriptionIdentifier {
            return Err(not_supported());
        }
        let list = self.list(command).ok_or_else(not_supported)?;
        let value = match second {
            Some(second) if id == PropertyId::UserProperty => Value::Pair(first.clone(), second.clone()),
            _ => value_of(id, name, first)?,
        };
        list.push(Property { id, value });
        Ok(if id == PropertyId::UserProperty { 4 } else { 3 })
    }

    fn list(&mut self, command: Command) -> Option<&mut Vec<Property>> {
        match command {
            Command::Connect => Some(&mut self.connect),
            Command::Publish => Some(&mut self.publish),
            Command::Subscribe => Some(&mut self.subscribe),
            Command::Unsubscribe => Some(&mut self.unsubscribe),
            Command::Disconnect => Some(&mut self.disconnect),
            Command::Will => Some(&mut self.will),
            _ => None,
        }
    }
}

fn value_of(id: PropertyId, name: &str, text: &str) -> Result<Value, PropertyError> {
    let kind = id.kind();
    let number_up_to = |max: u32| {
        let number = leading_integer(text);
        u32::try_from(number)
            .ok()
            .filter(|number| *number <= max)
            .map(Value::Number)
            .ok_or_else(|| PropertyError::OutOfRange { number, name: name.to_owned() })
    };
    match kind {
        Kind::Byte => number_up_to(u32::from(u8::MAX)),
        Kind::TwoBytes => number_up_to(u32::from(u16::MAX)),
        Kind::FourBytes => number_up_to(u32::MAX),
        Kind::Variable => match number_up_to(u32::MAX)? {
            Value::Number(0 | 0x1000_0000..) => Err(PropertyError::Invalid { name: name.to_owned(), kind }),
            value => Ok(value),
        },
        Kind::Binary | Kind::Text if text.len() > usize::from(u16::MAX) => {
            Err(PropertyError::TooLong { name: name.to_owned() })
        }
        Kind::Binary => Ok(Value::Binary(text.as_bytes().to_vec())),
        Kind::Text | Kind::Pair => Ok(Value::Text(text.to_owned())),
    }
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEnoughArguments => {
                f.write_str("Error: --property argument given but not enough arguments specified.")
            }
            Self::UnknownCommand { command } => {
                write!(f, "Error: Invalid command {command} given in --property argument.")
            }
            Self::UnknownName { name } => {
                write!(f, "Error: Invalid property name {name} given in --property argument.")
            }
            Self::NotAllowed { command, name } => {
                write!(f, "Error: {name} property not allowed for {command} in --property argument.")
            }
            Self::NotSupported { command, name } => {
                write!(f, "Error: {name} property not supported for {command} in --property argument.")
            }
            Self::OutOfRange { number, name } => {
                write!(f, "Error: Property value ({number}) out of range for property {name}.")
            }
            Self::TooLong { name } => write!(f, "Error: Property value too long for property {name}."),
            Self::Invalid { name, kind } => write!(f, "Error adding property {name} {}", *kind as u8),
        }
    }
}

impl core::error::Error for PropertyError {}
