//! The program `martlet`: an MQTT broker, and tools beside it.
//!
//! The first argument, or the name that the program is called by, says which: see `commands`. Without either it is the
//! broker.
//!
//! Exit codes: 0 when it was told to end, 1 when it cannot run, 3 for arguments or a configuration that are wrong.

#![forbid(unsafe_code)]

mod commands;
mod connect;
mod flags;
mod serve;
mod session;

use core::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use commands::Call;
use flags::Flags;

/// Something outside is in the way: an address in use, for example.
const EXIT_RUNTIME: u8 = 1;
/// The arguments or the configuration are wrong.
const EXIT_USAGE: u8 = 3;

fn main() -> ExitCode {
    match commands::call(std::env::args_os()) {
        Call::Command(command, arguments) => (command.run)(&arguments),
        Call::Broker => broker(),
    }
}

fn broker() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(message) => {
            // Help and version come this way, too. There is nobody to tell that nobody reads them.
            let _ = message.print();
            return if message.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match serve::serve(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(io::stderr(), format_args!("Error: {error}\n"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Writes to a standard stream. Whoever reads it may have gone, which is no reason to end.
fn say(mut stream: impl Write, text: impl Display) {
    let _ = write!(stream, "{text}").and_then(|()| stream.flush());
}
