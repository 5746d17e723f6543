//! Which layers the connections of a listener have.

use core::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::layers::Layers;
use crate::proxy::ProxyOptions;
#[cfg(feature = "psk")]
use crate::psk::{Psk, PskConfig, PskError};
use crate::secure::Secure;
use crate::stream::Stream;
use crate::tls::{Tls, TlsConfig};
use crate::websocket::WebSocketOptions;

/// Which layers the connections of a listener have. All event loops share it.
#[derive(Debug, Default)]
pub struct Setup {
    proxy: Option<ProxyOptions>,
    secure: Option<SecureSetup>,
    websocket: Option<Arc<WebSocketOptions>>,
}

/// How the layer that encrypts is made.
#[derive(Debug)]
enum SecureSetup {
    /// Read once for each connection. Those that are open keep what they began with.
    Tls(RwLock<TlsConfig>),
    #[cfg(feature = "psk")]
    Psk(RwLock<PskConfig>),
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
    pub fn tls(self, config: TlsConfig) -> Self {
        Self { secure: Some(SecureSetup::Tls(RwLock::new(config))), ..self }
    }

    /// With TLS by pre-shared keys, in place of any other TLS.
    #[cfg(feature = "psk")]
    #[must_use]
    pub fn psk(self, config: PskConfig) -> Self {
        Self { secure: Some(SecureSetup::Psk(RwLock::new(config))), ..self }
    }

    /// With WebSocket, above everything else.
    #[must_use]
    pub fn websocket(self, options: Option<WebSocketOptions>) -> Self {
        Self { websocket: options.map(Arc::new), ..self }
    }

    /// Uses another TLS configuration for connections that come from now on. Answers whether there is such TLS at all.
    pub fn replace_tls(&self, config: TlsConfig) -> bool {
        let Some(SecureSetup::Tls(slot)) = &self.secure else { return false };
        // An assignment is whole or has not begun, so what a panicking thread left is sound.
        *slot.write().unwrap_or_else(PoisonError::into_inner) = config;
        true
    }

    /// Uses other pre-shared keys for connections that come from now on. Answers whether there were such keys at all.
    #[cfg(feature = "psk")]
    pub fn replace_psk(&self, config: PskConfig) -> bool {
        let Some(SecureSetup::Psk(slot)) = &self.secure else { return false };
        *slot.write().unwrap_or_else(PoisonError::into_inner) = config; // see above
        true
    }

    /// Puts the layers onto a bare stream that was accepted.
    ///
    /// # Errors
    /// A layer cannot be made; the stream is gone.
    pub fn wrap(&self, stream: Stream) -> Result<Stream, WrapError> {
        if self.proxy.is_none() && self.secure.is_none() && self.websocket.is_none() {
            return Ok(stream);
        }
        let secure = self.secure.as_ref().map(SecureSetup::make).transpose()?;
        Ok(stream.with_layers(Layers::new(self.proxy, secure, self.websocket.clone())))
    }
}

impl SecureSetup {
    fn make(&self) -> Result<Secure, WrapError> {
        match self {
            Self::Tls(slot) => {
                let config = Arc::clone(&slot.read().unwrap_or_else(PoisonError::into_inner).config);
                Tls::new(config).map(|tls| Secure::Tls(Box::new(tls))).map_err(WrapError::Tls)
            }
            #[cfg(feature = "psk")]
            Self::Psk(slot) => {
                let config = slot.read().unwrap_or_else(PoisonError::into_inner).clone();
                Psk::new(&config).map(|psk| Secure::Psk(Box::new(psk))).map_err(WrapError::Psk)
            }
        }
    }
}

/// Why a connection cannot have its layers.
#[derive(Debug)]
#[non_exhaustive]
pub enum WrapError {
    /// What rustls says.
    Tls(rustls::Error),
    /// What OpenSSL says.
    #[cfg(feature = "psk")]
    Psk(PskError),
}

impl core::error::Error for WrapError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Tls(error) => Some(error),
            #[cfg(feature = "psk")]
            Self::Psk(error) => Some(error),
        }
    }
}

impl fmt::Display for WrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(error) => write!(f, "no TLS connection can be made: {error}"),
            #[cfg(feature = "psk")]
            Self::Psk(error) => write!(f, "no TLS connection can be made: {error}"),
        }
    }
}
