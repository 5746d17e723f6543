//! `martlet signal`, which is `mosquitto_signal`.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use martlet_tools::signal;

/// The names that a broker's process can have.
const BROKER_NAMES: [&str; 2] = ["martlet", "mosquitto"];

/// Tells brokers to do something.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    ExitCode::from(signal::main(arguments, &BROKER_NAMES, &mut io::stdout(), &mut io::stderr()))
}
