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
    found.extend(differences(configuration));
    found
}

/// What the line asks for that is not there.
fn lacks(given: &Given, configuration: &Configuration) -> Option<(String, Feature)> {
    match (given.option.name, given.value.as_str(), given.section) {
        ("listener", _, Section::Listener(number)) => {
            let listener = configuration.settings.listeners.get(number)?;
            let is_unix = matches!(listener.place, ListenPlace::Unix(_));
            is_unix.then(|| ("listener 0".into(), Feature::UnixSockets))
        }
        ("log_dest", "topic", _) => Some((given.shown(), Feature::LogTopics)),
        ("log_dest", "dlt", _) => Some((given.shown(), Feature::LogTrace)),
        ("protocol", "http_api", _) => Some((given.shown(), Feature::HttpApi)),
        ("protocol", "websockets", _) => Some((given.shown(), Feature::WebSocket)),
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

/// Whether two listeners are alike in something.
type Comparison = fn(&ListenerSettings, &ListenerSettings) -> bool;

/// Limits in which listeners differ.
fn differences(configuration: &Configuration) -> Vec<(Option<Place>, Problem)> {
    let settings = &configuration.settings;
    let Some(first) = settings.listeners.first() else { return Vec::new() };
    let same: [(&str, Comparison); 4] = [
        ("maximum_qos", |one, other| one.maximum_qos == other.maximum_qos),
        ("max_topic_alias", |one, other| one.topic_alias_maximum == other.topic_alias_maximum),
        ("max_topic_alias_broker", |one, other| {
            one.topic_alias_maximum_outgoing == other.topic_alias_maximum_outgoing
        }),
        ("allow_zero_length_clientid", |one, other| {
            one.security.allow_zero_length_client_identifier
                == other.security.allow_zero_length_client_identifier
        }),
    ];
    let mut found = Vec::new();
    for (option, is_same) in same {
        if settings.listeners.iter().all(|listener| is_same(first, listener)) {
            continue;
        }
        let line = configuration.given.iter().find(|given| given.option.name == option);
        let what = format!("{option} that differs between listeners");
        let problem = Problem::Unsupported { what, feature: Feature::ListenerLimits };
        found.push((line.map(|given| given.at.clone()), problem));
    }
    found
}
