//! The arguments of the program, each defined once: parsing and help follow.

use std::path::PathBuf;

use clap::{ArgAction, Parser};
use martlet_server::logging::Verbosity;

use crate::commands;

/// An MQTT broker for MQTT 3.1, 3.1.1 and 5.0.
///
/// Without a configuration file it listens on the loopback addresses only, and lets everyone in.
#[derive(Debug, Parser)]
#[command(name = "martlet", version, override_usage = "martlet [OPTIONS]\n       martlet COMMAND ...", after_help = commands::list())]
pub(crate) struct Flags {
    /// Read this configuration file, in the syntax of mosquitto.conf
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,

    /// Listen on this port; 0 takes any that is free [default: 1883]
    #[arg(short, long, value_name = "PORT")]
    pub(crate) port: Option<u16>,

    /// Log more: -v what happens inside, -vv every read and write
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

impl Flags {
    /// How much is to be logged.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match self.verbose {
            0 => Verbosity::Info,
            1 => Verbosity::Debug,
            _ => Verbosity::Trace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Flags::command().debug_assert();
    }

    #[test]
    fn flags() {
        let flags = Flags::try_parse_from(["martlet", "-p", "1884", "-c", "a.conf", "-vv"]).unwrap();
        assert_eq!(flags.port, Some(1884));
        assert_eq!(flags.config_file, Some("a.conf".into()));
        assert_eq!(flags.verbosity(), Verbosity::Trace);
        assert_eq!(Flags::try_parse_from(["martlet", "-v"]).unwrap().verbosity(), Verbosity::Debug);
        assert!(Flags::try_parse_from(["martlet", "-p", "65536"]).is_err());
        assert!(Flags::try_parse_from(["martlet", "extra"]).is_err());
    }
}
