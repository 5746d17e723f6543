//! Packets of clients, mostly good ones, out of few bytes: a fuzzer would take long to find them.

use core::num::{NonZeroU16, NonZeroU32};

use martlet_wire::{
    Ack, Auth, Connect, Delivery, Disconnect, Packet, PacketId, Properties, Property, ProtocolVersion,
    Publish, QoS, ReasonCode, RetainHandling, Subscribe, SubscribeRequest, SubscribeRequests,
    SubscriptionIdentifier, SubscriptionOptions, TopicFilter, TopicFilters, TopicName, Unsubscribe, Will,
};

use crate::source::Source;

/// Client Identifiers.
pub(crate) const NAMES: [&str; 5] = ["a", "b", "c", "d", ""];

const TOPICS: [&str; 8] = ["t", "t/a", "t/b", "t//b", "$x/a", "$SYS/a", "t/a/b", "r"];
const FILTERS: [&str; 10] =
    ["t", "t/+", "t/#", "#", "+/a", "r", "$share/g/t/+", "$share/g/#", "$share/h/t", "$x/#"];
const PAYLOADS: [usize; 4] = [1, 0, 20, 5000];

/// Bytes of one to three packets, sometimes with one bit wrong.
pub(crate) fn packets(source: &mut Source<'_>) -> Vec<u8> {
    let choice = source.u8();
    let version = match choice >> 6 {
        0 | 1 => ProtocolVersion::Mqtt5,
        2 => ProtocolVersion::Mqtt311,
        _ => ProtocolVersion::Mqtt31,
    };
    let mut bytes = Vec::new();
    for _ in 0..=(choice & 0x3F) / 24 {
        packet(source, version, &mut bytes);
    }
    if choice & 0x3F == 0x3F && !bytes.is_empty() {
        let place = usize::from(source.u16()) % bytes.len();
        bytes[place] ^= 1 << (source.u8() & 7);
    }
    bytes
}

fn id(source: &mut Source<'_>) -> PacketId {
    PacketId::new(u16::from(source.u8() % 6)).unwrap_or(PacketId::MIN)
}

fn qos(source: &mut Source<'_>) -> QoS {
    *source.pick(&[QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtMostOnce])
}

fn packet(source: &mut Source<'_>, version: ProtocolVersion, bytes: &mut Vec<u8>) {
    let is_v5 = version.has_properties();
    let mut write = |packet: Packet<'_>| _ = packet.encode(version, bytes);
    match source.below(16) {
        0..=2 => connect(source, version, bytes),
        3..=6 => publish(source, version, bytes),
        7 | 8 => subscribe(source, version, bytes),
        9 => {
            let filters = [source.text(&FILTERS), source.text(&FILTERS)];
            let filters = filters.map(|filter| TopicFilter::parse(filter).expect("a good filter"));
            let count = 1 + source.below(2);
            let filters = TopicFilters::list(&filters[..count]);
            write(Packet::Unsubscribe(Unsubscribe {
                id: id(source),
                properties: Properties::EMPTY,
                filters,
            }));
        }
        10..=12 => {
            let mut ack = Ack::success(id(source));
            let kind = source.below(8);
            if is_v5 && kind > 5 {
                ack.reason = ReasonCode::UnspecifiedError;
            }
            write(match kind {
                0 | 1 | 6 => Packet::PubAck(ack),
                2 | 7 => Packet::PubRec(ack),
                3 | 4 => Packet::PubComp(ack),
                _ => Packet::PubRel(Ack::success(ack.id)),
            });
        }
        13 => {
            let expiry = [Property::SessionExpiryInterval(u32::from(source.u8()))];
            let reason = *source.pick(&[ReasonCode::Success, ReasonCode::DisconnectWithWillMessage]);
            let properties = Properties::list(if source.bool() { &expiry } else { &[] });
            write(Packet::Disconnect(Disconnect { reason, properties }));
        }
        14 => write(Packet::PingReq),
        _ => {
            let method = [Property::AuthenticationMethod("m")];
            let reason = *source.pick(&[ReasonCode::ReAuthenticate, ReasonCode::ContinueAuthentication]);
            write(Packet::Auth(Auth { reason, properties: Properties::list(&method) }));
        }
    }
}

