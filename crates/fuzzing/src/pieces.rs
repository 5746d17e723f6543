//! Parts of packets: Topic Filters, property sections, beginnings.

use martlet_wire::{
    Packet, PacketType, Properties, PropertyOwner, ProtocolVersion, TopicFilter, TopicName, decode,
    fixed_header,
};

use crate::source::Source;

const VERSIONS: [ProtocolVersion; 3] =
    [ProtocolVersion::Mqtt31, ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5];

/// Reads any bytes as what packets are made of: two texts, a Topic Filter and a Topic Name, with a line feed between them;
/// a property section; the beginning of a packet. The first byte chooses version and owner.
///
/// # Panics
/// If a filter matches otherwise than level by level, properties have another length than is told, or a beginning of a good
/// packet decodes or is found wrong.
pub fn pieces(data: &[u8]) {
    let mut source = Source::new(data);
    let choice = source.u8();
    let bytes = source.rest();
    check_texts(bytes);
    check_section(choice, bytes);
    let version = VERSIONS[usize::from(choice) % VERSIONS.len()];
    if let Ok(packet) = decode(version, bytes) {
        let expected = (!matches!(packet, Packet::Connect(_))).then_some(version);
        check_beginnings(version, expected, bytes);
    }
}

fn check_section(choice: u8, bytes: &[u8]) {
    let owner = PacketType::from_u8(choice).map_or(PropertyOwner::Will, PropertyOwner::Packet);
    if let Ok(properties) = Properties::from_section(owner, bytes) {
        let mut written = Vec::new();
        properties.iter().for_each(|property| property.encode(&mut written));
        assert_eq!(written.len(), properties.section_len());
        let again = Properties::from_section(owner, &written).expect("what was read can be read again");
        assert_eq!(again, properties);
    }
}

/// No beginning of a packet is a packet, nor is its header found wrong.
fn check_beginnings(version: ProtocolVersion, expected: Option<ProtocolVersion>, bytes: &[u8]) {
    const BEGINNINGS_MAX: usize = 64;
    let step = (bytes.len() / BEGINNINGS_MAX).max(1);
    for end in (0..bytes.len()).step_by(step) {
        let beginning = &bytes[..end];
        assert!(decode(version, beginning).is_err(), "a beginning decodes");
        let header = fixed_header(expected, beginning).expect("a beginning is not wrong");
        assert!(header.is_none_or(|header| header.packet_len() == bytes.len()), "a header changes");
    }
}

/// Topic Names and Topic Filters of any text.
fn check_texts(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let (left, right) = text.split_once('\n').unwrap_or((text, text));
    let (Ok(filter), Ok(name)) = (TopicFilter::parse(left), TopicName::parse(right)) else { return };
    assert_eq!(filter.as_str(), left);
    let expected = matches_slowly(filter.filter(), name.as_str());
    assert_eq!(filter.matches(name), expected, "{filter} against {name}");
}

/// The rules of section 4.7, level by level.
fn matches_slowly(filter: &str, name: &str) -> bool {
    fn levels(filter: &[&str], name: &[&str]) -> bool {
        match (filter.split_first(), name.split_first()) {
            (None, None) | (Some((&"#", _)), _) => true,
            (Some((&"+", filter)), Some((_, name))) => levels(filter, name),
            (Some((wanted, filter)), Some((level, name))) => wanted == level && levels(filter, name),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
    let (filter, name): (Vec<&str>, Vec<&str>) = (filter.split('/').collect(), name.split('/').collect());
    let is_hidden = name[0].starts_with('$') && matches!(filter[0], "+" | "#");
    !is_hidden && levels(&filter, &name)
}
