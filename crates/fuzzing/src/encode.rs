//! Any packet as bytes and back.

use core::num::{NonZeroU16, NonZeroU32};

use martlet_wire::{
    Ack, Auth, ConnAck, Connect, Delivery, Disconnect, EncodeError, Packet, PacketId, PacketType, Properties,
    Property, ProtocolVersion, Publish, QoS, ReasonCode, ReasonCodes, RetainHandling, SubAck, Subscribe,
    SubscribeRequest, SubscribeRequests, SubscriptionIdentifier, SubscriptionOptions, TopicFilter,
    TopicFilters, TopicName, UnsubAck, Unsubscribe, Will, decode,
};

use crate::source::Source;

/// Builds a packet out of bytes, encodes and decodes it.
///
/// The encoder may refuse it. What it writes has to decode, and to mean what was written.
///
/// # Panics
/// If it does not.
pub fn encode(data: &[u8]) {
    let mut source = Source::new(data);
    let version = *source.pick(&[ProtocolVersion::Mqtt5, ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt31]);
    while !source.is_empty() {
        let mut lists = Lists::default();
        lists.fill(&mut source);
        let will = will(&mut source, &lists);
        let packet = packet(&mut source, version, &lists, will);
        check(version, &packet);
    }
}

fn check(version: ProtocolVersion, packet: &Packet<'_>) {
    let mut bytes = Vec::new();
    match packet.encode(version, &mut bytes) {
        Ok(()) => {
            assert_eq!(packet.encoded_len(version), Ok(bytes.len()));
            let again = match decode(version, &bytes) {
                Ok(again) => again,
                Err(error) => panic!("{packet:?} was written as {bytes:x?}, and that is {error}"),
            };
            if version.has_properties() {
                assert_eq!(again, *packet, "written as {bytes:x?}");
            }
            let mut twice = Vec::new();
            again.encode(version, &mut twice).expect("what was decoded can be encoded");
            assert_eq!(twice, bytes);
        }
        Err(error) => {
            assert!(bytes.is_empty(), "nothing is written on {error}");
            assert_ne!(error, EncodeError::TooLong, "these packets are small");
        }
    }
}

/// What packets borrow.
#[derive(Default)]
struct Lists<'a> {
    texts: Vec<&'a str>,
    bytes: &'a [u8],
    properties: Vec<Property<'a>>,
    will_properties: Vec<Property<'a>>,
    requests: Vec<SubscribeRequest<'a>>,
    filters: Vec<TopicFilter<'a>>,
    codes: Vec<ReasonCode>,
}

impl<'a> Lists<'a> {
    fn fill(&mut self, source: &mut Source<'a>) {
        for _ in 0..3 {
            self.texts.push(text(source));
        }
        self.bytes = source.bytes();
        for _ in 0..source.below(5) {
            self.properties.extend(property(source));
        }
        for _ in 0..source.below(3) {
            self.will_properties.extend(property(source));
        }
        for _ in 0..source.below(4) {
            if let Ok(filter) = TopicFilter::parse(text(source)) {
                self.filters.push(filter);
                self.requests.push(SubscribeRequest { filter, options: options(source) });
            }
        }
        for _ in 0..source.below(4) {
            self.codes.extend(ReasonCode::from_u8(source.u8()));
        }
    }
}

/// Some text: often a short one that is a good Topic Name or Filter, else whatever the bytes are.
fn text<'a>(source: &mut Source<'a>) -> &'a str {
    const USUAL: [&str; 8] = ["a", "a/b", "", "+", "#", "a/+/b", "$share/g/a/#", "\u{e9}/\u{1F600}"];
    if source.bool() {
        return USUAL[source.below(USUAL.len())];
    }
    core::str::from_utf8(source.bytes()).unwrap_or("x")
}

fn options(source: &mut Source<'_>) -> SubscriptionOptions {
    SubscriptionOptions {
        maximum_qos: qos(source),
        no_local: source.bool(),
        retain_as_published: source.bool(),
        retain_handling: *source.pick(&[
            RetainHandling::SendAtSubscribe,
            RetainHandling::SendIfNew,
            RetainHandling::DoNotSend,
        ]),
    }
}

