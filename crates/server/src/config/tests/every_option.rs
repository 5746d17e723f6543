//! Every option of the table has good values and bad ones, and its row tells the truth.

use super::super::option::{ConfigOption, Field, Range, Scope, Structure};
use super::super::table;
use super::*;

/// Lines that have to stand above an option, and values that are good and bad.
struct Examples {
    above: &'static str,
    good: Vec<String>,
    bad: Vec<String>,
}

/// Values of options that have a syntax of their own: good ones, then bad ones.
const SPECIAL: &[(&str, &[&str], &[&str])] = &[
    ("accept_protocol_versions", &["3,4", "5", " 4 , 5 # not 3.1"], &["", "6", "# 3"]),
    (
        "address",
        &["b.example", "b.example:1884 [::1]:1885", "b.example # and no other"],
        &["", "b:0", "b:x", "# b"],
    ),
    ("auto_id_prefix", &["robot-"], &["", "a123456789b123456789c123456789d123456789e123456789x"]),
    ("bridge_cafile", &["/ca.crt"], &[""]),
    ("bridge_capath", &["/certs"], &[""]),
    ("bridge_certfile", &["/b.crt"], &[""]),
    ("bridge_identity", &["me\nbridge_psk 00"], &["", "me"]),
    ("bridge_insecure", &["true"], &["", "maybe"]),
    ("bridge_keyfile", &["/b.key"], &[""]),
    ("bridge_psk", &["00ff\nbridge_identity me"], &["", "00ff"]),
    ("bridge_tcp_keepalive", &["60 10 3"], &["", "60", "60 10", "0 10 3", "60 10 x"]),
    ("bridge_tls_version", &["tlsv1.3"], &["", "tlsv1.2\nbridge_tls_version tlsv1.3"]),
    ("cafile", &["/ca.crt\ncertfile /c\nkeyfile /k"], &["", "/ca.crt"]),
    ("certfile", &["/c.crt\nkeyfile /k"], &["", "/c.crt"]),
    ("listener_auto_id_prefix", &["robot-"], &["", "a123456789b123456789c123456789d123456789e123456789x"]),
    ("log_dest", &["stdout", "syslog", "topic", "none", "file /var/log/m.log"], &["", "paper", "file"]),
    ("log_type", &["error", "all", "none", "websockets", "internal"], &["", "gossip"]),
    ("mount_point", &["building/7/"], &["", "building/+/"]),
    (
        "persistent_client_expiration",
        &["2m", "14d", "1y", "30s", "5h", "3w"],
        &["", "14", "d", "0d", "-1d", "2q"],
    ),
    ("psk_hint", &["a hint with blanks"], &["", "a\npsk_hint b", "bell\u{7}"]),
    ("unix_socket_mode", &["660", "0", "777"], &["", "8", "1000", "x"]),
    ("restart_timeout", &["20", "10 60", "10 60 30", "0", "5 99999"], &["", "x", "60 10", "10 60 -1"]),
    ("start_type", &["lazy", "once"], &["", "manual", "soon"]),
    (
        "tls_engine_kpass_sha1",
        &["0123456789abcdef0123456789ABCDEF01234567"],
        &["", "0123", "g123456789abcdef0123456789ABCDEF01234567"],
    ),
    ("tls_version", &["tlsv1.3", "tlsv1.1"], &["", "tlsv1.2\ntls_version tlsv1.3"]),
    (
        "topic",
        &[
            "a/#",
            "# both 2 here/ there/",
            "x IN 1",
            "\"a b\" out",
            "\"\" out 0 here there",
            "x out 0 \"\" there/",
        ],
        &["", "a sideways", "a out 3", "\"a b", "\"\" out", "a out 0 +/", "a/#/b", "a out 0 here/ +"],
    ),
];

