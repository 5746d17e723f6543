//! Why a broker does not start, or does not go on.

use core::fmt;
use core::net::SocketAddr;
use std::io;
use std::path::PathBuf;

#[cfg(feature = "psk")]
use martlet_transport::PskError;
use martlet_transport::TlsError;

use crate::options::Conditions;
use crate::persist::PersistenceError;

/// Why a broker did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// No address to listen on was given.
    NoListener,
    /// A host name has no address.
    Resolve {
        /// The name.
        host: String,
        /// What the resolver says; `None` if it says that there is no address.
        cause: Option<io::Error>,
    },
    /// The addresses of the network interfaces cannot be asked for.
    Interfaces(io::Error),
    /// No network interface has this name.
    NoInterface(String),
    /// No address of this machine fulfils the conditions.
    NoAddress(Conditions),
    /// The broker cannot listen on an address.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        cause: io::Error,
    },
    /// What was kept in an earlier life, or is to be kept, cannot be used.
    Persistence {
        /// The folder.
        location: PathBuf,
        /// What is wrong.
        cause: PersistenceError,
    },
    /// The broker cannot listen at a path.
    ListenUnix {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The TLS options of a listener cannot be used.
    Tls {
        /// The number of the listener.
        listener: u16,
        /// Why.
        cause: TlsError,
    },
    /// The options for TLS with pre-shared keys of a listener cannot be used.
    #[cfg(feature = "psk")]
    Psk {
        /// The number of the listener.
        listener: u16,
        /// Why.
        cause: PskError,
    },
    /// A folder of the HTTP API cannot be used.
    HttpFolder {
        /// Its path.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The operating system lacks what a shard needs: a thread, a file descriptor.
    Shard(io::Error),
}

impl core::error::Error for StartError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NoListener | Self::NoInterface(_) | Self::NoAddress(_) => None,
            Self::Resolve { cause, .. } => cause.as_ref().map(|cause| cause as _),
            Self::Tls { cause, .. } => Some(cause),
            #[cfg(feature = "psk")]
            Self::Psk { cause, .. } => Some(cause),
            Self::Listen { cause, .. }
            | Self::ListenUnix { cause, .. }
            | Self::HttpFolder { cause, .. }
            | Self::Interfaces(cause)
            | Self::Shard(cause) => Some(cause),
            Self::Persistence { cause, .. } => Some(cause),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoListener => write!(f, "No address to listen on"),
            Self::Resolve { host, cause: Some(cause) } => write!(f, "Cannot resolve {host:?}: {cause}"),
            Self::Resolve { host, cause: None } => write!(f, "Cannot resolve {host:?}: it has no address"),
            Self::Interfaces(cause) => write!(f, "Cannot ask for the network interfaces: {cause}"),
            Self::NoInterface(name) => write!(f, "Interface {} does not exist", name.escape_debug()),
            Self::NoAddress(conditions) => write!(f, "Cannot listen on {conditions}: there are none"),
            Self::Listen { address, cause } => match cause.kind() {
                io::ErrorKind::AddrInUse => {
                    write!(f, "Address already in use ({address}): is another broker running?")
                }
                io::ErrorKind::AddrNotAvailable => {
                    write!(f, "Address not available ({address}): it is no address of this machine")
                }
                io::ErrorKind::PermissionDenied => {
                    write!(f, "Permission denied ({address}): ports below 1024 may need privileges")
                }
                _ => write!(f, "Cannot listen on {address}: {cause}"),
            },
            Self::Persistence { location, cause } => {
                write!(f, "Cannot keep data in {}: {cause}", location.display())
            }
            Self::ListenUnix { path, cause } => match cause.kind() {
                io::ErrorKind::AddrInUse => {
                    write!(f, "Address already in use ({}): is another broker running?", path.display())
                }
                _ => write!(f, "Cannot listen on {}: {cause}", path.display()),
            },
            Self::Tls { cause, .. } => write!(f, "{cause}"),
            #[cfg(feature = "psk")]
            Self::Psk { cause, .. } => write!(f, "{cause}"),
            Self::HttpFolder { path, cause } => {
                write!(f, "Cannot use the folder {} for the HTTP API: {cause}", path.display())
            }
            Self::Shard(cause) => write!(f, "Cannot start a shard: {cause}"),
        }
    }
}

/// Why the TLS options of a listener were not replaced.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReloadError {
    /// There is no listener with this number.
    NoListener,
    /// The listener has no TLS.
    NoTls,
    /// The options cannot be used.
    Tls(TlsError),
}

impl core::error::Error for ReloadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NoListener | Self::NoTls => None,
            Self::Tls(cause) => Some(cause),
        }
    }
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoListener => write!(f, "There is no such listener"),
            Self::NoTls => write!(f, "The listener does not use TLS"),
            Self::Tls(cause) => write!(f, "{cause}"),
        }
    }
}

/// Why a broker did not end in good order. The log has the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EndError {
    /// Not all that has to survive could be written to the disk.
    NotSaved,
    /// A shard ended although nobody told the broker to shut down.
    ShardFailed,
}

impl core::error::Error for EndError {}

impl fmt::Display for EndError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSaved => {
                "Not everything could be saved before the end: what came last is lost, and the log says why"
            }
            Self::ShardFailed => "A shard of the broker has failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_address_and_the_cause() {
        let listen = |kind: io::ErrorKind| StartError::Listen {
            address: "127.0.0.1:1883".parse().unwrap(),
            cause: kind.into(),
        };
        let in_use = "Address already in use (127.0.0.1:1883): is another broker running?";
        assert_eq!(listen(io::ErrorKind::AddrInUse).to_string(), in_use);
        assert!(
            listen(io::ErrorKind::PermissionDenied)
                .to_string()
                .starts_with("Permission denied (127.0.0.1:1883)")
        );
        assert!(
            listen(io::ErrorKind::OutOfMemory).to_string().starts_with("Cannot listen on 127.0.0.1:1883: ")
        );
    }
}
