use core::num::{NonZeroU16, NonZeroU32};

use super::properties::Properties;
use super::*;
use crate::version::ProtocolVersion;

/// One of each, all with values of their own.
fn one_of_each() -> [Property<'static>; 27] {
    [
        Property::PayloadFormatIndicator(true),
        Property::MessageExpiryInterval(2),
        Property::ContentType("content"),
        Property::ResponseTopic(TopicName::parse("response").unwrap()),
        Property::CorrelationData(b"correlation"),
        Property::SubscriptionIdentifier(SubscriptionIdentifier::new(300).unwrap()),
        Property::SessionExpiryInterval(0x11),
        Property::AssignedClientIdentifier("assigned"),
        Property::ServerKeepAlive(0x13),
        Property::AuthenticationMethod("method"),
        Property::AuthenticationData(b"data"),
        Property::RequestProblemInformation(false),
        Property::WillDelayInterval(0x18),
        Property::RequestResponseInformation(true),
        Property::ResponseInformation("information"),
        Property::ServerReference("reference"),
        Property::ReasonString("reason"),
        Property::ReceiveMaximum(NonZeroU16::MAX),
        Property::TopicAliasMaximum(0x22),
        Property::TopicAlias(0x23),
        Property::MaximumQos(QoS::AtLeastOnce),
        Property::RetainAvailable(false),
        Property::UserProperty("name", "value"),
        Property::MaximumPacketSize(NonZeroU32::MAX),
        Property::WildcardSubscriptionAvailable(true),
        Property::SubscriptionIdentifierAvailable(false),
        Property::SharedSubscriptionAvailable(true),
    ]
}

/// Checks the value of every property that is there; tells how many are.
fn look_up(properties: &Properties<'_>) -> usize {
    let mut found = 0;
    let mut check = |looked_up: Option<Property<'_>>| {
        if let Some(property) = looked_up {
            assert!(one_of_each().contains(&property), "{property:?}");
            found += 1;
        }
    };
    check(properties.payload_format_indicator().map(Property::PayloadFormatIndicator));
    check(properties.message_expiry_interval().map(Property::MessageExpiryInterval));
    check(properties.content_type().map(Property::ContentType));
    check(properties.response_topic().map(Property::ResponseTopic));
    check(properties.correlation_data().map(Property::CorrelationData));
    check(properties.subscription_identifiers().next().map(Property::SubscriptionIdentifier));
    check(properties.session_expiry_interval().map(Property::SessionExpiryInterval));
    check(properties.assigned_client_identifier().map(Property::AssignedClientIdentifier));
    check(properties.server_keep_alive().map(Property::ServerKeepAlive));
    check(properties.authentication_method().map(Property::AuthenticationMethod));
    check(properties.authentication_data().map(Property::AuthenticationData));
    check(properties.request_problem_information().map(Property::RequestProblemInformation));
    check(properties.will_delay_interval().map(Property::WillDelayInterval));
    check(properties.request_response_information().map(Property::RequestResponseInformation));
    check(properties.response_information().map(Property::ResponseInformation));
    check(properties.server_reference().map(Property::ServerReference));
    check(properties.reason_string().map(Property::ReasonString));
    check(properties.receive_maximum().map(Property::ReceiveMaximum));
    check(properties.topic_alias_maximum().map(Property::TopicAliasMaximum));
    check(properties.topic_alias().map(Property::TopicAlias));
    check(properties.maximum_qos().map(Property::MaximumQos));
    check(properties.retain_available().map(Property::RetainAvailable));
    check(properties.user_properties().next().map(|(name, value)| Property::UserProperty(name, value)));
    check(properties.maximum_packet_size().map(Property::MaximumPacketSize));
    check(properties.wildcard_subscription_available().map(Property::WildcardSubscriptionAvailable));
    check(properties.subscription_identifier_available().map(Property::SubscriptionIdentifierAvailable));
    check(properties.shared_subscription_available().map(Property::SharedSubscriptionAvailable));
    found
}

