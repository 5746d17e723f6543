//! The commands that clients publish to [`COMMAND_TOPIC`](crate::COMMAND_TOPIC), their answers and their effects.
//!
//! A request is an object with a list `commands`. They are done one after the other; each is done whole or not at all. The
//! answer has an entry for each command; one that is no command ends the request.

use core::fmt::Write as _;
use std::collections::BTreeSet;

use martlet_json::{Json, Layout};

use crate::DynamicSecurity;
use crate::limits::{COMMANDS_PER_REQUEST_MAX, RESPONSE_BYTES_MAX};

mod access;
mod arguments;
mod clients;
mod groups;
mod lists;
mod refusal;
mod roles;

use arguments::Arguments;
use refusal::Refusal;

/// Stands for the name of a command that has none.
const UNKNOWN_COMMAND: &str = "Unknown command";

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requester<'a> {
    /// Its Client Identifier.
    pub client_id: &'a str,
    /// Its user name.
    pub user_name: Option<&'a str>,
}

/// Hashes passwords.
pub trait PasswordHasher {
    /// The hash of a password in one of the formats of a password file, or nothing if there is no randomness or memory for
    /// it. May take long.
    fn hash(&mut self, password: &[u8]) -> Option<String>;
}

/// Knows who is connected.
pub trait Connections {
    /// The network addresses of the clients that are connected with a user name, without their ports.
    fn addresses(&self, user_name: &str) -> Vec<String>;
}

/// Who has to be disconnected, since what they may do has changed: with reason code 0x98 (Administrative action), and only
/// after the answer was published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kicked {
    /// All clients with one of these user names.
    pub user_names: BTreeSet<String>,
    /// All clients without a user name.
    pub anonymous: bool,
}

impl Kicked {
    /// Whether it is nobody.
    pub fn is_empty(&self) -> bool {
        self.user_names.is_empty() && !self.anonymous
    }

    /// Whether it is a client with this user name, or without one.
    pub fn has(&self, user_name: Option<&str>) -> bool {
        user_name.map_or(self.anonymous, |user_name| self.user_names.contains(user_name))
    }

    fn client(&mut self, user_name: &str) {
        self.user_names.insert(user_name.to_owned());
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The payload of the answer, to be published to [`RESPONSE_TOPIC`](crate::RESPONSE_TOPIC).
    pub response: Vec<u8>,
    /// Whether anything has changed: then the file has to be written, and the rules made anew.
    pub changed: bool,
    /// Who has to be disconnected.
    pub kicked: Kicked,
    /// What was done, a line for each command that was, as Mosquitto logs it. Without passwords.
    pub log: Vec<String>,
}

/// What a command has to work with besides the state, and what it leaves behind.
struct Context<'a> {
    hasher: &'a mut dyn PasswordHasher,
    connections: &'a dyn Connections,
    kicked: Kicked,
    changed: bool,
    /// What the line of the log says after the name of the command; more lines begin with the name again.
    details: Vec<String>,
}

/// The data of an answer, if it has any.
type Answer = Result<Option<Json>, Refusal>;
/// Does one command.
type Handler = fn(&mut DynamicSecurity, Arguments<'_>, &mut Context<'_>) -> Answer;

/// Every command.
const COMMANDS: [(&str, Handler); 32] = [
    ("setDefaultACLAccess", DynamicSecurity::set_default_access),
    ("getDefaultACLAccess", DynamicSecurity::get_default_access),
    ("createClient", DynamicSecurity::create_client),
    ("deleteClient", DynamicSecurity::delete_client),
    ("setClientPassword", DynamicSecurity::set_client_password),
    ("setClientId", DynamicSecurity::set_client_id),
    ("modifyClient", DynamicSecurity::modify_client),
    ("enableClient", DynamicSecurity::enable_client),
    ("disableClient", DynamicSecurity::disable_client),
    ("getClient", DynamicSecurity::get_client),
    ("listClients", DynamicSecurity::list_clients),
    ("addClientRole", DynamicSecurity::add_client_role),
    ("removeClientRole", DynamicSecurity::remove_client_role),
    ("createGroup", DynamicSecurity::create_group),
    ("deleteGroup", DynamicSecurity::delete_group),
    ("modifyGroup", DynamicSecurity::modify_group),
    ("getGroup", DynamicSecurity::get_group),
    ("listGroups", DynamicSecurity::list_groups),
    ("addGroupRole", DynamicSecurity::add_group_role),
    ("removeGroupRole", DynamicSecurity::remove_group_role),
    ("addGroupClient", DynamicSecurity::add_group_client),
    ("removeGroupClient", DynamicSecurity::remove_group_client),
    ("setAnonymousGroup", DynamicSecurity::set_anonymous_group),
    ("getAnonymousGroup", DynamicSecurity::get_anonymous_group),
    ("createRole", DynamicSecurity::create_role),
    ("deleteRole", DynamicSecurity::delete_role),
    ("modifyRole", DynamicSecurity::modify_role),
    ("getRole", DynamicSecurity::get_role),
    ("listRoles", DynamicSecurity::list_roles),
    ("addRoleACL", DynamicSecurity::add_role_acl),
    ("removeRoleACL", DynamicSecurity::remove_role_acl),
    ("getDetails", DynamicSecurity::get_details),
];

