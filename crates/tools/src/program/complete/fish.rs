//! fish.

use core::fmt::Write as _;

use super::{Suite, hint, words};
use crate::program::{Hint, Operand, Program};

pub(super) fn script(suite: &Suite) -> String {
    let main = &suite.main.name;
    let mut text = String::new();
    for (program, condition) in [(&suite.main, " -n __fish_use_subcommand"), (&suite.alias, "")] {
        let _ = writeln!(text, "complete -c {} -f", program.name);
        text.push_str(&flags(&program.name, condition, program));
    }
    for command in &suite.commands {
        let _ = writeln!(
            text,
            "complete -c {main} -n __fish_use_subcommand -a {} -d '{}'",
            command.name,
            quoted(command.about)
        );
        let condition = format!(" -n '__fish_seen_subcommand_from {}'", command.name);
        text.push_str(&flags(main, &condition, &command.program));
        if let Some(alias) = command.alias {
            let _ = writeln!(text, "complete -c {alias} -f");
            text.push_str(&flags(alias, "", &command.program));
        }
    }
    text
}

fn flags(name: &str, condition: &str, program: &Program) -> String {
    let mut text = String::new();
    for entry in &program.entries {
        let _ = write!(text, "complete -c {name}{condition}");
        for flag in &entry.names {
            let _ = match (flag.strip_prefix("--"), flag.strip_prefix('-')) {
                (Some(long), _) => write!(text, " -l {long}"),
                (None, Some(short)) => write!(text, " -s {short}"),
                (None, None) => Ok(()),
            };
        }
        match hint(entry) {
            None => {}
            Some(Hint::Any) => text.push_str(" -x"),
            Some(Hint::File) => text.push_str(" -r -F"),
            Some(Hint::Directory) => text.push_str(" -x -a '(__fish_complete_directories)'"),
            Some(Hint::Words(words)) => {
                let _ = write!(text, " -x -a '{}'", words.join(" "));
            }
        }
        let _ = writeln!(text, " -d '{}'", quoted(&entry.help));
    }
    match &program.operand {
        Operand::Nothing => {}
        Operand::File => {
            let _ = writeln!(text, "complete -c {name}{condition} -F");
        }
        Operand::Directory => {
            let _ = writeln!(text, "complete -c {name}{condition} -a '(__fish_complete_directories)'");
        }
        Operand::WordThenFiles(words) => {
            let (words, outer) = (words.join(" "), outer(condition));
            let first = format!("{outer}not __fish_seen_subcommand_from {words}");
            let _ = writeln!(text, "complete -c {name} -n '{first}' -a '{words}'");
            let _ = writeln!(text, "complete -c {name} -n '{outer}__fish_seen_subcommand_from {words}' -F");
        }
        Operand::Words(_) => operands(&mut text, name, condition, program),
    }
    text
}

/// The beginning of a further condition.
fn outer(condition: &str) -> String {
    condition.strip_prefix(" -n ").map_or(String::new(), |it| format!("{}; and ", it.trim_matches('\'')))
}

/// Words, and those that follow them.
fn operands(text: &mut String, name: &str, condition: &str, program: &Program) {
    let firsts: Vec<_> = words(program).iter().map(|(word, _)| *word).collect();
    let firsts = firsts.join(" ");
    let outer = outer(condition);
    let _ = writeln!(
        text,
        "complete -c {name} -n '{outer}not __fish_seen_subcommand_from {firsts}' -a '{firsts}'"
    );
    for (word, following) in words(program).iter().filter(|(_, following)| !following.is_empty()) {
        let _ = writeln!(
            text,
            "complete -c {name} -n '{outer}__fish_seen_subcommand_from {word}' -a '{}'",
            following.join(" ")
        );
    }
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
