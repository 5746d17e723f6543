//! What is written, what is left out for older versions, and what is refused.

use core::num::NonZeroU16;

use martlet_wire::{
    Ack, Auth, ConnAck, Connect, Delivery, Disconnect, EncodeError, Packet, PacketId, PacketType, Properties,
    Property, PropertyOwner, ProtocolVersion, Publish, QoS, ReasonCode, ReasonCodes, SliceSink, SubAck,
    Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionIdentifier, SubscriptionOptions, TopicFilter,
    TopicFilters, TopicName, UnsubAck, Unsubscribe, Will, decode,
};

use ProtocolVersion::{Mqtt5, Mqtt31, Mqtt311};

fn id() -> PacketId {
    PacketId::new(1).expect("not zero")
}

/// The bytes of a packet; on error it has been seen that nothing was written.
fn encoded(version: ProtocolVersion, packet: &Packet) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    match packet.encode(version, &mut bytes) {
        Ok(()) => {
            assert_eq!(packet.encoded_len(version), Ok(bytes.len()));
            Ok(bytes)
        }
        Err(error) => {
            assert_eq!((packet.encoded_len(version), bytes.len()), (Err(error), 0));
            Err(error)
        }
    }
}

fn connect(version: ProtocolVersion) -> Connect<'static> {
    Connect {
        version,
        bridge: false,
        clean_start: true,
        keep_alive: 0,
        properties: Properties::EMPTY,
        client_identifier: "c",
        will: None,
        user_name: None,
        password: None,
    }
}

