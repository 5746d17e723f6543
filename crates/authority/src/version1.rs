//! Certificates of version 1, which rcgen does not make: those of version 3 without what came later, signed again.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{KeyPair, SigningKey};

/// The tags of what version 1 does not have: the version itself, and extensions.
const LATER: [u8; 2] = [0xA0, 0xA3];

/// A certificate as one of version 1.
pub(crate) fn signed_again(certificate: &[u8], key: &KeyPair) -> Vec<u8> {
    let parts = elements(content(certificate));
    let kept: Vec<&[u8]> =
        elements(content(parts[0])).into_iter().filter(|part| !LATER.contains(&part[0])).collect();
    let to_be_signed = element(0x30, &kept.concat());
    let signature = key.sign(&to_be_signed).expect("a signature");
    let signature = element(0x03, &[&[0], signature.as_slice()].concat());
    element(0x30, &[&to_be_signed, parts[1], &signature].concat())
}

/// A certificate as text.
pub(crate) fn pem(der: &[u8]) -> String {
    let lines = der.chunks(48).map(|chunk| BASE64_STANDARD.encode(chunk) + "\n");
    format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", lines.collect::<String>())
}

/// The elements of DER that follow one another.
fn elements(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        let (before, len) = head(bytes);
        let (element, rest) = bytes.split_at(before + len);
        elements.push(element);
        bytes = rest;
    }
    elements
}

fn content(element: &[u8]) -> &[u8] {
    &element[head(element).0..]
}

/// How many bytes stand before the content of an element, and how many are in it.
fn head(element: &[u8]) -> (usize, usize) {
    let first = usize::from(element[1]);
    if first < 0x80 {
        return (2, first);
    }
    let bytes = &element[2..2 + (first - 0x80)];
    (2 + bytes.len(), bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)))
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).expect("less than 64 KiB").to_be_bytes();
    let head = match len {
        [0, len @ ..0x80] => vec![tag, len],
        [0, len] => vec![tag, 0x81, len],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head.as_slice(), content].concat()
}
