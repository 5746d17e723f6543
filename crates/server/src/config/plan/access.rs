//! From settings to who may come in and do what.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use martlet_engine::UserNameSource;

use crate::auth::{AccessFileError, Authority, Door, Library};
use crate::config::Configuration;
use crate::config::problem::{Place, Problem};
use crate::config::reader::Section;
use crate::config::settings::{BundledPlugin, ListenerSettings, PluginSettings, Security, Settings};
use crate::dynsec::DynamicSecurityOptions;

/// Who may come in and do what, at these listeners.
///
/// # Errors
/// A file cannot be read, or something in it is wrong.
pub(super) fn authority(
    settings: &Settings,
    offered: &[ListenerSettings],
) -> Result<Authority, AccessFileError> {
    let mut library = Library::default();
    let doors = offered.iter().map(|listener| door(settings, listener, &mut library));
    Ok(Authority {
        doors: doors.collect::<Result<_, _>>()?,
        client_identifier_prefix: settings.general.client_identifier_prefix.clone(),
        dynamic: Arc::default(),
        checks_retained_publishers: settings.general.check_retain_source,
    })
}

fn door(
    settings: &Settings,
    listener: &ListenerSettings,
    library: &mut Library,
) -> Result<Door, AccessFileError> {
    let security = settings.security_at(listener);
    let passwords = security.password_file.as_deref().into_iter();
    let passwords = passwords.chain(files(settings, &security, BundledPlugin::PasswordFile));
    let lists = security.acl_file.as_deref().into_iter();
    let lists = lists.chain(files(settings, &security, BundledPlugin::AclFile));
    Ok(Door {
        admits_anonymous: settings.admits_anonymous(listener),
        has_proven_names: user_name_source(listener) != UserNameSource::Connect,
        passwords: passwords.map(|path| library.passwords(path)).collect::<Result<_, _>>()?,
        lists: lists.map(|path| library.list(path)).collect::<Result<_, _>>()?,
        is_dynamic: files(settings, &security, BundledPlugin::DynamicSecurity).next().is_some(),
    })
}

/// The files that plugins of a kind are given.
fn files<'s>(
    settings: &'s Settings,
    security: &'s Security,
    kind: BundledPlugin,
) -> impl Iterator<Item = &'s Path> {
    let plugins = security.plugins.iter().filter_map(|number| settings.plugins.get(*number));
    plugins.filter(move |plugin| plugin.bundled() == Some(kind)).filter_map(PluginSettings::file)
}

/// Where dynamic security has its file, if it is asked for.
pub(super) fn dynamic_security(settings: &Settings) -> Option<DynamicSecurityOptions> {
    let plugin = plugins(settings).find(|plugin| plugin.bundled() == Some(BundledPlugin::DynamicSecurity))?;
    let Some(config_file) = plugin.file() else {
        tracing::warn!(
            "Warning: Dynamic security plugin has no plugin_opt_config_file defined. The plugin will not be activated."
        );
        return None;
    };
    let password_init_file = plugin.path_of("password_init_file").map(Path::to_owned);
    Some(DynamicSecurityOptions { config_file: config_file.to_owned(), password_init_file })
}

/// The line that asks for dynamic security a second time, which Mosquitto does not take either.
pub(super) fn second_dynamic_security(configuration: &Configuration) -> Option<(Option<Place>, Problem)> {
    let plugins = (0..).zip(&configuration.settings.plugins);
    let mut numbers = plugins.filter(|(_, it)| it.bundled() == Some(BundledPlugin::DynamicSecurity));
    let (second, _) = numbers.nth(1)?;
    let line = configuration.given.iter().find(|given| given.section == Section::Plugin(second));
    Some((line.map(|given| given.at.clone()), Problem::DynamicSecurityTwice))
}

/// The plugins that are in use anywhere.
pub(super) fn plugins(settings: &Settings) -> impl Iterator<Item = &PluginSettings> {
    let of_listeners = settings.listeners.iter().flat_map(|listener| &listener.security.plugins);
    let numbers: BTreeSet<usize> = settings.security.plugins.iter().chain(of_listeners).copied().collect();
    numbers.into_iter().filter_map(|number| settings.plugins.get(number))
}

/// Whether anyone could come in at a listener.
pub(super) fn admits_anyone(settings: &Settings, listener: &ListenerSettings) -> bool {
    let security = settings.security_at(listener);
    settings.admits_anonymous(listener)
        || security.password_file.is_some()
        || files(settings, &security, BundledPlugin::PasswordFile).next().is_some()
        || files(settings, &security, BundledPlugin::DynamicSecurity).next().is_some()
        || user_name_source(listener) != UserNameSource::Connect
}

/// Where the user names of a listener's clients come from.
pub(super) fn user_name_source(listener: &ListenerSettings) -> UserNameSource {
    let tls = &listener.tls;
    if tls.identity_is_user_name {
        UserNameSource::Identity
    } else if tls.subject_is_user_name {
        UserNameSource::Subject
    } else {
        UserNameSource::Connect
    }
}
