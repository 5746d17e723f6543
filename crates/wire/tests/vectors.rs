//! Packets as tables of text: bytes on one side, the packet or the error on the other.
//!
//! A record of `vectors/packets-*.txt` has a line `VERSION: BYTES`, in hex or as quoted text, and a line with the outcome:
//! `= PACKET` is encoded back to the same bytes, `~ PACKET` to a shorter form, `! REASON ERROR` cannot be decoded.

use martlet_wire::{
    PacketType, Properties, PropertyOwner, ProtocolVersion, ReasonCode, decode, fixed_header,
};

const PACKETS: [(&str, &str); 4] = [
    ("packets-connect.txt", include_str!("vectors/packets-connect.txt")),
    ("packets-publish.txt", include_str!("vectors/packets-publish.txt")),
    ("packets-subscribe.txt", include_str!("vectors/packets-subscribe.txt")),
    ("packets-properties.txt", include_str!("vectors/packets-properties.txt")),
];

/// Each error that [`decode`] gives, by the beginning of its debug form.
const ERRORS: [&str; 41] = [
    "Incomplete",
    "Truncated",
    "TrailingBytes",
    "PacketTypeZero",
    "PacketTypeNotInThisVersion(",
    "FixedHeaderFlags {",
    "QosThree",
    "DupWithQosZero",
    "VariableByteIntegerTooLong",
    "VariableByteIntegerNotMinimal",
    "Utf8",
    "NullCharacter",
    "PacketIdZero",
    "TopicName(Empty)",
    "TopicName(WildcardInName)",
    "ResponseTopic(Empty)",
    "ResponseTopic(WildcardInName)",
    "TopicFilter(Empty)",
    "TopicFilter(WildcardPlace)",
    "TopicFilter(ShareName)",
    "EmptyTopicWithoutAlias",
    "ProtocolName",
    "UnsupportedProtocolVersion {",
    "ConnectFlagsReserved",
    "WillQosThree",
    "WillFlagsWithoutWill",
    "PasswordWithoutUserName",
    "ConnectAcknowledgeFlags",
    "SessionPresentOnRefusal",
    "ReasonCodeUnknown {",
    "ReasonCodeNotAllowed {",
    "PropertyUnknown {",
    "PropertyNotAllowed {",
    "PropertyRepeated {",
    "PropertyValue {",
    "AuthenticationDataWithoutMethod",
    "NoTopicFilter",
    "NoReasonCode",
    "RequestedQosThree",
    "RetainHandlingThree",
    "SubscriptionOptionsReserved",
];

const TYPES: [PacketType; 15] = [
    PacketType::Connect,
    PacketType::ConnAck,
    PacketType::Publish,
    PacketType::PubAck,
    PacketType::PubRec,
    PacketType::PubRel,
    PacketType::PubComp,
    PacketType::Subscribe,
    PacketType::SubAck,
    PacketType::Unsubscribe,
    PacketType::UnsubAck,
    PacketType::PingReq,
    PacketType::PingResp,
    PacketType::Disconnect,
    PacketType::Auth,
];

/// A record of a table of packets.
struct Record<'a> {
    /// File and line, for messages.
    place: String,
    version: ProtocolVersion,
    bytes: Vec<u8>,
    outcome: &'a str,
}

/// Lines with something to read in them.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Reads hex digits, in groups of any length, and text in quotation marks.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for token in text.split_whitespace() {
        if let Some(quoted) = token.strip_prefix('"') {
            bytes.extend_from_slice(quoted.strip_suffix('"').expect("a closing quotation mark").as_bytes());
        } else {
            let byte = |index| u8::from_str_radix(&token[index..index + 2], 16).expect("two hex digits");
            bytes.extend((0..token.len()).step_by(2).map(byte));
        }
    }
    bytes
}

fn records() -> Vec<Record<'static>> {
    let mut records = Vec::new();
    for (file, text) in PACKETS {
        let mut lines = lines(text);
        while let Some((index, line)) = lines.next() {
            let place = format!("{file}:{}", index + 1);
            let (version, packet) = line.split_once(": ").expect("a version and bytes");
            let version = match version {
                "3.1" => ProtocolVersion::Mqtt31,
                "3.1.1" => ProtocolVersion::Mqtt311,
                "5" => ProtocolVersion::Mqtt5,
                other => panic!("{place}: no version {other}"),
            };
            let (_, outcome) = lines.next().expect("a line with the outcome");
            records.push(Record { place, version, bytes: bytes(packet), outcome });
        }
    }
    records
}

