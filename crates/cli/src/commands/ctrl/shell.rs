//! The interactive shell: lines in, text out, and a connection between.
//!
//! On a terminal there are a prompt, editing and colours. From a pipe there are the lines alone, and the exit status
//! tells whether one of them failed.

use core::cell::RefCell;
use std::env;
use std::io;
use std::rc::Rc;

use martlet_client::ProtocolVersion;
use martlet_tools::ctrl::shell::{Query, Shell, Step, Style, Target};
use martlet_tools::ctrl::{Argument, DynsecCommand, Module, PasswordNeed};
use martlet_tools::flags::{self, Address, Connection, ControlOptions, Credentials, Version};
use martlet_tools::passwd::{self, PasswordError, Secrets, TerminalSecrets};

use super::lines::Lines;
use super::session::{ANSWER_TIMEOUT, Failure, Session};
use crate::connect::refusal;
use crate::say;

/// A shell with its connection.
struct Running {
    options: ControlOptions,
    shell: Rc<RefCell<Shell>>,
    lines: Lines,
    session: Option<Session>,
    style: Style,
    has_failed: bool,
}

/// Runs the shell until its end. With flags on the command line it connects at once.
pub(super) fn run(options: &ControlOptions, is_bare: bool) -> u8 {
    let shell = Rc::new(RefCell::new(Shell::new()));
    let lines = match Lines::open(&shell) {
        Ok(lines) => lines,
        Err(error) => {
            say(io::stderr(), format_args!("Error: {error}.\n"));
            return super::STATUS_FAILED;
        }
    };
    let is_terminal = lines.is_terminal();
    let is_coloured = is_terminal && env::var_os("NO_COLOR").is_none();
    let mut running = Running {
        options: options.clone(),
        shell,
        lines,
        session: None,
        style: if is_coloured { Style::Coloured } else { Style::Plain },
        has_failed: false,
    };
    // Answers carry their reason codes from MQTT 5 on.
    running.options.connection.version = Version::V5;
    if is_terminal {
        say(io::stdout(), format_args!("martlet ctrl {}. 'help' tells more.\n", env!("CARGO_PKG_VERSION")));
    }
    if !is_bare {
        // In a pipe the first line is a command.
        if is_terminal && let Err(error) = super::password_of_user(&mut running.options.connection) {
            say(io::stderr(), format_args!("Error: {error}.\n"));
            return super::STATUS_FAILED;
        }
        running.connect(None);
        if running.session.is_none() {
            return super::STATUS_FAILED;
        }
    }
    let outcome = running.work();
    if let Some(session) = running.session.take() {
        session.close();
    }
    match outcome {
        Ok(()) if running.has_failed && !is_terminal => super::STATUS_FAILED,
        Ok(()) => 0,
        Err(error) => {
            say(io::stderr(), format_args!("Error: {error}.\n"));
            super::STATUS_FAILED
        }
    }
}

impl Running {
    fn work(&mut self) -> io::Result<()> {
        loop {
            let prompt = self.shell.borrow().prompt();
            let Some(line) = self.lines.next(&prompt)? else {
                if self.lines.is_terminal() {
                    say(io::stdout(), "\n");
                }
                return Ok(());
            };
            if !line.trim().is_empty() {
                self.lines.remember(line.trim_end());
            }
            let step = self.shell.borrow_mut().line(&line);
            match step {
                Step::Nothing | Step::Leave => {}
                Step::Say(text) => say(io::stdout(), text),
                Step::Complain(text) => self.complain(&text),
                Step::Login { username } => self.log_in(username)?,
                Step::Connect(target) => self.connect(target),
                Step::Enter(module) => self.enter(module),
                Step::Ask(query) => self.ask(query),
                Step::Disconnect => self.disconnect(),
                Step::Exit => return Ok(()),
            }
        }
    }

    fn log_in(&mut self, username: Option<String>) -> io::Result<()> {
        let username = match username {
            Some(name) => Some(name),
            None => self.lines.next("username: ")?.map(|line| line.trim_end().to_owned()),
        };
        let password = self.secret("password:")?;
        self.options.connection.credentials = Credentials { username, password: Some(password) };
        Ok(())
    }

    /// Asks for a secret; without a terminal it is the next line.
    fn secret(&self, prompt: &str) -> io::Result<Vec<u8>> {
        if self.lines.is_terminal() {
            return passwd::ask(prompt, &mut TerminalSecrets, &mut io::stdout());
        }
        // Someone may type though the output goes elsewhere.
        let _hidden = TerminalSecrets.hide()?;
        TerminalSecrets.line()
    }

