//! `martlet lint FILE`: explains a configuration, and finds what is unsafe in it.

use core::fmt::Write as _;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use martlet_server::config::lint::{Disk, Rule, lint};
use martlet_server::config::{Configuration, Dialect};

use crate::{EXIT_USAGE, say};

/// There are findings.
const EXIT_FINDINGS: u8 = 1;

const USAGE: &str = "\
Explains a configuration: what listens where, who may come in, what is unsafe, what has no effect, and what changes when
the broker reads it again. --mosquitto is for a broker that is called by the name of Mosquitto's, which has other defaults.

Usage: martlet lint [--mosquitto] FILE

Exit codes: 0 if there is nothing to say against it, 1 if there are findings, 3 if the broker does not start with it.

Findings:
";

/// Explains a configuration.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let (dialect, file) = match arguments {
        [help] if help == "--help" || help == "-h" => {
            say(io::stdout(), usage());
            return ExitCode::SUCCESS;
        }
        [flag, file] if flag == "--mosquitto" => (Dialect::Mosquitto, file),
        [file] if file != "--mosquitto" => (Dialect::Martlet, file),
        _ => {
            say(io::stderr(), usage());
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let mut notes = Vec::new();
    let configuration = match Configuration::read(Path::new(file), dialect, &mut notes) {
        Ok(configuration) => configuration,
        Err(error) => {
            say(io::stderr(), format_args!("Error: {error}\n"));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let report = lint(&configuration, &notes, dialect, &Disk);
    say(io::stdout(), &report);
    if report.is_fatal() {
        ExitCode::from(EXIT_USAGE)
    } else if !report.findings.is_empty() {
        ExitCode::from(EXIT_FINDINGS)
    } else {
        ExitCode::SUCCESS
    }
}

fn usage() -> String {
    let mut text = USAGE.to_owned();
    for rule in Rule::ALL {
        let _ = writeln!(text, "  {:22} {}", rule.id(), rule.about());
    }
    text
}
