//! The files by which clients are known, read from disk.

use core::fmt;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use martlet_access::{AccessList, FileError, Passwords};

use super::NamedList;

/// Reads each file once, however many listeners name it.
#[derive(Debug, Default)]
pub(crate) struct Library {
    passwords: HashMap<PathBuf, Arc<Passwords>>,
    lists: HashMap<PathBuf, NamedList>,
}

impl Library {
    /// A password file.
    ///
    /// # Errors
    /// It cannot be read, or something in it is wrong.
    pub(crate) fn passwords(&mut self, path: &Path) -> Result<Arc<Passwords>, AccessFileError> {
        if let Some(passwords) = self.passwords.get(path) {
            return Ok(Arc::clone(passwords));
        }
        let passwords = Arc::new(read(path, AccessFile::Passwords, Passwords::parse)?);
        self.passwords.insert(path.into(), Arc::clone(&passwords));
        Ok(passwords)
    }

    /// An access control list.
    ///
    /// # Errors
    /// It cannot be read, or something in it is wrong.
    pub(crate) fn list(&mut self, path: &Path) -> Result<NamedList, AccessFileError> {
        if let Some(list) = self.lists.get(path) {
            return Ok(list.clone());
        }
        let list = Arc::new(read(path, AccessFile::List, AccessList::parse)?);
        for (line, pattern) in list.plain_patterns() {
            let pattern = pattern.escape_debug();
            tracing::warn!(
                file = %path.display(),
                line,
                "Warning: ACL pattern '{pattern}' does not contain '%c' or '%u'."
            );
        }
        let named = NamedList { path: path.into(), list };
        self.lists.insert(path.into(), named.clone());
        Ok(named)
    }
}

fn read<T>(
    path: &Path,
    file: AccessFile,
    parse: impl FnOnce(&[u8]) -> Result<T, FileError>,
) -> Result<T, AccessFileError> {
    let error = |cause| AccessFileError { path: path.into(), file, cause };
    let content = fs::read(path).map_err(|cause| error(Cause::Unreadable(cause)))?;
    parse(&content).map_err(|cause| error(Cause::Wrong(cause)))
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessFile {
    /// `password_file`
    Passwords,
    /// `acl_file`
    List,
}

/// A file by which clients are known cannot be used.
#[derive(Debug)]
pub struct AccessFileError {
    path: PathBuf,
    file: AccessFile,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Unreadable(io::Error),
    Wrong(FileError),
}

impl AccessFileError {
    /// The lines that Mosquitto would print.
    pub fn mosquitto_lines(&self) -> Vec<String> {
        let path = self.path.display().to_string();
        match (self.file, &self.cause) {
            (AccessFile::Passwords, Cause::Unreadable(_)) => {
                vec![format!("password-file: Error: Unable to open pwfile \"{path}\".")]
            }
            (AccessFile::Passwords, Cause::Wrong(error)) => {
                vec![format!("password-file: {}", error.of_mosquittos_password_file(&path))]
            }
            (AccessFile::List, cause) => {
                let first = match cause {
                    Cause::Unreadable(_) => format!("Error: Unable to open acl_file \"{path}\"."),
                    Cause::Wrong(error) => error.of_mosquittos_list(&path),
                };
                vec![first, format!("Error opening acl file \"{path}\".")]
            }
        }
    }
}

impl core::error::Error for AccessFileError {}

impl fmt::Display for AccessFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.cause {
            Cause::Unreadable(error) => {
                let what = match self.file {
                    AccessFile::Passwords => "password file",
                    AccessFile::List => "access control list",
                };
                write!(f, "the {what} {path} cannot be read: {error}")
            }
            Cause::Wrong(FileError { line, problem }) => write!(f, "{path}:{line}: {problem}"),
        }
    }
}
