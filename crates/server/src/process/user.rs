//! Another user than root.

use core::fmt;
use std::ffi::CString;
use std::ffi::OsString;
use std::io;

use nix::unistd::{Gid, Uid, User, initgroups, setgid, setgroups, setuid};

/// Whom to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// This user, with its groups.
    Named(String),
    /// The first of these users that there is, with its groups.
    FirstOf(&'static [&'static str]),
    /// Numbers, without looking who that is; those that are missing or 0 stay as they are.
    Numbers {
        /// The user.
        user: Option<u32>,
        /// The only group.
        group: Option<u32>,
    },
}

/// What has become of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Became {
    /// Who runs it: a name, or a number that has none.
    pub user: String,
    /// It has the rights of root.
    pub is_root: bool,
}

/// Why the process cannot become another user.
#[derive(Debug)]
#[non_exhaustive]
pub enum BecomeError {
    /// There is no such user.
    NoSuchUser {
        /// The name.
        user: String,
    },
    /// A variable of the environment is no number of a user or group.
    Number {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: OsString,
    },
    /// The operating system refuses.
    Refused(io::Error),
}

impl core::error::Error for BecomeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Refused(cause) => Some(cause),
            Self::NoSuchUser { .. } | Self::Number { .. } => None,
        }
    }
}

impl fmt::Display for BecomeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser { user } => write!(
                f,
                "Unable to drop privileges to '{}' because this user does not exist.",
                user.escape_debug()
            ),
            Self::Number { variable, value } => {
                write!(f, "{variable} not a valid ID '{}'", value.display())
            }
            Self::Refused(cause) => write!(f, "Unable to drop privileges: {cause}"),
        }
    }
}

impl From<nix::Error> for BecomeError {
    fn from(error: nix::Error) -> Self {
        Self::Refused(error.into())
    }
}

impl Identity {
    /// Whom the variables `PUID` and `PGID` name, by which containers say it; `None` if they do not.
    ///
    /// # Errors
    /// [`BecomeError::Number`]
    pub fn of_environment(
        environment: impl Fn(&'static str) -> Option<OsString>,
    ) -> Result<Option<Self>, BecomeError> {
        let number = |variable: &'static str| {
            let Some(value) = environment(variable) else { return Ok(None) };
            let number = value.to_str().and_then(|text| text.parse::<u32>().ok());
            number.map(Some).ok_or(BecomeError::Number { variable, value })
        };
        let (user, group) = (number("PUID")?, number("PGID")?);
        Ok((user.is_some() || group.is_some()).then_some(Self::Numbers { user, group }))
    }
}

/// Becomes another user for good, if the process is root's; otherwise it stays what it is. Has to come before any thread
/// is started.
///
/// # Errors
/// See [`BecomeError`].
pub fn become_user(identity: Option<&Identity>) -> Result<Became, BecomeError> {
    if Uid::effective().is_root() {
        match identity {
            None => {}
            Some(Identity::Named(name)) if name == "root" => {}
            Some(Identity::Named(name)) => take_on(name)?,
            Some(Identity::FirstOf(names)) => take_on_first(names)?,
            Some(Identity::Numbers { user, group }) => {
                if let Some(group) = group.filter(|number| *number > 0) {
                    setgroups(&[Gid::from_raw(group)])?;
                    setgid(Gid::from_raw(group))?;
                }
                if let Some(user) = user.filter(|number| *number > 0) {
                    setuid(Uid::from_raw(user))?;
                }
            }
        }
    }
    let uid = Uid::effective();
    let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
    let is_root = uid.is_root() || Gid::effective().as_raw() == 0;
    Ok(Became { user: name.unwrap_or_else(|| uid.to_string()), is_root })
}

fn take_on_first(names: &[&str]) -> Result<(), BecomeError> {
    let mut last = Ok(());
    for name in names {
        last = take_on(name);
        match &last {
            Err(BecomeError::NoSuchUser { user }) => {
                tracing::warn!(
                    "Warning: Unable to drop privileges to '{user}' because this user does not exist."
                );
            }
            _ => return last,
        }
    }
    last
}

/// Takes on the groups, then the group, then the number of a user: in any other order the rights are gone that the rest
/// needs.
fn take_on(name: &str) -> Result<(), BecomeError> {
    let missing = || BecomeError::NoSuchUser { user: name.into() };
    let user = User::from_name(name)?.ok_or_else(missing)?;
    let c_name = CString::new(name).map_err(|_| missing())?;
    initgroups(&c_name, user.gid)?;
    setgid(user.gid)?;
    setuid(user.uid)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(user: Option<&str>, group: Option<&str>) -> Result<Option<Identity>, BecomeError> {
        Identity::of_environment(|variable| match variable {
            "PUID" => user.map(Into::into),
            _ => group.map(Into::into),
        })
    }

    #[test]
    fn containers_name_a_user_by_numbers() {
        assert_eq!(identity(None, None).unwrap(), None);
        let numbers = |user, group| Some(Identity::Numbers { user, group });
        assert_eq!(identity(Some("1000"), None).unwrap(), numbers(Some(1000), None));
        assert_eq!(identity(Some("0"), Some("7")).unwrap(), numbers(Some(0), Some(7)));
        assert_eq!(identity(Some("x"), None).unwrap_err().to_string(), "PUID not a valid ID 'x'");
        assert!(identity(None, Some("-1")).is_err());
    }

    #[test]
    fn without_an_order_nothing_changes() {
        let before = Uid::effective();
        let became = become_user(None).unwrap();
        assert_eq!(Uid::effective(), before);
        assert!(!became.user.is_empty());
        assert_eq!(became.is_root, before.is_root() || Gid::effective().as_raw() == 0);
    }

    #[test]
    fn a_user_that_is_not_there_is_an_error_for_root() {
        let nobody = Identity::Named("no-such-user-anywhere".into());
        match become_user(Some(&nobody)) {
            Err(error) => assert!(error.to_string().contains("does not exist"), "{error}"),
            Ok(became) => assert!(!Uid::effective().is_root(), "{became:?}"),
        }
    }
}
