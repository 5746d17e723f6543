//! `martlet test BROKER`: finds out what a broker can do, and whether it works.

mod bench;
mod connack;
mod connections;
mod messages;
mod report;
mod sessions;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use martlet_tools::flags::{self, Environment, ProbeOptions, Request, Tool};

use crate::{EXIT_RUNTIME, say};
use bench::Bench;
use report::Report;

const TOOL: Tool = Tool::Probe;

/// Follows the arguments.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    match flags::probe(arguments, &Environment::of_process()) {
        Ok(Request::Run(options)) => match probe(&options) {
            Ok(report) => {
                say(io::stdout(), if options.json { report.json() } else { report.table() });
                if report.works() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_RUNTIME) }
            }
            Err(text) => {
                say(io::stderr(), format_args!("{text}\n"));
                ExitCode::from(EXIT_RUNTIME)
            }
        },
        Ok(Request::Help) => {
            say(io::stdout(), flags::help(TOOL));
            ExitCode::SUCCESS
        }
        Ok(Request::Version) => {
            say(io::stdout(), flags::version(TOOL));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(io::stderr(), flags::complaint(TOOL, &error));
            ExitCode::from(EXIT_RUNTIME)
        }
    }
}

/// Makes all probes, and leaves nothing with the broker.
fn probe(options: &ProbeOptions) -> Result<Report, String> {
    flags::check_tls(TOOL, &options.connection.tls).map_err(|error| error.to_string())?;
    let mut bench = Bench::new(options)?;
    let mut report = Report::new(bench.url());
    if connections::probe(&mut bench, &mut report) {
        connack::probe(&bench, &mut report);
        messages::probe(&bench, &mut report);
        sessions::probe(&bench, &mut report);
    }
    Ok(report)
}
