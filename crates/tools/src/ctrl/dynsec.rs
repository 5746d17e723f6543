//! The `dynsec` module: from arguments to a request.

use super::dynsec_table::{Argument, CommandSpec, DYNSEC_COMMANDS};
use super::{ControlError, request};
use crate::json::Json;
use crate::number::leading_integer;

/// What can be asked of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DynsecRequest {
    /// To make a new file with an administrator; no broker is asked.
    Init,
    SetDefaultAclAccess,
    GetDefaultAclAccess,
    CreateClient,
    DeleteClient,
    SetClientPassword,
    SetClientId,
    AddClientRole,
    RemoveClientRole,
    GetClient,
    ListClients,
    EnableClient,
    DisableClient,
    CreateGroup,
    DeleteGroup,
    AddGroupRole,
    RemoveGroupRole,
    AddGroupClient,
    RemoveGroupClient,
    GetGroup,
    ListGroups,
    SetAnonymousGroup,
    GetAnonymousGroup,
    CreateRole,
    DeleteRole,
    AddRoleAcl,
    RemoveRoleAcl,
    GetRole,
    ListRoles,
}

/// Whether a password must be asked for before the request is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordNeed {
    /// The request has none, or the arguments gave it.
    None,
    /// It must be typed twice. If the two differ, nothing is done and the exit status is 0.
    Required,
    /// The same, but an empty one means that the client cannot log in.
    Optional,
}

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct DynsecCommand {
    /// Which one.
    pub request: DynsecRequest,
    /// Whether to ask for a password, and then call [`Self::set_password`].
    pub password_need: PasswordNeed,
    /// `-i` of `setClientPassword` on a file: how many iterations to hash with.
    pub iterations: Option<u32>,
    members: Vec<(&'static str, Json)>,
}

/// The kinds of access that a role can have. The first two stand alone as defaults too.
const ACL_TYPES: [&str; 6] = [
    "publishClientSend",
    "publishClientReceive",
    "subscribeLiteral",
    "subscribePattern",
    "unsubscribeLiteral",
    "unsubscribePattern",
];
/// The kinds of access that have a default.
const DEFAULT_ACL_TYPES: [&str; 4] =
    ["publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"];

impl DynsecCommand {
    /// An argument of the command as text, if it was given.
    pub fn text(&self, argument: Argument) -> Option<&str> {
        let value = self.members.iter().find(|(name, _)| *name == argument.name()).map(|(_, value)| value)?;
        match value {
            Json::Text(bytes) => core::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Adds the password that was asked for.
    pub fn set_password(&mut self, password: &str) {
        self.members.push((Argument::Password.name(), Json::from(password)));
        self.password_need = PasswordNeed::None;
    }

    /// The payload of the request.
    pub fn body(&self) -> Vec<u8> {
        let name =
            DYNSEC_COMMANDS.iter().find(|spec| spec.request == self.request).map_or("", |spec| spec.name);
        let mut members = vec![("command", Json::from(name))];
        let arguments = self.members.iter().cloned();
        if self.request == DynsecRequest::SetDefaultAclAccess {
            members.push(("acls", Json::Array(vec![Json::object(arguments)])));
        } else {
            members.extend(arguments);
        }
        request(Json::object(members))
    }
}

/// Reads the command and its arguments.
pub(super) fn parse(
    name: &str,
    arguments: &[String],
    on_a_file: bool,
) -> Result<DynsecCommand, ControlError> {
    let spec = DYNSEC_COMMANDS
        .iter()
        .find(|spec| spec.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| ControlError::UnknownCommand { name: name.to_owned() })?;
    let works_on_a_file = matches!(spec.request, DynsecRequest::SetClientPassword | DynsecRequest::Init);
    if on_a_file && !works_on_a_file {
        return Err(ControlError::NotOnAFile { name: spec.name });
    }
    let mut command = DynsecCommand {
        request: spec.request,
        password_need: PasswordNeed::None,
        iterations: None,
        members: Vec::new(),
    };
    let rest = positional(spec, arguments, &mut command)?;
    match spec.request {
        DynsecRequest::CreateClient => create_client(rest, &mut command)?,
        DynsecRequest::SetClientPassword if on_a_file => iterations(rest, &mut command)?,
        _ if !rest.is_empty() => return Err(ControlError::Invalid { detail: None }),
        _ => {}
    }
    if command.text(Argument::Password).is_none() {
        command.password_need = match spec.request {
            DynsecRequest::CreateClient => PasswordNeed::Optional,
            DynsecRequest::SetClientPassword | DynsecRequest::Init => PasswordNeed::Required,
            _ => PasswordNeed::None,
        };
    }
    Ok(command)
}

/// The arguments that stand in their places; answers what is left.
fn positional<'a>(
    spec: &CommandSpec,
    arguments: &'a [String],
    command: &mut DynsecCommand,
) -> Result<&'a [String], ControlError> {
    if arguments.len() < spec.required.len() {
        return Err(ControlError::Invalid { detail: None });
    }
    let expected = spec.required.iter().chain(spec.optional);
    let mut taken = 0;
    for (argument, text) in expected.zip(arguments) {
        command.members.push((argument.name(), value(spec, *argument, text)?));
        taken += 1;
    }
    Ok(&arguments[taken..])
}

fn value(spec: &CommandSpec, argument: Argument, text: &str) -> Result<Json, ControlError> {
    match argument {
        Argument::AclType => {
            let types: &[&str] = match spec.request {
                DynsecRequest::SetDefaultAclAccess => &DEFAULT_ACL_TYPES,
                _ => &ACL_TYPES,
            };
            let found = types.iter().find(|other| other.eq_ignore_ascii_case(text));
            found
                .map(|name| Json::from(*name))
                .ok_or_else(|| ControlError::invalid(format!("Unknown acltype '{text}'.")))
        }
        Argument::Access if text.eq_ignore_ascii_case("allow") => Ok(Json::Bool(true)),
        Argument::Access if text.eq_ignore_ascii_case("deny") => Ok(Json::Bool(false)),
        Argument::Access => Err(ControlError::invalid(format!("Unknown access '{text}'."))),
        Argument::Priority | Argument::Count | Argument::Offset => {
            let bounded = leading_integer(text).clamp(i32::MIN.into(), i32::MAX.into());
            Ok(Json::from(i32::try_from(bounded).unwrap_or(0)))
        }
        _ => Ok(Json::from(text)),
    }
}

/// `-c` or `-i` and the Client Identifier, `-p` and the password.
fn create_client(arguments: &[String], command: &mut DynsecCommand) -> Result<(), ControlError> {
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let argument = match flag.as_str() {
            "-c" | "-i" => Argument::ClientId,
            "-p" => Argument::Password,
            _ => return Err(ControlError::invalid(format!("Unknown argument: {flag}"))),
        };
        let Some(text) = rest.next() else {
            let detail = format!("{flag} argument given, but no {} provided.", argument.name());
            return Err(ControlError::invalid(detail));
        };
        command.members.push((argument.name(), Json::from(text.as_str())));
    }
    Ok(())
}

/// `-i` and how many iterations.
fn iterations(arguments: &[String], command: &mut DynsecCommand) -> Result<(), ControlError> {
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        if flag != "-i" {
            return Err(ControlError::invalid(format!("Unknown argument: {flag}")));
        }
        let text = rest
            .next()
            .ok_or_else(|| ControlError::invalid("-i argument given, but no iterations provided."))?;
        let number = u32::try_from(leading_integer(text)).ok().filter(|number| *number > 0);
        command.iterations =
            Some(number.ok_or_else(|| ControlError::invalid("Number of iterations must be > 0."))?);
    }
    Ok(())
}
