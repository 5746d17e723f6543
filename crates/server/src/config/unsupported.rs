//! What a configuration asks for and this version cannot do. This is the one place for it: when something is there, its
//! row of the table says so, and what is said here of it goes.

use std::collections::BTreeSet;

use super::Configuration;
use super::option::{Feature, Status};
use super::problem::{Place, Problem};
use super::reader::Given;

/// What cannot be done, with the lines that ask for it: of each section and each feature the first.
pub(super) fn unsupported(configuration: &Configuration) -> Vec<(Option<Place>, Problem)> {
    let mut seen = BTreeSet::new();
    let mut found: Vec<(Option<Place>, Problem)> = Vec::new();
    for given in &configuration.given {
        if let Some((what, feature)) = lacks(given)
            && seen.insert((given.section, feature))
        {
            found.push((Some(given.at.clone()), Problem::Unsupported { what, feature }));
        }
    }
    found
}

/// What the line asks for that is not there.
fn lacks(given: &Given) -> Option<(String, Feature)> {
    match (given.option.name, given.value.as_str(), given.section) {
        ("log_dest", "dlt", _) => Some((given.shown(), Feature::LogTrace)),
        ("psk_hint" | "psk_file", ..) if !cfg!(feature = "psk") => {
            Some((given.name.clone(), Feature::TlsPsk))
        }
        _ => match given.option.status {
            Status::Waits(feature) if !given.is_default => Some((given.name.clone(), feature)),
            _ => None,
        },
    }
}
