//! The commands of the `dynsec` module, each with its arguments.

use core::fmt;

use super::dynsec::DynsecRequest;
use DynsecRequest as Request;

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    /// Which one.
    pub request: DynsecRequest,
    /// Its name, on the command line in whichever case, and in the request.
    pub name: &'static str,
    /// What must follow.
    pub required: &'static [Argument],
    /// What may follow after that.
    pub optional: &'static [Argument],
    /// What stands behind it in the help, if the arguments do not say everything.
    pub more: &'static str,
}

/// What an argument is, and so the member of the request that it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Argument {
    Username,
    Groupname,
    Rolename,
    ClientId,
    Password,
    Topic,
    /// Which kind of access.
    AclType,
    /// `allow` or `deny`.
    Access,
    /// A whole number.
    Priority,
    /// How many of a list.
    Count,
    /// How many of a list are left out.
    Offset,
    /// The name of a file.
    File,
}

use Argument::{
    Access, AclType, ClientId, Count, File, Groupname, Offset, Password, Priority, Rolename, Topic, Username,
};

/// Every command of the module.
#[rustfmt::skip]
pub const DYNSEC_COMMANDS: &[CommandSpec] = &[
    spec(Request::Init, "init", &[File, Username], &[Password]),
    spec(Request::SetDefaultAclAccess, "setDefaultACLAccess", &[AclType, Access], &[]),
    spec(Request::GetDefaultAclAccess, "getDefaultACLAccess", &[], &[]),
    with_more(Request::CreateClient, "createClient", &[Username], &[], "[-c clientid] [-p password]"),
    spec(Request::DeleteClient, "deleteClient", &[Username], &[]),
    with_more(Request::SetClientPassword, "setClientPassword", &[Username], &[Password], "[-i iterations (with -f)]"),
    spec(Request::SetClientId, "setClientId", &[Username], &[ClientId]),
    spec(Request::AddClientRole, "addClientRole", &[Username, Rolename], &[Priority]),
    spec(Request::RemoveClientRole, "removeClientRole", &[Username, Rolename], &[]),
    spec(Request::GetClient, "getClient", &[Username], &[]),
    spec(Request::ListClients, "listClients", &[], &[Count, Offset]),
    spec(Request::EnableClient, "enableClient", &[Username], &[]),
    spec(Request::DisableClient, "disableClient", &[Username], &[]),
    spec(Request::CreateGroup, "createGroup", &[Groupname], &[]),
    spec(Request::DeleteGroup, "deleteGroup", &[Groupname], &[]),
    spec(Request::AddGroupRole, "addGroupRole", &[Groupname, Rolename], &[Priority]),
    spec(Request::RemoveGroupRole, "removeGroupRole", &[Groupname, Rolename], &[]),
    spec(Request::AddGroupClient, "addGroupClient", &[Groupname, Username], &[Priority]),
    spec(Request::RemoveGroupClient, "removeGroupClient", &[Groupname, Username], &[]),
    spec(Request::GetGroup, "getGroup", &[Groupname], &[]),
    spec(Request::ListGroups, "listGroups", &[], &[Count, Offset]),
    spec(Request::SetAnonymousGroup, "setAnonymousGroup", &[Groupname], &[]),
    spec(Request::GetAnonymousGroup, "getAnonymousGroup", &[], &[]),
    spec(Request::CreateRole, "createRole", &[Rolename], &[]),
    spec(Request::DeleteRole, "deleteRole", &[Rolename], &[]),
    spec(Request::AddRoleAcl, "addRoleACL", &[Rolename, AclType, Topic, Access], &[Priority]),
    spec(Request::RemoveRoleAcl, "removeRoleACL", &[Rolename, AclType, Topic], &[]),
    spec(Request::GetRole, "getRole", &[Rolename], &[]),
    spec(Request::ListRoles, "listRoles", &[], &[Count, Offset]),
];

const fn spec(
    request: DynsecRequest,
    name: &'static str,
    required: &'static [Argument],
    optional: &'static [Argument],
) -> CommandSpec {
    with_more(request, name, required, optional, "")
}

const fn with_more(
    request: DynsecRequest,
    name: &'static str,
    required: &'static [Argument],
    optional: &'static [Argument],
    more: &'static str,
) -> CommandSpec {
    CommandSpec { request, name, required, optional, more }
}

impl Argument {
    /// The member of the request, and what the help calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Username => "username",
            Groupname => "groupname",
            Rolename => "rolename",
            ClientId => "clientid",
            Password => "password",
            Topic => "topic",
            AclType => "acltype",
            Access => "allow",
            Priority => "priority",
            Count => "count",
            Offset => "offset",
            File => "file",
        }
    }
}

impl fmt::Display for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for argument in self.required {
            match argument {
                Access => f.write_str(" {allow | deny}")?,
                _ => write!(f, " {}", argument.name())?,
            }
        }
        for argument in self.optional {
            write!(f, " [{}]", argument.name())?;
        }
        if self.more.is_empty() { Ok(()) } else { write!(f, " {}", self.more) }
    }
}
