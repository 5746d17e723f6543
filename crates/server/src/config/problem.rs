//! What is wrong with a configuration, and how that is said.

use core::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::option::Feature;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The name of the file.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What is wrong with a configuration, and where.
#[derive(Debug)]
pub struct ConfigError {
    /// The name of the file that was to be read first.
    pub file: Arc<str>,
    /// The line at fault; `None` when the file as a whole is.
    pub at: Option<Place>,
    /// The line that included the file, when it is not the first one.
    pub included_at: Option<Place>,
    /// Only all lines together show it, so no single one is being read any more.
    pub(super) is_late: bool,
    /// What is wrong there.
    pub problem: Box<Problem>,
}

impl core::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &*self.problem {
            Problem::Unreadable { cause, .. } | Problem::NoFolder { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(place) => write!(f, "{place}: {}", self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

/// What is wrong with a line, or with the file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    Unreadable {
        /// Its name.
        file: String,
        /// Why.
        cause: io::Error,
    },
    /// The file is a folder.
    IsFolder {
        /// Its name.
        file: String,
    },
    /// The file is larger than any configuration.
    TooLarge {
        /// How many bytes it may have.
        bytes_max: u64,
    },
    /// The folder of `include_dir` cannot be read.
    NoFolder {
        /// Its path.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// `include_dir` in a file that was included itself.
    NestedInclude,
    /// No option has this name.
    Unknown {
        /// The name.
        name: String,
    },
    /// The text is not UTF-8, or holds control characters.
    Text,
    /// The value is missing.
    Empty {
        /// The option.
        option: String,
        /// What Mosquitto calls its value.
        called: String,
        /// What it takes.
        takes: String,
    },
    /// The value is not what the option takes.
    Value {
        /// The option.
        option: String,
        /// The value.
        value: String,
        /// What the option takes.
        takes: String,
        /// The words of Mosquitto for it.
        theirs: String,
    },
    /// The option stands there a second time, and may not.
    Duplicate {
        /// The option.
        option: String,
        /// What Mosquitto calls its value.
        called: String,
    },
    /// What has to stand above the option is missing.
    Misplaced {
        /// The option.
        option: String,
        /// What is missing.
        needs: Above,
    },
    /// `per_listener_settings` below an option that depends on it.
    TooLate,
    /// A name that is taken.
    NameTaken {
        /// The name.
        name: String,
        /// Of what.
        what: Named,
    },
    /// `plugin_use` of a name that no `plugin_load` gave.
    NoSuchPlugin {
        /// The name.
        name: String,
    },
    /// What belongs together is not complete, or does not go together.
    Combination(Combination),
    /// A variable of the environment in a value.
    Environment {
        /// Its name, or what should have been one.
        name: String,
        /// What is wrong with it.
        cause: EnvironmentProblem,
    },
    /// What the option asks for is not there yet.
    Unsupported {
        /// The option, with its value where only that is not supported.
        what: String,
        /// What it belongs to.
        feature: Feature,
    },
    /// Dynamic security a second time.
    DynamicSecurityTwice,
    /// Nobody can connect anywhere.
    NobodyAllowed,
}

/// What is missing above an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Above {
    /// A `listener`.
    Listener,
    /// A `connection`.
    Bridge,
    /// A plugin.
    Plugin,
    /// A plugin, above `auth_plugin_deny_special_chars`.
    AuthPlugin,
}

/// What has a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A bridge.
    Bridge,
    /// A plugin.
    Plugin,
    /// The Client Identifier of a bridge at this broker.
    LocalClientIdentifier,
}

/// What does not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Combination {
    /// A bridge without an address.
    BridgeAddresses,
    /// A bridge without topics.
    BridgeTopics,
    /// `bridge_psk` without `bridge_identity`.
    BridgeIdentity,
    /// `bridge_identity` without `bridge_psk`.
    BridgePsk,
    /// A bridge with certificates has this option of pre-shared keys.
    BridgePskBesideCertificates(String),
    /// A bridge with a pre-shared key has this option of certificates.
    BridgeCertificatesBesidePsk(String),
    /// A listener with both certificates and pre-shared keys.
    ListenerPskBesideCertificates,
    /// One of `certfile` and `keyfile` without the other.
    CertificateAndKey,
    /// `cafile` without a certificate.
    CaFileAlone,
    /// `capath` without a certificate.
    CaFolderAlone,
    /// `enable_proxy_protocol 2` with `use_subject_as_username`.
    ProxyAndSubject,
    /// `enable_proxy_protocol 2` with TLS of its own.
    ProxyAndTls,
}