/// Values of options that are more than a value of one place: what stands above them, good ones, bad ones.
const STRUCTURES: &[(&str, &str, &[&str], &[&str])] = &[
    ("bind_address", "", &["127.0.0.1"], &["", "::1\nbind_address ::1"]),
    ("connection", "", &["b\naddress c\ntopic d"], &["", "b", "b\naddress c", "b\ntopic c"]),
    ("dhparamfile", "", &["/etc/dh.pem"], &[]),
    ("global_plugin", "", &["/lib/a.so"], &[""]),
    ("include_dir", "", &[], &["", "/nonexistent"]),
    ("listener", "", &["1884", "1884 ::1", "0 /run/m.sock", "1884 # here"], &["", "x", "65536", "-1", "0"]),
    ("per_listener_settings", "", &["true"], &["", "maybe"]),
    ("plugin", "", &["/lib/a.so"], &[""]),
    ("plugin_load", "", &["name /lib/a.so"], &["", "name", "name a.so\nplugin_load name b.so"]),
    ("plugin_opt_*", "plugin a.so\n", &["value with blanks"], &[""]),
    ("plugin_use", "plugin_load p a.so\nlistener 1\n", &["p"], &["", "q"]),
    ("port", "", &["1884"], &["", "0", "x", "65536"]),
    ("retry_interval", "", &["20", "not-used"], &[]),
];

fn of_field<T>(name: &str, above: &'static str, field: &Field<T>) -> Examples {
    let (good, bad) = match field {
        Field::Flag(_) | Field::OptionalFlag(_) => {
            (strings(&["true", "false", "1", "0", "true # really"]), strings(&["", "yes", "2"]))
        }
        Field::Number(range, _) => numbers(range),
        Field::Choice(words) => {
            (words.iter().map(|(word, _)| (*word).to_owned()).collect(), strings(&["", "something-else"]))
        }
        Field::Text(..) | Field::Path(..) | Field::Texts(_) => {
            (strings(&["a text with blanks", "/a/path"]), strings(&["", "  ", "bell\u{7}", "\u{fdd0}"]))
        }
        Field::Secret(_) => (strings(&["pass word"]), strings(&["", "bell\u{7}"])),
        Field::Special(..) => {
            let row = SPECIAL.iter().find(|(special, ..)| *special == name);
            let (_, good, bad) = row.unwrap_or_else(|| panic!("no examples for {name}"));
            (strings(good), strings(bad))
        }
    };
    Examples { above, good, bad }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The ends of a range, and what lies beyond where that is an error.
fn numbers(range: &Range) -> (Vec<String>, Vec<String>) {
    use super::super::option::Beyond;
    let mut good = vec![range.least.to_string(), range.most.to_string()];
    let mut bad = strings(&["", "x", "1s", "99999999999999999999999"]);
    let mut beyond = |value: Option<i64>, beyond: Beyond| {
        let Some(value) = value else { return };
        if matches!(beyond, Beyond::Refuse(_)) {
            bad.push(value.to_string());
        } else {
            good.push(value.to_string());
        }
    };
    beyond(range.least.checked_sub(1), range.below);
    beyond(range.most.checked_add(1), range.above);
    good.push("0x10".into());
    good.retain(|text| text != "0x10" || (range.least <= 16 && 16 <= range.most));
    (good, bad)
}

fn examples(option: &ConfigOption) -> Examples {
    const LISTENER: &str = "listener 1\n";
    let name = option.name;
    match &option.scope {
        Scope::General(field) => of_field(name, "", field),
        Scope::Engine(field) => of_field(name, "", field),
        Scope::Keeping(field) => of_field(name, "", field),
        Scope::Logging(field) => of_field(name, "", field),
        Scope::Process(field) => of_field(name, "", field),
        Scope::Security(field) => of_field(name, "", field),
        Scope::Listener(field, _) => of_field(name, LISTENER, field),
        Scope::Bridge(field) if name == "address" => of_field(name, "connection b\ntopic a\n", field),
        Scope::Bridge(field) => of_field(name, "connection b\naddress c\ntopic a\n", field),
        Scope::Plugin(field) => of_field(name, "plugin a.so\n", field),
        Scope::Structure(_) => {
            let row = STRUCTURES.iter().find(|(structure, ..)| *structure == name);
            let (_, above, good, bad) = row.unwrap_or_else(|| panic!("no examples for {name}"));
            Examples { above, good: strings(good), bad: strings(bad) }
        }
    }
}

/// What makes complete what the option alone leaves open.
fn below(option: &ConfigOption) -> &'static str {
    match option.name {
        "keyfile" => "\ncertfile /c",
        "capath" => "\ncertfile /c\nkeyfile /k",
        _ => "",
    }
}

