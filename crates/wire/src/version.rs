//! The protocol versions, and what tells them apart on the wire.
//!
//! A version is agreed on by CONNECT and holds for the connection. Which versions a server is willing to take is not
//! known here.

use core::fmt;

/// A version of the protocol, by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolVersion {
    /// MQTT 3.1: protocol name `MQIsdp`, level 3.
    Mqtt31,
    /// MQTT 3.1.1: protocol name `MQTT`, level 4.
    Mqtt311,
    /// MQTT 5.0: protocol name `MQTT`, level 5.
    Mqtt5,
}

impl ProtocolVersion {
    /// The protocol level of CONNECT: 3, 4 or 5.
    pub const fn level(self) -> u8 {
        match self {
            Self::Mqtt31 => 3,
            Self::Mqtt311 => 4,
            Self::Mqtt5 => 5,
        }
    }

    /// The protocol name of CONNECT [MQTT-3.1.2-1].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mqtt31 => "MQIsdp",
            Self::Mqtt311 | Self::Mqtt5 => "MQTT",
        }
    }

    /// Tells whether packets of this version have property sections, and acknowledgements reason codes.
    pub const fn has_properties(self) -> bool {
        matches!(self, Self::Mqtt5)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mqtt31 => "MQTT 3.1",
            Self::Mqtt311 => "MQTT 3.1.1",
            Self::Mqtt5 => "MQTT 5.0",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ProtocolVersion::{Mqtt5, Mqtt31, Mqtt311};

    #[test]
    fn versions_are_ordered_by_age() {
        assert!(Mqtt31 < Mqtt311 && Mqtt311 < Mqtt5);
        assert_eq!([Mqtt31.level(), Mqtt311.level(), Mqtt5.level()], [3, 4, 5]);
        assert_eq!([Mqtt31.name(), Mqtt311.name(), Mqtt5.name()], ["MQIsdp", "MQTT", "MQTT"]);
    }
}
