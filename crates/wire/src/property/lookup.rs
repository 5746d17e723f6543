//! Looking up single properties.
//!
//! A look-up in a received section steps over the other properties without reading their values, and is no work at all
//! where the property is not there.

use core::num::{NonZeroU16, NonZeroU32};

use super::properties::Properties;
use super::{Property, SubscriptionIdentifier};
use crate::packet::QoS;
use crate::primitive::Reader;
use crate::topic::TopicName;

macro_rules! lookups {
    ($($(#[$doc:meta])* $name:ident, $identifier:literal, $variant:ident, $value:ty;)*) => {
        impl<'a> Properties<'a> {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> Option<$value> {
                    match self.find($identifier)? {
                        Property::$variant(value) => Some(value),
                        _ => None,
                    }
                }
            )*
        }
    };
}

lookups! {
    /// Whether the payload is UTF-8 text.
    payload_format_indicator, 0x01, PayloadFormatIndicator, bool;
    /// How long the message is worth delivering, in seconds.
    message_expiry_interval, 0x02, MessageExpiryInterval, u32;
    /// What the payload is.
    content_type, 0x03, ContentType, &'a str;
    /// Where an answer should be published.
    response_topic, 0x08, ResponseTopic, TopicName<'a>;
    /// What an answer should repeat.
    correlation_data, 0x09, CorrelationData, &'a [u8];
    /// How long the Session outlives its connection, in seconds; `u32::MAX` means for ever.
    session_expiry_interval, 0x11, SessionExpiryInterval, u32;
    /// The Client Identifier that the server chose.
    assigned_client_identifier, 0x12, AssignedClientIdentifier, &'a str;
    /// The Keep Alive that the server wants, in seconds.
    server_keep_alive, 0x13, ServerKeepAlive, u16;
    /// The name of the authentication method.
    authentication_method, 0x15, AuthenticationMethod, &'a str;
    /// What the authentication method exchanges. A secret.
    authentication_data, 0x16, AuthenticationData, &'a [u8];
    /// Whether reason strings and user properties may come in any packet.
    request_problem_information, 0x17, RequestProblemInformation, bool;
    /// How long the Will waits after the end of the connection, in seconds.
    will_delay_interval, 0x18, WillDelayInterval, u32;
    /// Whether the client wants Response Information.
    request_response_information, 0x19, RequestResponseInformation, bool;
    /// The basis of response topics.
    response_information, 0x1A, ResponseInformation, &'a str;
    /// Another server to use.
    server_reference, 0x1C, ServerReference, &'a str;
    /// The reason, for people.
    reason_string, 0x1F, ReasonString, &'a str;
    /// How many QoS 1 and 2 messages the sender of the property takes at once.
    receive_maximum, 0x21, ReceiveMaximum, NonZeroU16;
    /// The largest Topic Alias that the sender of the property takes.
    topic_alias_maximum, 0x22, TopicAliasMaximum, u16;
    /// A number for the Topic Name. May be 0, which is forbidden [MQTT-3.3.2-8].
    topic_alias, 0x23, TopicAlias, u16;
    /// The highest QoS that the server takes, 0 or 1.
    maximum_qos, 0x24, MaximumQos, QoS;
    /// Whether the server has retained messages.
    retain_available, 0x25, RetainAvailable, bool;
    /// The largest packet that the sender of the property takes, in bytes.
    maximum_packet_size, 0x27, MaximumPacketSize, NonZeroU32;
    /// Whether the server has wildcard subscriptions.
    wildcard_subscription_available, 0x28, WildcardSubscriptionAvailable, bool;
    /// Whether the server has Subscription Identifiers.
    subscription_identifier_available, 0x29, SubscriptionIdentifierAvailable, bool;
    /// Whether the server has Shared Subscriptions.
    shared_subscription_available, 0x2A, SharedSubscriptionAvailable, bool;
}

impl<'a> Properties<'a> {
    /// Iterates over the numbers of the subscriptions: several in a PUBLISH, at most one in a SUBSCRIBE.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = SubscriptionIdentifier> + Clone + use<'a> {
        self.find_all(0x0B).filter_map(|property| match property {
            Property::SubscriptionIdentifier(identifier) => Some(identifier),
            _ => None,
        })
    }

    /// Iterates over the names and values for applications, in their order.
    pub fn user_properties(&self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone + use<'a> {
        self.find_all(0x26).filter_map(|property| match property {
            Property::UserProperty(name, value) => Some((name, value)),
            _ => None,
        })
    }

    fn find(&self, identifier: u8) -> Option<Property<'a>> {
        self.find_all(identifier).next()
    }

    fn find_all(&self, identifier: u8) -> impl Iterator<Item = Property<'a>> + Clone + use<'a> {
        let listed =
            self.listed().iter().copied().filter(move |property| property.identifier() == identifier);
        let received = self.is_present(identifier).then(|| self.raw()).into_iter().flatten();
        let received = received
            .filter(move |&(found, _)| found == identifier)
            .filter_map(|(found, value)| Property::read(found, &mut Reader::new(value)).ok());
        listed.chain(received)
    }
}