    fn connect(&mut self, target: Option<Target>) {
        if let Some(target) = target {
            aim(&mut self.options.connection, &target);
        }
        if let Err(error) = flags::check_tls(super::TOOL, &self.options.connection.tls) {
            return self.fail(&error.to_string());
        }
        match Session::open_for_long(&self.options) {
            Ok(session) => {
                self.session = Some(session);
                self.shell.borrow_mut().connected(url(&self.options.connection));
            }
            Err(Failure::Connect(martlet_client::ConnectError::Refused(reason), _)) => {
                self.fail(&format!("Unable to connect: {}", refusal(reason.code, ProtocolVersion::Mqtt5)));
            }
            Err(failure) => self.fail(&format!("Unable to connect: {failure}")),
        }
    }

    fn disconnect(&mut self) {
        if let Some(session) = self.session.take() {
            session.close();
        }
        self.shell.borrow_mut().disconnected();
    }

    fn enter(&mut self, module: Module) {
        let entered = self.session.as_mut().map_or(Err(Failure::Lost), |session| session.enter(module));
        if let Err(failure) = entered {
            return self.told(&failure);
        }
        let lists = self.shell.borrow_mut().entered(module);
        for list in &lists {
            self.learn(list);
        }
    }

    fn ask(&mut self, mut query: Query) {
        if let Query::Dynsec(command) = &mut query
            && let Err(error) = self.password(command)
        {
            return self.fail(&format!("{error}."));
        }
        match self.answer(&query) {
            Ok(payload) => {
                let heard = self.shell.borrow().heard(&payload, self.style);
                self.has_failed |= heard.is_failure;
                say(io::stdout(), heard.text);
                if let Some(list) = query.changed_list().filter(|_| !heard.is_failure) {
                    self.learn(&list);
                }
            }
            Err(failure) => self.told(&failure),
        }
    }

    /// Asks for the password that a command needs.
    fn password(&self, command: &mut DynsecCommand) -> Result<(), PasswordError> {
        if command.password_need == PasswordNeed::None || command.text(Argument::Password).is_some() {
            return Ok(());
        }
        let first = self.secret("password:")?;
        if first.is_empty() && command.password_need == PasswordNeed::Optional {
            return Ok(());
        }
        if first.is_empty() {
            return Err(PasswordError::Empty);
        }
        if self.secret("password again:")? != first {
            return Err(PasswordError::Mismatch);
        }
        command.set_password(&String::from_utf8_lossy(&first));
        Ok(())
    }

    fn answer(&mut self, query: &Query) -> Result<Vec<u8>, Failure> {
        let session = self.session.as_mut().ok_or(Failure::Lost)?;
        session.ask(query.module(), query.body(), ANSWER_TIMEOUT)
    }

    /// Asks for a list that nobody waits to see.
    fn learn(&mut self, list: &Query) {
        if let Ok(payload) = self.answer(list) {
            self.shell.borrow_mut().learn(&payload);
        }
    }

    /// Tells why there is no answer; without a connection the shell is where it began.
    fn told(&mut self, failure: &Failure) {
        match failure {
            Failure::NoAnswer => self.fail("Timed out with no response."),
            failure => self.fail(&failure.to_string()),
        }
        if self.session.as_ref().is_none_or(Session::has_ended) {
            self.fail("The connection to the broker has ended.");
            self.session = None;
            self.shell.borrow_mut().disconnected();
        }
    }

    fn complain(&mut self, text: &str) {
        self.has_failed = true;
        say(io::stdout(), text);
    }

    fn fail(&mut self, text: &str) {
        let text = self.style.error(text) + "\n";
        self.complain(&text);
    }
}

/// Points a connection at another broker.
fn aim(connection: &mut Connection, target: &Target) {
    connection.address = Address::Tcp { host: target.host.clone(), port: target.port };
    connection.web_socket = target.web_socket;
    let trusts_files = connection.tls.roots.file.is_some() || connection.tls.roots.directory.is_some();
    connection.tls.enabled = target.encrypted || trusts_files;
    connection.tls.roots.system |= target.encrypted && !trusts_files;
}

/// Where a connection leads, as a URL.
fn url(connection: &Connection) -> String {
    let (web_socket, encrypted) = (connection.web_socket, connection.tls.enabled);
    match &connection.address {
        Address::Tcp { host, port } => {
            Target { host: host.clone(), port: *port, web_socket, encrypted }.to_string()
        }
        Address::Unix(path) => format!("unix:{}", path.display()),
    }
}
