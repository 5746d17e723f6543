//! The file of the `dynsec` module: what `init` writes, and `setClientPassword` on a file.
//!
//! Both work on bytes; reading and writing the file is for the caller.

use core::fmt;

use crate::json::{self, Json, Layout};
use crate::passwd::{self, HashError, PBKDF2_ITERATIONS, Scheme};

/// The role that lets a client look after the module.
const ADMIN_ROLE: &str = "admin";
/// What that role allows: kind of access, topic.
const ADMIN_ACLS: [(&str, &str); 8] = [
    ("publishClientSend", "$CONTROL/dynamic-security/#"),
    ("publishClientReceive", "$CONTROL/dynamic-security/#"),
    ("subscribePattern", "$CONTROL/dynamic-security/#"),
    ("publishClientReceive", "$SYS/#"),
    ("subscribePattern", "$SYS/#"),
    ("publishClientReceive", "#"),
    ("subscribePattern", "#"),
    ("unsubscribePattern", "#"),
];
/// What is allowed where no role says anything.
const DEFAULTS: [(&str, bool); 4] = [
    ("publishClientSend", false),
    ("publishClientReceive", true),
    ("subscribe", false),
    ("unsubscribe", true),
];

/// Why a password in a file could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DynsecFileError {
    /// The file is no JSON, or has no list of clients.
    Invalid,
    /// No client has this name.
    UnknownClient,
    /// The password could not be hashed.
    Hash(HashError),
}

impl fmt::Display for DynsecFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid => f.write_str("Error: The file is no configuration of the dynsec module."),
            Self::UnknownClient => f.write_str("Error: Client not found."),
            Self::Hash(error) => write!(f, "Error: {error}."),
        }
    }
}

impl core::error::Error for DynsecFileError {}

impl From<HashError> for DynsecFileError {
    fn from(error: HashError) -> Self {
        Self::Hash(error)
    }
}

/// A new file with one client, which may look after the module and nothing else.
///
/// # Errors
/// Every variant of [`HashError`].
pub fn initial_file(username: &str, password: &str) -> Result<Vec<u8>, HashError> {
    let mut client = vec![("username", Json::from(username)), ("textName", Json::from("Dynsec admin user"))];
    client.extend(password_members(password, PBKDF2_ITERATIONS)?);
    client.push(("roles", Json::Array(vec![Json::object([("rolename", Json::from(ADMIN_ROLE))])])));
    let acls = ADMIN_ACLS.into_iter().map(|(kind, topic)| {
        Json::object([
            ("acltype", Json::from(kind)),
            ("topic", Json::from(topic)),
            ("allow", Json::Bool(true)),
        ])
    });
    let role = [("rolename", Json::from(ADMIN_ROLE)), ("acls", Json::Array(acls.collect()))];
    let defaults = DEFAULTS.map(|(kind, allow)| (kind, Json::Bool(allow)));
    let file = Json::object([
        ("clients", Json::Array(vec![Json::object(client)])),
        ("roles", Json::Array(vec![Json::object(role)])),
        ("defaultACLAccess", Json::object(defaults)),
    ]);
    Ok(with_newline(&file))
}

/// The file with another password for a client. Without iterations there are as many as `mosquitto_passwd` has.
///
/// # Errors
/// Every variant of [`DynsecFileError`].
pub fn set_password_in_file(
    file: &[u8],
    username: &str,
    password: &str,
    iterations: Option<u32>,
) -> Result<Vec<u8>, DynsecFileError> {
    let mut file = json::parse(file).map_err(|_| DynsecFileError::Invalid)?;
    let Some(Json::Array(clients)) = member_mut(&mut file, "clients") else {
        return Err(DynsecFileError::Invalid);
    };
    let is_theirs = |client: &&mut Json| client.member("username") == Some(&Json::from(username));
    let Some(Json::Object(client)) = clients.iter_mut().find(is_theirs) else {
        return Err(DynsecFileError::UnknownClient);
    };
    let fresh = password_members(password, iterations.unwrap_or(PBKDF2_ITERATIONS))?;
    client.retain(|(name, _)| fresh.iter().all(|(other, _)| name != other.as_bytes()));
    client.extend(fresh.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value)));
    Ok(with_newline(&file))
}

fn member_mut<'a>(object: &'a mut Json, name: &str) -> Option<&'a mut Json> {
    match object {
        Json::Object(members) => {
            members.iter_mut().find(|(other, _)| other == name.as_bytes()).map(|(_, value)| value)
        }
        _ => None,
    }
}

fn password_members(password: &str, iterations: u32) -> Result<[(&'static str, Json); 3], HashError> {
    // `$7$ITERATIONS$SALT$HASH`
    let line = passwd::hash(Scheme::Sha512Pbkdf2 { iterations }, password.as_bytes())?;
    let mut fields = line.rsplit('$');
    let hash = Json::from(fields.next().unwrap_or_default());
    let salt = Json::from(fields.next().unwrap_or_default());
    Ok([("password", hash), ("salt", salt), ("iterations", Json::from(iterations))])
}

fn with_newline(file: &Json) -> Vec<u8> {
    let mut text = file.to_bytes(Layout::Pretty);
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lets_in(file: &[u8], password: &str) -> bool {
        let file = json::parse(file).unwrap();
        let Some(Json::Array(clients)) = file.member("clients") else { panic!("clients") };
        let field = |name| match clients[0].member(name) {
            Some(Json::Text(text)) => String::from_utf8(text.clone()).unwrap(),
            Some(Json::Number(number)) => number.to_string(),
            other => panic!("{other:?}"),
        };
        let hash = format!("$7${}${}${}", field("iterations"), field("salt"), field("password"));
        passwd::verify(&hash, password.as_bytes())
    }

    #[test]
    fn a_new_file_lets_its_administrator_in() {
        let file = initial_file("admin", "one").unwrap();
        assert!(lets_in(&file, "one") && !lets_in(&file, "two"));
        let start = "{\n\t\"clients\":\t[{\n\t\t\t\"username\":\t\"admin\",\n\t\t\t\"textName\":\t\"Dynsec admin user\",\n";
        assert!(file.starts_with(start.as_bytes()));
        assert!(file.ends_with(b"\t\t\"unsubscribe\":\ttrue\n\t}\n}\n"));
    }

    #[test]
    fn a_password_in_a_file_is_replaced() {
        let file = initial_file("admin", "one").unwrap();
        let file = set_password_in_file(&file, "admin", "two", Some(7)).unwrap();
        assert!(lets_in(&file, "two") && !lets_in(&file, "one"));
        let unknown = set_password_in_file(&file, "other", "two", None);
        assert_eq!(unknown, Err(DynsecFileError::UnknownClient));
        assert_eq!(set_password_in_file(b"[]", "a", "b", None), Err(DynsecFileError::Invalid));
    }
}