fn qos(source: &mut Source<'_>) -> QoS {
    *source.pick(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
}

fn packet_id(source: &mut Source<'_>) -> PacketId {
    PacketId::new(source.u16()).unwrap_or(PacketId::MIN)
}

fn property<'a>(source: &mut Source<'a>) -> Option<Property<'a>> {
    Some(match source.below(27) {
        0 => Property::PayloadFormatIndicator(source.bool()),
        1 => Property::MessageExpiryInterval(source.u32()),
        2 => Property::ContentType(text(source)),
        3 => Property::ResponseTopic(TopicName::parse(text(source)).ok()?),
        4 => Property::CorrelationData(source.bytes()),
        5 => Property::SubscriptionIdentifier(SubscriptionIdentifier::new(source.u32())?),
        6 => Property::SessionExpiryInterval(source.u32()),
        7 => Property::AssignedClientIdentifier(text(source)),
        8 => Property::ServerKeepAlive(source.u16()),
        9 => Property::AuthenticationMethod(text(source)),
        10 => Property::AuthenticationData(source.bytes()),
        11 => Property::RequestProblemInformation(source.bool()),
        12 => Property::WillDelayInterval(source.u32()),
        13 => Property::RequestResponseInformation(source.bool()),
        14 => Property::ResponseInformation(text(source)),
        15 => Property::ServerReference(text(source)),
        16 => Property::ReasonString(text(source)),
        17 => Property::ReceiveMaximum(NonZeroU16::new(source.u16())?),
        18 => Property::TopicAliasMaximum(source.u16()),
        19 => Property::TopicAlias(source.u16()),
        20 => Property::MaximumQos(qos(source)),
        21 => Property::RetainAvailable(source.bool()),
        22 => Property::UserProperty(text(source), text(source)),
        23 => Property::MaximumPacketSize(NonZeroU32::new(source.u32())?),
        24 => Property::WildcardSubscriptionAvailable(source.bool()),
        25 => Property::SubscriptionIdentifierAvailable(source.bool()),
        _ => Property::SharedSubscriptionAvailable(source.bool()),
    })
}

fn will<'a>(source: &mut Source<'_>, lists: &'a Lists<'a>) -> Option<Will<'a>> {
    if source.bool() {
        return None;
    }
    Some(Will {
        topic: TopicName::parse(lists.texts[0]).ok()?,
        payload: lists.bytes,
        qos: qos(source),
        retain: source.bool(),
        properties: Properties::list(&lists.will_properties),
    })
}

fn packet<'a>(
    source: &mut Source<'_>,
    version: ProtocolVersion,
    lists: &'a Lists<'a>,
    will: Option<Will<'a>>,
) -> Packet<'a> {
    let kind = PacketType::from_u8(u8::try_from(source.below(15)).unwrap_or(0) + 1);
    let properties = Properties::list(&lists.properties);
    let reason = lists.codes.first().copied().unwrap_or(ReasonCode::Success);
    let ack = Ack { id: packet_id(source), reason, properties };
    match kind.unwrap_or(PacketType::Publish) {
        PacketType::Connect => Packet::Connect(Connect {
            version,
            bridge: source.bool(),
            clean_start: source.bool(),
            keep_alive: source.u16(),
            properties,
            client_identifier: lists.texts[1],
            will,
            user_name: source.bool().then_some(lists.texts[2]),
            password: source.bool().then_some(lists.bytes),
        }),
        PacketType::ConnAck => {
            Packet::ConnAck(ConnAck { session_present: source.bool(), reason, properties })
        }
        PacketType::Publish => Packet::Publish(Publish {
            topic: TopicName::parse(lists.texts[0]).ok(),
            delivery: Delivery::new(qos(source), source.bool(), ack.id),
            retain: source.bool(),
            properties,
            payload: lists.bytes,
        }),
        PacketType::PubAck => Packet::PubAck(ack),
        PacketType::PubRec => Packet::PubRec(ack),
        PacketType::PubRel => Packet::PubRel(ack),
        PacketType::PubComp => Packet::PubComp(ack),
        PacketType::Subscribe => Packet::Subscribe(Subscribe {
            id: ack.id,
            properties,
            requests: SubscribeRequests::list(&lists.requests),
        }),
        PacketType::SubAck => {
            Packet::SubAck(SubAck { id: ack.id, properties, codes: ReasonCodes::list(&lists.codes) })
        }
        PacketType::Unsubscribe => Packet::Unsubscribe(Unsubscribe {
            id: ack.id,
            properties,
            filters: TopicFilters::list(&lists.filters),
        }),
        PacketType::UnsubAck => {
            Packet::UnsubAck(UnsubAck { id: ack.id, properties, codes: ReasonCodes::list(&lists.codes) })
        }
        PacketType::PingReq => Packet::PingReq,
        PacketType::PingResp => Packet::PingResp,
        PacketType::Disconnect => Packet::Disconnect(Disconnect { reason, properties }),
        PacketType::Auth => Packet::Auth(Auth { reason, properties }),
    }
}
