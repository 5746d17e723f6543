//! Whether the certificate of a broker is accepted.
//!
//! Besides what rustls accepts, this takes certificates without any alternative name if their Common Name is that of the
//! host, as OpenSSL and with it Mosquitto's tools do: many private brokers have such certificates. And with `--insecure`
//! the name does not matter. In both cases the certificate has to come from a trusted authority.

use core::fmt;
use std::sync::Arc;

use martlet_client::TlsError;
use martlet_client::rustls::client::WebPkiServerVerifier;
use martlet_client::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use martlet_client::rustls::crypto::CryptoProvider;
use martlet_client::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use martlet_client::rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::common_name::common_name;

/// Accepts certificates.
pub(super) struct Verifier {
    strict: Arc<WebPkiServerVerifier>,
    accepts_any_name: bool,
}

impl Verifier {
    pub(super) fn new(
        roots: RootCertStore,
        provider: &Arc<CryptoProvider>,
        accepts_any_name: bool,
    ) -> Result<Self, TlsError> {
        let strict =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
        let strict = strict.map_err(|error| TlsError::Rustls(Error::General(error.to_string())))?;
        Ok(Self { strict, accepts_any_name })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("accepts_any_name", &self.accepts_any_name).finish_non_exhaustive()
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
        // The name is compared last, when everything else is in order.
        let is_accepted = match &verified {
            Err(Error::InvalidCertificate(CertificateError::NotValidForName)) => self.accepts_any_name,
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented, ..
            })) => {
                self.accepts_any_name
                    || presented.is_empty() && is_common_name(end_entity, &server_name.to_str())
            }
            _ => false,
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
