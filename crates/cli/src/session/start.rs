//! From the arguments to a running tool, and to the exit status.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use martlet_tools::flags::{self, ArgumentError, Environment, Request, Tool};

use crate::commands::called_as;
use crate::{EXIT_RUNTIME, say};

/// Wrong arguments, and as in Mosquitto also `--help` and `--version`.
pub(crate) const EXIT_ARGUMENTS: u8 = 1;

/// Reads the arguments and runs the tool in a runtime of one thread. The tool answers the exit status.
pub(crate) fn run<T>(
    tool: Tool,
    arguments: &[OsString],
    parse: fn(&[OsString], &Environment) -> Result<Request<T>, ArgumentError>,
    work: impl AsyncFnOnce(T) -> u8,
) -> ExitCode {
    let options = match parse(arguments, &Environment::of_process()) {
        Ok(Request::Run(options)) => *options,
        Ok(Request::Help) => return told(&flags::program(tool, &called_as(tool)).help()),
        Ok(Request::Version) => return told(&flags::version(tool)),
        Err(error) => {
            say(io::stderr(), flags::complaint_as(&called_as(tool), &error));
            return ExitCode::from(EXIT_ARGUMENTS);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => ExitCode::from(runtime.block_on(work(options))),
        Err(error) => {
            say(io::stderr(), format_args!("Error: {error}\n"));
            ExitCode::from(EXIT_RUNTIME)
        }
    }
}

fn told(text: &str) -> ExitCode {
    say(io::stdout(), text);
    ExitCode::from(EXIT_ARGUMENTS)
}