/// A name of the option that can stand in a file.
fn written(option: &ConfigOption) -> String {
    option.name.replace('*', "example")
}

#[test]
fn good_values_are_taken_and_change_something() {
    for option in table::options() {
        let Examples { above, good, .. } = examples(option);
        let without = Configuration::parse("a.conf", above.as_bytes(), Dialect::Martlet, &mut Vec::new());
        let without = without.map(|it| it.settings).ok();
        let mut has_effect = false;
        for value in &good {
            let text = format!("{above}{} {value}{}", written(option), below(option));
            let read = read(&text);
            let given = read.given.iter().find(|given| given.option.name == option.name);
            let is_default = given.unwrap_or_else(|| panic!("{text:?} is not given")).is_default;
            has_effect |= Some(&read.settings) != without.as_ref();
            if is_default && below(option).is_empty() && option.name != "per_listener_settings" {
                assert!(without.is_none() || Some(&read.settings) == without.as_ref(), "{text:?}");
            }
        }
        let is_gone = matches!(option.scope, Scope::Structure(Structure::Gone));
        assert!(has_effect != is_gone || good.is_empty(), "{}: no value has an effect", option.name);
    }
}

#[test]
fn bad_values_are_errors_that_name_the_line() {
    for option in table::options() {
        let Examples { above, bad, .. } = examples(option);
        for value in &bad {
            let text = format!("{above}{} {value}{}", written(option), below(option));
            let error = error(&text);
            let message = error.to_string();
            assert!(message.starts_with("a.conf:"), "{text:?}: {message}");
            assert!(!error.mosquitto_lines().is_empty(), "{text:?}: {message}");
        }
    }
}

#[test]
fn every_name_is_known() {
    for option in table::options() {
        for alias in option.aliases {
            assert!(option.answers_to(&alias.replace('*', "example")), "{alias}");
        }
        assert!(!option.help.is_empty() && !option.help.ends_with('.'), "{}", option.name);
        assert!(!option.takes().is_empty(), "{}", option.name);
    }
}

#[test]
fn the_default_of_the_table_is_the_default() {
    for option in table::options() {
        // Defaults in words are for people.
        if option.default.is_empty() || option.default.contains([' ', '`']) || option.name == "listener" {
            continue;
        }
        let above = examples(option).above;
        let text = format!("{above}{} {}", option.name, option.default);
        let Ok(read) = Configuration::parse("a.conf", text.as_bytes(), Dialect::Martlet, &mut Vec::new())
        else {
            panic!("{text:?}");
        };
        let mut without = settings(above);
        // A line that says so makes the default listener one to listen on.
        if option.name == "port" {
            without = settings("port 1883");
        }
        let is_optional = matches!(option.name, "persistence");
        assert!(is_optional || read.settings == without, "{text:?}");
    }
}

#[test]
fn an_option_out_of_place_is_an_error() {
    for option in table::options() {
        let value = examples(option).good.into_iter().next();
        let (Some(value), Scope::Bridge(_) | Scope::Plugin(_)) = (value, &option.scope) else { continue };
        let message = error(&format!("{} {value}", written(option))).to_string();
        let expected = if matches!(option.scope, Scope::Bridge(_)) { "`connection`" } else { "`plugin`" };
        assert!(message.contains("above it") && message.contains(expected), "{}: {message}", option.name);
    }
}
