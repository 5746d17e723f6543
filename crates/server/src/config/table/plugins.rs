//! Extensions.

use super::Part;
use crate::config::option::Field::Flag;
use crate::config::option::Scope::{Plugin, Structure};
use crate::config::option::{ConfigOption, Feature, Structure as S};

pub(super) const PART: Part = Part {
    title: "Plugins",
    about: "Those that come with Mosquitto are recognised by the names of their libraries; the files need not exist. Other \
            libraries cannot be loaded. What `acl-file` and `password-file` are given takes effect on SIGHUP, dynamic security \
            and `sparkplug-aware` come and go with a restart. Dynamic security can be there only once. With \
            `persist-sqlite`, everything is kept in a store beside its `db_file`, as with `persistence true`; \
            `martlet db import` brings over what the database has.",
    options: &[
        ConfigOption::new(
            "auth_plugin_deny_special_chars",
            Plugin(Flag(|it| &mut it.deny_special_characters)),
            "whether user names and Client Identifiers with wildcards are refused before the plugin is asked",
        )
        .default("true")
        .waits(Feature::Plugins),
        ConfigOption::new(
            "global_plugin",
            Structure(S::GlobalPlugin),
            "extends the broker for all listeners, even with `per_listener_settings`",
        )
        .waits(Feature::Plugins),
        ConfigOption::new(
            "plugin",
            Structure(S::Plugin),
            "extends the broker, with `per_listener_settings` for the listener above it",
        )
        .or(&["auth_plugin"])
        .waits(Feature::Plugins),
        ConfigOption::new("plugin_load", Structure(S::PluginLoad), "gives a plugin a name for `plugin_use`")
            .waits(Feature::Plugins),
        ConfigOption::new("plugin_opt_*", Structure(S::PluginOption), "an option of the plugin above it")
            .or(&["auth_opt_*"])
            .secret()
            .waits(Feature::Plugins),
        ConfigOption::new(
            "plugin_use",
            Structure(S::PluginUse),
            "extends the broker for the listener above it",
        )
        .waits(Feature::Plugins),
    ],
};
