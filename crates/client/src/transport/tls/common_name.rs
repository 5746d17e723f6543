//! The Common Name of a certificate (X.509, RFC 5280), read from its DER.
//!
//! Only as much is read as it takes to get there. The certificate was checked before.

use super::der::{
    IA5_STRING, INTEGER, OBJECT_IDENTIFIER, PRINTABLE_STRING, SEQUENCE, SET, UTF8_STRING, VERSION, value,
};

/// 2.5.4.3
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// The last Common Name of the subject, which is the most specific one.
pub(super) fn common_name(certificate: &[u8]) -> Option<&str> {
    let (certificate, _) = value(certificate, SEQUENCE)?;
    let (mut fields, _) = value(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = value(fields, VERSION)?.1;
    }
    // Serial number, signature algorithm, issuer and validity come before the subject.
    for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE] {
        fields = value(fields, tag)?.1;
    }
    let (mut subject, _) = value(fields, SEQUENCE)?;
    let mut found = None;
    while !subject.is_empty() {
        let (mut names, rest) = value(subject, SET)?;
        subject = rest;
        while !names.is_empty() {
            let (attribute, rest) = value(names, SEQUENCE)?;
            names = rest;
            let (kind, text) = value(attribute, OBJECT_IDENTIFIER)?;
            if kind == COMMON_NAME {
                found = string(text);
            }
        }
    }
    found
}

fn string(bytes: &[u8]) -> Option<&str> {
    match *bytes.first()? {
        tag @ (UTF8_STRING | PRINTABLE_STRING | IA5_STRING) => {
            core::str::from_utf8(value(bytes, tag)?.0).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn certificate(names: &[(DnType, &str)]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, name) in names {
            params.distinguished_name.push(kind.clone(), *name);
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_common_name_is_found_among_others() {
        let der = certificate(&[
            (DnType::CountryName, "GB"),
            (DnType::OrganizationName, "Örg"),
            (DnType::CommonName, "localhost"),
        ]);
        assert_eq!(common_name(&der), Some("localhost"));
        assert_eq!(common_name(&certificate(&[(DnType::OrganizationName, "x")])), None);
    }

    #[test]
    fn bytes_that_are_no_certificate_are_no_panic() {
        let der = certificate(&[(DnType::CommonName, "localhost")]);
        for end in 0..der.len() {
            common_name(&der[..end]);
        }
        for place in 0..der.len().min(200) {
            for bit in 0..8 {
                let mut changed = der.clone();
                changed[place] ^= 1 << bit;
                common_name(&changed);
            }
        }
    }
}
