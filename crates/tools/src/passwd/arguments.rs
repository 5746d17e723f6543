//! The arguments of `mosquitto_passwd`.

use core::fmt;
use std::ffi::OsString;
use std::path::PathBuf;

use super::{PBKDF2_ITERATIONS, Scheme};
use crate::number::leading_integer;
use crate::program::{Entry, Hint, Operand, Program};

/// The longest name and password, in bytes.
const BYTES_MAX: usize = 65_535;

/// What is to be done.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "file, user and password mean the same everywhere")]
pub enum PasswdRequest {
    /// `-c`: a new file with one user. Without a password it is asked for.
    Create { file: PathBuf, user: String, password: Option<Vec<u8>>, scheme: Scheme },
    /// Another user or another password. Without a password it is asked for.
    Set { file: PathBuf, user: String, password: Option<Vec<u8>>, scheme: Scheme },
    /// `-D`: one user less.
    Delete { file: PathBuf, user: String },
    /// `-U`: hashes instead of plain text.
    HashAll { file: PathBuf, scheme: Scheme },
}

/// What is wrong with the arguments. The exit status is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswdError {
    /// They fit no way of using the program.
    Usage,
    /// `-H` or `-I` is the last argument.
    NotEnough {
        /// The flag.
        flag: &'static str,
    },
    /// `-H` names no scheme.
    UnknownHash {
        /// The name.
        name: String,
    },
    /// `-I` is below 1.
    Iterations,
    /// Two flags that exclude each other.
    Together {
        /// The one.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A flag is given, but what it works on is not.
    Missing {
        /// The flag.
        flag: &'static str,
        /// What is missing.
        what: &'static str,
    },
    /// The name is too long.
    UserTooLong,
    /// The name has a control character.
    UserControl,
    /// The name has a colon.
    UserColon,
    /// The name is not UTF-8.
    UserNotUtf8,
    /// The password is too long.
    PasswordTooLong,
}

impl fmt::Display for PasswdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => f.write_str(&usage()),
            Self::NotEnough { flag } => {
                write!(f, "Error: {flag} argument given but not enough other arguments.")
            }
            Self::UnknownHash { name } => write!(f, "Error: Unknown hash type '{name}'"),
            Self::Iterations => f.write_str("Error: Number of iterations must be > 0."),
            Self::Together { first, second } => {
                write!(f, "Error: {first} and {second} cannot be used together.")
            }
            Self::Missing { flag, what } => write!(f, "Error: {flag} argument given but {what} missing."),
            Self::UserTooLong => f.write_str("Error: Username must be less than 65536 characters long."),
            Self::UserControl => f.write_str("Error: Username must not contain control characters."),
            Self::UserColon => f.write_str("Error: Username must not contain the ':' character."),
            Self::UserNotUtf8 => f.write_str("Error: Username must be valid UTF-8."),
            Self::PasswordTooLong => f.write_str("Error: Password must be less than 65536 characters long."),
        }
    }
}

impl core::error::Error for PasswdError {}

/// How the program is used.
pub(super) fn usage() -> String {
    program("mosquitto_passwd").help()
}

