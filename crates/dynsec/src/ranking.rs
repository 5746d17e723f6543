//! Names in the order of their priorities.

use crate::limits::{PRIORITY_MAX, RANKING_MAX};

/// The priority of who was given none.
const PRIORITY_DEFAULT: i32 = -1;

/// A name with its priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// The name of a role or a group.
    pub name: String,
    /// From -100,000 to 100,000; -1 if nothing was said.
    pub priority: i32,
}

impl Ranked {
    /// The priority, unless it is the one of who was given none.
    pub(crate) fn explicit_priority(&self) -> Option<i32> {
        (self.priority != PRIORITY_DEFAULT).then_some(self.priority)
    }
}

/// The roles of a client or a group, or the groups of a client: the highest priority first, and those of equal priority by
/// name. Each name at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranking(Vec<Ranked>);

impl Ranking {
    /// Adds a name, and answers whether it was not there yet and there was room.
    pub(crate) fn add(&mut self, name: &str, priority: Option<i32>) -> bool {
        if self.contains(name) || self.0.len() >= RANKING_MAX {
            return false;
        }
        let ranked = Ranked { name: name.to_owned(), priority: priority.unwrap_or(PRIORITY_DEFAULT) };
        let key = |it: &Ranked| core::cmp::Reverse(it.priority);
        let place = self.0.partition_point(|other| (key(other), &other.name) < (key(&ranked), &ranked.name));
        self.0.insert(place, ranked);
        true
    }

    /// Takes a name out, and answers whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|ranked| ranked.name != name);
        self.0.len() < before
    }

    /// Whether the name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|ranked| ranked.name == name)
    }

    /// Goes through the names, those first that count most.
    pub fn iter(&self) -> core::slice::Iter<'_, Ranked> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Ranking {
    type Item = &'a Ranked;
    type IntoIter = core::slice::Iter<'a, Ranked>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A number as a priority: without its fraction, and within the bounds.
pub(crate) fn priority(number: f64) -> i32 {
    let bound = f64::from(PRIORITY_MAX);
    #[expect(clippy::cast_possible_truncation, reason = "it lies within the bounds")]
    let priority = number.clamp(-bound, bound) as i32;
    priority
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_priority_comes_first_and_names_decide_ties() {
        let mut ranking = Ranking::default();
        for (name, priority) in [("b", None), ("a", None), ("z", Some(3)), ("c", Some(-5)), ("d", Some(0))] {
            assert!(ranking.add(name, priority));
        }
        assert!(!ranking.add("z", Some(9)));
        let names: Vec<&str> = ranking.iter().map(|ranked| ranked.name.as_str()).collect();
        assert_eq!(names, ["z", "d", "a", "b", "c"]);
        assert!(ranking.remove("d") && !ranking.remove("d"));
    }

    #[test]
    fn priorities_are_whole_and_bounded() {
        for (number, expected) in
            [(1.9, 1), (-1.9, -1), (1e12, PRIORITY_MAX), (-1e300, -PRIORITY_MAX), (f64::NAN, 0)]
        {
            assert_eq!(priority(number), expected);
        }
    }
}