#[test]
fn every_property_of_a_list_is_found() {
    let list = one_of_each();
    assert_eq!(look_up(&Properties::list(&list)), list.len());
    assert_eq!(look_up(&Properties::EMPTY), 0);
}

#[test]
fn every_property_of_a_section_is_found() {
    let section: &[u8] = &[
        0x26, 0, 4, b'n', b'a', b'm', b'e', 0, 5, b'v', b'a', b'l', b'u', b'e', // User Property
        0x0B, 0xAC, 0x02, // Subscription Identifier 300
        0x23, 0, 0x23, // Topic Alias
        0x02, 0, 0, 0, 2, // Message Expiry Interval
        0x26, 0, 0, 0, 0, // another User Property
        0x0B, 0x01, // another Subscription Identifier
        0x01, 1, // Payload Format Indicator
    ];
    let properties = Properties::from_section(PropertyOwner::Packet(PacketType::Publish), section).unwrap();
    assert_eq!(look_up(&properties), 5);
    assert!(properties.user_properties().eq([("name", "value"), ("", "")]));
    assert!(properties.subscription_identifiers().map(SubscriptionIdentifier::get).eq([300, 1]));
    assert_eq!(properties.iter().count(), 7);
    assert_eq!((properties.wire_section(), properties.section_len()), (Some(section), section.len()));
}

#[test]
fn a_section_and_a_list_of_the_same_properties_are_equal() {
    let list = [Property::TopicAlias(7), Property::PayloadFormatIndicator(false)];
    let listed = Properties::list(&list);
    let owner = PropertyOwner::Packet(PacketType::Publish);
    let received = Properties::from_section(owner, &[0x23, 0, 7, 0x01, 0]).unwrap();
    assert_eq!(listed, received);
    assert_eq!((listed.section_len(), listed.wire_section()), (5, None));
    let other_order = Properties::from_section(owner, &[0x01, 0, 0x23, 0, 7]).unwrap();
    assert_ne!(listed, other_order);
}

#[test]
fn values_go_out_behind_a_received_section() {
    let owner = PropertyOwner::Packet(PacketType::Publish);
    let received = Properties::from_section(owner, &[0x03, 0, 0, 0x26, 0, 0, 0, 0]).unwrap();
    let added = [Property::MessageExpiryInterval(2), Property::TopicAlias(0x23)];
    let both = received.with(&added);
    let all = [Property::ContentType(""), Property::UserProperty("", ""), added[0], added[1]];
    assert_eq!(both, Properties::list(&all));
    assert_eq!((both.topic_alias(), both.content_type()), (Some(0x23), Some("")));
    assert_eq!((both.section_len(), both.wire_section()), (16, received.wire_section()));
    assert_eq!(both.encoded_len(ProtocolVersion::Mqtt5, owner), Ok(17));
    assert_eq!(received.with(&[]), received);
    assert_eq!(Properties::list(&added[..1]).with(&added[1..]), Properties::list(&added[1..]));
    let repeated = [Property::ContentType("")];
    let twice = received.with(&repeated).encoded_len(ProtocolVersion::Mqtt5, owner);
    assert_eq!(twice, Err(EncodeError::Invalid));
    let foreign = both.encoded_len(ProtocolVersion::Mqtt5, PropertyOwner::Will);
    assert_eq!(foreign, Err(EncodeError::Invalid));
}

#[test]
fn mqtt5_s3_3_2_3_8_a_subscription_identifier_has_a_range() {
    assert_eq!(SubscriptionIdentifier::new(0), None);
    assert_eq!(SubscriptionIdentifier::new(268_435_456), None);
    assert_eq!(SubscriptionIdentifier::new(268_435_455).map(SubscriptionIdentifier::get), Some(268_435_455));
}

#[test]
fn the_table_knows_the_length_of_every_value() {
    for property in one_of_each() {
        assert!(entry(u32::from(property.identifier())).is_some(), "{property:?}");
    }
    assert_eq!((0..u32::from(u16::MAX)).filter(|&identifier| entry(identifier).is_some()).count(), 27);
}
