//! A message as JSON: `%j` and `%J`.

use super::{Message, Warning};
use crate::json::{self, Json};
use crate::property::{Property, PropertyId, Value};

/// The message; `embed` says that the payload is JSON itself and stands as such.
///
/// Unlike in Mosquitto, a payload with a NUL is not cut there.
pub(super) fn of(message: &Message<'_>, embed: bool) -> Result<Json, Warning> {
    let length = u32::try_from(message.payload.len()).unwrap_or(u32::MAX);
    let mut members = vec![
        ("tst", Json::from(message.time.iso_micros().as_str())),
        ("topic", Json::from(message.topic)),
        ("qos", Json::from(u32::from(message.qos))),
        ("retain", Json::Bool(message.retain)),
        ("payloadlen", Json::from(length)),
    ];
    if message.qos > 0 {
        members.push(("mid", Json::from(u32::from(message.packet_id))));
    }
    if !message.properties.is_empty() {
        members.push(("properties", properties(message.properties)));
    }
    let payload = match (message.payload, embed) {
        (b"", _) => Json::Null,
        (payload, false) => Json::Text(payload.to_vec()),
        (payload, true) => {
            json::parse(payload).map_err(|_| Warning::NotJson { topic: message.topic.to_owned() })?
        }
    };
    members.push(("payload", payload));
    Ok(Json::object(members))
}

/// User properties are gathered where the first of them stands.
pub(crate) fn properties(properties: &[Property]) -> Json {
    let mut members: Vec<(&str, Json)> = Vec::new();
    for property in properties {
        match &property.value {
            Value::Pair(name, value) => {
                let pair = Json::object([(name.as_str(), Json::from(value.as_str()))]);
                match members.iter_mut().find(|(name, _)| *name == "user-properties") {
                    Some((_, Json::Array(pairs))) => pairs.push(pair),
                    _ => members.push(("user-properties", Json::Array(vec![pair]))),
                }
            }
            _ if !in_a_message(property.id) => {}
            Value::Number(number) => members.push((property.id.name(), Json::from(*number))),
            Value::Text(text) => members.push((property.id.name(), Json::from(text.as_str()))),
            Value::Binary(bytes) => members.push((property.id.name(), Json::Text(bytes.clone()))),
        }
    }
    Json::object(members)
}

fn in_a_message(id: PropertyId) -> bool {
    id.allowed_in(crate::property::Command::Publish)
}
