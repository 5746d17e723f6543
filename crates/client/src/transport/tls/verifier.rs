//! Whether the certificate of a server is accepted.
//!
//! Besides what rustls accepts, this takes certificates without any alternative name if their Common Name is that of the
//! host, as OpenSSL does: many private servers have such certificates. Or the name does not matter. In both cases the
//! certificate has to come from a trusted authority. It may be that authority itself, as `openssl req -x509` makes it.

use core::fmt;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::TlsError;
use super::common_name::common_name;

/// Names that are accepted besides the alternative names of a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OtherNames {
    /// None.
    #[default]
    None,
    /// The Common Name, where there are no alternative names.
    Common,
    /// Any.
    Any,
}

/// Accepts certificates.
pub(super) struct Verifier {
    strict: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    names: OtherNames,
}

impl Verifier {
    pub(super) fn new(
        roots: RootCertStore,
        provider: &Arc<CryptoProvider>,
        names: OtherNames,
    ) -> Result<Self, TlsError> {
        let roots = Arc::new(roots);
        let strict =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider)).build();
        let strict = strict.map_err(|error| TlsError::Rustls(Error::General(error.to_string())))?;
        Ok(Self { strict, roots, names })
    }

    /// Whether a certificate is one of the trusted authorities.
    fn is_authority(&self, certificate: &CertificateDer<'_>) -> bool {
        let mut alone = RootCertStore::empty();
        // What cannot be read is none.
        let _ = alone.add(certificate.clone().into_owned());
        alone.roots.first().is_some_and(|authority| self.roots.roots.contains(authority))
    }
}

/// Whether all that is wrong with a certificate is that it is an authority's. Its dates have been looked at by then, its name has
/// not.
fn is_of_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) = error else { return false };
    cause.downcast_ref::<webpki::Error>() == Some(&webpki::Error::CaUsedAsEndEntity)
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("names", &self.names).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let verified = match verified {
            Err(error) if is_of_authority(&error) && self.is_authority(end_entity) => {
                let certificate = ParsedCertificate::try_from(end_entity)?;
                verify_server_name(&certificate, server_name).map(|()| ServerCertVerified::assertion())
            }
            verified => verified,
        };
        // The name is compared last, when everything else is in order.
        let has_alternatives = match &verified {
            Err(Error::InvalidCertificate(CertificateError::NotValidForName)) => true,
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented, ..
            })) => !presented.is_empty(),
            _ => return verified,
        };
        let is_accepted = match self.names {
            OtherNames::None => false,
            OtherNames::Common => !has_alternatives && is_common_name(end_entity, &server_name.to_str()),
            OtherNames::Any => true,
        };
        if is_accepted { Ok(ServerCertVerified::assertion()) } else { verified }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}

/// Whether a host's name is the Common Name of a certificate. An address never is, as in OpenSSL.
fn is_common_name(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let is_name = host.parse::<core::net::IpAddr>().is_err();
    is_name && common_name(certificate).is_some_and(|name| covers(name, host))
}

/// Whether a name covers a host: it is the same, or a `*` stands for the first label.
fn covers(name: &str, host: &str) -> bool {
    let rest_of_host = host.split_once('.').map(|(_, rest)| rest);
    match name.strip_prefix("*.") {
        Some(rest) => rest.contains('.') && rest_of_host.is_some_and(|host| host.eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_covers_itself_and_a_star_one_label() {
        assert!(covers("Host.example", "host.EXAMPLE"));
        assert!(covers("*.broker.example", "a.broker.example"));
        assert!(!covers("*.broker.example", "broker.example"));
        assert!(!covers("*.broker.example", "a.b.broker.example"));
        assert!(!covers("*.example", "a.example"));
        assert!(!covers("*", "localhost"));
        assert!(!covers("host", "host.example"));
    }
}
