//! What the tools ask of topics before they connect.

/// The longest topic, in bytes.
const TOPIC_BYTES_MAX: usize = 65_535;
/// The most separators in a topic.
const SEPARATORS_MAX: usize = 200;

/// Whether messages can be published to the topic. The empty topic passes: a topic alias may stand for it.
pub(crate) fn is_name(topic: &str) -> bool {
    !topic.contains(['+', '#']) && fits(topic)
}

/// Whether the topic can be subscribed to: wildcards fill a whole level, and `#` the last one.
pub(crate) fn is_filter(topic: &str) -> bool {
    let mut levels = topic.split('/').peekable();
    let mut wildcards_in_place = true;
    while let Some(level) = levels.next() {
        let lone = !level.contains(['+', '#']) || level.len() == 1;
        wildcards_in_place &= lone && (level != "#" || levels.peek().is_none());
    }
    wildcards_in_place && fits(topic)
}

fn fits(topic: &str) -> bool {
    topic.len() <= TOPIC_BYTES_MAX && topic.bytes().filter(|byte| *byte == b'/').count() <= SEPARATORS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_alone_and_the_hash_stands_last() {
        for filter in ["a", "a/+", "+/a", "#", "a/#", "+", "/+/#", "$share/g/a"] {
            assert!(is_filter(filter), "{filter}");
        }
        for filter in ["++", "a+", "#/a", "a#", "a/b#"] {
            assert!(!is_filter(filter), "{filter}");
        }
        assert!(is_name("a/b") && !is_name("a/+") && !is_name("#"));
        assert!(!is_name(&"a".repeat(65_536)) && !is_name(&"/".repeat(201)));
    }
}
