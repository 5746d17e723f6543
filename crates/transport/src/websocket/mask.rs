//! The mask that clients put over what they send.

/// Takes a mask off. Answers the mask for the byte that follows.
pub(super) fn unmask(bytes: &mut [u8], mask: [u8; 4]) -> [u8; 4] {
    let word = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= mask;
    }
    let mut next = mask;
    next.rotate_left(bytes.len() % mask.len());
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_are_unmasked_as_the_whole_is() {
        let mask = [0x11, 0x22, 0x44, 0x88];
        let plain: Vec<u8> = (0..100).collect();
        let masked: Vec<u8> = plain.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        for piece in 1..=plain.len() {
            let (mut bytes, mut mask) = (masked.clone(), mask);
            for piece in bytes.chunks_mut(piece) {
                mask = unmask(piece, mask);
            }
            assert_eq!(bytes, plain, "in pieces of {piece}");
        }
    }
}
