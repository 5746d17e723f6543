//! Characters that the standard lets a receiver refuse, and that Mosquitto refuses: control characters and non-characters
//! [s1.5.4] [MQTT311-1.5.3].

use martlet_wire::{Packet, Properties, Property};

/// Whether a string of the packet holds such a character. Packets that only a server sends are not looked at.
pub(crate) fn packet_has_forbidden(packet: &Packet<'_>) -> bool {
    match packet {
        Packet::Connect(connect) => {
            let will = connect.will.as_ref();
            in_properties(&connect.properties)
                || is_forbidden_in(connect.client_identifier)
                || connect.user_name.is_some_and(is_forbidden_in)
                || will.is_some_and(|it| is_forbidden_in(it.topic.as_str()) || in_properties(&it.properties))
        }
        Packet::Publish(publish) => {
            publish.topic.is_some_and(|topic| is_forbidden_in(topic.as_str()))
                || in_properties(&publish.properties)
        }
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            in_properties(&ack.properties)
        }
        Packet::Subscribe(subscribe) => {
            in_properties(&subscribe.properties)
                || subscribe.requests.iter().any(|request| is_forbidden_in(request.filter.as_str()))
        }
        Packet::Unsubscribe(unsubscribe) => {
            in_properties(&unsubscribe.properties)
                || unsubscribe.filters.iter().any(|filter| is_forbidden_in(filter.as_str()))
        }
        Packet::Disconnect(disconnect) => in_properties(&disconnect.properties),
        Packet::Auth(auth) => in_properties(&auth.properties),
        Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingReq | Packet::PingResp => {
            false
        }
    }
}

/// Whether a string holds such a character.
pub(crate) fn is_forbidden_in(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')); // as most are
    !is_plain && text.chars().any(is_forbidden)
}

fn is_forbidden(character: char) -> bool {
    let code = u32::from(character);
    character.is_control() || code & 0xFFFE == 0xFFFE || (0xFDD0..=0xFDEF).contains(&code)
}

fn in_properties(properties: &Properties<'_>) -> bool {
    properties.iter().any(|property| match property {
        Property::ContentType(text)
        | Property::AssignedClientIdentifier(text)
        | Property::AuthenticationMethod(text)
        | Property::ResponseInformation(text)
        | Property::ServerReference(text)
        | Property::ReasonString(text) => is_forbidden_in(text),
        Property::ResponseTopic(topic) => is_forbidden_in(topic.as_str()),
        Property::UserProperty(name, value) => is_forbidden_in(name) || is_forbidden_in(value),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_non_characters_are_found_and_nothing_else() {
        for text in
            ["\u{1}", "a\n", "\u{1F}", "\u{7F}", "\u{80}", "ä\u{9F}", "\u{FDD0}", "\u{FFFF}", "\u{1FFFE}"]
        {
            assert!(is_forbidden_in(text), "{text:?}");
        }
        for text in ["", "a/b c", "~", "\u{A0}", "ä", "\u{FEFF}", "\u{FFFD}", "\u{FDCF}", "\u{1F426}"] {
            assert!(!is_forbidden_in(text), "{text:?}");
        }
    }
}