/// All that there is to say about the program under a name.
pub fn program(name: &str) -> Program {
    let schemes = Hint::Words(&["argon2id", "sha512-pbkdf2", "sha512"]);
    let flag = |name: &str, value: Option<(&str, Hint)>, help: &str| Entry {
        names: vec![name.to_owned()],
        value: value.map(|(name, hint)| (name.to_owned(), hint)),
        help: help.to_owned(),
    };
    let synopsis = [
        "[-H scheme] [-I iterations] [-c | -D] file user",
        "[-H scheme] [-I iterations] [-c] -b file user password",
        "[-H scheme] [-I iterations] -U file",
    ];
    Program {
        name: name.to_owned(),
        purpose: "manages the password files of an MQTT broker".to_owned(),
        synopsis: synopsis.map(str::to_owned).to_vec(),
        entries: vec![
            flag("-b", None, "Take the password from the command line, where others can see it."),
            flag("-c", None, "Make a new file, in place of one that exists. The file - is standard output."),
            flag("-D", None, "Delete the user."),
            flag(
                "-H",
                Some(("scheme", schemes)),
                "How to hash: argon2id, sha512-pbkdf2 (the default) or sha512.",
            ),
            flag(
                "-I",
                Some(("iterations", Hint::Any)),
                "How many iterations of sha512-pbkdf2; 1000 by default.",
            ),
            flag("-U", None, "Hash every password of a file that has them as plain text."),
        ],
        operand: Operand::File,
        sections: vec![(
            "exit status",
            "0 if all went well; 2 if a password was not repeated; 1 for anything else.".to_owned(),
        )],
    }
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct Flags {
    batch: bool,
    create: bool,
    delete: bool,
    hash_all: bool,
    scheme: SchemeName,
    iterations: Option<u32>,
}

#[derive(Clone, Copy, Default)]
enum SchemeName {
    Argon2id,
    #[default]
    Sha512Pbkdf2,
    Sha512,
}

/// Reads the arguments, without the program's name.
///
/// # Errors
/// Every variant of [`PasswdError`].
pub fn parse(arguments: &[OsString]) -> Result<PasswdRequest, PasswdError> {
    let (flags, rest) = flags(arguments)?;
    for (together, first, second) in [
        (flags.create && flags.delete, "-c", "-D"),
        (flags.create && flags.hash_all, "-c", "-U"),
        (flags.delete && flags.hash_all, "-D", "-U"),
        (flags.delete && flags.batch, "-b", "-D"),
    ] {
        if together {
            return Err(PasswdError::Together { first, second });
        }
    }
    let missing = |flag, what| Err(PasswdError::Missing { flag, what });
    let scheme = flags.scheme();
    match (&flags, rest) {
        (Flags { create: true, batch: true, .. }, [file, name, password, ..]) => Ok(PasswdRequest::Create {
            file: file.into(),
            user: user(name)?,
            password: Some(given(password)?),
            scheme,
        }),
        (Flags { create: true, batch: true, .. }, _) => missing("-c", "password file, username, or password"),
        (Flags { create: true, .. }, [file, name, ..]) => {
            Ok(PasswdRequest::Create { file: file.into(), user: user(name)?, password: None, scheme })
        }
        (Flags { create: true, .. }, _) => missing("-c", "password file or username"),
        (Flags { delete: true, .. }, [file, name, ..]) => {
            Ok(PasswdRequest::Delete { file: file.into(), user: user(name)? })
        }
        (Flags { delete: true, .. }, _) => missing("-D", "password file or username"),
        (Flags { hash_all: true, .. }, [file, ..]) => {
            Ok(PasswdRequest::HashAll { file: file.into(), scheme })
        }
        (Flags { hash_all: true, .. }, []) => missing("-U", "password file"),
        (Flags { batch: true, .. }, [file, name, password]) => Ok(PasswdRequest::Set {
            file: file.into(),
            user: user(name)?,
            password: Some(given(password)?),
            scheme,
        }),
        (Flags { batch: false, .. }, [file, name]) => {
            Ok(PasswdRequest::Set { file: file.into(), user: user(name)?, password: None, scheme })
        }
        _ => Err(PasswdError::Usage),
    }
}

impl Flags {
    fn scheme(&self) -> Scheme {
        match self.scheme {
            SchemeName::Argon2id => Scheme::Argon2id,
            SchemeName::Sha512 => Scheme::Sha512,
            SchemeName::Sha512Pbkdf2 => {
                Scheme::Sha512Pbkdf2 { iterations: self.iterations.unwrap_or(PBKDF2_ITERATIONS) }
            }
        }
    }
}

/// The flags, which end at the first argument that is none, and the rest.
fn flags(arguments: &[OsString]) -> Result<(Flags, &[OsString]), PasswdError> {
    let mut flags = Flags::default();
    let mut rest = arguments;
    while let [argument, following @ ..] = rest {
        let value = |flag| following.first().ok_or(PasswdError::NotEnough { flag });
        let mut taken = 0;
        match argument.to_str() {
            Some("-b") => flags.batch = true,
            Some("-c") => flags.create = true,
            Some("-D") => flags.delete = true,
            Some("-U") => flags.hash_all = true,
            Some("-H") => {
                flags.scheme = match value("-H")?.to_string_lossy().as_ref() {
                    "argon2id" => SchemeName::Argon2id,
                    "sha512-pbkdf2" => SchemeName::Sha512Pbkdf2,
                    "sha512" => SchemeName::Sha512,
                    name => return Err(PasswdError::UnknownHash { name: name.to_owned() }),
                };
                taken = 1;
            }
            Some("-I") => {
                let number = leading_integer(&value("-I")?.to_string_lossy());
                let iterations = u32::try_from(number).ok().filter(|number| *number > 0);
                flags.iterations = Some(iterations.ok_or(PasswdError::Iterations)?);
                taken = 1;
            }
            _ => break,
        }
        rest = &following[taken..];
    }
    Ok((flags, rest))
}

fn user(name: &OsString) -> Result<String, PasswdError> {
    if name.len() > BYTES_MAX {
        return Err(PasswdError::UserTooLong);
    }
    let name = name.to_str().ok_or(PasswdError::UserNotUtf8)?;
    match name.chars().find(|character| *character == ':' || character.is_control()) {
        Some(':') => Err(PasswdError::UserColon),
        Some(_) => Err(PasswdError::UserControl),
        None => Ok(name.to_owned()),
    }
}

fn given(password: &OsString) -> Result<Vec<u8>, PasswdError> {
    if password.len() > BYTES_MAX {
        return Err(PasswdError::PasswordTooLong);
    }
    Ok(password.as_encoded_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_that_is_described_is_known() {
        for entry in program("mosquitto_passwd").entries {
            let words = [entry.names[0].as_str(), if entry.names[0] == "-H" { "sha512" } else { "1" }];
            let words = words.map(OsString::from);
            let (_, rest) = flags(&words).unwrap();
            assert_eq!(rest.len(), usize::from(entry.value.is_none()), "{words:?}");
        }
    }
}
