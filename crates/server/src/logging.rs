//! The log: lines on standard error, `time level message key=value`.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// What a user of the broker wants to know: clients that come and go, and what goes wrong.
    #[default]
    Info,
    /// What happens inside, too.
    Debug,
    /// Every read and write, too.
    Trace,
}

impl From<Verbosity> for LevelFilter {
    fn from(verbosity: Verbosity) -> Self {
        match verbosity {
            Verbosity::Info => Self::INFO,
            Verbosity::Debug => Self::DEBUG,
            Verbosity::Trace => Self::TRACE,
        }
    }
}

/// Sends the log of the whole process to standard error. Does nothing if it goes somewhere already.
pub fn to_stderr(verbosity: Verbosity) {
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let subscriber = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(LevelFilter::from(verbosity))
        .with_target(false)
        .with_ansi(colours)
        // A reader that went away must not end the broker.
        .log_internal_errors(false)
        .finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
}
