//! `help`, and `help COMMAND`.

use core::fmt::Write as _;

use super::parse::{Own, dynsec_commands, own_commands};
use super::{Shell, Step, complete};
use crate::ctrl::{BrokerCommand, Module};

const INTRODUCTION: &str = "\
This shell looks after a running broker. It begins with a connection:

  > auth admin
  password:
  > connect mqtt://localhost
  mqtt://localhost:1883> dynsec
  mqtt://localhost:1883|dynsec> createGroup newgroup
  OK

";

/// What `help` prints, with the name of a command or without.
pub(super) fn help(shell: &Shell, name: Option<&str>) -> Step {
    match name {
        None => Step::Say(overview(shell)),
        Some(name) => match about(shell, name) {
            Some(text) => Step::Say(text),
            None => Step::Complain(format!("Unknown command '{name}'\n")),
        },
    }
}

fn overview(shell: &Shell) -> String {
    let mut text = match shell.module {
        None => INTRODUCTION.to_owned(),
        Some(module) => format!("This is the module {}. 'return' leaves it.\n\n", module.name()),
    };
    let _ = writeln!(
        text,
        "Commands: {}\n'help COMMAND' tells more about one; the tab key completes words.",
        complete::commands(shell).join(", ")
    );
    text
}

fn about(shell: &Shell, name: &str) -> Option<String> {
    let own = own_commands(shell).into_iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    if let Some((name, own)) = own {
        return Some(about_own(name, own));
    }
    match shell.module? {
        Module::Broker => {
            let command = BrokerCommand::named(name)?;
            Some(format!("{}\n\n{}\n", command.name(), command.about()))
        }
        Module::Dynsec => {
            let spec = dynsec_commands().find(|spec| spec.name.eq_ignore_ascii_case(name))?;
            Some(format!("{spec}\n\n{}\n", spec.about))
        }
    }
}

fn about_own(name: &str, own: Own) -> String {
    let (arguments, text) = match own {
        Own::Auth => (" [username]", "Take this user name, and a password, for the next connection."),
        Own::Connect => (
            " [[{mqtt | mqtts | ws | wss}://]host[:port]]",
            "Connect to a broker; without an address to the one of the command line, or on this machine.",
        ),
        Own::Enter(Module::Broker) => ("", "Go to the module that tells about the broker itself."),
        Own::Enter(Module::Dynsec) => ("", "Go to the module that looks after clients, groups and roles."),
        Own::Disconnect => ("", "End the connection to the broker."),
        Own::Return => ("", "Leave the module."),
        Own::Help => (" [command]", "Tell about the commands, or about one of them."),
        Own::Exit => ("", "Leave the shell."),
    };
    format!("{name}{arguments}\n\n{text}\n")
}
