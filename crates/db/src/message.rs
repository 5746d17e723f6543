//! The fields of a message as they are shown.

use martlet_engine::Message;
use martlet_tools::property::PropertyId;
use martlet_wire::{PacketType, Properties, Property, PropertyOwner};

use crate::Payload;
use crate::line::{Fields, Value};

/// Everything about a message.
pub(crate) fn fields(message: &Message, payload: Payload) -> Fields {
    let mut fields = vec![
        ("topic", Value::Text(message.topic.to_string())),
        ("message-qos", Value::Number(u64::from(message.qos as u8))),
        ("message-retain", Value::Flag(message.retain)),
        ("publisher", Value::Text(message.publisher.client_identifier.to_string())),
    ];
    fields.extend(message.expires_at.map(|at| ("expires-at", Value::Time(at))));
    if !message.properties.is_empty() {
        fields.push(("properties", properties(&message.properties)));
    }
    fields.extend(payload_fields(&message.payload, payload));
    fields
}

/// How long a payload is, and what is in it if that was asked for.
pub(crate) fn payload_fields(bytes: &[u8], payload: Payload) -> Fields {
    let mut fields = vec![("payload-bytes", Value::Number(bytes.len() as u64))];
    match (payload, core::str::from_utf8(bytes)) {
        (Payload::None, _) => {}
        (Payload::Text, Ok(text)) => fields.push(("payload", Value::Text(text.to_owned()))),
        (Payload::Text, Err(_)) | (Payload::Hex, _) => {
            fields.push(("payload-hex", Value::Bytes(bytes.to_vec())));
        }
    }
    fields
}

/// The properties of a PUBLISH, under the names that the tools give them.
pub(crate) fn properties(section: &[u8]) -> Value {
    let owner = PropertyOwner::Packet(PacketType::Publish);
    match Properties::from_section(owner, section) {
        Ok(properties) => Value::List(properties.iter().map(|it| Value::Object(property(&it))).collect()),
        Err(_) => Value::Bytes(section.to_vec()),
    }
}

fn property(property: &Property<'_>) -> Fields {
    let text = |text: &str| Value::Text(text.to_owned());
    let number = |number: u32| Value::Number(u64::from(number));
    let (id, name, value) = match property {
        Property::PayloadFormatIndicator(is_text) => {
            (PropertyId::PayloadFormatIndicator, None, number(u32::from(*is_text)))
        }
        Property::ContentType(content_type) => (PropertyId::ContentType, None, text(content_type)),
        Property::ResponseTopic(topic) => (PropertyId::ResponseTopic, None, text(topic.as_str())),
        Property::CorrelationData(data) => (PropertyId::CorrelationData, None, Value::Bytes(data.to_vec())),
        Property::UserProperty(name, value) => (PropertyId::UserProperty, Some(text(name)), text(value)),
        // No others are kept with a message.
        other => return vec![("identifier", number(u32::from(other.identifier())))],
    };
    let mut fields = vec![("identifier", text(id.name()))];
    fields.extend(name.map(|name| ("name", name)));
    fields.push(("value", value));
    fields
}
