//! The commands of the program, each of which may also be called by the name of the tool of Mosquitto that it stands for.

mod acl;
mod completions;
mod ctrl;
mod db;
pub(crate) mod describe;
mod install_links;
mod lint;
mod man;
mod passwd;
mod play;
mod publish;
mod request;
mod signal;
mod subscribe;
mod test;

use core::fmt::Write as _;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use martlet_server::config::Dialect;
use martlet_tools::flags::Tool;

/// A command.
pub(crate) struct Command {
    /// Its name behind `martlet`.
    pub(crate) name: &'static str,
    /// The tool of Mosquitto that it stands for, if there is one.
    pub(crate) tool: Option<&'static str>,
    /// What it does, in a few words.
    pub(crate) about: &'static str,
    /// Does it with the arguments behind the name.
    pub(crate) run: fn(&[OsString]) -> ExitCode,
}

/// All commands, in the order of `martlet --help`.
pub(crate) const COMMANDS: &[Command] = &[
    Command { name: "pub", tool: Some("mosquitto_pub"), about: "Publish messages", run: publish::run },
    Command {
        name: "sub",
        tool: Some("mosquitto_sub"),
        about: "Subscribe to topics and print the messages",
        run: subscribe::run,
    },
    Command {
        name: "rr",
        tool: Some("mosquitto_rr"),
        about: "Publish a request and print the answer",
        run: request::run,
    },
    Command {
        name: "passwd",
        tool: Some("mosquitto_passwd"),
        about: "Change a password file",
        run: passwd::run,
    },
    Command {
        name: "signal",
        tool: Some("mosquitto_signal"),
        about: "Tell a running broker to reload, to rotate its log or to stop",
        run: signal::run,
    },
    Command {
        name: "acl",
        tool: None,
        about: "Tell what a user may do with a topic, and which line decides it",
        run: acl::run,
    },
    Command {
        name: "lint",
        tool: None,
        about: "Explain a configuration, and find what is unsafe in it",
        run: lint::run,
    },
    Command {
        name: "install-links",
        tool: None,
        about: "Make links by which the program answers to the names of Mosquitto's",
        run: install_links::run,
    },
    Command {
        name: "ctrl",
        tool: Some("mosquitto_ctrl"),
        about: "Look after a running broker: its listeners, clients, groups and roles",
        run: ctrl::run,
    },
    Command {
        name: "completions",
        tool: None,
        about: "Print a script that completes commands and flags in a shell",
        run: completions::run,
    },
    Command { name: "play", tool: None, about: "Publish what sub --record wrote", run: play::run },
    Command {
        name: "test",
        tool: None,
        about: "Find out what a broker can do, and whether it works",
        run: test::run,
    },
    Command {
        name: "db",
        tool: None,
        about: "Check, show, import or divide anew what a broker keeps",
        run: db::run,
    },
    Command { name: "man", tool: None, about: "Write manual pages of all commands", run: man::run },
];

/// What a command line calls.
pub(crate) enum Call {
    /// A command with its arguments.
    Command(&'static Command, Vec<OsString>),
    /// The broker.
    Broker,
}

/// Finds out what is called: by the name of the program, or by its first argument.
pub(crate) fn call(mut arguments: impl Iterator<Item = OsString>) -> Call {
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(&program).file_stem().unwrap_or_default().to_os_string();
    if let Some(command) = COMMANDS.iter().find(|command| is(&program, command.tool)) {
        return Call::Command(command, arguments.collect());
    }
    let first = arguments.next().unwrap_or_default();
    match COMMANDS.iter().find(|command| first == command.name) {
        Some(command) => Call::Command(command, arguments.collect()),
        None => Call::Broker,
    }
}

/// Whose broker the program is called as.
pub(crate) fn dialect() -> Dialect {
    let program = std::env::args_os().next().unwrap_or_default();
    let by_link = Path::new(&program).file_stem().is_some_and(|stem| stem == describe::BROKER);
    if by_link { Dialect::Mosquitto } else { Dialect::Martlet }
}

/// The name that a tool was called by.
pub(crate) fn called_as(tool: Tool) -> String {
    let program = std::env::args_os().next().unwrap_or_default();
    let by_link = Path::new(&program).file_stem().is_some_and(|stem| stem == tool.program());
    match COMMANDS.iter().find(|command| command.tool == Some(tool.program())) {
        Some(command) if !by_link => format!("martlet {}", command.name),
        _ => tool.program().to_owned(),
    }
}

fn is(name: &OsStr, tool: Option<&str>) -> bool {
    tool.is_some_and(|tool| name == tool)
}

/// The list of all commands for `martlet --help`.
pub(crate) fn list() -> String {
    let mut text = String::from("Commands:\n");
    for command in COMMANDS {
        let _ = writeln!(text, "  {:14} {}", command.name, command.about);
    }
    text.push_str("\nEach has a --help of its own. Without a command the broker runs.");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(line: &str) -> Option<(&'static str, usize)> {
        match call(line.split(' ').map(OsString::from)) {
            Call::Command(command, arguments) => Some((command.name, arguments.len())),
            Call::Broker => None,
        }
    }

    #[test]
    fn a_command_is_called_by_its_name_or_by_that_of_a_tool() {
        assert_eq!(called("martlet passwd -c file user"), Some(("passwd", 3)));
        assert_eq!(called("/usr/bin/mosquitto_passwd file user"), Some(("passwd", 2)));
        assert_eq!(called("mosquitto_passwd passwd user"), Some(("passwd", 2)));
    }

    #[test]
    fn everything_else_is_the_broker() {
        assert_eq!(called("martlet"), None);
        assert_eq!(called("martlet -c passwd"), None);
        assert_eq!(called("mosquitto -p 1883"), None);
    }
}
