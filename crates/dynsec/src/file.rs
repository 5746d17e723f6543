//! The file `dynamic-security.json`.
//!
//! It is read as tolerantly as Mosquitto does: what is not understood is left out, since a broker that does not start
//! because of one entry helps nobody. What was left out is reported.

use core::fmt;

use martlet_json::{Json, Layout};

use crate::DynamicSecurity;
use crate::describe;
use crate::ranking::Ranked;

mod read;

pub(crate) use read::{acl_of, priority_of};

/// A file cannot be read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileError {
    /// It does not begin with a JSON value, or with one nested more than 1,000 deep.
    NotJson {
        /// Where it stops to be one, in bytes.
        position: usize,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { .. } => f.write_str("File is not valid JSON."),
        }
    }
}

impl core::error::Error for FileError {}

/// Something in a file was left out, and will not be there when the file is written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where: the names of members and the places in lists that lead there.
    pub place: String,
    /// Why.
    pub kind: RemarkKind,
}

/// Why something in a file was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemarkKind {
    /// No such member is known.
    Unknown,
    /// It is not of the type that it has to be, or is too long.
    Invalid,
    /// There is one of this name already.
    Repeated,
    /// Its role, group or client does not exist.
    Missing,
    /// There are too many.
    TooMany,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.kind {
            RemarkKind::Unknown => "is not known",
            RemarkKind::Invalid => "is invalid",
            RemarkKind::Repeated => "was there before",
            RemarkKind::Missing => "names something that does not exist",
            RemarkKind::TooMany => "is one too many",
        };
        write!(f, "{} {reason} and is left out", self.place)
    }
}

impl DynamicSecurity {
    /// Reads a file, also one of Mosquitto 2.0, and answers what of it was left out: at most 100 remarks.
    ///
    /// What follows the first JSON value does not count. A file that is no object is read as an empty one.
    ///
    /// # Errors
    /// [`FileError::NotJson`].
    pub fn read(file: &[u8]) -> Result<(Self, Vec<Remark>), FileError> {
        if file.iter().all(u8::is_ascii_whitespace) {
            return Ok((Self::default(), Vec::new()));
        }
        let (tree, _) = martlet_json::parse_leading(file)
            .map_err(|error| FileError::NotJson { position: error.position })?;
        Ok(read::security(&tree))
    }

    /// The text of the file, byte for byte as Mosquitto 2.1 writes it.
    pub fn to_file(&self) -> Vec<u8> {
        #[expect(clippy::cast_precision_loss, reason = "Mosquitto counts in such numbers too")]
        let change_index = self.change_index as f64;
        let mut members = vec![
            ("changeIndex", Json::Number(change_index)),
            ("defaultACLAccess", describe::default_access(self.default_access)),
            ("clients", Json::Array(self.clients().collect())),
            ("groups", Json::Array(self.groups().collect())),
        ];
        describe::push_text(&mut members, "anonymousGroup", self.anonymous_group());
        let roles = self.roles.iter().map(|(name, role)| describe::role(name, role));
        members.push(("roles", Json::Array(roles.collect())));
        Json::object(members).to_bytes(Layout::Pretty)
    }

    fn clients(&self) -> impl Iterator<Item = Json> {
        self.clients.iter().map(|(user_name, client)| {
            let mut members = describe::client(user_name, client);
            describe::push_text(&mut members, "encoded_password", client.password.as_deref());
            Json::object(members)
        })
    }

    fn groups(&self) -> impl Iterator<Item = Json> {
        self.groups.iter().map(|(name, group)| {
            let (text_name, text_description) =
                (group.text_name.as_deref(), group.text_description.as_deref());
            let mut members = describe::named("groupname", name, text_name, text_description);
            members.push(("roles", describe::ranking(&group.roles, "rolename")));
            let clients = group.clients.iter().map(|user_name| {
                let memberships = self.clients.get(user_name).map(|client| client.groups.iter());
                let membership =
                    memberships.into_iter().flatten().find(|membership| membership.name == *name);
                let priority = membership.and_then(Ranked::explicit_priority);
                describe::ranked("username", user_name, priority)
            });
            members.push(("clients", Json::Array(clients.collect())));
            Json::object(members)
        })
    }
}

#[cfg(test)]
mod tests;
