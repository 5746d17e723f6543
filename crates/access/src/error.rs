//! What is wrong with a file.

use core::fmt;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The number of the line, counted from 1.
    pub line: u32,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a line. No variant holds anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A line of a password file has no user name.
    NoName,
    /// What follows a user name is no hash of a password.
    NoHash,
    /// A user has two lines.
    TwoPasswords(String),
    /// The line is not UTF-8.
    NoText,
    /// A line of an access control list begins with this word.
    UnknownWord(String),
    /// `user` without a name.
    NoUser,
    /// `topic` or `pattern` without a Topic Filter.
    NoTopic,
    /// This is no kind of access.
    UnknownAccess(String),
    /// This is no Topic Filter.
    NotAFilter(String),
}

impl core::error::Error for FileError {}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => write!(f, "a user name and a colon are missing at its beginning"),
            Self::NoHash => {
                write!(
                    f,
                    "what follows the user name is no hash of a password, as `martlet passwd` makes them"
                )
            }
            Self::TwoPasswords(user) => {
                write!(f, "the user {} has a line already", user.escape_debug())
            }
            Self::NoText => write!(f, "it is not UTF-8"),
            Self::UnknownWord(word) => {
                write!(f, "`{}` is neither `user`, `topic` nor `pattern`", word.escape_debug())
            }
            Self::NoUser => write!(f, "`user` wants a user name"),
            Self::NoTopic => write!(f, "a topic is missing"),
            Self::UnknownAccess(word) => {
                let word = word.escape_debug();
                write!(f, "`{word}` is neither `read`, `write`, `readwrite` nor `deny`")
            }
            Self::NotAFilter(text) => write!(f, "`{}` is no Topic Filter", text.escape_debug()),
        }
    }
}

impl FileError {
    /// The line that Mosquitto prints about a password file.
    pub fn of_mosquittos_password_file(&self, file: &str) -> String {
        match &self.problem {
            Problem::TwoPasswords(user) => {
                format!("Error: Duplicate user '{}' in password file '{file}'.", user.escape_debug())
            }
            Problem::NoHash => {
                format!("Error: Unable to decode line in password file '{file}': line {}.", self.line)
            }
            _ => format!("Error: Invalid line in password file '{file}': line {}.", self.line),
        }
    }

    /// The line that Mosquitto prints about an access control list.
    pub fn of_mosquittos_list(&self, file: &str) -> String {
        match &self.problem {
            Problem::NoUser => format!("Error: Missing username in acl_file \"{file}\"."),
            Problem::NoTopic => format!("Error: Empty topic in acl_file \"{file}\"."),
            Problem::UnknownAccess(word) => {
                format!(
                    "Error: Invalid topic access type \"{}\" in acl_file \"{file}\".",
                    word.escape_debug()
                )
            }
            Problem::NotAFilter(text) => {
                format!("Error: Invalid ACL topic \"{}\" in acl_file \"{file}\".", text.escape_debug())
            }
            Problem::UnknownWord(word) => {
                format!("Error: Invalid line in acl_file \"{file}\": {}.", word.escape_debug())
            }
            _ => format!("Error: Invalid line in acl_file \"{file}\": line {}.", self.line),
        }
    }
}
