//! What is said when the broker refuses the connection by CONNACK.

use martlet_wire::{PacketType, ProtocolVersion, ReasonCode};

use super::received;
use crate::connect;

/// A CONNACK that is no success.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The exit status: the return code of MQTT 3, the reason code of MQTT 5.
    pub(crate) number: u8,
    /// What is said; it ends in a newline.
    pub(crate) message: String,
}

impl Refusal {
    /// The refusal in a CONNACK; `None` if it is a success.
    pub(crate) fn of(version: ProtocolVersion, reason: ReasonCode, properties: &[u8]) -> Option<Self> {
        if reason == ReasonCode::Success {
            return None;
        }
        let return_code = reason.connect_return_code().filter(|_| !version.has_properties());
        let mut message = format!("Connection error: {}\n", connect::refusal(reason, version));
        if let Some(text) = received(PacketType::ConnAck, properties).reason_string() {
            message.push_str(text);
            message.push('\n');
        }
        Some(Self { number: return_code.unwrap_or(reason as u8), message })
    }
}

#[cfg(test)]
mod tests {
    use martlet_wire::Property;

    use super::*;

    #[test]
    fn numbers_and_words_are_those_of_the_version() {
        let of = |version, reason| Refusal::of(version, reason, &[]).map(|it| (it.number, it.message));
        let (old, new) = (ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5);
        assert_eq!(of(new, ReasonCode::Success), None);
        assert_eq!(
            of(old, ReasonCode::NotAuthorized),
            Some((5, "Connection error: Connection Refused: not authorised\n".to_owned()))
        );
        assert_eq!(
            of(new, ReasonCode::NotAuthorized),
            Some((135, "Connection error: Not authorized\n".to_owned()))
        );
        let (number, message) = of(new, ReasonCode::UnsupportedProtocolVersion).unwrap();
        assert!(number == 132 && message.contains("or use MQTT v3.x mode."), "{message}");
    }

    #[test]
    fn a_reason_string_has_its_own_line() {
        let mut section = Vec::new();
        Property::ReasonString("come back tomorrow").encode(&mut section);
        let refusal = Refusal::of(ProtocolVersion::Mqtt5, ReasonCode::ServerBusy, &section).unwrap();
        assert_eq!(refusal.message, "Connection error: Server busy\ncome back tomorrow\n");
    }
}
