//! The program called as `mosquitto`: its arguments, and what it says when it starts.

use std::ffi::OsString;
use std::path::PathBuf;

use martlet_server::config::{Configuration, LogTypes};
use martlet_server::process::BACKGROUND_FLAG;

use super::{Arguments, VERSION};
use crate::commands::describe;

/// How many ports the arguments may name.
const PORTS_MAX: usize = 10;

/// What the arguments ask for instead of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The help.
    Help,
    /// The version.
    Version,
    /// They are wrong; the text goes to the log.
    Wrong(String),
    /// One of them is unknown; the text goes to standard error, and the help follows.
    Unknown(String),
}

/// Reads the arguments behind the name of the program.
pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Arguments, Answer> {
    let mut arguments = arguments;
    let mut parsed = Arguments::default();
    let (mut is_quiet, mut is_verbose) = (false, false);
    while let Some(argument) = arguments.next() {
        match argument.to_str().unwrap_or_default() {
            "-c" | "--config-file" => {
                let missing = "-c argument given, but no config file specified.";
                let file = path(arguments.next(), missing)?;
                // Mosquitto reads all of them; that one of them has no effect could let everybody in.
                if parsed.config_file.as_ref().is_some_and(|other| *other != file) {
                    return Err(wrong("Only one config file can be specified on the command line."));
                }
                parsed.config_file = Some(file);
            }
            "-d" | "--daemon" => parsed.daemon = true,
            "-h" | "--help" => return Err(Answer::Help),
            "--version" => return Err(Answer::Version),
            "-p" | "--port" => {
                let port = port(arguments.next())?;
                if parsed.ports.len() == PORTS_MAX {
                    return Err(wrong(&format!(
                        "Only {PORTS_MAX} ports can be specified on the command line."
                    )));
                }
                parsed.ports.push(port);
            }
            "--tls-keylog" => {
                let missing = "--tls-keylog argument given, but no file specified.";
                parsed.tls_keylog = Some(path(arguments.next(), missing)?);
            }
            "-q" | "--quiet" => is_quiet = true,
            "-v" | "--verbose" => is_verbose = true,
            "--test-config" => parsed.test_config = true,
            BACKGROUND_FLAG => parsed.in_background = true,
            _ => return Err(Answer::Unknown(format!("Error: Unknown option '{}'.", argument.display()))),
        }
    }
    parsed.log_types = match (is_quiet, is_verbose) {
        (true, _) => Some(LogTypes::NONE),
        (false, true) => Some(LogTypes::verbose()),
        (false, false) => None,
    };
    Ok(parsed)
}

fn wrong(text: &str) -> Answer {
    Answer::Wrong(format!("Error: {text}"))
}

fn path(value: Option<OsString>, missing: &str) -> Result<PathBuf, Answer> {
    value.map(PathBuf::from).ok_or_else(|| wrong(missing))
}

fn port(value: Option<OsString>) -> Result<u16, Answer> {
    let value = value.ok_or_else(|| wrong("-p argument given, but no port specified."))?;
    let number: i64 = value.to_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    port.ok_or_else(|| wrong(&format!("Invalid port specified ({number}).")))
}

/// The help.
pub(super) fn usage() -> String {
    format!("martlet version {VERSION}, called as mosquitto\n\n{}", describe::mosquitto().help())
}

/// The version.
pub(super) fn version() -> String {
    format!("martlet {VERSION}, called as mosquitto\n")
}

/// The first lines of the log.
pub(super) fn say_starting(arguments: &Arguments, configuration: &Configuration) {
    tracing::info!("martlet version {VERSION} starting");
    if let Some(file) = &arguments.config_file {
        tracing::info!("Config loaded from {}.", file.display());
    } else {
        tracing::info!("Using default config.");
    }
    for (what, is_there) in [
        ("Bridge", true),
        ("Persistence", true),
        ("TLS", true),
        ("TLS-PSK", cfg!(feature = "psk")),
        ("Websockets", true),
    ] {
        tracing::info!("{what} support {}available.", if is_there { "" } else { "NOT " });
    }
    if configuration.settings.is_local_only() {
        tracing::warn!(
            "Starting in local only mode. Connections will only be possible from clients running on this machine."
        );
        tracing::warn!("Create a configuration file which defines a listener to allow remote access.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn parsed(line: &[&str]) -> Result<Arguments, Answer> {
        parse(line.iter().map(OsStr::new).map(OsStr::to_owned))
    }

    #[test]
    fn arguments() {
        let all =
            parsed(&["-v", "-c", "a.conf", "-p", "1883", "--port", "1884", "-d", "--test-config"]).unwrap();
        let expected = Arguments {
            config_file: Some("a.conf".into()),
            ports: vec![1883, 1884],
            log_types: Some(LogTypes::verbose()),
            daemon: true,
            test_config: true,
            ..Arguments::default()
        };
        assert_eq!(all, expected);
        assert_eq!(parsed(&[]).unwrap(), Arguments::default());
        let same = parsed(&["-c", "a.conf", "-c", "a.conf"]).unwrap();
        assert_eq!(same.config_file, Some("a.conf".into()));
        assert_eq!(parsed(&["-v", "-q"]).unwrap().log_types, Some(LogTypes::NONE));
        assert_eq!(parsed(&["--tls-keylog", "k"]).unwrap().tls_keylog, Some("k".into()));
    }

    #[test]
    fn the_help_tells_of_every_flag() {
        let usage = usage();
        for entry in describe::mosquitto().entries {
            let value = entry.value.is_some().then_some("1883");
            for name in entry.names {
                assert!(usage.contains(&name), "{name}");
                let line: Vec<&str> = core::iter::once(name.as_str()).chain(value).collect();
                assert!(!matches!(parsed(&line), Err(Answer::Unknown(_))), "{name}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_as_mosquitto_tells_it() {
        let wrong = |text: &str| Answer::Wrong(text.into());
        let many = ["-p", "1"].repeat(PORTS_MAX + 1);
        let table: &[(&[&str], Answer)] = &[
            (&["-h"], Answer::Help),
            (&["--version"], Answer::Version),
            (&["-c"], wrong("Error: -c argument given, but no config file specified.")),
            (
                &["-c", "a", "-c", "b"],
                wrong("Error: Only one config file can be specified on the command line."),
            ),
            (&["-p"], wrong("Error: -p argument given, but no port specified.")),
            (&["-p", "0"], wrong("Error: Invalid port specified (0).")),
            (&["-p", "x"], wrong("Error: Invalid port specified (0).")),
            (&["-p", "65536"], wrong("Error: Invalid port specified (65536).")),
            (&many, wrong("Error: Only 10 ports can be specified on the command line.")),
            (&["--tls-keylog"], wrong("Error: --tls-keylog argument given, but no file specified.")),
            (&["--unknown"], Answer::Unknown("Error: Unknown option '--unknown'.".into())),
        ];
        for (line, answer) in table {
            assert_eq!(parsed(line).as_ref(), Err(answer), "{line:?}");
        }
    }
}
