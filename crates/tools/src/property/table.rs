//! The table of properties: name, kind of value, packets.

/// Who can carry properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the standard's packet names explain themselves")]
pub enum Command {
    Connect,
    Connack,
    Publish,
    Puback,
    Pubrec,
    Pubrel,
    Pubcomp,
    Subscribe,
    Suback,
    Unsubscribe,
    Unsuback,
    Disconnect,
    Auth,
    /// The Will of a CONNECT.
    Will,
}

/// What a property's value is. The numbers are those that Mosquitto prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One byte.
    Byte = 1,
    /// A number of two bytes.
    TwoBytes = 2,
    /// A number of four bytes.
    FourBytes = 3,
    /// A number from 1 to 268,435,455.
    Variable = 4,
    /// Bytes.
    Binary = 5,
    /// UTF-8 text.
    Text = 6,
    /// Two UTF-8 texts.
    Pair = 7,
}

/// A property of MQTT 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the standard's property names explain themselves")]
pub enum PropertyId {
    PayloadFormatIndicator,
    MessageExpiryInterval,
    ContentType,
    ResponseTopic,
    CorrelationData,
    SubscriptionIdentifier,
    SessionExpiryInterval,
    AssignedClientIdentifier,
    ServerKeepAlive,
    AuthenticationMethod,
    AuthenticationData,
    RequestProblemInformation,
    WillDelayInterval,
    RequestResponseInformation,
    ResponseInformation,
    ServerReference,
    ReasonString,
    ReceiveMaximum,
    TopicAliasMaximum,
    TopicAlias,
    MaximumQos,
    RetainAvailable,
    UserProperty,
    MaximumPacketSize,
    WildcardSubscriptionAvailable,
    SubscriptionIdentifierAvailable,
    SharedSubscriptionAvailable,
}

use Command::{
    Auth, Connack, Connect, Disconnect, Puback, Pubcomp, Publish, Pubrec, Pubrel, Suback, Subscribe,
    Unsuback, Unsubscribe, Will,
};
use PropertyId as Id;

/// The name of each carrier.
const COMMANDS: [(&str, Command); 14] = [
    ("connect", Connect),
    ("connack", Connack),
    ("publish", Publish),
    ("puback", Puback),
    ("pubrec", Pubrec),
    ("pubrel", Pubrel),
    ("pubcomp", Pubcomp),
    ("subscribe", Subscribe),
    ("suback", Suback),
    ("unsubscribe", Unsubscribe),
    ("unsuback", Unsuback),
    ("disconnect", Disconnect),
    ("auth", Auth),
    ("will", Will),
];

const MESSAGE: &[Command] = &[Publish, Will];
const HELLO: &[Command] = &[Connect, Connack];
const AUTHENTICATION: &[Command] = &[Connect, Connack, Auth];
const REASONS: &[Command] = &[Connack, Puback, Pubrec, Pubrel, Pubcomp, Suback, Unsuback, Disconnect, Auth];
const EVERYONE: &[Command] = &[
    Connect,
    Connack,
    Publish,
    Puback,
    Pubrec,
    Pubrel,
    Pubcomp,
    Subscribe,
    Suback,
    Unsubscribe,
    Unsuback,
    Disconnect,
    Auth,
    Will,
];

type Row = (Id, &'static str, Kind, &'static [Command]);

/// In the order of [`PropertyId`], which `rows_stand_in_order` checks.
const PROPERTIES: [Row; 27] = [
    (Id::PayloadFormatIndicator, "payload-format-indicator", Kind::Byte, MESSAGE),
    (Id::MessageExpiryInterval, "message-expiry-interval", Kind::FourBytes, MESSAGE),
    (Id::ContentType, "content-type", Kind::Text, MESSAGE),
    (Id::ResponseTopic, "response-topic", Kind::Text, MESSAGE),
    (Id::CorrelationData, "correlation-data", Kind::Binary, MESSAGE),
    (Id::SubscriptionIdentifier, "subscription-identifier", Kind::Variable, &[Publish, Subscribe]),
    (Id::SessionExpiryInterval, "session-expiry-interval", Kind::FourBytes, &[Connect, Connack, Disconnect]),
    (Id::AssignedClientIdentifier, "assigned-client-identifier", Kind::Text, &[Connack]),
    (Id::ServerKeepAlive, "server-keep-alive", Kind::TwoBytes, &[Connack]),
    (Id::AuthenticationMethod, "authentication-method", Kind::Text, AUTHENTICATION),
    (Id::AuthenticationData, "authentication-data", Kind::Binary, AUTHENTICATION),
    (Id::RequestProblemInformation, "request-problem-information", Kind::Byte, &[Connect]),
    (Id::WillDelayInterval, "will-delay-interval", Kind::FourBytes, &[Will]),
    (Id::RequestResponseInformation, "request-response-information", Kind::Byte, &[Connect]),
    (Id::ResponseInformation, "response-information", Kind::Text, &[Connack]),
    (Id::ServerReference, "server-reference", Kind::Text, &[Connack, Disconnect]),
    (Id::ReasonString, "reason-string", Kind::Text, REASONS),
    (Id::ReceiveMaximum, "receive-maximum", Kind::TwoBytes, HELLO),
    (Id::TopicAliasMaximum, "topic-alias-maximum", Kind::TwoBytes, HELLO),
    (Id::TopicAlias, "topic-alias", Kind::TwoBytes, &[Publish]),
    (Id::MaximumQos, "maximum-qos", Kind::Byte, &[Connack]),
    (Id::RetainAvailable, "retain-available", Kind::Byte, &[Connack]),
    (Id::UserProperty, "user-property", Kind::Pair, EVERYONE),
    (Id::MaximumPacketSize, "maximum-packet-size", Kind::FourBytes, HELLO),
    (Id::WildcardSubscriptionAvailable, "wildcard-subscription-available", Kind::Byte, &[Connack]),
    (Id::SubscriptionIdentifierAvailable, "subscription-identifier-available", Kind::Byte, &[Connack]),
    (Id::SharedSubscriptionAvailable, "shared-subscription-available", Kind::Byte, &[Connack]),
];

impl Command {
    /// The carrier of this name, in whichever case.
    pub fn named(name: &str) -> Option<Self> {
        COMMANDS.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, command)| *command)
    }
}

impl PropertyId {
    /// The property of this name, in whichever case.
    pub fn named(name: &str) -> Option<Self> {
        PROPERTIES.iter().find(|row| row.1.eq_ignore_ascii_case(name)).map(|row| row.0)
    }

    /// Every property, in the order of its number in the standard.
    pub fn all() -> impl Iterator<Item = Self> {
        PROPERTIES.iter().map(|row| row.0)
    }

    /// Its name, such as `content-type`.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// What its value is.
    pub const fn kind(self) -> Kind {
        self.row().2
    }

    /// Whether the standard lets this packet carry it.
    pub fn allowed_in(self, command: Command) -> bool {
        self.row().3.contains(&command)
    }

    const fn row(self) -> &'static Row {
        &PROPERTIES[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_order() {
        for (place, row) in PROPERTIES.iter().enumerate() {
            assert_eq!(row.0 as usize, place, "{}", row.1);
            assert_eq!(Id::named(row.1), Some(row.0));
        }
    }
}
