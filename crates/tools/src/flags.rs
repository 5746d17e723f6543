//! The arguments of `mosquitto_pub`, `mosquitto_sub`, `mosquitto_rr` and `mosquitto_ctrl`, and of our own tools that speak
//! to a broker.
//!
//! Each flag stands once in a table: names, tools, value, help. Parsing follows from it, and through [`program()`] also
//! `--help`, manual pages and completions. Values from an options file come first, so that the command line can override them.

use core::fmt;
use std::ffi::{OsStr, OsString};

use crate::payload::SourceError;

mod draft;
mod error;
mod finish;
mod help;
mod options;
mod options_file;
mod proxy;
mod setters;
mod table;
mod url;

pub use error::{ArgumentError, Combination, NumberError, TopicRole, UrlError};
pub use finish::{TlsFileError, check_tls};
pub use help::{help, program};
pub use options::{
    Address, ClientId, Connection, ControlOptions, Credentials, Output, PayloadOption, PlayOptions,
    ProbeOptions, Proxy, PublishOptions, RequestOptions, RetainHandling, SubscribeOptions, TlsOptions,
    TlsRoots, Version, Will,
};
pub use options_file::{Environment, default_path};
pub use proxy::ProxyError;
pub use table::{FLAGS, Flag, FlagId, Tool, ToolSet, ValueKind, flags_of};

pub(crate) use draft::Draft;
pub(crate) use url::host_and_port;

/// What the arguments ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request<T> {
    /// To print [`help()`]; the exit status of Mosquitto's tools is 1.
    Help,
    /// To print the version; the exit status of Mosquitto's tools is 1.
    Version,
    /// To work with these options.
    Run(Box<T>),
}

/// Reads the arguments of `mosquitto_pub`, without the program's name.
///
/// A missing topic or message is an error only after the payload could be read, as in Mosquitto: see
/// [`PublishOptions::message`].
///
/// # Errors
/// Every variant of [`ArgumentError`].
pub fn publish(
    arguments: &[OsString],
    environment: &Environment,
) -> Result<Request<PublishOptions>, ArgumentError> {
    run(Tool::Publish, arguments, environment, Draft::into_publish)
}

/// Reads the arguments of `mosquitto_sub`, without the program's name.
///
/// # Errors
/// Every variant of [`ArgumentError`].
pub fn subscribe(
    arguments: &[OsString],
    environment: &Environment,
) -> Result<Request<SubscribeOptions>, ArgumentError> {
    run(Tool::Subscribe, arguments, environment, Draft::into_subscribe)
}

/// Reads the arguments of `mosquitto_rr`, without the program's name.
///
/// # Errors
/// Every variant of [`ArgumentError`].
pub fn request(
    arguments: &[OsString],
    environment: &Environment,
) -> Result<Request<RequestOptions>, ArgumentError> {
    run(Tool::Request, arguments, environment, Draft::into_request)
}

/// Reads the arguments of `mosquitto_ctrl`, without the program's name, up to the module's name.
///
/// # Errors
/// Every variant of [`ArgumentError`].
pub fn control(
    arguments: &[OsString],
    environment: &Environment,
) -> Result<Request<ControlOptions>, ArgumentError> {
    run(Tool::Control, arguments, environment, Draft::into_control)
}

/// Reads the arguments of `martlet play`.
///
/// # Errors
/// Every variant of [`ArgumentError`].
pub fn play(
    arguments: &[OsString],
    environment: &Environment,
) -> Result<Request<PlayOptions>, ArgumentError> {
    run(Tool::Play, arguments, environment, Draft::into_play)
}

/// Reads the arguments of `martlet test`.
///
/// # Errors
/// Every variant of [`ArgumentError`].
pub fn probe(
    arguments: &[OsString],
    environment: &Environment,
) -> Result<Request<ProbeOptions>, ArgumentError> {
    run(Tool::Probe, arguments, environment, Draft::into_probe)
}

fn run<T>(
    tool: Tool,
    arguments: &[OsString],
    environment: &Environment,
    finish: impl FnOnce(Draft) -> Result<T, ArgumentError>,
) -> Result<Request<T>, ArgumentError> {
    let mut draft = Draft::new(tool);
    let parsed = options_file::apply(&mut draft, arguments, environment)
        .and_then(|()| draft.take_arguments(arguments))
        .and_then(|()| finish(draft));
    match parsed {
        Ok(options) => Ok(Request::Run(Box::new(options))),
        Err(ArgumentError::HelpAsked) => Ok(Request::Help),
        Err(ArgumentError::VersionAsked) => Ok(Request::Version),
        Err(error) => Err(error),
    }
}

/// What goes to standard error when the arguments are wrong: the reason, and where to read more.
pub fn complaint(tool: Tool, error: &ArgumentError) -> String {
    complaint_as(tool.program(), error)
}

/// The same for a tool that is called by another name.
pub fn complaint_as(program: &str, error: &ArgumentError) -> String {
    format!("{error}\n\nUse '{program} --help' to see usage.\n")
}

/// The line that `--version` prints.
pub fn version(tool: Tool) -> String {
    format!("{} version {} of Martlet\n", tool.program(), env!("CARGO_PKG_VERSION"))
}

/// Why there is nothing to publish.
#[derive(Debug)]
#[non_exhaustive]
pub enum MessageError {
    /// The topic or the message is missing.
    Incomplete(ArgumentError),
    /// The payload could not be read.
    Source(SourceError),
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete(error) => error.fmt(f),
            Self::Source(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for MessageError {}

/// Text from an argument.
///
/// # Errors
/// [`ArgumentError::MalformedUtf8`] if it is not UTF-8.
pub(crate) fn text(value: &OsStr, place: &'static str) -> Result<String, ArgumentError> {
    value.to_str().map(str::to_owned).ok_or(ArgumentError::MalformedUtf8 { place })
}
