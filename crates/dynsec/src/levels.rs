//! Patterns of access rules, level by level.

use crate::limits::{NAME_BYTES_MAX, TOPIC_LEVELS_MAX};

/// Whose Client Identifier and user name stand for `%c` and `%u`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Substitutes<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) user_name: Option<&'a str>,
}

/// A pattern, with what is known of it beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: Box<str>,
    /// How many bytes are the same in all that it matches: those before the first level that is not plain.
    prefix_bytes: usize,
    /// No level stands for anything else.
    is_plain: bool,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let mut prefix_bytes = 0;
        for level in text.split('/') {
            if is_special(level) {
                // `a/#` matches `a` too, so the slash before `#` need not be there.
                let slash = usize::from(level == "#" && prefix_bytes > 0);
                return Self { text: text.into(), prefix_bytes: prefix_bytes - slash, is_plain: false };
            }
            prefix_bytes += level.len() + 1;
        }
        Self { text: text.into(), prefix_bytes: text.len(), is_plain: true }
    }

    /// Whether a Topic Name matches, or a Topic Filter asks for nothing that the pattern does not.
    ///
    /// A wildcard in the first place does not stand for a level that begins with `$` [MQTT-4.7.2-1]. A `+` of the filter is
    /// within `+` and `#`, a `#` only within `#`.
    pub(crate) fn matches(&self, topic: &str, substitutes: Substitutes<'_>) -> bool {
        if self.is_plain {
            return *self.text == *topic;
        }
        let prefix = self.text.as_bytes().get(..self.prefix_bytes).unwrap_or_default();
        if !topic.as_bytes().starts_with(prefix) {
            return false;
        }
        if topic.starts_with('$') && self.text.starts_with(['+', '#']) {
            return false;
        }
        let mut names = topic.split('/');
        let mut levels = self.text.split('/');
        while let Some(level) = levels.next() {
            let matches = match level {
                "#" => return levels.next().is_none(),
                "+" => names.next().is_some_and(|name| name != "#"),
                "%c" => names.next().is_some_and(|name| stands_for(name, substitutes.client_id)),
                "%u" => names
                    .next()
                    .is_some_and(|name| substitutes.user_name.is_some_and(|user| stands_for(name, user))),
                exact => names.next() == Some(exact),
            };
            if !matches {
                return false;
            }
        }
        names.next().is_none()
    }
}

/// Whether a level is the value of `%c` or `%u`. A value with wildcards or a slash stands for no level: a client must not
/// choose by its name what a rule is about.
fn stands_for(name: &str, value: &str) -> bool {
    name == value && !value.contains(['+', '#', '/'])
}

fn is_special(level: &str) -> bool {
    matches!(level, "+" | "#" | "%c" | "%u")
}

/// Whether an access rule can have this topic: 1 to 65,535 bytes in at most 201 levels, each wildcard alone in its level,
/// `#` in the last one.
pub(crate) fn is_acl_topic(topic: &str) -> bool {
    if topic.is_empty() || topic.len() > NAME_BYTES_MAX {
        return false;
    }
    let mut levels = topic.split('/');
    let mut count = 0;
    while let Some(level) = levels.next() {
        count += 1;
        let is_last = levels.clone().next().is_none();
        if !(level == "+" || level == "#" && is_last || !level.contains(['+', '#'])) {
            return false;
        }
    }
    count <= TOPIC_LEVELS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, topic: &str) -> bool {
        let substitutes = Substitutes { client_id: "cid", user_name: Some("user") };
        Pattern::new(pattern).matches(topic, substitutes)
    }

    #[test]
    fn patterns_match_names_and_filters() {
        for (pattern, inside, outside) in [
            ("a", vec!["a"], vec!["b", "a/", "+", "#"]),
            ("#", vec!["a", "a/b", "#", "+", "/", "+/#"], vec!["$SYS/x", "$SYS/#", "$share/g/a"]),
            ("+", vec!["a", "+"], vec!["#", "$SYS", "a/b"]),
            ("+/#", vec!["+/#", "+", "a", "a/b"], vec!["#", "$a"]),
            ("a/#", vec!["a", "a/", "a/#", "a/+", "a/b/+/c"], vec!["#", "+/#", "ab", "$share/g/a/x"]),
            ("a/+", vec!["a/", "a/b", "a/+"], vec!["a", "a/b/", "a/#"]),
            ("a/+/c", vec!["a/b/c", "a/+/c", "a//c"], vec!["a/#", "a/+/+", "a/b/#", "+/b/c"]),
            ("a/+/#", vec!["a/+", "a/b/#", "a/+/#"], vec!["a/#", "a"]),
            ("/#", vec!["/", "/a", "/+"], vec!["#", "a"]),
            ("$SYS/#", vec!["$SYS", "$SYS/x", "$SYS/#"], vec!["#", "a"]),
            ("%u/%c/#", vec!["user/cid", "user/cid/x"], vec!["user", "%u/%c", "user/%c", "+/cid"]),
            ("x/a%c", vec!["x/a%c"], vec!["x/acid"]),
            ("a/#/b", vec![], vec!["a", "a/x/b", "a/b"]),
        ] {
            for topic in inside {
                assert!(matches(pattern, topic), "{pattern} {topic}");
            }
            for topic in outside {
                assert!(!matches(pattern, topic), "{pattern} {topic}");
            }
        }
    }

    #[test]
    fn a_name_cannot_widen_a_rule() {
        for value in ["+", "#", "a/b"] {
            let substitutes = Substitutes { client_id: value, user_name: None };
            for topic in ["x/+", "x/#", "x/a/b", "x/a", "x/%u"] {
                assert!(!Pattern::new("x/%c").matches(topic, substitutes), "{value} {topic}");
                assert!(!Pattern::new("x/%u").matches(topic, substitutes), "{value} {topic}");
            }
        }
    }

    #[test]
    fn topics_of_access_rules() {
        for topic in ["a", "#", "+", "a/+/#", "$share", "/", "%c", "a b"] {
            assert!(is_acl_topic(topic), "{topic}");
        }
        for topic in ["", "a/#/b", "a+", "#a", "##"] {
            assert!(!is_acl_topic(topic), "{topic}");
        }
        assert!(is_acl_topic(&"/".repeat(TOPIC_LEVELS_MAX - 1)));
        assert!(!is_acl_topic(&"/".repeat(TOPIC_LEVELS_MAX)));
    }
}
