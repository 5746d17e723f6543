//! From this broker to the other one.

use martlet_wire::{
    Ack, Delivery, Packet, PacketType, Properties, Publish, QoS, ReasonCode, SubAck, TopicName, decode,
};

use super::inward::{passed_on, plain};
use super::{End, Lowered, NEAR, Relay};
use crate::notice::Notice;

impl Relay {
    pub(super) fn near_packet(&mut self, packet: &[u8]) -> Result<(), End> {
        let decoded = decode(NEAR, packet).map_err(|_| End::NearLeft(ReasonCode::MalformedPacket))?;
        match decoded {
            Packet::ConnAck(connack) if connack.reason != ReasonCode::Success => {
                Err(End::NearLeft(connack.reason))
            }
            Packet::ConnAck(_) if self.is_early && self.options.topics.near_filters().is_empty() => {
                self.connect_once()
            }
            Packet::SubAck(suback) if self.is_early => {
                self.near_suback(&suback);
                self.connect_once()
            }
            _ if self.is_early && !is_at_most_once(&decoded) => Ok(()),
            Packet::Publish(publish) if self.has_to_wait(&publish) => {
                self.held_bytes += packet.len();
                self.held.push_back(packet.to_vec());
                Ok(())
            }
            Packet::Publish(publish) => self.outward(&publish),
            Packet::PubAck(ack) => self.near_ack(PacketType::PubAck, ack),
            Packet::PubRec(ack) => self.near_ack(PacketType::PubRec, ack),
            Packet::PubRel(ack) if self.lowered.remove(&ack.id).is_some() => {
                self.ack_near(PacketType::PubComp, Ack::success(ack.id))
            }
            Packet::PubRel(ack) => self.ack_far(PacketType::PubRel, plain(ack)),
            Packet::PubComp(ack) => self.ack_far(PacketType::PubComp, plain(ack)),
            Packet::Disconnect(disconnect) => Err(End::NearLeft(disconnect.reason)),
            _ => Ok(()),
        }
    }

    /// The near end listens: now the other broker is asked to let the bridge in.
    fn connect_once(&mut self) -> Result<(), End> {
        if core::mem::replace(&mut self.has_subscribed, true) { Ok(()) } else { self.connect() }
    }

    /// What this broker has decided about a message of the other one.
    fn near_ack(&mut self, kind: PacketType, ack: Ack<'_>) -> Result<(), End> {
        match ack.reason {
            // Not now: the other broker keeps what is not acknowledged.
            ReasonCode::QuotaExceeded | ReasonCode::ServerBusy | ReasonCode::ImplementationSpecificError => {
                Err(End::NearFull(ack.reason))
            }
            _ => self.ack_far(kind, plain(ack)),
        }
    }

    fn near_suback(&mut self, suback: &SubAck<'_>) {
        let options = std::sync::Arc::clone(&self.options);
        for ((filter, _), reason) in options.topics.near_filters().into_iter().zip(suback.codes.iter()) {
            if reason.is_error() {
                let filter = filter.to_owned();
                self.notices.push(Notice::SubscriptionRefused { filter, by_far: false, reason });
            }
        }
    }

    /// Whether a message has to wait: for one before it, or since its identifier, or its place, is taken.
    fn has_to_wait(&self, publish: &Publish<'_>) -> bool {
        if !self.held.is_empty() || !self.far.is_open {
            return true;
        }
        let Some(id) = publish.delivery.packet_id() else { return false };
        self.own.contains_key(&id) || (self.far.inflight_messages_max == 1 && self.has_own_message())
    }

    /// Goes on with the messages that waited.
    pub(super) fn go_on(&mut self) -> Result<(), End> {
        while let Some(packet) = self.held.pop_front() {
            let Ok(Packet::Publish(publish)) = decode(NEAR, &packet) else { continue };
            let waiting = core::mem::take(&mut self.held);
            let has_to_wait = self.has_to_wait(&publish);
            self.held = waiting;
            if has_to_wait {
                self.held.push_front(packet);
                return Ok(());
            }
            self.held_bytes -= packet.len();
            self.outward(&publish)?;
        }
        Ok(())
    }

    fn outward(&mut self, publish: &Publish<'_>) -> Result<(), End> {
        if let Some(id) = publish.delivery.packet_id().filter(|_| !publish.delivery.dup()) {
            self.memory.last_packet_id = id.get();
        }
        let Some(near_topic) = publish.topic else { return Ok(()) };
        let Some(topic) = self.options.topics.outward(near_topic) else {
            return self.keep_in(publish, "no topic of the configuration fits it");
        };
        let Ok(topic) = TopicName::parse(&topic) else { return Ok(()) };
        let is_v5 = self.far.version.has_properties();
        let properties = if is_v5 { passed_on(publish.properties) } else { Vec::new() };
        let delivery = lowered(publish.delivery, self.far.maximum_qos);
        let far_publish = Publish {
            topic: Some(topic),
            delivery,
            retain: publish.retain && self.options.outgoing_retain && self.far.retain_available,
            properties: Properties::list(&properties),
            payload: publish.payload,
        };
        let packet = Packet::Publish(far_publish);
        let size = packet.encoded_len(self.far.version)?;
        if !u32::try_from(size).is_ok_and(|size| size <= self.packet_size_bytes_max()) {
            return self.keep_in(publish, "it is larger than the other broker takes");
        }
        packet.encode(self.far.version, &mut self.to_far)?;
        self.passed += 1;
        match (publish.delivery, delivery.qos()) {
            (Delivery::ExactlyOnce { id, .. }, QoS::AtLeastOnce) => {
                self.lowered.insert(id, Lowered::AwaitsPubAck);
                Ok(())
            }
            (_, QoS::AtMostOnce) => self.acknowledge_near(publish.delivery),
            _ => Ok(()),
        }
    }

    /// A message does not go out.
    fn keep_in(&mut self, publish: &Publish<'_>, cause: &'static str) -> Result<(), End> {
        let topic = publish.topic.map_or("", |topic| topic.as_str()).to_owned();
        self.notices.push(Notice::Dropped { topic, cause });
        self.acknowledge_near(publish.delivery)
    }

    /// Acknowledges a message in the place of the other broker.
    fn acknowledge_near(&mut self, delivery: Delivery) -> Result<(), End> {
        match delivery {
            Delivery::AtMostOnce => Ok(()),
            Delivery::AtLeastOnce { id, .. } => self.ack_near(PacketType::PubAck, Ack::success(id)),
            Delivery::ExactlyOnce { id, .. } => {
                self.lowered.insert(id, Lowered::AwaitsPubRel);
                self.ack_near(PacketType::PubRec, Ack::success(id))
            }
        }
    }
}

/// Whether it is a message of QoS 0. All else comes again to the near end that takes the place of one that only listens.
const fn is_at_most_once(packet: &Packet<'_>) -> bool {
    matches!(packet, Packet::Publish(Publish { delivery: Delivery::AtMostOnce, .. }))
}

/// The same delivery with no more than this QoS.
fn lowered(delivery: Delivery, maximum_qos: QoS) -> Delivery {
    match delivery {
        Delivery::AtMostOnce => delivery,
        Delivery::AtLeastOnce { dup, id } | Delivery::ExactlyOnce { dup, id } => {
            Delivery::new(delivery.qos().min(maximum_qos), dup, id)
        }
    }
}
