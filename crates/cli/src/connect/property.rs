//! Properties as the tools have them, as properties of the wire.

use core::num::{NonZeroU16, NonZeroU32};

use martlet_client::{Property, TopicName};
use martlet_tools::property::{self, PropertyId as Id, Value};
use martlet_wire::SubscriptionIdentifier;

/// The property as a client sends it. `None` if its value cannot be sent, or if only servers send it.
pub(crate) fn to_wire(property: &property::Property) -> Option<Property<'_>> {
    match &property.value {
        Value::Number(number) => numeric(property.id, *number),
        Value::Text(text) => textual(property.id, text),
        Value::Binary(bytes) => match property.id {
            Id::CorrelationData => Some(Property::CorrelationData(bytes)),
            Id::AuthenticationData => Some(Property::AuthenticationData(bytes)),
            _ => None,
        },
        Value::Pair(name, value) => {
            (property.id == Id::UserProperty).then_some(Property::UserProperty(name, value))
        }
    }
}

fn numeric(id: Id, number: u32) -> Option<Property<'static>> {
    let truth = match number {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    };
    let short = u16::try_from(number).ok();
    Some(match id {
        Id::PayloadFormatIndicator => Property::PayloadFormatIndicator(truth?),
        Id::MessageExpiryInterval => Property::MessageExpiryInterval(number),
        Id::SessionExpiryInterval => Property::SessionExpiryInterval(number),
        Id::RequestProblemInformation => Property::RequestProblemInformation(truth?),
        Id::WillDelayInterval => Property::WillDelayInterval(number),
        Id::RequestResponseInformation => Property::RequestResponseInformation(truth?),
        Id::ReceiveMaximum => Property::ReceiveMaximum(NonZeroU16::new(short?)?),
        Id::TopicAliasMaximum => Property::TopicAliasMaximum(short?),
        Id::TopicAlias => Property::TopicAlias(short?),
        Id::SubscriptionIdentifier => Property::SubscriptionIdentifier(SubscriptionIdentifier::new(number)?),
        Id::MaximumPacketSize => Property::MaximumPacketSize(NonZeroU32::new(number)?),
        _ => return None,
    })
}

fn textual(id: Id, text: &str) -> Option<Property<'_>> {
    Some(match id {
        Id::ContentType => Property::ContentType(text),
        Id::ResponseTopic => Property::ResponseTopic(TopicName::parse(text).ok()?),
        Id::AuthenticationMethod => Property::AuthenticationMethod(text),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use martlet_tools::property::{Command, Kind};

    use super::*;

    #[test]
    fn every_property_that_a_client_sends_has_its_place_on_the_wire() {
        for id in Id::all() {
            let value = match id.kind() {
                Kind::Byte | Kind::TwoBytes | Kind::FourBytes | Kind::Variable => Value::Number(1),
                Kind::Text => Value::Text("a".to_owned()),
                Kind::Binary => Value::Binary(b"a".to_vec()),
                Kind::Pair => Value::Pair("a".to_owned(), "b".to_owned()),
            };
            let packets = [Command::Connect, Command::Will, Command::Publish, Command::Subscribe];
            let expected = packets.map(|packet| id.allowed_in(packet)).contains(&true);
            assert_eq!(to_wire(&property::Property { id, value }).is_some(), expected, "{}", id.name());
        }
    }

    #[test]
    fn values_that_cannot_be_sent_are_none() {
        let number = |id, number| to_wire(&property::Property { id, value: Value::Number(number) }).is_some();
        assert!(!number(Id::PayloadFormatIndicator, 2));
        assert!(!number(Id::ReceiveMaximum, 0));
        assert!(!number(Id::TopicAliasMaximum, 65_536));
        let topic = property::Property { id: Id::ResponseTopic, value: Value::Text("a/#".to_owned()) };
        assert!(to_wire(&topic).is_none());
    }
}
