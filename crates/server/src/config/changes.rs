//! What two configurations say differently.

use std::collections::BTreeMap;

use super::Configuration;
use super::option::{ConfigOption, Reload};
use super::reader::{Given, Section};

/// An option that two configurations set differently.
#[derive(Clone, Debug)]
pub struct Change {
    /// The option.
    pub option: &'static ConfigOption,
    /// What it concerns, in words: nothing for the whole broker.
    pub section: String,
}

impl Change {
    /// Whether it takes effect when the configuration is read again.
    pub fn is_live(&self) -> bool {
        self.option.reload == Reload::Live
    }
}

/// What changes from one configuration to the other: each option once for each section.
pub fn changes(old: &Configuration, new: &Configuration) -> Vec<Change> {
    if old.settings == new.settings {
        return Vec::new();
    }
    let (old, new) = (values(old), values(new));
    let mut changes = Vec::new();
    for (key, (option, now)) in &new {
        if old.get(key).is_none_or(|(_, before)| before != now) {
            changes.push(Change { option, section: key.0.clone() });
        }
    }
    for (key, (option, _)) in &old {
        if !new.contains_key(key) {
            changes.push(Change { option, section: key.0.clone() });
        }
    }
    changes
}

/// A section by its name, and the name of an option.
type Key = (String, String);

/// The values of each option, without those that are so by default.
fn values(configuration: &Configuration) -> BTreeMap<Key, (&'static ConfigOption, Vec<&str>)> {
    let mut values: BTreeMap<Key, (&'static ConfigOption, Vec<&str>)> = BTreeMap::new();
    for given in configuration.given.iter().filter(|given| !given.is_default) {
        // The values of a plugin's options stand under names of their own.
        let name = if given.option.name.ends_with('*') { &given.name } else { given.option.name };
        let key = (section_name(given, configuration), name.to_owned());
        values.entry(key).or_insert((given.option, Vec::new())).1.push(&given.value);
    }
    values
}

fn section_name(given: &Given, configuration: &Configuration) -> String {
    let settings = &configuration.settings;
    match given.section {
        Section::General => Some(String::new()),
        Section::Listener(number) => {
            settings.listeners.get(number).map(|listener| format!("listener on {}", listener.place))
        }
        Section::Bridge(number) => {
            settings.bridges.get(number).map(|bridge| format!("bridge {}", bridge.name))
        }
        Section::Plugin(number) => {
            settings.plugins.get(number).map(|plugin| format!("plugin {}", plugin.path.display()))
        }
    }
    .unwrap_or_default()
}
