//! Which certificates of clients are accepted.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use super::error::{FileError, TlsError};
use super::files;
use super::version1::AlsoVersion1;

/// Which certificates clients have to show: those that an authority of the listener has signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificates {
    /// A file with lists of revoked certificates. With it, the certificate of a client is accepted only if there is a
    /// list by its issuer that has not expired and does not name it.
    pub revocation_file: Option<PathBuf>,
    /// Accept certificates that have expired or are not valid yet.
    pub ignores_dates: bool,
}

/// Makes what decides.
pub(super) fn verifier(
    clients: &ClientCertificates,
    authorities: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().cloned());
    if roots.is_empty() {
        return Err(TlsError::NoAuthority);
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let revocations = clients.revocation_file.as_deref().map(files::revocations).transpose()?;
    if let Some(lists) = revocations.clone() {
        builder = builder.with_crls(lists).only_check_end_entity_revocation().enforce_revocation_expiration();
    }
    let mut others = builder.build().map_err(|error| broken(error, clients.revocation_file.as_ref()))?;
    if clients.ignores_dates {
        let revocations_until = revocations.as_deref().and_then(next_update);
        others = Arc::new(IgnoringDates { verifier: others, revocations_until });
    }
    Ok(Arc::new(AlsoVersion1 {
        others,
        authorities: authorities.to_vec(),
        revocations,
        ignores_dates: clients.ignores_dates,
        algorithms: provider.signature_verification_algorithms,
    }))
}

fn broken(error: VerifierBuilderError, revocation_file: Option<&PathBuf>) -> TlsError {
    match (error, revocation_file) {
        (VerifierBuilderError::InvalidCrl(error), Some(path)) => TlsError::Revocations {
            path: path.clone(),
            cause: FileError::Rustls(Error::InvalidCertRevocationList(error)),
        },
        (error, _) => TlsError::Rustls(Error::General(error.to_string())),
    }
}

/// When the first of the lists expires.
fn next_update(lists: &[CertificateRevocationListDer<'_>]) -> Option<UnixTime> {
    let times = lists.iter().filter_map(|list| {
        let (_, list) = CertificateRevocationList::from_der(list).ok()?;
        list.next_update().map(|time| unix_time(time.timestamp()))
    });
    times.min()
}

/// Accepts what another verifier would accept at a time when all certificates of the chain are valid.
#[derive(Debug)]
struct IgnoringDates {
    verifier: Arc<dyn ClientCertVerifier>,
    /// Until when the lists of revoked certificates say anything. Their dates are not ignored.
    revocations_until: Option<UnixTime>,
}

impl ClientCertVerifier for IgnoringDates {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let refused = match self.verifier.verify_client_cert(end_entity, intermediates, now) {
            Err(error) if concerns_dates(&error) => error,
            other => return other,
        };
        if self.revocations_until.is_some_and(|until| until < now) {
            return Err(CertificateError::ExpiredRevocationList.into());
        }
        let chain = core::iter::once(end_entity).chain(intermediates);
        match time_of_validity(chain, now) {
            Some(time) => self.verifier.verify_client_cert(end_entity, intermediates, time),
            None => Err(refused),
        }
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn concerns_dates(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}

/// The time nearest to `now` at which all certificates are valid, if there is one.
fn time_of_validity<'a>(
    chain: impl Iterator<Item = &'a CertificateDer<'a>>,
    now: UnixTime,
) -> Option<UnixTime> {
    let (mut begin, mut end) = (UnixTime::since_unix_epoch(Duration::ZERO), None);
    for certificate in chain {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        // The times of an authority that clients send along are not looked at in any case.
        if certificate.subject() == certificate.issuer() {
            continue;
        }
        let validity = certificate.validity();
        begin = begin.max(unix_time(validity.not_before.timestamp()));
        let not_after = unix_time(validity.not_after.timestamp());
        end = Some(end.map_or(not_after, |end: UnixTime| end.min(not_after)));
    }
    let end = end?;
    (begin <= end).then(|| now.clamp(begin, end))
}

/// Seconds since 1970; what lies before counts as then.
pub(super) fn unix_time(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
