//! What a bridge knows from one connection to the next.

use martlet_wire::{PacketId, ProtocolVersion, QoS};

use crate::notice::Refusal;
use crate::options::BridgeOptions;

/// What a bridge knows from one connection to the next, as long as the process lives.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    /// The Packet Identifier that was used last towards the other broker; 0 before the first.
    pub(super) last_packet_id: u16,
    /// The other broker does not want to be told that this is a bridge.
    without_bridge_bit: bool,
    /// The other broker does not know 5.0.
    with_mqtt311: bool,
    /// The other broker retains nothing.
    without_retain: bool,
    /// The highest QoS that the other broker takes in a Will.
    maximum_qos: QoS,
    /// The Topic Filters that the near end has subscribed to.
    pub(super) near_filters: Vec<String>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            last_packet_id: 0,
            without_bridge_bit: false,
            with_mqtt311: false,
            without_retain: false,
            maximum_qos: QoS::ExactlyOnce,
            near_filters: Vec::new(),
        }
    }
}

impl Memory {
    /// What is spoken.
    pub(crate) fn version(&self, options: &BridgeOptions) -> ProtocolVersion {
        match options.version {
            ProtocolVersion::Mqtt5 if self.with_mqtt311 => ProtocolVersion::Mqtt311,
            version => version,
        }
    }

    /// Whether the other broker is told that this is a bridge.
    pub(super) fn says_bridge(&self, options: &BridgeOptions) -> bool {
        !self.version(options).has_properties() && options.try_private && !self.without_bridge_bit
    }

    /// QoS and RETAIN of the Will.
    pub(super) fn will(&self) -> (QoS, bool) {
        (QoS::AtLeastOnce.min(self.maximum_qos), !self.without_retain)
    }

    /// What is still true with other options.
    pub(crate) fn for_other_options(&self) -> Self {
        Self { near_filters: self.near_filters.clone(), ..Self::default() }
    }

    /// Remembers what has to be done differently.
    pub(super) fn learn(&mut self, remedy: Refusal, maximum_qos: Option<QoS>) {
        match remedy {
            Refusal::WithoutBridgeBit => self.without_bridge_bit = true,
            Refusal::WithMqtt311 => self.with_mqtt311 = true,
            Refusal::WithoutRetain => self.without_retain = true,
            Refusal::WithLowerQos => self.maximum_qos = maximum_qos.unwrap_or(QoS::AtMostOnce),
        }
    }

    /// The next Packet Identifier for something that is not a message of the near end.
    pub(super) fn next_packet_id(&mut self, is_taken: impl Fn(PacketId) -> bool) -> PacketId {
        loop {
            self.last_packet_id = self.last_packet_id.wrapping_add(1);
            if let Some(id) = PacketId::new(self.last_packet_id).filter(|id| !is_taken(*id)) {
                return id;
            }
        }
    }
}
