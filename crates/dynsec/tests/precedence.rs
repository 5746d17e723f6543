//! Which rule decides where several could: each case was asked of Mosquitto 2.1.2 too.

use martlet_dynsec::{Action, DynamicSecurity, Identity};

const WHO: Identity<'_> = Identity { user_name: Some("u"), client_id: "c" };

/// A rule: kind, topic, priority, whether it allows.
type Rule = (&'static str, &'static str, i32, bool);
/// Priority and rules of a role.
type Role<'a> = (i32, &'a [Rule]);

const SEND: &str = "publishClientSend";
const LITERAL: &str = "subscribeLiteral";
const PATTERN: &str = "subscribePattern";

/// A client with roles of its own, and groups with a priority and one role each.
fn allows(
    own: &[Role<'_>],
    groups: &[(i32, Role<'_>)],
    wildcards: bool,
    action: Action,
    topic: &str,
) -> bool {
    let mut roles = Vec::new();
    let mut add = |name: String, (priority, rules): Role<'_>| {
        let acls: Vec<String> = rules
            .iter()
            .map(|(kind, topic, priority, allow)| {
                format!(r#"{{"acltype":"{kind}","topic":"{topic}","priority":{priority},"allow":{allow}}}"#)
            })
            .collect();
        let acls = acls.join(",");
        roles.push(format!(r#"{{"rolename":"{name}","allowwildcardsubs":{wildcards},"acls":[{acls}]}}"#));
        format!(r#"{{"rolename":"{name}","priority":{priority}}}"#)
    };
    let own: Vec<String> =
        own.iter().enumerate().map(|(number, role)| add(format!("own{number}"), *role)).collect();
    let groups: Vec<String> = groups
        .iter()
        .enumerate()
        .map(|(number, (priority, role))| {
            let role = add(format!("group{number}"), *role);
            let client = format!(r#"{{"username":"u","priority":{priority}}}"#);
            format!(r#"{{"groupname":"g{number}","roles":[{role}],"clients":[{client}]}}"#)
        })
        .collect();
    let file = format!(
        r#"{{"clients":[{{"username":"u","roles":[{}]}}],"groups":[{}],"roles":[{}]}}"#,
        own.join(","),
        groups.join(","),
        roles.join(",")
    );
    let (security, remarks) = DynamicSecurity::read(file.as_bytes()).expect("it is JSON");
    assert_eq!(remarks, []);
    security.rules().allows(WHO, action, topic)
}

#[test]
fn within_a_role_priority_decides_and_then_age() {
    let publish = |rules: &[Rule]| allows(&[(0, rules)], &[], true, Action::Publish, "a");
    assert!(!publish(&[(SEND, "#", 0, false), (SEND, "a", 0, true)]));
    assert!(publish(&[(SEND, "a", 0, true), (SEND, "#", 0, false)]));
    assert!(publish(&[(SEND, "#", 1, false), (SEND, "a", 2, true)]));
}

#[test]
fn among_roles_their_priority_decides_and_then_their_names() {
    let allow: &[Rule] = &[(SEND, "a", 99, true)];
    let deny: &[Rule] = &[(SEND, "a", 0, false)];
    assert!(!allows(&[(1, allow), (2, deny)], &[], true, Action::Publish, "a"));
    assert!(allows(&[(1, allow), (1, deny)], &[], true, Action::Publish, "a"));
    assert!(!allows(&[(1, deny), (1, allow)], &[], true, Action::Publish, "a"));
}

#[test]
fn own_roles_come_before_those_of_groups_and_groups_in_their_order() {
    let allow: &[Rule] = &[(SEND, "a", 0, true)];
    let deny: &[Rule] = &[(SEND, "a", 0, false)];
    assert!(allows(&[(-1, allow)], &[(100, (100, deny))], true, Action::Publish, "a"));
    assert!(!allows(&[], &[(1, (100, allow)), (2, (0, deny))], true, Action::Publish, "a"));
    assert!(allows(&[], &[(1, (1, allow)), (1, (1, deny))], true, Action::Publish, "a"));
}

#[test]
fn a_literal_rule_comes_before_all_patterns_of_its_role() {
    let role: &[Rule] = &[(LITERAL, "a", 1, true), (PATTERN, "#", 9, false)];
    assert!(allows(&[(0, role)], &[], true, Action::Subscribe, "a"));
    assert!(!allows(&[(0, role)], &[], true, Action::Subscribe, "b"));
    let low: &[Rule] = &[(LITERAL, "a", 0, false)];
    let high: &[Rule] = &[(PATTERN, "#", 0, true)];
    assert!(allows(&[(1, low), (2, high)], &[], true, Action::Subscribe, "a"));
}

#[test]
fn a_literal_rule_means_the_whole_text() {
    let role: &[Rule] =
        &[(LITERAL, "a/#", 0, true), (LITERAL, "$share/g/b", 0, true), (LITERAL, "%c", 0, true)];
    let subscribe = |topic| allows(&[(0, role)], &[], true, Action::Subscribe, topic);
    assert!(subscribe("a/#") && subscribe("$share/g/b") && subscribe("%c"));
    assert!(!subscribe("a/b") && !subscribe("b") && !subscribe("c"));
}

#[test]
fn a_role_without_wildcards_denies_them_whatever_others_say() {
    let all: &[Rule] = &[(PATTERN, "#", 0, true)];
    assert!(allows(&[(0, all)], &[], false, Action::Subscribe, "a"));
    assert!(!allows(&[(0, all)], &[], false, Action::Subscribe, "a/+"));
    assert!(!allows(&[(2, &[])], &[(1, (0, all))], false, Action::Subscribe, "#"));
    assert!(!allows(&[(0, &[(LITERAL, "a/#", 0, true)])], &[], false, Action::Subscribe, "a/#"));
}

#[test]
fn a_denied_topic_does_not_deny_filters_that_contain_it() {
    let role: &[Rule] = &[(PATTERN, "a/b", 5, false), (PATTERN, "#", 0, true)];
    let subscribe = |topic| allows(&[(0, role)], &[], true, Action::Subscribe, topic);
    assert!(!subscribe("a/b") && subscribe("a/+") && subscribe("#"));
}

#[test]
fn without_roles_and_defaults_nothing_is_allowed() {
    for action in [Action::Publish, Action::Receive, Action::Subscribe, Action::Unsubscribe] {
        assert!(!allows(&[], &[], true, action, "a"));
    }
}
