//! What stands in files of passwords, rules and keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use martlet_access::{AccessList, FileError, Passwords};
use martlet_dynsec::{DynamicSecurity, FileError as DynamicSecurityError};

use super::reach::{is_mqtt, names_from_tls};
use super::{Finding, Rule, Subject};
use crate::config::problem::Place;
use crate::config::settings::{BundledPlugin, ListenerSettings, PluginSettings, Security, Settings};

/// How many wrong lines of a file are told. One with more of them is another file than it should be.
const WRONG_LINES_MAX: usize = 10;

/// What should be in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Users, and hashes of their passwords.
    Passwords,
    /// An access control list.
    Rules,
    /// Pre-shared keys.
    Keys,
    /// What dynamic security knows.
    DynamicSecurity,
}

/// What is wrong in a file.
pub(super) fn findings(kind: Kind, path: &Path, content: &[u8]) -> Vec<Finding> {
    let wrong = match kind {
        Kind::Passwords => lines_of(Passwords::parse_all(content).1),
        Kind::Rules => lines_of(AccessList::parse_all(content).1),
        Kind::Keys => wrong_key(content).into_iter().collect(),
        Kind::DynamicSecurity => return no_json(path, content).into_iter().collect(),
    };
    let finding = |(line, text)| Finding { rule: Rule::WrongFile, at: Some(place(path, line)), text };
    let mut findings: Vec<Finding> = wrong.into_iter().take(WRONG_LINES_MAX).map(finding).collect();
    if kind == Kind::Rules
        && let Some(line) = line_that_lets_all_write(&String::from_utf8_lossy(content))
    {
        let (at, text) = (Some(place(path, line)), "everyone may write to all topics".to_owned());
        findings.push(Finding { rule: Rule::AclWritesAll, at, text });
    }
    findings
}

fn place(path: &Path, line: usize) -> Place {
    Place { file: Arc::from(path.display().to_string()), line }
}

fn lines_of(errors: Vec<FileError>) -> Vec<(usize, String)> {
    errors.into_iter().map(|error| (error.line as usize, error.problem.to_string())).collect()
}

/// The broker starts with it all the same, as Mosquitto does.
fn no_json(path: &Path, content: &[u8]) -> Option<Finding> {
    let error = DynamicSecurity::read(content).err()?;
    let position = if let DynamicSecurityError::NotJson { position } = error { position } else { 0 };
    let before = content.get(..position).unwrap_or(content);
    let line = before.split(|byte| *byte == b'\n').count();
    let text = "it is no JSON, so dynamic security knows nobody".to_owned();
    Some(Finding { rule: Rule::Nobody, at: Some(place(path, line)), text })
}

/// The first line that is no key.
#[cfg(feature = "psk")]
fn wrong_key(content: &[u8]) -> Option<(usize, String)> {
    let text = String::from_utf8_lossy(content); // what replaces a wrong byte is no digit, and may be in a name
    let is_wrong = |(_, line): &(usize, &[u8])| str::from_utf8(line).is_err();
    let no_text = (1..).zip(content.split(|byte| *byte == b'\n')).find(is_wrong).map(|(line, _)| line);
    let no_key = martlet_transport::PskTable::parse(&text).err().map(|error| error.line);
    let line = no_text.into_iter().chain(no_key).min()?;
    Some((line, "it is not an identity, a colon and a key in hexadecimal digits".to_owned()))
}

/// Without pre-shared keys their file is an error by itself.
#[cfg(not(feature = "psk"))]
fn wrong_key(_: &[u8]) -> Option<(usize, String)> {
    None
}

/// Users that an access control list names and no password file has, where only who is in a password file has a name.
pub(super) fn unknown_users(subject: &Subject<'_>) -> Vec<Finding> {
    let settings = &subject.configuration.settings;
    let implied = [ListenerSettings::default()];
    let listeners = if settings.listeners.is_empty() { &implied } else { &settings.listeners[..] };
    // The password files of all listeners for which a list counts; `None` if names come from elsewhere, too.
    let mut known: BTreeMap<PathBuf, Option<Vec<PathBuf>>> = BTreeMap::new();
    for listener in listeners.iter().filter(|listener| is_mqtt(listener)) {
        let security = settings.security_at(listener);
        let passwords = password_files(settings, &security, listener);
        for list in files(settings, &security, security.acl_file.as_deref(), BundledPlugin::AclFile) {
            let all = known.entry(list).or_insert_with(|| Some(Vec::new()));
            *all = all.take().zip(passwords.clone()).map(|(all, more)| [all, more].concat());
        }
    }
    known.into_iter().filter_map(|(list, known)| Some(strangers(subject, &list, &known?))).flatten().collect()
}

