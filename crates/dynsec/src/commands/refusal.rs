//! Why a command is not done.

use core::fmt;

/// What a name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noun {
    Client,
    Group,
    Role,
}

impl Noun {
    /// The member of a command that names one.
    pub(super) const fn member(self) -> &'static str {
        match self {
            Self::Client => "username",
            Self::Group => "groupname",
            Self::Role => "rolename",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Client => "Username",
            Self::Group => "Group name",
            Self::Role => "Role name",
        }
    }
}

impl fmt::Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "Client",
            Self::Group => "Group",
            Self::Role => "Role",
        })
    }
}

/// Why a command is not done. The texts are Mosquitto's, since programs compare them; those of the bounds are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request is no JSON.
    NotJson,
    /// The request has no list of commands.
    Commands,
    /// A command is no object.
    NoObject,
    /// A command has no name.
    NoCommand,
    /// The Correlation Data is no string.
    CorrelationData,
    UnknownCommand,
    /// A name is missing or no string.
    NoName(Noun),
    InvalidName(Noun),
    EmptyName(Noun),
    NotFound(Noun),
    Exists(Noun),
    /// The same as [`Self::NotFound`], in the words for `modifyRole`.
    RoleDoesNotExist,
    NoPassword,
    EmptyPassword,
    /// The Client Identifier of a new client is no string.
    ClientId,
    /// The Client Identifier of a known client is no string.
    NewClientId,
    InvalidClientId,
    TextName,
    TextDescription,
    WildcardSubscriptions,
    Roles,
    /// A list of groups names one that does not exist.
    UnknownGroup,
    /// A list of clients names one that does not exist.
    UnknownClient,
    /// An entry of a list of groups has no name.
    UnnamedGroup,
    /// An entry of a list of clients has no name.
    UnnamedClient,
    AlreadyInGroup,
    GroupHasRole,
    AnonymousGroup,
    NoAclType,
    UnknownAclType,
    NoTopic,
    TopicNotUtf8,
    InvalidTopic,
    AclExists,
    AclNotFound,
    DefaultAccess,
    /// Something is there twice, and the like.
    Internal,
    /// The password could not be hashed.
    NoHash,
    TooMany(Noun),
    TooManyAcls,
    TextTooLong,
    TooManyCommands,
    ResponseTooLarge,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoName(noun) => return write!(f, "Invalid/missing {}", noun.member()),
            Self::InvalidName(noun) => return write!(f, "{} not valid UTF-8", noun.name()),
            Self::EmptyName(noun) => return write!(f, "Empty {}", noun.member()),
            Self::NotFound(noun) => return write!(f, "{noun} not found"),
            Self::Exists(noun) => return write!(f, "{noun} already exists"),
            Self::TooMany(noun) => return write!(f, "{noun} is one too many"),
            Self::NotJson => "Payload not valid JSON",
            Self::Commands => "Invalid/missing commands",
            Self::NoObject => "Command not an object",
            Self::NoCommand => "Missing command",
            Self::CorrelationData => "Invalid correlationData data type.",
            Self::UnknownCommand => "Unknown command",
            Self::RoleDoesNotExist => "Role does not exist",
            Self::NoPassword => "Invalid/missing password",
            Self::EmptyPassword => "Empty password is not allowed",
            Self::ClientId => "Invalid/missing client id",
            Self::NewClientId => "Invalid/missing client ID",
            Self::InvalidClientId => "Client ID not valid UTF-8",
            Self::TextName => "Invalid/missing textname",
            Self::TextDescription => "Invalid/missing textdescription",
            Self::WildcardSubscriptions => "Invalid allowwildcardsubs",
            Self::Roles => "'roles' not an array or missing/invalid rolename",
            Self::UnknownGroup => "'groups' contains an object with a 'groupname' that does not exist",
            Self::UnknownClient => "'clients' contains an object with a 'username' that does not exist",
            Self::UnnamedGroup => "'groups' contains an object with an invalid 'groupname'",
            Self::UnnamedClient => "'clients' contains an object with an invalid 'username'",
            Self::AlreadyInGroup => "Client is already in this group",
            Self::GroupHasRole => "Group is already in this role",
            Self::AnonymousGroup => "Deleting the anonymous group is forbidden",
            Self::NoAclType => "Invalid/missing acltype",
            Self::UnknownAclType => "Unknown acltype",
            Self::NoTopic => "Invalid/missing topic",
            Self::TopicNotUtf8 => "Topic not valid UTF-8",
            Self::InvalidTopic => "Invalid ACL topic",
            Self::AclExists => "ACL with this topic already exists",
            Self::AclNotFound => "ACL not found",
            Self::DefaultAccess => "Missing/invalid actions array",
            Self::NoHash => "Unable to hash the password",
            Self::TooManyAcls => "ACL is one too many",
            Self::TextTooLong => "Text is too long",
            Self::TooManyCommands => "Too many commands",
            Self::ResponseTooLarge => "Response is too large",
            Self::Internal => "Internal error",
        })
    }
}
