//! Who may come in and do what, as a configuration says: passwords, access control lists, names from certificates.
//!
//! An [`Authority`] holds what was read from files. Each shard asks it through a [`Guard`], which answers from memory; what
//! takes long, hashing a password, is left to the [`Pool`], whose threads no shard waits for. [`RulesChanger`] puts another
//! authority in place of it while the broker runs.

mod announcement;
mod authority;
mod changer;
mod files;
mod guard;
mod guesses;
mod pool;
mod turns;

pub use authority::{Admission, Authority};
pub use changer::RulesChanger;
pub use files::{AccessFile, AccessFileError};

pub(crate) use announcement::Announcement;
pub(crate) use authority::{Door, NamedList};
pub(crate) use changer::Judges;
pub(crate) use files::Library;
pub(crate) use guesses::{Entry, Guesses};
pub(crate) use pool::Pool;
