//! What may stay untidy, each with its reason. A ratchet: an entry that is not needed has to go.

use std::collections::BTreeMap;

/// The entries: check, place, bound, reason.
pub(crate) struct Exceptions {
    entries: BTreeMap<(String, String), Entry>,
}

struct Entry {
    bound: usize,
    used: bool,
}

impl Exceptions {
    /// Reads lines of four columns, separated by tabs. The first line is the header.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut entries = BTreeMap::new();
        for (index, line) in text.lines().enumerate().skip(1) {
            let columns: Vec<&str> = line.split('\t').collect();
            let [check, place, bound, reason] = columns[..] else {
                return Err(format!("{}: check, place, bound and reason are expected", index + 1));
            };
            let bound = bound.parse().map_err(|_| format!("{}: the bound is no number", index + 1))?;
            if reason.trim().is_empty() {
                return Err(format!("{}: the reason is missing", index + 1));
            }
            entries.insert((check.to_owned(), place.to_owned()), Entry { bound, used: false });
        }
        Ok(Self { entries })
    }

    /// Whether the place may have this value although the check's own bound is lower.
    pub(crate) fn allow(&mut self, check: &str, place: &str, value: usize) -> bool {
        let entry = self.entries.get_mut(&(check.to_owned(), place.to_owned()));
        entry.is_some_and(|entry| {
            entry.used = true;
            value <= entry.bound
        })
    }

    /// The entries that no one has asked for.
    pub(crate) fn unused(&self) -> impl Iterator<Item = String> + '_ {
        let unused = self.entries.iter().filter(|(_, entry)| !entry.used);
        unused.map(|((check, place), _)| format!("{check} of {place}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_a_bound_and_a_use() {
        let text =
            "check\tplace\tbound\treason\nfile\ta.rs\t700\tone table\nfunction\tb.rs::f\t80\ta match\n";
        let mut exceptions = Exceptions::parse(text).expect("good lines");
        assert!(exceptions.allow("file", "a.rs", 700));
        assert!(!exceptions.allow("file", "a.rs", 701));
        assert!(!exceptions.allow("file", "c.rs", 601));
        assert_eq!(exceptions.unused().collect::<Vec<_>>(), ["function of b.rs::f"]);
    }

    #[test]
    fn a_reason_is_needed() {
        for line in ["file\ta.rs\t700", "file\ta.rs\tmany\tx", "file\ta.rs\t700\t "] {
            assert!(
                Exceptions::parse(&format!("header\n{line}\n")).is_err_and(|error| error.starts_with("2: "))
            );
        }
    }
}
