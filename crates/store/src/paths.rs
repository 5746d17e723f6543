//! The names of all files of a store.

/// The file whose lock keeps a second process out.
pub(crate) const LOCK: &str = "lock";
/// Format, node and number of shards.
pub(crate) const META: &str = "meta";
/// `META` while it is written.
pub(crate) const META_UNFINISHED: &str = "meta.tmp";
/// The folder of what was found to be damaged.
pub(crate) const DAMAGED: &str = "damaged";
/// What the name of a checkpoint, or of a segment that is written anew, ends with until it is whole.
const UNFINISHED: &str = ".tmp";

/// What the name of a file that was set aside whole goes on with.
const WHOLE: &str = "-whole";

const SHARD: &str = "shard-";
const RETIRED: &str = "retired-";
const SEGMENT: &str = "log-";
const CHECKPOINT: &str = "checkpoint-";

/// The folder of a shard.
pub(crate) fn shard_dir(shard: u16) -> String {
    format!("{SHARD}{shard:05}")
}

/// The folder of a shard whose files are being removed.
pub(crate) fn retired_dir(shard: u16) -> String {
    format!("{RETIRED}{shard:05}")
}

/// Reads the name of a folder of a shard.
pub(crate) fn parse_shard_dir(name: &str) -> Option<u16> {
    number(name.strip_prefix(SHARD)?, 5)
}

/// Reads the name of a folder of a shard whose files are being removed.
pub(crate) fn parse_retired_dir(name: &str) -> Option<u16> {
    number(name.strip_prefix(RETIRED)?, 5)
}

pub(crate) fn segment(ordinal: u64) -> String {
    format!("{SEGMENT}{ordinal:020}")
}

pub(crate) fn checkpoint(ordinal: u64) -> String {
    format!("{CHECKPOINT}{ordinal:020}")
}

pub(crate) fn unfinished_checkpoint(ordinal: u64) -> String {
    format!("{CHECKPOINT}{ordinal:020}{UNFINISHED}")
}

pub(crate) fn unfinished_segment(ordinal: u64) -> String {
    format!("{SEGMENT}{ordinal:020}{UNFINISHED}")
}

pub(crate) fn parse_segment(name: &str) -> Option<u64> {
    number(name.strip_prefix(SEGMENT)?, 20)
}

pub(crate) fn parse_checkpoint(name: &str) -> Option<u64> {
    number(name.strip_prefix(CHECKPOINT)?, 20)
}

/// Where a part of a damaged file is copied to.
pub(crate) fn damaged_part(dir: &str, name: &str, offset: u64) -> String {
    format!("{DAMAGED}/{dir}-{name}-at-{offset}")
}

/// The name in [`DAMAGED`] that a damaged file gets; it may have been there before, under the same name.
pub(crate) fn damaged_whole(dir: &str, name: &str, number: u32) -> String {
    match number {
        0 => format!("{dir}-{name}{WHOLE}"),
        _ => format!("{dir}-{name}{WHOLE}-{number}"),
    }
}

/// Reads the name that a segment got when it was set aside whole.
pub(crate) fn parse_damaged_segment(dir: &str, name: &str) -> Option<u64> {
    let (segment, _) = name.strip_prefix(dir)?.strip_prefix('-')?.split_once(WHOLE)?;
    parse_segment(segment)
}

/// Whether a file is a checkpoint that was never finished.
pub(crate) fn is_unfinished_checkpoint(name: &str) -> bool {
    name.strip_suffix(UNFINISHED).and_then(parse_checkpoint).is_some()
}

/// Whether a file is one that was never finished.
pub(crate) fn is_unfinished(name: &str) -> bool {
    is_unfinished_checkpoint(name) || name.strip_suffix(UNFINISHED).and_then(parse_segment).is_some()
}

/// Reads a number that was written with exactly so many digits, so that a number has one name.
fn number<N: TryFrom<u64>>(digits: &str, count: usize) -> Option<N> {
    if digits.len() != count || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    N::try_from(digits.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        assert_eq!(parse_shard_dir(&shard_dir(3)), Some(3));
        assert_eq!(parse_retired_dir(&retired_dir(u16::MAX)), Some(u16::MAX));
        assert_eq!(parse_segment(&segment(u64::MAX)), Some(u64::MAX));
        assert_eq!(parse_checkpoint(&checkpoint(7)), Some(7));
        assert!(is_unfinished(&unfinished_checkpoint(7)) && is_unfinished(&unfinished_segment(7)));
        for number in 0..2 {
            let name = damaged_whole(&shard_dir(3), &segment(7), number);
            assert_eq!(parse_damaged_segment(&shard_dir(3), &name), Some(7));
            assert_eq!(parse_damaged_segment(&shard_dir(4), &name), None);
        }
    }

    #[test]
    fn other_names_are_not() {
        for name in ["shard-3", "shard-65536", "shard-0003x", "log-1", "shard-+0003"] {
            assert_eq!((parse_shard_dir(name), parse_segment(name)), (None, None), "{name}");
        }
        assert_eq!(parse_checkpoint(&unfinished_checkpoint(7)), None);
        assert!(!is_unfinished("notes.tmp"));
    }
}
