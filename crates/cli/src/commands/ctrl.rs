//! `martlet ctrl`, which is `mosquitto_ctrl`.
//!
//! Exit statuses are those of Mosquitto: 0 also when the broker refuses the connection or the request, which is told on
//! standard error; see [`session::Failure::status`] for the others.

mod file;
mod lines;
mod session;
mod shell;

use core::fmt::Display;
use core::net::IpAddr;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use martlet_tools::ctrl::{
    self, Argument, ControlCommand, DynsecCommand, DynsecRequest, Module, PasswordNeed,
};
use martlet_tools::flags::{self, Address, Connection, ControlOptions, Environment, Request, Tool};
use martlet_tools::passwd::{self, PasswordError, TerminalSecrets};

use crate::say;
use session::{ANSWER_TIMEOUT, Session};

const TOOL: Tool = Tool::Control;
/// The exit status for wrong arguments, and when a password cannot be had.
const STATUS_FAILED: u8 = 1;

/// Follows the arguments.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let status = match flags::control(arguments, &Environment::of_process()) {
        Ok(Request::Run(options)) => Ctrl { options: *options }.run(arguments.is_empty()),
        Ok(Request::Help) => {
            say(io::stdout(), flags::help(TOOL));
            STATUS_FAILED
        }
        Ok(Request::Version) => {
            say(io::stdout(), flags::version(TOOL));
            STATUS_FAILED
        }
        Err(error) => {
            say(io::stderr(), flags::complaint(TOOL, &error));
            STATUS_FAILED
        }
    };
    ExitCode::from(status)
}

/// A run of the program.
struct Ctrl {
    options: ControlOptions,
}

impl Ctrl {
    fn run(mut self, is_bare: bool) -> u8 {
        let data_file = self.options.data_file.as_deref();
        match ctrl::parse(&self.options.command, data_file) {
            Err(error) => {
                self.complain(&error);
                error.status()
            }
            Ok(ControlCommand::Help(module)) => {
                say(io::stdout(), ctrl::help(module));
                0
            }
            Ok(ControlCommand::Shell) => shell::run(&self.options, is_bare),
            Ok(ControlCommand::Broker(command)) => self.ask(Module::Broker, command.body()),
            Ok(ControlCommand::Dynsec(command)) => self.dynsec(command),
        }
    }

    fn dynsec(&mut self, mut command: DynsecCommand) -> u8 {
        if let Err(error) = new_password(&mut command) {
            self.complain(format_args!("Error: {error}."));
            return if matches!(error, PasswordError::Io(_)) { STATUS_FAILED } else { 0 };
        }
        let done = match (command.request, &self.options.data_file) {
            (DynsecRequest::Init, _) => file::init(&command),
            (_, Some(path)) => file::set_password(&command, path),
            (_, None) => return self.ask(Module::Dynsec, command.body()),
        };
        match done {
            Ok(text) => {
                say(io::stdout(), text);
                0
            }
            Err(failure) => {
                self.complain(&failure.text);
                failure.status
            }
        }
    }

    /// Sends a request to the broker and prints what comes of it.
    fn ask(&mut self, module: Module, body: Vec<u8>) -> u8 {
        if let Err(error) = flags::check_tls(TOOL, &self.options.connection.tls) {
            self.complain(error);
            return STATUS_FAILED;
        }
        if let Err(error) = password_of_user(&mut self.options.connection) {
            self.complain(format_args!("Error: {error}.\nError getting password."));
            return STATUS_FAILED;
        }
        if is_readable_by_others(&self.options.connection) {
            self.complain(
                "Warning: The connection is not encrypted. Everything that is sent can be read on the network, \
                 passwords too.\n",
            );
        }
        match self.answer(module, body) {
            Ok(payload) => {
                let report = ctrl::report(&payload);
                say(io::stdout(), &report.out);
                if !self.options.connection.quiet {
                    say(io::stderr(), &report.err);
                }
                0
            }
            Err(failure) => {
                self.complain(&failure);
                failure.status()
            }
        }
    }

    fn answer(&self, module: Module, body: Vec<u8>) -> Result<Vec<u8>, session::Failure> {
        let mut session = Session::open_once(&self.options)?;
        session.enter(module)?;
        let answer = session.ask(module, body, ANSWER_TIMEOUT);
        session.close();
        answer
    }

    /// Tells bad news, unless nobody wants them.
    fn complain(&self, text: impl Display) {
        if !self.options.connection.quiet {
            say(io::stderr(), format_args!("{text}\n"));
        }
    }
}

/// Asks for the password that a command needs, if it needs one.
fn new_password(command: &mut DynsecCommand) -> Result<(), PasswordError> {
    let name = command.text(Argument::Username).unwrap_or_default().to_owned();
    match command.password_need {
        PasswordNeed::None => return Ok(()),
        PasswordNeed::Optional => say(
            io::stdout(),
            format_args!("Press return for no password: {name} will be unable to log in then.\n"),
        ),
        PasswordNeed::Required => {}
    }
    let prompts = [format!("New password for {name}: "), format!("Reenter password for {name}: ")];
    let prompts = [prompts[0].as_str(), prompts[1].as_str()];
    match passwd::new_password(prompts, &mut TerminalSecrets, &mut io::stdout()) {
        Ok(password) => command.set_password(&String::from_utf8_lossy(&password)),
        Err(PasswordError::Empty) if command.password_need == PasswordNeed::Optional => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Asks for the password of `-u` if there is no `-P`.
fn password_of_user(connection: &mut Connection) -> Result<(), PasswordError> {
    let credentials = &mut connection.credentials;
    if let (Some(name), None) = (&credentials.username, &credentials.password) {
        let prompt = format!("Password for {name}: ");
        let password = passwd::ask(&prompt, &mut TerminalSecrets, &mut io::stdout())?;
        if password.is_empty() {
            return Err(PasswordError::Empty);
        }
        credentials.password = Some(password);
    }
    Ok(())
}

/// Whether what is sent goes over a network as it is.
fn is_readable_by_others(connection: &Connection) -> bool {
    let is_local = match &connection.address {
        Address::Unix(_) => true,
        Address::Tcp { host, .. } => {
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    };
    !connection.tls.enabled && (!is_local || connection.proxy.is_some())
}
