//! Files that a configuration names: whether they are there, who may read them, and what an access control list allows.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Finding, Rule, Subject};
use crate::config::reader::{Given, Section};
use crate::config::settings::Settings;

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Its permissions.
    pub mode: u32,
}

/// Where files are looked for.
pub trait Files {
    /// Looks at a file or a folder.
    ///
    /// # Errors
    /// It is not there, or may not be looked at.
    fn look(&self, path: &Path) -> io::Result<FileFacts>;

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read.
    fn text(&self, path: &Path) -> io::Result<String>;
}

/// The files of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn look(&self, path: &Path) -> io::Result<FileFacts> {
        let metadata = fs::metadata(path)?;
        Ok(FileFacts { mode: metadata.permissions().mode() & 0o7777 })
    }

    fn text(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(path)
    }
}

/// The permission of everyone to read.
const ALL_MAY_READ: u32 = 0o004;

/// Options that name something that has to be there.
const FILES: &[&str] = &[
    "acl_file",
    "bridge_cafile",
    "bridge_capath",
    "bridge_certfile",
    "bridge_keyfile",
    "cafile",
    "capath",
    "certfile",
    "crlfile",
    "http_dir",
    "keyfile",
    "password_file",
    "psk_file",
];

/// Those whose files hold secrets.
const SECRET_FILES: &[&str] = &["bridge_keyfile", "keyfile", "password_file", "psk_file"];

/// All findings about files.
pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for given in &subject.configuration.given {
        let option = given.option.name;
        if !FILES.contains(&option) {
            continue;
        }
        let Some(path) = path_of(given, &subject.configuration.settings) else { continue };
        let at = Some(given.at.clone());
        match subject.files.look(&path) {
            Err(error) => {
                let text = format!("{}: {error}", path.display());
                findings.push(Finding { rule: Rule::MissingFile, at, text });
            }
            Ok(facts) if SECRET_FILES.contains(&option) && facts.mode & ALL_MAY_READ != 0 => {
                let text = format!("everyone on this machine can read {}", path.display());
                findings.push(Finding { rule: Rule::ReadableSecret, at, text });
            }
            Ok(_) if option == "acl_file" => {
                let text = subject.files.text(&path).unwrap_or_default();
                if let Some(line) = line_that_lets_all_write(&text) {
                    let text = format!("{}:{line} lets everyone write to all topics", path.display());
                    findings.push(Finding { rule: Rule::AclWritesAll, at, text });
                }
            }
            Ok(_) => {}
        }
    }
    findings
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
        "bridge_cafile" => bridge?.ca_file.clone(),
        "bridge_capath" => bridge?.ca_folder.clone(),
        "bridge_certfile" => bridge?.certificate.clone(),
        "bridge_keyfile" => bridge?.key.clone(),
        _ => None,
    }
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
