//! Packets from the broker as owned values, easy to assert on.

use core::ops::Deref;

use martlet_wire::{Packet, PacketType, Properties, Property, ProtocolVersion, QoS, ReasonCode};

/// A property of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum OwnedProperty {
    PayloadFormatIndicator(bool),
    MessageExpiryInterval(u32),
    ContentType(String),
    ResponseTopic(String),
    CorrelationData(Vec<u8>),
    SubscriptionIdentifier(u32),
    SessionExpiryInterval(u32),
    AssignedClientIdentifier(String),
    ServerKeepAlive(u16),
    AuthenticationMethod(String),
    AuthenticationData(Vec<u8>),
    RequestProblemInformation(bool),
    WillDelayInterval(u32),
    RequestResponseInformation(bool),
    ResponseInformation(String),
    ServerReference(String),
    ReasonString(String),
    ReceiveMaximum(u16),
    TopicAliasMaximum(u16),
    TopicAlias(u16),
    MaximumQos(QoS),
    RetainAvailable(bool),
    UserProperty(String, String),
    MaximumPacketSize(u32),
    WildcardSubscriptionAvailable(bool),
    SubscriptionIdentifierAvailable(bool),
    SharedSubscriptionAvailable(bool),
}

impl From<Property<'_>> for OwnedProperty {
    fn from(property: Property<'_>) -> Self {
        match property {
            Property::PayloadFormatIndicator(value) => Self::PayloadFormatIndicator(value),
            Property::MessageExpiryInterval(value) => Self::MessageExpiryInterval(value),
            Property::ContentType(value) => Self::ContentType(value.into()),
            Property::ResponseTopic(value) => Self::ResponseTopic(value.as_str().into()),
            Property::CorrelationData(value) => Self::CorrelationData(value.into()),
            Property::SubscriptionIdentifier(value) => Self::SubscriptionIdentifier(value.get()),
            Property::SessionExpiryInterval(value) => Self::SessionExpiryInterval(value),
            Property::AssignedClientIdentifier(value) => Self::AssignedClientIdentifier(value.into()),
            Property::ServerKeepAlive(value) => Self::ServerKeepAlive(value),
            Property::AuthenticationMethod(value) => Self::AuthenticationMethod(value.into()),
            Property::AuthenticationData(value) => Self::AuthenticationData(value.into()),
            Property::RequestProblemInformation(value) => Self::RequestProblemInformation(value),
            Property::WillDelayInterval(value) => Self::WillDelayInterval(value),
            Property::RequestResponseInformation(value) => Self::RequestResponseInformation(value),
            Property::ResponseInformation(value) => Self::ResponseInformation(value.into()),
            Property::ServerReference(value) => Self::ServerReference(value.into()),
            Property::ReasonString(value) => Self::ReasonString(value.into()),
            Property::ReceiveMaximum(value) => Self::ReceiveMaximum(value.get()),
            Property::TopicAliasMaximum(value) => Self::TopicAliasMaximum(value),
            Property::TopicAlias(value) => Self::TopicAlias(value),
            Property::MaximumQos(value) => Self::MaximumQos(value),
            Property::RetainAvailable(value) => Self::RetainAvailable(value),
            Property::UserProperty(name, value) => Self::UserProperty(name.into(), value.into()),
            Property::MaximumPacketSize(value) => Self::MaximumPacketSize(value.get()),
            Property::WildcardSubscriptionAvailable(value) => Self::WildcardSubscriptionAvailable(value),
            Property::SubscriptionIdentifierAvailable(value) => Self::SubscriptionIdentifierAvailable(value),
            Property::SharedSubscriptionAvailable(value) => Self::SharedSubscriptionAvailable(value),
        }
    }
}

/// The properties of a packet in the order of the wire: a slice with a lookup for each single-valued one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedProperties(pub Vec<OwnedProperty>);

