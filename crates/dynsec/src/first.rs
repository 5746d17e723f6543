//! The file that a broker begins with when there is none.

use crate::DynamicSecurity;
use crate::acl::{Acl, AclType, DefaultAccess};
use crate::model::{Client, Group, Role};

/// The user name of the client that may change everything.
pub const FIRST_ADMIN: &str = "admin";
/// The user name of a client to try things with.
pub const FIRST_CLIENT: &str = "democlient";
/// The length of a password that nobody chose, in bytes.
pub const GENERATED_PASSWORD_BYTES: usize = 20;

/// The hashes of the first passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstPasswords {
    /// The hash of the password of [`FIRST_ADMIN`].
    pub admin: String,
    /// The hash of the password of [`FIRST_CLIENT`]. There is such a client only where both passwords are generated.
    pub client: Option<String>,
}

use AclType::{PublishClientReceive, PublishClientSend, SubscribePattern, UnsubscribePattern};

/// Reading, writing and administration of a part of the topics.
const WHOLE: [AclType; 4] = [PublishClientSend, PublishClientReceive, SubscribePattern, UnsubscribePattern];

/// Each role with what it is for, what it allows, and where. The names and the rules are those of Mosquitto 2.1.
const ROLES: [(&str, &str, &[AclType], &str); 7] = [
    ("client", "May publish and subscribe to all topics of applications.", &WHOLE, "#"),
    ("broker-admin", "May ask and change the broker itself.", &WHOLE, "$CONTROL/broker/#"),
    ("dynsec-admin", "May change clients, groups and roles.", &WHOLE, "$CONTROL/dynamic-security/#"),
    ("super-admin", "May change all that can be changed by messages.", &WHOLE, "$CONTROL/#"),
    (
        "sys-notify",
        "Lets a bridge say whether it is connected.",
        &[PublishClientSend],
        "$SYS/broker/connection/%c/state",
    ),
    (
        "sys-observe",
        "May read what the broker says about itself.",
        &[PublishClientReceive, SubscribePattern],
        "$SYS/#",
    ),
    (
        "topic-observe",
        "May read all topics of applications.",
        &[PublishClientReceive, SubscribePattern, UnsubscribePattern],
        "#",
    ),
];

/// What a broker begins with: an administrator, if wanted a client to try things with, roles for the usual tasks, and an
/// empty group for clients without a user name.
pub fn first_file(passwords: FirstPasswords) -> DynamicSecurity {
    let mut security = DynamicSecurity {
        default_access: DefaultAccess {
            publish_client_receive: true,
            unsubscribe: true,
            ..DefaultAccess::default()
        },
        ..DynamicSecurity::default()
    };
    for (name, description, kinds, topic) in ROLES {
        let mut role = Role::new(None, Some(description.to_owned()), true);
        let acls =
            kinds.iter().map(|kind| Acl { kind: *kind, topic: topic.to_owned(), priority: 0, allow: true });
        role.set_acls(acls.collect());
        security.roles.insert(name.to_owned(), role);
    }
    let client = |password: String, text_name: &str, roles: &[&str]| {
        let mut client =
            Client { password: Some(password), text_name: Some(text_name.to_owned()), ..Client::default() };
        for role in roles {
            client.roles.add(role, None);
        }
        client
    };
    let roles = ["super-admin", "sys-observe", "topic-observe"];
    security.clients.insert(FIRST_ADMIN.to_owned(), client(passwords.admin, "Administrator", &roles));
    if let Some(password) = passwords.client {
        security.clients.insert(FIRST_CLIENT.to_owned(), client(password, "To try things with", &["client"]));
    }
    let group = "unauthenticated";
    let about = "Clients that connect without a user name, where that is allowed.";
    security
        .groups
        .insert(group.to_owned(), Group { text_description: Some(about.to_owned()), ..Group::default() });
    security.anonymous_group = Some(group.to_owned());
    security
}

/// A password of printable characters from random bytes, or nothing if there are too few of them that can be used: with
/// four times as many bytes as characters that practically never happens.
///
/// Bytes that would make some characters likelier than others are not used.
pub fn printable_password(random: &[u8]) -> Option<String> {
    const FIRST: u8 = b'!';
    const COUNT: u8 = b'~' - FIRST + 1;
    const USABLE: u8 = u8::MAX - u8::MAX % COUNT;
    let characters =
        random.iter().filter(|byte| **byte < USABLE).map(|byte| char::from(FIRST + byte % COUNT));
    let password: String = characters.take(GENERATED_PASSWORD_BYTES).collect();
    (password.len() == GENERATED_PASSWORD_BYTES).then_some(password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Action, Identity, Login};

    #[test]
    fn the_first_administrator_may_administer_and_the_client_may_not() {
        let passwords = FirstPasswords { admin: "$7$a".to_owned(), client: Some("$7$c".to_owned()) };
        let rules = first_file(passwords).rules();
        let admin = Identity { user_name: Some(FIRST_ADMIN), client_id: "x" };
        let client = Identity { user_name: Some(FIRST_CLIENT), client_id: "x" };
        assert_eq!(rules.login(admin), Login::Compare("$7$a".into()));
        assert!(rules.allows(admin, Action::Publish, crate::COMMAND_TOPIC));
        assert!(rules.allows(admin, Action::Subscribe, "$SYS/#"));
        assert!(!rules.allows(admin, Action::Publish, "a"));
        assert!(!rules.allows(client, Action::Publish, crate::COMMAND_TOPIC));
        assert!(rules.allows(client, Action::Publish, "a"));
        let nobody = Identity { user_name: None, client_id: "x" };
        assert!(!rules.allows(nobody, Action::Subscribe, "a"));
        let alone = first_file(FirstPasswords { admin: "$7$a".to_owned(), client: None });
        assert!(alone.client(FIRST_CLIENT).is_none());
    }

    #[test]
    fn generated_passwords_are_printable() {
        let random: Vec<u8> = (0..80_u8).map(|number| number.wrapping_mul(37)).collect();
        let password = printable_password(&random).unwrap();
        assert!(
            password.len() == GENERATED_PASSWORD_BYTES
                && password.bytes().all(|byte| byte.is_ascii_graphic())
        );
        assert_eq!(printable_password(&[255; 100]), None);
        assert_eq!(printable_password(&[0; 19]), None);
    }
}
