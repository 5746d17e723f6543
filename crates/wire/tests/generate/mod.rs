//! Packets of all types and versions, by chance.
//!
//! Texts and lists are leaked: packets that borrow from nothing shrink and travel easily, and a test is soon over.

use core::num::{NonZeroU16, NonZeroU32};

use martlet_wire::{
    Ack, Auth, ConnAck, Connect, Delivery, Disconnect, Packet, PacketId, PacketType, Properties, Property,
    PropertyOwner, ProtocolVersion, Publish, QoS, ReasonCode, ReasonCodes, RetainHandling, SubAck, Subscribe,
    SubscribeRequest, SubscribeRequests, SubscriptionIdentifier, SubscriptionOptions, TopicFilter,
    TopicFilters, TopicName, UnsubAck, Unsubscribe, Will,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const VERSIONS: [ProtocolVersion; 3] =
    [ProtocolVersion::Mqtt31, ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5];

pub(crate) fn version() -> impl Strategy<Value = ProtocolVersion> {
    select(&VERSIONS[..])
}

/// A packet that comes back from its bytes as it is: without what the version cannot tell.
pub(crate) fn packet(version: ProtocolVersion) -> BoxedStrategy<Packet<'static>> {
    let acks = prop_oneof![
        ack(version, PacketType::PubAck).prop_map(Packet::PubAck),
        ack(version, PacketType::PubRec).prop_map(Packet::PubRec),
        ack(version, PacketType::PubRel).prop_map(Packet::PubRel),
        ack(version, PacketType::PubComp).prop_map(Packet::PubComp),
    ];
    let common = prop_oneof![
        connect(version).prop_map(Packet::Connect),
        connack(version).prop_map(Packet::ConnAck),
        publish(version).prop_map(Packet::Publish),
        subscribe(version).prop_map(Packet::Subscribe),
        suback(version).prop_map(Packet::SubAck),
        unsubscribe(version).prop_map(Packet::Unsubscribe),
        unsuback(version).prop_map(Packet::UnsubAck),
        disconnect(version).prop_map(Packet::Disconnect),
        select(vec![Packet::PingReq, Packet::PingResp]),
    ];
    if version.has_properties() {
        prop_oneof![9 => common, 4 => acks, 1 => auth().prop_map(Packet::Auth)].boxed()
    } else {
        prop_oneof![9 => common, 4 => acks].boxed()
    }
}

fn leak<T: 'static>(list: Vec<T>) -> &'static [T] {
    list.leak()
}

fn bytes(len_max: usize) -> impl Strategy<Value = &'static [u8]> {
    vec(any::<u8>(), 0..=len_max).prop_map(leak)
}

fn character() -> impl Strategy<Value = char> {
    prop_oneof![select(vec!['a', 'b', '/', '$', ' ', 'é', '\u{FEFF}', '\u{1F600}']), any::<char>()]
        .prop_filter("U+0000 is forbidden", |&character| character != '\0')
}

fn text() -> impl Strategy<Value = &'static str> {
    vec(character(), 0..12).prop_map(|characters| &*characters.into_iter().collect::<String>().leak())
}

fn topic_name() -> impl Strategy<Value = TopicName<'static>> {
    text().prop_filter_map("a Topic Name", |text| TopicName::parse(text).ok())
}

fn topic_filter() -> impl Strategy<Value = TopicFilter<'static>> {
    let level =
        prop_oneof![3 => text().prop_map(|text| text.replace(['+', '#', '/'], "")), 1 => Just("+".into())];
    let share = option::of(select(vec!["$share/g/", "$share/über/"]));
    (share, vec(level, 1..5), any::<bool>()).prop_filter_map("a Topic Filter", |(share, mut levels, rest)| {
        levels.extend(rest.then(|| "#".into()));
        let text = share.unwrap_or_default().to_owned() + &levels.join("/");
        TopicFilter::parse(text.leak()).ok()
    })
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    (1..=u16::MAX).prop_map(|id| PacketId::new(id).expect("not zero"))
}

fn qos() -> impl Strategy<Value = QoS> {
    select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
}