/// The password files by which alone clients of a listener have names.
fn password_files(
    settings: &Settings,
    security: &Security,
    listener: &ListenerSettings,
) -> Option<Vec<PathBuf>> {
    let plugins = security.plugins.iter().filter_map(|number| settings.plugins.get(*number));
    let is_plain = |plugin: &PluginSettings| {
        matches!(
            plugin.bundled(),
            Some(BundledPlugin::AclFile | BundledPlugin::PasswordFile | BundledPlugin::SparkplugAware)
        )
    };
    let is_known = plugins.clone().all(is_plain) && !names_from_tls(listener);
    let files = files(settings, security, security.password_file.as_deref(), BundledPlugin::PasswordFile);
    Some(files).filter(|files| is_known && !files.is_empty())
}

/// The files of a kind: by an option, and by plugins.
fn files(settings: &Settings, security: &Security, own: Option<&Path>, kind: BundledPlugin) -> Vec<PathBuf> {
    let plugins = security.plugins.iter().filter_map(|number| settings.plugins.get(*number));
    let by_plugins = plugins.filter(|plugin| plugin.bundled() == Some(kind)).filter_map(PluginSettings::file);
    own.into_iter().chain(by_plugins).map(Path::to_owned).collect()
}

fn strangers(subject: &Subject<'_>, list: &Path, known: &[PathBuf]) -> Vec<Finding> {
    let read = |path: &PathBuf| subject.files.content(path).ok().map(|it| Passwords::parse_all(&it).0);
    // Where a file cannot be read, who is in it is not known.
    let Some(passwords) = known.iter().map(read).collect::<Option<Vec<_>>>() else { return Vec::new() };
    let Ok(content) = subject.files.content(list) else { return Vec::new() };
    let (list_of_rules, _) = AccessList::parse_all(&content);
    let strangers = list_of_rules.users().filter(|(_, user)| !passwords.iter().any(|it| it.has_user(user)));
    let finding = |(line, user): (u32, &str)| Finding {
        rule: Rule::UnknownUser,
        at: Some(place(list, line as usize)),
        text: format!("no password file has the user {}", user.escape_debug()),
    };
    strangers.map(finding).collect()
}

/// The first line of an access control list by which everyone may write to all topics: one above all users, or a pattern.
fn line_that_lets_all_write(text: &str) -> Option<usize> {
    let mut is_for_all = true;
    for (number, line) in (1..).zip(text.lines()) {
        let mut words = line.split_whitespace();
        let keyword = words.next();
        match keyword {
            Some("user") => is_for_all = false,
            Some("topic" | "pattern") if is_for_all || keyword == Some("pattern") => {
                let words: Vec<&str> = words.collect();
                if matches!(words[..], ["#"] | ["readwrite" | "write", "#"]) {
                    return Some(number);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(kind: Kind, content: &[u8]) -> Vec<(Rule, usize)> {
        let findings = findings(kind, Path::new("/f"), content);
        findings.iter().map(|finding| (finding.rule, finding.at.as_ref().unwrap().line)).collect()
    }

    #[test]
    fn wrong_lines_are_told_with_their_numbers_up_to_a_bound() {
        assert_eq!(
            lines(Kind::Passwords, b"ann:plain\njoe\n:x\n"),
            [(Rule::WrongFile, 1), (Rule::WrongFile, 3)]
        );
        assert_eq!(
            lines(Kind::Rules, b"user\ntopic a\nfrob\n"),
            [(Rule::WrongFile, 1), (Rule::WrongFile, 3)]
        );
        assert_eq!(lines(Kind::Rules, b"topic #\nfrob\n"), [(Rule::WrongFile, 2), (Rule::AclWritesAll, 1)]);
        assert_eq!(lines(Kind::DynamicSecurity, b"{\n\"clients\": ]\n}"), [(Rule::Nobody, 2)]);
        assert_eq!(lines(Kind::DynamicSecurity, b"{}"), []);
        assert_eq!(lines(Kind::Passwords, &b":\n".repeat(50)).len(), WRONG_LINES_MAX);
    }

    #[cfg(feature = "psk")]
    #[test]
    fn a_wrong_key_is_told_with_its_line() {
        assert_eq!(lines(Kind::Keys, b"me:00ff\nyou:0g\n"), [(Rule::WrongFile, 2)]);
        assert_eq!(lines(Kind::Keys, b"me:00ff\n\xff:00\n"), [(Rule::WrongFile, 2)]);
    }

    #[test]
    fn lists_that_let_everyone_write() {
        let table: &[(&str, Option<usize>)] = &[
            ("", None),
            ("topic #", Some(1)),
            ("# all\ntopic readwrite #\n", Some(2)),
            ("pattern write #", Some(1)),
            ("user admin\npattern readwrite #", Some(2)),
            ("user admin\ntopic readwrite #", None),
            ("topic read #", None),
            ("topic deny #", None),
            ("topic readwrite home/#", None),
            ("pattern readwrite %u/#", None),
        ];
        for (text, line) in table {
            assert_eq!(line_that_lets_all_write(text), *line, "{text:?}");
        }
    }
}
