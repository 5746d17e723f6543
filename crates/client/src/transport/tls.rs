//! TLS by rustls.

use core::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::error::ConnectError;

/// Whom a client trusts, and who it is.
///
/// Trusted is what was added here. If nothing was, it is what the operating system trusts (feature `native-certs`).
///
/// ```no_run
/// use martlet_client::{Options, Tls};
///
/// let tls = Tls::default().ca_file("ca.pem")?.client_certificate("client.pem", "client.key")?;
/// let options = Options::from_url("mqtts://broker.example")?.tls(tls);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    authorities: Vec<CertificateDer<'static>>,
    #[cfg(feature = "native-certs")]
    trusts_system: bool,
    identity: Option<Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>>,
    pub(crate) alpn: Vec<Vec<u8>>,
    server_name: Option<String>,
    given: Option<Arc<ClientConfig>>,
    /// Made of all this when it is needed first.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// Why TLS options cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    Pem {
        /// The file; none for bytes.
        path: Option<PathBuf>,
        /// Why.
        error: pem::Error,
    },
    /// A directory cannot be read.
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// There is no certificate in it.
    NoCertificate {
        /// The file or directory; none for bytes.
        path: Option<PathBuf>,
    },
    /// The operating system has no certificates of authorities, or this build cannot read them, and no others were given.
    NoAuthorities,
    /// Certificates or key are not what rustls takes.
    Rustls(rustls::Error),
    /// The host is no name that a certificate can be for.
    ServerName,
}

impl core::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Pem { error, .. } => Some(error),
            Self::Directory { error, .. } => Some(error),
            Self::Rustls(error) => Some(error),
            Self::NoCertificate { .. } | Self::NoAuthorities | Self::ServerName => None,
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem { path: Some(path), error } => write!(f, "{}: {error}", path.display()),
            Self::Pem { path: None, error } => write!(f, "{error}"),
            Self::Directory { path, error } => write!(f, "{}: {error}", path.display()),
            Self::NoCertificate { path: Some(path) } => write!(f, "{}: no certificate", path.display()),
            Self::NoCertificate { path: None } => write!(f, "no certificate"),
            Self::NoAuthorities => write!(f, "the option `tls` names no certificate authority to trust"),
            Self::Rustls(error) => {
                write!(f, "certificates or key of the option `tls` cannot be used: {error}")
            }
            Self::ServerName => {
                write!(f, "no certificate can be for the host of the address, or for `server_name`")
            }
        }
    }
}

impl Tls {
    /// Uses a configuration of rustls as it is; of the options here, only [`Tls::server_name`] counts besides.
    pub fn from_config(config: Arc<ClientConfig>) -> Self {
        Self { given: Some(config), ..Self::default() }
    }

    /// Trusts the certificates in a PEM file.
    ///
    /// # Errors
    /// [`TlsError::Pem`], [`TlsError::NoCertificate`].
    pub fn ca_file(self, path: impl AsRef<Path>) -> Result<Self, TlsError> {
        let certificates = certificates_in(path.as_ref())?;
        Ok(self.trusting(certificates))
    }

    /// Trusts the certificates in the files of a directory whose names end in `.pem` or `.crt`.
    ///
    /// # Errors
    /// [`TlsError::Directory`], [`TlsError::Pem`], [`TlsError::NoCertificate`].
    pub fn ca_directory(self, path: impl AsRef<Path>) -> Result<Self, TlsError> {
        let path = path.as_ref();
        let failed = |error| TlsError::Directory { path: path.to_owned(), error };
        let mut certificates = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file.extension().is_some_and(|extension| extension == "pem" || extension == "crt") {
                certificates.extend(certificates_in(&file)?);
            }
        }
        if certificates.is_empty() {
            return Err(TlsError::NoCertificate { path: Some(path.to_owned()) });
        }
        Ok(self.trusting(certificates))
    }

    /// Trusts the certificates in PEM text.
    ///
    /// # Errors
    /// [`TlsError::Pem`], [`TlsError::NoCertificate`].
    pub fn ca_pem(self, text: &[u8]) -> Result<Self, TlsError> {
        let failed = |error| TlsError::Pem { path: None, error };
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(failed)?;
        if certificates.is_empty() {
            return Err(TlsError::NoCertificate { path: None });
        }
        Ok(self.trusting(certificates))
    }

    /// Trusts what the operating system trusts, besides what is added.
    #[cfg(feature = "native-certs")]
    #[must_use]
    pub fn system_authorities(mut self) -> Self {
        self.trusts_system = true;
        self.changed()
    }

    /// Shows the server a certificate, from PEM files: the chain that begins with the client's own, and its key.
    ///
    /// # Errors
    /// [`TlsError::Pem`], [`TlsError::NoCertificate`].
    pub fn client_certificate(
        mut self,
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsError> {
        let failed = |error| TlsError::Pem { path: Some(key.as_ref().to_owned()), error };
        let private = PrivateKeyDer::from_pem_file(key.as_ref()).map_err(failed)?;
        self.identity = Some(Arc::new((certificates_in(chain.as_ref())?, private)));
        Ok(self.changed())
    }

    /// Offers the server these protocols, the most wanted first (ALPN); by default none. Not for WebSocket, which is HTTP.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self.changed()
    }

    /// The name that the certificate of the server has to be for; by default the host of the address.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    fn trusting(mut self, certificates: Vec<CertificateDer<'static>>) -> Self {
        self.authorities.extend(certificates);
        self.changed()
    }

    /// Forgets the configuration that was made of the options before.
    fn changed(mut self) -> Self {
        self.config = Arc::default();
        self
    }

    fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = self.given.as_ref().or_else(|| self.config.get()) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.new_config()?);
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }

    fn new_config(&self) -> Result<ClientConfig, TlsError> {
        let mut roots = RootCertStore::empty();
        for authority in &self.authorities {
            roots.add(authority.clone()).map_err(TlsError::Rustls)?;
        }
        #[cfg(feature = "native-certs")]
        if self.trusts_system || roots.is_empty() {
            // Of those that cannot be read there are always some; what counts is whether any is left.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if roots.is_empty() {
            return Err(TlsError::NoAuthorities);
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Rustls)?
            .with_root_certificates(roots);
        let Some(identity) = &self.identity else { return Ok(builder.with_no_client_auth()) };
        let (chain, key) = &**identity;
        builder.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(TlsError::Rustls)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authorities", &self.authorities.len())
            .field("client_certificate", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

fn certificates_in(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |error| TlsError::Pem { path: Some(path.to_owned()), error };
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { path: Some(path.to_owned()) });
    }
    Ok(certificates)
}

/// Makes a TLS connection of a socket.
pub(super) async fn open(
    tls: &Tls,
    alpn: &[Vec<u8>],
    host: &str,
    socket: TcpStream,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let config = tls.config().map_err(ConnectError::Tls)?;
    let name = tls.server_name.as_deref().unwrap_or(host).to_owned();
    let name = ServerName::try_from(name).map_err(|_| ConnectError::Tls(TlsError::ServerName))?;
    let connector = TlsConnector::from(config);
    let connecting = if alpn.is_empty() || tls.given.is_some() {
        connector.connect(name, socket)
    } else {
        connector.with_alpn(alpn.to_vec()).connect(name, socket)
    };
    connecting.await.map_err(ConnectError::Io)
}
