//! The Will: what the server publishes when the client is lost.

use core::fmt;
use core::time::Duration;

use martlet_wire::{Property, PropertyOwner, QoS, TopicName};

use crate::error::ConnectError;
use crate::properties::PropertyList;

/// The message that the server publishes when the connection ends without DISCONNECT.
///
/// ```
/// use martlet_client::{Options, QoS, Will};
///
/// let will = Will::new("devices/7/state", "lost").qos(QoS::AtLeastOnce).retain(true);
/// let options = Options::tcp("localhost", 1883).will(will);
/// ```
#[derive(Clone)]
pub struct Will {
    topic: String,
    payload: Vec<u8>,
    qos: QoS,
    retain: bool,
    properties: PropertyList,
}

impl Will {
    /// A Will of QoS 0 that is not retained. The payload has at most 65,535 bytes.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: PropertyList::default(),
        }
    }

    /// The QoS that the message is published with; by default 0.
    #[must_use]
    pub fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// Whether the message is kept for later subscribers; by default not.
    #[must_use]
    pub fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// How long the server waits before it publishes the message, in whole seconds; by default not at all. A client that
    /// comes back within this time is not lost. Only in MQTT 5.0.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        self.property(&Property::WillDelayInterval(seconds(delay)))
    }

    /// Adds a property of MQTT 5.0.
    #[must_use]
    pub fn property(mut self, property: &Property<'_>) -> Self {
        self.properties.push(property);
        self
    }

    pub(crate) fn packet(&self) -> Result<martlet_wire::Will<'_>, ConnectError> {
        if self.payload.len() > usize::from(u16::MAX) {
            return Err(ConnectError::TooLong { option: "will" });
        }
        Ok(martlet_wire::Will {
            topic: TopicName::parse(&self.topic).map_err(ConnectError::WillTopic)?,
            payload: &self.payload,
            qos: self.qos,
            retain: self.retain,
            properties: self.properties.check(PropertyOwner::Will).map_err(ConnectError::WillProperties)?,
        })
    }
}

impl fmt::Debug for Will {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Will")
            .field("topic", &self.topic)
            .field("payload_bytes", &self.payload.len())
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .finish_non_exhaustive()
    }
}

/// Whole seconds as the wire has them; a part of a second counts as one.
pub(crate) fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}