/// What happens to the bytes, in the words of the table.
fn outcome(version: ProtocolVersion, bytes: &[u8]) -> String {
    match decode(version, bytes) {
        Ok(packet) => {
            let mut again = Vec::new();
            packet.encode(version, &mut again).expect("a decoded packet can be encoded");
            assert_eq!(packet.encoded_len(version), Ok(again.len()));
            assert_eq!(decode(version, &again), Ok(packet));
            format!("{} {packet:?}", if again == bytes { '=' } else { '~' })
        }
        Err(error) => format!("! 0x{:02x} {error:?}", error.reason() as u8),
    }
}

/// Covers: MQTT-1.5.4-1, MQTT-1.5.4-2, MQTT-1.5.4-3, MQTT-1.5.5-1, MQTT-1.5.7-1, MQTT-2.1.3-1, MQTT-2.2.1-2
/// Covers: MQTT-2.2.2-1, MQTT-3.1.2-3, MQTT-3.1.2-9, MQTT-3.1.2-11, MQTT-3.1.2-12, MQTT-3.1.2-13
/// Covers: MQTT-3.1.2-16, MQTT-3.1.2-17, MQTT-3.1.2-18, MQTT-3.1.2-19, MQTT-3.1.3-1, MQTT-3.1.3-3
/// Covers: MQTT-3.1.3-4, MQTT-3.1.3-11, MQTT-3.1.3-12, MQTT-3.2.2-1, MQTT-3.3.1-2, MQTT-3.3.1-4
/// Covers: MQTT-3.3.2-1, MQTT-3.3.2-2, MQTT-3.3.2-13, MQTT-3.3.2-14, MQTT-3.3.2-19, MQTT-3.6.1-1
/// Covers: MQTT-3.8.1-1, MQTT-3.8.3-1, MQTT-3.8.3-2, MQTT-3.8.3-4, MQTT-3.8.3-5, MQTT-3.10.1-1
/// Covers: MQTT-3.10.3-1, MQTT-3.10.3-2, MQTT-3.14.1-1, MQTT-3.15.1-1, MQTT-4.7.0-1, MQTT-4.7.1-1
/// Covers: MQTT-4.7.1-2, MQTT-4.7.3-1, MQTT-4.7.3-2, MQTT-4.8.2-1, MQTT-4.8.2-2
/// Covers: MQTT311-1.5.3-1, MQTT311-1.5.3-2, MQTT311-2.2.2-1, MQTT311-2.3.1-1, MQTT311-2.3.1-5
/// Covers: MQTT311-3.1.2-3, MQTT311-3.1.2-9, MQTT311-3.1.2-11, MQTT311-3.1.2-13, MQTT311-3.1.2-14
/// Covers: MQTT311-3.1.2-15, MQTT311-3.1.2-18, MQTT311-3.1.2-19, MQTT311-3.1.2-20, MQTT311-3.1.2-21
/// Covers: MQTT311-3.1.2-22, MQTT311-3.1.3-1, MQTT311-3.1.3-3, MQTT311-3.1.3-4, MQTT311-3.1.3-10
/// Covers: MQTT311-3.1.3-11, MQTT311-3.3.1-2, MQTT311-3.3.1-4, MQTT311-3.3.2-1, MQTT311-3.3.2-2
/// Covers: MQTT311-3.6.1-1, MQTT311-3.8.1-1, MQTT311-3.8.3-1, MQTT311-3.8.3-3, MQTT311-3.8.3-4
/// Covers: MQTT311-3.9.3-2, MQTT311-3.10.1-1, MQTT311-3.10.3-1, MQTT311-3.10.3-2, MQTT311-3.14.1-1
/// Covers: MQTT311-4.7.1-1, MQTT311-4.7.1-2, MQTT311-4.7.3-1
/// Covers: s1.5.5, s2.1.2, s2.1.3, s3.1.2.11.3, s3.1.2.11.4, s3.1.2.11.5, s3.1.2.11.6, s3.1.2.11.7
/// Covers: s3.1.2.11.10, s3.2.2.3.3, s3.2.2.3.14, s3.3.2.1, s3.3.2.3.8, s3.4.2, s3.4.2.2, s3.8.2.1.2
/// Covers: s3.8.3.1, s3.14.2.1
#[test]
fn packets_of_the_tables_are_decoded_and_encoded() {
    let mut wrong = Vec::new();
    for record in records() {
        let actual = outcome(record.version, &record.bytes);
        if actual != record.outcome {
            wrong.push(format!("{}: {actual}", record.place));
        }
    }
    assert!(wrong.is_empty(), "other outcomes:\n{}", wrong.join("\n"));
}

