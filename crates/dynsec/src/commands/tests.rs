use super::*;
use crate::limits::{ACLS_PER_ROLE_MAX, RANKING_MAX, TEXT_BYTES_MAX};
use crate::rules::{Identity, Login};

/// The hash of a password is the password, and without randomness there is none.
struct Plain {
    works: bool,
}

impl PasswordHasher for Plain {
    fn hash(&mut self, password: &[u8]) -> Option<String> {
        self.works.then(|| format!("$7${}", String::from_utf8_lossy(password)))
    }
}

struct Nobody;

impl Connections for Nobody {
    fn addresses(&self, _user_name: &str) -> Vec<String> {
        Vec::new()
    }
}

fn handle(security: &mut DynamicSecurity, request: &str) -> Outcome {
    let requester = Requester { client_id: "c", user_name: None };
    security.handle(request.as_bytes(), requester, &mut Plain { works: true }, &Nobody)
}

fn command(security: &mut DynamicSecurity, members: &str) -> Outcome {
    handle(security, &format!(r#"{{"commands":[{{"command":{members}}}]}}"#))
}

fn response(outcome: &Outcome) -> &str {
    core::str::from_utf8(&outcome.response).unwrap()
}

fn kicked(security: &mut DynamicSecurity, members: &str) -> String {
    let outcome = command(security, members);
    let anonymous = outcome.kicked.anonymous.then_some("nobody");
    let names = outcome.kicked.user_names.iter().map(String::as_str);
    names.chain(anonymous).collect::<Vec<_>>().join(" ")
}

/// `direct` has role `r`, `member` is in group `g` with role `gr`, clients without a name are in `a` with role `ar`, and
/// `other` has nothing.
fn populated() -> DynamicSecurity {
    let mut security = DynamicSecurity::default();
    let outcome = handle(
        &mut security,
        r#"{"commands":[
            {"command":"createRole","rolename":"r"},
            {"command":"createRole","rolename":"gr"},
            {"command":"createRole","rolename":"ar"},
            {"command":"createRole","rolename":"free"},
            {"command":"createGroup","groupname":"g","roles":[{"rolename":"gr"}]},
            {"command":"createGroup","groupname":"a","roles":[{"rolename":"ar"}]},
            {"command":"createGroup","groupname":"empty"},
            {"command":"setAnonymousGroup","groupname":"a"},
            {"command":"createClient","username":"direct","password":"p","roles":[{"rolename":"r"}]},
            {"command":"createClient","username":"member","password":"p","groups":[{"groupname":"g"}]},
            {"command":"createClient","username":"other","password":"p"}
        ]}"#,
    );
    assert!(!response(&outcome).contains("error"), "{}", response(&outcome));
    security
}

