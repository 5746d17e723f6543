//! docs/configuration.md has all options as the table has them.
//!
//! `UPDATE_DOCS=1 cargo test -p martlet-server --test documentation` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use core::fmt::Write;
use std::fs;

use martlet_server::config::lint::Rule;
use martlet_server::config::{ConfigOption, Outcome, Reload, Shortcoming, Status, shortcomings, table};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
/// What stands before and behind the generated part.
const BEGIN: &str = "<!-- From here on made from the table of options. -->\n";

/// The generated part.
fn generated() -> String {
    let mut text = String::from("\n");
    for part in table::PARTS {
        let _ = write!(text, "## {}\n\n{}\n\n", part.title, part.about);
        text.push_str("| option | value | default | meaning |\n| --- | --- | --- | --- |\n");
        for option in part.options {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                names(option),
                option.takes(),
                default(option),
                meaning(option)
            );
        }
        text.push('\n');
    }
    text.push_str(
        "## What is not there, or different\n\nOf an error the broker tells with file and line, and does not start; of a warning it \
         tells in the log.\n\n| what | with it | why |\n| --- | --- | --- |\n",
    );
    let all = shortcomings();
    for alike in all.chunk_by(|one, other| (one.outcome, &one.reason) == (other.outcome, &other.reason)) {
        let names: Vec<&str> = alike.iter().map(|it| it.what.as_str()).collect();
        let Shortcoming { outcome, reason, .. } = &alike[0];
        let outcome = match outcome {
            Outcome::Error => "error",
            Outcome::Warning => "warning",
        };
        let _ = writeln!(text, "| {} | {outcome} | {reason} |", names.join(", "));
    }
    text.push('\n');
    text.push_str("## What `martlet lint` finds\n\n| name | what it is about |\n| --- | --- |\n");
    for rule in Rule::ALL {
        let _ = writeln!(text, "| `{}` | {} |", rule.id(), rule.about());
    }
    text
}

fn names(option: &ConfigOption) -> String {
    let names: Vec<String> =
        core::iter::once(&option.name).chain(option.aliases).map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn default(option: &ConfigOption) -> String {
    if option.default.is_empty() || option.default.contains([' ', '`']) {
        option.default.into()
    } else {
        format!("`{}`", option.default)
    }
}

fn meaning(option: &ConfigOption) -> String {
    let mut text = format!("{}.", option.help);
    match option.status {
        Status::Works => {}
        Status::NoEffect(reason) => {
            let _ = write!(text, " *No effect: {reason}.*");
        }
        Status::Waits(feature) => {
            let _ = write!(text, " **Not there yet: {feature}.**");
        }
    }
    if option.reload == Reload::Live {
        text.push_str(" Takes effect on SIGHUP.");
    }
    if !option.is_mosquittos {
        text.push_str(" Mosquitto does not have it.");
    }
    text
}

#[test]
fn the_documentation_has_every_option() {
    let text = fs::read_to_string(PATH).unwrap();
    let (by_hand, written) = text.split_once(BEGIN).expect("the mark is there");
    let generated = generated();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PATH, format!("{by_hand}{BEGIN}{generated}")).unwrap();
        return;
    }
    assert!(written == generated, "docs/configuration.md is out of step: UPDATE_DOCS=1 writes it anew");
}
