//! Builders for the packets that a client sends, and the acknowledgements without a builder.
//!
//! A builder borrows what it is given; its `packet` borrows from the builder, so
//! `client.send(&publish("a").payload(b"x").packet())` works in one statement.

use martlet_wire::{
    Ack, Auth, Connect, Delivery, Disconnect, Packet, PacketId, Properties, Property, ProtocolVersion,
    Publish, QoS, ReasonCode, Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionOptions,
    TopicFilter, TopicFilters, TopicName, Unsubscribe, Will,
};

/// A Packet Identifier.
///
/// # Panics
/// If `id` is 0: such packets are written as raw bytes.
pub fn packet_id(id: u16) -> PacketId {
    PacketId::new(id).expect("a Packet Identifier is not 0")
}

/// A Topic Name.
///
/// # Panics
/// If `text` is none: such packets are written as raw bytes.
pub fn topic_name(text: &str) -> TopicName<'_> {
    TopicName::parse(text).expect("a valid Topic Name")
}

/// A Topic Filter.
///
/// # Panics
/// If `text` is none: such packets are written as raw bytes.
pub fn topic_filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::parse(text).expect("a valid Topic Filter")
}

/// Subscription Options with this Maximum QoS and else the defaults.
pub fn options(maximum_qos: QoS) -> SubscriptionOptions {
    SubscriptionOptions { maximum_qos, ..SubscriptionOptions::default() }
}

/// Anything that says how to subscribe: Subscription Options, or a QoS alone.
#[derive(Clone, Copy, Debug)]
pub struct Wanted(pub SubscriptionOptions);

impl From<QoS> for Wanted {
    fn from(maximum_qos: QoS) -> Self {
        Self(options(maximum_qos))
    }
}

impl From<SubscriptionOptions> for Wanted {
    fn from(options: SubscriptionOptions) -> Self {
        Self(options)
    }
}

/// A CONNECT in the making: Clean Start, Keep Alive 0 (none), no Will, no user, no properties unless told.
#[derive(Clone, Debug)]
pub struct ConnectBuilder<'a> {
    pub(crate) version: ProtocolVersion,
    client_identifier: &'a str,
    clean_start: bool,
    keep_alive: u16,
    properties: Vec<Property<'a>>,
    will: Option<WillBuilder<'a>>,
    user_name: Option<&'a str>,
    password: Option<&'a [u8]>,
}

#[derive(Clone, Debug)]
struct WillBuilder<'a> {
    topic: &'a str,
    payload: &'a [u8],
    qos: QoS,
    retain: bool,
    properties: Vec<Property<'a>>,
}

/// A CONNECT of MQTT 5.0.
pub fn connect5(client_identifier: &str) -> ConnectBuilder<'_> {
    ConnectBuilder::new(ProtocolVersion::Mqtt5, client_identifier)
}

/// A CONNECT of MQTT 3.1.1.
pub fn connect311(client_identifier: &str) -> ConnectBuilder<'_> {
    ConnectBuilder::new(ProtocolVersion::Mqtt311, client_identifier)
}

/// A CONNECT of MQTT 3.1.
pub fn connect31(client_identifier: &str) -> ConnectBuilder<'_> {
    ConnectBuilder::new(ProtocolVersion::Mqtt31, client_identifier)
}

impl<'a> ConnectBuilder<'a> {
    fn new(version: ProtocolVersion, client_identifier: &'a str) -> Self {
        Self {
            version,
            client_identifier,
            clean_start: true,
            keep_alive: 0,
            properties: Vec::new(),
            will: None,
            user_name: None,
            password: None,
        }
    }

    /// Sets Clean Start, in 3.1.1 Clean Session.
    #[must_use]
    pub fn clean_start(mut self, clean_start: bool) -> Self {
        self.clean_start = clean_start;
        self
    }

    /// Sets the Keep Alive in seconds.
    #[must_use]
    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    /// Adds a Session Expiry Interval in seconds (MQTT 5.0).
    #[must_use]
    pub fn session_expiry(self, seconds: u32) -> Self {
        self.property(Property::SessionExpiryInterval(seconds))
    }

    /// Adds a property of the CONNECT (MQTT 5.0).
    #[must_use]
    pub fn property(mut self, property: Property<'a>) -> Self {
        self.properties.push(property);
        self
    }

    /// Adds a Will with QoS 0 and without RETAIN.
    #[must_use]
    pub fn will(mut self, topic: &'a str, payload: &'a [u8]) -> Self {
        let properties = Vec::new();
        self.will = Some(WillBuilder { topic, payload, qos: QoS::AtMostOnce, retain: false, properties });
        self
    }

    /// Sets the QoS of the Will that was added before.
    #[must_use]
    pub fn will_qos(mut self, qos: QoS) -> Self {
        self.the_will().qos = qos;
        self
    }

    /// Sets Will Retain of the Will that was added before.
    #[must_use]
    pub fn will_retain(mut self, retain: bool) -> Self {
        self.the_will().retain = retain;
        self
    }

