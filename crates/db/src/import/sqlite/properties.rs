//! Properties as the plugin writes them: a JSON array of objects with `identifier`, `value`, and `name` for a pair.

use martlet_tools::json::{Json, parse};
use martlet_tools::property::PropertyId;
use martlet_wire::{Property, TopicName};

use crate::import::problem::SourceProblem;

/// The properties of a message or of a Will.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Those that go with the message, as a section of the wire.
    pub(super) section: Vec<u8>,
    /// Message Expiry Interval in seconds.
    pub(super) expiry_interval: Option<u32>,
}

/// Reads them. No text at all is no properties.
pub(super) fn read(text: &[u8]) -> Result<Found, SourceProblem> {
    let mut found = Found::default();
    if text.is_empty() {
        return Ok(found);
    }
    let Ok(Json::Array(items)) = parse(text) else { return Err(SourceProblem::Properties) };
    for item in &items {
        add(item, &mut found).ok_or(SourceProblem::Properties)?;
    }
    Ok(found)
}

fn add(item: &Json, found: &mut Found) -> Option<()> {
    let id = PropertyId::named(text(item, "identifier")?)?;
    let property = match id {
        PropertyId::PayloadFormatIndicator => Property::PayloadFormatIndicator(number(item)? == 1),
        PropertyId::ContentType => Property::ContentType(text(item, "value")?),
        PropertyId::ResponseTopic => Property::ResponseTopic(TopicName::parse(text(item, "value")?).ok()?),
        PropertyId::CorrelationData => {
            let bytes = from_hex(text(item, "value")?)?;
            Property::CorrelationData(&bytes).encode(&mut found.section);
            return Some(());
        }
        PropertyId::UserProperty => Property::UserProperty(text(item, "name")?, text(item, "value")?),
        PropertyId::MessageExpiryInterval => {
            found.expiry_interval = number(item);
            return Some(());
        }
        // Others say nothing of a message; the plugin writes the names of some without a value.
        _ => return Some(()),
    };
    property.encode(&mut found.section);
    Some(())
}

fn text<'a>(item: &'a Json, name: &str) -> Option<&'a str> {
    match item.member(name)? {
        Json::Text(bytes) => core::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn number(item: &Json) -> Option<u32> {
    match item.member("value")? {
        Json::Number(number) if (0.0..=f64::from(u32::MAX)).contains(number) => Some(*number as u32),
        _ => None,
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<u32>>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_become_a_section_of_the_wire() {
        let text = br#"[{"identifier":"payload-format-indicator","value":1},
            {"identifier":"content-type","value":"t"},{"identifier":"response-topic","value":"a/b"},
            {"identifier":"correlation-data","value":"00fF"},{"identifier":"message-expiry-interval","value":9},
            {"identifier":"user-property","name":"k","value":"v"},{"identifier":"will-delay-interval"}]"#;
        let expected = b"\x01\x01\x03\x00\x01t\x08\x00\x03a/b\x09\x00\x02\x00\xff\x26\x00\x01k\x00\x01v";
        assert_eq!(read(text), Ok(Found { section: expected.to_vec(), expiry_interval: Some(9) }));
        assert_eq!(read(b""), Ok(Found::default()));
    }

    #[test]
    fn what_is_no_list_of_properties_is_told() {
        for text in [
            "{}",
            "[",
            r#"[{"identifier":"unheard-of","value":1}]"#,
            r#"[{"identifier":"content-type","value":1}]"#,
            r#"[{"identifier":"correlation-data","value":"0"}]"#,
            r#"[{"identifier":"response-topic","value":"a/+"}]"#,
        ] {
            assert_eq!(read(text.as_bytes()), Err(SourceProblem::Properties), "{text}");
        }
    }
}
