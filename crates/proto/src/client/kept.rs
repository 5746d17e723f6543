//! A message to the server as it is kept.

use alloc::boxed::Box;

use martlet_wire::{Delivery, PacketType, Properties, PropertyOwner, Publish, QoS, TopicName};

use super::event::Outgoing;
use super::section_of;

/// A message on its way to the server: what it takes to send it again.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptMessage {
    pub(super) topic: Box<str>,
    pub(super) payload: Box<[u8]>,
    /// A section of the wire.
    pub(super) properties: Box<[u8]>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
}

impl KeptMessage {
    /// The Topic Name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The QoS.
    pub const fn qos(&self) -> QoS {
        self.qos
    }

    /// RETAIN.
    pub const fn retain(&self) -> bool {
        self.retain
    }

    /// The properties.
    pub fn properties(&self) -> Properties<'_> {
        let owner = PropertyOwner::Packet(PacketType::Publish);
        Properties::from_section(owner, &self.properties).unwrap_or(Properties::EMPTY)
    }

    pub(super) fn packet(&self, delivery: Delivery) -> Option<Publish<'_>> {
        Some(Publish {
            topic: Some(TopicName::parse(&self.topic).ok()?),
            delivery,
            retain: self.retain,
            properties: self.properties(),
            payload: &self.payload,
        })
    }
}

impl From<&Outgoing<'_>> for KeptMessage {
    fn from(message: &Outgoing<'_>) -> Self {
        Self {
            topic: message.topic.as_str().into(),
            payload: message.payload.into(),
            properties: section_of(message.properties),
            qos: message.qos,
            retain: message.retain,
        }
    }
}

impl core::fmt::Debug for KeptMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeptMessage")
            .field("topic", &self.topic)
            .field("payload_bytes", &self.payload.len())
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .finish_non_exhaustive()
    }
}