impl DynamicSecurity {
    /// Does the commands of a request. Whoever calls has made sure that the client may publish to
    /// [`COMMAND_TOPIC`](crate::COMMAND_TOPIC).
    ///
    /// Never fails: what is wrong with a request, its answer says, in Mosquitto's words.
    pub fn handle(
        &mut self,
        request: &[u8],
        requester: Requester<'_>,
        hasher: &mut dyn PasswordHasher,
        connections: &dyn Connections,
    ) -> Outcome {
        let mut context =
            Context { hasher, connections, kicked: Kicked::default(), changed: false, details: Vec::new() };
        let mut responses = Responses::default();
        let mut log = Vec::new();
        let tree = martlet_json::parse_leading(request).map(|(tree, _)| tree);
        match tree.as_ref().map(|tree| Arguments::new(tree).list("commands")) {
            Err(_) => responses.push(UNKNOWN_COMMAND.as_bytes(), Err(Refusal::NotJson), None),
            Ok(None) => responses.push(UNKNOWN_COMMAND.as_bytes(), Err(Refusal::Commands), None),
            Ok(Some(commands)) => {
                for (number, command) in commands.iter().enumerate() {
                    let is_one_too_many = number >= COMMANDS_PER_REQUEST_MAX;
                    let goes_on = !is_one_too_many && self.command(command, &mut responses, &mut context);
                    log_lines(&mut log, command, requester, &mut context.details);
                    if is_one_too_many {
                        responses.push(UNKNOWN_COMMAND.as_bytes(), Err(Refusal::TooManyCommands), None);
                    }
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        let Context { kicked, changed, .. } = context;
        Outcome { response: responses.finish(), changed, kicked, log }
    }

    /// Does one command, and answers whether the next one may follow.
    fn command(&mut self, command: &Json, responses: &mut Responses, context: &mut Context<'_>) -> bool {
        if !matches!(command, Json::Object(_)) {
            responses.push(UNKNOWN_COMMAND.as_bytes(), Err(Refusal::NoObject), None);
            return false;
        }
        let arguments = Arguments::new(command);
        let Some(Json::Text(name)) = arguments.value("command") else {
            responses.push(UNKNOWN_COMMAND.as_bytes(), Err(Refusal::NoCommand), None);
            return false;
        };
        let correlation_data = match arguments.value("correlationData") {
            None => None,
            Some(Json::Text(data)) => Some(data.as_slice()),
            Some(_) => {
                responses.push(name, Err(Refusal::CorrelationData), None);
                return false;
            }
        };
        let found = COMMANDS.iter().find(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name));
        match found {
            None => responses.push(name, Err(Refusal::UnknownCommand), correlation_data),
            Some((name, handler)) => {
                let change_index = self.change_index;
                let answer = handler(self, arguments, context);
                context.changed |= self.change_index != change_index;
                responses.push(name.as_bytes(), answer, correlation_data);
            }
        }
        true
    }

    /// Counts a change.
    const fn change(&mut self) {
        self.change_index = self.change_index.saturating_add(1);
    }
}

/// The answer as it grows.
#[derive(Default)]
struct Responses {
    entries: Vec<u8>,
}

impl Responses {
    fn push(&mut self, command: &[u8], answer: Answer, correlation_data: Option<&[u8]>) {
        let mut entry = entry(command, answer, correlation_data);
        if self.entries.len() + entry.len() > RESPONSE_BYTES_MAX {
            entry = self::entry(command, Err(Refusal::ResponseTooLarge), correlation_data);
        }
        if !self.entries.is_empty() {
            self.entries.push(b',');
        }
        self.entries.extend_from_slice(&entry);
    }

    fn finish(self) -> Vec<u8> {
        [br#"{"responses":["#.as_slice(), &self.entries, b"]}"].concat()
    }
}

fn entry(command: &[u8], answer: Answer, correlation_data: Option<&[u8]>) -> Vec<u8> {
    let mut members = vec![("command", Json::Text(command.to_vec()))];
    match answer {
        Ok(data) => members.extend(data.map(|data| ("data", data))),
        Err(refusal) => members.push(("error", Json::from(refusal.to_string().as_str()))),
    }
    members.extend(correlation_data.map(|data| ("correlationData", Json::Text(data.to_vec()))));
    Json::object(members).to_bytes(Layout::Compact)
}

/// The lines for a command that was done.
fn log_lines(log: &mut Vec<String>, command: &Json, requester: Requester<'_>, details: &mut Vec<String>) {
    let Some(Json::Text(name)) = Arguments::new(command).value("command") else { return };
    let found = COMMANDS.iter().find(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name));
    let Some((name, _)) = found else { return };
    for detail in details.drain(..) {
        let user_name = requester.user_name.unwrap_or("(null)");
        let mut line = format!("dynsec: {}/{user_name} | {name}", requester.client_id);
        if !detail.is_empty() {
            let _ = write!(line, " | {detail}");
        }
        log.push(line);
    }
}

#[cfg(test)]
mod tests;
