//! The table of all options: what there is to know of each stands here, once. Reading, messages, explanations and the
//! documentation follow from it.

mod bridges;
mod general;
mod limits;
mod listeners;
mod logs;
mod plugins;
mod security;
mod tls;

use super::option::ConfigOption;
pub(super) use logs::NO_WEBSOCKETS_LOG;

/// A part of the table.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// What its options are about.
    pub title: &'static str,
    /// Where they may stand, and what there is to know of all of them.
    pub about: &'static str,
    /// The options, in the order of their names.
    pub options: &'static [ConfigOption],
}

/// All parts.
pub const PARTS: &[Part] = &[
    general::PART,
    security::PART,
    logs::PART,
    limits::OF_MOSQUITTO,
    limits::OWN,
    listeners::PART,
    tls::PART,
    bridges::PART,
    bridges::TLS,
    plugins::PART,
];

/// All options.
pub fn options() -> impl Iterator<Item = &'static ConfigOption> {
    PARTS.iter().flat_map(|part| part.options)
}

/// The option with this name.
pub(super) fn find(name: &str) -> Option<&'static ConfigOption> {
    options().find(|option| option.answers_to(name))
}

/// The option whose name is closest, if one is close.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    const DISTANCE_MAX: usize = 2;
    if name.len() > 64 {
        return None;
    }
    let near = options().map(|option| (distance(name, option.name), option.name)).min()?;
    (near.0 <= DISTANCE_MAX && near.0 * 3 < name.len()).then_some(near.1)
}

/// How many characters have to be put in, left out or replaced to make one text of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = core::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<&str> = options()
            .flat_map(|option| core::iter::once(option.name).chain(option.aliases.iter().copied()))
            .collect();
        names.sort_unstable();
        let twice: Vec<&&str> =
            names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
        assert_eq!(twice, [&""; 0]);
        assert!(names.len() > 160, "{}", names.len());
    }

    #[test]
    fn parts_are_in_order() {
        for part in PARTS {
            let names: Vec<&str> = part.options.iter().map(|option| option.name).collect();
            assert!(names.is_sorted(), "{}: {names:?}", part.title);
        }
    }

    #[test]
    fn a_misspelt_option_is_found() {
        assert_eq!(nearest("alow_anonymous"), Some("allow_anonymous"));
        assert_eq!(nearest("listner"), Some("listener"));
        assert_eq!(nearest("frobnicate"), None);
        assert_eq!(nearest("por"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