macro_rules! lookups {
    ($($(#[$meta:meta])* $name:ident: $variant:ident -> $kind:ty;)*) => {
        $($(#[$meta])*
        pub fn $name(&self) -> Option<$kind> {
            self.0.iter().find_map(|property| match property {
                OwnedProperty::$variant(value) => Some(value.clone()),
                _ => None,
            })
        })*
    };
}

impl OwnedProperties {
    lookups! {
        /// Payload Format Indicator.
        payload_format_indicator: PayloadFormatIndicator -> bool;
        /// Message Expiry Interval in seconds.
        message_expiry_interval: MessageExpiryInterval -> u32;
        /// Content Type.
        content_type: ContentType -> String;
        /// Response Topic.
        response_topic: ResponseTopic -> String;
        /// Correlation Data.
        correlation_data: CorrelationData -> Vec<u8>;
        /// Session Expiry Interval in seconds.
        session_expiry_interval: SessionExpiryInterval -> u32;
        /// Assigned Client Identifier.
        assigned_client_identifier: AssignedClientIdentifier -> String;
        /// Server Keep Alive in seconds.
        server_keep_alive: ServerKeepAlive -> u16;
        /// Authentication Method.
        authentication_method: AuthenticationMethod -> String;
        /// Authentication Data.
        authentication_data: AuthenticationData -> Vec<u8>;
        /// Response Information.
        response_information: ResponseInformation -> String;
        /// Server Reference.
        server_reference: ServerReference -> String;
        /// Reason String.
        reason_string: ReasonString -> String;
        /// Receive Maximum.
        receive_maximum: ReceiveMaximum -> u16;
        /// Topic Alias Maximum.
        topic_alias_maximum: TopicAliasMaximum -> u16;
        /// Topic Alias.
        topic_alias: TopicAlias -> u16;
        /// Maximum QoS.
        maximum_qos: MaximumQos -> QoS;
        /// Retain Available.
        retain_available: RetainAvailable -> bool;
        /// Maximum Packet Size in bytes.
        maximum_packet_size: MaximumPacketSize -> u32;
        /// Wildcard Subscription Available.
        wildcard_subscription_available: WildcardSubscriptionAvailable -> bool;
        /// Subscription Identifier Available.
        subscription_identifier_available: SubscriptionIdentifierAvailable -> bool;
        /// Shared Subscription Available.
        shared_subscription_available: SharedSubscriptionAvailable -> bool;
    }

    /// All Subscription Identifiers, sorted.
    pub fn subscription_identifiers(&self) -> Vec<u32> {
        let mut identifiers: Vec<u32> = self
            .0
            .iter()
            .filter_map(|property| match property {
                OwnedProperty::SubscriptionIdentifier(value) => Some(*value),
                _ => None,
            })
            .collect();
        identifiers.sort_unstable();
        identifiers
    }

    /// All User Properties, in order.
    pub fn user_properties(&self) -> Vec<(&str, &str)> {
        self.0
            .iter()
            .filter_map(|property| match property {
                OwnedProperty::UserProperty(name, value) => Some((name.as_str(), value.as_str())),
                _ => None,
            })
            .collect()
    }
}

impl Deref for OwnedProperties {
    type Target = [OwnedProperty];

    fn deref(&self) -> &[OwnedProperty] {
        &self.0
    }
}

impl From<Properties<'_>> for OwnedProperties {
    fn from(properties: Properties<'_>) -> Self {
        Self(properties.iter().map(OwnedProperty::from).collect())
    }
}

/// A CONNACK.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the standard")]
pub struct OwnedConnAck {
    pub session_present: bool,
    pub reason: ReasonCode,
    pub properties: OwnedProperties,
}

/// A PUBLISH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedPublish {
    /// The Topic Name; if the packet carried only a Topic Alias, the name that the connection knows for it.
    pub topic: String,
    /// The Topic Name as it stood in the packet: empty if there was only a Topic Alias.
    pub topic_on_the_wire: String,
    /// The QoS.
    pub qos: QoS,
    /// The Packet Identifier; 0 on QoS 0.
    pub id: u16,
    /// DUP.
    pub dup: bool,
    /// RETAIN.
    pub retain: bool,
    /// The payload.
    pub payload: Vec<u8>,
    /// The properties, the Topic Alias among them.
    pub properties: OwnedProperties,
}

/// A PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the standard")]
pub struct OwnedAck {
    pub id: u16,
    pub reason: ReasonCode,
    pub properties: OwnedProperties,
}

/// A SUBACK or UNSUBACK.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the standard")]
pub struct OwnedCodes {
    pub id: u16,
    pub codes: Vec<ReasonCode>,
    pub properties: OwnedProperties,
}

/// A DISCONNECT or AUTH.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the standard")]
pub struct OwnedReason {
    pub reason: ReasonCode,
    pub properties: OwnedProperties,
}

/// A packet that a broker sends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are those of the standard")]
pub enum OwnedPacket {
    ConnAck(OwnedConnAck),
    Publish(OwnedPublish),
    PubAck(OwnedAck),
    PubRec(OwnedAck),
    PubRel(OwnedAck),
    PubComp(OwnedAck),
    SubAck(OwnedCodes),
    UnsubAck(OwnedCodes),
    PingResp,
    Disconnect(OwnedReason),
    Auth(OwnedReason),
    /// A packet that no broker may send.
    Forbidden(PacketType),
}

impl OwnedPacket {
    /// Reads one whole packet.
    ///
    /// # Panics
    /// If the bytes are no packet of this version.
    pub fn decode(version: ProtocolVersion, bytes: &[u8]) -> Self {
        match martlet_wire::decode(version, bytes) {
            Ok(packet) => Self::from(packet),
            Err(error) => panic!("the broker sent a malformed packet ({error}): {bytes:02x?}"),
        }
    }
}

impl From<Packet<'_>> for OwnedPacket {
    fn from(packet: Packet<'_>) -> Self {
        let ack = |ack: martlet_wire::Ack<'_>| OwnedAck {
            id: ack.id.get(),
            reason: ack.reason,
            properties: ack.properties.into(),
        };
        match packet {
            Packet::ConnAck(connack) => Self::ConnAck(OwnedConnAck {
                session_present: connack.session_present,
                reason: connack.reason,
                properties: connack.properties.into(),
            }),
            Packet::Publish(publish) => {
                let topic = publish.topic.map_or(String::new(), |topic| topic.as_str().into());
                Self::Publish(OwnedPublish {
                    topic: topic.clone(),
                    topic_on_the_wire: topic,
                    qos: publish.delivery.qos(),
                    id: publish.delivery.packet_id().map_or(0, martlet_wire::PacketId::get),
                    dup: publish.delivery.dup(),
                    retain: publish.retain,
                    payload: publish.payload.into(),
                    properties: publish.properties.into(),
                })
            }
            Packet::PubAck(inner) => Self::PubAck(ack(inner)),
            Packet::PubRec(inner) => Self::PubRec(ack(inner)),
            Packet::PubRel(inner) => Self::PubRel(ack(inner)),
            Packet::PubComp(inner) => Self::PubComp(ack(inner)),
            Packet::SubAck(suback) => Self::SubAck(OwnedCodes {
                id: suback.id.get(),
                codes: suback.codes.iter().collect(),
                properties: suback.properties.into(),
            }),
            Packet::UnsubAck(unsuback) => Self::UnsubAck(OwnedCodes {
                id: unsuback.id.get(),
                codes: unsuback.codes.iter().collect(),
                properties: unsuback.properties.into(),
            }),
            Packet::PingResp => Self::PingResp,
            Packet::Disconnect(inner) => {
                Self::Disconnect(OwnedReason { reason: inner.reason, properties: inner.properties.into() })
            }
            Packet::Auth(inner) => {
                Self::Auth(OwnedReason { reason: inner.reason, properties: inner.properties.into() })
            }
            Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::PingReq => {
                Self::Forbidden(packet.packet_type())
            }
        }
    }
}
