//! What a configuration asks for and this version cannot do. This is the one place for it: when something is there, its
//! row of the table says so, and what is said here of it goes.

use std::collections::BTreeSet;

use super::Configuration;
use super::option::{Feature, Status};
use super::problem::{Place, Problem};
use super::reader::{Given, Section};

/// What cannot be done, with the lines that ask for it: of a plugin the first.
pub(super) fn unsupported(configuration: &Configuration) -> Vec<(Option<Place>, Problem)> {
    let mut plugins = BTreeSet::new();
    let mut found: Vec<(Option<Place>, Problem)> = Vec::new();
    for given in &configuration.given {
        if let Some((what, feature)) = lacks(given, configuration)
            && (feature != Feature::Plugins || plugins.insert(given.section))
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
    let Some(options) = plugin.and_then(|plugin| Some(plugin.bundled()?.options())) else { return false };
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

/// What becomes of a line that this version cannot do as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The broker does not start.
    Error,
    /// The log says so, and the line has no effect, or another one.
    Warning,
}

/// Something that this version does not do, or not as Mosquitto does.
#[derive(Clone, Debug)]
pub struct Shortcoming {
    /// The option, with a value if only that is meant.
    pub what: String,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Why, and what to do instead.
    pub reason: String,
}

/// All that this version does not do, or not as Mosquitto does, in the order of the table.
pub fn shortcomings() -> Vec<Shortcoming> {
    let missing = |what: String, feature: Feature| Shortcoming {
        what,
        outcome: Outcome::Error,
        reason: format!("this version does not have {feature}; {}", feature.instead()),
    };
    let changed = |what: &str, reason: &str| Shortcoming {
        what: what.to_owned(),
        outcome: Outcome::Warning,
        reason: reason.to_owned(),
    };
    let mut all: Vec<Shortcoming> = Vec::new();
    for option in super::table::options() {
        let what = format!("`{}`", option.name);
        match option.status {
            Status::Waits(feature) => all.push(missing(what, feature)),
            Status::NoEffect(reason) => all.push(changed(&what, reason)),
            Status::Works if option.is_gone() => all.push(changed(&what, option.help)),
            Status::Works => {}
        }
        match option.name {
            "log_dest" => all.push(missing("`log_dest dlt`".to_owned(), Feature::LogTrace)),
            "log_type" => all.push(changed("`log_type websockets`", super::table::NO_WEBSOCKETS_LOG)),
            "psk_file" | "psk_hint" | "bridge_psk" | "bridge_identity" => {
                all.push(missing(format!("`{}` in builds without `psk`", option.name), Feature::TlsPsk));
                if option.name == "psk_hint" {
                    all.push(changed("the text of `psk_hint`", HINT_NOT_SENT));
                }
            }
            "tls_version" | "bridge_tls_version" => {
                let what = format!("`{} tlsv1.1`", option.name);
                all.push(changed(&what, "TLS 1.1 is not safe and is not there; 1.2 is the lowest"));
            }
            _ => {}
        }
    }
    all
}

/// Why the text of a hint has no effect.
pub(super) const HINT_NOT_SENT: &str = "the hint is not sent; clients choose their key without it";
