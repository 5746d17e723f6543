//! What each command says about itself in manual pages and completions.

use clap::CommandFactory as _;
use martlet_tools::flags::{self, Tool};
use martlet_tools::program::{Entry, Hint, Operand, Program, Shell};
use martlet_tools::{passwd, signal};

use super::{COMMANDS, db};
use crate::flags::Flags;

/// The name of this program.
pub(super) const MAIN: &str = "martlet";
/// The name of Mosquitto's broker.
pub(super) const BROKER: &str = "mosquitto";
const PURPOSE: &str = "runs an MQTT broker for MQTT 3.1, 3.1.1 and 5.0";

/// All that there is to say about the broker.
pub(super) fn broker() -> Program {
    let mut command = Flags::command();
    // Adds the flags for help and version.
    command.build();
    let commands = COMMANDS.iter().map(|command| format!("{}: {}.", command.name, command.about));
    Program {
        name: MAIN.to_owned(),
        purpose: PURPOSE.to_owned(),
        synopsis: vec!["[options]".to_owned(), "command ...".to_owned()],
        entries: command.get_arguments().filter(|argument| !argument.is_hide_set()).map(entry).collect(),
        operand: Operand::Nothing,
        sections: vec![
            (
                "configuration",
                "Without a configuration file it listens on the loopback addresses only, and lets everyone in."
                    .to_owned(),
            ),
            (
                "exit status",
                "0 after it was told to end; 1 if it cannot run; 3 for wrong arguments or a wrong configuration."
                    .to_owned(),
            ),
            ("commands", commands.collect::<Vec<_>>().join("\n")),
        ],
    }
}

/// All that there is to say about the broker by the name of Mosquitto's.
pub(crate) fn mosquitto() -> Program {
    let entry = |names: &[&str], value: Option<(&str, Hint)>, help: &str| Entry {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        value: value.map(|(name, hint)| (name.to_owned(), hint)),
        help: help.to_owned(),
    };
    let synopsis =
        "[-c config_file] [-d] [-h] [-p port] [-v] [-q] [--test-config] [--tls-keylog file] [--version]";
    let port = "Listen on this port of the loopback addresses; may be repeated. It has no effect where the configuration \
                file says where to listen.";
    let secrets = "Write the secrets of TLS connections to this file, to look into them with other programs.";
    Program {
        name: BROKER.to_owned(),
        purpose: PURPOSE.to_owned(),
        synopsis: vec![synopsis.to_owned()],
        entries: vec![
            entry(&["-c", "--config-file"], Some(("file", Hint::File)), "Read this configuration file."),
            entry(&["-d", "--daemon"], None, "Go into the background when the broker runs."),
            entry(&["-h", "--help"], None, "Print this help."),
            entry(&["-p", "--port"], Some(("port", Hint::Any)), port),
            entry(&["-q", "--quiet"], None, "Log nothing, whatever the configuration file says."),
            entry(&["-v", "--verbose"], None, "Log everything, whatever the configuration file says."),
            entry(&["--test-config"], None, "Read the configuration file and say whether it is good."),
            entry(&["--tls-keylog"], Some(("file", Hint::File)), secrets),
            entry(&["--version"], None, "Print the version."),
        ],
        ..Program::default()
    }
}

fn entry(argument: &clap::Arg) -> Entry {
    let short = argument.get_short().map(|letter| format!("-{letter}"));
    let long = argument.get_long().map(|name| format!("--{name}"));
    let value = argument.get_value_names().filter(|_| argument.get_action().takes_values());
    let value = value.and_then(<[_]>::first).map(|name| {
        let hint = match name.as_str() {
            "FILE" => Hint::File,
            db::HOW => Hint::Words(&db::PAYLOADS),
            _ => Hint::Any,
        };
        (name.to_lowercase(), hint)
    });
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    Entry { names: short.into_iter().chain(long).collect(), value, help: format!("{help}.") }
}

/// All that there is to say about a command, under a name.
pub(super) fn command(command: &super::Command, name: &str) -> Program {
    let by_hand = |synopsis: &str, operand: Operand| Program {
        name: name.to_owned(),
        purpose: lower(command.about),
        synopsis: vec![synopsis.to_owned()],
        operand,
        ..Program::default()
    };
    match command.name {
        "pub" => flags::program(Tool::Publish, name),
        "sub" => flags::program(Tool::Subscribe, name),
        "rr" => flags::program(Tool::Request, name),
        "ctrl" => flags::program(Tool::Control, name),
        "play" => flags::program(Tool::Play, name),
        "test" => flags::program(Tool::Probe, name),
        "db" => store(name),
        "passwd" => passwd::program(name),
        "signal" => signal::program(name),
        "completions" => by_hand(
            "bash | zsh | fish",
            Operand::Words(Shell::ALL.iter().map(|(name, _)| (*name, Vec::new())).collect()),
        ),
        "acl" => by_hand("file user topic [--client-id id]", Operand::File),
        "lint" => by_hand("[--mosquitto] file", Operand::File),
        "man" => by_hand("[directory]", Operand::Directory),
        "install-links" => by_hand("directory", Operand::Directory),
        _ => by_hand("[arguments]", Operand::Nothing),
    }
}

/// All that there is to say about `martlet db`, whose commands have flags of their own.
fn store(name: &str) -> Program {
    let mut command = db::Flags::command();
    command.build();
    let mut program = Program {
        name: name.to_owned(),
        purpose: "checks, shows, imports or divides anew what a broker keeps, while no broker runs"
            .to_owned(),
        operand: Operand::WordThenFiles(db::COMMANDS.to_vec()),
        sections: vec![("exit status", db::EXIT_STATUS.to_owned())],
        ..Program::default()
    };
    let mut commands = Vec::new();
    for command in command.get_subcommands() {
        let usage = command.clone().render_usage().to_string();
        program.synopsis.extend(usage.split_once(" db ").map(|(_, synopsis)| synopsis.to_owned()));
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        commands.push(format!("{}: {about}.", command.get_name()));
        for argument in command.get_arguments().filter(|argument| !argument.is_positional()) {
            let flag = entry(argument);
            // What several commands have alike is told once.
            if program.entries.iter().all(|other| (&other.names, &other.help) != (&flag.names, &flag.help)) {
                program.entries.push(flag);
            }
        }
    }
    program.sections.insert(0, ("commands", commands.join("\n")));
    program
}

fn lower(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_lowercase).into_iter().flatten();
    first.chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_described() {
        for command in COMMANDS {
            let program = self::command(command, "x");
            assert_ne!(program.synopsis, ["[arguments]"], "{}", command.name);
            assert!(program.help().starts_with("x "), "{}", command.name);
        }
        let names: Vec<_> = broker().entries.into_iter().flat_map(|entry| entry.names).collect();
        assert!(
            ["-c", "--config-file", "-p", "-v", "-h", "-V"]
                .iter()
                .all(|name| names.contains(&(*name).to_owned()))
        );
    }
}
