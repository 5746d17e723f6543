//! Certificates of version 1, which rustls does not take.
//!
//! They have no extensions, and so no alternative names. `openssl x509 -req` made such ones for decades unless it was told
//! otherwise, so many private servers have them.

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use tokio_rustls::rustls::pki_types::{SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, RootCertStore};

use super::der::{BIT_STRING, INTEGER, SEQUENCE, value};
use super::validity;

/// What there is in a certificate of version 1. The contents of values stand without their tags.
pub(super) struct Version1<'a> {
    /// What is signed, with its tag.
    signed: &'a [u8],
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
    issuer: &'a [u8],
    validity: &'a [u8],
    /// The public key with its tag.
    key: &'a [u8],
}

impl<'a> Version1<'a> {
    /// Reads a certificate; `None` if it is of another version.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let (whole, _) = value(der, SEQUENCE)?;
        let (fields, behind) = value(whole, SEQUENCE)?;
        let signed = whole.strip_suffix(behind)?;
        let (signature_algorithm, behind) = value(behind, SEQUENCE)?;
        let (signature, _) = bits(behind)?;
        // The version would stand before the serial number.
        let (_, fields) = value(fields, INTEGER)?;
        let (_, fields) = value(fields, SEQUENCE)?;
        let (issuer, fields) = value(fields, SEQUENCE)?;
        let (validity, fields) = value(fields, SEQUENCE)?;
        let (_, fields) = value(fields, SEQUENCE)?;
        let (_, rest) = value(fields, SEQUENCE)?;
        let key = fields.strip_suffix(rest)?;
        Some(Self { signed, signature_algorithm, signature, issuer, validity, key })
    }

    /// Accepts it if an authority that is trusted has signed it, and it is valid at this time.
    pub(super) fn judge(
        &self,
        roots: &RootCertStore,
        algorithms: &WebPkiSupportedAlgorithms,
        now: UnixTime,
    ) -> Result<(), CertificateError> {
        let has_signed = |root: &&TrustAnchor<'_>| {
            root.subject.as_ref() == self.issuer
                && root.name_constraints.is_none()
                && Key::read(&root.subject_public_key_info)
                    .is_some_and(|key| self.is_signed_by(&key, algorithms))
        };
        roots.roots.iter().find(has_signed).ok_or(CertificateError::UnknownIssuer)?;
        validity::judge(self.validity, now)
    }

    fn is_signed_by(&self, key: &Key<'_>, algorithms: &WebPkiSupportedAlgorithms) -> bool {
        algorithms.all.iter().any(|known| {
            *known.public_key_alg_id() == *key.algorithm
                && *known.signature_alg_id() == *self.signature_algorithm
                && known.verify_signature(key.bits, self.signed, self.signature).is_ok()
        })
    }

    /// Whether who shows the certificate has its key, in TLS 1.2.
    pub(super) fn verify_tls12(
        &self,
        message: &[u8],
        signature: &DigitallySignedStruct,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<HandshakeSignatureValid, Error> {
        let offered = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signature.scheme);
        let (_, possible) = offered.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        let key = value(self.key, SEQUENCE).and_then(|(key, _)| Key::read(key));
        let is_good = key.is_some_and(|key| {
            possible.iter().any(|known| {
                *known.public_key_alg_id() == *key.algorithm
                    && known.verify_signature(key.bits, message, signature.signature()).is_ok()
            })
        });
        if is_good {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    /// The same in TLS 1.3.
    pub(super) fn verify_tls13(
        &self,
        message: &[u8],
        signature: &DigitallySignedStruct,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(self.key);
        verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
    }
}

/// A public key, and what it is for.
struct Key<'a> {
    algorithm: &'a [u8],
    bits: &'a [u8],
}

impl<'a> Key<'a> {
    /// Reads the content of a `SubjectPublicKeyInfo`.
    fn read(info: &'a [u8]) -> Option<Self> {
        let (algorithm, behind) = value(info, SEQUENCE)?;
        let (bits, _) = bits(behind)?;
        Some(Self { algorithm, bits })
    }
}

/// The bytes of a bit string with whole bytes, and what follows it.
fn bits(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, rest) = value(bytes, BIT_STRING)?;
    Some((content.strip_prefix(&[0])?, rest))
}