    /// Adds a property to the Will that was added before (MQTT 5.0).
    #[must_use]
    pub fn will_property(mut self, property: Property<'a>) -> Self {
        self.the_will().properties.push(property);
        self
    }

    /// Adds a Will Delay Interval in seconds to the Will that was added before (MQTT 5.0).
    #[must_use]
    pub fn will_delay(self, seconds: u32) -> Self {
        self.will_property(Property::WillDelayInterval(seconds))
    }

    fn the_will(&mut self) -> &mut WillBuilder<'a> {
        self.will.as_mut().expect("`will` is called before")
    }

    /// Sets the user name.
    #[must_use]
    pub fn user(mut self, user_name: &'a str) -> Self {
        self.user_name = Some(user_name);
        self
    }

    /// Sets the password.
    #[must_use]
    pub fn password(mut self, password: &'a [u8]) -> Self {
        self.password = Some(password);
        self
    }

    /// The packet.
    pub fn packet(&self) -> Packet<'_> {
        let will = self.will.as_ref().map(|will| Will {
            topic: topic_name(will.topic),
            payload: will.payload,
            qos: will.qos,
            retain: will.retain,
            properties: Properties::list(&will.properties),
        });
        Packet::Connect(Connect {
            version: self.version,
            bridge: false,
            clean_start: self.clean_start,
            keep_alive: self.keep_alive,
            properties: Properties::list(&self.properties),
            client_identifier: self.client_identifier,
            will,
            user_name: self.user_name,
            password: self.password,
        })
    }
}

/// A PUBLISH in the making: QoS 0, no RETAIN, empty payload, no properties unless told.
#[derive(Clone, Debug)]
pub struct PublishBuilder<'a> {
    topic: Option<TopicName<'a>>,
    delivery: Delivery,
    retain: bool,
    payload: &'a [u8],
    properties: Vec<Property<'a>>,
}

/// A PUBLISH to `topic`; the empty text sends no Topic Name (a Topic Alias is needed then).
pub fn publish(topic: &str) -> PublishBuilder<'_> {
    PublishBuilder {
        topic: (!topic.is_empty()).then(|| topic_name(topic)),
        delivery: Delivery::AtMostOnce,
        retain: false,
        payload: b"",
        properties: Vec::new(),
    }
}

impl<'a> PublishBuilder<'a> {
    /// Sets the payload.
    #[must_use]
    pub fn payload(mut self, payload: &'a [u8]) -> Self {
        self.payload = payload;
        self
    }

    /// Makes it QoS 1.
    #[must_use]
    pub fn qos1(mut self, id: u16) -> Self {
        self.delivery = Delivery::AtLeastOnce { dup: false, id: packet_id(id) };
        self
    }

    /// Makes it QoS 2.
    #[must_use]
    pub fn qos2(mut self, id: u16) -> Self {
        self.delivery = Delivery::ExactlyOnce { dup: false, id: packet_id(id) };
        self
    }

    /// Sets the QoS; `id` is left out for QoS 0.
    #[must_use]
    pub fn qos(self, qos: QoS, id: u16) -> Self {
        match qos {
            QoS::AtMostOnce => self,
            QoS::AtLeastOnce => self.qos1(id),
            QoS::ExactlyOnce => self.qos2(id),
        }
    }

    /// Sets DUP.
    ///
    /// # Panics
    /// On QoS 0, where no DUP can be.
    #[must_use]
    pub fn dup(mut self) -> Self {
        match &mut self.delivery {
            Delivery::AtMostOnce => panic!("QoS 0 has no DUP"),
            Delivery::AtLeastOnce { dup, .. } | Delivery::ExactlyOnce { dup, .. } => *dup = true,
        }
        self
    }

    /// Sets RETAIN.
    #[must_use]
    pub fn retain(mut self) -> Self {
        self.retain = true;
        self
    }

    /// Adds a property (MQTT 5.0).
    #[must_use]
    pub fn property(mut self, property: Property<'a>) -> Self {
        self.properties.push(property);
        self
    }

    /// The packet.
    pub fn packet(&self) -> Packet<'_> {
        Packet::Publish(Publish {
            topic: self.topic,
            delivery: self.delivery,
            retain: self.retain,
            properties: Properties::list(&self.properties),
            payload: self.payload,
        })
    }
}

/// A SUBSCRIBE in the making.
#[derive(Clone, Debug)]
pub struct SubscribeBuilder<'a> {
    id: u16,
    properties: Vec<Property<'a>>,
    requests: Vec<SubscribeRequest<'a>>,
}

/// A SUBSCRIBE with this Packet Identifier, still without filters.
pub fn subscribe<'a>(id: u16) -> SubscribeBuilder<'a> {
    SubscribeBuilder { id, properties: Vec::new(), requests: Vec::new() }
}

impl<'a> SubscribeBuilder<'a> {
    /// Adds a Topic Filter, with Subscription Options or a QoS alone.
    #[must_use]
    pub fn filter(mut self, filter: &'a str, wanted: impl Into<Wanted>) -> Self {
        self.requests.push(SubscribeRequest { filter: topic_filter(filter), options: wanted.into().0 });
        self
    }

