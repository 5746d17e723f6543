//! The PROXY protocol by `HAProxy`, versions 1 and 2: a header by which a proxy tells whom it speaks for.
//!
//! Whoever can reach a listener with this protocol can claim any address. Only a trusted proxy should be able to.

mod v1;
mod v2;

use core::fmt;

use crate::introduction::{Introduction, Origin};

/// What to expect from a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyOptions {
    /// The version of the header.
    pub version: ProxyVersion,
    /// Turn away clients that do not use TLS to the proxy. Version 2 alone can tell.
    pub require_tls: bool,
    /// Turn away clients whose certificate the proxy has not seen and found valid. Version 2 alone can tell.
    pub require_certificate: bool,
    /// What becomes of connections that the proxy opened for itself.
    pub local: LocalCommand,
}

impl ProxyOptions {
    /// A proxy of which nothing more is required than a correct header.
    pub const fn new(version: ProxyVersion) -> Self {
        Self { version, require_tls: false, require_certificate: false, local: LocalCommand::Accept }
    }
}

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary, with details of TLS.
    V2,
}

/// What becomes of a connection that a proxy opened for itself, such as a health check: the command LOCAL of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalCommand {
    /// It is accepted with its own address, as the protocol demands.
    Accept,
    /// It is closed, as Mosquitto does.
    Close,
}

/// Why a connection with the PROXY protocol is turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyFault {
    /// The header is not what the protocol says.
    Corrupt {
        /// Where the client is, if so much could be read.
        origin: Option<Origin>,
    },
    /// The header announces more than [`HEADER_BYTES_MAX`] bytes.
    TooLong,
    /// The client does not use TLS.
    NoTls {
        /// Where the client is.
        origin: Option<Origin>,
    },
    /// The client has no valid certificate.
    NoCertificate {
        /// Where the client is.
        origin: Option<Origin>,
    },
    /// The connection is the proxy's own.
    Local,
}

impl ProxyFault {
    const CORRUPT: Self = Self::Corrupt { origin: None };

    /// Where the header says that the client is.
    pub const fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Corrupt { origin } | Self::NoTls { origin } | Self::NoCertificate { origin } => {
                origin.as_ref()
            }
            Self::TooLong | Self::Local => None,
        }
    }
}

impl fmt::Display for ProxyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { .. } => write!(f, "corrupt PROXY header"),
            Self::TooLong => write!(f, "PROXY header of more than {HEADER_BYTES_MAX} bytes"),
            Self::NoTls { .. } => write!(f, "client did not connect using TLS"),
            Self::NoCertificate { .. } => write!(f, "client did not provide a certificate"),
            Self::Local => write!(f, "connection of the proxy itself"),
        }
    }
}

/// Bytes that may follow the fixed part of a header of version 2: addresses and what else the proxy tells.
pub const HEADER_BYTES_MAX: usize = v2::BODY_BYTES_MAX;

/// A header that is being read.
#[derive(Debug)]
pub(crate) struct Proxy {
    options: ProxyOptions,
    /// What came so far. At most one header of the maximal length, and what one read brought behind its beginning.
    head: Vec<u8>,
}

impl Proxy {
    pub(crate) const fn new(options: ProxyOptions) -> Self {
        Self { options, head: Vec::new() }
    }

    /// Takes further bytes. Answers how many of them belong to the header, and what it tells, once it is complete.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<Option<(usize, Introduction)>, ProxyFault> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let parsed = match self.options.version {
            ProxyVersion::V1 => v1::parse(&self.head)?,
            ProxyVersion::V2 => v2::parse(&self.head)?,
        };
        let Some((len, header)) = parsed else { return Ok(None) };
        Ok(Some((len - before, self.judge(header)?)))
    }

    fn judge(&self, header: Header) -> Result<Introduction, ProxyFault> {
        let Header::Proxied(introduction) = header else {
            return match self.options.local {
                LocalCommand::Accept => Ok(Introduction::default()),
                LocalCommand::Close => Err(ProxyFault::Local),
            };
        };
        let Introduction { origin, tls } = &introduction;
        if self.options.require_tls && tls.is_none() {
            return Err(ProxyFault::NoTls { origin: origin.clone() });
        }
        let certificate = tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        if self.options.require_certificate && !certificate.is_some_and(|certificate| certificate.is_verified)
        {
            return Err(ProxyFault::NoCertificate { origin: origin.clone() });
        }
        Ok(introduction)
    }
}

/// A complete header.
#[derive(Debug, PartialEq, Eq)]
enum Header {
    /// The connection is a client's.
    Proxied(Introduction),
    /// The connection is the proxy's own.
    Local,
}

#[cfg(test)]
mod tests;
