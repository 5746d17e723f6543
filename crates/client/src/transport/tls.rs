//! TLS by rustls.

mod ciphers;
mod common_name;
mod der;
mod key_log;
mod validity;
mod verifier;
mod version1;

use core::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{
    self, ClientConfig, Error, InconsistentKeys, RootCertStore, SupportedCipherSuite,
    SupportedProtocolVersion, version,
};

use crate::error::ConnectError;
use key_log::KeyLogFile;
use verifier::{OtherNames, Verifier};

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
    other_names: OtherNames,
    version_min: Option<TlsVersion>,
    version_max: Option<TlsVersion>,
    ciphers: Option<Vec<SupportedCipherSuite>>,
    key_log: Option<Arc<KeyLogFile>>,
    given: Option<Arc<ClientConfig>>,
    /// Made of all this when it is needed first.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2
    Tls12,
    /// TLS 1.3
    Tls13,
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
    /// A list of ciphers leaves none.
    NoCipher {
        /// The list.
        list: String,
    },
    /// The file for the secrets of connections cannot be opened.
    KeyLog {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The operating system has no certificates of authorities, or this build cannot read them, and no others were given.
    NoAuthorities,
    /// Certificates or key are not what rustls takes.
    Rustls(Error),
    /// The host is no name that a certificate can be for.
    ServerName,
}

impl core::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Pem { error, .. } => Some(error),
            Self::Directory { error, .. } | Self::KeyLog { error, .. } => Some(error),
            Self::Rustls(error) => Some(error),
            Self::NoCertificate { .. } | Self::NoCipher { .. } | Self::NoAuthorities | Self::ServerName => {
                None
            }
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem { path: Some(path), error } => write!(f, "{}: {error}", path.display()),
            Self::Pem { path: None, error } => write!(f, "{error}"),
            Self::Directory { path, error } | Self::KeyLog { path, error } => {
                write!(f, "{}: {error}", path.display())
            }
            Self::NoCipher { list } => write!(f, "no cipher is left of the list \"{list}\""),
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

    /// Trusts the certificates in the files of a directory whose names end in `.pem` or `.crt`, or are a hash as `openssl
    /// rehash` makes them: `1a2b3c4d.0`.
    ///
    /// # Errors
    /// [`TlsError::Directory`], [`TlsError::Pem`], [`TlsError::NoCertificate`].
    pub fn ca_directory(self, path: impl AsRef<Path>) -> Result<Self, TlsError> {
        let path = path.as_ref();
        let failed = |error| TlsError::Directory { path: path.to_owned(), error };
        let mut certificates = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if may_hold_certificates(&file) {
                match certificates_in(&file) {
                    Err(TlsError::NoCertificate { .. }) => {} // a key, for example
                    found => certificates.extend(found?),
                }
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

    /// Offers the server these protocols, the most wanted first (ALPN); by default none, and for WebSocket `http/1.1`.
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

    /// Does not compare the name of the server with its certificate, which then only has to come from a trusted authority.
    ///
    /// Whoever has any certificate of these authorities can then be in the middle: only for tests.
    #[must_use]
    pub fn dangerously_accept_any_name(mut self) -> Self {
        self.other_names = OtherNames::Any;
        self.changed()
    }

    /// Accepts a certificate without alternative names if its Common Name is that of the server, as programs with OpenSSL
    /// do.
    #[must_use]
    pub fn accept_common_name(mut self) -> Self {
        self.other_names = OtherNames::Common;
        self.changed()
    }

    /// The lowest version; by default TLS 1.2, which is the lowest that there is.
    #[must_use]
    pub fn version_min(mut self, version: TlsVersion) -> Self {
        self.version_min = Some(version);
        self.changed()
    }

    /// The highest version; by default TLS 1.3.
    #[must_use]
    pub fn version_max(mut self, version: TlsVersion) -> Self {
        self.version_max = Some(version);
        self.changed()
    }

    /// The ciphers of TLS 1.2, as a list in OpenSSL's notation: names and groups of ciphers, the most wanted first, such as
    /// `ECDHE-RSA-AES256-GCM-SHA384:CHACHA20` or `HIGH:!aECDSA`. TLS 1.3 keeps all of its ciphers, as in OpenSSL.
    ///
    /// Names that rustls does not have are passed over, also as in OpenSSL.
    ///
    /// # Errors
    /// [`TlsError::NoCipher`] if the list leaves nothing.
    pub fn cipher_list(mut self, list: &str) -> Result<Self, TlsError> {
        self.ciphers = Some(ciphers::suites(list)?);
        Ok(self.changed())
    }

    /// Appends the secrets of each connection to a file, in the format that Wireshark reads. Whoever has the file can read
    /// the connections.
    ///
    /// # Errors
    /// [`TlsError::KeyLog`].
    pub fn key_log_file(mut self, path: impl AsRef<Path>) -> Result<Self, TlsError> {
        let failed = |error| TlsError::KeyLog { path: path.as_ref().to_owned(), error };
        self.key_log = Some(Arc::new(KeyLogFile::open(path.as_ref()).map_err(failed)?));
        Ok(self.changed())
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
        let mut provider = ring::default_provider();
        if let Some(ciphers) = &self.ciphers {
            provider.cipher_suites.clone_from(ciphers);
        }
        let provider = Arc::new(provider);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions())
            .map_err(TlsError::Rustls)?;
        let builder = if self.other_names == OtherNames::None {
            builder.with_root_certificates(roots)
        } else {
            // It checks all that rustls checks, up to the name.
            let verifier = Verifier::new(roots, &provider, self.other_names)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        };
        let mut config = match self.identity.as_deref() {
            None => builder.with_no_client_auth(),
            // What is in the certificate is for the server to judge, which may take what rustls would not.
            Some((chain, key)) => {
                let key = provider.key_provider.load_private_key(key.clone_key());
                let own = CertifiedKey::new(chain.clone(), key.map_err(TlsError::Rustls)?);
                if let Err(error @ Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) = own.keys_match()
                {
                    return Err(TlsError::Rustls(error));
                }
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own)))
            }
        };
        if let Some(file) = &self.key_log {
            config.key_log = Arc::clone(file) as Arc<dyn rustls::KeyLog>;
        }
        Ok(config)
    }

    /// The versions between the lowest and the highest.
    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let is_wanted = |version: TlsVersion| {
            self.version_min.is_none_or(|min| min <= version)
                && self.version_max.is_none_or(|max| version <= max)
        };
        let all = [(TlsVersion::Tls13, &version::TLS13), (TlsVersion::Tls12, &version::TLS12)];
        all.into_iter().filter(|(version, _)| is_wanted(*version)).map(|(_, supported)| supported).collect()
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

/// Whether a file of a directory of authorities counts, by its name.
fn may_hold_certificates(file: &Path) -> bool {
    let Some(extension) = file.extension().and_then(|extension| extension.to_str()) else { return false };
    let stem = file.file_stem().unwrap_or_default().as_encoded_bytes();
    let is_hash = stem.len() == 8 && stem.iter().all(u8::is_ascii_hexdigit);
    matches!(extension, "pem" | "crt") || is_hash && extension.bytes().all(|digit| digit.is_ascii_digit())
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
