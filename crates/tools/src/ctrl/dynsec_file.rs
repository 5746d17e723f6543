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
/// Where a client's password is, hashed as in a password file.
const PASSWORD_MEMBER: &str = "encoded_password";
/// Where older files have it.
const OLD_PASSWORD_MEMBERS: [&str; 3] = ["password", "salt", "iterations"];
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
    /// The file is empty.
    Empty,
    /// The file is no JSON.
    NotJson,
    /// The file has no list of clients.
    NoClients,
    /// No client has this name.
    UnknownClient,
    /// The password could not be hashed.
    Hash(HashError),
}

impl fmt::Display for DynsecFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::NotJson => f.write_str("it is not valid JSON"),
            Self::NoClients => f.write_str("it is not a valid dynamic-security config file"),
            Self::UnknownClient => f.write_str("the client is not in it"),
            Self::Hash(error) => error.fmt(f),
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
    client.push((PASSWORD_MEMBER, encoded(password, PBKDF2_ITERATIONS)?));
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
    if file.is_empty() {
        return Err(DynsecFileError::Empty);
    }
    let mut file = json::parse(file).map_err(|_| DynsecFileError::NotJson)?;
    let Some(Json::Array(clients)) = member_mut(&mut file, "clients") else {
        return Err(DynsecFileError::NoClients);
    };
    let is_theirs = |client: &&mut Json| client.member("username") == Some(&Json::from(username));
    let Some(Json::Object(client)) = clients.iter_mut().find(is_theirs) else {
        return Err(DynsecFileError::UnknownClient);
    };
    let password = encoded(password, iterations.unwrap_or(PBKDF2_ITERATIONS))?;
    let outdated = |name: &[u8]| OLD_PASSWORD_MEMBERS.iter().any(|old| name == old.as_bytes());
    client.retain(|(name, _)| !outdated(name) && name != PASSWORD_MEMBER.as_bytes());
    client.push((PASSWORD_MEMBER.as_bytes().to_vec(), password));
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

/// A hash that every build of Mosquitto from 2.1 on can check.
fn encoded(password: &str, iterations: u32) -> Result<Json, HashError> {
    let hash = passwd::hash(Scheme::Sha512Pbkdf2 { iterations }, password.as_bytes())?;
    Ok(Json::from(hash.as_str()))
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
        assert!(OLD_PASSWORD_MEMBERS.iter().all(|name| clients[0].member(name).is_none()));
        let Some(Json::Text(hash)) = clients[0].member(PASSWORD_MEMBER) else { panic!("{:?}", clients[0]) };
        passwd::verify(core::str::from_utf8(hash).unwrap(), password.as_bytes())
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
        for (file, error) in [
            (&b""[..], DynsecFileError::Empty),
            (b"{", DynsecFileError::NotJson),
            (b"[]", DynsecFileError::NoClients),
            (b"{\"clients\":{}}", DynsecFileError::NoClients),
        ] {
            assert_eq!(set_password_in_file(file, "a", "b", None), Err(error));
        }
    }

    #[test]
    fn a_file_of_an_older_version_gets_the_new_kind_of_password() {
        let old = br#"{"clients":[{"username":"a","password":"x","salt":"y","iterations":101,"roles":[]}]}"#;
        let file = set_password_in_file(old, "a", "b", None).unwrap();
        assert!(lets_in(&file, "b"));
    }
}
