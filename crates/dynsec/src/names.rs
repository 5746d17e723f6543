//! Which texts can be names.

use crate::limits::NAME_BYTES_MAX;

/// Whether bytes are a name as Mosquitto takes it: UTF-8 of at most 65,535 bytes, without control characters and without
/// the code points that stand for no character. It may be empty.
pub(crate) fn name(bytes: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(bytes).ok().filter(|text| text.len() <= NAME_BYTES_MAX)?;
    text.chars().all(is_character).then_some(text)
}

fn is_character(character: char) -> bool {
    let code = u32::from(character);
    !character.is_control() && !(0xFDD0..=0xFDEF).contains(&code) && code & 0xFFFE != 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_control_characters_and_no_noncharacters() {
        for text in ["", "a", "é", "a/b", "+", "#", "\u{feff}x", "\u{a0}"] {
            assert_eq!(name(text.as_bytes()), Some(text));
        }
        for text in ["\0", "\u{1}", "\u{7f}", "\u{80}", "\u{fdd0}", "\u{fffe}", "\u{ffff}", "\u{1ffff}"] {
            assert_eq!(name(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(name(b"\xff"), None);
        assert!(name(&vec![b'x'; NAME_BYTES_MAX]).is_some());
        assert!(name(&vec![b'x'; NAME_BYTES_MAX + 1]).is_none());
    }
}
