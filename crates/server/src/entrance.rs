//! What the connections of one listener have in common.

use core::net::SocketAddr;
use std::sync::Arc;

use martlet_engine::{Peer, PeerDetails};
use martlet_transport::{Setup, Stream, TlsConfig, TlsError, TlsOptions, WrapError};

use crate::errors::{ReloadError, StartError};
use crate::notices;
use crate::options::{ListenerOptions, Place, Security, Wording};

/// One listener, as all shards share it.
pub(crate) struct Entrance {
    /// The number of the listener.
    number: u16,
    /// The port of the options; 0 for a Unix socket.
    port: u16,
    /// Whether a proxy tells where clients are.
    is_proxied: bool,
    /// What is known of every peer; only a Unix socket tells something.
    details: Option<Arc<PeerDetails>>,
    setup: Setup,
}

impl Entrance {
    /// Reads the files that the listener needs.
    ///
    /// # Errors
    /// [`StartError::Tls`] and [`StartError::Psk`].
    pub(crate) fn new(number: u16, options: &ListenerOptions) -> Result<Self, StartError> {
        let port = match &options.place {
            Place::Tcp(address) => address.port,
            Place::Unix(_) => 0,
        };
        let details = match &options.place {
            Place::Tcp(_) => None,
            Place::Unix(address) => {
                let path = Some(address.path.display().to_string());
                Some(Arc::new(PeerDetails { path, ..PeerDetails::default() }))
            }
        };
        let setup = Setup::new().proxy(options.proxy).websocket(options.websocket.clone());
        let setup = match &options.security {
            None => setup,
            Some(Security::Tls(tls)) => {
                setup.tls(load(number, tls).map_err(|cause| StartError::Tls { listener: number, cause })?)
            }
            #[cfg(feature = "psk")]
            Some(Security::Psk(psk)) => {
                setup.psk(psk.load().map_err(|cause| StartError::Psk { listener: number, cause })?)
            }
        };
        Ok(Self { number, port, is_proxied: options.proxy.is_some(), details, setup })
    }

    /// The number of the listener.
    pub(crate) const fn number(&self) -> u16 {
        self.number
    }

    /// Says that someone came in, unless a proxy has yet to tell who.
    pub(crate) fn log_accepted(&self, peer: &Peer, wording: Wording) {
        if !self.is_proxied {
            notices::log_accepted(peer, self.port, wording);
        }
    }

    /// Reads TLS options anew, for the connections that come from now on.
    ///
    /// # Errors
    /// [`ReloadError::NoTls`] and [`ReloadError::Tls`]; everything stays as it was then.
    pub(crate) fn reload_tls(&self, options: &TlsOptions) -> Result<(), ReloadError> {
        let config = load(self.number, options).map_err(ReloadError::Tls)?;
        if self.setup.replace_tls(config) { Ok(()) } else { Err(ReloadError::NoTls) }
    }

    /// Puts the layers of the listener onto an accepted stream.
    ///
    /// # Errors
    /// A layer cannot be made; the stream is gone.
    pub(crate) fn wrap(&self, stream: Stream) -> Result<Stream, WrapError> {
        self.setup.wrap(stream)
    }

    /// Where a connection comes from, as far as its socket tells.
    pub(crate) fn peer(&self, address: Option<SocketAddr>) -> Peer {
        Peer { address, listener: self.number, details: self.details.clone() }
    }
}

fn load(listener: u16, options: &TlsOptions) -> Result<TlsConfig, TlsError> {
    let config = options.load()?;
    let missing = config.missing_ciphers();
    if !missing.is_empty() {
        let missing = missing.join(":");
        tracing::warn!(listener, missing, "some cipher suites are not available, going on with the others");
    }
    if let Some(path) = &options.key_log {
        tracing::warn!(listener, path = %path.display(), "TLS keys are written to a file, for debugging only");
    }
    Ok(config)
}