    /// Adds a property (MQTT 5.0).
    #[must_use]
    pub fn property(mut self, property: Property<'a>) -> Self {
        self.properties.push(property);
        self
    }

    /// Adds a Subscription Identifier (MQTT 5.0).
    ///
    /// # Panics
    /// If it is outside of 1 to 268,435,455.
    #[must_use]
    pub fn identifier(self, identifier: u32) -> Self {
        let identifier = martlet_wire::SubscriptionIdentifier::new(identifier).expect("a valid identifier");
        self.property(Property::SubscriptionIdentifier(identifier))
    }

    /// The packet.
    pub fn packet(&self) -> Packet<'_> {
        Packet::Subscribe(Subscribe {
            id: packet_id(self.id),
            properties: Properties::list(&self.properties),
            requests: SubscribeRequests::list(&self.requests),
        })
    }
}

/// An UNSUBSCRIBE in the making.
#[derive(Clone, Debug)]
pub struct UnsubscribeBuilder<'a> {
    id: u16,
    properties: Vec<Property<'a>>,
    filters: Vec<TopicFilter<'a>>,
}

/// An UNSUBSCRIBE with this Packet Identifier, still without filters.
pub fn unsubscribe<'a>(id: u16) -> UnsubscribeBuilder<'a> {
    UnsubscribeBuilder { id, properties: Vec::new(), filters: Vec::new() }
}

impl<'a> UnsubscribeBuilder<'a> {
    /// Adds a Topic Filter.
    #[must_use]
    pub fn filter(mut self, filter: &'a str) -> Self {
        self.filters.push(topic_filter(filter));
        self
    }

    /// Adds a property (MQTT 5.0).
    #[must_use]
    pub fn property(mut self, property: Property<'a>) -> Self {
        self.properties.push(property);
        self
    }

    /// The packet.
    pub fn packet(&self) -> Packet<'_> {
        Packet::Unsubscribe(Unsubscribe {
            id: packet_id(self.id),
            properties: Properties::list(&self.properties),
            filters: TopicFilters::list(&self.filters),
        })
    }
}

/// A packet that is a reason code and properties: an acknowledgement, DISCONNECT or AUTH in the making.
#[derive(Clone, Debug)]
pub struct ReasonBuilder<'a> {
    kind: ReasonKind,
    reason: ReasonCode,
    properties: Vec<Property<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum ReasonKind {
    PubAck(u16),
    PubRec(u16),
    PubRel(u16),
    PubComp(u16),
    Disconnect,
    Auth,
}

/// A PUBACK.
pub fn puback<'a>(id: u16) -> ReasonBuilder<'a> {
    ReasonBuilder::new(ReasonKind::PubAck(id), ReasonCode::Success)
}

/// A PUBREC.
pub fn pubrec<'a>(id: u16) -> ReasonBuilder<'a> {
    ReasonBuilder::new(ReasonKind::PubRec(id), ReasonCode::Success)
}

/// A PUBREL.
pub fn pubrel<'a>(id: u16) -> ReasonBuilder<'a> {
    ReasonBuilder::new(ReasonKind::PubRel(id), ReasonCode::Success)
}

/// A PUBCOMP.
pub fn pubcomp<'a>(id: u16) -> ReasonBuilder<'a> {
    ReasonBuilder::new(ReasonKind::PubComp(id), ReasonCode::Success)
}

/// A DISCONNECT.
pub fn disconnect<'a>(reason: ReasonCode) -> ReasonBuilder<'a> {
    ReasonBuilder::new(ReasonKind::Disconnect, reason)
}

/// An AUTH (MQTT 5.0).
pub fn auth<'a>(reason: ReasonCode) -> ReasonBuilder<'a> {
    ReasonBuilder::new(ReasonKind::Auth, reason)
}

impl<'a> ReasonBuilder<'a> {
    fn new(kind: ReasonKind, reason: ReasonCode) -> Self {
        Self { kind, reason, properties: Vec::new() }
    }

    /// Sets the reason code.
    #[must_use]
    pub fn reason(mut self, reason: ReasonCode) -> Self {
        self.reason = reason;
        self
    }

    /// Adds a property (MQTT 5.0).
    #[must_use]
    pub fn property(mut self, property: Property<'a>) -> Self {
        self.properties.push(property);
        self
    }

    /// The packet.
    pub fn packet(&self) -> Packet<'_> {
        let (reason, properties) = (self.reason, Properties::list(&self.properties));
        let ack = |id| Ack { id: packet_id(id), reason, properties };
        match self.kind {
            ReasonKind::PubAck(id) => Packet::PubAck(ack(id)),
            ReasonKind::PubRec(id) => Packet::PubRec(ack(id)),
            ReasonKind::PubRel(id) => Packet::PubRel(ack(id)),
            ReasonKind::PubComp(id) => Packet::PubComp(ack(id)),
            ReasonKind::Disconnect => Packet::Disconnect(Disconnect { reason, properties }),
            ReasonKind::Auth => Packet::Auth(Auth { reason, properties }),
        }
    }
}
