//! The program `martlet`: an MQTT broker, and tools beside it.
//!
//! The first argument, or the name that the program is called by, says which: see `commands`. Without either it is the
//! broker.
//!
//! Exit codes: 0 when it was told to end, 1 when it cannot run, 3 for arguments or a configuration that are wrong.

#![forbid(unsafe_code)]

mod broker;
mod commands;
mod connect;
mod flags;
mod session;

use core::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use commands::Call;
use martlet_heap::Counted;

/// `memory_limit` is about what is counted here.
#[global_allocator]
static HEAP: Counted = Counted;

/// Something outside is in the way: an address in use, for example.
const EXIT_RUNTIME: u8 = 1;
/// The arguments or the configuration are wrong.
const EXIT_USAGE: u8 = 3;

fn main() -> ExitCode {
    match commands::call(std::env::args_os()) {
        Call::Command(command, arguments) => (command.run)(&arguments),
        Call::Broker => broker::run(commands::dialect()),
    }
}

/// Writes to a standard stream. Whoever reads it may have gone, which is no reason to end.
fn say(mut stream: impl Write, text: impl Display) {
    let _ = write!(stream, "{text}").and_then(|()| stream.flush());
}
