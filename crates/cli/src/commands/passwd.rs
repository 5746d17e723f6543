//! `martlet passwd`, which is `mosquitto_passwd`.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use martlet_tools::passwd::{self, TerminalSecrets};

/// Changes a password file.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    ExitCode::from(passwd::main(arguments, &mut TerminalSecrets, &mut io::stdout(), &mut io::stderr()))
}
