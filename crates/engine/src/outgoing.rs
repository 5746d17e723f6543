//! The PUBLISH that one client gets of a message: its properties, its topic as the client sees it, its size.

use martlet_proto::alias::OutgoingTopic;
use martlet_wire::{Delivery, Property, Publish, SubscriptionIdentifier};

use crate::Instant;
use crate::connections::Connection;
use crate::message::{Publication, SHARED_PAYLOAD_BYTES_MIN};
use crate::mount;

/// One PUBLISH to one client, apart from the message itself.
#[derive(Clone, Copy)]
pub(crate) struct Header<'a> {
    pub(crate) delivery: Delivery,
    pub(crate) retain: bool,
    pub(crate) identifiers: &'a [SubscriptionIdentifier],
}

/// Whether a PUBLISH is not larger than the client takes, and is about a topic that it can see.
pub(crate) fn fits_publish(
    connection: &Connection,
    mount_point: &str,
    now: Instant,
    publication: &Publication<'_>,
    header: Header<'_>,
) -> bool {
    let Some(topic) = mount::seen(mount_point, publication.topic) else { return false };
    if connection.protocol.packet_size_bytes_max == u32::MAX {
        return true;
    }
    let extra = extra_properties(now, publication, header, OutgoingTopic::Plain);
    let packet = Publish {
        topic: Some(topic),
        delivery: header.delivery,
        retain: header.retain,
        properties: publication.properties.with(&extra),
        payload: publication.payload,
    };
    packet.encoded_len(connection.protocol.version).is_ok_and(|len| connection.protocol.fits(len))
}

/// Appends one PUBLISH to a connection's unsent bytes, and tells its length; `None` if it is larger than the client takes, or
/// about a topic that is not below its mount point.
pub(crate) fn write_publish(
    connection: &mut Connection,
    mount_point: &str,
    now: Instant,
    publication: &mut Publication<'_>,
    header: Header<'_>,
) -> Option<usize> {
    let protocol = &mut connection.protocol;
    let version = protocol.version;
    let topic = mount::seen(mount_point, publication.topic)?;
    let mut plan = protocol.outgoing_aliases.plan(topic.as_str());
    if protocol.packet_size_bytes_max != u32::MAX && !matches!(plan, OutgoingTopic::Alias(_)) {
        // Close to the client's Maximum Packet Size the three bytes of a new alias could be too many.
        plan = OutgoingTopic::Plain;
    }
    let extra = extra_properties(now, publication, header, plan);
    let by_reference = publication.payload.len() >= SHARED_PAYLOAD_BYTES_MIN;
    let packet = Publish {
        topic: (!matches!(plan, OutgoingTopic::Alias(_))).then_some(topic),
        delivery: header.delivery,
        retain: header.retain,
        properties: publication.properties.with(&extra),
        payload: publication.payload,
    };
    let len = packet.encoded_len(version).ok().filter(|len| protocol.fits(*len))?;
    if let OutgoingTopic::Introduce(alias) = plan {
        protocol.outgoing_aliases.introduced(topic.as_str(), alias);
    }
    connection.out.append(|bytes| {
        // Nothing is written on an error, and `encoded_len` has just found none.
        let _ = if by_reference { packet.encode_head(version, bytes) } else { packet.encode(version, bytes) };
    });
    if by_reference {
        connection.out.append_payload(publication.share());
    }
    Some(len)
}

/// The properties of a PUBLISH that are not passed on as they came.
fn extra_properties(
    now: Instant,
    publication: &Publication<'_>,
    header: Header<'_>,
    plan: OutgoingTopic,
) -> Vec<Property<'static>> {
    let mut extra = Vec::new();
    extra.extend(publication.expiry_left(now).map(Property::MessageExpiryInterval)); // [MQTT-3.3.2-6]
    if let OutgoingTopic::Introduce(alias) | OutgoingTopic::Alias(alias) = plan {
        extra.push(Property::TopicAlias(alias));
    }
    extra.extend(header.identifiers.iter().map(|identifier| Property::SubscriptionIdentifier(*identifier)));
    extra
}
