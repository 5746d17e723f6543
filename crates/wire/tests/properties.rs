//! What holds for all packets and for all bytes.

mod generate;

use generate::{VERSIONS, packet, version};
use martlet_wire::{
    DecodeError, EncodeError, Packet, PacketType, ProtocolVersion, SliceSink, decode, fixed_header,
};
use proptest::prelude::*;

/// Encodes a packet that can be encoded.
fn encoded(version: ProtocolVersion, packet: &Packet) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).expect("the generators make valid packets");
    bytes
}

/// A fixed header that fits, and the body behind it.
fn framed(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut len = body.len();
    while len > 0x7F {
        bytes.push(len.to_le_bytes()[0] | 0x80);
        len >>= 7;
    }
    bytes.push(len.to_le_bytes()[0]);
    bytes.extend_from_slice(body);
    bytes
}

/// Decodes bytes of any kind; what is accepted can be looked at, encoded, and decoded to the same.
fn survives(bytes: &[u8]) -> Result<(), TestCaseError> {
    for version in VERSIONS {
        match decode(version, bytes) {
            Ok(packet) => {
                let mut again = Vec::new();
                packet.encode(version, &mut again).map_err(|error| TestCaseError::fail(error.to_string()))?;
                prop_assert!(again.len() <= bytes.len());
                prop_assert_eq!(decode(version, &again), Ok(packet));
                prop_assert_ne!(format!("{packet:?}").len(), 0);
            }
            Err(error) => {
                prop_assert!(error.reason().is_error());
                prop_assert!(!error.to_string().is_empty() && error.to_string() != "malformed packet");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_packet_comes_back_from_its_bytes((version, packet) in version().prop_flat_map(|v| (Just(v), packet(v)))) {
        let bytes = encoded(version, &packet);
        prop_assert_eq!(packet.encoded_len(version), Ok(bytes.len()));
        prop_assert_eq!(decode(version, &bytes), Ok(packet));
    }

    #[test]
    fn a_decoded_packet_gives_the_same_bytes((version, packet) in version().prop_flat_map(|v| (Just(v), packet(v)))) {
        let bytes = encoded(version, &packet);
        let decoded = decode(version, &bytes).expect("encoded packets are valid");
        prop_assert_eq!(encoded(version, &decoded), bytes);
    }

    #[test]
    fn a_slice_takes_the_same_bytes_as_a_vector((version, packet) in version().prop_flat_map(|v| (Just(v), packet(v)))) {
        let bytes = encoded(version, &packet);
        let mut room = vec![0; bytes.len() + 3];
        let mut sink = SliceSink::new(&mut room);
        prop_assert_eq!(packet.encode(version, &mut sink), Ok(()));
        prop_assert!(!sink.overflowed());
        prop_assert_eq!(sink.written(), &bytes[..]);
        let mut sink = SliceSink::new(&mut room[..bytes.len() - 1]);
        prop_assert_eq!(packet.encode(version, &mut sink), Ok(()));
        prop_assert!(sink.overflowed());
        prop_assert!(bytes.starts_with(sink.written()));
    }

    #[test]
    fn every_beginning_of_a_packet_needs_more((version, packet) in version().prop_flat_map(|v| (Just(v), packet(v)))) {
        let bytes = encoded(version, &packet);
        for len in 0..bytes.len() {
            if let Some(header) = fixed_header(Some(version), &bytes[..len])? {
                prop_assert_eq!(header.packet_len(), bytes.len());
            }
            prop_assert_eq!(decode(version, &bytes[..len]), Err(DecodeError::Incomplete));
        }
        let longer = [&bytes[..], &[0]].concat();
        let header = fixed_header(Some(version), &longer)?.expect("the header is complete");
        prop_assert_eq!(header.packet_len(), bytes.len());
        prop_assert_eq!(decode(version, &longer), Err(DecodeError::TrailingBytes));
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        survives(&bytes)?;
        for first in [0x10, 0x20, 0x30, 0x32, 0x40, 0x62, 0x82, 0x90, 0xA2, 0xB0, 0xC0, 0xE0, 0xF0] {
            survives(&framed(first, &bytes))?;
        }
    }

    #[test]
    fn a_damaged_packet_is_survived(
        (version, packet) in version().prop_flat_map(|v| (Just(v), packet(v))),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let bytes = encoded(version, &packet);
        let mut changed = bytes.clone();
        let place = place.index(bytes.len());
        changed[place] = byte;
        survives(&changed)?;
        // The same in a frame that fits: one byte changed, one missing, one too many, cut off.
        let header_len = fixed_header(Some(version), &bytes)?.map_or(0, |header| header.header_len);
        let body = &bytes[header_len..];
        let place = place.min(body.len());
        let (front, back) = body.split_at(place);
        let rest = back.get(1..).unwrap_or_default();
        for body in [[front, &[byte][..], rest], [front, &[][..], rest], [front, &[byte][..], back], [front, &[], &[]]] {
            survives(&framed(bytes[0], &body.concat()))?;
        }
    }

    #[test]
    fn a_message_is_its_head_and_its_payload((version, packet) in version().prop_flat_map(|v| (Just(v), packet(v)))) {
        if let Packet::Publish(publish) = packet {
            let mut bytes = Vec::new();
            prop_assert_eq!(publish.encode_head(version, &mut bytes), Ok(()));
            bytes.extend_from_slice(publish.payload);
            prop_assert_eq!(&bytes, &encoded(version, &packet));
        }
    }

    #[test]
    fn an_acknowledgement_is_encoded_alone_as_in_a_packet((version, packet) in version().prop_flat_map(|v| (Just(v), packet(v)))) {
        if let Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) = packet {
            let mut bytes = Vec::new();
            prop_assert_eq!(ack.encode(packet.packet_type(), version, &mut bytes), Ok(()));
            prop_assert_eq!(ack.encoded_len(version), Ok(bytes.len()));
            prop_assert_eq!(&bytes, &encoded(version, &packet));
            prop_assert_eq!(ack.encode(PacketType::Publish, version, &mut bytes), Err(EncodeError::Invalid));
        }
    }
}
