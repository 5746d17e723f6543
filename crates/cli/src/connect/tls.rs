//! TLS as the flags ask for it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use martlet_client::rustls::crypto::ring;
use martlet_client::rustls::pki_types::pem::PemObject as _;
use martlet_client::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use martlet_client::rustls::{ClientConfig, RootCertStore};
use martlet_client::{Tls, TlsError};
use martlet_tools::flags::TlsOptions;

use super::verifier::Verifier;

/// A configuration that follows the flags.
pub(super) fn tls(options: &TlsOptions) -> Result<Tls, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(roots(options)?, &provider, options.insecure)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Rustls)?
        // It checks all that rustls checks; what it lets pass besides is a name that stands in the old place.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match (&options.certificate, &options.key) {
        (Some(chain), Some(path)) => {
            let failed = |error| TlsError::Pem { path: Some(path.clone()), error };
            let key = PrivateKeyDer::from_pem_file(path).map_err(failed)?;
            builder.with_client_auth_cert(certificates(chain)?, key).map_err(TlsError::Rustls)?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = options.alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Ok(Tls::from_config(Arc::new(config)))
}

fn roots(options: &TlsOptions) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let mut trusted = Vec::new();
    if let Some(file) = &options.roots.file {
        trusted.extend(certificates(file)?);
    }
    if let Some(directory) = &options.roots.directory {
        let failed = |error| TlsError::Directory { path: directory.clone(), error };
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // Directories of authorities hold other things, too: keys, lists, notes.
            trusted.extend(certificates(&path).unwrap_or_default());
        }
    }
    for certificate in trusted {
        roots.add(certificate).map_err(TlsError::Rustls)?;
    }
    if options.roots.system {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() { Err(TlsError::NoAuthorities) } else { Ok(roots) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |error| TlsError::Pem { path: Some(path.to_owned()), error };
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { path: Some(path.to_owned()) });
    }
    Ok(certificates)
}
