//! What the layers of connections tell, for the engine and for the log.
//!
//! Some lines are Mosquitto's word for word: people watch their logs for them.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use martlet_engine::{Peer, PeerCertificate, PeerDetails, PeerTls};
use martlet_transport::{Certificate, Fault, Introduction, Origin, ProxyFault, Stage, TlsFacts};
use tracing::{debug, info};

/// Adds what the layers of a connection learned of its peer.
pub(crate) fn introduce(peer: Peer, introduction: Introduction) -> Peer {
    let Introduction { origin, tls } = introduction;
    if origin.is_none() && tls.is_none() {
        return peer;
    }
    let mut details = peer.details.as_deref().cloned().unwrap_or_default();
    details.tls = tls.map(engine_tls);
    let address = match origin {
        None => peer.address,
        Some(origin) => {
            details.proxy = peer.address;
            let (address, path) = place(origin);
            details.path = path;
            address
        }
    };
    Peer { address, details: Some(Arc::new(details)), ..peer }
}

fn place(origin: Origin) -> (Option<core::net::SocketAddr>, Option<String>) {
    match origin {
        Origin::Address(address) => (Some(address), None),
        Origin::Path(path) => (None, Some(path)),
    }
}

fn engine_tls(facts: TlsFacts) -> PeerTls {
    let TlsFacts { version, cipher, protocol, certificate, psk_identity } = facts;
    let certificate = certificate.map(|Certificate { common_name, subject, is_verified }| PeerCertificate {
        common_name,
        subject,
        is_verified,
    });
    PeerTls { version, cipher, protocol, certificate, psk_identity }
}

/// A connection is through with its handshakes.
pub(crate) fn log_opened(peer: &Peer) {
    if let Some(PeerTls { version: Some(version), cipher: Some(cipher), .. }) = peer.tls() {
        let (version, cipher) = (version.escape_debug(), cipher.escape_debug());
        info!("Connection from {} negotiated {version} cipher {cipher}", Endpoint(peer));
    }
}

/// A peer did something wrong.
pub(crate) fn log_fault(peer: &Peer, fault: &Fault) {
    match fault {
        Fault::Proxy(ProxyFault::TooLong) => info!(
            peer = %Endpoint(peer),
            "Client (null) [(null):0] disconnected: bad socket read/write: Invalid input ({fault})"
        ),
        Fault::Proxy(proxy) => log_proxy_fault(peer, proxy),
        _ => info!("Connection from {} rejected, {fault}.", Endpoint(peer)),
    }
}

/// The peer of an open connection did something wrong; the engine tells which client it was.
pub(crate) fn log_broken(peer: &Peer, fault: &Fault) {
    info!("Connection from {} is broken: {fault}.", Endpoint(peer));
}

fn log_proxy_fault(peer: &Peer, fault: &ProxyFault) {
    let Some(origin) = fault.origin() else {
        info!(peer = %Endpoint(peer), "Connection rejected, {fault}.");
        return;
    };
    let (address, path) = place(origin.clone());
    let details = path.map(|path| Arc::new(PeerDetails { path: Some(path), ..PeerDetails::default() }));
    let client = Peer { address, listener: peer.listener, details };
    info!(peer = %Endpoint(peer), "Connection from {} rejected, {fault}.", Endpoint(&client));
}

/// A peer took too long.
pub(crate) fn log_timeout(peer: &Peer, stage: Option<Stage>, time: Duration) {
    let stage = stage.as_ref().map_or("handshake", Stage::name);
    info!("Connection from {} rejected, no complete {stage} within {time:?}.", Endpoint(peer));
}

/// A peer went away before it had said anything.
pub(crate) fn log_gone(peer: &Peer, stage: Option<Stage>) {
    let stage = stage.as_ref().map_or("handshake", Stage::name);
    debug!("Connection from {} closed before its {stage} was complete.", Endpoint(peer));
}

/// Where a peer is, as Mosquitto writes it: address and port with a colon, whatever the kind of address.
struct Endpoint<'a>(&'a Peer);

impl fmt::Display for Endpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = || self.0.details.as_ref()?.path.as_deref();
        match (self.0.address, path()) {
            (Some(address), _) => write!(f, "{}:{}", address.ip(), address.port()),
            (None, Some(path)) => write!(f, "{}:0", path.escape_debug()),
            (None, None) => write!(f, "unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer { address: Some(address.parse().unwrap()), listener: 3, details: None }
    }

    #[test]
    fn a_peer_without_layers_stays_as_it_is() {
        assert_eq!(introduce(peer("192.0.2.1:5"), Introduction::default()), peer("192.0.2.1:5"));
    }

    #[test]
    fn the_address_that_a_proxy_tells_counts_and_its_own_is_kept() {
        let origin = Some(Origin::Address("[2001:db8::1]:6275".parse().unwrap()));
        let told = introduce(peer("192.0.2.1:5"), Introduction { origin, tls: None });
        assert_eq!((told.address, told.listener), (peer("[2001:db8::1]:6275").address, 3));
        assert_eq!(told.details.as_ref().unwrap().proxy, peer("192.0.2.1:5").address);
        assert_eq!(Endpoint(&told).to_string(), "2001:db8::1:6275");

        let origin = Some(Origin::Path("/path".into()));
        let told = introduce(peer("192.0.2.1:5"), Introduction { origin, tls: None });
        assert_eq!(told.address, None);
        assert_eq!(Endpoint(&told).to_string(), "/path:0");
    }

    #[test]
    fn what_tls_tells_arrives() {
        let certificate = Certificate { common_name: Some("name".into()), subject: None, is_verified: true };
        let tls = TlsFacts { certificate: Some(certificate), ..TlsFacts::default() };
        let told = introduce(peer("192.0.2.1:5"), Introduction { origin: None, tls: Some(tls) });
        assert_eq!(told.address, peer("192.0.2.1:5").address);
        assert_eq!(told.certificate().unwrap().common_name.as_deref(), Some("name"));
        assert!(told.certificate().unwrap().is_verified);
    }
}