fn reason(packet_type: PacketType) -> impl Strategy<Value = ReasonCode> {
    let codes = (0..=u8::MAX).filter_map(ReasonCode::from_u8);
    select(codes.filter(|code| code.allowed_in(packet_type)).collect::<Vec<_>>())
}

fn yes_or_no(make: fn(bool) -> Property<'static>) -> BoxedStrategy<Property<'static>> {
    any::<bool>().prop_map(make).boxed()
}

fn short(make: fn(u16) -> Property<'static>) -> BoxedStrategy<Property<'static>> {
    any::<u16>().prop_map(make).boxed()
}

fn long(make: fn(u32) -> Property<'static>) -> BoxedStrategy<Property<'static>> {
    any::<u32>().prop_map(make).boxed()
}

fn words(make: fn(&'static str) -> Property<'static>) -> BoxedStrategy<Property<'static>> {
    text().prop_map(make).boxed()
}

fn property() -> impl Strategy<Value = Property<'static>> {
    let number = prop_oneof![1_u32..300, 1..=martlet_wire::REMAINING_LENGTH_MAX];
    let number = number.prop_filter_map("an identifier", SubscriptionIdentifier::new);
    proptest::strategy::Union::new([
        yes_or_no(Property::PayloadFormatIndicator),
        long(Property::MessageExpiryInterval),
        words(Property::ContentType),
        topic_name().prop_map(Property::ResponseTopic).boxed(),
        bytes(8).prop_map(Property::CorrelationData).boxed(),
        number.prop_map(Property::SubscriptionIdentifier).boxed(),
        long(Property::SessionExpiryInterval),
        words(Property::AssignedClientIdentifier),
        short(Property::ServerKeepAlive),
        words(Property::AuthenticationMethod),
        bytes(8).prop_map(Property::AuthenticationData).boxed(),
        yes_or_no(Property::RequestProblemInformation),
        long(Property::WillDelayInterval),
        yes_or_no(Property::RequestResponseInformation),
        words(Property::ResponseInformation),
        words(Property::ServerReference),
        words(Property::ReasonString),
        any::<NonZeroU16>().prop_map(Property::ReceiveMaximum).boxed(),
        short(Property::TopicAliasMaximum),
        short(Property::TopicAlias),
        select(vec![QoS::AtMostOnce, QoS::AtLeastOnce]).prop_map(Property::MaximumQos).boxed(),
        yes_or_no(Property::RetainAvailable),
        (text(), text()).prop_map(|(name, value)| Property::UserProperty(name, value)).boxed(),
        any::<NonZeroU32>().prop_map(Property::MaximumPacketSize).boxed(),
        yes_or_no(Property::WildcardSubscriptionAvailable),
        yes_or_no(Property::SubscriptionIdentifierAvailable),
        yes_or_no(Property::SharedSubscriptionAvailable),
    ])
}

/// Properties that `owner` may carry, in any order.
fn properties(version: ProtocolVersion, owner: PropertyOwner) -> BoxedStrategy<Properties<'static>> {
    if !version.has_properties() {
        return Just(Properties::EMPTY).boxed();
    }
    let fitting = move |drawn: Vec<Property<'static>>| {
        let mut list = Vec::new();
        for property in drawn {
            list.push(property);
            if carrier(owner, Properties::list(&list)).encoded_len(version).is_err() {
                list.pop();
            }
        }
        Properties::list(leak(list))
    };
    vec(property(), 0..40).prop_map(fitting).boxed()
}

