//! Certificates of version 1, which rustls does not take.
//!
//! They have no extensions, and so no alternative names. `openssl x509 -req` made such ones for decades unless it was told
//! otherwise, so many private servers have them.

use core::time::Duration;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use tokio_rustls::rustls::pki_types::{SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, RootCertStore};

use super::der::{BIT_STRING, GENERALIZED_TIME, INTEGER, SEQUENCE, UTC_TIME, value};

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
        let (begin, rest) = time(self.validity).ok_or(CertificateError::BadEncoding)?;
        let (end, _) = time(rest).ok_or(CertificateError::BadEncoding)?;
        if now < begin {
            return Err(CertificateError::NotValidYet);
        }
        if now > end {
            return Err(CertificateError::Expired);
        }
        Ok(())
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

/// A time, and what follows it. What was before 1970 counts as then.
fn time(bytes: &[u8]) -> Option<(UnixTime, &[u8])> {
    let (year, text, rest) = if let Some((text, rest)) = value(bytes, UTC_TIME) {
        let (year, text) = number(text, 2)?;
        // Two digits are of 1950 to 2049 (RFC 5280, 4.1.2.5.1).
        (if year < 50 { 2000 + year } else { 1900 + year }, text, rest)
    } else {
        let (text, rest) = value(bytes, GENERALIZED_TIME)?;
        let (year, text) = number(text, 4)?;
        (year, text, rest)
    };
    let (month, text) = number(text, 2)?;
    let (day, text) = number(text, 2)?;
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text, 2)?;
    let (second, text) = number(text, 2)?;
    if text != b"Z" || !(1..=12).contains(&month) {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some((UnixTime::since_unix_epoch(Duration::from_secs(seconds.try_into().unwrap_or(0))), rest))
}

/// A number of so many digits, and what follows it.
fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(digits)?;
    digits
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| (digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')), rest))
}

/// Days from the first of January 1970 to a day. Years are counted from March on, so that a leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_month = (month * 153 + 2) / 5;
    year * 365 + year / 4 - year / 100 + year / 400 + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(tag: u8, text: &str) -> Option<u64> {
        let mut bytes = vec![tag, u8::try_from(text.len()).unwrap()];
        bytes.extend(text.bytes());
        time(&bytes).map(|(time, _)| time.as_secs())
    }

    #[test]
    fn times_are_seconds_since_1970() {
        assert_eq!(seconds(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(seconds(UTC_TIME, "500101000000Z"), Some(0));
        assert_eq!(seconds(UTC_TIME, "000229235959Z"), Some(951_868_799));
        assert_eq!(seconds(UTC_TIME, "261125220000Z"), Some(1_795_644_000));
        assert_eq!(seconds(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(seconds(GENERALIZED_TIME, "21000301000000Z"), Some(4_107_542_400));
        for wrong in ["", "7001010000Z", "70010100000Z", "700101000000", "701301000000Z", "70 101000000Z"] {
            assert_eq!(seconds(UTC_TIME, wrong), None, "{wrong}");
        }
    }
}
