//! From the other broker to this one.

use martlet_proto::PeerMisbehaved;
use martlet_wire::{
    Ack, Delivery, Packet, PacketType, Properties, Property, Publish, ReasonCode, SubAck, TopicName,
};

use super::{End, Lowered, NEAR, Own, Relay};
use crate::notice::Notice;

/// The first two bytes of a CONNACK before 5.0.
const OLD_CONNACK: [u8; 2] = [0x20, 2];
/// Return codes of CONNACK before 5.0 that the standards know.
const RETURN_CODE_MAX: u8 = 5;

impl Relay {
    pub(super) fn far_packet(&mut self, packet: &[u8]) -> Result<(), End> {
        if !self.far.is_open
            && !self.far.version.has_properties()
            && packet.starts_with(&OLD_CONNACK)
            && packet.get(3).is_some_and(|code| *code > RETURN_CODE_MAX)
        {
            return Err(End::Refused { reason: ReasonCode::UnspecifiedError, remedy: None });
        }
        match self.far.decode(packet)? {
            Packet::ConnAck(connack) => self.connected(&connack),
            Packet::Publish(publish) => self.inward(&publish),
            Packet::PubAck(ack) => self.far_puback(ack),
            Packet::PubRec(ack) => self.ack_near(PacketType::PubRec, plain(ack)),
            Packet::PubRel(ack) => self.ack_near(PacketType::PubRel, plain(ack)),
            Packet::PubComp(ack) => self.ack_near(PacketType::PubComp, plain(ack)),
            Packet::SubAck(suback) => self.far_suback(&suback),
            Packet::UnsubAck(unsuback) => {
                self.answered(unsuback.id, PacketType::UnsubAck);
                self.go_on()
            }
            Packet::PingResp => {
                self.awaits_ping = false;
                Ok(())
            }
            Packet::Disconnect(disconnect) => Err(End::FarLeft(disconnect.reason)),
            other => Err(PeerMisbehaved::UnexpectedPacket(other.packet_type()).into()),
        }
    }

    fn far_puback(&mut self, ack: Ack<'_>) -> Result<(), End> {
        if self.answered(ack.id, PacketType::PubAck).is_some() {
            return self.go_on();
        }
        match self.lowered.get_mut(&ack.id) {
            Some(lowered @ Lowered::AwaitsPubAck) => {
                *lowered = Lowered::AwaitsPubRel;
                self.ack_near(PacketType::PubRec, Ack::success(ack.id))
            }
            Some(Lowered::AwaitsPubRel) => Ok(()),
            None => self.ack_near(PacketType::PubAck, plain(ack)),
        }
    }

    fn far_suback(&mut self, suback: &SubAck<'_>) -> Result<(), End> {
        if let Some(Own::Subscribe(filter)) = self.answered(suback.id, PacketType::SubAck)
            && let Some(reason) = suback.codes.iter().find(|code| code.is_error())
        {
            self.notices.push(Notice::SubscriptionRefused { filter, by_far: true, reason });
        }
        self.go_on()
    }

    fn inward(&mut self, publish: &Publish<'_>) -> Result<(), End> {
        let alias = publish.properties.topic_alias();
        let maximum = self.far.topic_alias_maximum;
        let far_topic = self.far.incoming_aliases.resolve(publish.topic, alias, maximum)?;
        let Some(topic) = self.options.topics.inward(far_topic) else {
            let topic = far_topic.as_str().to_owned();
            self.notices.push(Notice::Dropped { topic, cause: "no topic of the configuration fits it" });
            return self.take_in(publish.delivery);
        };
        let Ok(topic) = TopicName::parse(&topic) else { return self.take_in(publish.delivery) };
        let properties = passed_on(publish.properties);
        let publish = Publish { topic: Some(topic), properties: Properties::list(&properties), ..*publish };
        Packet::Publish(publish).encode(NEAR, &mut self.to_near)?;
        self.passed += 1;
        Ok(())
    }

    /// Acknowledges a message that goes nowhere. A PUBREL of it goes to the near end, which answers that it does not know it.
    fn take_in(&mut self, delivery: Delivery) -> Result<(), End> {
        match delivery {
            Delivery::AtMostOnce => Ok(()),
            Delivery::AtLeastOnce { id, .. } => self.ack_far(PacketType::PubAck, Ack::success(id)),
            Delivery::ExactlyOnce { id, .. } => self.ack_far(PacketType::PubRec, Ack::success(id)),
        }
    }
}

/// The properties of a message that are for whoever receives it, not for the connection that it came by.
pub(super) fn passed_on(properties: Properties<'_>) -> Vec<Property<'_>> {
    let is_for_all =
        |it: &Property<'_>| !matches!(it, Property::TopicAlias(_) | Property::SubscriptionIdentifier(_));
    properties.iter().filter(is_for_all).collect()
}

/// An acknowledgement without what is for people.
pub(super) const fn plain(ack: Ack<'_>) -> Ack<'_> {
    Ack { properties: Properties::EMPTY, ..ack }
}
