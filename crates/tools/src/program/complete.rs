//! Completions for shells: one script for all commands and all their names.

mod bash;
mod fish;
mod zsh;

use super::{Entry, Hint, Operand, Program};

/// A shell that can complete words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

/// A command of a program.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its name behind the program's.
    pub name: &'static str,
    /// Another program that is called like this and does the same.
    pub alias: Option<&'static str>,
    /// What it does, in a few words.
    pub about: &'static str,
    /// Its flags.
    pub program: Program,
}

/// A program with commands.
#[derive(Clone, Debug)]
pub struct Suite {
    /// What it does without a command, under its own name.
    pub main: Program,
    /// What it does under another name, which has flags of its own and no commands.
    pub alias: Program,
    /// Its commands.
    pub commands: Vec<Command>,
}

impl Shell {
    /// Every shell, with its name.
    pub const ALL: [(&'static str, Self); 3] =
        [("bash", Self::Bash), ("zsh", Self::Zsh), ("fish", Self::Fish)];

    /// The shell of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(other, _)| *other == name).map(|(_, shell)| shell)
    }
}

/// A script that teaches a shell the commands and flags of a program.
pub fn completions(suite: &Suite, shell: Shell) -> String {
    match shell {
        Shell::Bash => bash::script(suite),
        Shell::Zsh => zsh::script(suite),
        Shell::Fish => fish::script(suite),
    }
}

/// The name of a shell's function.
fn function(program: &str, command: &str) -> String {
    format!("_{program}_{command}").replace('-', "_")
}

/// The names of the flags of a program.
fn flag_names(program: &Program) -> impl Iterator<Item = &str> {
    program.entries.iter().flat_map(|entry| &entry.names).map(String::as_str)
}

/// What can follow a flag, if anything does.
fn hint(entry: &Entry) -> Option<Hint> {
    entry.value.as_ref().map(|(_, hint)| *hint)
}

/// The words that can stand where no flag does, each with those that can follow it.
fn words(program: &Program) -> &[(&'static str, Vec<&'static str>)] {
    match &program.operand {
        Operand::Words(words) => words,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Tool, program};

    fn suite() -> Suite {
        let command = |name, alias, tool| Command {
            name,
            alias: Some(alias),
            about: "It's a command",
            program: program(tool, alias),
        };
        let named = |name: &str, flag: &str| Program {
            name: name.to_owned(),
            entries: vec![Entry { names: vec![flag.to_owned()], value: None, help: String::new() }],
            ..Program::default()
        };
        Suite {
            main: named("martlet", "--verbose"),
            alias: named("mosquitto", "--quiet"),
            commands: vec![
                command("pub", "mosquitto_pub", Tool::Publish),
                command("ctrl", "mosquitto_ctrl", Tool::Control),
            ],
        }
    }

    #[test]
    fn every_shell_learns_every_flag_of_every_name() {
        let suite = suite();
        for (_, shell) in Shell::ALL {
            let script = completions(&suite, shell);
            for command in &suite.commands {
                for name in flag_names(&command.program) {
                    assert!(script.contains(name.trim_start_matches('-')), "{shell:?} {name}");
                }
                assert!(script.contains(command.alias.unwrap()), "{shell:?}");
            }
            assert!(script.contains("listListeners") && script.contains("addRoleACL"), "{shell:?}");
        }
    }

    #[test]
    fn each_name_of_the_broker_has_its_own_flags() {
        let suite = suite();
        let script = completions(&suite, Shell::Bash);
        let offers = |function: &str| {
            let (_, rest) = script.split_once(&format!("\n{function}() {{")).unwrap();
            rest.split_once("\n}").unwrap().0
        };
        assert!(script.contains("complete -F _mosquitto_broker mosquitto\n"), "{script}");
        assert!(
            offers("_mosquitto_broker").contains("--quiet")
                && !offers("_mosquitto_broker").contains("--verbose")
        );
        assert!(
            offers("_martlet_broker").contains("--verbose") && !offers("_martlet_broker").contains("--quiet")
        );
        let script = completions(&suite, Shell::Zsh);
        assert!(script.contains("    mosquitto) _mosquitto_broker; return ;;\n"), "{script}");
        let script = completions(&suite, Shell::Fish);
        assert!(
            script.contains("complete -c mosquitto -l quiet")
                && !script.contains("complete -c mosquitto -l verbose")
        );
    }

    #[test]
    fn quotes_in_help_do_not_end_the_text() {
        let script = completions(&suite(), Shell::Zsh);
        assert!(script.contains("Nagle'\\''s") && script.contains("It'\\''s"));
        let script = completions(&suite(), Shell::Fish);
        assert!(script.contains("Nagle\\'s") && script.contains("It\\'s"));
    }
}
