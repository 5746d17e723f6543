//! The files by which a broker knows its users: passwords and access control lists.
//!
//! Both are plain values: bytes of a file become [`Passwords`] or an [`AccessList`], which answer questions. Nothing here opens
//! a file, reads a clock or starts a thread. What a file may say, and what it means, is as in mosquitto.conf(5).
//!
//! ```
//! use martlet_access::{AccessList, Action, Who};
//!
//! let list = AccessList::parse(b"user joe\ntopic read lights/#\n")?;
//! let joe = Who { client_identifier: "phone", user_name: Some("joe") };
//! let ruling = list.ruling(joe, Action::Read, "lights/hall");
//! assert!(ruling.is_allowed);
//! assert_eq!(ruling.line, Some(2));
//! assert!(!list.allows(joe, Action::Write, "lights/hall"));
//! # Ok::<(), martlet_access::FileError>(())
//! ```

#![forbid(unsafe_code)]

mod error;
pub mod hash;
mod list;
mod passwords;
mod rules;

pub use error::{FileError, Problem};
pub use list::{AccessList, Action, Ruling, Who};
pub use passwords::Passwords;
