//! Dynamic security at work: its file, its commands, and who is connected with which user name.
//!
//! What the rules mean is `martlet_dynsec`'s business. Here the file is read and written, passwords are hashed, and after a
//! change all shards get the new rules.

mod file;
mod keeper;
mod roster;

use std::path::PathBuf;

pub(crate) use file::read;
pub(crate) use keeper::Keeper;
pub(crate) use roster::Roster;

/// Where dynamic security has its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicSecurityOptions {
    /// The file, which is made if it does not exist.
    pub config_file: PathBuf,
    /// The file whose first line is the password of the first administrator, if the file has to be made.
    pub password_init_file: Option<PathBuf>,
}
