//! Files of options: one flag a line, its value being the rest of the line, and `#` begins a comment.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;

use super::draft::Draft;
use super::error::ArgumentError;
use super::table::{FlagId, Tool, ValueKind, find};

/// The variables of the environment that say where options files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `XDG_CONFIG_HOME`
    pub config_home: Option<OsString>,
    /// `HOME`
    pub home: Option<OsString>,
}

impl Environment {
    /// The process's own.
    pub fn of_process() -> Self {
        Self { config_home: std::env::var_os("XDG_CONFIG_HOME"), home: std::env::var_os("HOME") }
    }
}

/// The options file of a tool that is not told of another. It need not exist.
pub fn default_path(tool: Tool, environment: &Environment) -> Option<PathBuf> {
    let directory = match (&environment.config_home, &environment.home) {
        (Some(config), _) => PathBuf::from(config),
        (None, Some(home)) => PathBuf::from(home).join(".config"),
        (None, None) => return None,
    };
    Some(directory.join(tool.options_file()))
}

/// Reads the options file, if there is one. A file that cannot be read counts as empty.
pub(super) fn apply(
    draft: &mut Draft,
    arguments: &[OsString],
    environment: &Environment,
) -> Result<(), ArgumentError> {
    let path = match named(draft.tool, arguments)? {
        Some(path) => path,
        None => match default_path(draft.tool, environment) {
            Some(path) => path,
            None => return Ok(()),
        },
    };
    let Ok(content) = fs::read(path) else {
        return Ok(());
    };
    for line in content.split(|byte| *byte == b'\n') {
        let mut line_arguments = split(line);
        // A module's name does not belong here, and must not end the line's flags silently.
        if line_arguments.first().is_some_and(|flag| !is_flag(flag)) {
            let argument = line_arguments.swap_remove(0).to_string_lossy().into_owned();
            return Err(ArgumentError::UnknownOption { argument });
        }
        draft.take_arguments(&line_arguments)?;
    }
    Ok(())
}

/// The file that `-o` names, wherever it stands.
fn named(tool: Tool, arguments: &[OsString]) -> Result<Option<PathBuf>, ArgumentError> {
    let flag = find(tool, "-o").filter(|flag| flag.id == FlagId::OptionsFile);
    let arguments = if tool == Tool::Control { before_module(arguments) } else { arguments };
    let mut path = None;
    for (place, argument) in arguments.iter().enumerate() {
        let (true, Some(flag)) = (argument == "-o", flag) else {
            continue;
        };
        if path.is_some() {
            return Err(ArgumentError::OptionsFileTwice);
        }
        path = Some(PathBuf::from(arguments.get(place + 1).ok_or(ArgumentError::ValueMissing { flag })?));
    }
    Ok(path)
}

/// The flags of `mosquitto_ctrl`: what follows the module's name are the module's own arguments.
fn before_module(arguments: &[OsString]) -> &[OsString] {
    let mut end = 0;
    while let Some(argument) = arguments.get(end).filter(|argument| is_flag(argument)) {
        let flag = argument.to_str().and_then(|name| find(Tool::Control, name));
        end += if flag.is_some_and(|flag| flag.value != ValueKind::None) { 2 } else { 1 };
    }
    arguments.get(..end).unwrap_or(arguments)
}

fn is_flag(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().first() == Some(&b'-')
}

fn split(line: &[u8]) -> Vec<OsString> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.first() == Some(&b'#') {
        return Vec::new();
    }
    let line = &line[line.iter().take_while(|byte| **byte == b' ').count()..];
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (flag, rest) = line.split_at(end);
    [flag, rest.get(1..).unwrap_or_default()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(to_argument)
        .collect()
}

#[cfg(unix)]
fn to_argument(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
fn to_argument(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
