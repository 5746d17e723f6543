//! Files that a configuration names: whether they are there, and who may read and change them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::content::{self, Kind};
use super::{Finding, Rule, Subject};
use crate::config::Dialect;
use crate::config::reader::{Given, Section};
use crate::config::settings::{BundledPlugin, Settings};

/// The permission of everyone to read.
const ALL_MAY_READ: u32 = 0o004;
/// The permission of everyone to write.
const ALL_MAY_WRITE: u32 = 0o002;

/// A file that a line names.
struct Named<'a> {
    given: &'a Given,
    path: PathBuf,
    /// What should be in it.
    kind: Option<Kind>,
    /// Whether it holds secrets.
    is_secret: bool,
    /// Whether the broker makes it if it is not there.
    is_made: bool,
}

/// All findings about files.
pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let configuration = subject.configuration;
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for named in configuration.given.iter().filter_map(|given| named(given, &configuration.settings)) {
        findings.extend(outside(subject, &named));
        if let Some(kind) = named.kind
            && seen.insert(named.path.clone())
        {
            findings.extend(content(subject, &named, kind));
        }
    }
    findings.extend(content::unknown_users(subject));
    findings
}

/// What a line names, if no later line takes its place.
fn named<'a>(given: &'a Given, settings: &Settings) -> Option<Named<'a>> {
    let (mut is_made, option) = (false, given.option.name);
    let (kind, is_secret) = match option {
        "acl_file" => (Some(Kind::Rules), false),
        "password_file" => (Some(Kind::Passwords), true),
        "psk_file" => (Some(Kind::Keys), true),
        "bridge_keyfile" | "keyfile" => (None, true),
        "plugin_opt_*" => match plugin_file(given, settings)? {
            (BundledPlugin::AclFile, _) => (Some(Kind::Rules), false),
            (BundledPlugin::DynamicSecurity, "config_file") => {
                is_made = true;
                (Some(Kind::DynamicSecurity), true)
            }
            (_, "password_init_file") => (None, true),
            _ => (Some(Kind::Passwords), true),
        },
        _ => (None, false),
    };
    let path = match option {
        "plugin_opt_*" => PathBuf::from(&given.value),
        _ => path_of(given, settings)?,
    };
    Some(Named { given, path, kind, is_secret, is_made })
}

/// The plugin to which an option gives a file, and the name that the option has there.
fn plugin_file<'a>(given: &'a Given, settings: &Settings) -> Option<(BundledPlugin, &'a str)> {
    let Section::Plugin(number) = given.section else { return None };
    // What stands in place of a database is a store elsewhere.
    let plugin = settings.plugins.get(number)?.bundled().filter(|it| *it != BundledPlugin::PersistSqlite)?;
    let (_, name) = given.name.split_once("_opt_")?;
    plugin.options().contains(&name).then_some((plugin, name))
}

/// Whether it is there, and who may read and change it.
fn outside(subject: &Subject<'_>, named: &Named<'_>) -> Vec<Finding> {
    let path = named.path.display();
    let finding = |rule, text: String| Finding { rule, at: Some(named.given.at.clone()), text };
    let facts = match subject.files.look(&named.path) {
        Ok(facts) => facts,
        Err(error) if is_missing(&error) && named.is_made => return Vec::new(),
        Err(error) if is_missing(&error) => {
            return vec![finding(Rule::MissingFile, format!("{path}: {error}"))];
        }
        Err(error) => return vec![finding(Rule::UnreadableFile, format!("{path}: {error}"))],
    };
    let mut findings = Vec::new();
    if named.is_secret && facts.mode & ALL_MAY_READ != 0 {
        findings.push(finding(Rule::ReadableSecret, format!("everyone on this machine can read {path}")));
    }
    if facts.mode & ALL_MAY_WRITE != 0 {
        findings.push(finding(Rule::WritableFile, format!("everyone on this machine can change {path}")));
    }
    if let Some(user) = user(subject)
        && subject.files.may_read(user, &named.path) == Some(false)
    {
        let text = format!("the user {user}, which the broker becomes, cannot read {path}");
        findings.push(finding(Rule::UnreadableFile, text));
    }
    findings
}

fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// What is wrong in it.
fn content(subject: &Subject<'_>, named: &Named<'_>, kind: Kind) -> Vec<Finding> {
    match subject.files.content(&named.path) {
        Ok(bytes) => content::findings(kind, &named.path, &bytes),
        Err(error) if is_missing(&error) => Vec::new(), // that is told already
        Err(error) => {
            let text = format!("{}: {error}", named.path.display());
            vec![Finding { rule: Rule::UnreadableFile, at: Some(named.given.at.clone()), text }]
        }
    }
}

/// Whom the broker becomes when it is started as root.
fn user<'a>(subject: &Subject<'a>) -> Option<&'a str> {
    match (subject.configuration.settings.process.user.as_deref(), subject.dialect) {
        (Some("root"), _) => None,
        (None, Dialect::Mosquitto) => Some("mosquitto"),
        (user, _) => user,
    }
}

/// The path of a file that a line names for reading, if no later line takes its place.
pub(in crate::config) fn path_of(given: &Given, settings: &Settings) -> Option<PathBuf> {
    let security = match given.section {
        Section::Listener(number) => &settings.listeners.get(number)?.security,
        _ => &settings.security,
    };
    let tls = match given.section {
        Section::Listener(number) => Some(&settings.listeners.get(number)?.tls),
        _ => None,
    };
    let bridge = match given.section {
        Section::Bridge(number) => Some(&settings.bridges.get(number)?.tls),
        _ => None,
    };
    match given.option.name {
        "acl_file" => security.acl_file.clone(),
        "password_file" => security.password_file.clone(),
        "psk_file" => security.psk_file.clone(),
        "cafile" => tls?.ca_file.clone(),
        "capath" => tls?.ca_folder.clone(),
        "certfile" => tls?.certificate.clone(),
        "keyfile" => tls?.key.clone().filter(|_| tls.is_some_and(|tls| !tls.key_is_in_engine)),
        "crlfile" => tls?.revocations.clone(),
        "http_dir" => match given.section {
            Section::Listener(number) => settings.listeners.get(number)?.http_folder.clone(),
            _ => None,
        },
        // The file of dynamic security is the broker's own, which it changes itself.
        "plugin_opt_*" => match plugin_file(given, settings)? {
            (BundledPlugin::AclFile | BundledPlugin::PasswordFile, _) => Some(PathBuf::from(&given.value)),
            _ => None,
        },
        "bridge_cafile" => bridge?.ca_file.clone(),
        "bridge_capath" => bridge?.ca_folder.clone(),
        "bridge_certfile" => bridge?.certificate.clone(),
        "bridge_keyfile" => bridge?.key.clone(),
        _ => None,
    }
}
