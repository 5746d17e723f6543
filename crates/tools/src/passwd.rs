//! The whole of `mosquitto_passwd`: password files, and the hashes in them.
//!
//! A password file has a line for each user: name, colon, hash. Lines that are empty or begin with `#` stay as they
//! are. A change replaces the file at once, so that a broker never reads half of it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

mod arguments;
mod prompt;

pub use arguments::{PasswdError, PasswdRequest, parse, program};
pub use martlet_access::hash::{HashError, PBKDF2_ITERATIONS, Scheme, hash, verify};
pub use prompt::{Hidden, PasswordError, PipedSecrets, Secrets, TerminalSecrets, ask, new_password};

use crate::file;
use crate::payload::reason;

/// The file name that means standard output, together with `-c`.
const STANDARD_OUTPUT: &str = "-";
/// The permissions of those who are neither the owner nor of the group.
const OTHERS: u32 = 0o7;
/// The exit status if the password was not repeated.
const STATUS_MISMATCH: u8 = 2;

/// Why a file could not be changed.
enum Failure {
    /// This text belongs on standard error.
    Message(String),
    /// The password could not be read.
    Password(PasswordError),
    /// Standard output is closed.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        Self::Message(format!("Error: {error}."))
    }
}

/// Does what the arguments say, without the program's name, and answers the exit status: 0 if all went well, 2 if the
/// two passwords differ, 1 for everything else.
pub fn main(
    arguments: &[OsString],
    secrets: &mut dyn Secrets,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let request = match parse(arguments) {
        Ok(request) => request,
        Err(PasswdError::Usage) => {
            let _ = out.write_all(arguments::usage().as_bytes());
            return 1;
        }
        Err(error) => {
            let _ = writeln!(err, "{error}");
            return 1;
        }
    };
    warn_of_readers(&request, err);
    match perform(&request, secrets, out) {
        Ok(()) => 0,
        Err(Failure::Message(text)) => {
            let _ = writeln!(err, "{text}");
            1
        }
        Err(Failure::Password(error)) => {
            let _ = writeln!(err, "Error: {error}.");
            if matches!(error, PasswordError::Mismatch) { STATUS_MISMATCH } else { 1 }
        }
        Err(Failure::Output(error)) => {
            let _ = writeln!(err, "Error: {}.", reason(&error));
            1
        }
    }
}

/// Warns of a file that is not only its owner's and group's. It keeps its permissions.
fn warn_of_readers(request: &PasswdRequest, err: &mut dyn Write) {
    let (PasswdRequest::Set { file, .. }
    | PasswdRequest::Delete { file, .. }
    | PasswdRequest::HashAll { file, .. }) = request
    else {
        return;
    };
    if fs::metadata(file).is_ok_and(|it| it.permissions().mode() & OTHERS != 0) {
        let file = file.display();
        // A warning that nobody can read is none.
        let _ = writeln!(err, "Warning: File {file} is open to everyone on this machine: chmod o= {file}");
    }
}

fn perform(request: &PasswdRequest, secrets: &mut dyn Secrets, out: &mut dyn Write) -> Result<(), Failure> {
    match request {
        PasswdRequest::Create { file, user, password, scheme } => {
            let line = line_for(user, password.as_deref(), *scheme, secrets, out)?;
            if file.as_os_str() == STANDARD_OUTPUT {
                out.write_all(&line)?;
                return Ok(());
            }
            writeln!(out, "Adding password for user {user}")?;
            file::create(file, &line).map_err(|error| unwritable(file, &error))
        }
        PasswdRequest::Set { file, user, password, scheme } => {
            let old = read(file)?;
            let line = line_for(user, password.as_deref(), *scheme, secrets, out)?;
            let (new, known) = with_user(&old, user, &line);
            let what = if known { "Updating" } else { "Adding" };
            writeln!(out, "{what} password for user {user}")?;
            file::replace(file, &new).map_err(|error| unwritable(file, &error))
        }
        PasswdRequest::Delete { file, user } => {
            let old = read(file)?;
            let new: Vec<u8> = lines(&old)
                .filter(|line| name_of(line) != Some(user.as_bytes()))
                .flatten()
                .copied()
                .collect();
            if new.len() == old.len() {
                let text = format!("Warning: User {user} not found in password file.");
                return Err(Failure::Message(text));
            }
            file::replace(file, &new).map_err(|error| unwritable(file, &error))
        }
        PasswdRequest::HashAll { file, scheme } => {
            let old = read(file)?;
            let new = hash_all(&old, *scheme)?;
            file::replace(file, &new).map_err(|error| unwritable(file, &error))
        }
    }
}

fn line_for(
    user: &str,
    password: Option<&[u8]>,
    scheme: Scheme,
    secrets: &mut dyn Secrets,
    out: &mut dyn Write,
) -> Result<Vec<u8>, Failure> {
    let hash = if let Some(password) = password {
        hash(scheme, password)?
    } else {
        let prompts = ["Password: ", "Reenter password: "];
        hash(scheme, &new_password(prompts, secrets, out).map_err(Failure::Password)?)?
    };
    Ok(format!("{user}:{hash}\n").into_bytes())
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| {
        let (path, reason) = (file.display(), reason(&error));
        Failure::Message(format!("Error: Unable to open password file {path}. {reason}."))
    })
}

fn unwritable(file: &Path, error: &io::Error) -> Failure {
    let (path, reason) = (file.display(), reason(error));
    Failure::Message(format!("Error: Unable to open file {path} for writing. {reason}."))
}

/// The lines with their newlines.
fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split_inclusive(|byte| *byte == b'\n')
}

/// Whose line it is, if anyone's.
fn name_of(line: &[u8]) -> Option<&[u8]> {
    if line.first() == Some(&b'#') {
        return None;
    }
    line.iter().position(|byte| *byte == b':').map(|colon| &line[..colon])
}

/// The file with the user's line replaced or appended, and whether there was one.
fn with_user(old: &[u8], user: &str, new_line: &[u8]) -> (Vec<u8>, bool) {
    let mut new = Vec::new();
    let mut known = false;
    for line in lines(old) {
        let is_theirs = name_of(line) == Some(user.as_bytes());
        known |= is_theirs;
        new.extend_from_slice(if is_theirs { new_line } else { line });
    }
    if !known {
        if new.last().is_some_and(|byte| *byte != b'\n') {
            new.push(b'\n');
        }
        new.extend_from_slice(new_line);
    }
    (new, known)
}

/// Takes what follows each colon as a password in plain text.
fn hash_all(old: &[u8], scheme: Scheme) -> Result<Vec<u8>, Failure> {
    let mut new = Vec::new();
    for (number, line) in lines(old).enumerate() {
        let text = line.trim_ascii_end();
        if text.is_empty() || text[0] == b'#' {
            new.extend_from_slice(line);
            continue;
        }
        let corrupt = || Failure::Message(format!("Error: Corrupt password file at line {}.", number + 1));
        let name = name_of(text).filter(|name| !name.is_empty()).ok_or_else(corrupt)?;
        let password = line.strip_suffix(b"\n").unwrap_or(line);
        let password = password.strip_suffix(b"\r").unwrap_or(password);
        let password = password.get(name.len() + 1..).filter(|password| !password.is_empty());
        new.extend_from_slice(name);
        new.push(b':');
        new.extend_from_slice(hash(scheme, password.ok_or_else(corrupt)?)?.as_bytes());
        new.push(b'\n');
    }
    Ok(new)
}
