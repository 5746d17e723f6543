//! TLS 1.2 and 1.3 by rustls: what a listener is set up with.

mod chain;
mod ciphers;
mod connection;
mod error;
mod files;
mod key_log;
mod subject;
mod verifier;
mod version1;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ServerConfig, SupportedCipherSuite, version};
use x509_parser::prelude::{FromDer, X509Certificate};

pub use ciphers::CipherError;
pub use error::{FileError, TlsError, TlsFault};
pub use verifier::ClientCertificates;

pub(crate) use connection::{SendError, Tls};

use ciphers::Chosen;
use key_log::KeyLogFile;

/// How a listener uses TLS.
///
/// Diffie-Hellman over finite fields is not offered, so there are no parameters for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// A file with the chain of certificates that begins with the server's own, in PEM.
    pub certificate_file: PathBuf,
    /// A file with the private key for it, in PEM, not encrypted.
    pub key_file: PathBuf,
    /// A file with the certificates of authorities. They are trusted for those of clients, and complete the chain that the
    /// server shows.
    pub authority_file: Option<PathBuf>,
    /// A directory whose files hold such certificates.
    pub authority_directory: Option<PathBuf>,
    /// Which certificates clients have to show; none if it is `None`.
    pub clients: Option<ClientCertificates>,
    /// The lowest version that clients may use.
    pub version_min: TlsVersion,
    /// The suites for TLS 1.2 in the notation of OpenSSL, the most wanted first. Without, all that there are, and
    /// clients choose.
    pub ciphers: Option<String>,
    /// The same for TLS 1.3.
    pub ciphers_tls13: Option<String>,
    /// The application protocols (ALPN) that clients may choose from. With an empty list it is of no importance what
    /// they ask for; otherwise whoever asks for something else is turned away.
    pub protocols: Vec<String>,
    /// A file that the secrets of all connections are written to.
    pub key_log: Option<PathBuf>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// Options that have been found good, with all files read.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    pub(crate) config: Arc<ServerConfig>,
    missing_ciphers: Vec<String>,
}

impl TlsConfig {
    /// Those of the named cipher suites that OpenSSL knows and that are not available here.
    pub fn missing_ciphers(&self) -> &[String] {
        &self.missing_ciphers
    }
}

impl TlsOptions {
    /// Options with a certificate and the key for it.
    pub fn new(certificate_file: impl Into<PathBuf>, key_file: impl Into<PathBuf>) -> Self {
        Self {
            certificate_file: certificate_file.into(),
            key_file: key_file.into(),
            authority_file: None,
            authority_directory: None,
            clients: None,
            version_min: TlsVersion::Tls12,
            ciphers: None,
            ciphers_tls13: None,
            protocols: Vec::new(),
            key_log: None,
        }
    }

    /// Reads all files.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn load(&self) -> Result<TlsConfig, TlsError> {
        let (cipher_suites, missing_ciphers) = self.cipher_suites()?;
        let provider = Arc::new(CryptoProvider { cipher_suites, ..ring::default_provider() });
        let versions: &[_] = match self.version_min {
            TlsVersion::Tls12 => &[&version::TLS12, &version::TLS13],
            TlsVersion::Tls13 => &[&version::TLS13],
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(TlsError::Rustls)?;
        let authorities = self.authorities()?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                builder.with_client_cert_verifier(verifier::verifier(clients, &authorities, &provider)?)
            }
        };
        let mut chain = files::certificates(&self.certificate_file)?;
        chain::complete(&mut chain, &authorities);
        let key = files::key(&self.key_file)?;
        let own = self.own(chain, key, &provider)?;
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
        config.ignore_client_order = self.ciphers.is_some() || self.ciphers_tls13.is_some();
        config.alpn_protocols = self.protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        // Tickets hold the sessions at the clients; a table of them here would only hold the same again.
        config.ticketer = ring::Ticketer::new().map_err(TlsError::Rustls)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if let Some(path) = &self.key_log {
            let file = KeyLogFile::open(path);
            let file = file.map_err(|cause| TlsError::KeyLog { path: path.clone(), cause })?;
            config.key_log = Arc::new(file);
        }
        Ok(TlsConfig { config: Arc::new(config), missing_ciphers })
    }

    fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let of_file = self.authority_file.as_deref().map(files::authorities);
        let of_directory = self.authority_directory.as_deref().map(files::authorities_of_directory);
        let found: Vec<_> = of_file.into_iter().chain(of_directory).collect::<Result<_, _>>()?;
        Ok(found.concat())
    }

    fn cipher_suites(&self) -> Result<(Vec<SupportedCipherSuite>, Vec<String>), TlsError> {
        let failed = |list: &str| {
            let list = list.to_owned();
            move |cause| TlsError::Ciphers { list, cause }
        };
        let tls13 = match &self.ciphers_tls13 {
            Some(list) => ciphers::choose_tls13(list).map_err(failed(list))?,
            None => Chosen { suites: ciphers::all_tls13(), missing: Vec::new() },
        };
        let tls12 = match &self.ciphers {
            Some(list) => ciphers::choose_tls12(list).map_err(failed(list))?,
            None => Chosen { suites: ciphers::all_tls12(), missing: Vec::new() },
        };
        Ok(([tls13.suites, tls12.suites].concat(), [tls13.missing, tls12.missing].concat()))
    }

    /// The server's own chain and key, which have to belong together. What else is in the certificate is for clients to judge: they
    /// may take what rustls would not, such as certificates of version 1.
    fn own(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, TlsError> {
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|error| TlsError::Key { path: self.key_file.clone(), cause: error.into() })?;
        let cause = FileError::from(rustls::Error::from(CertificateError::BadEncoding));
        let bad = TlsError::Certificate { path: self.certificate_file.clone(), cause };
        let Some((_, certificate)) = chain.first().and_then(|own| X509Certificate::from_der(own).ok()) else {
            return Err(bad);
        };
        if key.public_key().is_some_and(|public| *public != *certificate.public_key().raw) {
            return Err(TlsError::Mismatch);
        }
        Ok(CertifiedKey::new(chain, key))
    }
}

#[cfg(test)]
mod tests;
