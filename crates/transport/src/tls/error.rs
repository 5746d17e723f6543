//! Why TLS options cannot be used, and what clients do wrong.

use core::fmt;
use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem;

use super::ciphers::CipherError;

/// Why TLS options cannot be used. The words are Mosquitto's where it has words for it.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate of the server cannot be read, or is none.
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: FileError,
    },
    /// The private key cannot be read, or is none that can be used.
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: FileError,
    },
    /// Certificate and key do not belong together.
    Mismatch,
    /// The certificates of the authorities cannot be read.
    Authorities {
        /// The file or directory.
        path: PathBuf,
        /// Whether it is a directory.
        is_directory: bool,
        /// Why.
        cause: FileError,
    },
    /// Clients have to show certificates, and there is no authority that could have signed them.
    NoAuthority,
    /// The list of revoked certificates cannot be read.
    Revocations {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: FileError,
    },
    /// The cipher suites cannot be used.
    Ciphers {
        /// The list as it was given.
        list: String,
        /// Why.
        cause: CipherError,
    },
    /// The file for the keys cannot be written.
    KeyLog {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Something else that rustls does not take.
    Rustls(rustls::Error),
}

/// Why a file cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be read.
    Io(io::Error),
    /// It is no PEM.
    Pem(pem::Error),
    /// Nothing of what is expected is in it.
    Empty,
    /// The key in it is encrypted; nobody is asked for a pass phrase.
    Encrypted,
    /// What is in it is not what rustls takes.
    Rustls(rustls::Error),
}

impl core::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Certificate { cause, .. }
            | Self::Key { cause, .. }
            | Self::Authorities { cause, .. }
            | Self::Revocations { cause, .. } => Some(cause),
            Self::Ciphers { cause, .. } => Some(cause),
            Self::KeyLog { cause, .. } => Some(cause),
            Self::Rustls(cause) => Some(cause),
            Self::Mismatch | Self::NoAuthority => None,
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate { path, cause } => {
                write!(
                    f,
                    "Unable to load server certificate \"{}\". Check certfile. ({cause})",
                    path.display()
                )
            }
            Self::Key { path, cause } => {
                write!(f, "Unable to load server key file \"{}\". Check keyfile. ({cause})", path.display())
            }
            Self::Mismatch => write!(f, "Server certificate/key are inconsistent."),
            Self::Authorities { path, is_directory, cause } => {
                let option = if *is_directory { "capath" } else { "cafile" };
                let path = path.display();
                write!(f, "Unable to load CA certificates. Check {option} \"{path}\". ({cause})")
            }
            Self::NoAuthority => {
                write!(f, "Certificates of clients are required, but no authority for them is given.")
            }
            Self::Revocations { path, cause } => write!(
                f,
                "Unable to load certificate revocation file \"{}\". Check crlfile. ({cause})",
                path.display()
            ),
            Self::Ciphers { list, cause } => {
                write!(f, "Unable to set TLS ciphers. Check cipher list \"{list}\". ({cause})")
            }
            Self::KeyLog { path, cause } => {
                write!(f, "Unable to open keylog file \"{}\": {cause}", path.display())
            }
            Self::Rustls(cause) => write!(f, "Unable to create TLS context. ({cause})"),
        }
    }
}

impl From<rustls::Error> for FileError {
    fn from(error: rustls::Error) -> Self {
        Self::Rustls(error)
    }
}

impl core::error::Error for FileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(cause) => Some(cause),
            Self::Pem(cause) => Some(cause),
            Self::Rustls(cause) => Some(cause),
            Self::Empty | Self::Encrypted => None,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(cause) => write!(f, "{cause}"),
            Self::Pem(cause) => write!(f, "{cause}"),
            Self::Empty => write!(f, "nothing of the kind is in it"),
            Self::Encrypted => {
                write!(f, "the key is encrypted, and nobody is asked for its pass phrase: decrypt it first")
            }
            Self::Rustls(cause) => write!(f, "{cause}"),
        }
    }
}

/// What a client did wrong in TLS.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TlsFault {
    /// It does not use TLS.
    NotTls {
        /// The first byte that it sent.
        first: u8,
    },
    /// A message of the handshake is longer than [`READ_BYTES_MAX`](crate::READ_BYTES_MAX).
    TooLong,
    /// Anything else, where rustls is used.
    Broken(rustls::Error),
    /// Anything else, where OpenSSL is used.
    #[cfg(feature = "psk")]
    Psk {
        /// What OpenSSL says.
        reason: Box<str>,
    },
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls { first } if first.is_ascii_uppercase() => {
                write!(f, "client does not use TLS but plain text, HTTP perhaps")
            }
            Self::NotTls { first } => write!(f, "client does not use TLS: its first byte is 0x{first:02x}"),
            Self::TooLong => write!(f, "a message of the TLS handshake is too long"),
            Self::Broken(error) => write!(f, "TLS failed: {error}"),
            #[cfg(feature = "psk")]
            Self::Psk { reason } => write!(f, "TLS with a pre-shared key failed: {reason}"),
        }
    }
}
