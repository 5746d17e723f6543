//! Which layers the connections of a listener have.

use core::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::layers::Layers;
use crate::proxy::ProxyOptions;
use crate::stream::Stream;
use crate::tls::{Tls, TlsConfig};
use crate::websocket::WebSocketOptions;

/// Which layers the connections of a listener have. All event loops share it.
#[derive(Debug, Default)]
pub struct Setup {
    proxy: Option<ProxyOptions>,
    /// Read once for each connection. Those that are open keep what they began with.
    tls: Option<RwLock<TlsConfig>>,
    websocket: Option<Arc<WebSocketOptions>>,
}

impl Setup {
    /// Bare connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the PROXY protocol, below everything else.
    #[must_use]
    pub fn proxy(self, options: Option<ProxyOptions>) -> Self {
        Self { proxy: options, ..self }
    }

    /// With TLS.
    #[must_use]
    pub fn tls(self, config: Option<TlsConfig>) -> Self {
        Self { tls: config.map(RwLock::new), ..self }
    }

    /// With WebSocket, above everything else.
    #[must_use]
    pub fn websocket(self, options: Option<WebSocketOptions>) -> Self {
        Self { websocket: options.map(Arc::new), ..self }
    }

    /// Uses another TLS configuration for connections that come from now on. Answers whether there is TLS at all.
    pub fn replace_tls(&self, config: TlsConfig) -> bool {
        let Some(slot) = &self.tls else { return false };
        // An assignment is whole or has not begun, so what a panicking thread left is sound.
        *slot.write().unwrap_or_else(PoisonError::into_inner) = config;
        true
    }

    /// Puts the layers onto a bare stream that was accepted.
    ///
    /// # Errors
    /// A layer cannot be made; the stream is gone.
    pub fn wrap(&self, stream: Stream) -> Result<Stream, WrapError> {
        if self.proxy.is_none() && self.tls.is_none() && self.websocket.is_none() {
            return Ok(stream);
        }
        let tls = self.tls.as_ref().map(|slot| {
            let config = slot.read().unwrap_or_else(PoisonError::into_inner).config.clone();
            Tls::new(config).map_err(WrapError)
        });
        Ok(stream.with_layers(Layers::new(self.proxy, tls.transpose()?, self.websocket.clone())))
    }
}

/// Why a connection cannot have its layers.
#[derive(Debug)]
pub struct WrapError(rustls::Error);

impl core::error::Error for WrapError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Display for WrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no TLS connection can be made: {}", self.0)
    }
}
