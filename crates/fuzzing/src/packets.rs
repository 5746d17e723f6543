//! Bytes to packets and back.

use martlet_wire::{Packet, ProtocolVersion, fixed_header};

/// The version that the first byte chooses, and the other bytes.
fn split(data: &[u8]) -> Option<(ProtocolVersion, &[u8])> {
    let (first, rest) = data.split_first()?;
    let version = match first % 3 {
        0 => ProtocolVersion::Mqtt31,
        1 => ProtocolVersion::Mqtt311,
        _ => ProtocolVersion::Mqtt5,
    };
    Some((version, rest))
}

/// No bytes make decoding panic, and all that a packet holds can be looked at.
///
/// # Panics
/// If a packet has no fixed header.
pub fn decode(data: &[u8]) {
    let Some((version, bytes)) = split(data) else { return };
    let _ = fixed_header(None, bytes);
    if let Ok(Some(header)) = fixed_header(Some(version), bytes) {
        assert!(header.packet_len() >= 2, "a packet has a fixed header");
    }
    if let Ok(packet) = martlet_wire::decode(version, bytes) {
        let _ = format!("{packet:?}");
    }
}

/// What was decoded encodes to something that decodes to the same.
///
/// # Panics
/// If it does not.
pub fn roundtrip(data: &[u8]) {
    let Some((version, bytes)) = split(data) else { return };
    let Ok(packet) = martlet_wire::decode(version, bytes) else { return };
    let version = match &packet {
        Packet::Connect(connect) => connect.version,
        _ => version,
    };
    let mut encoded = Vec::new();
    packet.encode(version, &mut encoded).expect("what was decoded can be encoded");
    assert_eq!(packet.encoded_len(version), Ok(encoded.len()));
    assert_eq!(martlet_wire::decode(version, &encoded), Ok(packet));
    for len in 0..encoded.len().min(8) {
        let header = fixed_header(Some(version), &encoded[..len]).expect("a beginning is no error");
        assert!(header.is_none_or(|header| header.packet_len() > len), "a beginning is not whole");
    }
}
