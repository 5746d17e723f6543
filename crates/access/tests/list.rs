//! Access control lists: what lines mean, and which of them counts.

use martlet_access::{AccessList, Action, FileError, Problem, Who};
use martlet_wire::{TopicFilter, TopicName};
use proptest::prelude::*;

/// Who asks: the Client Identifier, and the user name or nothing.
type Name<'a> = (&'a str, &'a str);

const ANONYMOUS: Name<'static> = ("me", "");
const JOE: Name<'static> = ("me", "joe");
const ANN: Name<'static> = ("me", "ann");

fn parse(text: &str) -> AccessList {
    AccessList::parse(text.as_bytes()).expect("a good list")
}

fn who((client_identifier, user_name): Name<'_>) -> Who<'_> {
    Who { client_identifier, user_name: Some(user_name).filter(|name| !name.is_empty()) }
}

/// Checks who may write to which topics, and by which lines.
fn check(text: &str, table: &[(Name<'_>, &str, bool, Option<u32>)]) {
    let list = parse(text);
    for (name, topic, is_allowed, line) in table {
        let ruling = list.ruling(who(*name), Action::Write, topic);
        assert_eq!((ruling.is_allowed, ruling.line), (*is_allowed, *line), "{name:?} {topic} in {text:?}");
    }
}

#[test]
fn lines_are_for_anonymous_clients_until_a_user_is_named() {
    let text = "topic a\nuser joe\ntopic b\nuser  ann smith \r\ntopic c\r\n";
    check(
        text,
        &[
            (ANONYMOUS, "a", true, Some(1)),
            (ANONYMOUS, "b", false, None),
            (JOE, "a", false, None),
            (JOE, "b", true, Some(3)),
            (("me", "ann smith"), "c", true, Some(5)),
            (ANN, "a", false, None),
            (ANN, "c", false, None),
        ],
    );
}

#[test]
fn the_lines_of_a_user_may_stand_apart() {
    let text = "user joe\ntopic a\nuser ann\ntopic b\nuser joe\ntopic c\n";
    check(text, &[(JOE, "a", true, Some(2)), (JOE, "c", true, Some(6)), (ANN, "c", false, None)]);
}

#[test]
fn kinds_of_access() {
    let list = parse("topic read r\ntopic write w\ntopic readwrite b\ntopic n\ntopic deny d\n");
    let table =
        [("r", true, false), ("w", false, true), ("b", true, true), ("n", true, true), ("d", false, false)];
    for (topic, reads, writes) in table {
        assert_eq!(list.allows(who(ANONYMOUS), Action::Read, topic), reads, "{topic}");
        assert_eq!(list.allows(who(ANONYMOUS), Action::Write, topic), writes, "{topic}");
    }
}

#[test]
fn a_denial_counts_before_a_grant_wherever_it_stands() {
    let text = "topic a/#\ntopic deny a/x\ntopic deny b/#\ntopic b/c\n";
    check(
        text,
        &[
            (ANONYMOUS, "a", true, Some(1)),
            (ANONYMOUS, "a/y", true, Some(1)),
            (ANONYMOUS, "a/x", false, Some(2)),
            (ANONYMOUS, "a/x/y", true, Some(1)),
            (ANONYMOUS, "b/c", false, Some(3)),
            (ANONYMOUS, "b", false, Some(3)),
        ],
    );
}

#[test]
fn topics_count_before_patterns() {
    let text = "topic deny d\nuser joe\ntopic a/#\npattern deny a/%u/t\npattern write a/%u/#\npattern d\n";
    check(
        text,
        &[
            (JOE, "a/joe/t", true, Some(3)),
            (ANN, "a/ann/t", false, Some(4)),
            (ANN, "a/ann/u", true, Some(5)),
            (ANN, "a/joe/u", false, None),
            (JOE, "d", true, Some(6)),
            (ANONYMOUS, "d", false, Some(1)),
        ],
    );
}

#[test]
fn names_stand_for_whole_levels() {
    let text = "pattern a%c/b\npattern x/%c%u\npattern p/%c/%u/%c\npattern y/%c/#\ntopic q/%c\n";
    check(
        text,
        &[
            (JOE, "ame/b", false, None),
            (JOE, "a%c/b", true, Some(1)),
            (JOE, "x/mejoe", false, None),
            (JOE, "p/me/joe/me", true, Some(3)),
            (ANONYMOUS, "p/me//me", false, None),
            (JOE, "y/me", true, Some(4)),
            (JOE, "y/me/z", true, Some(4)),
            (JOE, "y/you/z", false, None),
            (("m/e", "joe"), "y/m/e", false, None),
            (ANONYMOUS, "q/me", false, None),
            (ANONYMOUS, "q/%c", true, Some(5)),
        ],
    );
}

#[test]
fn who_has_a_wildcard_for_a_name_has_no_patterns() {
    let text = "topic t\nuser a+\ntopic t\npattern f\npattern d/%c\n";
    check(
        text,
        &[
            (("m+", ""), "t", true, Some(1)),
            (("m+", ""), "f", false, None),
            (("m#", ""), "f", false, None),
            (("me", "a+"), "t", true, Some(3)),
            (("me", "a+"), "d/me", false, None),
            (("me", "a#"), "f", false, None),
            (("me", "a/b"), "f", true, Some(4)),
        ],
    );
}

#[test]
fn wildcards_do_not_reach_hidden_topics() {
    let text = "topic #\ntopic +/x\npattern $SYS/broker/connection/%c/state\npattern +/%c/z\n";
    check(
        text,
        &[
            (ANONYMOUS, "a/b", true, Some(1)),
            (ANONYMOUS, "$a/x", false, None),
            (ANONYMOUS, "$SYS/broker/connection/me/state", true, Some(3)),
            (ANONYMOUS, "$SYS/broker/connection/you/state", false, None),
            (JOE, "y/me/z", true, Some(4)),
            (JOE, "$y/me/z", false, None),
        ],
    );
}

#[test]
fn a_list_without_rules_allows_nothing() {
    for text in ["", "# nothing\n", "user joe\n", "\r\n\n"] {
        check(text, &[(ANONYMOUS, "a", false, None), (JOE, "a", false, None)]);
    }
}

#[test]
fn blanks() {
    let text = " topic read a\ntopic  write   b/c  \ntopic deny d e f\ntopic read \nuser   joe  \r\ntopic readwrite  \t x\n";
    let list = parse(text);
    assert!(list.allows(who(ANONYMOUS), Action::Read, "a"));
    assert!(list.allows(who(ANONYMOUS), Action::Write, "b/c"));
    assert_eq!(list.ruling(who(ANONYMOUS), Action::Read, "d e f").line, Some(3));
    assert!(list.allows(who(ANONYMOUS), Action::Write, "read"), "`read` is a topic where nothing follows");
    assert!(list.allows(who(JOE), Action::Write, "x"));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let deep = "a/".repeat(300);
    let table = [
        ("topic a#", Problem::NotAFilter("a#".into())),
        ("topic a/+b", Problem::NotAFilter("a/+b".into())),
        ("pattern read %c/#/x", Problem::NotAFilter("%c/#/x".into())),
        (&format!("topic read {deep}"), Problem::NotAFilter(deep.clone())),
        ("topic a b", Problem::UnknownAccess("a".into())),
        ("topic Read a", Problem::UnknownAccess("Read".into())),
        ("topic", Problem::NoTopic),
        ("pattern  ", Problem::NoTopic),
        ("user", Problem::NoUser),
        ("user  ", Problem::NoUser),
        ("topics a", Problem::UnknownWord("topics".into())),
        ("TOPIC a", Problem::UnknownWord("TOPIC".into())),
        ("topic\ta", Problem::UnknownWord("topic\ta".into())),
    ];
    for (line, problem) in table {
        let text = format!("# a comment\n\n{line}\n");
        let error = AccessList::parse(text.as_bytes()).expect_err(line);
        assert_eq!(error, FileError { line: 3, problem }, "{line}");
    }
    let error = AccessList::parse(b"topic \xff\n").expect_err("no text");
    assert_eq!(error.problem, Problem::NoText);
}

#[test]
fn messages_name_what_is_wrong() {
    let error = |text: &str| AccessList::parse(text.as_bytes()).expect_err(text);
    let table = [
        ("topic a#", "line 1: `a#` is no Topic Filter", "Error: Invalid ACL topic \"a#\" in acl_file \"f\"."),
        (
            "frob a",
            "line 1: `frob` is neither `user`, `topic` nor `pattern`",
            "Error: Invalid line in acl_file \"f\": frob.",
        ),
        ("user", "line 1: `user` wants a user name", "Error: Missing username in acl_file \"f\"."),
        ("topic", "line 1: a topic is missing", "Error: Empty topic in acl_file \"f\"."),
        (
            "topic x y",
            "line 1: `x` is neither `read`, `write`, `readwrite` nor `deny`",
            "Error: Invalid topic access type \"x\" in acl_file \"f\".",
        ),
    ];
    for (text, own, mosquittos) in table {
        assert_eq!(error(text).to_string(), own);
        assert_eq!(error(text).of_mosquittos_list("f"), mosquittos);
    }
}

#[test]
fn a_pattern_without_a_name_is_noticed() {
    let list = parse("pattern a/%c\npattern read a/b\npattern x%u\n");
    assert_eq!(list.plain_patterns(), [(2, "a/b".to_owned())]);
}

/// What the tree of rules has to answer, found line by line.
fn naive(rules: &[(bool, String)], topic: &str) -> bool {
    let speaks = |filter: &String| {
        let filter = TopicFilter::parse(filter).expect("a filter");
        filter.matches(TopicName::parse(topic).expect("a topic"))
    };
    let any = |deny: bool| rules.iter().any(|(denies, filter)| *denies == deny && speaks(filter));
    !any(true) && any(false)
}

proptest! {
    #[test]
    fn the_tree_answers_like_the_lines_one_by_one(
        rules in prop::collection::vec((any::<bool>(), prop::collection::vec("[ab+$]", 1..4), any::<bool>()), 0..8),
        topic in prop::collection::vec("[ab$]", 1..4),
    ) {
        let rules: Vec<(bool, String)> = rules
            .into_iter()
            .map(|(deny, levels, below)| (deny, levels.join("/") + if below { "/#" } else { "" }))
            .collect();
        let topic = topic.join("/");
        let line = |(deny, filter): &(bool, String)| format!("topic {} {filter}\n", if *deny { "deny" } else { "readwrite" });
        let list = parse(&rules.iter().map(line).collect::<String>());
        prop_assert_eq!(list.allows(who(ANONYMOUS), Action::Write, &topic), naive(&rules, &topic));
    }
}

#[test]
fn all_wrong_lines_are_told_and_the_others_count() {
    let text = "user joe\ntopics a\ntopic a\nuser\ntopic read\ttrite b/#/c\nuser ann\n";
    let (list, errors) = AccessList::parse_all(text.as_bytes());
    assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 4, 5]);
    assert_eq!(list.users().collect::<Vec<_>>(), [(1, "joe"), (6, "ann")]);
    assert!(list.allows(who(JOE), Action::Write, "a"));
}
