//! The layer that encrypts: TLS by rustls, or TLS with pre-shared keys by OpenSSL.

use crate::fault::Fault;
use crate::introduction::TlsFacts;
use crate::progress::Progress;
#[cfg(feature = "psk")]
use crate::psk::Psk;
use crate::tls::{SendError, Tls};

/// The layer that encrypts.
#[derive(Debug)]
pub(crate) enum Secure {
    Tls(Box<Tls>),
    #[cfg(feature = "psk")]
    Psk(Box<Psk>),
}

impl Secure {
    /// Puts what was kept of earlier bytes to the start of `raw`, and tells how much that is. The next ones belong
    /// behind it, and all together to [`Secure::receive`].
    pub(crate) fn restore(&self, raw: &mut [u8]) -> Result<usize, Fault> {
        match self {
            Self::Tls(tls) => tls.restore(raw).map_err(Fault::Tls),
            // It keeps them itself; the room stays empty.
            #[cfg(feature = "psk")]
            Self::Psk(_) => Ok(Psk::KEPT_BYTES_MAX.min(raw.len() / 2)),
        }
    }

    /// Takes raw bytes, of which the first `kept` are what [`Secure::restore`] told. What they hold for the reader comes
    /// into `plain`, which has as much room; what has to be answered is appended to `out`.
    #[cfg_attr(not(feature = "psk"), expect(unused_variables, reason = "rustls gets them all"))]
    pub(crate) fn receive(
        &mut self,
        raw: &mut [u8],
        kept: usize,
        plain: &mut [u8],
        out: &mut Vec<u8>,
    ) -> Progress {
        match self {
            Self::Tls(tls) => tls.receive(raw, plain, out),
            #[cfg(feature = "psk")]
            Self::Psk(psk) => psk.receive(&raw[kept..], plain, out),
        }
    }

    /// Appends bytes for the client to `out`, encrypted.
    pub(crate) fn send(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        match self {
            Self::Tls(tls) => tls.send(plain, out),
            #[cfg(feature = "psk")]
            Self::Psk(psk) => psk.send(plain, out),
        }
    }

    /// Appends to `out` what tells the client that nothing more will come.
    pub(crate) fn close(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Tls(tls) => tls.close(out),
            #[cfg(feature = "psk")]
            Self::Psk(psk) => psk.close(out),
        }
    }

    /// Whether the client has still to prove that it is there.
    pub(crate) fn is_handshaking(&self) -> bool {
        match self {
            Self::Tls(tls) => tls.is_handshaking(),
            #[cfg(feature = "psk")]
            Self::Psk(psk) => psk.is_handshaking(),
        }
    }

    /// What is known of the connection after the handshake.
    pub(crate) fn facts(&self) -> TlsFacts {
        match self {
            Self::Tls(tls) => tls.facts(),
            #[cfg(feature = "psk")]
            Self::Psk(psk) => psk.facts(),
        }
    }
}
