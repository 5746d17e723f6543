//! What two configurations say differently.

use std::collections::BTreeMap;

use super::Configuration;
use super::option::{ConfigOption, Reload};
use super::reader::{Given, Section};
use super::settings::{BundledPlugin, PluginSettings};

/// An option that two configurations set differently.
#[derive(Clone, Debug)]
pub struct Change {
    /// The option.
    pub option: &'static ConfigOption,
    /// What it concerns, in words: nothing for the whole broker.
    pub section: String,
    /// When it takes effect.
    pub reload: Reload,
}

impl Change {
    /// Whether it takes effect when the configuration is read again.
    pub fn is_live(&self) -> bool {
        self.reload == Reload::Live
    }
}

/// What changes from one configuration to the other: each option once for each section.
pub fn changes(old: &Configuration, new: &Configuration) -> Vec<Change> {
    if old.settings == new.settings {
        return Vec::new();
    }
    let (old, new) = (values(old), values(new));
    let set = new.iter().filter(|(key, now)| old.get(*key).is_none_or(|before| before.values != now.values));
    let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
    set.chain(gone)
        .map(|((section, _), it)| Change { option: it.option, section: section.clone(), reload: it.reload })
        .collect()
}

impl Configuration {
    /// When a change of a line takes effect. Plugins that stand for files of passwords and rules are read again with them.
    pub(super) fn reload(&self, given: &Given) -> Reload {
        let plugins = &self.settings.plugins;
        let plugin = match given.section {
            Section::Plugin(number) => plugins.get(number),
            _ if given.option.name == "plugin_use" => {
                plugins.iter().find(|plugin| plugin.name.as_ref() == Some(&given.value))
            }
            _ => None,
        };
        match plugin.and_then(PluginSettings::bundled) {
            Some(BundledPlugin::AclFile | BundledPlugin::PasswordFile) => Reload::Live,
            _ => given.option.reload,
        }
    }
}

/// A section by its name, and the name of an option.
type Key = (String, String);

/// An option in a section.
struct Lines<'a> {
    option: &'static ConfigOption,
    values: Vec<&'a str>,
    reload: Reload,
}

/// The values of each option, without those that are so by default.
fn values(configuration: &Configuration) -> BTreeMap<Key, Lines<'_>> {
    let mut values: BTreeMap<Key, Lines<'_>> = BTreeMap::new();
    for given in configuration.given.iter().filter(|given| !given.is_default) {
        // The values of a plugin's options stand under names of their own.
        let name = if given.option.name.ends_with('*') { &given.name } else { given.option.name };
        let key = (section_name(given, configuration), name.to_owned());
        let reload = configuration.reload(given);
        let entry = values.entry(key).or_insert(Lines { option: given.option, values: Vec::new(), reload });
        entry.values.push(&given.value);
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