/// The smallest packet in which `owner` carries the properties.
fn carrier(owner: PropertyOwner, properties: Properties<'_>) -> Packet<'_> {
    let id = PacketId::new(1).expect("not zero");
    let reason = ReasonCode::Success;
    let ack = Ack { id, reason, properties };
    let filter = TopicFilter::parse("a").expect("a valid filter");
    let topic = TopicName::parse("a").expect("a valid name");
    let PropertyOwner::Packet(packet_type) = owner else {
        let will = Will { topic, payload: &[], qos: QoS::AtMostOnce, retain: false, properties };
        return Packet::Connect(bare_connect(Properties::EMPTY, Some(will)));
    };
    match packet_type {
        PacketType::Connect => Packet::Connect(bare_connect(properties, None)),
        PacketType::ConnAck => Packet::ConnAck(ConnAck { session_present: false, reason, properties }),
        PacketType::Publish => {
            let delivery = Delivery::AtMostOnce;
            Packet::Publish(Publish { topic: Some(topic), delivery, retain: false, properties, payload: &[] })
        }
        PacketType::PubAck => Packet::PubAck(ack),
        PacketType::PubRec => Packet::PubRec(ack),
        PacketType::PubRel => Packet::PubRel(ack),
        PacketType::PubComp => Packet::PubComp(ack),
        PacketType::Subscribe => {
            let request = SubscribeRequest { filter, options: SubscriptionOptions::default() };
            let requests = SubscribeRequests::list(leak(vec![request]));
            Packet::Subscribe(Subscribe { id, properties, requests })
        }
        PacketType::SubAck => {
            Packet::SubAck(SubAck { id, properties, codes: ReasonCodes::list(&[ReasonCode::Success]) })
        }
        PacketType::Unsubscribe => Packet::Unsubscribe(Unsubscribe {
            id,
            properties,
            filters: TopicFilters::list(leak(vec![filter])),
        }),
        PacketType::UnsubAck => {
            Packet::UnsubAck(UnsubAck { id, properties, codes: ReasonCodes::list(&[ReasonCode::Success]) })
        }
        PacketType::Disconnect => Packet::Disconnect(Disconnect { reason, properties }),
        PacketType::Auth => Packet::Auth(Auth { reason, properties }),
        PacketType::PingReq | PacketType::PingResp => panic!("{packet_type} has no properties"),
    }
}

fn bare_connect<'a>(properties: Properties<'a>, will: Option<Will<'a>>) -> Connect<'a> {
    Connect {
        version: ProtocolVersion::Mqtt5,
        bridge: false,
        clean_start: true,
        keep_alive: 0,
        properties,
        client_identifier: "",
        will,
        user_name: None,
        password: None,
    }
}

fn will(version: ProtocolVersion) -> impl Strategy<Value = Will<'static>> {
    (topic_name(), bytes(40), qos(), any::<bool>(), properties(version, PropertyOwner::Will)).prop_map(
        |(topic, payload, qos, retain, properties)| Will { topic, payload, qos, retain, properties },
    )
}

fn connect(version: ProtocolVersion) -> impl Strategy<Value = Connect<'static>> {
    let head = (any::<bool>(), any::<bool>(), any::<u16>());
    let names = (text(), option::of(text()), option::of(bytes(20)));
    let properties = properties(version, PropertyOwner::Packet(PacketType::Connect));
    (head, properties, option::of(will(version)), names).prop_map(
        move |(
            (bridge, clean_start, keep_alive),
            properties,
            will,
            (client_identifier, user_name, password),
        )| {
            let old = !version.has_properties();
            let password = password.filter(|_| user_name.is_some() || !old);
            let bridge = bridge && old;
            Connect {
                version,
                bridge,
                clean_start,
                keep_alive,
                properties,
                client_identifier,
                will,
                user_name,
                password,
            }
        },
    )
}

fn connack(version: ProtocolVersion) -> impl Strategy<Value = ConnAck<'static>> {
    let reason = if version.has_properties() {
        reason(PacketType::ConnAck).boxed()
    } else {
        (0_u8..6).prop_filter_map("a return code", ReasonCode::from_connect_return_code).boxed()
    };
    let properties = properties(version, PropertyOwner::Packet(PacketType::ConnAck));
    (any::<bool>(), reason, properties).prop_map(move |(session_present, reason, properties)| {
        let session_present = session_present && !reason.is_error() && version != ProtocolVersion::Mqtt31;
        ConnAck { session_present, reason, properties }
    })
}

fn publish(version: ProtocolVersion) -> impl Strategy<Value = Publish<'static>> {
    let delivery = (qos(), any::<bool>(), packet_id()).prop_map(|(qos, dup, id)| Delivery::new(qos, dup, id));
    let properties = properties(version, PropertyOwner::Packet(PacketType::Publish));
    let without_topic = prop::bool::weighted(0.3);
    (topic_name(), without_topic, delivery, any::<bool>(), properties, bytes(200)).prop_map(
        |(topic, without_topic, delivery, retain, properties, payload)| {
            let has_alias = properties.topic_alias().is_some();
            let topic = Some(topic).filter(|_| !(without_topic && has_alias));
            Publish { topic, delivery, retain, properties, payload }
        },
    )
}

