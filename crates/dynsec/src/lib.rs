//! Mosquitto's dynamic security as a plain value: who may log in, publish, receive, subscribe and unsubscribe, changed by
//! clients that publish commands as JSON.
//!
//! [`DynamicSecurity`] is the whole of it. It is read from a file ([`DynamicSecurity::read`]), written to one
//! ([`DynamicSecurity::to_file`]) and changed by commands ([`DynamicSecurity::handle`]). [`DynamicSecurity::rules`] makes
//! [`Rules`] of it, which do not change and answer fast: every thread that asks has its own reference.
//!
//! No socket, clock, file or thread, and no cryptography either: where a password has to be checked, [`Login::Compare`]
//! hands out what it must be compared with, and where one has to be hashed, a [`PasswordHasher`] is asked.
//!
//! ```
//! use martlet_dynsec::{Action, DynamicSecurity, Identity, Login};
//!
//! let file = br#"{
//!     "defaultACLAccess": { "publishClientSend": false },
//!     "clients": [{ "username": "lamp", "roles": [{ "rolename": "things" }] }],
//!     "roles": [{ "rolename": "things", "acls": [
//!         { "acltype": "publishClientSend", "topic": "things/%u/#", "allow": true }
//!     ]}]
//! }"#;
//! let (security, remarks) = DynamicSecurity::read(file)?;
//! assert!(remarks.is_empty());
//! let rules = security.rules();
//! let lamp = Identity { user_name: Some("lamp"), client_id: "kitchen" };
//! assert!(rules.allows(lamp, Action::Publish, "things/lamp/state"));
//! assert!(!rules.allows(lamp, Action::Publish, "things/door/state"));
//! assert_eq!(rules.login(lamp), Login::Refuse); // it has no password
//! # Ok::<(), martlet_dynsec::FileError>(())
//! ```

#![forbid(unsafe_code)]

mod acl;
mod commands;
mod describe;
mod file;
mod first;
mod levels;
pub mod limits;
mod links;
mod model;
mod names;
mod ranking;
mod rules;

pub use acl::{Acl, AclType, DefaultAccess};
pub use commands::{Connections, Kicked, Outcome, PasswordHasher, Requester};
pub use file::{FileError, Remark, RemarkKind};
pub use first::{
    FIRST_ADMIN, FIRST_CLIENT, FirstPasswords, GENERATED_PASSWORD_BYTES, first_file, printable_password,
};
pub use model::{Client, DynamicSecurity, Group, Role};
pub use ranking::{Ranked, Ranking};
pub use rules::{Action, Identity, Login, Rules};

/// Where commands are published.
pub const COMMAND_TOPIC: &str = "$CONTROL/dynamic-security/v1";
/// Where the answers are published, with QoS 0, to all who subscribed to it and may receive it.
pub const RESPONSE_TOPIC: &str = "$CONTROL/dynamic-security/v1/response";
