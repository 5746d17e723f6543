//! Properties that an application gives, as a section of the wire.

use core::fmt;

use martlet_wire::{DecodeError, Properties, Property, PropertyOwner};

/// Properties of MQTT 5.0 that the application gives to a message, a Will or a request.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct PropertyList {
    section: Vec<u8>,
    /// The identifier of the first one whose value cannot be sent.
    unencodable: Option<u8>,
}

/// Properties that cannot be sent where they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidProperties {
    /// A value is too long for its field, or not allowed in it.
    Value {
        /// Of which property: see [`Property::identifier`].
        identifier: u8,
    },
    /// A property does not belong there, or stands twice.
    Section(DecodeError),
    /// The client sets this property itself: Topic Alias and Subscription Identifier.
    Reserved,
}

impl core::error::Error for InvalidProperties {}

impl fmt::Display for InvalidProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { identifier } => write!(f, "the value of property {identifier:#04x} cannot be sent"),
            Self::Section(error) => write!(f, "{error}"),
            Self::Reserved => write!(f, "Topic Alias and Subscription Identifier are set by the client"),
        }
    }
}

impl PropertyList {
    pub(crate) fn push(&mut self, property: &Property<'_>) {
        let len = self.section.len();
        property.encode(&mut self.section);
        if self.section.len() == len {
            self.unencodable.get_or_insert(property.identifier());
        }
    }

    /// The checked section, for what an application sends.
    pub(crate) fn check(&self, owner: PropertyOwner) -> Result<Properties<'_>, InvalidProperties> {
        if let Some(identifier) = self.unencodable {
            return Err(InvalidProperties::Value { identifier });
        }
        let properties =
            Properties::from_section(owner, &self.section).map_err(InvalidProperties::Section)?;
        let is_reserved =
            |property| matches!(property, Property::TopicAlias(_) | Property::SubscriptionIdentifier(_));
        if properties.iter().any(is_reserved) {
            return Err(InvalidProperties::Reserved);
        }
        Ok(properties)
    }

    /// The bytes of the section.
    pub(crate) fn section(&self) -> &[u8] {
        &self.section
    }
}

impl fmt::Debug for PropertyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PropertyList({} bytes)", self.section.len())
    }
}

#[cfg(test)]
mod tests {
    use martlet_wire::PacketType;

    use super::*;

    const PUBLISH: PropertyOwner = PropertyOwner::Packet(PacketType::Publish);

    fn list(properties: &[Property<'_>]) -> PropertyList {
        let mut list = PropertyList::default();
        for property in properties {
            list.push(property);
        }
        list
    }

    #[test]
    fn what_belongs_to_the_packet_passes() {
        let list = list(&[Property::ContentType("a"), Property::UserProperty("b", "c")]);
        assert_eq!(list.check(PUBLISH).unwrap().content_type(), Some("a"));
    }

    #[test]
    fn what_cannot_be_sent_is_told() {
        let long = "x".repeat(70_000);
        let value = Err(InvalidProperties::Value { identifier: 3 });
        assert_eq!(list(&[Property::ContentType(&long)]).check(PUBLISH), value);
        assert_eq!(list(&[Property::TopicAlias(1)]).check(PUBLISH), Err(InvalidProperties::Reserved));
        let twice = list(&[Property::ContentType("a"), Property::ContentType("b")]);
        assert!(matches!(twice.check(PUBLISH), Err(InvalidProperties::Section(_))));
        let foreign = list(&[Property::ReceiveMaximum(core::num::NonZeroU16::MIN)]);
        assert!(matches!(foreign.check(PUBLISH), Err(InvalidProperties::Section(_))));
    }
}
