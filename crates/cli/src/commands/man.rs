//! `martlet man [DIR]`: manual pages of all commands, under all their names.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use martlet_tools::program::{Program, manual_page};

use super::{COMMANDS, describe};
use crate::{EXIT_RUNTIME, EXIT_USAGE, say};

const USAGE: &str = "\
Writes the manual pages of martlet, of its commands and of the names of Mosquitto's programs, into a directory.
Without one it prints the page of martlet: martlet man | man -l -

Usage: martlet man [DIR]
";

/// Writes the pages.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let folder = match arguments {
        [] => {
            say(io::stdout(), page(&describe::broker(describe::MAIN)));
            return ExitCode::SUCCESS;
        }
        [help] if help == "--help" || help == "-h" => {
            say(io::stdout(), USAGE);
            return ExitCode::SUCCESS;
        }
        [folder] => Path::new(folder),
        _ => {
            say(io::stderr(), USAGE);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    for program in programs() {
        let path = folder.join(format!("{}.1", file_name(&program)));
        if let Err(error) = fs::write(&path, page(&program)) {
            say(io::stderr(), format_args!("Error: {}: {error}\n", path.display()));
            return ExitCode::from(EXIT_RUNTIME);
        }
        say(io::stdout(), format_args!("{}\n", path.display()));
    }
    ExitCode::SUCCESS
}

/// Every program and command, once for each of its names.
fn programs() -> Vec<Program> {
    let mut programs = vec![describe::broker(describe::MAIN), describe::broker(describe::BROKER)];
    for command in COMMANDS {
        let name = format!("{} {}", describe::MAIN, command.name);
        let names = [Some(name.as_str()), command.tool];
        programs.extend(names.into_iter().flatten().map(|name| describe::command(command, name)));
    }
    programs
}

/// The page of a program. The page of all commands tells of each, the others lead back to it.
fn page(program: &Program) -> String {
    let see = if program.name == describe::MAIN {
        COMMANDS.iter().map(|command| format!("{}-{}", describe::MAIN, command.name)).collect()
    } else {
        vec![describe::MAIN.to_owned()]
    };
    manual_page(program, &see)
}

fn file_name(program: &Program) -> String {
    program.name.replace(' ', "-")
}
