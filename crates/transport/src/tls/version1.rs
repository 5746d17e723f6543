//! Certificates of version 1, which rustls does not take.
//!
//! They have no extensions. `openssl x509 -req` made such ones for decades unless it was told otherwise, so clients that were
//! given theirs by an authority of their own often have them.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved, SignatureScheme,
};
use x509_parser::asn1_rs::Any;
use x509_parser::oid_registry::OID_X509_EXT_ISSUER_DISTRIBUTION_POINT;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate, X509Version};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::verifier::unix_time;

/// Accepts certificates of version 1 if an authority of the listener itself has signed them; of others, those that another
/// verifier accepts.
#[derive(Debug)]
pub(super) struct AlsoVersion1 {
    pub(super) others: Arc<dyn ClientCertVerifier>,
    pub(super) authorities: Vec<CertificateDer<'static>>,
    /// With lists, there has to be one by the issuer that has not expired and does not name the certificate.
    pub(super) revocations: Option<Vec<CertificateRevocationListDer<'static>>>,
    /// Accept certificates that have expired or are not valid yet.
    pub(super) ignores_dates: bool,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl AlsoVersion1 {
    fn judge(
        &self,
        der: &CertificateDer<'_>,
        certificate: &X509Certificate<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateError> {
        let authorities =
            self.authorities.iter().filter_map(|authority| X509Certificate::from_der(authority).ok());
        let issuer = authorities.map(|(_, authority)| authority).find(|authority| {
            authority.subject() == certificate.issuer() && self.has_signed(authority.public_key(), der)
        });
        let issuer = issuer.ok_or(CertificateError::UnknownIssuer)?;
        let validity = certificate.validity();
        if !self.ignores_dates && now < unix_time(validity.not_before.timestamp()) {
            return Err(CertificateError::NotValidYet);
        }
        if !self.ignores_dates && now > unix_time(validity.not_after.timestamp()) {
            return Err(CertificateError::Expired);
        }
        self.revocations.as_deref().map_or(Ok(()), |lists| self.look_up(lists, certificate, &issuer, now))
    }

    /// Looks for a certificate in the list of its issuer.
    fn look_up(
        &self,
        lists: &[CertificateRevocationListDer<'_>],
        certificate: &X509Certificate<'_>,
        issuer: &X509Certificate<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateError> {
        let parsed =
            lists.iter().filter_map(|der| Some((der, CertificateRevocationList::from_der(der).ok()?.1)));
        let list = parsed
            .filter(|(der, list)| {
                list.issuer() == issuer.subject() && self.has_signed(issuer.public_key(), der)
            })
            .map(|(_, list)| list)
            // A list for some kinds of certificates only says nothing for sure.
            .find(|list| list.extensions().iter().all(|it| it.oid != OID_X509_EXT_ISSUER_DISTRIBUTION_POINT));
        let list = list.ok_or(CertificateError::UnknownRevocationStatus)?;
        if list.next_update().is_none_or(|until| unix_time(until.timestamp()) < now) {
            return Err(CertificateError::ExpiredRevocationList);
        }
        let serial = certificate.raw_serial();
        if list.iter_revoked_certificates().any(|revoked| revoked.raw_serial() == serial) {
            return Err(CertificateError::Revoked);
        }
        Ok(())
    }

    /// Whether the signature of a certificate or list has been made with a key.
    fn has_signed(&self, key: &SubjectPublicKeyInfo<'_>, der: &[u8]) -> bool {
        let (Some(signed), Some(key_algorithm)) = (Signed::read(der), algorithm(key)) else { return false };
        self.algorithms.all.iter().any(|known| {
            *known.public_key_alg_id() == *key_algorithm
                && *known.signature_alg_id() == *signed.algorithm
                && known
                    .verify_signature(&key.subject_public_key.data, signed.content, signed.signature)
                    .is_ok()
        })
    }
}

impl ClientCertVerifier for AlsoVersion1 {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match version1(end_entity) {
            Some(certificate) => {
                self.judge(end_entity, &certificate, now)?;
                Ok(ClientCertVerified::assertion())
            }
            None => self.others.verify_client_cert(end_entity, intermediates, now),
        }
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.others.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Some(certificate) = version1(certificate) else {
            return self.others.verify_tls12_signature(message, certificate, signature);
        };
        let key = certificate.public_key();
        let offered = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signature.scheme);
        let (_, possible) = offered.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        let is_good = possible.iter().any(|known| {
            algorithm(key).is_some_and(|algorithm| *known.public_key_alg_id() == *algorithm)
                && known
                    .verify_signature(&key.subject_public_key.data, message, signature.signature())
                    .is_ok()
        });
        if is_good {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match version1(certificate) {
            Some(certificate) => {
                let key = SubjectPublicKeyInfoDer::from(certificate.public_key().raw);
                verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
            }
            None => self.others.verify_tls13_signature(message, certificate, signature),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.others.supported_verify_schemes()
    }
}

/// A certificate, if it is of version 1.
fn version1<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    (rest.is_empty() && certificate.version() == X509Version::V1).then_some(certificate)
}

/// The content of the `AlgorithmIdentifier` of a key, which says what it is for.
fn algorithm<'a>(key: &SubjectPublicKeyInfo<'a>) -> Option<&'a [u8]> {
    let (_, whole) = Any::from_der(key.raw).ok()?;
    let (_, algorithm) = Any::from_der(whole.data).ok()?;
    Some(algorithm.data)
}

/// What certificates and lists have in common: content, how it is signed, and the signature.
struct Signed<'a> {
    content: &'a [u8],
    /// The content of the `AlgorithmIdentifier`.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (_, whole) = Any::from_der(der).ok()?;
        let (behind, _) = Any::from_der(whole.data).ok()?;
        let content = whole.data.strip_suffix(behind)?;
        let (behind, algorithm) = Any::from_der(behind).ok()?;
        let (_, signature) = Any::from_der(behind).ok()?;
        // A bit string tells first how many bits of its last byte do not count.
        let signature = signature.data.strip_prefix(&[0])?;
        Some(Self { content, algorithm: algorithm.data, signature })
    }
}
