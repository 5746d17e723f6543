//! `martlet install-links DIR`: links by which the program answers to the names of Mosquitto's.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use super::{COMMANDS, describe};
use crate::{EXIT_RUNTIME, EXIT_USAGE, say};

const USAGE: &str = "\
Makes links in a folder by which this program answers to the names of Mosquitto's programs.
A file of that name that is no link stays as it is, and is an error.

Usage: martlet install-links DIR
";

/// Makes the links.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let [folder] = arguments else {
        say(io::stderr(), USAGE);
        return ExitCode::from(EXIT_USAGE);
    };
    if folder == "--help" || folder == "-h" {
        say(io::stdout(), USAGE);
        return ExitCode::SUCCESS;
    }
    let program = match env::current_exe().and_then(fs::canonicalize) {
        Ok(program) => program,
        Err(error) => {
            say(io::stderr(), format_args!("Error: cannot tell where this program is: {error}\n"));
            return ExitCode::from(EXIT_RUNTIME);
        }
    };
    let mut exit = ExitCode::SUCCESS;
    for name in names() {
        let path = Path::new(folder).join(name);
        match link(&program, &path) {
            Ok(()) => say(io::stdout(), format_args!("{} -> {}\n", path.display(), program.display())),
            Err(error) => {
                say(io::stderr(), format_args!("Error: {}: {error}\n", path.display()));
                exit = ExitCode::from(EXIT_RUNTIME);
            }
        }
    }
    exit
}

fn names() -> impl Iterator<Item = &'static str> {
    core::iter::once(describe::BROKER).chain(COMMANDS.iter().filter_map(|command| command.tool))
}

/// Makes a link, in the place of an older link.
fn link(program: &Path, path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink()) {
        fs::remove_file(path)?;
    }
    symlink(program, path)
}