/// What is wrong with a variable of the environment.
#[derive(Debug)]
pub enum EnvironmentProblem {
    /// There is no `}` behind its name, or the name is empty.
    Syntax,
    /// It is not set, and neither is the one whose name ends with `_FILE`.
    Unset,
    /// It is not UTF-8.
    Text,
    /// The file that it names cannot be read.
    File(PathBuf, io::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { cause, .. } => write!(f, "cannot be read: {cause}"),
            Self::IsFolder { .. } => write!(f, "is a folder"),
            Self::TooLarge { bytes_max } => write!(f, "has more than {bytes_max} bytes"),
            Self::NoFolder { path, cause } => {
                write!(f, "`include_dir`: {} cannot be read: {cause}", path.display())
            }
            Self::NestedInclude => write!(f, "`include_dir` may stand in the main file only"),
            Self::Unknown { name } => match super::table::nearest(name) {
                Some(near) => write!(f, "there is no option `{}`; is `{near}` meant?", name.escape_debug()),
                None => write!(f, "there is no option `{}`", name.escape_debug()),
            },
            Self::Text => write!(f, "not UTF-8, or a control character"),
            Self::Empty { option, takes, .. } => write!(f, "`{option}` takes {takes}, and there is nothing"),
            Self::Value { option, value, takes, .. } => {
                write!(f, "`{option}` takes {takes}, not `{}`", value.escape_debug())
            }
            Self::Duplicate { option, .. } => write!(f, "`{option}` stands here a second time"),
            Self::Misplaced { option, needs } => {
                write!(f, "`{}` needs {needs} above it", option.escape_debug())
            }
            Self::TooLate => write!(f, "`per_listener_settings` has to stand above all options for security"),
            Self::NameTaken { name, what } => write!(f, "{what} `{}` is taken", name.escape_debug()),
            Self::NoSuchPlugin { name } => {
                write!(f, "no `plugin_load` above gives the name `{}`", name.escape_debug())
            }
            Self::Combination(combination) => combination.fmt(f),
            Self::Environment { name, cause } => write!(f, "`${{{}}}` {cause}", name.escape_debug()),
            Self::Unsupported { what, feature } => {
                let (what, instead) = (what.escape_debug(), feature.instead());
                write!(f, "`{what}` is not supported: this version does not have {feature}; {instead}")
            }
            Self::DynamicSecurityTwice => {
                write!(
                    f,
                    "dynamic security can be there only once; for several listeners there is `plugin_use`"
                )
            }
            Self::NobodyAllowed => write!(
                f,
                "nobody could connect: there are no passwords, and there is no `allow_anonymous true`"
            ),
        }
    }
}

impl fmt::Display for Above {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Listener => "a `listener`",
            Self::Bridge => "a `connection`",
            Self::Plugin | Self::AuthPlugin => "a `plugin`, `global_plugin` or `plugin_load`",
        })
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bridge => "the name of a bridge,",
            Self::Plugin => "the name of a plugin,",
            Self::LocalClientIdentifier => "a bridge's Client Identifier at this broker, `local_clientid`",
        })
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BridgeAddresses => write!(f, "the bridge has no `address`"),
            Self::BridgeTopics => write!(f, "the bridge has no `topic`"),
            Self::BridgeIdentity => write!(f, "`bridge_psk` needs a `bridge_identity`"),
            Self::BridgePsk => write!(f, "`bridge_identity` needs a `bridge_psk`"),
            Self::BridgePskBesideCertificates(option) => {
                write!(f, "`{option}`: the bridge uses certificates, so it cannot use a pre-shared key")
            }
            Self::BridgeCertificatesBesidePsk(option) => {
                write!(f, "`{option}`: the bridge uses a pre-shared key, so it cannot use certificates")
            }
            Self::ListenerPskBesideCertificates => {
                write!(f, "a listener uses either certificates or pre-shared keys")
            }
            Self::CertificateAndKey => write!(f, "`certfile` and `keyfile` belong together"),
            Self::CaFileAlone => write!(f, "`cafile` needs `certfile` and `keyfile`"),
            Self::CaFolderAlone => write!(f, "`capath` needs `certfile` and `keyfile`"),
            Self::ProxyAndSubject => {
                write!(f, "`enable_proxy_protocol 2` tells no subjects for `use_subject_as_username`")
            }
            Self::ProxyAndTls => {
                write!(
                    f,
                    "with `enable_proxy_protocol 2` the proxy has the TLS, not `certfile` and `keyfile`"
                )
            }
        }
    }
}

impl fmt::Display for EnvironmentProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => write!(f, "names no variable of the environment"),
            Self::Unset => write!(f, "is no variable of the environment, not even with _FILE behind it"),
            Self::Text => write!(f, "is not UTF-8"),
            Self::File(path, cause) => write!(f, "is in {}, which cannot be read: {cause}", path.display()),
        }
    }
}