fn connect(source: &mut Source<'_>, version: ProtocolVersion, bytes: &mut Vec<u8>) {
    let flags = source.u8();
    let mut properties = Vec::new();
    if flags & 1 != 0 {
        properties.push(Property::SessionExpiryInterval(*source.pick(&[0, 1, 100, u32::MAX])));
    }
    if flags & 2 != 0 {
        properties.extend(NonZeroU16::new(u16::from(source.u8() & 3)).map(Property::ReceiveMaximum));
        properties.push(Property::TopicAliasMaximum(u16::from(source.u8() & 3)));
    }
    if flags & 4 != 0 && source.bool() {
        properties.extend(NonZeroU32::new(u32::from(source.u8()) + 1).map(Property::MaximumPacketSize));
    }
    let will_properties =
        [Property::WillDelayInterval(*source.pick(&[0, 1, 200])), Property::UserProperty("a", "b")];
    let payload = vec![b'w'; PAYLOADS[source.below(3)]];
    let will = (flags & 8 != 0).then(|| Will {
        topic: TopicName::parse(source.text(&TOPICS)).expect("a good topic"),
        payload: &payload,
        qos: qos(source),
        retain: source.bool(),
        properties: Properties::list(&will_properties),
    });
    let packet = Packet::Connect(Connect {
        version,
        bridge: flags & 0x80 != 0 && !version.has_properties(),
        clean_start: flags & 16 != 0,
        keep_alive: if flags & 32 != 0 { u16::from(source.u8()) } else { 0 },
        properties: Properties::list(&properties),
        client_identifier: source.text(&NAMES),
        will,
        user_name: (flags & 64 != 0).then_some("u"),
        password: None,
    });
    let _ = packet.encode(version, bytes);
}

fn publish(source: &mut Source<'_>, version: ProtocolVersion, bytes: &mut Vec<u8>) {
    let flags = source.u8();
    let mut properties = Vec::new();
    if flags & 1 != 0 {
        properties.push(Property::TopicAlias(u16::from(source.u8() % 12)));
    }
    if flags & 2 != 0 {
        properties.push(Property::MessageExpiryInterval(u32::from(source.u8())));
    }
    if flags & 4 != 0 {
        properties.push(Property::UserProperty("k", "v"));
    }
    let topic = (flags & 8 == 0).then(|| TopicName::parse(source.text(&TOPICS)).expect("a good topic"));
    let payload = vec![b'x'; *source.pick(&PAYLOADS)];
    let packet = Packet::Publish(Publish {
        topic,
        delivery: Delivery::new(qos(source), flags & 16 != 0, id(source)),
        retain: flags & 32 != 0,
        properties: Properties::list(&properties),
        payload: &payload,
    });
    let _ = packet.encode(version, bytes);
}

fn subscribe(source: &mut Source<'_>, version: ProtocolVersion, bytes: &mut Vec<u8>) {
    let mut requests = Vec::new();
    for _ in 0..=source.below(3) {
        let filter = TopicFilter::parse(source.text(&FILTERS)).expect("a good filter");
        let flags = source.u8();
        let options = SubscriptionOptions {
            maximum_qos: qos(source),
            no_local: flags & 1 != 0 && filter.share().is_none(),
            retain_as_published: flags & 2 != 0,
            retain_handling: match flags >> 2 & 3 {
                0 => RetainHandling::SendIfNew,
                1 => RetainHandling::DoNotSend,
                _ => RetainHandling::SendAtSubscribe,
            },
        };
        requests.push(SubscribeRequest { filter, options });
    }
    let identifier =
        SubscriptionIdentifier::new(u32::from(source.u8())).map(Property::SubscriptionIdentifier);
    let properties: Vec<Property<'_>> = identifier.into_iter().collect();
    let packet = Packet::Subscribe(Subscribe {
        id: id(source),
        properties: Properties::list(&properties),
        requests: SubscribeRequests::list(&requests),
    });
    let _ = packet.encode(version, bytes);
}
