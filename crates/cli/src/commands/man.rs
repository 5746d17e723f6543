//! `martlet man [DIR]`: manual pages of all commands, under all their names, and of the configuration.

mod configuration;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use martlet_tools::program::{Program, manual_page};

use super::{COMMANDS, describe};
use crate::{EXIT_RUNTIME, EXIT_USAGE, say};

const USAGE: &str = "\
Writes the manual pages of martlet, of its commands, of the names of Mosquitto's programs and of the configuration into a
directory. Without one it prints the page of martlet: martlet man | man -l -

Usage: martlet man [DIR]
";

/// Writes the pages.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let folder = match arguments {
        [] => {
            say(io::stdout(), page(&describe::broker()));
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
    for (name, text) in pages() {
        let path = folder.join(name);
        if let Err(error) = fs::write(&path, text) {
            say(io::stderr(), format_args!("Error: {}: {error}\n", path.display()));
            return ExitCode::from(EXIT_RUNTIME);
        }
        say(io::stdout(), format_args!("{}\n", path.display()));
    }
    ExitCode::SUCCESS
}

/// Every page, with the name of its file.
fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<_> = programs()
        .iter()
        .map(|program| (format!("{}.1", program.name.replace(' ', "-")), page(program)))
        .collect();
    pages.push(("martlet.conf.5".to_owned(), configuration::page()));
    pages
}

/// Every program and command, once for each of its names.
fn programs() -> Vec<Program> {
    let mut programs = vec![describe::broker(), describe::mosquitto()];
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
