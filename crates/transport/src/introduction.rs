//! What the layers of a stream learn of the peer before its first byte.

use core::net::SocketAddr;

/// What the layers of a stream learned of the peer before its first byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    /// Where the peer really is, if a proxy in between told.
    pub origin: Option<Origin>,
    /// Its TLS connection, which ends here or at the proxy.
    pub tls: Option<TlsFacts>,
}

/// Where a proxy says that a peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// At an address; with port 0 if the proxy does not tell the port.
    Address(SocketAddr),
    /// At a Unix socket of the proxy's machine. What is no UTF-8 is replaced by U+FFFD.
    Path(String),
}

/// What is known of a TLS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// The version of the protocol, such as `TLSv1.3`.
    pub version: Option<String>,
    /// The cipher suite, as OpenSSL names it.
    pub cipher: Option<String>,
    /// The application protocol that was agreed on (ALPN).
    pub protocol: Option<String>,
    /// The certificate that the client showed.
    pub certificate: Option<Certificate>,
    /// The identity of the client's pre-shared key.
    pub psk_identity: Option<String>,
}

/// A client's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The first Common Name of the subject, if it is text without U+0000.
    pub common_name: Option<String>,
    /// The whole subject in the form of RFC 2253, which a proxy does not tell.
    pub subject: Option<String>,
    /// Whether it was found valid, here or by the proxy.
    pub is_verified: bool,
}
