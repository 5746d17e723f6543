//! What a configuration asks for and this version cannot do. This is the one place for it: when something is there, its
//! row of the table says so, and what is said here of it goes.

use std::collections::BTreeSet;

use super::Configuration;
use super::option::{Feature, Status};
use super::problem::{Place, Problem};
use super::reader::{Given, Section};

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
        ("psk_hint" | "psk_file" | "bridge_psk" | "bridge_identity", ..) if !cfg!(feature = "psk") => {
            Some((given.name.clone(), Feature::TlsPsk))
        }
        ("memory_limit", ..) if !given.is_default && martlet_heap::used() == 0 => {
            Some((given.name.clone(), Feature::MemoryLimit))
        }
        _ => match given.option.status {
            Status::Waits(Feature::Plugins) if is_built_in(given, configuration) => None,
            Status::Waits(feature) if !given.is_default => Some((given.name.clone(), feature)),
            _ => None,
        },
    }
}

/// Whether a line is about a plugin that this version has something in place of.
fn is_built_in(given: &Given, configuration: &Configuration) -> bool {
    let plugins = &configuration.settings.plugins;
    let plugin = match given.section {
        Section::Plugin(number) => plugins.get(number),
        _ => plugins.iter().find(|plugin| plugin.name.as_ref() == Some(&given.value)),
    };
    let Some(options) = plugin.and_then(|plugin| plugin.bundled()?.options()) else { return false };
    match given.option.name {
        "auth_plugin_deny_special_chars" => given.is_default,
        "plugin_opt_*" => options.iter().any(|option| is_plugin_option(&given.name, option)),
        _ => true,
    }
}

/// Whether a name is that of a plugin's option: `plugin_opt_NAME`, or `auth_opt_NAME` as it was called before.
fn is_plugin_option(name: &str, option: &str) -> bool {
    let prefixes = ["plugin_opt_", "auth_opt_"];
    prefixes.iter().any(|prefix| name.strip_prefix(prefix) == Some(option))
}
