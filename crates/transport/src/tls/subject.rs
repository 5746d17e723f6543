//! The name in a certificate, as text.

use core::fmt::Write;

use x509_parser::asn1_rs::{Any, Oid, Tag, ToDer};
use x509_parser::der_parser::oid;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

use crate::introduction::Certificate;

/// What a certificate says of its owner. Of one that cannot be read, nothing.
pub(super) fn describe(der: &[u8], is_verified: bool) -> Certificate {
    let (common_name, subject) = match X509Certificate::from_der(der) {
        Ok((_, certificate)) => (common_name(certificate.subject()), Some(rfc2253(certificate.subject()))),
        Err(_) => (None, None),
    };
    Certificate { common_name, subject, is_verified }
}

/// The first Common Name, if it is text without U+0000. As in Mosquitto, it is the bytes themselves that have to be UTF-8,
/// whatever kind of text the certificate calls them, as long as that has one byte for a character.
fn common_name(name: &X509Name<'_>) -> Option<String> {
    let value = name.iter_common_name().next()?.attr_value();
    let text = match Alphabet::of(value.tag())? {
        Alphabet::Bytes => str::from_utf8(value.data).ok().map(str::to_owned),
        alphabet => alphabet.decode(value.data),
    };
    text.filter(|text| !text.contains('\0'))
}

/// The whole name in the form of RFC 2253, with the freedoms that OpenSSL takes (`-nameopt RFC2253`): the last part
/// comes first, what is not ASCII is escaped byte by byte.
fn rfc2253(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    for (number, part) in name.iter_rdn().collect::<Vec<_>>().into_iter().rev().enumerate() {
        for (place, attribute) in part.iter().collect::<Vec<_>>().into_iter().rev().enumerate() {
            if place > 0 {
                out.push('+');
            } else if number > 0 {
                out.push(',');
            }
            let value = attribute.attr_value();
            if let Some(short) = short_name(attribute.attr_type()) {
                out.push_str(short);
                out.push('=');
                match text(value) {
                    Some(text) => escape(&text, &mut out),
                    None => dump(value, &mut out),
                }
            } else {
                out.push_str(&attribute.attr_type().to_id_string());
                out.push('=');
                dump(value, &mut out);
            }
        }
    }
    out
}

/// The text of a value, if it is of a kind that holds text.
fn text(value: &Any<'_>) -> Option<String> {
    Alphabet::of(value.tag())?.decode(value.data)
}

/// How a kind of text has its characters, in the view of OpenSSL.
#[derive(Clone, Copy)]
enum Alphabet {
    Utf8,
    /// One byte each: the first 256 of Unicode.
    Bytes,
    /// Two bytes each.
    Utf16,
    /// Four bytes each.
    Utf32,
}

impl Alphabet {
    const fn of(tag: Tag) -> Option<Self> {
        match tag {
            Tag::Utf8String => Some(Self::Utf8),
            Tag::PrintableString
            | Tag::NumericString
            | Tag::Ia5String
            | Tag::T61String
            | Tag::VisibleString
            | Tag::UtcTime
            | Tag::GeneralizedTime => Some(Self::Bytes),
            Tag::BmpString => Some(Self::Utf16),
            Tag::UniversalString => Some(Self::Utf32),
            _ => None,
        }
    }

    fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Bytes => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Utf16 => {
                let (units, rest) = bytes.as_chunks::<2>();
                let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
                String::from_utf16(&units).ok().filter(|_| rest.is_empty())
            }
            Self::Utf32 => {
                let (units, rest) = bytes.as_chunks::<4>();
                let text: Option<String> =
                    units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit))).collect();
                text.filter(|_| rest.is_empty())
            }
        }
    }
}

fn escape(text: &str, out: &mut String) {
    let last = text.len().saturating_sub(1);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => out.extend(['\\', char::from(byte)]),
            b' ' if at == 0 || at == last => out.push_str("\\ "),
            b'#' if at == 0 => out.push_str("\\#"),
            0x20..0x7F => out.push(char::from(byte)),
            _ => hex(b"\\", &[byte], out),
        }
    }
}

/// A value of which no text is known, as its encoding.
fn dump(value: &Any<'_>, out: &mut String) {
    out.push('#');
    hex(b"", &value.to_der_vec().unwrap_or_default(), out);
}

fn hex(before_each: &[u8], bytes: &[u8], out: &mut String) {
    for byte in bytes {
        out.extend(before_each.iter().map(|byte| char::from(*byte)));
        // Writing into a String does not fail.
        let _ = write!(out, "{byte:02X}");
    }
}

/// The short name that OpenSSL has for a kind of attribute.
fn short_name(kind: &Oid<'_>) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| known == kind).map(|(_, name)| *name)
}

static NAMES: [(Oid<'static>, &str); 30] = [
    (oid!(2.5.4.3), "CN"),
    (oid!(2.5.4.4), "SN"),
    (oid!(2.5.4.5), "serialNumber"),
    (oid!(2.5.4.6), "C"),
    (oid!(2.5.4.7), "L"),
    (oid!(2.5.4.8), "ST"),
    (oid!(2.5.4.9), "street"),
    (oid!(2.5.4.10), "O"),
    (oid!(2.5.4.11), "OU"),
    (oid!(2.5.4.12), "title"),
    (oid!(2.5.4.13), "description"),
    (oid!(2.5.4.15), "businessCategory"),
    (oid!(2.5.4.16), "postalAddress"),
    (oid!(2.5.4.17), "postalCode"),
    (oid!(2.5.4.20), "telephoneNumber"),
    (oid!(2.5.4.41), "name"),
    (oid!(2.5.4.42), "GN"),
    (oid!(2.5.4.43), "initials"),
    (oid!(2.5.4.44), "generationQualifier"),
    (oid!(2.5.4.45), "x500UniqueIdentifier"),
    (oid!(2.5.4.46), "dnQualifier"),
    (oid!(2.5.4.65), "pseudonym"),
    (oid!(2.5.4.97), "organizationIdentifier"),
    (oid!(0.9.2342.19200300.100.1.1), "UID"),
    (oid!(0.9.2342.19200300.100.1.25), "DC"),
    (oid!(1.2.840.113549.1.9.1), "emailAddress"),
    (oid!(1.2.840.113549.1.9.2), "unstructuredName"),
    (oid!(1.3.6.1.4.1.311.60.2.1.1), "jurisdictionL"),
    (oid!(1.3.6.1.4.1.311.60.2.1.2), "jurisdictionST"),
    (oid!(1.3.6.1.4.1.311.60.2.1.3), "jurisdictionC"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    fn described(pem: &str) -> Certificate {
        describe(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap(), true)
    }

    /// Certificates made by OpenSSL, and what `openssl x509 -subject -nameopt RFC2253` prints of them.
    macro_rules! subjects {
        ($($name:ident: $common_name:expr,)*) => {
            $(
                #[test]
                fn $name() {
                    let pem = include_str!(concat!("subjects/", stringify!($name), ".pem"));
                    let text = include_str!(concat!("subjects/", stringify!($name), ".txt"));
                    let certificate = described(pem);
                    assert_eq!(certificate.subject.as_deref(), Some(text.trim_end()));
                    assert_eq!(certificate.common_name.as_deref(), $common_name);
                }
            )*
        };
    }

    subjects! {
        plain: Some("test client"),
        odd: Some("first"),
        wide: Some("plain ☃ bmp"),
        latin: None,
    }

    #[test]
    fn bytes_that_are_no_certificate_say_nothing() {
        assert_eq!(describe(b"\x30\x03\x02\x01", false), Certificate::default());
    }
}
