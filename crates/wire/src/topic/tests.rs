use super::*;

fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::parse(text).unwrap()
}

fn name(text: &str) -> TopicName<'_> {
    TopicName::parse(text).unwrap()
}

/// Topic Filter, Topic Name, whether they match: the examples of section 4.7, and more.
const MATCHES: [(&str, &str, bool); 62] = [
    ("a", "a", true),
    ("a", "b", false),
    ("a", "A", false),
    ("a", "a/", false),
    ("a/", "a", false),
    ("/a", "a", false),
    ("a", "/a", false),
    ("a/b", "a/b", true),
    ("a/b", "a/b/c", false),
    ("a/b/c", "a/b", false),
    ("/", "/", true),
    ("//", "//", true),
    ("//", "/", false),
    ("sport/tennis/player1/#", "sport/tennis/player1", true),
    ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
    ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
    ("sport/tennis/player1/#", "sport/tennis/player2", false),
    ("sport/tennis/player1/#", "sport/tennis/player10", false),
    ("sport/#", "sport", true),
    ("sport/#", "sport/", true),
    ("sport/#", "sports", false),
    ("sport/#", "/sport", false),
    ("sport/tennis/+", "sport/tennis/player1", true),
    ("sport/tennis/+", "sport/tennis/player1/ranking", false),
    ("sport/tennis/+", "sport/tennis", false),
    ("sport/+", "sport", false),
    ("sport/+", "sport/", true),
    ("sport/+/player1", "sport/tennis/player1", true),
    ("sport/+/player1", "sport//player1", true),
    ("sport/+/player1", "sport/player1", false),
    ("+/+", "/finance", true),
    ("/+", "/finance", true),
    ("+", "/finance", false),
    ("+", "finance", true),
    ("+/#", "finance", true),
    ("+/#", "/finance/a", true),
    ("+/a/#", "b/a", true),
    ("+/a/#", "b/c", false),
    ("+/+/+", "a/b", false),
    ("+/+/+", "//", true),
    ("/#", "/", true),
    ("/#", "a", false),
    ("#", "a", true),
    ("#", "/", true),
    ("#", "a/b/c", true),
    ("#", "$SYS/x", false),
    ("#", "$", false),
    ("+/x", "$SYS/x", false),
    ("+", "$SYS", false),
    ("+/#", "$SYS/x", false),
    ("$SYS/#", "$SYS/x", true),
    ("$SYS/#", "$SYS", true),
    ("$SYS/#", "$SYS/x/y", true),
    ("$SYS/+/y", "$SYS/x/y", true),
    ("$SYS/+", "$SYSTEM/x", false),
    ("a/#", "a/$x", true),
    ("a/+", "a/$x", true),
    ("$share/g/a/+", "a/b", true),
    ("$share/g/#", "a/b", true),
    ("$share/g/#", "$SYS/x", false),
    ("$share/g/a", "$share/g/a", false),
    ("\u{e9}", "e\u{301}", false),
];

#[test]
fn mqtt5_4_7_2_1_a_wildcard_in_front_does_not_match_a_dollar_sign() {
    for (pattern, topic, expected) in MATCHES {
        assert_eq!(filter(pattern).matches(name(topic)), expected, "{pattern} and {topic}");
    }
}

#[test]
fn mqtt5_4_7_1_1_a_number_sign_fills_the_last_level() {
    for text in ["a#", "#a", "#/a", "a/#/b", "a/b#", "##", "#/", "/#/", "#/#", "$share/g/a#"] {
        assert_eq!(TopicFilter::parse(text), Err(TopicError::WildcardPlace), "{text}");
    }
}

#[test]
fn mqtt5_4_7_1_2_a_plus_sign_fills_a_level() {
    for text in ["a+", "+a", "a/+b", "a+/b", "++", "+#", "#+", "$share/g/++"] {
        assert_eq!(TopicFilter::parse(text), Err(TopicError::WildcardPlace), "{text}");
    }
    for text in ["+", "+/", "/+", "+/+", "a/+/#", "+/a/+", "//+//"] {
        assert!(filter(text).has_wildcard(), "{text}");
    }
}

#[test]
fn mqtt5_4_7_3_1_names_and_filters_have_a_length_and_no_null() {
    let longest = "a".repeat(65_535);
    let longer = "a".repeat(65_536);
    assert!(TopicName::parse(&longest).is_ok() && TopicFilter::parse(&longest).is_ok());
    assert_eq!(TopicName::parse(&longer), Err(TopicError::TooLong));
    assert_eq!(TopicFilter::parse(&longer), Err(TopicError::TooLong));
    assert_eq!(TopicName::parse(""), Err(TopicError::Empty));
    assert_eq!(TopicFilter::parse(""), Err(TopicError::Empty));
    assert_eq!(TopicName::parse("a\0b"), Err(TopicError::Null));
    assert_eq!(TopicFilter::parse("a/\0"), Err(TopicError::Null));
    assert_eq!(TopicFilter::parse("$share/\0/a"), Err(TopicError::Null));
}

#[test]
fn mqtt5_4_7_0_1_a_name_has_no_wildcards() {
    for text in ["+", "#", "a/+", "a/#", "a+b", "a#"] {
        assert_eq!(TopicName::parse(text), Err(TopicError::WildcardInName), "{text}");
    }
    assert!(name(" ").as_str() == " " && name("$SYS").levels().eq(["$SYS"]));
    assert!(name("/a//").levels().eq(["", "a", "", ""]));
}

#[test]
fn mqtt5_4_8_2_2_a_share_name_is_followed_by_a_filter() {
    for text in ["$share/", "$share/g", "$share//a", "$share/+/a", "$share/#/a", "$share/g+/a", "$share//"] {
        assert_eq!(TopicFilter::parse(text), Err(TopicError::ShareName), "{text}");
    }
    assert_eq!(TopicFilter::parse("$share/g/"), Err(TopicError::Empty));
}

#[test]
fn mqtt5_4_8_2_1_a_share_name_stands_before_the_filter() {
    let shared = filter("$share/\u{fc}ber/sport/+");
    assert_eq!(shared.share(), Some("\u{fc}ber"));
    assert_eq!(shared.filter(), "sport/+");
    assert_eq!(shared.as_str(), "$share/\u{fc}ber/sport/+");
    assert!(shared.has_wildcard() && !filter("$share/g/a").has_wildcard());
    let twice = filter("$share/g/$share/h");
    assert_eq!((twice.share(), twice.filter()), (Some("g"), "$share/h"));
    for plain in ["$share", "$shared/g/a", "a/$share/g", "$SHARE/g/a", "/$share/g/a"] {
        assert_eq!((filter(plain).share(), filter(plain).filter()), (None, plain));
    }
}
