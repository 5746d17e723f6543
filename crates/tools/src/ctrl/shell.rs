//! The interactive shell of `mosquitto_ctrl`: lines become steps, answers become text.
//!
//! The shell knows where it is (not connected, connected, within a module) and the names that it has seen, with which it
//! completes words. Reading lines, connecting and asking the broker is for the caller, who tells the shell what came of it.

use super::answer::{Answer, Outcome, names};
use super::dynsec::{DynsecCommand, DynsecRequest};
use super::{BrokerCommand, Module};

mod complete;
mod describe;
mod help;
mod parse;
mod target;

pub use describe::Style;
pub use target::{Target, TargetError};

/// How many names of a kind are remembered for completion.
const NAMES_MAX: usize = 10_000;

/// The state of a shell.
#[derive(Clone, Debug, Default)]
pub struct Shell {
    /// The broker's URL, while connected.
    broker: Option<String>,
    module: Option<Module>,
    known: Known,
}

/// The names that lists brought.
#[derive(Clone, Debug, Default)]
struct Known {
    clients: Vec<String>,
    groups: Vec<String>,
    roles: Vec<String>,
}

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing: the line is empty.
    Nothing,
    /// Nothing more: the shell has left the module.
    Leave,
    /// To print this text.
    Say(String),
    /// To print this text, which is about a line that cannot be followed.
    Complain(String),
    /// To ask for a password, and first for a user name if there is none, and use them for the next connection.
    Login {
        /// The user name.
        username: Option<String>,
    },
    /// To connect, there or to where the command line says, and to call [`Shell::connected`].
    Connect(Option<Target>),
    /// To subscribe to the answers of a module, and to call [`Shell::entered`].
    Enter(Module),
    /// To ask the module for something and to give the answer to [`Shell::heard`].
    Ask(Query),
    /// To disconnect, and to call [`Shell::disconnected`].
    Disconnect,
    /// To end.
    Exit,
}

/// A question to a module.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// To the broker itself.
    Broker(BrokerCommand),
    /// About clients, groups and roles. It may need a password before it can be sent.
    Dynsec(DynsecCommand),
}

/// What an answer comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What to print.
    pub text: String,
    /// Whether it is bad news.
    pub is_failure: bool,
}

impl Query {
    /// The module that it is for.
    pub const fn module(&self) -> Module {
        match self {
            Self::Broker(_) => Module::Broker,
            Self::Dynsec(_) => Module::Dynsec,
        }
    }

    /// The payload of the request.
    pub fn body(&self) -> Vec<u8> {
        match self {
            Self::Broker(command) => command.body(),
            Self::Dynsec(command) => command.body(),
        }
    }

    /// The list that it changes, if it is done. Asking for it keeps the completion right.
    pub fn changed_list(&self) -> Option<Self> {
        use DynsecRequest as R;
        let Self::Dynsec(command) = self else { return None };
        match command.request {
            R::CreateClient | R::DeleteClient => Some(Self::clients()),
            R::CreateGroup | R::DeleteGroup => Some(Self::groups()),
            R::CreateRole | R::DeleteRole => Some(Self::roles()),
            _ => None,
        }
    }

    const fn clients() -> Self {
        Self::Dynsec(DynsecCommand::new(DynsecRequest::ListClients, "listClients"))
    }

    const fn groups() -> Self {
        Self::Dynsec(DynsecCommand::new(DynsecRequest::ListGroups, "listGroups"))
    }

    const fn roles() -> Self {
        Self::Dynsec(DynsecCommand::new(DynsecRequest::ListRoles, "listRoles"))
    }
}

impl Shell {
    /// A shell without a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// There is a connection to the broker at this URL.
    pub fn connected(&mut self, url: impl Into<String>) {
        *self = Self { broker: Some(url.into()), ..Self::default() };
    }

    /// There is no connection any more.
    pub fn disconnected(&mut self) {
        *self = Self::default();
    }

    /// The answers of a module can be heard. The lists that should be asked for come back: see [`Shell::learn`].
    pub fn entered(&mut self, module: Module) -> Vec<Query> {
        self.module = Some(module);
        match module {
            Module::Broker => Vec::new(),
            Module::Dynsec => vec![Query::clients(), Query::groups(), Query::roles()],
        }
    }

    /// Takes an answer that nobody waits to see: the names in a list.
    pub fn learn(&mut self, payload: &[u8]) {
        let Ok(Answer { command, outcome: Outcome::Data(data) }) = Answer::parse(payload) else { return };
        let (known, list, member) = match command.as_str() {
            "listClients" => (&mut self.known.clients, "clients", "username"),
            "listGroups" => (&mut self.known.groups, "groups", "groupname"),
            "listRoles" => (&mut self.known.roles, "roles", "rolename"),
            _ => return,
        };
        *known = names(&data, list, member);
        known.truncate(NAMES_MAX);
    }

    /// Takes the answer to a question.
    pub fn heard(&self, payload: &[u8], style: Style) -> Heard {
        describe::heard(payload, style)
    }

    /// What stands before the line.
    pub fn prompt(&self) -> String {
        match (&self.broker, self.module) {
            (None, _) => "> ".to_owned(),
            (Some(url), None) => format!("{url}> "),
            (Some(url), Some(module)) => format!("{url}|{}> ", module.name()),
        }
    }

    /// Finds out what a line asks for.
    pub fn line(&mut self, line: &str) -> Step {
        let step = parse::step(self, line);
        if step == Step::Leave {
            self.module = None;
        }
        step
    }

    /// The words that can stand at the end of a line, and the byte at which the word begins that they would replace.
    pub fn complete(&self, line: &str) -> (usize, Vec<String>) {
        complete::complete(self, line)
    }
}
