//! Rules against a slow and obvious reference, and commands of every kind in every order.

use martlet_dynsec::{
    Action, Client, Connections, DynamicSecurity, Identity, Login, PasswordHasher, Requester, Role,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const KINDS: [&str; 6] = [
    "publishClientSend",
    "publishClientReceive",
    "subscribeLiteral",
    "subscribePattern",
    "unsubscribeLiteral",
    "unsubscribePattern",
];
const ACTIONS: [Action; 4] = [Action::Publish, Action::Receive, Action::Subscribe, Action::Unsubscribe];

struct Hash;

impl PasswordHasher for Hash {
    fn hash(&mut self, _password: &[u8]) -> Option<String> {
        Some("$7$hash".to_owned())
    }
}

struct Nobody;

impl Connections for Nobody {
    fn addresses(&self, _user_name: &str) -> Vec<String> {
        Vec::new()
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    select(NAMES.as_slice())
}

/// Of few levels, so that many match.
fn topic() -> impl Strategy<Value = String> {
    vec(select(vec!["a", "b", "", "+", "#", "%c", "%u", "$x"]), 1..4).prop_map(|levels| levels.join("/"))
}

fn priority() -> impl Strategy<Value = i32> {
    -2..3_i32
}

fn rule() -> impl Strategy<Value = String> {
    let kind = select(KINDS.as_slice());
    (kind, topic(), priority(), any::<bool>()).prop_map(|(kind, topic, priority, allow)| {
        format!(r#""acltype":"{kind}","topic":"{topic}","priority":{priority},"allow":{allow}"#)
    })
}

fn list(member: &'static str) -> impl Strategy<Value = String> {
    vec((name(), priority()), 0..3).prop_map(move |entries| {
        let entry = |(name, priority)| format!(r#"{{"{member}":"{name}","priority":{priority}}}"#);
        entries.into_iter().map(entry).collect::<Vec<_>>().join(",")
    })
}

/// The members of a command that may be right or wrong.
fn command() -> impl Strategy<Value = String> {
    let roles = || list("rolename");
    let pair = |commands: &'static [&'static str], one: &'static str, other: &'static str| {
        (select(commands), name(), name(), priority()).prop_map(move |(command, first, second, priority)| {
            format!(r#""{command}","{one}":"{first}","{other}":"{second}","priority":{priority}"#)
        })
    };
    let one = |commands: &'static [&'static str], member: &'static str| {
        (select(commands), name())
            .prop_map(move |(command, name)| format!(r#""{command}","{member}":"{name}""#))
    };
    prop_oneof![
        (name(), list("groupname"), roles()).prop_map(|(name, groups, roles)| format!(
            r#""createClient","username":"{name}","password":"p","groups":[{groups}],"roles":[{roles}]"#
        )),
        (name(), list("groupname"), roles()).prop_map(|(name, groups, roles)| format!(
            r#""modifyClient","username":"{name}","groups":[{groups}],"roles":[{roles}]"#
        )),
        (name(), list("username"), roles()).prop_map(|(name, clients, roles)| format!(
            r#""modifyGroup","groupname":"{name}","clients":[{clients}],"roles":[{roles}]"#
        )),
        (name(), vec(rule(), 0..6), any::<bool>()).prop_map(|(name, entries, wild)| {
            let entries: Vec<String> = entries.into_iter().map(|rule| format!("{{{rule}}}")).collect();
            let acls = entries.join(",");
            format!(r#""createRole","rolename":"{name}","allowwildcardsubs":{wild},"acls":[{acls}]"#)
        }),
        (select(&["addRoleACL", "removeRoleACL"][..]), name(), rule())
            .prop_map(|(command, name, rule)| format!(r#""{command}","rolename":"{name}",{rule}"#)),
        pair(&["addClientRole", "removeClientRole"], "username", "rolename"),
        pair(&["addGroupRole", "removeGroupRole"], "groupname", "rolename"),
        pair(&["addGroupClient", "removeGroupClient"], "groupname", "username"),
        one(&["createGroup", "deleteGroup", "setAnonymousGroup", "createGroup"], "groupname"),
        one(&["deleteRole"], "rolename"),
        one(&["deleteClient", "disableClient", "enableClient"], "username"),
        (select(&["publishClientSend", "subscribe", "unsubscribe"][..]), any::<bool>()).prop_map(
            |(kind, allow)| format!(
                r#""setDefaultACLAccess","acls":[{{"acltype":"{kind}","allow":{allow}}}]"#
            )
        ),
    ]
}

fn run(commands: &[String]) -> DynamicSecurity {
    let mut security = DynamicSecurity::default();
    let requester = Requester { client_id: "c", user_name: Some("admin") };
    for command in commands {
        let request = format!(r#"{{"commands":[{{"command":{command}}}]}}"#);
        let before = security.clone();
        let outcome = security.handle(request.as_bytes(), requester, &mut Hash, &Nobody);
        let has_failed = outcome.response.windows(7).any(|text| text == b"\"error\"");
        assert_eq!(outcome.changed, !has_failed, "{command}");
        if has_failed {
            assert_eq!(security, before, "{command}");
            assert!(outcome.kicked.is_empty(), "{command}");
        }
        links_hold(&security);
    }
    security
}

/// What refers to something refers to something that exists, and both sides know.
fn links_hold(security: &DynamicSecurity) {
    assert!(security.anonymous_group().is_none_or(|name| security.group(name).is_some()));
    for name in NAMES {
        if let Some(client) = security.client(name) {
            assert!(client.roles.iter().all(|role| security.role(&role.name).is_some()));
            for group in &client.groups {
                assert!(security.group(&group.name).is_some_and(|group| group.clients.contains(name)));
            }
        }
        if let Some(group) = security.group(name) {
            assert!(group.roles.iter().all(|role| security.role(&role.name).is_some()));
            for user_name in &group.clients {
                assert!(security.client(user_name).is_some_and(|client| client.groups.contains(name)));
            }
        }
    }
}

/// The reference: substitutes first, then compares level by level from behind.
fn reference_matches(pattern: &str, topic: &str, who: Identity<'_>) -> bool {
    if topic.starts_with('$') && (pattern.starts_with('+') || pattern.starts_with('#')) {
        return false;
    }
    let substituted: Option<Vec<String>> = pattern
        .split('/')
        .map(|level| {
            let value = match level {
                "%c" => Some(who.client_id),
                "%u" => who.user_name,
                other => return Some(other.to_owned()),
            };
            value.filter(|value| !value.contains(['+', '#', '/'])).map(|value| format!("={value}"))
        })
        .collect();
    let Some(pattern) = substituted else { return false };
    let pattern: Vec<&str> = pattern.iter().map(String::as_str).collect();
    let topic: Vec<&str> = topic.split('/').collect();
    levels_match(&pattern, &topic)
}

fn levels_match(pattern: &[&str], topic: &[&str]) -> bool {
    match (pattern, topic) {
        ([], []) | (["#"], _) => true,
        (["+", pattern @ ..], [level, topic @ ..]) => *level != "#" && levels_match(pattern, topic),
        (["#", ..] | [], _) | (_, []) => false,
        ([wanted, pattern @ ..], [level, topic @ ..]) => {
            wanted.strip_prefix('=').unwrap_or(wanted) == *level && levels_match(pattern, topic)
        }
    }
}

fn reference_role(role: &Role, action: Action, topic: &str, who: Identity<'_>) -> Option<bool> {
    let has_wildcard = topic.contains('+') || topic.contains('#');
    if action == Action::Subscribe && has_wildcard && !role.allow_wildcard_subscriptions {
        return Some(false);
    }
    let kinds: &[&str] = match action {
        Action::Publish => &KINDS[0..1],
        Action::Receive => &KINDS[1..2],
        Action::Subscribe => &KINDS[2..4],
        Action::Unsubscribe => &KINDS[4..6],
    };
    kinds.iter().find_map(|kind| {
        let rules = role.acls().iter().filter(|acl| acl.kind.name() == *kind);
        let mut matching: Vec<_> = rules
            .filter(|acl| {
                let is_literal = kind.ends_with("Literal");
                if is_literal { acl.topic == topic } else { reference_matches(&acl.topic, topic, who) }
            })
            .collect();
        matching.sort_by_key(|acl| -acl.priority);
        matching.first().map(|acl| acl.allow)
    })
}

fn reference(security: &DynamicSecurity, who: Identity<'_>, action: Action, topic: &str) -> bool {
    let group_roles = |name: &str| -> Vec<String> {
        let group = security.group(name).expect("links hold");
        group.roles.iter().map(|role| role.name.clone()).collect()
    };
    let roles = match who.user_name.map(|name| security.client(name)) {
        None => security.anonymous_group().map(group_roles).unwrap_or_default(),
        Some(None) => return false,
        Some(Some(Client { roles, groups, .. })) => {
            let own = roles.iter().map(|role| role.name.clone());
            own.chain(groups.iter().flat_map(|group| group_roles(&group.name))).collect()
        }
    };
    let access = security.default_access();
    let default = match action {
        Action::Publish => access.publish_client_send,
        Action::Receive => access.publish_client_receive,
        Action::Subscribe => access.subscribe,
        Action::Unsubscribe => access.unsubscribe,
    };
    let said = roles.iter().find_map(|name| reference_role(security.role(name)?, action, topic, who));
    said.unwrap_or(default)
}

fn question() -> impl Strategy<Value = (Option<&'static str>, &'static str, String)> {
    let user_name = prop_oneof![4 => name().prop_map(Some), 1 => Just(None), 1 => Just(Some("nobody"))];
    (user_name, select(vec!["a", "b", "+", "#", "a/b", "$x"]), topic())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn rules_say_what_the_reference_says(
        commands in vec(command(), 20..80),
        questions in vec(question(), 40),
    ) {
        let security = run(&commands);
        let rules = security.rules();
        for (user_name, client_id, topic) in &questions {
            let who = Identity { user_name: *user_name, client_id };
            for action in ACTIONS {
                let expected = reference(&security, who, action, topic);
                prop_assert_eq!(rules.allows(who, action, topic), expected, "{:?} {:?} {}", who, action, topic);
            }
            let client = user_name.and_then(|name| security.client(name));
            let login = match client {
                None => Login::Unknown,
                Some(client) if client.disabled || client.password.is_none() => Login::Refuse,
                Some(_) => Login::Compare("$7$hash".into()),
            };
            prop_assert_eq!(rules.login(who), login);
        }
    }

    #[test]
    fn what_is_written_is_read_again(commands in vec(command(), 0..80)) {
        let security = run(&commands);
        let (read, remarks) = DynamicSecurity::read(&security.to_file()).unwrap();
        prop_assert_eq!(remarks, []);
        prop_assert_eq!(read, security);
    }

    #[test]
    fn bytes_of_any_kind_are_answered(request in vec(any::<u8>(), 0..200), file in vec(any::<u8>(), 0..200)) {
        let _ = DynamicSecurity::read(&file);
        let mut security = DynamicSecurity::default();
        let requester = Requester { client_id: "c", user_name: None };
        let outcome = security.handle(&request, requester, &mut Hash, &Nobody);
        prop_assert!(outcome.response.starts_with(b"{\"responses\":["), "no answer");
        prop_assert!(!outcome.changed);
    }

    #[test]
    fn damaged_requests_are_answered(
        commands in vec(command(), 1..4),
        damage in vec((any::<prop::sample::Index>(), select(b"{}[]\",:x0\\\xff".to_vec())), 0..4),
    ) {
        let entries: Vec<String> = commands.iter().map(|members| format!(r#"{{"command":{members}}}"#)).collect();
        let mut request = format!(r#"{{"commands":[{}]}}"#, entries.join(",")).into_bytes();
        for (place, byte) in damage {
            let place = place.index(request.len());
            request[place] = byte;
        }
        let mut security = DynamicSecurity::default();
        let requester = Requester { client_id: "c", user_name: None };
        let outcome = security.handle(&request, requester, &mut Hash, &Nobody);
        prop_assert!(outcome.response.ends_with(b"]}"), "no answer");
        let (read, _) = DynamicSecurity::read(&security.to_file()).unwrap();
        prop_assert_eq!(read, security);
        let _ = DynamicSecurity::read(&request);
    }
}