fn publish<'a>(properties: &'a [Property<'a>]) -> Publish<'a> {
    Publish {
        topic: Some(TopicName::parse("a").expect("a valid name")),
        delivery: Delivery::AtMostOnce,
        retain: false,
        properties: Properties::list(properties),
        payload: b"x",
    }
}

fn connack<'a>(reason: ReasonCode, properties: &'a [Property<'a>]) -> Packet<'a> {
    Packet::ConnAck(ConnAck { session_present: false, reason, properties: Properties::list(properties) })
}

#[test]
fn older_versions_have_no_properties() {
    let list = [Property::TopicAlias(1)];
    assert_eq!(encoded(Mqtt311, &Packet::Publish(publish(&list))).unwrap(), b"\x30\x04\0\x01ax");
    assert_eq!(encoded(Mqtt5, &Packet::Publish(publish(&list))).unwrap(), b"\x30\x08\0\x01a\x03\x23\0\x01x");
    assert_eq!(encoded(Mqtt5, &Packet::Publish(publish(&[]))).unwrap(), b"\x30\x05\0\x01a\0x");
}

#[test]
fn mqtt311_3_2_2_6_a_refusal_has_a_return_code() {
    let code = |reason| encoded(Mqtt311, &connack(reason, &[Property::ReasonString("why")])).unwrap()[3];
    assert_eq!(code(ReasonCode::Success), 0);
    assert_eq!(code(ReasonCode::UnsupportedProtocolVersion), 1);
    assert_eq!(code(ReasonCode::ClientIdentifierNotValid), 2);
    assert_eq!(code(ReasonCode::ServerBusy), 3);
    assert_eq!(code(ReasonCode::BadUserNameOrPassword), 4);
    assert_eq!(code(ReasonCode::Banned), 5);
    assert_eq!(ReasonCode::UnspecifiedError.connect_return_code(), None);
    assert_eq!(code(ReasonCode::UnspecifiedError), 3);
    let present = Packet::ConnAck(ConnAck {
        session_present: true,
        reason: ReasonCode::Success,
        properties: Properties::EMPTY,
    });
    assert_eq!(encoded(Mqtt311, &present).unwrap(), [0x20, 2, 1, 0]);
    assert_eq!(encoded(Mqtt31, &present).unwrap(), [0x20, 2, 0, 0]);
}

#[test]
fn mqtt311_3_9_3_2_older_versions_have_one_failure() {
    let codes = ReasonCodes::list(&[ReasonCode::GrantedQos2, ReasonCode::NotAuthorized]);
    let suback = Packet::SubAck(SubAck { id: id(), properties: Properties::EMPTY, codes });
    assert_eq!(encoded(Mqtt311, &suback).unwrap(), [0x90, 4, 0, 1, 2, 0x80]);
    assert_eq!(encoded(Mqtt5, &suback).unwrap(), [0x90, 5, 0, 1, 0, 2, 0x87]);
    // Codes that came in MQTT 5.0 go out in an older version.
    let received = encoded(Mqtt5, &suback).unwrap();
    let forwarded = decode(Mqtt5, &received).unwrap();
    assert_eq!(encoded(Mqtt31, &forwarded).unwrap(), [0x90, 4, 0, 1, 2, 0x80]);
}

#[test]
fn older_versions_have_no_reason_codes() {
    let properties = Properties::list(&[Property::ReasonString("why")]);
    let refusal = Ack { id: id(), reason: ReasonCode::QuotaExceeded, properties };
    assert_eq!(encoded(Mqtt311, &Packet::PubRec(refusal)).unwrap(), [0x50, 2, 0, 1]);
    let disconnect = Disconnect { reason: ReasonCode::ServerShuttingDown, properties };
    assert_eq!(encoded(Mqtt311, &Packet::Disconnect(disconnect)).unwrap(), [0xE0, 0]);
    assert_eq!(encoded(Mqtt5, &Packet::Disconnect(disconnect)).unwrap()[..3], [0xE0, 8, 0x8B]);
    let codes = ReasonCodes::list(&[ReasonCode::NoSubscriptionExisted]);
    let unsuback = Packet::UnsubAck(UnsubAck { id: id(), properties, codes });
    assert_eq!(encoded(Mqtt31, &unsuback).unwrap(), [0xB0, 2, 0, 1]);
}

#[test]
fn older_versions_have_the_requested_qos_alone() {
    let options = SubscriptionOptions { maximum_qos: QoS::AtLeastOnce, no_local: true, ..Default::default() };
    let filter = TopicFilter::parse("$share/g/a").unwrap();
    let requests = [SubscribeRequest { filter, options }];
    let requests = SubscribeRequests::list(&requests);
    let subscribe = Packet::Subscribe(Subscribe { id: id(), properties: Properties::EMPTY, requests });
    assert_eq!(encoded(Mqtt311, &subscribe).unwrap(), b"\x82\x0F\0\x01\0\x0A$share/g/a\x01");
    assert_eq!(encoded(Mqtt5, &subscribe), Err(EncodeError::Invalid)); // [MQTT-3.8.3-4]
}

#[test]
fn mqtt5_s3_4_2_the_shortest_forms() {
    assert_eq!(encoded(Mqtt5, &Packet::PubAck(Ack::success(id()))).unwrap(), [0x40, 2, 0, 1]);
    let missing = Ack { reason: ReasonCode::PacketIdentifierNotFound, ..Ack::success(id()) };
    assert_eq!(encoded(Mqtt5, &Packet::PubRel(missing)).unwrap(), [0x62, 3, 0, 1, 0x92]);
    let bare = Auth { reason: ReasonCode::Success, properties: Properties::EMPTY };
    assert_eq!(encoded(Mqtt5, &Packet::Auth(bare)).unwrap(), [0xF0, 0]);
    let step = Auth { reason: ReasonCode::ContinueAuthentication, properties: Properties::EMPTY };
    assert_eq!(encoded(Mqtt5, &Packet::Auth(step)).unwrap(), [0xF0, 2, 0x18, 0]);
}

#[test]
fn a_connect_is_written_in_its_own_version() {
    let bytes = encoded(Mqtt5, &Packet::Connect(connect(Mqtt31))).unwrap();
    assert_eq!(bytes, b"\x10\x0F\0\x06MQIsdp\x03\x02\0\0\0\x01c");
    let bridge = Connect { bridge: true, ..connect(Mqtt311) };
    assert_eq!(encoded(Mqtt31, &Packet::Connect(bridge)).unwrap()[8], 0x84);
}

#[test]
fn what_a_receiver_would_refuse_is_not_written() {
    let topicless = Publish { topic: None, ..publish(&[]) };
    let alias = [Property::TopicAlias(1)];
    let aliased = Publish { properties: Properties::list(&alias), ..topicless };
    assert!(encoded(Mqtt5, &Packet::Publish(aliased)).is_ok());
    let ack = |reason| Ack { reason, ..Ack::success(id()) };
    let empty = Properties::EMPTY;
    let refused = [
        (Mqtt5, Packet::Publish(topicless)),
        (Mqtt311, Packet::Publish(aliased)),
        (Mqtt5, Packet::Connect(Connect { bridge: true, ..connect(Mqtt5) })),
        (Mqtt311, Packet::Connect(Connect { password: Some(b"p"), ..connect(Mqtt311) })),
        (Mqtt5, Packet::Connect(Connect { client_identifier: "a\0b", ..connect(Mqtt5) })),
        (Mqtt5, Packet::Connect(Connect { user_name: Some("\0"), ..connect(Mqtt5) })),
        (Mqtt311, connack(ReasonCode::SessionTakenOver, &[])),
        (
            Mqtt5,
            Packet::ConnAck(ConnAck { session_present: true, reason: ReasonCode::Banned, properties: empty }),
        ),
        (Mqtt5, Packet::PubAck(ack(ReasonCode::PacketIdentifierNotFound))),
        (Mqtt5, Packet::PubComp(ack(ReasonCode::NotAuthorized))),
        (Mqtt5, Packet::Disconnect(Disconnect { reason: ReasonCode::Banned, properties: empty })),
        (Mqtt5, Packet::Auth(Auth { reason: ReasonCode::NotAuthorized, properties: empty })),
        (
            Mqtt5,
            Packet::Subscribe(Subscribe {
                id: id(),
                properties: empty,
                requests: SubscribeRequests::list(&[]),
            }),
        ),
        (
            Mqtt5,
            Packet::Unsubscribe(Unsubscribe {
                id: id(),
                properties: empty,
                filters: TopicFilters::list(&[]),
            }),
        ),
        (Mqtt311, Packet::SubAck(SubAck { id: id(), properties: empty, codes: ReasonCodes::EMPTY })),
        (Mqtt5, Packet::UnsubAck(UnsubAck { id: id(), properties: empty, codes: ReasonCodes::EMPTY })),
    ];
    for (version, packet) in refused {
        assert_eq!(encoded(version, &packet), Err(EncodeError::Invalid), "{packet:?}");
    }
}

#[test]
fn properties_that_a_receiver_would_refuse_are_not_written() {
    let one = SubscriptionIdentifier::new(1).unwrap();
    let lists: [&[Property]; 6] = [
        &[Property::ReasonString("why")],
        &[Property::TopicAlias(1), Property::TopicAlias(2)],
        &[Property::ContentType("a\0")],
        &[Property::UserProperty("", "\0")],
        &[Property::SubscriptionIdentifier(one), Property::WillDelayInterval(1)],
        &[Property::ReceiveMaximum(NonZeroU16::MIN)],
    ];
    for list in lists {
        assert_eq!(encoded(Mqtt5, &Packet::Publish(publish(list))), Err(EncodeError::Invalid), "{list:?}");
    }
    let twice = [Property::SubscriptionIdentifier(one), Property::SubscriptionIdentifier(one)];
    assert!(encoded(Mqtt5, &Packet::Publish(publish(&twice))).is_ok());
    for list in [&[Property::AuthenticationData(b"d")][..], &[Property::MaximumQos(QoS::ExactlyOnce)]] {
        assert_eq!(
            encoded(Mqtt5, &connack(ReasonCode::Success, list)),
            Err(EncodeError::Invalid),
            "{list:?}"
        );
    }
}

#[test]
fn a_received_section_is_checked_again_for_another_owner() {
    let will = Properties::from_section(PropertyOwner::Will, &[0x18, 0, 0, 0, 1]).unwrap();
    let packet = Packet::Publish(Publish { properties: will, ..publish(&[]) });
    assert_eq!(encoded(Mqtt5, &packet), Err(EncodeError::Invalid));
    let will = Properties::from_section(PropertyOwner::Will, &[0x01, 1]).unwrap();
    let packet = Packet::Publish(Publish { properties: will, ..publish(&[]) });
    assert_eq!(encoded(Mqtt5, &packet).unwrap(), b"\x30\x07\0\x01a\x02\x01\x01x");
}

#[test]
fn fields_and_packets_have_a_largest_length() {
    let text = "a".repeat(65_536);
    let bytes = text.as_bytes();
    let content_type = [Property::ContentType(&text)];
    let correlation = [Property::CorrelationData(bytes)];
    let pair = [Property::UserProperty("", &text)];
    let topic = TopicName::parse("w").unwrap();
    let will =
        Will { topic, payload: bytes, qos: QoS::AtMostOnce, retain: false, properties: Properties::EMPTY };
    let long = [
        Packet::Publish(publish(&content_type)),
        Packet::Publish(publish(&correlation)),
        Packet::Publish(publish(&pair)),
        Packet::Connect(Connect { client_identifier: &text, ..connect(Mqtt5) }),
        Packet::Connect(Connect { user_name: Some(&text), ..connect(Mqtt5) }),
        Packet::Connect(Connect { password: Some(bytes), ..connect(Mqtt5) }),
        Packet::Connect(Connect { will: Some(will), ..connect(Mqtt5) }),
    ];
    for packet in long {
        assert_eq!(encoded(Mqtt5, &packet), Err(EncodeError::StringTooLong));
    }
    let zeroes = vec![0; martlet_wire::REMAINING_LENGTH_MAX as usize - 2];
    let largest = Publish { payload: &zeroes[1..], ..publish(&[]) };
    assert_eq!(largest.encoded_len(Mqtt311), Ok(martlet_wire::REMAINING_LENGTH_MAX as usize + 5));
    let larger = Publish { payload: &zeroes, ..publish(&[]) };
    assert_eq!(encoded(Mqtt311, &Packet::Publish(larger)), Err(EncodeError::TooLong));
}

#[test]
fn auth_is_of_mqtt_5() {
    let auth = Packet::Auth(Auth { reason: ReasonCode::Success, properties: Properties::EMPTY });
    for version in [Mqtt31, Mqtt311] {
        assert_eq!(encoded(version, &auth), Err(EncodeError::NotInThisVersion));
    }
}

#[test]
fn an_acknowledgement_is_one_of_four() {
    let ack = Ack::success(id());
    let mut bytes = Vec::new();
    for (kind, first) in [
        (PacketType::PubAck, 0x40),
        (PacketType::PubRec, 0x50),
        (PacketType::PubRel, 0x62),
        (PacketType::PubComp, 0x70),
    ] {
        bytes.clear();
        ack.encode(kind, Mqtt311, &mut bytes).unwrap();
        assert_eq!(bytes, [first, 2, 0, 1]);
    }
    for kind in [PacketType::SubAck, PacketType::Connect, PacketType::PingReq] {
        assert_eq!(ack.encode(kind, Mqtt5, &mut bytes), Err(EncodeError::Invalid));
    }
}

#[test]
fn a_slice_that_is_too_small_says_so() {
    let mut room = [0; 5];
    let mut sink = SliceSink::new(&mut room);
    assert!(sink.is_empty());
    Packet::PingReq.encode(Mqtt5, &mut sink).unwrap();
    assert_eq!((sink.written(), sink.len(), sink.overflowed()), (&[0xC0, 0][..], 2, false));
    Packet::PubAck(Ack::success(id())).encode(Mqtt5, &mut sink).unwrap();
    assert!(sink.overflowed());
    Packet::PingReq.encode(Mqtt5, &mut sink).unwrap();
    assert_eq!(sink.written(), [0xC0, 0]);
}

#[test]
fn secrets_are_not_shown() {
    let properties = [Property::AuthenticationMethod("m"), Property::AuthenticationData(b"secret")];
    let packet = Connect {
        properties: Properties::list(&properties),
        user_name: Some("u"),
        password: Some(b"secret"),
        ..connect(Mqtt5)
    };
    let shown = format!("{packet:?}");
    assert!(shown.contains("AuthenticationData(<6 bytes>)") && shown.contains("password: Some(<6 bytes>)"));
}

#[test]
fn mqtt5_s3_1_2_11_2_a_session_expires() {
    let list = [Property::SessionExpiryInterval(60)];
    let asked = Connect { properties: Properties::list(&list), ..connect(Mqtt5) };
    assert_eq!(asked.session_expiry_interval(), 60);
    assert_eq!(connect(Mqtt5).session_expiry_interval(), 0);
    assert_eq!(connect(Mqtt311).session_expiry_interval(), 0);
    assert_eq!(Connect { clean_start: false, ..connect(Mqtt31) }.session_expiry_interval(), u32::MAX);
    assert_eq!(Connect { clean_start: false, ..connect(Mqtt5) }.session_expiry_interval(), 0);
}
