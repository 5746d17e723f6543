//! `martlet completions SHELL`: a script that teaches a shell the commands and flags of all names of this program.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use martlet_tools::program::{self, Shell, Suite};

use super::{COMMANDS, describe};
use crate::{EXIT_USAGE, say};

const USAGE: &str = "\
Prints a script that completes the commands and flags of martlet, and of the names of Mosquitto's programs.

Usage: martlet completions {bash | zsh | fish}

For example:
  martlet completions bash > /usr/share/bash-completion/completions/martlet
  martlet completions zsh > \"${fpath[1]}/_martlet\"
  martlet completions fish > ~/.config/fish/completions/martlet.fish
";

/// Prints the script.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let [name] = arguments else {
        say(io::stderr(), USAGE);
        return ExitCode::from(EXIT_USAGE);
    };
    if name == "--help" || name == "-h" {
        say(io::stdout(), USAGE);
        return ExitCode::SUCCESS;
    }
    let Some(shell) = name.to_str().and_then(Shell::named) else {
        say(io::stderr(), format_args!("Error: There are no completions for {}.\n", name.display()));
        return ExitCode::from(EXIT_USAGE);
    };
    say(io::stdout(), program::completions(&suite(), shell));
    ExitCode::SUCCESS
}

fn suite() -> Suite {
    let command = |command: &super::Command| program::Command {
        name: command.name,
        alias: command.tool,
        about: command.about,
        program: describe::command(command, command.name),
    };
    Suite {
        main: describe::broker(),
        alias: describe::mosquitto(),
        commands: COMMANDS.iter().map(command).collect(),
    }
}
