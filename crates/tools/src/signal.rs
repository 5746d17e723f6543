//! The whole of `mosquitto_signal`: telling running brokers to do something, by a signal with a name.

use core::fmt;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;

use rustix::process::{Pid, Signal, kill_process};
use rustix_libc_wrappers::process::SignalExt as _;

use crate::number::leading_integer;
use crate::payload::reason;
use crate::program::{Entry, Hint, Operand, Program};

/// What a broker can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// To read its configuration again: `SIGHUP`.
    ConfigReload,
    /// To open its log file again: `SIGHUP`.
    LogRotate,
    /// To stop: `SIGINT`.
    Shutdown,
    /// To print its subscriptions: `SIGUSR2`.
    TreePrint,
    /// To write a report on its memory: `SIGRTMIN`.
    Report,
}

/// Whom to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every broker that may be told.
    All,
    /// The process of this number, from 1, whatever it is.
    Process(i32),
}

/// What is wrong with the arguments. The exit status is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalError {
    /// There are none, or `--help` is the first.
    Usage,
    /// The first is neither `-a` nor `-p`.
    NoTarget,
    /// `-p` is the last.
    ProcessMissing,
    /// `-p` is followed by no number from 1.
    ProcessInvalid,
    /// Nothing follows the target.
    NoSignal,
    /// No order has this name.
    UnknownSignal {
        /// The name.
        name: String,
    },
}

const ORDERS: [(&str, Order); 5] = [
    ("config-reload", Order::ConfigReload),
    ("log-rotate", Order::LogRotate),
    ("shutdown", Order::Shutdown),
    ("tree-print", Order::TreePrint),
    ("xtreport", Order::Report),
];

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => f.write_str(&usage()),
            Self::NoTarget => f.write_str("Error: One of -a or -p must be used."),
            Self::ProcessMissing => f.write_str("Error: -p argument given but process ID missing."),
            Self::ProcessInvalid => f.write_str("Error: Process ID must be >0."),
            Self::NoSignal => f.write_str("Error: No signal given."),
            Self::UnknownSignal { name } => write!(f, "Error: Unknown signal '{name}'."),
        }
    }
}

impl core::error::Error for SignalError {}

fn usage() -> String {
    program("mosquitto_signal").help()
}

/// All that there is to say about the program under a name.
pub fn program(name: &str) -> Program {
    let flag = |name: &str, value: Option<&str>, help: &str| Entry {
        names: vec![name.to_owned()],
        value: value.map(|name| (name.to_owned(), Hint::Any)),
        help: help.to_owned(),
    };
    let names: Vec<_> = ORDERS.iter().map(|(name, _)| *name).collect();
    Program {
        name: name.to_owned(),
        purpose: "tells running brokers on this computer to do something".to_owned(),
        synopsis: vec!["{-a | -p process} signal".to_owned(), "--help".to_owned()],
        entries: vec![
            flag("-a", None, "Tell every broker."),
            flag("-p", Some("process"), "Tell the process of this number."),
        ],
        operand: Operand::Words(names.iter().map(|name| (*name, Vec::new())).collect()),
        sections: vec![
            ("signals", format!("The signals are {}.", names.join(", "))),
            ("exit status", "0 if all went well, 1 if not.".to_owned()),
        ],
    }
}

/// Reads the arguments, without the program's name.
///
/// # Errors
/// Every variant of [`SignalError`].
pub fn parse(arguments: &[OsString]) -> Result<(Target, Order), SignalError> {
    let (first, rest) = arguments.split_first().ok_or(SignalError::Usage)?;
    let (target, rest) = match first.to_str() {
        Some("--help") => return Err(SignalError::Usage),
        Some("-a") => (Target::All, rest),
        Some("-p") => {
            let (process, rest) = rest.split_first().ok_or(SignalError::ProcessMissing)?;
            let number = i32::try_from(leading_integer(&process.to_string_lossy()));
            let number = number.ok().filter(|number| *number > 0).ok_or(SignalError::ProcessInvalid)?;
            (Target::Process(number), rest)
        }
        _ => return Err(SignalError::NoTarget),
    };
    let name = rest.first().ok_or(SignalError::NoSignal)?.to_string_lossy();
    let order = ORDERS.iter().find(|(other, _)| *other == name).map(|(_, order)| *order);
    let order = order.ok_or_else(|| SignalError::UnknownSignal { name: name.into_owned() })?;
    Ok((target, order))
}

/// How a broker's process is known.
#[derive(Clone, Copy, Debug)]
pub struct Brokers<'a> {
    /// The names that it can have.
    pub names: &'a [&'a str],
    /// Whether the command line of a process of such a name, program included, is a broker's: a program may be other
    /// things besides.
    pub is_broker: fn(Vec<OsString>) -> bool,
}

/// Does what the arguments say and answers the exit status: 0 if all went well, 1 if not.
///
/// With `-a` brokers that belong to others are passed over, and it is no error if there is none.
pub fn main(arguments: &[OsString], brokers: Brokers<'_>, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let (target, order) = match parse(arguments) {
        Ok(request) => request,
        Err(SignalError::Usage) => {
            let _ = out.write_all(usage().as_bytes());
            return 1;
        }
        Err(error) => {
            let _ = writeln!(err, "{error}");
            return 1;
        }
    };
    let failure = match target {
        Target::Process(number) => send(number, order)
            .err()
            .map(|error| format!("Error sending signal to process {number}: {}", reason(&error))),
        Target::All => match processes(brokers) {
            Err(error) => Some(format!("Error: {}.", reason(&error))),
            Ok(numbers) => {
                for number in numbers {
                    // It may belong to another user, or be gone.
                    let _ = send(number, order);
                }
                None
            }
        },
    };
    match failure {
        None => 0,
        Some(text) => {
            let _ = writeln!(err, "{text}");
            1
        }
    }
}

impl Order {
    fn signal(self) -> Signal {
        match self {
            Self::ConfigReload | Self::LogRotate => Signal::HUP,
            Self::Shutdown => Signal::INT,
            Self::TreePrint => Signal::USR2,
            Self::Report => Signal::rt_min(),
        }
    }
}

fn send(number: i32, order: Order) -> io::Result<()> {
    let process = Pid::from_raw(number).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(process, order.signal())?)
}

/// The processes of brokers, as `/proc` has them.
fn processes(brokers: Brokers<'_>) -> io::Result<Vec<i32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process that has ended meanwhile has no name.
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if brokers.names.contains(&name.trim_end_matches('\n')) {
            let command_line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if (brokers.is_broker)(words(&command_line)) {
                numbers.push(number);
            }
        }
    }
    Ok(numbers)
}

/// The words of a command line, each of which ends with a zero byte.
fn words(command_line: &[u8]) -> Vec<OsString> {
    let words = command_line.split_inclusive(|byte| *byte == 0);
    words.map(|word| OsStr::from_bytes(word.strip_suffix(b"\0").unwrap_or(word)).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_has_words() {
        assert_eq!(words(b"martlet\0-c\0\0a b\0"), ["martlet", "-c", "", "a b"]);
        assert!(words(b"").is_empty());
    }
}
