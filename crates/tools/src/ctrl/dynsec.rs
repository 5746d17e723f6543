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
    GetDetails,
    ModifyClient,
    ModifyGroup,
    ModifyRole,
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
    name: &'static str,
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
    /// A command without arguments, and its name in the request.
    pub(super) const fn new(request: DynsecRequest, name: &'static str) -> Self {
        Self { request, password_need: PasswordNeed::None, iterations: None, name, members: Vec::new() }
    }

    /// Adds a member of the request.
    pub(super) fn push(&mut self, name: &'static str, value: Json) {
        self.members.push((name, value));
    }

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
        let mut members = vec![("command", Json::from(self.name))];
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
    let mut command = DynsecCommand::new(spec.request, spec.name);
    let rest = positional(spec, arguments, &mut command)?;
    match spec.request {
        DynsecRequest::CreateClient => create_client(rest, &mut command)?,
        DynsecRequest::SetClientPassword if on_a_file => iterations(rest, &mut command)?,
        _ if !rest.is_empty() => return Err(ControlError::Usage { command: *spec }),
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
pub(super) fn positional<'a, S: AsRef<str>>(
    spec: &CommandSpec,
    arguments: &'a [S],
    command: &mut DynsecCommand,
) -> Result<&'a [S], ControlError> {
    if arguments.len() < spec.required.len() {
        return Err(ControlError::Usage { command: *spec });
    }
    let expected = spec.required.iter().chain(spec.optional);
    let mut taken = 0;
    for (argument, text) in expected.zip(arguments) {
        if let Some(value) = value(spec, *argument, text.as_ref())? {
            command.push(argument.name(), value);
        }
        taken += 1;
    }
    Ok(&arguments[taken..])
}

/// The value of the request's member; none for a count or an offset of 0 or less, which stands for all.
fn value(spec: &CommandSpec, argument: Argument, text: &str) -> Result<Option<Json>, ControlError> {
    let number = || leading_integer(text).clamp(i32::MIN.into(), i32::MAX.into());
    Ok(Some(match argument {
        Argument::AclType => {
            let found = acl_types(spec.request).iter().find(|other| other.eq_ignore_ascii_case(text));
            let unknown = || ControlError::invalid(format!("Unknown acltype '{text}'."));
            Json::from(*found.ok_or_else(unknown)?)
        }
        Argument::Access if text.eq_ignore_ascii_case("allow") => Json::Bool(true),
        Argument::Access if text.eq_ignore_ascii_case("deny") => Json::Bool(false),
        Argument::Access => {
            return Err(ControlError::invalid(format!("Unknown access '{text}'.")));
        }
        Argument::Count | Argument::Offset if number() <= 0 => return Ok(None),
        Argument::Priority | Argument::Count | Argument::Offset => {
            Json::from(i32::try_from(number()).unwrap_or(0))
        }
        _ => Json::from(text),
    }))
}

/// The kinds of access that a request can be about.
pub(super) const fn acl_types(request: DynsecRequest) -> &'static [&'static str] {
    match request {
        DynsecRequest::SetDefaultAclAccess => &DEFAULT_ACL_TYPES,
        _ => &ACL_TYPES,
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
        command.push(argument.name(), Json::from(text.as_str()));
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
