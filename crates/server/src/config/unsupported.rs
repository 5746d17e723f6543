//! What a configuration asks for and this version cannot do. This is the one place for it: when something is there, its
//! row of the table says so, and what is said here of it goes.

use core::net::IpAddr;
use std::collections::BTreeSet;

use super::Configuration;
use super::option::{Feature, Status};
use super::problem::{Place, Problem};
use super::reader::{Given, Section};
use super::settings::{ListenPlace, ListenerSettings};

/// What cannot be done, with the lines that ask for it: of each section and each feature the first.
pub(super) fn unsupported(configuration: &Configuration) -> Vec<(Option<Place>, Problem)> {
    let mut seen = BTreeSet::new();
    let mut found: Vec<(Option<Place>, Problem)> = Vec::new();
    for given in &configuration.given {
        if let Some((what, feature)) = lacks(given, configuration)
            && seen.insert((given.section, feature))
        {
            found.push((Some(given.at.clone()), Problem::Unsupported { what, feature }));
        }
    }
    found
}

/// What the line asks for that is not there.
fn lacks(given: &Given, configuration: &Configuration) -> Option<(String, Feature)> {
    match (given.option.name, given.value.as_str(), given.section) {
        ("log_dest", "dlt", _) => Some((given.shown(), Feature::LogTrace)),
        ("psk_hint" | "psk_file", ..) if !cfg!(feature = "psk") => {
            Some((given.name.clone(), Feature::TlsPsk))
        }
        ("socket_domain", _, Section::Listener(number)) => {
            let listener = configuration.settings.listeners.get(number)?;
            is_named(listener).then(|| (given.shown(), Feature::Interfaces))
        }
        _ => match given.option.status {
            Status::Waits(feature) if !given.is_default => Some((given.name.clone(), feature)),
            _ => None,
        },
    }
}

/// Whether a listener's host is a name, which may have addresses of both kinds.
fn is_named(listener: &ListenerSettings) -> bool {
    match &listener.place {
        ListenPlace::Tcp { host: Some(host), .. } => host.parse::<IpAddr>().is_err(),
        _ => false,
    }
}
