//! `martlet completions` and `martlet man`: every command, under all its names.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::process::Command;

use common::{Folder, run};

#[test]
fn bash_completes_commands_flags_and_words() {
    let folder = Folder::new("completions");
    let script = run("completions bash");
    assert_eq!((script.status, script.err.as_str()), (Some(0), ""));
    let script = folder.file_of("martlet", &script.out);
    let offered = |line: &str| {
        // What bash does when the tab key is pressed.
        let press = "source \"$1\"; shift; compopt() { :; }; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                     action=$(complete -p \"$1\"); action=${action#*-F }; ${action% *}; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", press, "bash", &script]).args(line.split(' '));
        let output = bash.output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for (line, expected) in [
        ("martlet ct", "ctrl"),
        ("martlet ctrl --caf", "--cafile"),
        ("martlet ctrl dynsec addRole", "addRoleACL"),
        ("mosquitto_ctrl broker listL", "listListeners"),
        ("mosquitto_ctrl -V mqttv5", "mqttv5"),
        ("mosquitto_passwd -H argon", "argon2id"),
        ("martlet signal sh", "shutdown"),
        ("martlet -c /etc/host", "/etc/hosts"),
        ("mosquitto --vers", "--version"),
        ("martlet completions f", "fish"),
        ("martlet db rep", "repartition"),
        ("martlet db check /et", "/etc"),
        ("martlet db dump --payload h", "hex"),
        ("martlet db import --keep", "--keep-going"),
    ] {
        let offered = offered(line);
        assert!(offered.lines().any(|word| word == expected), "{line}: {offered:?}");
    }
    // Each name of the broker has its own flags, and only one has commands.
    let (own, mosquittos) = (offered("martlet -"), offered("mosquitto -"));
    assert!(own.lines().any(|word| word == "-V") && !mosquittos.lines().any(|word| word == "-V"));
    assert!(!offered("mosquitto ct").contains("ctrl"));
}

#[test]
fn each_shell_has_its_script_and_others_have_none() {
    for (shell, part) in [("zsh", "#compdef martlet mosquitto "), ("fish", "complete -c mosquitto_ctrl -f\n")]
    {
        let script = run(&format!("completions {shell}"));
        assert!(script.status == Some(0) && script.out.contains(part), "{shell}");
    }
    let unknown = run("completions csh");
    assert_eq!(
        (unknown.status, unknown.err.as_str()),
        (Some(3), "Error: There are no completions for csh.\n")
    );
    assert_eq!(run("completions").status, Some(3));
    assert_eq!(run("completions --help").status, Some(0));
}

#[test]
fn each_name_has_a_manual_page() {
    let folder = Folder::new("man");
    let written = run(&format!("man {}", folder.0.display()));
    assert_eq!((written.status, written.err.as_str()), (Some(0), ""));
    for (name, part) in [
        ("martlet", "\\fBmartlet\\-ctrl\\fR(1)"),
        ("mosquitto", "\\fB\\-c\\fR, \\fB\\-\\-config\\-file\\fR \\fIfile\\fR"),
        ("martlet-ctrl", ".B martlet ctrl\n"),
        ("mosquitto_ctrl", "\\fB\\-\\-cafile\\fR \\fIfile\\fR"),
        ("mosquitto_passwd", "\\fB\\-I\\fR \\fIiterations\\fR"),
        ("mosquitto_signal", ".SH SIGNALS\n"),
        ("martlet-man", ".SH SYNOPSIS\n"),
        ("martlet-db", ".br\n.B martlet db\nrepartition [OPTIONS] \\-\\-shards <NUMBER> <DIR>\n"),
    ] {
        let page = fs::read_to_string(folder.file(&format!("{name}.1"))).unwrap();
        assert!(page.contains(part), "{name}: {page}");
        assert!(page.starts_with(".TH ") && written.out.contains(&format!("/{name}.1\n")), "{name}");
    }
    let configuration = fs::read_to_string(folder.file("martlet.conf.5")).unwrap();
    assert!(configuration.starts_with(".TH MARTLET.CONF 5 "), "{configuration}");
    let option = ".TP\n\\fBallow_anonymous\\fR\nwhether clients may connect without a user name.\n.br\nValue: \\fBtrue\\fR or";
    assert!(configuration.contains(option), "{configuration}");
    let page = run("man");
    assert_eq!(page.out, fs::read_to_string(folder.file("martlet.1")).unwrap());
    let missing = run("man /nonexistent");
    assert_eq!(missing.status, Some(1));
    assert!(missing.err.starts_with("Error: /nonexistent/martlet.1: "), "{missing:?}");
}
