//! The arguments of the program, each defined once: parsing and help follow.

use std::path::PathBuf;

use clap::{ArgAction, Parser};
use martlet_server::config::LogTypes;

use crate::broker::Arguments;
use crate::commands;

/// An MQTT broker for MQTT 3.1, 3.1.1 and 5.0.
///
/// Without a configuration file it listens on the loopback addresses only, and lets everyone in.
#[derive(Debug, Parser)]
#[command(name = "martlet", version, override_usage = "martlet [OPTIONS]\n       martlet COMMAND ...", after_help = commands::list())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Flags {
    /// Read this configuration file, in the syntax of mosquitto.conf
    #[arg(short, long, value_name = "FILE")]
    config_file: Option<PathBuf>,

    /// Listen on this port; 0 takes any that is free; may be repeated [default: 1883]
    #[arg(short, long, value_name = "PORT")]
    port: Vec<u16>,

    /// Log more: -v what happens inside, -vv every read and write
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,

    /// Log nothing
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Go into the background when the broker runs
    #[arg(short, long)]
    daemon: bool,

    /// Read the configuration file and say whether it is good
    #[arg(long, requires = "config_file")]
    test_config: bool,

    /// Write the secrets of TLS connections to this file, to look into them with other programs
    #[arg(long, value_name = "FILE")]
    tls_keylog: Option<PathBuf>,

    /// This process is in the background already
    #[arg(long, hide = true)]
    in_background: bool,
}

impl From<Flags> for Arguments {
    fn from(flags: Flags) -> Self {
        let log_types = match flags.verbose {
            _ if flags.quiet => Some(LogTypes::NONE),
            0 => None,
            1 => Some(LogTypes::verbose()),
            _ => Some(LogTypes::ALL),
        };
        Self {
            config_file: flags.config_file,
            ports: flags.port,
            log_types,
            daemon: flags.daemon,
            test_config: flags.test_config,
            tls_keylog: flags.tls_keylog,
            in_background: flags.in_background,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use martlet_server::config::LogType;

    fn arguments(line: &[&str]) -> Arguments {
        Flags::try_parse_from([&["martlet"], line].concat()).unwrap().into()
    }

    #[test]
    fn the_definition_is_sound() {
        Flags::command().debug_assert();
    }

    #[test]
    fn flags() {
        let all = arguments(&["-p", "1884", "-p", "1885", "-c", "a.conf", "-d", "--tls-keylog", "k", "-vv"]);
        assert_eq!(all.ports, [1884, 1885]);
        assert_eq!(all.config_file, Some("a.conf".into()));
        assert_eq!(all.log_types, Some(LogTypes::ALL));
        assert_eq!(all.tls_keylog, Some("k".into()));
        assert!(all.daemon && !all.in_background && !all.test_config);
        assert_eq!(arguments(&[]), Arguments::default());
        let some = arguments(&["-v"]).log_types.unwrap();
        assert!(some.has(LogType::Debug) && !some.has(LogType::Internal));
        assert_eq!(arguments(&["-q"]).log_types, Some(LogTypes::NONE));
    }

    #[test]
    fn what_is_wrong() {
        for line in [&["-p", "65536"][..], &["extra"], &["-q", "-v"], &["--test-config"]] {
            assert!(Flags::try_parse_from([&["martlet"], line].concat()).is_err(), "{line:?}");
        }
    }
}
