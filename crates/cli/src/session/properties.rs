//! Properties between the tools, which own them and name them as people do, and the wire.

use martlet_tools::property::{Property, PropertyId as Id, Value};
use martlet_wire::{DecodeError, Properties, Property as Wire, PropertyOwner};

use crate::connect;

/// A section of properties for one kind of packet, checked.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    owner: PropertyOwner,
    bytes: Vec<u8>,
}

/// Properties that cannot be sent, in Mosquitto's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsendable {
    /// One stands twice.
    Duplicate,
    /// One has a value that the standard does not let it have, or needs another that is missing.
    Invalid,
}

impl Unsendable {
    /// Mosquitto's words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Duplicate => "Duplicate property in property list",
            Self::Invalid => "A network protocol error occurred when communicating with the broker",
        }
    }
}

impl Section {
    /// The section of a list.
    pub(crate) fn of(owner: PropertyOwner, list: &[Property]) -> Result<Self, Unsendable> {
        let mut bytes = Vec::new();
        for property in list {
            let len = bytes.len();
            connect::to_wire(property).ok_or(Unsendable::Invalid)?.encode(&mut bytes);
            if bytes.len() == len {
                return Err(Unsendable::Invalid);
            }
        }
        match Properties::from_section(owner, &bytes) {
            Ok(_) => Ok(Self { owner, bytes }),
            Err(DecodeError::PropertyRepeated { .. }) => Err(Unsendable::Duplicate),
            Err(_) => Err(Unsendable::Invalid),
        }
    }

    /// The properties.
    pub(crate) fn get(&self) -> Properties<'_> {
        // It was checked.
        Properties::from_section(self.owner, &self.bytes).unwrap_or_default()
    }
}

/// The properties of a message that came, for printing.
pub(crate) fn of_message(properties: Properties<'_>, topic_alias: Option<u16>) -> Vec<Property> {
    let alias = topic_alias.map(Wire::TopicAlias);
    properties.iter().chain(alias).filter_map(from_wire).collect()
}

fn from_wire(property: Wire<'_>) -> Option<Property> {
    let text = |text: &str| Value::Text(text.to_owned());
    let (id, value) = match property {
        Wire::PayloadFormatIndicator(is_text) => {
            (Id::PayloadFormatIndicator, Value::Number(u32::from(is_text)))
        }
        Wire::MessageExpiryInterval(seconds) => (Id::MessageExpiryInterval, Value::Number(seconds)),
        Wire::ContentType(kind) => (Id::ContentType, text(kind)),
        Wire::ResponseTopic(topic) => (Id::ResponseTopic, text(topic.as_str())),
        Wire::CorrelationData(bytes) => (Id::CorrelationData, Value::Binary(bytes.to_vec())),
        Wire::SubscriptionIdentifier(number) => (Id::SubscriptionIdentifier, Value::Number(number.get())),
        Wire::TopicAlias(number) => (Id::TopicAlias, Value::Number(number.into())),
        Wire::UserProperty(name, value) => (Id::UserProperty, Value::Pair(name.to_owned(), value.to_owned())),
        _ => return None,
    };
    Some(Property { id, value })
}

#[cfg(test)]
mod tests {
    use martlet_wire::PacketType;

    use super::*;

    const PUBLISH: PropertyOwner = PropertyOwner::Packet(PacketType::Publish);
    const CONNECT: PropertyOwner = PropertyOwner::Packet(PacketType::Connect);

    fn number(id: Id, number: u32) -> Property {
        Property { id, value: Value::Number(number) }
    }

    #[test]
    fn the_properties_of_a_message_come_back() {
        let text = |id, text: &str| Property { id, value: Value::Text(text.to_owned()) };
        let list = [
            number(Id::PayloadFormatIndicator, 1),
            number(Id::MessageExpiryInterval, 60),
            text(Id::ContentType, "a/b"),
            text(Id::ResponseTopic, "c"),
            Property { id: Id::CorrelationData, value: Value::Binary(vec![0, 255]) },
            Property { id: Id::UserProperty, value: Value::Pair("k".to_owned(), "v".to_owned()) },
            Property { id: Id::UserProperty, value: Value::Pair("k".to_owned(), "w".to_owned()) },
        ];
        let section = Section::of(PUBLISH, &list).unwrap();
        assert_eq!(of_message(section.get(), None), list);
        assert_eq!(of_message(section.get(), Some(3)).last(), Some(&number(Id::TopicAlias, 3)));
    }

    #[test]
    fn what_cannot_be_sent_is_told() {
        let list = [number(Id::ReceiveMaximum, 1), number(Id::ReceiveMaximum, 2)];
        assert_eq!(Section::of(CONNECT, &list).err(), Some(Unsendable::Duplicate));
        for (owner, id, value) in [
            (CONNECT, Id::ReceiveMaximum, 0),
            (CONNECT, Id::MaximumPacketSize, 0),
            (CONNECT, Id::RequestProblemInformation, 2),
            (CONNECT, Id::ServerKeepAlive, 1),
            (PUBLISH, Id::PayloadFormatIndicator, 2),
        ] {
            let refused = Section::of(owner, &[number(id, value)]).err();
            assert_eq!(refused, Some(Unsendable::Invalid), "{}", id.name());
        }
    }
}
