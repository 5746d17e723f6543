//! Where a connection comes from, and what its carrier told of the other end.

use core::net::SocketAddr;
use std::sync::Arc;

/// Where a connection comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address, if it has one. Behind a proxy that tells, it is the client's and not the proxy's.
    pub address: Option<SocketAddr>,
    /// The number of the listener that accepted it.
    pub listener: u16,
    /// What more is known. `None` for a plain TCP connection, which pays nothing for it.
    pub details: Option<Arc<PeerDetails>>,
}

impl Peer {
    /// The number of the listener that bridges come by. There is no such listener: nothing is said of what it offers.
    pub const BRIDGE_LISTENER: u16 = u16::MAX;

    /// The near end of a bridge.
    pub fn of_bridge(end: BridgeEnd) -> Self {
        let details = PeerDetails { bridge: Some(end), ..PeerDetails::default() };
        Self { address: None, listener: Self::BRIDGE_LISTENER, details: Some(Arc::new(details)) }
    }

    /// What there is to know if it is the near end of a bridge.
    pub fn bridge(&self) -> Option<&BridgeEnd> {
        self.details.as_ref()?.bridge.as_ref()
    }

    /// What is known of the TLS connection; `None` if there is none, neither here nor at a proxy that tells.
    pub fn tls(&self) -> Option<&PeerTls> {
        self.details.as_ref()?.tls.as_ref()
    }

    /// The certificate of the client.
    pub fn certificate(&self) -> Option<&PeerCertificate> {
        self.tls()?.certificate.as_ref()
    }
}

/// What is known of a peer besides its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerDetails {
    /// The path of a Unix socket: the listener's, or the one that a proxy tells of.
    pub path: Option<String>,
    /// The address of the proxy that told the client's.
    pub proxy: Option<SocketAddr>,
    /// The TLS connection of the client, which ends here or at the proxy.
    pub tls: Option<PeerTls>,
    /// It is no client, but the near end of a bridge.
    pub bridge: Option<BridgeEnd>,
}

/// The near end of a bridge: a connection from within, which is let in without being asked who it is, and whose Session never
/// expires.
///
/// Such an end passes on what it gets, under the same Packet Identifiers, so its Session is at the same time that of the
/// bridge as a client of the other broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BridgeEnd {
    /// The Packet Identifier that was given out last towards the other broker, 0 before the first: where nothing is unfinished
    /// the next one follows it.
    pub last_packet_id: u16,
    /// The other broker begins a new Session: the Packet Identifiers of QoS 2 messages that came from it are free again.
    pub has_new_session: bool,
    /// Messages of QoS 1 and 2 are kept from it: it only comes to subscribe.
    pub only_subscribes: bool,
}

/// What is known of a TLS connection. Nothing here is checked further: it is as the handshake, or the proxy, had it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerTls {
    /// The version of the protocol, such as `TLSv1.3`.
    pub version: Option<String>,
    /// The cipher suite, as OpenSSL names it.
    pub cipher: Option<String>,
    /// The application protocol that was agreed on (ALPN).
    pub protocol: Option<String>,
    /// The certificate that the client showed.
    pub certificate: Option<PeerCertificate>,
    /// The identity of the pre-shared key that the client has.
    pub psk_identity: Option<String>,
}

/// A client's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The first Common Name of the subject, if it is text without U+0000.
    pub common_name: Option<String>,
    /// The whole subject in the form of RFC 2253, the most specific part first: `CN=client,O=Example,C=GB`.
    /// A proxy does not tell it.
    pub subject: Option<String>,
    /// Whether it is signed by an authority that is trusted, neither expired nor revoked.
    pub is_verified: bool,
}
