//! The commands of the `dynsec` module, each with its arguments.

use core::fmt;

use super::dynsec::DynsecRequest;
use DynsecRequest as Request;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// What it does, in a sentence.
    pub about: &'static str,
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
    /// What `modifyClient` and its like change.
    Property,
}

use Argument::{
    Access, AclType, ClientId, Count, File, Groupname, Offset, Password, Priority, Property, Rolename, Topic,
    Username,
};

/// Every command of the module on the command line.
#[rustfmt::skip]
pub const DYNSEC_COMMANDS: &[CommandSpec] = &[
    spec(Request::Init, "init", &[File, Username], &[Password], "Make a new file with an administrator."),
    spec(Request::SetDefaultAclAccess, "setDefaultACLAccess", &[AclType, Access], &[], "Say what is allowed where no role says anything."),
    spec(Request::GetDefaultAclAccess, "getDefaultACLAccess", &[], &[], "Print what is allowed where no role says anything."),
    spec(Request::CreateClient, "createClient", &[Username], &[], "Create a client. Without a password it cannot log in.").with("[-c clientid] [-p password]"),
    spec(Request::DeleteClient, "deleteClient", &[Username], &[], "Delete a client."),
    spec(Request::SetClientPassword, "setClientPassword", &[Username], &[Password], "Give a client another password.").with("[-i iterations (with -f)]"),
    spec(Request::SetClientId, "setClientId", &[Username], &[ClientId], "Bind a client to a Client Identifier, or to none."),
    spec(Request::AddClientRole, "addClientRole", &[Username, Rolename], &[Priority], "Give a client a role. Roles of higher priority are asked first."),
    spec(Request::RemoveClientRole, "removeClientRole", &[Username, Rolename], &[], "Take a role from a client."),
    spec(Request::GetClient, "getClient", &[Username], &[], "Print a client with its roles and groups."),
    spec(Request::ListClients, "listClients", &[], &[Count, Offset], "Print the names of clients."),
    spec(Request::EnableClient, "enableClient", &[Username], &[], "Let a client log in again."),
    spec(Request::DisableClient, "disableClient", &[Username], &[], "Let a client log in no more, and disconnect it."),
    spec(Request::CreateGroup, "createGroup", &[Groupname], &[], "Create a group."),
    spec(Request::DeleteGroup, "deleteGroup", &[Groupname], &[], "Delete a group."),
    spec(Request::AddGroupRole, "addGroupRole", &[Groupname, Rolename], &[Priority], "Give a group a role. Roles of higher priority are asked first."),
    spec(Request::RemoveGroupRole, "removeGroupRole", &[Groupname, Rolename], &[], "Take a role from a group."),
    spec(Request::AddGroupClient, "addGroupClient", &[Groupname, Username], &[Priority], "Add a client to a group. Of its groups those of higher priority are asked first."),
    spec(Request::RemoveGroupClient, "removeGroupClient", &[Groupname, Username], &[], "Take a client out of a group."),
    spec(Request::GetGroup, "getGroup", &[Groupname], &[], "Print a group with its roles and clients."),
    spec(Request::ListGroups, "listGroups", &[], &[Count, Offset], "Print the names of groups."),
    spec(Request::SetAnonymousGroup, "setAnonymousGroup", &[Groupname], &[], "Choose the group of clients without a name."),
    spec(Request::GetAnonymousGroup, "getAnonymousGroup", &[], &[], "Print the group of clients without a name."),
    spec(Request::CreateRole, "createRole", &[Rolename], &[], "Create a role."),
    spec(Request::DeleteRole, "deleteRole", &[Rolename], &[], "Delete a role."),
    spec(Request::AddRoleAcl, "addRoleACL", &[Rolename, AclType, Topic, Access], &[Priority], "Let a role allow or deny something. Entries of higher priority are asked first."),
    spec(Request::RemoveRoleAcl, "removeRoleACL", &[Rolename, AclType, Topic], &[], "Remove what a role allows or denies."),
    spec(Request::GetRole, "getRole", &[Rolename], &[], "Print a role with what it allows and denies."),
    spec(Request::ListRoles, "listRoles", &[], &[Count, Offset], "Print the names of roles."),
];

/// Commands of the shell that are not those of the command line, or are written differently there.
#[rustfmt::skip]
pub(super) const SHELL_COMMANDS: &[CommandSpec] = &[
    spec(Request::CreateClient, "createClient", &[Username], &[Password, ClientId], "Create a client. Without a password it cannot log in."),
    spec(Request::AddRoleAcl, "addRoleACL", &[Rolename, AclType, Access], &[], "Let a role allow or deny something. Entries of higher priority are asked first.").with("[priority] topic"),
    spec(Request::RemoveRoleAcl, "removeRoleACL", &[Rolename, AclType], &[], "Remove what a role allows or denies.").with("topic"),
    spec(Request::GetDetails, "getDetails", &[], &[], "Print how many clients, groups and roles there are, and how often they were changed."),
    spec(Request::ModifyClient, "modifyClient", &[Username, Property], &[], "Describe a client: textName or textDescription, and a text.").with("text"),
    spec(Request::ModifyGroup, "modifyGroup", &[Groupname, Property], &[], "Describe a group: textName or textDescription, and a text.").with("text"),
    spec(Request::ModifyRole, "modifyRole", &[Rolename, Property], &[], "Describe a role: textName or textDescription and a text, or allowWildcardSubs and true or false.").with("{text | true | false}"),
];

const fn spec(
    request: DynsecRequest,
    name: &'static str,
    required: &'static [Argument],
    optional: &'static [Argument],
    about: &'static str,
) -> CommandSpec {
    CommandSpec { request, name, required, optional, more: "", about }
}

impl CommandSpec {
    const fn with(self, more: &'static str) -> Self {
        Self { more, ..self }
    }
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
            Property => "property",
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