fn ack(version: ProtocolVersion, kind: PacketType) -> impl Strategy<Value = Ack<'static>> {
    let reason =
        if version.has_properties() { reason(kind).boxed() } else { Just(ReasonCode::Success).boxed() };
    let properties = prop_oneof![Just(Properties::EMPTY), properties(version, PropertyOwner::Packet(kind))];
    (packet_id(), reason, properties).prop_map(|(id, reason, properties)| Ack { id, reason, properties })
}

fn subscribe(version: ProtocolVersion) -> impl Strategy<Value = Subscribe<'static>> {
    let handling = [RetainHandling::SendAtSubscribe, RetainHandling::SendIfNew, RetainHandling::DoNotSend];
    let flags = (any::<bool>(), any::<bool>(), select(handling.to_vec()));
    let request = (topic_filter(), qos(), flags).prop_map(
        move |(filter, maximum_qos, (no_local, retain_as_published, retain_handling))| {
            let no_local = no_local && filter.share().is_none();
            let options = if version.has_properties() {
                SubscriptionOptions { maximum_qos, no_local, retain_as_published, retain_handling }
            } else {
                SubscriptionOptions { maximum_qos, ..Default::default() }
            };
            SubscribeRequest { filter, options }
        },
    );
    let properties = properties(version, PropertyOwner::Packet(PacketType::Subscribe));
    (packet_id(), properties, vec(request, 1..5)).prop_map(|(id, properties, requests)| Subscribe {
        id,
        properties,
        requests: SubscribeRequests::list(leak(requests)),
    })
}

fn suback(version: ProtocolVersion) -> impl Strategy<Value = SubAck<'static>> {
    let code = reason(PacketType::SubAck).prop_map(move |code| match code {
        failure if failure.is_error() && !version.has_properties() => ReasonCode::UnspecifiedError,
        code => code,
    });
    let properties = properties(version, PropertyOwner::Packet(PacketType::SubAck));
    (packet_id(), properties, vec(code, 1..9)).prop_map(|(id, properties, codes)| SubAck {
        id,
        properties,
        codes: ReasonCodes::list(leak(codes)),
    })
}

fn unsubscribe(version: ProtocolVersion) -> impl Strategy<Value = Unsubscribe<'static>> {
    let properties = properties(version, PropertyOwner::Packet(PacketType::Unsubscribe));
    (packet_id(), properties, vec(topic_filter(), 1..5)).prop_map(|(id, properties, filters)| Unsubscribe {
        id,
        properties,
        filters: TopicFilters::list(leak(filters)),
    })
}

fn unsuback(version: ProtocolVersion) -> impl Strategy<Value = UnsubAck<'static>> {
    let properties = properties(version, PropertyOwner::Packet(PacketType::UnsubAck));
    (packet_id(), properties, vec(reason(PacketType::UnsubAck), 1..9)).prop_map(
        move |(id, properties, codes)| {
            let codes =
                if version.has_properties() { ReasonCodes::list(leak(codes)) } else { ReasonCodes::EMPTY };
            UnsubAck { id, properties, codes }
        },
    )
}

fn disconnect(version: ProtocolVersion) -> impl Strategy<Value = Disconnect<'static>> {
    let kind = PacketType::Disconnect;
    let reason =
        if version.has_properties() { reason(kind).boxed() } else { Just(ReasonCode::Success).boxed() };
    let properties = prop_oneof![Just(Properties::EMPTY), properties(version, PropertyOwner::Packet(kind))];
    (reason, properties).prop_map(|(reason, properties)| Disconnect { reason, properties })
}

fn auth() -> impl Strategy<Value = Auth<'static>> {
    let properties = properties(ProtocolVersion::Mqtt5, PropertyOwner::Packet(PacketType::Auth));
    (reason(PacketType::Auth), properties).prop_map(|(reason, properties)| Auth { reason, properties })
}