#[test]
fn the_fixed_header_tells_the_length_of_every_packet() {
    for Record { place, version, bytes, .. } in
        records().iter().filter(|record| record.outcome.starts_with('='))
    {
        let version = if bytes[0] >> 4 == 1 { None } else { Some(*version) };
        for len in 0..bytes.len() {
            match fixed_header(version, &bytes[..len]) {
                Ok(None) => assert!(len < 5, "{place}"),
                Ok(Some(header)) => assert_eq!(header.packet_len(), bytes.len(), "{place}"),
                Err(error) => panic!("{place}: {error}"),
            }
        }
    }
}

#[test]
fn the_tables_are_rich_enough() {
    let records = records();
    assert!(records.len() >= 120, "only {} records", records.len());
    for error in ERRORS {
        let given =
            |record: &Record| record.outcome.starts_with('!') && record.outcome[7..].starts_with(error);
        assert!(records.iter().any(given), "no packet gives {error}");
    }
    for packet_type in TYPES {
        let decoded =
            |record: &Record| record.bytes[0] >> 4 == packet_type as u8 && record.outcome.starts_with('=');
        assert!(records.iter().any(decoded), "no {packet_type}");
    }
}

/// `vectors/property-owners.txt`: identifier and value, then who may carry it.
#[test]
fn mqtt5_s2_2_2_2_a_property_belongs_to_its_packets_only() {
    let mut identifiers = Vec::new();
    for (_, line) in lines(include_str!("vectors/property-owners.txt")) {
        let (property, owners) = line.split_once('|').expect("a property and its owners");
        let section = bytes(property);
        identifiers.push(section[0]);
        let owners: Vec<&str> = owners.split_whitespace().collect();
        let all = TYPES.map(PropertyOwner::Packet).into_iter().chain([PropertyOwner::Will]);
        for owner in all {
            let name = if owner == PropertyOwner::Will { "WILL".into() } else { owner.to_string() };
            let properties = Properties::from_section(owner, &section);
            assert_eq!(properties.is_ok(), owners.contains(&name.as_str()), "{line}: {owner}");
            let repeated = section.repeat(2);
            let twice = line.starts_with("26 ") || line.starts_with("0b ") && name == "PUBLISH";
            assert_eq!(
                Properties::from_section(owner, &repeated).is_ok(),
                properties.is_ok() && twice,
                "{line}: twice in {owner}"
            );
        }
    }
    assert_eq!(identifiers.len(), 27);
    for unknown in (0..=u8::MAX).filter(|identifier| !identifiers.contains(identifier)) {
        let section = [unknown, 0x01, 0x00, 0x00];
        assert!(Properties::from_section(PropertyOwner::Packet(PacketType::ConnAck), &section).is_err());
    }
}

/// `vectors/reason-codes.txt`: code and name, then the packets it belongs to.
///
/// Covers: MQTT-3.2.2-8, MQTT-3.4.2-1, MQTT-3.5.2-1, MQTT-3.6.2-1, MQTT-3.7.2-1, MQTT-3.9.3-2, MQTT-3.11.3-2
/// Covers: MQTT-3.14.2-1, MQTT-3.15.2-1
#[test]
fn mqtt5_s2_4_a_reason_code_belongs_to_its_packets_only() {
    let mut table = [""; 256];
    for (_, line) in lines(include_str!("vectors/reason-codes.txt")) {
        table[usize::from(bytes(&line[..2])[0])] = &line[3..];
    }
    for (byte, line) in (0..=u8::MAX).zip(table) {
        let Some(code) = ReasonCode::from_u8(byte) else {
            assert_eq!(line, "", "{byte:#x} is a reason code");
            continue;
        };
        let (name, packets) = line.split_once('|').expect("a name and packets");
        assert_eq!((code as u8, code.name(), code.is_error()), (byte, name.trim(), byte >= 0x80));
        for packet_type in TYPES {
            let expected = packets.split_whitespace().any(|packet| packet == packet_type.name());
            assert_eq!(code.allowed_in(packet_type), expected, "{code} in {packet_type}");
        }
    }
}
