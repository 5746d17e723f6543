//! The chain of certificates that the server shows.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// No chain is longer.
const CERTIFICATES_MAX: usize = 10;

/// Appends the certificates of authorities that lead from the last certificate of a chain to one that has signed itself,
/// which is left out: who does not have it would not trust it.
///
/// OpenSSL does so, and people have files with the server's certificate alone.
pub(super) fn complete(chain: &mut Vec<CertificateDer<'static>>, authorities: &[CertificateDer<'static>]) {
    while chain.len() < CERTIFICATES_MAX
        && let Some(issuer) = chain.last().and_then(|last| issuer(last, authorities)).cloned()
    {
        chain.push(issuer);
    }
}

/// The authority that has signed a certificate, unless it has signed itself.
fn issuer<'a>(
    certificate: &CertificateDer<'_>,
    authorities: &'a [CertificateDer<'static>],
) -> Option<&'a CertificateDer<'static>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    authorities.iter().find(|authority| {
        X509Certificate::from_der(authority).is_ok_and(|(_, authority)| {
            authority.subject() == certificate.issuer() && authority.subject() != authority.issuer()
        })
    })
}
