//! TLS with a pre-shared key, by OpenSSL: rustls has none. Only connections with such a key come here.

use core::fmt;
use core::net::IpAddr;
use core::pin::Pin;
use std::io;

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode, SslVersion};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::error::ConnectError;
use crate::options::Secret;

/// Of TLS 1.2: with forward secrecy first, none that needs a certificate, none without encryption. TLS 1.3 has its own.
const CIPHERS: &str = "kECDHEPSK:kDHEPSK:kPSK:!eNULL";

/// A key that client and server know, and the name of it.
#[derive(Clone, Debug)]
pub(crate) struct PreSharedKey {
    pub(crate) identity: String,
    pub(crate) key: Secret,
}

/// Why a pre-shared key cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum PskError {
    /// The identity is empty, has a null character, or is longer than OpenSSL takes (128 bytes at least).
    Identity,
    /// The key is empty, or longer than OpenSSL takes (256 bytes at least).
    Key,
    /// OpenSSL cannot be set up.
    OpenSsl(ErrorStack),
}

impl core::error::Error for PskError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::OpenSsl(error) => Some(error),
            Self::Identity | Self::Key => None,
        }
    }
}

impl fmt::Display for PskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => {
                write!(f, "the identity of the option `psk` is empty, too long or has a null character")
            }
            Self::Key => write!(f, "the key of the option `psk` is empty or too long"),
            Self::OpenSsl(error) => write!(f, "OpenSSL cannot be set up: {error}"),
        }
    }
}

/// The most that the oldest OpenSSL in use takes.
const IDENTITY_BYTES_MAX: usize = 128;
const KEY_BYTES_MAX: usize = 256;

impl PreSharedKey {
    fn check(&self) -> Result<(), PskError> {
        if self.identity.is_empty()
            || self.identity.len() > IDENTITY_BYTES_MAX
            || self.identity.contains('\0')
        {
            return Err(PskError::Identity);
        }
        if self.key.0.is_empty() || self.key.0.len() > KEY_BYTES_MAX {
            return Err(PskError::Key);
        }
        Ok(())
    }

    fn context(&self, alpn: &[Vec<u8>]) -> Result<SslContext, ErrorStack> {
        let mut builder = SslContext::builder(SslMethod::tls_client())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        builder.set_cipher_list(CIPHERS)?;
        // The server proves itself by the key. One that wants to do it by a certificate finds no authority that is trusted.
        builder.set_verify(SslVerifyMode::PEER);
        if !alpn.is_empty() {
            let with_len =
                |name: &Vec<u8>| u8::try_from(name.len()).ok().map(|len| [&[len], &name[..]].concat());
            let protocols: Vec<u8> = alpn.iter().filter_map(with_len).flatten().collect();
            builder.set_alpn_protos(&protocols)?;
        }
        let Self { identity, key } = self.clone();
        builder.set_psk_client_callback(move |_ssl, _hint, identity_out, key_out| {
            let identity = [identity.as_bytes(), b"\0"].concat();
            let places = (identity_out.get_mut(..identity.len()), key_out.get_mut(..key.0.len()));
            // No key at all ends the handshake.
            let (Some(identity_out), Some(key_out)) = places else { return Ok(0) };
            identity_out.copy_from_slice(&identity);
            key_out.copy_from_slice(&key.0);
            Ok(key.0.len())
        });
        Ok(builder.build())
    }
}

/// Makes a TLS connection of a socket.
pub(super) async fn open(
    psk: &PreSharedKey,
    alpn: &[Vec<u8>],
    host: &str,
    socket: TcpStream,
) -> Result<SslStream<TcpStream>, ConnectError> {
    psk.check().map_err(ConnectError::Psk)?;
    let ready = || {
        let context = psk.context(alpn)?;
        let mut ssl = Ssl::new(&context)?;
        if host.parse::<IpAddr>().is_err() {
            ssl.set_hostname(host)?;
        }
        SslStream::new(ssl, socket)
    };
    let mut stream = ready().map_err(|error| ConnectError::Psk(PskError::OpenSsl(error)))?;
    let connected = Pin::new(&mut stream).connect().await;
    connected.map_err(|error| ConnectError::Io(error.into_io_error().unwrap_or_else(io::Error::other)))?;
    Ok(stream)
}