#[test]
fn who_has_to_be_disconnected() {
    for (members, expected) in [
        (r#""getDetails""#, ""),
        (r#""createClient","username":"new""#, ""),
        (r#""setClientId","username":"other","clientid":"x""#, "other"),
        (r#""setClientPassword","username":"other","password":"x""#, "other"),
        (r#""modifyClient","username":"other""#, "other"),
        (r#""modifyClient","username":"other","groups":[{"groupname":"nope"}]"#, ""),
        (r#""disableClient","username":"other""#, "other"),
        (r#""enableClient","username":"other""#, ""),
        (r#""deleteClient","username":"other""#, "other"),
        (r#""addClientRole","username":"other","rolename":"free""#, "other"),
        (r#""removeClientRole","username":"other","rolename":"free""#, "other"),
        (r#""addGroupClient","username":"other","groupname":"empty""#, "other"),
        (r#""removeGroupClient","username":"other","groupname":"empty""#, "other"),
        (r#""addGroupRole","groupname":"g","rolename":"free""#, "member"),
        (r#""removeGroupRole","groupname":"g","rolename":"free""#, "member"),
        (r#""addGroupRole","groupname":"a","rolename":"free""#, "nobody"),
        (r#""addGroupRole","groupname":"empty","rolename":"free""#, ""),
        (r#""modifyGroup","groupname":"g","textname":"x""#, "member"),
        (r#""modifyGroup","groupname":"g","clients":[{"username":"other"}]"#, "member other"),
        (r#""modifyGroup","groupname":"a""#, "nobody"),
        (r#""deleteGroup","groupname":"g""#, "member"),
        (r#""setAnonymousGroup","groupname":"empty""#, "nobody"),
        (r#""addRoleACL","rolename":"r","acltype":"subscribeLiteral","topic":"a""#, "direct"),
        (r#""addRoleACL","rolename":"gr","acltype":"subscribeLiteral","topic":"a""#, "member"),
        (r#""addRoleACL","rolename":"ar","acltype":"subscribeLiteral","topic":"a""#, "nobody"),
        (r#""addRoleACL","rolename":"free","acltype":"subscribeLiteral","topic":"a""#, ""),
        (r#""removeRoleACL","rolename":"r","acltype":"subscribeLiteral","topic":"a""#, ""),
        (r#""modifyRole","rolename":"r","textname":"x""#, ""),
        (r#""modifyRole","rolename":"r","allowwildcardsubs":true"#, ""),
        (r#""modifyRole","rolename":"r","allowwildcardsubs":false"#, "direct"),
        (r#""modifyRole","rolename":"gr","acls":[]"#, "member"),
        (r#""deleteRole","rolename":"r""#, "direct"),
        (r#""deleteRole","rolename":"ar""#, "nobody"),
        (r#""setDefaultACLAccess","acls":[{"acltype":"subscribe","allow":true}]"#, ""),
    ] {
        assert_eq!(kicked(&mut populated(), members), expected, "{members}");
    }
}

#[test]
fn what_is_removed_is_removed_everywhere() {
    let mut security = populated();
    command(&mut security, r#""deleteRole","rolename":"r""#);
    command(&mut security, r#""deleteRole","rolename":"gr""#);
    assert!(!security.client("direct").unwrap().roles.contains("r"));
    assert!(!security.group("g").unwrap().roles.contains("gr"));
    command(&mut security, r#""deleteGroup","groupname":"g""#);
    assert!(!security.client("member").unwrap().groups.contains("g"));
    command(&mut security, r#""addGroupClient","groupname":"empty","username":"member""#);
    command(&mut security, r#""deleteClient","username":"member""#);
    assert!(security.group("empty").unwrap().clients.is_empty());
}

#[test]
fn a_password_lets_in_until_it_is_changed() {
    let mut security = populated();
    let login = |security: &DynamicSecurity, user_name| {
        security.rules().login(Identity { user_name: Some(user_name), client_id: "c" })
    };
    assert_eq!(login(&security, "other"), Login::Compare("$7$p".into()));
    command(&mut security, r#""modifyClient","username":"other","password":"""#);
    assert_eq!(login(&security, "other"), Login::Compare("$7$p".into()));
    command(&mut security, r#""modifyClient","username":"other","password":"q""#);
    assert_eq!(login(&security, "other"), Login::Compare("$7$q".into()));
    command(&mut security, r#""createClient","username":"silent","password":"""#);
    assert_eq!(login(&security, "silent"), Login::Refuse);
    command(&mut security, r#""setClientId","username":"other","clientid":"x""#);
    assert_eq!(login(&security, "other"), Login::Refuse);
    command(&mut security, r#""setClientId","username":"other","clientid":"c""#);
    command(&mut security, r#""disableClient","username":"other""#);
    assert_eq!(login(&security, "other"), Login::Refuse);
    command(&mut security, r#""deleteClient","username":"other""#);
    assert_eq!(login(&security, "other"), Login::Unknown);
    assert_eq!(login(&security, ""), Login::Unknown);
}

#[test]
fn without_a_hash_nothing_is_changed() {
    let mut security = populated();
    let before = security.clone();
    for members in [
        r#""createClient","username":"new","password":"x""#,
        r#""setClientPassword","username":"other","password":"x""#,
        r#""modifyClient","username":"other","password":"x","textname":"x""#,
    ] {
        let request = format!(r#"{{"commands":[{{"command":{members}}}]}}"#);
        let requester = Requester { client_id: "c", user_name: None };
        let outcome = security.handle(request.as_bytes(), requester, &mut Plain { works: false }, &Nobody);
        assert!(response(&outcome).contains("Unable to hash the password"));
        assert!(!outcome.changed && outcome.kicked.is_empty() && outcome.log.is_empty());
        assert_eq!(security, before);
    }
}

#[test]
fn an_empty_request_is_no_json() {
    let outcome = handle(&mut DynamicSecurity::default(), "");
    let expected = r#"{"responses":[{"command":"Unknown command","error":"Payload not valid JSON"}]}"#;
    assert_eq!(response(&outcome), expected);
}

#[test]
fn the_log_says_who_asked_and_no_password() {
    let mut security = DynamicSecurity::default();
    let outcome = command(&mut security, r#""createClient","username":"u","password":"secret""#);
    assert_eq!(outcome.log, ["dynsec: c/(null) | createClient | username=u | password=*****"]);
}

#[test]
fn commands_beyond_the_bound_are_not_done() {
    let mut security = DynamicSecurity::default();
    let commands = vec![r#"{"command":"setDefaultACLAccess","acls":[]}"#; COMMANDS_PER_REQUEST_MAX + 2];
    let outcome = handle(&mut security, &format!(r#"{{"commands":[{}]}}"#, commands.join(",")));
    assert_eq!(security.change_index(), COMMANDS_PER_REQUEST_MAX as u64);
    let end = r#",{"command":"Unknown command","error":"Too many commands"}]}"#;
    assert!(response(&outcome).ends_with(end));
}

#[test]
fn an_answer_has_a_bound() {
    let mut security = DynamicSecurity::default();
    let name = "n".repeat(60_000);
    command(&mut security, &format!(r#""createGroup","groupname":"{name}""#));
    let commands = vec![r#"{"command":"listGroups"}"#; 300];
    let outcome = handle(&mut security, &format!(r#"{{"commands":[{}]}}"#, commands.join(",")));
    assert!(outcome.response.len() < RESPONSE_BYTES_MAX + 100_000);
    assert!(response(&outcome).ends_with(r#"{"command":"listGroups","error":"Response is too large"}]}"#));
}

#[test]
fn texts_rules_and_roles_have_bounds() {
    let mut security = populated();
    let text = "x".repeat(TEXT_BYTES_MAX + 1);
    let outcome = command(&mut security, &format!(r#""modifyGroup","groupname":"g","textname":"{text}""#));
    assert!(response(&outcome).contains("Text is too long"));

    let entries: Vec<String> = (0..=ACLS_PER_ROLE_MAX)
        .map(|number| format!(r#"{{"acltype":"subscribeLiteral","topic":"{number}"}}"#))
        .collect();
    command(&mut security, &format!(r#""modifyRole","rolename":"r","acls":[{}]"#, entries.join(",")));
    assert_eq!(security.role("r").unwrap().acls().len(), ACLS_PER_ROLE_MAX);
    let outcome =
        command(&mut security, r#""addRoleACL","rolename":"r","acltype":"subscribeLiteral","topic":"more""#);
    assert!(response(&outcome).contains("ACL is one too many"));

    for number in 0..=RANKING_MAX {
        command(&mut security, &format!(r#""createRole","rolename":"many{number}""#));
    }
    let entries: Vec<String> =
        (0..=RANKING_MAX).map(|number| format!(r#"{{"rolename":"many{number}"}}"#)).collect();
    let roles = entries.join(",");
    let outcome = command(&mut security, &format!(r#""modifyClient","username":"other","roles":[{roles}]"#));
    assert!(response(&outcome).contains("Role is one too many"));
}
