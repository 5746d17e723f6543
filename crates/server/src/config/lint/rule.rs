//! The kinds of findings.

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "`about` tells each")]
pub enum Rule {
    AclWritesAll,
    AnonymousPublic,
    AnyOrigin,
    ApiPublic,
    BridgeInsecure,
    BridgeUnprotected,
    DefaultListener,
    Deprecated,
    IdentityUnproven,
    MissingFile,
    MountPoint,
    NoEffect,
    NoLimit,
    Nobody,
    OldTls,
    Overridden,
    PasswordsOptional,
    PasswordsUnprotected,
    ProxyPublic,
    ReadableSecret,
    Root,
    SamePort,
    UnknownUser,
    UnreadableFile,
    WritableFile,
    WrongFile,
}

impl Rule {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::AclWritesAll,
        Self::AnonymousPublic,
        Self::AnyOrigin,
        Self::ApiPublic,
        Self::BridgeInsecure,
        Self::BridgeUnprotected,
        Self::DefaultListener,
        Self::Deprecated,
        Self::IdentityUnproven,
        Self::MissingFile,
        Self::MountPoint,
        Self::NoEffect,
        Self::NoLimit,
        Self::Nobody,
        Self::OldTls,
        Self::Overridden,
        Self::PasswordsOptional,
        Self::PasswordsUnprotected,
        Self::ProxyPublic,
        Self::ReadableSecret,
        Self::Root,
        Self::SamePort,
        Self::UnknownUser,
        Self::UnreadableFile,
        Self::WritableFile,
        Self::WrongFile,
    ];

    /// Its name.
    pub const fn id(self) -> &'static str {
        match self {
            Self::AclWritesAll => "acl-writes-all",
            Self::AnonymousPublic => "anonymous-public",
            Self::AnyOrigin => "any-origin",
            Self::ApiPublic => "api-public",
            Self::BridgeInsecure => "bridge-insecure",
            Self::BridgeUnprotected => "bridge-unprotected",
            Self::DefaultListener => "default-listener",
            Self::Deprecated => "deprecated",
            Self::IdentityUnproven => "identity-unproven",
            Self::MissingFile => "missing-file",
            Self::MountPoint => "mount-point",
            Self::NoEffect => "no-effect",
            Self::NoLimit => "no-limit",
            Self::Nobody => "nobody",
            Self::OldTls => "old-tls",
            Self::Overridden => "overridden",
            Self::PasswordsOptional => "passwords-optional",
            Self::PasswordsUnprotected => "passwords-unprotected",
            Self::ProxyPublic => "proxy-public",
            Self::ReadableSecret => "readable-secret",
            Self::Root => "root",
            Self::SamePort => "same-port",
            Self::UnknownUser => "unknown-user",
            Self::UnreadableFile => "unreadable-file",
            Self::WritableFile => "writable-file",
            Self::WrongFile => "wrong-file",
        }
    }

    /// What it is about, in a sentence without a full stop.
    pub const fn about(self) -> &'static str {
        match self {
            Self::AclWritesAll => "the access control list lets everyone write to all topics",
            Self::AnonymousPublic => "clients from other machines may connect without a user name",
            Self::AnyOrigin => {
                "any web page in a browser that reaches a WebSocket listener can connect, since nobody needs a password"
            }
            Self::ApiPublic => "other machines reach the HTTP API, which has no passwords",
            Self::BridgeInsecure => "a bridge does not check whom it speaks to",
            Self::BridgeUnprotected => "a bridge sends its password to another machine without encryption",
            Self::DefaultListener => {
                "an option for listeners above all of them makes one more listener, on port 1883 of all addresses"
            }
            Self::Deprecated => "an option is on its way out of Mosquitto",
            Self::IdentityUnproven => {
                "user names come from certificates that clients need not show, or that nothing vouches for"
            }
            Self::MissingFile => "a file or folder is not there",
            Self::MountPoint => {
                "a mount point does not end with `/`, so its clients cannot subscribe to `#` or `+`"
            }
            Self::NoEffect => "a line, or a part of it, has no effect",
            Self::NoLimit => "a limit is switched off that protects the memory of the broker",
            Self::Nobody => "nobody can connect to a listener",
            Self::OldTls => "a version of TLS is allowed that is not safe",
            Self::Overridden => "a later line takes the place of an earlier one",
            Self::PasswordsOptional => "there are passwords, and clients may connect without",
            Self::PasswordsUnprotected => "passwords come from other machines without encryption",
            Self::ProxyPublic => {
                "whoever reaches a listener with the PROXY protocol can claim to be anyone, and other machines do"
            }
            Self::ReadableSecret => "everyone on this machine can read a file with secrets",
            Self::Root => "the broker keeps the rights of root",
            Self::SamePort => "two listeners are in the same place, and the second cannot start",
            Self::UnknownUser => {
                "the access control list names a user that no password file has, where only those have names that have passwords"
            }
            Self::UnreadableFile => {
                "a file cannot be read: by whoever asks, or by the user that the broker becomes when it is started as root"
            }
            Self::WritableFile => "everyone on this machine can change a file that the broker relies on",
            Self::WrongFile => "a file of passwords, rules or keys has a line that is none",
        }
    }

    /// Whether the broker does not start with it.
    pub const fn is_fatal(self) -> bool {
        matches!(self, Self::MissingFile | Self::SamePort | Self::WrongFile)
    }
}
