//! The project's own commands. `cargo xtask test` is all that a change has to pass.

#![forbid(unsafe_code)]

mod command;
mod deb;
mod peers;
mod repository;
mod source;
mod statements;
mod test;
mod tidy;

use std::env;
use std::process::ExitCode;

use repository::Repository;

const USAGE: &str = "\
The project's own commands.

Usage: cargo xtask COMMAND

Commands:
  test        Everything that a change has to pass, as CI runs it
  peers       Installs the MQTT clients of other projects that the tests talk to
  deb         Builds packages for Debian and Raspberry Pi OS; with --check it tries them out
  statements  Compares the tests with the statements of the MQTT standards
  tidy        Checks import arrows, lengths of files and functions, and the text of every file
";

fn main() -> ExitCode {
    let repository = Repository::of_this_program();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["test"] => test::run(&repository),
        ["deb", ref options @ ..] => deb::run(&repository, options),
        ["peers"] => peers::run(&repository),
        ["statements"] => statements::run(&repository),
        ["tidy"] => tidy::run(&repository),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
